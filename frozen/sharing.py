"""Sharing values between interpreters: what can be shared, how it is converted, and what to say where it cannot.

The C core holds None, bool, int, float, complex, str, bytes, Ellipsis, tuple, frozenset, Blob and shared containers by
itself. Every other type is held by *registration*: a function that turns an object into a value that can be held, and
one that makes an equal object of it in the interpreter that reads. The standard library's immutable types are
registered here; `register_shareable` adds your own.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Callable, Iterable
from operator import is_ as _is
from typing import Any, TypeVar, cast

from frozen import _core
from frozen._core import Map, Set, SharedMap, SharedRef, SharedSet, SharedVector, Vector

__all__ = ["NotShareableError", "is_shareable", "register_shareable", "share"]

_T = TypeVar("_T")


class NotShareableError(TypeError):
    """A value cannot be shared between interpreters.

    `value` is the object, `path` where it stands in what was to be shared (`'["db"]["pool"]'`, empty at the top), and
    `reason` why it cannot, with what to do instead.
    """

    def __init__(self, value: object, reason: str, path: str = "") -> None:
        super().__init__(value, reason, path)
        self.value = value
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        at = f"{self.path}: " if self.path else ""
        return f"{at}{_core._bounded_repr(self.value)} of type {_name_of(type(self.value))} {self.reason}"


def _name_of(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _found_at(error: BaseException, brackets: str, key: object) -> None:
    """Called by the core on the way up: what `error` is about stands at `key` of what was to be shared."""
    if isinstance(error, NotShareableError):
        error.path = f"{brackets[0]}{_core._bounded_repr(key)}{brackets[1]}{error.path}"


# Conversion


def share(obj: Any) -> Any:
    """Convert `obj` deeply into what interpreters can share: dicts and maps become SharedMaps, lists and Vectors
    SharedVectors, sets SharedSets, at every depth. Tuples stay tuples.

    What can be shared as it is comes back as it is, and what is shared already is shared, not copied, as are objects
    that occur more than once. O(n), once; the result crosses to other interpreters in O(1).

    Raises NotShareableError, which names the path to what cannot be shared; nothing is half done then. A container
    that holds itself cannot be shared.
    """
    return _share(obj, {})


def is_shareable(obj: object) -> bool:
    """Whether `obj` can be stored in a shared container as it is, without `share`. O(its size)."""
    try:
        _core._check_shareable(obj)
    except NotShareableError:
        return False
    return True


_BUSY = object()


def _share(obj: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    """`seen` maps the id of each object that was converted, or is being converted, to (result, the object itself)."""
    convert = _CONVERTERS.get(type(obj))
    if convert is None:
        _core._check_shareable(obj)
        return obj
    known = seen.get(id(obj))
    if known is not None:
        if known[0] is _BUSY:
            raise NotShareableError(obj, "contains itself: a shared value is finished before anything can hold it")
        return known[0]
    seen[id(obj)] = _BUSY, obj
    result = convert(obj, seen)
    seen[id(obj)] = result, obj
    return result


def _share_at(brackets: str, key: object, obj: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    try:
        return _share(obj, seen)
    except NotShareableError as error:
        _found_at(error, brackets, key)
        raise


def _share_mapping(obj: Any, seen: dict[int, tuple[Any, Any]]) -> SharedMap[Any, Any]:
    try:
        return SharedMap(obj)  # in C, where no value needs conversion
    except NotShareableError:
        return SharedMap([(key, _share_at("[]", key, value, seen)) for key, value in obj.items()])


def _share_tuple(obj: tuple[Any, ...], seen: dict[int, tuple[Any, Any]]) -> tuple[Any, ...]:
    members = tuple([_share_at("[]", index, member, seen) for index, member in enumerate(obj)])
    return obj if all(map(_is, members, obj)) else members


def _share_frozenset(obj: frozenset[Any], seen: dict[int, tuple[Any, Any]]) -> frozenset[Any]:
    return frozenset([_share_at("{}", member, member, seen) for member in obj])


def _share_set(obj: Any, seen: dict[int, tuple[Any, Any]]) -> SharedSet[Any]:
    try:
        return SharedSet(obj)
    except NotShareableError:
        return SharedSet([_share_at("{}", member, member, seen) for member in obj])


def _share_sequence(obj: Any, seen: dict[int, tuple[Any, Any]]) -> SharedVector[Any]:
    try:
        return SharedVector(obj)
    except NotShareableError:
        return SharedVector([_share_at("[]", index, member, seen) for index, member in enumerate(obj)])


_CONVERTERS: dict[type, Callable[[Any, dict[int, tuple[Any, Any]]], Any]] = {
    dict: _share_mapping,
    Map: _share_mapping,
    list: _share_sequence,
    Vector: _share_sequence,
    tuple: _share_tuple,
    frozenset: _share_frozenset,
    set: _share_set,
    Set: _share_set,
}
if sys.version_info >= (3, 15):
    _CONVERTERS[frozendict] = _share_mapping  # noqa: F821


# Registered types. A name says everything that the reading interpreter needs to find the decoder:
# "module:qualified name" of the class, and "@module" of the one whose import registers it, where that is another.

_encoders: dict[type, tuple[str, Callable[[Any], Any]]] = {}
_decoders: dict[str, Callable[[Any], Any]] = {}


def register_shareable(
    cls: type[_T], encode: Callable[[_T], object] | None = None, decode: Callable[[Any], _T] | None = None
) -> type[_T]:
    """Let instances of `cls`, an immutable class, be shared between interpreters. Returns `cls`, so it decorates.

    `encode(obj)` returns a shareable value, `decode(value)` an object equal to `obj`; named tuples and frozen
    dataclasses need neither. Instances of subclasses are not meant. The class is recorded by its qualified name and
    found by import in the interpreter that reads; with functions of your own, register at the top level of the module
    that defines `decode`, so that importing it there registers the class too.

    Raises TypeError for a class that is not immutable by itself and comes without functions, ValueError for a class
    that import cannot find.
    """
    if (encode is None) != (decode is None):
        raise TypeError("register_shareable() takes both encode and decode, or neither")
    if "<locals>" in cls.__qualname__:
        raise ValueError(f"{_name_of(cls)} is local to a function: other interpreters cannot import it")
    if encode is None or decode is None:
        encode, decode = _by_fields(cls)
        name = f"{cls.__module__}:{cls.__qualname__}"
    else:
        name = f"{cls.__module__}:{cls.__qualname__}@{getattr(decode, '__module__', None) or cls.__module__}"
    _encoders[cls] = (name, encode)
    _decoders[name] = decode
    return cls


def _by_fields(cls: type[_T]) -> tuple[Callable[[_T], object], Callable[[Any], _T]]:
    """Encoder and decoder of a named tuple or frozen dataclass."""
    if issubclass(cls, tuple) and hasattr(cls, "_make"):
        named: Any = cls
        return lambda obj: tuple(cast(Any, obj)), named._make
    parameters = getattr(cls, "__dataclass_params__", None)
    if parameters is not None and parameters.frozen:
        names = tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]

        def encode(obj: _T) -> object:
            return tuple(getattr(obj, name) for name in names)

        def decode(values: Iterable[Any]) -> _T:
            obj = object.__new__(cls)  # as copy does: the fields were computed already
            for name, value in zip(names, values, strict=True):
                object.__setattr__(obj, name, value)
            return obj

        return encode, decode
    raise TypeError(
        f"{_name_of(cls)} is neither a named tuple nor a frozen dataclass: "
        "pass encode(obj) -> shareable value and decode(value) -> obj"
    )


def _encode(obj: object) -> tuple[str, object, bool]:
    """Called by the core for every object it does not hold by itself: its name, a value to be held in its place, and
    whether its hash depends on the interpreter. NotShareableError if there is no such value.
    """
    cls = type(obj)
    found = _encoders.get(cls)
    if found is None:
        found = _standard_encoder(cls)
        if found is None:
            raise NotShareableError(obj, _advice(obj))
        _encoders[cls] = found
    name, encode = found
    return name, encode(obj), name in _HASH_DIFFERS and _HASH_DIFFERS[name](obj)


def _decode(name: str, value: object) -> object:
    """Called by the core to make an object of what `_encode` returned, perhaps in another interpreter."""
    decode = _decoders.get(name)
    if decode is None:
        decode = _decoders[name] = _find_decoder(name)
    return decode(value)


def _find_decoder(name: str) -> Callable[[Any], Any]:
    kind, _, where = name.rpartition("!")
    where, _, registrar = where.partition("@")
    try:
        cls = _import_class(where)
        if kind:
            return _STANDARD_DECODERS[kind](cls)
        if not registrar:
            return _by_fields(cls)[1]
        importlib.import_module(registrar)
        return _decoders[name]
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, KeyError):
            reason = f"importing {registrar!r} does not register it: call register_shareable() at its top level"
        raise ImportError(f"a shared {where.replace(':', '.')} cannot be read in this interpreter: {reason}") from error


def _import_class(where: str) -> type:
    module, _, qualified = where.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def _advice(obj: object) -> str:
    """Why an object cannot be shared, and what to do instead."""
    name = type(obj).__name__
    if isinstance(obj, (bytearray, memoryview)):
        return "can change: share bytes(...) of it, or a Blob"
    if isinstance(obj, SharedRef):
        return "is a place, not a value, and could come to hold itself: pass it beside the value, or attach by name"
    if isinstance(obj, (dict, list, set)) or type(obj).__module__ == "frozen":
        return "is not held as it is: share() converts it"
    if callable(obj):
        return "has no value that another interpreter could have: only data can be shared"
    if isinstance(obj, (str, bytes, int, float, complex, tuple, frozenset)):
        return f"is a subclass: convert it, or frozen.register_shareable({name})"
    return f"cannot be shared: convert it, or frozen.register_shareable({name}, encode, decode) if it is immutable"


# The standard library. Names are "kind!module:qualified name".


def _standard_encoder(cls: type) -> tuple[str, Callable[[Any], Any]] | None:
    """Found once for each class, without importing anything: where an object is, its module is."""
    where = f"{_PUBLIC_MODULES.get(cls.__module__, cls.__module__)}:{cls.__qualname__}"
    for kind, applies, encode in _STANDARD_ENCODERS:
        if applies(cls, where):
            if "<locals>" in where:
                return None
            return f"{kind}!{where}", encode
    return None


def _bases(cls: type) -> set[str]:
    return {f"{base.__module__}.{base.__qualname__}" for base in cls.__mro__}


def _named(*names: str) -> Callable[[type, str], bool]:
    return lambda cls, where: where in names


def _derives_from(*names: str) -> Callable[[type, str], bool]:
    return lambda cls, where: not _bases(cls).isdisjoint(names)


def _is_path(cls: type, where: str) -> bool:
    return where.startswith(("pathlib:", "pathlib._local:"))


_STANDARD_ENCODERS: list[tuple[str, Callable[[type, str], bool], Callable[[Any], Any]]] = [
    ("flag", _derives_from("enum.Flag"), lambda flag: flag.value),
    ("enum", _derives_from("enum.Enum"), lambda member: member.name),
    ("text", _named("decimal:Decimal"), str),
    ("path", _is_path, str),
    ("args", _named("fractions:Fraction"), lambda f: (f.numerator, f.denominator)),
    ("uuid", _named("uuid:UUID"), lambda u: (u.int, u.is_safe.value)),
    ("args", _named("datetime:date"), lambda d: (d.year, d.month, d.day)),
    ("args", _named("datetime:timedelta"), lambda d: (d.days, d.seconds, d.microseconds)),
    ("args", _named("datetime:timezone"), lambda z: z.__getinitargs__()),
    ("args", _named("zoneinfo:ZoneInfo"), lambda z: (z.key,)),
    ("fold", _named("datetime:time"), lambda t: (t.fold, t.hour, t.minute, t.second, t.microsecond, t.tzinfo)),
    (
        "fold",
        _named("datetime:datetime"),
        lambda d: (d.fold, d.year, d.month, d.day, d.hour, d.minute, d.second, d.microsecond, d.tzinfo),
    ),
    ("args", _named("builtins:range"), lambda r: (r.start, r.stop, r.step)),
]

# 3.12 has datetime in Python, and not in C, in all interpreters but the main one.
_PUBLIC_MODULES = {"_pydatetime": "datetime"}
_HASH_DIFFERS: dict[str, Callable[[Any], bool]] = {}
if sys.version_info[:2] == (3, 12):
    _HASH_DIFFERS = {"args!datetime:date": lambda d: True, "fold!datetime:time": lambda t: t.tzinfo is not None}

_STANDARD_DECODERS: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "flag": lambda cls: cls,
    "enum": lambda cls: lambda name: cls[name],  # not cls.__getitem__, which in an enum of texts is that of str
    "text": lambda cls: cls,
    "path": lambda cls: cls,
    "args": lambda cls: lambda args: cls(*args),
    "uuid": lambda cls: lambda args: cls(int=args[0], is_safe=_safe_uuid(args[1])),
    "fold": lambda cls: lambda args: cls(*args[1:], fold=args[0]),
}


def _safe_uuid(value: int | None) -> Any:
    from uuid import SafeUUID

    return SafeUUID(value)
