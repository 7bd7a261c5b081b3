"""A cache that the interpreters of a process have in common: bounded, with an age, and computed in any of them.

    python examples/shared_cache.py

Two generations stand in for an order of use: what was stored or asked for lately is young, what was before is old, and
at each turn the old ones go and the young ones take their place. Each map changes atomically; no step takes a lock.
Interpreters in parallel need Python 3.14; before that the workers are threads.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

from frozen import Cache, SharedAtomicMap

Maps = tuple[SharedAtomicMap[Any, Any], SharedAtomicMap[Any, Any], SharedAtomicMap[str, int]]


class SharedCache:
    """Over maps that all interpreters were given: at most twice `size` entries, and those of threads that store now."""

    def __init__(self, maps: Maps, size: int, seconds: float = math.inf) -> None:
        self.young, self.old, self.counts = maps
        self.size, self.seconds = size, seconds
        self.computing: Cache[Any, Any] = Cache(maxsize=0)  # keeps nothing: it lets one thread here compute a key

    def get_or_compute(self, key: Any, fn: Callable[..., Any], *args: Any) -> Any:
        """What is shared, or else computed: once in each interpreter at most, for all of its threads."""
        found = self.find(key)
        return self.computing.get_or_compute(key, self.compute, key, fn, *args) if found is None else found[0]

    def find(self, key: Any) -> tuple[Any, float] | None:
        found = self.young.get(key)
        is_old = found is None
        if is_old:
            found = self.old.get(key)
        if found is None or found[1] <= time.monotonic():
            return None
        if is_old:
            self.store(key, found)
        return found

    def compute(self, key: Any, fn: Callable[..., Any], *args: Any) -> Any:
        found = self.find(key)  # another thread or interpreter may have been faster
        if found is None:
            found = fn(*args), time.monotonic() + self.seconds
            self.store(key, found)
        return found[0]

    def store(self, key: Any, entry: tuple[Any, float]) -> None:
        is_new = self.young.exchange(key, entry) is None
        if is_new and self.counts.add("stored") % self.size == 0:  # exactly one of those who store meanwhile
            self.old.replace(self.young.drain())


def work(maps: Maps, turns: int = 20_000) -> tuple[int, int]:
    """Ask for squares; return how often that was, and how many were computed here."""
    computed = 0

    def square(n: int) -> int:
        nonlocal computed
        computed += 1
        return n * n

    cache = SharedCache(maps, size=500)
    for turn in range(turns):
        n = turn * turn % 1009
        assert cache.get_or_compute(n, square, n) == n * n
    return turns, computed


def main() -> None:
    if sys.version_info >= (3, 14):
        from concurrent.futures import InterpreterPoolExecutor as Pool
    else:
        from concurrent.futures import ThreadPoolExecutor as Pool
    maps = SharedAtomicMap[Any, Any](), SharedAtomicMap[Any, Any](), SharedAtomicMap[str, int]()
    with Pool(2) as pool:
        for asked, computed in [job.result() for job in [pool.submit(work, maps) for _ in range(2)]]:
            print(f"asked {asked} times, computed {computed}")
    print(f"{len(maps[0])} young and {len(maps[1])} old entries")


if __name__ == "__main__":
    main()
