"""`diff` and `apply`: a delta leads from the old version to the new one and back, names places, refuses misfits."""

from __future__ import annotations

import copy
import enum
import gc
import math
import pickle
import typing
from collections import UserDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import run_python

from frozen import (
    ABSENT,
    Change,
    ConflictError,
    Delta,
    Map,
    NotShareableError,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _sameness,
    freeze,
    set_in,
    share,
    thaw,
)
from frozen._apply import apply
from frozen._diff import diff
from frozen._sameness import same_value

keys = st.sampled_from("abcd")
maps = st.recursive(
    st.dictionaries(keys, st.integers(0, 2) | st.none(), max_size=4),
    lambda inner: st.dictionaries(keys, inner | st.integers(0, 2), max_size=4),
    max_leaves=12,
).map(freeze)


class Colour(enum.IntEnum):
    RED = 1


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
        assert not same_value(change.old, change.new)
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


def outcome(call: Any, *args: Any) -> Any:
    """What it returns, or what it raises and says."""
    try:
        return call(*args)
    except Exception as error:
        return type(error), str(error)


@given(maps, maps, maps, st.booleans(), st.booleans())
def test_the_method_does_what_the_function_does(
    old: Map[Any, Any], new: Map[Any, Any], other: Map[Any, Any], shared_delta: bool, shared_map: bool
) -> None:
    delta = diff(share(old), share(new)) if shared_delta else diff(old, new)
    for value in (old, other):
        value = share(value) if shared_map else value
        assert same_value(outcome(value.apply, delta), outcome(apply, value, delta))
        assert type(outcome(value.apply, delta)) is type(outcome(apply, value, delta))


def test_the_method_takes_what_the_function_takes() -> None:
    class Sub(Map[Any, Any]):
        pass

    delta, unborn = diff(Map(a=1), Map(a=2)), Delta.__new__(Delta)
    for value in (Map(a=1), Map(a=True), SharedMap(a=1), Sub(a=1), Map()):
        for argument in (delta, diff(value, value), unborn, {("a",): Change(1, 2)}, None):
            assert outcome(value.apply, argument) == outcome(apply, value, argument)
    same = Map(a=1)
    assert same.apply(diff(same, same)) is same
    assert type(Sub(a=1).apply(delta)) is type(Sub(a=1).set("a", 2))
    assert type(Map(a=1).apply(diff(SharedMap(a=1), SharedMap(a=(1, 2))))) is Map


def test_delta_applies_to_a_version_that_changed_elsewhere() -> None:
    base = freeze({"left": {"a": 1, "b": 1}, "right": 1})
    delta = diff(base, set_in(base, ["left", "a"], 2))
    other = set_in(set_in(base, ["left", "b"], 3), ["right"], 4)
    assert apply(other, delta) == freeze({"left": {"a": 2, "b": 3}, "right": 4})


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ({"a": {"b": 9}}, r"at \['a', 'b'\] it expects 1, not 9$"),
        ({"a": {"b": True}}, r"at \['a', 'b'\] it expects 1, not True$"),
        ({"a": {}}, r"at \['a', 'b'\] it expects 1, not ABSENT$"),
        ({}, r"at \['a', 'b'\] it expects 1, not ABSENT$"),
        ({"a": 5}, r"at \['a', 'b'\] it expects 1, not ABSENT: 5 at \['a'\] is no map$"),
        ({"a": None}, r"not ABSENT: None at \['a'\] is no map$"),
        ({"a": "b"}, r"not ABSENT: 'b' at \['a'\] is no map$"),
        ({"a": [1]}, r"not ABSENT: Vector\(\[1\]\) at \['a'\] is no map$"),
    ],
)
@pytest.mark.parametrize("convert", [freeze, share])
def test_delta_that_does_not_fit_is_refused(base: Any, message: str, convert: Any) -> None:
    delta = diff(freeze({"a": {"b": 1}}), freeze({"a": {"b": 2}}))
    before = convert(base)
    with pytest.raises(ConflictError, match=message.replace("Vector", "(Shared)?Vector")) as caught:
        apply(before, delta)
    assert isinstance(caught.value, ValueError)
    assert (caught.value.path, caught.value.expected) == (("a", "b"), 1)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert before == convert(base)


