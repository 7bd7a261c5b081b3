"""Files and folders of the system: opened without waiting, made anew, locked, and safe from a loss of power."""

from __future__ import annotations

import contextlib
import io
import os
import time
from collections.abc import Iterator

__all__ = ["about", "create", "folder_lock", "open_at_once", "replacing", "sync_folder"]


def open_at_once(path: str, flags: int) -> int:
    """An opener for `open`, which waits for nobody: opening a named pipe would wait for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def create(path: str) -> int:
    """Make a file that is not there yet, for reading and writing; return its descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags, 0o666)


@contextlib.contextmanager
def about(path: str) -> Iterator[None]:
    """An OSError of what is done to a file names it: that of a write, on a full disk, names none."""
    try:
        yield
    except OSError as error:
        error.filename = path
        raise


@contextlib.contextmanager
def replacing(target: str, beside: str) -> Iterator[io.FileIO]:
    """A new file beside, which takes the place of the target when the block ends: whole, and safe from a loss of power.

    If the block raises, or the disk is full, the target stays as it is, and the new file is removed.
    """
    with about(target):
        descriptor = create(beside)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            yield file
            with about(target):
                os.fsync(descriptor)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    sync_folder(os.path.dirname(target))


def sync_folder(folder: str) -> None:
    """Put new names in the folder on the disk, where a folder can be synchronised: their files are there already."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def folder_lock(folder: str, patience: float = 5.0) -> Iterator[None]:
    """Keep out all that lock the same folder, in this process and others, where the system locks folders (not Windows).

    After `patience` seconds it goes on without the lock: a child of a fork may have a copy of the descriptor, and keep
    the lock of a parent that was killed.
    """
    try:
        from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                flock(descriptor, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.002)
            except OSError:  # there are no locks
                break
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                flock(descriptor, LOCK_UN)  # also for the copies that children of forks have
    finally:
        os.close(descriptor)
