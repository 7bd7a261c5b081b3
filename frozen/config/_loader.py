"""What is published and when: one reading of all sources at a time, whole, or the last good version stays.

Readers take no lock. A thread that loads holds `Loader.lock`, so that two loads are one after the other; whatever is
reported, to the log or to `on_error`, is reported after the lock was released.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from frozen._convert import freeze
from frozen._delta import Delta
from frozen._share import share
from frozen.config._errors import ConfigError
from frozen.config._merge import Merge
from frozen.config._schema import Schema
from frozen.config._secrets import IsSecret, masked_delta
from frozen.config._sources import Below, Source

__all__ = ["Loader", "State", "stamps_of"]

ATTEMPTS = 10
"""How often the sources are read again because they moved while they were read."""
GRACE = 2.0
"""Seconds after a change in which files are read at each look, as the time in a stamp may be as coarse as this."""


class State(NamedTuple):
    """How a configuration is doing. `error` and `age` are what to alert on.

    `age` is how many seconds ago a look found the current version to be what the sources say: it stays below the
    interval of watching while all is well, and grows while sources fail, and while nothing looks at them. A failure
    that goes on is counted once.

    >>> Config({"port": 80}).state.error is None
    True
    """

    number: int
    age: float
    error: ConfigError | None
    failures: int
    loads: int
    watching: bool


class Loaded(NamedTuple):
    """What came of reading the sources once."""

    stamps: tuple[object, ...]
    data: Any
    origins: dict[tuple[Any, ...], str]


class Loader:
    """Reads the sources, and gives what is new and valid to `publish`."""

    def __init__(self, sources: Sequence[Source], schema: Schema, secret: IsSecret, shared: bool) -> None:
        self.sources = sources
        self.schema = schema
        self.secret = secret
        self.shared = shared
        self.lock = threading.RLock()  # a watch of the reference may call `check`
        self.origins: dict[tuple[Any, ...], str] = {}  # of the last good reading; replaced as a whole
        self.error: ConfigError | None = None
        self.failures = 0
        self.loads = 0
        self._confirmed = time.monotonic()
        self._stamps: tuple[object, ...] = ()
        self._moved = float("-inf")

    def first(self) -> tuple[Any, Any]:
        """Data and model of the first version; ConfigError if there is none."""
        loaded = self.read()
        model = self.schema.model(loaded.data)
        self._note(loaded)
        return loaded.data, model

    def read(self) -> Loaded:
        """Read all sources together: their stamps are the same before and after."""
        for attempt in range(ATTEMPTS):
            before = stamps_of(self.sources)
            error: ConfigError | None = None
            merge = Merge()
            try:
                self._merge_all(merge)
            except ConfigError as failed:
                error = failed
            if stamps_of(self.sources) == before:
                if error is not None:
                    raise error
                return Loaded(before, self._frozen(merge.data), merge.origins)
            time.sleep(0.001 * attempt)
        raise ConfigError(
            f"the sources changed whenever they were read, {ATTEMPTS} times: replace files by a rename, and less often"
        )

    def _merge_all(self, merge: Merge) -> None:
        for source in self.sources:
            try:
                for layer in source.layers(Below(merge.data, self.schema.declared, self.secret)):
                    merge.add(layer)
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(f"{source.name} failed: {type(error).__name__}: {error}") from error

    def _frozen(self, data: dict[Any, Any]) -> Any:
        try:
            return share(data) if self.shared else freeze(data)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the configuration cannot be shared: {error}") from error

    def is_due(self) -> bool:
        """Whether there may be something new: stamps are others, or say little, or the last reading failed."""
        stamps = stamps_of(self.sources)
        if stamps != self._stamps:
            return True
        return (
            self.error is not None or any(stamp is None for stamp in stamps) or time.monotonic() - self._moved < GRACE
        )

    def load(self, current: Any, publish: Callable[[Any, Any], None]) -> Delta | None:
        """Read; publish data and model if a value is another than in `current`; return what changed."""
        loaded = self.read()
        delta: Delta = current.diff(loaded.data)
        if not delta:
            self._note(loaded)
            return None
        data = current.apply(delta)  # as `loaded.data`, and shares with `current` what did not change
        model = self.schema.model(data)
        self.origins = loaded.origins  # before: watches of the reference may ask
        publish(data, model)
        self._note(loaded)  # after: what was not published is not taken for seen
        return delta

    def _note(self, loaded: Loaded) -> None:
        if loaded.stamps != self._stamps:
            self._stamps = loaded.stamps
            self._moved = time.monotonic()
        self.origins = loaded.origins
        self.error = None
        self.loads += 1
        self.confirm()

    def confirm(self) -> None:
        """The version is what the sources say, as of now."""
        self._confirmed = time.monotonic()

    def age(self) -> float:
        """Seconds since that was so."""
        return max(0.0, time.monotonic() - self._confirmed)

    def renew(self) -> None:
        """Begin anew in the child of a fork: the lock is free, and the next look reads."""
        self.lock = threading.RLock()
        self._stamps = ()

    def failed(self, error: ConfigError) -> bool:
        """Keep a failure; return whether it is news."""
        if self.error is not None and str(self.error) == str(error):
            return False
        self.error = error
        self.failures += 1
        return True


def stamps_of(sources: Sequence[Source]) -> tuple[object, ...]:
    try:
        return tuple(source.stamp() for source in sources)
    except Exception as error:
        raise ConfigError(f"a source has no stamp: {type(error).__name__}: {error}") from error


def log_change(logger: logging.Logger, number: int, delta: Delta, secret: IsSecret) -> None:
    if logger.isEnabledFor(logging.INFO):
        count = len(delta)
        text = "change" if count == 1 else "changes"
        logger.info("version %d, %d %s:\n%s", number, count, text, masked_delta(delta, secret))
