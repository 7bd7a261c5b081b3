"""`freeze` and `thaw`: what becomes of each type, the way back, sharing, depth, cycles, types of one's own."""

from __future__ import annotations

import collections
import copy
import enum
import functools
import gc
import inspect
import json
import pickle
import pydoc
import types
from collections import OrderedDict, UserDict, UserList, defaultdict, deque
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import frozen
from frozen import Map, NotShareableError, Set, SharedMap, SharedSet, SharedVector, Vector, freeze, share, thaw
from frozen._core import _shared_nodes

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=5)
keys = st.text(max_size=3) | st.integers(-9, 9) | st.tuples(st.integers(0, 3), st.text(max_size=1))
plain_data = st.recursive(
    scalars | st.sets(st.integers(0, 9)),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=30,
)


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Server:
    name: str
    tags: Any
    cache: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cache", [self.name])


def parts_of(value: Any) -> list[Any]:
    """`value` and everything inside it."""
    found, todo = [], [value]
    while todo:
        found.append(value := todo.pop())
        if isinstance(value, (dict, Map)):
            todo.extend(value.values())
        elif isinstance(value, (list, Vector, tuple, set, Set)):
            todo.extend(value)
    return found


# What becomes of it


@given(plain_data)
def test_thaw_undoes_freeze(data: Any) -> None:
    assert thaw(freeze(data)) == data


@given(plain_data)
def test_thaw_undoes_share(data: Any) -> None:
    shared = share(data)
    assert thaw(shared) == data
    assert share(shared) is shared
    assert share(freeze(data)) == shared


@given(plain_data)
def test_nothing_mutable_is_left_by_freeze(data: Any) -> None:
    assert not [part for part in parts_of(freeze(data)) if isinstance(part, (dict, list, set))]


@given(plain_data)
def test_what_is_frozen_is_returned_as_it_is(data: Any) -> None:
    frozen = freeze(data)
    assert freeze(frozen) is frozen


@given(plain_data)
def test_neither_direction_changes_its_argument(data: Any) -> None:
    before = copy.deepcopy(data)
    frozen = freeze(data)
    assert data == before
    thaw(frozen)
    assert frozen == freeze(before)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"a": [1, {"b": {2}}]}, Map({"a": Vector([1, Map({"b": Set({2})})])})),
        (OrderedDict(a=1), Map(a=1)),
        (defaultdict(list, a=[1]), Map(a=Vector([1]))),
        (collections.Counter("aab"), Map(a=2, b=1)),
        (types.MappingProxyType({"a": []}), Map(a=Vector())),
        (UserDict(a=[]), Map(a=Vector())),
        (deque([1, [2]]), Vector([1, Vector([2])])),
        (UserList([[]]), Vector([Vector()])),
        (bytearray(b"ab"), b"ab"),
        ({1: "a"}.keys(), Set({1})),
        (frozenset({1}), frozenset({1})),
        ((1, [2]), (1, Vector([2]))),
        (Map({"a": [1]}), Map(a=Vector([1]))),
        (Vector([(), [1]]), Vector([(), Vector([1])])),
    ],
)
def test_freeze(data: Any, expected: Any) -> None:
    result = freeze(data)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (Map(a=Map(b=Vector([1, 2]))), {"a": {"b": [1, 2]}}),
        ((1, Vector([2])), (1, [2])),
        (Set({(1, 2)}), {(1, 2)}),
        (frozenset({(1, 2)}), frozenset({(1, 2)})),
        (types.MappingProxyType({"a": ()}), {"a": ()}),
        ({"a": Map()}, {"a": {}}),
        ("text", "text"),
    ],
)
def test_thaw(data: Any, expected: Any) -> None:
    result = thaw(data)
    assert result == expected
    assert type(result) is type(expected)


def test_shared_containers_are_frozen_and_thaw_to_plain_data() -> None:
    shared = share({"a": (1, {"b": {2}})})
    assert type(shared) is SharedMap
    assert freeze([shared])[0] is shared
    assert freeze(SharedSet({1})) == {1}
    assert thaw(shared) == {"a": (1, {"b": {2}})}


