"""Pickles of every protocol and across hash seeds; copy and deepcopy."""

from __future__ import annotations

import copy
import gc
import pickle
import pickletools

import pytest
from keys import HashKey, colliding, hash_of
from support import run_python

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector, _core

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

CONTENTS = {
    "empty": {},
    "one": {"a": 1},
    "nested": {"a": Map(b=Map(c=[1, 2, 3])), ("t", 1): None},
    "large": {index: str(index) for index in range(3000)},
    "collisions": dict.fromkeys(colliding(7), 0),
}
every_content = pytest.mark.parametrize("contents", CONTENTS.values(), ids=CONTENTS.keys())


class Sub(Map):
    pass


@every_protocol
@every_content
def test_round_trip(contents, protocol):
    m = Map(contents)
    clone = pickle.loads(pickle.dumps(m, protocol))
    assert type(clone) is Map
    assert clone == m
    assert dict(clone) == contents


@every_protocol
def test_a_subclass_stays_one(protocol):
    m = Sub(a=1)
    m.note = "kept"
    clone = pickle.loads(pickle.dumps(m, protocol))
    assert type(clone) is Sub
    assert clone == m
    assert clone.note == "kept"


@every_protocol
def test_identity_within_one_pickle_is_kept(protocol):
    m = Map(a=1)
    first, second = pickle.loads(pickle.dumps([m, m], protocol))
    assert first is second


@every_protocol
def test_a_cycle_through_a_list(protocol):
    inner = []
    inner.append(Map(back=inner))
    clone = pickle.loads(pickle.dumps(inner, protocol))
    assert clone[0]["back"] is clone


def test_the_hash_is_not_pickled():
    m = Map(a="x")
    before = pickle.dumps(m)
    hash(m)
    assert pickle.dumps(m) == before


def test_pickles_name_the_public_type():
    text = " ".join(str(argument) for _, argument, _ in pickletools.genops(pickle.dumps(Map(a=1), 2)))
    assert "frozen Map" in text
    assert "_core" not in text


def test_pickles_cross_hash_seeds():
    program = """
import pickle, sys
from frozen import Map
m = Map({f"key {index}": f"value {index}" for index in range(500)}).set(("a", 1), Map(b=2))
if sys.argv[1] == "dump":
    print(hash("key 1"), pickle.dumps(m).hex())
else:
    before, data = sys.stdin.read().split()
    clone = pickle.loads(bytes.fromhex(data))
    assert hash("key 1") != int(before), "the seeds must differ for this test to mean anything"
    assert clone == m and clone["key 77"] == "value 77" and hash(clone) == hash(m)
"""
    written = run_python("-c", program, "dump", env={"PYTHONHASHSEED": "1"}).stdout
    run_python("-c", program, "load", env={"PYTHONHASHSEED": "2"}, input=written)


def test_a_broken_pickle_is_an_error_and_no_crash():
    data = pickle.dumps(Map(a=1, b=2))
    for end in range(len(data)):
        with pytest.raises((pickle.UnpicklingError, EOFError, TypeError, ValueError, AttributeError)):
            pickle.loads(data[:end])


# copy


def test_copies_are_the_map_itself():
    m = Map(a=[1])
    assert m.copy() is m
    assert copy.copy(m) is m
    sub = Sub(a=[1])
    assert copy.copy(sub) is sub or type(copy.copy(sub)) is Sub


def test_deepcopy_of_atoms_is_the_map_itself():
    for m in (Map(), Map(a=1), Map({(1, "a"): None}), Map(a=Map(b=Map(c=1)))):
        assert copy.deepcopy(m) is m


def test_deepcopy_copies_what_can_change():
    value = [1]
    m = Map(a=value, b=Map(c=value), d=2)
    clone = copy.deepcopy(m)
    assert clone == m
    assert clone["a"] is not value
    assert clone["b"]["c"] is clone["a"]
    value.append(2)
    assert clone["a"] == [1]


def test_deepcopy_copies_keys():
    key = HashKey(1, [1])
    clone = copy.deepcopy(Map({key: 0}))
    (copied,) = clone
    assert copied is not key
    assert copied == key
    assert clone[copied] == 0


def test_deepcopy_uses_the_memo():
    m = Map(a=[1])
    first, second = copy.deepcopy([m, m])
    assert first is second
    assert first is not m


def test_deepcopy_of_a_cycle():
    inner = []
    m = Map(a=inner)
    inner.append(m)
    clone = copy.deepcopy(m)
    assert clone is not m
    assert clone["a"][0] is clone
    outer = copy.deepcopy(inner)
    assert outer[0]["a"] is outer


def test_an_error_of_deepcopy_surfaces():
    class Uncopyable:
        def __deepcopy__(self, memo):
            raise ZeroDivisionError

    m = Map({index: index for index in range(50)}).set("bad", Uncopyable())
    with pytest.raises(ZeroDivisionError):
        copy.deepcopy(m)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_two_versions_of_a_large_map_cost_one(protocol):
    m = Map({f"key {index}": index for index in range(20_000)})
    n = m.set("key 5", "another").delete("key 77").set("new", [m["key 1"]])
    one, both = (len(pickle.dumps(what, protocol)) for what in (m, (m, n)))
    assert both < one * 1.1
    first, second = pickle.loads(pickle.dumps((m, n), protocol))
    for again, original in ((first, m), (second, n)):
        _core._check(again)
        assert again == original