def test_nothing_is_added_where_there_is_no_map_any_more() -> None:
    delta = diff(freeze({"a": {}}), freeze({"a": {"b": {"c": 1}}}))
    with pytest.raises(ConflictError, match=r"nothing can be added at \['a', 'b'\]: 5 at \['a'\] is no map"):
        apply(Map(a=5), delta)
    assert apply(Map(), delta) == freeze({"a": {"b": {"c": 1}}})


@dataclass(frozen=True)
class Record:
    b: Any


@pytest.mark.parametrize("key", [1, -1, 0, "b", "x"])
@pytest.mark.parametrize(
    "level", [Vector([1, 2]), (1, 2), [1, 2], {1: 1, "b": 1}, Record(1), "text", 5, None, Map], ids=str
)
@pytest.mark.parametrize("change", [(1, 2), (1, ABSENT), (ABSENT, 2), (2, 3)], ids=str)
def test_apply_enters_maps_only(key: Any, level: Any, change: tuple[Any, Any]) -> None:
    for path in ("a", key), ("a", key, "deeper"):
        with pytest.raises(ConflictError) as caught:
            apply(Map(a=level), delta_of({path: change}))
        assert caught.value.path == path


def test_refusing_costs_what_differs_and_says_so_briefly() -> None:
    shown = []

    class Loud:
        def __repr__(self) -> str:
            shown.append(self)
            return "loud"

    value = Map((number, Loud()) for number in range(10_000))
    base = Map(x=value)
    delta = base.diff(base.set("x", None))
    with pytest.raises(ConflictError) as caught:
        base.set("x", value.set(7, 0)).apply(delta)
    assert len(str(caught.value)) < 1000
    assert len(shown) < 200
    with pytest.raises(ConflictError) as caught:
        apply(Map(), delta_of({("k" * 10_000,) * 1000: (1, 2)}))
    assert len(str(caught.value)) < 2000


def test_changes_that_overlap_are_refused() -> None:
    for changes in (
        {("a",): (1, 2), ("a", "b"): (1, 2)},
        {("a", "b", "c"): (1, 2), ("a",): (1, 2)},
        {(): (1, 2), ("a",): (1, 2)},
    ):
        with pytest.raises(ValueError, match="in another change, what is around or in it"):
            apply(freeze({"a": {"b": 1}}), delta_of(changes))


def test_a_change_of_the_whole_is_applied() -> None:
    assert apply(Map(a=1), delta_of({(): (Map(a=1), Map(b=2))})) == Map(b=2)
    with pytest.raises(ConflictError, match=r"at \[\] it expects"):
        apply(Map(a=3), delta_of({(): (Map(a=1), Map(b=2))}))


def test_many_changes_below_one_place_go_down_once() -> None:
    class Counted(str):
        __slots__ = ()
        hashed = 0

        def __hash__(self) -> int:
            Counted.hashed += 1
            return str.__hash__(self)

    old: Any = Map({"x": 0})
    new: Any = Map({"x": 1})
    for _ in range(200):
        old, new = Map({Counted("d"): old, "x": 0}), Map({Counted("d"): new, "x": 1})
    delta = old.diff(new)
    delta = Delta(Map((tuple(map(str, path)), change) for path, change in delta.changes.items()))
    Counted.hashed = 0
    assert not apply(old, delta).diff(new)
    assert Counted.hashed < 2_000  # 20,000 if each change were to go down by itself


# Kinds of values


odd_values = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, 1 + 0j, math.nan, None, "1", b"1", (), Decimal(1)])
odd_data = st.recursive(
    odd_values,
    lambda inner: st.one_of(
        st.tuples(inner),
        st.lists(inner, max_size=2),
        st.lists(inner, max_size=2).map(Vector),
        st.dictionaries(keys, inner, max_size=2),
        st.dictionaries(keys, inner, max_size=2).map(Map),
        inner.map(Record),
        st.sets(st.sampled_from([0, -0.0, False, 1, True, "1", (1,), (True,)]), max_size=2).map(Set),
        st.frozensets(st.sampled_from([1, 1.0, (1,), (1.0,)]), max_size=2),
    ),
    max_leaves=4,
)
odd_maps = st.dictionaries(keys, odd_data, max_size=3).map(Map)


