"""Hostile data in every operation: hashes that collide, giants made of shared structure, deep nesting, wide sharing.

Each operation gets a fraction of a second, and then signals whose handler raises. It ends soon after, with an exception
or the right answer: what it works on are pairs of equal values that share nothing.
"""

from __future__ import annotations

import copy
import pickle
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from keys import HashKey

import frozen
from frozen import (
    Blob,
    Delta,
    Map,
    Set,
    SharedMap,
    SharedRef,
    SharedSet,
    SharedVector,
    Vector,
    decode,
    encode,
    freeze,
    get_in,
    is_shareable,
    merge3,
    set_in,
    share,
    thaw,
)
from torture import harness

ALARM = 0.2
"""Seconds until an operation gets its first signal, and from one to the next."""

PATIENCE = 30.0
"""Seconds of processor time after which an operation did not care for signals: some orders of magnitude too many."""

PRIME = 2**61 - 1

Pair = tuple[Any, Any]
Operation = Callable[[Any, Any], Any]

CONVERSIONS: dict[str, Operation] = {
    "freeze": lambda x, y: ignore(freeze([x])),
    "thaw": lambda x, y: ignore(thaw(x)),
    "share": lambda x, y: ignore(share([x])),
    "is_shareable": lambda x, y: ignore(is_shareable(x)),
    "SharedVectors": lambda x, y: SharedVector([x, y]) == SharedVector([y, x]),
    "SharedMap": lambda x, y: len(SharedMap(a=x).diff(SharedMap(a=y))),
    "SharedRef": lambda x, y: ignore(SharedRef(x).compare_and_set(y, x)),
    "out of a SharedRef": lambda x, y: ignore(SharedRef(x).get()),
    "error text": lambda x, y: Vector([1]).index(x),
    "error text of a path": lambda x, y: get_in(Map(a=x), ["a", "b", x]),
    "error text of an argument": lambda x, y: ignore(Blob(x)),
    "nodes": lambda x, y: ignore(frozen._core._shared_nodes(x, y)),
}
"""What does not leave the walk to CPython, whose tuples and lists do not look at signals, nor see what they share."""

ANY: dict[str, Operation] = CONVERSIONS | {
    "hash": lambda x, y: hash(x) == hash(y),
    "==": lambda x, y: (x == y, x != y),
    "repr": lambda x, y: len(repr(x)) > 1,
    "str": lambda x, y: len(str(x)) > 1,
    "pickle": lambda x, y: len(pickle.dumps(x)) > 1,
    "unpickle": lambda x, y: pickle.loads(pickle.dumps(x)) == x,
    "deepcopy": lambda x, y: copy.deepcopy(x) == y,
    "SharedMaps": lambda x, y: SharedMap({x: y}) == SharedMap({y: x}),
    "Set": lambda x, y: len(Set([x, y])),
    "SharedSet": lambda x, y: len(SharedSet([x, y])),
    "Map": lambda x, y: len(Map({x: 1}) | {y: 2}),
    "diff": lambda x, y: len(Map(a=x).diff(Map(a=y))),
    "diff of two": lambda x, y: len(Map(a=x, b=1).diff(Map(a=y, b=2))),
    "apply": lambda x, y: Map(a=x).apply(Map(a=1).diff(Map(a=y))),
    "Vector": lambda x, y: (Vector([x]) == Vector([y]), Vector([x]) < Vector([y]), Vector([x]).index(y)),
    "error text of a key": lambda x, y: Map()[x],
    "set_in": lambda x, y: ignore(set_in(Map(a=x), ["a", 0, 0], y)),
    "encode": lambda x, y: encode(x, max_depth=None) == encode(y, max_depth=None),
    "decode": lambda x, y: decode(encode(x, max_depth=None), max_bytes=None, max_depth=None) == x,
    "then": lambda x, y: ignore(Map(a=1).diff(Map(a=x)).then(Map(a=y).diff(Map(a=2)))),
    "delta, shown": lambda x, y: ignore(repr(Map(a=1).diff(Map(a=x))), str(Map(a=y).diff(Map(a=x, b=y)))),
    "delta, pickled": lambda x, y: ignore(pickle.dumps(Map(a=1).diff(Map(a=x)))),
    "delta, hash": lambda x, y: ignore(hash(Map(a=1).diff(Map(a=x)))),
    "delta, ==": lambda x, y: Map().diff(Map(a=x)) == Map().diff(Map(a=y)),
    "to_json_patch": lambda x, y: ignore(Map(a=1).diff(Map(a=x)).to_json_patch()),
    "from_json_patch": lambda x, y: ignore(Delta.from_json_patch(Map(a=x), [{"op": "test", "path": "/a", "value": y}])),
    "from_merge_patch": lambda x, y: ignore(Delta.from_merge_patch(Map(a=x), {"a": y, "b": {"c": x}})),
    "merge3": lambda x, y: len(merge3(Map(a=x), Map(a=y, b=1), Map(a=x, c=2))) == 3,
    "merge3, conflict": lambda x, y: ignore(merge3(Map(a=1), Map(a=x), Map(a=y).set("b", 2))),
    "merge3, error text": lambda x, y: merge3(Map(a=1), Map(a=x), Map(a=[y])),
}