@pytest.mark.parametrize("family", [(Map, Set), (SharedMap, SharedSet)], ids=["local", "shared"])
def test_a_mutation_of_a_map_or_set_is_refused_where_it_stands(family: Any) -> None:
    for mutation in (family[0]({"a": 1}).mutate(), family[1]({1}).mutate()):
        name = type(mutation).__name__
        with pytest.raises(TypeError, match=rf"freeze: {name} can still change; .* finish\(\) .*\(at \['draft'\]\)"):
            freeze({"draft": mutation})
        mutation.finish()


@pytest.mark.parametrize("family", [Vector, SharedVector])
def test_a_mutation_of_a_vector_is_a_mutable_sequence(family: Any) -> None:
    draft = family([1]).mutate()
    frozen = freeze({"draft": draft})["draft"]
    draft.append(2)
    assert frozen == Vector([1])
    assert type(frozen) is Vector


def test_a_view_of_values_that_change_is_copied() -> None:
    data = {"a": [1]}
    frozen = freeze((data.values(),))
    data["b"] = [2]
    assert frozen == (Vector([Vector([1])]),)


def test_a_simple_namespace_is_refused() -> None:
    with pytest.raises(TypeError, match="SimpleNamespace is mutable; put its vars"):
        freeze([types.SimpleNamespace(a=[])])


def test_other_objects_stay_as_they_are() -> None:
    for other in (object(), print, int, 1.5, "text", b"bytes", range(3), types, Ellipsis):
        assert freeze(other) is other
        assert thaw(other) is other


def test_frozenset_of_any_class_stays() -> None:
    class Flags(frozenset[str]):
        pass

    flags = Flags({"a"})
    assert freeze([flags]) == Vector([flags])
    assert freeze([flags])[0] is flags


def test_enum_members_stay_whatever_they_are_made_of() -> None:
    class Size(enum.Enum):
        SMALL = ([1],)

    class Pair(tuple, enum.Enum):
        LISTS = ([1], [2])

    assert freeze((Size.SMALL, Pair.LISTS)) == (Size.SMALL, Pair.LISTS)


def test_named_tuples_keep_their_type() -> None:
    frozen = freeze(Point([1], {}))
    assert frozen == Point(Vector([1]), Map())
    assert type(frozen) is Point
    assert type(thaw(frozen)) is Point
    assert thaw(frozen) == Point([1], {})


def test_unchanged_parts_of_a_map_are_shared() -> None:
    inner = Map(a=(1, 2))
    data = Map(inner=inner, text="x", numbers=[1])
    frozen = freeze(data)
    assert frozen["inner"] is inner
    assert frozen == Map(inner=inner, text="x", numbers=Vector([1]))


def test_unchanged_parts_of_a_vector_are_shared() -> None:
    data = Vector(range(10_000)).set(5, [1])
    frozen = freeze(data)
    assert frozen == data.set(5, Vector([1]))
    assert frozen[9_999] is data[9_999]
    shared, total, _ = _shared_nodes(data, frozen)
    assert shared > total // 2


def test_an_object_reached_twice_is_frozen_once() -> None:
    shared = {"a": [1]}
    first, second = freeze([shared, shared])
    assert first is second


def test_doubling_references_take_linear_time() -> None:
    data: Any = []
    for _ in range(200):  # 2**200 paths lead to the innermost list
        data = [data, data]
    assert len(freeze(data)) == 2


def test_thawed_containers_are_not_shared() -> None:
    part = Map(a=1)
    thawed = thaw(Vector([part, part]))
    thawed[0]["a"] = 2
    assert thawed == [{"a": 2}, {"a": 1}]


def test_thaw_copies_what_is_mutable_already() -> None:
    inner = [1]
    frozen = Map(inner=inner)
    thaw(frozen)["inner"].append(2)
    assert inner == [1]


# Dataclasses


