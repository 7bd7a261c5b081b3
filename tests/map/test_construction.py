"""Map(...), Map.fromkeys(...), Map[K, V] and subclasses: every way to come by a map."""

from __future__ import annotations

import collections
import types

import pytest

from frozen import Map


class Pairs:
    """Not a Mapping: something whose `items()` are pairs."""

    def items(self):
        return iter([("a", 1), ("b", 2)])


class Sub(Map):
    pass


@pytest.mark.parametrize(
    "source",
    [
        {"a": 1, "b": 2},
        [("a", 1), ("b", 2)],
        (["a", 1], ["b", 2]),
        iter([("a", 1), ("b", 2)]),
        collections.OrderedDict(b=2, a=1),
        collections.ChainMap({"a": 1}, {"b": 2, "a": 3}),
        types.MappingProxyType({"a": 1, "b": 2}),
        collections.UserDict(a=1, b=2),
        {"a": 1, "b": 2}.items(),
        Map(a=1, b=2),
        Map(a=1, b=2).items(),
        Sub(a=1, b=2),
        Pairs(),
    ],
    ids=lambda source: type(source).__name__,
)
def test_from_mappings_and_pairs(source):
    m = Map(source)
    assert type(m) is Map
    assert dict(m) == {"a": 1, "b": 2}


def test_empty():
    for m in (Map(), Map({}), Map([]), Map(()), Map(Map()), Map(iter(()))):
        assert len(m) == 0
        assert m == Map()
        assert not m


def test_from_keywords():
    assert dict(Map(a=1, b=2)) == {"a": 1, "b": 2}
    assert dict(Map({"a": 1, 0: 0}, a=2, b=3)) == {"a": 2, 0: 0, "b": 3}
    assert dict(Map([("a", 1)], a=2)) == {"a": 2}


@pytest.mark.parametrize("name", ["self", "cls", "col", "iterable", "mapping", "source", "other", "key", "value"])
def test_a_keyword_named_like_a_parameter_is_a_key(name):
    assert dict(Map(**{name: 1})) == {name: 1}
    assert dict(Map().update(**{name: 1})) == {name: 1}
    mm = Map().mutate()
    mm.update(**{name: 1})
    assert dict(mm.finish()) == {name: 1}


def test_the_last_value_and_the_first_key_win_as_in_dict():
    m = Map([(1, "a"), (True, "b"), (1.0, "c")])
    assert list(m.items()) == [(1, "c")]
    assert type(next(iter(m))) is int


def test_large():
    source = {index: str(index) for index in range(10_000)}
    m = Map(source)
    assert len(m) == 10_000
    assert dict(m) == source
    assert m == Map(source.items()) == Map(iter(source.items()))


def test_the_objects_stored_are_the_ones_given():
    key, value = object(), object()
    m = Map([(key, value)])
    assert m[key] is value
    assert next(iter(m)) is key


def test_a_map_of_a_map_is_the_same_map():
    m = Map(a=1)
    assert Map(m) is m
    assert Map(m) is m
    assert Map(m, b=2) == {"a": 1, "b": 2}
    assert m == {"a": 1}


@pytest.mark.parametrize("source", [None, 1, 1.5, object()], ids=repr)
def test_what_is_neither_mapping_nor_iterable_is_a_type_error(source):
    with pytest.raises(TypeError):
        Map(source)
    with pytest.raises(TypeError):
        Map().update(source)
    with pytest.raises(TypeError):
        Map().mutate().update(source)


@pytest.mark.parametrize("pair", [(), (1,), (1, 2, 3), "", "abc", [1]], ids=repr)
def test_a_pair_of_wrong_length_is_a_value_error_naming_the_element(pair):
    pairs = [(0, 0), pair]
    for build in (Map, Map(x=0).update, Map(x=0).mutate().update):
        with pytest.raises(ValueError, match=rf"1.* length {len(pair)}\b"):
            build(pairs)


@pytest.mark.parametrize("pair", [1, None, 1.5])
def test_an_element_that_is_no_pair_is_a_type_error_naming_the_element(pair):
    pairs = [(0, 0), pair]
    for build in (Map, Map(x=0).update, Map(x=0).mutate().update):
        with pytest.raises(TypeError, match="1"):
            build(pairs)


def test_any_iterable_of_length_two_is_a_pair():
    assert dict(Map(["ab", [1, 2], iter((3, 4)), {5: None, 6: None}])) == {"a": "b", 1: 2, 3: 4, 5: 6}


