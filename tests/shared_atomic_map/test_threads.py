"""SharedAtomicMap between threads of one interpreter: operations on a key are atomic, a snapshot is of one instant."""

from __future__ import annotations

import _thread
import collections
import contextlib
import functools
import operator
import os
import random
import sys
import threading
import time

import pytest
from linearizability import Call, Recorder, is_linearizable
from support import FREE_THREADED, run_threads, switch_interval

from frozen import ABSENT, SharedAtomicCounter, SharedAtomicMap
from frozen._core import _check

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))
THREADS, CALLS = 3, 6
KEYS = ("a", ("a tuple, which is compared in a root that is held", 1))
TEXTS = ("short", "a text that needs a box", "another text that needs a box")


def mapping(state, name, arguments):
    """The model: state is a frozenset of items."""
    entries = dict(state)
    match name, arguments:
        case "get", (key,):
            return state, entries.get(key)
        case "set", (key, value):
            return frozenset((entries | {key: value}).items()), None
        case "pop", (key,):
            value = entries.pop(key, None)
            return frozenset(entries.items()), value
        case "compare_and_set", (key, expected, value):
            if entries.get(key) != expected:
                return state, False
            return frozenset((entries | {key: value}).items()), True
        case "update", (key, end):
            value = (entries.get(key) or "") + end
            return frozenset((entries | {key: value}).items()), value
        case "len", ():
            return state, len(entries)
        case "snapshot", ():
            return state, state
        case "drain", ():
            return frozenset(), state
    raise AssertionError(name)


