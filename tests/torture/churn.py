"""Memory over hours: what threads put into atomic maps and take out again leaves nothing behind.

Each round is the same amount of work: three threads insert, replace, add, delete and take snapshots, over keys of which
an ever other part is there, in an AtomicMap, a SharedAtomicMap and a Cache. After it the maps are emptied, and the
nodes and blocks of shared memory that live are counted: exactly as many as before. The process may not grow: its
memory after the last rounds is compared with that after the first ones. `--seconds 7200` is a run that says something;
a short one counts the nodes.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from pathlib import Path
from typing import Any

from support import run_threads

from frozen import AtomicMap, Cache, SharedAtomicMap, _core

KEYS, THREADS, OPERATIONS = 20_000, 3, 20_000
WARM = 10  # rounds, until allocators have what they need
GROWTH, SLACK = 1.1, 8 << 20  # how much more memory is no finding: of what there was, and bytes


def value_of(source: random.Random, shared: bool) -> Any:
    kind = source.randrange(4)
    if kind == 0:
        return source.randrange(1 << 40)
    if kind == 1:
        return f"value {source.randrange(1 << 40)}"
    return (source.randrange(100), "of a pair") if shared or kind == 2 else [source.randrange(100)]


def churn(maps: list[Any], cache: Any, source: random.Random) -> None:
    first = source.randrange(KEYS)
    for _ in range(OPERATIONS // THREADS):
        key = f"key {(first + source.randrange(KEYS // 4)) % KEYS}"
        m = source.choice(maps)
        kind = source.random()
        if kind < 0.5:
            m[key] = value_of(source, isinstance(m, SharedAtomicMap))
        elif kind < 0.8:
            m.pop(key, None)
        elif kind < 0.9:
            m.add(("count", source.randrange(500)))
        elif kind < 0.99:
            cache[key] = value_of(source, False)
        else:
            snapshot = m.snapshot()
            assert len(snapshot) == sum(1 for _ in snapshot)


def memory() -> int:
    """Bytes of this process that are in memory; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def finding(used: list[int]) -> str | None:
    """What is wrong with the memory after each round: the least of the last third against the least of the first."""
    used = used[WARM:]
    if len(used) < 3 * WARM:
        return None
    third = len(used) // 3
    before, after = min(used[:third]), min(used[-third:])
    if after <= before * GROWTH + SLACK:
        return None
    return f"the process has grown from {before:,} to {after:,} bytes in {len(used)} rounds"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.churn", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    print(f"churn: seed {options.seed}", flush=True)
    source = random.Random(options.seed)
    maps: list[Any] = [AtomicMap(), SharedAtomicMap()]
    cache: Any = Cache(1_000)
    blocks = _core._live_shared_nodes()
    used: list[int] = []
    until = time.monotonic() + options.seconds
    while not used or time.monotonic() < until:
        seeds = [source.random() for _ in range(THREADS)]
        run_threads(*(lambda seed=seed: churn(maps, cache, random.Random(seed)) for seed in seeds))
        for m in maps:
            _core._check(m.drain())
            assert len(m) == 0
        gc.collect()
        left = _core._live_shared_nodes() - blocks
        if left:
            print(f"{left} blocks of shared memory are left after round {len(used)}", flush=True)
            return 1
        used.append(memory())
    found = finding(used)
    print(f"{len(used)} rounds, {used[0]:,} bytes after the first, {used[-1]:,} after the last", flush=True)
    if found:
        print(found, flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
