"""m.mutate(): edits in place that nobody else sees, sealed by finish()."""

from __future__ import annotations

import collections.abc
import copy
import gc
import pickle
import weakref

import pytest
from keys import HashKey, HashKeyCrasher, colliding

from frozen import Map, Set, SharedMap, SharedSet, _core

START = Map({index: str(index) for index in range(100)})

EDITS = {
    "[]=": lambda mm: mm.__setitem__("a", 1),
    "del": lambda mm: mm.__delitem__(1),
    "set": lambda mm: mm.set("a", 1),
    "delete": lambda mm: mm.delete(1),
    "discard": lambda mm: mm.discard(1),
    "discard absent": lambda mm: mm.discard("absent"),
    "pop": lambda mm: mm.pop(1),
    "pop default": lambda mm: mm.pop("absent", None),
    "update": lambda mm: mm.update({"a": 1}),
    "update keywords": lambda mm: mm.update(a=1),
    "update nothing": lambda mm: mm.update({}),
}


def test_editing():
    mm = Map(a=1).mutate()
    mm["b"] = 2
    mm.set("c", 3)
    mm.update({"d": 4}, e=5)
    mm.update([("f", 6)])
    assert len(mm) == 6
    del mm["a"]
    mm.delete("b")
    mm.discard("c")
    mm.discard("absent")
    assert mm.pop("d") == 4
    assert mm.pop("d", None) is None
    assert mm.finish() == {"e": 5, "f": 6}


def test_edits_return_none():
    mm = Map(a=1, b=2, c=3).mutate()
    assert mm.set("x", 1) is None
    assert mm.delete("a") is None
    assert mm.discard("b") is None
    assert mm.discard("b") is None
    assert mm.update(c=4) is None


def test_reading():
    mm = Map(a=1).mutate()
    assert mm["a"] == 1
    assert mm.get("a") == 1
    assert mm.get("b") is None
    assert mm.get("b", 2) == 2
    assert "a" in mm
    assert "b" not in mm
    assert len(mm) == 1


@pytest.mark.parametrize("operation", [lambda mm, k: mm[k], lambda mm, k: mm.pop(k), lambda mm, k: mm.delete(k)])
@pytest.mark.parametrize("start", [Map(), START], ids=["empty", "hundred"])
def test_a_miss_raises_key_error_and_changes_nothing(operation, start):
    mm = start.mutate()
    with pytest.raises(KeyError) as caught:
        operation(mm, ("absent",))
    assert caught.value.args == (("absent",),)
    assert mm.finish() == start


def test_neither_the_start_nor_other_mutations_see_the_edits():
    first, second = START.mutate(), START.mutate()
    first["first"] = 1
    second["second"] = 2
    del second[0]
    one, two = first.finish(), second.finish()
    assert dict(START) == {index: str(index) for index in range(100)}
    assert dict(one) == dict(START) | {"first": 1}
    assert "second" in two
    assert "first" not in two
    assert 0 not in two
    for m in (START, one, two):
        _core._check(m)


