"""AtomicRef used by one thread: what each call does, and what it leaves behind."""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import sys
import weakref

import pytest
from support import assert_no_leak, needs_debug_build, needs_subinterpreters, run_in_subinterpreter

from frozen import AtomicRef


class Thing:
    """An ordinary object that can be weakly referenced."""


def test_holds_none_unless_told():
    assert AtomicRef().get() is None
    assert AtomicRef(initial="x").get() == "x"


def test_get_returns_what_was_set():
    thing = Thing()
    ref = AtomicRef(1)
    assert ref.set(thing) is None
    assert ref.get() is thing


def test_exchange_returns_the_old_value():
    old, new = Thing(), Thing()
    ref = AtomicRef(old)
    assert ref.exchange(new) is old
    assert ref.get() is new


def test_version_is_0_at_first_and_grows_by_one_with_each_publication():
    ref = AtomicRef("initial")
    assert ref.version == 0
    ref.set("a")
    ref.exchange("b")
    ref.update(str.upper)
    assert ref.compare_and_set(ref.get(), "c")
    assert ref.version == 4
    assert not ref.compare_and_set("no such value", "d")
    ref.get()
    assert ref.version == 4


def test_version_cannot_be_assigned():
    with pytest.raises(AttributeError):
        AtomicRef().version = 3


def test_compare_and_set_goes_by_identity_not_equality():
    class AlwaysEqual:
        def __eq__(self, other):
            raise AssertionError("compare_and_set must not call __eq__")

        __hash__ = None

    first, second = AlwaysEqual(), AlwaysEqual()
    ref = AtomicRef(first)
    assert ref.compare_and_set(second, None) is False
    assert ref.get() is first
    assert ref.compare_and_set(first, second) is True
    assert ref.get() is second


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3)])
def test_compare_and_set_wants_two_values(arguments):
    with pytest.raises(TypeError, match="expected and the new value"):
        AtomicRef().compare_and_set(*arguments)


def test_update_publishes_and_returns_the_result():
    ref = AtomicRef(10)
    assert ref.update(lambda value: value + 1) == 11
    assert ref.get() == 11


def test_update_passes_further_arguments():
    ref = AtomicRef([1])

    def extend(value, *more, repeat, fn="a keyword named like the parameter"):
        return (value + list(more)) * repeat + [fn]

    assert ref.update(extend, 2, 3, repeat=2, fn=0) == [1, 2, 3, 1, 2, 3, 0]


def test_update_leaves_everything_as_it_was_when_the_function_raises():
    ref = AtomicRef(1)
    with pytest.raises(ZeroDivisionError):
        ref.update(lambda value: value / 0)
    assert (ref.get(), ref.version) == (1, 0)


@pytest.mark.parametrize("arguments", [(), (3,)])
def test_update_needs_a_function(arguments):
    with pytest.raises(TypeError):
        AtomicRef().update(*arguments)


def test_repr_shows_the_value_and_survives_recursion():
    ref = AtomicRef({"a": 1})
    assert repr(ref) == "AtomicRef({'a': 1})"
    ref.set([ref])
    assert repr(ref) == "AtomicRef([AtomicRef(...)])"


def test_subclass_with_a_constructor_of_its_own():
    class Config(AtomicRef):
        def __init__(self, path, *, default):
            super().__init__({"path": path, "default": default})

    config = Config("here", default=1)
    assert config.get() == {"path": "here", "default": 1}
    assert config.version == 0
    assert repr(config).startswith("Config(")
    config.note = "subclasses have attributes"
    assert config.note


def test_initialising_again_publishes():
    ref = AtomicRef(1)
    ref.__init__(2)
    assert (ref.get(), ref.version) == (2, 1)


def test_subscript_at_run_time():
    assert AtomicRef[int].__origin__ is AtomicRef
    assert AtomicRef[int](3).get() == 3


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_reference_is_a_place_and_has_no_copy(duplicate):
    with pytest.raises(TypeError):
        duplicate(AtomicRef(1))


def test_the_type_is_immutable():
    with pytest.raises(TypeError):
        AtomicRef.get = None


def test_weakly_referenceable():
    ref = AtomicRef(1)
    weak = weakref.ref(ref)
    assert weak() is ref
    del ref
    gc.collect()
    assert weak() is None


# Memory


@pytest.mark.parametrize(
    "publish",
    [
        lambda ref: ref.set(None),
        lambda ref: ref.exchange(None),
        lambda ref: ref.compare_and_set(ref.get(), None),
        lambda ref: ref.update(lambda _: None),
    ],
    ids=["set", "exchange", "compare_and_set", "update"],
)
def test_the_old_value_is_freed_when_a_new_one_is_published(publish):
    thing = Thing()
    weak = weakref.ref(thing)
    ref = AtomicRef(thing)
    del thing
    publish(ref)
    assert weak() is None


@pytest.mark.parametrize("cycle", ["direct", "through a list", "subclass"])
def test_cycles_are_collected(cycle):
    kind = type("Sub", (AtomicRef,), {}) if cycle == "subclass" else AtomicRef
    ref = kind()
    thing = Thing()
    thing.ref = ref
    ref.set([thing] if cycle == "through a list" else thing)
    weak = weakref.ref(thing)
    del ref, thing
    gc.collect()
    assert weak() is None


def test_destructor_of_an_old_value_may_use_the_reference():
    ref = AtomicRef()
    seen = []

    class Last:
        def __del__(self):
            seen.append(ref.get())
            ref.set("set by the destructor")

    ref.set(Last())
    ref.set("new")
    assert seen == ["new"]
    assert ref.get() == "set by the destructor"


@needs_debug_build
def test_no_call_leaks():
    def use():
        ref = AtomicRef(object())
        ref.set(object())
        ref.exchange(object())
        ref.compare_and_set(ref.get(), object())
        ref.compare_and_set(object(), object())
        ref.update(lambda value, other, key=None: object(), 1, key=2)
        with pytest.raises(ZeroDivisionError):
            ref.update(lambda value: 1 / 0)
        repr(ref)
        ref.__init__(object())
        AtomicRef[int](1)
        type("Sub", (AtomicRef,), {})(object()).set(1)
        cycle = AtomicRef()
        cycle.set(cycle)

    assert_no_leak(use)


# Interpreters and signals


@needs_subinterpreters
def test_each_interpreter_has_its_own_type():
    run_in_subinterpreter(
        """
        import gc
        from frozen import AtomicRef
        ref = AtomicRef({"a": 1})
        assert ref.update(lambda value, key: value | {key: 2}, "b") == {"a": 1, "b": 2}
        ref.set(ref)      # left for the interpreter's end
        cycle = AtomicRef()
        cycle.set([cycle])
        del cycle
        gc.collect()
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="setitimer is POSIX")
def test_a_signal_ends_an_update_that_never_succeeds():
    ref = AtomicRef(0)

    class Ended(Exception):
        pass

    def handler(*_):
        raise Ended

    def spoil(value):
        ref.set(value + 1)  # somebody always publishes in between
        return value

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Ended):
            ref.update(spoil)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
