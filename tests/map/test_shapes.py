"""The tree itself: which nodes there are, canonical whatever the history, and shared between versions."""

from __future__ import annotations

import gc
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import BITS, BRANCHES, LEVELS, HashKey, colliding, expected_dump, hash_of

from frozen import Map, Set, _core


def make(*keys: HashKey) -> Map:
    return Map(dict.fromkeys(keys, 0))


def dump(*lines: str) -> str:
    return "\n".join(lines)


def assert_canonical(m: Map) -> None:
    _core._check(m)
    assert _core._dump(m) == expected_dump(m)


def count_nodes(m: Map) -> int:
    return len(_core._dump(m).splitlines())


def shared_nodes(a: Map, b: Map) -> int:
    shared, of_a, of_b = _core._shared_nodes(a, b)
    assert (of_a, of_b) == (count_nodes(a), count_nodes(b))
    return shared


# Single trees, drawn


def test_empty():
    assert _core._dump(Map()) == "node 0 0"
    _core._check(Map())


def test_keys_that_part_at_the_root_are_its_entries():
    assert _core._dump(make(*map(HashKey, range(BRANCHES)))) == f"node {BRANCHES} 0"


def test_keys_that_share_a_branch_move_one_level_down():
    m = make(HashKey(hash_of(1, 2)), HashKey(hash_of(1, 3)), HashKey(hash_of(2)))
    assert _core._dump(m) == dump("node 1 1", "  node 2 0")


def test_children_come_in_the_order_of_their_branches():
    m = make(*[HashKey(hash_of(7, index)) for index in range(2)], *[HashKey(hash_of(3, index)) for index in range(3)])
    assert _core._dump(m) == dump("node 0 2", "  node 3 0", "  node 2 0")


@pytest.mark.parametrize("depth", range(1, LEVELS))
def test_keys_that_part_at_the_given_level(depth):
    m = make(HashKey(hash_of(*[1] * depth)), HashKey(hash_of(*[1] * depth, 1)))
    assert _core._dump(m) == dump(*[f"{'  ' * level}node 0 1" for level in range(depth)], f"{'  ' * depth}node 2 0")


def test_keys_of_one_full_hash_lie_in_a_collision_node_below_the_last_level():
    m = make(*colliding(3))
    way = [f"{'  ' * level}node 0 1" for level in range(LEVELS)]
    assert _core._dump(m) == dump(*way, f"{'  ' * LEVELS}collision 3 0")


def test_a_key_that_parts_from_a_collision_lies_where_it_parts():
    level = LEVELS // 2
    m = make(*colliding(2, hash=0), HashKey(hash_of(*[0] * level, 1)))
    lines = _core._dump(m).splitlines()
    assert lines[level] == f"{'  ' * level}node 1 1"
    assert_canonical(m)


def test_the_top_level_may_use_fewer_bits():
    lowest, highest = HashKey(0), HashKey(-(1 << 63))
    m = make(lowest, highest)
    assert count_nodes(m) == LEVELS
    assert_canonical(m)
    assert m.delete(highest) == make(lowest)


# Deletion undoes insertion


@pytest.mark.parametrize("depth", range(1, LEVELS + 1))
def test_deleting_one_of_two_deep_keys_lifts_the_other_to_the_root(depth):
    one, other = (HashKey(hash_of(*[3] * depth)), HashKey(hash_of(*[3] * depth, 1)))
    if depth == LEVELS:
        one, other = colliding(2)
    both = make(one, other)
    assert _core._dump(both.delete(other)) == "node 1 0"
    assert list(both.delete(other)) == [one]
    mm = both.mutate()
    del mm[one]
    assert _core._dump(mm.finish()) == "node 1 0"


def test_an_entry_is_lifted_only_as_far_as_it_is_alone():
    keys = [HashKey(hash_of(1, 2)), HashKey(hash_of(1, 3, 4)), HashKey(hash_of(1, 3, 5))]
    m = make(*keys)
    assert _core._dump(m) == dump("node 0 1", "  node 1 1", "    node 2 0")
    assert _core._dump(m.delete(keys[2])) == dump("node 0 1", "  node 2 0")
    assert _core._dump(m.delete(keys[0])) == dump("node 0 1", "  node 0 1", "    node 2 0")
    assert _core._dump(m.delete(keys[0]).delete(keys[1])) == "node 1 0"


def test_deleting_all_but_one_leaves_a_single_node():
    keys = [HashKey(random.Random(index).getrandbits(63)) for index in range(500)]
    m = make(*keys)
    for key in keys[1:]:
        m = m.delete(key)
    assert _core._dump(m) == "node 1 0"
    assert _core._dump(m.delete(keys[0])) == "node 0 0"


# Canonical: the same keys, the same tree

digits = st.integers(0, BRANCHES - 1) | st.sampled_from([0, 1])
hashes = st.lists(digits, min_size=1, max_size=LEVELS).map(lambda path: hash_of(*path))
key_lists = st.lists(st.builds(HashKey, hashes, st.sampled_from("ab")), min_size=1, max_size=24, unique=True)