def test_a_large_map_with_entries_next_to_its_root_comes_back():
    lone = {HashKey(31): "alone", HashKey(hash_of(1, 31)): "alone one level below"}
    m = Map({HashKey(hash_of(index % 2, 0, index)): index for index in range(5000)}).update(lone)
    again = pickle.loads(pickle.dumps(m))
    _core._check(again)
    assert {(key.hash, value) for key, value in again.items()} == {(key.hash, value) for key, value in m.items()}


@pytest.mark.parametrize("arguments", [({}, ()), ([], []), (None, None)])
def test_a_pickle_joins_dicts_of_a_list_only(arguments):
    with pytest.raises(TypeError, match="takes a type, a dict and a list of dicts"):
        _core._join(Map, *arguments)


def test_what_a_pickle_joins_may_change_while_it_is_read():
    """A list of mappings one of which throws the others, and itself, away."""
    subtrees: list[object] = []

    class Thrower:
        def __init__(self, entries):
            self.entries = entries

        def keys(self):
            subtrees.clear()
            gc.collect()
            return self.entries

        def __getitem__(self, key):
            return self.entries[key]

    subtrees += [Thrower({"a": 1}), Thrower({"b": 2})]
    assert _core._join(Map, {"c": 3}, subtrees) == {"a": 1, "b": 2, "c": 3}
    assert subtrees == []


@pytest.mark.parametrize("container", [Map(a=1), Map(), Set([1]), Vector([1]), SharedMap(a=1)], ids=repr)
def test_a_memo_is_a_dict(container):
    with pytest.raises(TypeError, match=r"takes the memo of copy.deepcopy\(\), a dict, not None"):
        container.__deepcopy__(None)
    assert container.__deepcopy__({}) == container


# What subclasses hold beside their contents, as for a subclass of frozenset


class MapWithSlots(Map):
    __slots__ = ("__dict__", "extra")


class SetWithSlots(Set):
    __slots__ = ("__dict__", "extra")


class VectorWithSlots(Vector):
    __slots__ = ("__dict__", "extra")


class MapWithState(Map):
    def __getstate__(self):
        return ["state", self.extra]

    def __setstate__(self, state):
        assert state[0] == "state"
        self.extra = state[1]


class SetWithState(Set):
    __getstate__, __setstate__ = MapWithState.__getstate__, MapWithState.__setstate__


class VectorWithState(Vector):
    __getstate__, __setstate__ = MapWithState.__getstate__, MapWithState.__setstate__


def with_pickle(instance):
    return pickle.loads(pickle.dumps(instance))


every_way = pytest.mark.parametrize("copied", [with_pickle, copy.deepcopy])


@every_way
@pytest.mark.parametrize(
    ("kind", "contents"),
    [(MapWithSlots, {"a": 1}), (MapWithSlots, dict.fromkeys(range(5000))), (SetWithSlots, [1]), (VectorWithSlots, [1])],
)
def test_copies_of_an_instance_of_a_subclass_have_its_attributes_and_slots(kind, contents, copied):
    instance = kind(contents)
    instance.extra, instance.attribute, instance.itself = ["slot"], {"dict": 1}, instance
    clone = copied(instance)
    assert type(clone) is kind
    assert clone == instance
    assert (clone.extra, clone.attribute, clone.itself) == (["slot"], {"dict": 1}, clone)
    assert clone.extra is not instance.extra


@every_way
@pytest.mark.parametrize(("kind", "contents"), [(MapWithState, {"a": 1}), (SetWithState, [1]), (VectorWithState, [1])])
def test_copies_of_an_instance_of_a_subclass_go_by_its_own_state(kind, contents, copied):
    instance = kind(contents)
    instance.extra = [1]
    instance.attribute = "not in the state"
    clone = copied(instance)
    assert (clone, clone.extra) == (instance, [1])
    assert not hasattr(clone, "attribute")


def test_an_error_of_getstate_surfaces():
    class Stateless(Map):
        def __getstate__(self):
            raise LookupError("no state")

    for way in (with_pickle, copy.deepcopy):
        with pytest.raises(LookupError, match="no state"):
            way(Stateless(a=1))


class Leaf:
    """Its own deep copy; counts how often it is asked for one."""

    asked = 0

    def __deepcopy__(self, memo):
        Leaf.asked += 1
        return self


PAIRS = {
    "Map": lambda part: Map(left=part, right=part),
    "subclass": lambda part: Sub(left=part, right=part),
    "Vector": lambda part: Vector([part, part]),
    "Set": lambda part: Set([(1, part), (2, part)]),
    "map as a key": lambda part: Map({Map({part: 1}): 1, Map({part: 2}): 2}),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_deepcopy_looks_once_into_what_is_shared(pair):
    data = Map({Leaf(): 1})
    for _ in range(12):
        data = pair(data)
    Leaf.asked = 0
    assert copy.deepcopy(data) is data
    assert Leaf.asked == 1


def test_a_shared_container_is_its_own_deep_copy():
    inner = SharedMap(a=1)
    outer = SharedVector([inner, inner])
    for shared in (inner, outer, SharedSet([inner])):
        assert copy.deepcopy(shared) is shared
