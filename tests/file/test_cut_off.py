"""Files that other programs cut off while they are open: errors, where the system would end the process."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from support import run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGBUS")

END = -signal.SIGABRT if "ASAN_OPTIONS" in os.environ else -signal.SIGBUS
"""How a process ends by a SIGBUS that nobody handles: a sanitizer's handler, which ours passes it on to, aborts."""

PROLOGUE = """
import os, sys, frozen
from frozen import FileFormatError, Map, Set, Vector

def refused(read):
    try:
        result = read()
    except FileFormatError as error:
        assert "was cut off" in str(error), error
    else:
        raise AssertionError(repr(result))

def opened(value, keep=4096):
    frozen.save(value, "file")
    return frozen.open("file"), lambda: os.truncate("file", keep)

entries = {f"key number {i}": f"value number {i}" for i in range(20_000)}
"""


def run(code: str, folder: Path) -> None:
    run_python("-c", PROLOGUE + dedent(code), cwd=folder)  # a process of its own: if it fails, it crashes


def test_look_ups_in_a_map_that_is_cut_off_are_errors(tmp_path: Path) -> None:
    code = """
        m, cut = opened(Map(entries))
        other = frozen.open("file")
        inner = m.items()
        cut()
        refused(lambda: m["key number 19999"])
        refused(lambda: m["key number 0"])      # from then on every one, also of a page that is there
        refused(lambda: m.get("absent"))        # zeros in the index say that nothing is there
        refused(lambda: "absent" in m)
        refused(lambda: list(inner))
        refused(lambda: [*other])               # each opening finds out by itself
        frozen.save(Map(a=1), "file")
        assert frozen.open("file")["a"] == 1
    """
    run(code, tmp_path)


@pytest.mark.parametrize("keep", [0, 4096, 122 * 4096])
def test_every_container_and_atom(tmp_path: Path, keep: int) -> None:
    code = f"""
        numbers = range(200_000)
        for value, read in (
            (Set(entries), lambda s: [*s]),
            (Vector([*entries]), lambda v: [*v]),
            (Vector([*numbers]), lambda v: v[199_999]),
            (Vector([i / 3 for i in numbers]), lambda v: v.count(1.0)),
            (Vector([*map(str, numbers)]), lambda v: v.index("absent")),
            (Vector([*numbers]), hash),
            (Map(a=b"x" * 900_000, b="y" * 900_000), lambda m: m["b"]),
            (Map(a=tuple(numbers)), lambda m: m["a"]),
        ):
            container, cut = opened(value, {keep})
            cut()
            refused(lambda: read(container))
    """
    run(code, tmp_path)


@pytest.mark.parametrize("less", [8, 104, 1000, 5000])
def test_a_file_that_ends_within_a_page(tmp_path: Path, less: int) -> None:
    code = f"""
        for value, read in (
            (Map(entries), lambda m: m.get("absent")),
            (Map(entries), lambda m: [m[key] for key in entries]),
            (Vector([i / 3 for i in range(2000)]), lambda v: [*v]),
            (Vector(["text " * 20] * 200 + ["another text"]), lambda v: [*v]),
            (Map(a="x" * 3000, b="a text in a box"), lambda m: m["b"]),
        ):
            container, _ = opened(value)
            os.truncate("file", os.path.getsize("file") - {less} % (os.path.getsize("file") - 64))
            refused(lambda: read(container))
    """
    run(code, tmp_path)


def test_a_checksum_of_a_file_that_is_cut_off(tmp_path: Path) -> None:
    code = """
        import mmap
        frozen.save(Map(entries), "file")
        with open("file", "rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        os.truncate("file", 8192)
        refused(lambda: frozen._core._open_file(mapped, "file", (), True))
        os.truncate("file", 0)
        refused(lambda: frozen._core._open_file(mapped, "file", (), False))
    """
    run(code, tmp_path)


def test_threads_that_read_it_all_find_out(tmp_path: Path) -> None:
    code = """
        import threading
        from support import run_threads
        for _ in range(20):
            m, cut = opened(Map(entries))
            started = threading.Barrier(3)
            def read():
                started.wait()
                refused(lambda: [m[key] for _ in range(200) for key in entries])
            def cutter():
                started.wait()
                cut()
            run_threads(read, read, cutter)
    """
    run(code, tmp_path)


FOREIGN = """
import mmap
m, cut = opened(Map(entries))
cut()
refused(lambda: [*m.items()])
with open("foreign", "wb") as file:
    file.write(bytes(1 << 16))
with open("foreign", "rb") as file:
    foreign = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
os.truncate("foreign", 0)
{before}
foreign[5000]
"""


@pytest.mark.parametrize("faulthandler", ["0", "1"])
def test_mappings_of_others_are_left_to_others(tmp_path: Path, faulthandler: str) -> None:
    code = PROLOGUE + FOREIGN.format(before="")
    options = {"env": {"PYTHONFAULTHANDLER": faulthandler.replace("0", "")}, "check": False}
    done = run_python("-c", code, cwd=tmp_path, **options)  # type: ignore[arg-type]
    assert done.returncode == END
    assert ("Bus error" in done.stderr) == (faulthandler == "1")


@pytest.mark.parametrize("sent", ["os.kill(os.getpid(), signal.SIGBUS)", "signal.raise_signal(signal.SIGBUS)"])
def test_a_signal_that_is_sent_does_what_it_did(tmp_path: Path, sent: str) -> None:
    first = "import signal\nm, cut = opened(Map(entries))\n"
    options = {"env": {"PYTHONFAULTHANDLER": ""}, "check": False}
    done = run_python("-c", PROLOGUE + first + sent, cwd=tmp_path, **options)  # type: ignore[arg-type]
    assert done.returncode == END
    ignored = "import signal\nsignal.signal(signal.SIGBUS, signal.SIG_IGN)\nm, cut = opened(Map(entries))\n"
    run(ignored + sent, tmp_path)
