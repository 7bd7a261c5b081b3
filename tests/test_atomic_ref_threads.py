"""AtomicRef used by several threads: nothing lost, nothing torn, nothing wrong."""

from __future__ import annotations

import itertools
import os
import time

from support import run_threads, switch_interval

from frozen import AtomicRef

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


def test_no_update_is_lost():
    ref, each = AtomicRef(0), 3000

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


def test_each_exchanged_value_comes_out_once():
    ref, each = AtomicRef(None), 3000

    def trade(name):
        return [ref.exchange((name, number)) for number in range(each)]

    with switch_interval():
        traded = run_threads(*[lambda name=name: trade(name) for name in range(THREADS)])
    out = [*itertools.chain(*traded), ref.get()]
    put_in = {(name, number) for name in range(THREADS) for number in range(each)}
    assert len(out) == len(set(out))
    assert set(out) == put_in | {None}


def test_reading_never_gives_the_object_of_another_reference():
    """Objects of one size are freed and reused at once: a reader that trusts an address gets a stranger."""

    class Tagged:
        __slots__ = ("tag",)

        def __init__(self, tag):
            self.tag = tag

    refs = {tag: AtomicRef(Tagged(tag)) for tag in "ab"}

    def read(tag):
        get = refs[tag].get
        repeat_for(SECONDS, lambda: [check(get().tag == tag) for _ in range(200)])

    def write(tag):
        store = refs[tag].set
        repeat_for(SECONDS, lambda: [store(Tagged(tag)) for _ in range(200)])

    def check(right):
        assert right

    with switch_interval():
        run_threads(*[lambda f=f, tag=tag: f(tag) for f in (read, write) for tag in "ab"])


def test_versions_never_go_back():
    ref = AtomicRef(0)

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
