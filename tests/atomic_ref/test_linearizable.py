"""AtomicRef is linearizable: every call takes effect at one instant between its call and its return.

Threads make random calls; their histories are recorded and checked against a variable with a version.
"""

# ruff: noqa: B008, B023 (functions that are made in a loop are called at once)

from __future__ import annotations

import os
import random
import time

import pytest
from linearizability import Call, Recorder, is_linearizable
from support import run_threads, switch_interval

from frozen import AtomicRef, Map, SharedMap, SharedRef, snapshot, transaction

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))
THREADS, CALLS = 3, 5
CHOICES = ("get", "get", "get_versioned", "version", "wait", "set", "exchange", "cas", "cas at", "update")


def register(state, name, arguments):
    """The model of one reference: state is (value, version)."""
    value, version = state
    match name, arguments:
        case "get", ():
            return state, value
        case "get_versioned", ():
            return state, state
        case "version", ():
            return state, version
        case "wait", (since,):
            return state, version > since
        case "set", (new,):
            return (new, version + 1), None
        case "exchange", (new,):
            return (new, version + 1), value
        case "compare_and_set", (expected, new):
            return ((new, version + 1), True) if expected == value else (state, False)
        case "compare_and_set at", (expected, new, at):
            return ((new, version + 1), True) if (expected, at) == state else (state, False)
        case "update", (increment,):
            return (value + increment, version + 1), value + increment
    raise AssertionError(name)


def two_registers(state, name, arguments):
    """The model of two references that are also read and published together."""
    match name, arguments:
        case "snapshot", ():
            return state, state
        case "transaction.set", (a, b):
            return (a, b), None
        case "transaction.update", (increment,):
            new = state[0] + increment, state[1] + increment
            return new, new
        case "get", (which,):
            return state, state[which]
        case "set", (which, new):
            return (new, state[1]) if which == 0 else (state[0], new), None
    raise AssertionError(name)


# What a reference holds: numbers, as objects of their own or inside containers that are read through headers.