def spelt(value: Any) -> str:
    """`value` with all its kinds: two values are the same if they are spelt alike."""
    kind = type(value).__name__
    if isinstance(value, (Map, dict, SharedMap)):
        return f"{kind}({sorted((spelt(key), spelt(part)) for key, part in value.items())})"
    if isinstance(value, (Set, frozenset, SharedSet)):
        return f"{kind}({sorted(map(spelt, value))})"
    if isinstance(value, (tuple, list, Vector, SharedVector)):
        return f"{kind}({list(map(spelt, value))})"
    return f"{kind}({spelt(value.b)})" if isinstance(value, Record) else f"{kind}({value!r})"


def sent(value: Any) -> Any:
    """As another process receives it: equal objects, none of them identical."""
    return pickle.loads(pickle.dumps(value))


@given(odd_maps, odd_maps)
def test_applying_gives_the_new_version_in_kind_as_well_as_value(old: Any, new: Any) -> None:
    delta = sent(old.diff(new))
    assert spelt(sent(old).apply(delta)) == spelt(new)
    assert spelt(sent(new).apply(delta.inverse())) == spelt(old)
    assert bool(delta) == (spelt(old) != spelt(new))


@given(odd_data, odd_data)
def test_values_are_the_same_if_they_are_spelt_alike(a: Any, b: Any) -> None:
    assert same_value(a, sent(a))
    assert same_value(a, b) == same_value(b, a) == (spelt(a) == spelt(b))


shareable = st.recursive(
    odd_values,
    lambda inner: st.tuples(inner) | st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=5,
)
documents = st.dictionaries(keys, shareable, max_size=3)


@given(documents, documents)
def test_a_delta_of_one_family_applies_in_the_other(old: Any, new: Any) -> None:
    shared_delta, local_delta = share(old).diff(share(new)), freeze(old).diff(freeze(new))
    assert shared_delta.changes.keys() == local_delta.changes.keys()
    for delta in local_delta, sent(shared_delta):
        assert spelt(share(old).apply(delta)) == spelt(share(new))
        assert spelt(freeze(old).apply(delta)) == spelt(freeze(new))
        assert spelt(freeze(new).apply(delta.inverse())) == spelt(freeze(old))


def test_what_a_delta_of_shared_maps_holds_becomes_local_at_any_depth() -> None:
    inner = SharedVector([1])
    old, new = SharedMap(x=0), SharedMap(x=((inner, "plain"), inner))
    result = Map(x=0).apply(old.diff(new))
    assert spelt(result["x"]) == spelt(((Vector([1]), "plain"), Vector([1])))
    assert spelt(result.apply(new.diff(old))) == spelt(Map(x=0))


def test_shared_values_that_a_map_holds_stay_shared() -> None:
    old = Map(x=SharedVector([1]))
    new = old.set("x", SharedVector([2])).set("y", SharedMap(a=1))
    result = old.apply(old.diff(new))
    assert type(result["x"]) is SharedVector
    assert type(result["y"]) is SharedMap


