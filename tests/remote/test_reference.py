"""A remote reference over the in-process engine: its verbs, and what it does when things go wrong."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import enum
import gc
import math
import os
import pickle
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from linearizability import Recorder, is_linearizable
from support import eventually, needs_late_threads, needs_subinterpreters, run_python, run_threads

import frozen
from frozen import EncodingError, Map, Set, SharedMap, Vector, freeze, set_in
from frozen._disk import folder_lock
from frozen.remote import (
    MemoryEngine,
    MemoryServer,
    Outcome,
    Publication,
    RejectedError,
    RemoteRef,
    Unavailable,
    Uncertain,
)
from frozen.remote._codec import Codec
from frozen.remote._file import CacheFile
from frozen.remote._follower import Follower
from frozen.remote._memory import LEAST_LOG

NAME = "config"


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def refs(server: MemoryServer) -> Iterator[Any]:
    """Makes references of the test's own machines, and closes them."""
    made: list[RemoteRef[Any]] = []

    def attach(engine: MemoryEngine | None = None, **options: Any) -> RemoteRef[Any]:
        made.append(RemoteRef.attach(engine or MemoryEngine(server, block=0.05), NAME, **options))
        return made[-1]

    yield attach
    for ref in made:
        ref.close()


# Verbs


def test_a_change_reaches_other_machines(refs: Any) -> None:
    here, there = refs(initial=freeze({"a": 1, "hosts": ["x"], "tags": {"t"}})), refs()
    here.update(lambda config: set_in(config, ["hosts"], config["hosts"].append("y")).set("b", Map(c=2)))
    eventually(lambda: there.get() == here.get())
    assert there.get() == freeze({"a": 1, "hosts": ["x", "y"], "tags": {"t"}, "b": {"c": 2}})
    assert there.revision == here.revision
    assert (there.version, there.lookup("a"), there.lookup("z", 9)) == (1, 1, 9)
    assert (there.connected, there.error, there.rejected) == (True, None, 0)


def test_each_kind_of_value_can_be_published(refs: Any) -> None:
    here, there = refs(initial=None), refs()
    versions = [
        1,
        "a",
        Map(a=1),
        Map(a=Map(b=(1, 2)), c=Set("ab")),
        Vector(range(100)),
        Vector(range(50)),
        Set("xy"),
        (),
    ]
    for value in versions:
        here.set(value)
        there.sync()
        assert (there.get(), type(there.get())) == (value, type(value))


def test_the_verbs_are_those_of_a_local_reference(refs: Any) -> None:
    ref = refs(initial=Map(n=0))
    new = ref.update(Map.set, "n", 1)
    assert ref.compare_and_set(new, new), "what update returns is the version that is here"
    assert ref.fetch_update(Map.set, "n", 2) == Map(n=1)
    assert ref.exchange(Map(n=3)) == Map(n=2)
    value, version = ref.get_versioned()
    assert (value, version) == (Map(n=3), 3)
    assert not ref.compare_and_set(Map(n=3), Map(n=4))  # equal, and another version
    assert not ref.compare_and_set(value, Map(n=4), version=2)
    assert ref.compare_and_set(value, Map(n=4), version=3)
    assert ref.wait(3)
    assert not ref.wait(4, timeout=0.001)
    assert ref.update(lambda value: value) == Map(n=4)
    assert ref.version == 4


def test_reading_is_the_local_reference_s_own_method(refs: Any) -> None:
    ref = refs(initial=1)
    assert type(ref.get) is type(frozen.AtomicRef(1).get)
    assert frozen.snapshot(ref.local, frozen.AtomicRef(2)) == (1, 2)


def test_watches_see_what_changed_and_tasks_wake_up(refs: Any) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    seen: list[Any] = []
    with there.watch(lambda old, new: seen.append(old.diff(new))):
        here.update(Map.set, "n", 1)
        eventually(lambda: seen)
    assert [list(delta) for delta in seen] == [[("n",)]]

    async def next_change() -> Any:
        task = asyncio.create_task(there.changed(there.version))
        await asyncio.sleep(0)
        here.update(Map.set, "n", 2)
        value, _ = await task
        async for change in there.changes(since=0):
            return value, change

    assert asyncio.run(next_change()) == (Map(n=2), Map(n=2))


def test_a_watch_may_publish(refs: Any) -> None:
    here, there = refs(initial=Map(n=0, double=0)), refs()
    with there.watch(lambda old, new: there.update(lambda m: m.set("double", 2 * m["n"]))):
        for n in range(1, 20):
            here.update(Map.set, "n", n)
        eventually(lambda: here.get() == Map(n=19, double=38))


