"""Equality of containers whose parts are reached on many paths: it costs what there is, and not what it stands for."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from support import run_threads

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector

DEPTH = 60  # 2**60 paths


def vectors(leaf: Any, depth: int = DEPTH) -> Vector[Any]:
    made: Vector[Any] = Vector([leaf])
    for _ in range(depth):
        made = Vector([made, made])
    return made


def maps(leaf: Any, depth: int = DEPTH) -> Map[str, Any]:
    made: Map[str, Any] = Map(leaf=leaf)
    for _ in range(depth):
        made = Map(a=made, b=made)
    return made


def mixed(leaf: Any, depth: int = DEPTH) -> Any:
    made: Any = Set([leaf])
    for _ in range(depth):
        made = Vector([Map(one=made, other=made), Set([made, 1]), made])
    return made


@pytest.mark.parametrize("build", [vectors, maps, mixed])
def test_two_that_were_built_apart_are_compared_in_as_many_steps_as_there_are_parts(build: Callable[..., Any]):
    one, other, different = build("leaf"), build("leaf"), build("another")
    assert one == other
    assert not operator.ne(one, other)
    assert one != different
    assert not operator.eq(one, different)


@pytest.mark.parametrize("build", [vectors, maps, mixed])
def test_they_are_one_key(build: Callable[..., Any]):
    one, other = build("leaf"), build("leaf")
    assert Map({one: "found"})[other] == "found"
    assert other in Set([one])
    assert Map({one: 1}) == Map({other: 1})
    assert Set([one]) == Set([other])


def test_what_is_shared_by_interpreters_is_compared_so_too():
    vector, mapping, members = SharedVector([1]), SharedMap(a=1), SharedSet([1])
    vector_again, mapping_again, members_again = SharedVector([1]), SharedMap(a=1), SharedSet([1])
    for _ in range(DEPTH):
        vector, vector_again = SharedVector([vector, vector]), SharedVector([vector_again, vector_again])
        mapping, mapping_again = SharedMap(a=mapping, b=mapping), SharedMap(a=mapping_again, b=mapping_again)
        members, members_again = SharedSet([members, 1]), SharedSet([members_again, 1])
    assert vector == vector_again
    assert mapping == mapping_again
    assert members == members_again


class Asking:
    """Equal to any other, after it has asked."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self.ask = ask

    def __eq__(self, other: object) -> bool:
        self.ask()
        return isinstance(other, Asking)

    def __hash__(self) -> int:
        return 1


def many(element: Any) -> list[Vector[Any]]:
    """So many that pairs are remembered, each of them held twice."""
    return [Vector([n, element]) for n in range(1000) for _ in range(2)]


def test_elements_compare_others_meanwhile():
    """What they compare comes and goes, at the same addresses time and again."""
    unequal: list[int] = []

    def ask() -> None:
        a, b = vectors(len(unequal), 12), vectors(len(unequal) + 1, 12)
        assert a == vectors(len(unequal), 12)
        unequal.append(a != b)

    element, again = Asking(ask), Asking(ask)
    assert Vector([vectors(1, 12), *many(element)]) == Vector([vectors(1, 12), *many(again)])
    assert set(unequal) == {True}


def test_a_comparison_that_fails_leaves_nothing_behind():
    class Refused(Exception):
        pass

    def refuse() -> None:
        raise Refused

    for build in (vectors, maps):
        with pytest.raises(Refused):
            operator.eq(build(Asking(refuse), 20), build(Asking(refuse), 20))
        for leaf in range(10):
            assert build(leaf) == build(leaf)
            assert build(leaf) != build(leaf + 1)


def test_what_is_equal_in_one_place_is_not_for_that_in_another():
    """Lengths count: an appended vector may share its root with the one before."""
    short: Vector[int] = Vector(range(40))
    long = short.append(40)
    again: Vector[int] = Vector(range(40))
    left = Vector([vectors(1, 12), short, short, long, short])
    assert left == Vector([vectors(1, 12), again, again, again.append(40), again])
    assert left != Vector([vectors(1, 12), again, again, again.append(41), again])
    assert left != Vector([vectors(1, 12), again, again, again.append(40), again.append(40)])


def test_threads_compare_side_by_side():
    def compare() -> None:
        for leaf in range(20):
            assert vectors(leaf) == vectors(leaf)
            assert maps(leaf) != maps(leaf + 1)

    run_threads(compare, compare, compare)


def test_order_is_told_too():
    assert vectors(1) < vectors(2)
    assert not vectors(1) < vectors(1)
    assert vectors(1) <= vectors(1)
