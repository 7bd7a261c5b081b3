"""The collector sees a map only if a cycle can run through it, and then frees the cycle and nothing else."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest
from keys import HashKey
from support import FREE_THREADED

from frozen import AtomicRef, Map, _core, get_in, share, transaction


class Node:
    """Something that can be part of a cycle and whose end can be watched."""


class KeyNode(Node):
    def __hash__(self):
        return 42


def full_collection() -> None:
    for _ in range(3):
        gc.collect()


def assert_collected(make_cycle) -> None:
    """`make_cycle()` returns an object that only cycles keep alive."""
    gc.disable()
    try:
        reference = weakref.ref(make_cycle())
        full_collection()
        assert reference() is None
    finally:
        gc.enable()


# What is tracked

ATOMS = [1, 2**100, "text", b"bytes", 1.5, 1j, True, None]


@pytest.mark.parametrize("size", [0, 1, 10, 1000])
def test_a_map_of_atoms_is_not_tracked(size):
    m = Map({index: ATOMS[index % len(ATOMS)] for index in range(size)})
    assert not gc.is_tracked(m)
    assert not gc.is_tracked(m.set("key", "value"))
    assert not gc.is_tracked(m.set("key", "value").delete("key"))
    assert not gc.is_tracked(m | {"a": 1} | Map(b=2))
    assert not gc.is_tracked(m.merge({0: 1}, lambda old, new: new))
    mm = m.mutate()
    mm.update(a=1, b=2)
    assert not gc.is_tracked(mm.finish())


@pytest.mark.parametrize("value", [*ATOMS, ..., (), (1, "a", None), Map(), Map(a=1), Map(a=Map(b=(1, 2)))], ids=repr)
def test_values_that_keep_a_map_untracked(value):
    assert not gc.is_tracked(Map(a=value))
    assert not gc.is_tracked(Map.fromkeys(range(100), value))


@pytest.mark.parametrize("key", [*ATOMS, (), (1, "a", None)], ids=repr)
def test_keys_that_keep_a_map_untracked(key):
    assert not gc.is_tracked(Map({key: 1}))
    assert not gc.is_tracked(Map.fromkeys(range(100)).set(key, 1))


@pytest.mark.parametrize(
    "value", [[], {}, Node(), ([],), (1, (2, [])), Map(a=[]), lambda: None], ids=lambda value: type(value).__name__
)
def test_what_can_be_part_of_a_cycle_makes_a_map_tracked(value):
    atoms = Map.fromkeys(range(1000), 0)
    assert gc.is_tracked(Map(a=value))
    assert gc.is_tracked(atoms.set("a", value))
    assert gc.is_tracked(atoms | {"a": value})
    assert gc.is_tracked(atoms.update([("a", value)]))
    assert gc.is_tracked(atoms.merge({5: 1}, lambda old, new: value))
    mm = atoms.mutate()
    mm["a"] = value
    assert gc.is_tracked(mm.finish())
    assert not gc.is_tracked(atoms)


def test_keys_that_can_be_part_of_a_cycle_make_a_map_tracked():
    assert gc.is_tracked(Map({KeyNode(): 1}))
    assert gc.is_tracked(Map.fromkeys(range(1000), 0).set(KeyNode(), 1))


def test_a_large_map_of_atoms_adds_nothing_to_the_collector():
    full_collection()
    before = len(gc.get_objects())
    m = Map({index: str(index) for index in range(20_000)})
    assert len(gc.get_objects()) - before < 50
    assert len(m) == 20_000


# Cycles


def test_through_a_value():
    def cycle():
        node = Node()
        node.map = Map(a=node)
        return node

    assert_collected(cycle)


def test_through_a_key():
    def cycle():
        node = KeyNode()
        node.map = Map({node: 1})
        return node

    assert_collected(cycle)


def test_through_nested_maps():
    def cycle():
        node = Node()
        node.map = Map(a=Map(b=Map(c=(1, Map(d=node)))))
        return node

    assert_collected(cycle)


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_through_a_map_of_many_atoms(size):
    def cycle():
        node = Node()
        node.map = Map({index: str(index) for index in range(size)}).set("node", node)
        return node

    assert_collected(cycle)


def test_through_a_collision():
    def cycle():
        node = Node()
        node.map = Map({HashKey(5, index): node for index in range(5)})
        return node

    assert_collected(cycle)


@pytest.mark.parametrize("size", [0, 10, 5000])
@pytest.mark.parametrize("finish", [True, False], ids=["finished", "open"])
def test_through_a_value_that_arrives_in_a_mutation(size, finish):
    """The path to it was made of nodes that the collector does not see."""

    def cycle():
        node = Node()
        mm = Map({index: str(index) for index in range(size)}).mutate()
        mm["first"] = 1
        mm["node"] = node
        mm["last"] = 2
        node.holder = mm.finish() if finish else mm
        return node

    assert_collected(cycle)


def test_through_a_mutation_itself():
    def cycle():
        node = Node()
        node.mutation = Map().mutate()
        node.mutation["self"] = node.mutation
        node.mutation["node"] = node
        return node

    assert_collected(cycle)


@pytest.mark.parametrize("kind", ["keys", "values", "items"])
def test_through_a_view(kind):
    def cycle():
        node = Node()
        node.view = getattr(Map(a=node), kind)()
        return node

    assert_collected(cycle)


@pytest.mark.parametrize("kind", ["__iter__", "__reversed__"])
@pytest.mark.parametrize("view", ["keys", "values", "items"])
@pytest.mark.parametrize("consumed", [0, 1, 5])
def test_through_an_iterator(view, kind, consumed):
    def cycle():
        node = Node()
        node.iterator = getattr(getattr(Map.fromkeys(range(10), node), view)(), kind)()
        for _ in range(consumed):
            next(node.iterator)
        return node

    assert_collected(cycle)


def test_through_a_weak_reference_callback():
    def cycle():
        node = Node()
        node.map = Map(a=node)
        node.reference = weakref.ref(node.map, lambda _: None)
        return node

    assert_collected(cycle)


def test_through_a_subclass_and_its_attributes():
    class Sub(Map):
        pass

    def cycle():
        node = Node()
        m = Sub(a=1)
        m.node, node.map = node, m
        return node

    assert_collected(cycle)


@pytest.mark.skipif(
    FREE_THREADED and sys.version_info < (3, 14), reason="3.13t makes classes immortal once a thread was started"
)
def test_through_a_subclass_itself():
    def class_cycle():
        class Local(Map):
            pass

        Local.instance = Local(a=Local)
        return Local

    assert_collected(class_cycle)


def test_values_unhashable_and_hashed_alike():
    def cycle():
        node = KeyNode()
        node.map = Map(a=node, b=1)
        hash(node.map)
        return node

    assert_collected(cycle)


# What is alive stays alive


def test_nodes_shared_with_garbage_survive_it():
    """A node that a dead cycle and a living map both hold must not be cleared."""
    values = {index: [index] for index in range(2000)}
    alive = Map(values)
    for _ in range(3):
        node = Node()
        node.map = alive.set("node", node).delete(5)
        node.other = alive.set(7, node)
        reference = weakref.ref(node)
        del node
        full_collection()
        assert reference() is None
        _core._check(alive)
        assert dict(alive) == values


def test_versions_in_cycles_with_each_other():
    base = Map({index: [index] for index in range(500)})
    holders = []
    for index in range(50):
        node = Node()
        node.map = base.set(index, node)
        node.holders = holders
        holders.append(node)
    expected = dict(base)
    reference = weakref.ref(holders[10])
    del holders, node
    full_collection()
    assert reference() is None
    assert dict(base) == expected


def test_collecting_while_iterating():
    m = Map({index: [index] for index in range(1000)})
    seen = []
    for index, (key, value) in enumerate(m.items()):
        if index % 50 == 0:
            gc.collect()
        assert value == [key]
        seen.append(key)
    assert sorted(seen) == list(range(1000))


def test_collecting_in_every_allocation():
    """Half-built nodes must not be seen by the collector."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        m = Map({index: [index] for index in range(200)})
        for index in range(200, 260):
            m = m.set(index, [index]).delete(index - 200)
        with m.mutate() as mm:
            for index in range(260, 300):
                mm[index] = [index]
                mm.discard(index - 200)
        union = mm.finish() | Map({index: [index] for index in range(50)})
        merged = union.merge(m, lambda old, new: [old, new])
        copy = Map(merged.items())
    finally:
        gc.set_threshold(*before)
    for version in (m, union, merged, copy):
        _core._check(version)
    assert copy == merged


