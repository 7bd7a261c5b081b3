"""References used by one thread: what each call does, and what it leaves behind.

Tests that take `Ref` hold for AtomicRef and SharedRef alike; what is SharedRef's alone is in
tests/shared_ref/test_methods.py.
"""

from __future__ import annotations

import copy
import gc
import pickle
import signal
import sys
import threading
import weakref

import pytest
from support import assert_no_leak, needs_debug_build, needs_subinterpreters, run_in_subinterpreter, run_threads

from frozen import AtomicRef, Map, Vector, snapshot, transaction


class Thing:
    """An ordinary object that can be weakly referenced."""


def test_holds_none_unless_told(Ref):
    assert Ref().get() is None
    assert Ref(initial="x").get() == "x"


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


def test_version_is_0_at_first_and_grows_by_one_with_each_publication(Ref):
    ref = Ref("initial")
    assert ref.version == 0
    ref.set("a")
    ref.exchange("b")
    ref.update(str.upper)
    assert ref.compare_and_set(ref.get(), "c")
    assert ref.version == 4
    assert not ref.compare_and_set("no such value", "d")
    ref.get()
    assert ref.version == 4


def test_version_cannot_be_assigned(Ref):
    with pytest.raises(AttributeError):
        Ref().version = 3


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
def test_compare_and_set_wants_two_values(Ref, arguments):
    with pytest.raises(TypeError, match="expected and the new value"):
        Ref().compare_and_set(*arguments)


def test_update_publishes_and_returns_the_result(Ref):
    ref = Ref(10)
    assert ref.update(lambda value: value + 1) == 11
    assert ref.get() == 11


def test_fetch_update_publishes_and_returns_the_value_that_was_replaced(Ref):
    ref = Ref(10)
    assert ref.fetch_update(lambda value, more: value + more, 5) == 10
    assert (ref.get(), ref.version) == (15, 1)


def test_each_item_is_taken_by_one_thread(Ref):
    ref, taken = Ref(tuple(range(200))), []

    def take():
        while waiting := ref.fetch_update(lambda items: items[1:]):
            taken.append(waiting[0])

    run_threads(*[take] * 4)
    assert sorted(taken) == list(range(200))


def test_an_update_that_returns_what_it_was_given_is_no_version(Ref):
    ref, seen = Ref((1, "two")), []
    with ref.watch(lambda old, new: seen.append((old, new))):
        value = ref.get()
        assert ref.update(lambda current: current) == value
        assert ref.fetch_update(lambda current: current) == value
        assert transaction(ref).update(lambda current: current) == value
        assert ref.version == 0
        assert not ref.wait(0, timeout=0)
    assert seen == []
    ref.set(ref.get())
    assert ref.version == 1


def test_an_update_that_changes_a_mutable_value_in_place_is_a_version():
    ref = AtomicRef([])
    assert ref.update(lambda current: current.append(1) or current) == [1]
    assert ref.version == 1


def test_a_transaction_is_a_version_of_each_unless_all_values_stay(Ref):
    a, b = Ref(1), Ref("same")
    transaction(a, b).update(lambda x, y: (x + 1, y))
    assert (a.version, b.version) == (1, 1)
    transaction(a, b).update(lambda x, y: (x, y))
    assert (a.version, b.version) == (1, 1)


def test_an_update_that_publishes_from_inside_does_not_return_what_is_old(Ref):
    ref = Ref(0)

    def publish_once(current):
        if current == 0:
            ref.set(1)
        return current

    assert ref.update(publish_once) == 1
    assert ref.version == 1


def test_update_passes_further_arguments():
    ref = AtomicRef([1])

    def extend(value, *more, repeat, fn="a keyword named like the parameter"):
        return (value + list(more)) * repeat + [fn]

    assert ref.update(extend, 2, 3, repeat=2, fn=0) == [1, 2, 3, 1, 2, 3, 0]


def test_update_leaves_everything_as_it_was_when_the_function_raises(Ref):
    ref = Ref(1)
    with pytest.raises(ZeroDivisionError):
        ref.update(lambda value: value / 0)
    assert (ref.get(), ref.version) == (1, 0)


@pytest.mark.parametrize("arguments", [(), (3,)])
def test_update_needs_a_function(Ref, arguments):
    with pytest.raises(TypeError):
        Ref().update(*arguments)
    with pytest.raises(TypeError):
        Ref().fetch_update(*arguments)


