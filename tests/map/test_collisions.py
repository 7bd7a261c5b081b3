"""Keys of one full 64-bit hash: linear, as everywhere, but never wrong; alone, among others, at every rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import CountingKey, HashKey, colliding, count_calls, expected_dump

from frozen import Map, _core

HASHES = [0, 1, 5, -2, 2**63 - 1, -(2**63), 1 << 60, 0x1234_5678_9ABC_DEF0]


@pytest.mark.parametrize("hash", HASHES)
@pytest.mark.parametrize("size", [2, 3, 5, 32, 33, 100])
def test_all_operations_on_a_pure_collision(hash, size):
    keys = colliding(size, hash)
    m = Map({key: index for index, key in enumerate(keys)})
    assert len(m) == size
    assert [m[key] for key in keys] == list(range(size))
    assert HashKey(hash, "absent") not in m
    assert dict(m.set(keys[1], "x")) == {key: index for index, key in enumerate(keys)} | {keys[1]: "x"}
    assert m.set(keys[1], m[keys[1]]) is m
    assert m.discard(HashKey(hash, "absent")) is m
    with pytest.raises(KeyError):
        m.delete(HashKey(hash, "absent"))
    left = m
    for number, key in enumerate(keys, 1):
        left = left.delete(key)
        assert key not in left
        assert len(left) == size - number
        assert all(other in left for other in keys[number:])
        assert _core._dump(left) == expected_dump(left)
    assert list(m.items()) == list(reversed(list(reversed(m.items()))))


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_collision_among_other_keys(count):
    keys = [*colliding(4, 7), *[HashKey(7 + (index << 40)) for index in range(1, count)], *map(HashKey, range(count))]
    m = Map({key: index for index, key in enumerate(keys)})
    _core._check(m)
    for key in keys[:4]:
        m = m.delete(key)
        _core._check(m)
    assert set(m) == set(keys[4:])


def test_two_collisions_side_by_side():
    first, second = colliding(3, 0), colliding(3, 1 << 63 >> 1)
    m = Map(dict.fromkeys(first + second, 0))
    _core._check(m)
    assert _core._dump(m) == expected_dump(m)
    assert m.delete(first[0]).delete(first[1]) == dict.fromkeys([first[2], *second], 0)


def test_equality_and_hash_ignore_the_order_within_a_collision():
    keys = colliding(30)
    m, backwards = Map(dict.fromkeys(keys, 0)), Map(dict.fromkeys(reversed(keys), 0))
    assert m == backwards
    assert hash(m) == hash(backwards) == hash(frozenset(m.items()))
    assert m != backwards.set(keys[3], 1)
    assert m != backwards.delete(keys[3]).set(HashKey(5, "other"), 0)


def test_union_of_collisions():
    left, right = Map(dict.fromkeys(colliding(20), "left")), Map(dict.fromkeys(colliding(30)[10:], "right"))
    union = left | right
    _core._check(union)
    assert dict(union) == dict.fromkeys(colliding(10), "left") | dict.fromkeys(colliding(30)[10:], "right")
    assert left.merge(right, lambda old, new: (old, new))[HashKey(5, 15)] == ("left", "right")


def test_a_collision_against_a_single_key_of_its_hash():
    single, many = Map({HashKey(5, "single"): 1}), Map(dict.fromkeys(colliding(3), 0))
    for union in (single | many, many | single):
        _core._check(union)
        assert dict(union) == {HashKey(5, "single"): 1} | dict.fromkeys(colliding(3), 0)
    assert single != many
    part = Map({HashKey(5, 1): 1})
    assert (part | many)[HashKey(5, 1)] == 0
    assert (many | part)[HashKey(5, 1)] == 1


def test_a_lookup_compares_each_colliding_key_at_most_once():
    keys = [CountingKey(5, index) for index in range(40)]
    m = Map(dict.fromkeys(keys, 0))
    absent = HashKey(5, "absent")
    for lookup in (lambda: m.get(absent), lambda: m.set(absent, 1), lambda: m.discard(absent), lambda: absent in m):
        assert count_calls(keys, lookup) == (0, 40)
    assert count_calls(keys, lambda: HashKey(6, "absent") in m) == (0, 0)


def test_building_compares_each_pair_at_most_once():
    keys = [CountingKey(5, index) for index in range(40)]
    _, compared = count_calls(keys, lambda: Map((key, 0) for key in keys))
    assert 2 * (40 * 39 // 2) >= compared > 0, "each comparison counts on both sides"


@given(
    st.data(),
    st.integers(0, 100),
)
def test_histories_at_a_dialled_rate(data, rate):
    """`rate` percent of the keys collide with another one."""
    hashes = st.integers(0, 99).flatmap(lambda n: st.integers(0, 2) if n < rate else st.integers(-(2**63), 2**63 - 1))
    keys = st.builds(HashKey, hashes, st.integers(0, 4))
    m, model = Map(), {}
    for key in data.draw(st.lists(keys, max_size=60)):
        m = m.set(key, rate)
        model[key] = rate
    for key in data.draw(st.lists(keys, max_size=20)) + list(model)[::2]:
        m = m.discard(key)
        model.pop(key, None)
    _core._check(m)
    assert dict(m) == model
    assert m == Map(model)
    assert hash(m) == hash(frozenset(model.items()))
    assert _core._dump(m) == expected_dump(model)
