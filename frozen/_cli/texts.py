"""JSON, TOML and YAML in: bytes to dicts, lists and atoms."""

from __future__ import annotations

import importlib
import json
import tomllib
from collections.abc import Callable
from typing import Any

from frozen._cli.errors import LoadError, one_line

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


def _parse_toml(data: bytes) -> Any:
    return tomllib.loads(data.decode("utf-8-sig"))


def _parse_yaml(data: bytes) -> Any:
    yaml = yaml_library("reading")
    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def yaml_library(what: str) -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError:
        raise ValueError(f"{what} YAML needs PyYAML: pip install pyyaml, or write JSON or TOML") from None


_PARSERS: dict[str, Callable[[bytes], Any]] = {"json": json.loads, "toml": _parse_toml, "yaml": _parse_yaml}
