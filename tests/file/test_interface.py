"""FileMap, FileSet and FileVector have all of Map, Set and Vector that only reads, and it does the same."""

from __future__ import annotations

import copy
import inspect
import math
import operator
import pickle
import weakref
from collections.abc import Hashable, ItemsView, KeysView, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest

import frozen
from frozen import FileMap, FileSet, FileVector, Map, Set, SharedMap, Vector, encode, freeze, get_in, share, thaw

TWINS = {FileMap: Map, FileSet: Set, FileVector: Vector}

CHANGES = {
    Map: "set setdefault alter delete remove discard update merge apply mutate fromkeys",
    Set: "add remove discard update apply mutate",
    Vector: "append extend set insert delete pop apply mutate",
}
"""The methods that make another version: what is in a file has one."""


@pytest.mark.parametrize(("file_type", "twin"), TWINS.items())
def test_all_that_reads_is_there(file_type: type, twin: type) -> None:
    own = {name for name in dir(file_type) if not name.startswith("_")}
    assert own == {name for name in dir(twin) if not name.startswith("_")} - set(CHANGES[twin].split())
    special = {name for name in dir(twin) if name.startswith("__")}
    assert special - set(dir(file_type)) <= {"__get_pydantic_core_schema__", "__pydantic_serializer__"}
    for name in own:
        signature = inspect.signature(getattr(file_type, name))
        assert list(signature.parameters) == list(inspect.signature(getattr(twin, name)).parameters), name


@pytest.mark.parametrize("file_type", TWINS)
def test_only_open_makes_them(file_type: Any) -> None:
    with pytest.raises(TypeError, match="cannot create"):
        file_type()
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (file_type,), {})


def test_they_are_registered_with_the_abcs(through: Any) -> None:
    opened = through(Vector([Map(a=1), Set([1]), Vector([1])]))
    mapping, members, vector = opened
    assert isinstance(mapping, Mapping)
    assert isinstance(members, AbstractSet)
    assert isinstance(vector, Sequence)
    assert isinstance(mapping.keys(), KeysView)
    assert isinstance(mapping.values(), ValuesView)
    assert isinstance(mapping.items(), ItemsView)
    for value in opened:
        assert isinstance(value, Hashable)
        assert weakref.ref(value)() is value
        with pytest.raises(AttributeError):
            value.attribute = 1


@pytest.mark.parametrize("value", [Map(a=math.nan), Map({math.nan: 1}), Set([math.nan]), Vector([math.nan, 1])])
def test_a_container_with_nan_equals_itself(through: Any, value: Any) -> None:
    holder = through(Vector([value]))
    for view, other in ((holder[0], holder[0]), (holder, holder)):
        assert view is not other or view is holder
        assert view == other
        assert not view != other  # noqa: SIM202 - the other operator
        if not isinstance(view, FileMap):
            assert view <= other
            assert view >= other
            assert not view < other
            assert not view > other
    if isinstance(value, Vector):
        assert holder[0][:1] != holder[0], "another part"
    if isinstance(value, Map):
        with pytest.raises(TypeError):
            _ = holder[0] <= holder[0]


# Maps

ENTRIES = {f"key {i}": i for i in range(20)} | {1: "one", (1, 2): None, None: 1.5}


def test_maps_read_as_maps(through: Any) -> None:
    original = Map(ENTRIES)
    found = through(original)
    assert list(found) == list(original), "in the order of what was saved"
    assert list(reversed(found)) == list(reversed(original))
    assert len(found) == len(original)
    assert bool(found)
    for name in ("keys", "values", "items"):
        view, other = getattr(found, name)(), getattr(original, name)()
        assert list(view) == list(other)
        assert list(reversed(view)) == list(reversed(other))
        assert len(view) == len(other)
        assert view.mapping is found
        assert repr(view) == repr(other).replace("Map", "FileMap", 1)
    assert repr(found) == repr(original).replace("Map", "FileMap", 1)
    with pytest.raises(KeyError, match="absent"):
        found["absent"]
    assert found.get("absent") is None
    assert found.get("absent", default=5) == 5
    assert dict(found) == {**original} == ENTRIES
    match found:
        case {"key 3": value}:
            assert value == 3


