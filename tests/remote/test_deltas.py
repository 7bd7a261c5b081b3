"""Deltas as bytes: what leads from one version to the next, and many of them applied together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frozen import EncodingError, Map, Set, Vector, encode, freeze, share
from frozen.remote._codec import Codec

LOCAL, SHARED = Codec((), False, None), Codec((), True, None)

keys = st.sampled_from(["a", "b", 1, None])
leaves = st.one_of(st.integers(0, 3), st.just("text"), st.just(Set([1, 2])), st.just(Set([2, 3])))
vectors = st.builds(Vector, st.lists(st.integers(0, 3), max_size=4))
values = st.recursive(leaves | vectors, lambda inner: st.builds(Map, st.dictionaries(keys, inner)), max_leaves=12)
versions = st.lists(values, min_size=2, max_size=6)


@pytest.mark.parametrize("codec", [LOCAL, SHARED], ids=["local", "shared"])
@given(versions)
@example([freeze({"a": {"b": 1}}), freeze({"a": 1}), freeze({"a": {"b": {"a": 2}}}), freeze({})])
@example([freeze({"a": {"b": 1}}), freeze({"a": {"b": 2}}), freeze({"a": 5}), freeze({"a": {"b": 2}})])
@example([freeze({"a": {"b": 1}, "b": 1}), freeze({"a": {"b": 2}, "b": 2}), freeze({"a": {"b": 2}, "b": [3]})])
def test_deltas_together_lead_where_they_lead_one_by_one(codec: Codec, values: list[Any]) -> None:
    values = [codec.own(value) for value in values]
    deltas = [codec.delta(old, new) for old, new in pairwise(values)]
    at = values[0]
    for delta, new in zip(deltas, values[1:], strict=True):
        at = codec.apply(at, [delta])
        assert at == new
    together = codec.apply(values[0], deltas)
    assert type(together) is type(values[-1])
    assert together == values[-1]
    assert codec.encode(together) == codec.encode(values[-1])


def test_thousands_of_deltas_are_applied_together() -> None:
    first = table = freeze({"hosts": {f"host {n}": {"load": 0, "tags": ["x"]} for n in range(100)}, "turn": -1})
    deltas = []
    for turn in range(2000):
        host = f"host {turn * 37 % 100}"
        before = table
        table = table.set("turn", turn)
        table = table.set("hosts", table["hosts"].set(host, table["hosts"][host].set("load", turn)))
        deltas.append(LOCAL.delta(before, table))
    whole = LOCAL.encode(first)
    assert LOCAL.apply(first, deltas) == table
    assert SHARED.apply(share(first), deltas) == share(table)
    assert LOCAL.encode(first) == whole


@pytest.mark.parametrize(
    "entries",
    [
        (("m", ("a",), 1), ("m", ("a",), 2)),
        (("m", ("a",), 1), ("mm", ("a", "b"), 2)),
        (("mm", ("a", "b"), 2), ("m", ("a",), 1)),
        (("mm", ("a", "b"), 2), ("mm", ("a", "b"), 3)),
        (("m", ("a",), 1, 2),),
        (("m", (), 1),),
        (("mm", ("a",), 1),),
        (("m", ("a", "b"), 1),),
        (("mm", ("text", "b"), 1),),
        (("x", ("a",), 1),),
        (("m",),),
        ((),),
        (5,),
        5,
        ((5, 5, 5),),
        (("m" * 2000, ("a",) * 2000, 1), ("m", ("a",), 1)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("codec", [LOCAL, SHARED], ids=["local", "shared"])
def test_a_delta_that_is_damaged_changes_nothing(codec: Codec, entries: Any) -> None:
    old = codec.own(freeze({"a": {"b": 0}, "text": "text"}))
    good = codec.delta(old, old.set("good", 1))
    for deltas in ([], [good]):
        with pytest.raises(EncodingError):
            codec.apply(old, [*deltas, b"d" + encode(entries)])
    assert old == codec.own(freeze({"a": {"b": 0}, "text": "text"}))


def test_maps_may_be_nested_deeper_than_the_stack() -> None:
    def nested(value: Any) -> Any:
        for _ in range(900):
            value = Map(a=value)
        return value

    deltas = [LOCAL.delta(nested(n), nested(n + 1)) for n in range(3)]
    assert LOCAL.encode(LOCAL.apply(nested(0), deltas)) == LOCAL.encode(nested(3))
