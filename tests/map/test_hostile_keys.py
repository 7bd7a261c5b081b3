"""Keys whose __hash__ and __eq__ raise, re-enter, lie, or change the world in mid-operation.

No operation may crash, tear a map, or swallow an error; an operation that fails changes nothing.
"""

from __future__ import annotations

import contextlib
import gc

import pytest
from keys import ActingKey, Crash, HashKey, HashKeyCrasher, colliding, hash_of

from frozen import Map, _core

KEYS = [*colliding(3), *map(HashKey, range(40)), HashKey(hash_of(5, 0, 1)), HashKey(5 + (1 << 32))]
M = Map({key: index for index, key in enumerate(KEYS)})
EQUAL = HashKey(5, 0)
"""Collides with stored keys and is equal to one of them."""

OPERATIONS = {
    "[]": lambda m, key: m[key],
    "get": lambda m, key: m.get(key),
    "in": lambda m, key: key in m,
    "set": lambda m, key: m.set(key, "new"),
    "delete": lambda m, key: m.delete(key),
    "discard": lambda m, key: m.discard(key),
    "update": lambda m, key: m.update([(key, "new")]),
    "merge": lambda m, key: m.merge([(key, "new")], lambda old, new: new),
    "in keys": lambda m, key: key in m.keys(),  # noqa: SIM118
    "in items": lambda m, key: (key, 0) in m.items(),
    "keys &": lambda m, key: m.keys() & [key],
    "isdisjoint": lambda m, key: m.keys().isdisjoint([key]),
    "fromkeys": lambda m, key: Map.fromkeys([*m, key]),
    "Map": lambda m, key: Map([*m.items(), (key, 1)]),
    "mutation []": lambda m, key: m.mutate()[key],
    "mutation []=": lambda m, key: m.mutate().__setitem__(key, 1),
    "mutation del": lambda m, key: m.mutate().__delitem__(key),
    "mutation set": lambda m, key: m.mutate().set(key, 1),
    "mutation delete": lambda m, key: m.mutate().delete(key),
    "mutation discard": lambda m, key: m.mutate().discard(key),
    "mutation pop": lambda m, key: m.mutate().pop(key, None),
    "mutation get": lambda m, key: m.mutate().get(key),
    "mutation in": lambda m, key: key in m.mutate(),
    "mutation update": lambda m, key: m.mutate().update([(key, 1)]),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


def assert_untouched(m: Map, keys: list[HashKey]) -> None:
    _core._check(m)
    assert len(m) == len(keys)
    assert [m[key] for key in keys] == list(range(len(keys)))


# Errors


@every_operation
def test_an_error_of_hash_surfaces_unchanged(operation):
    with HashKeyCrasher(on_hash=True) as crash, pytest.raises(Crash) as caught:
        operation(M, EQUAL)
    assert caught.value is crash
    assert_untouched(M, KEYS)


@every_operation
def test_an_error_of_eq_surfaces_unchanged(operation):
    with HashKeyCrasher(on_eq=True) as crash, pytest.raises(Crash) as caught:
        operation(M, EQUAL)
    assert caught.value is crash
    assert_untouched(M, KEYS)


def test_an_error_of_eq_surfaces_from_comparisons_of_maps():
    left = Map({HashKey(1, "a"): 0, HashKey(7): 0})
    right = Map({HashKey(1, "a"): 0, HashKey(7): 0})
    for compare in (
        lambda: left == right,
        lambda: left != right,
        lambda: left == dict(right),
        lambda: left.keys() == right.keys(),
        lambda: left.items() <= right.items(),
        lambda: left.mutate() == right.mutate(),
        lambda: left | right,
        lambda: left | dict(right),
        lambda: left.update(right),
    ):
        with HashKeyCrasher(on_eq=True), pytest.raises(Crash):
            compare()
    assert left == right


@every_operation
def test_an_error_of_bool_surfaces(operation):
    class Vague(HashKey):
        def __eq__(self, other):
            return self

        __hash__ = HashKey.__hash__

        def __bool__(self):
            raise Crash("no truth value")

    with pytest.raises(Crash, match="no truth value"):
        operation(M, Vague(5, "vague"))
    assert_untouched(M, KEYS)


@pytest.mark.parametrize("wrong", ["text", None, 1.5])
def test_a_hash_that_is_no_int_is_a_type_error(wrong):
    class Odd:
        def __hash__(self):
            return wrong

    for operation in (M.get, M.discard, lambda key: M.set(key, 1), lambda key: Map({1: 2}.items()).update([(key, 1)])):
        with pytest.raises(TypeError):
            operation(Odd())


# Re-entry


@every_operation
def test_eq_may_use_the_map(operation):
    key = ActingKey(5, "acting")
    seen = []

    def act():
        key.on_eq, before = None, key.on_eq
        seen.append(len(M.set(HashKey(77, "new"), 1)))
        assert Map(M.items()) == M
        with M.mutate() as mm:
            mm.update(x=1)
            mm.discard(KEYS[0])
        key.on_eq = before

    key.on_eq = act
    with contextlib.suppress(KeyError):
        operation(M, key)
    assert len(seen) >= 1
    assert_untouched(M, KEYS)


@every_operation
def test_hash_may_use_the_map(operation):
    key = ActingKey(5, "acting")
    key.on_hash = lambda: M.delete(KEYS[3]).set(HashKey(88), 1)
    with contextlib.suppress(KeyError):
        operation(M, key)
    assert_untouched(M, KEYS)


MUTATION_EDITS = {
    "set": lambda mm, key: mm.set(key, "probe"),
    "delete": lambda mm, key: mm.delete(key),
    "discard": lambda mm, key: mm.discard(key),
    "pop": lambda mm, key: mm.pop(key, None),
    "update": lambda mm, key: mm.update([(key, "probe")]),
    "update from a map": lambda mm, key: mm.update(Map({key: "probe", HashKey(90): "probe"})),
    "get": lambda mm, key: mm.get(key),
    "in": lambda mm, key: key in mm,
}
ACTIONS = {
    "set others": lambda mm: [mm.set(HashKey(5, ("other", index)), 0) for index in range(5)],
    "delete neighbours": lambda mm: [mm.discard(key) for key in KEYS[:3]],
    "delete all": lambda mm: [mm.discard(key) for key in KEYS],
    "replace values": lambda mm: [mm.set(key, object()) for key in KEYS if key in mm],
    "update": lambda mm: mm.update(Map({HashKey(index): 0 for index in range(200)})),
    "finish": lambda mm: mm.finish(),
    "compare": lambda mm: mm == M.mutate(),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())
@pytest.mark.parametrize("edit", MUTATION_EDITS.values(), ids=MUTATION_EDITS.keys())
def test_eq_may_edit_the_mutation_in_mid_edit(edit, action):
    """Whatever comes of it, the tree stays whole, and the map that was mutated stays as it was."""
    mm = M.mutate()
    mm[HashKey(300)] = 0
    probe = ActingKey(5, "probe")

    def act():
        probe.on_eq = None
        action(mm)

    probe.on_eq = act
    with contextlib.suppress(KeyError, ValueError if action is ACTIONS["finish"] else KeyError):
        edit(mm, probe)
    m = mm.finish()
    _core._check(m)
    assert len(m) == len(list(m)) == len(dict(m))
    for key, value in m.items():
        assert m[key] is value
    assert_untouched(M, KEYS)


@pytest.mark.parametrize("edit", MUTATION_EDITS.values(), ids=MUTATION_EDITS.keys())
def test_a_map_finished_in_mid_edit_never_changes(edit):
    mm = M.mutate()
    mm[HashKey(300)] = 0
    probe = ActingKey(5, "probe")
    finished = []

    def act():
        probe.on_eq = None
        finished.append(mm.finish())
        finished.append(dict(finished[0]))

    probe.on_eq = act
    with contextlib.suppress(KeyError, ValueError):
        edit(mm, probe)
    m, contents = finished
    _core._check(m)
    assert dict(m) == contents
    assert probe not in contents


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())
def test_eq_may_edit_the_mutations_that_are_compared(action):
    mm = M.mutate()
    keys = [ActingKey(key.hash, key.name) for key in KEYS]
    other = Map({key: index for index, key in enumerate(keys)}).mutate()
    seen = []

    def act():
        if not seen:
            seen.append(True)
            action(mm)
            action(other)

    for key in keys:
        key.on_eq = act
    assert (mm == other) in (True, False)
    assert seen
    for mutation in (mm, other):
        m = mutation.finish()
        _core._check(m)
        assert len(m) == len(list(m))
    assert_untouched(M, KEYS)


