"""Documents in: files of frozen.save, told by their first bytes, and JSON, TOML or YAML; "-" is standard input."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import Any

import frozen
from frozen import FileFormatError, FileMap, FileSet, FileVector
from frozen._cli.errors import LoadError
from frozen._cli.texts import format_of, parsed

MAGIC = b"\x89FRZN\r\n\x1a"


def read_document(name: str, form: str | None = None) -> Any:
    """What the document holds: views of a file of `save`, or the dicts, lists and atoms of a text.

    A text is in the format `form`, or that of its name, or JSON. LoadError if it cannot be read.
    """
    title = title_of(name)
    try:
        data = read_frozen(name) if form is None and name.lower().endswith(".frozen") else _read(name)
    except OSError as error:
        raise LoadError(f"cannot read {title}: {error.strerror or error}") from None
    except FileFormatError as error:
        raise LoadError(str(error)) from None
    except ValueError as error:  # a name that no file can have
        raise LoadError(f"cannot read {title}: {error}") from None
    return parsed(data.text, form or format_of(name) or "json", title) if isinstance(data, _Text) else data


def read_frozen(name: str, check: bool = False) -> Any:
    """The value in a file of `save`, or FileFormatError; a pipe is copied into a temporary file first."""
    if name == "-":
        return _spooled(_input(), "standard input", check)
    if stat.S_ISREG(os.stat(name).st_mode):
        return frozen.open(name, check=check)
    with open(name, "rb") as file:
        return _spooled(file.read(), name, check)


def title_of(name: str) -> str:
    return "standard input" if name == "-" else repr(name)


def is_view(value: Any) -> bool:
    return isinstance(value, (FileMap, FileSet, FileVector))


class _Text:
    def __init__(self, text: bytes) -> None:
        self.text = text


def _read(name: str) -> Any:
    """The value in a file of `save`, or the bytes of anything else as a _Text."""
    if name == "-":
        data = _input()
        return _spooled(data, "standard input") if data.startswith(MAGIC) else _Text(data)
    with open(name, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # can be neither read twice nor mapped
            data = file.read()
            return _spooled(data, name) if data.startswith(MAGIC) else _Text(data)
        head = file.read(len(MAGIC))
        return frozen.open(name) if head == MAGIC else _Text(head + file.read())


def _input() -> bytes:
    if sys.stdin is None:
        raise LoadError("cannot read standard input: it is closed")
    return sys.stdin.buffer.read()


def _spooled(data: bytes, title: str, check: bool = False) -> Any:
    import tempfile

    descriptor, path = tempfile.mkstemp(suffix=".frozen")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        return frozen.open(path, check=check)
    except FileFormatError as error:
        raise FileFormatError(error.reason, title, error.offset) from None
    finally:
        with contextlib.suppress(PermissionError):  # of Windows, while it is mapped: it stays among temporary files
            os.unlink(path)
