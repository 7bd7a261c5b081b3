"""Out of memory: each allocation that Python makes fails once, and then all from one on, in every operation. It then
raises MemoryError, or does without, and leaves everything as it was. tests/shared/test_out_of_memory.py does the same
for shared memory.

What runs while allocations fail is one call into C, or little more: the interpreter itself is not at its best there.
"""

from __future__ import annotations

import faulthandler
import gc
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from keys import HashKey, colliding
from support import DEBUG_BUILD, FREE_THREADED, assert_no_leak, edit_a_little, live_shared_nodes

from frozen import (
    AtomicRef,
    Blob,
    Handle,
    Map,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    decode,
    encode,
    share,
    transaction,
)

_testcapi = pytest.importorskip("_testcapi", reason="needs CPython's own allocator that fails on demand")
if FREE_THREADED:
    pytest.skip("CPython's hooks of the allocator are for builds with the GIL", allow_module_level=True)


@pytest.fixture(autouse=True)
def no_watchdog() -> None:
    """Before each test pytest starts a thread that prints stacks if the test hangs. The allocator's hooks are changed
    without a lock, so a thread that starts at that moment could crash."""
    faulthandler.cancel_dump_traceback_later()


class Sub(Map):
    pass


class SubVector(Vector):
    pass


TEXT = "a text that needs a box"
KEYS = [*colliding(4), *map(HashKey, range(60)), HashKey(5 | 1 << 32)]
ENTRIES = {f"key {index}": index for index in range(0, 120, 3)}
TUPLES = [(index,) for index in range(40)]
PAIRS = [("a", 1), ("b", (2, TEXT))]
NEW = HashKey(5, "new")

OF_BOTH: tuple[Any, Any] = Map(leaf=(1, TEXT)), SharedMap(leaf=(1, TEXT))
for _ in range(12):  # so many pairs that they are remembered, and the memory grows
    OF_BOTH = Map(a=OF_BOTH[0], b=(OF_BOTH[0], 1)), SharedMap(a=OF_BOTH[1], b=(OF_BOTH[1], 1))

MAPS = {
    "plain": Map({f"key {index}": f"value {index}" for index in range(100)}),
    "general": Map({key: [index] for index, key in enumerate(KEYS)}),
    "shared": SharedMap({f"key {index}": (index, TEXT) for index in range(100)}),
}
SETS = {"plain": Set(MAPS["plain"]), "general": Set(KEYS), "shared": SharedSet(MAPS["shared"])}
VECTORS = {
    "short": Vector(range(5)),
    "plain": Vector(range(600)),
    "general": Vector([[index] for index in range(600)]),
    "relaxed": Vector(range(300)) + Vector(range(600))[7:],
    "shared": SharedVector(range(600)),
}


