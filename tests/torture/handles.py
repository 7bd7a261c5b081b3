"""Handles: tickets are issued, travel, are redeemed, revoked, dropped and expire, against a model of each ticket."""

from __future__ import annotations

import contextlib
import pickle
import random
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from support import run_threads

from frozen import Blob, Handle, SharedMap, SharedRef, SharedSet, SharedVector, _core
from torture.harness import Case, main

SLACK = 0.5
"""Seconds around a deadline in which a ticket may be valid or not: this program measures it later than the library."""


@dataclass
class Ticket:
    """What the library should know of one handle, and all objects and pickles that stand for it."""

    handles: list[Any]
    value: Any
    uses: int
    earliest: float = float("inf")
    latest: float = float("inf")
    letters: list[bytes] = field(default_factory=list)
    """Pickles. Once there is one, the ticket does not end with its handles."""

    def may_live(self) -> bool:
        """Asked before something is done with it."""
        return self.uses > 0 and time.monotonic() < self.latest

    def must_live(self) -> bool:
        """Asked after something has been done with it, and the time went on."""
        return self.uses > 0 and time.monotonic() < self.earliest


class Office:
    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.tickets: list[Ticket] = []

    def value(self) -> Any:
        return self.source.choice(
            (
                lambda: SharedMap(a=self.source.random()),
                lambda: SharedSet([self.source.random(), "a text in a box"]),
                lambda: SharedVector([self.source.random()] * 100),
                lambda: Blob(self.source.randbytes(30)),
                lambda: SharedRef(self.source.random()),
            )
        )()

    def issue(self) -> None:
        value, uses = self.value(), self.source.choice((1, 1, 2, 5, 2**32 - 1))
        timeout = self.source.choice((None, None, None, 1e-9, 0.0005, 1000.0, 1e9))
        before = time.monotonic()
        method = self.source.random() < 0.5 and hasattr(value, "handle")
        handle = value.handle(uses=uses, timeout=timeout) if method else Handle(value, uses=uses, timeout=timeout)
        ticket = Ticket([handle], value, uses)
        if timeout is not None:
            ticket.earliest, ticket.latest = before + timeout, time.monotonic() + timeout + SLACK
        self.tickets.append(ticket)

    def issue_many(self) -> None:
        """So many that the table grows; most go at once."""
        for _ in range(self.source.randrange(1, 200)):
            self.issue()
        self.source.shuffle(self.tickets)
        keep = self.source.randrange(1, 30)
        for ticket in self.tickets[keep:]:
            if ticket.letters or self.source.random() < 0.5:
                self.revoke(ticket)
        del self.tickets[keep:]  # those that never travelled end with their handles

    def issue_without_memory(self) -> None:
        value = self.value()
        before = _core._live_shared_nodes()
        for allocation in range(8):
            _core._fail_shared_allocation(allocation)
            with contextlib.suppress(MemoryError):
                Handle(value).redeem()
            _core._fail_shared_allocation(-1)
            assert _core._live_shared_nodes() <= before  # less, if others have expired

    def some(self) -> Ticket:
        if not self.tickets:
            self.issue()
        return self.source.choice(self.tickets)

    def handle(self, ticket: Ticket) -> Any:
        """One that is there, or one that arrives."""
        if ticket.handles and self.source.random() < 0.9:
            return self.source.choice(ticket.handles)
        return pickle.loads(self.source.choice(ticket.letters)) if ticket.letters else ticket.handles[0]

    def travel(self) -> None:
        ticket = self.some()
        letter = pickle.dumps(self.handle(ticket), self.source.randrange(pickle.HIGHEST_PROTOCOL + 1))
        ticket.letters.append(letter)
        if self.source.random() < 0.5:
            ticket.handles.append(pickle.loads(letter))

    def redeem(self) -> None:
        ticket = self.some()
        may, handle = ticket.may_live(), self.handle(ticket)
        try:
            found = handle.redeem()
        except LookupError:
            assert not ticket.must_live(), f"a ticket with {ticket.uses} uses is spent"
            ticket.uses = 0
            return
        assert may, "a spent ticket was redeemed"
        assert type(found) is type(ticket.value)
        assert bytes(found) == bytes(ticket.value) if type(found) is Blob else found == ticket.value
        ticket.uses -= 1

    def redeem_at_once(self) -> None:
        """In several threads: as many succeed as there are uses."""
        value, uses, threads = self.value(), self.source.randrange(1, 9), 6
        handle = Handle(value, uses=uses)

        def redeem() -> bool:
            with contextlib.suppress(LookupError):
                handle.redeem()
                return True
            return False

        assert sum(run_threads(*[redeem] * threads)) == min(uses, threads)

    def revoke(self, ticket: Ticket | None = None) -> None:
        ticket = ticket or self.some()
        may = ticket.may_live()
        revoked = self.handle(ticket).revoke()
        assert revoked or not ticket.must_live(), "a valid ticket was gone"
        assert may or not revoked or ticket.uses > 0, "a spent ticket was revoked"
        ticket.uses = 0

    def drop(self) -> None:
        """A handle goes. The ticket goes with the last one, unless it has travelled."""
        ticket = self.some()
        if ticket.handles:
            ticket.handles.pop(self.source.randrange(len(ticket.handles)))
        if not ticket.handles and not ticket.letters:
            self.tickets.remove(ticket)

    def close(self) -> None:
        for ticket in self.tickets:
            self.revoke(ticket)
        self.tickets.clear()


def run_case(case: Case) -> None:
    office = Office(case.random("office"))
    works = [
        *(office.issue, office.issue, office.travel, office.travel, office.redeem, office.redeem, office.redeem),
        *(office.revoke, office.drop, office.issue_without_memory),
    ]
    for step in case.steps:
        office.source = case.random(step)
        rare = office.source.random()
        work = (
            office.issue_many if rare < 0.02 else office.redeem_at_once if rare < 0.03 else office.source.choice(works)
        )
        case.note(step, work.__name__)
        work()
    office.close()


if __name__ == "__main__":
    sys.exit(main(run_case, steps=300))
