"""Deltas of vectors and sets: which elements are replaced, inserted and deleted, which members come and go."""

from __future__ import annotations

import itertools
import pickle
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import (
    ABSENT,
    Change,
    ConflictError,
    Delta,
    Map,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Span,
    Vector,
    freeze,
    set_in,
    share,
)

VECTORS = [Vector, SharedVector]
SETS = [Set, SharedSet]
few = st.lists(st.sampled_from("abc"), max_size=9)


def edits_between(old: Any, new: Any) -> list[tuple[int, int, int, int]]:
    return old._edits(new, lambda a, b: a == b)  # type: ignore[no-any-return]


def with_edits(old: Any, new: Any, edits: list[tuple[int, int, int, int]]) -> list[Any]:
    """`old` with the parts of `new` that an edit script names, by slices of lists."""
    result = list(old)
    for start, stop, new_start, new_stop in reversed(edits):
        result[start:stop] = list(new)[new_start:new_stop]
    return result


def distance(a: Any, b: Any) -> int:
    """The number of replacements, insertions and deletions between two sequences, by the textbook's table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, above = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]


@given(few, few)
def test_an_edit_script_of_short_vectors_is_the_shortest(old: list[str], new: list[str]) -> None:
    for family in VECTORS:
        edits = edits_between(family(old), family(new))
        assert with_edits(old, new, edits) == new
        assert sum(max(j - i, m - k) for i, j, k, m in edits) == distance(old, new)
        assert all(j - i == m - k or i == j or k == m for i, j, k, m in edits)


def test_edit_scripts_of_all_small_vectors_are_the_shortest() -> None:
    small = [list(word) for length in range(5) for word in itertools.product("ab", repeat=length)]
    for old, new in itertools.product(small, small):
        edits = edits_between(Vector(old), Vector(new))
        assert with_edits(old, new, edits) == new
        assert sum(max(j - i, m - k) for i, j, k, m in edits) == distance(old, new)


def test_edits_that_lie_apart_are_found_one_by_one() -> None:
    old = Vector(range(10_000))
    new = old.delete(9_000).insert(5_000, -1).set(4_000, -2).delete(17)
    assert edits_between(old, new) == [
        (17, 18, 17, 17),
        (4000, 4001, 3999, 4000),
        (5000, 5000, 4999, 5000),
        (9000, 9001, 9000, 9000),
    ]


@pytest.mark.parametrize("family", VECTORS)
def test_a_block_that_comes_or_goes_is_one_edit(family: Any) -> None:
    old = family(range(3_000))
    block = family(range(-500, 0))
    assert edits_between(old, old[:700] + block + old[700:]) == [(700, 700, 700, 1200)]
    assert edits_between(old, old[900:]) == [(0, 900, 0, 0)]
    assert edits_between(old[:2_000], old) == [(2000, 2000, 2000, 3000)]
    assert edits_between(family(), old) == [(0, 0, 0, 3000)]
    assert edits_between(old, family()) == [(0, 3000, 0, 0)]
    assert edits_between(old, old) == []


@pytest.mark.parametrize("seed", range(20))
def test_any_history_of_edits_is_undone_and_done_again(seed: int) -> None:
    chance = random.Random(seed)
    alphabet = chance.choice([2, 10, 10**6])
    cells = [chance.randrange(alphabet) for _ in range(chance.choice([40, 400, 4_000]))]
    family = chance.choice(VECTORS)
    old = new = family(cells)
    for _ in range(chance.choice([1, 5, 60])):
        at = chance.randrange(len(new) + 1)
        size = chance.choice([0, 1, 3, 100])
        inserted = family(chance.randrange(alphabet) for _ in range(chance.choice([0, 1, 3, 100])))
        new = new[:at] + inserted + new[at + size :]
    if chance.random() < 0.3:
        new = family(list(new))  # nothing is shared
    delta = old.diff(new)
    assert old.apply(delta) == new
    assert new.apply(delta.inverse()) == old
    assert pickle.loads(pickle.dumps(delta)) == delta


@pytest.mark.parametrize("family", VECTORS)
def test_what_vectors_share_is_not_looked_at(family: Any) -> None:
    compared = []

    def same(a: Any, b: Any) -> bool:
        compared.append((a, b))
        return bool(a == b)

    old = family((number,) for number in range(20_000))
    new = old.set(10_000, (-1,)).insert(3_000, (-2,))
    assert old._edits(new, same) == [(3000, 3000, 3000, 3001), (10000, 10001, 10001, 10002)]
    assert len(compared) < 1_000


def test_a_flag_in_a_row_of_a_large_table_is_a_small_delta() -> None:
    rows = Vector(Map(id=number, flag=False) for number in range(2_000))
    table = Map(rows=rows)
    changed = set_in(table, ["rows", 1234, "flag"], True)
    delta = table.diff(changed)
    assert delta.changes == Map({("rows", 1234, "flag"): Change(False, True)})
    assert len(pickle.dumps(delta)) < 300
    assert table.apply(delta) == changed


def test_rows_that_are_replaced_beside_others_that_are_inserted_keep_their_own_changes() -> None:
    old = freeze([{"id": 1, "n": 1}, {"id": 2, "n": 2}])
    new = freeze([{"id": 1, "n": 5}, {"id": 9, "n": 9}, {"id": 2, "n": 2}])
    delta = old.diff(new)
    assert old.apply(delta) == new
    assert str(delta) == f"[0]['n']: 1 -> 5\n[1:1]: inserted {[new[1]]!r}"


def test_steps_of_paths_are_indices_of_the_old_version() -> None:
    old = freeze({"rows": [0, 1, 2, 3, 4, {"x": 2}, [3]]})
    new = freeze({"rows": ["new", 0, 1, 2, 4, {"x": 5}, [3, 4]]})
    assert set(old.diff(new).changes.items()) == {
        (("rows", Span(0, 0)), Change(Vector(), Vector(["new"]))),
        (("rows", Span(3, 4)), Change(Vector([3]), Vector())),
        (("rows", 5, "x"), Change(2, 5)),
        (("rows", 6, Span(1, 1)), Change(Vector(), Vector([4]))),
    }


@pytest.mark.parametrize("family", SETS)
def test_members_that_come_and_go_are_named(family: Any) -> None:
    delta = family("abc").diff(family("bcd"))
    assert delta.changes == Map({("a",): Change("a", ABSENT), ("d",): Change(ABSENT, "d")})
    assert family("abcx").apply(delta) == {"b", "c", "d", "x"}
    assert family("bcd").apply(delta.inverse()) == {"a", "b", "c"}
    assert not family("abc").diff(family("cba"))


def test_a_member_of_another_kind_is_a_change() -> None:
    delta = Set([1, "a"]).diff(Set([True, "a"]))
    assert delta.changes == Map({(1,): Change(1, True)})
    assert [type(member) for member in Set([1]).apply(delta)] == [bool]


@given(st.frozensets(st.integers(0, 300)), st.frozensets(st.integers(0, 300)))
def test_deltas_of_sets_lead_there_and_back(old: frozenset[int], new: frozenset[int]) -> None:
    for family in SETS:
        delta = family(old).diff(family(new))
        assert set(delta) == {(member,) for member in old ^ new}
        assert family(old).apply(delta) == new
        assert family(new).apply(delta.inverse()) == old


def test_each_family_takes_the_deltas_of_the_other() -> None:
    old, new = {"rows": [{"x": [1]}], "tags": {"a"}}, {"rows": [{"x": [1, 2]}, {"y": 1}], "tags": {"b"}}
    local, shared = freeze(old).diff(freeze(new)), share(old).diff(share(new))
    assert freeze(old).apply(shared) == freeze(new)
    assert share(old).apply(local) == share(new)
    assert type(freeze(old).apply(shared)["rows"][1]) is Map
    assert type(share(old).apply(local)["rows"][1]) is SharedMap
    assert type(share(old).apply(local)["tags"]) is SharedSet


@pytest.mark.parametrize(
    ("found", "path", "expected", "reason"),
    [
        ({"v": [1, 5, 3]}, ("v", 1), 2, "it expects 2, not 5"),
        ({"v": [1]}, ("v", 1), 2, "it expects 2, not ABSENT"),
        ({"v": {0: 1, 1: 2}}, ("v", 1), 2, "Map.* is no vector"),
        ({"v": (1, 2, 3)}, ("v", 1), 2, "is no vector"),
        ({}, ("v", 1), 2, "ABSENT at .* is no vector"),
    ],
)
def test_an_element_that_is_another_one_is_a_conflict(found: Any, path: Any, expected: Any, reason: str) -> None:
    delta = freeze({"v": [1, 2, 3]}).diff(freeze({"v": [1, 4, 3]}))
    with pytest.raises(ConflictError, match=reason) as caught:
        freeze(found).apply(delta)
    assert (caught.value.path, caught.value.expected) == (path, expected)


def test_elements_that_are_others_than_those_to_be_deleted_are_a_conflict() -> None:
    delta = Vector("abcd").diff(Vector("ad"))
    with pytest.raises(ConflictError, match="expects") as caught:
        Vector("aBcd").apply(delta)
    assert caught.value.path == (Span(1, 3),)
    assert caught.value.expected == Vector("bc")
    assert caught.value.found == Vector("Bc")


def test_a_member_that_is_gone_or_there_already_is_a_conflict() -> None:
    delta = Set("ab").diff(Set("bc"))
    with pytest.raises(ConflictError, match=r"at \['a'\] it expects 'a', not ABSENT"):
        Set("b").apply(delta)
    with pytest.raises(ConflictError, match=r"at \['c'\] it expects ABSENT, not 'c'"):
        Set("abc").apply(delta)
    with pytest.raises(ConflictError, match="is no set"):
        Map(s=1).apply(Map(s=Set("ab")).diff(Map(s=Set("bc"))))


@pytest.mark.parametrize("kind", [Map, Set, Vector, SharedMap, SharedSet, SharedVector])
def test_only_two_of_one_kind_are_compared(kind: Any) -> None:
    for other in Map, Set, Vector, SharedMap, SharedSet, SharedVector, dict, list, set, tuple:
        if other is kind:
            assert not kind().diff(other())
            continue
        with pytest.raises(TypeError, match=f"diff\\(\\) compares a {kind.__name__} with another one, not with a"):
            kind().diff(other())


def test_a_delta_is_read_in_one_order() -> None:
    keys = ["b", 10, 9, b"x", ("t", 1), "a", 1.5, None, ("t", 0), float("nan")]
    for shuffled in (keys, keys[::-1]):
        delta = Map().diff(Map((key, 0) for key in shuffled))
        assert [repr(key) for (key,) in delta] == [
            "nan", "1.5", "9", "10", "'a'", "'b'", "b'x'", "('t', 0)", "('t', 1)", "None",
        ]  # fmt: skip


def test_the_text_of_a_delta_is_a_line_for_each_change() -> None:
    old = freeze({"a": 1, "b": 2, "v": [1, 2, 3], "s": {"x"}})
    new = freeze({"a": 9, "c": 3, "v": [2, 3, 4], "s": {"y"}})
    assert str(old.diff(new)).splitlines() == [
        "['a']: 1 -> 9",
        "['b']: removed, was 2",
        "['c']: added 3",
        "['s']['x']: removed",
        "['s']['y']: added",
        "['v'][0:1]: deleted [1]",
        "['v'][3:3]: inserted [4]",
    ]
    assert repr(Delta()) == "<Delta of 0 changes>"
    assert repr(Map().diff(Map(a=1))) == "<Delta of 1 change: ['a']: added 1>"
    many = Map().diff(Map((number, "x" * 10_000) for number in range(1_000)))
    assert repr(many).endswith("; and 995 more>")
    assert len(repr(many)) < 1_000


def test_elements_that_cannot_be_compared_are_told_apart_by_identity() -> None:
    class Odd:
        def __eq__(self, other: object) -> Any:
            raise RuntimeError("no")

        __hash__ = None  # type: ignore[assignment]

    a, b = Odd(), Odd()
    assert not Vector([a, b]).diff(Vector([a, b]))
    assert list(Vector([a, b]).diff(Vector([b, b]))) == [(0,)]


def test_an_error_while_vectors_are_compared_comes_out() -> None:
    def same(a: Any, b: Any) -> bool:
        raise KeyError(a)

    with pytest.raises(KeyError):
        Vector([(1,), 2])._edits(Vector([(3,), 2]), same)
    with pytest.raises(TypeError, match="of the same family"):
        Vector()._edits(SharedVector(), same)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", [lambda value: value, share], ids=["local", "shared"])
def test_what_many_paths_lead_to_is_changed_once_and_stays_one(family: Any) -> None:
    old, new = Map(leaf=1), Map(leaf=2)
    for _ in range(60):  # 2**120 paths
        old, new = (Map(a=made, b=Vector([made, made])) for made in (old, new))
    before, after = family(old), family(new)
    delta = before.diff(after)
    changed = before.apply(delta)
    assert changed == after
    assert changed.apply(delta.inverse()) == before
    assert changed["a"]._root() == changed["b"][0]._root() == changed["b"][1]._root()
    assert old.apply(delta) == new  # also of the other family


def test_deltas_of_two_families_compose_into_one_of_the_local_family() -> None:
    one, two, three = Map(a=1), Map(a=Map(x=1), s=Set([Vector([1])])), Map(a=5, s=Set([Vector([1]), Vector([2])]))
    for first, second in itertools.product((one.diff(two), share(one).diff(share(two))), repeat=2):
        second = two.diff(three) if second.shared is False else share(two).diff(share(three))
        both = first.then(second)
        assert both.shared is (first.shared and second.shared)
        assert one.apply(both) == three
        assert share(one).apply(both) == share(three)
        if not both.shared:
            assert all(type(member) is Vector for member in one.apply(both)["s"])
    grown = share(two).diff(share(two).set("a", SharedMap(x=2)))
    assert one.diff(two).then(grown).changes["a",] == Change(1, Map(x=2))
    inserted = SharedVector([1]).diff(SharedVector([1, SharedMap(x=1)]))
    assert type(Vector([0]).apply(Vector([0]).diff(Vector([1])).then(inserted))[1]) is Map


def test_keys_and_members_are_of_the_family_that_they_are_put_into() -> None:
    old, new = Map(m=Map(a=1)), Map({Vector([1]): 1, (1, Vector([2])): 2})
    new = new.set("m", Map({Vector([3]): Map({Set([4]): 5})})).set("s", Set([Vector([6]), frozenset([Vector([7])])]))
    for delta in old.diff(new), share(old).diff(share(new)):
        local, shared = old.apply(delta), share(old).apply(delta)
        assert local == new
        assert shared == share(new)
        assert not local.diff(new)
        assert "Shared" not in repr(local)
        assert all("Shared" in repr(key) for key in shared if isinstance(key, tuple))
        assert new.apply(delta.inverse()) == old