def test_eq_of_the_union_may_use_its_operands():
    left = Map({HashKey(5, index): index for index in range(10)})
    keys = [ActingKey(5, 100 + index) for index in range(10)]
    right = Map(dict.fromkeys(keys, 0))
    seen = []
    for key in keys:
        key.on_eq = lambda: seen.append(len(left | {"x": 1}))
    union = left | right
    assert seen
    assert len(union) == 20
    _core._check(union)


def test_a_destructor_may_use_the_mutation_that_lets_go_of_its_value():
    seen = []

    class Value:
        def __del__(self):
            mm["from the destructor"] = len(mm)
            seen.append(mm.get(5))

    mm = Map({index: index for index in range(100)}).mutate()
    for _ in range(20):
        mm[5] = Value()
        mm[5] = 1
        mm[6] = Value()
        del mm[6]
        mm["x"] = Value()
        mm.pop("x")
        mm["x"] = Value()
        mm.update({"x": 0})
    gc.collect()
    m = mm.finish()
    _core._check(m)
    assert len(seen) == 80
    assert len(m) == len(list(m)) == 101


# Lies


def test_keys_whose_hash_changes():
    """They are lost as in dict, but nothing breaks, and their neighbours are found."""
    keys = [HashKey(index) for index in range(100)]
    m = Map({key: index for index, key in enumerate(keys)})
    for key in keys[::2]:
        key.hash += 1_000_000
    for key in keys[::2]:
        assert key not in m
        with pytest.raises(KeyError):
            m.delete(key)
    for index in range(1, 100, 2):
        m = m.delete(keys[index])
    assert len(m) == len(list(m)) == 50
    assert set(map(id, m)) == set(map(id, keys[::2]))
    for key in keys[::2]:
        m = m.set(key, "again")
    assert len(m) == 100
    mm = m.mutate()
    mm.update(m)
    mm.update([(key, 0) for key in keys])
    hash(m)
    assert len(mm.finish()) in (100, 150)


