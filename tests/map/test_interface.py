"""Reading, deriving, and the manners of a builtin: protocols, errors, repr, what returns the map itself."""

from __future__ import annotations

import collections.abc
import reprlib
import sys
import weakref

import pytest

import frozen
from frozen import Map

# Reading


def test_get_item():
    m = Map(a=1)
    assert m["a"] == 1
    assert m.get("a") == 1
    assert m.get("b") is None
    assert m.get("b", 7) == 7
    assert m.get("a", 7) == 1


@pytest.mark.parametrize("key", ["b", (1, 2), None, 1.5, ("tuple",)])
def test_a_miss_raises_key_error_with_the_key_alone(key):
    for operation in (Map(a=1).__getitem__, Map().__getitem__, Map(a=1).delete, Map().delete, Map().remove):
        with pytest.raises(KeyError) as caught:
            operation(key)
        assert caught.value.args == (key,)


def test_equal_keys_find_each_other():
    m = Map({1: "one", (1, 2.0): "pair", frozenset("ab"): "set", "text": "str"})
    assert m[True] == m[1.0] == "one"
    assert m[(1.0, 2)] == "pair"
    assert m[frozenset("ba")] == "set"
    assert m["".join(["te", "xt"])] == "str"


def test_contains_len_bool():
    m = Map(a=1)
    assert "a" in m
    assert "b" not in m
    assert 1 not in m
    assert (len(Map()), len(m), len(m.set("b", 2))) == (0, 1, 2)
    assert m
    assert not Map()


@pytest.mark.parametrize(
    "operation",
    [
        lambda m, key: m[key],
        lambda m, key: key in m,
        lambda m, key: m.get(key),
        lambda m, key: m.set(key, 1),
        lambda m, key: m.delete(key),
        lambda m, key: m.discard(key),
        lambda m, key: m.update({1: 2}).set(key, 1),
        lambda m, key: m.merge([(key, 1)], max),
        lambda m, key: key in m.keys(),  # noqa: SIM118
        lambda m, key: (key, 1) in m.items(),
        lambda m, key: m.mutate().set(key, 1),
        lambda m, key: m.mutate().pop(key, None),
        lambda m, key: m.mutate().discard(key),
        lambda m, key: m.mutate().get(key),
        lambda m, key: key in m.mutate(),
    ],
)
@pytest.mark.parametrize("m", [Map(), Map(a=1), Map.fromkeys(range(100))], ids=["empty", "one", "hundred"])
def test_an_unhashable_key_is_a_type_error(operation, m):
    with pytest.raises(TypeError, match="unhashable"):
        operation(m, [])


# Deriving


def test_set_leaves_the_old_map_alone():
    old = Map(a=1)
    new = old.set("b", 2).set("a", 3)
    assert old == {"a": 1}
    assert new == {"a": 3, "b": 2}


def test_delete_and_discard():
    m = Map(a=1, b=2)
    assert m.remove("a") == {"b": 2}
    assert m.delete("a") == m.discard("a") == {"b": 2}
    assert m.delete("a").delete("b") == Map()
    assert m == {"a": 1, "b": 2}
    with pytest.raises(KeyError):
        m.delete("a").delete("a")


def test_update():
    m = Map(a=1)
    assert m.update({"b": 2}) == {"a": 1, "b": 2}
    assert m.update([("a", 2)]) == {"a": 2}
    assert m.update(a=5, b=6) == {"a": 5, "b": 6}
    assert m.update({"a": 2, "c": 0}, a=3) == {"a": 3, "c": 0}
    assert m.update(Map(z=26)) == {"a": 1, "z": 26}
    assert m == {"a": 1}


def test_a_replaced_value_keeps_the_stored_key():
    m = Map({1: "a"})
    for changed in (m.set(1.0, "b"), m.update({True: "b"}), m | {1.0: "b"}, m.merge({True: "b"}, lambda old, new: new)):
        ((key, value),) = changed.items()
        assert value == "b"
        assert type(key) is int


def test_large_histories_agree_with_dict():
    m, model = Map(), {}
    for index in range(3000):
        key = (index * 7919) % 1000
        if index % 3:
            m, model[key] = m.set(key, index), index
        else:
            m = m.discard(key)
            model.pop(key, None)
    frozen._core._check(m)
    assert dict(m) == model
    for key in model:
        m = m.delete(key)
    assert m == Map()


