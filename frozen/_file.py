"""Snapshots in files: `save`, `open`, and what the containers of files do that need not be fast.

The format, docs/file-format.md, is read and written by src/file. Here files are put in their places, and mapped.
"""

from __future__ import annotations

import io
import mmap
import operator
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import ItemsView as _ItemsView
from collections.abc import KeysView as _KeysView
from collections.abc import Set as AbstractSet
from collections.abc import ValuesView as _ValuesView
from enum import Enum
from numbers import Number
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from frozen._convert import Member, copied, show_path
from frozen._core import (
    FileMap,
    FileSet,
    FileVector,
    Map,
    Set,
    SharedVector,
    Vector,
    _bounded_repr,
    _open_file,
    _write_file,
    decode,
    encode,
)
from frozen._disk import about, open_at_once, replacing
from frozen._encoding import EncodingError, _Registry
from frozen._public import public

__all__ = ["FileFormatError", "FileMapItems", "FileMapKeys", "FileMapValues", "open", "save"]

_Types = Iterable[type] | Mapping[str, type]
_ABSENT = object()


@public
class FileFormatError(ValueError):
    """A file that `open` does not take, or that turns out to be damaged where it is read.

    `reason` says what is wrong, `path` which file it is, `offset` the byte from which on it is wrong.

    >>> save(Map(a=1), "map.frozen")
    >>> with open("map.frozen", "r+b") as file:
    ...     _ = file.truncate(100)
    >>> try:
    ...     frozen.open("map.frozen")
    ... except FileFormatError as error:
    ...     error.offset
    100
    """

    def __init__(self, reason: str, path: Any, offset: int) -> None:
        super().__init__(reason, path, offset)
        self.reason = reason
        self.path = path
        self.offset = offset

    def __str__(self) -> str:
        return f"{_bounded_repr(self.path)} {self.reason} (at offset {self.offset})"


# -- save and open ------------------------------------------------------------------------------------------------


