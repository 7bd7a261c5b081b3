"""What AtomicMap does to many keys in one call, and what it offers to asyncio.

To many keys: it adds up first, then visits each key once. Event loops listen to its mirror, an AtomicRef of snapshots
that is up to date while the map has a watch.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from frozen._absent import ABSENT

if TYPE_CHECKING:
    from frozen import AtomicMap, AtomicRef, Map

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def reduce(target: AtomicMap[K, V], pairs: Iterable[tuple[K, V]], fn: Callable[[V, V], V], /) -> None:
    shares: dict[K, V] = {}
    for key, value in pairs:
        shares[key] = fn(shares[key], value) if key in shares else value
    for key, share in shares.items():
        target.update(key, _combined, share, fn)


def _combined(value: Any, share: Any, fn: Callable[[Any, Any], Any]) -> Any:
    return share if value is ABSENT else fn(value, share)


def changes(source: AtomicMap[K, V], /) -> AsyncGenerator[Map[K, V], None]:
    mirror = source._mirror()
    return _changes(source, mirror, mirror.version)


async def _changes(
    source: AtomicMap[K, V], mirror: AtomicRef[Map[K, V]], since: int
) -> AsyncGenerator[Map[K, V], None]:
    with source.watch(_keep_the_mirror):
        async with aclosing(mirror.changes(since)) as snapshots:
            async for snapshot in snapshots:
                yield snapshot


def changed(source: AtomicMap[K, V], /) -> Coroutine[Any, Any, Map[K, V]]:
    mirror = source._mirror()
    return _changed(source, mirror, mirror.version)


async def _changed(source: AtomicMap[K, V], mirror: AtomicRef[Map[K, V]], since: int) -> Map[K, V]:
    with source.watch(_keep_the_mirror):
        return (await mirror.changed(since))[0]


_changed.__name__ = _changed.__qualname__ = "changed"  # as asyncio shows it, and the warning that nobody awaited it


def _keep_the_mirror(old: Any, new: Any) -> None:
    """The watch that lets each change publish in the mirror."""
