"""What it costs to hand one version to another interpreter: through a SharedRef, and by pickle for contrast."""

from __future__ import annotations

import pickle
import statistics
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from frozen import SharedRef, thaw
from frozen._demo.document import Document, clock
from frozen._demo.isolated import Interpreter
from frozen._demo.tickets import redeemed, tickets_for

ROUNDS, ENOUGH = 7, 0.5  # of the comparison; seconds after which no other begins

RECEIVER = """
from frozen._demo.hand_over import Pickles, time_of
from frozen._demo.tickets import redeemed
ref, took = redeemed({tickets!r})
pickles = Pickles({ident!r})
"""


class HandOver(NamedTuple):
    """Seconds from a version in one interpreter to the same version in another, as medians of a few rounds."""

    by_reference: float
    by_pickle: float


def compare(shared: Document) -> HandOver:
    """Publish and get `shared`; pickle and load the dicts and lists that a program would have that shares nothing."""
    plain, pickles = thaw(shared), Pickles()
    ref, took = SharedRef[Any](None), SharedRef(0.0)
    by_reference: list[float] = []
    by_pickle: list[float] = []

    def seconds(put: Callable[[Any], None], value: Any, get: str) -> float:
        sending = time_of(lambda: put(value))
        interpreter.run(f"took.set(time_of({get}))")
        return sending + took.get()

    with Interpreter() as interpreter:
        interpreter.run(RECEIVER.format(tickets=tickets_for(ref, took), ident=pickles.ident))
        end = clock() + ENOUGH
        while not by_pickle or (len(by_pickle) < ROUNDS and clock() < end):
            by_reference.append(seconds(ref.set, shared, "ref.get"))
            by_pickle.append(seconds(pickles.put, plain, "pickles.get"))
    return HandOver(statistics.median(by_reference), statistics.median(by_pickle))


def time_of(call: Callable[[], Any]) -> float:
    began = clock()
    result = call()
    took = clock() - began
    del result  # what it costs to free is not looked at
    return took


if sys.version_info >= (3, 14):
    from concurrent.interpreters import Queue, create_queue

    THROUGH = "pickled by interpreters.Queue"

    class Pickles:
        """A queue, which pickles what is put into it."""

        def __init__(self, ident: int | None = None) -> None:
            self._queue = create_queue() if ident is None else Queue(ident)
            self.ident = self._queue.id
            self.put, self.get = self._queue.put, self._queue.get_nowait

else:
    THROUGH = "pickled by hand"

    class Pickles:
        """Before 3.14 there is no such queue: bytes in a SharedRef take its place."""

        def __init__(self, ident: list[bytes] | None = None) -> None:
            (self._carrier,) = [SharedRef[Any](b"")] if ident is None else redeemed(ident)
            self.ident = tickets_for(self._carrier) if ident is None else ident

        def put(self, obj: object) -> None:
            self._carrier.set(pickle.dumps(obj))

        def get(self) -> Any:
            return pickle.loads(self._carrier.get())
