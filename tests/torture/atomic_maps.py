"""AtomicMap against a dict; with keys, values and functions that change the map from within; under several threads.

One case in three is a differential run, in one thread. One has hostile objects: the process has to live, and every
snapshot to be in order and never to change. One lets threads loose on few keys, and counts what came out.
"""

from __future__ import annotations

import contextlib
import gc
import random
import sys
from collections.abc import Callable
from typing import Any

from support import run_threads

from frozen import ABSENT, AtomicMap, Map, SharedAtomicMap, _core
from torture import harness
from torture.worlds import draw_key, draw_value, same

HASHES = (0, 1, 32, 1 << 10, -1 << 60, 5)


# ---- against a dict ----


def outcome(action: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "returns", action()
    except (TypeError, LookupError, ValueError) as error:
        return "raises", type(error)


def exchange(model: dict[Any, Any], key: Any, value: Any) -> Any:
    before = model.get(key)
    model[key] = value
    return before


def replaced(model: dict[Any, Any], key: Any, value: Any) -> Any:
    model[key] = value
    return value


def swap(model: dict[Any, Any], key: Any, expected: Any, value: Any) -> bool:
    current = model.get(key, ABSENT)
    if current is not expected:
        return False
    if value is ABSENT:
        model.pop(key, None)
    else:
        model[key] = value
    return True


def renew(model: dict[Any, Any], contents: dict[Any, Any]) -> dict[Any, Any]:
    before = model.copy()
    model.clear()
    model.update(contents)
    return before


def pair_of(old: Any, value: Any) -> tuple[Any, Any]:
    return (None if old is ABSENT else type(old).__name__, value)


def follow(source: random.Random, m: Any, model: dict[Any, Any]) -> tuple[str, Any, Any]:
    """One random operation: its name, and what it does to the map and to the model."""
    shared = isinstance(m, SharedAtomicMap)
    key, value, more = draw_key(source, shared), draw_value(source, shared), draw_value(source, shared)
    if model and source.randrange(2):
        key = source.choice(list(model))
    current = model.get(key, ABSENT)
    some = {draw_key(source, shared): number for number in range(source.randrange(70))}
    operations: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "[]": (lambda: m[key], lambda: model[key]),
        "get": (lambda: m.get(key, more), lambda: model.get(key, more)),
        "in": (lambda: key in m, lambda: key in model),
        "[]=": (lambda: m.__setitem__(key, value), lambda: model.__setitem__(key, value)),
        "del": (lambda: m.__delitem__(key), lambda: model.__delitem__(key)),
        "setdefault": (lambda: m.setdefault(key, value), lambda: model.setdefault(key, value)),
        "pop": (lambda: m.pop(key), lambda: model.pop(key)),
        "pop default": (lambda: m.pop(key, more), lambda: model.pop(key, more)),
        "exchange": (lambda: m.exchange(key, value), lambda: exchange(model, key, value)),
        "compare_and_set": (
            lambda: m.compare_and_set(key, m.get(key, ABSENT), value),
            lambda: swap(model, key, current, value),
        ),
        "compare_and_set away": (
            lambda: m.compare_and_set(key, m.get(key, ABSENT), ABSENT),
            lambda: swap(model, key, current, ABSENT),
        ),
        "update": (
            lambda: m.update(key, pair_of, value),
            lambda: replaced(model, key, pair_of(current, value)),
        ),
        "update_all": (lambda: m.update_all(some), lambda: model.update(some)),
        "replace": (lambda: dict(m.replace(some)), lambda: renew(model, some)),
        "drain": (lambda: dict(m.drain()), lambda: renew(model, {})),
        "len": (lambda: len(m), lambda: len(model)),
    }
    weights = [1 if name in ("replace", "drain") else 12 for name in operations]
    name = source.choices(list(operations), weights)[0]
    return name, *operations[name]


def compare_with_dict(case: harness.Case, make: Callable[..., Any] = AtomicMap) -> None:
    m = make()
    model: dict[Any, Any] = {}
    kept: list[tuple[Any, dict[Any, Any]]] = []
    for step in case.steps:
        source = case.random(step)
        name, real, expected = follow(source, m, model)
        case.note(step, name)
        answer, right = outcome(real), outcome(expected)
        assert answer[0] == right[0], f"{answer!r}, but a dict {right!r}"
        assert same(answer[1], right[1]), f"{answer!r}, but a dict {right!r}"
        if source.randrange(8) == 0:
            kept.append((m.snapshot(), model.copy()))
            m = make(kept[-1][0]) if source.randrange(4) == 0 else m
    kept.append((m.snapshot(), model))
    for number, (snapshot, contents) in enumerate(kept):
        case.note("end", f"snapshot {number}")
        _core._check(snapshot)
        assert same(dict(snapshot), contents), "a snapshot has changed"


# ---- hostile objects ----


