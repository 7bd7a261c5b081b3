"""The last known good version, in a file of this machine: written beside, synchronised, and renamed.

The file begins with a line, `frozen.remote 1 REVISION CHECKSUM`, and the encoded value follows. Several processes may
have one file: each writes a whole version, and none writes one that is there already.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from typing import Any

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
        return State(id, codec.decode_own(content), size=len(content))

    def save(self, id: str, value: Any, codec: Codec) -> None:
        """Replace the file, unless it has this version. OSError, EncodingError; the file is then what it was."""
        if self._revision() == id:
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
            os.replace(beside, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        self._sync_folder()

    def _revision(self) -> str | None:
        try:
            with open(self.path, "rb") as file:
                head = file.readline(200).split()
        except OSError:
            return None
        return head[2].decode("ascii", "replace") if len(head) == 4 else None

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

    def _sync_folder(self) -> None:
        """The renaming is on the disk, too, where a folder can be synchronised."""
        with contextlib.suppress(OSError):
            descriptor = os.open(os.path.dirname(self.path), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()
