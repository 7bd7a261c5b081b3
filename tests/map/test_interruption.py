"""A handler of a signal that raises ends a long operation on maps and sets, and leaves what it was about as it was."""

from __future__ import annotations

import ctypes
import functools
import gc
import signal
import sys

import pytest

from frozen import Map, Set, _core

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals that a process can send itself")

N = 70_000
"""More than the steps between two looks at signals (platform/budget.h)."""


class Interruption(Exception):
    pass


def raise_signal(*kinds: type) -> object:
    """C's raise(SIGUSR1), taking and leaving out of account that many more arguments.

    It goes back to C without a step of Python: only code that looks at signals itself notices.
    """
    function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, *kinds)(("raise", ctypes.CDLL(None)))
    return staticmethod(functools.partial(function, signal.SIGUSR1))


class Key:
    """A key of hash 0, the first in a tree; equal to none of its like, and comparing two sends a signal."""

    __eq__ = raise_signal(ctypes.py_object)

    def __hash__(self):
        return 0


class Hashed:
    """Hashing it sends a signal; its hash is 0."""

    __hash__ = raise_signal()


class Last:
    """The last key of a tree, or the value under it, whose methods are Python's: a handler runs there at the latest."""

    def __hash__(self):
        return (1 << 60) - 1

    def __eq__(self, other):
        return False


LATE = {Last.__hash__.__code__, Last.__eq__.__code__}


@pytest.fixture(autouse=True)
def handler():
    def interrupt(number, frame):
        assert frame.f_code not in LATE, "nothing has looked at signals before the last key"
        raise Interruption

    before = signal.signal(signal.SIGUSR1, interrupt)
    gc.disable()  # else the handler may run in somebody's gc.callbacks, which raise nothing
    yield
    gc.enable()
    signal.signal(signal.SIGUSR1, before)


NUMBERS = [*range(1, N)]
LEFT, RIGHT = Set([Key(), *NUMBERS, Last()]), Set([Key(), *range(N, 2 * N), Last()])
LEFT_MAP, RIGHT_MAP = Map.fromkeys(LEFT, 1), Map.fromkeys(RIGHT, 2)
MANY = RIGHT | set(range(2 * N, 9 * N))

OPERATIONS = {
    "Set": lambda: Set([Hashed(), *NUMBERS, Last()]),
    "|": lambda: LEFT | RIGHT,
    "^": lambda: LEFT ^ RIGHT,
    "-": lambda: LEFT - RIGHT,
    "&": lambda: LEFT & RIGHT,
    "few & many": lambda: LEFT & MANY,
    "few | many": lambda: MANY | LEFT,
    "isdisjoint": lambda: LEFT.isdisjoint(RIGHT),
    "map | map": lambda: LEFT_MAP | RIGHT_MAP,
    "diff": lambda: LEFT_MAP._differences(RIGHT_MAP, None, tuple),
    "hash": lambda: hash(Map({0: Hashed(), **dict.fromkeys(NUMBERS), (1 << 60) - 1: Last()})),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_signal_ends_a_long_operation(operation):
    with pytest.raises(Interruption):
        operation()
    for operand, length in ((LEFT, N + 1), (RIGHT, N + 2), (LEFT_MAP, N + 1), (RIGHT_MAP, N + 2)):
        assert len(operand) == length
        _core._check(operand)


@pytest.mark.parametrize("start", [LEFT, LEFT_MAP], ids=["set", "map"])
def test_an_interrupted_update_of_a_mutation_changes_nothing(start):
    mutation = start.mutate()
    with pytest.raises(Interruption):
        mutation.update(RIGHT_MAP if start is LEFT_MAP else RIGHT)
    assert mutation.finish() is start


EDITS = {
    "set": lambda mm, key: mm.set(key, 1),
    "[]=": lambda mm, key: mm.__setitem__(key, 1),
    "delete": lambda mm, key: mm.discard(key),
    "pop": lambda mm, key: mm.pop(key, None),
    "update one": lambda mm, key: mm.update({key: 1}),
    "update few": lambda mm, key: mm.update({key: 1, "a": 1}),
    "update many": lambda mm, key: mm.update(Map({key: 1, **dict.fromkeys(range(1, 50))})),
    "add": lambda sm, key: sm.add(key),
    "remove": lambda sm, key: sm.discard(key),
    "add few": lambda sm, key: sm.update([key, "a"]),
    "add many": lambda sm, key: sm.update([key, *range(1, 50)]),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_key_that_changes_the_mutation_each_time_is_an_error_not_a_loop_without_end(name):
    class Changing:
        def __hash__(self):
            return 0

        def __eq__(self, other):
            nonlocal changes
            changes += 1
            mutation.update({changes + 1000: 1} if is_map else [changes + 1000])
            return False

    changes, is_map = 0, name in list(EDITS)[:7]
    mutation = (Map if is_map else Set)({Changing(): 1, **dict.fromkeys(range(1, 100))}).mutate()
    changes = 0
    with pytest.raises(RuntimeError, match="was changed while keys were compared"):
        EDITS[name](mutation, Changing())
    result = mutation.finish()
    assert len(result) == 100 + changes
    _core._check(result)
