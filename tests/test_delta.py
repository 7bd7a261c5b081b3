"""`diff` and `apply`: a delta leads from the old version to the new one and back, names places, refuses misfits."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import Map, SharedMap, freeze, set_in, share
from frozen.delta import ABSENT, Change, Delta, apply, diff

keys = st.sampled_from("abcd")
maps = st.recursive(
    st.dictionaries(keys, st.integers(0, 2) | st.none(), max_size=4),
    lambda inner: st.dictionaries(keys, inner | st.integers(0, 2), max_size=4),
    max_leaves=12,
).map(freeze)


def delta_of(changes: dict[tuple[Any, ...], tuple[Any, Any]]) -> Delta:
    return Delta(Map({path: Change(*change) for path, change in changes.items()}))


@given(maps, maps)
def test_apply_undoes_diff_in_both_directions(old: Map[Any, Any], new: Map[Any, Any]) -> None:
    delta = diff(old, new)
    assert apply(old, delta) == new
    assert apply(new, delta.inverse()) == old
    assert delta.inverse() == diff(new, old)


@given(maps, maps)
def test_delta_is_false_exactly_between_equal_versions(old: Map[Any, Any], new: Map[Any, Any]) -> None:
    assert bool(diff(old, new)) == (old != new)


@given(maps, maps)
def test_every_named_place_did_change(old: Map[Any, Any], new: Map[Any, Any]) -> None:
    for change in diff(old, new).changes.values():
        assert change.old is not change.new
        assert change.old != change.new
        assert not (isinstance(change.old, Map) and isinstance(change.new, Map))


def test_changes_are_named_by_their_paths() -> None:
    old = freeze({"same": 1, "gone": 2, "in": {"side": {"x": 1}, "same": [1]}, "kind": {"a": 1}})
    new = freeze({"same": 1, "came": 3, "in": {"side": {"x": 2}, "same": [1]}, "kind": 5})
    delta = diff(old, new)
    assert delta == delta_of(
        {
            ("gone",): (2, ABSENT),
            ("came",): (ABSENT, 3),
            ("in", "side", "x"): (1, 2),
            ("kind",): (Map(a=1), 5),
        }
    )
    assert len(delta) == 4
    assert delta["came",] == Change(ABSENT, 3)
    assert set(delta) == {("gone",), ("came",), ("in", "side", "x"), ("kind",)}


def test_emptied_and_empty_maps_are_told_apart() -> None:
    assert diff(Map(a=Map(b=1)), Map(a=Map())) == delta_of({("a", "b"): (1, ABSENT)})
    assert diff(Map(), Map(a=Map())) == delta_of({("a",): (ABSENT, Map())})


def test_shared_maps_are_not_walked() -> None:
    class Untouchable:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = object.__hash__

    shared = Map(value=Untouchable())
    old = Map(shared=shared, other=Untouchable(), n=1)
    assert diff(old, old.set("n", 2)) == delta_of({("n",): (1, 2)})


def test_nan_that_stays_is_no_change() -> None:
    nan = float("nan")
    assert not diff(Map(a=nan), Map(a=nan))


def test_delta_applies_to_a_version_that_changed_elsewhere() -> None:
    base = freeze({"left": {"a": 1, "b": 1}, "right": 1})
    delta = diff(base, set_in(base, ["left", "a"], 2))
    other = set_in(set_in(base, ["left", "b"], 3), ["right"], 4)
    assert apply(other, delta) == freeze({"left": {"a": 2, "b": 3}, "right": 4})


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({"a": {"b": 9}}, r"at \['a', 'b'\] it expects 1, not 9"),
        ({"a": {}}, r"at \['a', 'b'\] it expects 1, not ABSENT"),
        ({"a": 5}, r"at \['a', 'b'\] it expects 1, not ABSENT"),
    ],
)
def test_delta_that_does_not_fit_is_refused(base: Any, message: str) -> None:
    delta = diff(freeze({"a": {"b": 1}}), freeze({"a": {"b": 2}}))
    with pytest.raises(ValueError, match=message):
        apply(freeze(base), delta)


def test_versions_may_be_nested_deeper_than_the_stack() -> None:
    path = ["k"] * 10_000
    old = set_in(Map(), path, 1)
    new = set_in(old, path, 2)
    delta = diff(old, new)
    assert delta[tuple(path)] == Change(1, 2)
    assert not diff(apply(old, delta), new)


def test_deltas_are_values() -> None:
    delta = diff(Map(a=1), Map(b=1))
    for twin in (pickle.loads(pickle.dumps(delta)), copy.deepcopy(delta), diff(Map(a=1), Map(b=1))):
        assert twin == delta
        assert hash(twin) == hash(delta)
        assert twin["b",].old is ABSENT
    with pytest.raises(AttributeError):
        delta.changes = Map()  # type: ignore[misc]


def test_shared_maps_are_compared_too() -> None:
    old = share({"a": {"b": 1}, "c": (1,)})
    new = set_in(set_in(old, ["a", "b"], 2), ["d"], 3)
    delta = old.diff(new)
    assert delta == delta_of({("a", "b"): (1, 2), ("d",): (ABSENT, 3)})
    assert old.apply(delta) == new
    assert type(old.apply(delta)) is SharedMap
    assert Map(m=old).diff(Map(m=new)) == delta_of({("m", "a", "b"): (1, 2), ("m", "d"): (ABSENT, 3)})


def test_only_maps_are_compared() -> None:
    with pytest.raises(TypeError, match="diff\\(\\) compares a Map with another one, not with a dict: freeze it first"):
        diff(Map(), {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not with a SharedMap"):
        Map().diff(SharedMap())
    with pytest.raises(TypeError, match="not a dict"):
        diff({}, Map())  # type: ignore[arg-type]


def test_only_deltas_are_applied() -> None:
    with pytest.raises(TypeError, match="apply takes a Delta, as diff returns it, not a Map"):
        Map().apply(Map(a=1))


def test_maps_have_diff_and_apply_as_methods() -> None:
    old, new = freeze({"a": {"b": 1}}), freeze({"a": {"b": 2}})
    assert old.diff(new) == diff(old, new)
    assert old.apply(old.diff(new)) == new


def test_versions_of_a_large_map_are_compared_only_where_they_differ() -> None:
    class Counted(int):
        """A key that counts how often keys are hashed and compared."""

        calls = 0

        def __hash__(self) -> int:
            Counted.calls += 1
            return int.__hash__(self)

        def __eq__(self, other: object) -> bool:
            Counted.calls += 1
            return int.__eq__(self, other)

    old = Map((Counted(number), [number]) for number in range(10_000))
    new = old.set(Counted(5), None).delete(Counted(6)).set(Counted(-7), "new")
    Counted.calls = 0
    delta = old.diff(new)
    assert set(delta) == {(5,), (6,), (-7,)}
    assert Counted.calls < 100


def test_subclasses_are_compared_like_maps() -> None:
    class Config(Map[str, int]):
        pass

    assert Config(a=1).diff(Map(a=2)) == Map(a=1).diff(Config(a=2)) == delta_of({("a",): (1, 2)})


def test_values_that_are_equal_but_not_the_same_are_no_change() -> None:
    assert not Map(a=(1, [2])).diff(Map(a=(1, [2])))