def test_eq_that_is_always_true():
    class Same(HashKey):
        __hash__ = HashKey.__hash__

        def __eq__(self, other):
            return True

    m = Map({Same(1, "a"): 1})
    assert m[Same(1, "b")] == 1
    assert Same(2, "a") not in m
    assert len(m.set(Same(1, "c"), 2)) == 1
    assert len(Map([(Same(1, index), index) for index in range(10)])) == 1


def test_eq_that_is_always_false():
    class Unequal(HashKey):
        __hash__ = HashKey.__hash__

        def __eq__(self, other):
            return False

    keys = [Unequal(1) for _ in range(20)]
    m = Map((key, index) for index, key in enumerate(keys))
    assert len(m) == 20
    assert [m[key] for key in keys] == list(range(20)), "identity comes before equality"
    assert Unequal(1) not in m
    for key in keys:
        m = m.delete(key)
    assert m == Map()


def test_nan_keys():
    nan, other = float("nan"), float("nan")
    m = Map({nan: 1})
    assert m[nan] == 1
    assert other not in m
    assert len(m.set(other, 2)) == 2


def test_keys_and_values_named_like_sentinels():
    odd = [None, NotImplemented, ..., False, 0, "", (), -1, -2, 0.0]
    m = Map()
    for value in odd:
        m = m.set(value, value)
    assert dict(m) == dict(zip(odd, odd, strict=True))
    for value in odd:
        assert Map({"key": value})["key"] is value
        assert Map({"key": value}).get("key", "default") is value
        assert Map({"key": value}).mutate().pop("key") is value


def test_str_and_int_subclasses_with_hashes_of_their_own():
    class Text(str):
        def __hash__(self):
            return 4

        def __eq__(self, other):
            return isinstance(other, Text) and str.__eq__(self, other)

    m = Map({"a": 1, Text("a"): 2, Text("b"): 3})
    assert (len(m), m["a"], m[Text("a")], m[Text("b")]) == (3, 1, 2, 3)
    assert Text("c") not in m
    assert "b" not in m
    m = m.delete(Text("a"))
    assert m["a"] == 1
    _core._check(m)


def test_crafted_ints_do_not_degrade():
    """Ints that agree in their low 32 bits: a trie over folded hashes makes them one long list."""
    keys = [(index << 32) | index for index in range(2000)] + [index << 33 for index in range(1, 2000)]
    m = Map.fromkeys(keys, 0)
    depth = max(line.count("  ") for line in _core._dump(m).splitlines())
    widest = max(int(line.split()[1]) for line in _core._dump(m).splitlines())
    assert depth < 14
    assert widest <= 32
    assert all(key in m for key in keys)
