"""What makes a version valid: a function, a pydantic model, a dataclass or a JSON Schema, behind one face.

A schema accepts the merged data and makes the model that is published beside it, or raises ConfigError, whose text
shows values at secret paths masked.  It also tells which types it declares, for the texts of variables.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from frozen._convert import freeze, thaw
from frozen._paths import get_in
from frozen._records import record_kind
from frozen.config import _dataclasses
from frozen.config._errors import ConfigError, shown, steps_text
from frozen.config._optional import library
from frozen.config._secrets import IsSecret, masked
from frozen.config._sources import key_of_field

__all__ = ["Schema", "schema_of"]

Path = tuple[Any, ...]
_HEAD = "the configuration is not valid: "


class Schema:
    """No schema: everything is valid, and the model is the data itself."""

    def __init__(self, secret: IsSecret) -> None:
        self._secret = secret

    def model(self, data: Any) -> Any:
        """The frozen model of `data`, frozen data. ConfigError if it is not valid."""
        return data

    def declared(self, path: Path) -> Any:
        """The type that is declared for the path, as an annotation; None if none is."""
        return None

    def _refused(self, data: Any, path: Path, reason: str) -> ConfigError:
        """The error about the value at the path, which is shown masked."""
        try:
            value = f"{shown(masked(get_in(data, path), self._secret, path))}, " if path else ""
        except (LookupError, TypeError):
            value = ""  # it is missing
        return ConfigError(f"{_HEAD}{steps_text(path)} is {value}{reason}")


class _Function(Schema):
    """A function of the data: it raises, or returns the model; None: the data is the model."""

    def __init__(self, function: Callable[[Any], Any], secret: IsSecret) -> None:
        super().__init__(secret)
        self._function = function

    def model(self, data: Any) -> Any:
        try:
            model = self._function(data)
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"{_HEAD}{type(error).__name__}: {error}") from error
        return data if model is None else _frozen_model(model)


class _Dataclass(Schema):
    def __init__(self, cls: type, secret: IsSecret) -> None:
        super().__init__(secret)
        _check_frozen(cls)
        _dataclasses.hints_of(cls)
        self._cls = cls

    def model(self, data: Any) -> Any:
        try:
            model = _dataclasses.build(self._cls, data)
        except _dataclasses.Misfit as misfit:
            raise self._refused(data, misfit.path, misfit.reason) from None
        return _frozen_model(model)

    def declared(self, path: Path) -> Any:
        return _declared_in(self._cls, path)


class _Model(Schema):
    """A pydantic model."""

    def __init__(self, cls: Any, secret: IsSecret) -> None:
        super().__init__(secret)
        _check_frozen(cls)
        self._cls = cls

    def model(self, data: Any) -> Any:
        invalid: type[Any] = importlib.import_module("pydantic").ValidationError
        try:
            model = self._cls.model_validate(thaw(data))
        except invalid as error:
            # without the input, which pydantic shows, and which may be secret
            found = error.errors(include_url=False, include_input=False, include_context=False)
            errors = [self._refused(data, tuple(one["loc"]), f"refused: {one['msg']}") for one in found[:5]]
            more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
            text = "; ".join(str(one).removeprefix(_HEAD) for one in errors)
            raise ConfigError(f"{_HEAD}{text}{more}") from None
        return _frozen_model(model)

    def declared(self, path: Path) -> Any:
        return _declared_in(self._cls, path)


class _JSONSchema(Schema):
    def __init__(self, schema: Mapping[str, Any], secret: IsSecret) -> None:
        super().__init__(secret)
        validators = library("jsonschema.validators", "a JSON Schema", "jsonschema")
        self._schema = thaw(schema)
        validator = validators.validator_for(self._schema)
        validator.check_schema(self._schema)
        self._validator = validator(self._schema)

    def model(self, data: Any) -> Any:
        error = next(iter(sorted(self._validator.iter_errors(thaw(data)), key=lambda e: list(map(str, e.path)))), None)
        if error is None:
            return data
        path = tuple(error.absolute_path)
        if error.validator in ("required", "additionalProperties", "dependentRequired"):
            raise self._refused(data, path, f"refused by the JSON Schema: {error.message}")  # it names keys only
        wanted = f"{error.validator} should be {shown(error.validator_value)}"
        raise self._refused(data, path, f"refused by the JSON Schema: {wanted}")

    def declared(self, path: Path) -> Any:
        schema: Any = self._schema
        for step in path:
            schema = (schema.get("properties") or {}).get(step) if isinstance(schema, dict) else None
        title = schema.get("type") if isinstance(schema, dict) else None
        return _JSON_TYPES.get(title) if isinstance(title, str) else None


_JSON_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list,
    "object": dict,
}


def schema_of(schema: Any, secret: IsSecret) -> Schema:
    """The Schema of what `Config` takes as one."""
    if schema is None:
        return Schema(secret)
    if isinstance(schema, Mapping):
        return _JSONSchema(schema, secret)
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return _Dataclass(schema, secret)
    if isinstance(schema, type) and hasattr(schema, "model_validate") and hasattr(schema, "model_config"):
        return _Model(schema, secret)
    if callable(schema):
        return _Function(schema, secret)
    raise TypeError(
        f"schema={shown(schema)} ({type(schema).__name__}): give a function, a pydantic model, a dataclass, or a JSON "
        "Schema as a dict"
    )


def _check_frozen(cls: type) -> None:
    kind = record_kind(cls)
    if kind is not None and not kind.is_frozen():
        raise TypeError(f"{cls.__qualname__} can be changed, and a version cannot: {kind.remedy}")


def _frozen_model(model: Any) -> Any:
    try:
        return freeze(model)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the model of the configuration cannot be frozen: {error}") from error


# -- The types of fields ------------------------------------------------------------------------------------------


def _declared_in(cls: Any, path: Path) -> Any:
    """The annotation of the field at the path, through records and mappings."""
    for depth, step in enumerate(path):
        fields = _fields_of(cls)
        if fields is None:
            return None
        name = next((key for key in fields if str(key).lower() == str(step).lower()), None)
        if name is None:
            return None
        annotation = fields[name]
        if depth + 1 == len(path):
            return annotation
        cls = _class_in(annotation)
    return None


def _fields_of(cls: Any) -> dict[str, Any] | None:
    if isinstance(cls, type) and dataclasses.is_dataclass(cls):
        return _dataclasses.hints_of(cls)
    if isinstance(cls, type) and hasattr(cls, "model_fields") and hasattr(cls, "model_config"):
        return {key_of_field(name, field): field.annotation for name, field in cls.model_fields.items()}
    return None


def _class_in(annotation: Any) -> Any:
    """The record in an annotation that may be optional."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next((part for part in get_args(annotation) if _fields_of(part) is not None), None)
    return annotation