@public
def save(
    value: Any,
    path: str | os.PathLike[str],
    /,
    *,
    types: _Types = (),
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write `value` into a file that `open` reads in place, in each process. O(n).

    Saved are None, bool, int, float, str, bytes, tuples, frozensets, Map, Set, Vector, their shared twins and those of
    files, and as bytes of `encode` what else that takes and cannot change: dates and times, Decimal, Fraction, UUID,
    range, IP addresses, pure paths, and with `types`, as for `encode`, enums, named tuples and frozen dataclasses.
    EncodingError, with the path inside the value, for everything else: `freeze` it first.

    The file at `path` is replaced at one moment, when all of the new one is on the disk (fsync), and keeps its
    permissions; where `path` is a symbolic link, the file that it leads to is replaced. A process that has the old one
    open goes on reading it (on Windows, which is untested, replacing it then fails). A process that is killed before
    that moment leaves it as it was, beside a file `.NAME.*.tmp`. `progress(written)` is called with the number of
    bytes, for each MiB. What it raises ends the writing, and so does Ctrl-C.

    ValueError if what is at `path` is no regular file; OSError if it may not be written, or the disk is full: then the
    old file stays, and nothing beside it.

    >>> save(Map(ports=Vector([80, 443])), "config.frozen")
    >>> frozen.open("config.frozen")["ports"]
    FileVector([80, 443])
    """
    path = os.fsdecode(path)
    permissions = _permissions_of(path or os.curdir)
    target = os.path.realpath(path)
    types = _kept(types)
    with replacing(target, _beside(target)) as file:
        _write(value, file, target, types, progress)
        if permissions is not None and hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), permissions)


def _beside(target: str) -> str:
    """A name in the folder of the target that no file has."""
    folder, name = os.path.split(target)
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME // 4]  # a character takes at most 4 bytes
    return os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(6).hex()}.tmp")


_LONGEST_NAME = 200
"""Bytes of a name that may get more at both ends: systems allow 255."""


def _permissions_of(path: str) -> int | None:
    """Of the file that is to be replaced, if there is one."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise ValueError(f"{_bounded_repr(path)} is no regular file, and only those are replaced")
    return stat.S_IMODE(mode)


def _write(
    value: Any, file: io.FileIO, path: str, types: _Types, progress: Callable[[int], object] | None = None
) -> None:
    """To a new file. OSErrors name the path."""

    def write(data: bytes) -> None:
        rest = memoryview(data)
        with about(path):
            while rest:
                rest = rest[file.write(rest) :]
        if progress is not None:
            progress(file.tell())

    write(bytes(64))
    header = _write_file(value, write, types, int.from_bytes(os.urandom(8), "little"))
    file.seek(0)
    file.write(header)


@public
def open(path: str | os.PathLike[str], /, *, check: bool = False, types: _Types = ()) -> Any:
    """Return the value that `save` wrote: a FileMap, FileSet or FileVector that reads the file in place, or an atom.

    O(1), however large the file is; with `check=True` O(its size), as the checksum is verified. Nothing is read before
    it is asked for, and the pages are shared with all processes that have the file open. No class but those of `types`
    is made, as by `decode`, and nothing that the file names is imported.

    Of a damaged file look-ups raise FileFormatError, or give a wrong value, and never crash: `check` finds out before.
    Replace the file, as `save` does, and never change it. What reads beyond the new end of a file that was cut off
    raises FileFormatError too, by a handler of SIGBUS (docs/file-format.md says where it cannot help).

    FileFormatError if it is no such file, if it is truncated or its header damaged, or of a newer version, and if it
    is no regular file: it does not wait for a pipe.

    >>> save(Map(ports=Vector([80, 443])), "config.frozen")
    >>> frozen.open("config.frozen", check=True)["ports"][-1]
    443
    """
    name = os.fsdecode(path)
    types = _kept(types)
    with io.open(name, "rb", buffering=0, opener=open_at_once) as file:  # noqa: UP020 - this function is called open
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise FileFormatError("is no regular file: only those can be mapped", name, 0)
        if found.st_size == 0:
            raise FileFormatError("is no file of frozen.save: it is empty", name, 0)
        options: dict[str, Any] = {} if sys.version_info < (3, 13) else {"trackfd": False}
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ, **options)
    return _open_file(mapped, name, types, check)


def _kept(types: _Types) -> _Types:
    """`types=` as it may be used again and again: TypeError if it cannot be used at all."""
    types = dict(types) if isinstance(types, Mapping) else tuple(types)
    if types:
        _Registry(types)
    return types


# -- called by the core -------------------------------------------------------------------------------------------


def _coded(value: Any, types: _Types) -> bytes:
    """The value as bytes, in a file that has no box for it."""
    if isinstance(value, (list, dict, set, bytearray)) and not isinstance(value, tuple):
        raise EncodingError(f"{_bounded_repr(value)} of type {type(value).__name__} can change: freeze it first")
    return encode(value, types=types)


_IN_BOXES = (bool, float, str, bytes, bytearray, list, dict, set, frozenset, Map, Set, Vector, type(None))


def _decoded(data: bytes, types: _Types | None, path: str, offset: int) -> Any:
    """What `_coded` wrote: never something that has a box, or that can change."""
    try:
        value = decode(data, types=types or (), max_bytes=None)
    except EncodingError as error:
        raise FileFormatError(f"has a value that cannot be decoded: {error}", path, offset) from error
    if isinstance(value, _IN_BOXES) or type(value) is tuple:
        raise FileFormatError(f"is damaged: a {type(value).__name__} is encoded", path, offset)
    return value


def _refuse(value: Any, reason: str) -> NoReturn:
    raise EncodingError(f"{_bounded_repr(value)} {reason}")


def _placed(error: BaseException, labels: list[tuple[bool, Any]]) -> BaseException:
    """The error happened at what the labels lead to, (whether it is a key or member, key or index)."""
    if not isinstance(error, EncodingError):
        return error
    outer = show_path(Member(key) if is_key else key for is_key, key in labels)
    placed = EncodingError(error.reason, path=outer + (error.path or ""))
    placed.__cause__ = error.__cause__
    return placed.with_traceback(error.__traceback__)


