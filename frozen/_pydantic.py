"""Containers as types of fields: what pydantic asks of a type, and of an object whose type it was not told.

Contents are validated as those of the builtin container, with the parameters of the type: `Map[str, int]` as
`dict[str, int]`. `model_dump` gives the builtin container, as `thaw` does. pydantic is imported when it asks.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from operator import is_
from typing import Any, get_args

from frozen._core import FileMap, FileSet, FileVector, Map, Set, SharedMap, SharedSet, SharedVector
from frozen._diff import is_shared, kind_of
from frozen._sameness import same_value
from frozen._share import share
from frozen._sharing import NotShareableError

__all__ = ["core_schema_of", "serializer"]

_MISSING: Any = object()
_OF_FILES = (FileMap, FileSet, FileVector)


def _builtin_of(cls: type) -> type:
    if issubclass(cls, (Map, SharedMap, FileMap)):
        return dict
    return set if issubclass(cls, (Set, SharedSet, FileSet)) else list


def _contents(value: Any) -> Any:
    """A container as the builtin one of the same contents; any other value as it is."""
    kind = type(value) if isinstance(value, _OF_FILES) else kind_of(value)
    return value if kind is None else _builtin_of(kind)(value)


def _made(cls: Any, contents: Any) -> Any:
    """A container of the class; a shared one of what `share` makes of the contents. Of files only `open` makes some."""
    if issubclass(cls, _OF_FILES):
        custom: Any = import_module("pydantic_core").PydanticCustomError
        raise custom("not_of_a_file", "a {kind} comes from frozen.open alone, as it is", {"kind": cls.__name__})
    if not issubclass(cls, (SharedMap, SharedSet, SharedVector)):
        return cls(contents)
    try:
        return cls(share(contents))
    except NotShareableError as error:
        custom = import_module("pydantic_core").PydanticCustomError
        raise custom("not_shareable", "{reason}", {"reason": str(error)}) from None


def _is_unchanged(value: Any, contents: Any) -> bool:
    """Whether validation gave back what was in `value`, so that it stays the object, and the version, that it is."""
    if is_shared(kind_of(value)) or isinstance(value, _OF_FILES):  # whose contents are made anew at each reading
        return len(value) == len(contents) and same_value(_contents(value), contents)
    if isinstance(contents, dict):
        return len(value) == len(contents) and all(value.get(key, _MISSING) is held for key, held in contents.items())
    if isinstance(contents, list):
        return len(value) == len(contents) and all(map(is_, value, contents))
    return len(value) == len(contents) and {*map(id, value)} == {*map(id, contents)}


def core_schema_of(cls: Any, source: Any, handler: Any) -> Any:
    """`__get_pydantic_core_schema__` of each container: its contents' schema, between two conversions."""
    core_schema: Any = import_module("pydantic_core").core_schema
    builtin, parameters = _builtin_of(cls), get_args(source)
    contents = handler.generate_schema(builtin[parameters] if parameters else builtin)  # type: ignore[index]

    def validated(value: Any, validate: Any) -> Any:
        found = validate(_contents(value))
        return value if isinstance(value, cls) and _is_unchanged(value, found) else _made(cls, found)

    def serialized(value: Any, serialize: Any) -> Any:
        return serialize(_contents(value))

    return core_schema.json_or_python_schema(
        json_schema=core_schema.no_info_after_validator_function(partial(_made, cls), contents),
        python_schema=core_schema.no_info_wrap_validator_function(validated, contents),
        serialization=core_schema.wrap_serializer_function_ser_schema(serialized, schema=contents),
    )


_any: list[Any] = []


def serializer(self: Any) -> Any:
    """`__pydantic_serializer__`, by which pydantic writes a container where it was not told the type: as Any."""
    if not _any:
        try:
            pydantic_core: Any = import_module("pydantic_core")
        except ImportError:
            raise AttributeError("there is no pydantic to serialize for") from None
        core_schema = pydantic_core.core_schema
        written = core_schema.plain_serializer_function_ser_schema(_contents)
        _any.append(pydantic_core.SchemaSerializer(core_schema.any_schema(serialization=written)))
    return _any[0]