def test_frozen_dataclass_is_rebuilt_with_frozen_fields() -> None:
    server = Server("a", ["x"])
    frozen = freeze(server)
    assert (frozen.name, frozen.tags, frozen.cache) == ("a", Vector("x"), Vector("a"))
    assert type(frozen) is Server
    assert server.tags == ["x"]
    with pytest.raises(FrozenInstanceError):
        frozen.tags = ()


def test_frozen_dataclass_without_mutable_fields_is_returned_as_it_is() -> None:
    @dataclass(frozen=True, slots=True)
    class Pair:
        left: Any
        right: Any

    pair = Pair(1, Map())
    assert freeze(pair) is pair
    assert freeze(Pair([], 1)) == Pair(Vector(), 1)


def test_dataclass_comes_back_from_thaw_with_its_fields_thawed() -> None:
    server = Server("a", {"x": ["y"]})
    assert thaw(freeze(server)) == server


def test_mutable_dataclass_is_an_error_that_names_the_way_out() -> None:
    @dataclass
    class Loose:
        value: int

    says = r"Loose is a mutable dataclass; declare it with frozen=True, or .*register.* \(at \['a'\]\[0\]\)"
    with pytest.raises(TypeError, match=says):
        freeze({"a": [Loose(1)]})


def test_what_was_computed_from_the_old_fields_is_left_behind() -> None:
    @dataclass(frozen=True)
    class Pool:
        sizes: Any

        @functools.cached_property
        def total(self) -> tuple[Any, int]:
            return self.sizes, sum(self.sizes)

    pool = Pool([1, 2])
    assert pool.total == ([1, 2], 3)
    pool.sizes.append(3)
    frozen = freeze(pool)
    assert frozen.total == (Vector([1, 2, 3]), 6)
    assert type(frozen.total[0]) is Vector
    assert vars(thaw(frozen)) == {"sizes": [1, 2, 3]}


def test_a_computed_value_that_is_not_frozen_is_computed_anew() -> None:
    @dataclass(frozen=True)
    class Pool:
        sizes: Any

        def __post_init__(self) -> None:
            object.__setattr__(self, "made_by", ["init"])

        @functools.cached_property
        def doubled(self) -> Any:
            return [2 * size for size in self.sizes]

        @functools.cached_property
        def total(self) -> int:
            return sum(self.sizes)

    pool = Pool((1, 2))
    assert pool.total == 3
    assert freeze(pool) is pool
    pool.doubled.append("stale")
    frozen = freeze((pool,))[0]
    assert frozen.sizes is pool.sizes
    assert frozen.doubled == [2, 4]
    assert vars(pool)["doubled"] == [2, 4, "stale"]


def test_a_dataclass_with_the_layout_of_an_exception_is_rebuilt() -> None:
    @dataclass(frozen=True)
    class Failure(Exception):
        causes: Any

    frozen = freeze((Failure(["a"]),))[0]
    assert type(frozen) is Failure
    assert frozen.causes == Vector(["a"])


# Depth and cycles


def nested(wrap: Any) -> Any:
    data: Any = "bottom"
    for _ in range(100_000):
        data = wrap(data)
    return data


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}, lambda inner: (inner, [])])
def test_nesting_may_be_deeper_than_the_stack(wrap: Any) -> None:
    data = nested(wrap)
    frozen = freeze(data)
    thawed = thaw(frozen)
    depth = 0
    while thawed != "bottom":
        thawed = thawed["k"] if isinstance(thawed, dict) else thawed[0]
        depth += 1
    assert depth == 100_000


@pytest.mark.parametrize(
    "wrap",
    [lambda inner: [inner], lambda inner: {"k": inner}, lambda inner: Map(k=inner), lambda inner: Vector([inner])],
)
def test_shared_nesting_may_be_deeper_than_the_stack(wrap: Any) -> None:
    shared = share(nested(wrap))
    depth = 0
    while shared != "bottom":
        shared = shared["k" if isinstance(shared, SharedMap) else 0]
        depth += 1
    assert depth == 100_000


