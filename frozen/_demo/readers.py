"""One reader of the demonstration: it checks every version that it sees, in a thread or in another interpreter."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from frozen._demo.document import Edit, Path, is_whole, look_up

BATCH = 64  # reads between two looks at the stop flag


class StopFlag(Protocol):
    def is_set(self) -> bool: ...


@dataclass(slots=True)
class ReaderTally:
    """What one reader counted: written by itself only, read by the live line meanwhile."""

    reads: int = 0
    torn: int = 0
    overtaken: int = 0  # reads during which a newer version was published
    lag: float = 0.0  # staleness of these, in seconds, added up
    worst_lag: float = 0.0


def read(ref: Any, paths: Iterator[Path], stop: StopFlag, tally: ReaderTally) -> None:
    """One reader.  A read takes the current version and looks one entry up in it.

    A version is checked when it is first seen, and once more when the next one is seen: publishing must not have
    changed it.  Then its staleness is known as well: how much later the version that replaced it was published.
    """
    get = ref.get  # hoisted: the thread now has a method of its own, and shares no reference count with the others
    doc = get()
    version = _checked(doc, tally)
    while not stop.is_set():
        for path in itertools.islice(paths, BATCH):
            latest = get()
            if latest is not doc:
                _replaced(doc, version, latest, tally)
                doc, version = latest, _checked(latest, tally)
            entry = look_up(doc, path)
            if isinstance(entry, Edit) and entry.version > version:
                tally.torn += 1
        tally.reads += BATCH
    _replaced(doc, version, doc, tally)


def _checked(doc: Any, tally: ReaderTally) -> int:
    """The version that `doc` says it is, after a look at all its parts."""
    if not is_whole(doc):
        tally.torn += 1
    version: int = doc["version"]
    return version


def _replaced(doc: Any, version: int, latest: Any, tally: ReaderTally) -> None:
    """Count what a reader learns about `doc`, first seen as `version`, when `latest` takes its place."""
    if doc["version"] != version or not is_whole(doc) or latest["version"] < version:
        tally.torn += 1
    lag = latest["published"] - doc["published"]
    if lag > 0:
        tally.overtaken += 1
        tally.lag += lag
        tally.worst_lag = max(tally.worst_lag, lag)


def endless(paths: list[Path], seed: int) -> Iterator[Path]:
    """All paths over and over: each thread has copies of its own, so as not to share their reference counts either."""
    return itertools.cycle([(*path,) for path in random.Random(seed).sample(paths, len(paths))])
