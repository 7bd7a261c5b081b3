"""SharedRef: names, values, comparison, and what is kept. What it shares with AtomicRef is in tests/atomic_ref, the
crossing of interpreters in tests/shared_ref/test_interpreters.py."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import gc
import itertools
import pickle
import weakref
import zoneinfo
from decimal import Decimal
from typing import Any

import pytest
from support import FREE_THREADED, assert_no_leak, needs_free_threading, run_python, run_threads

from frozen import (
    AtomicRef,
    Blob,
    Handle,
    Map,
    NotShareableError,
    SharedAtomicMap,
    SharedMap,
    SharedRef,
    SharedSet,
    _core,
    is_shareable,
    register_shareable,
    share,
)

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

keeps_objects = pytest.mark.skipif(
    FREE_THREADED and not _core._has_private_counts(), reason="without private counts no objects are kept"
)


# Names


def test_a_name_is_attached_to():
    SharedRef("config", SharedMap(a=1))
    try:
        attached = SharedRef.attach("config")
        assert attached.get() == {"a": 1}
        assert attached.name == "config"
        attached.set(2)
        assert SharedRef.attach("config").get() == 2
    finally:
        SharedRef.unlink("config")


def test_one_value_is_a_value_two_are_a_name_and_a_value(name):
    assert SharedRef("a text").get() == "a text"
    assert SharedRef("a text").name is None
    assert SharedRef(name, "a text").get() == "a text"
    SharedRef.unlink(name)
    assert SharedRef(name, initial=3).get() == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: SharedRef("a", 1, 2),
        lambda: SharedRef("a", 1, initial=2),
        lambda: SharedRef(value=1),
        lambda: SharedRef("a", value=1),
        lambda: SharedRef(1, 2),
        lambda: SharedRef.attach(1),
        lambda: SharedRef.unlink(None),
    ],
)
def test_the_arguments_are_checked(make):
    with pytest.raises(TypeError, match=r"an initial value|the name of a SharedRef is a str, not"):
        make()


def test_a_name_is_taken_once(name):
    first = SharedRef(name, 1)
    with pytest.raises(ValueError, match=r"named '.*' exists in this process: SharedRef.attach\('name of"):
        SharedRef(name, 2)
    assert first.get() == SharedRef.attach(name).get() == 1


def test_a_missing_name_is_an_error_that_names_it():
    for call in (SharedRef.attach, SharedRef.unlink):
        with pytest.raises(LookupError, match="no SharedRef is named 'nowhere' in this process"):
            call("nowhere")
    with pytest.raises(ValueError, match="not be empty"):
        SharedRef("", 1)


def test_a_name_outlives_who_made_it(name):
    """So that attaching never races with a drop; who wants it gone says so."""
    SharedRef(name, SharedMap(a=1))
    gc.collect()
    assert SharedRef.attach(name).get() == {"a": 1}
    kept = SharedRef.attach(name)
    SharedRef.unlink(name)
    with pytest.raises(LookupError):
        SharedRef.attach(name)
    kept.set(2)
    assert (kept.get(), kept.name) == (2, name)
    assert SharedRef(name, 3) != kept, "the name is free for another one"


def test_unlinking_gives_the_memory_back():
    before = _core._live_shared_nodes()
    SharedRef("large", SharedMap({index: str(index) * 10 for index in range(10_000)}))
    assert _core._live_shared_nodes() > before + 10_000
    SharedRef.unlink("large")
    gc.collect()
    assert _core._live_shared_nodes() == before


def test_a_name_that_could_not_be_given_leaves_nothing():
    SharedRef("taken", 1)
    before = _core._live_shared_nodes()
    with pytest.raises(ValueError, match="'taken' exists"):
        SharedRef("taken", "a text that is long enough for a box")
    with pytest.raises(NotShareableError):
        SharedRef("free", object())
    assert _core._live_shared_nodes() == before
    SharedRef.unlink("taken")
    with pytest.raises(LookupError):
        SharedRef.attach("free")


def test_many_names_find_their_own():
    names = [f"many {index}" for index in range(1000)] + ["ä" * 100, "\0", "x\0y", "x\0z"]
    for index, text in enumerate(names):
        SharedRef(text, index)
    assert [SharedRef.attach(text).get() for text in reversed(names)] == list(range(len(names) - 1, -1, -1))
    for text in names:
        SharedRef.unlink(text)


def test_names_are_found_while_their_table_grows_and_after_half_of_them_went():
    names = [f"of many {index}" for index in range(3000)]
    for index, text in enumerate(names):
        SharedRef(text, index)
        assert SharedRef.attach(names[index // 2]).get() == index // 2
    for text in names[::2]:
        SharedRef.unlink(text)
    for index, text in enumerate(names):
        if index % 2:
            assert SharedRef.attach(text).get() == index
            SharedRef.unlink(text)
        with pytest.raises(LookupError):
            SharedRef.attach(text)


def test_of_all_who_make_a_name_at_once_one_does():
    def make(number):
        made = 0
        for round_ in range(200):
            try:
                SharedRef(f"race {round_}", number)
                made += 1
            except ValueError:
                assert SharedRef.attach(f"race {round_}").get() in range(4)
        return made

    assert sum(run_threads(*[lambda number=number: make(number) for number in range(4)])) == 200
    for round_ in range(200):
        SharedRef.unlink(f"race {round_}")


# Values


class Colour(enum.Enum):
    RED = 1


VALUES = [
    None, True, 7, 2**61, 2**100, -1.5, 1j, "short", "long " * 20, "ä" * 20, b"", b"bytes" * 10, ..., (),
    (1, ("a" * 20,)), frozenset({1, "a"}), SharedMap(a=1), SharedSet("ab"), Blob(b"abc"), Colour.RED,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_holds_what_shared_containers_hold(value):
    ref = SharedRef(value)
    for _ in range(3):
        assert ref.get() == value
        assert type(ref.get()) is type(value)
    assert ref.exchange(1) == value
    ref.set(value)
    assert ref.get() == value
    assert ref.update(lambda seen: value) == value
    assert ref.get() == value


@pytest.mark.parametrize(
    "value", [[1], {"a": 1}, Map(a=1), object(), SharedRef, (1, [2])], ids=lambda v: type(v).__name__
)
def test_refuses_what_they_do_not_hold(value):
    ref = SharedRef(1)
    with pytest.raises(NotShareableError):
        SharedRef(value)
    for publish in (ref.set, ref.exchange, lambda v: ref.compare_and_set(1, v), lambda v: ref.update(lambda _: v)):
        with pytest.raises(NotShareableError):
            publish(value)
    assert ref.get_versioned() == (1, 0)
    ref.set(share({"a": {1}}))
    assert ref.get() == {"a": {1}}


def test_nothing_holds_a_reference():
    """A container that held one could come to be held by it, and nothing would ever free the two."""
    ref = SharedRef(1)
    assert not is_shareable(ref)
    for hold in (
        ref.set,
        SharedRef,
        lambda v: SharedMap(ref=v),
        lambda v: SharedSet([v]),
        share,
        lambda v: ref.set((1, v)),
    ):
        with pytest.raises(NotShareableError, match="is a place, not a value"):
            hold(ref)


@keeps_objects
def test_an_object_is_made_once_for_each_version():
    ref = SharedRef(SharedMap(a=1))
    assert ref.get() is ref.get() is ref.get_versioned()[0]
    before = ref.get()
    ref.set(SharedMap(a=2))
    assert ref.get() is not before
    assert (before, ref.get()) == ({"a": 1}, {"a": 2})


def test_the_version_before_is_freed_when_a_new_one_is_published():
    ref = SharedRef(SharedMap({index: str(index) * 10 for index in range(1000)}))
    assert len(ref.get()) == 1000
    alive = _core._live_shared_nodes()
    ref.set(None)
    assert _core._live_shared_nodes() < alive - 1000


@keeps_objects
def test_another_reference_to_the_variable_frees_it_when_it_reads_again():
    ref = SharedRef(SharedMap({index: str(index) * 10 for index in range(1000)}))
    other = ref.handle().redeem()
    assert other == ref
    assert len(other.get()) == 1000
    ref.set(None)
    alive = _core._live_shared_nodes()
    assert other.get() is None
    assert _core._live_shared_nodes() < alive - 1000


@needs_free_threading
def test_another_thread_frees_it_when_it_ends():
    ref = SharedRef(SharedMap({index: str(index) * 10 for index in range(1000)}))
    alive = _core._live_shared_nodes()
    run_threads(lambda: len(ref.get()))
    ref.set(None)
    gc.collect()
    assert _core._live_shared_nodes() < alive - 1000


def test_a_derived_version_costs_what_changed():
    ref = SharedRef(SharedMap({index: str(index) for index in range(100_000)}))
    alive = _core._live_shared_nodes()
    ref.update(lambda table: table.set(5, "changed"))
    assert abs(_core._live_shared_nodes() - alive) < 10


# Comparison


def test_compare_and_set_takes_a_container_for_its_version():
    first = SharedMap(a=1)
    ref = SharedRef(first)
    assert not ref.compare_and_set(SharedMap(a=1), 2), "equal, but built apart"
    assert not ref.compare_and_set(SharedSet(), 2)
    assert ref.compare_and_set(first, SharedMap(a=2))
    assert not ref.compare_and_set(first, 3)
    assert ref.compare_and_set(ref.get().copy().set("a", 2), 3), "a change that changes nothing is the same version"


def test_compare_and_set_tells_empty_containers_apart():
    ref = SharedRef(SharedMap())
    assert not ref.compare_and_set(SharedSet(), 1)
    assert ref.compare_and_set(SharedMap(), SharedSet())
    assert not ref.compare_and_set(SharedMap(), 1)
    assert ref.compare_and_set(SharedSet(), 1)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_was_read_can_be_expected(value):
    ref = SharedRef(value)
    ref.get()
    assert ref.compare_and_set(ref.get(), "new")
    assert ref.compare_and_set("new", value)
    assert ref.compare_and_set(ref.handle().redeem().get(), "newer")
    assert ref.version == 3


@dataclasses.dataclass(frozen=True)
class Record:
    held: object


register_shareable(Record)


@pytest.mark.parametrize(
    "hold",
    [lambda v: v, lambda v: (v,), lambda v: ("a", (v, 5)), lambda v: frozenset({v, "a", (v,)}), Record],
    ids=["bare", "tuple", "nested", "frozenset", "record"],
)
@pytest.mark.parametrize(
    ("value", "other"),
    [
        (1, True),
        (1, 1.0),
        (2**61, 2.0**61),
        (0.0, -0.0),
        (0j, -0.0j),
        ("a" * 20, b"a" * 20),
        ((1,), (2,)),
        (None, ()),
        (2**61, 2**62),
        (Decimal("1.0"), Decimal("1.00")),
        (SharedMap(a=1), SharedMap(a=1)),
        (
            datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
            datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Prague")),
        ),
    ],
    ids=repr,
)
def test_values_are_compared_by_type_and_value_however_deep(value, other, hold):
    places: tuple[Any, ...] = (SharedRef(hold(value)), SharedAtomicMap({"key": hold(value)}))
    for place, key in zip(places, ((), ("key",)), strict=True):
        assert not place.compare_and_set(*key, hold(other), "no")
        assert not place.compare_and_set(*key, "no", "no")
        assert place.compare_and_set(*key, hold(copy.copy(value)), "yes")
        assert place.get(*key) == "yes"


def test_a_nan_and_a_frozenset_that_were_read_can_be_expected():
    nan = float("nan")
    for value, again in [
        (nan, nan),
        ((nan,), (nan,)),
        (frozenset([0, 8, 16]), frozenset([16, 8, 0])),
        ((frozenset([0, 8, 16]),), (frozenset([16, 8, 0]),)),
    ]:
        assert SharedRef(value).compare_and_set(again, "yes")
        assert SharedAtomicMap({"key": value}).compare_and_set("key", again, "yes")


def test_expecting_what_cannot_be_held_is_an_error():
    ref = SharedRef(1)
    with pytest.raises(NotShareableError):
        ref.compare_and_set([1], 2)
    assert ref.version == 0


class Fickle:
    """An immutable type whose comparison runs Python code: here, a publication in between.

    Equal instances are encoded differently: those that are encoded alike are equal without a call.
    """

    def __init__(self, number, serial=None):
        self.number = number
        self.serial = next(serials) if serial is None else serial

    def __eq__(self, other):
        if hook:
            hook.pop()()
        return self.number == other.number

    __hash__ = None


hook: list = []
serials = itertools.count()
register_shareable(Fickle, lambda fickle: (fickle.number, fickle.serial), lambda pair: Fickle(*pair))


def test_a_publication_during_the_comparison_is_noticed():
    ref = SharedRef(Fickle(1))
    hook.append(lambda: ref.set(Fickle(2)))
    assert not ref.compare_and_set(Fickle(1), 3)
    hook.append(lambda: ref.set(Fickle(2)))
    assert ref.compare_and_set(Fickle(2), 3), "replaced by an equal value: still what was expected"
    assert ref.get_versioned() == (3, 3)


# The rest of its face


def test_references_are_equal_if_they_stand_for_one_variable():
    ref = SharedRef(1)
    other = Handle(ref).redeem()
    assert other is not ref
    assert other == ref
    assert hash(other) == hash(ref)
    assert ref != SharedRef(1)
    assert ref != 1
    with pytest.raises(TypeError):
        assert ref < other


def test_repr(name):
    assert repr(SharedRef(SharedMap(a=1))) == "SharedRef(SharedMap({'a': 1}))"
    assert repr(SharedRef(name, 1)) == f"SharedRef({name!r}, 1)"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_the_error_of_pickling_says_what_to_do(duplicate):
    with pytest.raises(TypeError, match=r"ref.handle\(\) within the process, or its name"):
        duplicate(SharedRef(1))


def test_the_type_is_final():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (SharedRef,), {})


def test_lookup_answers_from_the_current_value():
    ref = SharedRef(SharedMap(a=1))
    assert ref.lookup("a") == 1
    assert ref.lookup("b") is None
    assert ref.lookup("b", 7) == ref.lookup("b", default=7) == 7
    ref.set(("x",))
    assert (ref.lookup(0), ref.lookup(1, "y")) == ("x", "y")
    with pytest.raises(TypeError, match="not subscriptable"):
        SharedRef(1).lookup("a")


def test_a_value_that_cannot_be_read_is_an_error_each_time():
    class Decoder:
        fails = True

    def decode(number):
        if Decoder.fails:
            raise ZeroDivisionError
        return Fickle(number)

    register_shareable(Fickle, lambda fickle: fickle.number, decode)
    try:
        ref, other = SharedRef(Fickle(1)), SharedRef(2)
        for read in (
            ref.get,
            ref.get_versioned,
            lambda: ref.update(lambda v: v),
            lambda: SharedRef.snapshot(other, ref, AtomicRef([])),
            ref.__repr__,
        ):
            with pytest.raises(ZeroDivisionError):
                read()
        Decoder.fails = False
        assert ref.get().number == 1
        assert ref.version == 0
    finally:
        register_shareable(Fickle, lambda fickle: fickle.number, Fickle)


def test_cycles_through_what_is_kept_are_collected():
    class Thing:
        pass

    thing = Thing()
    thing.ref = SharedRef(SharedMap(a=1))
    thing.ref.get()
    thing.self = thing
    weak = weakref.ref(thing)
    del thing
    gc.collect()
    assert weak() is None


def test_no_call_leaks():
    def use():
        ref = SharedRef(SharedMap(a="x" * 20))
        ref.set((1, "x" * 20))
        ref.exchange("y" * 20)
        ref.compare_and_set(ref.get(), 1.5)
        ref.compare_and_set("no" * 20, 1.5)
        ref.compare_and_set((1, 2), 1.5)
        with pytest.raises(NotShareableError):
            ref.compare_and_set(1.5, object())
        with pytest.raises(NotShareableError):
            ref.set(object())
        ref.update(lambda value, other, key=None: SharedSet("ab"), 1, key=2)
        ref.get()
        ref.get_versioned()
        ref.set(SharedMap(a=1))
        ref.lookup("a")
        ref.lookup("b")
        repr(ref)
        ref.wait(0)
        ref.wait(1000, 0)
        ref.handle().redeem().get()
        named = SharedRef("leak", "z" * 20)
        SharedRef.attach("leak").set(SharedMap(a=1))
        with pytest.raises(ValueError, match="exists"):
            SharedRef("leak", "z" * 20)
        SharedRef.unlink("leak")
        named.get()
        SharedRef.snapshot(ref, named, AtomicRef([]))
        SharedRef[int](1)

    assert_no_leak(use)


def test_process_ends_with_live_references():
    done = run_python(
        "-c",
        """
from frozen import SharedMap, SharedRef
kept = SharedRef("kept", SharedMap({index: str(index) * 10 for index in range(1000)}))
kept.get()
class Last:
    def __del__(self):
        print("last", len(kept.get()))
last = Last()
""",
    )
    assert done.stdout == "last 1000\n"