def random_calls(m: SharedAtomicMap, recorder: Recorder, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(CALLS):
        key, value, expected = chance.choice(KEYS), chance.choice(TEXTS), chance.choice((None, *TEXTS))
        operations = {
            "get": ((key,), lambda key=key: m.get(key)),
            "set": ((key, value), lambda key=key, value=value: m.__setitem__(key, value)),
            "pop": ((key,), lambda key=key: m.pop(key, None)),
            "compare_and_set": (
                (key, expected, value),
                lambda key=key, expected=ABSENT if expected is None else expected, value=value: m.compare_and_set(
                    key, expected, value
                ),
            ),
            "update": (
                (key, "!"),
                lambda key=key: m.update(key, lambda old, end: old + end, "!", default=""),
            ),
            "len": ((), lambda: len(m)),
            "snapshot": ((), lambda: frozenset(m.snapshot().items())),
            "drain": ((), lambda: frozenset(m.drain().items())),
        }
        name = chance.choice(list(operations))
        recorder.call(name, *operations[name])


def test_histories_are_linearizable():
    end, seed = time.monotonic() + SECONDS, 0
    with switch_interval():
        while time.monotonic() < end:
            m, recorders = SharedAtomicMap(), [Recorder() for _ in range(THREADS)]
            run_threads(*(functools.partial(random_calls, m, r, seed + i) for i, r in enumerate(recorders)))
            seed += THREADS
            history: list[Call] = [call for recorder in recorders for call in recorder.calls]
            assert is_linearizable(history, mapping, frozenset()), "\n".join(map(str, history))


def test_no_increment_is_lost():
    m, counter = SharedAtomicMap(), SharedAtomicCounter()
    keys = [f"key number {i}" for i in range(40)]

    def work():
        for i in range(1_000):
            m.add(keys[i % 40])
            m.update(("updated", 1), lambda value: value + 1, default=0)
            m.add("float", 1.0)
            counter.add(2)

    run_threads(work, work, work)
    assert m == dict.fromkeys(keys, 75) | {("updated", 1): 3_000, "float": 3_000.0}
    assert counter.get() == 6_000


def test_a_snapshot_is_of_one_instant():
    """A writer sets key after key to 1, then each to 2 ...: at any instant a beginning of the keys is one ahead."""
    keys = [f"key number {i}" for i in range(100)]
    m = SharedAtomicMap(dict.fromkeys(keys, 0))
    done = []

    def write():
        for turn in range(1, 60):
            for key in keys:
                m[key] = turn
        done.append(True)

    def look():
        while not done:
            now = m.snapshot()
            seen = [now[key] for key in keys]
            assert seen == sorted(seen, reverse=True)
            assert seen[0] - seen[-1] <= 1

    run_threads(write, look, look)


def test_reads_follow_the_order_of_writes():
    """What one thread writes later is never seen before what it wrote earlier."""
    m = SharedAtomicMap({"first": "0", "second, a key in a box": 0})
    done = []

    def write():
        for i in range(4_000):
            m["first"] = f"a text in a box: {i}"
            m["second, a key in a box"] = i
        done.append(True)

    def read():
        while not done:
            second = m["second, a key in a box"]
            assert int(m["first"].rpartition(" ")[2]) >= second

    run_threads(write, read, read)


def test_entries_come_and_go_while_snapshots_stay():
    m = SharedAtomicMap()

    def work(number):
        chance = random.Random(number)
        mine, kept = {}, []
        for _ in range(3_000):
            key = f"{number}: {chance.randrange(200)}"
            if chance.random() < 0.5:
                mine[key] = m[key] = f"value {chance.random()}"
            else:
                assert m.pop(key, None) == mine.pop(key, None)
            assert m.get(key) == mine.get(key)
            if chance.random() < 0.01:
                snapshot = m.snapshot()
                kept.append((snapshot, dict(mine)))
                assert _check(snapshot) is None
        for snapshot, entries in kept:
            assert {key: value for key, value in snapshot.items() if key.startswith(f"{number}:")} == entries
        return mine

    a, b, c = run_threads(*(lambda n=n: work(n) for n in range(3)))
    assert m == a | b | c
    assert len(m) == len(a) + len(b) + len(c)


def test_values_of_one_key_are_never_those_of_another():
    keys = [f"key number {i}" for i in range(8)]
    m = SharedAtomicMap({key: (key, 0) for key in keys})
    done = []

    def write():
        for i in range(4_000):
            key = keys[i % 8]
            if i % 3:
                m[key] = key, i
            else:
                m.exchange(key, ABSENT)
        done.append(True)

    def read():
        while not done:
            for key in keys:
                assert m.get(key, (key,))[0] == key

    run_threads(write, read, read)


def test_each_entry_is_drained_once():
    m = SharedAtomicMap()

    def add():
        for i in range(3_000):
            m.add(i % 50)

    def drain():
        return sum(sum(m.drain().values()) for _ in range(200))

    *_, first, second = run_threads(add, add, drain, drain)
    assert first + second + sum(m.values()) == 6_000


def test_a_waiting_thread_wakes_when_any_key_changes():
    m = SharedAtomicMap()

    def wait():
        seen = 0
        while seen < 200:
            assert m.wait(seen, timeout=60)
            seen = m.version

    def write():
        for i in range(200):
            m[i] = i

    run_threads(wait, wait, write)


def test_maps_that_have_locks_in_common_do_not_disturb_each_other():
    """There are locks for 8 maps; more of them share."""
    maps = [SharedAtomicMap() for _ in range(20)]

    def work():
        for i in range(50):
            for m in maps:
                m.add(i % 10)
                m.snapshot()

    run_threads(work, work)
    assert all(m == dict.fromkeys(range(10), 10) for m in maps)


def test_records_of_readers_are_given_back_by_threads_that_end():
    m = SharedAtomicMap({"a": 1})
    run_threads(*[lambda: m["a"]] * 4)
    records = m._reader_records()
    for _ in range(10):
        run_threads(*[lambda: m["a"]] * 4)
    assert m._reader_records() <= records + 4


@pytest.mark.skipif(not FREE_THREADED, reason="with the GIL no other writer comes in between")
def test_an_interrupt_while_watches_are_told_is_raised_and_the_change_is_done(monkeypatch):
    """The signal is there before the store; another writer lets it come up in the middle of one in some 5,000."""
    m, unraisable, stop = SharedAtomicMap(), [], threading.Event()
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    def write():
        while not stop.is_set():
            m.add("other")

    def interrupt():
        try:
            for i in range(60_000):
                store = functools.partial(m.__setitem__, "a", i)
                with contextlib.suppress(KeyboardInterrupt):
                    list(map(operator.call, (_thread.interrupt_main, store)))  # no bytecode lies between the two calls
                    raise AssertionError("the interrupt was lost")
                assert m["a"] == i
        finally:
            stop.set()

    writer = threading.Thread(target=write)
    with m.watch(lambda old, new: None):
        writer.start()
        interrupt()
        writer.join()
    assert not unraisable


@pytest.mark.skipif(not FREE_THREADED, reason="with the GIL no other writer comes in between")
def test_an_interrupted_call_hands_over_what_it_has_taken_out():
    """As above. A deque keeps what comes out of a call, whatever comes up after it."""
    m, stop, added, others = SharedAtomicMap(), threading.Event(), [], 0

    def write():
        while not stop.is_set():
            m.add("other")
            added.append(1)

    def take_out_interrupted(call):
        results = collections.deque()
        try:
            results.extend(map(operator.call, (_thread.interrupt_main, call)))
        except KeyboardInterrupt as error:
            results.extend(getattr(error, "undelivered", ()))
        return results[-1]

    writer = threading.Thread(target=write)
    with m.watch(lambda old, new: None):
        writer.start()
        try:
            for i in range(20_000):
                m["a"] = i
                if i % 2:
                    assert take_out_interrupted(functools.partial(m.pop, "a")) == i
                else:
                    drained = take_out_interrupted(m.drain)
                    assert drained["a"] == i
                    others += drained.get("other", 0)
        finally:
            stop.set()
            writer.join()
    assert others + m.get("other", 0) == len(added)