MAP_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "get": lambda m: (m.get(5), m.get("absent")),
    "set": lambda m: m.set("key 5", (1, TEXT)),
    "set new": lambda m: m.set("new", (1, TEXT)),
    "set general": lambda m: m.set(TUPLES[0], TUPLES) if isinstance(m, Map) else None,
    "delete": lambda m: m.delete(next(iter(m))),
    "discard": lambda m: m.discard("key 5"),
    "update": lambda m: m.update(ENTRIES),
    "update pairs": lambda m: m.update(PAIRS),
    "update keywords": lambda m: m.update(a=1, b=TEXT),
    "| dict": lambda m: m | ENTRIES,
    "dict |": lambda m: ENTRIES | m,
    "merge": lambda m: m.merge(ENTRIES, newer),
    # What C does of them: a list.append() of Python that fails ends debug builds of CPython 3.15.
    "diff and apply": lambda m: m.apply(m.diff(m.update(new=TEXT, x=1))),
    "diff and apply a deletion": lambda m: m.apply(m.diff(m.delete("key 5"))) if m is MAPS["plain"] else None,
    "==": lambda m: m == ENTRIES,
    "== of both families": lambda m: (m == OF_BOTH[1], OF_BOTH[0] == OF_BOTH[1], OF_BOTH[1] == OF_BOTH[0]),
    "Map": lambda m: Map(m),
    "SharedMap": lambda m: SharedMap(m) if m is MAPS["plain"] else None,
    "subclass": lambda m: Sub(m),
    "fromkeys": lambda m: Map.fromkeys(m, 1),
    "hash": lambda m: hash(m.update(PAIRS).keys().mapping) if m is MAPS["plain"] else None,
    "list": list,
    "list items": lambda m: list(m.items()),
    "list values backwards": lambda m: list(reversed(m.values())),
    "dict": dict,
    "keys &": lambda m: m.keys() & ENTRIES,
    "keys ==": lambda m: m.keys() == ENTRIES.keys(),
    "items in": lambda m: ("key 5", "value 5") in m.items(),
    "keys isdisjoint": lambda m: m.keys().isdisjoint(ENTRIES),
    "iterator reduced": lambda m: m.items().__iter__().__reduce__()[1],
    "reduce": lambda m: len(m.__reduce__()),
    "sizeof": sys.getsizeof,
    "dump": _core._dump,
    "_differences": lambda m: m._differences(m.set("new", 1), None, tuple),
    "alias": lambda m: Map[int, str],
    "AtomicRef": lambda m: AtomicRef(m).exchange(None),
    "Handle": lambda m: Handle(m).redeem() if isinstance(m, SharedMap) else None,
}  # fmt: skip

MAP_EDITS: dict[str, Callable[[Any], Any]] = {
    "set": lambda mm: mm.set("key 5", (1, TEXT)),
    "set new": lambda mm: mm.set("new", (1, TEXT)),
    "discard": lambda mm: mm.discard("key 5"),
    "pop": lambda mm: mm.pop("key 5", None),
    "update": lambda mm: mm.update(ENTRIES),
    "update pairs": lambda mm: mm.update(PAIRS),
    "update keywords": lambda mm: mm.update(a=1, b=TEXT),
    "==": lambda mm: mm == ENTRIES,
    "finish": lambda mm: mm.finish(),
}

SET_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "in": lambda s: "key 5" in s,
    "add": lambda s: s.add("new"),
    "add general": lambda s: s.add(NEW) if isinstance(s, Set) else None,
    "remove": lambda s: s.remove(next(iter(s))),
    "discard": lambda s: s.discard("key 5"),
    "union": lambda s: s.union(ENTRIES, TUPLES),
    "intersection": lambda s: s.intersection(ENTRIES),
    "intersection of few": lambda s: s.intersection(["key 5", TEXT]),
    "difference": lambda s: s.difference(ENTRIES),
    "symmetric_difference": lambda s: s.symmetric_difference(ENTRIES),
    "& set": lambda s: s & ENTRIES.keys(),
    "- set": lambda s: ENTRIES.keys() - s,
    "<= set": lambda s: s <= ENTRIES.keys(),
    "isdisjoint": lambda s: s.isdisjoint(TUPLES),
    "issubset": lambda s: s.issubset(ENTRIES),
    "issuperset": lambda s: s.issuperset(ENTRIES),
    "Set": lambda s: Set(iter(s)),
    "list": list,
    "reduce": lambda s: len(s.__reduce__()),
}

SET_EDITS: dict[str, Callable[[Any], Any]] = {
    "add": lambda mm: mm.add("new"),
    "remove": lambda mm: mm.discard("key 5"),
    "update": lambda mm: mm.update(ENTRIES),
    "finish": lambda mm: mm.finish(),
}

