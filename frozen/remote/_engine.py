"""What a remote reference needs of a server: a small protocol, which Redis is one implementation of.

A *revision* names a version: a number, and random bits, as in "18.5f0c6e9a41b2". The number orders the versions of one
history; the bits tell versions of two histories apart that have the same number. "" is the revision before the first.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

__all__ = ["Engine", "Entry", "Head", "Outcome", "Publication", "Snapshot", "new_revision", "number_of"]


class Entry(NamedTuple):
    """An entry of the log: `delta` leads from the version `parent` to the version `id`; empty: see the snapshot."""

    number: int
    parent: str
    id: str
    delta: bytes


class Head(NamedTuple):
    """The newest version of a reference, as far as it is told in a few bytes."""

    id: str | None
    """None: the server has no such reference."""
    base: int | None = None
    """The number that the version was put back from, if a survivor did that and nobody has published since."""
    unlinked: bool = False
    whole: bool = True
    """False: the server lost what leads from its snapshot to this version."""


class Snapshot(NamedTuple):
    """All of a reference at one moment: the head, an encoded version, and the log."""

    head: Head
    id: str
    data: bytes | None
    log: Sequence[Entry]


class Publication(NamedTuple):
    """A version that is to follow `expected`. Sent twice, it takes effect once."""

    expected: str
    id: str
    delta: bytes
    snapshot: bytes = b""
    """The whole version, encoded: it becomes the snapshot. Needed if there is no reference yet."""
    base: int | None = None
    """The version is put back after a loss: the number that it had."""
    revive: bool = False
    """The reference is made anew, also where one was unlinked; its `base`, if any, then counts for nothing."""


class Outcome(NamedTuple):
    """What came of a publication, decided by the server in one step.

    `done`: it is the head now. `passed`: it was published, by an attempt before, and others followed. `behind`: the
    head was another one, and nothing happened; `log` is what came since. `lost`: the server has no such reference.
    `unlinked`: it was removed. `incomplete`: the server lost its snapshot or its log, and needs the whole version.
    """

    kind: str
    log: Sequence[Entry] = ()
    is_trimmed: bool = False
    """`behind`: the log no longer says what had this publication's number."""
    snapshot_due: bool = False
    """The log has grown long: it is for this publisher to write the next snapshot."""
    log_bytes: int = 0
    snapshot_bytes: int = 0


class Engine(Protocol):
    """A server, or a client of one. All methods but `wait` may be called by several threads.

    Each raises Unavailable if nothing was sent, Refused if the server answered with an error, Uncertain if the answer
    is missing.
    """

    block: float
    """How long `wait` waits, in seconds; also the pace of the heartbeat."""

    def heads(self, names: Sequence[str]) -> list[Head]:
        """The heads of several references."""

    def since(self, name: str, number: int) -> tuple[Head, Sequence[Entry]]:
        """The head, and the log after a number, both of one moment."""

    def snapshot(self, name: str) -> Snapshot:
        """All of a reference, of one moment."""

    def publish(self, name: str, publication: Publication) -> Outcome:
        """Compare and set: one atomic step at the server."""

    def put_snapshot(self, name: str, id: str, data: bytes) -> bool:
        """Replace the snapshot by that of a newer version of the same history, and trim the log before it.

        For those who follow slowly, or ask what became of a publication, entries before it stay that take at most an
        eighth of its size, or a quarter of the length that any log may have.
        """

    def unlink(self, name: str) -> bool:
        """Remove a reference, and leave word of that for those who hold it; return whether there was one."""

    def wait(self, numbers: Mapping[str, int]) -> Mapping[str, Sequence[Entry]]:
        """What the logs of these references get after these numbers; empty after `block` seconds without any.

        Called by one thread, over a connection of its own, whose deadline is `2 * block + 0.5` seconds.
        """

    def interrupt(self) -> None:
        """Make a `wait` that is under way, or about to be, return soon."""

    def renew(self) -> None:
        """Called in the child of a fork: forget connections without a word to the server, and locks."""

    def close(self) -> None:
        """Close the connections. The engine may be used again."""


def number_of(id: str) -> int:
    """The number in a revision. ValueError for what is none."""
    return int(id.partition(".")[0]) if id else 0


def new_revision(number: int) -> str:
    return f"{number}.{secrets.token_hex(6)}"
