"""FileRef: one variable for the processes of a machine."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support import ROOT, assert_no_leak, child_environment, eventually, needs_late_threads, run_python, run_threads

import frozen
from frozen import AtomicRef, EncodingError, FileFormatError, FileMap, FileRef, Map, Set, Vector
from frozen._core import _FileReader
from frozen._snapshot_folder import SnapshotFolder

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ref"


def files_in(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if name not in ("lock", "version"))


def snapshot_name(number: int) -> str:
    return f"{number:020}.frozen"


# What it holds


def test_what_is_published_is_read_in_place(path: Path) -> None:
    ref = FileRef(path, Map(ports=Vector([80]), names=Set("a")))
    assert type(ref.get()) is FileMap
    assert ref.get() == Map(ports=Vector([80]), names=Set("a"))
    assert ref.get() is ref.get(), "one object of one version"
    assert ref.get_versioned() == (ref.get(), 1)
    assert ref.lookup("ports") == Vector([80])
    assert ref.lookup("nothing", 5) == 5


class Shouting(FileRef[Any]):
    """Reads in capitals."""

    def get(self) -> Any:
        return super().get().upper()

    def get_versioned(self) -> tuple[Any, int]:
        value, number = super().get_versioned()
        return value.upper(), number

    def lookup(self, key: Any, default: Any = None) -> Any:
        return ("looked up", super().lookup(key, default))


class Slotted(FileRef[Any]):
    __slots__ = ()

    def get(self) -> Any:
        return [FileRef.get.__get__(self)()]


def test_what_a_subclass_overrides_is_what_is_called(path: Path) -> None:
    ref = Shouting(path, "quiet")
    assert (ref.get(), ref.get_versioned(), ref.version) == ("QUIET", ("QUIET", 1), 1)
    ref.set("still")
    assert Shouting.attach(path).get() == "STILL"
    assert pickle.loads(pickle.dumps(ref)).get() == "STILL", "of the same class"
    assert FileRef.attach(path).get() == "still"
    ref.set(Map(a=1))
    assert ref.lookup("a") == ("looked up", 1)
    assert ref.update(Map.set, "b", 2) == Map(a=1, b=2), "updates go by what is stored"
    assert Slotted.attach(path).get() == [Map(a=1, b=2)]


def test_reading_and_publishing_leave_no_reference_behind(path: Path) -> None:
    ref = FileRef(path, Map(a=1), durable=False)
    values = itertools.cycle([Map(a=Vector([1, "a text in a box"])), "text", 5])

    def use() -> None:
        ref.set(next(values))  # the next read finds another number
        ref.get_versioned()
        ref.set(Map(a=1))
        assert ref.get() is ref.get()
        assert ref.lookup("a") == 1
        assert ref.lookup("absent") is None
        with pytest.raises(TypeError):
            ref.lookup([])
        other = FileRef.attach(path)
        assert other.get() == ref.get()
        assert other.version == ref.version

    assert_no_leak(use, calls=3)


def test_loading_that_fails_leaves_no_reference_behind(path: Path) -> None:
    folder = FileRef(path, 1)._folder
    loads: list[Any] = [(1, "value"), None, (1,), ("one", 2), (2**70, 2), OSError("broken"), LookupError("gone")]

    def load() -> Any:
        made = next(turns)
        if isinstance(made, Exception):
            raise made.with_traceback(None)
        return made

    def use() -> None:
        nonlocal turns
        turns = iter(loads)
        reader = _FileReader(folder.mapped_number, load)
        assert reader.current() == (1, "value")
        assert reader.get() == "value", "without another load"
        for made in loads[1:]:
            failing = _FileReader(folder.mapped_number, load)
            with pytest.raises(type(made) if isinstance(made, Exception) else (TypeError, OverflowError)):
                failing.get()

    turns: Iterator[Any] = iter(())
    assert_no_leak(use, calls=3)


def test_each_publication_is_a_version(path: Path) -> None:
    ref = FileRef(path, 1)
    ref.set(2)
    assert ref.exchange(3) == 2
    assert ref.update(lambda n: n + 1) == 4
    assert ref.fetch_update(lambda n: n + 1) == 4
    assert ref.get_versioned() == (5, 5)


def test_what_an_update_returns_as_it_was_is_no_version(path: Path) -> None:
    ref = FileRef(path, Map(a=1))
    assert ref.update(lambda value: value) == Map(a=1)
    assert ref.version == 1


def test_update_gets_containers_of_memory(path: Path) -> None:
    ref = FileRef(path, Map(a=Vector([1])))
    other = FileRef.attach(path)
    seen = []
    for publisher in (other, ref, other):
        publisher.update(lambda value: seen.append((type(value), type(value["a"]))) or value.set("b", len(seen)))
    assert seen == [(Map, Vector)] * 3
    assert ref.get() == Map(a=Vector([1]), b=3)


def test_an_old_value_can_be_published_again(path: Path) -> None:
    ref = FileRef(path, Map(a=Vector([1])))
    old = ref.get()
    ref.set(Map(a=2))
    ref.set(old)
    assert ref.update(lambda value: value.set("b", value["a"].append(3))) == Map(a=Vector([1]), b=Vector([1, 3]))


def test_compare_and_set_compares_atoms_by_equality_and_containers_by_version(path: Path) -> None:
    ref = FileRef(path, "old")
    assert not ref.compare_and_set("other", "new")
    assert not ref.compare_and_set("old", "new", version=2)
    assert ref.compare_and_set("old", Map(a=1), version=1)
    assert not ref.compare_and_set(Map(a=1), 2), "equal, and no version of this reference"
    value = ref.get()
    ref.set(Map(a=1))
    assert not ref.compare_and_set(value, 2), "the version before"
    assert ref.compare_and_set(ref.get(), 1)
    assert not ref.compare_and_set(True, 2), "another type"
    assert ref.version == 4


def test_old_values_stay_readable_when_their_files_are_gone(path: Path) -> None:
    ref = FileRef(path, Vector([0]))
    old = []
    for number in range(1, 6):
        old.append(ref.get())
        ref.set(Vector([number]))
    assert files_in(path) == [snapshot_name(5), snapshot_name(6)]
    assert [list(value) for value in old] == [[0], [1], [2], [3], [4]]


class Histories(RuleBasedStateMachine):
    """Two references at one place, against a list of values."""

    values = st.one_of(
        st.integers(), st.text(max_size=5), st.dictionaries(st.text(max_size=3), st.integers(), max_size=9).map(Map)
    )

    @initialize(value=values)
    def make(self, value: Any) -> None:
        place = Path(self.base) / str(next(self.numbers))  # type: ignore[attr-defined]
        self.refs = (FileRef(place, value, durable=False), FileRef.attach(place, durable=False))
        self.history = [value]
        self.seen: list[tuple[int, Any]] = []

    @rule(which=st.booleans(), value=values)
    def set(self, which: bool, value: Any) -> None:
        assert self.refs[which].exchange(value) == self.history[-1]
        self.history.append(value)

    @rule(which=st.booleans(), other=st.booleans(), value=values)
    def compare(self, which: bool, other: bool, value: Any) -> None:
        current = self.refs[which].get()
        if other:
            self.refs[not which].set(value)
            self.history.append(value)
        expected = not other or (not isinstance(value, Map) and type(current) is type(value) and current == value)
        assert self.refs[which].compare_and_set(current, 0) == expected
        if expected:
            self.history.append(0)

    @rule(which=st.booleans())
    def update(self, which: bool) -> None:
        value = self.refs[which].update(lambda old: Vector([old]))
        self.history.append(Vector([self.history[-1]]))
        assert value == self.history[-1]

    @rule(which=st.booleans())
    def keep(self, which: bool) -> None:
        value, number = self.refs[which].get_versioned()
        self.seen.append((number, value))

    @invariant()
    def both_have_the_newest(self) -> None:
        for ref in self.refs:
            assert ref.get_versioned() == (self.history[-1], len(self.history))

    def teardown(self) -> None:
        for number, value in getattr(self, "seen", ()):
            assert value == self.history[number - 1]


def test_histories(tmp_path: Path) -> None:
    machine = type("Histories", (Histories,), {"base": str(tmp_path), "numbers": itertools.count()}).TestCase
    machine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
    machine("runTest").runTest()


# Making, finding, removing


def test_making_what_is_there_and_finding_what_is_not(path: Path, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"there is no reference at .*ref"):
        FileRef.attach(path)
    assert not path.exists()
    assert FileRef.attach(path, initial=1).get() == 1
    assert FileRef.attach(path, initial=2).get() == 1
    with pytest.raises(ValueError, match=r"there is a reference at .* already"):
        FileRef(path, 3)
    (tmp_path / "file").write_text("")
    with pytest.raises(LookupError):
        FileRef.attach(tmp_path / "file")


def test_a_first_value_that_cannot_be_saved_leaves_room_for_another(path: Path) -> None:
    with pytest.raises(EncodingError, match="freeze it first"):
        FileRef(path, Map(a=[1]))
    with pytest.raises(LookupError, match="has no version yet"):
        FileRef.attach(path)
    assert FileRef(path, 1).get() == 1
    assert files_in(path) == [snapshot_name(1)]


def test_what_cannot_be_saved_changes_nothing(path: Path) -> None:
    ref = FileRef(path, 1)
    for publish in (ref.set, ref.exchange, lambda value: ref.update(lambda _: value)):
        with pytest.raises(EncodingError, match=r"\['a'\]"):
            publish(Map(a=Vector([{}])))
    assert ref.get_versioned() == (1, 1)
    assert files_in(path) == [snapshot_name(1)]


def test_what_is_unlinked_stays_readable_and_is_published_to_no_more(path: Path) -> None:
    ref = FileRef(path, Vector([1]))
    FileRef.unlink(path)
    assert not path.exists()
    assert ref.get() == Vector([1])
    for publish in (ref.set, ref.exchange, lambda value: ref.update(lambda _: value)):
        with pytest.raises(LookupError, match="was unlinked"):
            publish(2)
    again = FileRef(path, 5)
    with pytest.raises(LookupError, match="was unlinked"):
        ref.set(2)
    assert again.get() == 5
    FileRef.unlink(path)
    with pytest.raises(LookupError, match="there is no reference"):
        FileRef.unlink(path)


def test_a_reader_keeps_what_it_saw_of_an_unlinked_reference(path: Path) -> None:
    """... and never reads another one, which was made anew at its place."""
    ref, publisher = FileRef(path, 1), FileRef.attach(path)
    publisher.set(2)
    FileRef.unlink(path)
    assert ref.get_versioned() == (1, 1)
    again = FileRef(path, "new")
    again.set("newer")
    assert ref.get_versioned() == (1, 1)
    assert not ref.wait(1, timeout=0.05)
    assert "version 1" in repr(ref)
    ref.close()


def test_types_may_come_one_by_one(path: Path) -> None:
    ref = FileRef(path, Map(unit=uuid.SafeUUID.safe), types=iter([uuid.SafeUUID]))
    other = FileRef.attach(path, types=iter([uuid.SafeUUID]))
    for reader in (ref, other, pickle.loads(pickle.dumps(ref))):
        assert reader.get()["unit"] is uuid.SafeUUID.safe


def test_a_pickle_attaches(path: Path) -> None:
    ref = FileRef(path, 1)
    other = pickle.loads(pickle.dumps(ref))
    other.set(2)
    assert ref.get() == 2


# What crashes leave


def with_number(path: Path, number: int) -> None:
    """As if the page with a later number had never reached the disk."""
    content = (path / "version").read_bytes()
    (path / "version").write_bytes(content[:16] + struct.pack("<Q", number) + content[24:])


def test_a_version_that_was_not_numbered_is_published_by_the_next_one(path: Path) -> None:
    """Its publisher died between the rename and the store."""
    ref = FileRef(path, 1)
    frozen.save(2, path / snapshot_name(2))
    assert ref.get() == 1, "nobody has published it yet"
    assert ref.update(lambda n: n + 1) == 3
    assert ref.version == 3
    frozen.save(4, path / snapshot_name(4))
    assert FileRef.attach(path).get() == 4, "who attaches publishes it, too"
    assert ref.get() == 4


@pytest.mark.parametrize("number", [0, 1, 4, 5])
def test_what_was_published_outlives_a_loss_of_power(path: Path, number: int) -> None:
    ref = FileRef(path, 1)
    for value in range(2, 7):
        ref.set(value)
    with_number(path, number)
    assert FileRef.attach(path).get_versioned() == (6, 6)
    with_number(path, number)
    assert FileRef.attach(path, initial=0).get_versioned() == (6, 6)
    with_number(path, number)
    with pytest.raises(ValueError, match="already"):
        FileRef(path, 0)


def test_a_reader_that_may_not_write_finds_the_newest_version_after_a_loss_of_power(path: Path) -> None:
    ref = FileRef(path, 1)
    for value in range(2, 7):
        ref.set(value)
    with_number(path, 2)
    with mock.patch.object(SnapshotFolder, "put_in_order"):
        assert FileRef.attach(path).get() == 6


def test_a_publication_that_fails_does_not_happen_later(path: Path) -> None:
    ref = FileRef(path, 1)
    for step in ("os.rename", "frozen._snapshot_folder.sync_folder"):
        with mock.patch(step, side_effect=OSError("no")), pytest.raises(OSError, match="no"):
            ref.compare_and_set(1, 100)
    assert ref.get() == 1
    assert FileRef.attach(path).update(lambda n: n + 1) == 2
    assert files_in(path) == [snapshot_name(1), snapshot_name(2)]


def test_a_reference_that_was_not_removed_to_the_end_is_none(path: Path) -> None:
    """`unlink` was killed: the next one that makes a reference there removes what it left."""
    ref = FileRef(path, 1)
    ref.set(2)
    (path / "version").unlink()
    with pytest.raises(LookupError, match="there is no reference"):
        FileRef.attach(path)
    assert FileRef.attach(path, initial=5).get_versioned() == (5, 1)


def test_files_of_dead_writers_are_removed_and_those_of_living_ones_are_not(path: Path) -> None:
    ref = FileRef(path, 1)
    (path / "new-dead.tmp").write_bytes(b"half a vers")
    (path / "of somebody else").write_text("")
    with ref._folder.write(5, False):
        ref.set(2)
        assert len([name for name in files_in(path) if name.endswith(".tmp")]) == 1
    ref.set(3)
    assert files_in(path) == [snapshot_name(2), snapshot_name(3), "of somebody else"]


def test_damaged_and_newer_folders_are_clear_errors(path: Path) -> None:
    FileRef(path, 1)
    number = (path / "version").read_bytes()
    for damaged in (b"", b"x" * 64, number[:60]):
        (path / "version").write_bytes(damaged)
        with pytest.raises(FileFormatError, match="is not the number of a FileRef"):
            FileRef.attach(path)
    (path / "version").write_bytes(number[:8] + struct.pack("<Q", 2) + number[16:])
    with pytest.raises(FileFormatError, match="has format 2; this library reads 1"):
        FileRef.attach(path)
    (path / "version").write_bytes(number)
    (path / snapshot_name(1)).write_bytes(b"damaged")
    with pytest.raises(FileFormatError):
        FileRef.attach(path)
    (path / snapshot_name(1)).unlink()
    with pytest.raises(FileFormatError, match="names a snapshot that is not there"):
        FileRef.attach(path)


def test_a_number_beyond_the_word_is_no_version(path: Path) -> None:
    ref = FileRef(path, 1)
    (path / f"{10**20 - 1}.frozen").write_bytes(b"")
    ref.set(2)
    assert FileRef.attach(path).get_versioned() == (2, 2)


def test_set_replaces_a_version_that_cannot_be_read(path: Path) -> None:
    ref = FileRef(path, 1)
    frozen.save(2, path / snapshot_name(2))
    (path / snapshot_name(2)).write_bytes(b"damaged")
    ref.set(3)
    assert ref.get_versioned() == (3, 3)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everything")
def test_without_the_right_to_write_it_can_be_read(path: Path) -> None:
    FileRef(path, 1)
    for file in path.iterdir():
        file.chmod(0o400)
    path.chmod(0o500)
    ref = FileRef.attach(path)
    assert ref.get() == 1
    with pytest.raises(PermissionError):
        ref.set(2)


# Waiting


def test_a_waiter_is_woken_by_another_process(path: Path, tmp_path: Path) -> None:
    with FileRef(path, 0) as ref:
        assert not ref.wait(1, timeout=0.01)
        code = "import sys, frozen; frozen.FileRef.attach(sys.argv[1]).set(1)"
        with subprocess.Popen([sys.executable, "-c", code, path], env=child_environment(), cwd=tmp_path):
            assert ref.wait(1, timeout=60)
        assert ref.get() == 1


@pytest.mark.parametrize("start", ["early", pytest.param("late", marks=needs_late_threads)])
def test_watches_go_on_after_the_main_thread_and_the_program_ends(path: Path, start: str) -> None:
    code = """if True:
        import sys, threading, frozen
        ref, called, start = frozen.FileRef(sys.argv[1], 0), threading.Event(), sys.argv[2]
        if start == "early":
            watch = ref.watch(lambda old, new: called.set())

        def serve():
            threading.main_thread().join()
            if start == "late":
                watch = ref.watch(lambda old, new: called.set())
            ref.set(1)
            print(called.wait(60), ref.get())

        threading.Thread(target=serve).start()
    """
    assert run_python("-c", code, path, start).stdout == "True 1\n"


@pytest.mark.parametrize("timeout", [0, -1, 0.001, Fraction(1, 1000), Decimal("0.001"), False])
def test_a_timeout_is_any_number(path: Path, timeout: Any) -> None:
    assert not FileRef(path, 0).wait(1, timeout)


@pytest.mark.parametrize(
    ("version", "timeout", "error", "words"),
    [
        (1, "1", TypeError, "timeout must be a number of seconds or None, not '1'"),
        (1, float("nan"), ValueError, "timeout is nan"),
        (-1, None, ValueError, "there is no version -1"),
        ("1", None, TypeError, "integer"),
    ],
)
def test_wrong_arguments_of_wait_are_errors_as_for_every_reference(
    path: Path, version: Any, timeout: Any, error: type[Exception], words: str
) -> None:
    for ref in (FileRef(path, 0), AtomicRef(0)):
        with pytest.raises(error, match=words):
            ref.wait(version, timeout)


def test_a_path_is_a_str_a_path_or_bytes_and_never_empty(path: Path) -> None:
    FileRef(os.fsencode(path), 1)
    assert FileRef.attach(path).get() == FileRef.attach(str(path)).get() == 1
    with pytest.raises(ValueError, match="empty"):
        FileRef("", 1)  # not the current folder


def test_watches_get_the_newest_value_and_end(path: Path) -> None:
    with FileRef(path, 0) as ref:
        calls: list[tuple[int, int]] = []
        with ref.watch(lambda old, new: calls.append((old, new))):
            ref.set(1)
            eventually(lambda: calls and calls[-1][1] == 1)
            for number in range(2, 6):
                ref.set(number)
            eventually(lambda: calls[-1][1] == 5)
        assert [old for old, _ in calls] == [0, *(new for _, new in calls)][:-1], "each begins where the last one ended"
        told: list[int] = []
        with ref.watch(lambda old, new: told.append(new)):
            ref.set(6)
            eventually(lambda: told)
        assert calls[-1][1] == 5, "it was closed before"


def test_a_watch_keeps_its_reference_and_outlives_close(path: Path) -> None:
    calls: list[int] = []
    watch = FileRef(path, 0).watch(lambda old, new: calls.append(new))
    gc.collect()
    ref = FileRef.attach(path)
    ref.set(1)
    eventually(lambda: calls == [1])
    watch.close()
    with ref.watch(lambda old, new: calls.append(new)):
        ref.close()
        ref.set(2)
        ref.wait(3, timeout=0.01)  # starts a thread again
        eventually(lambda: calls == [1, 2])
    ref.close()


def test_a_version_that_cannot_be_read_is_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FileRef(path, 0) as ref, ref.watch(lambda old, new: None):
        (path / snapshot_name(2)).write_bytes(b"damaged")
        ref._folder.put_in_order()
        eventually(lambda: caplog.records)
        with pytest.raises(FileFormatError):
            ref.get()
        ref.set(1)
        eventually(lambda: ref._told.get() == (3, 1))
    assert len(caplog.records) == 1


def test_tasks_follow(path: Path) -> None:
    async def follow(ref: FileRef[int]) -> list[int]:
        seen = []
        async for value in ref.changes(since=0):
            seen.append(value)
            if value == 3:
                return seen
            await asyncio.to_thread(ref.set, value + 1)
        return []

    with FileRef(path, 1) as ref:
        assert asyncio.run(follow(ref)) == [1, 2, 3]
        assert asyncio.run(ref.changed(since=2)) == (3, 3)


def test_changes_begin_where_they_were_asked_for(path: Path) -> None:
    async def next_value(ref: FileRef[int]) -> int:
        changes = ref.changes()
        ref.set(2)
        return await anext(changes)

    with FileRef(path, 1) as ref:
        assert asyncio.run(next_value(ref)) == 2


def test_a_waiter_whose_reference_is_closed_goes_on(path: Path) -> None:
    ref = FileRef(path, 0)
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        assert ref.wait(1, timeout=60)

    def close() -> None:
        waiting.wait(60)
        for _ in range(5):
            ref.close()
        FileRef.attach(path).set(1)

    run_threads(wait, close)
    ref.close()


def test_a_dropped_reference_ends_its_thread(path: Path) -> None:
    ref = FileRef(path, 0)
    ref.wait(1, timeout=0.01)
    del ref
    gc.collect()
    eventually(lambda: "frozen.config" not in {thread.name for thread in threading.enumerate()})


# Threads and processes


def test_threads_increment_exactly(path: Path) -> None:
    ref = FileRef(path, 0, durable=False)

    def increment() -> None:
        for _ in range(50):
            ref.update(lambda n: n + 1)

    run_threads(*[increment] * 3)
    assert ref.get_versioned() == (150, 151)


def test_processes_increment_exactly(path: Path, tmp_path: Path) -> None:
    ref = FileRef(path, 0, durable=False)
    code = """if True:
        import sys
        from frozen import FileRef
        ref = FileRef.attach(sys.argv[1], durable=False)
        for _ in range(100):
            ref.update(lambda n: n + 1)
    """
    run_threads(*[lambda: run_python("-c", code, path, cwd=tmp_path)] * 3)
    assert ref.get_versioned() == (300, 301)


def test_threads_that_read_never_go_back(path: Path) -> None:
    ref = FileRef(path, Vector([0] * 40), durable=False)
    ended = threading.Event()

    def write() -> None:
        try:
            for number in range(1, 150):
                ref.set(Vector([number] * 40))
        finally:
            ended.set()

    def read() -> None:
        last = 0
        while not ended.is_set():
            value, number = ref.get_versioned()
            assert set(value) == {number - 1}
            assert number >= last
            last = number

    run_threads(write, read, read)


def test_a_function_that_publishes_to_its_own_reference_is_called_again(path: Path) -> None:
    ref = FileRef(path, 1)

    def once(n: int) -> int:
        if n == 1:
            FileRef.attach(path).set(5)
        return n + 1

    assert ref.update(once) == 6
    with mock.patch("frozen._file_ref._TRIES", 3), pytest.raises(RuntimeError, match="does the function publish"):
        ref.update(lambda n: ref.set(n + 1) or n + 1)
    assert ref.get() == 9


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs signals")
def test_a_signal_handler_publishes_or_is_told_that_it_cannot(path: Path, tmp_path: Path) -> None:
    code = """if True:
        import signal, sys
        from frozen import FileRef
        ref, outcomes = FileRef(sys.argv[1], 0, durable=False), set()
        def publish(*_):
            try:
                ref.set(-1)
                outcomes.add("published")
            except RuntimeError as error:
                assert "this thread is publishing" in str(error)
                outcomes.add("refused")
        signal.signal(signal.SIGALRM, publish)
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
        n = 0
        while outcomes != {"published", "refused"}:
            ref.set(n := n + 1)
        signal.setitimer(signal.ITIMER_REAL, 0)
        ref.set(5)
        assert ref.get() == 5
    """
    run_python("-c", code, path, cwd=tmp_path)


@needs_fork
def test_the_child_of_a_fork_goes_on_and_frees_what_its_parent_held(path: Path, tmp_path: Path) -> None:
    """The parent is killed while it has the lock, and a child that it has forked meanwhile lives on."""
    code = """if True:
        import os, signal, sys
        from frozen import FileRef
        ref, parent = FileRef(sys.argv[1], 1), os.getpid()
        with ref._folder.locked():
            read, write = os.pipe()
            if os.fork():
                os.close(write)
                os.read(read, 1)
                os.kill(os.getpid(), signal.SIGKILL)
        os.close(read)
        os.close(write)
        while os.getppid() == parent:
            pass
        ref.update(lambda n: n + 1)
    """
    done = run_python("-c", code, path, check=False, cwd=tmp_path)
    assert done.returncode < 0, done.stderr
    ref = FileRef.attach(path)
    assert ref.wait(1, timeout=60)
    ref.set(3)
    assert ref.get_versioned() == (3, 3)
    ref.close()


@needs_fork
def test_killed_writers_leave_whole_versions_and_no_locks(path: Path, tmp_path: Path) -> None:
    kills = os.environ.get("FROZEN_KILLS", "40")
    run_python(ROOT / "tests" / "file_ref_killing.py", path, kills, cwd=tmp_path, timeout=600)