# Equal keys must have equal forms, and those that differ should: what has one form is looked through one by one.


def _key_form(key: Any) -> Any:
    """A str, bytes, int, tuple or frozenset, the same one for keys that are equal. TypeError: the key has no hash."""
    hashed = hash(key)
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return bytes(memoryview(key))
    if isinstance(key, tuple):
        return tuple.__getitem__(key, slice(None))
    if isinstance(key, AbstractSet):
        return frozenset([*key])
    if isinstance(key, Mapping):
        return ("Map", frozenset(key.items()))
    if isinstance(key, (Vector, SharedVector, FileVector)):
        return ("Vector", tuple(key))
    if isinstance(key, complex):
        return complex(key.real, key.imag)  # its hash is no int's, and is taken of itself
    if isinstance(key, Number):
        return hashed  # by the numeric value, in each process
    if isinstance(key, range):
        return ("range", len(key), *key[:1], *key[-1:])
    if isinstance(key, Enum):
        return ("Enum", type(key).__qualname__) if type(key).__eq__ is not object.__eq__ else ("Enum", key.name)
    return _form_by_module(key)


def _form_by_module(key: Any) -> Any:
    """Of classes of modules that are imported only if there is a key of theirs."""
    for name, form in (
        ("datetime", _form_of_time),
        ("uuid", _form_of_uuid),
        ("ipaddress", _form_of_address),
        ("dataclasses", _form_of_dataclass),
    ):
        found = form(key, sys.modules[name]) if name in sys.modules else None
        if found is not None:
            return found
    if isinstance(key, os.PathLike):
        return ("path", str(key).lower())
    return ("object", type(key).__qualname__)


def _form_of_time(key: Any, datetime: Any) -> Any:
    if isinstance(key, datetime.datetime):
        offset, naive = key.replace(fold=0).utcoffset(), key.replace(tzinfo=None, fold=0)  # fold does not count for ==
        try:
            naive = naive - offset if offset is not None else naive
        except OverflowError:
            return ("datetime", "beyond")
        return ("datetime", naive.toordinal(), naive.hour, naive.minute, naive.second, naive.microsecond)
    if isinstance(key, datetime.date):
        return ("date", key.toordinal())
    if isinstance(key, datetime.timedelta):
        return ("timedelta", key.days, key.seconds, key.microseconds)
    return _form_of_time_of_day(key) if isinstance(key, datetime.time) else None


def _form_of_time_of_day(key: Any) -> Any:
    seconds, offset = 3600 * key.hour + 60 * key.minute + key.second, key.replace(fold=0).utcoffset()
    if offset is None:
        return ("time", seconds, key.microsecond)
    return ("aware time", seconds - 86400 * offset.days - offset.seconds, key.microsecond)  # may be before midnight


def _form_of_uuid(key: Any, uuid: Any) -> Any:
    return ("UUID", key.int) if isinstance(key, uuid.UUID) else None


