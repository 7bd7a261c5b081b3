"""Publishing to a reference from inside an update of it: by the function itself, a signal handler, a finalizer that the
collector runs, another greenlet. What is published takes effect, and the update around it runs its function again."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import weakref

import pytest
from support import run_python, run_threads, switch_interval

from frozen import AtomicRef, Map, SharedMap, SharedRef, snapshot, transaction

ALL_WAYS = pytest.mark.parametrize(
    "publish",
    [
        lambda ref, value: ref.set(value),
        lambda ref, value: ref.exchange(value),
        lambda ref, value: ref.compare_and_set(ref.get(), value),
        lambda ref, value: ref.update(lambda _: value),
        lambda ref, value: transaction(AtomicRef(), ref).set(value, value),
        lambda ref, value: transaction(AtomicRef(), ref).update(lambda *_: (value, value)),
    ],
    ids=["set", "exchange", "compare_and_set", "update", "transaction.set", "transaction.update"],
)
BOTH_FAMILIES = pytest.mark.parametrize(("Ref", "Map"), [(AtomicRef, Map), (SharedRef, SharedMap)])
needs_kill = pytest.mark.skipif(sys.platform == "win32", reason="sends signals to itself")


@ALL_WAYS
def test_what_the_function_publishes_takes_effect_and_it_runs_again(Ref, publish):
    ref, seen = Ref(1), []

    def once(value):
        seen.append(value)
        if len(seen) == 1:
            publish(ref, 10)
        return value + 1

    assert ref.update(once) == 11
    assert seen == [1, 10]
    assert ref.get_versioned() == (11, 2)


def test_initialising_again_counts_as_publishing():
    ref, seen = AtomicRef(1), []
    assert ref.update(lambda value: (seen.append(value), len(seen) > 1 or ref.__init__(10), value + 1)[2]) == 11
    assert ref.get_versioned() == (11, 2)


@ALL_WAYS
def test_a_function_that_publishes_in_each_try_ends_with_an_error(Ref, publish):
    ref, calls = Ref(0), 0

    def always(value):
        nonlocal calls
        calls += 1
        publish(ref, calls)
        return "lost"

    with pytest.raises(RuntimeError, match=r"gave up.*let the function return the new value instead"):
        ref.update(always)
    assert 100 < calls < 10_000
    assert ref.get_versioned() == (calls, calls), "each of its own publications took effect"
    assert ref.update(lambda value: "over") == "over"


def test_a_transaction_runs_again_when_one_of_its_references_is_published_inside(Ref):
    a, b, seen = Ref(1), Ref(2), []

    def swap(x, y):
        seen.append((x, y))
        if len(seen) == 1:
            b.set(20)
        return y, x

    assert transaction(a, b).update(swap) == (20, 1)
    assert seen == [(1, 2), (1, 20)]
    with pytest.raises(RuntimeError, match="gave up"):
        transaction(a, b).update(lambda x, y: (b.set(y + 1), 0))
    assert snapshot(a, b)[0] == 20


def test_an_update_inside_an_update_of_the_same_reference_does_not_queue_behind_it(Ref):
    """The outer one has the turn: it lost too often against another thread."""
    ref, tries = Ref(0), 0

    def outer(value):
        nonlocal tries
        tries += 1
        if tries <= 20:
            run_threads(lambda: ref.set(tries))
        elif tries == 21:
            assert ref.update(lambda inner: inner + 100) == 120
        return value + 1

    assert ref.update(outer) == 121
    assert tries == 22


def test_updates_can_be_nested_deeply(Ref):
    def descend(value, depth):
        return Ref(0).update(descend, depth - 1) + 1 if depth else value

    assert Ref(0).update(descend, 100) == 100


@BOTH_FAMILIES
def test_a_finalizer_inside_an_update_takes_effect(Ref, Map):
    class Session:
        def __init__(self, live, number):
            self.me = self  # only the collector frees it
            live.update(lambda m: m.set(number, str(number)))
            weakref.finalize(self, live.update, lambda m: m.discard(number))

    live = Ref(Map())
    gc.disable()
    try:
        Session(live, 1)
        live.update(lambda m: (gc.collect(), m.set(2, "2"))[1])
    finally:
        gc.enable()
    assert dict(live.get()) == {2: "2"}
    for number in range(3000):
        Session(live, number)
    gc.collect()
    assert dict(live.get()) == {}


@needs_kill
def test_a_signal_handler_inside_an_update_takes_effect(Ref):
    ref, tries = Ref(("old", 0)), 0

    def count(value):
        nonlocal tries
        tries += 1
        if tries == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
            for _ in range(1000):  # the handler runs at one of these
                pass
        return value[0], value[1] + 1

    previous = signal.signal(signal.SIGUSR1, lambda *_: ref.set(("reloaded", 0)))
    try:
        assert ref.update(count) == ("reloaded", 1)
    finally:
        signal.signal(signal.SIGUSR1, previous)


@needs_kill
def test_signal_handlers_that_publish_or_raise_lose_nothing_while_threads_update(Ref):
    done = run_python(
        "-c",
        f"""if True:
        import signal, sys, threading
        from frozen import {Ref.__name__}
        sys.setswitchinterval(1e-5)
        ref, by_handler, armed, each = {Ref.__name__}((0, 0)), 0, False, 5000

        class Stop(Exception):
            pass

        def handler(*_):
            global by_handler, armed
            ref.update(lambda value: (value[0], value[1] + 1))
            by_handler += 1
            stop = armed and by_handler % 3 == 0
            if stop:
                armed = False
            signal.setitimer(signal.ITIMER_REAL, 0.001)  # the next one comes when this one has counted
            if stop:
                raise Stop

        def count():
            for _ in range(each):
                ref.update(lambda value: (value[0] + 1, value[1]))

        threads = [threading.Thread(target=count) for _ in range(2)]
        for thread in threads:
            thread.start()
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        raised = 0
        while by_handler < 200 or not raised:
            try:
                armed = True
                ref.update(lambda value: ([None for _ in range(300)], value)[1])
                armed = False
            except Stop:
                raised += 1
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        for thread in threads:
            thread.join()
        assert ref.get() == (2 * each, by_handler), (ref.get(), by_handler)
        print("nothing lost")
        """,
    )
    assert done.stdout.strip() == "nothing lost"


def test_a_greenlet_does_not_publish_from_within_the_update_of_another_one(Ref):
    """However often they do: the update has not published itself, so it does not give up."""
    greenlet = pytest.importorskip("greenlet")
    ref, main, rounds = Ref(0), greenlet.getcurrent(), 3000
    tries = 0

    def slow(value):
        nonlocal tries
        tries += 1
        if tries <= rounds:
            main.switch()  # as gevent does at each input or output
        return value + 1

    one = greenlet.greenlet(lambda: ref.update(slow))
    one.switch()
    for number in range(rounds):
        greenlet.greenlet(lambda: ref.update(lambda value: value + 1)).switch()
        assert ref.get() == number + 1
        one.switch()
    assert one.dead
    assert ref.get() == rounds + 1


def test_many_greenlets_may_be_inside_updates_at_once(Ref):
    greenlet = pytest.importorskip("greenlet")
    ref, main, others = Ref(0), greenlet.getcurrent(), []

    def slow(value, first):
        if first:
            first.clear()
            main.switch()
        return value + 1

    for _ in range(100):
        others.append(greenlet.greenlet(lambda: ref.update(slow, [1])))
        others[-1].switch()
    for other in reversed(others):
        other.switch()
    assert ref.get() == 100


def test_threads_that_publish_inside_their_own_updates_lose_nothing(Ref):
    ref, each = Ref((0, 0)), 500

    def work():
        for _ in range(each):
            first = [1]

            def outer(value, first=first):
                if first:
                    first.clear()
                    ref.update(lambda inner: (inner[0], inner[1] + 1))
                return value[0] + 1, value[1]

            ref.update(outer)

    with switch_interval():
        run_threads(work, work, work)
    assert ref.get() == (3 * each, 3 * each)


def test_another_threads_publications_do_not_count_as_the_functions_own(Ref):
    ref, stop, tries = Ref(0), threading.Event(), 0

    def publish():
        while not stop.is_set():
            ref.set("by another")

    def outer(value):
        nonlocal tries
        tries += 1
        if tries <= 3:
            ref.set("from within")
        if tries < 1500:
            assert ref.wait(ref.version, 60)
        else:
            stop.set()
        return "done"

    with switch_interval():
        assert run_threads(lambda: ref.update(outer), publish)[0] == "done"
    assert tries >= 1500


def test_an_update_inside_one_counts_what_it_lost_by_itself(Ref):
    outer, inner, tries = Ref(0), Ref(0), []

    def lose_once(ref, value):
        tries.append(value)
        if value == 0:
            ref.set(10)
        return value + 1

    def nested(value):
        lose_once(outer, value)
        inner.set(0)
        assert inner.update(lambda value: lose_once(inner, value)) == 11
        return outer.get() + 1

    assert outer.update(nested) == 11
    assert tries == [0, 0, 10, 10, 0, 10]