def test_more_than_one_positional_argument_is_a_type_error():
    with pytest.raises(TypeError, match="2"):
        Map({}, {})


def test_unhashable_key():
    with pytest.raises(TypeError, match="unhashable"):
        Map([([], 1)])


def test_an_error_while_iterating_surfaces_unchanged():
    def pairs():
        yield "a", 1
        raise ZeroDivisionError("from the generator")

    for build in (Map, Map().update, Map().mutate().update):
        with pytest.raises(ZeroDivisionError, match="from the generator"):
            build(pairs())


def test_an_error_of_items_surfaces_unchanged():
    class Broken:
        def items(self):
            raise ZeroDivisionError("from items()")

    for build in (Map, Map().update, Map().mutate().update):
        with pytest.raises(ZeroDivisionError, match=r"from items\(\)"):
            build(Broken())


def test_a_mutation_is_no_source():
    with pytest.raises(TypeError):
        Map(Map(a=1).mutate())


def test_a_dict_may_change_while_its_keys_are_hashed():
    class Growing:
        def __init__(self, target):
            self.target = target

        def __hash__(self):
            if self.target is not None and len(self.target) < 50:
                self.target[len(self.target)] = None
            return 1

    source = {}
    key = Growing(None)
    source[key] = 1
    key.target = source
    assert Map(source)[key] == 1


def test_fromkeys():
    assert dict(Map.fromkeys("ab")) == {"a": None, "b": None}
    assert dict(Map.fromkeys(iter("ab"), 0)) == {"a": 0, "b": 0}
    assert dict(Map.fromkeys({"a": 1})) == {"a": None}
    assert Map.fromkeys([]) == Map()
    assert dict(Map(x=1).fromkeys("a")) == {"a": None}
    shared = []
    assert Map.fromkeys(range(100), shared)[42] is shared


def test_fromkeys_errors():
    with pytest.raises(TypeError):
        Map.fromkeys(1)
    with pytest.raises(TypeError):
        Map.fromkeys()
    with pytest.raises(TypeError, match="unhashable"):
        Map.fromkeys([[]])


def test_generic_alias():
    alias = Map[str, int]
    assert alias.__origin__ is Map
    assert alias.__args__ == (str, int)
    assert alias(a=1) == Map(a=1)
    assert isinstance(alias, types.GenericAlias)


# Subclasses: the constructor and fromkeys honour them, every operation gives a Map.


def test_a_subclass_is_constructed_as_itself():
    m = Sub({"a": 1}, b=2)
    assert type(m) is Sub
    assert m == {"a": 1, "b": 2}
    assert type(Sub(m)) is Sub
    assert type(Sub(Map(a=1))) is Sub
    assert type(Sub.fromkeys("ab", 1)) is Sub
    assert Sub.fromkeys("ab", 1) == {"a": 1, "b": 1}


def test_a_map_of_a_subclass_is_a_map():
    m = Map(Sub(a=1))
    assert type(m) is Map
    assert m == {"a": 1}


@pytest.mark.parametrize(
    "operation",
    [
        lambda m: m.set("b", 2),
        lambda m: m.delete("a"),
        lambda m: m.discard("a"),
        lambda m: m.update(b=2),
        lambda m: m | {"b": 2},
        lambda m: m.merge({"a": 3}, lambda old, new: new),
        lambda m: m.mutate().finish(),
    ],
)
def test_operations_on_a_subclass_give_the_base_type(operation):
    m = Sub(a=1)
    result = operation(m)
    assert type(result) is Map or result is m


def test_a_subclass_may_have_attributes_and_another_signature():
    class Point(Map):
        def __new__(cls, x, y):
            self = super().__new__(cls, x=x, y=y)
            self.norm = x * x + y * y
            return self

        def __init__(self, x, y):
            pass

    point = Point(3, 4)
    assert point == {"x": 3, "y": 4}
    assert point.norm == 25
    assert hash(point) == hash(Map(x=3, y=4))


def test_a_subclass_may_override_what_it_likes():
    class Loud(Map):
        def __getitem__(self, key):
            return f"{super().__getitem__(key)}!"

        def __missing__(self, key):
            raise AssertionError("dict's hook, not ours")

    m = Loud(a=1)
    assert m["a"] == "1!"
    assert m.get("a") == 1
    with pytest.raises(KeyError):
        m["b"]
