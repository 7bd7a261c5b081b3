"""SharedRefs on their way into another interpreter, on every version: as text of the code that is run there."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import Any

from frozen import SharedRef


def tickets_for(*refs: SharedRef[Any]) -> list[bytes]:
    """For each a ticket, good for one use of `redeemed`."""
    return [pickle.dumps(ref.handle()) for ref in refs]


def redeemed(tickets: Iterable[bytes]) -> list[SharedRef[Any]]:
    return [pickle.loads(ticket).redeem() for ticket in tickets]