# What changes nothing returns the map itself


@pytest.mark.parametrize("size", [0, 1, 2, 10, 1000])
def test_what_changes_nothing_returns_the_map_itself(size):
    m = Map({index: str(index) for index in range(size)})
    assert Map(m) is m
    assert m | {} is m
    assert m | Map() is m
    assert m | m is m
    assert m | dict(m) is m
    assert m.update() is m
    assert m.update({}) is m
    assert m.update([]) is m
    assert m.update(m) is m
    assert m.update(dict(m)) is m
    assert m.update(list(m.items())) is m
    assert m.discard("absent") is m
    assert m.merge({}, max) is m
    assert m.merge(m, lambda old, new: old) is m
    assert m.copy() is m
    for key, value in m.items():
        assert m.set(key, value) is m


def test_an_equal_value_that_is_another_object_is_a_change():
    m = Map(a=1.5)
    other = float("1.5")
    changed = m.set("a", other)
    assert changed is not m
    assert changed == m
    assert changed["a"] is other


# The manners of an immutable mapping


def test_abstract_base_classes():
    m = Map(a=1)
    assert isinstance(m, collections.abc.Mapping)
    assert isinstance(m, collections.abc.Hashable)
    assert isinstance(m, collections.abc.Reversible)
    assert not isinstance(m, collections.abc.MutableMapping)
    assert not isinstance(m, dict)
    assert isinstance(m.keys(), collections.abc.KeysView)
    assert isinstance(m.values(), collections.abc.ValuesView)
    assert isinstance(m.items(), collections.abc.ItemsView)
    assert isinstance(iter(m), collections.abc.Iterator)


def test_items_cannot_be_assigned():
    m = Map(a=1)
    with pytest.raises(TypeError, match="item assignment"):
        m["a"] = 2
    with pytest.raises(TypeError, match="item"):
        del m["a"]
    assert m == {"a": 1}


def test_attributes_cannot_be_assigned():
    for target in (Map(a=1), Map):
        with pytest.raises((AttributeError, TypeError)):
            target.extra = 1
        with pytest.raises((AttributeError, TypeError)):
            target.get = None


def test_maps_have_no_order():
    with pytest.raises(TypeError, match="not supported"):
        Map() < Map()  # noqa: B015
    with pytest.raises(TypeError, match="not supported"):
        Map(a=1) >= {"a": 1}  # noqa: B015


def test_double_star():
    assert dict(**Map(a=1)) == {"a": 1}
    assert {**Map(a=1), "b": 2} == {"a": 1, "b": 2}
    assert (lambda **kw: kw)(**Map(a=1, b=2)) == {"a": 1, "b": 2}
    with pytest.raises(TypeError, match="string"):
        dict(**Map({1: 1}))


def test_match():
    match Map(kind="point", x=1, y=2):
        case {"kind": "circle"}:
            pytest.fail("not a circle")
        case {"kind": "point", "x": x, **rest}:
            assert (x, rest) == (1, {"y": 2})
        case _:
            pytest.fail("no mapping pattern matched")
    match Map():
        case [*_]:
            pytest.fail("not a sequence")
        case {}:
            pass
        case _:
            pytest.fail("{} matches any mapping")


def test_string_formatting_and_dict_consumers():
    m = Map(a=1, b="x")
    assert "%(a)s %(b)s" % m == "1 x"  # noqa: UP031
    assert "{a} {b}".format_map(m) == "1 x"
    assert dict(m) == {"a": 1, "b": "x"}
    target = {"z": 0}
    target.update(m)
    assert target == {"z": 0, "a": 1, "b": "x"}
    assert eval("a + 1", {}, m) == 2


def test_weak_references():
    m = Map(a=1)
    reference = weakref.ref(m)
    assert reference() is m
    del m
    assert reference() is None


def test_getsizeof_counts_the_nodes():
    empty, large = sys.getsizeof(Map()), sys.getsizeof(Map.fromkeys(range(1000)))
    assert 0 < empty < 200
    assert 16 * 1000 < large - empty < 100 * 1000


def test_names_are_where_they_are_said_to_be():
    assert frozen.Map is frozen._core.Map
    assert Map.__module__ == "frozen"
    assert Map.__name__ == Map.__qualname__ == "Map"
    assert type(Map().mutate()).__name__ == "MapMutation"
    assert [type(view).__name__ for view in (Map().keys(), Map().values(), Map().items())] == [
        "MapKeys",
        "MapValues",
        "MapItems",
    ]


