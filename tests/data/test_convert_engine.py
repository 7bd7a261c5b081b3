"""The engine of `freeze`, `thaw` and `share`: it agrees with a short one in Python, and holds out against objects and
threads that change what is being converted, errors, interrupts and a lack of memory."""

from __future__ import annotations

import faulthandler
import gc
import signal
import sys
import threading
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
import reference_convert as reference
from hypothesis import given
from hypothesis import strategies as st
from support import DEBUG_BUILD, FREE_THREADED, assert_no_leak, live_shared_nodes, run_threads

from frozen import (
    Map,
    NotShareableError,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    freeze,
    share,
    thaw,
)
from frozen._convert import Member, show_path

CONVERSIONS = {"freeze": freeze, "thaw": thaw, "share": share}
RULES = {"freeze": reference.FREEZE, "thaw": reference.THAW, "share": reference.SHARE}
conversions = pytest.mark.parametrize("name", CONVERSIONS)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations that end with the test."""
    for function in CONVERSIONS.values():
        conversion = function.register.__self__
        monkeypatch.setattr(conversion, "_hooks", conversion._hooks)
        monkeypatch.setattr(conversion, "run", conversion.run)


# The same as the reference

ATOMS: list[Any] = [None, True, 0, -1, 2**70, 1.5, 1j, "", "text", "a longer text, of no short cell", b"b", ..., ()]
KEYS: list[Any] = ["a", "b", "c", 0, 1, (1, "x"), frozenset({2}), None, "a longer key, of no short cell"]
# Of some values made before, something that holds them.
WRAPPERS: list[Callable[[list[Any]], Any]] = [
    list,
    tuple,
    Vector,
    deque,
    lambda parts: dict(zip(KEYS, parts, strict=False)),
    lambda parts: Map(zip(KEYS, parts, strict=False)),
    lambda parts: OrderedDict(zip(KEYS, parts, strict=False)),
    lambda parts: defaultdict(list, zip(KEYS, parts, strict=False)),
    lambda parts: UserDict(zip(KEYS, parts, strict=False)),
    lambda parts: types.MappingProxyType(dict(zip(KEYS, parts, strict=False))),
    lambda parts: ChainMap(dict(zip(KEYS, parts, strict=False))),
    lambda parts: Map(zip(KEYS, parts, strict=False)).set("d", parts),  # shares nodes with other maps
    lambda parts: Counter(range(len(parts))),
    lambda parts: set(range(len(parts))),
    lambda parts: frozenset({("a", len(parts))}),
    lambda parts: Set([("a", len(parts)), "b"]),
    lambda parts: SharedMap({(1, "x"): 1, "a": SharedVector(range(len(parts)))}),
    lambda parts: SharedVector([SharedSet({1}), ("a", 1)]),
    lambda parts: SharedSet({"a", len(parts)}),
]


@st.composite
def graphs(draw: st.DrawFn) -> Any:
    """A value whose parts may occur in several places."""
    made: list[Any] = list(ATOMS)
    for _ in range(draw(st.integers(1, 12))):
        parts = [draw(st.sampled_from(made)) for _ in range(draw(st.integers(0, 5)))]
        made.append(draw(st.sampled_from(WRAPPERS))(parts))
    return draw(st.sampled_from([made[-1], made[len(ATOMS) :]]))


@given(graphs())
def test_the_result_is_that_of_the_reference(data: Any) -> None:
    for name, conversion in CONVERSIONS.items():
        assert reference.same(conversion(data), reference.convert(RULES[name], data)), name


@given(graphs())
def test_what_is_one_object_becomes_one_object(data: Any) -> None:
    """As in the reference: of each two places in the result, both have the same object or both have not."""
    for name in ("freeze", "thaw"):
        todo = [(CONVERSIONS[name](data), reference.convert(RULES[name], data))]
        ours: dict[int, Any] = {}
        theirs: dict[int, Any] = {}
        while todo:
            a, b = todo.pop()
            if isinstance(a, (dict, Map)):
                todo += [(value, b[key]) for key, value in a.items()]
            elif isinstance(a, (list, Vector)):
                todo += zip(a, b, strict=True)
            else:
                continue
            if len(a) > 0:
                assert ours.setdefault(id(a), b) is b, name
                assert theirs.setdefault(id(b), a) is a, name


@given(graphs())
def test_what_is_frozen_comes_back(data: Any) -> None:
    frozen = freeze(data)
    assert freeze(frozen) is frozen
    assert freeze((frozen, [frozen]))[0] is frozen


@st.composite
def cyclic_graphs(draw: st.DrawFn) -> Any:
    """Lists and dicts that refer to each other."""
    nodes: list[Any] = [draw(st.sampled_from([list, dict]))() for _ in range(draw(st.integers(1, 6)))]
    for node in nodes:
        for key in range(draw(st.integers(0, 3))):
            part = draw(st.sampled_from(nodes))
            part = draw(st.sampled_from([part, (part,), (0, [part])]))
            if isinstance(node, list):
                node.append(part)
            else:
                node[key] = part
    return nodes[0]


@given(cyclic_graphs())
def test_a_cycle_is_found_where_the_reference_finds_it(data: Any) -> None:
    for name in ("freeze", "thaw"):
        path, expected = cycle_or_result(name, data)
        if path is None:
            assert reference.same(CONVERSIONS[name](data), expected)
            continue
        with pytest.raises(ValueError, match="contains itself") as caught:
            CONVERSIONS[name](data)
        assert f" at {path or 'the top'} contains itself" in str(caught.value)
        with pytest.raises(NotShareableError, match="contains itself") as refused:
            share(data)
        assert refused.value.path == path


def cycle_or_result(name: str, data: Any) -> tuple[str | None, Any]:
    """What the reference finds: the path of a cycle, or else the result."""
    try:
        return None, reference.convert(RULES[name], data)
    except reference.Cycle as cycle:
        return show_path(cycle.args[0]), None


@conversions
def test_a_deep_cycle_is_found(name: str) -> None:
    for depth in (31, 32, 33, 34, 100_000):
        innermost: list[Any] = []
        data = innermost
        for _ in range(depth):
            data = [data]
        innermost.append(data)
        with pytest.raises((ValueError, NotShareableError), match="contains itself"):
            CONVERSIONS[name](data)
        innermost.clear()
        CONVERSIONS[name](data)


# Depth


def nested(wrap: Callable[[Any], Any]) -> Any:
    data: Any = "bottom"
    for _ in range(100_000):
        data = wrap(data)
    return data


def depth_of(data: Any) -> int:
    depth = 0
    while data != "bottom":
        data = data["k"] if isinstance(data, (dict, Map, SharedMap, Mapping)) else data[0]
        depth += 1
    return depth


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: Map(k=inner, other=[]),
        lambda inner: Vector([inner, []]),
        lambda inner: UserDict(k=inner),
        pytest.param(
            lambda inner: deque([inner]),
            marks=pytest.mark.skipif(
                FREE_THREADED and sys.version_info < (3, 14), reason="CPython crashes where it frees such deques"
            ),
        ),
        lambda inner: types.MappingProxyType({"k": inner}),
    ],
    ids=["Map", "Vector", "UserDict", "deque", "mappingproxy"],
)
def test_any_container_may_be_nested_deeper_than_the_stack(wrap: Any) -> None:
    data = nested(wrap)
    assert depth_of(freeze(data)) == 100_000
    assert depth_of(thaw(data)) == 100_000
    shared = share(data)
    assert depth_of(shared) == 100_000
    assert depth_of(thaw(shared)) == 100_000


# What is frozen already


def test_a_frozen_container_of_atoms_is_known_without_a_look_at_them() -> None:
    elements = Vector(["x"]) * 2**45
    assert freeze(elements) is elements
    outer = Map(a=elements, b=Map(c=Vector([elements])))
    assert freeze([outer])[0] is outer


class Flat(Mapping):  # type: ignore[type-arg]
    def __getitem__(self, key: str) -> Any:
        return [key]

    def __iter__(self) -> Iterator[str]:
        return iter("ab")

    def __len__(self) -> int:
        return 2


def test_what_the_collector_does_not_know_may_be_mutable() -> None:
    for family in (lambda part: Map(a=part), lambda part: Vector([part]), lambda part: Map(a=(part,))):
        assert freeze(family(bytearray(b"x"))) == family(b"x")
        assert freeze(family(Flat())) == family(Map(a=Vector("a"), b=Vector("b")))


def test_a_record_that_the_collector_does_not_know_may_be_mutable() -> None:
    msgspec = pytest.importorskip("msgspec")
    loose = msgspec.defstruct("loose", [("x", Any)], gc=False)
    solid = msgspec.defstruct("solid", [("x", Any)], gc=False, frozen=True)
    for family in (lambda part: Map(a=part), lambda part: Vector([part]), lambda part: Map(a=(part,))):
        assert not gc.is_tracked(solid([]))
        assert freeze(family(solid([1]))) == family(solid(Vector([1])))
        with pytest.raises(TypeError, match="loose is a mutable msgspec Struct"):
            freeze(family(loose(1)))


def test_a_registered_function_is_called_for_what_is_in_frozen_containers(registry: None) -> None:
    data = Map(a=1.5, b=Vector([2, 2.5]))
    assert freeze(data) is data
    freeze.register(float, lambda obj, convert: str(obj))
    assert freeze(data) == Map(a="1.5", b=Vector([2, "2.5"]))


# Code that changes what is being converted


def test_containers_are_converted_as_they_were_when_they_were_opened() -> None:
    class Changing(UserDict):  # type: ignore[type-arg]
        def items(self) -> Any:
            outer.clear()
            inner.clear()
            inner.update(dict.fromkeys(range(1000), 1))
            return super().items()

    for conversion in CONVERSIONS.values():
        inner: dict[Any, Any] = {}
        outer: list[Any] = []
        inner.update(a=Changing(), b=[1], c=2)
        outer.extend([[0], inner, [3]])
        expected: Any = [[0], {"a": {}, "b": [1], "c": 2}, [3]]
        assert thaw(conversion(outer)) == expected
        assert outer == []


def test_a_container_that_comes_to_hold_itself_meanwhile_is_an_error() -> None:
    class Tying(UserDict):  # type: ignore[type-arg]
        def items(self) -> Any:
            return [("again", outer)]

    for conversion in CONVERSIONS.values():
        outer: list[Any] = [[[Tying()]]]
        with pytest.raises((ValueError, NotShareableError), match="contains itself"):
            conversion(outer)


@conversions
def test_a_mapping_that_changes_while_it_is_read(name: str) -> None:
    class Growing(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            for item in dict(self).items():
                self[len(self)] = []
                yield item

    data = [Growing(a=[1], b=[2])]
    assert thaw(CONVERSIONS[name](data)) == [{"a": [1], "b": [2]}]
    assert len(data[0]) == 4


@pytest.mark.skipif(not FREE_THREADED, reason="needs threads that run at once")
@conversions
def test_other_threads_may_change_what_is_converted(name: str) -> None:
    inner: dict[Any, Any] = {"a": [1], "b": {"c": {1, 2}}}
    data: list[Any] = [inner, [2]]
    ended = threading.Event()

    def change() -> None:
        count = 0
        while not ended.is_set():
            count += 1
            data.append([count])
            inner[count % 50] = {count: [count]}
            inner["b"]["c"].add(count % 90)
            if len(data) > 50:
                del data[2:]
            inner.pop((count + 25) % 50, None)

    def convert() -> None:
        try:
            for _ in range(300):
                result = thaw(CONVERSIONS[name](data))
                assert result[:2] == [result[0], [2]]
                assert result[0]["a"] == [1]
        finally:
            ended.set()

    run_threads(change, convert)


# Registered functions


class Box:
    def __init__(self, *parts: Any) -> None:
        self.parts = parts


@pytest.mark.usefixtures("registry")
class TestConvert:
    def test_it_may_be_called_later(self) -> None:
        kept = []
        freeze.register(Box, lambda obj, convert: kept.append(convert) or 1)
        assert freeze([Box()]) == Vector([1])
        assert kept[0]([[2], Box()]) == Vector([Vector([2]), 1])
        assert freeze([Box()]) == Vector([1])

    def test_it_may_be_called_in_another_thread(self) -> None:
        freeze.register(
            Box, lambda obj, convert: Vector(run_threads(*(lambda p=part: convert(p) for part in obj.parts)))
        )
        assert freeze({"a": Box([1], [[2]])}) == Map(a=Vector([Vector([1]), Vector([Vector([2])])]))

    def test_parts_that_occur_twice_are_converted_once(self) -> None:
        shared = [[1]]
        freeze.register(Box, lambda obj, convert: tuple(convert(part) for part in obj.parts))
        first, (second, third) = freeze((shared, Box(shared, [shared])))
        assert second is first
        assert third[0] is first

    def test_its_errors_say_where_they_are_below_the_object(self) -> None:
        freeze.register(Box, lambda obj, convert: convert({"parts": obj.parts}))
        data = [0, Box([types.SimpleNamespace()])]
        with pytest.raises(TypeError, match=r"SimpleNamespace is mutable.*\(at \[1\]\['parts'\]\[0\]\[0\]\)"):
            freeze(data)

    def test_it_may_be_left_in_another_greenlet(self) -> None:
        greenlet = pytest.importorskip("greenlet")
        waiting = []

        def in_a_greenlet(obj: Box, convert: Any) -> Any:
            def run() -> Any:
                return convert([obj.parts[0], Pausing()])

            waiting.append(greenlet.greenlet(run))
            return waiting[-1].switch()

        class Pausing(UserDict):  # type: ignore[type-arg]
            def items(self) -> Any:
                greenlet.getcurrent().parent.switch("paused")
                return super().items()

        freeze.register(Box, in_a_greenlet)
        assert freeze([Box([1]), [[2], Box([3])]]) == Vector(["paused", Vector([Vector([2]), "paused"])])
        for left in waiting:
            with pytest.raises(RuntimeError, match="has gone on without it"):
                left.switch()

    def test_nested_calls_are_bounded(self) -> None:
        freeze.register(Box, lambda obj, convert: convert(obj.parts))
        data: Any = 0
        for _ in range(100_000):
            data = Box(data)
        with pytest.raises(RecursionError):
            freeze(data)


# Keys and members


class Point(NamedTuple):
    x: Any
    y: Any


class Text(str):
    __slots__ = ()


def test_keys_and_members_are_shared_as_plain_values() -> None:
    shared = share({Text("a"): {Text("b"), (Text("c"),)}, ("k", Text("d")): frozenset({Text("e")})})
    assert shared == SharedMap({"a": SharedSet({"b", ("c",)}), ("k", "d"): frozenset({"e"})})
    for key in shared:
        assert type(key) in (str, tuple)


def test_an_error_names_the_key_or_member_that_it_is_in() -> None:
    pool = object()
    for data, labels in (
        ({"a": {(1, pool): 2}}, ["a", Member((1, pool)), 1]),
        ([{(1, pool)}], [0, Member((1, pool)), 1]),
        ([{pool: 1}, {pool}], [0]),  # the error has the object itself, which is no place
        ([frozenset({pool})], [0]),
        ([frozenset({(pool,)})], [0, Member((pool,)), 0]),
        ({"a": [1, (2, pool)]}, ["a", 1, 1]),
    ):
        with pytest.raises(NotShareableError) as caught:
            share(data)
        assert caught.value.path == show_path(labels)
        assert caught.value.value is pool


# Interrupts, lack of memory, leaks


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
def test_thaw_can_be_interrupted() -> None:
    data: Any = [1]
    for _ in range(60):
        data = [data, data]  # thawed, it has 2**60 lists

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # hypothesis has the collector call it: there the handler's error would be lost
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(KeyboardInterrupt):
            thaw(data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def records(mapping: Callable[..., Any], pair: Callable[[Any, Any], Any]) -> Any:
    made: list[Any] = [
        {"id": i, "tags": ["a", ("b", [i])], "more": mapping(x=[{"y": {1, 2}}]), pair(1, 2): pair([1], {})}
        for i in range(5)
    ]
    return [*made, made[0]]


BUILTINS = records(dict, lambda x, y: (x, y))
RECORDS = records(lambda **items: defaultdict(list, items), Point)
FROZEN = freeze(BUILTINS)
SHARED = share(BUILTINS)
CALLS_IN_C: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "freeze": (freeze, BUILTINS),
    "freeze again": (freeze, FROZEN),
    "freeze part of a Map": (freeze, FROZEN.append(Map(a=[1]))),
    "thaw": (thaw, BUILTINS),
    "thaw frozen": (thaw, FROZEN),
    "thaw shared": (thaw, SHARED),
    "share": (share, BUILTINS),
    "share frozen": (share, FROZEN),
}
CALLS_IN_PYTHON: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "freeze, rules in Python": (freeze, RECORDS),
    "freeze again, rules in Python": (freeze, freeze(RECORDS)),
    "thaw, rules in Python": (thaw, RECORDS),
    "share, rules in Python": (share, [defaultdict(list, a=[deque([1])]), types.MappingProxyType({"a": ()})]),
}
CALLS = {**CALLS_IN_C, **CALLS_IN_PYTHON}


def assert_memory_errors_only(call: str, fail_at: Callable[[int], Any], fail_no_more: Callable[[], Any]) -> None:
    """Each allocation fails once: the call raises MemoryError or does without, and leaves nothing behind."""
    function, data = CALLS[call]
    run = function.register.__self__.run  # nothing but the engine
    expected, alive, outcome, first = run(data), live_shared_nodes(), None, 0
    while outcome is None:
        gc.disable()
        fail_at(first)
        try:
            outcome = run(data)
        except MemoryError:
            pass
        finally:
            fail_no_more()
            gc.enable()
        first += 1
        assert first < 3000
    assert outcome == expected
    del outcome, expected
    assert live_shared_nodes() <= alive


@pytest.mark.skipif(FREE_THREADED, reason="CPython's hooks of the allocator are for builds with the GIL")
@pytest.mark.parametrize("call", CALLS_IN_C)
def test_each_allocation_may_fail(call: str) -> None:
    """Without rules in Python: CPython crashes if an iterator over the items of a dict gets no memory for its pair."""
    testcapi = pytest.importorskip("_testcapi")
    faulthandler.cancel_dump_traceback_later()  # it starts a thread, which could crash while the hooks change
    assert_memory_errors_only(call, lambda first: testcapi.set_nomemory(first, first + 1), testcapi.remove_mem_hooks)


@pytest.mark.parametrize("call", [call for call in CALLS if call.startswith("share")])
def test_each_allocation_of_shared_memory_may_fail(call: str) -> None:
    assert_memory_errors_only(call, _core._fail_shared_allocation, lambda: _core._fail_shared_allocation(-1))


def nothing_left_behind() -> None:
    cycle: list[Any] = [{"a": [1]}]
    cycle[0]["b"] = (cycle,)
    for function, data in CALLS.values():
        function(data)
    for conversion in CONVERSIONS.values():
        with pytest.raises((ValueError, NotShareableError)):
            conversion([cycle, [1]])
        with pytest.raises((TypeError, ValueError)):
            conversion([Failing(), {"a": [Failing()]}])
    cycle.clear()


class Failing(UserDict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise ValueError("no items")


def test_nothing_is_left_behind() -> None:
    nothing_left_behind()
    alive = live_shared_nodes()
    if DEBUG_BUILD:
        assert_no_leak(nothing_left_behind, calls=2, settle=5, repeats=2)
    else:
        nothing_left_behind()
    assert live_shared_nodes() == alive


def test_registered_functions_leave_nothing_behind(registry: None) -> None:
    freeze.register(Box, lambda obj, convert: convert(obj.parts))

    def work() -> None:
        freeze([Box([1], Box([2]))])
        with pytest.raises(ValueError, match="no items"):
            freeze([Box([1], Box([Failing()]))])

    work()
    gc.collect()
    gc.disable()
    try:
        work()
        assert gc.collect() == 0
    finally:
        gc.enable()
    if DEBUG_BUILD:
        assert_no_leak(work, calls=2, settle=5, repeats=2)


def test_an_object_that_its_container_let_go_of_is_the_one_that_was_converted_before(registry: None) -> None:
    """Only its slot and what the walk remembers hold it, which looks as if only its container did."""

    def work() -> None:
        met = [1, [2]]
        first, second = [met, 7], [Box(None), met]
        deep: Any = second
        for _ in range(40):  # there the walk marks what is open
            deep = [deep]
        freeze.register(Box, lambda obj, convert: (first.clear(), second.clear()))
        whole = [first, deep]
        del met
        result = freeze(whole)
        again = result[1]
        while type(again[0]) is Vector:
            again = again[0]
        assert again[1] is result[0][0]

    work()
    if DEBUG_BUILD:
        assert_no_leak(work, calls=2, settle=5, repeats=2)


class LookingTuple(tuple[Any, ...]):
    """Reads every list and tuple that the collector knows whenever somebody walks through it."""

    def __iter__(self) -> Iterator[Any]:
        for known in gc.get_objects():
            if type(known) is list or type(known) is tuple:
                for _ in known:  # CPython crashes where one of them is not full
                    pass
        return super().__iter__()


class LookingDict(dict[Any, Any]):
    def items(self) -> Any:
        return LookingTuple(super().items())

    def values(self) -> Any:
        return LookingTuple(super().values())


@pytest.mark.parametrize("function", [freeze, thaw, share])
@pytest.mark.parametrize("cls", [LookingTuple, LookingDict])
def test_nothing_half_filled_is_known_to_the_collector(function: Any, cls: Any) -> None:
    pairs = [(1, [1]), (2, [2])]
    assert len(function([cls(pairs)])[0]) == 2
    assert not Map(a=cls(pairs)).diff(Map(a=cls([(1, [1]), (2, [2])])))


def test_results_hold_what_must_hold() -> None:
    for function, data in CALLS.values():
        todo = [function(data)]
        while todo:
            part = todo.pop()
            if isinstance(part, (Map, SharedMap, Vector, SharedVector)):
                _core._check(part)
            if isinstance(part, (Map, SharedMap, dict)):
                todo += part.values()
            elif isinstance(part, (Vector, SharedVector, list, tuple)):
                todo += part
