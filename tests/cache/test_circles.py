"""Tasks that wait for each other in ways that only asyncio knows, and computations whose loop or process is gone."""

import asyncio
import gc
import os
import sys

import pytest
from cache_tasks import run, until, waiting
from support import assert_no_leak, eventually, needs_subinterpreters, run_in_subinterpreter, run_python, run_threads

from frozen import Cache, cached

# A task that awaits a task which needs its result

WAYS = {}


def way(function):
    WAYS[function.__name__] = function
    return function


@way
async def a_task(coroutine):
    return await asyncio.create_task(coroutine)


@way
async def a_task_of_a_task(coroutine):
    return await asyncio.create_task(a_task(coroutine))


@way
async def gather(coroutine):
    return await asyncio.gather(asyncio.sleep(0), asyncio.gather(coroutine))


@way
async def shield(coroutine):
    return await asyncio.shield(coroutine)


@way
async def wait_for(coroutine):
    return await asyncio.wait_for(asyncio.create_task(coroutine), 1000)


@way
async def wait(coroutine):
    done, _ = await asyncio.wait([asyncio.create_task(coroutine)])
    return done.pop().result()


@way
async def task_group(coroutine):
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(coroutine)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


@pytest.mark.parametrize("awaited", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("later", [False, True])
def test_a_task_that_awaits_a_task_that_waits_for_it_is_told(awaited, later):
    """`later`: the inner task waits already when the outer one begins to await it."""

    @cached
    async def value(n):
        inner = asyncio.ensure_future(value(n))
        if later:
            await until(lambda: waiting(value.cache))
        return await awaited(shielded(inner))

    async def shielded(inner):
        return await inner

    with pytest.raises(RuntimeError, match="the key 1 is being computed by the same thread or task"):
        run(value(1))
    assert value.cache._flights == {}


def test_a_circle_over_two_keys_and_the_tasks_between_is_told():
    begun = set()

    @cached
    async def value(n):
        begun.add(n)
        await until(lambda: len(begun) == 2)
        return await asyncio.gather(value(1 - n))

    async def main():
        return await asyncio.gather(value(0), value(1), return_exceptions=True)

    assert {type(result) for result in run(main())} == {RuntimeError}


def test_a_task_that_a_computation_began_and_does_not_await_gets_the_value():
    begun = []

    @cached
    async def value():
        begun.append(asyncio.ensure_future(value()))
        await until(lambda: waiting(value.cache))
        return object()

    @cached
    async def first_of_two():
        begun.append(asyncio.ensure_future(first_of_two()))
        quick = asyncio.ensure_future(until(lambda: waiting(first_of_two.cache)))
        await asyncio.wait([begun[-1], quick], return_when=asyncio.FIRST_COMPLETED)
        return object()

    async def main():
        assert await value() is await begun[0]
        assert await first_of_two() is await begun[1]

    run(main())


def test_what_is_made_and_not_awaited_is_no_wait():
    from frozen import _await_graph

    async def main():
        task = asyncio.current_task()
        inner = asyncio.get_running_loop().create_future()
        outer = asyncio.gather(inner, inner)
        assert _await_graph.tasks_that_await(task) == {task}
        assert _await_graph.tasks_that_await(inner) == {inner, outer}
        assert _await_graph.awaited_by(task) == [task]
        assert _await_graph.awaited_by(outer) == [outer, inner, inner]
        inner.set_result(None)
        await outer

    asyncio.run(main())


# A loop that was closed


def stopped(loop, coroutine, begun):
    """Run the coroutine in the loop until `begun()`, and leave it there."""

    async def begin():
        task = asyncio.ensure_future(coroutine)
        await until(begun)
        return task

    loop.run_until_complete(begin())


async def forever():
    await asyncio.Event().wait()


@pytest.fixture
def loop(recwarn):
    """A loop that is closed while tasks of it are pending, of which asyncio and CPython complain."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    yield loop
    loop.close()
    gc.collect()


def test_who_waits_for_a_task_whose_loop_is_closed_computes(loop):
    cache = Cache()
    stopped(loop, cache.get_or_compute_async("k", forever), lambda: cache._flights)

    def close():
        eventually(lambda: waiting(cache))
        loop.close()

    found, _ = run_threads(lambda: cache.get_or_compute("k", lambda: 5), close)
    assert found == 5
    assert cache._flights == {}


def test_a_task_computes_what_a_closed_loop_left(loop):
    cache = Cache()
    stopped(loop, cache.get_or_compute_async("k", forever), lambda: cache._flights)
    loop.close()

    async def five():
        return 5

    assert run(cache.get_or_compute_async("k", five)) == 5


def test_a_stale_value_whose_refresh_a_closed_loop_left_is_computed_again(loop):
    from frozen._flights import refreshing

    now, calls = [0.0], []

    @cached(ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
    async def load():
        calls.append(1)
        if len(calls) == 2:
            await forever()
        return len(calls)

    assert loop.run_until_complete(load()) == 1
    now[0] = 11
    stopped(loop, load(), lambda: len(calls) == 2)
    loop.close()

    async def newer():
        assert await load() == 1
        await until(lambda: len(calls) == 3)
        return await load()

    assert run(newer()) == 3
    assert not refreshing


def test_closed_loops_leave_nothing_behind():
    from frozen import _flights, _flights_aio

    gc.collect()
    waiting, refreshing = dict(_flights._waiting), set(_flights.refreshing)
    cache = Cache()
    now = [0.0]

    @cached(maxsize=None, ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
    async def load(n):
        if now[0]:
            await forever()
        return n

    for round in range(20):
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)
        now[0] = 0
        for n in range(10):
            assert loop.run_until_complete(load((round, n))) == (round, n)
        now[0] = 11
        stopped(loop, cache.get_or_compute_async("k", forever), lambda: cache._flights)
        stopped(loop, cache.get_or_compute_async("k", forever), lambda: len(_flights._waiting) > len(waiting))
        for n in range(10):
            assert loop.run_until_complete(load((round, n))) == (round, n)
        loop.close()
        del loop
        cache._flights.clear()  # as if the key had been stored
        gc.collect()
    assert _flights._waiting == waiting
    assert len(_flights.refreshing - refreshing) <= _flights_aio._many == 64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(sys.platform == "darwin", reason="threads and fork do not mix on macOS")
def test_the_child_of_a_fork_computes_what_a_task_of_its_parent_did():
    run_python(
        "-W",
        "ignore",
        "-c",
        """if True:
        import asyncio, os
        from frozen import Cache

        cache = Cache()

        async def own():
            return os.getpid()

        async def main():
            forked = asyncio.Event()

            async def slow():
                await forked.wait()
                return os.getpid()

            task = asyncio.ensure_future(cache.get_or_compute_async("k", slow))
            while not cache._flights:
                await asyncio.sleep(0)
            child = os.fork()
            if child == 0:
                asyncio.events._set_running_loop(None)
                assert asyncio.run(asyncio.wait_for(cache.get_or_compute_async("k", own), 60)) == os.getpid()
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            forked.set()
            return await task

        assert asyncio.run(main()) == os.getpid()
        """,
    )


@needs_subinterpreters
def test_a_stale_value_is_computed_again_in_an_interpreter_of_its_own():
    run_in_subinterpreter(
        """
        import time
        from frozen import cached

        now, calls = [0.0], []

        @cached(ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
        def load():
            calls.append(1)
            return len(calls)

        assert load() == 1
        now[0] = 11
        assert load() == 1
        end = time.monotonic() + 60
        while load() == 1 and time.monotonic() < end:
            time.sleep(0.001)
        assert load() == 2
        """
    )


def test_waiting_for_tasks_leaks_nothing():
    @cached
    async def own(n):
        return await asyncio.create_task(own(n))

    async def fails():
        with pytest.raises(RuntimeError):
            await own(1)

    with asyncio.Runner() as runner:
        assert_no_leak(lambda: runner.run(fails()))
