"""alter and setdefault: one entry derived from what is there, with one look at the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import ActingKey, CountingKey, Crash, HashKey, HashKeyCrasher

from frozen import Map, NotShareableError, SharedMap

families = pytest.mark.parametrize("family", [Map, SharedMap], ids=["Map", "SharedMap"])


def never(value):
    raise AssertionError(f"called with {value!r}")


@families
def test_alter_replaces_the_value(family):
    m = family(a=1, b=2)
    assert m.alter("a", lambda value: value + 10) == {"a": 11, "b": 2}
    assert m == {"a": 1, "b": 2}


@families
def test_alter_of_an_absent_key_starts_from_the_default(family):
    assert family(a=1).alter("b", lambda value: value + 1, default=0) == {"a": 1, "b": 1}
    assert family(a=1).alter("b", str, 0) == {"a": 1, "b": "0"}
    assert family(a=1).alter("a", str, 0) == {"a": "1"}


@families
def test_alter_of_an_absent_key_without_a_default_is_a_key_error(family):
    with pytest.raises(KeyError) as caught:
        family(a=1).alter("b", never)
    assert caught.value.args == ("b",)


@families
def test_alter_to_the_same_value_gives_the_map_itself(family):
    m = family(a=1, b="text")
    assert m.alter("a", lambda value: value) is m


@families
def test_alter_keeps_the_key_that_is_there(family):
    (key,) = family({1: "x"}).alter(1.0, str.upper)
    assert type(key) is int


@families
def test_alter_raises_what_the_function_raises(family):
    m = family(a=0)
    with pytest.raises(ZeroDivisionError):
        m.alter("a", lambda value: 1 // value)
    assert m == {"a": 0}


@families
def test_alter_refuses_bad_arguments(family):
    m = family(a=1)
    with pytest.raises(TypeError, match="a function of the value as second argument, not 5"):
        m.alter("a", 5)
    with pytest.raises(TypeError, match="unhashable"):
        m.alter([], never)
    with pytest.raises(TypeError, match="2 to 3 arguments"):
        m.alter("a")
    with pytest.raises(TypeError, match="keyword argument 'initial'"):
        m.alter("a", never, initial=0)


def test_alter_of_a_shared_map_names_the_key_of_what_cannot_be_shared():
    with pytest.raises(NotShareableError, match=r"^\['a'\]: "):
        SharedMap(a=1).alter("a", lambda value: object())


def test_alter_hashes_the_key_once_and_compares_it_once():
    m = Map({CountingKey(number): number for number in range(100)})
    key = CountingKey(7)
    altered = m.alter(key, lambda value: value + 1)
    assert (key.hashed, key.compared) == (1, 1)
    assert altered[key] == 8


@families
def test_alter_from_inside_of_the_function_derives_other_maps(family):
    m = family.fromkeys(range(100), 0)
    inner = []

    def fn(value):
        inner.append(m.alter(5, lambda value: value + 1).delete(6))
        return value + 2

    assert m.alter(5, fn) == dict.fromkeys(range(100), 0) | {5: 2}
    assert inner == [{**dict.fromkeys([*range(6), *range(7, 100)], 0), 5: 1}]


def test_alter_of_a_map_that_only_the_call_holds():
    held = [Map({HashKey(number % 4, number): number for number in range(20)})]
    assert len(held.pop().alter(HashKey(3, 7), lambda value: [value])) == 20


@families
def test_alter_that_calls_itself_without_end_is_a_recursion_error(family):
    m = family(a=1)

    def fn(value):
        return m.alter("a", fn)

    with pytest.raises(RecursionError):
        m.alter("a", fn)


@families
def test_setdefault_gives_the_map_that_has_the_key(family):
    m = family(a=1)
    assert m.setdefault("a", 2) is m
    assert m.setdefault("b", 2) == {"a": 1, "b": 2}
    assert m.setdefault("b") == {"a": 1, "b": None}
    assert m == {"a": 1}


def test_setdefault_needs_no_value_that_can_be_shared_where_the_key_is_there():
    m = SharedMap(a=1)
    assert m.setdefault("a", object()) is m
    with pytest.raises(NotShareableError):
        m.setdefault("b", object())


@families
def test_setdefault_of_a_mutation_is_that_of_a_dict(family):
    mm = family(a=1).mutate()
    assert (mm.setdefault("a", 2), mm.setdefault("b", 2), mm.setdefault("b", 3), mm.setdefault("c")) == (1, 2, 2, None)
    assert mm.finish() == {"a": 1, "b": 2, "c": None}
    with pytest.raises(ValueError, match="has been finished"):
        mm.setdefault("a", 1)


def test_setdefault_of_a_mutation_keeps_what_a_comparison_has_stored():
    there = ActingKey(1, "there")
    mm = Map({there: 0}).mutate()

    def store():
        there.on_eq = None
        mm[HashKey(1, "new")] = "from __eq__"

    there.on_eq = store
    assert mm.setdefault(HashKey(1, "new"), "from outside") == "from __eq__"
    assert mm.finish()[HashKey(1, "new")] == "from __eq__"


@pytest.mark.parametrize("method", ["setdefault", "alter"])
def test_an_error_of_a_comparison_is_raised(method):
    m = Map({HashKey(1, "x"): 1})
    with HashKeyCrasher(on_eq=True), pytest.raises(Crash):
        getattr(m, method)(HashKey(1, "y"), never)
    assert dict(m.items()) == {HashKey(1, "x"): 1}


@families
@given(
    entries=st.dictionaries(st.integers(0, 40), st.integers()),
    steps=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["alter", "setdefault", "delete"]))),
)
def test_any_history_is_that_of_a_dict(family, entries, steps):
    m, model = family(entries), dict(entries)
    versions = [(m, dict(model))]
    for key, step in steps:
        if step == "alter":
            m, model = m.alter(key, lambda value: value + 1, default=0), {**model, key: model.get(key, 0) + 1}
        elif step == "setdefault":
            m, model = m.setdefault(key, -1), {key: -1, **model}
        else:
            m, model = m.discard(key), {k: v for k, v in model.items() if k != key}
        versions.append((m, dict(model)))
    assert all(version == then and len(version) == len(then) for version, then in versions)
