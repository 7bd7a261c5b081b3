"""Histories: random operations on a bundle of versions, each kept beside a dict that says what it must hold.

All versions ever made are checked again at the end, so that an operation that damages an older version is found even
if nobody looked at it meanwhile. The keys are HashKeys over few hashes, from the root's branches down to full
collisions; the strategy decides how many collide. A failing run prints the steps as a program that reproduces it: see
the last test.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from keys import HashKey, expected_dump, hash_of

from frozen import Map, _core

COLLIDING = [0, 1, hash_of(1, 1), hash_of(1, 1, 1), hash_of(0, 0, 0, 0, 1), 1 + (1 << 32), -2, 1 - (1 << 63)]
"""Hashes that share branches down to different levels; each is used by several keys, so that these collide fully."""

keys = st.one_of(
    st.builds(HashKey, st.sampled_from(COLLIDING), st.sampled_from("abcd")),
    st.builds(HashKey, st.integers(0, 300)),
)
atoms = st.integers(0, 3)
values = st.one_of(atoms, st.builds(list))
contents = st.dictionaries(keys, values, max_size=40)
numbers = st.integers(0, 40)


def pick(model: dict, number: int) -> HashKey:
    """One of the keys."""
    return list(model)[number % len(model)]


class Version:
    """A map, and the dict that it must equal for ever."""

    def __init__(self, m: Map, model: dict) -> None:
        self.map = m
        self.model = dict(model)
        self.check()

    def check(self) -> None:
        m, model = self.map, self.model
        _core._check(m)
        assert len(m) == len(model)
        assert dict(m) == model
        for key, value in model.items():
            assert m[key] is value or m[key] == value
        assert _core._dump(m) == expected_dump(model)

    def __repr__(self) -> str:
        return f"Version({self.map!r})"


class MapHistory(RuleBasedStateMachine):
    versions = Bundle("versions")
    mutations = Bundle("mutations")

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Version] = []

    def made(self, m: Map, model: dict) -> Version:
        version = Version(m, model)
        self.all.append(version)
        return version

    # Construction

    @initialize(target=versions)
    def empty(self):
        return self.made(Map(), {})

    @rule(target=versions, source=contents)
    def from_dict(self, source):
        return self.made(Map(source), source)

    @rule(target=versions, pairs=st.lists(st.tuples(keys, values), max_size=30))
    def from_pairs(self, pairs):
        return self.made(Map(iter(pairs)), dict(pairs))

    @rule(target=versions, names=st.lists(keys, max_size=30), value=values)
    def from_keys(self, names, value):
        return self.made(Map.fromkeys(names, value), dict.fromkeys(names, value))

    # One key

    @rule(target=versions, version=versions, key=keys, value=values)
    def set(self, version, key, value):
        return self.made(version.map.set(key, value), version.model | {key: value})

    @rule(target=versions, version=versions, number=numbers, value=values)
    def set_existing(self, version, number, value):
        if not version.model:
            return multiple()
        key = pick(version.model, number)
        return self.made(version.map.set(HashKey(key.hash, key.name), value), version.model | {key: value})

    @rule(target=versions, version=versions, key=keys)
    def discard(self, version, key):
        return self.made(version.map.discard(key), {k: v for k, v in version.model.items() if k != key})

    @rule(target=versions, version=versions, number=numbers)
    def delete_existing(self, version, number):
        if not version.model:
            return multiple()
        key = pick(version.model, number)
        return self.made(version.map.delete(key), {k: v for k, v in version.model.items() if k != key})

    @rule(version=versions, key=keys)
    def look_up(self, version, key):
        if key in version.model:
            assert version.map[key] is version.map.get(key, "absent")
            assert key in version.map
        else:
            with pytest.raises(KeyError):
                version.map[key]
            with pytest.raises(KeyError):
                version.map.delete(key)
            assert version.map.get(key, "absent") == "absent"
            assert version.map.discard(key) is version.map

    # Many keys

    @rule(target=versions, version=versions, other=contents, way=st.sampled_from(["dict", "pairs", "Map", "|"]))
    def update(self, version, other, way):
        m = version.map
        if way == "|":
            result = m | other
        else:
            result = m.update(other if way == "dict" else list(other.items()) if way == "pairs" else Map(other))
        return self.made(result, version.model | other)

    @rule(target=versions, left=versions, right=versions)
    def union(self, left, right):
        return self.made(left.map | right.map, left.model | right.model)

    @rule(target=versions, left=versions, right=versions)
    def dict_union(self, left, right):
        result = left.model | right.map
        assert type(result) is dict
        return self.made(Map(result), left.model | right.model)

    @rule(target=versions, left=versions, right=versions, way=st.sampled_from(["Map", "dict"]))
    def merge(self, left, right, way):
        calls = []

        def fn(old, new):
            calls.append((old, new))
            return len(calls) % 2

        result = left.map.merge(right.map if way == "Map" else right.model, fn)
        common = left.model.keys() & right.model.keys()
        assert len(calls) == len(common)
        return self.made(result, left.model | right.model | {key: result[key] for key in common})

    @rule(target=versions, left=versions, right=versions, operator=st.sampled_from("&|-^"))
    def set_operator(self, left, right, operator):
        operation = {
            "&": lambda a, b: a & b,
            "|": lambda a, b: a | b,
            "-": lambda a, b: a - b,
            "^": lambda a, b: a ^ b,
        }[operator]
        result = operation(left.map.keys(), right.map.keys())
        assert result == operation(left.model.keys(), right.model.keys())
        return self.made(Map.fromkeys(result, 0), dict.fromkeys(result, 0))

    # Comparing

    @rule(left=versions, right=versions)
    def compare(self, left, right):
        equal = left.model == right.model
        assert (left.map == right.map) is equal
        assert (left.map == right.model) is equal
        assert (left.model != right.map) is not equal
        assert (left.map.items() == right.map.items()) is equal
        assert (left.map.keys() <= right.map.keys()) is (left.model.keys() <= right.model.keys())
        assert left.map.keys().isdisjoint(right.map) is left.model.keys().isdisjoint(right.model)

    @rule(version=versions)
    def hash(self, version):
        try:
            expected = hash(frozenset(version.model.items()))
        except TypeError:
            with pytest.raises(TypeError, match="unhashable"):
                hash(version.map)
        else:
            assert hash(version.map) == expected

    @rule(target=versions, version=versions)
    def rebuild(self, version):
        rebuilt = self.made(Map(reversed(version.map.items())), version.model)
        assert rebuilt.map == version.map
        return rebuilt

    @rule(version=versions)
    def iterate(self, version):
        m = version.map
        assert list(zip(m.keys(), m.values(), strict=True)) == list(m.items())
        assert list(reversed(m)) == list(m)[::-1]

    # Mutations

    @rule(target=mutations, version=versions)
    def mutate(self, version):
        return [version.map.mutate(), dict(version.model)]

    @rule(mutation=mutations, key=keys, value=values)
    def edit_set(self, mutation, key, value):
        mm, model = mutation
        mm[key] = model[key] = value

    @rule(mutation=mutations, key=keys)
    def edit_pop(self, mutation, key):
        mm, model = mutation
        assert (key in mm) is (key in model)
        assert mm.pop(key, "absent") == model.pop(key, "absent")

    @rule(mutation=mutations, number=numbers)
    def edit_delete(self, mutation, number):
        mm, model = mutation
        if model:
            key = pick(model, number)
            del mm[key], model[key]

    @rule(mutation=mutations, other=versions)
    def edit_update(self, mutation, other):
        mm, model = mutation
        mm.update(other.map)
        model.update(other.model)

    @rule(mutation=mutations, other=contents)
    def edit_update_from_dict(self, mutation, other):
        mm, model = mutation
        mm.update(other)
        model.update(other)

    @rule(mutation=mutations)
    def edit_look(self, mutation):
        mm, model = mutation
        assert len(mm) == len(model)
        assert all(mm[key] == value for key, value in model.items())

    @rule(target=versions, mutation=consumes(mutations))
    def finish(self, mutation):
        mm, model = mutation
        m = mm.finish()
        with pytest.raises(ValueError, match="finish"):
            mm.set(HashKey(0), 0)
        assert mm.finish() is m
        return self.made(m, model)

    # In the end

    @invariant()
    def the_latest_is_whole(self):
        if self.all:
            self.all[-1].check()

    def teardown(self):
        for version in self.all:
            version.check()


TestMapHistory = MapHistory.TestCase
TestMapHistory.settings = settings(stateful_step_count=30)


class DamagedHistory(MapHistory):
    """Says that every map is empty: something to find."""

    @rule(version=MapHistory.versions)
    def damage(self, version):
        assert not version.map


def test_a_failing_history_prints_a_program_that_reproduces_it():
    quick = settings(max_examples=200, stateful_step_count=10, phases=[Phase.generate], derandomize=True, database=None)
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(DamagedHistory, settings=quick)
    notes = "\n".join(caught.value.__notes__)
    start, end = notes.index("state = DamagedHistory()"), notes.index("state.teardown()")
    program = notes[start:end]
    with pytest.raises(AssertionError):
        exec(program, {"DamagedHistory": DamagedHistory, "HashKey": HashKey})