def _form_of_address(key: Any, ipaddress: Any) -> Any:
    if isinstance(key, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return ("network", key.version, int(key.network_address), key.prefixlen)
    known = isinstance(key, (ipaddress.IPv4Address, ipaddress.IPv6Address))
    return ("address", key.version, int(key)) if known else None


def _form_of_dataclass(key: Any, dataclasses: Any) -> Any:
    """Of the fields that count for both equality and hash, where the class leaves the two to `dataclass`."""
    cls = type(key)
    if not dataclasses.is_dataclass(cls):
        return None
    names = _FIELDS.get(cls)
    if names is None:
        names = _FIELDS[cls] = _fields_of_equality(cls, dataclasses)
    return ("dataclass", cls.__qualname__, *[getattr(key, name) for name in names]) if names else None


_FIELDS: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def _fields_of_equality(cls: type, dataclasses: Any) -> tuple[str, ...]:
    """The fields of a dataclass; none if its `__eq__` is not the one that `dataclass` writes: its code is compared."""
    fields = dataclasses.fields(cls)
    twin = dataclasses.make_dataclass(
        "Twin", [(f.name, object, dataclasses.field(compare=f.compare)) for f in fields], frozen=True
    )
    own, expected = (getattr(c.__eq__, "__code__", None) for c in (cls, twin))
    if own is None or any(getattr(own, part) != getattr(expected, part) for part in _CODE):
        return ()
    return tuple(f.name for f in fields if f.compare and f.hash is not False)


_CODE = ("co_code", "co_names", "co_consts", "co_varnames")


# -- what containers of files do ------------------------------------------------------------------------------------


def _is_vector(value: Any) -> bool:
    return isinstance(value, (Vector, SharedVector, FileVector))


def _map_equals(self: FileMap[Any, Any], other: Mapping[Any, Any]) -> bool:
    if len(self) != len(other):
        return False
    for key, value in self.items():
        found = other.get(key, _ABSENT)
        if found is not value and (found is _ABSENT or found != value):
            return False
    return True


def _is_subset(part: Any, whole: Any) -> bool:
    return len(part) <= len(whole) and all(member in whole for member in part)


def _equal(self: Any, other: Any) -> Any:
    if isinstance(self, FileMap):
        return _map_equals(self, other) if isinstance(other, Mapping) else NotImplemented
    if isinstance(self, FileSet):
        return len(self) == len(other) and _is_subset(self, other) if isinstance(other, AbstractSet) else NotImplemented
    return len(self) == len(other) and list(self) == list(other) if _is_vector(other) else NotImplemented


def _unequal(self: Any, other: Any) -> Any:
    equal = _equal(self, other)
    return equal if equal is NotImplemented else not equal


def _less_equal(self: Any, other: Any) -> Any:
    if isinstance(self, FileSet) and isinstance(other, AbstractSet):
        return _is_subset(self, other)
    return list(self) <= list(other) if isinstance(self, FileVector) and _is_vector(other) else NotImplemented


def _less(self: Any, other: Any) -> Any:
    if isinstance(self, FileSet) and isinstance(other, AbstractSet):
        return len(self) < len(other) and _is_subset(self, other)
    return list(self) < list(other) if isinstance(self, FileVector) and _is_vector(other) else NotImplemented


def _greater_equal(self: Any, other: Any) -> Any:
    if isinstance(self, FileSet) and isinstance(other, AbstractSet):
        return _is_subset(other, self)
    return list(self) >= list(other) if isinstance(self, FileVector) and _is_vector(other) else NotImplemented


def _greater(self: Any, other: Any) -> Any:
    if isinstance(self, FileSet) and isinstance(other, AbstractSet):
        return len(self) > len(other) and _is_subset(other, self)
    return list(self) > list(other) if isinstance(self, FileVector) and _is_vector(other) else NotImplemented


def _local(value: Any) -> Any:
    """A Map, Set or Vector of the same parts, which stay views of the file."""
    if isinstance(value, FileMap):
        return Map(value.items())
    if isinstance(value, FileSet):
        return Set(value)
    return Vector(value) if isinstance(value, FileVector) else value


def _hash(self: Any) -> int:
    return hash(_local(self))


def _repr(self: Any) -> str:
    name = type(self).__name__
    if not len(self):
        return f"{name}()"
    if isinstance(self, FileMap):
        return f"{name}({{{', '.join(f'{key!r}: {value!r}' for key, value in self.items())}}})"
    shown = ", ".join(map(repr, self))
    return f"{name}({{{shown}}})" if isinstance(self, FileSet) else f"{name}([{shown}])"


def _reduce(self: Any) -> Any:
    return copied(self).__reduce__()


def _diff(self: Any, new: Any) -> Any:
    from frozen._diff import diff

    return diff(self, new)


def _map_or(left: Any, right: Any) -> Any:
    return _operated(operator.or_, left, right, Mapping)


def _set_or(left: Any, right: Any) -> Any:
    return _operated(operator.or_, left, right, AbstractSet)


def _set_and(left: Any, right: Any) -> Any:
    return _operated(operator.and_, left, right, AbstractSet)


def _set_subtract(left: Any, right: Any) -> Any:
    return _operated(operator.sub, left, right, AbstractSet)


def _set_xor(left: Any, right: Any) -> Any:
    return _operated(operator.xor, left, right, AbstractSet)


def _operated(operate: Callable[[Any, Any], Any], left: Any, right: Any, kind: type) -> Any:
    if not isinstance(left, kind) or not isinstance(right, kind):
        return NotImplemented
    return operate(_local(left), _local(right))


def _union(self: FileSet[Any], *others: Iterable[Any]) -> Set[Any]:
    return Set(self).union(*others)


def _intersection(self: FileSet[Any], *others: Iterable[Any]) -> Set[Any]:
    return Set(self).intersection(*others)


def _difference(self: FileSet[Any], *others: Iterable[Any]) -> Set[Any]:
    return Set(self).difference(*others)


def _symmetric_difference(self: FileSet[Any], other: Iterable[Any], /) -> Set[Any]:
    return Set(self).symmetric_difference(other)


def _issubset(self: FileSet[Any], other: Iterable[Any], /) -> bool:
    return _is_subset(self, other if isinstance(other, AbstractSet) else Set(other))


def _issuperset(self: FileSet[Any], other: Iterable[Any], /) -> bool:
    return all(member in self for member in other)


def _isdisjoint(self: FileSet[Any], other: Iterable[Any], /) -> bool:
    return not any(member in self for member in other)


def _index(self: FileVector[Any], value: Any, start: Any = 0, stop: Any = sys.maxsize, /) -> int:
    first, last, _ = slice(start, stop).indices(len(self))
    for index in range(first, last):
        element = self[index]
        if element is value or element == value:
            return index
    raise ValueError(f"{_bounded_repr(value)} is not in the vector")


def _count(self: FileVector[Any], value: Any, /) -> int:
    return sum(element is value or element == value for element in self)


def _concat(self: FileVector[Any], other: Any) -> Any:
    return Vector(self) + _local(other)


def _repeat(self: FileVector[Any], times: int) -> Vector[Any]:
    return Vector(self) * times


class _View:
    """What the views of a FileMap do like those of a Map."""

    __slots__ = ()
    _mapping: FileMap[Any, Any]
    _yields = 0

    def __iter__(self) -> Iterator[Any]:
        return self._mapping._iterate(self._yields, False)

    def __reversed__(self) -> Iterator[Any]:
        return self._mapping._iterate(self._yields, True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"


@public
class FileMapKeys(_View, _KeysView[Any]):
    """What `FileMap.keys()` returns: its keys in order, a set in all but name. O(1) to make.

    >>> save(Map(a=1), "map.frozen")
    >>> frozen.open("map.frozen").keys() | {'b'} == {'a', 'b'}
    True
    """

    __slots__ = ()

    @property
    def mapping(self) -> FileMap[Any, Any]:
        """The map whose keys these are."""
        return self._mapping


@public
class FileMapValues(_View, _ValuesView[Any]):
    """What `FileMap.values()` returns: its values in order. O(1) to make.

    >>> save(Map(a=1), "map.frozen")
    >>> frozen.open("map.frozen").values()
    FileMapValues([1])
    """

    __slots__ = ()
    _yields = 1

    @property
    def mapping(self) -> FileMap[Any, Any]:
        """The map whose values these are."""
        return self._mapping


@public
class FileMapItems(_View, _ItemsView[Any, Any]):
    """What `FileMap.items()` returns: its pairs of key and value in order, a set in all but name. O(1) to make.

    >>> save(Map(a=1), "map.frozen")
    >>> frozen.open("map.frozen").items()
    FileMapItems([('a', 1)])
    """

    __slots__ = ()
    _yields = 2

    @property
    def mapping(self) -> FileMap[Any, Any]:
        """The map whose items these are."""
        return self._mapping
