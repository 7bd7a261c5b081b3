"""How an interpreter hears of changes of the SharedRefs that it watches.

A publisher, in whatever interpreter, rings a bell (src/ref/shared_watch.c); one thread in each interpreter that watches
anything sleeps on the bell of that interpreter and delivers. The thread starts with the first watch and ends with the
last one, or with the interpreter.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from operator import methodcaller

from frozen import _core
from frozen._core import Watch


class _Dispatcher:
    """The open watches of this interpreter, and the thread that delivers them."""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._bell = _core._Bell()
        # Reentrant: a finalizer that the collector runs inside may close a watch.
        self._lock = threading.RLock()
        self._watches: dict[Watch, None] = {}
        self._running = False
        self._ending = False

    def open(self, watch: Watch) -> None:
        with self._lock:
            if self._ending:
                raise RuntimeError("this interpreter is ending: no new watches")
            watch._listen(self._bell)
            self._watches[watch] = None
            if not self._running:
                self._start()
        self._bell.ring()  # what was published before _listen() rang nothing

    def _start(self) -> None:
        self._running = True
        try:
            threading.Thread(target=self._deliver, name="frozen watches").start()
        except BaseException:
            self._running = False
            self._watches.clear()
            raise

    def close(self, watch: Watch) -> None:
        with self._lock:
            self._watches.pop(watch, None)
            if not self._watches:
                self._bell.ring()

    def _deliver(self) -> None:
        while True:
            self._bell.wait()
            with self._lock:
                watches = list(self._watches)
                if not watches:
                    self._running = False
                    return
            for watch in watches:
                watch._deliver()
            del watch, watches  # keeps nothing alive while it sleeps

    def end(self) -> None:
        """The interpreter ends: it waits for its threads, so this one has to end too."""
        with self._lock:
            self._ending = True
            watches = list(self._watches)
        for watch in watches:
            watch.close()

    def after_fork(self) -> None:
        """In the child, which has no thread that delivers: a new one, and all else that it might have held."""
        watches = self._watches
        self._start_over()
        for watch in watches:
            self.open(watch)


_dispatcher = _Dispatcher()


def open(watch: Watch) -> None:
    """Called by the core for each new Watch of a SharedRef."""
    _dispatcher.open(watch)


def close(watch: Watch) -> None:
    """Called by the core when a Watch is closed."""
    _dispatcher.close(watch)


# atexit would be too late: an interpreter first waits for its threads. concurrent.futures ends its workers so, too.
threading._register_atexit(_dispatcher.end)  # type: ignore[attr-defined]
if hasattr(os, "register_at_fork"):
    # Weak, for an interpreter forgets these functions after its last collection: what they hold, it would leave behind.
    os.register_at_fork(after_in_child=partial(methodcaller("after_fork"), weakref.proxy(_dispatcher)))
