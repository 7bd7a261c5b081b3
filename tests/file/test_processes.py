"""Files under processes and threads: replaced whole, read by all, and left as they were by what fails."""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import (
    DEBUG_BUILD,
    FREE_THREADED,
    assert_no_leak,
    child_environment,
    eventually,
    needs_subinterpreters,
    run_in_subinterpreter,
    run_python,
    run_threads,
)

import frozen
from frozen import EncodingError, FileFormatError, FileMap, FileRef, Map, Set, Vector


def version(number: int) -> Map[str, Any]:
    """A value of which each part says which version it is of."""
    return Map({f"key {i}": Vector([number, f"version {number}"]) for i in range(200)})


# save


@pytest.mark.skipif(os.name != "posix", reason="permissions and links")
def test_a_save_keeps_permissions_and_links_and_replaces_files_alone(tmp_path: Path) -> None:
    path, link, pipe = tmp_path / "file", tmp_path / "link", tmp_path / "pipe"
    frozen.save(1, path)
    path.chmod(0o600)
    link.symlink_to(path)
    frozen.save(2, link)
    assert link.is_symlink()
    assert frozen.open(path) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    os.mkfifo(pipe)
    for other in (pipe, tmp_path):
        with pytest.raises(ValueError, match="is no regular file"):
            frozen.save(3, other)
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "pipe"]


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
def test_open_takes_regular_files_alone_and_waits_for_no_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for other in (pipe, "/dev/null", "/dev/zero"):
        with pytest.raises(FileFormatError, match="is no regular file"):
            frozen.open(other)
    with pytest.raises(IsADirectoryError):
        frozen.open(tmp_path)


def test_names_may_be_bytes_and_as_long_as_the_system_allows(tmp_path: Path) -> None:
    longest = "\N{CAT}" * 60 + "long name"  # 249 bytes; a name that has more added to it is refused
    for name in ("short", longest, "x\udcff" if sys.platform == "linux" else "x"):
        path = os.path.join(tmp_path, name)
        for form in (path, os.fsencode(path)):
            frozen.save(name + "!", form)
            assert frozen.open(form) == name + "!"
    assert FileRef(os.fsencode(tmp_path / "ref"), 1).path == os.path.join(tmp_path, "ref")


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    target = str(tmp_path / "absent" / "file")
    with pytest.raises(FileNotFoundError) as caught:
        frozen.save(1, target)
    assert caught.value.filename == target


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_save_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    frozen.save(version(1), path)
    code = """if True:
        import frozen, os, signal, sys
        from frozen import Vector
        def progress(written):
            if written > limit:
                os.kill(os.getpid(), signal.SIGKILL)
        limit = int(sys.argv[2])
        frozen.save(Vector([f"a longer text {i}" for i in range(100_000)]), sys.argv[1], progress=progress)
    """
    for limit in (0, 1 << 20, 3 << 20):
        done = run_python("-c", code, path, str(limit), check=False, cwd=tmp_path)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert frozen.open(path, check=True) == version(1)
    left = [name for name in os.listdir(tmp_path) if name != "file"]
    assert len(left) == 3
    assert all(name.startswith(".file.") and name.endswith(".tmp") for name in left)
    for name in left:
        with pytest.raises(frozen.FileFormatError):
            frozen.open(tmp_path / name)


