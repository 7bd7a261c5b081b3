"""Coroutine functions: a hit is awaited at once, a miss is computed once for tasks, loops and threads."""

import asyncio
import functools
import inspect
import sys
import threading

import pytest
from cache_tasks import run, until, waiting
from support import assert_no_leak, eventually, run_threads

from frozen import AtomicMap, Cache, cached


def test_a_hit_is_awaited_as_a_coroutine_is():
    @cached
    async def double(n):
        return (n, n)

    async def main():
        assert await double(1) == (1, 1)
        assert await double(1) == (1, 1)
        assert await asyncio.create_task(double(1)) == (1, 1)
        assert await asyncio.gather(double(1), double(2), double(1)) == [(1, 1), (2, 2), (1, 1)]
        assert await asyncio.wait_for(double(1), 60) == (1, 1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(double(1))
        assert task.result() == (1, 1)

    run(main())
    assert double.cache_info()[:2] == (6, 2)


def test_a_result_that_is_an_exception_is_a_result():
    error = StopIteration(5)

    @cached
    async def give():
        return error

    async def main():
        return [await give(), await give(), await asyncio.ensure_future(give())]

    assert all(result is error for result in run(main()))


def test_what_a_hit_returns_has_the_methods_of_a_coroutine():
    @cached
    async def one():
        return 1

    run(one())
    hit = one()
    assert inspect.isawaitable(hit)
    assert asyncio.iscoroutine(hit)
    with pytest.raises(StopIteration) as stopped:
        hit.send(None)
    assert stopped.value.value == 1
    assert hit.close() is None
    for throw in (
        lambda: hit.throw(ValueError("x")),
        lambda: hit.throw(ValueError),
        lambda: hit.throw(ValueError, "x"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            throw()
    with pytest.raises(TypeError, match="throw"):
        hit.throw(5)


def test_frameworks_see_a_coroutine_function():
    class Service:
        @cached
        async def load(self, n):
            return n

    is_coroutine_function = inspect.iscoroutinefunction
    if sys.version_info < (3, 12):
        is_coroutine_function = asyncio.iscoroutinefunction  # inspect's has no mark for other callables yet
    assert is_coroutine_function(Service.load)
    assert is_coroutine_function(Service().load)
    assert not is_coroutine_function(cached(len))
    assert run(Service().load(5)) == 5


def test_one_task_computes_and_the_others_wait():
    calls = []

    @cached
    async def slow(n):
        calls.append(n)
        await until(lambda: waiting(slow.cache) == 9)
        return [n]

    async def main():
        return await asyncio.gather(*[slow(1) for _ in range(10)])

    results = run(main())
    assert calls == [1]
    assert all(result is results[0] for result in results)


def test_tasks_that_wait_get_the_exception():
    calls = []

    @cached
    async def slow():
        calls.append(1)
        await until(lambda: waiting(slow.cache) == 4)
        raise ValueError("once")

    async def main():
        return await asyncio.gather(*[slow() for _ in range(5)], return_exceptions=True)

    assert [type(result) for result in run(main())] == [ValueError] * 5
    assert calls == [1]


def test_a_task_that_is_cancelled_hands_over():
    calls = []

    @cached
    async def slow():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return len(calls)

    async def main():
        tasks = [asyncio.create_task(slow()) for _ in range(4)]
        await until(lambda: waiting(slow.cache) == 3)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    cancelled, *others = run(main())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert others == [2, 2, 2]
    assert len(calls) == 2


def test_a_task_that_only_waits_may_be_cancelled():
    @cached
    async def slow():
        await until(lambda: waiting(slow.cache) == 0 and tasks[1].done())
        return 1

    tasks = []

    async def main():
        tasks.append(asyncio.create_task(slow()))
        tasks.append(asyncio.create_task(slow()))
        await until(lambda: waiting(slow.cache) == 1)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second = run(main())
    assert first == 1
    assert isinstance(second, asyncio.CancelledError)


def test_loops_in_several_threads_share_one_computation():
    calls = []

    @cached
    async def slow(n):
        calls.append(n)
        await until(lambda: waiting(slow.cache) == 5)
        return [n]

    async def main():
        return await asyncio.gather(slow(1), slow(1))

    results = [result for pair in run_threads(*[lambda: run(main())] * 3) for result in pair]
    assert calls == [1]
    assert all(result is results[0] for result in results)


def test_threads_and_tasks_share_one_computation():
    cache, calls = Cache(), []

    async def compute():
        calls.append("task")
        await until(lambda: waiting(cache) == 2)
        return "value"

    async def main():
        return await asyncio.gather(*[cache.get_or_compute_async("k", compute) for _ in range(2)])

    def thread():
        eventually(lambda: calls)
        return cache.get_or_compute("k", pytest.fail, "a task computes it")

    assert run_threads(lambda: run(main()), thread) == [["value"] * 2, "value"]
    assert calls == ["task"]


def test_a_task_waits_for_a_thread():
    cache, begun = Cache(), threading.Event()

    def compute():
        begun.set()
        eventually(lambda: waiting(cache) == 1)
        return "value"

    async def main():
        await until(begun.is_set)
        return await cache.get_or_compute_async("k", pytest.fail, "a thread computes it")

    assert run_threads(lambda: cache.get_or_compute("k", compute), lambda: run(main())) == ["value"] * 2


def test_a_task_that_waits_for_itself_is_told():
    @cached
    async def own(n):
        return await own(n)

    with pytest.raises(RuntimeError, match="the key 5 is being computed by the same thread or task"):
        run(own(5))


def test_tasks_that_wait_for_each_other_are_told():
    begun = set()

    @cached
    async def value(n):
        begun.add(n)
        await until(lambda: len(begun) == 2)
        return await value(1 - n)

    async def main():
        return await asyncio.gather(value(0), value(1), return_exceptions=True)

    assert {type(result) for result in run(main())} == {RuntimeError}


def test_a_thread_does_not_block_the_loop_that_computes():
    cache = Cache()

    async def compute():
        with pytest.raises(RuntimeError, match="would wait for itself"):
            cache.get_or_compute("k", str)
        return 1

    assert run(cache.get_or_compute_async("k", compute)) == 1


def test_a_stale_value_is_returned_while_a_task_computes_it_again():
    now, version = [0.0], [1]

    @cached(ttl=10, stale_while_revalidate=5, _clock=lambda: now[0])
    async def load():
        await asyncio.sleep(0)
        return version[0]

    async def main():
        assert await load() == 1
        now[0], version[0] = 10, 2
        assert await load() == 1
        assert await load() == 1
        async with asyncio.timeout(60):
            while await load() != 2:
                await asyncio.sleep(0)

    run(main())


def test_exceptions_are_kept_if_asked():
    calls = []

    @cached(cache_exceptions=LookupError)
    async def fail():
        calls.append(1)
        raise KeyError("x")

    async def main():
        for _ in range(3):
            with pytest.raises(KeyError):
                await fail()

    run(main())
    assert calls == [1]


def test_a_loop_that_ends_leaves_the_computation_to_others():
    begun = []

    @cached
    async def slow():
        begun.append(1)
        if len(begun) == 1:
            await asyncio.Event().wait()
        return "done"

    async def give_up():
        task = asyncio.create_task(slow())
        await until(lambda: begun)
        return task  # asyncio.run cancels it

    run(give_up())
    assert run(slow()) == "done"


def test_nothing_leaks():
    @cached
    async def f(n):
        if n == 2:
            raise ValueError
        return [n]

    async def main():
        await asyncio.gather(f(1), f(1), f(2), f(2), return_exceptions=True)

    def use():
        coroutine = main()
        loop = asyncio.new_event_loop()
        loop.run_until_complete(coroutine)
        loop.close()
        f.cache_clear()

    assert_no_leak(use)


def test_coroutines_have_the_names_of_the_users_functions() -> None:
    @cached
    async def load(key: int) -> int:
        return key

    for coroutine in (load(1), Cache().get_or_compute_async("key", load, 1)):
        assert coroutine.__name__ == "load"
        assert coroutine.__qualname__.endswith("<locals>.load")
        coroutine.close()
    change = AtomicMap().changed()
    assert change.__qualname__ == "changed"
    change.close()
    nameless = Cache().get_or_compute_async("key", functools.partial(load, 1))
    assert asyncio.run(nameless) == 1
