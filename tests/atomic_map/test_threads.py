"""AtomicMap between threads: operations on a key are atomic, and a snapshot is of one instant."""

import functools
import os
import random
import time

import pytest
from linearizability import Call, Recorder, is_linearizable
from support import eventually, run_python, run_threads, switch_interval

from frozen import ABSENT, AtomicMap, Map
from frozen._core import _check

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))
THREADS, CALLS, KEYS = 3, 6, ("a", "b")


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
        case "add", (key, n):
            total = entries.get(key, 0) + n
            return frozenset((entries | {key: total}).items()), total
        case "len", ():
            return state, len(entries)
        case "snapshot", ():
            return state, state
        case "drain", ():
            return frozenset(), state
    raise AssertionError(name)


def random_calls(m: AtomicMap, recorder: Recorder, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(CALLS):
        key, value = chance.choice(KEYS), chance.randrange(3)
        match chance.choice(("get", "set", "pop", "compare_and_set", "add", "len", "snapshot", "drain")):
            case "get":
                recorder.call("get", (key,), lambda key=key: m.get(key))
            case "set":
                recorder.call("set", (key, value), lambda key=key, value=value: m.__setitem__(key, value))
            case "pop":
                recorder.call("pop", (key,), lambda key=key: m.pop(key, None))
            case "compare_and_set":
                expected = chance.choice((None, 0, 1))
                recorder.call(
                    "compare_and_set",
                    (key, expected, value),
                    lambda key=key, expected=expected, value=value: m.compare_and_set(
                        key, ABSENT if expected is None else expected, value
                    ),
                )
            case "add":
                recorder.call("add", (key, 1), lambda key=key: m.add(key, 1))
            case "len":
                recorder.call("len", (), lambda: len(m))
            case "snapshot":
                recorder.call("snapshot", (), lambda: frozenset(m.snapshot().items()))
            case "drain":
                recorder.call("drain", (), lambda: frozenset(m.drain().items()))


def test_histories_are_linearizable():
    end, seed = time.monotonic() + SECONDS, 0
    with switch_interval():
        while time.monotonic() < end:
            m, recorders = AtomicMap(), [Recorder() for _ in range(THREADS)]
            run_threads(*(functools.partial(random_calls, m, r, seed + i) for i, r in enumerate(recorders)))
            seed += THREADS
            history: list[Call] = [call for recorder in recorders for call in recorder.calls]
            assert is_linearizable(history, mapping, frozenset()), "\n".join(map(str, history))


def test_no_increment_is_lost():
    m = AtomicMap()
    keys = [f"key {i}" for i in range(40)]

    def work():
        for i in range(1_000):
            m.add(keys[i % 40])
            m.update("updated", lambda value: value + 1, default=0)
            m.add("float", 1.0)

    run_threads(work, work, work)
    assert m == dict.fromkeys(keys, 75) | {"updated": 3_000, "float": 3_000.0}


def test_a_snapshot_is_of_one_instant():
    """A writer sets key after key to 1, then each to 2 ...: at any instant a beginning of the keys is one ahead."""
    keys = [f"key {i}" for i in range(100)]
    m = AtomicMap(dict.fromkeys(keys, 0))
    done = []

    def write():
        for turn in range(1, 60):
            for key in keys:
                m[key] = turn
        done.append(True)

    def look():
        while not done:
            seen = [m_now[key] for m_now in [m.snapshot()] for key in keys]
            assert seen == sorted(seen, reverse=True)
            assert seen[0] - seen[-1] <= 1

    run_threads(write, look, look)


def test_entries_come_and_go_while_snapshots_stay():
    m = AtomicMap()

    def work(number):
        chance = random.Random(number)
        mine, kept = {}, []
        for _ in range(3_000):
            key = number, chance.randrange(200)
            if chance.random() < 0.5:
                mine[key] = m[key] = chance.random()
            else:
                assert m.pop(key, None) == mine.pop(key, None)
            if chance.random() < 0.01:
                snapshot = m.snapshot()
                kept.append((snapshot, dict(mine)))
                assert _check(snapshot) is None
        for snapshot, entries in kept:
            assert {key: value for key, value in snapshot.items() if key[0] == number} == entries
        return mine

    a, b, c = run_threads(*(lambda n=n: work(n) for n in range(3)))
    assert m == a | b | c
    assert len(m) == len(a) + len(b) + len(c)


def test_each_entry_is_drained_once():
    m = AtomicMap()

    def add():
        for i in range(3_000):
            m.add(i % 50)

    def drain():
        return sum(sum(m.drain().values()) for _ in range(200))

    *_, first, second = run_threads(add, add, drain, drain)
    assert first + second + sum(m.values()) == 6_000


def test_values_of_one_key_are_never_those_of_another():
    keys = list(range(8))
    m = AtomicMap({key: (key, 0) for key in keys})
    done = []

    def write():
        for i in range(3_000):
            m[i % 8] = i % 8, i
        done.append(True)

    def read():
        while not done:
            for key in keys:
                assert m[key][0] == key

    run_threads(write, read, read)


def test_update_all_and_compare_and_set_all_are_one_instant():
    m = AtomicMap({"a": 0, "b": 0})

    def write():
        for _ in range(300):
            while True:
                old = m.snapshot()
                assert old["a"] == old["b"]
                if m.compare_and_set_all(old, {"a": old["a"] + 1, "b": old["b"] + 1}):
                    break

    run_threads(write, write)
    assert m == {"a": 600, "b": 600}


def test_a_waiting_thread_wakes_when_any_key_changes():
    m = AtomicMap()

    def wait():
        seen = 0
        while seen < 200:
            assert m.wait(seen, timeout=60)
            seen = m.version

    def write():
        for i in range(200):
            m[i] = i

    run_threads(wait, wait, write)


def test_a_watch_hears_of_the_last_change_whichever_thread_makes_it():
    m = AtomicMap()
    heard = [Map()]

    def hear(old, new):
        assert old == heard[-1]
        assert old != new
        heard.append(new)

    with m.watch(hear):
        run_threads(*(lambda n=n: [m.__setitem__((n, i), i) for i in range(200)] for n in range(3)))
        eventually(lambda: heard[-1] == m)
    assert len(m) == 600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_has_a_whole_map_and_free_locks():
    run_python(
        "-W",
        "ignore",
        "-c",
        "import os, threading\n"
        "from frozen import AtomicMap\n"
        "m, stop = AtomicMap(), []\n"
        "def write():\n"
        "    while not stop:\n"
        "        for i in range(100):\n"
        "            m.add(i)\n"
        "threads = [threading.Thread(target=write) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for _ in range(20):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        m.add('child'); assert len(m) == len(m.snapshot()); os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "stop.append(True)\n"
        "for thread in threads: thread.join()\n",
    )
