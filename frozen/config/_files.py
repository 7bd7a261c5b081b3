"""Sources that are files: one, or all in a folder.

A stamp of a file is its identity, size and times, by `stat`.  A file that is replaced, by a rename or by the swap of a
symbolic link on its way, has another identity, so that a reading that began before and ended after is noticed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import Any

from frozen._disk import open_at_once
from frozen.config._environment import variable_layers
from frozen.config._errors import ConfigError, shown
from frozen.config._formats import FORMATS, format_of, parse
from frozen.config._sources import Below, Layer, Source

__all__ = ["Directory", "File", "file_stamp"]


class File(Source):
    """A file: JSON, TOML, YAML (`frozen[yaml]`) or .env (`frozen[dotenv]`), by the end of its name or `format`.

    A missing file is an error, as a broken or empty one is; with `optional` a missing one gives no values. A .env
    file holds variables, which are read as Environment reads them, those with `prefix`.

    Raises ValueError for a name that says no format. Relative paths are made absolute at once. O(size) at each load.

    >>> import pathlib
    >>> _ = pathlib.Path("docs.toml").write_text("[database]\\nport = 5433")
    >>> Config(File("docs.toml")).get("database.port")
    5433
    """

    def __init__(
        self, path: str | os.PathLike[str], *, format: str | None = None, optional: bool = False, prefix: str = ""
    ) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.name = os.path.relpath(self.path) if not os.path.isabs(path) else self.path
        found = format or format_of(os.path.basename(self.path))
        if found is None or found not in FORMATS.values():
            known = ", ".join(FORMATS)
            raise ValueError(
                f"File({shown(os.fspath(path))}): the name ends in none of {known}; say format='json', 'toml', 'yaml' "
                "or 'dotenv'"
            )
        self.format = found
        self.optional = optional
        self.prefix = prefix

    def layers(self, below: Below) -> Iterable[Layer]:
        """Read the file.

        >>> list(File("nowhere.json", optional=True).layers(Below({})))
        []
        """
        data = read_bytes(self.path, self.name, optional=self.optional)
        return () if data is None else document_layers(data, self.format, self.name, self.prefix, below)

    def stamp(self) -> object:
        """Return the identity, the size and the times of the file.

        >>> File("nowhere.json").stamp()
        ('missing', 2)
        """
        return file_stamp(self.path)

    def files(self) -> Iterable[str]:
        """Return the path.

        >>> [path.rpartition("/")[2] for path in File("app.json").files()]
        ['app.json']
        """
        return [self.path]


class Directory(Source):
    """All files of a folder: each a document, merged in the order of their names; or with `values`, each a value.

    With `values` a file is a str under its name, without the newline at its end: what Kubernetes mounts of a ConfigMap
    or a Secret. Names that begin with a dot or `#` or end in `~`, as those of editors do, are left out, and so are
    folders within. The symbolic link `..data`, which Kubernetes swaps, is part of the stamp: all files come from one
    side of a swap.

    A file whose name says no format is an error, unless with `values`; so is a missing folder. O(total size) at each
    load.

    >>> import os, pathlib
    >>> os.makedirs("docs.d", exist_ok=True)
    >>> _ = pathlib.Path("docs.d/host").write_text("localhost\\n")
    >>> Config(Directory("docs.d", values=True)).get("host")
    'localhost'
    """

    def __init__(self, path: str | os.PathLike[str], *, values: bool = False, prefix: str = "") -> None:
        self.path = os.path.abspath(os.fspath(path))
        self.name = os.path.relpath(self.path) if not os.path.isabs(path) else self.path
        self.values = values
        self.prefix = prefix

    def _names(self) -> list[str]:
        names = [name for name in os.listdir(self.path) if name[0] not in ".#" and name[-1] != "~"]
        return sorted(name for name in names if not os.path.isdir(os.path.join(self.path, name)))

    def layers(self, below: Below) -> Iterable[Layer]:
        """Read the files.

        >>> list(Directory(os.devnull).layers(Below({})))
        Traceback (most recent call last):
        frozen.config.ConfigError: /dev/null cannot be read: Not a directory
        """
        try:
            names = self._names()
        except OSError as error:
            raise unreadable(self.name, error) from None
        for name in names:
            title = os.path.join(self.name, name)
            form = None if self.values else format_of(name)
            if form is None and not self.values:
                raise ConfigError(
                    f"{title} ends in none of {', '.join(FORMATS)}: rename it, or say Directory(..., values=True) if "
                    "each file is a value"
                )
            data = read_bytes(os.path.join(self.path, name), title)
            assert data is not None
            if form is None:
                yield Layer(title, {name: text_of(data, title)})
            else:
                yield from document_layers(data, form, title, self.prefix, below)

    def stamp(self) -> object:
        """Return the stamps of all files, and where `..data` leads.

        >>> Directory("nowhere").stamp()
        ('missing', 2)
        """
        try:
            names = self._names()
        except OSError as error:
            return "missing", error.errno
        try:
            link = os.readlink(os.path.join(self.path, "..data"))
        except OSError:
            link = ""
        return link, tuple((name, file_stamp(os.path.join(self.path, name))) for name in names)

    def files(self) -> Iterable[str]:
        """Return the paths of the folder's entries: a name in it, to watch the folder itself.

        >>> [path.rpartition("/")[2] for path in Directory("conf.d").files()]
        ['..data']
        """
        return [os.path.join(self.path, "..data")]


def document_layers(data: bytes, form: str, title: str, prefix: str, below: Below) -> Iterable[Layer]:
    parsed = parse(data, form, title)
    if form == "dotenv":
        return variable_layers(parsed, prefix, f"in {title}", below)
    return [Layer(title, parsed)]


def text_of(data: bytes, title: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{title} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


def read_bytes(path: str, title: str, *, optional: bool = False) -> bytes | None:
    """The file's bytes; None if it is missing and may be."""
    try:
        with open(path, "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(f"{title} is no regular file: a pipe or a device is read once, or without end")
            return file.read()
    except FileNotFoundError:
        if optional:
            return None
        raise ConfigError(f"{title} is missing: write it, or say optional=True if it may be") from None
    except OSError as error:
        raise unreadable(title, error) from None


def unreadable(title: str, error: OSError) -> ConfigError:
    if error.errno == errno.ENOENT:
        return ConfigError(f"{title} is missing: write it, or leave it out of the sources")
    return ConfigError(f"{title} cannot be read: {error.strerror or error}")


def file_stamp(path: str) -> tuple[Any, ...]:
    """What is another once the file is replaced, written or gone."""
    try:
        status = os.stat(path)
    except OSError as error:
        return "missing", error.errno
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
