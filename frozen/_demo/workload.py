"""The demonstration at work: readers that check every version they see, and the writer that publishes."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frozen._core import _shared_nodes
from frozen._demo.document import Path, clock, entry_paths, next_version
from frozen._demo.interpreters import Crew
from frozen._demo.readers import ReaderTally, endless, read

# Where there is a GIL, a waking writer waits this long for a reader to give it up.  Python's own 5 ms for each of
# several readers would hold it to some hundred versions a second, however fast publishing is.
SWITCH_INTERVAL = 0.0005


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
    """Readers and a writer around one reference; `ref` needs `get` and `set`, and holds the first version.

    Readers in interpreters have a reference of their own, to which every version is published too.
    """

    ref: Any
    readers: int
    rate: float
    interpreters: int = 0
    seconds: float = 0.0  # how long it ran
    interrupted: bool = False
    written: WriterTally = field(default_factory=WriterTally)
    read: list[ReaderTally] = field(default_factory=list)
    crew: Crew | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _failures: list[BaseException] = field(default_factory=list)

    def run(self, seconds: float, show: Callable[[Workload], None] = lambda workload: None) -> None:
        """Run for so many seconds (infinity: until interrupted), calling `show` a few times a second.

        Ctrl-C ends the run and is noted in `interrupted`.  What fails in a thread ends the run and is raised here.
        """
        self.written.last = self.ref.get()
        paths = entry_paths(self.written.last)
        self.read = [ReaderTally() for _ in range(self.readers)]
        self.crew = Crew(self.interpreters, self.written.last) if self.interpreters else None
        refs = [self.ref, self.crew.ref] if self.crew else [self.ref]
        threads = [
            self._thread(read, self.ref, endless(paths, number), self._stop, tally)
            for number, tally in enumerate(self.read)
        ]
        threads.append(self._thread(publish, refs, endless(paths, -1), self._stop, self.written, self.rate))
        with _switching_often(), self._interpreters_at_work(refs):
            begin = clock()
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
                if self.crew:
                    self.crew.stop()
                self.seconds = clock() - begin
                _join(threads)
        if self._failures:
            raise self._failures[0]

    @contextlib.contextmanager
    def _interpreters_at_work(self, refs: Sequence[Any]) -> Iterator[None]:
        """Let the crew's readers begin when all of them are ready, and close their interpreters in the end.

        Interpreters take their time to start. The first version is published anew when they have: it is as old as the
        run, and no reader could have had a later one.
        """
        if self.crew is None:
            yield
            return
        threads = [self._thread(job) for job in self.crew.jobs]
        try:
            for thread in threads:
                thread.start()
            while not self.crew.ready() and not self._stop.wait(0.005):
                pass
            now = clock()
            for ref in refs:
                ref.set(ref.get().set("published", now))
            self.written.last = self.ref.get()
            self.crew.start()
            yield
        finally:
            self.crew.stop()
            _join(threads)

    def _thread(self, job: Callable[..., None], *args: Any) -> threading.Thread:
        def work() -> None:
            try:
                job(*args)
            except BaseException as error:
                self._failures.append(error)
                self._stop.set()

        return threading.Thread(target=work, name=job.__name__)

    @property
    def tallies(self) -> list[ReaderTally]:
        """Of all readers: those in threads, then those in interpreters."""
        return self.read + (self.crew.tallies if self.crew else [])

    @property
    def reads(self) -> int:
        return sum(tally.reads for tally in self.tallies)

    @property
    def torn(self) -> int:
        return sum(tally.torn for tally in self.tallies)

    def shared_nodes(self) -> SharedNodes | None:
        """What the last version shares with the one before; None if there was none."""
        if self.written.before_last is None:
            return None
        shared, _, total = _shared_nodes(self.written.before_last, self.written.last)
        return SharedNodes(shared, total)


def publish(refs: Sequence[Any], paths: Iterator[Path], stop: threading.Event, tally: WriterTally, rate: float) -> None:
    """The writer: derive the next version, publish it, wait for the next one's turn (`rate` 0: do not wait).

    Each reference holds the document in its own form, and gets the next version in that.
    """
    docs = [ref.get() for ref in refs]
    due = clock()
    while not stop.is_set():
        path, now = next(paths), clock()
        docs = [next_version(doc, path, now) for doc in docs]
        for ref, doc in zip(refs, docs, strict=True):
            ref.set(doc)
        tally.before_last, tally.last = tally.last, docs[0]
        tally.versions += 1
        if rate:
            due = max(due + 1 / rate, clock() - 0.1)  # catch up with a short delay, forget a long one
            stop.wait(due - clock())


def _join(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        if thread.ident is not None:  # the last may not have started
            thread.join()


@contextlib.contextmanager
def _switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)
