"""What a configuration is made of: sources, each of which gives layers; and the two that need no file."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any, NamedTuple

from frozen._convert import freeze
from frozen._records import field_values, record_kind
from frozen.config._errors import ConfigError, shown
from frozen.config._secrets import is_secret

__all__ = ["Below", "Call", "Defaults", "Layer", "Source", "as_source"]

_MISSING: Any = object()


class Layer(NamedTuple):
    """Some values and where they come from: what a Source gives to be merged over the layers below.

    >>> Layer("the command line", {"debug": True}).origin
    'the command line'
    """

    origin: str
    data: Mapping[Any, Any]


class Below:
    """What a Source may look at: the values below it, the types that the schema declares, and `is_secret(path)`.

    >>> below = Below({"database": {"port": 5432}})
    >>> below.value(("database", "port")), below.value(("database", "host"), None)
    (5432, None)
    """

    __slots__ = ("_data", "_declared", "is_secret")

    def __init__(
        self,
        data: Mapping[Any, Any],
        declared: Callable[[tuple[Any, ...]], Any] | None = None,
        secret: Callable[[tuple[Any, ...]], bool] = is_secret,
    ) -> None:
        self._data = data
        self._declared = declared
        self.is_secret = secret

    def value(self, path: Iterable[Any], default: Any = None) -> Any:
        """Return the value at the path, or `default`. O(length of the path).

        >>> Below({"a": {"b": 1}}).value(("a", "b"))
        1
        """
        value: Any = self._data
        for step in path:
            if not isinstance(value, Mapping) or step not in value:
                return default
            value = value[step]
        return value

    def declared(self, path: Iterable[Any]) -> Any:
        """Return the type, as an annotation, that the schema declares for the path; None where it does not say.

        >>> Below({}).declared(("port",)) is None
        True
        """
        return None if self._declared is None else self._declared((*path,))


class Source(ABC):
    """Where configuration comes from. A subclass gives layers, and says what changes when they do.

    >>> class Answer(Source):
    ...     name = "the answer"
    ...     def layers(self, below):
    ...         return [Layer(self.name, {"answer": 42})]
    >>> Config(Answer()).get("answer")
    42
    """

    name: str = "a source"
    """What errors and the configuration's repr call it."""

    @abstractmethod
    def layers(self, below: Below) -> Iterable[Layer]:
        """Return the layers as they are now, the lowest first. What it raises leaves the last good version in place.

        >>> list(Defaults({"port": 80}).layers(Below({})))
        [Layer(origin='defaults', data=Map({'port': 80}))]
        """

    def stamp(self) -> object:
        """Return something cheap that is another (by ==) once the layers may be others; None: read them at each look.

        >>> Call(dict).stamp() is None
        True
        """
        return None

    def files(self) -> Iterable[str]:
        """Return the paths whose changes a watcher of files should notice.

        >>> list(Defaults({}).files())
        []
        """
        return ()


class Defaults(Source):
    """Values in the program: a mapping, a dataclass or pydantic model (its fields' defaults), or an instance of one.

    Fields without a default are left out: other layers give them. They are frozen at once. O(n).

    Raises TypeError for anything else, and what `freeze` raises.

    >>> Config(Defaults({"port": 80}), {"port": 8080}).get("port")
    8080
    """

    def __init__(self, values: Any, name: str = "defaults") -> None:
        self.name = name
        if isinstance(values, type):
            data: Any = class_defaults(values)
        elif isinstance(values, Mapping):
            data = values
        elif record_kind(type(values)) is not None:
            data = as_mapping(values)
        else:
            raise TypeError(
                f"defaults are a mapping, a dataclass or a pydantic model, not {shown(values)} "
                f"({type(values).__name__})"
            )
        self._data: Mapping[Any, Any] = freeze(data)  # what the program does to them later is no change of a source

    def layers(self, below: Below) -> Iterable[Layer]:
        """Return the one layer.

        >>> list(Defaults({"port": 80}).layers(Below({})))
        [Layer(origin='defaults', data=Map({'port': 80}))]
        """
        return [Layer(self.name, self._data)]

    def stamp(self) -> object:
        """Return what never changes.

        >>> Defaults({}).stamp()
        'defaults'
        """
        return self.name


