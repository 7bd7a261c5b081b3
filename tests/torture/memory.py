"""Each allocation of each operation fails once, and then all from it on: Python's, and those of shared memory.

The operation raises MemoryError, or does without; what it started from keeps its items and an orderly tree, a failed
edit has changed nothing, and nothing is left behind.
"""

from __future__ import annotations

import copy
import datetime
import decimal
import faulthandler
import fractions
import gc
import pathlib
import pickle
import random
import re
import sys
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import frozen
from frozen import (
    AtomicCounter,
    AtomicMap,
    AtomicRef,
    Blob,
    Delta,
    Handle,
    Map,
    SharedMap,
    SharedRef,
    SharedVector,
    _core,
    decode,
    delete_in,
    encode,
    freeze,
    get_in,
    merge3,
    set_in,
    share,
    snapshot,
    thaw,
    transaction,
    update_in,
)
from torture import harness
from torture.operations import EDITS, TABLES, Operation
from torture.worlds import KINDS, Arguments, Entry, World, same

try:
    import _testcapi
except ImportError:  # some distributions leave it out
    _testcapi = None

MOST = 60
"""Allocations of one operation that fail, at most."""

PYTHON_SURVIVES = sys.version_info >= (3, 14)
"""CPython 3.13 crashes where it makes a function and gets no memory for it, as each generator expression does: before
3.14 shared memory alone fails here. tests/core/test_out_of_memory.py has operations that run no Python code."""

SEVERAL_SOURCES = {"update map", "update set", "update pairs"}
"""Edits that take over one source after the other: what came before the one that fails stays."""

LOOPS_OF_PYTHON = {"diff", "diff from", "anew, backwards", "anew, an iterator", "iterator pickled"}
"""Debug builds of CPython 3.14 abort where a comprehension's LIST_APPEND gets no memory: shared memory alone fails."""

ONLY_PICKLED: dict[str, Operation] = {
    "pickle": lambda x, a: pickle.dumps(x),
    "pickle, old": lambda x, a: pickle.dumps(x, 2),
}
"""What is done in place of these where Python's allocations fail: pickle.loads() loses an object of any class for good
if one of its own fails. The type that it calls is an operation of its own."""

PICKLE_LOOKED_IN_VAIN = re.compile("import of module .* failed|attribute lookup .* failed|not found as", re.S)

EVERYDAY = (
    datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "one")),
    datetime.date(2024, 1, 2),
    datetime.timedelta(5),
    decimal.Decimal("1234567890.12345678901234567890"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=7),
    pathlib.PurePosixPath("a/b"),
    range(3),
)


def edit_atomically(table: Any, a: Any) -> Any:
    before = table.snapshot()
    table[a.key] = a.value
    table.exchange("new", 1)
    table.add("new", 2)
    table.pop("new")
    return before


def done(*results: Any) -> None:
    """What is there to compare is none of the outcome."""


REST: dict[str, Callable[[Any], Any]] = {
    "AtomicRef": lambda a: AtomicRef(a.map).get_versioned(),
    "AtomicRef, published": lambda a: a.ref.set(a.value) or a.ref.exchange(a.map),
    "AtomicRef, compared": lambda a: a.ref.compare_and_set(a.ref.get(), a.map),
    "AtomicRef, updated": lambda a: a.ref.update(a.fn, a.value),
    "AtomicRef, looked up": lambda a: AtomicRef(a.map).lookup(a.key),
    "watch": lambda a: a.ref.watch(a.fn).close(),
    "snapshot": lambda a: len(snapshot(a.ref, a.ref2)),
    "transaction": lambda a: transaction(a.ref, a.ref2).set(a.value, a.map),
    "views": lambda a: len([iter(a.map.keys()), iter(a.map.values()), iter(a.map.items()), a.map.items().mapping]),
    "AtomicCounter": lambda a: (c := AtomicCounter(1 << 40), c.add(1 << 41), c.get(), c.take()),
    "Blob": lambda a: bytes(Blob(b"x" * 100)),
    "AtomicRef, fetched": lambda a: AtomicRef(1).fetch_update(a.fn, a.value),
    "AtomicCounter, shown": lambda a: repr(AtomicCounter(1 << 40)),
    "AtomicMap": lambda a: AtomicMap(a.map).snapshot(),
    "AtomicMap, edited": lambda a: edit_atomically(AtomicMap(a.map), a),
    "encode": lambda a: encode(a.tree),
    "decode": lambda a: decode(a.encoded),
    "everyday values": lambda a: SharedVector(EVERYDAY),
    "everyday values, read": lambda a: a.everyday.totuple(),
    "everyday values, as keys": lambda a: SharedMap(a.everyday_keys),
    "everyday values, compared": lambda a: a.everyday == a.everyday2,
    "signature": lambda a: str(type(a.map)[int, str]),
}