@pytest.mark.parametrize("operate", [operator.and_, operator.or_, operator.sub, operator.xor])
def test_views_are_sets(through: Any, operate: Any) -> None:
    found, plain = through(Map(ENTRIES)), ENTRIES
    for others in ({"key 1", "absent"}, plain.keys()):
        assert operate(found.keys(), others) == operate(plain.keys(), others)
        assert operate(others, found.keys()) == operate(others, plain.keys())
    pairs = {("key 1", 1), ("key 2", 3)}
    assert operate(found.items(), pairs) == operate(plain.items(), pairs)
    assert found.keys() == plain.keys()
    assert found.items() >= {("key 1", 1)}
    assert not found.items() >= pairs
    assert found.keys().isdisjoint(["absent"])


@pytest.mark.parametrize("other", [Map, dict, SharedMap, lambda m: share(m), lambda m: frozen.AtomicMap(m).snapshot()])
def test_maps_equal_every_mapping_of_their_entries(through: Any, other: Any) -> None:
    found = through(Map(ENTRIES))
    same, more = other(ENTRIES), other(ENTRIES | {"more": 1})
    changed = other(ENTRIES | {"key 1": 2})
    assert (found == same, same == found, found != same) == (True, True, False)
    for differs in (more, changed):
        assert (found == differs, differs == found, found != differs) == (False, False, True)
    assert found != 1
    assert found != list(found)


def test_maps_merge_into_maps(through: Any) -> None:
    found = through(Map(a=1, b=2))
    assert found | {"b": 3} == Map(a=1, b=3)
    assert type(found | {"b": 3}) is Map
    assert {"b": 3} | found == {"a": 1, "b": 2}
    assert Map(a=0) | found == found
    assert Map(a=0).update(found) == found
    with pytest.raises(TypeError):
        found | [1]


# Sets

SETS = [set(), {1}, {1, 2, 3}, {"a long member", 2, None, (1, 2)}, set(range(100))]


@pytest.mark.parametrize("plain", SETS, ids=range(len(SETS)))
@pytest.mark.parametrize("other", SETS, ids=range(len(SETS)))
def test_sets_read_as_sets(through: Any, plain: set[Any], other: set[Any]) -> None:
    found = through(Set(plain))
    for operate in (operator.and_, operator.or_, operator.sub, operator.xor):
        for make in (set, frozenset, Set, lambda members: dict.fromkeys(members).keys()):
            assert operate(found, make(other)) == operate(plain, other)
            assert operate(make(other), found) == operate(other, plain)
        assert type(operate(found, other)) is Set
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        for make in (set, frozenset, Set):
            assert compare(found, make(other)) is compare(plain, other)
            assert compare(make(other), found) is compare(other, plain)
    for name in ("union", "intersection", "difference", "symmetric_difference"):
        result = getattr(found, name)([*other])
        assert result == getattr(plain, name)(other)
        assert type(result) is Set
    for name in ("issubset", "issuperset", "isdisjoint"):
        assert getattr(found, name)([*other]) is getattr(plain, name)(other)
    assert hash(found) == hash(frozenset(plain))
    assert repr(found) == repr(Set(plain)).replace("Set", "FileSet", 1)


def test_a_set_is_found_as_frozenset_finds_it(through: Any) -> None:
    found = through(Set([frozenset({1, 2}), *range(20)]))
    assert {1, 2} in found
    assert {1, 3} not in found
    with pytest.raises(TypeError, match="unhashable"):
        [] in found  # noqa: B015


def test_sets_take_no_other_iterables_as_operands(through: Any) -> None:
    found = through(Set([1]))
    for operate in (operator.and_, operator.or_, operator.sub, operator.xor, operator.le, operator.gt):
        with pytest.raises(TypeError):
            operate(found, [1])
    assert found != [1]


# Vectors


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_vectors_read_as_vectors(through: Any, n: int) -> None:
    plain = [i % 4 for i in range(n)]
    original = Vector(plain)
    found = through(original)
    indexes = [None, *range(-n - 2, n + 3)]
    for start in indexes:
        for stop in indexes:
            for step in (None, 1, 2, -1, -3, 2**70):
                part = found[start:stop:step]
                assert type(part) is FileVector
                assert part.tolist() == plain[start:stop:step]
                assert part[1:].tolist() == plain[start:stop:step][1:], "slices of slices"
                assert part[::-2].tolist() == plain[start:stop:step][::-2]
    for index in range(-n, n):
        assert found[index] == plain[index]
    for index in (n, -n - 1, 2**70):
        with pytest.raises(IndexError):
            found[index]
    assert found.totuple() == tuple(plain)
    assert list(reversed(found)) == plain[::-1]
    assert repr(found) == repr(original).replace("Vector", "FileVector", 1)
    assert [found.count(value) for value in range(5)] == [plain.count(value) for value in range(5)]
    assert found + original == original + original
    assert original + Vector(found) == original + original
    assert found * 2 == original * 2 == 2 * found
    match found:
        case [first, *_]:
            assert first == plain[0]


