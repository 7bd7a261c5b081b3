"""AtomicMap in one thread: each operation does to the map what it says, and a snapshot never changes."""

import asyncio
import contextlib
import gc
import itertools
import sys
import weakref
from collections.abc import Mapping

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keys import HashKey, hash_of
from support import assert_no_leak, run_threads

from frozen import ABSENT, AtomicMap, Map, SharedAtomicMap, Vector
from frozen._core import _check


def test_a_map_holds_what_it_is_made_of():
    entries = {i: str(i) for i in range(100)}
    for source in (entries, Map(entries), list(entries.items()), AtomicMap(entries)):
        m = AtomicMap(source)
        assert m == entries
        assert m.snapshot() == Map(entries)
        assert (len(m), m.version) == (100, 0)
    assert AtomicMap() == {}
    assert len(AtomicMap()) == 0


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError):
        AtomicMap({}, {})
    with pytest.raises(TypeError, match="no keyword arguments"):
        AtomicMap(a=1)
    m = AtomicMap()
    for call in (m.exchange, m.compare_and_set, m.add, m.update, m.pop, m.setdefault, m.compare_and_set_all):
        with pytest.raises(TypeError):
            call()
    for call in (m.get, m.pop, m.setdefault, m.add, m.__getitem__, m.__contains__):
        with pytest.raises(TypeError, match="unhashable"):
            call([])
    assert m.version == 0


def test_entries_are_read_stored_and_deleted():
    m = AtomicMap()
    m["a"] = 1
    m["b"] = 2
    m["a"] = 3
    assert m["a"] == m.get("a") == 3
    assert "b" in m
    del m["b"]
    assert "b" not in m
    assert (m.get("b"), m.get("b", 4), m.get("b", default=5)) == (None, 4, 5)
    for act in (m.__getitem__, m.__delitem__, m.pop):
        with pytest.raises(KeyError, match="missing"):
            act("missing")
    assert m.version == 4


def test_what_is_stored_where_it_is_already_is_no_change():
    value = object()
    m = AtomicMap({"a": value})
    m["a"] = value
    assert m.version == 0


def test_pop_setdefault_and_exchange_return_what_was_there():
    m = AtomicMap({"a": 1})
    assert (m.setdefault("a", 2), m.setdefault("b", 3), m.setdefault("c")) == (1, 3, None)
    assert (m.pop("a"), m.pop("a", 7), m.pop("a", default=8)) == (1, 7, 8)
    assert (m.exchange("b", 4), m.exchange("d", 5), m.exchange("e", 6, ABSENT)) == (3, None, ABSENT)
    assert m.exchange("b", ABSENT) == 4
    assert m == {"c": None, "d": 5, "e": 6}


def test_compare_and_set_compares_plain_values_containers_by_version_and_the_rest_by_identity():
    thing, big = object(), 10**30
    m = AtomicMap({"int": 1000, "big": big, "nan": float("nan"), "list": [], "thing": thing, "map": Map(a=1)})
    assert m.compare_and_set("int", int("1000"), 1)
    assert not m.compare_and_set("int", True, 2)
    assert not m.compare_and_set("int", 1.0, 2)
    assert m.compare_and_set("big", 10**30, 0)
    assert m.compare_and_set("nan", float("nan"), 0)
    assert not m.compare_and_set("list", [], 0)
    assert m.compare_and_set("thing", thing, None)
    assert not m.compare_and_set("map", Map(a=1), 0)
    assert m.compare_and_set("map", m["map"], 0)
    assert m["int"] == 1


def test_absent_stands_for_no_value_in_compare_and_set():
    m = AtomicMap()
    assert m.compare_and_set("a", ABSENT, 1)
    assert not m.compare_and_set("a", ABSENT, 2)
    assert not m.compare_and_set("b", None, 2)
    assert not m.compare_and_set("a", 3, ABSENT)
    assert m.compare_and_set("a", 1, ABSENT)
    assert m.compare_and_set("a", ABSENT, ABSENT)
    assert len(m) == 0


