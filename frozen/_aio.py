"""What references offer to asyncio: `await ref.changed()` and `async for value in ref.changes()`.

All tasks of one loop that await one reference have one listener, and it has one watch: a publication wakes the loop
once, and the loop then wakes the tasks, so that a publication to N tasks costs O(N). The watch is closed once the loop
has come round and none of them awaits the reference any more. A loop that was closed meanwhile is forgotten.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, TypeVar

from frozen import _core

if TYPE_CHECKING:
    from frozen import AtomicRef, SharedRef, Watch

T = TypeVar("T")


class _Listener:
    """What the tasks of one loop sleep on that await one reference. Used in the loop's thread, but for `_wake`."""

    __slots__ = ("__weakref__", "_closing", "_loop", "_ref", "_users", "_waiting", "_waker", "_watch")

    def __init__(self, ref: AtomicRef[Any] | SharedRef[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._ref = ref
        self._loop = loop
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._users: set[object] = set()
        self._waker: _core._Waker | None = None
        self._watch: Watch | None = None
        self._closing = False

    async def newer(self, version: int) -> None:
        """Sleep until a version newer than `version` is current."""
        while self._ref.version <= version:
            future = self._loop.create_future()
            self._open()
            self._waiting[future] = None
            try:
                if self._ref.version <= version:  # else it may have been published before the watch was open
                    await future
            finally:
                self._waiting.pop(future, None)
                self._close_soon()

    def enter(self, user: object) -> None:
        """Keep the watch open until this user leaves."""
        self._open()
        self._users.add(user)

    def leave(self, user: object) -> None:
        self._users.discard(user)
        self._close_soon()

    def _wake(self) -> None:
        """Called by another thread: the one that publishes, or the one that delivers what other interpreters do."""
        try:
            self._loop.call_soon_threadsafe(self._notice)
        except RuntimeError:
            self._close()  # the loop is closed: nobody will ever listen

    def _notice(self) -> None:
        if self._waker is not None:
            self._waker.noticed()  # from here on a publication wakes the loop again; the tasks look after this
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)
        self._close_soon()

    def _open(self) -> None:
        if self._watch is None:
            self._waker = _core._Waker(self._wake)
            self._watch = self._ref._signal(self._waker)

    def _close_soon(self) -> None:
        """Look whether anybody still listens once the tasks that were woken have run: most of them come back."""
        if self._waiting or self._users or self._closing or self._watch is None:
            return
        self._closing = True
        try:
            self._loop.call_soon(self._close_if_unused)
        except RuntimeError:
            self._close()  # the loop is closed, and the task that slept in it is being collected

    def _close_if_unused(self) -> None:
        self._closing = False
        if not self._waiting and not self._users:
            self._close()

    def _close(self) -> None:
        watch, self._watch, self._waker = self._watch, None, None
        if watch is not None:
            watch.close()


class _Here(threading.local):
    """The listeners of the loops that run in this thread, by the identities of loop and reference.

    A loop runs in one thread at a time, so no lock is needed, and none can be held by a thread that a fork left behind.
    A listener lives as long as somebody listens, and keeps loop and reference alive, and with them their identities.
    """

    def __init__(self) -> None:
        self.listeners: weakref.WeakValueDictionary[tuple[int, int], _Listener] = weakref.WeakValueDictionary()


_here = _Here()


def _listener(ref: AtomicRef[Any] | SharedRef[Any]) -> _Listener:
    loop = asyncio.get_running_loop()
    key = id(loop), id(ref)
    listener = _here.listeners.get(key)
    if listener is None:
        listener = _here.listeners[key] = _Listener(ref, loop)
    return listener


async def changed(ref: AtomicRef[T] | SharedRef[T], since: int | None = None) -> tuple[T, int]:
    """The value and the version, once the version is newer than `since` (by default: than the current one)."""
    if since is None:
        since = ref.version
    if ref.version <= since:
        await _listener(ref).newer(since)
    return ref.get_versioned()


def changes(ref: AtomicRef[T] | SharedRef[T], since: int | None = None) -> AsyncGenerator[T, None]:
    """The values published after version `since` (by default: after the current one), those that are still there."""
    return _changes(ref, ref.version if since is None else since)


async def _changes(ref: AtomicRef[T] | SharedRef[T], since: int) -> AsyncGenerator[T, None]:
    listener, user = _listener(ref), object()
    listener.enter(user)
    try:
        while True:
            await listener.newer(since)
            value, since = ref.get_versioned()
            yield value
    finally:
        listener.leave(user)