def test_vectors_find_and_compare_as_vectors(through: Any) -> None:
    found = through(Vector("abca"))
    assert (found.index("a"), found.index("a", 1), found.index("b", -3, 3)) == (0, 3, 1)
    for arguments in (("z",), ("a", 1, 3), ("c", 0, -2)):
        with pytest.raises(ValueError, match="is not in the vector"):
            found.index(*arguments)
    for other in (Vector("abca"), Vector("abcb"), Vector("abc"), share(list("abd"))):
        for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
            assert compare(found, other) is compare(Vector("abca"), other)
            assert compare(other, found) is compare(other, Vector("abca"))
    assert found != ["a", "b", "c", "a"]
    with pytest.raises(TypeError):
        found < list("abd")  # noqa: B015
    assert "c" in found
    assert "d" not in found


# All of them


@pytest.mark.parametrize("original", [Map(a=Vector([1, Map(b=2)])), Set([1, (2, 3)]), Vector([Map(a=1), Set([1])])])
def test_copies(through: Any, original: Any) -> None:
    found = through(original)
    assert found.copy() is copy.copy(found) is copy.deepcopy(found) is found
    for copied in (freeze(found), pickle.loads(pickle.dumps(found))):
        assert copied == original
        assert type(copied) is type(original)
    assert thaw(found) == thaw(original)
    assert share(found) == share(original)
    assert type(share(found)) is type(share(original))


@pytest.mark.parametrize("original", [Map(a=Vector([1, Map(b=2)])), Set([1, (2, 3)]), Vector([Map(a=1), Set([1])])])
def test_the_encoding_is_that_of_a_container_in_memory(through: Any, original: Any) -> None:
    assert encode(through(original)) == encode(original)


def test_diffs_against_the_other_families(through: Any) -> None:
    old, new = Map(a=1, b=Map(c=Vector([1, 2, 3]))), Map(a=1, b=Map(c=Vector([1, 3])))
    found = through(old)
    assert found.diff(new) == old.diff(new)
    assert new.diff(found) == new.diff(old)
    assert old.apply(found.diff(new)) == new
    assert found.diff(found) == old.diff(old)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Map(a=1, b=Map(c=1)), Map(a=1, b=Map(c=2))),
        (Set([1, 2, 3]), Set([2, 3, 4])),
        (Vector([1, 2, 3]), Vector([1, 9, 3, 4])),
        (Map(a=Vector([Map(b=1)])), Map(a=Vector([Map(b=2)]))),
    ],
)
def test_diffs_take_files_of_either_family_on_either_side(through: Any, old: Any, new: Any) -> None:
    for family in (lambda value: value, frozen.share):
        wanted = family(old).diff(family(new))
        for before, after in ((through(old), family(new)), (family(old), through(new))):
            assert before.diff(after) == wanted
            assert family(old).apply(before.diff(after)) == new
    assert through(old).diff(through(new)) == old.diff(new)
    with pytest.raises(TypeError, match=r"diff\(\) compares a"):
        through(old).diff([])


def test_paths_lead_into_files(through: Any) -> None:
    found = through(freeze({"servers": [{"port": 80}, {"port": 443}]}))
    assert get_in(found, ["servers", 1, "port"]) == 443
    assert get_in(found, ["servers", 5, "port"], None) is None
    assert frozen.AtomicRef(found).lookup("servers")[0]["port"] == 80


def test_a_view_keeps_the_file_after_its_name_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    frozen.save(Map(inner=Map({f"key {i}": i for i in range(1000)})), path)
    inner = frozen.open(path)["inner"]
    frozen.save(Map(other=1), path)
    assert inner["key 999"] == 999
    assert frozen.open(path) == {"other": 1}


def test_what_is_open_already_is_deaf_to_types_that_change(tmp_path: Path) -> None:
    types: Any = iter([frozen.Change])
    frozen.save(1, tmp_path / "file", types=())
    with pytest.raises(TypeError, match="types="):
        frozen.open(tmp_path / "file", types=[int])
    assert frozen.open(tmp_path / "file", types={}) == 1
    assert next(types) is frozen.Change