def test_watches_run_without_a_lock_that_publishers_wait_for(refs: Any) -> None:
    """One thread waits in a watch for a lock of the user's, under which another one publishes."""
    ref, lock = refs(initial=0), threading.RLock()
    called, locked = threading.Event(), threading.Event()

    def watch(old: int, new: int) -> None:
        called.set()
        assert locked.wait(60)
        with lock:
            pass

    def publish_under_the_lock() -> None:
        with lock:
            locked.set()
            assert called.wait(60)
            ref.update(lambda n: n + 1)
            assert ref.get() == 2, "what was published can be read"

    with ref.watch(watch):
        run_threads(lambda: ref.update(lambda n: n + 1), publish_under_the_lock, timeout=60)
    assert ref.get() == 2


def test_names_are_made_attached_and_unlinked(server: MemoryServer, refs: Any) -> None:
    engine = MemoryEngine(server)
    with pytest.raises(LookupError, match="no reference"):
        RemoteRef.attach(engine, NAME)
    with RemoteRef(engine, NAME, 1) as ref:
        with pytest.raises(ValueError, match="already"):
            RemoteRef(engine, NAME, 2)
        other = refs(initial=3)
        assert other.get() == 1
        RemoteRef.unlink(engine, NAME)
        with pytest.raises(LookupError):
            RemoteRef.unlink(engine, NAME)
        with pytest.raises(LookupError, match="unlinked"):
            ref.set(5)
        eventually(lambda: isinstance(other.error, LookupError))
        assert other.get() == 1
        with RemoteRef(engine, NAME, 7):
            eventually(lambda: other.get() == 7 and other.error is None)
    with pytest.raises(ValueError, match="closed"):
        ref.set(1)
    assert ref.get() in (1, 7)


def test_a_reference_is_no_value(refs: Any) -> None:
    ref = refs(initial=Map(a=1))
    with pytest.raises(TypeError, match="attach"):
        pickle.dumps(ref)
    assert repr(ref).startswith(f"<RemoteRef 'config' at {ref.revision}: Map(")
    for name in (b"name", "", None):
        with pytest.raises(TypeError):
            RemoteRef(MemoryEngine(MemoryServer()), name, 1)
    with pytest.raises(ValueError, match="timeout"):
        RemoteRef(MemoryEngine(MemoryServer()), "n", 1, timeout=-1)


def test_what_nobody_holds_is_not_followed(server: MemoryServer) -> None:
    engine = MemoryEngine(server, block=0.05)
    ref = RemoteRef(engine, NAME, 1)
    follower, held = weakref.ref(ref._follower), [ref.get]
    del ref
    gc.collect()
    assert follower() is not None, "its method is held, and reads on"
    with RemoteRef.attach(MemoryEngine(server), NAME) as other:
        other.set(2)
        eventually(lambda: held[0]() == 2)
    held.clear()
    eventually(lambda: gc.collect() >= 0 and follower() is None)


# What is kept out


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass(frozen=True)
class Limit:
    count: int


def test_only_named_classes_are_read(refs: Any) -> None:
    here = refs(initial=Map(a=0), types=[Colour, Limit])
    there, blind = refs(types=[Colour, Limit]), refs()
    here.update(Map.set, "c", (Colour.RED, Limit(2)))
    eventually(lambda: there.get() == Map(a=0, c=(Colour.RED, Limit(2))))
    eventually(lambda: isinstance(blind.error, EncodingError))
    assert (blind.get(), blind.rejected) == (Map(a=0), 1)
    with pytest.raises(RejectedError):
        blind.update(Map.set, "b", 1)
    here.update(Map.discard, "c")
    eventually(lambda: blind.rejected == 2)  # the way to it leads through what it cannot read
    here._follower.write_snapshot()
    here.update(Map.set, "a", 1)
    eventually(lambda: blind.get() == Map(a=1) and blind.error is None and blind.revision == here.revision)


def no_bad(value: Any) -> None:
    if "bad" in value:
        raise ValueError("bad")


def test_a_check_keeps_versions_out_of_the_server_and_of_readers(refs: Any, server: MemoryServer) -> None:
    class Counting(MemoryEngine):
        heartbeats = 0

        def heads(self, names: Any) -> Any:
            self.heartbeats += 1
            return super().heads(names)

    careless, careful = refs(initial=Map(n=0)), refs(Counting(server, block=0.05), check=no_bad)
    with pytest.raises(ValueError, match="bad"):
        careful.update(Map.set, "bad", 1)
    assert careless.get() == Map(n=0)
    careless.update(Map.set, "bad", 1)
    eventually(lambda: careful.rejected == 1 and str(careful.error) == "bad")
    assert careful.get() == Map(n=0)
    confirmed = careful._follower.confirmed
    heartbeats = careful._follower.engine.heartbeats
    eventually(lambda: careful._follower.engine.heartbeats > heartbeats + 1)
    assert careful._follower.confirmed == confirmed, "the age of what can be read grows"
    careless.update(Map.set, "n", 1)  # still bad
    eventually(lambda: careful.rejected == 2)
    with pytest.raises(RejectedError, match="bad"):
        careful.update(Map.set, "n", 5)
    careless.update(Map.discard, "bad")
    eventually(lambda: careful.get() == Map(n=1))
    assert careful.error is None
    eventually(lambda: careful._follower.confirmed > confirmed)


