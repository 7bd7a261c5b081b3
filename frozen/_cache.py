"""Decorating functions with a cache, and what caches say of themselves. What a miss does: _flights.py.

Importing this imports neither asyncio nor threading nor inspect: what needs them does.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Coroutine
from types import FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar, overload

from frozen._core import Cache, _bounded_repr, _CachedFunction, _Ready
from frozen._public import public

P = ParamSpec("P")
T = TypeVar("T")

Coroutine.register(_Ready)


class CacheInfo(NamedTuple):
    """What `cache_info()` of a cached function returns, as functools.lru_cache has it."""

    hits: int
    misses: int
    maxsize: int | None
    currsize: int


class CacheStats(NamedTuple):
    """What `Cache.stats` returns."""

    hits: int
    misses: int
    evictions: int
    expirations: int
    entries: int
    weight: int
    maxsize: int | None


# The decorator


class _Keywords:
    """Stands in keys before the keyword arguments, and equals itself alone."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<keywords>"


_KEYWORDS = _Keywords()
_CO_COROUTINE = 0x80  # inspect.CO_COROUTINE, without inspect


@overload
def cached(fn: Callable[P, T], /) -> _CachedFunction[P, T]: ...
@overload
def cached(
    fn: None = None,
    /,
    *,
    maxsize: int | None = 128,
    ttl: float | Callable[[Any], float | None] | None = None,
    typed: bool = False,
    key: Callable[..., Any] | None = None,
    weigh: Callable[[Any], int] | None = None,
    on_evict: Callable[[Any, Any, str], object] | None = None,
    stale_while_revalidate: float | None = None,
    cache_exceptions: bool | type[Exception] | tuple[type[Exception], ...] = False,
) -> Callable[[Callable[P, T]], _CachedFunction[P, T]]: ...
@public
def cached(fn: Callable[..., Any] | None = None, /, *, typed: bool = False, key: Any = None, **options: Any) -> Any:
    """Keep the results of a function, and return them when it is called with the same arguments again.

    Stands before a function, a method or a coroutine function, as `@cached` or with options, and has the interface of
    functools.lru_cache: `cache_info()`, `cache_parameters()`, `cache_clear()`, `__wrapped__`; `typed` too. `cache` is
    the Cache beneath it, whose options these are: `maxsize` (128), `ttl`, `weigh`, `on_evict`,
    `stale_while_revalidate`, `cache_exceptions`. `key` is a function of the arguments.

    A hit is O(1), takes no lock and no frame. Each value is computed once however many threads and tasks ask for it,
    and those who wait get its value or exception. RuntimeError for a function that waits for itself. Arguments must be
    hashable (TypeError); those of a method hold its object.

    Method: see `Cache`.

    >>> @cached(maxsize=1000)
    ... def square(n):
    ...     return n * n
    >>> square(3), square(3)
    (9, 9)
    >>> square.cache_info()
    CacheInfo(hits=1, misses=1, maxsize=1000, currsize=1)
    """
    if fn is None:
        return functools.partial(_decorate, typed=typed, key=key, options=options)
    if options or typed or key is not None:
        raise TypeError("cached() takes a function or options, not both: use @cached(...)")
    return _decorate(fn, typed=typed, key=key, options=options)


def _decorate(fn: Callable[..., Any], /, *, typed: bool, key: Any, options: dict[str, Any]) -> Any:
    if not callable(fn):
        raise TypeError(f"cached() takes a function, not {_bounded_repr(fn)}; options are keyword arguments")
    if key is not None and not callable(key):
        raise TypeError(f"key= takes a function of the arguments, not {_bounded_repr(key)}")
    is_coroutine = _is_coroutine_function(fn)
    if is_coroutine:
        from frozen._flights_aio import compute_async as compute
    else:
        from frozen._flights import compute
    wrapper: Any = _CachedFunction(
        fn,
        Cache(**options),
        compute,
        _KEYWORDS,
        key=key,
        typed=typed,
        is_coroutine=is_coroutine,
    )
    functools.update_wrapper(wrapper, fn)
    if is_coroutine:
        _mark_coroutine_function(wrapper)
    wrapper._parameters = {"typed": typed, "key": key, **options}
    return wrapper


def _is_coroutine_function(fn: Callable[..., Any]) -> bool:
    if type(fn) is FunctionType and not fn.__dict__:
        return bool(fn.__code__.co_flags & _CO_COROUTINE)
    from inspect import iscoroutinefunction

    return iscoroutinefunction(fn)


def _mark_coroutine_function(wrapper: Any) -> None:
    """Let frameworks that ask `inspect` or `asyncio` know."""
    if sys.version_info >= (3, 12):
        from inspect import markcoroutinefunction

        markcoroutinefunction(wrapper)
    else:
        from asyncio import coroutines

        wrapper._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined, unused-ignore]


def cache_info(cached: _CachedFunction[..., Any]) -> CacheInfo:
    hits, misses, _, _ = cached.cache._counts()
    return CacheInfo(hits, misses, cached.cache.maxsize, len(cached.cache))


def cache_parameters(cached: _CachedFunction[..., Any]) -> dict[str, Any]:
    given = cached._parameters
    options = {name: value for name, value in given.items() if value is not None}
    return {"maxsize": cached.cache.maxsize, "typed": given["typed"]} | options | {"maxsize": cached.cache.maxsize}


def cache_clear(cached: _CachedFunction[..., Any]) -> None:
    cached.cache.clear()
    cached.cache._reset_counts()


def stats(cache: Cache[Any, Any]) -> CacheStats:
    return CacheStats(*cache._counts(), len(cache), cache.weight, cache.maxsize)