def test_list_that_contains_itself_is_an_error_that_says_where() -> None:
    loop: list[Any] = [0]
    loop.append({"again": (1, loop)})
    with pytest.raises(ValueError, match=r"freeze: the list at \['config'\]\[1\]\['again'\]\[1\] contains itself"):
        freeze({"config": loop})
    with pytest.raises(ValueError, match=r"thaw: the list at \[1\]\['again'\]\[1\] contains itself"):
        thaw(loop)


def test_mapping_that_contains_itself_through_a_frozen_dataclass() -> None:
    data: dict[str, Any] = {}
    data["server"] = Server("a", data)
    with pytest.raises(ValueError, match=r"the dict at \['server'\]\['tags'\] contains itself"):
        freeze(data)


def test_long_cycle_is_described_briefly() -> None:
    loop: list[Any] = []
    inner = loop
    for _ in range(1000):
        inner.append([])
        inner = inner[0]
    inner.append(loop)
    with pytest.raises(ValueError, match="contains itself") as caught:
        freeze(loop)
    assert len(str(caught.value)) < 200


def test_errors_of_foreign_code_say_where_it_was_called() -> None:
    with pytest.raises(TypeError, match="unhashable") as caught:
        freeze({"a": [{"x": [1]}.items()]})
    assert caught.value.__notes__ == ["freeze: at ['a'][0]"]


@pytest.mark.parametrize("conversion", [freeze, thaw, share])
def test_an_interrupted_conversion_ends_at_once(conversion: Any) -> None:
    class Interrupting(UserDict):
        def items(self) -> Any:
            raise KeyboardInterrupt

    data = [[1], Interrupting()]
    with pytest.raises(KeyboardInterrupt) as caught:
        conversion(data)
    assert not hasattr(caught.value, "__notes__")
    assert data[0] == [1]


def test_errors_leave_no_garbage() -> None:
    gc.collect()
    gc.disable()
    try:
        for conversion in (freeze, share):
            with pytest.raises(TypeError):
                conversion({"a": [Loose(1)]})
        assert gc.collect() == 0
    finally:
        gc.enable()


# As `default` of the json module


def test_json_writes_frozen_data() -> None:
    data = {"a": [1, {"b": None}], "c": {"d": "x"}}
    assert json.loads(json.dumps(freeze(data), default=thaw)) == data
    assert json.loads(json.dumps(share(data), default=thaw, indent=1)) == data


