"""What one reference follows: the state that it has come to, and how it goes on from there.

Every state is installed by compare-and-set on the one that it was made from, under a lock that is held for three
assignments. So a thread that asked the server, and was overtaken meanwhile by another one, installs nothing: the states
follow each other in the order in which the server had them. See the proof in frozen/remote/__init__.py.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from frozen import _core
from frozen._diff import kind_of
from frozen._encoding import EncodingError
from frozen._forking import ForkWarning
from frozen._sameness import identity_of
from frozen.remote._codec import Codec
from frozen.remote._engine import Engine, Entry, Head, Publication, new_revision, number_of
from frozen.remote._errors import Refused, Stuck
from frozen.remote._file import CacheFile
from frozen.remote._history import NOTHING, UNREADABLE, Gap, State, advance, from_snapshot
from frozen.remote._threads import Task, not_owned

__all__ = ["FOLLOW", "SAVE", "Follower", "Stats", "is_one_version", "logger"]

logger = logging.getLogger("frozen.remote")
Check = Callable[[Any], object]

FOLLOW, SNAPSHOT, SAVE = "is not current here", "has no new snapshot", "has no cache file"
_TRIES = 50
"""How often the server may be asked again because the version that was asked about is no longer the newest."""


class Stats(NamedTuple):
    """What a reference has been through, in this process: `ref.stats`.

    `deltas`: entries of the log that were applied. `snapshots`: whole versions that were read. `gaps`: entries were
    missing. `forks`: the server went on from another version than the one that was here. `restores`: the server had
    lost the reference, and this process put it back. `retries`: an update lost against another one. `reconnects`.
    """

    deltas: int = 0
    snapshots: int = 0
    gaps: int = 0
    forks: int = 0
    restores: int = 0
    retries: int = 0
    reconnects: int = 0


class _Local(_core.AtomicRef[Any]):
    """The local reference: code that holds it, or a method or a watch of it, keeps what follows alive."""

    __slots__ = ("owner",)


class Follower:
    """The state of one reference in this process, and the ways in which it changes."""

    def __init__(self, engine: Engine, name: str, codec: Codec, check: Check | None, file: CacheFile | None) -> None:
        self.engine = engine
        self.name = name
        self.codec = codec
        self.check = check
        self.file = file
        self.local: Any = None
        self.state = NOTHING
        self.good: Any = UNREADABLE  # the value of the last state without an error: what readers get
        self.good_id = ""
        self.own: State | None = None  # the version that this process published last, or tries to
        self.confirmed: float | None = None  # when the server was asked that said that ours is the newest
        self.troubles: dict[str, BaseException] = {}  # what is wrong now, by what is not done
        self.rejected = 0
        self.went_back = False  # to a lower number, since the file was written
        self.is_closed = False
        self.snapshot_bytes = 0  # of the one that the server has
        self.snapshot_delay = 1.0  # seconds until it is tried again to write one
        self.counts = dict.fromkeys(Stats._fields, 0)
        me = weakref.ref(self)
        self.saving = Task(lambda: _call(me, Follower.save), "frozen.remote: cache")
        self.snapshooting = Task(lambda: _call(me, Follower.write_snapshot), "frozen.remote: snapshot")
        self._renew_locks()

    def _renew_locks(self) -> None:
        self._lock = threading.RLock()
        self._publishing = threading.RLock()

    @property
    def lock(self) -> threading.RLock:
        """Over `state`, `good`, `rejected` and `own`."""
        return not_owned(self._lock, f"use the reference to {self.name!r}")

    @property
    def publishing(self) -> threading.RLock:
        """One publication of this process at a time."""
        return not_owned(self._publishing, f"publish to {self.name!r}")

    # -- What readers see ---------------------------------------------------------------------------------------

    def make_local(self, shared: bool | str) -> None:
        """The local reference, of the first good value. The only place that makes one."""
        if shared:
            value = self.good
            self.local = _core.SharedRef(shared, value) if isinstance(shared, str) else _core.SharedRef(value)
        else:
            self.local = _Local(self.good)
            self.local.owner = self

    def show(self) -> None:
        """Publish the newest good value locally, without a lock: watches run here, and may publish themselves.

        `good` is read after the local version. The thread that published that version had read `good` before,
        which only goes forward; so a compare-and-set from that version never goes back.
        """
        while self.local is not None:
            current, version = self.local.get_versioned()
            good = self.good
            is_shown = self.is_one(current, good) or self.local.compare_and_set(current, good, version=version)
            if is_shown and self.good is good:
                return

    def is_one(self, a: Any, b: Any) -> bool:
        """Whether nothing has to be published for `b`, since the local reference has `a`."""
        if is_one_version(a, b):
            return True
        is_made_anew = type(self.local) is _core.SharedRef and kind_of(a) is None
        return is_made_anew and type(a) is type(b) and bool(a == b)

    def install(self, basis: State, state: State) -> bool:
        """Make `state` the newest, if `basis` still is; `show` comes next. It is checked before, without `lock`."""
        if state.error is None and self.check is not None and state is not self.own:
            try:
                self.check(state.value)
            except Exception as error:
                state = state._replace(error=error)
        with self.lock:
            if self.state is not basis:
                return False
            if state.error is None:
                self.went_back = self.went_back or number_of(state.id) < number_of(self.good_id)
                self.good, self.good_id = state.value, state.id
            else:
                self.rejected += 1
            self.state = state  # last: what a signal handler raises here leaves a version that is installed again
        if state.error is not None:
            self.fail(FOLLOW, state.error)
        elif basis.error is not None and self.troubles.get(FOLLOW) is basis.error:
            self.troubles.pop(FOLLOW, None)  # before readers see the version: it is not kept out any more
        if self.file is not None:
            self.saving.request()
        return True

    def adopt(self, basis: State, state: State) -> bool:
        """Install a version, and show it. Watches run here, so no lock may be held."""
        is_newest = self.install(basis, state)
        if is_newest:
            self.show()
        return is_newest

    @property
    def error(self) -> BaseException | None:
        found = (self.troubles.get(what) for what in (FOLLOW, SNAPSHOT, SAVE))  # other threads remove them meanwhile
        return next((error for error in found if error is not None), None)

    def fail(self, what: str, error: BaseException) -> None:
        """Keep an error; log it when it is news."""
        before = self.troubles.get(what)
        self.troubles[what] = error
        if type(error) is not type(before) or str(error) != str(before):
            logger.warning("%r %s: %s: %s", self.name, what, type(error).__name__, error)

    def confirm(self, asked: float) -> None:
        """The server, asked at that time, had no newer version than ours."""
        with self.lock:
            if self.state.error is not None:
                return  # the newest is kept out: what is read grows older
            if self.confirmed is None or asked > self.confirmed:
                self.confirmed = asked
        self.troubles.pop(FOLLOW, None)

    # -- Following ----------------------------------------------------------------------------------------------

    def receive(self, log: Sequence[Entry], asked: float) -> None:
        """Go on by what the log got: all of it, and then it is published locally once."""
        basis = self.state
        try:
            state = advance(basis, log, self.codec, self.own)
        except (Gap, EncodingError) as error:
            self._count_gap(error)
            self.resync()
            return
        if state is not basis and self.install(basis, state):
            self.counts["deltas"] += sum(entry.number > number_of(basis.id) for entry in log)
            self.show()
        self.confirm(asked)

    def meet(self, head: Head, asked: float) -> None:
        """The heartbeat: is ours still the newest, and is it all there?"""
        if head.id is None or head.id != self.state.id or head.unlinked:
            self.catch_up()
            return
        self.confirm(asked)
        if not head.whole:
            self.snapshooting.request()

    def catch_up(self) -> None:
        """Ask for the head and the log, and go on to it; LookupError if the reference was unlinked or never was."""
        try:
            self._go_to_head(self._asked_for_log)
        except (Gap, EncodingError) as error:
            self._count_gap(error)
            self.resync()

    def resync(self) -> None:
        """Take the server's version as a whole, whatever is here."""
        self._go_to_head(self._asked_for_all)

    def _go_to_head(self, ask: Callable[[State], tuple[Head, Callable[[], State]]]) -> None:
        """Ask for the head until it is here; what `ask` returns makes the state of the head that it found."""
        for _ in range(_TRIES):
            basis, asked = self.state, time.monotonic()
            head, made = ask(basis)
            if head.id == basis.id:
                self.confirm(asked)
                return
            if head.id is None or _survives(basis, head):
                self._put_back(basis, head)
            elif self.adopt(basis, made()):
                self.confirm(asked)
                return
        raise Stuck(f"{self.name!r} changes faster than it can be followed")

    def _asked_for_log(self, basis: State) -> tuple[Head, Callable[[], State]]:
        head, log = self.engine.since(self.name, number_of(basis.id))

        def made() -> State:
            state = advance(basis, log, self.codec, self.own)
            if state.id != head.id:
                raise Gap(is_fork=number_of(state.id) >= number_of(head.id or "") and basis is not NOTHING)
            self.counts["deltas"] += len(log)
            return state

        return head, made

    def _asked_for_all(self, _: State) -> tuple[Head, Callable[[], State]]:
        found = self.engine.snapshot(self.name)

        def made() -> State:
            try:
                state = from_snapshot(found, self.codec, self.good)
            except Gap:
                raise Stuck(f"the server lost parts of {self.name!r}: the next publication repairs it") from None
            self.counts["snapshots"] += 1
            self.snapshot_bytes = len(found.data or b"")
            return state

        return found.head, made

    def _count_gap(self, error: BaseException) -> None:
        if self.state is not NOTHING:
            self.counts["forks" if isinstance(error, Gap) and error.is_fork else "gaps"] += 1

    def _put_back(self, basis: State, head: Head) -> None:
        """The server lost the reference, or has an older version that another survivor put back: give it ours.

        One step at the server decides between several survivors.
        """
        if head.unlinked:
            raise LookupError(f"{self.name!r} was unlinked")
        if basis.value is UNREADABLE:
            raise LookupError(f"there is no reference called {self.name!r}: make one, or attach with initial=")
        number = number_of(basis.id)
        state = basis._replace(id=new_revision(max(number, number_of(head.id or "")) + 1))
        whole = self.codec.encode(basis.value)
        outcome = self.engine.publish(self.name, Publication(head.id or "", state.id, b"", whole, number))
        if outcome.kind == "done":
            self.counts["restores"] += 1
            logger.warning("%r: the server had lost it; revision %s was put back as %s", self.name, basis.id, state.id)
            self.adopt(basis, state)

    # -- In the background --------------------------------------------------------------------------------------

    def write_snapshot(self) -> float:
        """Replace the server's snapshot by the version that is here; return when that may be done again."""
        state = self.state
        if state.value is UNREADABLE:
            return 0.0
        try:
            data = self.codec.encode(state.value)
            self.engine.put_snapshot(self.name, state.id, data)
            self.snapshot_bytes = len(data)
        except Exception as error:
            self.fail(SNAPSHOT, error)
            if isinstance(error, ConnectionError) and not isinstance(error, Refused):
                self.snapshooting.request()  # again: the log grows without a bound until there is one
            self.snapshot_delay = min(2 * self.snapshot_delay, 60.0)
            return self.snapshot_delay / 2
        self.snapshot_delay = 1.0
        self.troubles.pop(SNAPSHOT, None)
        return 0.0

    def save(self) -> float:
        """Write the cache file; return when that may be done again, so that it takes a tenth of a processor at most."""
        began = time.monotonic()
        with self.lock:
            id, value, went_back = self.good_id, self.good, self.went_back
        if self.file is not None and id:
            try:
                self.file.save(id, value, self.codec, went_back)
            except Exception as error:
                self.fail(SAVE, error)
            else:
                with self.lock:
                    self.went_back = self.went_back and self.good_id != id
                self.troubles.pop(SAVE, None)
        return max(0.2, 10 * (time.monotonic() - began))

    def close(self) -> None:
        self.is_closed = True
        self.saving.stop()
        if self.snapshooting.stop() and SNAPSHOT not in self.troubles:
            self.write_snapshot()  # the programs that publish may all be short ones
        self.save()

    def renew(self) -> None:
        """In the child of a fork: a thread that is not here may have held a lock, and stopped between two steps."""
        self._renew_locks()
        self.saving.renew()
        self.snapshooting.renew()
        if isinstance(self.local, _core.SharedRef):
            with warnings.catch_warnings():  # this is the only thread
                warnings.simplefilter("ignore", ForkWarning)
                self.local.set(self.good)  # the variable is this process's own from here on, as it should be
        self.show()


def is_one_version(a: Any, b: Any) -> bool:
    """Whether two values are one, as AtomicRef compares them: it may return another object for the same version."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if type(a) in (_core.Map, _core.Set, _core.Vector):
        return _core.AtomicRef(a).compare_and_set(b, a)
    return identity_of(a) == identity_of(b)


def _call(me: weakref.ref[Follower], work: Callable[[Follower], float]) -> float:
    follower = me()
    return 0.0 if follower is None else work(follower)


def _survives(basis: State, head: Head) -> bool:
    """Whether the head was put back from an older version than the one that is here, and nobody went on from it."""
    return (
        head.base is not None
        and basis.value is not UNREADABLE
        and basis.id not in ("", head.id)
        and number_of(basis.id) > head.base
    )