def test_what_shared_memory_cannot_hold_is_not_applied_to_it() -> None:
    old = Map(x=1)
    with pytest.raises(NotShareableError):
        SharedMap(x=1).apply(old.diff(old.set("x", object())))
    with pytest.raises(ConflictError, match=r"at \['x'\] it expects <.*object.*>, not 1"):
        SharedMap(x=1).apply(old.set("x", object()).diff(old))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (1.0, 1 + 0j),
        ({"a": 1}, Map(a=1)),
        ([1], Vector([1])),
        (Vector([1]), Vector([True])),
        (Map(a=Vector([1])), Map(a=Vector([1.0]))),
        (SharedVector([1]), SharedVector([True])),
        (SharedMap(a=(0.0,)), SharedMap(a=(-0.0,))),
        (Set([1]), frozenset([1])),
        (Set([(1,)]), Set([(True,)])),
        (frozenset([0.0]), frozenset([-0.0])),
        (frozenset([frozenset([1])]), frozenset([frozenset([True])])),
        (Set([Map(a=1)]), Set([Map(a=True)])),
        ({Decimal(1)}, {Decimal("1.0")}),
        (UserDict(a=1), UserDict(a=True)),
        (UserDict(a=1).items(), UserDict(a=True).items()),
        ({1: "x"}, {True: "x"}),
        ({1: "x", "y": [1]}, {1: "x", "y": [True]}),
        (deque([1]), deque([True])),
        (Record(1), Record(True)),
        (Decimal("1.0"), Decimal("1.00")),
        (Decimal("0"), Decimal("-0")),
        (datetime(2020, 1, 1, 12, tzinfo=UTC), datetime(2020, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))),
        (Colour.RED, 1),
    ],
    ids=repr,
)
def test_another_kind_of_value_is_a_change(a: Any, b: Any) -> None:
    old, new = Map(x=a), Map(x=b)
    assert old.diff(new)
    assert not old.diff(sent(old))
    assert type(old.apply(old.diff(new))["x"]) is type(b)
    with pytest.raises(ConflictError):
        new.apply(delta_of({("x",): (a, None)}))


nan = float("nan")


@pytest.mark.parametrize(
    "value",
    [nan, (1, nan), [nan], Vector([nan]), complex(nan, 1), {"a": nan}, Record(nan), Decimal("nan"), Decimal("sNaN")],
    ids=repr,
)
def test_a_nan_that_stays_a_nan_is_no_change(value: Any) -> None:
    a, b = Map(x=value, y=0), Map(x=value, y=1)
    assert set(sent(a).diff(sent(b))) == {("y",)}
    assert a.apply(sent(a.diff(a.set("x", 1))))["x"] == 1


class Vague:
    """Like an array: its `==` gives no bool."""

    def __eq__(self, other: object) -> Any:
        return [True]

    __hash__ = object.__hash__


class Angry:
    def __eq__(self, other: object) -> bool:
        raise ValueError("not comparable")

    __hash__ = object.__hash__


@pytest.mark.parametrize("kind", [Vague, Angry])
def test_values_that_cannot_be_compared_are_the_same_if_they_are_one_object(kind: Any) -> None:
    value = kind()
    old, new = Map(x=(value,), y=value, z=value), Map(x=(value,), y=kind(), z=value)
    delta = old.diff(new)
    assert set(delta) == {("y",)}
    assert old.apply(delta)["y"] is new["y"]
    with pytest.raises(ConflictError):
        new.apply(delta)


class Greedy:
    def __eq__(self, other: object) -> bool:
        raise MemoryError("not comparable now")

    __hash__ = object.__hash__


def test_a_comparison_without_memory_is_no_answer() -> None:
    old, new = Map(x=Greedy()), Map(x=Greedy())
    with pytest.raises(MemoryError, match="not comparable now"):
        old.diff(new)


def test_arrays_are_compared_by_identity() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(3)
    old = Map(weights=array, same=array, number=numpy.int64(1), real=numpy.float64("nan"))
    new = old.update(weights=numpy.zeros(3), number=numpy.int64(1), real=numpy.float64("nan"))
    assert set(old.diff(new)) == {("weights",)}
    assert old.apply(old.diff(new))["weights"] is new["weights"]


def test_sameness_takes_any_depth_and_shared_parts() -> None:
    a: Any = [1]
    b: Any = [1]
    for _ in range(100_000):
        a, b = [a], [b]
    assert same_value(a, b)
    for _ in range(100):
        a, b = (a, a), (b, b)  # 2**100 paths
    assert same_value(a, b)
    a, b = [], []
    a.append(a)
    b.append(b)
    assert same_value(a, b)


@pytest.mark.parametrize("family", [Vector, SharedVector])
@pytest.mark.parametrize("index", [0, 31, 32, 5_000, 9_999])
def test_another_kind_of_element_is_found_in_a_large_vector(family: Any, index: int) -> None:
    old = family([1, "text that takes a box"] * 5_000)
    for value in True, 1.0, math.nan, (1,):
        new = old.set(index, value)
        assert not same_value(old, new)
        assert same_value(new, old.set(index, 5).set(index, sent(value)))
        assert same_value(new, sent(new))
    assert not same_value(old, old.append(1))


