"""The reference itself: AtomicRef's methods, over a local reference that follows a server."""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from frozen import _core
from frozen._core import AtomicRef, SharedRef
from frozen._encoding import EncodingError
from frozen.remote._codec import Codec
from frozen.remote._engine import Engine
from frozen.remote._errors import Unavailable, Uncertain
from frozen.remote._file import CacheFile
from frozen.remote._follower import FOLLOW, SAVE, Follower, Stats, is_one_version
from frozen.remote._history import NOTHING, State
from frozen.remote._hub import Hub, hub_of
from frozen.remote._publisher import base_of, create, publish, unread

if TYPE_CHECKING:
    from frozen import Watch

__all__ = ["RemoteRef"]

T = TypeVar("T")
Path = str | os.PathLike[str]
Types = Iterable[type] | Mapping[str, type]

_MISSING: Any = object()
_TRIES = 1000


class RemoteRef(Generic[T]):
    """A variable whose value all processes that attach to it read and replace atomically, over an engine.

    `RemoteRef(engine, name, initial)` makes it, and raises ValueError if the name is taken; `attach` finds it. Reading
    takes what is here, as an AtomicRef does: no read ever touches the network. `frozen.redis.RedisRef` is this class
    over Redis; docs/redis.md says what holds.

    `cache` is a file with the last good version, to start from when the server cannot be reached. `check` is called
    with each version before it is published, and before it is adopted, and raises to refuse it. `types` are the classes
    that may occur (as for `encode`). `shared` makes the local reference a SharedRef, under that name if it is a str, so
    that all interpreters of the process follow. `max_bytes` bounds the version that is published, and what is read at
    once, both encoded. A publication is tried for `timeout` seconds.

    >>> with RemoteRef(MemoryEngine(MemoryServer()), "config", Map(port=80)) as ref:
    ...     ref.update(Map.set, "port", 81)
    Map({'port': 81})
    """

    if TYPE_CHECKING:
        _follower: Follower
        _hub: Hub
        _timeout: float

        def get(self) -> T: ...
        def lookup(self, key: Any, default: Any = None) -> Any: ...
        def get_versioned(self) -> tuple[T, int]: ...
        def wait(self, version: int, timeout: float | None = None) -> bool: ...
        def watch(self, callback: Callable[[T, T], object], /) -> Watch: ...

    else:
        __slots__ = {
            "__weakref__": "",
            "_follower": "",
            "_hub": "",
            "_timeout": "",
            "get": "Return the newest value that is here. O(1): the local reference's own method.",
            "get_versioned": "Return the pair (value, version), both of one moment. O(1).",
            "lookup": "Return `ref.get()[key]`, or `default` if there is no such item, in one call.",
            "wait": "Wait for a version newer than `version`, at most `timeout` seconds; return whether one is here.",
            "watch": (
                "Call `callback(old, new)` after each change, until the Watch that this returns is closed. The thread "
                "that follows calls it, or one that publishes: a slow callback delays what is followed, and gets the "
                "changes that came meanwhile as one."
            ),
        }

    def __init__(
        self,
        engine: Engine,
        name: str,
        initial: T,
        *,
        cache: Path | None = None,
        check: Callable[[Any], object] | None = None,
        types: Types = (),
        shared: bool | str = False,
        max_bytes: int | None = 64 << 20,
        timeout: float = 10.0,
    ) -> None:
        self._prepare(engine, name, cache, check, types, shared, max_bytes, timeout)
        if not create(self._follower, self._follower.codec.own(initial), timeout, is_default=False):
            raise ValueError(f"there is a reference called {name!r} already: attach to it, or unlink it")
        self._begin(shared, is_current=True)

    @classmethod
    def attach(
        cls,
        engine: Engine,
        name: str,
        *,
        initial: Any = _MISSING,
        cache: Path | None = None,
        check: Callable[[Any], object] | None = None,
        types: Types = (),
        shared: bool | str = False,
        max_bytes: int | None = 64 << 20,
        timeout: float = 10.0,
    ) -> Self:
        """Return the reference of that name; make it with `initial`, if that is given and there is none.

        Raises LookupError if there is none; Unavailable if the server cannot be reached, and there is no cache file;
        EncodingError or what `check` raises if the newest version cannot be used, and there is no cache file.

        >>> server = MemoryServer()
        >>> made = RemoteRef(MemoryEngine(server), "config", 1)
        >>> with RemoteRef.attach(MemoryEngine(server), "config") as ref:
        ...     ref.get()
        1
        >>> made.close()
        """
        self = cls.__new__(cls)
        self._prepare(engine, name, cache, check, types, shared, max_bytes, timeout)
        self._begin(shared, is_current=self._find(initial))
        return self

    @staticmethod
    def unlink(engine: Engine, name: str) -> None:
        """Remove the reference from the server. LookupError if there is none.

        Those who hold it keep its last value, and no longer publish (LookupError) until it is made anew.

        >>> server = MemoryServer()
        >>> ref = RemoteRef(MemoryEngine(server), "config", 1)
        >>> RemoteRef.unlink(MemoryEngine(server), "config")
        >>> ref.get()
        1
        >>> ref.close()
        """
        if not engine.unlink(name):
            raise LookupError(f"there is no reference called {name!r}")

    def _prepare(
        self,
        engine: Engine,
        name: str,
        cache: Path | None,
        check: Callable[[Any], object] | None,
        types: Types,
        shared: bool | str,
        max_bytes: int | None,
        timeout: float,
    ) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"a reference has a name, a str, not {_core._bounded_repr(name)}")
        if not timeout >= 0:
            raise ValueError(f"timeout={timeout!r}: seconds, at least 0")
        codec = Codec(types, bool(shared), max_bytes)
        self._follower = Follower(engine, name, codec, check, None if cache is None else CacheFile(cache))
        self._timeout = timeout

    def _find(self, initial: Any) -> bool:
        """Come to a first good version: that of the server, or of the cache file. Whether it is the server's newest."""
        follower = self._follower
        cached = self._cached()
        if cached is not None:
            follower.install(NOTHING, cached)
        try:
            self._catch_up_or_make(initial)
        except (ConnectionError, LookupError, EncodingError) as error:
            if not follower.good_id:
                if isinstance(error, (Unavailable, Uncertain)) and follower.file is not None:
                    raise Unavailable(f"{error}; and there is no cache file {follower.file.path}") from error
                raise
            follower.fail(FOLLOW, error)
            return False
        if not follower.good_id:
            assert follower.state.error is not None
            raise follower.state.error
        return True

    def _cached(self) -> State | None:
        """What the cache file has; a damaged one is as good as none."""
        follower = self._follower
        if follower.file is None:
            return None
        try:
            return follower.file.load(follower.codec)
        except (EncodingError, OSError) as error:
            follower.fail(SAVE, error)
            return None

    def _catch_up_or_make(self, initial: Any) -> None:
        follower = self._follower
        try:
            follower.catch_up()
        except LookupError:
            if initial is _MISSING:
                raise
            if not create(follower, follower.codec.own(initial), self._timeout, is_default=True):
                follower.catch_up()  # another one made it

    def _begin(self, shared: bool | str, is_current: bool) -> None:
        follower = self._follower
        follower.make_local(shared)
        follower.show()
        local = follower.local
        self.get = local.get  # type: ignore[method-assign]
        self.lookup = local.lookup  # type: ignore[method-assign]
        self.get_versioned = local.get_versioned  # type: ignore[method-assign]
        self.wait = local.wait  # type: ignore[method-assign]
        self.watch = local.watch  # type: ignore[method-assign]
        self._hub = hub_of(follower.engine)
        self._hub.add(follower, is_current)

    # -- Publishing ---------------------------------------------------------------------------------------------

    def set(self, value: T, /) -> None:
        """Publish `value`, whatever the current value is. As `exchange`.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 1) as ref:
        ...     ref.set(2)
        ...     ref.get()
        2
        """
        self.exchange(value)

    def exchange(self, value: T, /) -> T:
        """Publish `value` and return the value that it replaced. One step at the server, O(what changed).

        It raises what `update` raises, but for RejectedError: a version that is kept out here is replaced, and the last
        good one returned.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", "old") as ref:
        ...     ref.exchange("new")
        'old'
        """
        follower = self._open()
        own = follower.codec.own(value)
        for attempt in range(_TRIES):
            with follower.lock:
                basis, good = follower.state, follower.good
            if publish(follower, basis, own, self._timeout):
                return good if basis.error is not None else basis.value  # type: ignore[no-any-return]
            self._pause(attempt)
        raise self._outrun()

    def compare_and_set(self, expected: object, value: T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; return whether it did.

        Values are compared as AtomicRef does (SharedRef, if the reference is shared), and `version` is the local one.
        Before it returns False it asks the server whether the value that it compared is the newest.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", "old") as ref:
        ...     ref.compare_and_set("old", "new"), ref.compare_and_set("old", "newer")
        (True, False)
        """
        follower = self._open()
        own = follower.codec.own(value)
        for attempt in range(_TRIES):
            current, number = self.get_versioned()
            basis = follower.state
            good = follower.good
            is_shown = basis.error is None and basis.value is good and follower.is_one(current, good)
            if is_shown and _is_same(current, expected, follower.codec.shared) and version in (None, number):
                if publish(follower, basis, own, self._timeout):
                    return True
                self._pause(attempt)
                continue
            try:
                follower.catch_up()
            except Uncertain as error:
                raise unread(follower, error) from error
            follower.show()
            if follower.state is basis and self.get_versioned()[1] == number:
                return False
        raise self._outrun()

    def update(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value. As `AtomicRef.update`.

        `fn` is called again if another thread or process published meanwhile. If it returns the very object that it was
        given, nothing is published, and the server is not asked. Cost: what changed, and a round trip for each try.

        Raises Unavailable if the server cannot be reached and nothing was sent; Uncertain if it may have been published
        (`error.repeat()` finds out); EncodingError, with the path, for what cannot be encoded; RejectedError if the
        newest version is kept out here; LookupError if the reference was unlinked; RuntimeError after 1,000 tries, and
        in a signal handler or finalizer that interrupted a publication of its own thread.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "config", Map(port=80)) as ref:
        ...     ref.update(Map.set, "port", 81)
        Map({'port': 81})
        """
        return self._updated(fn, args, kwargs)[1]

    def fetch_update(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the value that was replaced. Otherwise as `update`.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 1) as ref:
        ...     ref.fetch_update(lambda n: n + 1)
        1
        """
        return self._updated(fn, args, kwargs)[0]

    def _updated(self, fn: Callable[..., T], args: Any, kwargs: Any) -> tuple[T, T]:
        follower = self._open()
        for attempt in range(_TRIES):
            basis = base_of(follower)
            made = fn(basis.value, *args, **kwargs)
            if made is basis.value:
                return made, made
            new = follower.codec.own(made)
            if publish(follower, basis, new, self._timeout):
                return basis.value, new
            self._pause(attempt)
        raise self._outrun()

    def _open(self) -> Follower:
        if self._follower.is_closed:
            raise ValueError(f"the reference to {self.name!r} is closed: it can be read, and no longer published to")
        return self._follower

    def _pause(self, attempt: int) -> None:
        """A lost try: what won is here already, so the first ones follow at once."""
        self._follower.counts["retries"] += 1
        if attempt >= 2:
            time.sleep(random.random() * min(0.0005 * 2 ** min(attempt, 7), 0.05))

    def _outrun(self) -> RuntimeError:
        return RuntimeError(
            f"each of {_TRIES:,} tries to publish to {self.name!r} was overtaken: does the function publish to it too?"
        )

    # -- Following ----------------------------------------------------------------------------------------------

    def sync(self, timeout: float | None = None) -> None:
        """Wait until what the server had when this was called is here: a read after it is as new as that.

        One round trip, and what it takes to catch up. Raises Unavailable or Uncertain if the server does not answer
        within `timeout` seconds (by default: the reference's), LookupError if the reference was unlinked.

        >>> server = MemoryServer()
        >>> with RemoteRef(MemoryEngine(server), "n", 1) as ref, RemoteRef.attach(MemoryEngine(server), "n") as other:
        ...     ref.set(2)
        ...     other.sync()
        ...     other.get()
        2
        """
        follower = self._open()
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        delay = 0.02
        while True:
            try:
                follower.catch_up()
                follower.show()
                return
            except (Unavailable, Uncertain):
                if time.monotonic() + delay > deadline:
                    raise
            time.sleep(delay)
            delay = min(2 * delay, 0.5)

    async def changed(self, since: int | None = None) -> tuple[T, int]:
        """Await a version newer than `since` (by default: than the current one); return the pair (value, version).

        >>> import asyncio
        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.set(1)
        ...     asyncio.run(ref.changed(since=0))
        (1, 1)
        """
        return await self._follower.local.changed(since)  # type: ignore[no-any-return]

    def changes(self, since: int | None = None) -> AsyncGenerator[T]:
        """Iterate over the values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the event loop runs the iterating task are skipped. The newest one is never
        missed.

        >>> import asyncio
        >>> async def first_change(ref):
        ...     async for value in ref.changes(since=0):
        ...         return value
        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.set(1)
        ...     asyncio.run(first_change(ref))
        1
        """
        return self._follower.local.changes(since)  # type: ignore[no-any-return]

    # -- How it is ----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name under which others attach."""
        return self._follower.name

    @property
    def local(self) -> AtomicRef[T] | SharedRef[T]:
        """The local reference, for reading: an AtomicRef, or the SharedRef that other interpreters read. It can be part
        of `snapshot`. Publishing to it changes this process alone, until the next version comes."""
        return self._follower.local  # type: ignore[no-any-return]

    @property
    def version(self) -> int:
        """How many versions were published in this process after the first one, which is version 0.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.version
        0
        """
        return self._follower.local.version  # type: ignore[no-any-return]

    @property
    def revision(self) -> str:
        """The server's name for the value that `get` returns: a number and random bits, the same on all machines.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.revision.partition(".")[0]
        '1'
        """
        return self._follower.good_id

    @property
    def age(self) -> float:
        """Seconds since the server was last asked, and had nothing newer than what is here: the reads are at most as
        stale as that. It grows while the server is away, and while the newest version is kept out here. Infinite
        until the server answers for the first time. This is what to watch, and to alarm on.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.sync()
        ...     ref.age < 60
        True
        """
        confirmed = self._follower.confirmed
        return math.inf if confirmed is None else time.monotonic() - confirmed

    @property
    def connected(self) -> bool:
        """Whether the last exchange with the server succeeded. It may hang since: `age` tells.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.connected
        True
        """
        return self._hub.is_connected and not self._follower.is_closed

    @property
    def error(self) -> BaseException | None:
        """What keeps this reference from being current, or the newest version out; None if all is well."""
        return self._follower.error

    @property
    def rejected(self) -> int:
        """How many versions were kept out here, because `check` refused them or they could not be decoded.

        >>> with RemoteRef(MemoryEngine(MemoryServer()), "n", 0) as ref:
        ...     ref.rejected
        0
        """
        return self._follower.rejected

    @property
    def stats(self) -> Stats:
        """What the reference has been through in this process."""
        return Stats(**self._follower.counts)

    def close(self) -> None:
        """Follow no longer; write the cache file, if there is one. The last value stays readable.

        >>> ref = RemoteRef(MemoryEngine(MemoryServer()), "n", 0)
        >>> ref.close()
        >>> ref.get()
        0
        """
        self._hub.remove(self._follower)
        self._follower.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {self.revision}: {_core._bounded_repr(self.get())}>"

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: attach to {self.name!r} in the other process")


def _is_same(current: Any, expected: Any, shared: bool) -> bool:
    """As the local reference's own compare_and_set would find."""
    if shared and type(current) is type(expected):
        return bool(SharedRef(current).compare_and_set(expected, current))
    return is_one_version(current, expected)
