"""Iterators of a map and its views: order, length hints, exhaustion, pickling midway."""

from __future__ import annotations

import copy
import operator
import pickle

import pytest
from keys import HashKey, colliding, hash_of

from frozen import Map

MAPS = {
    "empty": Map(),
    "one": Map(a=1),
    "small": Map.fromkeys("abcdefg", 0),
    "large": Map({index: -index for index in range(2000)}),
    "collisions": Map(dict.fromkeys(colliding(5), 0)),
    "deep": Map(dict.fromkeys([HashKey(hash_of(*[1] * depth)) for depth in range(1, 13)], 0)),
    "mixed": Map(dict.fromkeys([*colliding(3), *map(HashKey, range(100)), HashKey(-1), HashKey(2**63 - 1)], 0)),
}
WAYS = {
    "iter": iter,
    "keys": lambda m: iter(m.keys()),
    "values": lambda m: iter(m.values()),
    "items": lambda m: iter(m.items()),
    "reversed": reversed,
    "reversed keys": lambda m: reversed(m.keys()),
    "reversed values": lambda m: reversed(m.values()),
    "reversed items": lambda m: reversed(m.items()),
}
every_map = pytest.mark.parametrize("m", MAPS.values(), ids=MAPS.keys())
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


@every_map
def test_every_entry_comes_exactly_once(m):
    keys = list(m)
    assert len(keys) == len(set(keys)) == len(m)
    assert all(key in m for key in keys)
    assert all(m[key] is value for key, value in m.items())


@every_map
@every_way
def test_an_iterator_is_its_own_iterator_and_stays_exhausted(m, way):
    iterator = way(m)
    assert iter(iterator) is iterator
    assert len(list(iterator)) == len(m)
    for _ in range(3):
        with pytest.raises(StopIteration):
            next(iterator)
    assert next(iterator, "end") == "end"


@every_map
@every_way
def test_length_hint_is_exact(m, way):
    iterator = way(m)
    for left in range(len(m), 0, -1):
        assert operator.length_hint(iterator) == left
        next(iterator)
    assert operator.length_hint(iterator, 99) == 0
    next(iterator, None)
    assert operator.length_hint(iterator, 99) == 0


@every_map
def test_reversed_is_the_exact_reverse(m):
    for view in (m, m.keys(), m.values(), m.items()):
        assert list(reversed(view)) == list(view)[::-1]


@every_way
def test_iterators_of_one_map_are_independent(way):
    m = MAPS["mixed"]
    expected = list(way(m))
    first, second = way(m), way(m)
    seen = [next(first), next(first)]
    assert list(second) == expected
    assert seen + list(first) == expected


@every_way
def test_an_iterator_keeps_what_it_iterates_alive(way):
    iterator = way(Map({(index,): [index] for index in range(500)}))
    assert len(list(iterator)) == 500


def test_items_are_fresh_tuples():
    m = Map({index: index for index in range(100)})
    items = list(m.items())
    assert all(type(item) is tuple for item in items)
    assert len({id(item) for item in items}) == 100, "a kept item must not change under its holder"
    iterator = iter(m.items())
    first = next(iterator)
    before = tuple(first)
    list(iterator)
    assert first == before


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@every_way
def test_iterators_pickle_midway(way, protocol):
    m = Map({index: str(index) for index in range(50)})
    expected = list(way(m))
    for consumed in (0, 1, 17, 49, 50):
        iterator = way(m)
        for _ in range(consumed):
            next(iterator)
        clone = pickle.loads(pickle.dumps(iterator, protocol))
        assert sorted(clone) == sorted(expected[consumed:])
        assert list(iterator) == expected[consumed:], "pickling must not move the iterator"


@every_way
def test_iterators_copy_midway(way):
    iterator = way(MAPS["large"])
    for _ in range(1000):
        next(iterator)
    clone = copy.copy(iterator)
    assert list(clone) == list(iterator)


@every_map
@every_way
def test_the_sequence_of_a_map_is_stable(m, way):
    assert list(way(m)) == list(way(m))


def test_unpacking_and_star():
    m = Map(a=1)
    (key,) = m
    ((same, value),) = m.items()
    assert (key, same, value) == ("a", "a", 1)
    assert [*m, *m.values()] == ["a", 1]


def test_a_loop_over_old_versions_sees_none_of_the_new():
    m = Map.fromkeys(range(100), 0)
    seen = 0
    for key in m:
        m = m.delete(key).set(key + 1000, 0)
        seen += 1
    assert seen == 100
    assert sorted(m) == list(range(1000, 1100))
