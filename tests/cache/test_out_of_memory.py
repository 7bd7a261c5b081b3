"""Out of memory: each operation of a cache raises MemoryError or does without, and leaves the cache whole."""

import faulthandler
import gc

import pytest
from support import FREE_THREADED

from frozen import Cache, cached

_testcapi = pytest.importorskip("_testcapi", reason="needs CPython's own allocator that fails on demand")
if FREE_THREADED:
    pytest.skip("CPython's hooks of the allocator are for builds with the GIL", allow_module_level=True)

OPERATIONS = {
    "store": lambda cache: cache.set("new", 1),
    "replace": lambda cache: cache.set(5, 1),
    "set with a ttl": lambda cache: cache.set("new", 1, ttl=5),
    "pop": lambda cache: cache.pop(5),
    "delete": lambda cache: cache.delete(5),
    "clear": lambda cache: cache.clear(),
    "get": lambda cache: cache.get(5),
    "snapshot": lambda cache: cache.snapshot(),
    "stats": lambda cache: cache.stats(),
    "resize": lambda cache: cache.resize(5),
    "get_or_compute": lambda cache: cache.get_or_compute("new", len, "ab"),
}


def filled():
    cache = Cache(40, on_evict=lambda key, value, reason: None)
    for i in range(60):
        cache[i] = i
        cache.get(i - 7)
    return cache


@pytest.fixture(autouse=True)
def no_watchdog() -> None:
    """A thread that starts while the allocator's hooks are changed could crash."""
    faulthandler.cancel_dump_traceback_later()


def without_memory(function, failing):
    """Call it while twenty allocations in a row fail, from the given one on; whether it had enough memory.

    Not all that follow: without any, CPython 3.11 can try to enter an `except` block for ever.
    """
    gc.disable()
    _testcapi.set_nomemory(failing, failing + 20)
    try:
        function()
    except MemoryError:
        return False
    finally:
        _testcapi.remove_mem_hooks()
        gc.enable()
    return True


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_that_lacks_memory_leaves_the_cache_whole(operation):
    run = OPERATIONS[operation]
    run(filled())
    for failing in range(1, 80):
        cache = filled()
        done = without_memory(lambda cache=cache: run(cache), failing)
        cache._check()
        assert len(cache) == len(cache.snapshot()) <= 40
        for i in range(100, 160):  # it works on, and takes out what it could not take out then
            cache[i] = i
        cache._check()
        assert all(flight.ended for flight in cache._flights.values())
    assert done


def test_a_call_that_lacks_memory_leaves_the_function_usable():
    @cached(maxsize=2)
    def pair(a, b=0):
        return [a, b]

    pair(1)
    for failing in range(1, 80):
        without_memory(lambda: pair(1, b=2), failing)
        assert pair(1, b=2) == [1, 2]
        pair.cache._check()
        pair.cache_clear()
