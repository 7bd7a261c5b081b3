"""What the threads that call back watches of SharedRefs have to do with Python's `threading`.

The core starts these threads itself (src/ref/dispatcher.h), and has them call this before the first callback and after
the last one.
"""

from __future__ import annotations

import contextlib
import sys
import threading

from frozen import _core


def thread_begins() -> None:
    """The calling thread has a name, and is traced and profiled if threads are."""
    threading.current_thread().name = "frozen watches"
    if (trace := threading.gettrace()) is not None:
        sys.settrace(trace)
    if (profile := threading.getprofile()) is not None:
        sys.setprofile(profile)


def thread_ends() -> None:
    sys.settrace(None)
    sys.setprofile(None)
    if sys.version_info < (3, 13):  # later versions forget by themselves a thread that they did not start
        threading._active.pop(threading.current_thread().ident, None)  # type: ignore[attr-defined]


def _settle_in_a_child_of_multiprocessing() -> None:
    """Such a process ends without the atexit of interpreters, after its threads: the last change is delivered here."""
    process = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        _core._settle_watches()


with contextlib.suppress(RuntimeError):  # the main thread has ended: this is no child that ends so
    threading._register_atexit(_settle_in_a_child_of_multiprocessing)  # type: ignore[attr-defined]