def test_a_rejected_version_can_be_replaced(refs: Any) -> None:
    careless, careful = refs(initial=Map(n=0)), refs(check=no_bad)
    careless.set(Map(bad=1))
    eventually(lambda: careful.rejected)
    assert careful.exchange(Map(n=2)) == Map(n=0)
    eventually(lambda: careless.get() == Map(n=2))


def test_an_attach_that_finds_no_good_version_is_an_error(refs: Any) -> None:
    refs(initial=Map(bad=1))
    with pytest.raises(ValueError, match="bad"):
        refs(check=no_bad)


def test_what_cannot_be_encoded_names_its_path(refs: Any) -> None:
    ref = refs(initial=freeze({"db": {"pool": [1]}}), max_bytes=1000)
    with pytest.raises(EncodingError) as caught:
        ref.update(lambda m: set_in(m, ["db", "pool", 0], print))
    assert caught.value.path == "['db']['pool'][0]"
    with pytest.raises(EncodingError, match="max_bytes"):
        ref.set(Map(a="x" * 2000))
    assert ref.get() == freeze({"db": {"pool": [1]}})


def test_several_publishers_together_do_not_exceed_the_limit(refs: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    here, there = refs(initial=Map(), max_bytes=20_000, cache=path), refs(max_bytes=20_000)

    def grow() -> None:
        for n in range(100):
            ref = (here, there)[n % 2]
            ref.sync()
            ref.update(Map.set, f"key {n}", "x" * 1000)

    with pytest.raises(EncodingError, match="max_bytes"):
        grow()
    here.sync()
    assert 15_000 < len(frozen.encode(here.get())) <= 20_000, "it can be read as a whole"
    for n in range(100):  # what was removed, or replaced, counts no longer
        here.update(Map.set, "key 0", "y" * 1000 + str(n))
    assert refs(max_bytes=20_000).get() == here.get()


def test_a_follower_with_a_smaller_limit_saves_and_puts_back_what_has_grown(
    refs: Any, server: MemoryServer, flaky: Flaky, tmp_path: Path
) -> None:
    path = tmp_path / "cache"
    here, there = refs(flaky, initial=Map()), refs(max_bytes=5000, cache=path)
    for n in range(20):
        here.update(Map.set, f"key {n}", "x" * 1000)
    there.sync()
    flaky.down = True
    eventually(lambda: not here.connected)
    with server.changed:
        server.records.clear()
    eventually(lambda: there.stats.restores == 1)
    there._follower.write_snapshot()
    assert there.error is None
    there.close()
    flaky.down = False
    assert refs(flaky, max_bytes=5000, cache=path).get() == refs().get() == here.get()


# The server fails


class Flaky(MemoryEngine):
    """An engine whose network fails when it is told to: before the server has acted, or after."""

    down = False
    unread: ConnectionError | None = None
    """What reading raises, while publications are answered."""
    lost_answers = 0
    lost_requests = 0
    lost_snapshots = 0

    def _reach(self, reads: bool = True) -> None:
        if self.down:
            raise Unavailable("down")
        if reads and self.unread is not None:
            raise self.unread

    def heads(self, names: Any) -> Any:
        self._reach()
        return super().heads(names)

    def since(self, name: str, number: int) -> Any:
        self._reach()
        return super().since(name, number)

    def snapshot(self, name: str) -> Any:
        self._reach()
        return super().snapshot(name)

    def wait(self, numbers: Any) -> Any:
        self._reach()
        return super().wait(numbers)

    def publish(self, name: str, publication: Publication) -> Outcome:
        self._reach(reads=False)
        if self.lost_requests:
            self.lost_requests -= 1
            raise Uncertain("the request is lost")
        outcome = super().publish(name, publication)
        if self.lost_answers:
            self.lost_answers -= 1
            raise Uncertain("the answer is lost")
        return outcome

    def put_snapshot(self, name: str, id: str, data: bytes) -> bool:
        if self.lost_snapshots:
            self.lost_snapshots -= 1
            raise Uncertain("the snapshot is lost")
        return super().put_snapshot(name, id, data)


@pytest.fixture
def flaky(server: MemoryServer) -> Flaky:
    return Flaky(server, block=0.05)


def test_a_lost_answer_is_repeated_and_counted_once(refs: Any, flaky: Flaky) -> None:
    ref, other = refs(flaky, initial=0), refs()
    for _ in range(5):
        flaky.lost_answers, flaky.lost_requests = 1, 1
        ref.update(lambda n: n + 1)
    other.sync()
    assert other.get() == ref.get() == 5


def test_a_lost_answer_is_recognised_behind_other_versions(refs: Any, server: MemoryServer) -> None:
    class Overtaken(Flaky):
        def publish(self, name: str, publication: Publication) -> Outcome:
            lost = self.lost_answers
            try:
                return super().publish(name, publication)
            finally:
                if lost and "other" in globals_:
                    globals_["other"].update(lambda n: n + 10)

    globals_: dict[str, Any] = {}
    engine = Overtaken(server, block=0.05)
    ref = refs(engine, initial=0)
    globals_["other"] = refs()
    engine.lost_answers = 1
    assert ref.update(lambda n: n + 1) == 1
    assert ref.get() == 11


def test_errors_tell_what_was_sent(refs: Any, flaky: Flaky, server: MemoryServer) -> None:
    ref, other = refs(flaky, initial=Map(n=0), timeout=0.0), refs()
    flaky.down = True
    with pytest.raises(Unavailable):
        ref.update(Map.set, "n", 1)
    eventually(lambda: not ref.connected)
    flaky.down = False
    flaky.lost_answers = 1
    with pytest.raises(Uncertain) as caught:
        ref.update(Map.set, "n", 2)
    assert caught.value.repeat(), "it was published, and is not published twice"
    assert ref.get() == Map(n=2)
    flaky.lost_requests = 1
    with pytest.raises(Uncertain) as caught:
        ref.update(Map.set, "n", 3)
    other.sync()
    other.update(Map.set, "n", 4)
    assert not caught.value.repeat(), "another version came first"
    assert ref.get() == Map(n=4)
    flaky.lost_answers = 1
    with pytest.raises(Uncertain) as caught:
        ref.update(Map.set, "n", 5)
    other.sync()
    for n in range(3):
        other.update(Map.set, "n", 6 + n)
    with server.changed:
        del server.record(NAME).log[:-1]
    with pytest.raises(Uncertain, match="no longer knows"):
        caught.value.repeat()
    with pytest.raises(Uncertain):
        Uncertain("by itself").repeat()


def test_the_time_of_a_publication_includes_the_wait_for_those_of_other_threads(
    refs: Any, server: MemoryServer
) -> None:
    class Hanging(MemoryEngine):
        def publish(self, name: str, publication: Publication) -> Outcome:
            hangs.set()
            assert go_on.wait(60)
            return super().publish(name, publication)

    refs(initial=0)
    hangs, go_on = threading.Event(), threading.Event()
    ref = refs(Hanging(server, block=0.05), timeout=0.05)

    def be_late() -> None:
        assert hangs.wait(60)
        try:
            with pytest.raises(Unavailable, match="other threads"):
                ref.set(2)
        finally:
            go_on.set()

    run_threads(lambda: ref.set(1), be_late)
    assert ref.get() == 1


@pytest.mark.parametrize("unread", [Uncertain("no answer"), Unavailable("down")])
def test_what_was_published_is_no_error_though_what_followed_cannot_be_read(
    refs: Any, flaky: Flaky, unread: ConnectionError
) -> None:
    ref, other = refs(flaky, initial=Map(n=0), timeout=0.0), refs(types=[Limit])
    flaky.lost_answers = 1
    with pytest.raises(Uncertain) as caught:
        ref.update(Map.set, "n", 1)
    flaky.unread = unread
    eventually(lambda: not ref.connected)
    other.sync()
    other.update(Map.set, "limit", Limit(2))  # what `ref` cannot read leads it to ask for the whole version
    assert caught.value.repeat()
    assert ref.get() == Map(n=1)
    assert ref.error is unread
    other.set(Map(n=2))
    other._follower.write_snapshot()
    flaky.unread = None
    eventually(lambda: ref.get() == Map(n=2) and ref.error is None)


@pytest.mark.parametrize("unread", [Uncertain("no answer"), Unavailable("down")])
def test_what_came_too_late_is_unavailable_if_what_came_first_cannot_be_read(
    refs: Any, flaky: Flaky, unread: ConnectionError
) -> None:
    ref, other = refs(flaky, initial=Map(n=0)), refs()
    value = ref.get()
    flaky.unread = unread
    eventually(lambda: not ref.connected)
    other.set(Map(text="x" * 200_000))
    for publish in (lambda: ref.set(Map(n=1)), lambda: ref.compare_and_set(value, Map(n=1))):
        with pytest.raises(Unavailable, match=r"down|nothing was published, and the newest"):
            publish()
    flaky.unread = None
    eventually(lambda: ref.get() == other.get() and ref.error is None)
    assert not ref.compare_and_set(value, Map(n=1))


def test_reading_goes_on_while_the_server_is_away_and_age_tells(refs: Any, flaky: Flaky) -> None:
    here, there = refs(initial=Map(n=0)), refs(flaky)
    flaky.down = True
    eventually(lambda: not there.connected)
    assert there.error is not None
    assert there.get() == Map(n=0)
    before = there.age
    here.update(Map.set, "n", 1)
    eventually(lambda: there.age > before)
    with pytest.raises(Unavailable):
        there.sync(timeout=0.01)
    flaky.down = False
    eventually(lambda: there.get() == Map(n=1) and there.connected)
    assert there.error is None
    assert there.stats.reconnects == 1


def test_a_caller_who_sees_that_the_connection_is_lost_sees_why(
    refs: Any, flaky: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(self: Follower, what: str, error: BaseException) -> None:
        time.sleep(0.1)  # the thread that follows stops right before it tells what is wrong
        fail(self, what, error)

    fail = Follower.fail
    monkeypatch.setattr(Follower, "fail", slowly)
    refs(initial=Map(n=0))
    there = refs(flaky)
    flaky.down = True
    eventually(lambda: not there.connected)
    assert isinstance(there.error, Unavailable)


def test_survivors_put_back_what_the_server_lost(refs: Any, server: MemoryServer) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    here.update(Map.set, "n", 1)
    eventually(lambda: there.get() == Map(n=1))
    with server.changed:
        server.records.clear()
    eventually(lambda: server.record(NAME).id is not None)
    here.update(Map.set, "n", 2)
    eventually(lambda: there.get() == Map(n=2))
    eventually(lambda: here.stats.restores + there.stats.restores == 1)


@pytest.mark.parametrize("goes_on", [False, True])
def test_the_survivor_with_the_newest_version_wins_unless_others_went_on(
    refs: Any, server: MemoryServer, goes_on: bool
) -> None:
    first, second = Flaky(server, block=0.05), Flaky(server, block=0.05)
    old, new = refs(first, initial=Map(n=0)), refs(second)
    first.down = True
    eventually(lambda: not old.connected)
    new.update(Map.set, "n", 1)
    second.down = True
    eventually(lambda: not new.connected)
    with server.changed:
        server.records.clear()
    first.down = False
    eventually(lambda: old.stats.restores == 1)
    if goes_on:
        old.update(Map.set, "went on", True)
    second.down = False
    expected = Map({"n": 0, "went on": True}) if goes_on else Map(n=1)
    eventually(lambda: old.get() == new.get() == expected)
    eventually(lambda: new.stats.restores == (not goes_on) and old.revision == new.revision)


def test_a_default_does_not_win_over_a_survivor(refs: Any, server: MemoryServer, flaky: Flaky) -> None:
    ref = refs(flaky, initial=Map(n=0))
    ref.update(Map.set, "n", 7)
    flaky.down = True
    eventually(lambda: not ref.connected)
    with server.changed:
        server.records.clear()
    fresh = refs(initial=Map(default=True))
    assert fresh.get() == Map(default=True)
    flaky.down = False
    eventually(lambda: fresh.get() == Map(n=7) == ref.get())
    assert fresh.stats.forks + fresh.stats.gaps == 1
    eventually(lambda: ref.stats.restores == 1)


def test_a_server_that_lost_its_log_is_repaired(refs: Any, server: MemoryServer) -> None:
    ref = refs(initial=Map(n=0))
    ref.update(Map.set, "n", 1)
    with server.changed:
        server.record(NAME).log.clear()
    eventually(lambda: server.record(NAME).is_whole())
    fresh = refs()
    assert fresh.get() == Map(n=1)
    ref.update(Map.set, "n", 2)
    with server.changed:
        server.record(NAME).log.clear()
    ref.update(Map.set, "n", 3)  # before the heartbeat has noticed
    assert refs().get() == Map(n=3)


def test_a_large_change_goes_as_a_whole(refs: Any, server: MemoryServer) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    here.set(Map(text="x" * 200_000))
    eventually(lambda: there.get() == here.get())
    assert server.record(NAME).log[-1].delta == b""
    assert len(server.record(NAME).log) == 1


def test_a_long_log_becomes_a_snapshot(refs: Any, server: MemoryServer) -> None:
    here = refs(initial=Map(n=0))
    for n in range(800):
        here.update(Map.set, "n", n)
    eventually(lambda: server.record(NAME).snapshot_id.partition(".")[0] != "1")
    assert len(server.record(NAME).log) < 800
    assert refs().get() == Map(n=799)


# The cache file


def test_a_snapshot_that_is_lost_is_written_again(refs: Any, flaky: Flaky, server: MemoryServer) -> None:
    ref = refs(flaky, initial=Map(n=0))
    flaky.lost_snapshots = 1
    for n in range(100):
        ref.update(Map.set, "text", str(n) * 1000)
    eventually(lambda: not flaky.lost_snapshots)
    eventually(lambda: server.record(NAME).snapshot_id == ref.revision)
    eventually(lambda: ref.error is None)


def test_programs_that_end_at_once_write_snapshots(server: MemoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: Any) -> None:
        raise RuntimeError("the program ends before the thread has begun")

    monkeypatch.setattr("frozen.remote._threads.start", start)
    for n in range(100):
        with RemoteRef.attach(MemoryEngine(server), NAME, initial=Map()) as ref:
            ref.update(Map.set, n, "x" * 2000)
    assert sum(len(entry.delta) for entry in server.record(NAME).log) < 2 * LEAST_LOG


def test_a_process_starts_from_its_file(refs: Any, flaky: Flaky, tmp_path: Path) -> None:
    path = tmp_path / "config.frozen"
    flaky.down = True
    with pytest.raises(Unavailable, match="no cache file"):
        refs(flaky, cache=path)
    flaky.down = False
    first = refs(flaky, initial=Map(n=0), cache=path)
    first.update(Map.set, "n", 1)
    first.close()
    flaky.down = True
    ref = refs(flaky, cache=path)
    assert (ref.get(), ref.age, ref.connected) == (Map(n=1), math.inf, False)
    assert ref.revision == first.revision
    assert isinstance(ref.error, Unavailable)
    flaky.down = False
    eventually(lambda: ref.connected and ref.age < math.inf)
    ref.update(Map.set, "n", 2)
    eventually(lambda: CacheFile(path).load(Codec((), False, None)).value == Map(n=2))
    assert os.listdir(tmp_path) == [path.name]


def test_a_file_puts_back_what_an_empty_server_lost(refs: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    refs(initial=Map(n=1), cache=path).close()
    with RemoteRef.attach(MemoryEngine(MemoryServer()), NAME, cache=path) as ref:
        assert ref.get() == Map(n=1)
        assert ref.stats.restores == 1


@pytest.mark.parametrize("damage", [b"", b"frozen.remote 1 x y\n", b"something else\n"])
def test_a_damaged_file_is_no_file(refs: Any, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "cache"
    path.write_bytes(damage)
    ref = refs(initial=Map(n=1), cache=path)
    assert ref.get() == Map(n=1)
    ref.close()
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert refs(cache=path).get() == Map(n=1)


def test_what_a_killed_writer_left_is_swept(refs: Any, tmp_path: Path) -> None:
    path, left = tmp_path / "cache", tmp_path / ".cache.new-1-abc"
    left.write_text("half")
    os.utime(left, (0, 0))
    refs(initial=Map(n=1), cache=path).close()
    assert os.listdir(tmp_path) == ["cache"]


def saved(path: Path) -> Any:
    state = CacheFile(path).load(Codec((), False, None))
    return None if state is None else state.value


def test_a_process_that_lags_behind_leaves_a_newer_version_in_a_file_of_several(
    refs: Any, flaky: Flaky, tmp_path: Path
) -> None:
    path = tmp_path / "cache"
    stale, current = refs(flaky, initial=Map(n=0), cache=path), refs(cache=path)
    eventually(lambda: saved(path) == Map(n=0))
    flaky.down = True
    eventually(lambda: not stale.connected)
    for n in range(1, 4):
        current.update(Map.set, "n", n)
    eventually(lambda: saved(path) == Map(n=3))
    stale.close()
    assert saved(path) == Map(n=3)
    CacheFile(path).save("2.00", Map(n=1), Codec((), False, None))
    assert saved(path) == Map(n=3)
    assert os.listdir(tmp_path) == ["cache"]


@pytest.mark.skipif(os.name == "nt", reason="folders have no locks there")
def test_two_who_write_one_file_at_once_leave_the_newer_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One has found that it is the newest, and is about to rename, when the other comes with a newer one."""
    path, codec, others = tmp_path / "cache", Codec((), False, None), []
    replace = os.replace

    def save_newer() -> None:
        CacheFile(path).save("3.00", Map(n=3), codec)

    def replace_later(*names: str) -> None:
        monkeypatch.setattr(os, "replace", replace)
        others.append(threading.Thread(target=save_newer))
        others[0].start()
        others[0].join(0.3)
        replace(*names)

    monkeypatch.setattr(os, "replace", replace_later)
    CacheFile(path).save("2.00", Map(n=2), codec)
    others[0].join(60)
    assert saved(path) == Map(n=3)
    assert os.listdir(tmp_path) == ["cache"]


@pytest.mark.skipif(os.name == "nt", reason="folders have no locks there")
def test_a_folder_that_stays_locked_holds_nobody_up_for_long(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    with folder_lock(str(tmp_path)), folder_lock(str(tmp_path), patience=0.05):
        CacheFile(path)
    CacheFile(path).save("2.00", Map(n=2), Codec((), False, None))
    assert saved(path) == Map(n=2)


def test_a_file_follows_a_reference_that_is_made_anew(server: MemoryServer, tmp_path: Path) -> None:
    path, engine = tmp_path / "cache", MemoryEngine(server)
    for value in (Map(n=1), Map(n=2)):
        with RemoteRef(engine, NAME, value, cache=path) as ref:
            ref.update(Map.set, "m", 3)
        ref = RemoteRef.attach(engine, NAME, cache=path)
        for n in range(5):
            ref.update(Map.set, "m", n)
        ref.close()
        assert saved(path) == value.set("m", 4)
        RemoteRef.unlink(engine, NAME)
    RemoteRef(engine, NAME, Map(n=3), cache=path).close()
    assert saved(path) == Map(n=3)


def test_a_file_follows_a_server_that_went_back(refs: Any, server: MemoryServer, tmp_path: Path) -> None:
    path = tmp_path / "cache"
    ref = refs(initial=Map(n=0), cache=path)
    ref.update(Map.set, "n", 1)
    before = copy.deepcopy(server.records)
    for n in range(2, 6):
        ref.update(Map.set, "n", n)
    eventually(lambda: saved(path) == Map(n=5))
    with server.changed:
        server.records = before
    with RemoteRef.attach(MemoryEngine(server), NAME) as other:
        other.update(Map.set, "other", 1)
    eventually(lambda: saved(path) == ref.get() == Map(n=1, other=1))


def test_a_file_that_cannot_be_written_is_an_error_that_is_kept(refs: Any, tmp_path: Path) -> None:
    ref = refs(initial=Map(n=1), cache=tmp_path / "missing" / "cache")
    eventually(lambda: isinstance(ref.error, OSError))
    ref.update(Map.set, "n", 2)
    assert ref.get() == Map(n=2)


# Several threads, interpreters, and other clocks


def test_threads_of_several_machines_count_exactly(server: MemoryServer, refs: Any) -> None:
    machines = [refs(initial=Map(n=0)) for _ in range(3)]

    def count(ref: Any) -> None:
        for _ in range(40):
            ref.update(lambda m: m.set("n", m["n"] + 1))

    run_threads(*[lambda ref=ref: count(ref) for ref in machines for _ in range(2)])
    for ref in machines:
        ref.sync()
        assert ref.get() == Map(n=240)


def register(state: Any, name: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """What a register does."""
    if name == "add":
        return state + arguments[0], state + arguments[0]
    if name == "exchange":
        return arguments[0], state
    if name == "compare_and_set":
        return (arguments[1], True) if state == arguments[0] else (state, False)
    return state, state


@pytest.mark.parametrize("round", range(5))
def test_histories_of_threads_and_machines_are_linearizable(refs: Any, flaky: Flaky, round: int) -> None:
    """Reads are not among them, but behind `sync`: they are of this process."""
    machines = [refs(flaky, initial=0), refs(), refs()]
    recorders = [Recorder() for _ in range(3)]

    def work(index: int) -> None:
        ref, call = machines[index], recorders[index].call

        def read() -> Any:
            ref.sync()
            return ref.get()

        for step in range(4):
            flaky.lost_answers = (step + index) % 2
            call("add", (index + 1,), lambda: ref.update(lambda n: n + index + 1))
            call("exchange", (100 * index + step,), lambda step=step: ref.exchange(100 * index + step))
            call("compare_and_set", (step, 7), lambda step=step: ref.compare_and_set(step, 7))
            call("read", (), read)

    run_threads(*[lambda index=index: work(index) for index in range(3)])
    history = [call for recorder in recorders for call in recorder.calls]
    assert is_linearizable(history, register, 0), "\n".join(map(str, sorted(history, key=lambda call: call.began)))


def test_readers_never_see_a_version_go_back(refs: Any) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    done = threading.Event()

    def write(ref: Any) -> None:
        for _ in range(100):
            ref.update(lambda m: m.set("n", m["n"] + 1))

    def read() -> None:
        last = 0
        while not done.is_set():
            n = there.get()["n"]
            assert n >= last
            last = n

    reader = threading.Thread(target=run_threads, args=(read, read), daemon=True)
    reader.start()
    run_threads(lambda: write(here), lambda: write(there))
    done.set()
    reader.join(60)
    assert not reader.is_alive()
    there.sync()
    assert there.get() == Map(n=200)


def test_a_shared_reference_is_a_shared_one(refs: Any, name: str) -> None:
    here, there = refs(initial=freeze({"a": {"b": 1}})), refs(shared=name)
    assert type(there.get()) is SharedMap
    here.update(lambda m: set_in(m, ["a", "b"], 2))
    eventually(lambda: there.get()["a"]["b"] == 2)
    there.update(SharedMap.set, "c", 3)
    eventually(lambda: here.get() == freeze({"a": {"b": 2}, "c": 3}))
    value = there.get()
    assert there.compare_and_set(value, value.set("d", float("nan")))
    for scalar in (1, 1.0, True, float("nan"), "x", None, (1, 2)):
        there.set(scalar)
        here.sync()
        assert (repr(here.get()), type(here.get())) == (repr(scalar), type(scalar))
    assert frozen.SharedRef.attach(name).get() == (1, 2)


@needs_subinterpreters
def test_other_interpreters_follow(refs: Any, name: str) -> None:
    from support import Subinterpreter

    here, _there = refs(initial=freeze({"n": 1})), refs(shared=name)
    with Subinterpreter() as interpreter:
        interpreter.run(f"import frozen; ref = frozen.SharedRef.attach({name!r}); assert ref.get()['n'] == 1")
        here.update(Map.set, "n", 2)
        interpreter.run("assert ref.wait(0, 60) and ref.get()['n'] == 2")


def test_a_handler_may_attach_and_close_while_its_thread_does(refs: Any, server: MemoryServer) -> None:
    engine = MemoryEngine(server, block=0.05)
    ref = refs(engine, initial=1)
    with ref._hub._lock:  # as a signal handler finds it, or a finalizer
        other = refs(engine)
        assert other.get() == 1
        other.close()
        ref.close()
    eventually(lambda: ref._hub._thread is None)
    again = refs(engine)
    refs(MemoryEngine(server)).set(2)
    eventually(lambda: again.get() == 2)


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_handler_does_not_wait_for_its_own_thread(refs: Any, server: MemoryServer) -> None:
    class Interrupted(MemoryEngine):
        def publish(self, name: str, publication: Publication) -> Outcome:
            if threading.current_thread() is threading.main_thread() and failures is not None:
                signal.raise_signal(signal.SIGUSR1)
            return super().publish(name, publication)

    def handler(number: int, frame: object) -> None:
        try:
            ref.update(lambda n: n + 10)
        except RuntimeError as error:
            failures.append(str(error))

    failures: Any = None
    ref = refs(Interrupted(server, block=0.05), initial=0)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        failures = []
        assert ref.update(lambda n: n + 1) == 1
        signal.raise_signal(signal.SIGUSR1)  # in between it may publish, and the one within that one fails
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(failures) == 2
    assert "signal handler" in failures[0]
    assert ref.get() == 11


def test_an_immortal_first_version_is_followed_on_from() -> None:
    code = """if True:
        import frozen
        from frozen import Map, SharedMap, freeze
        from frozen.remote import MemoryEngine, MemoryServer, RemoteRef
        server = MemoryServer()
        here = RemoteRef(MemoryEngine(server), "name", freeze({"a": {"b": [1, {"c": 2}]}, "n": 0}), shared=True)
        first = frozen.immortalize(here.get())
        there = RemoteRef.attach(MemoryEngine(server), "name", shared=True)
        for n in range(100):
            here.update(lambda table: table.set("n", n).set("a", table["a"].set("b", n)))
            there.update(SharedMap.set, "m", n)
            here.sync()
        expected = frozen.share(freeze({"a": {"b": 99}, "n": 99, "m": 99}))
        print(here.get() == there.get() == expected, first["a"]["b"][1]["c"])
        here.close()
        there.close()
    """
    assert run_python("-c", code).stdout == "True 2\n"


def test_steps_of_the_wall_clock_change_nothing(refs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    now = time.time
    for step in (-86_400.0, 86_400.0):
        monkeypatch.setattr(time, "time", lambda step=step: now() + step)
        here.update(lambda m: m.set("n", m["n"] + 1))
        eventually(lambda: there.get() == here.get())
        assert 0 <= there.age < 3600


def test_a_slow_watch_gets_the_newest(refs: Any) -> None:
    here, there = refs(initial=Map(n=0)), refs()
    seen: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    def slow(old: Any, new: Any) -> None:
        seen.append(new["n"])
        entered.set()
        assert go_on.wait(60)

    with there.watch(slow):
        here.update(Map.set, "n", 1)
        assert entered.wait(60)
        for n in range(2, 100):
            here.update(Map.set, "n", n)
        go_on.set()
        eventually(lambda: seen[-1] == 99)
    assert len(seen) < 50


@pytest.mark.parametrize("start", ["early", pytest.param("late", marks=needs_late_threads)])
def test_threads_are_served_after_the_main_thread_and_the_program_ends(start: str) -> None:
    code = """if True:
        import sys, threading
        from frozen.remote import MemoryEngine, MemoryServer, RemoteRef
        server = MemoryServer()

        def references():
            here = RemoteRef(MemoryEngine(server, block=0.05), "name", 0)
            return here, RemoteRef.attach(MemoryEngine(server, block=0.05), "name"), here.get_versioned()[1]

        made = references() if sys.argv[1] == "early" else None

        def serve():
            threading.main_thread().join()
            here, there, number = made or references()
            there.set(1)
            print(here.wait(number, 60), here.get())

        threading.Thread(target=serve).start()
    """
    assert run_python("-c", code, start).stdout == "True 1\n"