IN_PYTHON: dict[str, Callable[[Any], Any]] = {
    "Blob, copied": lambda a: copy.copy(Blob(b"x" * 100)),
    "transaction, updated": lambda a: transaction(a.ref, a.ref2).update(lambda x, y: (x, y)) and None,
    "freeze": lambda a: freeze(a.data),
    "thaw": lambda a: thaw(a.map),
    "get_in": lambda a: get_in(a.tree, a.path),
    "set_in": lambda a: set_in(a.tree, a.path, a.value),
    "set_in anew": lambda a: set_in(a.tree, [*a.path, "new", "and newer"], a.value),
    "update_in": lambda a: update_in(a.tree, a.path, a.fn, 1),
    "delete_in": lambda a: delete_in(a.tree, a.path),
    "diff": lambda a: a.tree.diff(a.tree.set("b", a.value)),
    "apply": lambda a: a.tree.apply(a.delta),
    "inverse": lambda a: a.delta.inverse(),
    "delta, composed": lambda a: a.delta.then(a.delta.inverse()),
    "delta, other family": lambda a: SharedMap(a=SharedMap(x=SharedVector([1, 2])), b=5).apply(a.delta),
    "delta, shown": lambda a: done(repr(a.delta), str(a.delta)),
    "to_json_patch": lambda a: a.delta.to_json_patch(),
    "from_json_patch": lambda a: Delta.from_json_patch(a.tree, a.patch),
    "from_merge_patch": lambda a: Delta.from_merge_patch(a.tree, {"a": {"x": None}, "b": 7}),
    "merge3": lambda a: merge3(a.tree, a.tree.apply(a.delta), a.tree.set("b", 7)),
    "merge3, settled": lambda a: merge3(a.tree, a.tree.set("b", 6), a.tree.set("b", 7), on_conflict=max),
    "encode, records": lambda a: decode(encode(EVERYDAY)),
    "SharedRef, fetched": lambda a: SharedRef(5).fetch_update(a.fn, a.value),
    "classes anew": lambda a: done(_core._forget_plans(), SharedVector(EVERYDAY).totuple()),
    "delta, pickled": lambda a: pickle.loads(pickle.dumps(a.delta)),
    "share": lambda a: share(a.data),
    "SharedRef": lambda a: SharedRef(a.map).get(),
    "SharedRef, published": lambda a: SharedRef(1).exchange(a.map),
    "SharedRef, compared": lambda a: SharedRef(5).compare_and_set(5, a.value),
    "SharedRef, updated": lambda a: SharedRef(5).update(a.fn, a.value),
    "SharedRef, sent": lambda a: SharedRef(5).handle().redeem().get(),
    "Handle": lambda a: Handle(a.map).redeem(),
    "Handle, pickled": lambda a: pickle.loads(pickle.dumps(Handle(a.set))).redeem(),
    "is_shareable": lambda a: frozen.is_shareable((a.value, a.map)),
}
"""What runs Python code. CPython loses references there without memory: on 3.11 a function whose variables an inner
function uses keeps its arguments for good, if there is no memory for the cells."""


