"""Awaiting a reference's change: changed() and changes(), and what wakes the loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import time
import weakref

import pytest
from support import eventually, run_python, run_threads

import frozen._aio
from frozen import AtomicRef, _core


def test_changed_awaits_the_next_version(Ref):
    async def main():
        ref = Ref("a")
        waiting = asyncio.create_task(ref.changed())
        await asyncio.sleep(0)
        ref.set("b")
        assert await waiting == ("b", 1)
        assert await ref.changed(0) == ("b", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ref.changed(since=1), 0.02)

    asyncio.run(main())


def test_changed_is_woken_by_another_thread(Ref):
    ref = Ref(0)

    async def main():
        version = 0
        while version < 100:
            value, version = await asyncio.wait_for(ref.changed(version), 60)
            assert value == version

    def publish():
        for number in range(1, 101):
            ref.set(number)
            time.sleep(0.0005)

    run_threads(lambda: asyncio.run(main()), publish)


def test_changes_gives_values_in_order_up_to_the_last(Ref):
    ref = Ref(0)
    started = threading.Event()

    async def main():
        seen = []
        changes = ref.changes()
        started.set()
        async for value in changes:
            seen.append(value)
            if value == 1000:
                break
        await changes.aclose()
        return seen

    def publish():
        assert started.wait(60)
        for number in range(1, 1001):
            ref.set(number)

    seen, _ = run_threads(lambda: asyncio.run(asyncio.wait_for(main(), 60)), publish)
    assert seen == sorted(set(seen))
    assert seen[-1] == 1000


def test_changes_starts_after_the_version_current_when_it_was_called(Ref):
    async def main():
        ref = Ref("old")
        changes = ref.changes()
        ref.set("new")
        assert await anext(changes) == "new"
        assert await anext(ref.changes(since=0)) == "new"

    asyncio.run(main())


def test_many_publications_wake_the_loop_once():
    async def main():
        ref, calls = AtomicRef(0), []
        loop = asyncio.get_running_loop()
        soon, loop.call_soon_threadsafe = loop.call_soon_threadsafe, lambda f: (calls.append(f), soon(f))
        waiting = asyncio.create_task(ref.changed())
        await asyncio.sleep(0)
        for number in range(1000):
            ref.set(number)
        assert await waiting == (999, 1000)
        assert len(calls) == 1

    asyncio.run(main())


def test_a_closed_loop_is_forgotten(Ref):
    ref = Ref(0)
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(ref.changed())
    with contextlib.suppress(TimeoutError):
        loop.run_until_complete(asyncio.wait_for(asyncio.sleep(1), 0.01))
    loop.close()
    ref.set(1)  # tells the closed loop, which is an error there and none here
    ref.set(2)
    assert ref.get() == 2
    waiting._log_destroy_pending = False


@pytest.fixture
def wakers(monkeypatch):
    """How many wakers, each with a watch, were made."""
    made = []
    real = _core._Waker
    monkeypatch.setattr(frozen._aio._core, "_Waker", lambda wake: made.append(real(wake)) or made[-1])
    return made


def test_all_tasks_of_a_loop_share_one_watch_as_long_as_they_come_back(Ref, wakers):
    ref, tasks, rounds, woken = Ref(0), 100, 5, []

    async def client():
        version = 0
        while version < rounds:
            _, version = await ref.changed(version)
            woken.append(version)

    async def main():
        clients = [asyncio.create_task(client()) for _ in range(tasks)]
        await asyncio.sleep(0)
        for number in range(1, rounds + 1):
            ref.set(number)
            while len(woken) < number * tasks:
                await asyncio.sleep(0.001)
        await asyncio.gather(*clients)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert woken == [number for number in range(1, rounds + 1) for _ in range(tasks)]
    assert len(wakers) == 1


def test_tasks_are_woken_in_the_order_in_which_they_came(Ref):
    ref, order = Ref(0), []

    async def client(number):
        await ref.changed()
        order.append(number)

    async def main():
        clients = [asyncio.create_task(client(number)) for number in range(50)]
        await asyncio.sleep(0)
        ref.set(1)
        await asyncio.gather(*clients)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert order == list(range(50))


def test_the_watch_is_closed_when_nobody_awaits_any_more(Ref):
    async def main():
        ref = Ref(0)
        waiting = [asyncio.create_task(ref.changed()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        waiting = asyncio.create_task(ref.changed())
        await asyncio.sleep(0)
        ref.set(1)
        assert await waiting == (1, 1)
        for _ in range(3):
            await asyncio.sleep(0)
        return weakref.ref(ref)

    weak = asyncio.run(asyncio.wait_for(main(), 60))
    # the thread that tells watches of a SharedRef may hold this one for a moment longer
    eventually(lambda: gc.collect() >= 0 and len(frozen._aio._here.listeners) == 0 and weak() is None)


def test_an_iterator_keeps_its_watch_between_two_values(Ref, wakers):
    ref = Ref(0)

    async def main():
        changes = ref.changes()
        for number in range(1, 4):
            ref.set(number)
            assert await asyncio.wait_for(anext(changes), 60) == number
            await asyncio.sleep(0.01)
        await changes.aclose()

    asyncio.run(main())
    assert len(wakers) == 1


def test_cancelled_tasks_disturb_no_others(Ref):
    async def main():
        ref = Ref(0)
        waiting = [asyncio.create_task(ref.changed()) for _ in range(10)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        ref.set(1)
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in done[::2]] == [asyncio.CancelledError] * 5
        assert done[1::2] == [(1, 1)] * 5

    asyncio.run(asyncio.wait_for(main(), 60))


def test_loops_of_several_threads_are_woken_each(Ref):
    ref, ready = Ref(0), threading.Barrier(4)

    def listen():
        async def main():
            first = asyncio.create_task(ref.changed(0)), asyncio.create_task(ref.changed(0))
            await asyncio.sleep(0)
            ready.wait()
            assert await asyncio.gather(*first) == [("now", 1)] * 2

        asyncio.run(asyncio.wait_for(main(), 60))

    run_threads(listen, listen, listen, lambda: (ready.wait(), ref.set("now")))


def test_an_abandoned_loop_keeps_nothing_alive():
    class Thing:
        pass

    def abandon():
        ref, thing = AtomicRef(0), Thing()

        async def client(thing):
            await ref.changed()

        loop = asyncio.new_event_loop()
        task = loop.create_task(client(thing))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        task._log_destroy_pending = False
        return weakref.ref(thing)

    weak = abandon()
    gc.collect()
    assert weak() is None


# What wakes a loop


def test_a_waker_calls_once_until_it_was_noticed():
    calls = []
    waker = _core._Waker(lambda: calls.append(1))
    for _ in range(3):
        waker("old", "new")
    assert len(calls) == 1
    waker.noticed()
    waker()
    assert len(calls) == 2


def test_an_interrupted_waker_wakes_all_the_same():
    """A signal's handler may raise at any point of the Python code that wakes a loop."""
    calls = []

    def wake():
        calls.append(1)
        if len(calls) < 4:
            raise KeyboardInterrupt(len(calls))

    ref, waker = AtomicRef(0), _core._Waker(wake)
    with ref.watch(waker), pytest.raises(KeyboardInterrupt) as caught:
        ref.set(1)
    assert caught.value.args == (1,)
    assert len(calls) == 4
    waker()
    assert len(calls) == 4, "the loop was woken"


def test_a_waker_that_fails_is_called_again_at_the_next_publication():
    calls = []

    def wake():
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError

    waker = _core._Waker(wake)
    with pytest.raises(MemoryError):
        waker()
    waker()
    waker()
    assert len(calls) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_the_child_of_a_fork_a_thread_of_the_parent_wakes_no_loop():
    done = run_python(
        "-W",
        "ignore",
        "-c",
        """if True:
        import os, threading
        from frozen import _core
        inside, go_on, calls = threading.Event(), threading.Event(), []

        def wake():
            calls.append(os.getpid())
            if len(calls) == 1:
                inside.set()
                go_on.wait(60)

        waker = _core._Waker(wake)
        thread = threading.Thread(target=waker)
        thread.start()
        inside.wait(60)
        child = os.fork()
        if child == 0:
            waker()
            waker()
            os._exit(calls[1:] != [os.getpid()])
        waker()
        go_on.set()
        thread.join()
        waker()
        print(os.waitpid(child, 0)[1], len(calls))
        """,
    )
    assert done.stdout.split() == ["0", "1"]
