"""AtomicMap's readers, which take no lock on free-threaded builds: what they find is right.

And what is taken out of the map beside them goes all the same.
"""

import contextlib
import gc
import os
import random
import threading
import time
import weakref

import pytest
from support import assert_no_leak, eventually, needs_free_threading, run_python, run_threads

from frozen import AtomicCounter, AtomicMap
from frozen._core import _check

DEEP = [0, 32, 1 << 10, 1 << 20, (1 << 20) + 32, 5 << 60 - 3, 1, 33, 2]
"""Keys that share digits of their hashes: each that comes or goes makes nodes anew, on several levels of few slots."""


class Value:
    """A value that says which key it was stored under, and how many of its kind are alive."""

    alive = AtomicCounter()

    def __init__(self, key, number):
        self.key = key
        self.number = number
        Value.alive.add(1)

    def __del__(self):
        Value.alive.add(-1)


VALUES = {
    "ints": (lambda key, n: DEEP.index(key) * 1_000_000 + n % 1_000_000, lambda value: DEEP[value // 1_000_000]),
    "floats": (lambda key, n: DEEP.index(key) + (n % 1_000_000) / 1e7, lambda value: DEEP[int(value)]),
    "long texts": (lambda key, n: f"{key} {n} " * 20, lambda value: int(value.split()[0])),
    "tuples": (lambda key, n: (key, n), lambda value: value[0]),
    "objects": (Value, lambda value: value.key),
}


def change_at_random(m, store, number, seconds):
    """Insert, replace, delete, drain and put back, keeping snapshots; every change of a key is one of this thread."""
    chance, end, kept = random.Random(number), time.monotonic() + seconds, []
    n = number
    while time.monotonic() < end:
        for _ in range(50):
            n += 3
            key = chance.choice(DEEP)
            match chance.randrange(8):
                case 0 | 1 | 2:
                    m[key] = store(key, n)
                case 3 | 4 | 5:
                    m.pop(key, None)
                case 6:
                    m.setdefault(key, store(key, n))
                case 7 if chance.randrange(20) == 0:
                    kept = [m.snapshot()]
                    assert _check(kept[0]) is None
                case 7 if chance.randrange(20) == 0:
                    m.update_all(m.drain())
                case 7:
                    m.exchange(key, store(key, n))


@pytest.mark.parametrize("kind", VALUES)
def test_a_reader_beside_writers_finds_values_of_its_key_or_none(kind):
    store, key_of = VALUES[kind]
    m = AtomicMap({key: store(key, 0) for key in DEEP})
    done = []

    def write(number):
        try:
            change_at_random(m, store, number, 0.5)
        finally:
            done.append(number)

    def read():
        absent = object()
        while len(done) < 2:
            for key in DEEP:
                value = m.get(key, absent)
                assert value is absent or key_of(value) == key
                with contextlib.suppress(KeyError):
                    assert key_of(m[key]) == key
                assert isinstance(key in m, bool)

    run_threads(lambda: write(1), lambda: write(2), read, read)
    assert _check(m.snapshot()) is None
    if kind == "objects":
        eventually(lambda: gc.collect() >= 0 and Value.alive.get() == len(m))
        m.clear()
        eventually(lambda: Value.alive.get() == 0)


def test_values_die_at_once_however_they_leave_the_map():
    def gone(change):
        m = AtomicMap({"key": Value("key", 0), "other": 1})
        value = weakref.ref(m["key"])
        change(m)
        return value() is None

    assert gone(lambda m: m.__setitem__("key", 1))
    assert gone(lambda m: m.pop("key") and None)
    assert gone(lambda m: m.__delitem__("key"))
    assert gone(lambda m: m.exchange("key", 1) and None)
    assert gone(lambda m: m.update("key", lambda value: 1))
    assert gone(lambda m: m.clear())
    assert gone(lambda m: m.replace({}) and None)
    assert gone(lambda m: m.drain() and None)

    def replace_while_a_snapshot_has_it(m):
        snapshot = m.snapshot()
        m["key"] = 1
        assert snapshot["key"].key == "key"

    def move_its_node_first(m):
        for key in DEEP:
            m[key] = key
        for key in DEEP:
            del m[key]
        del m["key"]

    assert gone(replace_while_a_snapshot_has_it)
    assert gone(move_its_node_first)


def test_values_die_soon_beside_readers():
    """Those that the writer made: CPython leaves others to the thread that made them, until that runs."""
    m = AtomicMap()
    done = []

    def write():
        try:
            for n in range(2_000):
                key = DEEP[n % len(DEEP)]
                if n % 3:
                    m[key] = Value(key, n)
                else:
                    m.pop(key, None)
            eventually(lambda: Value.alive.get() == len(m))
        finally:
            done.append(True)

    def read():
        while not done:
            for key in DEEP:
                m.get(key)

    run_threads(write, read, read)
    m.clear()
    eventually(lambda: Value.alive.get() == 0)


def test_destructors_may_use_the_map():
    class Meddler:
        def __del__(self):
            m.get("key")
            m.add("died")
            m.pop("other", None)

    m = AtomicMap()

    def write():
        for _ in range(500):
            m["key"] = Meddler()
            m["other"] = Meddler()
            m.pop("key", None)

    def read():
        for _ in range(5_000):
            m.get("key")
            m.get("other")

    run_threads(write, write, read)
    m.pop("other", None)
    eventually(lambda: m["died"] == 2_000)


def test_the_collector_runs_beside_readers_and_writers():
    """Nodes whose contents have moved, and wait, are nothing that the collector counts references from."""
    m = AtomicMap({key: [key] for key in DEEP})
    done = []

    def write():
        try:
            for n in range(1_000):
                key = DEEP[n % 7]
                m[key] = [key, m if n % 50 == 0 else None]
                if n % 2:
                    m.pop(DEEP[n % 5], None)
        finally:
            done.append(True)

    def read():
        while not done:
            for key in DEEP:
                value = m.get(key)
                assert value is None or value[0] == key

    def collect():
        while not done:
            gc.collect()

    run_threads(write, read, collect)
    assert all(value[0] == key for key, value in m.items())


def test_an_int_is_found_as_an_equal_int_and_exchanged_by_value():
    m = AtomicMap({"n": 10**6})

    def work():
        number = m["n"]
        assert type(number) is int
        assert number == m.get("n") == 10**6
        assert m.compare_and_set("n", number, 10**6 + 1)
        assert m.compare_and_set("n", m["n"], 10**6)
        assert m.update("n", lambda value: value + 1) == 10**6 + 1
        assert m.add("n", -1) == 10**6
        assert m.add("n", 0.0) == 1e6
        m["n"] = 10**6

    run_threads(work)
    work()


@needs_free_threading
def test_threads_that_ended_give_their_records_to_those_that_come():
    m = AtomicMap({key: key for key in DEEP})

    def read():
        assert all(m[key] == key for key in DEEP)

    for _ in range(5):
        run_threads(read, read)
    before = m._reader_records()
    for _ in range(30):
        run_threads(read, read)
    assert m._reader_records() <= before + 2  # a thread that has been joined may still be about to give back


def test_threads_end_while_others_read_and_write():
    m = AtomicMap({key: Value(key, 0) for key in DEEP})
    done = []

    def write():
        while len(done) < 2:
            for key in DEEP:
                m[key] = Value(key, 1)
                m.pop(DEEP[0], None)

    def start_threads():
        try:
            for _ in range(30):
                thread = threading.Thread(target=lambda: [m.get(key) for key in DEEP])
                thread.start()
                thread.join()
        finally:
            done.append(True)

    run_threads(write, start_threads, start_threads)
    m.clear()
    eventually(lambda: Value.alive.get() == 0)


@pytest.mark.parametrize("value", ["text", 10**6, (1, [])], ids=["str", "int", "list"])
def test_nothing_is_left_of_a_map(value):
    def work():
        m = AtomicMap()
        for n in range(100):
            m[n] = value
            m["key"] = f"{n}", value
            m["text"] = str(n)
            m.pop(n - 5, None)
        snapshot = m.snapshot()
        m["text"] = None
        return snapshot

    assert_no_leak(work)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_beside_readers_and_writers_leaves_no_reader_inside():
    """In the child, where no other thread is, values die at once, and records of vanished threads are used again."""
    run_python(
        "-W",
        "ignore",
        "-c",
        "import os, threading, weakref\n"
        "from frozen import AtomicMap\n"
        "class Value: pass\n"
        "m, stop = AtomicMap({i: Value() for i in range(100)}), []\n"
        "def write():\n"
        "    while not stop:\n"
        "        for i in range(100):\n"
        "            m[i] = Value(); m.pop(i + 1, None)\n"
        "def read():\n"
        "    while not stop:\n"
        "        for i in range(100):\n"
        "            m.get(i)\n"
        "threads = [threading.Thread(target=f) for f in (write, read, read)]\n"
        "for thread in threads: thread.start()\n"
        "def child():\n"
        "    before = m._reader_records()\n"
        "    for i in range(100):\n"
        "        m[i] = Value()\n"
        "        value = weakref.ref(m[i])\n"
        "        m[i] = i\n"
        "        assert value() is None\n"
        "    for _ in range(3):\n"
        "        thread = threading.Thread(target=lambda: [m[i] for i in range(100)])\n"
        "        thread.start(); thread.join()\n"
        "    assert m._reader_records() <= before + 1\n"
        "    assert len(m) == len(m.snapshot())\n"
        "for _ in range(4):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        try:\n"
        "            child()\n"
        "        except BaseException:\n"
        "            import traceback; traceback.print_exc(); os._exit(1)\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "stop.append(True)\n"
        "for thread in threads: thread.join()\n",
    )
