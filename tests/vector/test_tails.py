"""Vectors of more than 32 elements that append and pop make of each other share their last leaf: nobody may notice."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref

import pytest
from support import assert_no_leak

from frozen import Vector, _core

LENGTHS = [33, 40, 63, 64, 65, 1055, 1057, 5000]


def base(length: int) -> Vector:
    return Vector(range(length))


@pytest.mark.parametrize("length", LENGTHS)
def test_versions_that_go_different_ways_from_one_do_not_see_each_other(length):
    start = base(length).append("start")
    branches = [start.append(f"first of {number}").append(f"second of {number}") for number in range(5)]
    shorter = [branch.pop().append(f"instead in {number}") for number, branch in enumerate(branches)]
    assert list(start) == [*range(length), "start"]
    for number in range(5):
        assert list(branches[number]) == [*start, f"first of {number}", f"second of {number}"]
        assert list(shorter[number]) == [*start, f"first of {number}", f"instead in {number}"]
        _core._check(branches[number])
        _core._check(shorter[number])


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    "read",
    [
        list,
        lambda v: list(reversed(v)),
        lambda v: v.tolist(),
        lambda v: list(v[1:]),
        lambda v: list(v[::-1]),
        lambda v: list(v + v),
        lambda v: list(v * 3),
        lambda v: list(Vector(range(100)) + v),
        lambda v: list(v.insert(7, "in the middle")),
        lambda v: list(v.delete(3)),
        lambda v: list(v.set(-1, "last")),
        lambda v: list(v.set(0, "first")),
        lambda v: list(v.extend("abc")),
        lambda v: list(pickle.loads(pickle.dumps(v))),
        lambda v: [list(w) for w in pickle.loads(pickle.dumps([v, v.pop(), v.append("new")]))],
        lambda v: list(copy.deepcopy(v)),
        lambda v: (len(v), v.count("longer"), repr(v), hash(v), "longer" in v),
        lambda v: (v == Vector(list(v)), v == v.append(1), v < v.append(1), v.pop() < v),
    ],
)
def test_a_version_that_is_shorter_than_its_tail_reads_like_any_other(length, read):
    short = base(length).append(0)
    longer = short.append("longer").append("longer")
    assert read(short) == read(Vector(list(short)))
    assert read(longer.pop()) == read(Vector([*short, "longer"]))
    assert list(longer) == [*short, "longer", "longer"]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_mutation_of_a_shared_tail_copies_it(length):
    short = base(length).append(0)
    longer = short.append("longer")
    for edit in (
        lambda m: m.append("edited"),
        lambda m: m.pop(),
        lambda m: m.__setitem__(-1, "edited"),
        lambda m: m.__setitem__(0, "edited"),
        lambda m: m.insert(5, "edited"),
        lambda m: m.extend(["edited"] * 40),
    ):
        for version in (short, longer):
            mutation, model = version.mutate(), list(version)
            edit(mutation)
            edit(model)
            assert list(mutation.finish()) == model
    assert list(short) == [*range(length), 0]
    assert list(longer) == [*range(length), 0, "longer"]


@pytest.mark.parametrize("length", LENGTHS)
def test_an_element_ends_with_the_last_version_that_holds_it(length):
    value = "a value that nobody else holds".upper()
    before = sys.getrefcount(value)
    short = base(length).append(0)
    longer = short.append(value)
    longest = longer.append(1)
    assert sys.getrefcount(value) > before
    del longer
    assert sys.getrefcount(value) > before, "still in the longest"
    del longest
    assert sys.getrefcount(value) == before, "the shorter version does not hold it"
    longer = short.append(value)
    popped = longer.pop()
    del longer
    assert sys.getrefcount(value) == before, "nor does the one it was taken from"
    assert popped == short


def test_what_could_be_part_of_a_cycle_is_never_in_a_shared_tail():
    class Node:
        pass

    short = base(40).append(0)
    node = Node()
    node.vector = short.append(node)
    found = weakref.ref(node)
    del node
    gc.collect()
    assert found() is None, "the shorter version would keep the cycle alive"


def test_any_number_of_versions_may_share_a_tail():
    start = base(1000).append("tail")
    versions = [start.set(number, "changed") for number in range(700)]
    longer = start.append("longer")
    for number, version in enumerate(versions):
        _core._check(version)
        assert version[number] == "changed"
        assert version[-1] == "tail"
    while versions:
        versions.pop(len(versions) // 2)
    assert list(longer) == [*range(1000), "tail", "longer"]


def test_an_element_whose_end_appends_to_the_very_vector():
    short = base(40).append(0)
    made = []

    class Loud(str):
        __slots__ = ()

        def __del__(self):
            made.append(short.append("by the finalizer"))

    for _ in range(3):
        longer = short.append(Loud("loud"))
        del longer
    gc.collect()
    assert [list(vector) for vector in made] == [[*range(40), 0, "by the finalizer"]] * 3
    assert list(short) == [*range(40), 0]
    _core._check(short)


def test_chains_leave_nothing_behind():
    start = base(50)

    def chain() -> None:
        vector = start
        for number in range(100):
            vector = vector.append(number)
        for _ in range(120):
            vector = vector.pop()
        assert vector == start[:30]

    assert_no_leak(chain)
