"""Equality of containers whose parts are reached on many paths: it costs what there is, and not what it stands for."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from support import run_threads

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector, register_shareable

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


def through_tuples(leaf: Any, depth: int = DEPTH) -> Map[str, Any]:
    made: Map[str, Any] = Map(leaf=leaf)
    for _ in range(depth):
        made = Map(a=(made, (made, 1)))
    return made


def as_keys(leaf: Any, depth: int = DEPTH) -> Any:
    made: Any = Map({leaf: leaf})
    for _ in range(depth):
        made = Map({made: made})
    return made


LOCAL = [vectors, maps, mixed, through_tuples, as_keys]


@pytest.mark.parametrize("build", LOCAL)
def test_two_that_were_built_apart_are_compared_in_as_many_steps_as_there_are_parts(build: Callable[..., Any]):
    one, other, different = build("leaf"), build("leaf"), build("another")
    assert one == other
    assert not operator.ne(one, other)
    assert one != different
    assert not operator.eq(one, different)


@pytest.mark.parametrize("build", [vectors, maps, mixed, as_keys])
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


# The same in shared memory, built from below: no object stands for two places.
SHARED: dict[Callable[..., Any], Callable[[Any], Any]] = {
    vectors: lambda made: SharedVector([made, made]),
    maps: lambda made: SharedMap(a=made, b=made),
    mixed: lambda made: SharedVector([SharedMap(one=made, other=made), SharedSet([made, 1]), made]),
    through_tuples: lambda made: SharedMap(a=(made, (made, 1))),
    as_keys: lambda made: SharedMap({made: made}),
}
INNERMOST: dict[Callable[..., Any], Callable[[Any], Any]] = {
    vectors: lambda leaf: SharedVector([leaf]),
    maps: lambda leaf: SharedMap(leaf=leaf),
    mixed: lambda leaf: SharedSet([leaf]),
    through_tuples: lambda leaf: SharedMap(leaf=leaf),
    as_keys: lambda leaf: SharedMap({leaf: leaf}),
}


def shared(build: Callable[..., Any], leaf: Any, depth: int = DEPTH) -> Any:
    made = INNERMOST[build](leaf)
    for _ in range(depth):
        made = SHARED[build](made)
    return made


@pytest.mark.parametrize("build", LOCAL)
def test_so_are_shared_ones_and_those_of_both_families(build: Callable[..., Any]):
    local, one, other, different = build("leaf"), shared(build, "leaf"), shared(build, "leaf"), shared(build, "other")
    assert one == other
    assert one != different
    assert local == one
    assert one == local
    assert hash(local) == hash(one)
    assert not operator.ne(local, one)
    assert not operator.ne(one, local)
    assert local != different
    assert different != local
    assert not operator.eq(different, local)
    assert not operator.eq(local, different)


def test_what_distinguishes_containers_of_one_family_distinguishes_those_of_both():
    """By their lengths, of which one root may have several, their kinds, and their keys."""
    short: Vector[int] = Vector(range(40))
    long, again = short.append(40), SharedVector(range(40))
    left = Vector([short, short, long, short, long])
    assert left == SharedVector([again, again, again.append(40), again, again.append(40)])
    assert left != SharedVector([again, again, again.append(40), again, again.append(41)])
    assert left != SharedVector([again, again, again.append(40), again.append(40), again.append(40)])
    assert Map(a=Map(), b=Vector(), c=Set()) == SharedMap(a=SharedMap(), b=SharedVector(), c=SharedSet())
    assert Map(a=Map()) != SharedMap(a=SharedVector())
    assert Map(a=Set([1])) != SharedMap(a=SharedMap({1: 1}))
    assert Map({"a": 1, "b": 2}) != SharedMap({"a": 1, "c": 2})
    assert Map({1: True, (1, "x"): "a text that needs a box"}) == SharedMap(
        {1.0: 1, (1, "x"): "a text that needs a box"}
    )
    assert Set([1, (2, 3)]) == SharedSet([1.0, (2, 3)])
    assert Set([1, 2]) != SharedSet([1, 3])
    nan = float("nan")
    assert Map(a=nan) != SharedMap(a=nan)  # what is read is another one


class Asking:
    """Equal to any other, after both have asked."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self.ask = ask

    def __eq__(self, other: object) -> bool:
        self.ask()
        if isinstance(other, Asking):
            other.ask()
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


register_shareable(Asking, lambda asking: 0, lambda zero: Asking(lambda: None))


def test_elements_compare_others_while_those_of_both_families_are_compared():
    """At the same addresses time and again, while the comparison around them goes on and remembers."""
    unequal: list[int] = []

    def ask() -> None:
        n = len(unequal)
        a, b = maps(n, 12), shared(maps, n + 1, 12)
        assert a == shared(maps, n, 12)
        unequal.append(a != b)

    local = Vector([maps(1, 12), *[Vector([maps(n % 7, 12), Asking(ask)]) for n in range(300)], maps(1, 12)])
    parts = [SharedVector([shared(maps, n % 7, 12), Asking(ask)]) for n in range(300)]
    assert local == SharedVector([shared(maps, 1, 12), *parts, shared(maps, 1, 12)])
    assert SharedVector([shared(maps, 1, 12), *parts, shared(maps, 2, 12)]) != local
    assert set(unequal) == {True}
    assert len(unequal) >= 600


def test_a_comparison_that_fails_leaves_nothing_behind():
    class Refused(Exception):
        pass

    def refuse() -> None:
        raise Refused

    for build in (vectors, maps):
        with pytest.raises(Refused):
            operator.eq(build(Asking(refuse), 20), build(Asking(refuse), 20))
        with pytest.raises(Refused):
            operator.eq(build(Asking(refuse), 20), shared(build, Asking(refuse), 20))
        for leaf in range(10):
            assert build(leaf) == build(leaf)
            assert build(leaf) != build(leaf + 1)
            assert build(leaf) == shared(build, leaf)
            assert shared(build, leaf + 1) != build(leaf)


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
            assert (vectors(leaf) == of_both) is (leaf == 7)
            assert (of_both != vectors(leaf + 1)) is (leaf != 6)

    of_both = shared(vectors, 7)

    run_threads(compare, compare, compare)


def test_order_is_told_too():
    assert vectors(1) < vectors(2)
    assert not vectors(1) < vectors(1)
    assert vectors(1) <= vectors(1)
