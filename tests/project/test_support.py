"""The helpers of support.py fail when they should: a helper that cannot fail would hide failures everywhere."""

import itertools
import operator
import threading

import pytest
from support import (
    Subinterpreter,
    SubinterpreterFailed,
    assert_no_leak,
    needs_debug_build,
    needs_subinterpreters,
    run_in_subinterpreter,
    run_python,
    run_threads,
)


def test_threads_return_their_results_in_order():
    assert run_threads(lambda: 1, lambda: 2, lambda: 3) == [1, 2, 3]


def test_threads_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=60)
    run_threads(meeting.wait, meeting.wait, meeting.wait)


def test_a_failing_thread_fails_the_caller():
    with pytest.raises(ZeroDivisionError):
        run_threads(lambda: 1, lambda: 1 // 0)


def test_several_failing_threads_are_all_reported():
    with pytest.raises(ExceptionGroup) as caught:
        run_threads(lambda: 1 // 0, lambda: {}["missing"])
    assert {type(error) for error in caught.value.exceptions} == {ZeroDivisionError, KeyError}


def test_a_stuck_thread_fails_the_caller(capfd):
    release = threading.Event()
    try:
        with pytest.raises(TimeoutError, match="1 of 2 threads"):
            run_threads(release.wait, lambda: 1, timeout=0.2)
    finally:
        release.set()


def test_a_fresh_process_imports_the_package_under_test():
    done = run_python("-c", "import frozen; print(frozen.__file__)")
    import frozen

    assert done.stdout.strip() == frozen.__file__


def test_a_failing_process_fails_the_caller():
    with pytest.raises(pytest.fail.Exception, match="ended with 3"):
        run_python("-c", "raise SystemExit(3)")
    assert run_python("-c", "raise SystemExit(3)", check=False).returncode == 3


@needs_subinterpreters
def test_a_subinterpreter_keeps_its_names_and_reports_what_fails():
    with Subinterpreter() as interpreter:
        interpreter.run("x = 1")
        interpreter.run("assert x == 1")
        with pytest.raises(SubinterpreterFailed, match="division by zero"):
            interpreter.run("x / 0")
    run_in_subinterpreter("import sys; assert 'x' not in globals()")


SEVENTH = itertools.cycle([True] + [False] * 6)
LEAKS = {
    "one object": object,
    "several lists": lambda: [[], [], []],
    "in one call of seven": lambda: object() if next(SEVENTH) else None,
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_a_leak_is_found(leak):
    kept = []
    with pytest.raises(AssertionError, match="left behind"):
        assert_no_leak(lambda: kept.append(leak()))


@needs_debug_build
def test_a_leaked_reference_is_found_where_no_memory_leaks():
    kept = [None] * 100_000
    places = itertools.count()
    with pytest.raises(AssertionError, match="left behind"):
        assert_no_leak(lambda: operator.setitem(kept, next(places), SEVENTH))


def test_garbage_in_cycles_and_caches_are_not_leaks():
    cache = {}

    def cycle_and_cache():
        cache.setdefault("key", object())
        cycle = []
        cycle.append(cycle)

    assert_no_leak(cycle_and_cache)
