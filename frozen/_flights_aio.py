"""The same as _flights.py for coroutine functions: a task computes, and tasks await the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from frozen._flights import (
    _HIT,
    _STALE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Leading,
    _Flight,
    _is_lost,
    _look,
    _Outcome,
    _Value,
    _Wait,
    refreshing,
)

if TYPE_CHECKING:
    from frozen._core import Cache


def get_or_compute_async(
    cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Coroutine[Any, Any, Any]:
    return compute_async(cache, key, fn, args, kwargs)


def compute_async(
    cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """Called by the core for a call of a coroutine function that the cache cannot answer.

    What asyncio shows of a task, and the warning that nobody awaited it, name the user's function.
    """
    coroutine: Any = _compute_async(cache, key, fn, args, kwargs)
    name, qualified = getattr(fn, "__name__", None), getattr(fn, "__qualname__", None)
    if isinstance(name, str) and isinstance(qualified, str):
        coroutine.__name__, coroutine.__qualname__ = name, qualified
    return coroutine  # type: ignore[no-any-return]


async def _compute_async(
    cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    flights = cache._flights
    while True:
        state, value = _look(cache, key)
        if state == _HIT:
            return value
        own, flight = _Flight(), None
        try:
            flight = flights.setdefault(key, own)
            if state == _STALE:
                if flight is own:
                    _refresh_in_task(cache, key, flight, partial(fn, *args, **kwargs))
                elif _is_lost(cache, key, flight):
                    continue
                return value
            if flight is own:
                with Leading(cache, key, own, asyncio.current_task()) as leading:
                    again, value = _look(cache, key)
                    if again != _HIT:
                        value = await fn(*args, **kwargs)
                        own.keep(cache, key, value, False)
                    leading.outcome = _Value(value)
                return value
            outcome = await _join_async(cache, key, flight)
            if outcome is not None:
                return outcome.result()
        finally:
            if not own.ended and state != _STALE and (flight is None or flight is own):
                own.end(cache, key, None)  # it was interrupted before it began
            del flight, own
            outcome = None


async def _join_async(cache: Cache[Any, Any], key: Any, flight: _Flight) -> _Outcome:
    """Await the outcome of the flight, and look now and then whether it can still come.

    A loop may have been closed, and the task that computes may have begun to await this one.
    """
    pause = FIRST_PAUSE
    with _Wait(flight, key, asyncio.current_task()) as wait:
        while not _is_lost(cache, key, flight):
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    return (await flight.outcome.changed(0))[0]
            wait.look_for_circle()
            pause = min(2 * pause, LONGEST_PAUSE)
    return None


def _refresh_in_task(cache: Cache[Any, Any], key: Any, flight: _Flight, call: Callable[[], Awaitable[Any]]) -> None:
    task = asyncio.get_running_loop().create_task(_refresh(cache, key, flight, call))
    if not task.done():  # a loop may run tasks at once
        flight.begin_in(task)  # the loop may end before the task begins
        _forget_closed_loops()
        refreshing.add(task)
        task.add_done_callback(refreshing.discard)


async def _refresh(cache: Cache[Any, Any], key: Any, flight: _Flight, call: Callable[[], Awaitable[Any]]) -> None:
    try:
        with Leading(cache, key, flight, asyncio.current_task()) as leading:
            state, value = _look(cache, key)
            if state != _HIT:
                value = await call()
                flight.keep(cache, key, value, False)
            leading.outcome = _Value(value)
    finally:
        del flight


_many = 64
"""Tasks among which those of closed loops are looked for."""


def _forget_closed_loops() -> None:
    """Drop the tasks that will never be done, now and then: O(1) for each task that begins."""
    global _many
    if len(refreshing) >= _many:
        refreshing.difference_update([task for task in list(refreshing) if task.get_loop().is_closed()])
        _many = max(64, 2 * len(refreshing))
