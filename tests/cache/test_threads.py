"""Threads: one computation for each key, a bound that holds, and processes that were forked."""

import os
import random
import sys
import threading
import time

import pytest
from support import eventually, run_python, run_threads, switch_interval

from frozen import Cache, cached

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))


def test_24_threads_of_constant_eviction_stay_within_the_bound():
    """functools.lru_cache grows past its maxsize here without the GIL: cpython#148180."""
    function, most = cached(maxsize=64)(lambda n: n), []
    end = time.monotonic() + SECONDS

    def work(seed):
        chance = random.Random(seed)
        while time.monotonic() < end:
            for _ in range(100):
                n = chance.randrange(1000)
                assert function(n) == n
                if len(function.cache) > 64:
                    most.append(len(function.cache))

    with switch_interval():
        run_threads(*[lambda seed=seed: work(seed) for seed in range(24)])
    assert most == []
    function.cache._check()
    assert function.cache_info().currsize == 64
    assert len(function.cache.snapshot()) == 64


def test_threads_that_store_and_delete_leave_it_whole():
    gone = []
    cache = Cache(50, weigh=lambda value: value[1], on_evict=lambda key, value, reason: gone.append(value))
    stored = [[] for _ in range(6)]
    end = time.monotonic() + SECONDS

    def work(number):
        chance = random.Random(number)
        while time.monotonic() < end:
            key = chance.randrange(40)
            match chance.randrange(6):
                case 0 | 1 | 2:
                    value = (object(), chance.randrange(4))
                    stored[number].append(value)
                    cache[key] = value
                case 3:
                    cache.delete(key)
                case 4:
                    cache.get(key)
                case 5:
                    if chance.randrange(20) == 0:
                        cache.clear()
                    assert cache.weight <= 50

    with switch_interval():
        run_threads(*[lambda number=number: work(number) for number in range(6)])
    cache._check()
    # each value went once, or is there
    left = list(cache.snapshot().values())
    everything = [id(value) for values in stored for value in values]
    assert sorted(map(id, gone + left)) == sorted(everything)


def wait_for_others(cache, count):
    """Until so many threads wait for a flight of this cache."""
    from frozen._flights import _waiting

    flights = set(map(id, cache._flights.values()))
    eventually(lambda: sum(id(flight()) in flights for flight in list(_waiting.values())) == count)


def test_one_thread_computes_and_the_others_wait():
    calls = []

    @cached
    def slow(n):
        calls.append(n)
        wait_for_others(slow.cache, 3)
        return [n]

    results = run_threads(*[lambda: slow(5)] * 4)
    assert calls == [5]
    assert all(result is results[0] for result in results)
    assert slow.cache._flights == {}


def test_those_who_wait_get_the_exception():
    calls = []

    @cached
    def slow():
        calls.append(1)
        wait_for_others(slow.cache, 3)
        raise ValueError("once")

    def ask():
        with pytest.raises(ValueError, match="once"):
            slow()

    run_threads(*[ask] * 4)
    assert calls == [1]
    assert slow.cache._flights == {}


class Refused(ValueError):
    """An exception with arguments of its own."""

    made = 0

    def __init__(self, who, why):
        super().__init__(f"{who} was refused")
        self.why = why
        Refused.made += 1


def with_note(error):
    error.add_note("a note")
    return error


ERRORS = {
    "plain": lambda: ValueError("a", 1),
    "note": lambda: with_note(KeyError("a")),
    "file": lambda: FileNotFoundError(2, "not there", "a.json"),
    "import": lambda: ImportError("not there", name="a", path="a.py"),
    "attribute": lambda: AttributeError("not there", name="a", obj=1),
    "text": lambda: UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "invalid start byte"),
    "group": lambda: ExceptionGroup("two", [ValueError(1), KeyError(2)]),
    "own": lambda: Refused("a", "why"),
}


def seen(error):
    public = [name for name in dir(error) if not name.startswith("__") and name not in ("with_traceback", "obj")]
    values = {name: getattr(error, name, None) for name in public}  # an OSError without characters_written has no such
    shown = {name: repr(value) for name, value in values.items() if not callable(value)}
    return type(error), str(error), shown, getattr(error, "__notes__", None), error.__cause__


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("options", [{}, {"cache_exceptions": True}])
def test_each_thread_gets_an_exception_of_its_own(kind, options):
    """Raising one object in two threads would change its traceback at the same time, which CPython does not lock."""
    cause, got = LookupError("the cause"), []

    @cached(**options)
    def slow():
        wait_for_others(slow.cache, 3)
        raise ERRORS[kind]() from cause

    def ask():
        try:
            slow()
        except Exception as error:
            got.append(error)

    made = Refused.made
    run_threads(*[ask] * 4)
    if options:
        ask()
    assert len({id(error) for error in got}) == 4 + len(options)
    expected = ERRORS[kind]()
    expected.__cause__ = cause
    assert [seen(error) for error in got] == [seen(expected)] * len(got)
    assert kind != "own" or Refused.made == made + 2, "those who wait do not call the class"