WRAPPINGS = {
    "objects": (AtomicRef, lambda number: number, lambda value: value),
    "containers": (AtomicRef, lambda number: Map(number=number), lambda value: value["number"]),
    "shared words": (SharedRef, lambda number: number, lambda value: value),
    "shared boxes": (SharedRef, lambda number: str(number) * 20, lambda value: int(value[: len(value) // 20])),
    "shared containers": (SharedRef, lambda number: SharedMap(number=number), lambda value: value["number"]),
}


def random_calls(ref, recorder, rng, wrap, unwrap):
    """What one thread does. Values come back, so that a comparison by value could be fooled."""
    held, at = ref.get_versioned()
    for _ in range(CALLS):
        number = rng.randrange(3)
        match rng.choice(CHOICES):
            case "get":
                recorder.call("get", (), lambda: unwrap(ref.get()))
            case "get_versioned":

                def read():
                    nonlocal held, at
                    held, at = ref.get_versioned()
                    return unwrap(held), at

                recorder.call("get_versioned", (), read)
            case "version":
                recorder.call("version", (), lambda: ref.version)
            case "wait":
                recorder.call("wait", (at,), lambda: ref.wait(at, 0))
            case "set":
                recorder.call("set", (number,), lambda: ref.set(wrap(number)))
            case "exchange":
                recorder.call("exchange", (number,), lambda: unwrap(ref.exchange(wrap(number))))
            case "cas" if wrap(0) is wrap(0):  # the model compares numbers, so only where a number is one object
                recorder.call("compare_and_set", (held, number), lambda: ref.compare_and_set(held, wrap(number)))
            case "cas at":
                recorder.call(
                    "compare_and_set at",
                    (unwrap(held), number, at),
                    lambda: ref.compare_and_set(held, wrap(number), version=at),
                )
            case "update":
                number += 1  # what stays the same is no version
                recorder.call(
                    "update", (number,), lambda: unwrap(ref.update(lambda value: wrap(unwrap(value) + number)))
                )


def check(history, model, state):
    assert is_linearizable(history, model, state), "\n".join(map(str, sorted(history, key=lambda call: call.began)))


@pytest.mark.parametrize("kind", WRAPPINGS)
def test_histories_of_one_reference(kind):
    Ref, wrap, unwrap = WRAPPINGS[kind]
    end, seed = time.monotonic() + SECONDS, 0
    with switch_interval():
        while time.monotonic() < end:
            ref, recorders = Ref(wrap(0)), [Recorder() for _ in range(THREADS)]
            run_threads(
                *[
                    lambda recorder=recorder, rng=random.Random(seed * THREADS + i): random_calls(
                        ref, recorder, rng, wrap, unwrap
                    )
                    for i, recorder in enumerate(recorders)
                ]
            )
            check([call for recorder in recorders for call in recorder.calls], register, (0, 0))
            seed += 1


@pytest.mark.parametrize("kind", WRAPPINGS)
def test_histories_of_two_references_published_together(kind):
    Ref, wrap, unwrap = WRAPPINGS[kind]

    def work(refs, recorder, rng):
        both = transaction(*refs)
        for _ in range(CALLS):
            a, b, which = rng.randrange(1, 6), rng.randrange(5), rng.randrange(2)
            match rng.randrange(5):
                case 0:
                    recorder.call("snapshot", (), lambda: tuple(map(unwrap, snapshot(*refs))))
                case 1:
                    recorder.call("transaction.set", (a, b), lambda: both.set(wrap(a), wrap(b)))
                case 2:
                    recorder.call(
                        "transaction.update",
                        (a,),
                        lambda: tuple(
                            map(unwrap, both.update(lambda x, y: (wrap(unwrap(x) + a), wrap(unwrap(y) + a))))
                        ),
                    )
                case 3:
                    recorder.call("get", (which,), lambda: unwrap(refs[which].get()))
                case 4:
                    recorder.call("set", (which, b), lambda: refs[which].set(wrap(b)))

    end, seed = time.monotonic() + SECONDS, 0
    with switch_interval():
        while time.monotonic() < end:
            refs, recorders = (Ref(wrap(0)), Ref(wrap(0))), [Recorder() for _ in range(THREADS)]
            run_threads(
                *[
                    lambda recorder=recorder, rng=random.Random(seed * THREADS + i): work(refs, recorder, rng)
                    for i, recorder in enumerate(recorders)
                ]
            )
            check([call for recorder in recorders for call in recorder.calls], two_registers, (0, 0))
            seed += 1


# The checker itself


def call(name, *arguments, result=None, during):
    return Call(name, arguments, result, *during)


def test_the_checker_accepts_calls_that_overlap_in_either_order():
    for seen in (0, 1):
        assert is_linearizable(
            [call("set", 1, during=(0, 10)), call("get", result=seen, during=(5, 6))], register, (0, 0)
        )


@pytest.mark.parametrize(
    "history",
    [
        [call("set", 1, during=(0, 1)), call("get", result=0, during=(2, 3))],
        [call("set", 1, during=(0, 9)), call("get", result=1, during=(1, 2)), call("get", result=0, during=(3, 4))],
        [call("update", 1, result=1, during=(0, 5)), call("update", 1, result=1, during=(1, 4))],
        [call("exchange", 1, result=0, during=(0, 5)), call("exchange", 2, result=0, during=(1, 4))],
        [call("get_versioned", result=(0, 1), during=(0, 1))],
    ],
    ids=["stale read", "going back", "lost update", "taken twice", "wrong version"],
)
def test_the_checker_rejects(history):
    assert not is_linearizable(history, register, (0, 0))


def test_the_checker_rejects_a_torn_snapshot():
    history = [call("transaction.set", 1, 1, during=(0, 9)), call("snapshot", result=(1, 0), during=(1, 8))]
    assert not is_linearizable(history, two_registers, (0, 0))
