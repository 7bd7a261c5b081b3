"""== and hash: by contents, in whatever order they came, and calling keys as seldom as dict does."""

from __future__ import annotations

import collections
import collections.abc
import random
import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import CountingKey, HashKey, colliding, count_calls, signed

from frozen import Map, SharedMap


def test_equality_ignores_order_and_history():
    keys = list(range(500))
    m = Map.fromkeys(keys, 0)
    random.Random(1).shuffle(keys)
    other = Map()
    for key in keys:
        other = other.set(key + 1000, 1).set(key, 0)
    for key in keys:
        other = other.delete(key + 1000)
    assert m == other
    assert hash(m) == hash(other)


@pytest.mark.parametrize(
    "other",
    [{"a": 1, "b": 2}, collections.OrderedDict(b=2, a=1), collections.defaultdict(int, a=1, b=2), Map(b=2, a=1)],
    ids=lambda other: type(other).__name__,
)
def test_equal_to_dicts_on_either_side(other):
    m = Map(a=1, b=2)
    assert m == other
    assert other == m
    assert not (m != other)  # noqa: SIM202
    assert m.set("b", 3) != other
    assert other != m.set("b", 3)
    assert m.delete("a") != other
    assert m.delete("a").set("c", 1) != other
    assert m.set("c", 3) != other


def test_equal_to_other_mappings():
    m = Map(a=1)
    assert m == types.MappingProxyType({"a": 1})
    assert types.MappingProxyType({"a": 1}) == m


@pytest.mark.skipif(sys.version_info < (3, 15), reason="the builtin frozendict is 3.15's")
def test_equal_to_frozendict_and_hashed_like_one():
    m = Map(a=1, b=2)
    other = frozendict(b=2, a=1)  # noqa: F821
    assert m == other
    assert other == m
    assert hash(m) == hash(other)
    assert {m: 0}[other] == 0


def test_equal_to_a_subclass():
    class Sub(Map):
        pass

    assert Sub(a=1) == Map(a=1)
    assert Map(a=1) == Sub(a=1)
    assert hash(Sub(a=1)) == hash(Map(a=1))


@pytest.mark.parametrize("other", [None, 1, "a", ["a"], {"a"}, ("a", 1), [("a", 1)], {("a", 1)}, object()], ids=repr)
def test_never_equal_to_anything_else(other):
    assert Map(a=1) != other
    assert other != Map(a=1)
    assert Map() != other
    assert Map().__eq__(other) is NotImplemented


def test_the_other_side_is_asked():
    class Everything:
        def __eq__(self, other):
            return True

    assert Map() == Everything()
    assert Map(a=Everything()) == Map(a=1)


def test_identity_comes_before_equality():
    nan = float("nan")
    assert Map(a=nan) == Map(a=nan)
    assert Map({nan: 1}) == Map({nan: 1})
    assert Map(a=nan) == {"a": nan}
    assert Map(a=nan) != Map(a=float("nan"))


def test_errors_of_values_surface():
    class Grumpy:
        __hash__ = None

        def __eq__(self, other):
            raise ZeroDivisionError

    for other in (Map(a=Grumpy()), {"a": Grumpy()}):
        with pytest.raises(ZeroDivisionError):
            Map(a=Grumpy()) == other  # noqa: B015


def test_a_truth_value_that_raises_surfaces():
    class Vague:
        def __bool__(self):
            raise ZeroDivisionError

    class Value:
        def __eq__(self, other):
            return Vague()

    with pytest.raises(ZeroDivisionError):
        Map(a=Value()) == Map(a=Value())  # noqa: B015


def test_equality_of_versions_that_share_structure():
    m = Map.fromkeys(range(2000), 0)
    changed = m.set(1234, 1)
    assert m != changed
    assert m == changed.set(1234, 0)
    assert m == m.set(-5, 0).delete(-5)


# hash(m) == hash(frozenset(m.items()))