@pytest.mark.parametrize(
    "value",
    [object(), {1}, Set([1]), b"x", Map(a=1).diff(Map(a=2)), Server("a", []), 1j],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_names_what_it_cannot_write(value: Any, indent: Any) -> None:
    for data in (value, [value], Map(when=value), freeze({"a": [{"b": value}]})):
        with pytest.raises(TypeError, match=r"Object of type \w+ is not JSON serializable"):
            json.dumps(data, default=thaw, indent=indent)


# Types of one's own


@dataclass
class Loose:
    value: int


class Account:
    def __init__(self, owner: str, history: list[Any]) -> None:
        self.owner, self.history = owner, history


class FrozenAccount(NamedTuple):
    owner: str
    history: Vector[Any]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations that end with the test."""
    for function in (freeze, thaw, share):
        conversion = function.register.__self__
        monkeypatch.setattr(conversion, "_hooks", conversion._hooks)
        monkeypatch.setattr(conversion, "run", conversion.run)


@pytest.mark.usefixtures("registry")
class TestRegistry:
    def test_hook_converts_both_ways(self) -> None:
        freeze.register(Account, lambda obj, convert: FrozenAccount(obj.owner, convert(obj.history)))
        thaw.register(FrozenAccount, lambda obj, convert: Account(obj.owner, convert(obj.history)))
        frozen = freeze({"a": [Account("me", [[1]])]})
        assert frozen == Map(a=Vector([FrozenAccount("me", Vector([Vector([1])]))]))
        account = thaw(frozen)["a"][0]
        assert type(account) is Account
        assert account.history == [[1]]

    def test_register_as_decorator_serves_subclasses(self) -> None:
        @freeze.register(Account)
        def _(obj: Account, convert: Any) -> Any:
            return obj.owner

        class Special(Account):
            pass

        assert freeze((Special("me", []),)) == ("me",)

    def test_hook_comes_before_the_built_in_rules(self) -> None:
        freeze.register(dict, lambda obj, convert: "a dict")
        assert freeze(({},)) == ("a dict",)

    def test_hooked_object_reached_twice_is_converted_once(self) -> None:
        account = Account("me", [])
        calls = []
        freeze.register(Account, lambda obj, convert: calls.append(obj) or obj.owner)
        assert freeze((account, (account,))) == ("me", ("me",))
        assert calls == [account]

    def test_cycle_through_a_hook_is_found(self) -> None:
        account = Account("me", [])
        account.history.append({"account": account})
        freeze.register(Account, lambda obj, convert: convert(obj.history))
        with pytest.raises(ValueError, match=r"the Account at .* contains itself"):
            freeze(account)

    def test_errors_of_a_hook_surface_and_may_be_handled_by_an_outer_hook(self) -> None:
        class Bad:
            pass

        def fail(obj: Bad, convert: Any) -> Any:
            raise LookupError("bad")

        def forgive(obj: Account, convert: Any) -> Any:
            try:
                return convert(obj.history)
            except LookupError:
                return "forgiven"

        freeze.register(Bad, fail)
        freeze.register(Account, forgive)
        bad = Bad()
        with pytest.raises(LookupError, match="bad"):
            freeze([bad])
        history = [[[bad]]]
        assert freeze((Account("a", history), Account("b", history), [1])) == ("forgiven", "forgiven", Vector([1]))

    def test_hooks_are_called_for_plain_values_too(self) -> None:
        freeze.register(str, lambda obj, convert: obj.upper())
        assert freeze({"a": ["x", 1]}) == Map(a=Vector(["X", 1]))
        assert freeze("x") == "X"

    def test_hook_of_share(self) -> None:
        share.register(Account, lambda obj, convert: convert({"owner": obj.owner, "history": obj.history}))
        shared = share([Account("me", [[1]])])
        assert thaw(shared) == [{"owner": "me", "history": [[1]]}]
        assert type(shared[0]) is SharedMap

    def test_a_hook_of_share_that_forgets_to_convert_is_told(self) -> None:
        share.register(Account, lambda obj, convert: obj.history)
        for data, path in ([Account("me", [])], "[0]"), (Account("me", []), ""):
            with pytest.raises(NotShareableError, match=r"in a hook of share\.register call convert\(\)") as caught:
                share(data)
            assert caught.value.path == path

    def test_an_error_that_passes_several_hooks_names_its_path_once(self) -> None:
        share.register(Account, lambda obj, convert: convert({"history": obj.history}))
        with pytest.raises(NotShareableError) as caught:
            share({"a": Account("me", [Account("you", [object()])])})
        assert caught.value.path == "['a']['history'][0]['history'][0]"

    def test_only_classes_can_be_registered(self) -> None:
        with pytest.raises(TypeError, match="must be a class, not 'Account'"):
            freeze.register("Account", lambda obj, convert: obj)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["freeze", "thaw", "share"])
def test_conversions_are_functions(name: str) -> None:
    function = getattr(frozen, name)
    assert inspect.isfunction(function)
    assert (function.__module__, function.__name__, function.__qualname__) == ("frozen", name, name)
    assert str(inspect.signature(function)).startswith("(obj")
    assert repr(function).startswith(f"<function {name} at ")
    assert pickle.loads(pickle.dumps(function)) is function
    assert copy.deepcopy(function) is function
    assert list(inspect.signature(function.register).parameters) == ["cls", "hook"]
    assert inspect.getdoc(function.register).startswith("Convert instances of `cls`")
    assert f"\n{name}(obj" in pydoc.render_doc(function, renderer=pydoc.plaintext)
