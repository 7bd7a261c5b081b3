"""merge(other, fn) and the union of many: whose key, whose value, and how often fn is called."""

from __future__ import annotations

import collections
import collections.abc
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import CountingKey, HashKey, HashKeyCrasher, colliding, expected_dump

from frozen import Map, SharedMap, _core


def pair(old, new):
    return (old, new)


def test_fn_is_called_with_old_and_new():
    assert Map(a=1, b=2).merge(Map(b=3, c=4), pair) == {"a": 1, "b": (2, 3), "c": 4}
    assert Map(a=1, b=2).merge({"b": 3, "c": 4}, pair) == {"a": 1, "b": (2, 3), "c": 4}
    assert Map(a=1, b=2).merge([("b", 3), ("c", 4)], pair) == {"a": 1, "b": (2, 3), "c": 4}


def test_neither_side_changes():
    left, right = Map(a=1, b=2), Map(b=3, c=4)
    left.merge(right, pair)
    assert (left, right) == ({"a": 1, "b": 2}, {"b": 3, "c": 4})


def test_fn_is_not_called_where_only_one_side_has_the_key():
    def never(old, new):
        raise AssertionError((old, new))

    assert Map(a=1).merge({"b": 2}, never) == {"a": 1, "b": 2}
    assert Map().merge({"b": 2}, never) == {"b": 2}
    assert Map(a=1).merge({}, never) == {"a": 1}


def test_fn_is_called_once_a_common_key():
    calls = []

    def fn(old, new):
        calls.append((old, new))
        return new

    left, right = Map.fromkeys(range(300), "left"), Map.fromkeys(range(200, 500), "right")
    merged = left.merge(right, fn)
    assert calls == [("left", "right")] * 100
    assert dict(merged) == dict.fromkeys(range(200), "left") | dict.fromkeys(range(200, 500), "right")


def test_fn_is_called_where_both_sides_hold_the_same_value():
    m = Map(a=1, b=2)
    assert m.merge(m, lambda old, new: old + new) == {"a": 2, "b": 4}
    assert m.merge(dict(m), lambda old, new: old + new) == {"a": 2, "b": 4}
    assert m.set("c", 3).merge(m, lambda old, new: old + new) == {"a": 2, "b": 4, "c": 3}


def test_the_stored_key_stays():
    for other in (Map({1.0: "b"}), {1.0: "b"}, [(1.0, "b")]):
        ((key, value),) = Map({1: "a"}).merge(other, pair).items()
        assert type(key) is int
        assert value == ("a", "b")


@pytest.mark.parametrize("kind", [Map, dict])
def test_an_error_of_fn_surfaces_and_changes_nothing(kind):
    m, other = Map.fromkeys(range(100), 0), kind.fromkeys(range(50, 150), 1)

    def fn(old, new):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        m.merge(other, fn)
    assert dict(m) == dict.fromkeys(range(100), 0)
    _core._check(m)


def test_fn_may_use_the_maps_and_merge_again():
    left, right = Map.fromkeys(range(100), 0), Map.fromkeys(range(50, 150), 1)

    def fn(old, new):
        assert left[60] == 0
        assert right[60] == 1
        return len(left.merge(right, max))

    assert left.merge(right, fn)[75] == 150


def test_arguments():
    for call in (
        lambda: Map().merge(),
        lambda: Map().merge({}),
        lambda: Map().merge({}, pair, pair),
        lambda: Map().merge(1, pair),
        lambda: Map(a=1).merge({"a": 1}, "not callable"),
        lambda: Map(a=1).merge(Map(a=1), None),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="length"):
        Map(a=1).merge([(1, 2, 3)], pair)


def test_merging_versions_of_one_map_calls_no_key():
    keys = [CountingKey(index * 77) for index in range(500)]
    base = Map(dict.fromkeys(keys, 0))
    left, right = base.set(keys[3], 1), base.set(keys[499], 2).delete(keys[100])
    hashed = [key.hashed for key in keys]
    compared = [key.compared for key in keys]
    union = left | right
    merged = left.merge(right, lambda old, new: new)
    assert [key.hashed for key in keys] == hashed
    assert [key.compared for key in keys] == compared
    assert union == merged == dict.fromkeys(keys, 0) | {keys[499]: 2}
    _core._check(union)


@pytest.mark.parametrize("size", [3, 40])
def test_an_error_of_eq_surfaces_and_changes_nothing(size):
    left = Map(dict.fromkeys(colliding(size), 0))
    right = Map({HashKey(5, f"right {index}"): 1 for index in range(size)})
    for combine in (lambda: left | right, lambda: left.update(right), lambda: left.merge(right, pair)):
        with HashKeyCrasher(on_eq=True) as crash, pytest.raises(type(crash)):
            combine()
    assert len(left) == len(right) == size
    _core._check(left)
    _core._check(right)


# Against dict

few_hashes = st.sampled_from([0, 1, 1 + (1 << 5), 1 + (1 << 32), 33, 2**63 - 1, -2, 1 << 60])
hash_keys = st.one_of(
    st.builds(HashKey, few_hashes, st.integers(0, 3)),
    st.integers(0, 2000).map(HashKey),
)
contents = st.dictionaries(hash_keys, st.integers(0, 2), max_size=60)


@given(contents, contents, contents)
def test_union_and_merge_of_related_maps_against_dict(base, more, other):
    root = Map(base)
    left, right = root.update(more), root | other
    left_model, right_model = base | more, base | other
    union = left | right
    merged = left.merge(right, pair)
    assert dict(union) == left_model | right_model
    assert dict(merged) == {
        key: pair(left_model[key], right_model[key])
        if key in left_model and key in right_model
        else (left_model | right_model)[key]
        for key in left_model | right_model
    }
    for m in (root, left, right, union, merged):
        _core._check(m)
        assert _core._dump(m) == expected_dump(m)
    assert dict(left) == left_model
    assert dict(right) == right_model


@given(contents, contents)
def test_union_keeps_the_keys_of_the_left(left, right):
    union = Map(left) | Map(right)
    stored = {key: key for key in left}
    for key in union:
        if key in stored:
            assert key is stored[key]


# Any mapping as an operand


@pytest.mark.parametrize("kind", [Map, SharedMap])
@pytest.mark.parametrize(
    "mapping", [collections.UserDict, collections.ChainMap, types.MappingProxyType, Map, SharedMap]
)
def test_union_with_any_mapping_on_either_side(kind, mapping):
    m, other = kind(a=1, b=2), mapping({"b": 3, "c": 4})
    union = m | other
    assert type(union) is kind
    assert union == {"a": 1, "b": 3, "c": 4}
    reverse = other | m
    assert isinstance(reverse, collections.abc.Mapping)
    assert dict(reverse) == {"a": 1, "b": 2, "c": 4}


@pytest.mark.parametrize("kind", [Map, SharedMap])
@pytest.mark.parametrize("other", [None, 1, [("a", 1)], {"a"}, "ab"], ids=repr)
def test_union_with_what_is_no_mapping_is_refused(kind, other):
    for left, right in ((kind(a=1), other), (other, kind(a=1))):
        with pytest.raises(TypeError, match="unsupported operand"):
            left | right