def is_failed_allocation(error: BaseException | None) -> bool:
    """A MemoryError, one that was raised while a MemoryError was handled, or what pickle raises in place of one.

    The C code of pickle drops the error of an import or a look-up that fails, and raises an error of a type that the
    library raises nowhere, without a context.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, pickle.PicklingError) and PICKLE_LOOKED_IN_VAIN.search(str(error)):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def python_fails(first: int, last: int, operation: Callable[[], Any]) -> tuple[Any, bool]:
    """What it returns, or MemoryError; and whether it had fewer allocations than were to succeed."""
    _testcapi.set_nomemory(first, last)
    try:
        outcome = operation()  # and nothing more: a tuple would be one more allocation
    except Exception as error:
        _testcapi.remove_mem_hooks()
        if not is_failed_allocation(error):
            raise
        return MemoryError, False
    finally:
        _testcapi.remove_mem_hooks()
    return outcome, True


def shared_fails(first: int, last: int, operation: Callable[[], Any]) -> tuple[Any, bool]:
    _core._fail_shared_allocation(first)
    try:
        outcome = operation()
    except MemoryError:
        outcome = MemoryError
    finally:
        left = _core._fail_shared_allocation(-1)
    return outcome, left >= 0


FAILURES = (python_fails, shared_fails) if PYTHON_SURVIVES else (shared_fails,)


def fail_each(fails: Any, operation: Callable[[], Any], examine: Callable[[Any], None], fresh: Any = None) -> None:
    """`operation` with each allocation failing, `fresh()` before each try, `examine(outcome)` after it."""
    for first in range(MOST):
        for last in (first + 1, 0):
            if fresh is not None:
                fresh()
            outcome, got_by = fails(first, last, operation)
            examine(outcome)
        if got_by:  # with all allocations from `first` on failing
            return


def identities(container: Any) -> list[Any]:
    """The items by identity; of shared ones, which are made at each reading, only how many there are."""
    if type(container).__name__.startswith("Shared"):
        return [len(list(container))]
    return [id(item) for part in (container, getattr(container, "values", list)()) for item in part]


def arguments_of(world: World, entry: Entry, source: random.Random) -> SimpleNamespace:
    """All that an operation may ask for, drawn before memory ends."""
    arguments = Arguments(world, entry, source)
    names = [name[5:] for name in dir(Arguments) if name.startswith("draw_")]
    drawn = SimpleNamespace(**{name: arguments.draw(name)[0] for name in names})
    drawn.data = {"a": [1, {2, 3}], "b": (drawn.map, [drawn.value])}
    drawn.tree = world.family["map"]({"a": world.family["map"](x=world.family["vector"]([1, 2])), "b": 5})
    drawn.path = ["a", "x", 1]
    drawn.delta = drawn.tree.diff(set_in(drawn.tree, ["a", "y"], "value"))
    drawn.patch = drawn.delta.to_json_patch()
    drawn.encoded = encode(drawn.tree)
    drawn.everyday, drawn.everyday2 = SharedVector(EVERYDAY), SharedVector(EVERYDAY)
    drawn.everyday_keys = dict.fromkeys(EVERYDAY, 1)
    drawn.ref, drawn.ref2 = AtomicRef(1), AtomicRef(2)
    return drawn


def fail_operation(fails: Any, entry: Entry, operation: Operation, arguments: Any) -> None:
    try:
        expected = operation(entry.value, arguments)
    except (TypeError, LookupError, ValueError):
        return
    before = identities(entry.value)

    def examine(outcome: Any) -> None:
        assert outcome is MemoryError or alike(outcome, expected), f"{outcome!r} in place of {expected!r}"
        if type(outcome) in KINDS:
            _core._check(outcome)
        _core._check(entry.value)
        assert identities(entry.value) == before

    fail_each(fails, lambda: operation(entry.value, arguments), examine)


def alike(outcome: Any, expected: Any) -> bool:
    return same(outcome, expected) or outcome == expected or type(outcome) is type(expected)


def fail_edit(fails: Any, entry: Entry, name: str, operation: Operation, arguments: Any) -> None:
    try:
        operation(entry.value.mutate(), arguments)
    except (TypeError, LookupError, ValueError):
        return
    before = identities(entry.value)
    mutation: Any = None

    def fresh() -> None:
        nonlocal mutation
        mutation = entry.value.mutate()

    def examine(outcome: Any) -> None:
        result = mutation.finish()
        _core._check(result)
        if outcome is MemoryError and name not in SEVERAL_SOURCES:
            assert identities(result) == before, f"{name} has failed, and yet changed something"
        assert identities(entry.value) == before

    fail_each(fails, lambda: operation(mutation, arguments), examine, fresh)


def run_case(case: harness.Case) -> None:
    shared = case.number % len(FAILURES) == len(FAILURES) - 1
    faulthandler.cancel_dump_traceback_later()  # a thread that starts while the allocator's hooks change crashes
    world = World(shared)
    gc.collect()
    gc.disable()  # or the finalizers of what others left behind may fail
    try:
        for step in case.steps:
            take_step(world, case, step, shared)
    finally:
        gc.enable()


def take_step(world: World, case: harness.Case, step: int, shared: bool) -> None:
    source = case.random(step)
    fails = source.choice(FAILURES) if shared else python_fails
    kind = source.choice(("map", "set", "vector"))
    entry = world.pick(source, kind)
    arguments = arguments_of(world, entry, source)
    match source.randrange(3):
        case 0:
            name = source.choice(list(TABLES[kind]))
            fails = shared_fails if name in LOOPS_OF_PYTHON else fails
            case.note(step, f"{fails.__name__}: {type(entry.value).__name__} of {len(entry.model)}: {name}")
            operation = TABLES[kind][name][0]
            if fails is python_fails:
                operation = ONLY_PICKLED.get(name, operation)
            fail_operation(fails, entry, operation, arguments)
        case 1:
            name = source.choice(list(EDITS[kind]))
            case.note(step, f"{fails.__name__}: {type(entry.value).__name__} mutation of {len(entry.model)}: {name}")
            fail_edit(fails, entry, name, EDITS[kind][name][0], arguments)
        case _:
            table = REST | IN_PYTHON if fails is shared_fails else REST
            name = source.choice(list(table))
            case.note(step, f"{fails.__name__}: {name}")
            fail_operation(fails, Entry("map", Map(), {}), lambda _, a: table[name](a), arguments)
    world.pool.append(world.fill(source, kind))
    del world.pool[:-6]


if __name__ == "__main__":
    if _testcapi is None or getattr(sys, "_is_gil_enabled", lambda: True)() is False:
        print("NOT CHECKED: CPython's allocator that fails on demand needs _testcapi and a GIL")
        sys.exit(0)
    sys.exit(harness.main(run_case, steps=40))
