"""Running coroutines in tests of caches, and knowing who waits there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from frozen import Cache
from frozen._flights import _waiting


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 120))


async def until(condition: Callable[[], Any]) -> None:
    """Let other tasks and threads go on until it is true."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


def waiting(cache: Cache[Any, Any]) -> int:
    """How many threads and tasks wait for computations of the cache."""
    flights = set(map(id, cache._flights.values()))
    return sum(id(flight()) in flights for flight in list(_waiting.values()))
