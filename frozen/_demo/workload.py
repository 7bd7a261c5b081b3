"""The threads of the demonstration: readers that check every version they see, and the writer that publishes."""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frozen._core import _shared_nodes
from frozen._demo.document import Edit, Path, clock, entry_paths, is_whole, look_up, next_version

BATCH = 64  # reads between two looks at the stop flag

# Where there is a GIL, a waking writer waits this long for a reader to give it up.  Python's own 5 ms for each of
# several readers would hold it to some hundred versions a second, however fast publishing is.
SWITCH_INTERVAL = 0.0005


@dataclass(slots=True)
class ReaderTally:
    """What one reader counted: written by its thread only, read by the live line meanwhile."""

    reads: int = 0
    torn: int = 0
    overtaken: int = 0  # reads during which a newer version was published
    lag: float = 0.0  # staleness of these, in seconds, added up
    worst_lag: float = 0.0


@dataclass(slots=True)
class WriterTally:
    """What the writer published: the number of versions, and the last two."""

    versions: int = 0
    last: Any = None
    before_last: Any = None


class SharedNodes(NamedTuple):
    """How much of a version was taken over from the one before: nodes of its tries, counted by identity."""

    shared: int
    total: int


@dataclass
class Workload:
    """Readers and a writer around one reference; `ref` needs `get` and `set`, and holds the first version."""

    ref: Any
    readers: int
    rate: float
    seconds: float = 0.0  # how long it ran
    interrupted: bool = False
    written: WriterTally = field(default_factory=WriterTally)
    read: list[ReaderTally] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _failures: list[BaseException] = field(default_factory=list)

    def run(self, seconds: float, show: Callable[[Workload], None] = lambda workload: None) -> None:
        """Run for so many seconds (infinity: until interrupted), calling `show` a few times a second.

        Ctrl-C ends the run and is noted in `interrupted`.  What fails in a thread ends the run and is raised here.
        """
        self.written.last = self.ref.get()
        paths = entry_paths(self.written.last)
        self.read = [ReaderTally() for _ in range(self.readers)]
        threads = [
            self._thread(read, self.ref, _endless(paths, number), self._stop, tally)
            for number, tally in enumerate(self.read)
        ]
        threads.append(self._thread(publish, self.ref, _endless(paths, -1), self._stop, self.written, self.rate))
        begin = clock()
        with _switching_often():
            try:
                for thread in threads:
                    thread.start()
                while not self._stop.wait(min(0.1, seconds - self.seconds)) and self.seconds < seconds:
                    self.seconds = clock() - begin
                    show(self)
            except KeyboardInterrupt:
                self.interrupted = True
            finally:
                self._stop.set()
                self.seconds = clock() - begin
                for thread in threads:
                    if thread.ident is not None:  # the last may not have started
                        thread.join()
        if self._failures:
            raise self._failures[0]

    def _thread(self, job: Callable[..., None], *args: Any) -> threading.Thread:
        def work() -> None:
            try:
                job(*args)
            except BaseException as error:
                self._failures.append(error)
                self._stop.set()

        return threading.Thread(target=work, name=job.__name__)

    @property
    def reads(self) -> int:
        return sum(tally.reads for tally in self.read)

    @property
    def torn(self) -> int:
        return sum(tally.torn for tally in self.read)

    def shared_nodes(self) -> SharedNodes | None:
        """What the last version shares with the one before; None if there was none."""
        if self.written.before_last is None:
            return None
        shared, _, total = _shared_nodes(self.written.before_last, self.written.last)
        return SharedNodes(shared, total)


def read(ref: Any, paths: Iterator[Path], stop: threading.Event, tally: ReaderTally) -> None:
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


def publish(ref: Any, paths: Iterator[Path], stop: threading.Event, tally: WriterTally, rate: float) -> None:
    """The writer: derive the next version, publish it, wait for the next one's turn (`rate` 0: do not wait)."""
    doc = tally.last
    due = clock()
    while not stop.is_set():
        doc = next_version(doc, next(paths))
        ref.set(doc)
        tally.before_last, tally.last = tally.last, doc
        tally.versions += 1
        if rate:
            due = max(due + 1 / rate, clock() - 0.1)  # catch up with a short delay, forget a long one
            stop.wait(due - clock())


def _endless(paths: list[Path], seed: int) -> Iterator[Path]:
    """All paths over and over: each thread has copies of its own, so as not to share their reference counts either."""
    return itertools.cycle([(*path,) for path in random.Random(seed).sample(paths, len(paths))])


@contextlib.contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
