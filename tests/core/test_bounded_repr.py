"""Errors name the value that they are about, at a bounded length and cost, whatever its `__repr__` does."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import sys
import uuid

import pytest

from frozen import Map, Set, SharedMap, SharedVector, Vector
from frozen._core import _bounded_repr

ELEMENTS = 10_000


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: object
    y: object


class Counted:
    shown = 0

    def __repr__(self) -> str:
        Counted.shown += 1
        return "Counted()"


SHORT = [
    *(1, -1, 2.5, 1j, True, None, ..., "text", "it's", b"bytes", int, 10**100, sys.maxsize),
    *([], [1, "a"], (), (1,), (1, 2), {}, {1: [2]}, set(), {7}, frozenset(), frozenset({7}), [[[[]]]]),
    *(Map(), Map(a=1), Map(a=Vector([1, (2,)])), Set([5]), SharedMap(a=1)),
    *(Vector(), Vector([1, None]), SharedVector("ab")),
    *(Colour.RED, Point(1, "a"), datetime.date(2020, 1, 2), uuid.UUID(int=5), range(3), collections.deque([1])),
    *(slice(1, 2), ValueError("x", 1), bytearray(b"ab"), object, len),
]


@pytest.mark.parametrize("value", SHORT, ids=lambda value: type(value).__name__)
def test_what_is_short_is_shown_as_its_repr(value: object):
    assert _bounded_repr(value) == repr(value)


LONG = {
    "list": list(range(ELEMENTS)),
    "tuple": tuple(range(ELEMENTS)),
    "dict": dict.fromkeys(range(ELEMENTS)),
    "set": set(range(ELEMENTS)),
    "Map": Map(dict.fromkeys(range(ELEMENTS))),
    "Set": Set(range(ELEMENTS)),
    "Vector": Vector(range(ELEMENTS)),
    "giant": Vector([0]) * 2**45,
    "SharedVector": SharedVector(range(ELEMENTS)),
    "view": Map(dict.fromkeys(range(ELEMENTS))).items(),
    "mutation": Vector(range(ELEMENTS)).mutate(),
    "subclass": type("Sub", (Vector,), {})(range(ELEMENTS)),
    "list of a subclass": type("Many", (list,), {})(range(ELEMENTS)),
    "dataclass": Point(list(range(ELEMENTS)), Vector(range(ELEMENTS))),
    "str": "x" * ELEMENTS,
    "str of a subclass": type("Text", (str,), {})("x" * ELEMENTS),
    "bytes": b"x" * ELEMENTS,
    "bytearray": bytearray(ELEMENTS),
    "int": 7**ELEMENTS,
    "deque": collections.deque(range(ELEMENTS)),
    "nested": [[list(range(ELEMENTS))] * 100] * 100,
    "pairs": {"k" * 200: "v" * 200, "w" * 200: 1},
}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG.keys())
def test_what_is_long_is_cut(value: object):
    assert 5 < len(_bounded_repr(value)) <= 215
    for search in Vector([1]).index, Vector([1]).mutate().remove:
        with pytest.raises(ValueError, match="is not in Vector") as caught:
            search(value)
        assert len(str(caught.value)) < 250


def test_a_cut_repr_begins_as_the_whole_one():
    for value in LONG["list"], LONG["Map"], LONG["Vector"], LONG["SharedVector"], LONG["str"]:
        assert repr(value).startswith(_bounded_repr(value)[:100])


def test_only_the_first_members_are_asked_for_their_repr():
    Counted.shown = 0
    _bounded_repr(Vector([Counted() for _ in range(1000)]))
    assert 0 < Counted.shown <= 30


def test_an_error_of_a_repr_does_not_replace_the_error_that_names_the_object():
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("not this one")

    for value, shown in (Broken(), "<Broken object>"), ([Broken(), 1], r"\[<Broken object>, 1\]"):
        with pytest.raises(ValueError, match=f"{shown} is not in Vector"):
            Vector([1]).index(value)


def test_an_interruption_of_a_repr_is_not_swallowed():
    class Interrupted:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    for value in Interrupted(), [Interrupted()], Vector([Interrupted()]):
        with pytest.raises(KeyboardInterrupt):
            _bounded_repr(value)


def test_a_list_that_its_members_change_while_they_are_shown_is_shown_as_far_as_it_goes():
    class Clearing:
        def __repr__(self) -> str:
            members.clear()
            return "Clearing()"

    members: list[object] = [Clearing(), 1, 2]
    assert _bounded_repr(members) == "[Clearing()]"
    keyed: dict[object, object] = {1: 2}

    class Growing:
        def __repr__(self) -> str:
            keyed[len(keyed) + 10] = 1
            return "Growing()"

    keyed[2] = Growing()
    keyed[3] = 3
    assert _bounded_repr(keyed) == "{1: 2, 2: Growing()...}"


def test_what_holds_itself_is_cut():
    loop: list[object] = []
    loop.append(loop)
    assert _bounded_repr(loop) == "[[[[[...]]]]]"