VECTOR_OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "[]": lambda v: v[-1],
    "slice": lambda v: v[1:-1],
    "slice with steps": lambda v: v[::-3],
    "append": lambda v: v.append(TUPLES[0]),
    "extend": lambda v: v.extend(TUPLES),
    "extend by an iterator": lambda v: v.extend(iter(TUPLES)),
    "+": lambda v: v + v,
    "*": lambda v: v * 3,
    "set": lambda v: v.set(2, TEXT),
    "insert": lambda v: v.insert(3, TEXT),
    "delete": lambda v: v.delete(2),
    "delete a range": lambda v: v.delete(1, 3),
    "pop": lambda v: v.pop(),
    "list": list,
    "backwards": lambda v: list(reversed(v)),
    "tolist": lambda v: v.tolist(),
    "totuple": lambda v: v.totuple(),
    "<": lambda v: v < v.append(1),
    "in": lambda v: TEXT in v,
    "Vector": lambda v: Vector(iter(v)),
    "subclass": lambda v: SubVector(v),
    "iterator reduced": lambda v: v.__iter__().__reduce__()[1],
    "reduce": lambda v: len(v.__reduce__()),
    "sizeof": sys.getsizeof,
    "transaction": lambda v: transaction(AtomicRef(v), AtomicRef()).set(None, v),
    "Blob": lambda v: bytes(Blob(b"some bytes")),
}

VECTOR_EDITS: dict[str, Callable[[Any], Any]] = {
    "append": lambda mm: mm.append(TUPLES[0]),
    "extend": lambda mm: mm.extend(TUPLES),
    "extend by itself": lambda mm: mm.extend(mm),
    "set": lambda mm: mm.__setitem__(2, TEXT),
    "set a slice": lambda mm: mm.__setitem__(slice(1, 3), TUPLES),
    "set steps": lambda mm: mm.__setitem__(slice(0, 4, 2), (1, TEXT)),
    "delete steps": lambda mm: mm.__delitem__(slice(None, None, 3)),
    "insert": lambda mm: mm.insert(1, TEXT),
    "pop": lambda mm: mm.pop(),
    "pop the first": lambda mm: mm.pop(0),
    "remove": lambda mm: mm.remove(mm[3]),
    "reverse": lambda mm: mm.reverse(),
    "sort": lambda mm: mm.sort(key=str),
    "slice": lambda mm: mm[3:700],
    "clear": lambda mm: mm.clear(),
    "finish": lambda mm: mm.finish(),
}


CONTAINERS = (Map, Set, Vector, SharedMap, SharedSet, SharedVector)


def newer(old: Any, new: Any) -> Any:
    return new


def attempt(operation: Callable[[Any], Any], subject: Any, first: int, last: int) -> Any:
    """What the operation returns, or MemoryError, if allocations from `first` on fail, before `last` (0: for ever)."""
    gc.disable()  # or the finalizers of what others left behind may fail
    _testcapi.set_nomemory(first, last)
    try:
        return operation(subject)
    except MemoryError:
        return MemoryError
    finally:
        _testcapi.remove_mem_hooks()
        gc.enable()


def failures(operation: Callable[[Any], Any], start: Callable[[], Any], most: int = 40) -> Iterator[tuple[Any, Any]]:
    """(subject, outcome) with one allocation failing, and with all from it on, until the operation gets by."""
    for first in range(most):
        for last in (first + 1, 0):
            subject = start()
            outcome = attempt(operation, subject, first, last)
            yield subject, outcome
        if outcome is not MemoryError:
            return


def contents(container: Any) -> list[Any]:
    return list(container.items() if hasattr(container, "items") else container)


CASES = [
    (f"{type(container).__name__}, {kind}", container, operations, edits)
    for containers, operations, edits in (
        (MAPS, MAP_OPERATIONS, MAP_EDITS),
        (SETS, SET_OPERATIONS, SET_EDITS),
        (VECTORS, VECTOR_OPERATIONS, VECTOR_EDITS),
    )
    for kind, container in containers.items()
]


def fail_operation(container: Any, operation: Callable[[Any], Any]) -> None:
    expected = operation(container)
    for _, outcome in failures(operation, lambda: container):
        assert outcome is MemoryError or outcome == expected
        if type(outcome) in CONTAINERS:
            _core._check(outcome)


