"""Kills writers of a FileRef, one after the other, under readers: `python file_ref_killing.py FOLDER KILLS`.

Every version consists of parts that say which version it is of. A reader fails if it finds two that differ, or a
version older than the last; the writer that follows fails if the last one left a lock behind.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable

from frozen import FileRef, Map, Vector

PARTS = 50


def version(number: int) -> Map[int, Vector[int]]:
    return Map({part: Vector([number] * (1 + part % 3)) for part in range(PARTS)})


def check(value: Map[int, Vector[int]], number: int) -> None:
    found = {member for part in value.values() for member in part}
    assert len(value) == PARTS
    assert found == {number}, f"version {number} has parts of {found}"


def read(path: str, until: str) -> None:
    ref, last, parent = FileRef.attach(path), 0, os.getppid()
    while not os.path.exists(until) and os.getppid() == parent:
        value, number = ref.get_versioned()
        assert number >= last, f"version {number} after {last}"
        check(value, number)
        last = number


def write(path: str) -> None:
    ref, parent = FileRef.attach(path, durable=False), os.getppid()
    while os.getppid() == parent:
        ref.update(lambda value: version(value[0][0] + 1))


def forked(function: Callable[..., None], *args: str) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function(*args)
            status = 0
        finally:
            os._exit(status)
    return child


def main(path: str, kills: int) -> None:
    rng = random.Random(kills)
    ref = FileRef(path, version(1))
    until = path + ".end"
    readers = [forked(read, path, until) for _ in range(2)]
    for _ in range(kills):
        before, writer = ref.version, forked(write, path)
        while ref.version == before:  # it works, whatever was left behind
            assert os.waitpid(writer, os.WNOHANG) == (0, 0), "the writer ended"
            time.sleep(0.0005)
        time.sleep(rng.random() * 0.005)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    with open(until, "w"):
        pass
    for reader in readers:
        assert os.waitpid(reader, 0)[1] == 0, "a reader failed"
    ref.update(lambda value: version(value[0][0] + 1))  # of the version that the last writer may have left unnumbered
    check(*ref.get_versioned())
    left = sorted(os.listdir(path))
    assert len(left) == 4, f"versions and temporary files are left: {left}"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