def test_fetch_update_refuses_none_of_a_function_that_changes_in_place():
    ref = AtomicRef({})
    with pytest.raises(TypeError, match=r"given to fetch_update\(\) returned None for a dict"):
        ref.fetch_update(dict.update, {"a": 1})
    assert ref.version == 0


def test_an_update_may_update_other_references(Ref):
    refs = [Ref(number) for number in range(5)]

    def add_all(value, others):
        return value + (others[0].update(add_all, others[1:]) if others else 0)

    assert refs[0].update(add_all, refs[1:]) == 10
    assert [ref.get() for ref in refs] == [10, 10, 9, 7, 4]


def test_update_with_many_arguments():
    arguments = list(range(100))
    keywords = {f"k{number}": number for number in range(100)}
    ref = AtomicRef("value")
    assert ref.update(lambda *args, **kwargs: (args, kwargs), *arguments, **keywords) == (
        ("value", *arguments),
        keywords,
    )


def test_get_versioned_gives_both_at_once(Ref):
    ref = Ref("a")
    assert ref.get_versioned() == ("a", 0)
    ref.set("b")
    assert ref.get_versioned() == ("b", 1)


def test_compare_and_set_by_version_notices_a_value_that_came_back(Ref):
    ref = Ref("a")
    value, version = ref.get_versioned()
    ref.set("b")
    ref.set(value)
    assert ref.compare_and_set(value, "c", version=version) is False
    assert ref.compare_and_set("b", "c", version=ref.version) is False
    assert ref.compare_and_set(value, "c", version=ref.version) is True
    assert ref.compare_and_set("c", "d", version=None) is True


@pytest.mark.parametrize("keywords", [{"versions": 1}, {"version": 1, "other": 2}])
def test_compare_and_set_knows_one_keyword(Ref, keywords):
    with pytest.raises(TypeError, match="unexpected keyword"):
        Ref().compare_and_set(None, None, **keywords)


@pytest.mark.parametrize("make", [Map, dict, lambda items: Vector([items["a"]]), lambda items: [items["a"]]])
def test_lookup_answers_from_the_current_value(make):
    ref = AtomicRef(make({"a": 1}))
    key, missing = ("a", "b") if hasattr(ref.get(), "keys") else (0, 5)
    assert ref.lookup(key) == 1
    assert ref.lookup(missing) is None
    assert ref.lookup(missing, 7) == ref.lookup(missing, default=7) == 7
    ref.set(make({"a": 2}))
    assert ref.lookup(key) == 2


def test_lookup_passes_errors_on():
    ref = AtomicRef(Map(a=1))
    with pytest.raises(TypeError, match="unhashable"):
        ref.lookup([])
    ref.set(3)
    with pytest.raises(TypeError, match="not subscriptable"):
        ref.lookup("a")


@pytest.mark.parametrize(
    ("version", "error", "says"),
    [
        ("1", TypeError, "str"),
        (1.0, TypeError, "float"),
        (-1, ValueError, "no version -1"),
        (-(2**70), ValueError, "-11"),
    ],
)
def test_a_version_is_a_number_from_0(Ref, version, error, says):
    ref = Ref()
    with pytest.raises(error, match=says):
        ref.compare_and_set(None, None, version=version)
    with pytest.raises(error, match=says):
        ref.wait(version, 0)
    assert ref.version == 0


@pytest.mark.parametrize("version", [1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1, 2**64, 2**70])
def test_a_version_that_never_was_is_not_the_current_one(Ref, version):
    ref = Ref()
    assert ref.compare_and_set(None, 1, version=version) is False
    assert ref.wait(version, 0) is False
    assert ref.get_versioned() == (None, 0)


