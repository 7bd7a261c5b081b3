"""Records: objects with named fields, as dataclasses, attrs, msgspec and pydantic make them.

Each is recognised by what its library documents of its classes, so that none of them has to be imported. `record_kind`
finds for a class what `freeze`, `thaw`, `share` and paths ask: the names of the fields, whether they can be assigned,
and two ways to a changed copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import FunctionType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RecordKind", "field_values", "kept_values", "record_kind"]

_UNSET: Any = object()


class RecordKind:
    """How the records of one class are read and copied."""

    title = "record"
    remedy = ""  # how to declare such a class immutable

    def __init__(self, cls: type) -> None:
        self.cls: Any = cls

    def is_frozen(self) -> bool:
        """Whether the fields cannot be assigned."""
        raise NotImplementedError

    def names(self, record: Any) -> Iterable[str]:
        """The names of the fields of `record`; a field need not have a value."""
        raise NotImplementedError

    def private(self, record: Any) -> list[tuple[str, Any]]:
        """What `record` holds beside its fields that a copy of it holds, too: names and values."""
        return []

    def computed(self, record: Any) -> list[tuple[str, Any]]:
        """What a cached_property, of whichever library, left in `record`: names and values."""
        held = getattr(record, "__dict__", None)
        if not held:
            return []
        names = set(self.names(record))
        return [
            (name, value) for name, value in held.copy().items() if name not in names and _is_cached(self.cls, name)
        ]

    def rebuild(self, record: Any, changes: Mapping[str, Any]) -> Any:
        """A copy of `record` with some fields or private values replaced, for which no code of the class runs.

        `__init__` and its like ran for `record` already, may have side effects, and would compute anew what is not
        among their arguments. Only fields are copied: anything else in `__dict__`, a cached_property for instance, was
        computed from the old ones.
        """
        result = _empty_like(record)
        for name, value in field_values(self, record):
            object.__setattr__(result, name, changes.get(name, value))
        return result

    def replace(self, record: Any, name: str, value: Any) -> Any:
        """A copy of `record` with one field replaced, made as its library makes it: the class checks the new value."""
        raise NotImplementedError


class _Dataclass(RecordKind):
    title = "dataclass"
    remedy = "declare it with frozen=True"

    def is_frozen(self) -> bool:
        return bool(self.cls.__dataclass_params__.frozen)

    def names(self, record: Any) -> Iterable[str]:
        return field_names(self.cls)

    def replace(self, record: Any, name: str, value: Any) -> Any:
        from dataclasses import replace

        return replace(record, **{name: value})


class _Attrs(RecordKind):
    title = "attrs class"
    remedy = "declare it with attrs.frozen"

    def is_frozen(self) -> bool:
        properties = getattr(self.cls, "__attrs_props__", None)  # since attrs 25.4
        if properties is not None:
            return bool(properties.is_frozen)
        return getattr(self.cls.__setattr__, "__name__", "") == "_frozen_setattrs"

    def names(self, record: Any) -> Iterable[str]:
        return [attribute.name for attribute in self.cls.__attrs_attrs__]

    def computed(self, record: Any) -> list[tuple[str, Any]]:
        """attrs keeps what a cached_property of a class with slots returned in a slot."""
        found = super().computed(record)
        known = {*self.names(record), "__weakref__", "_attrs_cached_hash"}
        for base in self.cls.__mro__:
            if "__attrs_attrs__" in base.__dict__:
                for name in set(base.__dict__.get("__slots__", ())) - known:
                    try:
                        found.append((name, object.__getattribute__(record, name)))  # it runs no code of the class
                    except AttributeError:
                        continue
        return found

    def rebuild(self, record: Any, changes: Mapping[str, Any]) -> Any:
        result = super().rebuild(record, changes)
        if hasattr(record, "_attrs_cached_hash"):  # of the old fields; None: not computed yet
            object.__setattr__(result, "_attrs_cached_hash", None)
        return result

    def replace(self, record: Any, name: str, value: Any) -> Any:
        arguments = {}
        for attribute in self.cls.__attrs_attrs__:
            if attribute.init:
                arguments[attribute.alias] = value if attribute.name == name else getattr(record, attribute.name)
            elif attribute.name == name:
                raise TypeError(f"{self.cls.__qualname__} computes its field {name} itself (init=False)")
        return self.cls(**arguments)


class _Struct(RecordKind):
    """msgspec.Struct, a type in C: object.__new__ does not make one."""

    title = "msgspec Struct"
    remedy = "declare it with frozen=True"

    def is_frozen(self) -> bool:
        return bool(self.cls.__struct_config__.frozen)

    def names(self, record: Any) -> Iterable[str]:
        names: Iterable[str] = self.cls.__struct_fields__
        return names

    def rebuild(self, record: Any, changes: Mapping[str, Any]) -> Any:
        result = _copied(record)
        getattr(result, "__dict__", {}).clear()  # there with dict=True: computed from the old fields
        for name, value in changes.items():
            object.__setattr__(result, name, value)
        return result

    def replace(self, record: Any, name: str, value: Any) -> Any:
        return self.cls(**{**dict(field_values(self, record)), name: value})


class _Model(RecordKind):
    """pydantic.BaseModel, with the extra fields that a model may accept, and its private attributes."""

    title = "pydantic model"
    remedy = "set model_config = ConfigDict(frozen=True)"

    def is_frozen(self) -> bool:
        return bool(self.cls.model_config.get("frozen"))

    def names(self, record: Any) -> Iterable[str]:
        declared = getattr(self.cls, "__pydantic_fields__", None) or self.cls.model_fields
        return [*declared, *(getattr(record, "__pydantic_extra__", None) or ())]

    def private(self, record: Any) -> list[tuple[str, Any]]:
        return list((getattr(record, "__pydantic_private__", None) or {}).items())

    def rebuild(self, record: Any, changes: Mapping[str, Any]) -> Any:
        return self._without_computed(_copied(record), changes)

    def replace(self, record: Any, name: str, value: Any) -> Any:
        return self._without_computed(record.model_copy(update={name: value}), {})

    def _without_computed(self, model: Any, changes: Mapping[str, Any]) -> Any:
        """`model`, which is new, with its fields changed and without what was computed from the old ones."""
        extra = getattr(model, "__pydantic_extra__", None) or {}
        private = getattr(model, "__pydantic_private__", None) or {}
        fields = model.__dict__
        for name in set(fields).difference(self.names(model)):
            del fields[name]
        for name, value in changes.items():
            (private if name in private else extra if name in extra else fields)[name] = value
        return model


def _is_cached(cls: type, name: str) -> bool:
    """Whether the class computes that attribute, and looks into `__dict__` first."""
    computes = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    descriptor: type = type(computes)
    return hasattr(descriptor, "__get__") and not hasattr(descriptor, "__set__") and descriptor is not FunctionType


def _empty_like(record: Any) -> Any:
    """A new object of the class of `record`, with what a builtin base class holds, but without the fields."""
    cls = type(record)
    if isinstance(record, BaseException):
        return cls.__new__(cls, *record.args)
    try:
        return object.__new__(cls)
    except TypeError:  # a subclass of another builtin
        return _copied(record)


def _copied(record: Any) -> Any:
    from copy import copy

    return copy(record)


def is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_dataclass(cls: type) -> bool:
    """As dataclasses.is_dataclass, which takes inspect and ast to import: the class has been made by it."""
    return hasattr(cls, "__dataclass_fields__")


def field_names(cls: Any) -> list[str]:
    """The fields of a dataclass."""
    from dataclasses import fields

    return [field.name for field in fields(cls)]


def record_kind(cls: type) -> RecordKind | None:
    """What is known of the records of this class; None for a class without declared fields."""
    if is_dataclass(cls):
        return _Dataclass(cls)
    if hasattr(cls, "__attrs_attrs__"):
        return _Attrs(cls)
    if hasattr(cls, "__struct_fields__") and hasattr(cls, "__struct_config__"):
        return _Struct(cls)
    if hasattr(cls, "model_config") and (hasattr(cls, "__pydantic_fields__") or hasattr(cls, "model_fields")):
        return _Model(cls)
    return None


def field_values(kind: RecordKind, record: Any) -> list[tuple[str, Any]]:
    """The fields that `record` has a value for."""
    pairs = [(name, getattr(record, name, _UNSET)) for name in kind.names(record)]
    return [(name, value) for name, value in pairs if value is not _UNSET]


def kept_values(kind: RecordKind, record: Any) -> list[tuple[str, Any]]:
    """The fields that `record` has a value for, and its private values."""
    return field_values(kind, record) + kind.private(record)