def test_destructors_that_look_at_everything():
    """Objects handed out by gc.get_objects() and get_referents() must be usable at any time."""
    m = Map({index: [index] for index in range(300)}).set("node", Node())
    for found in gc.get_referents(m):
        repr(type(found))
        gc.get_referents(found)
    assert any(found is m for found in gc.get_objects())
    leaves, seen = [m], 0
    while leaves:
        found = leaves.pop()
        if isinstance(found, list):
            seen += 1
        elif type(found).__module__.startswith("frozen"):
            leaves.extend(gc.get_referents(found))
    assert seen == 300, "the collector must reach every value through the nodes"


class Looking:
    """An iterable that says its length, and counts the tuples of that length that the collector knows."""

    LENGTH = 1319
    known = 0

    def __length_hint__(self):
        return self.LENGTH

    def __iter__(self):
        yield 0
        Looking.known += sum(type(seen) is tuple and len(seen) == self.LENGTH for seen in gc.get_objects())
        yield 1


class LookingTuple(Looking, tuple):
    _make = tuple.__new__


def test_a_tuple_that_foreign_code_fills_is_not_known_to_the_collector():
    Looking.known = 0
    assert transaction(AtomicRef(), AtomicRef()).update(lambda a, b: Looking()) == (0, 1)
    assert Map([Looking()]) == {0: 1}
    assert get_in({0: {1: "there"}}, Looking()) == "there"
    assert share(LookingTuple()) == (0, 1)
    assert Looking.known == 0
    if sys.version_info < (3, 14):
        tuple(Looking())
        assert Looking.known > 0, "the test must be able to fail"


def test_resurrection():
    saved = []

    class Phoenix:
        def __del__(self):
            saved.append(self.map)

    def cycle():
        phoenix = Phoenix()
        phoenix.map = Map({index: [index] for index in range(100)}).set("phoenix", phoenix)

    cycle()
    full_collection()
    (m,) = saved
    _core._check(m)
    assert dict(m.delete("phoenix")) == {index: [index] for index in range(100)}
    assert m["phoenix"].map is m


def test_types_of_nodes_are_hidden():
    m = Map({index: [index] for index in range(100)})
    for found in gc.get_referents(m):
        if type(found).__module__.startswith("frozen"):
            with pytest.raises(TypeError):
                type(found)()