SEQUENCE: dict[str, Operation] = {
    "in": lambda v, w: ignore(object() in v, v.count(1)),
    "index": lambda v, w: v.index("nowhere"),
    "<": lambda v, w: (v < w, v <= w),
    "+": lambda v, w: len(v + w + v) == 3 * len(v),
    "*": lambda v, w: len(v * 7) == 7 * len(v),
    "slice": lambda v, w: ignore(len(v[1:-1] + v[len(v) // 2 :])),
    "steps": lambda v, w: v[::3] == w[::3],
    "backwards": lambda v, w: v[::-1] == w[::-1],
    "few steps": lambda v, w: v[:: max(1, len(v) // 7)].tolist() == w[:: max(1, len(w) // 7)].tolist(),
    "edits": lambda v, w: len(v.append(1).set(5, 2).insert(len(v) // 3, 4).delete(7).pop()) == len(v),
    "delete": lambda v, w: ignore(len(v.delete(3, len(v) // 2))),
    "tolist": lambda v, w: len(v.tolist()) == len(v),
    "totuple": lambda v, w: len(v.totuple()) == len(v),
    "extend": lambda v, w: len(v.extend(w)) == 2 * len(v),
    "extend mutation": lambda v, w: len(v.extend(w.mutate())) == 2 * len(v),
    "of the other family": lambda v, w: (len(Vector(v)), len(SharedVector(v))) == (len(v), len(v)),
    "check": lambda v, w: frozen._core._check(v),
    "size": lambda v, w: sys.getsizeof(v) > 1,
    "iterator": lambda v, w: ignore(next(iter(v)), next(reversed(v)), len(list(v))),
    "iterator pickled": lambda v, w: ignore(iter(v).__reduce__()),
    "del steps": lambda v, w: ignore(edited(v, lambda m: m.__delitem__(slice(0, None, 3)))),
    "del few": lambda v, w: edited(v, lambda m: m.__delitem__(slice(0, 2, 3))) == len(v) - 1,
    "set steps": lambda v, w: edited(v, lambda m: m.__setitem__(slice(None, None, -1), w)) == len(v),
    "set slice": lambda v, w: edited(v, lambda m: m.__setitem__(slice(2, 2), w)) == 2 * len(v),
    "reverse": lambda v, w: edited(v, lambda m: m.reverse()) == len(v),
    "sort": lambda v, w: edited(v, lambda m: m.sort()) == len(v),
    "remove": lambda v, w: edited(v, lambda m: m.remove("nowhere")),
    "clear": lambda v, w: edited(v, lambda m: m.clear()) == 0,
    "mutation in": lambda v, w: object() not in v.mutate(),
    "mutation ==": lambda v, w: ignore(v.mutate() == w),
    "mutation +=": lambda v, w: edited(v, lambda m: m.extend(m)) == 2 * len(v),
    "mutation index": lambda v, w: edited(v, lambda m: m.index(-5) + m.count(1)),
}

KEYED: dict[str, Operation] = {
    "|": lambda m, n: len(m | n) == len(m),
    "anew": lambda m, n: ignore(type(m)(list(n))),
    "iterator": lambda m, n: (len(list(m)), len(list(reversed(m)))) == (len(m), len(m)),
    "iterator pickled": lambda m, n: len(list(pickle.loads(pickle.dumps(iter(m))))) == len(m),
    "Sets": lambda m, n: len(Set(m) & Set(n) | Set(m) - Set(n) ^ Set(n)) == len(m),
    "SharedSets": lambda m, n: len(SharedSet(m) & SharedSet(n) | SharedSet(m) - SharedSet(n) ^ SharedSet(n)) == len(m),
    "Sets and others": lambda m, n: Set(m) <= Set(n) and Set(m).issuperset(list(n)) and Set(m) == Set(m).union(n),
    "check": lambda m, n: frozen._core._check(m),
    "size": lambda m, n: sys.getsizeof(m) > 1,
    "mutation ==": lambda m, n: m.mutate() == n,
    "mutation updated": lambda m, n: edited(m, lambda mm: mm.update(n, n)) == len(m),
    "mutation emptied": lambda m, n: edited(m, lambda mm: [mm.discard(key) for key in n]) == 0,
}

MAPPING: dict[str, Operation] = {
    "set": lambda m, n: len(m.set("new", 1)) == len(m) + 1,
    "update": lambda m, n: len(m.update(n, new=1)) == len(m) + 1,
    "update pairs": lambda m, n: m.update(list(n.items())) == n,
    "merge": lambda m, n: m.merge(n, lambda old, new: old) == n,
    "keys": lambda m, n: m.keys() == n.keys() and len(m.keys() & n.keys()) == len(m) and not m.keys() - n.keys(),
    "items": lambda m, n: m.items() == n.items() and m.items() <= n.items() and m.items().isdisjoint([1]),
    "values": lambda m, n: -1 not in m.values(),
    "delete": lambda m, n: ignore([m.delete(key) for key in m]),
    "fromkeys": lambda m, n: len(type(m).fromkeys(n)) == len(m),
    "of a dict": lambda m, n: type(m)(dict(n)) == m,
    "diff of keys": lambda m, n: len(m.diff(type(m).fromkeys(n, "new"))) == len(m),
}

EXPECTED: dict[str, Any] = {
    "==": (True, False),
    "<": (False, True),
    "Vector": (True, False, 0),
    **dict.fromkeys(("SharedMap", "diff"), 0),
    **dict.fromkeys(("Set", "SharedSet", "Map", "diff of two"), 1),
}
"""Of operations that return something else than True or None."""


def edited(container: Any, edit: Callable[[Any], Any]) -> int:
    mutation = container.mutate()
    edit(mutation)
    return len(mutation.finish())


def ignore(*results: Any) -> None:
    """Whatever comes out is right."""


# What they are done to: pairs of equal values that share nothing


def giant(source: random.Random) -> Pair:
    cls = source.choice((Vector, SharedVector))
    size = source.choice((2**27, 2**45, 2**58 + 7, sys.maxsize))
    few = source.choice(([0], [None, "x"], list(range(33))))
    one, two = (cls(few) * (size // len(few)) for _ in range(2))
    match source.randrange(3):
        case 0:
            return one, two
        case 1:
            start, stop = source.randrange(99), -source.randrange(1, 99)
            return one[start:stop] + one[: start + 7], two[start:stop] + two[: start + 7]
        case _:
            return cls([one, one]), cls([two, two])


def nest(wrap: Callable[[Any], Any], depth: int) -> Any:
    inside: Any = wrap(1)
    for _ in range(depth):
        inside = wrap(inside)
    return inside


WRAPS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda x: (x,),
    "frozenset": lambda x: frozenset([x]),
    "list": lambda x: [x],
    "dict": lambda x: {"a": x},
    "Map": lambda x: Map(a=x),
    "Map, as key": lambda x: Map({x: 1}),
    "Set": lambda x: Set([x]),
    "Vector": lambda x: Vector([x]),
    "Vector, larger": lambda x: Vector([*range(40), x]),
    "Vector and tuple": lambda x: Vector([(x,)]),
    "SharedMap": lambda x: SharedMap(a=x),
    "SharedMap, as key": lambda x: SharedMap({x: 1}),
    "SharedVector": lambda x: SharedVector([x]),
    "SharedSet": lambda x: SharedSet([x]),
    "SharedMap and tuple": lambda x: SharedMap(a=(x,)),
}

DOUBLES: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda x: (x, x),
    "list": lambda x: [x, x],
    "dict": lambda x: {"a": x, "b": x},
    "Map": lambda x: Map(a=x, b=x),
    "Map, key and value": lambda x: Map({x: x}),
    "Vector": lambda x: Vector([x, x]),
    "Vector of tuple": lambda x: Vector([(x, x)]),
    "Map of Vector": lambda x: Map(a=Vector([x, x]), b=x),
    "Set of tuples": lambda x: Set([(x, 1), (x, 2)]),
    "SharedMap": lambda x: SharedMap(a=x, b=x),
    "SharedMap, key and value": lambda x: SharedMap({x: x}),
    "SharedVector": lambda x: SharedVector([x, x]),
    "SharedVector of tuple": lambda x: SharedVector([(x, x)]),
    "SharedSet of SharedVectors": lambda x: SharedSet([SharedVector([x, 1]), SharedVector([x, 2])]),
}


def deep(source: random.Random) -> Pair:
    wrap, depth = WRAPS[source.choice(list(WRAPS))], source.choice((500, 5_000, 100_000))
    return nest(wrap, depth), nest(wrap, depth)


def wide(source: random.Random) -> Pair:
    double = DOUBLES[source.choice(list(DOUBLES))]
    return nest(double, 60), nest(double, 60)


MAKE_KEY: tuple[Callable[[int], Any], ...] = (
    lambda n: n * PRIME,
    lambda n: -1 - n * PRIME,
    lambda n: 7 << 61 * (n % 1_000),
    lambda n: HashKey((0, -2, -1)[n % 3], n),
    lambda n: HashKey(-(1 << 63), n),
    lambda n: (n * PRIME, 1),
)


def colliding(source: random.Random) -> Pair:
    """Keys of one hash, in both orders."""
    make, size = source.choice(MAKE_KEY), source.choice((100, 1_000, 3_000))
    entries = {make(n): n for n in range(size)}
    local = any(isinstance(key, HashKey) for key in entries)
    family: tuple[Any, Any] = (Map, Set) if local or source.randrange(2) else (SharedMap, SharedSet)
    if source.randrange(2):
        return family[0](entries), family[0](list(reversed(entries.items())))
    return family[1](entries), family[1](reversed(entries))


DATA = (giant, deep, wide, colliding)


def operations_on(value: Any) -> dict[str, Operation]:
    if isinstance(value, tuple | frozenset | list | dict):
        return CONVERSIONS
    if isinstance(value, Vector | SharedVector):
        return ANY | SEQUENCE
    return ANY | KEYED | (MAPPING if isinstance(value, Map | SharedMap) else {})


# How they are run


class Interrupted(Exception):
    pass


running = False


def interrupt(number: int, frame: Any) -> None:
    if running:
        raise Interrupted


def bounded(action: Callable[[], Any], seconds: float = ALARM) -> Any:
    """What it returns, or None, if it was interrupted or failed."""
    global running
    begin = time.process_time()
    running = True
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, ALARM)
        return action()
    except (SystemError, AssertionError):
        raise
    except Exception:
        return None
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        took = time.process_time() - begin
        assert took < PATIENCE, f"not interrupted for {took:.1f} s"


def take_step(case: harness.Case, step: int) -> None:
    source = case.random(step)
    make = source.choice(DATA)
    case.note(step, make.__name__)
    made = bounded(lambda: make(source), 10 * ALARM)
    if made is None:
        return
    operations = operations_on(made[0])
    name = source.choice(list(operations))
    case.note(step, f"{make.__name__}: {type(made[0]).__name__}: {name}")
    result = bounded(lambda: operations[name](*made))
    assert result is None or result == EXPECTED.get(name, True), f"{name}: {result!r}"


def run_case(case: harness.Case) -> None:
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for step in case.steps:
            take_step(case, step)
    finally:
        signal.signal(signal.SIGALRM, previous)


if __name__ == "__main__":
    sys.exit(harness.main(run_case, steps=4, memory=3 << 30, hang=900))