def test_what_large_vectors_share_is_not_looked_at() -> None:
    calls = []

    class Number(float):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            calls.append(other)
            return float.__eq__(self, other)

        __hash__ = float.__hash__

    old = Vector(map(Number, range(10_000)))
    new = old.set(9_999, Number(9_999))
    assert same_value(old, new)
    assert len(calls) == 1


def test_a_change_in_a_large_map_inside_a_tuple_is_found_at_its_cost() -> None:
    class Untouchable:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = object.__hash__

    big = Map((number, Untouchable()) for number in range(1000))
    assert same_value((big,), (big.set(5, 1).set(5, big[5]),))
    assert not same_value((big.set(5, 1),), (big.set(5, 2),))


TWICE: dict[str, Any] = {
    "Map": lambda part: Map(a=part, b=part),
    "Map of Vectors": lambda part: Map(a=Vector([part]), b=(part, part)),
    "SharedMap": lambda part: SharedMap(a=part, b=part),
    "SharedMap of SharedVectors": lambda part: SharedMap(a=SharedVector([part]), b=(part, part)),
}


@pytest.mark.parametrize("twice", TWICE.values(), ids=TWICE)
def test_what_many_ways_lead_to_is_compared_once(twice: Any) -> None:
    """2 ** 100 ways: no walk along all of them would end. Shared values are other objects whenever they are read."""
    old: Any = (1, 2)
    new: Any = (1, 2)
    for _ in range(100):
        old, new = twice(old), twice(new)
    unchanged, changed = old.diff(new), old.diff(new.set("x", 1))
    same = same_value(old, new)
    added = old.apply(changed)["x"]
    del old, new  # their repr would be as long as the ways are many
    assert same
    assert not unchanged
    assert changed == delta_of({("x",): (ABSENT, 1)})
    assert added == 1


@pytest.mark.parametrize("family", [Map, SharedMap])
def test_a_change_is_named_by_each_way_that_leads_to_it(family: Any) -> None:
    old, new = family(leaf=1), family(leaf=2)
    old, new = (family(a=part, b=family(c=part), d=family(c=0)) for part in (old, new))
    expected = delta_of({("a", "leaf"): (1, 2), ("b", "c", "leaf"): (1, 2)})
    assert old.diff(new) == expected
    assert old.apply(expected) == new


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_delta_names_no_module_but_the_package(protocol: int) -> None:
    old, new = Map(a=1, b=Map(c=2)), Map(a=2, d=3)
    delta = old.diff(new)
    conflict = ConflictError(("a",), ABSENT, 1)
    pickled = pickle.dumps((delta, ABSENT, conflict), protocol)
    assert b"frozen._delta" not in pickled, "a pickle must stay valid when the module is renamed"
    read, absent, error = pickle.loads(pickled)
    assert (read, read.shared) == (delta, False)
    assert absent is ABSENT
    assert error.path == ("a",)
    assert copy.copy(read).inverse() == new.diff(old)


def test_types_of_deltas_keep_their_annotations() -> None:
    assert typing.get_type_hints(Change) == {"old": Any, "new": Any}
    assert typing.get_type_hints(Delta)["shared"] is bool


def test_a_delta_that_is_shared_is_refused_as_a_record() -> None:
    for record in Map(a=1).diff(Map(a=2)), Change(1, 2):
        with pytest.raises(NotShareableError, match=r"pickle it|is a subclass"):
            share(record)


