"""What the encoding (docs/encoding.md) makes of the rarer types, and its error. `src/codec` does the walk and the rest.

`_take_apart` turns such a value into a tag and a content, an atom or a tuple; `_put_together` does the reverse. For all
but registered classes the core then writes the result again and compares the bytes, so what is decoded here need not
be looked at twice: there is one encoding for each value.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, Flag
from typing import Any

from frozen._convert import Member, show_path
from frozen._core import FileMap, FileSet, FileVector, Map, Set, Vector, _bounded_repr
from frozen._public import public
from frozen._records import is_dataclass

__all__ = ["EncodingError"]

_TIMESTAMP, _DECIMAL, _OBJECT, _FRACTION, _UUID, _IP4, _IP6, _DATE, _COMPLEX = 0, 4, 27, 30, 37, 52, 54, 1004, 43000
_DATETIME, _TIME, _TIMEDELTA, _DECIMAL_TEXT, _RANGE, _POSIX_PATH, _WINDOWS_PATH = range(39206, 39213)
_MOST_BITS = 8 * 8192  # KEY_INT_BYTES of src/codec/format.h


@public
class EncodingError(ValueError):
    """A value that `encode` does not take, or bytes that `decode` does not take.

    `reason` says what is wrong. Of a value that is encoded, `path` is its place in the data (`'["db"]["pool"]'`, empty
    at the top). Of bytes, `offset` is where the item begins that is wrong. The other one is None.

    >>> try:
    ...     encode(Map(pool=Vector([print])))
    ... except EncodingError as error:
    ...     error.path
    "['pool'][0]"
    >>> try:
    ...     decode(bytes([0x82, 0x01, 0xFF]))
    ... except EncodingError as error:
    ...     error.offset
    2
    """

    def __init__(self, reason: str, path: str | None = None, offset: int | None = None) -> None:
        super().__init__(reason, path, offset)
        self.reason = reason
        self.path = path
        self.offset = offset

    def __str__(self) -> str:
        if self.offset is not None:
            return f"at offset {self.offset}: {self.reason}"
        return f"{self.path}: {self.reason}" if self.path else self.reason


# Called by the core where a call fails: each returns the error that is to be raised


def _found_on(error: BaseException, labels: list[tuple[bool, Any]]) -> BaseException:
    """The error happened at what the labels lead to, (whether it is a key or member, key or index)."""
    if not isinstance(error, EncodingError) or error.path is not None or error.offset is not None:
        return error
    return _placed(error, path=show_path(Member(key) if is_key else key for is_key, key in labels))


def _found_at(error: BaseException, offset: int) -> BaseException:
    """The bytes at `offset` are wrong."""
    if not isinstance(error, EncodingError) or error.offset is not None:
        return error
    return _placed(error, offset=offset)


def _wrapped_at(error: BaseException, offset: int) -> BaseException:
    """The same where what is made of the bytes may raise anything."""
    if isinstance(error, EncodingError):
        return _found_at(error, offset)
    if isinstance(error, (MemoryError, RecursionError)):
        return error
    wrapped = EncodingError(f"{type(error).__name__}: {_shortened(str(error))}", offset=offset)
    wrapped.__cause__ = error
    return wrapped


def _placed(error: EncodingError, **place: Any) -> EncodingError:
    placed = EncodingError(error.reason, **place)
    placed.__cause__ = error.__cause__
    return placed.with_traceback(error.__traceback__)


def _shortened(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[:most] + "..."


# Registered classes


class _Registry:
    """The classes that `types=` names."""

    def __init__(self, types: Mapping[str, type] | Iterable[type]) -> None:
        named = types.items() if isinstance(types, Mapping) else ((_name_of(cls), cls) for cls in types)
        self.by_name: dict[str, type] = {}
        self.names: dict[type, str] = {}
        for name, cls in named:
            if type(name) is not str or not isinstance(cls, type):
                raise TypeError(
                    f"types= takes a mapping of names to classes, not of {_bounded_repr(name)} to {_bounded_repr(cls)}"
                )
            if self.by_name.setdefault(name, cls) is not cls:
                raise ValueError(f"types= has two classes called {_bounded_repr(name)}: give a mapping of other names")
            if self.names.setdefault(cls, name) != name:
                raise ValueError(f"types= has two names for {_bounded_repr(cls)}: each class has one")
            _check_class(cls)


def _name_of(cls: Any) -> str:
    if not isinstance(cls, type):
        raise TypeError(f"types= takes classes, or a mapping of names to classes, not {_bounded_repr(cls)}")
    return f"{cls.__module__}.{cls.__qualname__}"


def _check_class(cls: Any) -> None:
    """Whether the class is one that says itself how it is taken apart, or TypeError."""
    if issubclass(cls, Enum):
        if not cls.__members__ and not issubclass(cls, Flag):
            raise TypeError(f"{_bounded_repr(cls)} in types= is an enum without members")
    elif _is_named_tuple(cls):
        pass
    elif not is_dataclass(cls):
        raise TypeError(f"{_bounded_repr(cls)} in types= is no enum, named tuple or frozen dataclass")
    elif not _is_frozen(cls):
        raise TypeError(f"{_bounded_repr(cls)} in types= can be changed: declare it with frozen=True")
    elif _has_init_variables(cls):
        raise TypeError(f"{_bounded_repr(cls)} in types= has an InitVar, whose value it does not keep")


def _is_frozen(cls: Any) -> bool:
    return bool(cls.__dataclass_params__.frozen)


def _has_init_variables(cls: Any) -> bool:
    from dataclasses import _FIELD_INITVAR  # type: ignore[attr-defined]

    return any(field._field_type is _FIELD_INITVAR for field in cls.__dataclass_fields__.values())


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)


def _field_names(cls: Any) -> list[str]:
    """The fields that are arguments of the class: the others it computes itself."""
    from dataclasses import fields

    return [field.name for field in fields(cls) if field.init]


def _take_apart_registered(value: Any, name: str) -> tuple[int, Any]:
    cls: Any = type(value)
    if issubclass(cls, Flag):
        return _OBJECT, (name, value.value)
    if issubclass(cls, Enum):
        return _OBJECT, (name, value.name)
    if issubclass(cls, tuple):
        return _OBJECT, (name, *tuple.__iter__(value))
    try:
        fields = Map({field: getattr(value, field) for field in _field_names(cls)})
    except AttributeError as error:
        raise EncodingError(f"{_bounded_repr(value)} has a field without value: {_shortened(str(error))}") from None
    return _OBJECT, (name, fields)


def _make_registered(content: tuple[Any, ...], registry: _Registry | None) -> Any:
    name = content[0] if content else None
    cls: Any = registry.by_name.get(name) if registry is not None and type(name) is str else None
    if cls is None:
        raise EncodingError(f"a class called {_bounded_repr(name)}, which types= does not name")
    values = content[1:]
    if issubclass(cls, Flag):
        made = _make_flag(cls, values)
    elif issubclass(cls, Enum):
        made = _make_member(cls, values)
    elif issubclass(cls, tuple):
        made = _make_named_tuple(cls, values)
    else:
        made = _make_dataclass(cls, values)
    if type(made) is not cls:
        raise EncodingError(f"{_bounded_repr(cls)} made {_bounded_repr(made)}")
    return made


def _make_named_tuple(cls: Any, values: tuple[Any, ...]) -> Any:
    if len(values) != len(cls._fields):
        raise EncodingError(f"{len(values)} fields, and {_bounded_repr(cls)} has {len(cls._fields)}")
    return cls(*values)


def _make_flag(cls: Any, values: tuple[Any, ...]) -> Any:
    if len(values) != 1 or type(values[0]) is not int:
        raise EncodingError(f"a member of {_bounded_repr(cls)} is encoded as its name and an int")
    made = cls(values[0])
    if made.value != values[0]:
        raise EncodingError(f"{_bounded_repr(values[0])} is not the value of a member of {_bounded_repr(cls)}")
    return made


def _make_member(cls: Any, values: tuple[Any, ...]) -> Any:
    made = cls.__members__.get(values[0]) if len(values) == 1 and type(values[0]) is str else None
    if made is None or made.name != values[0]:
        raise EncodingError(f"{_bounded_repr(cls)} has no member that is called {_bounded_repr(values)}")
    return made


def _make_dataclass(cls: Any, values: tuple[Any, ...]) -> Any:
    if len(values) != 1 or type(values[0]) is not Map:
        raise EncodingError(f"{_bounded_repr(cls)} is encoded as its name and a map of its fields")
    fields, wanted = values[0], _field_names(cls)
    if len(fields) != len(wanted) or not all(name in fields for name in wanted):
        raise EncodingError(f"the fields of {_bounded_repr(cls)} are {', '.join(wanted)}, not {_bounded_repr(fields)}")
    return cls(**dict(fields))


# The standard library's types. A module that is not imported has made no value, so a value's class leads to its row
# by its name; nothing is imported to find out that a value is none of these.


def _take_decimal(value: Any) -> tuple[int, Any]:
    text = str(value).replace("e", "E")  # the context may say that it is small
    found = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?(?:E([+-]\d+))?", text)
    if found is not None:
        sign, whole, fraction, exponent = found[1], found[2], found[3] or "", int(found[4] or "0")
        digits = (whole + fraction).lstrip("0") or "0"
        if len(digits) <= 18 and not (sign and digits == "0"):
            return _DECIMAL, (exponent - len(fraction), int(sign + digits))
    return _DECIMAL_TEXT, text


def _make_decimal(content: Any) -> Any:
    from decimal import Context, Decimal

    if type(content) is str:
        return Decimal(content, Context(traps=[]))
    exponent, digits = _ints(content, 2)
    return Decimal(f"{digits}E{exponent}", Context(traps=[]))


def _make_decimal_parts(content: Any) -> Any:
    return _make_decimal(_typed(tuple, content))


def _make_decimal_text(content: Any) -> Any:
    return _make_decimal(_typed(str, content))


def _make_fraction(content: Any) -> Any:
    from fractions import Fraction

    return Fraction(*_bounded(_ints(content, 2)))


def _bounded(parts: tuple[int, int]) -> tuple[int, int]:
    """Of a Fraction: Python takes quadratic time to find out what they have in common."""
    if any(part.bit_length() > _MOST_BITS for part in parts):
        raise EncodingError(
            f"a Fraction of more than {_MOST_BITS:,} bits: encode its numerator and denominator as ints"
        )
    return parts


def _make_uuid(content: Any) -> Any:
    from uuid import UUID

    return UUID(bytes=_typed(bytes, content))


def _take_interface(value: Any) -> Any:
    packed, length, scope = value.ip.packed, value.network.prefixlen, getattr(value, "scope_id", None)
    return (packed, length) if scope is None else (packed, length, scope)


def _take_address(value: Any) -> Any:
    scope = getattr(value, "scope_id", None)
    return value.packed if scope is None else (value.packed, None, scope)


def _take_network(value: Any) -> Any:
    return value.prefixlen, value.network_address.packed.rstrip(b"\0")


def _make_ip(version: int) -> Callable[[Any], Any]:
    size = 4 if version == 4 else 16

    def make(content: Any) -> Any:
        import ipaddress

        kind: str = "Address"
        match content:
            case bytes():
                return getattr(ipaddress, f"IPv{version}Address")(content)
            case (bytes(packed), int(length)) if type(length) is int:
                kind, arguments = "Interface", (packed, length)
            case (int(length), bytes(packed)) if type(length) is int and len(packed) <= size:
                kind, arguments = "Network", (packed.ljust(size, b"\0"), length)
            case (bytes(packed), None, str(scope)):
                arguments = f"{ipaddress.IPv6Address(packed)}%{scope}"  # type: ignore[assignment]
            case (bytes(packed), int(length), str(scope)) if type(length) is int:
                kind, arguments = "Interface", f"{ipaddress.IPv6Address(packed)}%{scope}/{length}"  # type: ignore[assignment]
            case _:
                raise EncodingError("no address, interface or network as RFC 9164 writes them")
        return getattr(ipaddress, f"IPv{version}{kind}")(arguments)

    return make


def _make_range(content: Any) -> range:
    return range(*_ints(content, 3))


def _make_timedelta(content: Any) -> Any:
    from datetime import timedelta

    return timedelta(*_ints(content, 3))


def _make_path(name: str) -> Callable[[Any], Any]:
    def make(content: Any) -> Any:
        import pathlib

        return getattr(pathlib, name)(_typed(str, content))

    return make


def _make_complex(content: Any) -> complex:
    if len(content) != 2 or {type(part) for part in content} != {float}:
        raise EncodingError("a complex number is two floats")
    return complex(*content)


def _make_datetime(content: Any) -> Any:
    from datetime import datetime

    if type(content) is str:
        return datetime.fromisoformat(content)
    text, fold, zone = _zoned(content)
    return datetime.fromisoformat(text).replace(fold=fold, tzinfo=zone)


def _make_time(content: Any) -> Any:
    from datetime import time

    if type(content) is str:
        return time.fromisoformat(content)
    text, fold, zone = _zoned(content)
    return time.fromisoformat(text).replace(fold=fold, tzinfo=zone)


def _make_date(content: Any) -> Any:
    from datetime import date

    return date.fromisoformat(_typed(str, content))


# The core takes dates and times apart itself, but not those of the datetime module in Python, which subinterpreters of
# 3.12 have.


def _take_datetime(value: Any) -> tuple[int, Any]:
    text, fold, zone = _zone_apart(value)
    if fold == 0 and type(zone) is int and zone % 60_000_000 == 0:
        hours, minutes = divmod(abs(zone) // 60_000_000, 60)
        return _TIMESTAMP, text + (f"{'-' if zone < 0 else '+'}{hours:02}:{minutes:02}" if zone else "Z")
    return _DATETIME, _with_zone(text, fold, zone)


def _take_time(value: Any) -> tuple[int, Any]:
    return _TIME, _with_zone(*_zone_apart(value))


def _zone_apart(value: Any) -> tuple[str, int, Any]:
    zone = None if value.tzinfo is None else _describe_zone(value.tzinfo)
    return value.replace(tzinfo=None, fold=0).isoformat(), value.fold, zone


def _with_zone(text: str, fold: int, zone: Any) -> Any:
    if fold == 0 and zone is None:
        return text
    return (text, fold, *(zone if type(zone) is tuple else (zone,)))


def _zoned(content: Any) -> tuple[str, int, Any]:
    if len(content) not in (3, 4) or type(content[0]) is not str or len(content[0]) > 32 or content[1] not in (0, 1):
        raise EncodingError("a time with a zone or fold is [text, fold, zone]")
    return content[0], content[1], _make_zone(content[2:])


def _make_zone(description: tuple[Any, ...]) -> Any:
    match description:
        case (None,):
            return None
        case (str(key),) if re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", key) and len(key) <= 100:
            from zoneinfo import ZoneInfo

            return ZoneInfo(key)
        case (int(offset), *name) if type(offset) is int and all(type(part) is str for part in name):
            from datetime import timedelta, timezone

            return timezone(timedelta(microseconds=offset), *name)
    raise EncodingError(f"no time zone: {_bounded_repr(description)}")


def _describe_zone(zone: Any) -> Any:
    """What stands for a time zone: the key of a ZoneInfo, the microseconds of a timezone, or (microseconds, name)."""
    kind = _standard_name(type(zone))
    if kind == "datetime.timezone":
        offset, *name = zone.__getinitargs__()
        microseconds = (offset.days * 86_400 + offset.seconds) * 1_000_000 + offset.microseconds
        return (microseconds, *name) if name else microseconds
    if kind == "zoneinfo.ZoneInfo" and zone.key is not None and _is_found(zone):
        return zone.key
    raise EncodingError(f"{_bounded_repr(zone)} is no timezone, and no ZoneInfo that a reader finds by its key")


def _is_found(zone: Any) -> bool:
    from pickle import PicklingError

    try:
        zone.__reduce__()  # says whether it was read from a file
        return bool(_make_zone((zone.key,)).key == zone.key)
    except (PicklingError, EncodingError, LookupError, ValueError, OSError):
        return False


def _ints(content: Any, count: int) -> Any:
    if type(content) is not tuple or len(content) != count or any(type(part) is not int for part in content):
        raise EncodingError(f"{count} integers should stand here")
    return content


def _typed(cls: type, content: Any) -> Any:
    if type(content) is not cls:
        raise EncodingError(f"a {cls.__name__} should stand here, not {_bounded_repr(content)}")
    return content


_TAKES: dict[str, Callable[[Any], tuple[int, Any]]] = {
    "decimal.Decimal": _take_decimal,
    "fractions.Fraction": lambda f: (_FRACTION, _bounded((f.numerator, f.denominator))),
    "uuid.UUID": lambda u: (_UUID, u.bytes),
    "datetime.date": lambda d: (_DATE, d.isoformat()),
    "datetime.datetime": _take_datetime,
    "datetime.time": _take_time,
    "builtins.range": lambda r: (_RANGE, (r.start, r.stop, r.step)),
    "datetime.timedelta": lambda d: (_TIMEDELTA, (d.days, d.seconds, d.microseconds)),
    "ipaddress.IPv4Address": lambda a: (_IP4, _take_address(a)),
    "ipaddress.IPv6Address": lambda a: (_IP6, _take_address(a)),
    "ipaddress.IPv4Network": lambda n: (_IP4, _take_network(n)),
    "ipaddress.IPv6Network": lambda n: (_IP6, _take_network(n)),
    "ipaddress.IPv4Interface": lambda i: (_IP4, _take_interface(i)),
    "ipaddress.IPv6Interface": lambda i: (_IP6, _take_interface(i)),
    "pathlib.PurePosixPath": lambda p: (_POSIX_PATH, str(p)),
    "pathlib.PureWindowsPath": lambda p: (_WINDOWS_PATH, str(p)),
}
_MAKES: dict[int, Callable[[Any], Any]] = {
    _DECIMAL: _make_decimal_parts,
    _DECIMAL_TEXT: _make_decimal_text,
    _FRACTION: _make_fraction,
    _UUID: _make_uuid,
    _IP4: _make_ip(4),
    _IP6: _make_ip(6),
    _COMPLEX: _make_complex,
    _DATE: _make_date,
    _TIMESTAMP: _make_datetime,
    _DATETIME: _make_datetime,
    _TIME: _make_time,
    _TIMEDELTA: _make_timedelta,
    _RANGE: _make_range,
    _POSIX_PATH: _make_path("PurePosixPath"),
    _WINDOWS_PATH: _make_path("PureWindowsPath"),
}


def _take_apart(value: Any, registry: _Registry | None) -> tuple[int, Any]:
    """The tag of `value` and its content: a tuple, or what the core writes by itself."""
    cls = type(value)
    if registry is not None and cls in registry.names:
        return _take_apart_registered(value, registry.names[cls])
    if cls in _OF_FILES:
        return _NO_TAG, _OF_FILES[cls](value)
    take = _TAKES.get(_standard_name(cls))
    if take is None:
        raise EncodingError(f"{_bounded_repr(value)} of type {_name_of(cls)} cannot be encoded{_remedy(cls)}")
    return take(value)


# A container of a file has the bytes of one in memory; what it holds may be a view, too.
_NO_TAG = -1
_OF_FILES: dict[type, Callable[[Any], Any]] = {
    FileMap: lambda view: Map(view.items()),
    FileSet: Set,
    FileVector: Vector,
}


def _standard_name(cls: type) -> str:
    """The name of a class that is the standard library's own, else nothing: others can call theirs the same."""
    module = "pathlib" if cls.__module__ in ("pathlib._local", "pathlib._abc") else cls.__module__
    module = {"_pydecimal": "decimal", "_pydatetime": "datetime"}.get(module, module)
    found = getattr(sys.modules.get(module), cls.__name__, None)
    return f"{module}.{cls.__name__}" if found is cls else ""


