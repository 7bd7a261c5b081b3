"""`get_in`, `set_in`, `update_in`, `delete_in`: against plain nested data, and their errors when a path is wrong."""

from __future__ import annotations

import contextlib
import copy
import functools
import pickle
import re
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import Map, SharedMap, Vector, delete_in, freeze, get_in, set_in, share, thaw, update_in

steps = st.sampled_from(["a", "b", "c"]) | st.integers(-3, 3)
plain_data = st.recursive(
    st.integers() | st.text(max_size=2) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(steps, inner, max_size=3),
    max_leaves=12,
)
paths = st.lists(steps, max_size=4)


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Server:
    host: str
    options: Any = None

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("a server needs a host")


# The oracle: the same operations on dicts and lists, in place, by the plain rules of the language


class Absent(Exception):
    """A dict on the way has no such key."""


def child_of(level: Any, step: Any) -> Any:
    if not isinstance(level, (dict, list)):
        raise TypeError
    try:
        return level[step]
    except KeyError:
        raise Absent from None


def oracle_get(data: Any, path: list[Any], default: Any) -> Any:
    try:
        for step in path:
            data = child_of(data, step)
    except (Absent, IndexError):
        return default
    return data


def oracle_set(data: Any, path: list[Any], value: Any) -> Any:
    data = copy.deepcopy(data)
    if not path:
        return value
    level = data
    for step in path[:-1]:
        try:
            level = child_of(level, step)
        except Absent:
            level[step] = {}
            level = level[step]
    with contextlib.suppress(Absent):
        child_of(level, path[-1])
    level[path[-1]] = value
    return data


def oracle_delete(data: Any, path: list[Any]) -> Any:
    data = copy.deepcopy(data)
    level = data
    for step in path[:-1]:
        level = child_of(level, step)
    child_of(level, path[-1])
    del level[path[-1]]
    return data


def outcome(function: Any, *args: Any) -> Any:
    """The result, thawed, or the kind of error."""
    try:
        return thaw(function(*args))
    except Exception as error:
        return KeyError if isinstance(error, (Absent, KeyError)) else type(error)


@given(plain_data, paths)
def test_get_in_agrees_with_plain_data(data: Any, path: list[Any]) -> None:
    assert outcome(get_in, freeze(data), path, "default") == outcome(oracle_get, data, path, "default")
    assert outcome(get_in, freeze(data), path) == outcome(functools.reduce, child_of, path, data)


@given(plain_data, paths, plain_data)
def test_set_in_agrees_with_plain_data(data: Any, path: list[Any], value: Any) -> None:
    assert outcome(set_in, freeze(data), path, freeze(value)) == outcome(oracle_set, data, path, value)


@given(plain_data, paths)
def test_update_in_agrees_with_plain_data(data: Any, path: list[Any]) -> None:
    expected = outcome(lambda: oracle_set(data, path, [oracle_get(data, path, None), "seen"]))
    assert outcome(update_in, freeze(data), path, lambda old, mark: Vector([old, mark]), "seen") == expected


@given(plain_data, paths.filter(len))
def test_delete_in_agrees_with_plain_data(data: Any, path: list[Any]) -> None:
    assert outcome(delete_in, freeze(data), path) == outcome(oracle_delete, data, path)


@given(plain_data, paths, plain_data)
def test_old_value_stays(data: Any, path: list[Any], value: Any) -> None:
    frozen = freeze(data)
    outcome(set_in, frozen, path, value)
    outcome(delete_in, frozen, path)
    assert thaw(frozen) == data


@given(plain_data, paths)
def test_what_was_set_is_found(data: Any, path: list[Any]) -> None:
    try:
        changed = set_in(freeze(data), path, "new")
    except (TypeError, IndexError):
        return
    assert get_in(changed, path) == "new"


# get_in


def test_get_in_reads_through_all_kinds_of_levels() -> None:
    data = Map(servers=[{"at": Server("x", Point(1, (2, 3)))}])
    assert get_in(data, ["servers", 0, "at", "options", 1, -1]) == 3
    assert get_in(data, ("servers", 0, "at", "host")) == "x"
    assert get_in(("first", "last"), [-2]) == "first"
    assert get_in(data, ()) is data


def test_get_in_default_stands_for_missing_keys_and_indices_only() -> None:
    data = Map(a=Map(), n=5, t=(1,), s=Server("x"))
    for path in (["a", "b", "c"], ["a", "b"], ["t", 1], ["t", -2, "x"]):
        assert get_in(data, path, 7) == 7
        assert get_in(data, path, default=None) is None
    with pytest.raises(TypeError, match=r"cannot look up 'x' in 5 \(int\): step 2 of the path \['n', 'x'\]"):
        get_in(data, ["n", "x"], 7)
    with pytest.raises(TypeError, match="a tuple is indexed by integers, not by 'x'"):
        get_in(data, ["t", "x"], 7)
    with pytest.raises(AttributeError, match="Server has no field 'port'"):
        get_in(data, ["s", "port"], 7)


