"""keys(), values() and items(): sized, reversible, set-like where dict's are, and named `mapping`."""

# ruff: noqa: SIM118 - `in view.keys()` is what is tested here

from __future__ import annotations

import operator

import pytest

from frozen import Map, Set, Vector

DATA = {"a": 1, "b": 2, "c": 3}
M = Map(DATA)


def sizes():
    return [Map.fromkeys(range(size), 0) for size in (0, 1, 2, 33, 1000)]


def test_contents():
    assert sorted(M.keys()) == ["a", "b", "c"]
    assert sorted(M.values()) == [1, 2, 3]
    assert sorted(M.items()) == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize("m", sizes(), ids=len)
def test_length(m):
    assert len(m.keys()) == len(m.values()) == len(m.items()) == len(m)
    assert bool(m.keys()) == bool(m.values()) == bool(m.items()) == bool(m)


@pytest.mark.parametrize("m", sizes(), ids=len)
def test_all_views_and_the_map_go_in_one_order(m):
    assert list(zip(m.keys(), m.values(), strict=True)) == list(m.items())
    assert list(m) == list(m.keys())


@pytest.mark.parametrize("m", sizes(), ids=len)
def test_reversed(m):
    for view in (m, m.keys(), m.values(), m.items()):
        assert list(reversed(view)) == list(view)[::-1]


def test_contains():
    assert "a" in M.keys()
    assert "z" not in M.keys()
    assert 2 in M.values()
    assert 7 not in M.values()
    assert ("a", 1) in M.items()
    assert ("a", 1.0) in M.items()
    assert ("a", 2) not in M.items()
    assert ("z", 1) not in M.items()


@pytest.mark.parametrize("other", ["a", 1, None, ("a",), ("a", 1, 2), ["a", 1], []], ids=repr)
def test_only_pairs_can_be_items(other):
    assert other not in M.items()


def test_identity_comes_before_equality():
    nan = float("nan")
    m = Map({nan: nan})
    assert nan in m.keys()
    assert nan in m.values()
    assert (nan, nan) in m.items()
    assert (nan, float("nan")) not in m.items()


def test_mapping():
    for view in (M.keys(), M.values(), M.items()):
        assert view.mapping is M


def test_a_view_shows_the_version_it_was_taken_from():
    m = Map(a=1)
    view = m.keys()
    m = m.set("b", 2)
    assert list(view) == ["a"]
    assert sorted(m.keys()) == ["a", "b"]


def test_a_view_keeps_its_map_alive():
    items = Map(a=1).items()
    assert list(items) == [("a", 1)]


def test_repr():
    m = Map(a=1)
    assert repr(m.keys()) == "MapKeys(['a'])"
    assert repr(m.values()) == "MapValues([1])"
    assert repr(m.items()) == "MapItems([('a', 1)])"
    assert repr(Map().keys()) == "MapKeys([])"


def test_repr_inside_itself():
    inner = []
    m = Map(a=inner)
    inner.append(m.values())
    assert "..." in repr(m.values())


# Set operators

RIGHT_KEYS = [
    {"b", "z"},
    frozenset("bz"),
    ["b", "z", "b"],
    iter("bz"),
    "bz",
    {"b": 0, "z": 0},
    {"b": 0, "z": 0}.keys(),
    Map(b=0, z=0),
    Map(b=0, z=0).keys(),
]


def names(value):
    return type(value).__name__


@pytest.mark.parametrize("right", [0, 1, 2, 3, 4, 5, 6, 7, 8], ids=[names(right) for right in RIGHT_KEYS])
def test_set_operators_of_keys_take_any_iterable(right):
    def operand():
        value = RIGHT_KEYS[right]
        return iter("bz") if names(value) == "str_iterator" or names(value) == "str_ascii_iterator" else value

    keys = M.keys()
    assert keys & operand() == {"b"}
    assert keys | operand() == {"a", "b", "c", "z"}
    assert keys - operand() == {"a", "c"}
    assert keys ^ operand() == {"a", "c", "z"}
    assert not keys.isdisjoint(operand())
    assert type(keys & operand()) is type(keys | operand()) is type(keys - operand()) is type(keys ^ operand()) is set


@pytest.mark.parametrize(
    "right",
    [{("b", 2), ("z", 0)}, [("b", 2), ("z", 0)], {"b": 2, "z": 0}.items(), Map(b=2, z=0).items()],
    ids=names,
)
def test_set_operators_of_items_take_any_iterable(right):
    items = M.items()
    assert items & right == {("b", 2)}
    assert items | right == {("a", 1), ("b", 2), ("c", 3), ("z", 0)}
    assert items - right == {("a", 1), ("c", 3)}
    assert items ^ right == {("a", 1), ("c", 3), ("z", 0)}
    assert not items.isdisjoint(right)


@pytest.mark.parametrize("left", [{"b", "z"}, frozenset("bz"), {"b": 0, "z": 0}.keys()], ids=names)
def test_set_operators_with_the_view_on_the_right(left):
    keys = M.keys()
    assert left & keys == {"b"}
    assert left | keys == {"a", "b", "c", "z"}
    assert left - keys == {"z"}
    assert left ^ keys == {"a", "c", "z"}


@pytest.mark.parametrize("view", [M.keys(), M.items()], ids=names)
def test_set_operators_with_what_cannot_be_iterated_are_type_errors(view):
    for operation in (
        lambda: view & 1,
        lambda: view | None,
        lambda: view - 1,
        lambda: view ^ 1,
        lambda: view.isdisjoint(1),
    ):
        with pytest.raises(TypeError):
            operation()


