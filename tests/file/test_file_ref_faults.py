"""A FileRef whose number is cut off or overwritten under its readers, and whose clock is set."""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest
from support import eventually, needs_subinterpreters, run_in_subinterpreter, run_python, run_threads

from frozen import FileRef, Map
from frozen._core import _FileReader, _MappedNumber

no_windows = pytest.mark.skipif(sys.platform == "win32", reason="SIGBUS")

PROLOGUE = """
import os, sys, threading
from frozen import FileFormatError, FileRef, Map
from support import run_threads

def refused(operation, reason):
    try:
        result = operation()
    except FileFormatError as error:
        assert reason in str(error), error
        assert "version" in str(error), error
    else:
        raise AssertionError(repr(result))

ref = FileRef("ref", Map(a=1))
ref.set(Map(a=2))
other = FileRef.attach("ref")
with open("ref/version", "rb") as file:
    number = file.read()

def restore():
    with open("ref/version", "r+b") as file:
        file.write(number)
"""


def run(code: str, folder: Path) -> None:
    run_python("-c", PROLOGUE + dedent(code), cwd=folder)  # a process of its own: if it fails, it crashes


# The number


@no_windows
@pytest.mark.parametrize("keep", [0, 10])
def test_a_number_that_is_cut_off_is_an_error_until_it_is_whole(tmp_path: Path, keep: int) -> None:
    code = f"""
        os.truncate("ref/version", {keep})
        for operation in (
            ref.get, ref.get_versioned, lambda: ref.lookup("a"), lambda: ref.version, lambda: ref.wait(2, 0),
            lambda: ref.set(Map(a=3)), lambda: ref.compare_and_set(0, 1), lambda: ref.update(Map.set, "a", 3),
        ):
            refused(operation, "was cut off")
        refused(lambda: FileRef.attach("ref"), "is not the number of a FileRef")
        assert not [name for name in os.listdir("ref") if name.endswith(".tmp")]
        restore()
        assert ref.get() == other.get() == Map(a=2)
        assert ref.update(Map.set, "a", 3) == other.get() == FileRef.attach("ref").get() == Map(a=3)
        assert ref.version == 3
    """
    run(code, tmp_path)


@no_windows
def test_what_is_left_of_a_number_is_read_and_nothing_is_published(tmp_path: Path) -> None:
    code = """
        assert ref.get() == Map(a=2)
        os.truncate("ref/version", 20)
        assert ref.get() == Map(a=2)
        refused(lambda: ref.set(3), "was cut off")
        restore()
        ref.set(Map(a=3))
        assert other.get_versioned() == (Map(a=3), 3)
    """
    run(code, tmp_path)


def test_a_number_that_is_overwritten_is_an_error_and_the_next_publisher_mends_it(tmp_path: Path) -> None:
    code = """
        with open("ref/version", "r+b") as file:
            file.write(bytes(64))
        refused(ref.get, "was overwritten")
        restore()
        assert ref.get() == Map(a=2)
        with open("ref/version", "r+b") as file:
            file.write(number[:16] + bytes([1]) + number[17:])  # of an old copy
        assert ref.get() == Map(a=2), "no reader goes back"
        ref.set(Map(a=3))
        assert other.get_versioned() == (Map(a=3), 3)
    """
    run(code, tmp_path)


@no_windows
def test_readers_and_publishers_outlive_files_that_are_cut_off(tmp_path: Path) -> None:
    code = """
        ended = threading.Event()

        def read():
            last = 0
            while not ended.is_set():
                try:
                    value, version = ref.get_versioned()
                    assert value["a"] == ref.lookup("a") or ref.version > version
                    assert version >= last
                    last = version
                except FileFormatError:
                    pass

        own = FileRef.attach("ref", durable=False)

        def publish():
            while not ended.is_set():
                try:
                    own.update(lambda value: value.set("a", value["a"] + 1))
                except (FileFormatError, LookupError):
                    pass

        def cut():
            try:
                for turn in range(100):
                    os.truncate("ref/version", turn % 20)
                    for _ in range(20):
                        try:
                            other.get()
                        except FileFormatError:
                            pass
                    restore()
                    other.get()
            finally:
                ended.set()

        run_threads(read, publish, cut)
        ref.set(Map(a=-1))
        assert ref.get() == other.get() == FileRef.attach("ref").get() == Map(a=-1)
        assert not [name for name in os.listdir("ref") if name.endswith(".tmp")]
    """
    run(code, tmp_path)


@no_windows
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_a_fork_and_its_parent_find_out_alike(tmp_path: Path) -> None:
    code = """
        def in_child(operation):
            child = os.fork()
            if child == 0:
                operation()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0

        assert ref.get() == Map(a=2)
        in_child(lambda: ref.set(Map(a=3)))
        assert ref.get() == Map(a=3)
        os.truncate("ref/version", 0)
        in_child(lambda: refused(ref.get, "was cut off"))
        refused(ref.get, "was cut off")
        in_child(lambda: (restore(), ref.set(Map(a=4))))
        assert ref.get_versioned() == (Map(a=4), 4)
    """
    run(code, tmp_path)


