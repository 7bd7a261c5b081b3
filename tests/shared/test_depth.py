"""Values that are nested 100,000 deep in shared memory: stored, read, freed, converted, and seen by other interpreters.

What CPython compares, hashes and shows by recursion is RecursionError there, as it is for its own tuples.
"""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from support import Subinterpreter, assert_no_leak, live_shared_nodes, needs_subinterpreters

from frozen import (
    NotShareableError,
    SharedAtomicMap,
    SharedMap,
    SharedRef,
    SharedVector,
    Vector,
    immortalize,
    is_shareable,
    register_shareable,
    share,
    thaw,
)

DEPTH = 100_000


@register_shareable
class Pair(NamedTuple):
    inner: Any
    number: int


@register_shareable
@dataclass(frozen=True)
class Record:
    inner: Any


class Wrapped:
    """Registered by functions."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner


register_shareable(Wrapped, lambda wrapped: wrapped.inner, Wrapped)


WRAPS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda inner: (inner,),
    "frozenset": lambda inner: frozenset({inner}),
    "tuple with texts before and after": lambda inner: ("a text that needs a box", inner, 2**70),
    "tuple in frozenset": lambda inner: frozenset({(inner, 1)}),
    "named tuple": lambda inner: Pair(inner, 1),
    "dataclass": Record,
    "registered by functions": Wrapped,
    "list": lambda inner: [inner],
    "dict": lambda inner: {"key": inner},
    "tuple in list in dict": lambda inner: {"key": [(inner,)]},
    "record in tuple in dict": lambda inner: {"key": (Record(inner),)},
}
TUPLES = ("tuple", "named tuple", "dataclass")
each_tuple = pytest.mark.parametrize("wrap", [WRAPS[name] for name in TUPLES], ids=TUPLES)


def nest(wrap: Callable[[Any], Any], inner: Any, depth: int = DEPTH) -> Any:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def depth_of(value: Any) -> int:
    """How deep the one float lies."""
    depth = 0
    while type(value) is not float:
        depth += 1
        if isinstance(value, (Record, Wrapped)):
            value = value.inner
        else:
            parts = value.values() if isinstance(value, SharedMap) else value
            (value,) = [part for part in parts if not isinstance(part, (str, int))]
    return depth


LEVELS = {"tuple in frozenset": 2, "tuple in list in dict": 3, "record in tuple in dict": 3}


@pytest.fixture(autouse=True)
def nothing_is_left():
    gc.collect()
    before = live_shared_nodes()
    yield
    gc.collect()
    assert live_shared_nodes() == before


@pytest.mark.parametrize(("name", "wrap"), WRAPS.items(), ids=WRAPS)
def test_what_is_stored_is_read_at_any_depth(name: str, wrap: Callable[[Any], Any]) -> None:
    depth = DEPTH // LEVELS.get(name, 1)
    shared = share(nest(wrap, 1.5, depth))
    assert depth_of(SharedVector([shared])[0]) == depth * LEVELS.get(name, 1)


def test_every_place_holds_deep_values() -> None:
    value = nest(WRAPS["tuple"], 1.5)
    assert is_shareable(value)
    for read in (SharedMap(value=value)["value"], SharedRef(value).get(), SharedAtomicMap({"value": value})["value"]):
        assert depth_of(read) == DEPTH
    assert depth_of(thaw(SharedMap(value=share([value])))["value"][0]) == DEPTH


def test_deep_tuples_are_made_immortal() -> None:
    shared = SharedVector([nest(WRAPS["tuple"], 1.5, 1000)])
    before = live_shared_nodes()
    assert immortalize(shared) is shared
    assert live_shared_nodes() < before - 1000
    assert depth_of(shared[0]) == 1000


def test_a_deep_tuple_is_a_key() -> None:
    shared = SharedMap({nest(WRAPS["tuple"], 1.5, 20_000): "value"})
    assert depth_of(next(iter(shared))) == 20_000
    shared = SharedMap({nest(WRAPS["tuple"], 1.5, 200): "value"})
    assert shared[next(iter(shared))] == "value"


# CPython computes the hash of a tuple by recursion, and ends the process where the stack ends. From 3.14 on it keeps
# the hash, so tuples that are hashed as they are made can be keys and members at any depth.
keeps_hashes = pytest.mark.skipif(sys.version_info < (3, 14), reason="CPython keeps the hash of a tuple from 3.14 on")


def hashed(inner: Any) -> Any:
    for _ in range(2 * DEPTH):
        inner = (inner,)
        hash(inner)
    return inner


@keeps_hashes
def test_the_hash_of_a_tuple_is_known_when_it_is_read() -> None:
    key = hashed(1.5)
    read = SharedVector([key])[0]
    assert hash(read) == hash(key)
    assert depth_of(read) == 2 * DEPTH


@keeps_hashes
@pytest.mark.parametrize("inner", [(1.5,), SharedVector([1.5]), (Record(1.5),)], ids=["tuple", "vector", "record"])
def test_a_frozenset_holds_tuples_of_any_depth(inner: Any) -> None:
    shared = SharedVector([frozenset({hashed(inner)})])
    assert depth_of(shared[0]) == 2 * DEPTH + 1 + depth_of(inner)


@keeps_hashes
def test_a_tuple_in_a_set_may_be_converted_at_any_depth() -> None:
    converted = share(frozenset({hashed(Vector([1.5]))}))
    assert depth_of(converted) == 2 * DEPTH + 2
    with pytest.raises(RecursionError):  # an object made anew is compared with it
        share({hashed(Vector([1.5])): 1})


def test_what_is_reached_on_many_paths_is_one_object_at_any_depth() -> None:
    value = nest(lambda inner: (inner, inner), (1.5,), 1000)
    read = SharedVector([value])[0]
    for _ in range(1000):
        assert read[0] is read[1]
        read = read[0]
    assert read == (1.5,)


@each_tuple
def test_comparing_deep_values_is_an_error_as_in_python(wrap: Callable[[Any], Any]) -> None:
    one, other = (SharedVector([nest(wrap, 1.5)]) for _ in range(2))
    with pytest.raises(RecursionError):
        bool(one == other)


# Errors


@each_tuple
def test_the_path_to_what_cannot_be_shared_is_bounded(wrap: Callable[[Any], Any]) -> None:
    value = nest(wrap, print)
    for store in (lambda: SharedVector([value]), lambda: SharedMap({0: value}), lambda: share(value)):
        with pytest.raises(NotShareableError) as caught:
            store()
        assert caught.value.value is print
        assert 20 < len(caught.value.path) < 4000
        assert len(str(caught.value)) < 600


def test_a_short_path_is_whole() -> None:
    for value, path in {
        (1, (2, print)): "[1][1]",
        (1, frozenset({(2, print)})): f"[1]{{(2, {print!r})}}[1]",
        (Record((1, Wrapped((2, print)))),): "[0][0][1][1]",
    }.items():
        with pytest.raises(NotShareableError) as caught:
            SharedVector([value])
        assert caught.value.path == "[0]" + path


def cyclic(kind: str, levels: int) -> Any:
    """An object that contains itself, that many levels further in."""
    outer: Any = Record(None) if kind == "dataclass" else Wrapped(None)
    inner = nest(lambda part: (part,), outer, levels)
    object.__setattr__(outer, "inner", inner)
    return outer


@pytest.mark.parametrize("levels", [0, 1, 5, 40, 10_000])
@pytest.mark.parametrize("kind", ["dataclass", "registered by functions"])
def test_what_contains_itself_is_refused(kind: str, levels: int) -> None:
    value = cyclic(kind, levels)
    for store in (lambda: SharedVector([value]), lambda: SharedVector([((value,),)]), lambda: share([value])):
        with pytest.raises(NotShareableError, match="contains itself: remove the cycle first") as caught:
            store()
        assert caught.value.value is value
        assert len(caught.value.path) < 4000
    assert not is_shareable(value)
    object.__setattr__(value, "inner", None)


class Endless:
    """Its encoding holds another one, without end."""


register_shareable(Endless, lambda _: (Endless(),), lambda _: Endless())


def test_what_goes_on_without_end_is_an_error() -> None:
    with pytest.raises(RecursionError, match="objects of registered types are nested more than 131072 deep"):
        SharedVector([Endless()])


# Resources


@pytest.mark.parametrize("wrap", [WRAPS[name] for name in ("tuple", "tuple in frozenset", "named tuple", "dataclass")])
def test_deep_values_leave_nothing_behind(wrap: Callable[[Any], Any]) -> None:
    good, bad = nest(wrap, 1.5, 100), nest(wrap, print, 100)

    def store_and_read() -> None:
        assert depth_of(SharedVector([good])[0]) >= 100
        with pytest.raises(NotShareableError):
            SharedVector([bad])
        with pytest.raises(NotShareableError):
            SharedVector([cyclic("dataclass", 100)])

    assert_no_leak(store_and_read, calls=3)


def repeat_until_a_signal(step: Callable[[], Any]) -> None:
    while True:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        step()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.parametrize("name", ["tuple", "registered by functions"])
def test_a_signal_ends_the_storing_and_the_reading_of_deep_values(name: str) -> None:
    class Interrupt(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupt

    value = nest(WRAPS[name], 1.5)
    shared = SharedVector([value])
    previous = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # what a handler raises while the collector's callbacks run is lost
    try:
        for step in (lambda: SharedVector([value]), lambda: shared[0]):
            with pytest.raises(Interrupt):
                repeat_until_a_signal(step)
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, previous)
    assert depth_of(shared[0]) == DEPTH


READ = """
def depth_of(value):
    depth = 0
    while not isinstance(value, float):
        (value,) = value
        depth += 1
    return depth

for _ in range(2):
    for value in values:
        assert depth_of(value) == 100_000
del value, values
"""


@needs_subinterpreters
def test_another_interpreter_reads_and_frees_deep_values() -> None:
    values = SharedVector([share(nest(WRAPS[name], 1.5)) for name in ("tuple", "frozenset", "list")])
    with Subinterpreter() as interpreter:
        interpreter.give(values=values)
        del values
        interpreter.run(READ)