def test_isdisjoint():
    assert M.keys().isdisjoint([])
    assert M.keys().isdisjoint("xyz")
    assert M.keys().isdisjoint(Map(x=1))
    assert M.items().isdisjoint([("a", 2)])
    assert not M.keys().isdisjoint(M.keys())
    assert not M.items().isdisjoint(iter([("a", 1)]))
    assert Map().keys().isdisjoint(Map().keys())


def test_items_of_unhashable_values():
    items = Map(a=[1]).items()
    assert ("a", [1]) in items
    assert items == {"a": [1]}.items()
    with pytest.raises(TypeError, match="unhashable"):
        items & [("a", 1)] | items


@pytest.mark.parametrize("kind", [set, frozenset, dict.fromkeys, Map.fromkeys], ids=["set", "frozenset", "dict", "Map"])
def test_comparisons_are_those_of_sets(kind):
    def other(letters):
        made = kind(letters)
        return made.keys() if hasattr(made, "keys") else made

    keys = M.keys()
    assert keys == other("cab")
    assert other("cab") == keys
    assert keys != other("ab")
    assert keys != other("abd")
    assert keys <= other("abc")
    assert keys <= other("abcd")
    assert not keys <= other("abx")
    assert keys < other("abcd")
    assert not keys < other("abc")
    assert not keys < other("wxyz")
    assert keys >= other("ab")
    assert keys >= other("abc")
    assert not keys >= other("ax")
    assert keys > other("")
    assert not keys > other("abc")
    assert not keys > other("x")


def test_items_compare_as_sets_of_pairs():
    items = M.items()
    assert items == DATA.items()
    assert DATA.items() == items
    assert items == set(DATA.items())
    assert items == Map(c=3, b=2, a=1).items()
    assert items != Map(a=1, b=2, c=4).items()
    assert items < Map(DATA, d=4).items()
    assert items >= {("a", 1)}


@pytest.mark.parametrize("other", [["a", "b", "c"], "abc", None, 3, DATA, M], ids=names)
def test_what_is_no_set_is_not_equal_to_a_view(other):
    assert M.keys() != other
    assert M.items() != other
    with pytest.raises(TypeError):
        M.keys() < other  # noqa: B015


def test_views_hash_and_compare_as_dict_views_do():
    for view in (M.keys(), M.items()):
        with pytest.raises(TypeError, match="unhashable"):
            hash(view)
    values = M.values()
    assert values == values
    assert values != M.values()
    assert hash(values) == hash(values)
    with pytest.raises(TypeError):
        values & values
    with pytest.raises(TypeError):
        values < values  # noqa: B015


def test_views_cannot_be_written_to():
    for view in (M.keys(), M.values(), M.items()):
        with pytest.raises(AttributeError):
            view.mapping = Map()


def test_an_operand_that_cannot_be_iterated_over_is_refused():
    for view in (M.keys(), M.items()):
        with pytest.raises(TypeError):
            5 & view
        with pytest.raises(TypeError):
            view & 5


@pytest.mark.parametrize("error", [ValueError("mine"), TypeError("mine"), KeyboardInterrupt("mine")], ids=repr)
def test_an_error_of_an_operands_iteration_is_raised_as_it_is(error):
    class Broken:
        def __iter__(self):
            raise error

    for view in (M.keys(), M.items()):
        for operation in (operator.and_, operator.or_, operator.sub, operator.xor):
            for left, right in ((Broken(), view), (view, Broken())):
                with pytest.raises(type(error), match="mine"):
                    operation(left, right)


@pytest.mark.parametrize("kind", [Map, Set, Vector])
def test_what_was_made_of_an_instance_works_where_its_type_has_lost_its_base(kind):
    """A metaclass may leave the base out of the method resolution order, at any time."""

    class Forgetful(type):
        forgets = False

        def mro(cls):
            return [cls, object] if Forgetful.forgets else super().mro()

    class Sub(kind, metaclass=Forgetful):
        pass

    instance = Sub({1: 2})
    views = [instance.keys(), instance.items(), instance.values()] if kind is Map else []
    iterator, mutation = iter(instance), instance.mutate()
    Forgetful.forgets = True
    Sub.__bases__ = Sub.__bases__
    assert Sub.__mro__ == (Sub, object)
    assert [list(view) for view in views] == [[1], [(1, 2)], [2]][: len(views)]
    assert [view & view for view in views[:2]] == [{1}, {(1, 2)}][: len(views)]
    assert all(repr(view) and view == view for view in views)
    if kind is not Vector:  # whose iterators are pickled by slicing, which is the type's
        assert iterator.__reduce__()[1] == ([1],)
    assert list(mutation.finish()) == [1]
    with pytest.raises(TypeError):
        kind.mutate(instance)


def test_a_view_that_is_in_itself_has_a_repr():
    inside = []
    view = Map(a=inside).values()
    inside.append(view)
    assert repr(view) == "MapValues([[MapValues([...])]])"


def test_an_error_of_the_others_length_is_raised_as_it_is():
    class Broken(set):
        def __len__(self):
            raise KeyError("mine")

    for own in (M.keys(), M.items(), Set(DATA)):
        with pytest.raises(KeyError, match="mine"):
            operator.eq(own, Broken())
