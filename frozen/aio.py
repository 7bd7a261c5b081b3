"""What references offer to asyncio: `await ref.changed()` and `async for value in ref.changes()`.

A watch sets a flag and, only when the flag was clear, asks the loop to wake up: a thousand publications cost one
wake-up. A loop that was closed meanwhile is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from frozen import AtomicRef, SharedRef

T = TypeVar("T")


class _Bell:
    """Lets the running loop sleep until a reference has changed: `with _Bell(ref) as bell: await bell.rung()`."""

    def __init__(self, ref: AtomicRef[T] | SharedRef[T]) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._pressed = False
        self._watch = ref._signal(self._press)

    def _press(self) -> None:
        """Called by another thread: the one that publishes, or the one that delivers what other interpreters do."""
        if self._pressed:
            return
        self._pressed = True
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:
            self._watch.close()  # the loop is closed: nobody will ever listen

    async def rung(self) -> None:
        await self._event.wait()
        self._event.clear()
        self._pressed = False  # from here on a change rings again; the caller reads the value after this

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watch.close()


async def changed(ref: AtomicRef[T] | SharedRef[T], since: int | None = None) -> tuple[T, int]:
    """The value and the version, once the version is newer than `since` (by default: than the current one)."""
    if since is None:
        since = ref.version
    with _Bell(ref) as bell:
        while ref.version <= since:
            await bell.rung()
        return ref.get_versioned()


def changes(ref: AtomicRef[T] | SharedRef[T], since: int | None = None) -> AsyncGenerator[T, None]:
    """The values published after version `since` (by default: after the current one), those that are still there."""
    return _changes(ref, ref.version if since is None else since)


async def _changes(ref: AtomicRef[T] | SharedRef[T], since: int) -> AsyncGenerator[T, None]:
    with _Bell(ref) as bell:
        while True:
            while ref.version <= since:
                await bell.rung()
            value, since = ref.get_versioned()
            yield value