@pytest.mark.parametrize("kind", [Vector, SharedVector])
def test_each_pair_of_nested_vectors_is_compared_a_few_times(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The elements on the way to what differs are not compared again at each level."""
    compared = 0

    def counted(a: Any, b: Any) -> Any:
        nonlocal compared
        compared += 1
        return same_vectors(a, b)

    same_vectors = _sameness._COMPARISONS[kind]
    monkeypatch.setitem(_sameness._COMPARISONS, kind, counted)
    depth, old, new = 300, kind([1]), kind([2])
    for _ in range(depth):
        old, new = kind([kind([]), old]), kind([kind([]), new])
    assert old.apply(old.diff(new)) == new
    assert 0 < compared < 10 * depth


def test_versions_may_be_nested_deeper_than_the_stack() -> None:
    path = ["k"] * 10_000
    old = set_in(Map(), path, 1)
    new = set_in(old, path, 2)
    delta = diff(old, new)
    assert delta[tuple(path)] == Change(1, 2)
    assert not diff(apply(old, delta), new)


def test_a_delta_answers_like_a_mapping_and_stays_what_it_is() -> None:
    delta = Map(a=1).diff(Map(a=2))
    assert ("a",) in delta
    assert ("b",) not in delta
    assert delta != 5
    with pytest.raises(AttributeError, match="a Delta does not change: cannot delete 'shared'"):
        del delta.shared


class LookingKey:
    """Reads every tuple that the collector knows whenever it is shown."""

    def __repr__(self) -> str:
        for known in gc.get_objects():
            if type(known) is tuple:
                for _ in known:  # CPython crashes where one of them is not full
                    pass
        return "looking"


def test_paths_are_ordered_by_whole_tuples() -> None:
    keys = [(1, 2, LookingKey()), (1, 2, LookingKey())]
    assert len(list(Map().diff(Map(dict.fromkeys(keys, 1))))) == 2


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
    with pytest.raises(TypeError, match=r"not with a SharedMap: freeze\(thaw\(it\)\) makes it local, or share\(\)"):
        Map().diff(SharedMap())
    with pytest.raises(TypeError, match="compares a SharedMap with another one, not with a Map: share it first"):
        SharedMap().diff(Map())
    assert not Map(a=Map(b=1)).diff(freeze(thaw(SharedMap(a=SharedMap(b=1)))))
    with pytest.raises(TypeError, match="not a dict"):
        diff({}, Map())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not with a Vector: what both stand in can be compared"):
        diff(Map(), Vector())  # type: ignore[type-var]
    assert Map(data=Map()).diff(Map(data=Vector())) == delta_of({("data",): (Map(), Vector())})


def test_containers_of_a_copy_that_was_removed_from_sys_modules_are_told_apart() -> None:
    code = """if True:
        import sys
        from unittest import mock
        with mock.patch.dict(sys.modules):
            import frozen as first
        import frozen
        try:
            first.Map(a=1).diff(first.Map(a=2))
        except TypeError as error:
            print(error)
    """
    assert "another copy of frozen" in run_python("-c", code).stdout


@pytest.mark.parametrize("build", [Map, SharedMap])
def test_a_flat_delta_is_applied_where_all_of_it_fits(build: Any) -> None:
    old = build({"kept": 1, "changed": 1, "deleted": 2.5, "nan": math.nan})
    delta = old.diff(build({"kept": 1, "changed": True, "added": "x", "nan": math.nan}))
    assert delta == delta_of({("changed",): (1, True), ("deleted",): (2.5, ABSENT), ("added",): (ABSENT, "x")})
    assert [*map(type, old.apply(delta).values())].count(bool) == 1
    for other, key in (({"changed": 1.0}, "changed"), ({"deleted": "x"}, "deleted"), ({"added": None}, "added")):
        merged = old.update(other)
        before = dict(merged)
        with pytest.raises(ConflictError) as caught:
            merged.apply(delta)
        assert caught.value.path == (key,)
        assert same_value(dict(merged), before)
    with pytest.raises(ConflictError, match="expects 1, not ABSENT"):
        old.delete("changed").apply(delta)


@pytest.mark.parametrize("build", [Map, SharedMap])
def test_comparing_keys_may_fail_while_a_delta_is_applied(build: Any) -> None:
    class Key(str):
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

    old = build(a=1, b=2)
    delta = Delta({("b",): Change(2, 3), (Key("a"),): Change(1, 2)})
    with pytest.raises(ZeroDivisionError):
        old.apply(delta)
    assert dict(old) == {"a": 1, "b": 2}


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
