"""Out of memory: each allocation of shared memory fails once, in every operation. It then raises MemoryError, or does
without, and leaves the map as it was."""

from __future__ import annotations

import gc

import pytest
from support import live_shared_nodes

from frozen import SharedAtomicCounter, SharedAtomicMap, SharedMap, _core

TEXT = "a text that needs a box"
ENTRIES = {i: i * 1000 for i in range(70)} | {(i, TEXT): TEXT for i in range(5)} | {"map": SharedMap(a=1)}
OTHER = SharedMap(dict.fromkeys(range(40), TEXT))
OPERATIONS = {
    "set": lambda m: m.__setitem__(5, TEXT),
    "insert": lambda m: m.__setitem__(TEXT, TEXT),
    "insert below": lambda m: m.__setitem__(5 + (1 << 20), 7),
    "pop": lambda m: m.pop(5),
    "add": lambda m: m.add(6, 100_000),
    "add to a new key": lambda m: m.add(TEXT),
    "add an int of several digits": lambda m: m.add(6, 1 << 80),
    "update": lambda m: m.update((1, TEXT), lambda value: value + "!"),
    "setdefault": lambda m: m.setdefault("new", 2.5),
    "exchange": lambda m: m.exchange((2, TEXT), 2.5),
    "compare_and_set": lambda m: m.compare_and_set((3, TEXT), TEXT, 1.5),
    "replace": lambda m: m.replace(OTHER),
    "drain": lambda m: m.drain(),
    "snapshot": lambda m: m.get_versioned(),
    "compare_and_set_all": lambda m: m.compare_and_set_all(m.snapshot(), OTHER),
    "update_all": lambda m: m.update_all(OTHER),
    "mirror": lambda m: m._mirror(),
    "adopt": SharedAtomicMap,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shared", [True, False], ids=["with a snapshot", "alone"])
def test_an_operation_that_lacks_memory_changes_nothing(operation, shared):
    run = OPERATIONS[operation]
    run(SharedAtomicMap(ENTRIES))
    gc.collect()
    before = live_shared_nodes()
    for failing in range(200):
        m = SharedAtomicMap(ENTRIES)
        snapshot = m.snapshot() if shared else None
        _core._fail_shared_allocation(failing)
        done = True
        try:
            run(m)
        except MemoryError:
            done = False
        finally:
            never_failed = _core._fail_shared_allocation(-1) >= 0
        assert done or m == ENTRIES
        assert snapshot is None or snapshot == ENTRIES
        assert _core._check(m.snapshot()) is None
        assert len(m) == len(m.snapshot())
        del m, snapshot
        assert live_shared_nodes() == before
        if never_failed:
            return
    pytest.fail("it never has enough memory")


@pytest.mark.parametrize("Place", [SharedAtomicMap, SharedAtomicCounter])
def test_a_place_that_could_not_be_made_leaves_no_name(Place):
    before = live_shared_nodes()
    for failing in range(200):
        _core._fail_shared_allocation(failing)
        try:
            Place("of memory", {1: TEXT} if Place is SharedAtomicMap else 1)
        except MemoryError:
            with pytest.raises(LookupError):
                Place.unlink("of memory")
        else:
            Place.unlink("of memory")
        if _core._fail_shared_allocation(-1) >= 0:
            break
    assert failing > 0
    assert live_shared_nodes() == before
