"""Set is frozenset's interface over the trie: every method, operator and comparison against frozenset itself."""

from __future__ import annotations

import copy
import operator
import pickle
import subprocess
import sys
import weakref
from collections.abc import Set as AbstractSet

import pytest
from keys import ActingKey, CountingKey, Crash, HashKey, HashKeyCrasher, colliding, count_calls, expected_dump
from support import child_environment

from frozen import Map, Set, SetMutation, _core

SAMPLES = [[], [1], [1, 2, 3], ["a", 2, (3,), None, 1.5, b"x"], range(50), range(25, 75), range(3000)]
OTHERS = {
    "set": set,
    "frozenset": frozenset,
    "Set": Set,
    "dict keys": lambda members: dict.fromkeys(members).keys(),
    "Map keys": lambda members: Map.fromkeys(members).keys(),
}
OPERATORS = {"|": operator.or_, "&": operator.and_, "-": operator.sub, "^": operator.xor}
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


class Sub(Set):
    pass


class Abstract(AbstractSet):
    """Nothing but the abstract interface."""

    def __init__(self, members=()):
        self.members = list(dict.fromkeys(members))

    def __contains__(self, member):
        return member in self.members

    def __iter__(self):
        return iter(self.members)

    def __len__(self):
        return len(self.members)


@pytest.mark.parametrize("members", SAMPLES, ids=len)
def test_holds_what_a_frozenset_holds(members):
    s, model = Set(members), frozenset(members)
    _core._check(s)
    assert len(s) == len(model)
    assert set(s) == model
    assert all(member in s for member in model)
    assert "absent" not in s
    assert hash(s) == hash(model)
    assert s == model
    assert model == s
    assert s == set(model)
    assert list(Set(iter(list(members)))) == list(s)


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("right", SAMPLES, ids=len)
@pytest.mark.parametrize("left", SAMPLES, ids=len)
def test_operators_take_any_set_on_the_right(left, right, kind):
    s, other = Set(left), OTHERS[kind](right)
    for op in OPERATORS.values():
        result = op(s, other)
        _core._check(result)
        assert type(result) is Set
        assert result == op(frozenset(left), frozenset(right))
        assert len(result) == len(frozenset(result))


@pytest.mark.parametrize("right", SAMPLES, ids=len)
@pytest.mark.parametrize("left", SAMPLES, ids=len)
def test_operators_give_the_left_operands_type(left, right):
    for kind, result_kind in [(set, set), (frozenset, frozenset), (Set, Set), (Sub, Set)]:
        for op in OPERATORS.values():
            result = op(kind(left), Set(right))
            assert type(result) is result_kind
            assert result == op(frozenset(left), frozenset(right))
    assert dict.fromkeys(left).keys() - Set(right) == frozenset(left) - frozenset(right)
    assert Map.fromkeys(left).keys() & Set(right) == frozenset(left) & frozenset(right)


def test_operators_take_any_abstract_set():
    assert Set([1, 2]) | Abstract([3]) == {1, 2, 3}
    assert Set([1, 2]) == Abstract([2, 1])
    assert Set([1]) < Abstract([2, 1])


@pytest.mark.parametrize("wrong", [[1], (1,), "1", {1: 1}, 1, None, iter([1])], ids=repr)
@pytest.mark.parametrize("op", OPERATORS)
def test_operators_refuse_what_is_no_set(op, wrong):
    with pytest.raises(TypeError):
        OPERATORS[op](Set([1]), wrong)
    with pytest.raises(TypeError):
        OPERATORS[op](wrong, Set([1]))