def test_absent_cannot_be_a_value():
    m = AtomicMap()
    with pytest.raises(ValueError, match="'key'"):
        m["key"] = ABSENT
    with pytest.raises(ValueError, match="'key'"):
        m.setdefault("key", ABSENT)
    assert len(m) == 0


def test_update_stores_what_the_function_returns():
    m = AtomicMap({"a": 1})
    assert m.update("a", lambda value, n, *, times: (value + n) * times, 2, times=10) == 30
    assert m.update("v", Vector.append, "x", default=Vector()) == Vector("x")
    assert m.update("n", lambda value: value is ABSENT) is True
    assert m.update("a", lambda value: ABSENT) is ABSENT
    assert m == {"v": Vector("x"), "n": True}


def test_a_function_that_raises_leaves_the_value():
    m = AtomicMap({"a": 1, "list": [1]})
    with pytest.raises(ZeroDivisionError):
        m.update("a", lambda value: 1 // 0)
    with pytest.raises(TypeError, match="changed in place"):
        m.update("list", list.clear)
    assert m["a"] == 1
    assert m.version == 0


def test_a_function_that_publishes_to_its_own_key_is_called_again():
    m = AtomicMap({"a": 0})
    calls = []

    def publish_twice(value):
        calls.append(value)
        if len(calls) <= 2:
            m["a"] = value + 10
        return value + 1

    assert m.update("a", publish_twice) == 21
    assert calls == [0, 10, 20]


def test_update_gives_up_on_a_function_that_always_publishes_to_its_own_key():
    m = AtomicMap({"a": 0})

    def publish(value):
        m["a"] = object()
        return value

    with pytest.raises(RuntimeError, match="gave up"):
        m.update("a", publish)


@pytest.mark.parametrize("method", ["replace", "drain", "clear", "update_all"])
def test_update_gives_up_on_a_function_that_always_changes_the_whole(method):
    m = AtomicMap({"key": object()})

    def meddle(value):
        getattr(m, method)(*[{"key": object()}] * (method in ("replace", "update_all")))
        if method in ("drain", "clear"):
            m["key"] = object()
        return value

    with pytest.raises(RuntimeError, match="published to the key from inside the function"):
        m.update("key", meddle)


def test_an_update_of_another_key_inside_takes_effect():
    m = AtomicMap({"a": 1, "b": 1})
    assert m.update("a", lambda value: value + m.update("b", lambda inner: inner + 1)) == 3
    assert m == {"a": 3, "b": 2}


def test_add_adds_to_whatever_number_is_there():
    m = AtomicMap({"big": 2**64, "float": 0.5, "text": "a"})
    assert (m.add("n"), m.add("n", 5), m.add("n", -7), m.add("n", 2**70)) == (1, 6, -1, 2**70 - 1)
    assert (m.add("big"), m.add("float"), m.add("other", 2.5)) == (2**64 + 1, 1.5, 2.5)
    assert m.add("text", "b") == "ab"
    with pytest.raises(TypeError):
        m.add("new", "text")
    assert "new" not in m


def test_count_and_reduce_combine_before_they_store():
    m = AtomicMap({"l": 10})
    m.count("hello")
    assert m == {"h": 1, "e": 1, "l": 12, "o": 1}
    calls = []

    def larger(a, b):
        calls.append((a, b))
        return max(a, b)

    m.reduce([("l", 5), ("l", 20), ("new", 1)], larger)
    assert m == {"h": 1, "e": 1, "l": 20, "o": 1, "new": 1}
    assert calls == [(5, 20), (12, 20)]


def test_a_snapshot_keeps_its_entries():
    m = AtomicMap((i, i) for i in range(1_000))
    before = m.snapshot()
    for i in range(1_000):
        m[i] = -i
    for i in range(0, 1_000, 3):
        del m[i]
    for i in range(1_000, 1_300):
        m[i] = 0
    assert before == {i: i for i in range(1_000)}
    assert _check(before) is None
    assert _check(m.snapshot()) is None


def test_the_map_does_not_change_the_map_it_was_made_of():
    source = Map((i, i) for i in range(1_000))
    m = AtomicMap(source)
    for i in range(1_000):
        m[i] = None
    assert source == {i: i for i in range(1_000)}


def test_the_whole_is_replaced_and_drained():
    m = AtomicMap({"a": 1})
    assert m.replace({"b": 2, "c": 3}) == Map(a=1)
    assert m.drain() == Map(b=2, c=3)
    assert (m.drain(), len(m)) == (Map(), 0)
    m.update_all({"a": 1})
    m.update_all([("b", 2)])
    assert m == {"a": 1, "b": 2}
    m.clear()
    assert m == {}


def test_compare_and_set_all_publishes_only_if_nothing_changed():
    m = AtomicMap((i, i) for i in range(100))
    old = m.snapshot()
    new = old.set("new", 1).delete(5)
    assert m.compare_and_set_all(old, new)
    assert not m.compare_and_set_all(old, {})
    assert m.compare_and_set_all(new, old)
    m[7] = None
    assert not m.compare_and_set_all(old, {})
    assert AtomicMap().compare_and_set_all(Map(), {"a": 1})
    with pytest.raises(TypeError, match="a Map"):
        m.compare_and_set_all({}, {})


def test_a_subclass_is_copied_at_one_instant():
    class Sub(AtomicMap):
        def items(self):
            raise AssertionError("the entries would be read one after the other")

    assert AtomicMap(Sub({1: 2})) == {1: 2}


def test_iteration_goes_over_a_snapshot():
    m = AtomicMap({"a": 1, "b": 2})
    for key in m:
        m[key + key] = 0
    assert sorted(m) == ["a", "aa", "b", "bb"]
    assert sorted(m.items()) == [("a", 1), ("aa", 0), ("b", 2), ("bb", 0)]
    assert sorted(m.keys()) == sorted(m)
    assert list(reversed(m)) == list(m)[::-1]
    assert sorted(m.values()) == [0, 0, 1, 2]


def test_a_map_is_a_place_that_is_compared_by_its_entries():
    m = AtomicMap({"a": 1})
    assert m == m
    assert m == AtomicMap({"a": 1}) == Map(a=1)
    assert m != {"a": 2}
    assert m != 1
    assert repr(m) == "AtomicMap({'a': 1})"
    m["self"] = m
    assert "AtomicMap({...})" in repr(m)
    with pytest.raises(TypeError, match="unhashable"):
        hash(m)
    assert isinstance(m, Mapping)
    match m:
        case {"a": 1}:
            pass
        case _:
            pytest.fail("it is a mapping")


def test_versions_count_changes_and_waiting_ends_with_one():
    m = AtomicMap()
    assert not m.wait(0, timeout=0)
    m["a"] = 1
    assert m.wait(0)
    assert m.get_versioned() == (Map(a=1), 1)
    with pytest.raises(ValueError, match="-1"):
        m.wait(-1)


def test_a_watch_hears_of_each_change_until_it_is_closed():
    m = AtomicMap({"a": 1})
    m["before"] = 0
    heard = []
    with m.watch(lambda old, new: heard.append((old, new))):
        m["a"] = 2
        del m["before"]
        m.clear()
        m.clear()
    m["after"] = 3
    states = [Map(a=1, before=0), Map(a=2, before=0), Map(a=2), Map()]
    assert heard == list(itertools.pairwise(states))
    with m.watch(lambda old, new: heard.append((old, new))):
        m["a"] = 1
    assert heard[-1] == (Map(after=3), Map(after=3, a=1))


def test_tasks_await_changes():
    async def work():
        m = AtomicMap({"a": 1})
        loop = asyncio.get_running_loop()
        loop.call_soon(m.__setitem__, "a", 2)
        assert await m.changed() == {"a": 2}
        heard, changes = [], m.changes()
        m["b"] = 1  # before anybody iterates
        async with contextlib.aclosing(changes):
            async for snapshot in changes:
                heard.append(snapshot)
                if len(heard) == 3:
                    break
                m.add("b")
        assert heard == [Map(a=2, b=n) for n in (1, 2, 3)]

    asyncio.run(work())


@pytest.mark.parametrize("kind", [AtomicMap, SharedAtomicMap])
def test_a_task_that_waits_when_its_loop_is_closed_leaves_nothing(kind):
    m, loop = kind({"a": 1}), asyncio.new_event_loop()
    task = loop.create_task(m.changed())
    task._log_destroy_pending = False
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    m["a"] = 2
    del task
    gc.collect()  # what the coroutine leaves behind is reported, and fails the test
    m["a"] = 3


def test_the_same_contents_are_no_change():
    m = AtomicMap((i, i) for i in range(100))
    m.replace(m.snapshot())
    assert m.version == 0
    empty = AtomicMap()
    empty.clear()
    assert empty.drain() == {}
    assert empty.version == 0


def interrupt(old, new):
    raise KeyboardInterrupt


def test_an_interrupt_in_a_callback_leaves_the_change():
    m = AtomicMap()
    with m.watch(interrupt):
        with pytest.raises(KeyboardInterrupt):
            m["a"] = 1
        with pytest.raises(KeyboardInterrupt):
            m.clear()
    assert m == {}


HAND_OUT = {
    "drain": (lambda m: m.drain(), {"a": "old", "b": 2}),
    "replace": (lambda m: m.replace({"c": 3}), {"a": "old", "b": 2}),
    "pop": (lambda m: m.pop("a"), "old"),
    "pop or a default": (lambda m: m.pop("a", None), "old"),
    "exchange": (lambda m: m.exchange("a", "new"), "old"),
    "exchange for nothing": (lambda m: m.exchange("a", ABSENT), "old"),
}


@pytest.mark.parametrize("call", HAND_OUT)
def test_an_interrupted_call_hands_over_what_it_has_taken_out(call):
    take_out, expected = HAND_OUT[call]
    m, plain = AtomicMap({"a": "old", "b": 2}), AtomicMap({"a": "old", "b": 2})
    with m.watch(interrupt), pytest.raises(KeyboardInterrupt) as caught:
        take_out(m)
    assert caught.value.undelivered == [expected]
    take_out(plain)
    assert m == plain


@pytest.mark.parametrize("change", [lambda m: m.__setitem__("a", 1), lambda m: m.update("a", str), AtomicMap.clear])
def test_an_interrupted_call_that_hands_nothing_out_hands_nothing_over(change):
    m = AtomicMap({"a": 0})
    with m.watch(interrupt), pytest.raises(KeyboardInterrupt) as caught:
        change(m)
    assert not hasattr(caught.value, "undelivered")


def test_calls_in_each_other_hand_over_what_each_has_taken_out():
    inner, outer = AtomicMap({"inner": 1}), AtomicMap({"outer": 2})
    drains = outer.watch(lambda old, new: inner.drain())
    with inner.watch(interrupt), drains, pytest.raises(KeyboardInterrupt) as caught:
        outer.pop("outer")
    assert caught.value.undelivered == [{"inner": 1}, 2]


def test_many_threads_that_are_interrupted_drain_each_entry_once(monkeypatch):
    """The thread that delivers is interrupted, whichever has made the change; if it delivers twice, one is reported."""
    monkeypatch.setattr(sys, "unraisablehook", lambda report: None)
    m, each, drained = AtomicMap(), 300, []

    def add(first):
        for number in range(first, first + each):
            with contextlib.suppress(KeyboardInterrupt):
                m[number] = None

    def drain():
        for _ in range(each):
            try:
                drained.append(m.drain())
            except KeyboardInterrupt as error:
                drained.extend(error.undelivered)

    with m.watch(interrupt):
        run_threads(lambda: add(0), lambda: add(each), drain, drain)
    drained.append(m.drain())
    assert sorted(key for entries in drained for key in entries) == list(range(2 * each))


def test_values_die_when_they_are_replaced():
    class Value:
        pass

    m = AtomicMap()
    for take_out in (lambda: m.pop("a"), lambda: m.__setitem__("a", 1), m.clear, m.drain, lambda: m.replace({})):
        m["a"] = value = Value()
        gone = weakref.ref(value)
        del value
        take_out()
        assert gone() is None


def test_a_destructor_may_use_the_map():
    m = AtomicMap()

    class Value:
        def __del__(self):
            m["destroyed"] = len(m)

    m["a"] = Value()
    m["a"] = 1
    assert m == {"a": 1, "destroyed": 1}


def test_a_map_in_a_cycle_is_collected():
    m = AtomicMap()
    m["self"] = m
    watched = m.watch(lambda old, new, held=m: held)
    gone = weakref.ref(m)
    del m, watched
    gc.collect()
    assert gone() is None


def test_operations_do_not_leak():
    class Key:
        def __hash__(self):
            return 1

        def __eq__(self, other):
            return self is other

    def work():
        m = AtomicMap({i: object() for i in range(50)})
        keys = [Key() for _ in range(5)]
        for key in (*keys, *range(100)):
            m[key] = [key]
            m.get(key)
            m.compare_and_set(key, m[key], 5)
            m.add(key, 2)
            m.exchange(key, key)
            m.update(key, lambda value: (value,))
        old = m.snapshot()
        for key in (*keys, *range(0, 100, 2)):
            m.pop(key)
        m.compare_and_set_all(old, {})
        m.count("hello")
        m.update_all(old)
        with m.watch(lambda old, new: None):
            m["watched"] = 1
        m.replace(old)
        m.drain()

    assert_no_leak(work)


class AgainstDict(RuleBasedStateMachine):
    """Any history of operations leaves what it would leave in a dict, and every snapshot on the way stays as it was."""

    keys = st.one_of(
        st.integers(-40, 40),
        st.text("ab", max_size=2),
        st.tuples(st.integers(0, 3), st.text("a", max_size=1)),
        st.builds(HashKey, st.sampled_from([0, 1, hash_of(1, 2), hash_of(1, 3), -2]), st.integers(0, 2)),
    )
    values = st.one_of(st.integers(), st.none(), st.lists(st.integers(), max_size=1))

    def __init__(self):
        super().__init__()
        self.map = AtomicMap()
        self.model = {}
        self.snapshots = []

    @rule(key=keys, value=values)
    def set(self, key, value):
        self.map[key] = value
        self.model[key] = value

    @rule(key=keys)
    def pop(self, key):
        assert self.map.pop(key, ABSENT) == self.model.pop(key, ABSENT)

    @rule(key=keys, value=values)
    def setdefault(self, key, value):
        assert self.map.setdefault(key, value) == self.model.setdefault(key, value)

    @rule(key=keys, expected=values, value=values)
    def compare_and_set(self, key, expected, value):
        plain = not isinstance(expected, list)
        same = plain and key in self.model and self.model[key] == expected
        assert self.map.compare_and_set(key, expected, value) == same
        if same:
            self.model[key] = value

    @rule(key=keys, n=st.integers())
    def add(self, key, n):
        if isinstance(self.model.get(key, 0), int):
            self.model[key] = self.model.get(key, 0) + n
            assert self.map.add(key, n) == self.model[key]

    @rule(entries=st.dictionaries(keys, values))
    def update_all(self, entries):
        self.map.update_all(entries)
        self.model.update(entries)

    @rule(entries=st.dictionaries(keys, values))
    def replace(self, entries):
        assert self.map.replace(entries) == self.model
        self.model = dict(entries)

    @rule()
    def snapshot(self):
        self.snapshots.append((self.map.snapshot(), dict(self.model)))

    @invariant()
    def agrees(self):
        now = self.map.snapshot()
        assert now == self.model
        assert len(self.map) == len(self.model) == len(now)
        assert _check(now) is None
        for snapshot, model in self.snapshots[-3:]:
            assert snapshot == model

    def teardown(self):
        for snapshot, model in self.snapshots:
            assert snapshot == model
            assert _check(snapshot) is None


TestAgainstDict = AgainstDict.TestCase
TestAgainstDict.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