def test_what_is_not_there_is_a_lookup_error_with_the_path() -> None:
    data = Map(a=Map(), t=(1,), d={})
    for path in (["a", "b", "c"], ["a", "b"], ["d", "b"]):
        with pytest.raises(KeyError, match=rf"^no key 'b': step 2 of the path {re.escape(str(path))}$") as caught:
            get_in(data, path)
        assert caught.value.args == ("b",)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(IndexError, match=r"index 1 is out of range for a tuple of 1: step 2 of the path \['t', 1\]"):
        get_in(data, ["t", 1])


@pytest.mark.parametrize(
    "key", ["x" * 5_000_000, tuple(range(1_000_000)), 1 << 5_000_000], ids=lambda key: type(key).__name__
)
def test_the_text_of_an_error_does_not_grow_with_the_path(key: Any) -> None:
    @dataclass(frozen=True)
    class Wide:
        x: int

    data = Map(a=Map(), n=5, t=(1,), s=Wide(1))
    for first in "ants":
        for path in ([first, key], [first, *[key] * 1000]):
            for call in (get_in, delete_in):
                with pytest.raises((LookupError, TypeError, AttributeError)) as caught:
                    call(data, path)
                assert len(str(caught.value)) < 1700
                assert "step 2 of the path" in str(caught.value)


def test_an_error_deep_in_a_path_shows_the_steps_around_it() -> None:
    path = [*["k"] * 1000, "typo", *["k"] * 1000]
    with pytest.raises(
        KeyError, match=r"no key 'typo': step 1001 of the path \[\.\.\., 'k', .*'typo', 'k'.* \.\.\.\]$"
    ):
        get_in(set_in(Map(), ["k"] * 2000, 1), path)


def test_stored_none_is_not_missing() -> None:
    assert get_in(Map(a=None), ["a"], 7) is None


# set_in, update_in


def test_set_in_creates_missing_levels_as_maps() -> None:
    assert set_in(Map(), ["a", 1, "b"], "x") == Map(a=Map({1: Map(b="x")}))
    assert set_in(Map(), (), "x") == "x"


def test_setting_the_same_object_returns_the_same_object() -> None:
    value = object()
    data = Map(a=(Server("x", Map(v=value)), Point(value, 0)))
    assert set_in(data, ["a", 0, "options", "v"], value) is data
    assert set_in(data, ["a", -1, 0], value) is data
    assert update_in(data, ["a", 0], lambda old: old) is data


def test_everything_beside_the_path_is_shared() -> None:
    beside = Map(x=1)
    changed = set_in(Map(a=Map(b=1), beside=beside), ["a", "b"], 2)
    assert changed["beside"] is beside


def test_levels_keep_their_types() -> None:
    data = Map(point=Point(1, 2), server=Server("x"), pair=(1, 2), row=Vector([1, 2]))
    data = set_in(data, ["point", 0], "new")
    data = set_in(data, ["server", "host"], "new")
    data = set_in(data, ["pair", -1], "new")
    data = set_in(data, ["row", -1], "new")
    assert data == Map(point=Point("new", 2), server=Server("new"), pair=(1, "new"), row=Vector([1, "new"]))
    assert type(data["point"]) is Point


def test_dataclass_checks_its_new_value_itself() -> None:
    with pytest.raises(ValueError, match="a server needs a host"):
        set_in(Map(s=Server("x")), ["s", "host"], "")


def test_update_in_passes_arguments_and_none_for_a_missing_key() -> None:
    assert update_in(Map(n=1), ["n"], lambda old, *more: (old, *more), 2, 3) == Map(n=(1, 2, 3))
    assert update_in(Map(), ["hits", "today"], lambda old: (old or 0) + 1) == Map(hits=Map(today=1))


def test_errors_of_the_function_surface_unchanged() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        update_in(Map(n=1), ["n"], lambda old: old / 0)
    assert not getattr(caught.value, "__notes__", [])


def test_paths_may_be_longer_than_the_stack() -> None:
    path = ["k"] * 100_000
    deep = set_in(Map(), path, 1)
    assert get_in(deep, path) == 1
    assert get_in(delete_in(deep, path), path, "gone") == "gone"


