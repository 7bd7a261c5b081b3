"""The threads of remote references, which none of them outlives: work in the background.

They are daemons where an interpreter has those, because a name server may keep one of them waiting for long; before the
interpreter ends they are told, and waited for a while. In the child of a fork there are none: the owner's
`renew` starts new ones.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from frozen._threads import start

__all__ = ["ReentryError", "Task", "not_owned"]


class ReentryError(RuntimeError):
    """A signal handler or finalizer asked for a lock that its thread holds."""


def not_owned(lock: threading.RLock, use: str) -> threading.RLock:
    """The lock, to be taken with `with`; ReentryError, instead of waiting for itself, in a thread that holds it.

    A handler that runs between this and the locking is done before the lock is taken.
    """
    if lock._is_owned():  # type: ignore[attr-defined]
        raise ReentryError(f"a signal handler or finalizer cannot {use} while its own thread does")
    return lock


class Task:
    """Something that a thread of its own does whenever it is due, once for all requests that came meanwhile."""

    def __init__(self, work: Callable[[], float], name: str) -> None:
        """`work` returns the seconds that are to pass before it is done again."""
        self._work = work
        self._name = name
        self.renew()

    def renew(self) -> None:
        self._lock = threading.RLock()  # a signal handler may request in the midst of a request
        self._due = False
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def request(self) -> None:
        with self._lock:
            self._due = True
            if self._thread is None and not self._stop.is_set():
                with contextlib.suppress(RuntimeError):  # no more threads: the next request tries again
                    self._thread = start(self._run, self._name)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._due or self._stop.is_set():
                    self._thread = None
                    return
                self._due = False
            self._stop.wait(self._work())

    def stop(self, timeout: float = 5.0) -> bool:
        """No more work is begun; what is under way is waited for. Whether some is due that was not begun."""
        self._stop.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
        due, self._due = self._due, False
        return due