class Hostile:
    """A key, a value and a function. What it is asked for changes the map first, now and then."""

    stage: tuple[random.Random, AtomicMap[Any, Any]] | None = None
    depth = 0

    def __init__(self, hash: int, name: int) -> None:
        self.hash, self.name = hash, name

    def misbehave(self) -> None:
        if Hostile.stage is None or Hostile.depth > 2:
            return
        source, m = Hostile.stage
        if source.randrange(4):
            return
        Hostile.depth += 1
        try:
            act(source, m)
        finally:
            Hostile.depth -= 1

    def __hash__(self) -> int:
        self.misbehave()
        return self.hash

    def __eq__(self, other: object) -> bool:
        self.misbehave()
        return isinstance(other, Hostile) and other.name == self.name

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.misbehave()

    def __add__(self, other: object) -> Any:
        self.misbehave()
        return Hostile(self.hash, self.name + 1)

    __radd__ = __add__

    def __call__(self, *args: Any) -> Any:
        self.misbehave()
        return self if self.name else ABSENT

    def keys(self) -> Any:
        self.misbehave()
        return [Hostile(self.hash, number) for number in range(self.name)]

    def __getitem__(self, key: object) -> Any:
        self.misbehave()
        return key


def act(source: random.Random, m: AtomicMap[Any, Any]) -> Any:
    def one() -> Any:
        drawn = Hostile(source.choice(HASHES), source.randrange(4))
        return source.choice((drawn, drawn, (drawn, 1), source.randrange(9), "text"))

    actions: tuple[Callable[[], Any], ...] = (
        lambda: m[one()],
        lambda: m.__setitem__(one(), one()),
        lambda: m.__setitem__(one(), one()),
        lambda: m.__delitem__(one()),
        lambda: m.setdefault(one(), one()),
        lambda: m.pop(one(), None),
        lambda: m.exchange(one(), source.choice((one(), ABSENT))),
        lambda: m.compare_and_set(one(), one(), one()),
        lambda: m.update(one(), Hostile(0, source.randrange(2))),
        lambda: m.add(one(), one()),
        lambda: m.add(one()),
        lambda: m.count([one(), one()]),
        lambda: m.update_all(Hostile(source.choice(HASHES), 3)),
        lambda: m.replace({one(): 1}),
        m.drain,
        m.clear,
        lambda: _core._check(m.snapshot()),
        lambda: m == AtomicMap({one(): one()}),
        lambda: (repr(m), list(m), len(m)),
        lambda: watched(m, one),
        gc.collect,
        raise_deliberately,
    )
    weights = [1 if action in (m.drain, m.clear, gc.collect) else 8 for action in actions]
    return source.choices(actions, weights)[0]()


def raise_deliberately() -> None:
    raise ValueError("on purpose")


def watched(m: AtomicMap[Any, Any], one: Callable[[], Any]) -> None:
    with m.watch(lambda old, new: Hostile(0, 1).misbehave()):
        m[one()] = one()


def bear_hostile_objects(case: harness.Case) -> None:
    m: AtomicMap[Any, Any] = AtomicMap()
    kept: list[tuple[Map[Any, Any], list[Any]]] = []
    try:
        for step in case.steps:
            source = case.random(step)
            Hostile.stage = (source, m)
            case.note(step, "hostile")
            with contextlib.suppress(Exception):
                act(source, m)
            Hostile.stage = None
            if source.randrange(16) == 0:
                snapshot = m.snapshot()
                kept.append((snapshot, [*snapshot, *snapshot.values()]))
        for snapshot, contents in kept:
            _core._check(snapshot)
            now = [*snapshot, *snapshot.values()]
            assert len(now) == len(contents)
            assert all(a is b for a, b in zip(now, contents, strict=True))
    finally:
        Hostile.stage = None


# ---- threads ----


def race(case: harness.Case, make: Callable[..., Any] = AtomicMap) -> None:
    """Three threads change few keys; each number that went in comes out once, or is still there."""
    m = make()
    put: list[list[int]] = [[], [], []]
    out: list[list[int]] = [[], [], []]
    added = [0, 0, 0]

    def work(me: int) -> None:
        source = case.random(f"thread {me}")
        for number in range(me, 3 * 400, 3):
            key = source.randrange(40)
            match source.randrange(8):
                case 0 | 1 | 2:
                    before = m.exchange(key, number, ABSENT)
                    put[me].append(number)
                    out[me] += [before] if before is not ABSENT else []
                case 3:
                    before = m.pop(key, ABSENT)
                    out[me] += [before] if before is not ABSENT else []
                case 4 | 5:
                    m.add("sum", number)
                    added[me] += number
                case 6:
                    drained = m.drain() if number % 50 == 0 else Map()
                    out[me] += [value for name, value in drained.items() if name != "sum"]
                    added[me] -= drained.get("sum", 0)
                case 7:
                    snapshot = m.snapshot()
                    _core._check(snapshot)
                    assert len(snapshot) == len(list(snapshot))

    run_threads(*[lambda me=me: work(me) for me in range(3)])
    left = m.drain()
    assert sum(added) == left.get("sum", 0), "an addition was lost"
    came = sorted([number for one in out for number in one] + [left[key] for key in left if key != "sum"])
    assert came == sorted(number for one in put for number in one), "a value was lost, or came out twice"


def run_case(case: harness.Case) -> None:
    (compare_with_dict, bear_hostile_objects, race)[case.number % 3](case)


def silent(unraisable: Any) -> None:
    """Finalizers and watches raise on purpose here."""


if __name__ == "__main__":
    sys.unraisablehook = silent
    sys.exit(harness.main(run_case, steps=200))