@no_windows
def test_a_store_that_does_not_reach_the_file_says_so(tmp_path: Path) -> None:
    code = """
        import mmap
        from frozen._core import _MappedNumber
        with open("number", "w+b", buffering=0) as file:
            file.write(bytes(64))
            mapped = _MappedNumber(mmap.mmap(file.fileno(), 64), 16)
            assert mapped.store(7) and mapped.load() == 7
            os.truncate("number", 0)
            assert not mapped.store(8)
            assert mapped.load() == 0
            file.seek(0)
            file.write(bytes(16) + bytes([9]) + bytes(47))
            assert mapped.load() == 0 and mapped.map_again(file.fileno()) and mapped.load() == 9
            assert mapped.store(10)
            file.seek(16)
            assert file.read(1) == bytes([10])
    """
    run(code, tmp_path)


def test_a_number_lies_in_its_buffer(tmp_path: Path) -> None:
    for buffer, offset in ((bytearray(16), 16), (bytearray(64), 9), (bytearray(64), -8), (b"", 0)):
        with pytest.raises(ValueError, match="must lie inside of the buffer"):
            _MappedNumber(buffer, offset)
    number = _MappedNumber(bytes(64), 16)
    with pytest.raises(PermissionError):
        number.store(1)
    with pytest.raises(OverflowError):
        number.store(-1)
    with open(__file__, "rb") as file:
        assert not number.map_again(file), "this memory is no mapping"


# The reader


def test_a_reader_takes_what_is_newest_and_no_other(tmp_path: Path) -> None:
    number, loads = _MappedNumber(mmap.mmap(-1, 64), 16), []

    def load() -> object:
        loads.append(number.load())
        return answers.pop(0)

    reader = _FileReader(number, load)  # type: ignore[arg-type]
    answers: list[object] = [(1, "one"), (3, "three"), (2, "two"), "no pair", ("x", 1)]
    number.store(1)
    assert reader.get() == reader.get() == "one"
    number.store(2)
    assert reader.get_versioned() == ("three", 3), "newer than the number that it saw"
    assert reader.current() == (3, "three"), "the number is another: it looks again, and takes no older one"
    for error in (TypeError, TypeError):
        with pytest.raises(error):
            reader.get()
    assert loads == [1, 2, 2, 2, 2]
    number.store(3)
    assert reader.lookup(0) == "t"
    assert reader.lookup(100) is None
    assert reader.lookup(100, default=5) == 5
    with pytest.raises(IndexError):
        reader.get() and answers.pop()
    with pytest.raises(TypeError):
        _FileReader(5, load)  # type: ignore[arg-type]


def test_threads_get_one_object_of_one_number() -> None:
    """The number is of the test, and each load makes another object: of each number only the first is kept."""
    number, ended = _MappedNumber(mmap.mmap(-1, 64), 0), threading.Event()
    number.store(1)
    reader = _FileReader(number, lambda: (now := number.load(), Map(number=now)))
    kept: dict[int, object] = {}

    def read() -> None:
        last = 0
        while not ended.is_set():
            value, current = reader.get_versioned()
            assert value["number"] == current >= last
            assert kept.setdefault(current, value) is value
            assert reader.lookup("number") >= current
            last = current

    def write() -> None:
        try:
            for new in range(2, 5000):
                number.store(new)
        finally:
            ended.set()

    run_threads(write, read, read, read)


@needs_subinterpreters
def test_each_interpreter_reads_for_itself(tmp_path: Path) -> None:
    ref = FileRef(tmp_path / "ref", Map(a=1))
    for new in (2, 3):
        run_in_subinterpreter(f"""
            from frozen import FileRef
            ref = FileRef.attach({str(tmp_path / "ref")!r})
            assert ref.lookup("a") == {new - 1}
            ref.update(lambda m: m.set("a", {new}))
            assert ref.get()["a"] == {new}
        """)
        assert ref.get() == Map(a=new)


# The clock


def test_steps_of_the_clock_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits go by the monotonic clock, and which snapshots are old by their numbers."""
    path, now = tmp_path / "ref", time.time
    with FileRef(path, 0, durable=False) as ref, FileRef.attach(path, durable=False) as other:
        seen: list[int] = []
        with other.watch(lambda old, new: seen.append(new)):
            for turn, step in enumerate((-1e9, 1e9, -86_400.0, 86_400.0), 1):
                monkeypatch.setattr(time, "time", lambda step=step: now() + step)
                for file in path.iterdir():
                    os.utime(file, (max(0, now() + step),) * 2)
                (path / "new-dead.tmp").write_text("of a writer that was killed")
                os.utime(path / "new-dead.tmp", (now() - step,) * 2)
                assert not other.wait(turn, timeout=0.01)
                ref.set(turn)
                assert other.wait(turn, timeout=60)
                assert other.get_versioned() == (turn, turn + 1)
                eventually(lambda turn=turn: seen[-1:] == [turn])
                numbers = sorted(int(file.stem) for file in path.glob("*.frozen"))
                assert numbers == [turn, turn + 1], "the newest two, whatever their times are"
                assert not list(path.glob("*.tmp"))
