"""The chain of versions, as a follower sees it: what it holds, and where the log leads from there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from frozen._encoding import EncodingError
from frozen.remote._codec import Codec, size_after
from frozen.remote._engine import Entry, Snapshot, number_of

__all__ = ["NOTHING", "UNREADABLE", "Gap", "State", "advance", "from_snapshot"]

UNREADABLE: Final[Any] = object()
"""Stands for the value of a version that could not be decoded."""


class State(NamedTuple):
    """A version that the follower has come to; `error` says why it is kept out, if it is.

    A state is compared by identity: each one is installed once.
    """

    id: str
    value: Any
    error: BaseException | None = None
    size: int = 0
    """What the value takes at most, encoded, so that a publisher compares it with `max_bytes` without encoding it."""


NOTHING: Final = State("", UNREADABLE)


class Gap(Exception):
    """The log does not lead on from the version that the follower has."""

    def __init__(self, is_fork: bool = False) -> None:
        super().__init__(is_fork)
        self.is_fork = is_fork


def advance(state: State, log: Sequence[Entry], codec: Codec, own: State | None = None) -> State:
    """The state that the log leads to; entries of versions that are passed already are skipped.

    `own` is a version that this process has published, or tries to: its value is at hand. Gap if an entry's parent is
    not the version before it: entries are missing, or they are of another history. EncodingError as `Codec.apply`.
    """
    id, value, size = state.id, state.value, state.size
    deltas: list[bytes] = []  # that lead from `value` to `id`: applied together
    for entry in log:
        number = number_of(id)
        if entry.number <= number and entry.id != id:
            if entry.number == number:
                raise Gap(is_fork=True)
            continue
        if entry.id == id:
            continue
        if entry.parent != id:
            raise Gap(is_fork=entry.number == number + 1 and id != "")
        if own is not None and entry.id == own.id:
            id, value, size = own.id, own.value, own.size
            deltas.clear()
            continue
        if not entry.delta or value is UNREADABLE:
            raise Gap
        id, size = entry.id, size_after(size, entry.delta)
        deltas.append(entry.delta)
    return state if id == state.id else State(id, codec.apply(value, deltas) if deltas else value, size=size)


def from_snapshot(found: Snapshot, codec: Codec, old: Any) -> State:
    """The head's state, of the snapshot and what the log adds to it, grafted on an older value.

    A version that cannot be decoded is a state with its error. Gap if the snapshot and the log do not lead to the head.
    """
    assert found.head.id is not None
    if found.data is None:
        raise Gap
    try:
        value = codec.decode(found.data)
        after = [entry for entry in found.log if entry.number > number_of(found.id)]
        state = advance(State(found.id, value, size=len(found.data)), after, codec)
    except EncodingError as error:
        return State(found.head.id, UNREADABLE, error)
    if state.id != found.head.id:
        raise Gap
    return state if old is UNREADABLE else state._replace(value=codec.grafted(old, state.value))
