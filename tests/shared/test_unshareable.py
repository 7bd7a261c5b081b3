"""What cannot be shared can be asked for: it is absent, unless equal to what is there. Storing it is the error."""

from __future__ import annotations

import math
import operator
from collections import deque

import pytest

from frozen import (
    AtomicCounter,
    Cache,
    Map,
    NotShareableError,
    Set,
    SharedAtomicCounter,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    share,
)


class Pool:
    def __repr__(self) -> str:
        return "<Pool>"


class Whole(int):
    """Equal to an int, with its hash, and cannot be shared."""


POOL = Pool()
MEMBERS = [1, 2, "a", (3, "x")]
RIGHT = {
    "set": {POOL, 1},
    "frozenset": frozenset({POOL, "a", math.nan}),
    "Set": Set([POOL, 1, 2]),
    "tuple with one": {(1, POOL), 2},
    "equal to a member": {Whole(1), 2},
    "equal to a member, and another": {Whole(1), "b"},
    "dict keys": {POOL: 1, 1: 2}.keys(),
    "dict items": {3: "x", POOL: 1}.items(),
    "Map keys": Map({POOL: 1, "a": 2}).keys(),
    "many": {POOL, *MEMBERS, *range(100)},
    "nothing else": {POOL},
}
OPERATORS = [operator.and_, operator.sub, operator.or_, operator.xor]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]

rights = pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)


def unshareable(members) -> bool:
    return any(isinstance(member, Pool) or (isinstance(member, tuple) and POOL in member) or member != member
               for member in members)  # fmt: skip


@rights
@pytest.mark.parametrize("operation", OPERATORS, ids=lambda operation: operation.__name__)
def test_operators(right, operation):
    shared, expected = SharedSet(MEMBERS), operation(frozenset(MEMBERS), frozenset(right))
    alive = _core._live_shared_nodes()
    if unshareable(expected):
        with pytest.raises(NotShareableError):
            operation(shared, right)
    else:
        result = operation(shared, right)
        _core._check(result)
        assert type(result) is SharedSet
        assert result == expected
        assert {type(member) for member in result} <= {int, str, tuple}, "members stay what they are"
        del result
    assert operation(frozenset(right), shared) == operation(frozenset(right), frozenset(MEMBERS))
    assert _core._live_shared_nodes() == alive
    assert shared == set(MEMBERS)


@rights
@pytest.mark.parametrize("method", ["intersection", "difference", "union", "symmetric_difference"])
def test_methods_take_iterators(right, method):
    expected = getattr(frozenset(MEMBERS), method)(right)
    derive = getattr(SharedSet(MEMBERS), method)
    if unshareable(expected):
        with pytest.raises(NotShareableError):
            derive(iter(right))
    else:
        assert derive(iter(right)) == expected


@rights
@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda compare: compare.__name__)
@pytest.mark.parametrize("members", [MEMBERS, [], [1, 2], [1]], ids=len)
def test_comparisons(right, compare, members):
    expected = compare(frozenset(members), frozenset(right))
    assert compare(SharedSet(members), right) == expected
    assert compare(SharedMap.fromkeys(members).keys(), right) == expected


@rights
@pytest.mark.parametrize("method", ["issubset", "issuperset", "isdisjoint"])
@pytest.mark.parametrize("members", [MEMBERS, [], [1, 2], [2]], ids=len)
def test_inclusion(right, method, members):
    assert getattr(SharedSet(members), method)(right) == getattr(frozenset(members), method)(right)


def test_unhashable_members_are_type_errors():
    for method in ("intersection", "difference", "union", "symmetric_difference", "issubset", "isdisjoint"):
        with pytest.raises(TypeError, match="unhashable"):
            getattr(SharedSet(MEMBERS), method)([[], POOL])


def test_a_mutation_takes_all_of_a_source_or_nothing():
    entries, members = SharedMap.fromkeys(range(100)).mutate(), SharedSet(range(100)).mutate()
    for few_or_many in (
        {"a": 1, "b": POOL},
        {**dict.fromkeys("abcdefgh", 1), "i": POOL},
        dict.fromkeys(range(200), POOL),
    ):
        with pytest.raises(NotShareableError):
            entries.update(few_or_many)
        with pytest.raises(NotShareableError):
            members.update(few_or_many.items())
    assert entries.finish() == SharedMap.fromkeys(range(100))
    assert members.finish() == SharedSet(range(100))


def test_several_right_operands():
    shared = SharedSet(range(100))
    assert shared.difference([POOL, 1], range(3, 100), {POOL}) == {0, 2}
    assert shared.intersection([POOL, 1, 2, Whole(3)], iter([2, 3, POOL])) == {2, 3}


