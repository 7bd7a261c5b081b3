"""JSON Patch in and out, JSON Merge Patch in; the library `jsonpatch` is the oracle."""

from __future__ import annotations

import json
import pickle
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import Delta, JSONPatchError, Map, SharedMap, SharedVector, Vector, freeze, share, thaw

names = st.sampled_from(["a", "b/", "~", "~1", ""])
json_values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2.5, "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=3),
    max_leaves=10,
)
documents = st.dictionaries(names, json_values, max_size=3)


@given(documents, documents)
def test_another_library_applies_our_patches(old: Any, new: Any) -> None:
    for family in freeze, share:
        patch = json.dumps(family(old).diff(family(new)).to_json_patch())
        assert jsonpatch.apply_patch(old, json.loads(patch)) == new


@given(documents, documents)
def test_patches_of_another_library_are_taken(old: Any, new: Any) -> None:
    patch = list(jsonpatch.make_patch(old, new))
    for family in freeze, share:
        delta = Delta.from_json_patch(family(old), patch)
        assert family(old).apply(delta) == family(new)
        assert family(new).apply(delta.inverse()) == family(old)


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"foo": 1}, [], {"foo": 1}),
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"foo": "bar", "baz": "qux"}),
        ([1, 2], [{"op": "add", "path": "/1", "value": 9}], [1, 9, 2]),
        ([1, 2], [{"op": "add", "path": "/2", "value": 9}], [1, 2, 9]),
        ([1, [2]], [{"op": "add", "path": "/1/-", "value": {"a": [1]}}], [1, [2, {"a": [1]}]]),
        ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}, {"op": "remove", "path": "/a/1"}], {"a": [1]}),
        ({"a": None}, [{"op": "replace", "path": "/a", "value": True}], {"a": True}),
        ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}], {"a": {}, "c": 1}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
        ([1, 2, 3], [{"op": "move", "from": "/0", "path": "/2"}], [2, 3, 1]),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"a/b": {"m~n": 1}}, [{"op": "test", "path": "/a~1b/m~0n", "value": 1.0}], {"a/b": {"m~n": 1}}),
        ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
        ({"a": 1}, [{"op": "add", "path": "", "value": [1]}], [1]),
        ({"0": 1}, [{"op": "replace", "path": "/0", "value": 5}], {"0": 5}),
    ],
)
def test_operations_do_what_the_rfc_says(document: Any, patch: Any, result: Any) -> None:
    for family in freeze, share:
        made = family(document).apply(Delta.from_json_patch(family(document), patch))
        assert json.dumps(thaw(made), sort_keys=True) == json.dumps(result, sort_keys=True)


@pytest.mark.parametrize(
    ("document", "operation", "reason"),
    [
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "the value there is 1, not True"),
        ({"a": [1]}, {"op": "test", "path": "/a", "value": [1, 2]}, "the value there is"),
        ({"a": 1}, {"op": "remove", "path": "/b"}, "there is no key 'b'"),
        ({"a": 1}, {"op": "replace", "path": "/b/c", "value": 1}, "there is no key 'b'"),
        ({"a": 1}, {"op": "add", "path": "/a/b", "value": 1}, "'b' leads into 1, which is neither a map nor a vector"),
        ([1, 2], {"op": "add", "path": "/3", "value": 1}, "there is no index 3 in a vector of 2"),
        ([1, 2], {"op": "remove", "path": "/2"}, "there is no index 2 in a vector of 2"),
        ([1, 2], {"op": "remove", "path": "/-"}, "'-' is no index of a vector"),
        ([1, 2], {"op": "test", "path": "/01", "value": 2}, "'01' is no index"),
        ([1, 2], {"op": "test", "path": "/1e0", "value": 2}, "'1e0' is no index"),
        ([1, 2], {"op": "remove", "path": "/" + "9" * 5000}, "there is no index 999"),
        ([1], {"op": "add", "path": "/-"}, "add needs a 'value'"),
        ([1], {"op": "copy", "path": "/-"}, "it needs a 'from', a JSON Pointer, not None"),
        ([1], {"op": "spam", "path": "/-"}, "'op' is add, remove, replace, move, copy or test, not 'spam'"),
        ([1], {"op": "remove", "path": "0"}, "does not begin with '/'"),
        ({"a": 1}, {"op": "remove", "path": "/~2"}, "is followed by neither 0 nor 1"),
        ({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, "cannot be moved into itself"),
        ([1], {"op": "remove", "path": ""}, "the whole document cannot be removed"),
        ([1], "remove", "an operation is a mapping"),
    ],
)
def test_an_operation_that_cannot_be_done_is_named(document: Any, operation: Any, reason: str) -> None:
    patch = [{"op": "test", "path": "", "value": document}, operation]
    for family in freeze, share:
        with pytest.raises(JSONPatchError) as caught:
            Delta.from_json_patch(family(document), patch)
        assert caught.value.index == 1
        assert reason in str(caught.value).replace("Shared", "")
        assert len(str(caught.value)) < 500
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_json_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match=r"JSON has no sets: no JSON Patch can change the one at \['s'\]"):
        freeze({"s": {1}}).diff(freeze({"s": {2}})).to_json_patch()
    with pytest.raises(TypeError, match=r"keys of JSON are str: no JSON Patch can change \['m'\]\[1\]"):
        freeze({"m": {1: 1}}).diff(freeze({"m": {1: 2}})).to_json_patch()
    for patch in "[]", b"[]", {"op": "remove"}:
        with pytest.raises(TypeError, match="a JSON Patch is a list of operations"):
            Delta.from_json_patch(Map(), patch)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes a container of this library, not a dict: freeze it first"):
        Delta.from_json_patch({}, [])


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)  # the examples of RFC 7386, appendix A
def test_merge_patches_do_what_the_rfc_says(document: Any, patch: Any, result: Any) -> None:
    for family in freeze, share:
        delta = Delta.from_merge_patch(family(document), patch)
        assert thaw(family(document).apply(delta)) == result


def test_what_a_patch_adds_is_of_the_family_of_the_document() -> None:
    patch = [{"op": "add", "path": "/x", "value": {"y": [1]}}]
    assert type(share({}).apply(Delta.from_json_patch(share({}), patch))["x"]["y"]) is SharedVector
    assert type(Map().apply(Delta.from_json_patch(Map(), patch))["x"]["y"]) is Vector
    assert type(share({}).apply(Delta.from_merge_patch(share({}), {"x": {"y": 1}}))["x"]) is SharedMap


def test_a_merge_patch_that_contains_itself_is_refused() -> None:
    patch: dict[str, Any] = {"a": {}}
    patch["a"]["b"] = patch
    with pytest.raises(ValueError, match="this dict contains itself"):
        Delta.from_merge_patch(Map(), patch)


def test_what_a_merge_patch_holds_on_many_paths_is_merged_once() -> None:
    old, patch, new = Map(x=1), {"x": None, "y": [2]}, Map(y=Vector([2]))
    for _ in range(60):  # 2**60 paths
        old, patch, new = Map(a=old, b=old), {"a": patch, "b": patch}, Map(a=new, b=new)
    assert old.apply(Delta.from_merge_patch(old, patch)) == new
