"""Cache with keys, values and functions that change it from within, and under several threads.

One case in two has hostile objects: the process has to live, and what the cache holds weighs no more than it may. One
lets threads loose on few keys: a value that comes out belongs to its key, and each that went in leaves once.
"""

from __future__ import annotations

import contextlib
import gc
import random
import sys
from collections.abc import Callable
from typing import Any

from support import run_threads

from frozen import Cache, cached
from torture import harness

HASHES = (0, 1, 32, 1 << 10, -1 << 60)


class Clock:
    """Seconds that only go on when they are looked at."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


# ---- hostile objects ----


class Stage:
    """The cache of the case, and how deep hostile code is inside of hostile code."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.depth = 0
        self.calm = False
        self.cache = self.draw()

        @cached(maxsize=5)
        def function(key: Any) -> Any:
            self.misbehave()
            return key

        self.function = function

    def draw(self) -> Cache[Any, Any]:
        self.maxsize = self.source.randrange(1, 12)
        options: dict[str, Any] = {"on_evict": lambda key, value, reason: self.misbehave()}
        match self.source.randrange(4):
            case 0:
                options["weigh"] = lambda value: self.misbehave() or self.source.randrange(4)
            case 1:
                options["ttl"] = lambda value: self.misbehave() or self.source.choice((None, 0.5, 100))
            case 2:
                options["ttl"] = 1
        return Cache(self.maxsize, _clock=Clock(), **options)

    def misbehave(self) -> None:
        if self.calm or self.depth > 2 or self.source.randrange(4):
            return
        self.depth += 1
        try:
            self.act()
        finally:
            self.depth -= 1

    def one(self) -> Any:
        drawn = Hostile(self, self.source.choice(HASHES), self.source.randrange(5))
        return self.source.choice((drawn, drawn, (drawn, 1), self.source.randrange(9), "text"))

    def act(self) -> None:
        cache, one = self.cache, self.one
        actions: tuple[Callable[[], Any], ...] = (
            lambda: cache[one()],
            lambda: cache.get(one()),
            lambda: one() in cache,
            lambda: cache.__setitem__(one(), one()),
            lambda: cache.__setitem__(one(), one()),
            lambda: cache.set(one(), one(), ttl=self.source.choice((None, 0, 0.5, 10))),
            lambda: cache.__delitem__(one()),
            lambda: cache.delete(one()),
            lambda: cache.pop(one(), None),
            lambda: cache.pop(one()),
            lambda: cache.get_or_compute(one(), self.computed),
            lambda: cache.get_or_compute(one(), self.computed),
            lambda: self.function(one()),
            self.function.cache_clear,
            lambda: cache.resize(self.source.randrange(1, 12)),
            lambda: (cache.snapshot(), list(cache), len(cache), repr(cache), cache.stats()),
            cache.clear,
            gc.collect,
            raise_deliberately,
        )
        self.source.choice(actions)()

    def computed(self) -> Any:
        self.misbehave()
        return self.one()


class Hostile:
    """A key and a value. What it is asked for acts on the cache first, now and then."""

    def __init__(self, stage: Stage, hash: int, name: int) -> None:
        self.stage, self.hash, self.name = stage, hash, name

    def __hash__(self) -> int:
        self.stage.misbehave()
        return self.hash

    def __eq__(self, other: object) -> bool:
        self.stage.misbehave()
        return isinstance(other, Hostile) and other.name == self.name

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.stage.misbehave()


def raise_deliberately() -> None:
    raise ValueError("on purpose")


def bear_hostile_objects(case: harness.Case) -> None:
    stage = Stage(case.random("start"))
    for step in case.steps:
        stage.source = case.random(step)
        case.note(step, "hostile")
        with contextlib.suppress(ValueError, LookupError, RuntimeError, TypeError):
            stage.act()
        assert stage.cache.weight <= stage.cache.maxsize, "heavier than it may be"
    stage.calm = True
    stage.cache.clear()
    stage.function.cache_clear()
    assert stage.cache.weight == 0


# ---- threads ----


def race(case: harness.Case) -> None:
    """Each value names its key, and is reported once when it goes; one that its key outran is computed in vain."""
    gone: list[tuple[int, int]] = []
    computed: set[tuple[int, int]] = set()
    cache: Cache[int, tuple[int, int]] = Cache(16, on_evict=lambda key, value, reason: gone.append(value))
    put: list[list[tuple[int, int]]] = [[], [], []]

    def work(me: int) -> None:
        source = case.random(f"thread {me}")
        for number in range(me, 3 * 300, 3):
            key = source.randrange(40)
            match source.randrange(6):
                case 0 | 1:
                    put[me].append((key, number))
                    cache[key] = (key, number)
                case 2 | 3:
                    found = cache.get(key, (key, 0))
                    assert found[0] == key, "the value of another key"
                case 4:
                    found = cache.pop(key, (key, 0))
                    assert found[0] == key, "the value of another key"
                case 5:
                    made = (key, number)
                    found = cache.get_or_compute(key, lambda made=made: computed.add(made) or made)
                    assert found[0] == key, "the value of another key"
            assert len(cache) <= 16, "more than it may hold"

    run_threads(*[lambda me=me: work(me) for me in range(3)])
    cache._check()
    cache.clear()
    stored = {pair for one in put for pair in one}
    assert len(gone) == len(set(gone)), "a value was reported twice"
    assert stored <= set(gone) <= stored | computed, "a value was not reported"


def run_case(case: harness.Case) -> None:
    (bear_hostile_objects, race)[case.number % 2](case)


def silent(unraisable: Any) -> None:
    """Finalizers and callbacks raise on purpose here."""


if __name__ == "__main__":
    sys.unraisablehook = silent
    sys.exit(harness.main(run_case, steps=200))
