"""The last known good version, in a file of this machine: written beside, synchronised, and renamed.

The file begins with a line, `frozen.remote 1 REVISION CHECKSUM`, and the encoded value follows. Several processes may
have one file: each writes a whole version that it has come to, and none one that is there already, or an older one than
is there. A process knows that a higher number is no newer version if it has seen the server go back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from typing import Any

from frozen._disk import folder_lock, sync_folder
from frozen._encoding import EncodingError
from frozen.remote._codec import Codec
from frozen.remote._engine import number_of
from frozen.remote._history import State

__all__ = ["CacheFile"]

_MAGIC = b"frozen.remote 1 "
_LEFT_OVER = 600.0
"""Seconds after which a file beside is one of a process that was killed while it wrote."""


class CacheFile:
    """One file. `path` is that of the user; the folder has to exist."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._known: str | None = None  # what this process has read there, or written, or found to be outdated

    def load(self, codec: Codec) -> State | None:
        """The version in the file, None if there is no file. EncodingError if it is damaged, OSError if unreadable."""
        try:
            with open(self.path, "rb") as file:
                line, content = file.readline(200), file.read()
        except FileNotFoundError:
            return None
        head = line.split()
        if not line.startswith(_MAGIC) or len(head) != 4 or head[3] != _checksum(content):
            raise EncodingError(f"{self.path} is damaged, or no cache of a remote reference")
        id = head[2].decode("ascii", "replace")
        try:
            number_of(id)
        except ValueError:
            raise EncodingError(f"{self.path} names no revision") from None
        value = codec.decode_own(content)
        self._known = id
        return State(id, value, size=len(content))

    def save(self, id: str, value: Any, codec: Codec, went_back: bool = False) -> None:
        """Replace the file, unless it has this version, or had it from this process, or has a higher number.

        A higher number is replaced if the server `went_back`. OSError, EncodingError; the file is then what it was.
        """
        if not self._is_due(id, went_back):
            return
        content = codec.encode(value)
        self._sweep()
        beside = f"{self._beside()}{os.getpid()}-{secrets.token_hex(4)}"
        try:
            with open(beside, "xb") as file:
                file.write(b"%s%s %s\n" % (_MAGIC, id.encode(), _checksum(content)))
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with folder_lock(os.path.dirname(self.path)):
                if self._is_due(id, went_back):  # still: another process may have been quicker
                    os.replace(beside, self.path)
                    self._known = id
                else:
                    os.unlink(beside)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        sync_folder(os.path.dirname(self.path))

    def _is_due(self, id: str, went_back: bool) -> bool:
        there = self._revision()
        if there is None:
            return True
        is_newer = number_of(there) > number_of(id) and not went_back
        if is_newer or there == id:
            self._known = id
        return id != self._known

    def _revision(self) -> str | None:
        """What the file has; None if there is no file, or one that is damaged."""
        try:
            with open(self.path, "rb") as file:
                head = file.readline(200).split()
            id = head[2].decode("ascii")
            number_of(id)
        except (OSError, ValueError, IndexError):
            return None
        return id if len(head) == 4 else None

    def _beside(self) -> str:
        folder, name = os.path.split(self.path)
        return os.path.join(folder, f".{name}.new-")

    def _sweep(self) -> None:
        folder, start = os.path.split(self._beside())
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if name.startswith(start) and time.time() - os.stat(path).st_mtime > _LEFT_OVER:
                    os.unlink(path)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()
