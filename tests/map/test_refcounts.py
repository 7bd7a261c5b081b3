"""No operation keeps or loses a reference: neither when it succeeds nor when it fails in the middle."""

from __future__ import annotations

import copy
import operator
import pickle
import sys

import pytest
from keys import Crash, HashKey, HashKeyCrasher, colliding
from support import assert_no_leak, needs_debug_build

from frozen import Map

ATOMS = Map({f"key {index}": f"value {index}" for index in range(300)})
LISTS = Map({index: [index] for index in range(300)})
KEYS = [*colliding(4), *map(HashKey, range(60))]
HASHED = Map(dict.fromkeys(KEYS, 0))
OTHER = Map({HashKey(index // 2, index % 2): [index] for index in range(80)})
SUBJECTS = {"atoms": ATOMS, "lists": LISTS, "hashed": HASHED}


class Sub(Map):
    pass


def fail(*_):
    raise Crash


def consume_half(iterator):
    for _ in range(len(ATOMS) // 2):
        next(iterator, None)
    return iterator


OPERATIONS = {
    "Map()": lambda m: Map(),
    "Map(dict)": lambda m: Map(dict(m)),
    "Map(pairs)": lambda m: Map(iter(m.items())),
    "Map(keywords)": lambda m: Map(m, a=1, b=[2]),
    "subclass": lambda m: Sub(m),
    "subclass with attributes": lambda m: setattr(Sub(m), "note", m),
    "fromkeys": lambda m: Map.fromkeys(m, []),
    "alias": lambda m: Map[int, str],
    "get": lambda m: [m[key] for key in m] + [m.get(key) for key in m] + [m.get("absent", [])],
    "in": lambda m: [key in m for key in m] + ["absent" in m],
    "set new": lambda m: [m.set((index,), [index]) for index in range(50)],
    "set existing": lambda m: [m.set(key, [1]) for key in m],
    "set same": lambda m: [m.set(key, value) for key, value in m.items()],
    "setdefault": lambda m: [m.setdefault(key, [1]) for key in m] + [m.setdefault("absent", [1]), m.setdefault((1,))],
    "alter": lambda m: [m.alter(key, repr) for key in m] + [m.alter("absent", repr, default=[1])],
    "delete": lambda m: [m.delete(key) for key in m],
    "discard": lambda m: [m.discard(key) for key in m] + [m.discard("absent")],
    "update": lambda m: m.update({"a": [1]}, b=2).update([(key, 1) for key in m]),
    "| dict": lambda m: m | {"a": 1} | {key: [1] for key in m},
    "| Map": lambda m: [m | OTHER, OTHER | m, m | m],
    "dict |": lambda m: {"a": 1} | m,
    "merge": lambda m: [m.merge(OTHER, lambda old, new: [old, new]), OTHER.merge(m, lambda old, new: old)],
    "merge with itself": lambda m: m.merge(m, lambda old, new: [old, new]),
    "mutate": lambda m: m.mutate(),
    "edit": lambda m: edit(m),
    "==": lambda m: [m == Map(dict(m)), m == dict(m), m == m.set("a", 1), dict(m) == m, m == 1],
    "hash": lambda m: hash(Map({key: index for index, key in enumerate(m)})),
    "repr": lambda m: [repr(m), repr(m.keys()), repr(m.values()), repr(m.items()), repr(m.mutate())],
    "iterate": lambda m: [list(m), list(m.keys()), list(m.values()), list(m.items())],
    "iterate backwards": lambda m: [list(reversed(view)) for view in (m, m.keys(), m.values(), m.items())],
    "half an iteration": lambda m: [consume_half(iter(view)) for view in (m, m.keys(), m.values(), m.items())],
    "length hints": lambda m: [iter(m).__length_hint__(), reversed(m).__length_hint__()],
    "reduced iterators": lambda m: [consume_half(iter(view)).__reduce__() for view in (m, m.items())],
    "views": lambda m: [m.keys() & {"a"}, m.keys() | ["a"], m.keys() - OTHER.keys(), m.keys() ^ OTHER],
    "views compared": lambda m: [m.keys() == set(m), m.keys() < OTHER.keys(), m.items() == m.set("a", 1).items()],
    "isdisjoint": lambda m: [m.keys().isdisjoint(OTHER), m.items().isdisjoint([1, (1, 2)])],
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "copy": lambda m: [copy.copy(m), copy.deepcopy(m), m.copy()],
    "getsizeof": lambda m: sys.getsizeof(m),
    "match": lambda m: match(m),
    "double star": lambda m: {**m},
}


def edit(m):
    with m.mutate() as mm:
        for index, key in enumerate(m):
            if index % 2:
                mm[key] = [index]
            else:
                mm.pop(key)
        mm.update({"a": [1]}, b=[2])
        mm.update(OTHER)
        mm.discard("a")
        mm.discard("absent")
        mm.setdefault("a", [3]), mm.setdefault("a", [4]), mm.setdefault("none")
        mm.get("a"), mm.get("b", []), "b" in mm, len(mm), mm["b"]
    return mm.finish(), mm.finish()


def match(m):
    match m:
        case {"absent": _}:
            return 1
        case {**rest}:
            return rest


FAILURES = {
    "KeyError": lambda m: m["absent"],
    "delete": lambda m: m.delete("absent"),
    "unhashable": lambda m: m.set([], 1),
    "assignment": lambda m: operator.setitem(m, 1, 2),
    "no pairs": lambda m: m.update([(1, 2), (3, [4]), 5]),
    "pair of three": lambda m: Map([((1,), [2]), (3, [4]), (1, 2, 3)]),
    "generator": lambda m: m.update((key, [1 // (3 - index)]) for index, key in enumerate(range(10))),
    "alter": lambda m: [m.alter(key, fail) for key in m] + [m.alter("absent", repr)],
    "merge": lambda m: m.merge(dict.fromkeys(m, 1), fail),
    "merge maps": lambda m: m.merge(Map(dict.fromkeys(m, 1)), fail),
    "union": lambda m: m | [1],
    "hash": lambda m: hash(Map({"a": []}) | m),
    "mutation miss": lambda m: m.mutate().pop("absent"),
    "mutation sealed": lambda m: sealed(m)["a"],
    "mutation pickle": lambda m: pickle.dumps(m.mutate()),
    "mutation update": lambda m: m.mutate().update([((1,), [2]), (1, 2, 3)]),
    "mutation iterate": lambda m: iter(m.mutate()),
    "helper type": lambda m: type(m.keys())(),
    "view operator": lambda m: m.keys() & 1,
}


def sealed(m):
    mm = m.mutate()
    mm["x"] = [1]
    mm.finish()
    mm["y"] = [2]


CRASHES = {
    "get": lambda m: m[HashKey(5, "x")],
    "set": lambda m: m.set(HashKey(5, "x"), [1]),
    "delete": lambda m: m.delete(HashKey(5, "x")),
    "setdefault": lambda m: m.setdefault(HashKey(5, "x"), [1]),
    "alter": lambda m: m.alter(HashKey(5, "x"), repr, [1]),
    "update": lambda m: m.update({HashKey(5, "x"): [1]}),
    "build": lambda m: Map([(HashKey(1), [1]), (HashKey(5, 1), [1]), (HashKey(5, 2), [2])]),
    "union": lambda m: m | OTHER,
    "merge": lambda m: m.merge(OTHER, fail),
    "equal": lambda m: m == Map.fromkeys(map(HashKey, range(60))).update(OTHER),
    "mutation": lambda m: m.mutate().set(HashKey(5, "x"), [1]),
    "mutation update": lambda m: m.mutate().update(OTHER),
}


@needs_debug_build
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_exact_counts_after_every_operation(operation, subject):
    assert_no_leak(lambda: operation(subject))


@needs_debug_build
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
@pytest.mark.parametrize("operation", FAILURES.values(), ids=FAILURES.keys())
def test_exact_counts_after_every_failure(operation, subject):
    def attempt():
        with pytest.raises((KeyError, TypeError, ValueError, ZeroDivisionError, Crash)):
            operation(subject)

    assert_no_leak(attempt)


@needs_debug_build
@pytest.mark.parametrize("operation", CRASHES.values(), ids=CRASHES.keys())
def test_exact_counts_after_a_failing_comparison(operation):
    def attempt():
        with HashKeyCrasher(on_eq=True), pytest.raises(Crash):
            operation(HASHED)

    assert_no_leak(attempt)


def test_no_blocks_are_left_behind_by_all_of_it_together():
    """On builds that do not count references."""

    def everything():
        for subject in SUBJECTS.values():
            for operation in OPERATIONS.values():
                operation(subject)
            for operation in FAILURES.values():
                with pytest.raises((KeyError, TypeError, ValueError, ZeroDivisionError, Crash)):
                    operation(subject)
        for operation in CRASHES.values():
            with HashKeyCrasher(on_eq=True), pytest.raises(Crash):
                operation(HASHED)

    assert_no_leak(everything)


def test_a_map_holds_each_key_and_value_once():
    key, value = tuple(iter([1, "key"])), [1]  # a constant could be immortal, without a count
    counts = sys.getrefcount(key), sys.getrefcount(value)

    def held():
        return sys.getrefcount(key) - counts[0], sys.getrefcount(value) - counts[1]

    base = Map.fromkeys(range(100), None)
    m = base.set(key, value)
    assert held() == (1, 1)
    same = m.set(key, value)
    assert held() == (1, 1)
    replaced = m.set((1, "key"), None)
    assert held()[1] == 1, "the value is gone from the new version"
    del m, same
    assert held()[1] == 0
    del replaced
    assert held() == (0, 0)
    mm = base.mutate()
    mm[key] = value
    assert held() == (1, 1)
    assert mm.pop(key) is value
    assert held() == (0, 0)
    mm[key] = value
    m = mm.finish()
    assert held() == (1, 1)
    del m, mm
    assert held() == (0, 0)


def test_versions_that_share_a_node_share_its_references():
    value = [1]
    count = sys.getrefcount(value)
    keys = [HashKey(index) for index in range(32 * 32)]
    m = Map(dict.fromkeys(keys, None)).set(keys[0], value)
    versions = [m.set(keys[1 + index % 31], index) for index in range(31)]
    assert sys.getrefcount(value) - count == 1, "key 0 lies in a node that none of these versions changed"
    del m
    assert sys.getrefcount(value) - count == 1
    del versions
    assert sys.getrefcount(value) == count