@pytest.mark.parametrize("made_by", [Map.keys, Map.values, Map.items, Map.mutate, iter, reversed], ids=repr)
def test_helper_types_cannot_be_instantiated_or_subclassed(made_by):
    helper = type(made_by(Map(a=1)))
    with pytest.raises(TypeError):
        helper()
    with pytest.raises(TypeError):
        type("Sub", (helper,), {})


def test_everything_public_has_a_docstring():
    for owner in (Map, type(Map().mutate())):
        assert owner.__doc__
        for name in dir(owner):
            if not name.startswith("_"):
                assert getattr(owner, name).__doc__, f"{owner.__name__}.{name} has no docstring"


# repr


def test_repr():
    assert repr(Map()) == "Map()"
    assert repr(Map(a=1)) == "Map({'a': 1})"
    assert repr(Map({(1, 2): Map(x=None)})) == "Map({(1, 2): Map({'x': None})})"
    m = Map(a=1, b="2", c=3.0)
    assert eval(repr(m)) == m
    assert str(m) == f"{m}" == repr(m)


def test_repr_of_a_subclass_has_its_name():
    class Config(Map):
        pass

    assert repr(Config(a=1)) == "Config({'a': 1})"
    assert repr(Config()) == "Config()"


def test_repr_inside_itself():
    inner = []
    m = Map(a=inner)
    inner.append(m)
    assert repr(m) == "Map({'a': [Map({...})]})"
    assert repr(inner) == "[Map({'a': [...]})]"
    assert repr(m) == "Map({'a': [Map({...})]})", "the guard must be lifted again"


def test_an_error_of_repr_surfaces_and_lifts_the_guard():
    class Shy:
        fail = True

        def __repr__(self):
            if self.fail:
                raise ZeroDivisionError
            return "Shy()"

    shy = Shy()
    m = Map(a=shy)
    with pytest.raises(ZeroDivisionError):
        repr(m)
    shy.fail = False
    assert repr(m) == "Map({'a': Shy()})"


def test_reprlib_can_shorten_it():
    assert reprlib.repr(Map(a=1)) == "Map({'a': 1})"


# The union operators


def test_union_takes_the_type_of_the_left_operand():
    m = Map(a=1, b=2)
    for result, kind in ((m | {"b": 3}, Map), ({"b": 3} | m, dict), (m | Map(b=3), Map)):
        assert type(result) is kind
    assert m | {"b": 3, "c": 4} == {"a": 1, "b": 3, "c": 4}
    assert {"b": 3, "c": 4} | m == {"a": 1, "b": 2, "c": 4}
    assert list({"z": 0, "a": 0} | Map(a=1)) == ["z", "a"]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="the builtin frozendict is 3.15's")
def test_union_with_frozendict():
    m = Map(a=1, b=2)
    right = m | frozendict(b=3)  # noqa: F821
    left = frozendict(b=3, c=4) | m  # noqa: F821
    assert type(right) is Map
    assert right == {"a": 1, "b": 3}
    assert type(left) is frozendict  # noqa: F821
    assert left == {"a": 1, "b": 2, "c": 4}


def test_union_never_touches_its_operands():
    left, right, plain = Map(a=1, b=2), Map(b=3, c=4), {"a": 9}
    assert left | right == {"a": 1, "b": 3, "c": 4}
    assert left | plain == {"a": 9, "b": 2}
    assert plain | left == {"a": 1, "b": 2}
    assert (left, right, plain) == (Map(a=1, b=2), Map(b=3, c=4), {"a": 9})


def test_in_place_union_rebinds():
    before = m = Map(a=1)
    m |= {"b": 2}
    assert m == {"a": 1, "b": 2}
    assert type(m) is Map
    assert before == {"a": 1}
    target = {"a": 0}
    alias = target
    target |= m
    assert target is alias
    assert target == {"a": 1, "b": 2}


@pytest.mark.parametrize("other", [[("a", 1)], [], None, 1, "ab", {("a", 1)}], ids=repr)
def test_union_with_what_is_no_mapping_is_a_type_error(other):
    with pytest.raises(TypeError, match="unsupported operand"):
        Map() | other
    with pytest.raises(TypeError, match="unsupported operand"):
        other | Map()
