"""Waiting for a reference to change: wait() and watch(). What asyncio awaits is in tests/atomic_ref/test_asyncio.py.

What SharedRef.watch() does differently is in tests/shared_ref/test_watching.py.
"""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
import threading
import time
import weakref

import pytest
from support import run_python, run_threads, switch_interval

from frozen import AtomicRef, transaction

# wait


def test_wait_returns_at_once_when_the_version_is_newer_already(Ref):
    ref = Ref()
    ref.set(1)
    assert ref.wait(0) is True
    assert ref.wait(version=0, timeout=None) is True


def test_wait_says_false_when_the_time_is_over(Ref):
    ref = Ref()
    before = time.monotonic()
    assert ref.wait(0, 0.05) is False
    assert time.monotonic() - before >= 0.05
    assert ref.wait(0, 0) is False
    assert ref.wait(0, -1) is False


@pytest.mark.parametrize(
    ("timeout", "error", "says"),
    [("1", TypeError, "seconds or None, not '1'"), (1j, TypeError, "complex"), (float("nan"), ValueError, "is nan")],
)
def test_wait_wants_seconds(Ref, timeout, error, says):
    with pytest.raises(error, match=says):
        Ref().wait(0, timeout)


def test_an_infinite_timeout_waits_for_ever(Ref):
    ref = Ref()
    ref.set(1)
    assert ref.wait(0, float("inf")) is True


@pytest.mark.parametrize(
    "publish",
    [
        lambda ref: ref.set(1),
        lambda ref: ref.exchange(1),
        lambda ref: ref.compare_and_set(None, 1),
        lambda ref: ref.update(lambda _: 1),
    ],
    ids=["set", "exchange", "compare_and_set", "update"],
)
def test_every_kind_of_publication_wakes_every_waiter(Ref, publish):
    ref = Ref()
    waiting = threading.Barrier(4)

    def wait():
        waiting.wait()
        return ref.wait(0, 60), ref.get()

    def wake():
        waiting.wait()
        time.sleep(0.02)  # so that they are most likely asleep; right either way
        publish(ref)

    assert run_threads(wait, wait, wait, wake)[:3] == [(True, 1)] * 3


def test_waiters_sleep_until_the_version_they_asked_for(Ref):
    ref = Ref()

    def wait():
        assert ref.wait(2, 60)
        return ref.version

    def publish():
        for _ in range(3):
            time.sleep(0.01)
            ref.set(None)

    assert run_threads(wait, publish)[0] >= 3


def test_no_publication_is_slept_through(Ref):
    """Two threads hand a number to and fro; a wake-up that is lost would stop them for ever."""
    ping, pong, rounds = Ref(0), Ref(0), 1000

    def play(mine, theirs):
        for number in range(rounds):
            mine.set(number)
            assert theirs.wait(number, 60), f"slept through version {number + 1}"

    run_threads(lambda: play(ping, pong), lambda: play(pong, ping))
    assert (ping.version, pong.version) == (rounds, rounds)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")
def test_keyboard_interrupt_ends_a_wait(Ref):
    done = run_python(
        "-c",
        f"""if True:
        import os, signal, threading, time
        from frozen import {Ref.__name__}
        ref = {Ref.__name__}()
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            ref.wait(0)
        except KeyboardInterrupt:
            print("interrupted")
        ref.set(1)
        print(ref.wait(0))
        """,
    )
    assert done.stdout.split() == ["interrupted", "True"]


@pytest.mark.skipif(sys.platform == "win32", reason="setitimer is POSIX")
def test_a_signal_whose_handler_does_not_raise_prolongs_no_wait(Ref):
    seen = []
    previous = signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    before = time.monotonic()
    try:
        assert Ref().wait(0, 0.2) is False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert seen
    assert 0.2 <= time.monotonic() - before < 60


# watch


def test_watch_is_called_with_old_and_new():
    ref, seen = AtomicRef(0), []
    watch = ref.watch(lambda old, new: seen.append((old, new)))
    ref.set(1)
    ref.update(lambda value: value + 1)
    assert seen == [(0, 1), (1, 2)]
    watch.close()
    watch.close()
    ref.set(3)
    assert seen == [(0, 1), (1, 2)]


def test_with_closes_a_watch():
    ref, seen = AtomicRef(0), []
    with ref.watch(lambda old, new: seen.append(new)):
        ref.set(1)
    ref.set(2)
    assert seen == [1]


