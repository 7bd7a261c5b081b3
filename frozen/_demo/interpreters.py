"""Readers in interpreters of their own, each with a GIL of its own, around one SharedRef.

What goes to and fro are SharedRefs too: one says what to do, one for each reader says what it has counted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from frozen import SharedRef, share
from frozen._demo.document import Document, entry_paths
from frozen._demo.isolated import Interpreter
from frozen._demo.readers import ReaderTally, endless, read
from frozen._demo.tickets import tickets_for

PREPARE, READ, STOP = "prepare", "read", "stop"


CODE = """
from frozen._demo.interpreters import work
from frozen._demo.tickets import redeemed
work(*redeemed({tickets!r}), seed={seed})
"""


class Crew:
    """So many readers, and the document that they share.

    `jobs` are to be called in threads, one for each reader; they end after `stop`, and close their interpreters.
    """

    def __init__(self, readers: int, doc: Document) -> None:
        self.ref: SharedRef[Any] = SharedRef(share(doc))
        self._order = SharedRef(PREPARE)
        self._counts = [SharedRef(dataclasses.astuple(ReaderTally())) for _ in range(readers)]

    @property
    def jobs(self) -> list[Callable[[], None]]:
        return [lambda number=number: self._work(number) for number in range(len(self._counts))]  # type: ignore[misc]

    def ready(self) -> bool:
        """Whether every reader waits for `start`."""
        return all(counts.version for counts in self._counts)

    def start(self) -> None:
        self._order.set(READ)

    def stop(self) -> None:
        self._order.set(STOP)

    @property
    def tallies(self) -> list[ReaderTally]:
        return [ReaderTally(*counts.get()) for counts in self._counts]

    def _work(self, number: int) -> None:
        tickets = tickets_for(self.ref, self._order, self._counts[number])
        with Interpreter() as interpreter:
            interpreter.run(CODE.format(tickets=tickets, seed=1000 + number))


def work(ref: SharedRef[Any], order: SharedRef[str], counts: SharedRef[Any], seed: int) -> None:
    """What a reader does, in its interpreter."""
    tally = ReaderTally()
    paths = endless(entry_paths(ref.get()), seed)
    counts.set(dataclasses.astuple(tally))  # ready
    order.wait(0)
    read(ref, paths, Orders(order, counts, tally), tally)
    counts.set(dataclasses.astuple(tally))


class Orders:
    """The stop flag of a reader: whenever it is looked at, it passes on what the reader has counted so far."""

    def __init__(self, order: SharedRef[str], counts: SharedRef[Any], tally: ReaderTally) -> None:
        self.order, self.counts, self.tally = order, counts, tally

    def is_set(self) -> bool:
        self.counts.set(dataclasses.astuple(self.tally))
        return self.order.get() == STOP