@pytest.mark.parametrize(
    "contents",
    [
        {},
        {"a": 1},
        {"a": "a"},
        {"a": 1, "b": 2},
        {None: None, -1: -1, -2: -2, 0: 0},
        {1.5: (1, 2), "nested": Map(a=Map())},
        dict.fromkeys(range(1000)),
        {str(index): index for index in range(3000)},
        dict.fromkeys(colliding(9), 3),
        {key: key for key in colliding(9, hash=-2)},
    ],
    ids=len,
)
def test_hash_is_that_of_the_frozenset_of_items(contents):
    m = Map(contents)
    assert hash(m) == hash(frozenset(contents.items()))
    assert hash(m) == hash(m), "cached"


@given(st.dictionaries(st.integers() | st.text(max_size=3), st.integers(-3, 3) | st.booleans(), max_size=50), st.data())
def test_hash_after_every_kind_of_change(contents, data):
    m = Map(contents)
    hash(m)
    key = data.draw(st.sampled_from([*contents, "new"]))
    mutation = m.mutate()
    mutation.update({key: 8, "other": 9})
    mutation.discard(0)
    changed = [
        m.set(key, 7),
        m.discard(key),
        m | {key: 5, "other": 6},
        m.merge({key: 5}, lambda old, new: (old, new)),
        mutation.finish(),
        m.set(key, 7).discard(key),
    ]
    for version in [*changed, m]:
        assert hash(version) == hash(frozenset(version.items()))


def test_hash_of_partly_hashed_trees():
    m = Map.fromkeys(range(1000), "x")
    hash(m)
    mm = m.mutate()
    for index in range(0, 2000, 3):
        mm[index] = index
    for index in range(0, 1000, 7):
        mm.discard(index)
    changed = mm.finish()
    assert hash(changed) == hash(frozenset(changed.items()))
    union = m | changed
    assert hash(union) == hash(frozenset(union.items()))
    assert hash(m) == hash(frozenset(m.items()))


def test_unhashable_values_fail_in_hash_only():
    m = Map(a=[1])
    assert m == {"a": [1]}
    for _ in range(2):
        with pytest.raises(TypeError, match="unhashable"):
            hash(m)
    assert m.set("b", 2)["a"] == [1]
    assert hash(m.set("a", 1)) == hash(Map(a=1))


def test_an_error_of_hash_surfaces_and_is_not_remembered():
    class Moody:
        angry = True

        def __hash__(self):
            if self.angry:
                raise ZeroDivisionError
            return 17

    moody = Moody()
    m = Map.fromkeys(range(100), 0).set("moody", moody)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            hash(m)
    moody.angry = False
    assert hash(m) == hash(frozenset(m.items()))


def test_maps_as_keys_and_members():
    m = Map(a=1)
    assert {m: "found"}[Map(a=1)] == "found"
    assert len({m, Map(a=1), Map(a=2)}) == 2
    assert Map({m: 1})[Map(a=1)] == 1


def test_hashing_after_one_set_costs_the_changed_path():
    class Value:
        calls = 0

        def __hash__(self):
            Value.calls += 1
            return 1

    m = Map({index: Value() for index in range(5000)})
    hash(m)
    assert Value.calls == 5000
    Value.calls = 0
    changed = m.set(77, Value())
    expected = hash(changed)
    assert Value.calls < 200, "only the nodes on the path to the changed entry may be hashed again"
    assert expected == hash(frozenset(changed.items()))


# How often keys are called


def test_keys_are_compared_only_when_their_full_hashes_are_equal():
    keys = [CountingKey(1 + (high << 32)) for high in range(20)]
    keys += [CountingKey(signed(1 + (1 << 63))), CountingKey(1 + (1 << 5))]

    def work():
        m = Map(dict.fromkeys(keys[:-4], 0))
        for key in keys:
            m = m.set(key, 1)
        assert all(m[key] == 1 for key in keys)
        for key in keys[::2]:
            m = m.delete(key)
            assert key not in m
        mm = m.mutate()
        for key in keys:
            mm[key] = 2
        for key in keys[1::2]:
            del mm[key]
        m = mm.finish() | Map(dict.fromkeys(keys, 5))
        assert m == Map(dict.fromkeys(keys, 5))
        hash(m)

    assert count_calls(keys, work)[1] == 0


