"""JSON, TOML and YAML in: bytes to dicts, lists and atoms."""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Callable
from typing import Any

from frozen._cli.errors import LoadError, one_line
from frozen._core import _bounded_repr

FORMATS = ("json", "toml", "yaml")


def format_of(name: str) -> str | None:
    """The format that the end of a file's name says, or None."""
    name = name.lower()
    if name.endswith((".yaml", ".yml")):
        return "yaml"
    return next((form for form in FORMATS if name.endswith("." + form)), None)


def parsed(data: bytes, form: str, title: str) -> Any:
    """What the text means. LoadError, which names the document by `title`, if it cannot be parsed."""
    kind = form.upper()
    try:
        return _PARSERS[form](data)
    except RecursionError:
        raise LoadError(f"cannot parse {title}: nested too deeply for the {kind} parser") from None
    except ValueError as error:  # of decoding, and of the parsers
        raise LoadError(f"cannot parse {title} as {kind}: {one_line(error)}") from None


def _parse_json(data: bytes) -> Any:
    return json.loads(data, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Of two with one key, readers of JSON take the first, the last or both (RFC 8259)."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_twice([key for key, _ in pairs]))
    return found


def _twice(keys: list[str]) -> str:
    seen: set[str] = set()
    key = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return f"the key {_bounded_repr(key)} is there twice in one object"


def _parse_toml(data: bytes) -> Any:
    return tomllib.loads(data.decode("utf-8-sig"))


def _parse_yaml(data: bytes) -> Any:
    yaml = yaml_library("reading")

    def flatten_mapping(self: Any, node: Any) -> None:
        """Puts the keys of `<<` before the own ones, which may be the same. Those are looked at before, once."""
        if not hasattr(node, "was_flattened"):
            node.was_flattened = True
            scalars = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
            keys = [(key.tag, key.value) for key in scalars]
            if len(set(keys)) < len(keys):
                raise ValueError(_twice([key.value for key in scalars]))
        yaml.SafeLoader.flatten_mapping(self, node)

    loader = type("Loader", (yaml.SafeLoader,), {"flatten_mapping": flatten_mapping})
    try:
        return yaml.load(data, loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def yaml_library(what: str) -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError:
        raise ValueError(f"{what} YAML needs PyYAML: pip install pyyaml, or write JSON or TOML") from None


_PARSERS: dict[str, Callable[[bytes], Any]] = {"json": _parse_json, "toml": _parse_toml, "yaml": _parse_yaml}