def test_whatever_stands_for_an_int_is_a_version(Ref):
    class Index:
        def __index__(self):
            return 0

    ref = Ref()
    assert ref.wait(Index(), 0) is False
    assert ref.compare_and_set(None, 1, version=Index()) is True


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ({"a": 1}, lambda d: d.update(b=2)),
        ([1], lambda items: items.append(2)),
        ({1}, lambda members: members.add(2)),
        (bytearray(b"a"), lambda data: data.extend(b"b")),
        (Map(a=1).mutate(), lambda m: m.update(b=2)),
    ],
    ids=["dict", "list", "set", "bytearray", "mutation"],
)
def test_none_from_a_function_that_changes_a_mutable_value_is_an_error(value, change):
    ref = AtomicRef(value)
    with pytest.raises(TypeError, match=rf"returned None for a \S*{type(value).__name__}.*let it return the new value"):
        ref.update(change)
    assert ref.get_versioned() == (value, 0)
    with pytest.raises(TypeError, match="returned None for a"):
        transaction(AtomicRef(), ref).update(lambda first, second: (first, change(second)))
    ref.set(None)
    assert ref.update(lambda _: None) is None


@pytest.mark.parametrize("value", [None, 1, "text", Map(a=1), (), object()])
def test_none_is_published_like_any_other_result(value):
    ref = AtomicRef(value)
    assert ref.update(lambda _: None) is None
    assert ref.get_versioned() == (None, 0 if value is None else 1)


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


def test_subscript_at_run_time(Ref):
    assert Ref[int].__origin__ is Ref
    assert Ref[int](3).get() == 3


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_reference_is_a_place_and_has_no_copy(Ref, duplicate):
    with pytest.raises(TypeError):
        duplicate(Ref(1))


def test_the_type_is_immutable(Ref):
    with pytest.raises(TypeError):
        Ref.get = None


def test_weakly_referenceable(Ref):
    ref = Ref(1)
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
        ref.get_versioned()
        with_map = AtomicRef(Map(a=object()))
        with_map.lookup("a")
        with_map.lookup("b")
        AtomicRef({}).lookup("a")
        ref.compare_and_set(object(), object(), version=3)
        ref.wait(0)
        ref.wait(1000, 0)
        with ref.watch(lambda old, new: None):
            ref.set(object())
        watch = ref.watch(lambda old, new: watch)  # a cycle, never closed
        ref.set(object())
        both = transaction(ref, AtomicRef(object()))
        both.set(object(), object())
        both.update(lambda a, b: [b, a])
        with pytest.raises(ValueError, match="returned 1 values"):
            both.update(lambda a, b: [object()])
        snapshot(ref, AtomicRef(object()))
        ref.set(both)
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
        from frozen import AtomicRef, Map, Vector, snapshot, transaction
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
@pytest.mark.parametrize("others", [0, 1])
def test_a_signal_ends_an_update_that_waits_for_its_turn(Ref, others):
    """One thread has the turn, `others` queue for it, the main thread queues behind them and is interrupted."""
    ref, has_turn, go_on = Ref(0), threading.Event(), threading.Event()
    tries = 0

    class Ended(Exception):
        pass

    def handler(*_):
        raise Ended

    def slow(value):
        nonlocal tries
        tries += 1
        if tries < 20:
            ref.set(value + 100)  # the try is lost, as against another thread: after some it queues, and has the turn
        else:
            has_turn.set()
            assert go_on.wait(60)
        return value + 1

    threads = [threading.Thread(target=ref.update, args=(slow,))]
    threads += [threading.Thread(target=ref.update, args=(lambda value: value + 10,)) for _ in range(others)]
    threads[0].start()
    assert has_turn.wait(60)
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        for thread in threads[1:]:
            thread.start()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Ended):
            ref.update(lambda value: -1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        go_on.set()
        for thread in threads:
            thread.join()
    assert ref.get() == 1901 + 10 * others, "those before it and behind it had their turns"
    assert ref.update(lambda value: value + 1) == 1902 + 10 * others


@pytest.mark.skipif(sys.platform == "win32", reason="setitimer is POSIX")
def test_a_signal_ends_an_update_that_never_succeeds(Ref):
    ref, stop = Ref(0), threading.Event()

    class Ended(Exception):
        pass

    def handler(*_):
        raise Ended

    def spoil():
        while not stop.wait(0.0001):
            ref.set(ref.version)

    def spoiled(value):
        assert ref.wait(ref.version, 60)  # somebody else always publishes in between
        return value

    spoiler = threading.Thread(target=spoil)
    spoiler.start()
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(Ended):
            ref.update(spoiled)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        stop.set()
        spoiler.join()
    assert ref.update(lambda value: -1) == -1, "the interrupted update gave its turn back"
