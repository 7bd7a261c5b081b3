"""Out of memory: each operation of AtomicMap raises MemoryError and leaves the map as it was, or does without."""

import faulthandler
import gc

import pytest
from keys import HashKey
from support import FREE_THREADED

from frozen import AtomicMap, Map
from frozen._core import _check

_testcapi = pytest.importorskip("_testcapi", reason="needs CPython's own allocator that fails on demand")
if FREE_THREADED:
    pytest.skip("CPython's hooks of the allocator are for builds with the GIL", allow_module_level=True)

ENTRIES = {i: i * 1000 for i in range(70)} | {HashKey(0, "a"): 1, HashKey(0, "b"): 2, "map": Map(a=1)}
KEY, OTHER = HashKey(0, "c"), Map((i, 1) for i in range(40))
OPERATIONS = {
    "set": lambda m: m.__setitem__(5, 7),
    "insert": lambda m: m.__setitem__(999, 7),
    "insert below": lambda m: m.__setitem__(5 + (1 << 20), 7),
    "insert into a collision": lambda m: m.__setitem__(KEY, 7),
    "insert what the collector sees": lambda m: m.__setitem__("list", []),
    "pop": lambda m: m.pop(5),
    "add": lambda m: m.add(6, 100_000),
    "add an int of several digits": lambda m: m.add(6, 1 << 80),
    "count": lambda m: m.count([6, 6, 6]),
    "update": lambda m: m.update(7, str),
    "setdefault": lambda m: m.setdefault("new", 5),
    "replace": lambda m: m.replace(OTHER),
    "drain": lambda m: m.drain(),
    "snapshot": lambda m: m.get_versioned(),
    "compare_and_set_all": lambda m: m.compare_and_set_all(m.snapshot(), OTHER),
    "update_all": lambda m: m.update_all(OTHER),
    "wait": lambda m: m.wait(0, 0.0001),
}


@pytest.fixture(autouse=True)
def no_watchdog() -> None:
    """A thread that starts while the allocator's hooks are changed could crash."""
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shared", [True, False], ids=["with a snapshot", "alone"])
def test_an_operation_that_lacks_memory_changes_nothing(operation, shared):
    run = OPERATIONS[operation]
    run(AtomicMap(ENTRIES))
    for failing in range(1, 100):
        m = AtomicMap(ENTRIES)
        snapshot = m.snapshot() if shared else None
        done = False
        gc.disable()
        _testcapi.set_nomemory(failing)
        try:
            run(m)
            done = True
        except MemoryError:
            pass
        finally:
            _testcapi.remove_mem_hooks()
            gc.enable()
        assert done or m == ENTRIES
        assert snapshot is None or snapshot == ENTRIES
        assert _check(m.snapshot()) is None
        assert len(m) == len(m.snapshot())
        if done:
            return
    pytest.fail("it never has enough memory")
