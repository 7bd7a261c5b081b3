"""A folder of snapshots and the number of the newest: what the FileRefs of a machine share. See _file_ref.py.

    version              64 bytes, mapped by each process: magic, format, and the number of the newest version
    lock                 locked by the process that publishes, and freed by the system when that process dies
    00000000000000000007.frozen
                         a version, as `frozen.save` writes it
    new-*.tmp            a version that is being written, locked by its writer

What always holds:

1. A snapshot is whole before it has its name: it is written under another one and then renamed, and nothing writes to
   it again.
2. The number in `version` never decreases, and its snapshot was there when it was stored. Only the process that has the
   lock stores it: one aligned store of 8 bytes, which a reader loads as such (src/ref/mapped_number.h). That store
   publishes.
3. A reader loads the number, then opens the snapshot. If that is not there, a newer version has been published since,
   and the reader starts again: each new start is another's publication.
4. A process that gets the lock may find a snapshot that is newer than the number: its publisher died between the two
   steps, or the machine stopped before the mapped page was written. That version is whole, and is published now. So no
   crash undoes what was published.
5. Without `version` there is no reference: it is made first and removed first, and what else lies there is removed when
   it is made.
6. Where others cut off or overwrite `version`, which breaks 2, its number is 0 or some other. A number that is 0 is an
   error of each read, until the file is whole again: then it is mapped again, and by 4 the next publisher stores the
   newest.
"""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import re
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any, Self

from frozen._core import _MappedNumber
from frozen._disk import about, create, replacing, sync_folder
from frozen._file import FileFormatError, _Types, _write
from frozen._file import open as open_snapshot