def test_a_finished_map_is_the_start_of_others():
    m = Map()
    versions = []
    for number in range(20):
        with m.mutate() as mm:
            for index in range(50):
                mm[number * 50 + index] = number
        m = mm.finish()
        versions.append(m)
    for number, version in enumerate(versions):
        assert len(version) == (number + 1) * 50
        assert dict(version) == {index: index // 50 for index in range((number + 1) * 50)}


# finish() seals


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_after_finish_every_edit_is_a_value_error(edit):
    mm = START.mutate()
    mm["x"] = 1
    m = mm.finish()
    with pytest.raises(ValueError, match="finish"):
        edit(mm)
    assert mm.finish() is m
    assert dict(m) == dict(START) | {"x": 1}


def test_after_finish_reading_goes_on():
    mm = Map(a=1).mutate()
    mm["b"] = 2
    mm.finish()
    assert mm["b"] == 2
    assert mm.get("c", 3) == 3
    assert "a" in mm
    assert len(mm) == 2


def test_finish_again_gives_the_same_map():
    mm = Map(a=1).mutate()
    mm["b"] = 2
    assert mm.finish() is mm.finish()


def test_a_mutation_that_changed_nothing_copied_nothing():
    mm = START.mutate()
    mm.update(START)
    mm.set(5, START[5])
    mm.discard("absent")
    m = mm.finish()
    assert m == START
    shared, nodes, _ = _core._shared_nodes(m, START)
    assert shared == nodes


# As a context manager


def test_leaving_the_with_block_seals():
    with Map(a=1).mutate() as mm:
        mm["b"] = 2
    with pytest.raises(ValueError, match="finish"):
        mm["c"] = 3
    m = mm.finish()
    assert m == {"a": 1, "b": 2}
    assert mm.finish() is m


def test_finish_inside_the_with_block():
    with Map(a=1).mutate() as mm:
        mm["b"] = 2
        m = mm.finish()
    assert mm.finish() is m


def test_an_exception_in_the_with_block_surfaces_and_leaves_finish_usable():
    with pytest.raises(ZeroDivisionError), Map(a=1).mutate() as mm:  # noqa: PT012
        mm["b"] = 2
        raise ZeroDivisionError
    assert mm.finish() == {"a": 1, "b": 2}


# The manners of a mutable object


def test_equality():
    assert Map(a=1).mutate() == Map(a=1).mutate()
    assert Map(a=1).mutate() != Map(a=2).mutate()
    assert Map(a=1).mutate() != Map(a=1, b=2).mutate()
    mm = Map(a=1).mutate()
    assert mm == mm
    mm["b"] = 2
    assert mm == Map(b=2, a=1).mutate()


@pytest.mark.parametrize("other", [None, 1, [("a", 1)], object()], ids=repr)
def test_a_mutation_is_not_equal_to_other_things(other):
    assert Map(a=1).mutate() != other


def test_unhashable_and_not_picklable_or_copyable():
    mm = Map(a=1).mutate()
    with pytest.raises(TypeError, match="unhashable"):
        hash(mm)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(mm, protocol)
    with pytest.raises(TypeError):
        copy.copy(mm)


def test_not_iterable():
    mm = Map(a=1).mutate()
    with pytest.raises(TypeError, match="not iterable"):
        iter(mm)
    with pytest.raises(TypeError):
        list(mm)
    assert not isinstance(mm, collections.abc.Mapping)


def test_repr():
    mm = Map(a=1).mutate()
    assert repr(mm) == "MapMutation({'a': 1})"
    mm["a"] = mm
    assert "..." in repr(mm)
    assert repr(Map().mutate()) in ("MapMutation()", "MapMutation({})")


def test_wrong_arguments():
    mm = Map(a=1).mutate()
    for call in (
        lambda: mm.set("a"),
        lambda: mm.delete(),
        lambda: mm.discard(),
        lambda: mm.pop(),
        lambda: mm.pop("a", 1, 2),
        lambda: mm.get(),
        lambda: mm.get("a", 1, 2),
        lambda: mm.finish(1),
    ):
        with pytest.raises(TypeError):
            call()
    assert mm.finish() == {"a": 1}


# Many edits


@pytest.mark.parametrize("start", [Map(), START, Map.fromkeys(range(5000), None)], ids=len)
def test_building_and_emptying(start):
    mm = start.mutate()
    for index in range(3000):
        mm[index] = index
    for index in range(3000):
        assert mm[index] == index
    assert len(mm) == max(3000, len(start))
    for index in range(len(mm)):
        del mm[index]
    assert len(mm) == 0
    m = mm.finish()
    assert m == Map()
    _core._check(m)


def test_every_step_of_a_mutation_is_whole():
    mm = Map().mutate()
    model = {}
    for index in range(600):
        key = HashKey((index * 2654435761) % (1 << 40), index % 7)
        if index % 3 == 2:
            victim = next(iter(model))
            del mm[victim], model[victim]
        mm[key] = model[key] = index
        assert len(mm) == len(model)
    m = mm.finish()
    _core._check(m)
    assert dict(m) == model


def test_collisions():
    keys = colliding(20)
    mm = Map(dict.fromkeys(keys[:10], 0)).mutate()
    for key in keys[5:]:
        mm[key] = 1
    for key in keys[::2]:
        assert mm.pop(key) == (0 if keys.index(key) < 5 else 1)
    m = mm.finish()
    _core._check(m)
    assert dict(m) == {key: 0 if index < 5 else 1 for index, key in enumerate(keys) if index % 2}


def test_a_replaced_value_keeps_the_stored_key():
    mm = Map({1: "a"}).mutate()
    mm[True] = "b"
    mm.update({1.0: "c"})
    ((key, value),) = mm.finish().items()
    assert value == "c"
    assert type(key) is int


# Errors in the middle


def test_a_failing_update_leaves_a_whole_mutation():
    mm = START.mutate()
    with pytest.raises(ValueError, match="length 3"):
        mm.update([("a", 1), ("b", 2), (1, 2, 3)])
    m = mm.finish()
    _core._check(m)
    assert len(m) == len(list(m))
    assert all(m[index] == str(index) for index in range(100))


def test_a_failing_comparison_changes_nothing():
    keys = colliding(4)
    mm = Map(dict.fromkeys(keys[:3], 0)).mutate()
    mm[HashKey(9)] = 0
    other = HashKey(keys[0].hash, "other")
    for edit in (
        lambda: mm.set(other, 1),
        lambda: mm.delete(other),
        lambda: mm.discard(other),
        lambda: mm.pop(other, None),
        lambda: mm.update({other: 1}),
    ):
        with HashKeyCrasher(on_eq=True) as crash, pytest.raises(type(crash)) as caught:
            edit()
        assert caught.value is crash
        assert len(mm) == 4
    m = mm.finish()
    _core._check(m)
    assert dict(m) == dict.fromkeys([*keys[:3], HashKey(9)], 0)


def test_an_iterable_may_edit_the_mutation_that_it_updates():
    mm = START.mutate()

    def pairs():
        yield "a", 1
        mm["b"] = 2
        mm.delete(0)
        yield "c", 3

    mm.update(pairs())
    m = mm.finish()
    _core._check(m)
    assert dict(m) == {index: str(index) for index in range(1, 100)} | {"a": 1, "b": 2, "c": 3}


def test_an_iterable_may_finish_the_mutation_that_it_updates():
    mm = START.mutate()
    result = []

    def pairs():
        yield "a", 1
        result.append(mm.finish())
        yield "c", 3

    with pytest.raises(ValueError, match="finish"):
        mm.update(pairs())
    (m,) = result
    assert "c" not in m, "a finished map never changes"
    assert mm.finish() is m
    _core._check(m)


def test_a_source_that_fails_changes_nothing():
    """Few entries are put one by one, and still all or none."""

    class Refusing:
        refuses = False

        def __hash__(self):
            return 50

        def __eq__(self, other):
            if Refusing.refuses:
                raise KeyError("eq")
            return self is other

    key = Refusing()
    for source in ({"a": 1, key: 2}, {"a": 1, "b": 2, key: 3, "c": 4}):
        mutation = START.mutate()
        mutation["edited"] = 1
        Refusing.refuses = True
        with pytest.raises(KeyError, match="eq"):
            mutation.update(source)
        Refusing.refuses = False
        assert mutation == START.set("edited", 1)
        mutation.update(source)
        assert mutation.finish() == START.set("edited", 1).update(source)


def test_an_update_that_is_overtaken_starts_again():
    """Comparing changes the very mutation: both changes are there at the end."""

    class Meddling:
        def __init__(self):
            self.meddle = True

        def __hash__(self):
            return 50

        def __eq__(self, other):
            if self.meddle:
                self.meddle = False
                mutation["meddled"] = 1
            return self is other

    mutation, key = START.mutate(), Meddling()
    mutation.update({"a": 1, key: 2})
    expected = START.update({"a": 1, "meddled": 1}).set(key, 2)
    assert mutation.finish() == expected


# What changes nothing


NO_EDITS = {
    "nothing": (Map(a=1), lambda mm: None),
    "the same value": (Map(a=1), lambda mm: mm.set("a", 1)),
    "an absent key discarded": (Map(a=1), lambda mm: mm.discard("z")),
    "an absent key popped": (Map(a=1), lambda mm: mm.pop("z", None)),
    "update with what is there": (Map(a=1), lambda mm: mm.update({"a": 1})),
    "update with the map itself": (START, lambda mm: mm.update(START)),
    "update with a part of it": (START, lambda mm: mm.update({1: START[1], 2: START[2]})),
    "update with much of it": (START, lambda mm: mm.update(dict(list(START.items())[:60]))),
    "of nothing": (Map(), lambda mm: mm.update({})),
    "shared": (SharedMap(a=1), lambda mm: mm.update({"a": 1})),
    "set: a member": (Set([1, 2]), lambda mm: mm.add(1)),
    "set: no member discarded": (Set([1, 2]), lambda mm: mm.discard(3)),
    "set: update with members": (Set(range(100)), lambda mm: mm.update([1, 2], range(90))),
    "shared set: a member": (SharedSet([1, 2]), lambda mm: mm.add(1)),
}


@pytest.mark.parametrize(("start", "edit"), NO_EDITS.values(), ids=NO_EDITS)
def test_a_mutation_that_changed_nothing_gives_the_very_same_object(start, edit):
    mm = start.mutate()
    edit(mm)
    assert mm.finish() is start
    assert mm.finish() is start


def test_a_mutation_of_a_subclass_gives_the_base_class():
    class Sub(Map):
        pass

    result = Sub(a=1).mutate().finish()
    assert type(result) is Map
    assert result == {"a": 1}


def test_a_mutation_keeps_no_version_that_it_has_left_behind():
    value = HashKey(1)
    gone = weakref.ref(value)
    mm = Map(a=value, b=1).mutate()
    mm["a"] = 2
    del value
    gc.collect()
    assert gone() is None
    assert mm.finish() == Map(a=2, b=1)


def test_a_finalizer_that_finishes_the_mutation_gets_the_one_result():
    """CPython 3.11 collects, and runs finalizers, in the middle of an allocation."""
    results = []

    class Finishing:
        def __init__(self, mutation):
            self.mutation, self.itself = mutation, self

        def __del__(self):
            results.append(self.mutation.finish())

    before = gc.get_threshold()
    for size in range(40):
        gc.collect()
        mm = Map({index: [] for index in range(size)}).mutate()
        mm["list"] = []
        results.clear()
        Finishing(mm)
        gc.set_threshold(1)
        try:
            results.append(mm.finish())
        finally:
            gc.set_threshold(*before)
        gc.collect()
        results.append(mm.finish())
        assert len(results) == 3
        assert results[0] is results[1] is results[2]