@pytest.mark.parametrize(
    ("container", "operation"),
    [pytest.param(case[1], run, id=f"{case[0]}, {name}") for case in CASES for name, run in case[2].items()],
)
def test_operations(container, operation):
    before = contents(container)
    fail_operation(container, operation)
    assert contents(container) == before
    _core._check(container)


def fail_edit(container: Any, edit: Callable[[Any], Any], edited: bool) -> None:
    """`edited`: the mutation has nodes of its own, which edits change in place."""

    def start() -> Any:
        mutation = container.mutate()
        if edited:
            edit_a_little(mutation, TEXT, index=4, key="key 8")
        return mutation

    changed = start()
    edit(changed)
    unchanged, changed = contents(start().finish()), contents(changed.finish())
    for mutation, outcome in failures(edit, start):
        result = mutation.finish()
        _core._check(result)
        assert contents(result) == (unchanged if outcome is MemoryError else changed)


@pytest.mark.parametrize(
    ("container", "edit"),
    [pytest.param(case[1], edit, id=f"{case[0]}, {name}") for case in CASES for name, edit in case[3].items()],
)
def test_mutations(container, edit):
    before = contents(container)
    fail_edit(container, edit, False)
    fail_edit(container, edit, True)
    assert contents(container) == before
    _core._check(container)


@pytest.mark.parametrize(("container", "operations", "edits"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_nothing_is_left_behind(container, operations, edits):
    def fail_all() -> None:
        for operation in operations.values():
            fail_operation(container, operation)
        for edit in edits.values():
            fail_edit(container, edit, True)

    fail_all()
    before = live_shared_nodes()
    if DEBUG_BUILD:
        assert_no_leak(fail_all, calls=1, settle=5, repeats=2)
    else:
        fail_all()
    assert live_shared_nodes() == before


# The encoding

TIME = datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1)))
ENCODED = {
    "atoms": [None, 1.5, 1j, 1 << 70, -(1 << 70), TEXT, TEXT + "\u20ac", bytearray(b"x" * 300), {"a", "b"}],
    "keys": Map({(index, TEXT): frozenset({index, "b"}) for index in range(600)}),
    "shared": share([{"a": (1, TEXT)}, {"b"}, list(range(100))]),
    "shared, nested": share({(1, TEXT): frozenset({TEXT, 2}), TEXT + "\u20ac": (1 << 70, 1j)}),
}
if sys.version_info >= (3, 14):  # before, CPython crashes where a generator expression gets no memory for its function
    ENCODED["made by Python"] = [TIME, TIME.date(), Decimal("1.5"), Fraction(1, 3)]
    ENCODED["shared, made by Python"] = share([(TIME, TIME.date()), Decimal("1.5"), Fraction(1, 3)])


@pytest.mark.parametrize("kind", ENCODED)
def test_encoding_fails_as_a_whole(kind):
    value = ENCODED[kind]
    data = encode(value)
    again = encode(decode(data))
    assert again == data
    for _, outcome in failures(encode, lambda: value, most=400):
        assert outcome is MemoryError or outcome == data
    for _, outcome in failures(decode, lambda: data, most=400):
        assert outcome is MemoryError or encode(outcome) == data


def test_storing_and_reading_what_is_nested_fails_as_a_whole():
    value: Any = TEXT
    for index in range(20):
        value = (value, frozenset({(index, TEXT)}))
    shared, before = SharedVector([value]), live_shared_nodes()
    for _, outcome in failures(SharedVector().append, lambda: value):
        assert outcome is MemoryError or outcome == shared
    for _, outcome in failures(lambda vector: vector[0], lambda: shared):
        assert outcome is MemoryError or outcome == value
    del outcome
    assert live_shared_nodes() == before


def test_allocations_do_fail():
    """Without this the tests above could pass because nothing ever failed."""
    large = VECTORS["plain"]
    outcomes = [outcome for _, outcome in failures(lambda vector: vector.tolist(), lambda: large)]
    assert outcomes[0] is MemoryError
    assert outcomes[-1] == list(range(600))
