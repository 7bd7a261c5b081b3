"""A dataclass as a schema: an instance is built of a mapping, and every field has the type that it declares.

Nothing is converted but what a file cannot say otherwise: an int where a float is declared, a list where a tuple or a
set is, a str where a path, a date, or the value of an enum's member is.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from frozen._core import Map, Vector
from frozen.config._errors import shown, steps_text

__all__ = ["build", "hints_of"]

Path = tuple[Any, ...]
_FROM_TEXT: dict[type, Any] = {
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    datetime.datetime: datetime.datetime.fromisoformat,
    pathlib.Path: pathlib.Path,
    pathlib.PurePath: pathlib.PurePath,
}


class Misfit(Exception):
    """The value at `path` does not fit: `reason` says what is declared there."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


def hints_of(cls: type) -> dict[str, Any]:
    """The types that the fields declare."""
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise TypeError(
            f"the types of {cls.__qualname__} cannot be resolved ({error}): declare them where its module finds them"
        ) from None


def build(cls: type, data: Mapping[Any, Any], path: Path = ()) -> Any:
    """An instance of the dataclass. Misfit for a missing, an unknown or a wrong value. O(n)."""
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    unknown = [key for key in data if key not in fields]
    if unknown:
        raise Misfit(
            (*path, unknown[0]), f"no field of {cls.__qualname__}, only {', '.join(fields)}: rename or remove it"
        )
    hints, arguments = hints_of(cls), {}
    for name, field in fields.items():
        if name in data:
            arguments[name] = fit(data[name], hints[name], (*path, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise Misfit((*path, name), f"missing: {cls.__qualname__} has no default for it")
    try:
        return cls(**arguments)
    except (ValueError, TypeError) as error:
        raise Misfit(path, f"refused by {cls.__qualname__}: {error}") from error


def fit(value: Any, declared: Any, path: Path) -> Any:
    """The value as what is declared, or Misfit."""
    declared = _bare(declared)
    origin, arguments = get_origin(declared), get_args(declared)
    if declared is Any or declared is object:
        return value
    if declared is None:
        declared = type(None)
    if origin in (Union, types.UnionType):
        return _fit_union(value, arguments, path)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in arguments):
            return value
        raise Misfit(path, f"none of {', '.join(map(shown, arguments))}")
    cls = origin or declared
    if not isinstance(cls, type):
        raise TypeError(
            f"{steps_text(path)} is declared {shown(declared)}, which a dataclass as a schema cannot check: "
            "declare Any, or give a function or a pydantic model as the schema"
        )
    return _fit_class(value, cls, arguments, path)


def _bare(declared: Any) -> Any:
    """What is declared below Annotated, Final, NewType and aliases."""
    while True:
        if hasattr(declared, "__supertype__"):
            declared = declared.__supertype__
        elif hasattr(declared, "__metadata__") or get_origin(declared) is typing.Final:
            declared = get_args(declared)[0]
        elif hasattr(declared, "__value__"):  # type X = ...
            declared = declared.__value__
        else:
            return declared


def _fit_union(value: Any, choices: tuple[Any, ...], path: Path) -> Any:
    deepest: Misfit | None = None
    exact = [choice for choice in choices if _bare(choice) is type(value)]
    for choice in (*exact, *choices):
        try:
            return fit(value, choice, path)
        except Misfit as misfit:
            if deepest is None or len(misfit.path) > len(deepest.path):
                deepest = misfit
    assert deepest is not None
    if len(deepest.path) > len(path):
        raise deepest
    raise Misfit(path, f"none of {', '.join(_title(choice) for choice in choices)}")


def _fit_class(value: Any, cls: type, arguments: tuple[Any, ...], path: Path) -> Any:
    if dataclasses.is_dataclass(cls) and not isinstance(value, cls):
        if isinstance(value, Mapping):
            return build(cls, value, path)
    elif issubclass(cls, Mapping) or cls is dict:
        if isinstance(value, Mapping):
            return _fit_mapping(value, arguments, path)
    elif issubclass(cls, (collections.abc.Sequence, collections.abc.Set)) and not issubclass(cls, (str, bytes)):
        if isinstance(value, (collections.abc.Sequence, collections.abc.Set)) and not isinstance(value, (str, bytes)):
            return _fit_sequence(value, cls, arguments, path)
    elif cls is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif isinstance(value, cls) and not (isinstance(value, bool) and cls is int):
        return value
    elif isinstance(cls, enum.EnumMeta):
        return _fit_member(value, cls, path)
    elif cls in _FROM_TEXT and isinstance(value, str):
        try:
            return _FROM_TEXT[cls](value)
        except ValueError:  # its text shows the value
            raise Misfit(path, f"no {cls.__name__}: write it as ISO 8601 does") from None
    raise Misfit(path, f"no {_title(cls)}")


def _fit_member(value: Any, cls: Any, path: Path) -> Any:
    try:
        return cls(value)
    except ValueError:
        raise Misfit(path, f"none of {', '.join(shown(member.value) for member in cls)}") from None


def _fit_mapping(value: Mapping[Any, Any], arguments: tuple[Any, ...], path: Path) -> Any:
    keys, values = arguments or (Any, Any)
    return Map((fit(key, keys, (*path, key)), fit(part, values, (*path, key))) for key, part in value.items())


def _fit_sequence(value: Any, cls: type, arguments: tuple[Any, ...], path: Path) -> Any:
    if issubclass(cls, tuple) and arguments and arguments[-1] is not ...:
        if len(value) != len(arguments):
            raise Misfit(path, f"not of {len(arguments)} elements")
        return tuple(fit(part, one, (*path, i)) for i, (part, one) in enumerate(zip(value, arguments, strict=True)))
    element = arguments[0] if arguments else Any
    parts = [fit(part, element, (*path, index)) for index, part in enumerate(value)]
    if issubclass(cls, tuple):
        return tuple(parts)
    return frozenset(parts) if issubclass(cls, collections.abc.Set) else Vector(parts)


def _title(declared: Any) -> str:
    if declared is type(None):
        return "null"
    return getattr(declared, "__name__", None) or shown(declared)