def test_paths_lead_through_shared_maps() -> None:
    data = Map(shared=share({"a": {"b": 1}}))
    changed = set_in(data, ["shared", "x", "y"], 2)
    assert changed == {"shared": {"a": {"b": 1}, "x": {"y": 2}}}
    assert type(changed["shared"]["x"]) is SharedMap
    assert delete_in(changed, ["shared", "a", "b"]) == {"shared": {"a": {}, "x": {"y": 2}}}
    assert get_in(data, ["shared", "a", "b"]) == 1


# delete_in


def test_delete_in_leaves_emptied_levels() -> None:
    assert delete_in(Map(a=Map(b=1)), ["a", "b"]) == Map(a=Map())
    assert delete_in(Map(a=(1, 2, 3)), ["a", -2]) == Map(a=(1, 3))
    assert delete_in(Map(a=Vector([1, 2, 3])), ["a", -2]) == Map(a=Vector([1, 3]))


@pytest.mark.parametrize("path", [["x"], ["a", "x"], ["x", "y"], ["a", "x", "y"]])
def test_deleting_what_is_not_there_is_a_key_error_with_the_path(path: list[str]) -> None:
    with pytest.raises(KeyError) as caught:
        delete_in(Map(a=Map()), path)
    assert caught.value.args == ("x",)
    assert str(caught.value) == f"no key 'x': step {path.index('x') + 1} of the path {path}"


@pytest.mark.parametrize("level", [Server("x"), Point(1, 2)])
def test_fields_cannot_be_deleted(level: Any) -> None:
    key = 0 if isinstance(level, tuple) else "host"
    with pytest.raises(TypeError, match=rf"a {type(level).__name__} cannot lose {key!r}, set it instead: step 2 of"):
        delete_in(Map(a=level), ["a", key])


def test_empty_path_deletes_nothing() -> None:
    with pytest.raises(ValueError, match="the path is empty"):
        delete_in(Map(), ())


# Paths that do not fit: the same errors from all four


def everywhere(data: Any, path: Any) -> list[Any]:
    return [
        lambda: get_in(data, path),
        lambda: set_in(data, path, 0),
        lambda: update_in(data, path, lambda old: 0),
        lambda: delete_in(data, path),
    ]


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        (["text", 0], TypeError, r"cannot look up 0 in 'word' \(str\): step 2 of the path \['text', 0\]"),
        (["none", "x", "y"], TypeError, r"cannot look up 'x' in None \(NoneType\): step 2 of the path"),
        (["set", 1], TypeError, r"cannot look up 1 in a frozenset: step 2"),
        (["pair", "x"], TypeError, r"a tuple is indexed by integers, not by 'x': step 2 of the path"),
        (["pair", 2], IndexError, r"index 2 is out of range for a tuple of 2: step 2 of the path"),
        (["row", "x"], TypeError, r"a Vector is indexed by integers, not by 'x': step 2 of the path"),
        (["row", 2], IndexError, r"index 2 is out of range for a Vector of 2: step 2 of the path"),
        (["pair", -3], IndexError, r"index -3 is out of range for a tuple of 2: step 2 of the path"),
        (["server", "port"], AttributeError, r"Server has no field 'port', only host, options: step 2 of the path"),
        (["server", 0], AttributeError, r"Server has no field 0"),
        (["class", "host"], TypeError, r"cannot look up 'host' in a type: step 2"),
        ("text", TypeError, r"a path is a sequence of keys, not str: write \['text'\]"),
        (b"text", TypeError, r"a path is a sequence of keys, not bytes"),
        ([[]], TypeError, r"unhashable"),
    ],
)
def test_paths_that_do_not_fit(path: Any, error: type[Exception], message: str) -> None:
    data = Map(
        {
            "text": "word",
            "none": None,
            "set": frozenset(),
            "pair": (1, 2),
            "row": Vector([1, 2]),
            "server": Server("x"),
            "class": Server,
        }
    )
    for call in everywhere(data, path):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("level", [{"k": 1}, [1]])
def test_mutable_levels_are_read_but_never_changed(level: Any) -> None:
    data, path = Map(a=level), ["a", "k" if isinstance(level, dict) else 0]
    read, *changes = everywhere(data, path)
    assert read() == 1
    for change in changes:
        with pytest.raises(TypeError, match=r"cannot derive a new version of a (dict|list), freeze it first: step 2"):
            change()
    assert thaw(level) == level


def test_mutable_dataclass_is_not_changed() -> None:
    @dataclass
    class Loose:
        value: int

    loose = Loose(1)
    with pytest.raises(TypeError, match="cannot derive a new version of a Loose"):
        set_in(loose, ["value"], 2)
    assert loose.value == 1
    with pytest.raises(FrozenInstanceError):
        set_in(Server("x"), ["host"], "y").host = "z"
