"""A disk that is full: the old version stays, nothing is left beside it, and the error says where."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any
from unittest import mock

import pytest
from support import child_environment, run_python

import frozen
from frozen import FileRef, Map, Vector

linux = pytest.mark.skipif(sys.platform != "linux", reason="mounts of its own are Linux's")

PROLOGUE = """
import errno, os, sys
import frozen
from frozen import FileRef, Map, Vector

small, large = Map(a=1), Vector(f"text number {i}" for i in range(100_000))

def refused(write, path):
    try:
        write()
    except OSError as error:
        assert error.errno in (errno.ENOSPC, errno.EFBIG), error
        assert repr(path) in str(error), error
    else:
        raise AssertionError("it was written")
"""

SAVE = """
path = os.path.join(os.getcwd(), "file")
frozen.save(small, path)
for _ in range(3):
    refused(lambda: frozen.save(large, path), path)
    assert os.listdir() == ["file"], os.listdir()
    assert frozen.open(path, check=True) == small
frozen.save(Map(a=2), path)
assert frozen.open(path) == Map(a=2)
"""

PUBLISH = """
path = os.path.join(os.getcwd(), "ref")
ref = FileRef(path, small)
other = FileRef.attach(path)
for write in (
    lambda: ref.set(large),
    lambda: ref.exchange(large),
    lambda: ref.update(lambda value: large),
    lambda: ref.compare_and_set(ref.get(), large),
):
    refused(write, path)
    assert sorted(os.listdir("ref")) == ["00000000000000000001.frozen", "lock", "version"], os.listdir("ref")
    assert ref.get() == other.get() == FileRef.attach(path).get() == small
ref.set(Map(a=2))
assert other.get_versioned() == (Map(a=2), 2)
"""


@pytest.mark.parametrize("code", [SAVE, PUBLISH], ids=["save", "publish"])
def test_a_file_that_grows_too_large_is_an_error(tmp_path: Path, code: str) -> None:
    """The system's limit for the files of a process, so that a write ends in the middle."""
    pytest.importorskip("resource")
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
    run_python("-c", PROLOGUE + limit + code, cwd=tmp_path)


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Any:
    """Runs code in a folder that is a file system of 1 MiB, in a namespace of mounts of its own."""
    unshare = shutil.which("unshare")
    mount = f"mount -t tmpfs -o size=1m none '{tmp_path}' && cd '{tmp_path}'"
    begin = [unshare or "", "-m" if os.geteuid() == 0 else "-Urm", "sh", "-c"]
    if unshare is None or subprocess.run([*begin, mount], capture_output=True, check=False).returncode != 0:
        pytest.skip("no file systems can be mounted here")

    def run(code: str) -> None:
        command = [*begin, f'{mount} && exec "$0" -c "$1"', sys.executable, PROLOGUE + dedent(code)]
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


@linux
@pytest.mark.parametrize("code", [SAVE, PUBLISH], ids=["save", "publish"])
def test_a_disk_that_becomes_full_is_an_error(on_a_small_disk: Any, code: str) -> None:
    on_a_small_disk(code)


@linux
def test_no_reference_is_made_on_a_full_disk(on_a_small_disk: Any) -> None:
    code = """
        with open("ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        path = os.path.join(os.getcwd(), "ref")
        refused(lambda: FileRef(path, small), os.path.join(path, "version"))
        assert os.listdir("ref") == ["lock"]
        os.unlink("ballast")
        assert FileRef(path, small).get() == small
    """
    on_a_small_disk(code)


@pytest.mark.parametrize("failing", ["os.fsync", "os.replace", "os.rename"])
def test_a_disk_that_says_so_at_the_end_only(tmp_path: Path, failing: str) -> None:
    """Network file systems and delayed allocation tell it by fsync."""
    file, ref = tmp_path / "file", FileRef(tmp_path / "ref", 1)
    frozen.save(Map(a=1), file)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    writes = {"os.replace": [lambda: frozen.save(Map(a=2), file)], "os.rename": [lambda: ref.set(2)]}
    for write in writes.get(failing, [*writes["os.replace"], *writes["os.rename"]]):
        with mock.patch(failing, side_effect=full), pytest.raises(OSError, match=r"No space left|\[Errno 28\]"):
            write()
    assert frozen.open(file) == Map(a=1)
    assert ref.get_versioned() == FileRef.attach(tmp_path / "ref").get_versioned() == (1, 1)
    assert sorted(os.listdir(tmp_path)) == ["file", "ref"]
    assert sorted(os.listdir(tmp_path / "ref")) == ["00000000000000000001.frozen", "lock", "version"]


def test_what_a_callback_raises_is_not_said_of_the_file(tmp_path: Path) -> None:
    def progress(written: int) -> None:
        raise OSError(errno.EPIPE, "nobody reads the progress")

    with pytest.raises(OSError, match="nobody reads the progress") as raised:
        frozen.save(Vector([1]), tmp_path / "file", progress=progress)
    assert raised.value.filename is None
    assert os.listdir(tmp_path) == []