@given(key_lists, st.randoms(use_true_random=False))
def test_the_shape_depends_on_the_keys_alone(keys, rng):
    half = keys[: len(keys) // 2]
    others = [HashKey(rng.choice(keys).hash, index) for index in range(20)]
    shuffled = rng.sample(keys, len(keys))
    one_by_one = Map()
    for key in shuffled:
        one_by_one = one_by_one.set(key, 0)
    deleted = Map(dict.fromkeys(others, 0)).update(dict.fromkeys(shuffled, 0))
    for key in rng.sample(others, len(others)):
        deleted = deleted.delete(key)
    with Map(dict.fromkeys([*others, *half], 0)).mutate() as mm:
        for key in others:
            del mm[key]
        for key in shuffled:
            mm[key] = 0
    bulk = make(*keys)
    routes = [bulk, one_by_one, deleted, mm.finish(), make(*half) | bulk, bulk.merge(make(*half), max)]
    for m in routes:
        assert_canonical(m)
        assert m == routes[0]


def test_order_of_iteration_is_canonical_too():
    keys = [HashKey(index * 0x9E3779B97F4A7C15 % (1 << 62)) for index in range(500)]
    m = make(*keys)
    backwards = make(*reversed(keys))
    assert [id(key) for key in m] == [id(key) for key in backwards]


# Sharing


@pytest.fixture(scope="module")
def large() -> Map:
    m = Map({HashKey(index * 0x9E3779B97F4A7C15 % (1 << 62)): index for index in range(5000)})
    assert_canonical(m)
    return m


def path_length(m: Map) -> int:
    """The most nodes on a way from the root."""
    return max(line.count("  ") for line in _core._dump(m).splitlines()) + 1


def test_a_map_shares_all_with_itself_and_nothing_with_a_rebuilt_one(large):
    assert shared_nodes(large, large) == count_nodes(large)
    assert shared_nodes(large, Map(dict(large))) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda m, key: m.set(key, "changed"),
        lambda m, key: m.delete(key),
        lambda m, key: m.set(HashKey(key.hash, "another"), 0),
        lambda m, key: m | {key: "changed"},
        lambda m, key: m | Map({key: "changed"}),
        lambda m, key: m.update([(key, "changed")]),
        lambda m, key: m.merge({key: 1}, lambda old, new: "changed"),
    ],
    ids=["set", "delete", "collide", "| dict", "| Map", "update", "merge"],
)
def test_one_change_copies_one_path(large, change):
    for key in list(large)[::500]:
        changed = change(large, key)
        assert_canonical(changed)
        assert shared_nodes(large, changed) >= count_nodes(large) - path_length(large)


def test_a_mutation_copies_each_node_once(large):
    keys = list(large)[:3]
    mm = large.mutate()
    for round in range(100):
        for key in keys:
            mm[key] = round
    changed = mm.finish()
    assert shared_nodes(large, changed) >= count_nodes(large) - 3 * path_length(large)


def test_the_union_of_versions_shares_what_they_share(large):
    keys = list(large)
    left, right = large.set(keys[0], "left"), large.set(keys[-1], "right")
    union = left | right
    assert shared_nodes(union, large) >= count_nodes(large) - 2 * path_length(large)
    assert shared_nodes(left, left | large.set(keys[0], "left")) > 0


# Sizes around every boundary


@pytest.mark.parametrize("size", sorted({0, 1, 2, BRANCHES - 1, BRANCHES, BRANCHES + 1, BRANCHES**2, BRANCHES**2 + 1}))
def test_dense_trees(size):
    m = make(*map(HashKey, range(size)))
    assert_canonical(m)
    assert len(m) == size
    grown = Map()
    for key in m:
        grown = grown.set(key, 0)
    assert _core._dump(grown) == _core._dump(m)
    shrunk = m
    for index, key in enumerate(m):
        shrunk = shrunk.delete(key)
        if index % 97 == 0:
            assert_canonical(shrunk)
    assert shrunk == Map()


def test_bits_are_the_ones_the_trie_uses():
    """The helpers of these tests would silently build other trees if they disagreed with the core."""
    assert _core._dump(make(HashKey(0), HashKey(BRANCHES - 1))) == "node 2 0"
    assert _core._dump(make(HashKey(0), HashKey(BRANCHES))) == dump("node 0 1", "  node 2 0")
    assert 1 <= BITS <= 5


# Which keys are hashed again, and which hashes are kept

BIG = 1 << 100_000


@pytest.mark.parametrize("kind", [Map.fromkeys, Set])
@pytest.mark.parametrize("key", [BIG, -BIG, (BIG, 1), tuple(range(1000))], ids=["int", "negative", "pair", "long"])
def test_what_is_long_to_hash_is_kept_with_its_whole_hash(kind, key):
    """Nodes with whole hashes are those that the collector tracks."""
    assert gc.is_tracked(kind([key]))
    assert gc.is_tracked(kind([*range(100), key]))
    assert not gc.is_tracked(kind([1 << 500, -1, "a" * 1000, b"b" * 1000, (1 << 500, "a"), 1.5, None]))


def test_a_long_tuple_is_not_looked_through_each_time():
    assert gc.is_tracked(Map(a=tuple(range(1000))))
    assert not gc.is_tracked(Map(a=tuple(range(10))))