def test_views_of_either_memory_compare():
    shared, local = SharedMap(a=1, b=2), Map(a=1, b=2)
    assert shared.keys() == local.keys()
    assert local.items() == shared.items()
    assert shared.keys() <= Map(a=1, b=2, c=POOL).keys()
    assert shared.items() != Map(a=1, b=POOL).items()


@pytest.mark.parametrize("key", [POOL, Whole(7), (1, POOL), math.nan, object(), Pool, Map()], ids=repr)
def test_an_unshareable_key_is_absent(key):
    shared = SharedMap({1: 2, "a": "b"})
    mutation, members = shared.mutate(), SharedSet(shared)
    for container in (
        shared,
        shared.keys(),
        shared.values(),
        mutation,
        members,
        members.mutate(),
        SharedVector(shared),
    ):
        assert key not in container
    assert (key, 2) not in shared.items()
    assert (1, key) not in shared.items()
    assert shared.get(key, "default") == mutation.get(key, "default") == mutation.pop(key, "default") == "default"
    assert shared.discard(key) is shared
    assert members.discard(key) is members
    mutation.discard(key)
    for missing in (
        lambda: shared[key],
        lambda: mutation[key],
        lambda: shared.delete(key),
        lambda: members.remove(key),
        lambda: mutation.pop(key),
    ):
        with pytest.raises(KeyError):
            missing()
    for storing in (lambda: shared.set(key, 1), lambda: members.add(key), lambda: mutation.set(key, 1)):
        with pytest.raises(NotShareableError):
            storing()
    assert mutation.finish() == shared


def test_a_key_that_equals_one_which_is_there_is_found():
    shared = SharedMap({1: 2})
    assert shared[Whole(1)] == shared.get(Whole(1)) == shared.mutate().pop(Whole(1)) == 2
    assert (Whole(1), Whole(2)) in shared.items()
    assert Whole(2) in shared.values()
    assert shared.delete(Whole(1)) == SharedMap()
    assert Whole(1) in SharedSet([1])
    assert SharedSet([1]).remove(Whole(1)) == SharedSet()


@pytest.mark.parametrize("key", [[], {}, set(), ([],), (1, {})])
def test_an_unhashable_key_is_a_type_error(key):
    shared = SharedMap({1: 2})
    for ask in (
        lambda: key in shared,
        lambda: shared.get(key),
        lambda: shared[key],
        lambda: shared.discard(key),
        lambda: key in shared.keys(),  # noqa: SIM118
        lambda: shared.mutate().pop(key, None),
        lambda: shared.set(key, 1),
    ):
        with pytest.raises(TypeError, match="unhashable"):
            ask()


def test_maps_compare_with_dicts_of_unshareable_values():
    shared = SharedMap({1: 2, "a": "b"})
    for other in ({1: 2, "a": POOL}, {1: 2, POOL: "b"}, {1: [], "a": "b"}):
        assert shared != other
        assert other != shared
        assert shared != Map(other)
        assert Map(other) != shared
        assert shared.mutate() != other
    assert shared == {1: Whole(2), "a": "b"} == shared
    assert shared == Map({Whole(1): 2, "a": "b"})
    assert SharedMap(v=SharedVector([1])) != {"v": Map()}


class Text(str): ...


class Words(Map): ...


class Proxy:
    """Says that it is a list, as proxies and mocks do."""

    __class__ = list  # type: ignore[assignment]


ADVICE = {
    "a counter": (AtomicCounter(), "share the number that its get() returns"),
    "a counter of all interpreters": (SharedAtomicCounter(), "pass it beside the value"),
    "a cache": (Cache(1), "snapshot()"),
    "an iterator of ours": (iter(Vector()), "a list or tuple"),
    "a generator": ((x for x in ()), "a list or tuple"),
    "a subclass of text": (Text(), "share() converts it, or frozen.register_shareable(Text, encode, decode)"),
    "a subclass of Map": (Words(), "share() converts it"),
    "a deque": (deque(), "share() converts it"),
    "a proxy": (Proxy(), "convert it, or frozen.register_shareable(Proxy, encode, decode)"),
}


@pytest.mark.parametrize(("value", "advice"), ADVICE.values(), ids=ADVICE)
def test_what_an_error_advises_works(value, advice):
    with pytest.raises(NotShareableError) as found:
        SharedVector([value])
    assert advice in found.value.reason
    if "share() converts it" in advice:
        assert share([value]) == SharedVector([share(value)])
    else:
        with pytest.raises(NotShareableError) as found:
            share([value])
        assert advice in found.value.reason
