"""Deltas that meet: composed one after the other, and merged from one base."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frozen
from frozen import (
    ABSENT,
    Conflict,
    ConflictError,
    Delta,
    Map,
    MergeConflictError,
    Set,
    SharedMap,
    Span,
    Vector,
    freeze,
    merge3,
    save,
    set_in,
    share,
)

atoms = st.sampled_from([0, 1, True, None, "a"])
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.sets(st.integers(0, 4), max_size=3),
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
families = st.sampled_from([freeze, share])


def same(a: Any, b: Any) -> bool:
    """Also in kind: 1 is not True."""
    return a == b and not a.diff(b)


@given(families, documents, documents, documents)
def test_a_composition_leads_from_the_first_version_to_the_last(family: Any, a: Any, b: Any, c: Any) -> None:
    old, middle, new = family(a), family(b), family(c)
    composed = old.diff(middle).then(middle.diff(new))
    assert same(old.apply(composed), new)
    assert same(new.apply(composed.inverse()), old)
    assert bool(composed) == bool(old.diff(new))
    assert composed.shared == old.diff(middle).shared


rows = st.lists(st.integers(0, 3), max_size=12)


@given(rows, rows, rows)
def test_edit_scripts_are_composed(a: Any, b: Any, c: Any) -> None:
    old, middle, new = Vector(a), Vector(b), Vector(c)
    assert old.apply(old.diff(middle).then(middle.diff(new))) == new


@given(documents, documents)
def test_a_delta_and_its_inverse_are_nothing(a: Any, b: Any) -> None:
    delta = freeze(a).diff(freeze(b))
    assert not delta.then(delta.inverse())
    assert not delta.inverse().then(delta)


def test_deltas_that_do_not_follow_each_other_are_refused() -> None:
    first = freeze({"a": {"b": 1}, "v": [1, 2]}).diff(freeze({"a": {"b": 2}, "v": [1, 3]}))
    for second, path in (
        (freeze({"a": {"b": 5}}).diff(freeze({"a": {"b": 6}})), ("a", "b")),
        (freeze({"a": [1]}).diff(freeze({"a": [1, 2]})), ("a",)),
        (freeze({"v": [1, 7]}).diff(freeze({"v": [1, 8]})), ("v", 1)),
    ):
        with pytest.raises(ConflictError) as caught:
            first.then(second)
        assert caught.value.path == path
    with pytest.raises(TypeError, match="then\\(\\) takes a Delta, as diff returns it, not a dict"):
        first.then({})  # type: ignore[arg-type]


@given(families, documents, documents, documents)
def test_a_merge_with_what_has_not_changed_is_the_other_side(family: Any, a: Any, b: Any, c: Any) -> None:
    base, ours, theirs = family(a), family(b), family(c)
    assert merge3(base, base, base) is base
    assert same(merge3(base, ours, base), ours)
    assert same(merge3(base, base, theirs), theirs)
    assert same(merge3(base, ours, ours), ours)
    merged = merge3(base, ours, theirs, on_conflict=lambda conflict: conflict.ours)
    assert same(merged, merge3(base, theirs, ours, on_conflict=lambda conflict: conflict.theirs))


def test_changes_of_both_sides_are_in_the_merge() -> None:
    base = freeze({"db": {"host": "a", "port": 1}, "tags": {"x", "y"}, "rows": [{"n": 1}, {"n": 2}, {"n": 3}]})
    ours = set_in(base, ["db", "port"], 2).set("tags", Set("yz"))
    ours = set_in(ours, ["rows", 0, "n"], 10)
    theirs = set_in(base, ["db", "host"], "b").set("tags", Set("xyw"))
    theirs = theirs.set("rows", theirs["rows"].append(Map(n=4)).delete(1))
    assert merge3(base, ours, theirs) == freeze(
        {"db": {"host": "b", "port": 2}, "tags": {"y", "z", "w"}, "rows": [{"n": 10}, {"n": 3}, {"n": 4}]}
    )


def test_all_conflicts_are_listed_with_the_three_values() -> None:
    base = freeze({"a": 1, "b": 2, "c": 3, "in": {"x": 1}, "v": [1, 2, 3]})
    ours = freeze({"a": 2, "c": 4, "in": 5, "v": [1, 9, 3], "new": 1})
    theirs = freeze({"a": 3, "b": 7, "c": 4, "in": {"x": 2}, "v": [1, 8, 3], "new": 2})
    with pytest.raises(MergeConflictError) as caught:
        merge3(base, ours, theirs)
    conflicts = {conflict.path: conflict[1:] for conflict in caught.value.conflicts}
    assert conflicts == {
        ("a",): (1, 2, 3),
        ("b",): (2, ABSENT, 7),
        ("in",): (Map(x=1), 5, Map(x=2)),
        ("v", 1): (2, 9, 8),
        ("new",): (ABSENT, 1, 2),
    }
    assert isinstance(caught.value, ValueError)
    assert "5 conflicts; pass on_conflict=" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).conflicts == caught.value.conflicts


def test_a_conflict_is_settled_by_what_the_callback_returns() -> None:
    base, ours, theirs = Map(a=1, b=1), Map(a=2, b=2), Map(a=3, b=3)
    assert merge3(base, ours, theirs, on_conflict=lambda conflict: conflict.ours * 10) == {"a": 20, "b": 20}
    assert merge3(base, ours, theirs, on_conflict=lambda conflict: ABSENT) == {}

    def fail(conflict: Conflict) -> Any:
        raise LookupError(conflict.path)

    with pytest.raises(LookupError):
        merge3(base, ours, theirs, on_conflict=fail)


def test_edits_of_one_place_in_a_vector_are_a_conflict_and_those_beside_it_are_none() -> None:
    base = Vector("abcdef")
    assert merge3(base, Vector("aBcdef"), Vector("abCdef")) == Vector("aBCdef")
    assert merge3(base, Vector("acdef"), Vector("abXcdef")) == Vector("aXcdef")
    assert merge3(base, Vector("abcdefX"), Vector("Xabcdef")) == Vector("XabcdefX")
    with pytest.raises(MergeConflictError) as caught:
        merge3(base, Vector("abXcdef"), Vector("abYZcdef"))
    assert caught.value.conflicts == (Conflict((Span(2, 2),), Vector(), Vector("X"), Vector("YZ")),)
    with pytest.raises(MergeConflictError) as caught:
        merge3(base, Vector("aef"), Vector("abXXdef"))
    assert caught.value.conflicts == (Conflict((Span(1, 4),), Vector("bcd"), Vector(), Vector("bXXd")),)
    both = merge3(base, Vector("aef"), Vector("abXXdef"), on_conflict=lambda conflict: [*conflict.theirs, "!"])
    assert both == Vector("abXXd!ef")


def test_what_both_sides_do_alike_is_done_once() -> None:
    base, new = freeze({"v": [1, 2], "s": {1}, "m": {}}), freeze({"v": [0, 1], "s": {1, 2}, "m": {"a": [1]}})
    assert merge3(base, new, new.set("x", 1)) == new.set("x", 1)


def test_only_containers_of_one_kind_and_family_are_merged() -> None:
    with pytest.raises(TypeError, match="compares a Map with another one, not with a SharedMap"):
        merge3(Map(), Map(), SharedMap())  # type: ignore[type-var]
    with pytest.raises(TypeError, match="not a dict: freeze it first"):
        merge3({}, {}, {})


def test_changes_of_sets_are_composed_member_by_member() -> None:
    versions = [Map(s=Set(members)) for members in ("ab", "bc", "bd", "ab")]
    deltas = [old.diff(new) for old, new in itertools.pairwise(versions)]
    assert versions[0].apply(deltas[0].then(deltas[1])) == versions[2]
    assert deltas[0].then(deltas[1]) == versions[0].diff(versions[2])
    assert not deltas[0].then(deltas[1]).then(deltas[2])


def test_a_conflict_of_many_places_is_told_briefly() -> None:
    base, ours, theirs = (Map((n, value) for n in range(1000)) for value in (0, 1, 2))
    with pytest.raises(MergeConflictError) as caught:
        merge3(base, ours, theirs)
    assert len(caught.value.conflicts) == 1000
    assert str(caught.value).startswith("1,000 conflicts; pass on_conflict=")
    assert str(caught.value).endswith("; and 995 more")


def test_elements_that_are_not_there_are_not_composed() -> None:
    first, second = Vector("abc").diff(Vector("axyc")), Vector("azyc").diff(Vector("ac"))
    with pytest.raises(ConflictError):
        first.then(second)


def test_versions_may_be_nested_deeper_than_the_stack() -> None:
    path = ["k"] * 5_000
    base = set_in(Map(), [*path, "a"], 1)
    ours, theirs = set_in(base, [*path, "a"], 2), set_in(base, [*path, "b"], 3)
    merged = merge3(base, ours, theirs)
    assert not merged.diff(set_in(ours, [*path, "b"], 3))
    assert not base.apply(base.diff(ours).then(ours.diff(merged))).diff(merged)


@pytest.mark.parametrize("family", [freeze, share])
def test_what_settles_edits_of_a_vector_are_elements_or_absent(family: Any) -> None:
    base, ours, theirs = (family({"v": elements}) for elements in ([1, 2], [1, 8, 2], [1, 9, 2]))
    assert merge3(base, ours, theirs, on_conflict=lambda conflict: ABSENT) == base
    assert merge3(base, ours, theirs, on_conflict=lambda c: [*c.ours, *c.theirs]) == family({"v": [1, 8, 9, 2]})
    with pytest.raises(TypeError, match=r"the elements for \['v'\]\[1:1\], an iterable or ABSENT, not 5"):
        merge3(base, ours, theirs, on_conflict=lambda conflict: 5)


@pytest.mark.parametrize("family", [freeze, share])
def test_versions_may_lie_in_files(family: Any, tmp_path: Path) -> None:
    base, ours, theirs = (family(version) for version in ({"a": [1]}, {"a": [1, 2]}, {"a": [1], "b": 3}))
    save(base, tmp_path / "base")
    merged = merge3(frozen.open(tmp_path / "base"), ours, theirs)
    assert merged == family({"a": [1, 2], "b": 3})
    assert type(merged) is type(base)
    assert type(merge3(*[frozen.open(tmp_path / "base")] * 3)) is Map


def test_errors_are_shown_at_a_bounded_length() -> None:
    text = "a long text " * 100_000
    large = Map(dict.fromkeys(range(100_000), text))
    refused = [
        lambda: Map(a=large).apply(Map(a=text).diff(Map(a=1))),
        lambda: merge3(Map(a=large), Map(a=text), Map(a=1)),
        lambda: Delta.from_json_patch(Map(), [{"op": text, "path": text, "value": large}]),
        lambda: SharedMap(a=large),
    ]
    for function in refused:
        with pytest.raises((ValueError, TypeError)) as caught:
            function()
        assert len(str(caught.value)) < 2_000
        assert len(repr(caught.value)) < 2_000
        assert repr(caught.value).startswith(type(caught.value).__name__ + "(")