def test_a_stored_key_is_never_hashed_again():
    stored = [CountingKey(index % 50 + ((index % 7) << 32), index) for index in range(300)]
    m = Map(dict.fromkeys(stored, 0))
    assert all(key.hashed <= 2 for key in stored), "once for the dict, at most once for the map"
    other = Map({HashKey(key.hash, key.name): 1 for key in stored[::3]})
    fresh = [HashKey(key.hash, key.name) for key in stored]

    def work():
        changed = m
        for key in fresh:
            assert changed[key] == 0
            changed = changed.set(HashKey(key.hash, "another"), 1)
        for key in fresh:
            changed = changed.delete(key)
        with m.mutate() as mm:
            for key in fresh:
                mm.pop(key)
        assert mm.finish() == Map()
        assert m | other == m.update(other)
        assert m.merge(other, max) != m
        assert m != changed
        assert Map(m) is m
        assert m.update(Map(x=1)) == Map(x=1) | m
        hash(m)
        hash(changed)

    hashed, _ = count_calls(stored, work)
    assert hashed == 0


def test_a_lookup_hashes_the_key_once_and_compares_at_most_the_collisions():
    stored = [CountingKey(index) for index in range(1000)]
    m = Map(dict.fromkeys(stored, 0))
    probe = CountingKey(500)
    assert count_calls([probe], lambda: m[probe]) == (1, 1)
    assert count_calls([probe], lambda: probe in m) == (1, 1)
    assert count_calls([probe], lambda: m.get(probe)) == (1, 1)
    assert count_calls([probe], lambda: m.set(probe, 1)) == (1, 1)
    assert count_calls([probe], lambda: m.delete(probe)) == (1, 1)
    assert count_calls([probe], lambda: m.discard(probe)) == (1, 1)
    absent = CountingKey(1000)
    for lookup in (lambda: m.get(absent), lambda: absent in m, lambda: m.set(absent, 1), lambda: m.discard(absent)):
        assert count_calls([absent], lookup) == (1, 0)


def test_the_same_object_is_not_compared():
    key = CountingKey(5)
    m = Map({key: 1})
    assert count_calls([key], lambda: m[key]) == (1, 0)
    assert count_calls([key], lambda: m.set(key, 2)) == (1, 0)


class Registered:
    """A mapping by registration only, equal to its own kind only, as immutables.Map and rpds.HashTrieMap are."""

    def __init__(self, entries):
        self.entries = dict(entries)

    def __getitem__(self, key):
        return self.entries[key]

    def __iter__(self):
        return iter(self.entries)

    def __len__(self):
        return len(self.entries)

    def keys(self):
        return self.entries.keys()

    def items(self):
        return self.entries.items()

    def __eq__(self, other):
        return self.entries == other.entries if isinstance(other, Registered) else NotImplemented

    __hash__ = None


collections.abc.Mapping.register(Registered)

MAPPINGS = [Registered, collections.UserDict, collections.ChainMap, types.MappingProxyType, Map, SharedMap]
every_mapping = pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda kind: kind.__name__)
each_family = pytest.mark.parametrize("kind", [Map, SharedMap])


@each_family
@every_mapping
def test_equal_to_any_mapping_of_the_same_entries_on_either_side(mapping, kind):
    m = kind({"a": 1, "b": 2})
    different = [{"a": 1}, {"a": 1, "b": 3}, {"a": 1, "c": 2}]
    for entries, equal in [({"b": 2, "a": 1.0}, True), *((entries, False) for entries in different)]:
        other = mapping(entries)
        assert (m == other, other == m, m != other, other != m) == (equal, equal, not equal, not equal)


@each_family
def test_an_error_of_the_other_mapping_surfaces(kind):
    class Failing(Registered):
        def keys(self):
            raise LookupError("no keys")

    with pytest.raises(LookupError, match="no keys"):
        kind(a=1) == Failing({"a": 1})  # noqa: B015


@each_family
@pytest.mark.parametrize("other", [None, 1, "a", [("a", 1)], (("a", 1),), {"a"}, object()], ids=repr)
def test_not_equal_to_what_is_no_mapping(kind, other):
    assert kind(a=1) != other
    assert not (kind(a=1) == other)  # noqa: SIM201