# Where values are kept, and how to get at one.
_PLACES = {
    **dict.fromkeys(
        ("AtomicRef", "SharedRef", "AtomicCounter", "SharedAtomicCounter", "FileRef", "RemoteRef"), "get()"
    ),
    **dict.fromkeys(("AtomicMap", "SharedAtomicMap", "Cache"), "snapshot()"),
    "Handle": "redeem()",
}


def _remedy(cls: Any) -> str:
    if issubclass(cls, Enum) or _is_named_tuple(cls) or is_dataclass(cls):
        return ": name its class in types="
    if cls.__module__.startswith("pathlib"):
        return ": a path of this machine's files; make it a PurePath"
    if issubclass(cls, (dict, list, set)):
        return ": encode() takes no subclasses; freeze it"
    for plain in (frozenset, tuple, str, bytes, int, float, Map, Set, Vector):  # freeze keeps these as they are
        if issubclass(cls, plain):
            return f": encode() takes no subclasses; make it a plain {plain.__name__}"
    if cls.__module__ == "frozen" and cls.__name__ in _PLACES:
        return f": it is no value; encode what its {_PLACES[cls.__name__]} returns"
    return ": convert it to what docs/encoding.md lists"


def _put_together(tag: int, content: Any, registry: _Registry | None) -> Any:
    """The value that a tag stands for with this content, a tuple, a str or bytes."""
    if tag == _OBJECT:
        return _make_registered(_typed(tuple, content), registry)
    make = _MAKES.get(tag)
    if make is None:
        raise EncodingError(f"tag {tag} is not known, or not with this content")
    return make(content)
