"""AtomicRef used by several threads: nothing lost, nothing torn, nothing wrong."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
import threading
import time

import pytest
from support import run_threads, switch_interval

from frozen import AtomicRef, Map, SharedMap, SharedRef

THREADS = 4
SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "0.5"))
"""How long each stress test runs: a moment in CI, minutes when hunting."""


def repeat_for(seconds, function):
    """Call `function` until the time is over; return how often."""
    end, calls = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        function()
        calls += 1
    return calls


def test_no_update_is_lost(Ref):
    ref, each = Ref(0), 3000

    def count():
        for _ in range(each):
            ref.update(lambda value: value + 1)

    with switch_interval():
        run_threads(*[count] * THREADS)
    assert ref.get() == THREADS * each
    assert ref.version == THREADS * each


def test_no_compare_and_set_succeeds_twice():
    """Of all threads that replace one and the same value, one succeeds."""
    ref = AtomicRef(())

    def push(name):
        won = 0
        for _ in range(3000):
            old = ref.get()
            won += ref.compare_and_set(old, (name, old))
        return won

    with switch_interval():
        won = sum(run_threads(*[lambda name=name: push(name) for name in range(THREADS)]))
    length, node = 0, ref.get()
    while node:
        length, node = length + 1, node[1]
    assert length == won == ref.version


@pytest.mark.parametrize("raised", [True, False, None], ids=repr)
def test_a_thread_that_sees_a_flag_sees_what_was_published_before(raised):
    """None, True and False are read without the lock."""
    data, flag = AtomicRef(0), AtomicRef(0)

    def publish():
        for number in range(1, 3000):
            data.set(number)
            flag.set(raised)
            flag.set(number)
        flag.set("end")

    def read():
        number = 0
        while (seen := flag.get()) != "end":
            if seen is raised:
                assert data.get() > number
            else:
                number = seen

    with switch_interval():
        run_threads(publish, *[read] * (THREADS - 1))


def test_each_exchanged_value_comes_out_once(Ref):
    ref, each = Ref(None), 3000

    def trade(name):
        return [ref.exchange((name, number)) for number in range(each)]

    with switch_interval():
        traded = run_threads(*[lambda name=name: trade(name) for name in range(THREADS)])
    out = [*itertools.chain(*traded), ref.get()]
    put_in = {(name, number) for name in range(THREADS) for number in range(each)}
    assert len(out) == len(set(out))
    assert set(out) == put_in | {None}


class Tagged:
    """Objects of one size, freed and made again all the time."""

    __slots__ = ("tag",)

    def __init__(self, tag):
        self.tag = tag


@pytest.mark.parametrize(
    ("Ref", "make", "tag_of"),
    [
        (AtomicRef, Tagged, lambda value: value.tag),
        (AtomicRef, lambda tag: Map(tag=tag), lambda value: value["tag"]),
        (SharedRef, lambda tag: tag * 20, lambda value: value[0]),
        (SharedRef, lambda tag: SharedMap(tag=tag), lambda value: value["tag"]),
    ],
    ids=["objects", "containers", "shared boxes", "shared containers"],
)
def test_reading_never_gives_the_object_of_another_reference(Ref, make, tag_of):
    """Memory is freed and reused at once: a reader that trusts an address gets what another reference published."""
    refs = {tag: Ref(make(tag)) for tag in "ab"}

    def read(tag):
        get = refs[tag].get

        def some():
            for _ in range(200):
                assert tag_of(get()) == tag

        repeat_for(SECONDS, some)

    def write(tag):
        store = refs[tag].set

        def some():
            for _ in range(200):
                store(make(tag))

        repeat_for(SECONDS, some)

    with switch_interval():
        run_threads(*[lambda f=f, tag=tag: f(tag) for f in (read, write) for tag in "ab"])


BOTH_FAMILIES = pytest.mark.parametrize(("Ref", "Map"), [(AtomicRef, Map), (SharedRef, SharedMap)])


@BOTH_FAMILIES
def test_readers_see_whole_versions_while_headers_are_given_away(Ref, Map):
    """Threads read, hand what they read to each other, and drop what they were given: headers of every kind of
    ownership (one thread's, shared, merged) meet publishers that take them away."""
    ref = Ref(Map(a=0, b=0))
    given = collections.deque(maxlen=8)

    def whole(version):
        assert version["a"] == version["b"]

    def read():
        last = 0
        for _ in range(50):
            version = ref.get()
            whole(version)
            assert version["a"] >= last, "went back"
            last = version["a"]

    def give():
        given.append(ref.get())
        given.append(ref.get())

    def take():
        with contextlib.suppress(IndexError):
            whole(given.popleft())
            whole(given.pop())

    def work():
        repeat_for(SECONDS, lambda: (read(), give(), take(), read(), take()))

    def publish():
        def some():
            for _ in range(20):
                ref.update(lambda version: version.update(a=version["a"] + 1, b=version["a"] + 1))

        repeat_for(SECONDS, some)

    with switch_interval():
        run_threads(work, work, publish, work, publish)
    whole(ref.get())


@BOTH_FAMILIES
def test_threads_come_and_go_while_others_publish(Ref, Map):
    ref, stop = Ref(Map(a=0)), threading.Event()

    def readers():
        def some():
            threads = [threading.Thread(target=lambda: [ref.get()["a"] for _ in range(100)]) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        repeat_for(SECONDS, some)
        stop.set()

    def publish():
        while not stop.is_set():
            ref.update(lambda version: version.set("a", version["a"] + 1))

    with switch_interval():
        run_threads(readers, publish)


@BOTH_FAMILIES
def test_references_die_while_others_are_read(Ref, Map):
    """Threads keep headers of references that another thread drops and makes anew."""
    refs = [Ref(Map(number=number)) for number in range(8)]

    def read():
        def some():
            for number in range(8):
                assert refs[number].get()["number"] == number

        repeat_for(SECONDS, some)

    def replace():
        def some():
            for number in range(8):
                refs[number] = Ref(Map(number=number))

        repeat_for(SECONDS, some)

    with switch_interval():
        run_threads(read, read, replace)


def test_a_slow_update_finishes_among_fast_ones(Ref):
    """The slow function would lose every optimistic try; it gets its turn."""
    ref, done, tries = Ref(0), threading.Event(), 0

    def slow():
        def function(value):
            nonlocal tries
            tries += 1
            time.sleep(0.005)
            return value + 1

        ref.update(function)
        done.set()

    def fast():
        updates = 0
        while not done.is_set():
            ref.update(lambda value: value + 1)
            updates += 1
        return updates

    with switch_interval():
        _, *updates = run_threads(slow, fast, fast)
    assert ref.get() == sum(updates) + 1
    assert tries < 50


def test_versions_never_go_back(Ref):
    ref = Ref(0)

    def read():
        last = 0
        for _ in range(20000):
            value = ref.get()
            assert value >= last
            last = value

    def write():
        for number in range(1, 20000):
            ref.set(number)

    with switch_interval():
        run_threads(read, read, write)
