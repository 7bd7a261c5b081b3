"""A server inside of the process, for tests and trials: what engines do, without a network."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence

from frozen.remote._engine import Entry, Head, Outcome, Publication, Snapshot, number_of

__all__ = ["ENTRY", "KEPT", "LEAST_LOG", "MemoryEngine", "MemoryServer"]

LEAST_LOG = 65536
"""Bytes that a log may always have before a snapshot is due."""
ENTRY = 160
"""Bytes that an entry of the log takes besides its delta, in a stream of Redis."""
KEPT = 1000
"""Entries of the log that stay before a snapshot, if they are small."""


@dataclasses.dataclass(slots=True)
class Record:
    """What the server keeps of one reference."""

    id: str | None = None
    base: int | None = None
    unlinked: bool = False
    snapshot_id: str = ""
    snapshot: bytes | None = None
    log_bytes: int = 0
    log: list[Entry] = dataclasses.field(default_factory=list)

    def head(self) -> Head:
        whole = self.id is None or (self.snapshot is not None and (self.snapshot_id == self.id or bool(self.log)))
        return Head(self.id, self.base, self.unlinked, whole)

    def is_whole(self) -> bool:
        """Whether snapshot and log lead to the head."""
        if self.snapshot is None:
            return False
        if self.snapshot_id == self.id:
            return True
        is_continued = self.log and self.log[-1].id == self.id
        return bool(is_continued and self.log[0].number <= number_of(self.snapshot_id) + 1)


class MemoryServer:
    """The data of the references, by name. Tests take it away and damage it under `changed`."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.changed = threading.Condition()

    def record(self, name: str) -> Record:
        return self.records.get(name) or Record()


class MemoryEngine:
    """An engine over a MemoryServer. Several engines of one server stand for several machines.

    >>> server = MemoryServer()
    >>> here, there = MemoryEngine(server), MemoryEngine(server)
    >>> with RemoteRef(here, "config", Map(port=80)) as ref, RemoteRef.attach(there, "config") as other:
    ...     _ = ref.update(Map.set, "port", 81)
    ...     other.sync()
    ...     other.get()
    Map({'port': 81})
    """

    def __init__(self, server: MemoryServer, block: float = 1.0) -> None:
        self.server = server
        self.block = block
        self._interrupted = False

    def heads(self, names: Sequence[str]) -> list[Head]:
        with self.server.changed:
            return [self.server.record(name).head() for name in names]

    def since(self, name: str, number: int) -> tuple[Head, Sequence[Entry]]:
        with self.server.changed:
            record = self.server.record(name)
            return record.head(), [entry for entry in record.log if entry.number > number]

    def snapshot(self, name: str) -> Snapshot:
        with self.server.changed:
            record = self.server.record(name)
            return Snapshot(record.head(), record.snapshot_id, record.snapshot, list(record.log))

    def publish(self, name: str, publication: Publication) -> Outcome:
        with self.server.changed:
            record = self.server.record(name)
            if record.id == publication.id:
                return Outcome("done", snapshot_bytes=len(record.snapshot or b""))
            if record.unlinked and not publication.revive:
                return Outcome("unlinked")
            if (record.id or "") != publication.expected:
                return _not_now(record, publication)
            if not publication.snapshot and not record.is_whole():
                return Outcome("incomplete")
            if not publication.expected:
                base = None if record.unlinked else publication.base
                record, publication = Record(), publication._replace(base=base)
            outcome = _append(record, publication)
            self.server.records[name] = record
            self.server.changed.notify_all()
            return outcome

    def put_snapshot(self, name: str, id: str, data: bytes) -> bool:
        number = number_of(id)
        with self.server.changed:
            record = self.server.record(name)
            is_known = record.id == id or any(entry.id == id for entry in record.log)
            if not is_known or (record.snapshot is not None and number_of(record.snapshot_id) >= number):
                return False
            record.snapshot, record.snapshot_id = data, id
            first, left = number, max(LEAST_LOG // 4, len(data) // 8)
            for entry in reversed([entry for entry in record.log if entry.number <= number][-KEPT:]):
                left -= len(entry.delta) + ENTRY
                first = entry.number if left >= 0 else first
            record.log = [entry for entry in record.log if entry.number >= first]
            record.log_bytes = sum(len(entry.delta) + ENTRY for entry in record.log if entry.number > number)
            return True

    def unlink(self, name: str) -> bool:
        with self.server.changed:
            was_there = self.server.record(name).id is not None
            if was_there:
                self.server.records[name] = Record(unlinked=True)
                self.server.changed.notify_all()
            return was_there

    def wait(self, numbers: Mapping[str, int]) -> Mapping[str, Sequence[Entry]]:
        deadline = time.monotonic() + self.block
        with self.server.changed:
            while True:
                found = {name: self._after(name, number) for name, number in numbers.items()}
                news = {name: entries for name, entries in found.items() if entries}
                left = deadline - time.monotonic()
                if news or left <= 0 or self._interrupted:
                    self._interrupted = False
                    return news
                self.server.changed.wait(left)

    def _after(self, name: str, number: int) -> list[Entry]:
        return [entry for entry in self.server.record(name).log if entry.number > number]

    def interrupt(self) -> None:
        with self.server.changed:
            self._interrupted = True
            self.server.changed.notify_all()

    def renew(self) -> None:
        self.server.changed = threading.Condition()

    def close(self) -> None:
        pass


def _not_now(record: Record, publication: Publication) -> Outcome:
    if record.id is None:
        return Outcome("lost")
    number = number_of(publication.id)
    there = [entry.id for entry in record.log if entry.number == number]
    log = [entry for entry in record.log if entry.number > number_of(publication.expected)][:100]
    if there == [publication.id]:
        return Outcome("passed", log, snapshot_bytes=len(record.snapshot or b""))
    return Outcome("behind", log, is_trimmed=not there and number_of(record.id) >= number)


def _append(record: Record, publication: Publication) -> Outcome:
    number = number_of(publication.id)
    if record.log and record.log[-1].number >= number:
        record.log.clear()  # of another history
    record.log.append(Entry(number, publication.expected, publication.id, publication.delta))
    record.id, record.base = publication.id, publication.base
    due = False
    if publication.snapshot:
        record.snapshot, record.snapshot_id, record.log_bytes = publication.snapshot, publication.id, 0
        record.log = record.log[-1:]
    else:
        record.log_bytes += len(publication.delta) + ENTRY
        most = max(LEAST_LOG, len(record.snapshot or b"") // 2)
        due = record.log_bytes > most
    outcome = Outcome("done", snapshot_due=due, log_bytes=record.log_bytes, snapshot_bytes=len(record.snapshot or b""))
    if due:
        record.log_bytes = most * 3 // 4  # the next publishers leave it to this one, unless it dies
    return outcome
