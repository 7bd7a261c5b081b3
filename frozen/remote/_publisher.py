"""How a version is published: one step at the server, sent again until its outcome is known or the time is up."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

from frozen.remote._codec import size_after
from frozen.remote._engine import Outcome, Publication, new_revision, number_of
from frozen.remote._errors import Refused, RejectedError, Unavailable, Uncertain
from frozen.remote._follower import FOLLOW, Follower
from frozen.remote._history import UNREADABLE, State
from frozen.remote._memory import LEAST_LOG

__all__ = ["base_of", "create", "publish", "unread"]


def base_of(follower: Follower) -> State:
    """The state that an update is computed from. RejectedError if the newest version is kept out here."""
    state = follower.state
    if state.error is not None:
        raise RejectedError(
            f"revision {state.id} of {follower.name!r} is kept out here, and an update would undo it: {state.error}"
        ) from state.error
    return state


def publish(follower: Follower, basis: State, value: Any, timeout: float) -> bool:
    """Publish `value` in place of `basis`; return whether it is. False: another version came first, and is here now.

    Raises what `check=` raises, EncodingError, Unavailable, Uncertain, LookupError if the reference was unlinked.
    """
    if follower.check is not None:
        follower.check(value)
    own, publication = _prepared(follower, basis, value)
    return _settle(follower, basis, own, publication, timeout, False)


def create(follower: Follower, value: Any, timeout: float, is_default: bool) -> bool:
    """Publish the first version; return whether it is, False if there is one. `is_default`: survivors come first."""
    if follower.check is not None:
        follower.check(value)
    whole = follower.codec.encode_new(value)
    own = State(new_revision(1), value, size=len(whole))
    publication = Publication("", own.id, b"", whole, 0 if is_default else None, revive=True)
    follower.went_back = True  # a history begins here, whatever the cache file has
    is_made = _settle(follower, follower.state, own, publication, timeout, False)
    follower.went_back = follower.went_back and is_made
    return is_made


def _prepared(follower: Follower, basis: State, value: Any) -> tuple[State, Publication]:
    """With the delta, or, where that is large, or cannot be had, with the whole version."""
    codec, id = follower.codec, new_revision(number_of(basis.id) + 1)
    if basis.value is not UNREADABLE:
        delta = codec.delta(basis.value, value)
        size = size_after(basis.size, delta)
        if codec.max_bytes is not None and size > codec.max_bytes:
            size = len(codec.encode_new(value))  # or its error
        if len(delta) <= max(LEAST_LOG, follower.snapshot_bytes // 2):
            return State(id, value, size=size), Publication(basis.id, id, delta)
    whole = codec.encode_new(value)
    return State(id, value, size=len(whole)), Publication(basis.id, id, b"", whole)


def _settle(
    follower: Follower, basis: State, own: State, publication: Publication, timeout: float, may_be_sent: bool
) -> bool:
    deadline = time.monotonic() + timeout
    with _turn(follower, timeout):
        if not may_be_sent and follower.state is not basis:
            return False  # another thread of this process came first: no need to ask the server
        with follower.lock:
            follower.own = own
        outcome, may_be_sent = _sent(follower, basis, own, publication, timeout, deadline, may_be_sent)
        if outcome.kind == "incomplete":
            publication = publication._replace(snapshot=follower.codec.encode(own.value))
            outcome, may_be_sent = _sent(follower, basis, own, publication, timeout, deadline, may_be_sent)
        if outcome.kind in ("done", "passed"):
            follower.install(basis, own)
    follower.show()  # `publishing` is free: a watch may wait for a lock under which another thread publishes
    if outcome.kind == "done":
        follower.snapshot_bytes = outcome.snapshot_bytes
        if outcome.snapshot_due:
            follower.snapshooting.request()
        return True
    if outcome.kind == "passed":
        try:
            follower.receive(outcome.log, time.monotonic())
        except (ConnectionError, LookupError) as error:
            follower.fail(FOLLOW, error)  # of what followed: this version is published, whatever can be read now
        return True
    if outcome.kind == "unlinked":
        raise LookupError(f"{follower.name!r} was unlinked: make a new reference")
    if may_be_sent and outcome.is_trimmed:
        raise _uncertain(follower, basis, own, publication, timeout, "the server no longer knows whether it was")
    if not publication.expected:
        return False
    try:
        if outcome.kind == "behind" and outcome.log:
            follower.receive(outcome.log, time.monotonic())
        if follower.state is basis:
            follower.catch_up()
    except Uncertain as error:
        raise unread(follower, error) from error
    return False


@contextlib.contextmanager
def _turn(follower: Follower, timeout: float) -> Iterator[None]:
    """The right to publish in this process. Unavailable if other threads keep it for `timeout` seconds."""
    publishing = follower.publishing
    if not publishing.acquire(timeout=min(timeout, threading.TIMEOUT_MAX)):
        raise Unavailable(f"not sent: other threads of this process are publishing to {follower.name!r}")
    try:
        yield
    finally:
        publishing.release()


def unread(follower: Follower, error: ConnectionError) -> Unavailable:
    """The error if nothing was published, and no answer comes to the question what is there instead."""
    return Unavailable(f"nothing was published, and the newest version of {follower.name!r} cannot be read: {error}")


def _sent(
    follower: Follower,
    basis: State,
    own: State,
    publication: Publication,
    timeout: float,
    deadline: float,
    may_be_sent: bool,
) -> tuple[Outcome, bool]:
    """The outcome, and whether an attempt before the last one may have been it."""
    delay = 0.02
    error: ConnectionError
    while True:
        try:
            return follower.engine.publish(follower.name, publication), may_be_sent
        except Uncertain as failure:
            may_be_sent, error = True, failure
        except Unavailable as failure:
            error = failure
            if isinstance(failure, Refused) and not failure.transient:
                deadline = 0.0
        pause = delay * random.uniform(0.5, 1.5)
        if time.monotonic() + pause > deadline:
            if may_be_sent:
                raise _uncertain(follower, basis, own, publication, timeout, str(error)) from error
            raise error
        time.sleep(pause)
        delay = min(2 * delay, 0.1)  # so that the log still knows what became of the attempt before


def _uncertain(
    follower: Follower, basis: State, own: State, publication: Publication, timeout: float, why: str
) -> Uncertain:
    def repeat() -> bool:
        return _settle(follower, basis, own, publication, timeout, True)

    return Uncertain(f"revision {own.id} of {follower.name!r} may have been published: {why}", repeat=repeat)
