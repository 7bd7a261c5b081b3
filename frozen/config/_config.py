"""`Config`: sources, a schema and a reference, and the thread that keeps the reference up to date."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, TypeVar, overload

from frozen._core import AtomicRef, Map, SharedRef
from frozen._delta import Delta
from frozen.config._errors import ConfigError, shown
from frozen.config._loader import Loader, State, log_change, stamps_of
from frozen.config._schema import schema_of
from frozen.config._secrets import is_secret
from frozen.config._sources import as_source
from frozen.config._versions import Path, Reader, Version, steps_of
from frozen.config._watching import Watcher, go_on_in_the_child, watchfiles_watch

__all__ = ["Config"]

M = TypeVar("M")
Mode = Literal["auto", "events", "poll"]
OnError = Callable[[ConfigError], object]

_all: weakref.WeakSet[Config[Any]] = weakref.WeakSet()


class _Outcome(NamedTuple):
    """What came of one look: what changed, or why nothing could be read."""

    delta: Delta | None = None
    number: int = 0
    error: ConfigError | None = None
    is_news: bool = False


class Config(Reader[M]):
    """A configuration of several sources, merged in their order: the later ones win. `get`, `model` and `data` read it.

    A source is a mapping, a dataclass or a pydantic model (its defaults), the path of a file, a function, or a Source:
    Defaults, File, Directory, Environment, Call. It is read at once: ConfigError if it cannot be read or is not valid.

    `schema` makes a version valid: a function (which raises, or returns a model), a pydantic model, a dataclass, or a
    JSON Schema as a dict. Models have to be frozen, for all threads get the same one; lists in them become Vectors.

    `with config:` or `async with config:` watches: it looks every `interval` seconds, and with watchfiles installed
    (`frozen[watch]`) as soon as a file changes; `watch` chooses "events" or "poll", where "auto" takes events if they
    can be had. A change is read once nothing has moved for `debounce` seconds.

    What fails later leaves the version in place: it is in `state`, is logged, and goes to `on_error`, in the thread
    that looked. `secret` says which paths are masked in all that is printed. With `shared`, the reference is a
    SharedRef, under a name if `shared` is a str, and other interpreters read it by Reader.

    >>> config = Config({"host": "localhost", "port": 80}, lambda: {"port": 8080})
    >>> config.get("port"), config.get("host")
    (8080, 'localhost')
    """

    @overload
    def __init__(
        self: Config[Map[str, Any]],
        *sources: Any,
        schema: Mapping[str, Any] | None = None,
        shared: bool | str = False,
        watch: Mode = "auto",
        interval: float = 1.0,
        debounce: float = 0.05,
        secret: Callable[[tuple[Any, ...]], bool] = is_secret,
        on_error: OnError | None = None,
        logger: logging.Logger | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        *sources: Any,
        schema: type[M] | Callable[[Map[str, Any]], M],
        shared: bool | str = False,
        watch: Mode = "auto",
        interval: float = 1.0,
        debounce: float = 0.05,
        secret: Callable[[tuple[Any, ...]], bool] = is_secret,
        on_error: OnError | None = None,
        logger: logging.Logger | None = None,
    ) -> None: ...
    def __init__(
        self,
        *sources: Any,
        schema: Any = None,
        shared: bool | str = False,
        watch: Mode = "auto",
        interval: float = 1.0,
        debounce: float = 0.05,
        secret: Callable[[tuple[Any, ...]], bool] = is_secret,
        on_error: OnError | None = None,
        logger: logging.Logger | None = None,
    ) -> None:
        if not sources:
            raise ValueError("Config needs a source: a mapping, the path of a file, Environment('APP_'), ...")
        if watch not in ("auto", "events", "poll"):
            raise ValueError(f"watch={shown(watch)} is none of 'auto', 'events' and 'poll'")
        if not interval > 0 or not debounce >= 0:
            raise ValueError(
                f"interval={shown(interval)}, debounce={shown(debounce)}: seconds, more than 0 and at least 0"
            )
        self._on_error = on_error
        self._logger = logger or logging.getLogger("frozen.config")
        made = schema_of(schema, secret)
        self._loader = Loader([as_source(source) for source in sources], made, secret, bool(shared))
        data, model = self._loader.first()
        first: Version[M] = Version(0, data, model, secret)
        if not shared:
            ref: Any = AtomicRef(first)
        else:
            ref = SharedRef(shared, initial=data) if isinstance(shared, str) else SharedRef(data)
        self._follow(ref, made, secret, first)
        self._watcher = Watcher(
            self.check,
            self._stamps,
            self._files,
            interval,
            debounce,
            watchfiles_watch(watch),
            self._logger,
        )
        self._users = threading.Lock()  # of start and stop
        _all.add(self)

    def _files(self) -> Iterable[str]:
        return [file for source in self._loader.sources for file in source.files()]

    def _stamps(self) -> object:
        try:
            return stamps_of(self._loader.sources)
        except ConfigError:
            return None  # the look that follows says so

    # -- Reading what is there ----------------------------------------------------------------------------------

    def origin(self, path: Path) -> str:
        """Return where the value at `path` comes from, as of the last good reading: the name of a source's layer.

        For a mapping that several layers gave parts of, it is the last of these layers; a value in a list comes from
        where the list does. O(length of the path). Raises KeyError if nothing is at the path.

        >>> config = Config({"host": "a", "port": 80}, Call(lambda: {"port": 81}, "the cluster"))
        >>> config.origin("host"), config.origin("port")
        ('defaults', 'the cluster')
        """
        steps = steps_of(path)
        self.get(path)  # or its error
        origins = self._loader.origins
        return next(origins[steps[:end]] for end in range(len(steps), -1, -1) if steps[:end] in origins)

    @property
    def state(self) -> State:
        """How the configuration is doing: number, age, error, failures, loads, watching. O(1)."""
        loader = self._loader
        return State(
            self._ref.version,
            loader.age(),
            loader.error,
            loader.failures,
            loader.loads,
            self._watcher.is_running,
        )

    def __repr__(self) -> str:
        names = ", ".join(source.name for source in self._loader.sources)
        return f"<Config of {names}: {self._read()!r}>"

    # -- Looking for something new ------------------------------------------------------------------------------

    def reload(self) -> bool:
        """Read all sources now; return whether that published a version. It does not wait to see them settle.

        Raises ConfigError, after it was counted and kept in `state`, if they cannot be read or are not valid: the last
        good version stays.

        >>> Config({"port": 80}).reload()
        False
        """
        outcome = self._attempt(forced=True)
        self._report(outcome)
        if outcome.error is not None:
            raise outcome.error
        return outcome.delta is not None

    def check(self) -> bool:
        """Look whether sources changed, and read them if so; return whether that published a version.

        This is what watching does each time. A failure is in `state`, logged, and given to `on_error`, not raised.

        >>> Config({"port": 80}).check()
        False
        """
        outcome = self._attempt(forced=False)
        self._report(outcome)
        return outcome.delta is not None

    def _attempt(self, forced: bool) -> _Outcome:
        loader = self._loader
        with loader.lock:
            try:
                if not forced and not loader.is_due():
                    loader.confirm()
                    return _Outcome()
                delta = loader.load(self._read().data, self._publish)
                return _Outcome(delta, self._ref.version)
            except ConfigError as error:
                failure = error
            except Exception as error:
                failure = ConfigError(f"the configuration cannot be read: {type(error).__name__}: {error}")
                failure.__cause__ = error
            is_news = loader.failed(failure)
            return _Outcome(None, self._ref.version, failure.with_traceback(None), is_news)

    def _publish(self, data: Any, model: Any) -> None:
        """The only place that sets the reference, under the loader's lock, so that the numbers are the reference's."""
        version: Version[M] = Version(self._ref.version + 1, data, model, self._secret)
        if isinstance(self._ref, SharedRef):
            self._made = version  # before the data: a reader that gets those finds the model made
            self._ref.set(data)
        else:
            self._ref.set(version)

    def _report(self, outcome: _Outcome) -> None:
        """To the log and to `on_error`; a failure that goes on was reported when it began."""
        if outcome.delta is not None:
            log_change(self._logger, outcome.number, outcome.delta, self._secret)
        if outcome.error is None or not outcome.is_news:
            return
        self._logger.error("%s; version %d stays", outcome.error, outcome.number)
        if self._on_error is not None:
            try:
                self._on_error(outcome.error)
            except Exception:
                self._logger.exception("on_error failed")

    # -- Watching -----------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to watch, in a thread of its own; return the configuration. `with config:` does this.

        In the child of a fork, watching goes on in a new thread. At the end of the interpreter it is stopped.

        Raises RuntimeError if the configuration is watched already.

        >>> config = Config({"port": 80}).start()
        >>> config.stop()
        """
        with self._users:
            if self._watcher.is_running:
                raise RuntimeError(f"{self._named()} is watched already: start it once, where the program starts")
            self._watcher.start()
        return self

    def stop(self) -> None:
        """End watching, and wait for a look that is under way. What is published stays readable.

        >>> Config({"port": 80}).stop()
        """
        with self._users:
            self._watcher.stop()

    def _named(self) -> str:
        return f"the configuration of {', '.join(source.name for source in self._loader.sources)}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.stop)


def _go_on_in_the_child() -> None:
    """A thread that the fork left behind may have held a lock, and may have been about to publish what it read."""
    for config in list(_all):
        config._loader.renew()
        config._users = threading.Lock()
    go_on_in_the_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_the_child)
