"""SharedAtomicMap and SharedAtomicCounter in one thread: each operation does to the map what it says, a snapshot never
changes, and what was shared is given back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import gc
import itertools
import pickle
import threading
import weakref
import zoneinfo
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support import assert_no_leak, eventually, live_shared_nodes

from frozen import (
    ABSENT,
    AtomicMap,
    Blob,
    Handle,
    Map,
    NotShareableError,
    SharedAtomicCounter,
    SharedAtomicMap,
    SharedMap,
    SharedRef,
    SharedVector,
    is_shareable,
    register_shareable,
)
from frozen._core import _check

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

KEYS = [
    "a",
    "a key too long for a word",
    1,
    -(1 << 59),
    1 << 80,
    2.5,
    b"bytes",
    None,
    True,
    ("a", 1),
    ("b", ("c", 2.5)),
]


def test_a_map_holds_what_it_is_made_of():
    entries = {i: str(i) for i in range(100)}
    for source in (entries, Map(entries), SharedMap(entries), list(entries.items()), AtomicMap(entries)):
        m = SharedAtomicMap(source)
        assert m == entries
        assert m.snapshot() == SharedMap(entries)
        assert type(m.snapshot()) is SharedMap
        assert (len(m), m.version) == (100, 0)
        assert AtomicMap(m) == SharedAtomicMap(m) == entries
    assert SharedAtomicMap() == {}
    assert SharedAtomicMap(initial={"a": 1}) == {"a": 1}
    assert isinstance(SharedAtomicMap(), Mapping)


def test_wrong_arguments_are_refused():
    for make in (
        lambda: SharedAtomicMap({}, {}),
        lambda: SharedAtomicMap("a", {}, {}),
        lambda: SharedAtomicMap(contents={}),
        lambda: SharedAtomicMap.attach(1),
        lambda: SharedAtomicMap.unlink(None),
    ):
        with pytest.raises(TypeError, match=r"initial contents|the name of a SharedAtomicMap is a str, not"):
            make()
    m = SharedAtomicMap()
    for call in (m.exchange, m.compare_and_set, m.add, m.update, m.pop, m.setdefault, m.compare_and_set_all):
        with pytest.raises(TypeError):
            call()
    for call in (m.get, m.pop, m.setdefault, m.add, m.__getitem__, m.__contains__):
        with pytest.raises(TypeError, match="unhashable"):
            call([])
    with pytest.raises(TypeError, match="a SharedMap, not with"):
        m.compare_and_set_all({}, {})
    assert m.version == 0


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_keys_of_every_kind_are_stored_found_and_deleted(key):
    """Those that compare without Python code are looked for in place, the others in a root that is held."""
    m = SharedAtomicMap(dict.fromkeys(range(2, 50), 0))
    assert key not in m
    m[key] = "value"
    assert (m[key], m.get(key), key in m, len(m)) == ("value", "value", True, 49)
    m[key] = "another value, which needs a box"
    assert m[key] == "another value, which needs a box"
    assert m.compare_and_set(key, "another value, which needs a box", 5)
    assert m.add(key) == 6
    assert m.update(key, lambda value: value + 1) == 7
    assert m.pop(key) == 7
    assert key not in m
    assert m == dict.fromkeys(range(2, 50), 0)


def test_equal_keys_are_one_key():
    m = SharedAtomicMap({1: "one"})
    m[True] = "true"
    m[1.0] = "float"
    assert dict(m.items()) == {1: "float"}
    assert type(next(iter(m))) is int


def test_missing_keys_are_errors_or_defaults():
    m = SharedAtomicMap({"a": 1})
    assert (m.get("b"), m.get("b", 4), m.get("b", default=5), m.pop("b", 6)) == (None, 4, 5, 6)
    for act in (m.__getitem__, m.__delitem__, m.pop):
        with pytest.raises(KeyError, match="missing"):
            act("missing")
    assert m.version == 0


def test_pop_setdefault_and_exchange_return_what_was_there():
    m = SharedAtomicMap({"a": 1})
    assert (m.setdefault("a", 2), m.setdefault("b", 3), m.setdefault("c")) == (1, 3, None)
    assert (m.pop("a"), m.pop("a", 7), m.pop("a", default=8)) == (1, 7, 8)
    assert (m.exchange("b", 4), m.exchange("d", 5), m.exchange("e", 6, ABSENT)) == (3, None, ABSENT)
    assert m.exchange("b", ABSENT) == 4
    assert m == {"c": None, "d": 5, "e": 6}


class Readable:
    """A value, found by its number in every interpreter."""

    def __init__(self, number: int) -> None:
        self.number = number


@pytest.mark.parametrize(
    "take_out", [lambda m: m.pop("key"), lambda m: m.pop("key", None), lambda m: m.exchange("key", "new")]
)
def test_a_value_that_cannot_be_read_stays(take_out):
    errors = [ZeroDivisionError, KeyboardInterrupt]

    def decode(number):
        if errors:
            raise errors.pop()
        return Readable(number)

    register_shareable(Readable, lambda value: value.number, decode)
    m = SharedAtomicMap({"key": Readable(7)})
    with pytest.raises(KeyboardInterrupt):
        take_out(m)
    with pytest.raises(ZeroDivisionError):
        take_out(m)
    assert take_out(m).number == 7
    assert m.get("key", "new") == "new"


def test_compare_and_set_compares_values_and_containers_by_version():
    day = datetime.date(2026, 1, 2)
    m = SharedAtomicMap({"int": 1000, "big": 10**30, "nan": float("nan"), "day": day, "v": SharedVector("ab")})
    assert m.compare_and_set("int", int("1000"), 1)
    assert not m.compare_and_set("int", 2, 3)
    assert m.compare_and_set("big", 10**30, 0)
    assert m.compare_and_set("nan", m["nan"], 0)
    assert m.compare_and_set("day", datetime.date(2026, 1, 2), None)
    assert not m.compare_and_set("v", SharedVector("ab"), 0)
    assert m.compare_and_set("v", m["v"], 0)
    with pytest.raises(NotShareableError):
        m.compare_and_set("int", object(), 5)
    assert m == {"int": 1, "big": 0, "nan": 0, "day": None, "v": 0}


def test_absent_stands_for_no_value_in_compare_and_set_and_cannot_be_one():
    m = SharedAtomicMap()
    assert m.compare_and_set("a", ABSENT, 1)
    assert not m.compare_and_set("a", ABSENT, 2)
    assert not m.compare_and_set("b", None, 2)
    assert not m.compare_and_set("a", 3, ABSENT)
    assert m.compare_and_set("a", 1, ABSENT)
    assert m.compare_and_set("a", ABSENT, ABSENT)
    with pytest.raises(ValueError, match="'key'"):
        m["key"] = ABSENT
    assert len(m) == 0


def test_update_stores_what_the_function_returns():
    m = SharedAtomicMap({"a": 1})
    assert m.update("a", lambda value, n, *, times: (value + n) * times, 2, times=10) == 30
    assert m.update("v", SharedVector.append, "x", default=SharedVector()) == SharedVector("x")
    assert m.update("n", lambda value: value is ABSENT) is True
    assert m.update("a", lambda value: ABSENT) is ABSENT
    with pytest.raises(ZeroDivisionError):
        m.update("n", lambda value: 1 // 0)
    with pytest.raises(NotShareableError, match=r"n"):
        m.update("n", lambda value: object())
    assert m == {"v": SharedVector("x"), "n": True}


def test_a_function_that_publishes_to_its_own_key_is_called_again():
    m = SharedAtomicMap({"a": 0})
    calls = []

    def publish(value, times):
        calls.append(value)
        if len(calls) <= times:
            m["a"] = value + 10
        return value + 1

    assert m.update("a", publish, 2) == 21
    assert calls == [0, 10, 20]
    with pytest.raises(RuntimeError, match="gave up"):
        m.update("a", publish, 10_000)


def test_a_key_that_hashes_by_its_address_is_known_to_be_updated():
    """Such keys are found by their value: update() gives up for them too."""
    for key in ("UTC", "Europe/Berlin", "Asia/Tokyo"):
        zone = zoneinfo.ZoneInfo(key)
        m: SharedAtomicMap[Any, int] = SharedAtomicMap({zone: 0})
        calls = itertools.count(1)

        def publish(value, m=m, zone=zone, calls=calls):
            assert next(calls) <= 2_000, "update() does not notice that its function publishes"
            m[zone] = value + 1
            return value

        with pytest.raises(RuntimeError, match="gave up"):
            m.update(zone, publish)
        assert m[zone] == next(calls) - 1


def test_add_adds_any_numbers():
    m = SharedAtomicMap()
    assert [m.add("a"), m.add("a", 5), m.add("a", -10), m.add("a", 2.5), m.add("a", 1)] == [1, 6, -4, -1.5, -0.5]
    largest = (1 << 60) - 1
    assert m.add("b", largest) == largest
    assert m.add("b", 1) == largest + 1
    assert m.add("b", -1) == largest
    assert m.add("b", 1 << 100) == largest + (1 << 100)
    assert m.add("a key too long for a word") == 1
    assert m.add("c", True) == 1
    m["text"] = "x"
    with pytest.raises(TypeError):
        m.add("text")
    assert m["text"] == "x"


def test_count_and_reduce_combine_many_keys():
    m = SharedAtomicMap({"a": 3})
    m.count("banana")
    assert m == {"a": 6, "b": 1, "n": 2}
    m.reduce([("a", 50), ("z", 1), ("a", 40)], max)
    assert m == {"a": 50, "b": 1, "n": 2, "z": 1}


def test_the_whole_is_taken_replaced_and_compared():
    m = SharedAtomicMap((i, i) for i in range(100))
    old, version = m.get_versioned()
    new = old.set("new", 1).delete(5)
    assert m.compare_and_set_all(old, new)
    assert not m.compare_and_set_all(old, {})
    assert m.version == version + 1
    m[7] = None
    assert not m.compare_and_set_all(new, {})
    assert m.replace({"a": 1}) == new.set(7, None)
    m.update_all({"a": 2, "b": 3})
    assert m.drain() == {"a": 2, "b": 3}
    assert (m.drain(), len(m)) == ({}, 0)
    m["x"] = 1
    m.clear()
    assert m == {}
    assert old == {i: i for i in range(100)}


def test_views_and_iteration_are_of_a_snapshot():
    m = SharedAtomicMap({"a": 1, "b": 2})
    for key in m:
        m[key + "!"] = 0
    assert sorted(m.keys()) == ["a", "a!", "b", "b!"]
    assert sorted(m.values()) == [0, 0, 1, 2]
    assert dict(m.items())["b"] == 2
    assert list(reversed(m)) == list(m)[::-1]
    assert repr(SharedAtomicMap({"a": 1})) == "SharedAtomicMap({'a': 1})"
    assert m != {}
    assert (m == 3) is False
    with pytest.raises(TypeError, match="unhashable"):
        hash(m)


def test_what_cannot_be_shared_is_named_and_changes_nothing():
    m = SharedAtomicMap({"a": 1})
    for act in (
        lambda: m.__setitem__("a", [object()]),
        lambda: m.setdefault("new", object()),
        lambda: m.exchange("a", object()),
        lambda: m.update_all({"a": object()}),
    ):
        with pytest.raises(NotShareableError, match=r"\['(a|new)'\]"):
            act()
    for act in (lambda: m.__setitem__(object(), 1), lambda: m.add(object()), lambda: m.setdefault(object(), 1)):
        with pytest.raises(NotShareableError):
            act()
    assert object() not in m
    assert (m, m.version) == ({"a": 1}, 0)


def test_it_is_a_place_and_no_value():
    for place in (SharedAtomicMap(), SharedAtomicCounter()):
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="is a place, not a value"):
                make(place)
        for hold in (SharedMap, SharedVector, SharedRef):
            with pytest.raises(NotShareableError):
                hold({"a": place} if hold is SharedMap else [place] if hold is SharedVector else place)
        with pytest.raises(NotShareableError):
            SharedAtomicMap()["a"] = place
        assert not is_shareable(place)


@pytest.mark.parametrize("Place", [SharedAtomicMap, SharedAtomicCounter])
def test_names_are_found_taken_once_and_freed(Place, name):
    empty = {} if Place is SharedAtomicMap else 0
    made = Place(name, empty)
    assert (made.name, Place(empty).name) == (name, None)
    assert Place.attach(name).name == name
    made.add("a") if Place is SharedAtomicMap else made.add()
    assert (Place.attach(name)["a"] if Place is SharedAtomicMap else Place.attach(name).get()) == 1
    with pytest.raises(ValueError, match=rf"a {Place.__name__} named .* exists in this process"):
        Place(name, empty)
    SharedRef(name, 1)  # names of another kind are other names
    Place.unlink(name)
    for call in (Place.attach, Place.unlink):
        with pytest.raises(LookupError, match=f"no {Place.__name__} is named"):
            call(name)
    with pytest.raises(ValueError, match="not be empty"):
        Place("", empty)


def test_handles_are_redeemed_as_the_same_map():
    m = SharedAtomicMap()
    m.handle().redeem()["a"] = "x" * 100
    pickle.loads(pickle.dumps(Handle(m))).redeem()["b"] = 2
    assert m == {"a": "x" * 100, "b": 2}
    counter = SharedAtomicCounter(5)
    other = counter.handle().redeem()
    assert other == counter
    assert hash(other) == hash(counter)
    assert other != SharedAtomicCounter(5)
    other.add(2)
    assert counter.take() == 7


def test_waiting_ends_with_a_change():
    m = SharedAtomicMap()
    assert m.wait(0, timeout=0.001) is False
    m["a"] = 1
    assert m.wait(0) is True


def test_a_watch_sees_a_chain_that_ends_with_the_last_contents():
    m, heard = SharedAtomicMap(), [SharedMap()]

    def hear(old, new):
        assert old == heard[-1]
        heard.append(new)

    with m.watch(hear):
        for i in range(50):
            m[i] = i
        m.clear()
        m["last"] = 1
        eventually(lambda: heard[-1] == {"last": 1})
    m["unheard"] = 1
    assert "unheard" not in heard[-1]


def test_event_loops_hear_of_changes():
    m = SharedAtomicMap()

    async def hear():
        asyncio.get_running_loop().call_soon(m.add, "a")
        first = await m.changed()
        changes = m.changes()
        m["b"] = "text"
        async with contextlib.aclosing(changes):
            return first, await anext(changes)

    assert asyncio.run(hear()) == ({"a": 1}, {"a": 1, "b": "text"})


def test_weak_references_and_the_collector():
    m = SharedAtomicMap({"a": 1})
    reference = weakref.ref(m)
    m_cycle: list[Any] = [m]
    m_cycle.append(m_cycle)
    del m, m_cycle
    gc.collect()
    assert reference() is None


def test_a_snapshot_shares_all_but_the_top():
    m = SharedAtomicMap({i: i for i in range(20_000)})
    m.snapshot()
    before = live_shared_nodes()
    kept = m.snapshot()
    assert live_shared_nodes() <= before + 2
    m[5] = "x"
    assert live_shared_nodes() <= before + 8
    assert kept[5] == 5


def test_large_contents_are_given_back():
    before = live_shared_nodes()
    m = SharedAtomicMap({i: f"value number {i}" for i in range(3_000)})
    m.clear()
    assert live_shared_nodes() < before + 10
    m.update_all({i: f"value number {i}" for i in range(3_000)})
    for i in range(3_000):
        del m[i]
    assert live_shared_nodes() < before + 10 + 32, "each slot has an empty root of its own"


class Acting:
    """A key whose comparison runs `act`; found by its number in every interpreter."""

    act: Any = None

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> bool:
        if Acting.act is not None:
            Acting.act()
        return isinstance(other, Acting) and self.number == other.number


@pytest.fixture
def acting():
    register_shareable(Acting, lambda acting: acting.number, Acting)
    yield
    Acting.act = None


@pytest.mark.usefixtures("acting")
def test_keys_that_change_the_map_while_they_are_compared():
    m = SharedAtomicMap({Acting(i): i for i in range(5)})
    turns = []

    def change():
        if len(turns) < 20:
            turns.append(1)
            m[len(turns)] = "an int that lies in another slot, or in this one"
            m[7] = len(turns)  # the slot of the acting keys
            m.get(Acting(2))

    for act in (
        lambda: m[Acting(3)],
        lambda: m.__setitem__(Acting(3), 30),
        lambda: m.__setitem__(Acting(9), 9),
        lambda: m.add(Acting(2), 5),
        lambda: m.pop(Acting(1)),
        lambda: m.compare_and_set(Acting(4), 4, 40),
        lambda: Acting(0) in m,
    ):
        turns.clear()
        Acting.act = change
        act()
        Acting.act = None
        assert turns
        assert _check(m.snapshot()) is None
    assert {key.number: value for key, value in m.items() if isinstance(key, Acting)} == {
        0: 0,
        2: 7,
        3: 30,
        4: 40,
        9: 9,
    }


@pytest.mark.usefixtures("acting")
def test_a_comparison_that_always_changes_the_slot_ends_with_an_error():
    m = SharedAtomicMap({Acting(1): 1})
    Acting.act = lambda: m.add(7 + 32)  # in the same slot
    with pytest.raises(RuntimeError, match="the SharedAtomicMap was changed while keys were compared"):
        m[Acting(1)] = 2
    Acting.act = None
    assert m[Acting(1)] == 1


@pytest.mark.usefixtures("acting")
def test_an_error_of_a_comparison_changes_nothing():
    m = SharedAtomicMap({Acting(1): 1})
    Acting.act = lambda: 1 // 0
    for act in (m.get, m.add, m.pop, lambda key: m.__setitem__(key, 5), m.__contains__):
        with pytest.raises(ZeroDivisionError):
            act(Acting(1))
    Acting.act = None
    assert (m[Acting(1)], m.version) == (1, 0)


def test_operations_leak_nothing():
    m = SharedAtomicMap({"a": 1})

    def work():
        m["a key too long for a word"] = "a value too long for a word"
        m.add("a")
        m.update("a", lambda value: value)
        m.exchange(("t", 1), Blob(b"x" * 100))
        m.setdefault("a", 5)
        m.pop(("t", 1))
        m.snapshot()
        m.handle()
        SharedAtomicMap(m).drain()
        with pytest.raises(NotShareableError):
            m["a"] = object()

    assert_no_leak(work)


keys = st.sampled_from([*KEYS, *range(40), *(f"key {i}" for i in range(30))])
values = st.sampled_from([0, 1, "short", "a text that needs a box", None, 2.5, (1, "x"), 1 << 70])


class Model(RuleBasedStateMachine):
    """A dict beside the map; snapshots beside copies of the dict."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.model, self.kept = SharedAtomicMap(), {}, []

    @rule(key=keys, value=values)
    def store(self, key, value):
        self.map[key] = value
        self.model[key] = value

    @rule(key=keys)
    def take(self, key):
        assert self.map.pop(key, ABSENT) == self.model.pop(key, ABSENT)

    @rule(key=keys, value=values)
    def exchange(self, key, value):
        assert self.map.exchange(key, value, ABSENT) == self.model.get(key, ABSENT)
        self.model[key] = value

    @rule(key=keys, value=values)
    def swap(self, key, value):
        expected = self.model.get(key, ABSENT)
        assert self.map.compare_and_set(key, expected, value)
        self.model[key] = value

    @rule(key=keys, value=values)
    def default(self, key, value):
        assert self.map.setdefault(key, value) == self.model.setdefault(key, value)

    @rule(key=keys)
    def increase(self, key):
        if isinstance(self.model.get(key, 0), int | float):
            self.model[key] = self.model.get(key, 0) + 1
            assert self.map.add(key) == self.model[key]

    @rule(key=keys, value=values)
    def update(self, key, value):
        self.map.update(key, lambda old: (type(old).__name__, value))
        self.model[key] = (type(self.model.get(key, ABSENT)).__name__, value)

    @rule(entries=st.dictionaries(keys, values, max_size=60), whole=st.booleans())
    def store_all(self, entries, whole):
        if whole:
            assert self.map.replace(entries) == self.model
            self.model = dict(entries)
        else:
            self.map.update_all(entries)
            self.model |= entries

    @rule(adopted=st.booleans())
    def keep(self, adopted):
        self.kept.append((self.map.snapshot(), dict(self.model)))
        if adopted:
            self.map = SharedAtomicMap(self.kept[-1][0])

    @rule()
    def drain(self):
        assert self.map.drain() == self.model
        self.model = {}

    @invariant()
    def the_map_is_the_dict(self):
        assert len(self.map) == len(self.model)
        assert self.map == self.model
        for snapshot, contents in self.kept[-3:]:
            assert snapshot == contents

    def teardown(self):
        assert _check(self.map.snapshot()) is None
        for snapshot, contents in self.kept:
            assert snapshot == contents
            assert _check(snapshot) is None


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


# SharedAtomicCounter


def test_a_counter_adds_and_is_taken():
    counter = SharedAtomicCounter()
    assert counter.add() is None
    counter.add(10)
    counter.add(-3)
    assert (counter.get(), SharedAtomicCounter(-5).get(), SharedAtomicCounter(initial=5).get()) == (8, -5, 5)
    assert repr(counter) == "SharedAtomicCounter(8)"
    assert (counter.take(), counter.get()) == (8, 0)


def test_a_counter_refuses_what_it_cannot_hold():
    counter = SharedAtomicCounter(2**57 - 1)
    with pytest.raises(OverflowError, match="a SharedAtomicCounter counts up to"):
        counter.add(2**57 + 1)
    with pytest.raises(TypeError):
        counter.add("a")
    with pytest.raises(TypeError, match="an initial number"):
        SharedAtomicCounter("a", 1, 2)
    assert counter.get() == 2**57 - 1


def test_threads_count_exactly():
    m, counter = SharedAtomicMap(), SharedAtomicCounter()
    threads = [threading.Thread(target=lambda: [(m.add(i % 7), counter.add()) for i in range(700)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert m == dict.fromkeys(range(7), 400)
    assert counter.get() == 2800