if sys.platform == "win32":
    from msvcrt import LK_LOCK, LK_NBLCK, LK_UNLCK, locking

    def _lock_file(descriptor: int, wait: bool = True) -> None:
        while True:
            os.lseek(descriptor, 0, os.SEEK_SET)
            try:
                locking(descriptor, LK_LOCK if wait else LK_NBLCK, 1)
                return
            except OSError:  # LK_LOCK gives up after ten tries
                if not wait:
                    raise

    def _unlock_file(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        locking(descriptor, LK_UNLCK, 1)

else:
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

    def _lock_file(descriptor: int, wait: bool = True) -> None:
        """OSError if another has it, and it is not to be waited for."""
        flock(descriptor, LOCK_EX if wait else LOCK_EX | LOCK_NB)

    def _unlock_file(descriptor: int) -> None:
        flock(descriptor, LOCK_UN)


__all__ = ["SnapshotFolder"]

_MAGIC = b"FRZNREF\n"
_FORMAT = 1
_HEADER = struct.Struct("<8sQQ40x")
_NUMBER = 16  # its offset
_SNAPSHOT = re.compile(r"(\d{20})\.frozen")
_LARGEST = 2**63 - 1
"""Number of a version; a file with a larger one, which does not fit the word, is none of ours."""
_KEPT = 2
"""Newest snapshots that stay: a reader that has just loaded the number before finds its file still."""

_locked: set[int] = set()
"""Descriptors through which this process has locked files. A child of a fork closes its copies: else a lock of a parent
that dies would stay as long as the child lives."""
_publishing: set[tuple[str, int]] = set()
"""Folders that threads have locked or wait for: a signal handler that publishes would wait for its own thread."""


class SnapshotFolder:
    def __init__(self, path: str, types: _Types) -> None:
        """Of an existing folder. FileNotFoundError, or FileFormatError: there is no number in it that can be read."""
        self.path = path
        self.types = types
        self._version = os.path.join(path, "version")
        with _number_file(self._version) as (descriptor, access, self._identity):
            self._mapped = mmap.mmap(descriptor, _HEADER.size, access=access)
        self.mapped_number = _MappedNumber(self._mapped, _NUMBER)

    @classmethod
    def make(cls, path: str, types: _Types) -> SnapshotFolder:
        """Of a folder that is made if it is not there. It may have no version yet."""
        while True:
            os.makedirs(path, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # it is being removed: it is made anew
                if not os.path.exists(os.path.join(path, "version")):
                    _make_number_file(path)
                return cls(path, types)

    @property
    def number(self) -> int:
        """Of the newest version; 0: there is none yet, or the file was cut off."""
        return self.mapped_number.load() or self._number_again()

    def _number_again(self) -> int:
        """Of a file that may be whole again."""
        with contextlib.suppress(OSError, FileFormatError), _number_file(self._version) as (descriptor, _, identity):
            if identity == self._identity:
                self.mapped_number.map_again(descriptor)
        return self.mapped_number.load()

    def _store(self, number: int) -> None:
        if not self.mapped_number.store(number):
            raise FileFormatError("was cut off after it was opened, or cannot be written", self._version, 0)

    def load(self) -> tuple[int, Any]:
        """The newest version, and its number. LookupError if the reference was unlinked."""
        number = self.number
        if number == 0:
            self.check_exists()
            raise FileFormatError("was overwritten after it was opened: it has no number", self._version, _NUMBER)
        while True:
            try:
                value = open_snapshot(self._file(number), types=self.types)
            except FileNotFoundError:
                self.check_exists()
                before, number = number, max(self.number, self._newest())
                if number == before:
                    raise FileFormatError("names a snapshot that is not there", self._file(number), 0) from None
            else:
                self.check_exists()  # else it may be a version of another reference, made anew here
                return number, value

    def write(self, value: Any, durable: bool) -> Snapshot:
        """Write a version that has no number yet. EncodingError for what `frozen.save` does not take."""
        self.check_exists()
        return Snapshot(self.path, value, self.types, durable)

    def put(self, snapshot: Snapshot) -> None:
        """Make a written snapshot the newest version. Only while the folder is locked."""
        number = self.number + 1
        try:
            snapshot.rename(self._file(number))
            self._store(number)
        except BaseException:
            if self.number != number:  # else the next publisher would publish what this one says has failed
                with contextlib.suppress(OSError):
                    os.unlink(self._file(number))
            raise
        if snapshot.durable:
            self._mapped.flush()
        with contextlib.suppress(OSError):
            os.utime(self._version)  # an event for the processes that watch the folder
        self._remove_old(number)

    @contextlib.contextmanager
    def locked(self, wait: bool = True) -> Iterator[None]:
        """While nobody else publishes; what others left behind has been put in order.

        BlockingIOError or PermissionError if another has the lock, and it is not to be waited for. RuntimeError in a
        signal handler whose thread has it.
        """
        self.check_exists()
        with _lock(self.path, wait):
            self.check_exists()
            newest = self._newest()
            if newest > self.number:
                self._store(newest)  # invariant 4
            yield

    def put_in_order(self) -> None:
        """What `locked` does first, unless another process has the lock, and has done it, or this one may not write."""
        with contextlib.suppress(BlockingIOError):
            try:
                with self.locked(wait=False):
                    pass
            except OSError as error:
                if not _is_refused(error):
                    raise

    def unlink(self) -> None:
        """Remove the folder. A process that has a version open goes on reading it."""
        with self.locked():
            os.unlink(self._version)
            _remove_all(self.path)
            os.unlink(os.path.join(self.path, "lock"))
        with contextlib.suppress(OSError):  # something of others is in it, or somebody makes it anew
            os.rmdir(self.path)

    def check_exists(self) -> None:
        """LookupError if the reference was unlinked; FileFormatError if its number was cut off."""
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(self._version)
            if (found.st_dev, found.st_ino) == self._identity:
                if found.st_size < _HEADER.size:
                    raise FileFormatError("was cut off after it was opened", self._version, found.st_size)
                return
        raise LookupError(f"the reference at {self.path!r} was unlinked: make or attach to it anew")

    def _file(self, number: int) -> str:
        return os.path.join(self.path, f"{number:020}.frozen")

    def _newest(self) -> int:
        return max((number for number, _ in _snapshots(self.path)), default=0)

    def _remove_old(self, newest: int) -> None:
        """The system keeps a file until no process has it mapped; Windows refuses, and it is tried again next time."""
        for number, name in _snapshots(self.path):
            if number <= newest - _KEPT:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(self.path, name))
        _sweep(self.path)


class Snapshot:
    """A version that is written, and waits for its number. A context manager: what was not renamed is removed."""

    def __init__(self, folder: str, value: Any, types: _Types, durable: bool) -> None:
        self._folder = folder
        self.durable = durable
        self._process = os.getpid()
        self._path, descriptor = _new_file(folder)
        self._descriptor = descriptor
        try:
            with io.open(os.dup(descriptor), "wb", buffering=0) as file:  # noqa: UP020 - as in _file.py
                _write(value, file, folder, types)
                if durable:
                    with about(folder):
                        os.fsync(descriptor)
        except BaseException:
            self._remove()
            raise

    def rename(self, path: str) -> None:
        if sys.platform == "win32":  # which renames no open file
            _close(self._descriptor)
        os.rename(self._path, path)
        self._path = ""
        if self.durable:
            sync_folder(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        if sys.platform == "win32":
            _close(self._descriptor)
        if self._path and self._process == os.getpid():  # else a signal handler forked, and this is the child
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        _close(self._descriptor)


def _snapshots(folder: str) -> list[tuple[int, str]]:
    found = map(_SNAPSHOT.fullmatch, os.listdir(folder))
    return [(int(name[1]), name[0]) for name in found if name is not None and int(name[1]) <= _LARGEST]


def _remove_all(folder: str) -> None:
    for _, name in _snapshots(folder):
        os.unlink(os.path.join(folder, name))
    _sweep(folder)


# -- the number ---------------------------------------------------------------------------------------------------


def _make_number_file(folder: str) -> None:
    """With the number 0, if it is not there."""
    with _lock(folder):
        file = os.path.join(folder, "version")
        if os.path.exists(file):
            return
        _remove_all(folder)  # of a reference that was not removed to the end
        with replacing(file, os.path.join(folder, f"new-{os.urandom(8).hex()}.tmp")) as new, about(file):
            new.write(_HEADER.pack(_MAGIC, _FORMAT, 0))


def _is_refused(error: OSError) -> bool:
    """Whether the files may only be read."""
    return error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)


@contextlib.contextmanager
def _number_file(path: str) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """The file open, for reading alone if it may not be written; how it may be mapped, and which file it is."""
    flags = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor, access = os.open(path, os.O_RDWR | flags), mmap.ACCESS_WRITE
    except OSError as error:
        if not _is_refused(error):
            raise
        descriptor, access = os.open(path, os.O_RDONLY | flags), mmap.ACCESS_READ
    try:
        header = os.read(descriptor, _HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_MAGIC):
            raise FileFormatError("is not the number of a FileRef", path, 0)
        if _HEADER.unpack(header)[1] != _FORMAT:
            raise FileFormatError(f"has format {_HEADER.unpack(header)[1]}; this library reads {_FORMAT}", path, 8)
        found = os.fstat(descriptor)
        yield descriptor, access, (found.st_dev, found.st_ino)
    finally:
        os.close(descriptor)


# -- locks --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _lock(folder: str, wait: bool = True) -> Iterator[None]:
    """Over the folder, for one thread of all processes; it waits for its turn, and Ctrl-C ends the wait."""
    me = (folder, threading.get_ident())
    if me in _publishing:
        raise RuntimeError(f"this thread is publishing to {folder!r} already: a signal handler cannot do so meanwhile")
    _publishing.add(me)
    try:
        descriptor = _locked_file(folder, wait)
        try:
            yield
        finally:
            _close(descriptor)
    finally:
        _publishing.discard(me)


def _locked_file(folder: str, wait: bool) -> int:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    path = os.path.join(folder, "lock")
    while True:
        descriptor = os.open(path, flags, 0o666)
        _locked.add(descriptor)
        try:
            _lock_file(descriptor, wait)
            if _is_at(path, descriptor):  # else the folder was removed meanwhile, and perhaps made anew
                return descriptor
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)