def test_progress_says_how_much_is_written(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", []
    frozen.save(Vector([f"a longer text {i}" for i in range(100_000)]), path, progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert seen[-1] == path.stat().st_size


def test_what_progress_raises_ends_the_save(tmp_path: Path) -> None:
    path = tmp_path / "file"
    frozen.save(version(1), path)

    def stop(written: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        frozen.save(version(2), path, progress=stop)
    assert frozen.open(path) == version(1)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_a_save_can_be_interrupted(tmp_path: Path) -> None:
    value: Any = Vector([tuple(range(50))] * 1_000_000)

    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupted):
            frozen.save(value, tmp_path / "file")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert os.listdir(tmp_path) == []


def test_a_relative_path_and_bytes_of_the_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frozen.save(1, "file")
    assert frozen.open("file") == 1
    Path("plain").touch()
    assert Path("file").stat().st_mode == Path("plain").stat().st_mode


# Readers beside a writer

READER = """if True:
    import frozen, sys
    print("ready", flush=True)
    last = 0
    while last < int(sys.argv[2]):
        opened = frozen.open(sys.argv[1])
        numbers = {number for vector in opened.values() for number in (vector[0], int(vector[1].split()[1]))}
        assert len(numbers) == 1, numbers
        (number,) = numbers
        assert number >= last, (number, last)
        last = number
"""


@pytest.mark.skipif(os.name != "posix", reason="a file that is open can be replaced")
def test_readers_see_whole_versions_while_files_are_renamed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    frozen.save(version(0), path)
    arguments = [sys.executable, "-c", READER, str(path), "60"]
    options: dict[str, Any] = {"env": child_environment(), "cwd": tmp_path, "text": True}
    readers = [subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) for _ in range(2)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    old = frozen.open(path)
    for number in range(1, 61):
        frozen.save(version(number), path)
    for reader in readers:
        _, errors = reader.communicate(timeout=120)
        assert reader.returncode == 0, errors
    assert old == version(0), "what was open stays what it was"


# Threads and interpreters


def test_threads_read_one_file(tmp_path: Path) -> None:
    value = Map({f"key {i}": i for i in range(2000)} | {(i, "pair"): Map(a=i) for i in range(50)})
    frozen.save(value, tmp_path / "file")
    opened: FileMap[Any, Any] = frozen.open(tmp_path / "file")
    expected = hash(value)
    shared = iter(opened.items())
    taken: list[list[Any]] = [[], [], [], []]

    def read(number: int) -> None:
        for _ in range(3):
            assert all(opened[key] == found for key, found in value.items())
            assert hash(opened) == expected
            assert frozen.open(tmp_path / "file") == opened
        taken[number].extend(shared)

    run_threads(*(lambda number=number: read(number) for number in range(4)))
    together = [pair for part in taken for pair in part]
    assert len(together) == len(value), "each entry went to one thread"
    assert dict(together) == value


def test_threads_save_one_file(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(5):
            frozen.save(version(number), tmp_path / "file")

    run_threads(*(lambda number=number: write(number) for number in range(4)))
    found = frozen.open(tmp_path / "file", check=True)
    assert found in [version(number) for number in range(4)]
    assert os.listdir(tmp_path) == ["file"]


def test_views_end_in_other_threads(tmp_path: Path) -> None:
    frozen.save(version(1), tmp_path / "file")
    views = list(frozen.open(tmp_path / "file").values())
    gone = threading.Event()

    def drop() -> None:
        views.clear()
        gone.set()

    run_threads(drop, lambda: eventually(gone.is_set))
    assert frozen.open(tmp_path / "file") == version(1)


@needs_subinterpreters
def test_each_interpreter_opens_the_file(tmp_path: Path) -> None:
    frozen.save(version(5), tmp_path / "file")
    opened = frozen.open(tmp_path / "file")
    for _ in range(2):
        run_in_subinterpreter(f"""
            import frozen
            opened = frozen.open({str(tmp_path / "file")!r}, check=True)
            assert opened["key 7"].tolist() == [5, "version 5"]
            assert len(frozen.thaw(opened)) == 200
            frozen.save(opened, {str(tmp_path / "copy")!r})
        """)
        assert frozen.open(tmp_path / "copy") == opened == version(5)


# Memory


@pytest.mark.parametrize("look_ups", [0, 5], ids=["in the file", "copied"])
def test_a_class_that_holds_a_file_of_its_own_is_collected(tmp_path: Path, look_ups: int) -> None:
    """The file knows the class by `types`, and the class holds the file: a cycle.

    In a process of its own: CPython 3.13t keeps for ever each class that is made once there have been two threads.
    """
    code = f"""if True:
        import gc, sys, weakref
        import frozen

        frozen.save(frozen.Map(a=frozen.Map(b=1)), sys.argv[1])
        point = type("Point", (tuple,), dict(_fields=("x",), _make=classmethod(tuple.__new__)))
        point.file = frozen.open(sys.argv[1], types=dict(Point=point))
        for _ in range({look_ups}):
            point.file["a"]
        file = weakref.ref(point.file)
        del point
        while file() is not None:
            gc.collect()
    """
    run_python("-c", code, tmp_path / "file", cwd=tmp_path)


@pytest.mark.skipif(not DEBUG_BUILD, reason="counts references")
def test_nothing_leaks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    value = Map({(1, f"key {i}"): Vector([1.5, Set([i, "member"]), frozenset({i})]) for i in range(20)})

    def use() -> None:
        frozen.save(value, path)
        opened = frozen.open(path)
        assert opened == value
        assert hash(opened) == hash(value)
        assert frozen.thaw(opened) == frozen.thaw(value)
        assert opened.get((1, "key 5"))[1:][0] == Set([5, "member"])
        assert list(opened.items())
        repr(opened)
        for bad in (Vector([1, print]), Map({(1, print): 1})):
            with pytest.raises(EncodingError):
                frozen.save(bad, path)

    assert_no_leak(use)


OPERATIONS: dict[str, Callable[[Any, Path], object]] = {
    "text": lambda opened, path: opened["key 7"][1],
    "get": lambda opened, path: opened.get((1, 2)),
    "items": lambda opened, path: list(opened.items()),
    "equal": lambda opened, path: opened == Map(opened),
    "slice": lambda opened, path: opened["key 7"][::-1].tolist(),
    "thaw": lambda opened, path: frozen.thaw(opened),
    "open": lambda opened, path: frozen.open(path),
    "save": lambda opened, path: frozen.save(opened, path.with_suffix(".new")),
    "save a tuple": lambda opened, path: frozen.save(Map({(1, 2): "a longer text"}), path.with_suffix(".new")),
}


@pytest.mark.skipif(FREE_THREADED, reason="CPython's hooks of the allocator are for builds with the GIL")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", OPERATIONS)
def test_without_memory_nothing_is_harmed(tmp_path: Path, name: str) -> None:
    testcapi = pytest.importorskip("_testcapi", reason="needs CPython's own allocator that fails on demand")
    if name not in ("text", "get", "slice") and (DEBUG_BUILD or sys.version_info[:2] != (3, 14)):
        pytest.skip("CPython itself fails where a function in Python lacks memory: a frame or list that is half made")
    faulthandler.cancel_dump_traceback_later()  # its thread could start while the hooks are changed
    path, operation = tmp_path / "file", OPERATIONS[name]
    value = Map({f"key {i}": Vector([i, f"a longer text {i}"]) for i in range(10)} | {(1, 2): frozenset({3, (4, 5)})})
    frozen.save(value, path)
    opened = frozen.open(path)
    operation(opened, path)
    for failing in range(1, 60):
        gc.disable()
        testcapi.set_nomemory(failing, failing + 20)
        try:
            operation(opened, path)
        except MemoryError:
            pass
        finally:
            testcapi.remove_mem_hooks()
            gc.enable()
        assert frozen.open(path) == opened == value
