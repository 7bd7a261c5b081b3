"""The same as _flights.py for coroutine functions: a task computes, and tasks await the outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from frozen._core import _thread_number
from frozen._flights import (
    _HIT,
    _STALE,
    _enter_waiting,
    _Flight,
    _is_lost,
    _leave_waiting,
    _look,
    _Outcome,
    _Value,
)

if TYPE_CHECKING:
    from frozen._core import Cache, _CachedFunction


def compute_async(
    cached: _CachedFunction[..., Any], key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Coroutine[Any, Any, Any]:
    """Called by the core for a call of a coroutine function that the cache cannot answer."""
    return _compute_async(cached.cache, key, cached._fn, args, kwargs)


def get_or_compute_async(
    cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Coroutine[Any, Any, Any]:
    return _compute_async(cache, key, fn, args, kwargs)


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
                    _refresh_in_task(cache, key, flight, fn, args, kwargs)
                return value
            if flight is own:
                return await _lead_async(cache, key, flight, fn, args, kwargs)
            outcome = await _join_async(cache, key, flight)
            if outcome is not None:
                return outcome.result()
        finally:
            if not own.ended and state != _STALE and (flight is None or flight is own):
                own.end(cache, key, None)  # it was interrupted before it began
            del flight, own
            outcome = None


async def _lead_async(
    cache: Cache[Any, Any],
    key: Any,
    flight: _Flight,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    flight.task = asyncio.current_task()
    flight.thread = _thread_number()
    outcome: _Outcome = None
    try:
        state, value = _look(cache, key)
        if state != _HIT:
            value = await fn(*args, **kwargs)
            flight.keep(cache, key, value, False)
        outcome = _Value(value)
        return value
    except Exception as error:
        outcome = flight.failed(cache, key, error)
        raise
    finally:
        flight.end(cache, key, outcome)
        del flight, outcome


async def _join_async(cache: Cache[Any, Any], key: Any, flight: _Flight) -> _Outcome:
    """Await the outcome of the flight."""
    if _is_lost(cache, key, flight):
        return None
    me = _enter_waiting(flight, key, _thread_number(), asyncio.current_task())
    try:
        return (await flight.outcome.changed(0))[0]
    finally:
        _leave_waiting(me)


_refreshing: set[asyncio.Task[Any]] = set()
"""An event loop has weak references to its tasks alone."""


def _refresh_in_task(
    cache: Cache[Any, Any],
    key: Any,
    flight: _Flight,
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    task = asyncio.get_running_loop().create_task(_lead_async(cache, key, flight, fn, args, kwargs))
    _refreshing.add(task)
    task.add_done_callback(_refreshing.discard)