def test_watches_are_independent():
    ref, first, second = AtomicRef(0), [], []
    with ref.watch(lambda old, new: first.append(new)):
        ref.set(1)
        with ref.watch(lambda old, new: second.append(new)):
            ref.set(2)
        ref.set(3)
    assert (first, second) == ([1, 2, 3], [2])


def test_an_error_in_a_callback_is_reported_and_touches_nobody_else():
    ref, seen, reported = AtomicRef(0), [], []

    def fail(old, new):
        raise ValueError(new)

    hook, sys.unraisablehook = sys.unraisablehook, lambda report: reported.append((report.object, report.exc_value))
    try:
        with ref.watch(fail), ref.watch(lambda old, new: seen.append(new)):
            ref.set(1)
            ref.set(2)
    finally:
        sys.unraisablehook = hook
    assert seen == [1, 2]
    assert [(function, error.args) for function, error in reported] == [(fail, (1,)), (fail, (2,))]


ALL_PUBLISHERS = pytest.mark.parametrize(
    "publish",
    [
        lambda ref: ref.set(1),
        lambda ref: ref.exchange(1),
        lambda ref: ref.compare_and_set(0, 1),
        lambda ref: ref.update(lambda _: 1),
        lambda ref: ref.__init__(1),
        lambda ref: transaction(ref, AtomicRef()).set(1, 1),
        lambda ref: transaction(AtomicRef(), ref).update(lambda *_: (1, 1)),
    ],
    ids=["set", "exchange", "compare_and_set", "update", "__init__", "transaction.set", "transaction.update"],
)


@ALL_PUBLISHERS
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupted_callback_interrupts_the_publisher_once_all_were_called(publish, error):
    ref, seen = AtomicRef(0), []

    def interrupted(old, new):
        seen.append("interrupted")
        raise error("from a callback")

    with ref.watch(interrupted), ref.watch(lambda old, new: seen.append((old, new))):
        with pytest.raises(error, match="from a callback"):
            publish(ref)
        assert seen == ["interrupted", (0, 1)]
        assert ref.get_versioned() == (1, 1)


@pytest.mark.parametrize(
    "take_out", [lambda ref: ref.exchange("new"), lambda ref: ref.fetch_update(lambda value: "new")]
)
def test_an_interrupted_call_hands_over_the_value_that_it_has_replaced(take_out):
    ref = AtomicRef("old")

    def interrupted(old, new):
        raise KeyboardInterrupt

    with ref.watch(interrupted), pytest.raises(KeyboardInterrupt) as caught:
        take_out(ref)
    assert caught.value.undelivered == ["old"]
    assert ref.get() == "new"
    with ref.watch(interrupted), pytest.raises(KeyboardInterrupt) as caught:
        ref.update(lambda value: "newer")
    assert not hasattr(caught.value, "undelivered"), "what update() returns was published"


def test_of_several_interrupts_the_first_one_is_raised_and_the_others_are_reported():
    a, b, reported = AtomicRef(0), AtomicRef(0), []

    def interrupted(old, new):
        raise KeyboardInterrupt(new)

    hook, sys.unraisablehook = sys.unraisablehook, lambda report: reported.append(report.exc_value.args)
    try:
        watches = a.watch(interrupted), a.watch(interrupted), b.watch(interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            transaction(a, b).set("a", "b")
    finally:
        sys.unraisablehook = hook
    assert caught.value.args == ("a",)
    assert reported == [("a",), ("b",)]
    assert len(watches) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")
def test_keyboard_interrupt_in_a_callback_leaves_the_publishing_call():
    ref, after = AtomicRef(0), []

    def callback(old, new):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):  # it comes at one of these
            pass

    with ref.watch(callback), ref.watch(lambda old, new: after.append(new)), pytest.raises(KeyboardInterrupt):
        ref.set(1)
    assert after == [1]


def test_watches_are_called_in_the_order_of_their_opening():
    ref, seen = AtomicRef(0), []
    watches = [ref.watch(lambda old, new, number=number: seen.append(number)) for number in range(200)]
    for number in (0, 31, 32, 33, 64, 199, *range(100, 150)):
        watches[number].close()
        watches[number] = None
    ref.set(1)
    assert seen == [number for number in range(200) if watches[number]]


