"""The thread that looks at the sources of one configuration, now and then, and sooner when files change.

Looking is what counts: an event of the file system only ends the pause before the next look, so that nothing depends on
which events a file system has.  A network file system has none for what other machines write.

The thread ends before its interpreter does, and after the program's other threads (frozen/_threads.py).  In the child
of a fork a new one goes on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform  # noqa: F401 - see below
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import frozen._apply
import frozen._diff  # noqa: F401
from frozen._threads import are_greenlets, call_at_end, daemons_allowed, start
from frozen.config._optional import library

__all__ = ["Watcher", "folders_of", "go_on_in_the_child", "watchfiles_watch"]

# What the thread would import at its first look, and watchfiles when it begins, is imported here: a fork in that moment
# would leave the module's lock to the child for ever, whose own thread then waits for it.

_running: dict[int, Watcher] = {}
"""Those that are started and not stopped, in this process. Each operation on it is atomic, at any moment of a fork."""

Watch = Callable[..., Iterator[Any]]
FIRST = 0.2
"""Seconds after which a watch of files is taken to have begun: then comes a look that no event asked for."""


class Watcher:
    """Calls `look` every `interval` seconds, and sooner after an event, once `stamp` has not changed for `debounce`."""

    def __init__(
        self,
        look: Callable[[], object],
        stamp: Callable[[], object],
        files: Callable[[], Iterable[str]],
        interval: float,
        debounce: float,
        watch: Watch | None,
        logger: logging.Logger,
    ) -> None:
        self._look = look
        self._stamp = stamp
        self._files = files
        self._interval = min(interval, threading.TIMEOUT_MAX)
        self._debounce = debounce
        self._watch = watch
        self._logger = logger
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own. RuntimeError if this process has no more threads, or is ending."""
        if _has_ended:
            raise RuntimeError("the interpreter is ending: its configuration is watched no more")
        stop = self._stop = threading.Event()
        self._thread = start(lambda: self._run(stop), "frozen.config")
        _running[id(self)] = self

    def stop(self) -> None:
        """End, and wait for a look that is under way, unless it is what calls this."""
        _running.pop(id(self), None)
        thread, self._thread = self._thread, None
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    @property
    def is_running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self, stop: threading.Event) -> None:
        last = None
        for _ in self._pauses(stop):
            try:
                last = self._settled(stop, last)
                if not stop.is_set():
                    self._look()
            except BaseException:  # SystemExit of a schema, say: it is no reason to look no more
                self._logger.exception("looking at the sources failed; the next look follows")

    def _pauses(self, stop: threading.Event) -> Iterator[None]:
        """Ends a pause at each step, until the watcher is stopped. Where events fail, the next try follows a poll."""
        said = ""
        while not stop.is_set():
            if self._watch is not None:
                try:
                    yield from self._events(stop, self._watch)
                    continue
                except Exception as error:  # no more inotify watches, a folder that vanished just now
                    if str(error) != said:
                        said = str(error)
                        self._logger.warning("files are polled until their events can be had: %s", said)
            if not stop.wait(self._interval):
                yield

    def _events(self, stop: threading.Event, watch: Watch) -> Iterator[None]:
        """Events of the folders of the files, until these folders are others, and a step each interval."""
        folders = folders_of(self._files())
        if not folders:
            if not stop.wait(self._interval):
                yield
            return
        events = watch(
            *folders,
            watch_filter=None,
            recursive=False,
            stop_event=stop,
            debounce=max(50, int(1000 * self._debounce)),
            rust_timeout=int(1000 * min(self._interval, FIRST)) or 1,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        with contextlib.closing(events):  # type: ignore[type-var]
            due = 0.0  # at the first time-out: for what changed before the watch had begun
            for changes in events:
                if stop.is_set():
                    return
                if not changes and time.monotonic() < due:
                    continue
                yield
                due = time.monotonic() + self._interval
                if folders_of(self._files()) != folders:
                    return

    def _settled(self, stop: threading.Event, last: object) -> object:
        """The stamp, once it is as it was at the last look, or stayed the same for `debounce`; 20 times at most."""
        stamp = self._stamp()
        for _ in range(20):
            if stamp == last or stop.wait(self._debounce):
                break
            stamp, last = self._stamp(), stamp
        return stamp


def folders_of(files: Iterable[str]) -> list[str]:
    """The folders in whose entries a change of the files shows: theirs, and those of symbolic links on the way."""
    found: set[str] = set()
    for file in files:
        todo, seen = [os.path.abspath(file)], set()
        while todo:
            path = todo.pop()
            if path in seen:
                continue
            seen.add(path)
            found.add(_existing(os.path.dirname(path)))
            while path != os.path.dirname(path):  # each link on the way
                if os.path.islink(path):
                    with contextlib.suppress(OSError):
                        found.add(_existing(os.path.dirname(path)))
                        todo.append(
                            os.path.normpath(os.path.join(os.path.realpath(os.path.dirname(path)), os.readlink(path)))
                        )
                path = os.path.dirname(path)
    return sorted(found)


def _existing(folder: str) -> str:
    """The folder, or the nearest one above it that is there."""
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def watchfiles_watch(mode: str) -> Watch | None:
    """What watches files by events, or None for polling. ImportError if events are asked for and cannot be had."""
    if mode == "poll" or (mode == "auto" and are_greenlets()):
        return None
    if are_greenlets():
        raise ImportError("watch='events' waits for events in native code, which stops all greenlets: use watch='poll'")
    try:
        found: Watch = library("watchfiles", "watch='events'", "watch").watch
    except ImportError:
        if mode == "events":
            raise
        return None
    return found


def go_on_in_the_child() -> None:
    """Called in the child of a fork, where no thread of the parent's runs: each watcher gets a new one."""
    for watcher in list(_running.values()):
        watcher._thread = None
        try:
            watcher.start()
        except RuntimeError as error:
            watcher._logger.error("the child of a fork does not watch its configuration: %s", error)


def _stop_all() -> None:
    global _has_ended
    _has_ended = not daemons_allowed()  # else later ones end with the process
    for watcher in list(_running.values()):
        watcher.stop()


_has_ended = not call_at_end(_stop_all)
