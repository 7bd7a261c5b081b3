"""Pickles of every type, truncated, with flipped bits and random bytes; what rebuilds objects with other arguments.

Unpickling gives an object in order, or an exception: no crash, no SystemError, no memory out of all proportion.
"""

from __future__ import annotations

import copy
import functools
import io
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import frozen
from frozen import ABSENT, Blob, Change, Delta, Map, NotShareableError, SharedRef, _core
from torture import harness
from torture.worlds import CONTAINERS, World

ALLOWED = {"builtins": {"iter", "list", "dict", "set", "frozenset", "tuple", "int", "range", "object", "getattr"}}
"""What a damaged pickle may reach outside of the library: nothing that acts on the world."""


class Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        inside = module.partition(".")[0] in ("frozen", "torture", "keys", "decimal", "datetime")
        if "." in name or not (inside or name in ALLOWED.get(module, ())) or name.startswith("_fail"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def objects(world: World, source: random.Random) -> list[Any]:
    """One of everything that has a pickle."""
    a_map, a_set, a_vector = (world.pick(source, kind).value for kind in ("map", "set", "vector"))
    delta = a_map.diff(a_map.set("k5", 77).set("k7", a_set))
    iterators = [iter(a_map), iter(a_map.values()), reversed(a_map.items()), iter(a_set), iter(a_vector)]
    iterators.append(reversed(a_vector))
    for iterator in iterators:
        for _ in range(source.randrange(3)):
            next(iterator, None)
    joined = a_vector[:7] + a_vector[3:] + a_vector
    more = [NotShareableError(5, "no reason", "[1]"), ABSENT, Change(1, ABSENT), frozen.freeze, (a_map, [a_set, a_map])]
    return [a_map, a_set, a_vector, joined, delta, *iterators, Blob(b"bytes" * 9), *more]


def damage(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        place = source.randrange(len(changed)) if changed else 0
        match source.randrange(6):
            case 0:
                del changed[place:]
            case 1 if changed:
                changed[place] ^= 1 << source.randrange(8)
            case 2 if changed:
                changed[place] = source.randrange(256)
            case 3:
                changed[place : place + source.randrange(9)] = source.randbytes(source.randrange(9))
            case 4:
                changed[place:place] = changed[source.randrange(len(changed) + 1) :][: source.randrange(40)]
            case _:
                del changed[place : place + source.randrange(1, 9)]
    return bytes(changed)


ODD: tuple[Callable[[random.Random], Any], ...] = (
    lambda source: None,
    lambda source: source.choice((0, 1, -1, 31, 32, 33, 1 << 31, 1 << 62, (1 << 63) - 1, 1 << 64, -(1 << 63))),
    lambda source: [],
    lambda source: [[], [1] * source.randrange(40)],
    lambda source: [{1: 2}, {1: 3}],
    lambda source: {},
    lambda source: {1: 2, 1 << 61: 5},
    lambda source: (),
    lambda source: "text",
    lambda source: object,
    lambda source: source.choice((Map, frozen.Vector, frozen.SharedVector, frozen.Set, frozen.SharedMap, SharedRef)),
    lambda source: Map(a=1),
    lambda source: frozen.Vector(range(40)),
    lambda source: frozen.SharedSet([1, 2]),
    lambda source: [5] * 1100,
)


def twisted(part: Any, source: random.Random, depth: int = 0) -> Any:
    """The arguments of what rebuilds an object, with something in them replaced."""
    if source.randrange(4) == 0 or depth > 3:
        return source.choice(ODD)(source)
    if isinstance(part, tuple) and type(part) is tuple and part:
        changed = list(part)
        place = source.randrange(len(changed))
        changed[place] = twisted(changed[place], source, depth + 1)
        return tuple(changed)
    if isinstance(part, list) and part:
        changed = list(part)
        match source.randrange(3):
            case 0:
                changed[source.randrange(len(changed))] = twisted(source.choice(part), source, depth + 1)
            case 1:
                changed *= source.randrange(4)
            case _:
                del changed[source.randrange(len(changed)) :]
        return changed
    if isinstance(part, dict) and part:
        return dict(list(part.items())[: source.randrange(len(part) + 1)]) | {source.randrange(5): part}
    return source.choice(ODD)(source)


def use(result: Any) -> None:
    """What came out is in order, if it is ours."""
    if isinstance(result, CONTAINERS):
        _core._check(result)
        if len(result) < 100_000:
            assert len(list(result)) == len(result)
            copy.copy(result)
            for action in (repr, hash, lambda one: pickle.dumps(one)):
                survive(lambda action=action: action(result))
    elif isinstance(result, Delta):
        survive(lambda: (repr(result), result.inverse(), list(result), Map().apply(result)))
    elif hasattr(result, "__next__"):
        for _ in range(3000):
            if survive(lambda: next(result)) is None:
                break
        survive(lambda: result.__length_hint__())


def survive(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except SystemError:
        raise
    except Exception:
        return None


def rebuild(one: Any, source: random.Random) -> Any:
    reduced = one.__reduce_ex__(source.randrange(6))
    if isinstance(reduced, str):
        return None
    function, arguments, *rest = reduced
    if rest and rest[0] is not None and source.randrange(2):
        result = function(*arguments)
        state = twisted(rest[0], source)
        if hasattr(result, "__setstate__"):
            result.__setstate__(state)
        return result
    arguments = twisted(arguments, source)
    return function(*arguments) if isinstance(arguments, tuple) else function(arguments)


def take_step(one: Any, source: random.Random, note: Callable[[str], None]) -> None:
    if source.randrange(3) == 0:
        note(f"{type(one).__name__} rebuilt of something else")
        use(survive(lambda: rebuild(one, source)))
        return
    data = survive(lambda: pickle.dumps(one, source.randrange(6)))
    if data is not None:
        data = damage(data, source)
        note(f"{type(one).__name__} from {data[:200]!r}{'...' if len(data) > 200 else ''}")
        use(survive(lambda: Unpickler(io.BytesIO(data)).load()))


def run_case(case: harness.Case) -> None:
    world = World(shared=case.number % 2 == 1)
    for step in case.steps:
        source = case.random(step)
        take_step(source.choice(objects(world, source)), source, functools.partial(case.note, step))


if __name__ == "__main__":
    sys.exit(harness.main(run_case, memory=2 << 30))
