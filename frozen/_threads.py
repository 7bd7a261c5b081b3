"""Threads that the library's Python layer starts, and the end of the interpreter that they are in."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import sys
import threading
import time
from collections.abc import Callable
from operator import index
from types import BuiltinFunctionType
from typing import Protocol

__all__ = ["are_greenlets", "call_at_end", "daemons_allowed", "start", "wait_for_version"]


def are_greenlets() -> bool:
    """Whether gevent or eventlet has made greenlets of threads: one that sleeps in a library in C stops all."""
    return not isinstance(_thread.start_new_thread, BuiltinFunctionType)


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


def wait_for_version(source: _Versioned, version: int, timeout: float | None = None) -> bool:
    """The `wait` of references and atomic maps where threads are greenlets: it lets the others run, and looks again
    after pauses of at most a fiftieth of a second."""
    version, pause = index(version), 0.0005
    deadline = None if timeout is None else time.monotonic() + float(timeout)
    while source.version <= version:
        left = pause if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))  # gevent's or eventlet's
        pause = min(2 * pause, 0.02)
    return True


def daemons_allowed() -> bool:
    """Not in an interpreter with a GIL of its own, whose end waits for all its threads."""
    allowed = getattr(_thread, "daemon_threads_allowed", None)  # CPython 3.12 and later
    return allowed is None or bool(allowed())


def start(target: Callable[[], object], name: str) -> threading.Thread:
    """Start a thread that serves others. Where it may be a daemon, the interpreter's end does not wait for it.

    RuntimeError if this process has no more threads, or the interpreter is ending.
    """
    thread = threading.Thread(target=target, name=name, daemon=daemons_allowed())
    thread.start()
    return thread


def call_at_end(function: Callable[[], object]) -> bool:
    """Let `function`, which ends what `start` started, be called before the interpreter ends. False: it is ending, and
    a thread that is no daemon would keep it waiting for ever.

    The threads of a program may go on after its main thread, and are served as long as they do: atexit comes after the
    last of them. Where there are no daemons, the interpreter waits for our threads first, and `threading` tells before.
    """
    if daemons_allowed():
        atexit.register(function)
        with contextlib.suppress(RuntimeError):  # the main thread has ended: this is no child that ends so
            threading._register_atexit(_in_a_child_of_multiprocessing, function)  # type: ignore[attr-defined]
        return True
    try:
        threading._register_atexit(function)  # type: ignore[attr-defined]
    except RuntimeError:
        return False
    return True


def _in_a_child_of_multiprocessing(function: Callable[[], object]) -> None:
    """Such a process forgets what its parent asked atexit for."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        function()
