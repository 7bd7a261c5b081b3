"""A handler of a signal that raises ends a long operation on vectors."""

from __future__ import annotations

import ctypes
import functools
import gc
import operator
import pickle
import signal
import sys

import pytest

from frozen import Map, SharedMap, SharedVector, Vector

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals that a process can send itself")

N = 70_000
"""More than the steps between two looks at signals (platform/budget.h)."""


class Interruption(Exception):
    pass


@pytest.fixture(autouse=True)
def handler():
    def interrupt(number, frame):
        raise Interruption

    before = signal.signal(signal.SIGUSR1, interrupt)
    gc.disable()  # else the handler may run in somebody's gc.callbacks, which raise nothing
    yield
    gc.enable()
    signal.signal(signal.SIGUSR1, before)


def nested(wrap, depth=18):
    """2 to the depth ways lead through it."""
    inside = wrap(1)
    for _ in range(depth):
        inside = wrap(inside)
    return inside


def doubled(cls):
    return nested(lambda inside: cls([inside, inside]))


READ = {
    "in": lambda cls: functools.partial(operator.contains, cls([0]) * N, "absent"),
    "in a mutation": lambda cls: functools.partial(operator.contains, (cls([0]) * N).mutate(), "absent"),
    "index": lambda cls: functools.partial((cls([0]) * N).index, "absent"),
    "count": lambda cls: functools.partial((cls([0]) * N).count, 0),
    "remove": lambda cls: functools.partial((cls([0]) * N).mutate().remove, "absent"),
    "tolist": lambda cls: (cls([0]) * N).tolist,
    "totuple": lambda cls: (cls([0]) * N).totuple,
    "list": lambda cls: functools.partial(list, cls([0]) * N),
    "an iterator in C": lambda cls: functools.partial({int}.issuperset, map(type, cls([0]) * N)),
}


def assert_ended_by_a_signal(operation) -> None:
    """C's raise() and the operation, without a step of Python between them; `reached` is for what comes after it."""
    send = functools.partial(ctypes.CDLL(None)["raise"], signal.SIGUSR1)
    reached: list[None] = []
    with pytest.raises(Interruption):
        list(map(operator.call, [send, operation, functools.partial(reached.append, None)]))
    assert not reached


@pytest.mark.parametrize("cls", [Vector, SharedVector])
@pytest.mark.parametrize("name", READ)
def test_a_signal_ends_a_long_reading(name, cls):
    assert_ended_by_a_signal(READ[name](cls))


def test_a_signal_ends_the_comparison_of_many_vectors():
    one, other = (Vector([Vector([n]) for n in range(N)]) for _ in range(2))
    assert_ended_by_a_signal(functools.partial(operator.eq, one, other))


def test_a_signal_ends_the_comparison_of_two_families():
    one, other = Vector([0]) * 2**40, SharedVector([0]) * 2**40
    assert_ended_by_a_signal(functools.partial(operator.eq, one, other))
    assert_ended_by_a_signal(functools.partial(operator.eq, other, one))


def test_a_signal_ends_the_comparison_with_dicts_that_many_ways_lead_through():
    one, other = nested(lambda inside: Map(a=inside, b=inside)), nested(lambda inside: {"a": inside, "b": inside})
    assert_ended_by_a_signal(functools.partial(operator.eq, one, other))


@pytest.mark.parametrize("cls", [SharedVector, SharedMap])
def test_a_signal_ends_the_pickling_of_shared_values_that_many_ways_lead_through(cls):
    wide = doubled(cls) if cls is SharedVector else nested(lambda inside: cls(a=inside, b=inside))
    assert_ended_by_a_signal(functools.partial(pickle.dumps, wide))
