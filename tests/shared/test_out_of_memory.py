"""Out of memory: each allocation of shared memory fails once, in every operation. It then raises MemoryError, or does
without, and leaves everything as it was."""

from __future__ import annotations

import decimal
import functools
import gc
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import interp_mailbox as mailbox
import pytest
from support import Subinterpreter, edit_a_little, needs_subinterpreters

from frozen import (
    Blob,
    Handle,
    Map,
    SharedMap,
    SharedRef,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    is_shareable,
    share,
    transaction,
)

TEXT = "a text that needs a box"
VALUES = [TEXT, 2**80, (1, TEXT), frozenset({TEXT}), 1.5, b"bytes", 1j, 2**62, decimal.Decimal("1.5"), range(3), None]


class Inputs:
    """What the operations start from, with copies in ordinary types that say what must still be in it at the end."""

    def __init__(self) -> None:
        self.dict = {(key, TEXT) if key % 5 == 0 else key: VALUES[key % len(VALUES)] for key in range(60)}
        self.list = [VALUES[index // 40 % len(VALUES)] if index % 40 == 0 else index for index in range(1100)]
        self.map, self.set, self.vector = SharedMap(self.dict), SharedSet(self.dict), SharedVector(self.list)
        self.relaxed = self.vector[5:900] + self.vector[7:]
        self.other = SharedMap(dict.fromkeys(range(40, 100), TEXT + "!"))

    def check(self) -> None:
        for shared in (self.map, self.set, self.vector, self.relaxed, self.other):
            _core._check(shared)
        assert self.map == self.dict
        assert self.set == set(self.dict)
        assert self.vector.tolist() == self.list
        assert self.relaxed.tolist() == self.list[5:900] + self.list[7:]
        assert self.other == dict.fromkeys(range(40, 100), TEXT + "!")


alive = _core._live_shared_nodes


@pytest.fixture(autouse=True)
def no_garbage():
    """So that nothing else is freed while blocks are counted: what earlier tests left for the collector."""
    gc.collect()


def attempt(operation: Callable[[Any], Any], subject: Any, allocation: int) -> tuple[Any, bool]:
    """What the operation returns, or MemoryError, if the allocation of that number fails; and whether there were not so
    many."""
    _core._fail_shared_allocation(allocation)
    try:
        result = operation(subject)
    except MemoryError:
        result = MemoryError
    finally:
        left = _core._fail_shared_allocation(-1)
    return result, left >= 0


def named(value: Any) -> Any:
    """What is attached to under a name; one that could not be made leaves no name behind."""
    SharedRef("out of memory", value)
    try:
        return SharedRef.attach("out of memory").get()
    finally:
        SharedRef.unlink("out of memory")


OPERATIONS: dict[str, Callable[[Inputs], Any]] = {
    "SharedMap": lambda i: SharedMap(i.dict),
    "SharedMap of pairs": lambda i: SharedMap(list(i.dict.items()), a=TEXT),
    "map.set": lambda i: i.map.set(("new", TEXT), tuple(VALUES)),
    "map.set, there already": lambda i: i.map.set(7, (TEXT, TEXT)),
    "map.set, nothing new": lambda i: i.map.set(1, 2**80),
    "map.setdefault": lambda i: i.map.setdefault(("new", TEXT), tuple(VALUES)),
    "map.alter": lambda i: i.map.alter((5, TEXT), lambda value: (value, TEXT)).alter(TEXT, str.upper, default=TEXT),
    "map.delete": lambda i: i.map.delete((5, TEXT)),
    "map.discard": lambda i: i.map.discard((5, TEXT)),
    "map.update, a few": lambda i: i.map.update({1: TEXT * 2, TEXT: 5}),
    "map.update, many": lambda i: i.map.update(dict.fromkeys(range(90), TEXT * 2)),
    "map.update, a map": lambda i: i.map.update(i.other),
    "map |": lambda i: i.map | i.other | Map(a=TEXT) | {"b": TEXT},
    "map.merge": lambda i: i.map.merge(i.other, lambda old, new: (old, new)),
    "map.fromkeys": lambda i: SharedMap.fromkeys(i.dict, TEXT),
    "map.diff": lambda i: i.map.apply(i.map.diff(i.map.update(i.other))),
    "map as key": lambda i: SharedMap({i.map: i.map}),
    "map, looked up": lambda i: (i.map[7], (5, TEXT) in i.map, i.map.get((1, TEXT)), list(i.map.items()), hash(i.map)),
    "set": lambda i: SharedSet(i.dict),
    "set.add": lambda i: i.set.add((TEXT, 1)),
    "set.remove": lambda i: i.set.remove((5, TEXT)),
    "set.union": lambda i: i.set.union(range(90), [TEXT * 2]),
    "set &": lambda i: i.set & i.set.remove(7) & {(5, TEXT), (10, TEXT), 11, object},
    "set &, a set": lambda i: i.set & SharedSet(range(0, 90, 3)),
    "set -": lambda i: (i.set - SharedSet([1, (5, TEXT)])) - {(10, TEXT), object} - {11},
    "set ^": lambda i: i.set ^ SharedSet(range(30, 90)) ^ {TEXT, 5},
    "set ^, what cannot be shared": lambda i: i.set ^ {True},
    "set, compared": lambda i: (i.set == set(i.dict), i.set <= i.set.add(TEXT), i.set.isdisjoint([object(), TEXT])),
    "vector": lambda i: SharedVector(i.list),
    "vector of an iterator": lambda i: SharedVector(iter(i.list)),
    "vector of a Vector": lambda i: SharedVector(Vector(i.list)),
    "vector.append": lambda i: i.vector.append((TEXT, 1)),
    "vector.append, a full tail": lambda i: i.vector[:1056].append(TEXT),
    "vector.set": lambda i: i.relaxed.set(700, (TEXT, 1)),
    "vector.insert": lambda i: i.relaxed.insert(700, (TEXT, 1)),
    "vector.delete": lambda i: i.relaxed.delete(700).delete(3, 500),
    "vector.pop": lambda i: i.vector[:1025].pop().pop(),
    "vector.extend": lambda i: i.relaxed.extend([TEXT, 1] * 40),
    "vector +": lambda i: i.relaxed + i.vector + Vector([TEXT]),
    "vector *": lambda i: i.relaxed * 5,
    "vector, slices": lambda i: (i.relaxed[3:], i.relaxed[:900], i.relaxed[::7], i.relaxed[100:200]),
    "vector, searched": lambda i: ((TEXT, 5) in i.vector, i.vector.count(2**80), i.vector.index((1, TEXT))),
    "vector, compared": lambda i: (i.vector == Vector(i.list), i.vector < i.vector.append(1), i.vector == i.relaxed),
    "share": lambda i: share({"map": i.dict, "list": [i.list, {TEXT}], "tuple": ([TEXT], 1), "again": i.map}),
    "is_shareable": lambda i: (is_shareable(i.list[:11]), is_shareable((i.map, TEXT)), is_shareable(object())),
    "nested tuples": lambda i: SharedVector([functools.reduce(lambda part, n: (TEXT + str(n), part), range(20), TEXT)]),
    "nested": lambda i: SharedVector([i.map, SharedSet([i.set, i.vector]), (i.vector,)]),
    "Blob": lambda i: SharedMap(blob=Blob(b"x" * 100)),
    "Handle": lambda i: Handle(i.map).redeem(),
    "Handle, pickled": lambda i: pickle.loads(pickle.dumps(i.vector.handle())).redeem(),
    "SharedRef": lambda i: (SharedRef((i.map, TEXT)).get(), SharedRef(i.set).get()),
    "SharedRef, named": lambda i: named((i.map, TEXT)),
    "SharedRef, by a handle": lambda i: SharedRef(TEXT).handle().redeem().get(),
    "SharedRef, read through": lambda i: (SharedRef(i.map).lookup(7), SharedRef.snapshot(SharedRef(i.set))),
    "pickle": lambda i: pickle.loads(pickle.dumps([i.map, i.set, i.vector])),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_operations(operation):
    inputs = Inputs()
    expected = operation(inputs)
    before = alive()
    for allocation in itertools.count():
        result, last = attempt(operation, inputs, allocation)
        assert result is MemoryError or result == expected
        del result
        assert alive() == before
        if last:
            break
    assert operation(inputs) == expected
    inputs.check()


MUTATIONS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "map, set": ("map", lambda m: m.set(7, (TEXT, 1))),
    "map, new key": ("map", lambda m: m.set((TEXT, 2), (TEXT, 1))),
    "map, delete": ("map", lambda m: m.delete((5, TEXT))),
    "map, pop": ("map", lambda m: m.pop((5, TEXT))),
    "map, a few": ("map", lambda m: m.update({1: TEXT * 2, 3: (1, TEXT), TEXT: TEXT})),
    "map, many": ("map", lambda m: m.update(dict.fromkeys(range(90), TEXT * 2))),
    "map, finish": ("map", lambda m: m.finish()),
    "set, add": ("set", lambda m: m.add((TEXT, 1))),
    "set, remove": ("set", lambda m: m.remove((5, TEXT))),
    "set, update": ("set", lambda m: m.update(range(90))),
    "set, update by a few": ("set", lambda m: m.update([(1, TEXT), 2, (2, TEXT), TEXT])),
    "vector, append": ("vector", lambda m: m.append((TEXT, 1))),
    "vector, set": ("vector", lambda m: m.__setitem__(700, (TEXT, 1))),
    "vector, insert": ("vector", lambda m: m.insert(700, (TEXT, 1))),
    "vector, pop": ("vector", lambda m: m.pop()),
    "vector, pop inside": ("vector", lambda m: m.pop(300)),
    "vector, extend": ("vector", lambda m: m.extend([TEXT] * 40)),
    "vector, extend by a vector": ("vector", lambda m: m.extend(SharedVector([TEXT] * 40))),
    "vector, set a slice": ("vector", lambda m: m.__setitem__(slice(300, 900), [TEXT] * 40)),
    "vector, set steps": ("vector", lambda m: m.__setitem__(slice(0, 1000, 100), [TEXT] * 10)),
    "vector, delete steps": ("vector", lambda m: m.__delitem__(slice(0, 1000, 3))),
    "vector, reverse": ("vector", lambda m: m.reverse()),
    "vector, sort": ("vector", lambda m: m.sort(key=str)),
    "vector, remove": ("vector", lambda m: m.remove((1, TEXT))),
    "vector, slice": ("vector", lambda m: m[3:700]),
    "vector, finish": ("vector", lambda m: m.finish()),
}  # fmt: skip


PUBLICATIONS: dict[str, Callable[[SharedRef[Any]], Any]] = {
    "set": lambda ref: ref.set((TEXT, 2)),
    "exchange": lambda ref: ref.exchange((TEXT, 2)),
    "compare_and_set": lambda ref: ref.compare_and_set((TEXT, 1), (TEXT, 2)),
    "compare_and_set, a container": lambda ref: ref.compare_and_set((TEXT, 1), SharedMap(a=TEXT)),
    "update": lambda ref: ref.update(lambda value: (*value, TEXT)),
    "transaction.set": lambda ref: transaction(SharedRef(1), ref).set((TEXT, 3), (TEXT, 2)),
    "transaction.update": lambda ref: transaction(ref, SharedRef(1)).update(lambda a, b: ((TEXT, 2), (TEXT, 3))),
}


@pytest.mark.parametrize("publish", PUBLICATIONS.values(), ids=PUBLICATIONS)
def test_publications(publish):
    """One that fails is none: value and version are what they were."""
    failed, before = 0, alive()
    for allocation in itertools.count():
        ref = SharedRef((TEXT, 1))
        result, last = attempt(publish, ref, allocation)
        if result is MemoryError:
            assert ref.get_versioned() == ((TEXT, 1), 0)
            failed += 1
        else:
            assert ref.version == 1
        del ref
        assert alive() == before
        if last:
            break
    assert failed >= 2, "a tuple and what is in it"


edited = functools.partial(edit_a_little, new=TEXT, index=700, key=7)


@pytest.mark.parametrize(("container", "edit"), MUTATIONS.values(), ids=MUTATIONS)
@pytest.mark.parametrize("prepare", [lambda mutation: None, edited], ids=["fresh", "edited"])
def test_mutations(container, edit, prepare):
    inputs = Inputs()

    def start() -> Any:
        mutation = getattr(inputs, container).mutate()
        prepare(mutation)
        return mutation

    unchanged, changed = start().finish(), start()
    expected = edit(changed)
    changed, before = changed.finish(), alive()
    for allocation in itertools.count():
        mutation = start()
        result, last = attempt(edit, mutation, allocation)
        assert result is MemoryError or result == expected
        assert mutation.finish() == (unchanged if result is MemoryError else changed)
        _core._check(mutation.finish())
        del mutation, result
        assert alive() == before
        if last:
            break
    inputs.check()


@needs_subinterpreters
@pytest.mark.skipif(not _core._crosses_natively(), reason="this Python has no registry for types that cross")
def test_crossing():
    inputs = Inputs()
    box, before = mailbox.create(), alive()
    for shared in (inputs.map, inputs.set, inputs.vector):
        for allocation in itertools.count():
            result, last = attempt(functools.partial(cross, box), shared, allocation)
            assert result is MemoryError or result == shared
            del result
            assert alive() == before
            if last:
                break
    mailbox.destroy(box)
    inputs.check()


def cross(box: int, shared: Any) -> Any:
    try:
        mailbox.put(box, shared)
    except Exception as error:  # which channels wrap
        if caused_by_memory(error):
            raise MemoryError from None
        raise
    return mailbox.get(box)


def caused_by_memory(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, MemoryError) or caused_by_memory(error.__cause__ or error.__context__)
    )


def test_the_count_of_allocations_is_what_it_says():
    """Without this the tests above could pass because nothing ever failed."""
    _core._fail_shared_allocation(1)
    SharedMap()
    assert _core._fail_shared_allocation(0) == 1
    with pytest.raises(MemoryError):
        SharedMap(a=TEXT)
    assert _core._fail_shared_allocation(-1) < 0
    results = [attempt(lambda text: SharedMap(a=text), TEXT, allocation) for allocation in range(3)]
    assert results == [(MemoryError, False), (MemoryError, False), (SharedMap(a=TEXT), True)], "a box and a node"


@needs_subinterpreters
def test_an_import_that_fails():
    """The empty containers of a new interpreter are the first allocations there."""
    before = alive()
    for allocation in range(3):
        with Subinterpreter() as interpreter:
            _core._fail_shared_allocation(allocation)
            interpreter.run(
                """
                try:
                    import frozen
                except MemoryError:
                    pass
                else:
                    raise AssertionError("imported")
                import frozen
                assert frozen.SharedVector([1]) + frozen.SharedVector() == frozen.Vector([1])
                """
            )
            assert _core._fail_shared_allocation(-1) < 0
        assert alive() == before
