"""Variables: those of the process, and those of a .env file, become nested keys with values of the right type."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal, Union, get_args, get_origin

from frozen.config._errors import ConfigError, shown, steps_text
from frozen.config._secrets import masked
from frozen.config._sources import Below, Layer, Source

__all__ = ["Environment", "variable_layers"]

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


class Environment(Source):
    """Environment variables whose names begin with a prefix: `APP_DATABASE__PORT=5433` is `["database"]["port"]`.

    *Names.* What follows the prefix is split at `__`. A step is the key of the layers below that is equal to it but for
    upper and lower case; where there is none, it is in lower case.

    *Types.* The text is converted to the type that the layers below have there: a bool (1, true, yes, on, and 0, false,
    no, off), an int, a float, a list or a mapping (as JSON), or a str. Where nothing stands there, or null, the type is
    the one that the schema declares (a pydantic model, a dataclass, a JSON Schema). Where that does not say either,
    JSON is taken for what it says (`8080`, `true`, `null`, `["a"]`), and everything else is a str.

    A text that its type does not have is a ConfigError with the name of the variable. O(number of variables).

    >>> import os
    >>> os.environ["DOCS_DATABASE__PORT"] = "5433"
    >>> config = Config({"database": {"port": 5432}}, Environment("DOCS_"))
    >>> config.get("database.port"), config.origin("database.port")
    (5433, 'DOCS_DATABASE__PORT in the environment')
    """

    def __init__(self, prefix: str, environ: Mapping[str, str] | None = None) -> None:
        if not isinstance(prefix, str) or not prefix:
            raise ValueError(f"Environment needs a prefix, such as 'APP_', not {shown(prefix)}")
        self.prefix = prefix
        self.name = f"environment {prefix}*"
        self._environ = os.environ if environ is None else environ

    def _variables(self) -> dict[str, str]:
        environ = self._environ
        found = {name: environ.get(name) for name in sorted(environ) if name.startswith(self.prefix)}
        return {name: text for name, text in found.items() if text is not None}  # another thread may have deleted it

    def layers(self, below: Below) -> Iterable[Layer]:
        """Return a layer for each variable, in the order of their names.

        >>> list(Environment("APP_", {"APP_PORT": "80"}).layers(Below({})))
        [Layer(origin='APP_PORT in the environment', data={'port': 80})]
        """
        return variable_layers(self._variables(), self.prefix, "in the environment", below)

    def stamp(self) -> object:
        """Return the variables.

        >>> Environment("APP_", {"APP_PORT": "80", "HOME": "/"}).stamp()
        (('APP_PORT', '80'),)
        """
        return tuple(self._variables().items())


def variable_layers(variables: Mapping[str, str], prefix: str, where: str, below: Below) -> Iterable[Layer]:
    """A layer for each variable with the prefix. `where` says in an error and an origin where variables stand.

    Each is made when it is asked for: `below` has the ones before it by then.
    """
    names: dict[tuple[Any, ...], str] = {}
    for name, text in variables.items():
        if name.startswith(prefix):
            path = _path_of(name, prefix, where, below)
            if names.setdefault(path, name) != name:
                raise ConfigError(f"{names[path]} and {name} {where} are both {steps_text(path)}: remove one of them")
            data: Any = _value_of(text, path, f"{name} {where}", below)
            for step in reversed(path):
                data = {step: data}
            yield Layer(f"{name} {where}", data)


def _path_of(name: str, prefix: str, where: str, below: Below) -> tuple[Any, ...]:
    path: tuple[Any, ...] = ()
    steps = name[len(prefix) :].split("__")
    if not all(steps):
        raise ConfigError(f"{name} {where} has an empty step: write {prefix}DATABASE__PORT, with two underscores")
    for step in steps:
        level = below.value(path)
        if path and level is not None and not isinstance(level, Mapping):
            raise ConfigError(
                f"{name} {where} leads into {steps_text(path)}, which is a {type(level).__name__} and no mapping: a "
                "value is replaced as a whole, a list by JSON"
            )
        keys = [key for key in level or () if isinstance(key, str) and key.lower() == step.lower()]
        if len(keys) > 1 and step not in keys and step.lower() not in keys:
            raise ConfigError(f"{name} {where} may mean {', '.join(map(shown, sorted(keys)))}: rename one of them")
        exact = [key for key in (step, step.lower()) if key in keys]
        path = (*path, exact[0] if exact else keys[0] if keys else step.lower())
    return path


def _value_of(text: str, path: tuple[Any, ...], variable: str, below: Below) -> Any:
    """The text as a value of the type that it should have."""
    known = below.value(path)
    if known is not None:
        kind = _kind_of_value(known)
    else:
        declared = below.declared(path)
        kind = "guess" if declared is None else _kind_of_type(declared)
    try:
        return _PARSERS[kind](text)
    except ValueError:
        value = shown(masked(text, below.is_secret, path))
        raise ConfigError(f"{variable} is {value}, but {steps_text(path)} is {_TITLES[kind]}") from None


def _kind_of_value(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str")):
        if isinstance(value, kind):
            return name
    if isinstance(value, Mapping):
        return "mapping"
    return "list" if _is_list(type(value)) else "str"


def _kind_of_type(annotation: Any) -> str:
    """The same of a declared type. What has other types than JSON is made of a str: a date, a path, a member."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        kinds = {_kind_of_type(part) for part in get_args(annotation) if part is not type(None)}
        if "str" in kinds:
            return "str"
        return kinds.pop() if len(kinds) == 1 else "guess"
    if origin is Literal:
        kinds = {_kind_of_value(part) for part in get_args(annotation) if part is not None}
        return kinds.pop() if len(kinds) == 1 else "guess"
    cls = origin or annotation
    if cls is Any or not isinstance(cls, type):
        return "guess"
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str")):
        if cls is kind:
            return name
    if issubclass(cls, Mapping) or hasattr(cls, "__dataclass_fields__") or hasattr(cls, "model_fields"):
        return "mapping"
    return "list" if _is_list(cls) else "str"


def _is_list(cls: type) -> bool:
    return issubclass(cls, (Sequence, AbstractSet)) and not issubclass(cls, (str, bytes))


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(text)


def _json_of(kind: type) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = json.loads(text)
        if not isinstance(value, kind):
            raise ValueError(text)
        return value

    return parse


def _guess(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(word: str) -> Any:
    """NaN and Infinity are words: JSON has no such numbers, though Python's json reads them."""
    raise ValueError(word)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "bool": _bool,
    "int": int,
    "float": float,
    "str": str,
    "list": _json_of(list),
    "mapping": _json_of(dict),
    "guess": _guess,
}
_TITLES = {
    "bool": "a bool: write true or false",
    "int": "an int: write a whole number",
    "float": "a float: write a number",
    "list": 'a list: write JSON, such as ["a", "b"]',
    "mapping": 'a mapping: write JSON, such as {"port": 80}, or set one key of it by PREFIX_A__B',
}
