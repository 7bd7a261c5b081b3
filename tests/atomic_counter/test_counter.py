"""AtomicCounter: what is added is counted once, whichever threads add it."""

import copy
import pickle
import weakref

import pytest
from support import (
    FREE_THREADED,
    assert_no_leak,
    needs_debug_build,
    needs_subinterpreters,
    run_in_subinterpreter,
    run_threads,
)

from frozen import AtomicCounter


def test_a_new_counter_is_zero_or_what_it_is_given():
    assert AtomicCounter().get() == 0
    assert AtomicCounter(5).get() == AtomicCounter(initial=5).get() == 5
    assert AtomicCounter(-5).get() == -5


def test_add_adds_one_or_the_number_given():
    counter = AtomicCounter()
    assert counter.add() is None
    counter.add(10)
    counter.add(-3)
    counter.add(True)
    assert counter.get() == 9


def test_take_returns_the_sum_and_leaves_zero():
    counter = AtomicCounter(7)
    counter.add(3)
    assert (counter.take(), counter.get(), counter.take()) == (10, 0, 0)


def test_the_sum_of_threads_is_exact_once_they_rest():
    counter = AtomicCounter()

    def add():
        for _ in range(2_000):
            counter.add()
            counter.add(2)

    run_threads(add, add, add)
    assert counter.get() == 3 * 2_000 * 3


def test_each_add_is_in_exactly_one_take():
    counter = AtomicCounter()

    def add():
        for _ in range(3_000):
            counter.add()

    def take():
        return sum(counter.take() for _ in range(500))

    *_, first, second = run_threads(add, add, take, take)
    assert first + second + counter.take() == 6_000


def test_a_reader_never_sees_the_number_fall_while_threads_add():
    counter = AtomicCounter()

    def add():
        for _ in range(3_000):
            counter.add()

    def read():
        seen = [counter.get() for _ in range(1_000)]
        assert seen == sorted(seen)
        assert seen[-1] <= 6_000

    run_threads(add, add, read)


@pytest.mark.parametrize("number", [2**57 + 1, -(2**57) - 1, 2**63, 10**100])
def test_a_number_that_is_too_large_is_refused_and_nothing_is_counted(number):
    counter = AtomicCounter(1)
    with pytest.raises(OverflowError, match="cannot add"):
        counter.add(number)
    with pytest.raises(OverflowError, match="cannot add"):
        AtomicCounter(number)
    assert counter.get() == 1


def test_a_sum_that_is_too_large_is_refused_and_the_number_stays():
    counter = AtomicCounter()
    counter.add(2**57)  # by this thread, as what follows
    with pytest.raises(OverflowError, match=r"take\(\)"):
        counter.add()
    assert counter.take() == 2**57
    counter.add(-(2**57))
    with pytest.raises(OverflowError, match=r"take\(\)"):
        counter.add(-1)
    assert counter.get() == -(2**57)


def test_only_whole_numbers_are_counted():
    counter = AtomicCounter()
    with pytest.raises(TypeError):
        counter.add(1.5)
    with pytest.raises(TypeError):
        counter.add("1")
    with pytest.raises(TypeError, match="0 to 1 arguments"):
        counter.add(1, 2)
    assert counter.get() == 0


def test_a_counter_is_a_place_and_no_value():
    counter = AtomicCounter(3)
    assert repr(counter) == "AtomicCounter(3)"
    assert counter != AtomicCounter(3)
    assert weakref.ref(counter)() is counter
    for make_another in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"its get\(\) \(3\)"):
            make_another(counter)


class Reentrant:
    """A number that uses the counter while the counter asks for it."""

    def __init__(self, counter):
        self.counter = counter

    def __index__(self):
        self.counter.add(5)
        return self.counter.take()


class Failing:
    def __index__(self):
        raise KeyError("no number")


def test_a_number_may_use_the_counter_that_it_is_added_to():
    counter = AtomicCounter(1)
    counter.add(Reentrant(counter))
    assert counter.get() == 6


def test_an_error_of_the_number_reaches_the_caller_and_nothing_is_counted():
    counter = AtomicCounter(1)
    with pytest.raises(KeyError, match="no number"):
        counter.add(Failing())
    assert counter.get() == 1


@pytest.mark.skipif(FREE_THREADED, reason="CPython's hooks of the allocator are for builds with the GIL")
def test_what_cannot_be_returned_for_lack_of_memory_is_still_counted():
    _testcapi = pytest.importorskip("_testcapi")
    counter, failed = AtomicCounter(1 << 40), False
    take = counter.take
    _testcapi.set_nomemory(0)
    try:
        take()
    except MemoryError:
        failed = True
    finally:
        _testcapi.remove_mem_hooks()
    assert failed
    assert counter.take() == 1 << 40


@needs_debug_build
def test_no_call_keeps_a_reference():
    def use():
        counter = AtomicCounter(1 << 40)
        counter.add(1 << 41)
        counter.get()
        for wrong in (Failing(), 1 << 60, "1"):
            with pytest.raises((KeyError, OverflowError, TypeError)):
                counter.add(wrong)
        repr(counter)
        counter.take()

    assert_no_leak(use)


@needs_subinterpreters
def test_each_interpreter_has_its_own_class():
    run_in_subinterpreter("from frozen import AtomicCounter; c = AtomicCounter(3); c.add(); assert c.take() == 4")
    assert AtomicCounter(3).get() == 3
