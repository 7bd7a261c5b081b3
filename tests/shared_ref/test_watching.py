"""SharedRef.watch(): a thread of the watching interpreter calls back, whichever interpreter publishes.

How processes and interpreters end while they watch is in tests/shared_ref/test_endings.py.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import multiprocessing
import os
import sys
import threading

import pytest
from support import (
    Subinterpreter,
    eventually,
    needs_subinterpreters,
    run_python,
    run_threads,
    switch_interval,
)

from frozen import ForkWarning, SharedMap, SharedRef, _core, register_shareable


@pytest.fixture(autouse=True)
def watches_have_ended(nothing_left_behind):
    yield
    eventually(nobody_is_at_work)


def nobody_is_at_work():
    threads, idle = _core._threads_of_watches()
    return threads == idle


def test_each_change_is_delivered_with_old_and_new():
    ref, seen = SharedRef(0), []
    with ref.watch(lambda old, new: seen.append((old, new))) as watch:
        for number in (1, 2, 3):
            ref.set(number)
            eventually(lambda number=number: len(seen) == number)
    assert seen == [(0, 1), (1, 2), (2, 3)]
    watch.close()
    ref.set(4)
    _core._settle_watches()
    assert seen == [(0, 1), (1, 2), (2, 3)]


def test_the_callback_runs_in_a_thread_of_its_own():
    ref, threads = SharedRef(0), set()
    with ref.watch(lambda old, new: threads.add(threading.current_thread().name)):
        ref.set(1)
        eventually(lambda: threads)
    assert threads == {"frozen watches"}


def test_watches_are_independent():
    ref, other, first, second = SharedRef(0), SharedRef(0), [], []
    with ref.watch(lambda old, new: first.append(new)), other.watch(lambda old, new: second.append(new)):
        ref.set(1)
        eventually(lambda: first == [1])
        other.set(2)
        eventually(lambda: second == [2])
    assert (first, second) == ([1], [2])


def test_an_error_in_a_callback_is_reported_and_touches_nobody_else():
    ref, seen, reported = SharedRef(0), [], []

    def fail(old, new):
        raise ValueError(new)

    hook, sys.unraisablehook = (
        sys.unraisablehook,
        lambda report: reported.append((report.object, report.exc_value.args)),
    )
    try:
        with ref.watch(fail), ref.watch(lambda old, new: seen.append(new)):
            ref.set(1)
            eventually(lambda: seen == [1] and len(reported) == 1)
            ref.set(2)
            eventually(lambda: seen == [1, 2] and len(reported) == 2)
    finally:
        sys.unraisablehook = hook
    assert reported == [(fail, (1,)), (fail, (2,))]


def test_a_callback_may_publish_and_close():
    ref, seen = SharedRef(0), []

    def count_up(old, new):
        seen.append((old, new))
        if new < 5:
            ref.update(lambda value: value + 1)
        else:
            watch.close()

    watch = ref.watch(count_up)
    ref.set(1)
    eventually(lambda: len(seen) == 5)
    ref.set(6)
    assert seen == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_changes_during_a_slow_callback_come_as_one():
    ref, seen = SharedRef(0), []
    entered, go_on = threading.Event(), threading.Event()

    def slow(old, new):
        seen.append((old, new))
        entered.set()
        assert go_on.wait(60)

    with ref.watch(slow):
        ref.set(1)
        assert entered.wait(60)
        for number in (2, 3, 4):
            ref.set(number)
        go_on.set()
        eventually(lambda: len(seen) == 2)
    assert seen == [(0, 1), (1, 4)]


def test_each_watch_sees_a_chain_that_ends_with_the_last_value():
    ref, chain = SharedRef((0, 0)), []

    def publish(name):
        for number in range(1000):
            ref.set((name, number))

    with ref.watch(lambda old, new: chain.append((old, new))):
        with switch_interval():
            run_threads(*[lambda name=name: publish(name) for name in range(1, 4)])
        eventually(lambda: chain and chain[-1][1] == ref.get())
    assert all(earlier[1] is later[0] for earlier, later in itertools.pairwise(chain))


def test_opening_and_closing_watches_while_others_publish():
    ref, stop = SharedRef(0), threading.Event()

    def come_and_go():
        for _ in range(200):
            with ref.watch(lambda old, new: None):
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
        eventually(lambda: seen)
    assert seen == ["last"]


def test_a_slow_callback_holds_no_other():
    slow, other, third = SharedRef(0), SharedRef(0), SharedRef(0)
    seen, release = [], threading.Event()

    def first(old, new):
        seen.append(("slow", new))
        assert release.wait(60)

    async def listen():
        return await asyncio.wait_for(other.changed(since=0), 60)

    with slow.watch(first), third.watch(lambda old, new: seen.append(("third", new))):
        slow.set(1)
        eventually(lambda: seen == [("slow", 1)])
        third.set(1)
        eventually(lambda: seen == [("slow", 1), ("third", 1)])
        threading.Timer(0.01, other.set, (1,)).start()
        assert asyncio.run(listen()) == (1, 1)
        release.set()


def test_a_callback_may_await_another_change():
    ref, other, seen = SharedRef(0), SharedRef(0), []

    async def listen():
        return await asyncio.wait_for(other.changed(since=0), 60)

    def callback(old, new):
        threading.Timer(0.01, other.set, (1,)).start()
        seen.append(asyncio.run(listen()))

    with ref.watch(callback):
        ref.set(1)
        eventually(lambda: seen == [(1, 1)])


def test_there_are_as_many_threads_as_callbacks_that_block():
    refs, inside, release = [SharedRef(0) for _ in range(20)], [], threading.Event()

    def block(old, new):
        inside.append(new)
        assert release.wait(60)

    watches = [ref.watch(block) for ref in refs]
    for number, ref in enumerate(refs):
        ref.set(number)
    eventually(lambda: sorted(inside) == list(range(20)))

    def twenty_work_and_one_waits():
        threads, idle = _core._threads_of_watches()  # the machine may let two wait, or a 21st look for work
        return threads - idle == 20 and idle in (1, 2)

    eventually(twenty_work_and_one_waits)
    release.set()
    eventually(nobody_is_at_work)
    for watch in watches:
        watch.close()
    eventually(lambda: _core._threads_of_watches() == (0, 0))


def test_a_thread_that_blocks_passes_the_ring_on():
    """Several changes before the first thread looks are one ring, and two threads are idle from the second round on."""
    refs, inside, release = [SharedRef(0) for _ in range(5)], [], threading.Event()

    def block(old, new):
        inside.append(new)
        assert release.wait(60)

    watches = [ref.watch(block) for ref in refs]
    for number in range(1, 20):
        for ref in refs:
            ref.set(number)
        eventually(lambda number=number: inside.count(number) == 5)
        release.set()
        eventually(nobody_is_at_work)
        release.clear()
    for watch in watches:
        watch.close()


def test_quick_callbacks_of_many_watches_share_a_few_threads():
    ref, seen = SharedRef(0), []
    watches = [ref.watch(lambda old, new: seen.append(new)) for _ in range(500)]
    ref.set(1)
    eventually(lambda: len(seen) == 500)
    assert seen == [1] * 500
    assert _core._threads_of_watches()[0] < 50
    for watch in watches:
        watch.close()


class Fragile:
    """Shared by its text; what reads it may fail."""

    readable = True

    @staticmethod
    def decode(text):
        if not Fragile.readable:
            raise LookupError("not readable here")
        return Fragile()


register_shareable(Fragile, lambda fragile: "text", Fragile.decode)


@pytest.mark.parametrize("kind", ["changed", "changes"])
def test_a_value_that_cannot_be_read_comes_out_of_the_await(monkeypatch, kind):
    ref = SharedRef(0)

    async def first_of(changes):
        async for value in changes:
            return value

    async def main():
        task = asyncio.ensure_future(ref.changed() if kind == "changed" else first_of(ref.changes()))
        await asyncio.sleep(0)
        ref.set(Fragile())
        monkeypatch.setattr(Fragile, "readable", False)
        with pytest.raises(LookupError, match="not readable here"):
            await asyncio.wait_for(task, 60)

    asyncio.run(main())


def test_a_watch_goes_on_when_its_reference_is_dropped(name):
    seen = []
    watch = SharedRef(name, 0).watch(lambda old, new: seen.append(new))
    gc.collect()
    SharedRef.attach(name).set(1)
    eventually(lambda: seen == [1])
    watch.close()


@needs_subinterpreters
def test_a_publication_in_another_interpreter_is_delivered_here(name):
    ref, seen = SharedRef(name, SharedMap(a=0)), []
    with Subinterpreter() as interpreter, ref.watch(lambda old, new: seen.append((old["a"], new["a"]))):
        for number in range(1, 4):
            interpreter.run(
                f"from frozen import SharedRef; SharedRef.attach({name!r}).update(lambda m: m.set('a', {number}))"
            )
            eventually(lambda number=number: len(seen) == number)
    assert seen == [(0, 1), (1, 2), (2, 3)]


@needs_subinterpreters
def test_interpreters_watch_each_other(name):
    """A number goes round four interpreters, each of which waits for its turn by a watch only."""
    ref, laps, count = SharedRef(name, 0), 25, 4
    code = f"""
        import threading
        from frozen import SharedRef
        ref, done = SharedRef.attach({name!r}), threading.Event()
        def turn(old, new):
            assert old < new
            if new >= {laps * count}:
                done.set()
            elif new % {count} == number:
                ref.set(new + 1)
        watch = ref.watch(turn)
        """
    interpreters = [Subinterpreter() for _ in range(count)]
    for number, interpreter in enumerate(interpreters):
        interpreter.run("import threading")
        interpreter.run(f"number = {number}")
        interpreter.run(code)
    ref.set(4)
    run_threads(*[lambda i=interpreter: i.run("assert done.wait(60), ref.get()") for interpreter in interpreters])
    assert ref.get() == laps * count
    for interpreter in interpreters:
        interpreter.run("watch.close()")
        interpreter.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_watches_go_on_in_the_child_of_a_fork():
    ref, seen = SharedRef(0), []

    def child():
        with pytest.warns(ForkWarning):
            ref.set(1)
        eventually(lambda: seen == [1])
        watch.close()

    with ref.watch(lambda old, new: seen.append(new)) as watch:
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(60)
        assert process.exitcode == 0
        ref.set("in the parent")
        eventually(lambda: seen == ["in the parent"])


@needs_subinterpreters
def test_a_loop_is_woken_by_another_interpreter(name):
    ref = SharedRef(name, 0)

    async def main():
        version = 0
        seen = []
        while version < 100:
            value, version = await asyncio.wait_for(ref.changed(version), 60)
            assert value == version
        async for value in ref.changes(since=99):
            seen.append(value)
            break
        return seen

    with Subinterpreter() as interpreter:
        publish = f"""
            import time
            from frozen import SharedRef
            ref = SharedRef.attach({name!r})
            for number in range(1, 101):
                ref.set(number)
                time.sleep(0.0005)
            """
        seen, _ = run_threads(lambda: asyncio.run(main()), lambda: interpreter.run(publish))
    assert seen == [100]
    gc.collect()


def test_callbacks_are_traced_and_profiled_as_threads_are():
    run_python(
        "-c",
        """if True:
        import threading
        from frozen import SharedRef
        traced, profiled, called = set(), set(), threading.Event()
        threading.settrace(lambda frame, *_: traced.add(frame.f_code.co_name))
        threading.setprofile(lambda frame, *_: profiled.add(frame.f_code.co_name))

        def callback(old, new):
            called.set()

        ref = SharedRef(0)
        with ref.watch(callback):
            ref.set(1)
            assert called.wait(60)
        assert "callback" in traced & profiled, (traced, profiled)
        """,
    )
