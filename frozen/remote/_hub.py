"""The thread that follows all references of one engine in this process.

It sleeps in `Engine.wait`, which returns what the logs got, and asks for the heads whenever `block` seconds have
passed: so it notices the loss of a connection, of the data, or of a message without relying on any of them. It ends
when no reference is left. In the child of a fork a new one goes on.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence

from frozen._threads import call_at_end, start
from frozen.remote._engine import Engine, Entry, number_of
from frozen.remote._errors import Refused, Stuck
from frozen.remote._follower import FOLLOW, Follower, logger

__all__ = ["Hub", "hub_of"]

_hubs: weakref.WeakValueDictionary[int, Hub] = weakref.WeakValueDictionary()
_making = threading.RLock()  # a signal handler may attach while its own thread makes a hub

SLOWEST = 2.0
"""Seconds between two tries to connect, at most; the first follows after a twentieth of one."""


class Hub:
    """The followers of one engine, and their thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_connected = False
        self._followers: dict[int, weakref.ref[Follower]] = {}  # by id; changed and copied in one step of C each
        self._renew()

    def _renew(self) -> None:
        # Over `_followers` and `_thread`. A signal handler or finalizer may come while its own thread has it, and add
        # or remove a reference: each step below leaves both as such a call may find them.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._is_starting = False
        self._wake = threading.Event()
        self._is_stopped = False
        self._is_interrupted = False

    def add(self, follower: Follower, is_current: bool) -> None:
        """Follow one more; `is_current` says whether it was caught up just now."""
        key, known = id(follower), self._followers
        with self._lock:
            known[key] = weakref.ref(follower, lambda gone: known.pop(key, None) if known.get(key) is gone else None)
            self._is_stopped = False
            if self._thread is None and not self._is_starting:
                self.is_connected = is_current
                self._start()
                return
        self._interrupt()  # so that the thread waits for this one, too

    def remove(self, follower: Follower) -> None:
        """Follow it no longer. With the last one the thread ends, unless another one comes meanwhile."""
        with self._lock:
            self._followers.pop(id(follower), None)
            thread = None if self._followers else self._thread
        self._finish(thread)

    def stop(self) -> None:
        """End the thread, whatever it follows."""
        with self._lock:
            thread, self._is_stopped = self._thread, True
        self._finish(thread)

    def _start(self) -> None:
        self._is_starting = True
        try:
            self._thread = start(self._run, "frozen.remote")
        finally:
            self._is_starting = False

    def _finish(self, thread: threading.Thread | None, timeout: float = 5.0) -> None:
        """Wait until a thread has ended that is to end, unless it calls this, or cannot end before this returns."""
        is_nested = self._lock._is_owned()  # type: ignore[attr-defined]
        if thread is None or thread is threading.current_thread() or is_nested:
            return
        deadline = time.monotonic() + timeout
        while thread.is_alive() and time.monotonic() < deadline:
            self._interrupt()  # again, in case that it was about to wait
            thread.join(0.02)
            with self._lock:
                if self._followers and not self._is_stopped:
                    return

    def _interrupt(self) -> None:
        self._is_interrupted = True
        self._wake.set()
        self.engine.interrupt()

    def followers(self) -> list[Follower]:
        followers = (known() for known in list(self._followers.values()))
        return [follower for follower in followers if follower is not None]

    # -- The thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        delay, heard = 0.05, 0.0
        while self._goes_on():
            try:
                heard = self._round(heard)
                delay = 0.05
            except Exception as error:
                if self._is_interrupted:  # by us
                    self._is_interrupted = False
                    continue
                self._lost(error)
                self._wake.wait(delay * random.uniform(0.5, 1.5))
                self._wake.clear()
                delay = min(2 * delay, SLOWEST)
        self.engine.close()

    def _goes_on(self) -> bool:
        with self._lock:
            if self._is_stopped or not self._followers:
                self._thread = None
                return False
            return True

    def _round(self, heard: float) -> float:
        """One wait, or one heartbeat; return when the last heartbeat was. Raises what is wrong with the connection."""
        asked = time.monotonic()
        if not self.is_connected or asked - heard >= self.engine.block:
            self._heartbeat(asked)
            return asked
        self._read(self._numbers(), asked)
        return heard

    def _numbers(self) -> dict[str, int]:
        """Of each name the oldest position, where several references have one name."""
        numbers: dict[str, int] = {}
        for follower in self.followers():
            number = number_of(follower.state.id)
            numbers[follower.name] = min(number, numbers.get(follower.name, number))
        return numbers

    def _heartbeat(self, asked: float) -> None:
        followers = self.followers()
        heads = self.engine.heads([follower.name for follower in followers])
        for follower, head in zip(followers, heads, strict=True):
            with self._accounted(follower):
                follower.meet(head, asked)
        if not self.is_connected:
            for follower in followers:
                follower.counts["reconnects"] += 1
            self.is_connected = True  # last: a caller who sees this finds the reconnection counted

    def _read(self, numbers: Mapping[str, int], asked: float) -> None:
        """Only here the thread sleeps for long, and holds no follower meanwhile: those who hold none let it end."""
        got: Mapping[str, Sequence[Entry]] = self.engine.wait(numbers)
        if got:
            for follower in self.followers():
                if log := got.get(follower.name):
                    with self._accounted(follower):
                        follower.receive(log, asked)
            if self._numbers() == numbers:  # it leads nowhere, and would be read again at once
                self._wake.wait(self.engine.block)
                self._wake.clear()

    @contextlib.contextmanager
    def _accounted(self, follower: Follower) -> Iterator[None]:
        """What is wrong with one reference does not stop the others; what is wrong with the connection does."""
        try:
            yield
        except ConnectionError as error:
            if not isinstance(error, (Stuck, Refused)) or getattr(error, "transient", False):
                raise
            follower.fail(FOLLOW, error)
        except Exception as error:
            follower.fail(FOLLOW, error)

    def _lost(self, error: Exception) -> None:
        if self._is_stopped:
            return
        for follower in self.followers():
            follower.fail(FOLLOW, error)
        self.is_connected = False  # last: a caller who sees this sees the error
        if not isinstance(error, ConnectionError):
            logger.exception("following goes on after an error")

    # -- Fork and end -------------------------------------------------------------------------------------------

    def go_on_in_the_child(self) -> None:
        was_running = self._thread is not None
        followers = self.followers()
        self._renew()
        self.engine.renew()
        for follower in followers:
            follower.renew()
        if was_running:
            self.is_connected = False
            try:
                self._start()
            except RuntimeError as error:
                logger.error("the child of a fork follows no references: %s", error)


def hub_of(engine: Engine) -> Hub:
    """The hub of an engine in this process: one for each."""
    with _making:
        hub = _hubs.get(id(engine))
        if hub is None:
            made = Hub(engine)
            hub = _hubs.setdefault(id(engine), made)  # a handler may have made one meanwhile
        return hub


def _go_on_in_the_child() -> None:
    global _making
    _making = threading.RLock()
    for hub in list(_hubs.values()):
        hub.go_on_in_the_child()


def _end() -> None:
    """Before the interpreter ends: cache files get what is newest, and threads are told."""
    for hub in list(_hubs.values()):
        followers = hub.followers()
        hub.stop()
        for follower in followers:
            follower.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_the_child)
call_at_end(_end)