class Call(Source):
    """What a function returns, a mapping: it is called at each look, or only when `stamp()` returns something else.

    An exception of the function is a ConfigError, and leaves the last good version in place.

    >>> Config(Call(lambda: {"workers": 4}, "the cluster")).origin("workers")
    'the cluster'
    """

    def __init__(
        self, function: Callable[[], Any], name: str | None = None, stamp: Callable[[], object] | None = None
    ) -> None:
        if not callable(function):
            raise TypeError(f"Call takes a function that returns a mapping, not {shown(function)}")
        self.name = name or f"{getattr(function, '__qualname__', type(function).__name__)}()"
        self._function = function
        self._stamp = stamp

    def layers(self, below: Below) -> Iterable[Layer]:
        """Call the function.

        >>> list(Call(lambda: {"a": 1}, "here").layers(Below({})))
        [Layer(origin='here', data={'a': 1})]
        """
        try:
            data = self._function()
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"{self.name} failed: {type(error).__name__}: {error}") from error
        if not isinstance(data, Mapping):
            raise ConfigError(f"{self.name} returned a {type(data).__name__}, not a mapping of keys to values")
        return [Layer(self.name, data)]

    def stamp(self) -> object:
        """Return what the function `stamp` returns.

        >>> Call(dict, stamp=lambda: 7).stamp()
        7
        """
        return None if self._stamp is None else self._stamp()


def as_source(value: Any) -> Source:
    """A Source of what `Config` takes in place of one."""
    from frozen.config._files import File

    if isinstance(value, Source):
        return value
    if isinstance(value, (str, PathLike)):
        return File(value)
    if isinstance(value, Mapping) or record_kind(value if isinstance(value, type) else type(value)) is not None:
        return Defaults(value)
    if callable(value):
        return Call(value)
    raise TypeError(
        f"{shown(value)} ({type(value).__name__}) is no source: give a mapping, the path of a file, a dataclass or "
        "pydantic model, a function, or a Source such as Environment or Directory"
    )


# -- Records as mappings ------------------------------------------------------------------------------------------


def as_mapping(value: Any) -> Any:
    """Records, and the values of mappings, at any depth as dicts: other layers merge into those."""
    if isinstance(value, Mapping):
        return {key: as_mapping(part) for key, part in value.items()}
    kind = None if isinstance(value, type) else record_kind(type(value))
    if kind is None:
        return value
    return {name: as_mapping(part) for name, part in field_values(kind, value)}


def class_defaults(cls: type) -> dict[str, Any]:
    """The defaults of the fields of a dataclass or a pydantic model; those of fields that are such classes, too."""
    if dataclasses.is_dataclass(cls):
        from frozen.config._dataclasses import hints_of

        hints = hints_of(cls)
        pairs = [(field.name, hints[field.name], _default_of(field)) for field in dataclasses.fields(cls) if field.init]
    elif hasattr(cls, "model_config") and hasattr(cls, "model_fields"):
        pairs = [
            (key_of_field(name, field), field.annotation, _default_of_model(field))
            for name, field in cls.model_fields.items()
        ]
    else:
        raise TypeError(f"{cls.__qualname__} is no dataclass and no pydantic model: give an instance or a mapping")
    found = {}
    for name, annotation, value in pairs:
        if value is not _MISSING:
            found[name] = as_mapping(value)
        elif isinstance(annotation, type) and record_kind(annotation) is not None and (inner := _inner(annotation)):
            found[name] = inner
    return found


def _inner(cls: type) -> dict[str, Any]:
    try:
        return class_defaults(cls)
    except TypeError:
        return {}


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return _MISSING if field.default_factory is dataclasses.MISSING else field.default_factory()


def _default_of_model(field: Any) -> Any:
    if field.is_required() or getattr(field, "default_factory_takes_validated_data", False):
        return _MISSING
    return field.get_default(call_default_factory=True)


def key_of_field(name: str, field: Any) -> str:
    """What the data that a pydantic model validates calls the field."""
    alias: Any = getattr(field, "validation_alias", None)
    if hasattr(alias, "choices"):  # AliasChoices
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    return alias if isinstance(alias, str) else name