def test_a_computation_that_is_interrupted_is_taken_over():
    calls = []

    @cached
    def slow():
        calls.append(1)
        if len(calls) == 1:
            wait_for_others(slow.cache, 3)
            raise KeyboardInterrupt
        return len(calls)

    def ask():
        try:
            return slow()
        except KeyboardInterrupt:
            return "interrupted"

    assert sorted(run_threads(*[ask] * 4), key=str) == [2, 2, 2, "interrupted"]


def test_threads_that_would_wait_for_each_other_are_told():
    """Each computes a value for which it needs the other's."""
    begun = threading.Barrier(2)

    @cached(key=lambda n, first=False: n)
    def value(n, first=False):
        if first:
            begun.wait(60)
        return value(1 - n, first=first)

    def ask(n):
        with pytest.raises(RuntimeError, match="would wait for itself"):
            value(n, first=True)

    assert value.cache_info().misses == 0
    run_threads(lambda: ask(0), lambda: ask(1))
    assert value.cache._flights == {}


def test_different_keys_are_computed_at_once():
    both = threading.Barrier(2)

    @cached
    def slow(n):
        both.wait(60)
        return n

    assert run_threads(lambda: slow(1), lambda: slow(2)) == [1, 2]


def test_who_comes_after_a_deletion_does_not_wait_for_what_was_before():
    begun, go_on = threading.Event(), threading.Event()
    results = []

    @cached
    def load(key):
        results.append(key)
        if len(results) == 1:
            begun.set()
            assert go_on.wait(60)
            return "old"
        return "new"

    def first():
        return load("k")

    def second():
        assert begun.wait(60)
        load.cache.delete("k")
        try:
            return load("k")
        finally:
            go_on.set()

    assert run_threads(first, second) == ["old", "new"]
    assert load("k") == "new"


def test_a_stale_value_is_returned_while_a_thread_computes_it_again():
    now, version, go_on = [0.0], [1], threading.Event()

    @cached(ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
    def load():
        if version[0] > 1:
            assert go_on.wait(60)
        return version[0]

    assert load() == 1
    now[0], version[0] = 10, 2
    assert [load() for _ in range(5)] == [1] * 5
    go_on.set()
    eventually(lambda: load() == 2)
    now[0], version[0] = 25, 3
    assert load() == 3  # it was too old: who asks has to wait


def test_a_refresh_that_fails_is_reported_and_the_stale_value_stays(monkeypatch):
    reported, now = [], [0.0]
    monkeypatch.setattr(threading, "excepthook", lambda report: reported.append(report.exc_type))

    @cached(ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
    def load():
        if now[0]:
            raise ValueError
        return 1

    assert load() == 1
    now[0] = 10
    assert load() == 1
    eventually(lambda: reported == [ValueError])
    now[0] = 15
    with pytest.raises(ValueError):  # noqa: PT011
        load()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(sys.platform == "darwin", reason="threads and fork do not mix on macOS")
def test_the_child_of_a_fork_computes_what_a_thread_of_its_parent_did():
    run_python(
        "-W",
        "ignore",
        "-c",
        """if True:
        import os, threading
        from frozen import cached

        begun, go_on = threading.Event(), threading.Event()

        @cached
        def slow(n):
            if threading.current_thread() is not threading.main_thread():
                begun.set()
                assert go_on.wait(60)
            return os.getpid()

        thread = threading.Thread(target=slow, args=(1,))
        thread.start()
        assert begun.wait(60)
        slow(2)
        child = os.fork()
        if child == 0:
            assert slow(1) == os.getpid()
            assert slow(2) == os.getppid()
            for n in range(500):
                slow(n)
            slow.cache._check()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        go_on.set()
        thread.join()
        assert slow(1) == os.getpid()
        """,
    )


def test_a_fork_inside_a_computation_leaves_both_to_finish():
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    run_python(
        "-c",
        """if True:
        import os
        from frozen import cached

        @cached
        def forking(n):
            return os.fork()

        child = forking(1)
        if child == 0:
            assert forking(1) == 0
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert forking(1) == child
        """,
    )