@pytest.mark.parametrize("closed", [lambda number: True, lambda number: number % 2, lambda number: 30 <= number < 70])
def test_watches_that_are_closed_while_they_are_called(closed):
    """Each callback closes its own watch, its neighbours, or none: the others are called once, in their order."""
    ref, seen, watches = AtomicRef(0), [], []

    def callback(number):
        seen.append(number)
        if closed(number):
            watches[number].close()
            watches[-number].close()

    for number in range(200):
        watches.append(ref.watch(lambda old, new, number=number: callback(number)))
    expected, gone = [], set()
    for number in range(200):
        if number not in gone:
            expected.append(number)
            if closed(number):
                gone |= {number, (200 - number) % 200}
    ref.set(1)
    assert seen == expected
    del seen[:]
    ref.set(2)
    assert seen == [number for number in expected if number not in gone]


def test_a_watch_that_a_callback_opens_sees_what_is_published_after_it():
    ref, seen, watches = AtomicRef(0), [], []
    watches.append(ref.watch(lambda old, new: watches.append(ref.watch(lambda old, new: seen.append((old, new))))))
    ref.set(1)
    assert seen == []
    ref.set(2)
    assert seen == [(1, 2)]


def test_watches_go_with_their_reference():
    class Thing:
        pass

    thing = Thing()
    weak, ref = weakref.ref(thing), AtomicRef(0)
    watches = [ref.watch(lambda old, new, thing=thing: None) for _ in range(100)]
    del thing, ref
    gc.collect()
    assert weak() is not None
    del watches
    gc.collect()
    assert weak() is None


def test_a_callback_may_publish():
    """What it publishes is delivered after it has returned, not inside."""
    ref, seen, depth = AtomicRef(0), [], 0

    def count_up(old, new):
        nonlocal depth
        depth += 1
        assert depth == 1
        seen.append((old, new))
        if new < 5:
            ref.update(lambda value: value + 1)
        depth -= 1

    with ref.watch(count_up):
        ref.set(1)
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_a_callback_may_close_its_own_watch():
    ref, seen = AtomicRef(0), []

    def once(old, new):
        seen.append(new)
        watch.close()

    watch = ref.watch(once)
    ref.set(1)
    ref.set(2)
    assert seen == [1]


def test_a_callback_runs_outside_the_update_that_called_it():
    ref = AtomicRef(0)
    with ref.watch(lambda old, new: ref.set("callback") if new != "callback" else None):
        assert ref.update(lambda value: "update") == "update"
    assert ref.get() == "callback"


def test_changes_during_a_slow_callback_come_as_one():
    ref, seen = AtomicRef(0), []
    entered, go_on = threading.Event(), threading.Event()

    def slow(old, new):
        seen.append((old, new))
        entered.set()
        assert go_on.wait(60)

    def publish_more():
        assert entered.wait(60)
        for number in (2, 3, 4):
            ref.set(number)  # returns although the callback is still running elsewhere
        go_on.set()

    with ref.watch(slow):
        run_threads(lambda: ref.set(1), publish_more)
    assert seen == [(0, 1), (1, 4)]


def test_each_watch_sees_a_chain_that_ends_with_the_last_value():
    ref, chain = AtomicRef((0, 0)), []

    def publish(name):
        for number in range(2000):
            ref.set((name, number))

    with ref.watch(lambda old, new: chain.append((old, new))), switch_interval():
        run_threads(*[lambda name=name: publish(name) for name in range(1, 4)])
    assert all(earlier[1] is later[0] for earlier, later in itertools.pairwise(chain))
    assert chain[-1][1] is ref.get()


def test_opening_and_closing_watches_while_others_publish():
    ref, stop = AtomicRef(0), threading.Event()

    def come_and_go():
        for _ in range(500):
            seen = []
            with ref.watch(lambda old, new, seen=seen: seen.append(new)):
                ref.update(lambda value: value + 1)
        stop.set()

    def publish():
        while not stop.is_set():
            ref.update(lambda value: value + 1)

    with switch_interval():
        run_threads(come_and_go, come_and_go, publish)
    seen = []
    with ref.watch(lambda old, new: seen.append(new)):
        ref.set("last")
    assert seen == ["last"]


def test_watch_wants_a_function(Ref):
    with pytest.raises(TypeError, match="not int"):
        Ref().watch(3)


def test_a_watch_in_a_cycle_is_collected():
    class Thing:
        def note(self, old, new):
            pass

    thing = Thing()
    thing.ref = AtomicRef(thing)
    thing.watch = thing.ref.watch(thing.note)
    weak = weakref.ref(thing)
    del thing
    gc.collect()
    assert weak() is None