@pytest.mark.parametrize("right", SAMPLES, ids=len)
@pytest.mark.parametrize("left", SAMPLES, ids=len)
def test_named_methods_take_iterables(left, right):
    s, model, other = Set(left), frozenset(left), frozenset(right)
    for iterable in (list(right), iter(list(right)), Set(right), set(right), dict.fromkeys(right)):
        again = iterable if not hasattr(iterable, "__next__") else None
        assert s.union(again or list(right)) == model | other
        assert s.update(again or list(right)) == model | other
        assert s.intersection(again or list(right)) == model & other
        assert s.difference(again or list(right)) == model - other
        assert s.symmetric_difference(again or list(right)) == model ^ other
        assert s.issubset(again or list(right)) is (model <= other)
        assert s.issuperset(again or list(right)) is (model >= other)
        assert s.isdisjoint(iterable) is model.isdisjoint(other)
    assert s.union(right, ["more"], {1}) == model.union(right, ["more"], {1})
    assert s.intersection(right, range(30)) == model.intersection(right, range(30))
    assert s.difference(right, [1]) == model.difference(right, [1])


@pytest.mark.parametrize("kind", [Set, set, frozenset], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("right", SAMPLES, ids=len)
@pytest.mark.parametrize("left", SAMPLES, ids=len)
def test_comparisons_are_inclusion(left, right, kind):
    for compare in COMPARISONS:
        expected = compare(frozenset(left), frozenset(right))
        assert compare(Set(left), kind(right)) is expected
        assert compare(kind(left), Set(right)) is expected


def test_comparison_with_what_is_no_set():
    assert Set([1]) != [1]
    assert Set() != ()
    with pytest.raises(TypeError):
        assert Set() < [1]


def test_add_remove_discard():
    s = Set([1, 2])
    assert s.add(3) == {1, 2, 3}
    assert s.add(2) is s
    assert s.add(2.0) is s, "the member that is there stays the object it is"
    assert s.remove(1) == {2}
    assert s.discard(9) is s
    assert s == {1, 2}
    with pytest.raises(KeyError) as caught:
        s.remove((4, 5))
    assert caught.value.args == ((4, 5),)
    with pytest.raises(TypeError):
        s.add([])


def test_what_changes_nothing_is_the_set_itself():
    s = Set(range(100))
    assert Set(s) is s
    assert s | Set() is s
    assert s | {5} is s
    assert s.union([]) is s
    assert s.union() is s
    assert s & s is s
    assert s - Set(["a"]) is s
    assert s ^ set() is s
    assert s.intersection(range(200)) is s
    assert s.copy() is s
    assert copy.copy(s) is s


def test_a_subclass_gives_the_base_type():
    s = Sub([1, 2])
    assert type(s) is Sub
    assert repr(s) == "Sub({1, 2})"
    for result in (s.add(3), s.discard(1), s.remove(1), s | {3}, s.union([3]), s & {1}, s.discard(9)):
        assert type(result) is Set
    assert s == Set([1, 2])
    assert hash(s) == hash(Set([1, 2]))


def test_repr():
    assert repr(Set()) == "Set()"
    assert repr(Set([1])) == "Set({1})"
    assert eval(repr(Set([1, "a"]))) == Set([1, "a"])
    holder = ActingKey(1)
    s = Set([holder])
    holder.name = s
    assert repr(s) == "Set({HashKey(1, Set({...}))})"


def test_sets_of_sets_are_asked_for_plain_sets():
    s = Set([Set([1]), frozenset([2])])
    assert {1} in s
    assert {2} in s
    assert {3} not in s
    assert Set([2]) in s
    assert s.discard({1}) == {frozenset([2])}
    assert s.remove({2}) == {Set([1])}
    with pytest.raises(TypeError):
        assert [] in s
    with pytest.raises(TypeError):
        s.add({1})


def test_constructor_arguments():
    assert Set() == Set([]) == Set("") == frozenset()
    with pytest.raises(TypeError, match="iterable"):
        Set(1)
    with pytest.raises(TypeError, match="arguments"):
        Set([], [])
    with pytest.raises(TypeError, match="keyword"):
        Set(iterable=[])
    with pytest.raises(TypeError, match="unhashable"):
        Set([[]])
    assert Set[int] == Set[int]
    assert isinstance(Set(), AbstractSet)


def test_first_of_equal_members_stays():
    assert [type(member) for member in Set([1, 1.0, True])] == [int]
    assert [type(member) for member in Set([1.0]) | {1}] == [float]
    assert [type(member) for member in Set([1.0]) & {1}] == [float]


@pytest.mark.parametrize("kind", [list, tuple, iter])
@pytest.mark.parametrize("others", [0, 1, 40, 3000])
def test_equal_members_are_told_from_colliding_ones(others, kind):
    members = [*colliding(5), *range(others), *colliding(5), *colliding(1, hash=9), *range(others)]
    s = Set(kind(members))
    _core._check(s)
    assert len(s) == 6 + others
    assert s == frozenset(members)
    assert {id(member) for member in s if isinstance(member, HashKey)} == {
        id(member) for member in members[:5] + members[others + 10 : others + 11]
    }


@pytest.mark.parametrize("change", [list.clear, list.pop, lambda members: members.extend(range(100))])
def test_a_list_may_change_while_its_members_are_hashed(change):
    acting = ActingKey(5, "acting")
    members = ["first", acting, *(object() for _ in range(100))]
    acting.on_hash = lambda: change(members)
    s = Set(members)
    _core._check(s)
    assert {"first", acting} <= s


def test_weakref():
    s = Set([1])
    reference = weakref.ref(s)
    assert reference() is s
    del s
    assert reference() is None


# Copies and pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("members", SAMPLES, ids=len)
def test_pickle(members, protocol):
    again = pickle.loads(pickle.dumps(Set(members), protocol))
    assert type(again) is Set
    assert again == Set(members)
    _core._check(again)


def test_pickle_of_a_subclass_keeps_its_attributes():
    s = Sub([1])
    s.note = "kept"
    again = pickle.loads(pickle.dumps(s))
    assert (type(again), again, again.note) == (Sub, {1}, "kept")


def test_pickle_across_hash_seeds(tmp_path):
    path = tmp_path / "set.pickle"
    path.write_bytes(pickle.dumps(Set(f"word {index}" for index in range(200))))
    code = (
        "import pickle, sys; from frozen import _core\n"
        "s = pickle.load(open(sys.argv[1], 'rb')); _core._check(s)\n"
        "assert s == {f'word {index}' for index in range(200)}"
    )
    for seed in "123":
        environment = {**child_environment(), "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)


def test_iterator_pickles_midway():
    s = Set(range(100))
    iterator = iter(s)
    taken = [next(iterator) for _ in range(30)]
    again = pickle.loads(pickle.dumps(iterator))
    rest = list(iterator)
    assert list(again) == rest
    assert taken + rest == list(s)
    assert operator.length_hint(iter(s)) == 100


def test_deepcopy():
    atoms = Set([1, "a", (2, 3)])
    assert copy.deepcopy(atoms) is atoms
    key = HashKey(1, "x")
    s = Set([key, 1])
    again = copy.deepcopy(s)
    assert again == s
    assert not any(member is key for member in again)
    holder = HashKey(1)
    holder.name = [Set([holder])]
    (copied,) = copy.deepcopy(holder.name)
    (member,) = copied
    assert member.name[0] is copied, "a cycle is copied as a cycle"


# Mutation


def test_mutation():
    s = Set([1, 2])
    with s.mutate() as m:
        assert isinstance(m, SetMutation)
        m.add(3)
        m.remove(1)
        m.discard(9)
        m.update([4, 5], {6})
        assert 3 in m
        assert 1 not in m
        assert len(m) == 5
        assert m == {2, 3, 4, 5, 6}
        with pytest.raises(KeyError):
            m.remove(1)
        with pytest.raises(TypeError):
            iter(m)
        with pytest.raises(TypeError):
            hash(m)
        with pytest.raises(TypeError):
            pickle.dumps(m)
    assert m.finish() == {2, 3, 4, 5, 6}
    assert m.finish() is m.finish()
    assert s == {1, 2}
    for change in (
        lambda: m.add(1),
        lambda: m.update([1]),
        lambda: m.discard(1),
        lambda: m.remove(2),
        lambda: m.__enter__(),
    ):
        with pytest.raises(ValueError, match="finished"):
            change()


def test_mutation_survives_an_exception():
    m = Set([1]).mutate()

    def fail_within():
        with m:
            m.add(2)
            raise Crash

    with pytest.raises(Crash):
        fail_within()
    assert m.finish() == {1, 2}


def test_mutation_leaves_all_versions_alone():
    versions, m = [], Set().mutate()
    for index in range(500):
        m.add(index)
        if index % 50 == 0:
            result = m.finish()
            versions.append((index + 1, result))
            m = result.mutate()
    for count, version in versions:
        _core._check(version)
        assert version == set(range(count))


# Shapes, collisions, hostile members


def test_the_tree_has_the_canonical_shape():
    members = [HashKey(index * 37 % 1024, index) for index in range(300)] + colliding(5, hash=1 << 40)
    assert _core._dump(Set(members)) == expected_dump(members)
    s = Set(range(2000)).union(members)
    assert _core._dump(s - set(range(2000))) == expected_dump(members)
    assert _core._dump(s & Set(members)) == expected_dump(members)


def test_members_are_compared_on_equal_hashes_only_and_hashed_once():
    keys = [CountingKey(1), CountingKey(1 + (1 << 32)), CountingKey(1 + (1 << 63) - (1 << 64))]
    s = Set()
    for key in keys:
        s = s.add(key)
    assert len(s) == 3
    hashed, compared = count_calls(keys, lambda: [s | Set(range(9, 50)), s - {9}, s.add(5), s.discard(7)])
    assert (hashed, compared) == (0, 0)


def test_shared_subtrees_are_not_looked_at():
    keys = [CountingKey(index) for index in range(1000)]
    a = Set(keys)
    b = a.add("b").discard(keys[7])
    for op in OPERATORS.values():
        _, compared = count_calls(keys, lambda op=op: op(a, b))
        assert compared < 100
    _, compared = count_calls(keys, lambda: [a == b, b.issubset(a.add("b")), a <= b])
    assert compared < 200
    shared, total, _ = _core._shared_nodes(a, a | b)
    assert shared > total * 0.9


@pytest.mark.parametrize("op", OPERATORS)
def test_an_error_while_comparing_surfaces_and_harms_nothing(op):
    a, b = Set([*colliding(4), 1, 2]), Set([*colliding(6), 2, 3])
    with HashKeyCrasher(on_eq=True), pytest.raises(Crash):
        OPERATORS[op](a, b)
    _core._check(a)
    _core._check(b)
    assert OPERATORS[op](a, b) == OPERATORS[op](frozenset(a), frozenset(b))


@pytest.mark.parametrize("others", [[], range(40), [*colliding(3, hash=0)]])
def test_an_error_while_comparing_members_of_a_list_surfaces(others):
    with HashKeyCrasher(on_eq=True) as crash, pytest.raises(Crash) as caught:
        Set([*others, *colliding(2)])
    assert caught.value is crash


def test_an_error_while_hashing_surfaces():
    s = Set([1])
    with HashKeyCrasher(on_hash=True):
        for action in (s.add, s.remove, s.discard, s.__contains__):
            with pytest.raises(Crash):
                action(HashKey(1))
        with pytest.raises(Crash):
            s.union([HashKey(1)])


def test_a_mutation_may_be_changed_while_it_compares():
    m = Set().mutate()
    first, second = ActingKey(5, "first"), ActingKey(5, "second")
    m.add(first)
    second.on_eq = lambda: m.update(range(200))
    m.add(second)
    second.on_eq = None
    assert m.finish() == {first, second, *range(200)}
    _core._check(m.finish())