def _close(descriptor: int) -> None:
    """Unlock and close. Unlocking frees the lock though a child of a fork has a copy of the descriptor."""
    if descriptor in _locked:
        _locked.discard(descriptor)
        with contextlib.suppress(OSError):
            _unlock_file(descriptor)
        os.close(descriptor)


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _new_file(folder: str) -> tuple[str, int]:
    """A file to write a version to, locked for as long as this process lives and does not close it."""
    while True:
        path = os.path.join(folder, f"new-{os.urandom(8).hex()}.tmp")
        descriptor = create(path)
        _locked.add(descriptor)
        try:
            _lock_file(descriptor)
            if _is_at(path, descriptor):  # else another took it for the file of a dead process, before it was locked
                return path, descriptor
        except BaseException:
            _close(descriptor)
            raise
        _close(descriptor)


def _sweep(folder: str) -> None:
    """Remove what processes were writing when they died: their files are not locked any more."""
    for name in os.listdir(folder):
        if not (name.startswith("new-") and name.endswith(".tmp")):
            continue
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):  # renamed or removed just now, or locked: its writer lives
            if sys.platform == "win32":
                os.unlink(path)  # refused while it is open
                continue
            descriptor = os.open(path, os.O_RDWR)
            try:
                _lock_file(descriptor, wait=False)
                os.unlink(path)
            finally:
                os.close(descriptor)


def _close_in_the_child() -> None:
    _publishing.clear()
    for descriptor in list(_locked):
        _locked.discard(descriptor)
        with contextlib.suppress(OSError):
            os.close(descriptor)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_the_child)
