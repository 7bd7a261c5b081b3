"""FileRef: one variable for all processes of a machine. The folder behind it is in _snapshot_folder.py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from frozen._convert import copied
from frozen._core import AtomicRef, FileMap, FileSet, FileVector, _FileReader
from frozen._file import _kept, _Types
from frozen._public import public
from frozen._snapshot_folder import SnapshotFolder

if TYPE_CHECKING:
    from frozen import Watch

__all__ = ["FileRef"]

T = TypeVar("T")
Path = str | os.PathLike[str]
Version = tuple[int, Any]

_MISSING: Any = object()
_CONTAINERS = (FileMap, FileSet, FileVector)
_PUBLISHED: AtomicRef[int] = AtomicRef(0)
_PUBLISHED.set(1)  # from now on `wait(0, timeout)` returns at once, whatever the timeout
_TRIES = 1000
_POLL, _LOOK = 0.02, 1.0
"""Seconds between two looks at the number: without events of the file system, and with them."""

_SLICE = 1.0
"""Seconds after which a waiter sees whether `close` has ended the thread that would wake it."""

logger = logging.getLogger("frozen.files")


@public
class FileRef(Generic[T]):
    """A variable whose value all processes of a machine read in place and replace atomically, in a folder of snapshots.

    `FileRef(path, initial)` makes it, and raises ValueError if there is one; `attach` finds it. Processes may be
    forked, spawned, or other programs. Values are what `frozen.save` takes. A read compares a number in mapped memory,
    and opens the newest snapshot if it is another than the last: readers never wait, and never see a version in part
    or an older one than before. A Map that is published is read as a FileMap, a Set as a FileSet, a Vector as a
    FileVector.

    A publication writes the whole value, O(n), and then holds a lock among publishers for a rename. The system frees
    that lock when its holder dies, however it dies; a publisher that is stopped lets others wait. With `durable`, a
    version that was published outlives a loss of power; without, only the end of processes, at the speed of the file
    system's cache. `types` are the classes that values may be of, as for `frozen.save`.

    It is for local file systems. The code for Windows is untested.

    >>> ref = FileRef("config", Map(port=80))
    >>> ref.update(Map.set, "port", 81)
    FileMap({'port': 81})
    >>> FileRef.attach("config").get()["port"]
    81
    """

    if TYPE_CHECKING:  # methods of the reader, of each reference: so a read is one call of C

        def get(self) -> T: ...
        def lookup(self, key: Any, default: Any = None) -> Any: ...
        def get_versioned(self) -> tuple[T, int]: ...
        def _current(self) -> Version: ...

    else:
        __slots__ = {
            "__weakref__": "",
            "_current": "",
            "_durable": "",
            "_folder": "",
            "_follower": "",
            "_told": "",
            "get": "Return the newest value. O(1); it opens a snapshot if there is a newer one than at the last read.",
            "get_versioned": "Return the pair (value, version), both of one moment. O(1).",
            "lookup": "Return `ref.get()[key]`, or `default` if there is no such item, in one call.",
        }

    def __init__(self, path: Path, initial: T, *, types: _Types = (), durable: bool = True) -> None:
        self._prepare(SnapshotFolder.make(_absolute(path), _kept(types)), durable)
        if not self._publish_first(initial):
            raise ValueError(f"there is a reference at {self.path!r} already: attach to it, or unlink it")
        self._load_first()

    @classmethod
    def attach(cls, path: Path, *, initial: Any = _MISSING, types: _Types = (), durable: bool = True) -> Self:
        """Return the reference at that path; make it with `initial`, if that is given and there is none.

        Raises LookupError if there is none; FileFormatError if what is there is none, is damaged, or is of a newer
        version of the library.

        >>> FileRef.attach("numbers", initial=Vector([1])).get()
        FileVector([1])
        """
        place, types = _absolute(path), _kept(types)
        self = cls.__new__(cls)
        if initial is not _MISSING:
            self._prepare(SnapshotFolder.make(place, types), durable)
            self._publish_first(initial)
        else:
            with _none_at(place):
                folder = SnapshotFolder(place, types)
            self._prepare(folder, durable)
        self._load_first()
        return self

    @staticmethod
    def unlink(path: Path, /) -> None:
        """Remove the reference at that path. Processes that have a version go on reading it.

        Raises LookupError if there is none.

        >>> ref = FileRef("config", 1)
        >>> FileRef.unlink("config")
        >>> ref.get()
        1
        """
        place = _absolute(path)
        with _none_at(place):
            SnapshotFolder(place, ()).unlink()

    def _prepare(self, folder: SnapshotFolder, durable: bool) -> None:
        folder.put_in_order()
        self._folder = folder
        self._durable = durable
        self._follower: AtomicRef[_Follower | None] = AtomicRef(None)

    def _publish_first(self, initial: T) -> bool:
        if self._folder.number:
            return False
        with self._folder.write(initial, self._durable) as snapshot, self._folder.locked():
            if self._folder.number:
                return False
            self._folder.put(snapshot)
        return True

    def _load_first(self) -> None:
        if self._folder.number == 0:
            raise LookupError(f"the reference at {self.path!r} has no version yet: pass initial=")
        reader = _FileReader(self._folder.mapped_number, self._folder.load)
        self._current = reader.current  # type: ignore[method-assign]
        self._told: AtomicRef[Version] = AtomicRef(reader.current())
        # Into the slots, which a subclass may hide by methods of its own.
        for name in ("get", "lookup", "get_versioned"):
            vars(FileRef)[name].__set__(self, getattr(reader, name))

    # -- Reading ------------------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The number of the newest version, the same in all processes; the first one is 1.

        >>> ref = FileRef("config", 80)
        >>> ref.set(81)
        >>> ref.version
        2
        """
        return self._current()[0]

    # -- Publishing ---------------------------------------------------------------------------------------------

    def set(self, value: T, /) -> None:
        """Publish `value`, whatever the current value is. O(n).

        Raises EncodingError, with the path inside it, for a value that cannot be saved; LookupError if the reference
        was unlinked; OSError if its files may only be read, or the disk is full; RuntimeError in a signal handler whose
        thread is publishing to the same path.

        >>> ref = FileRef("config", 1)
        >>> ref.set(2)
        >>> ref.get()
        2
        """
        with self._folder.write(value, self._durable) as snapshot, self._folder.locked():
            self._folder.put(snapshot)

    def exchange(self, value: T, /) -> T:
        """Publish `value` and return the value that it replaced. Otherwise as `set`.

        >>> FileRef("config", "old").exchange("new")
        'old'
        """
        published = self._publish(value, lambda current: True)
        assert published is not None
        return published[0][1]  # type: ignore[no-any-return]

    def compare_and_set(self, expected: object, value: T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; return whether it did. O(n) if so.

        A container is the same if it is the very object that `get` returns; other values are compared by type and
        equality. With `version`, the number of the current version must be that one as well.

        >>> ref = FileRef("config", "old")
        >>> ref.compare_and_set("old", "new"), ref.compare_and_set("old", "newer")
        (True, False)
        """

        def is_expected(current: Version) -> bool:
            return version in (None, current[0]) and _is_same(current[1], expected)

        return is_expected(self._current()) and self._publish(value, is_expected) is not None

    def update(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value. O(n).

        Where the value is a container, `fn` gets a copy of it in memory, a Map, Set or Vector. It is called again if
        another process or thread published meanwhile; RuntimeError after 1,000 tries. If it returns the very object
        that it was given, nothing is published. Otherwise as `set`.

        >>> FileRef("config", Map(port=80)).update(Map.set, "port", 81)
        FileMap({'port': 81})
        """
        return self._updated(fn, args, kwargs)[1]

    def fetch_update(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the value that was replaced. Otherwise as `update`.

        >>> FileRef("number", 1).fetch_update(lambda n: n + 1)
        1
        """
        return self._updated(fn, args, kwargs)[0]

    def _updated(self, fn: Callable[..., T], args: Any, kwargs: Any) -> tuple[T, T]:
        for attempt in range(_TRIES):
            base = self._current()
            given = copied(base[1]) if isinstance(base[1], _CONTAINERS) else base[1]
            made = fn(given, *args, **kwargs)
            if made is given:
                return base[1], base[1]
            published = self._publish(made, _is_version(base[0]))
            if published is not None:
                return base[1], published[1][1]
            if attempt > 1:
                time.sleep(random.random() * min(0.0002 * 2 ** min(attempt, 10), 0.05))
        raise RuntimeError(
            f"each of {_TRIES:,} tries to update {self.path!r} was overtaken: does the function publish to it too?"
        )

    def _publish(self, value: Any, is_expected: Callable[[Version], bool]) -> tuple[Version, Version] | None:
        """The version that was replaced, and the new one; None: the current one was not as expected."""
        with self._folder.write(value, self._durable) as snapshot, self._folder.locked():
            current = self._current()
            if not is_expected(current):
                return None
            self._folder.put(snapshot)
            return current, self._current()

    # -- Following ----------------------------------------------------------------------------------------------

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until there is a version newer than `version`, at most `timeout` seconds; return whether there is.

        The thread sleeps. A thread of this process, which the first call starts, wakes it: by events of the file system
        if watchfiles is installed, else it looks at the number 50 times a second. It ends with `close`.

        >>> ref = FileRef("config", 1)
        >>> ref.wait(0), ref.wait(1, timeout=0)
        (True, False)
        """
        _PUBLISHED.wait(version, 0)  # what is wrong with the arguments is said in one place
        _PUBLISHED.wait(0, timeout)
        deadline = None if timeout is None else time.monotonic() + float(timeout)
        while self._current()[0] <= version:
            rest = None if deadline is None else deadline - time.monotonic()
            if rest is not None and rest <= 0:
                return False
            told = self._followed()
            (number, _), local = told.get_versioned()
            if number <= version:
                told.wait(local, _SLICE if rest is None else min(rest, _SLICE))
        return True

    def watch(self, callback: Callable[[T, T], object], /) -> Watch:
        """Call `callback(old, new)` after each change, until the Watch that this returns is closed.

        The thread that wakes waiters calls it. A slow callback gets the changes that came meanwhile as one. The Watch
        keeps the reference alive.

        >>> ref = FileRef("config", 1)
        >>> with ref.watch(lambda old, new: None):
        ...     ref.set(2)
        """
        told = self._followed()
        return told.watch(lambda old, new, _ref=self: callback(old[1], new[1]))  # type: ignore[misc]

    async def changed(self, since: int | None = None) -> tuple[T, int]:
        """Await a version newer than `since` (by default: than the current one); return the pair (value, version).

        >>> import asyncio
        >>> asyncio.run(FileRef("config", 1).changed(since=0))
        (1, 1)
        """
        current = self._current()
        if since is None:
            since = current[0]
        while current[0] <= since:
            told = self._followed()
            (number, _), local = told.get_versioned()
            if number <= since:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_SLICE):
                        await told.changed(local)
            current = self._current()
        return current[1], current[0]

    def changes(self, since: int | None = None) -> AsyncGenerator[T]:
        """Iterate over the values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the event loop runs the iterating task are skipped. The newest one is never
        missed.

        >>> import asyncio
        >>> async def first_change(ref):
        ...     async for value in ref.changes(since=0):
        ...         return value
        >>> asyncio.run(first_change(FileRef("config", 1)))
        1
        """
        return self._changes(self.version if since is None else since)

    async def _changes(self, seen: int) -> AsyncGenerator[T]:
        while True:
            value, seen = await self.changed(seen)
            yield value

    def _followed(self) -> AtomicRef[Version]:
        """The newest version that the following thread has told of. It starts that thread, if there is none."""
        if self._follower.get() is None:
            made = _Follower(self)
            if self._follower.compare_and_set(None, made):
                made.start()
        return self._told

    # -- Its life -----------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """The folder, as an absolute path."""
        return self._folder.path

    def close(self) -> None:
        """End the thread that follows, if there is one. The reference stays usable: `wait`, `watch` and `changed`
        start a new one, and until then no watch is called.

        >>> FileRef("config", 1).close()
        """
        follower = self._follower.exchange(None)
        if follower is not None:
            follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FileRef {self.path!r} at version {self.version}>"

    def __reduce__(self) -> Any:
        """A pickle holds the path: the process that loads it attaches."""
        return _attached, (self.path, self._folder.types, self._durable, type(self))


class _Follower:
    """The thread that tells one process of new versions of a reference."""

    def __init__(self, ref: FileRef[Any]) -> None:
        from frozen.config._watching import Watcher, watchfiles_watch

        watch = watchfiles_watch("auto")
        folder = ref._folder
        self._ref, self._said = weakref.ref(ref), ""
        self._is_closed = False
        self._watcher = Watcher(
            self._look,
            lambda: folder.number,
            lambda: [os.path.join(folder.path, "version")],
            _POLL if watch is None else _LOOK,
            0,
            watch,
            logger,
        )
        self._stop = weakref.finalize(ref, self._watcher.stop)
        self._stop.atexit = False  # the watcher ends before its interpreter does, by itself

    def start(self) -> None:
        self._watcher.start()
        if self._is_closed:  # meanwhile, by another thread
            self._watcher.stop()

    def close(self) -> None:
        self._is_closed = True
        self._stop.detach()
        self._watcher.stop()

    def _look(self) -> None:
        ref = self._ref()
        if ref is None:
            return
        try:
            current = ref._current()
        except Exception as error:
            if str(error) != self._said:
                self._said = str(error)
                logger.exception("the newest version of %r cannot be read; the next look follows", ref.path)
            return
        self._said = ""
        if current[0] > ref._told.get()[0]:
            ref._told.set(current)


def _absolute(path: Path) -> str:
    place = os.fspath(path)
    if not place:
        raise ValueError("the path of a reference is empty: name a folder, '.' for the current one")
    return os.path.abspath(os.fsdecode(place))


@contextlib.contextmanager
def _none_at(path: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise LookupError(f"there is no reference at {path!r}: make one, or pass initial=") from None


def _is_same(current: Any, expected: Any) -> bool:
    if current is expected:
        return True
    return not isinstance(current, _CONTAINERS) and type(current) is type(expected) and bool(current == expected)


def _is_version(number: int) -> Callable[[Version], bool]:
    return lambda current: current[0] == number


def _attached(path: str, types: _Types, durable: bool, cls: type[FileRef[Any]]) -> FileRef[Any]:
    return cls.attach(path, types=types, durable=durable)
