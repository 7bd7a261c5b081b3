"""From the bytes of a file to a mapping: JSON, TOML, YAML (PyYAML) and .env (python-dotenv).

What a parser would take in silence is an error here: an empty file, a key that stands twice, a line of a .env file that
is none.  Errors say the line and never quote the file: it may hold secrets.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from frozen.config._errors import ConfigError, shown
from frozen.config._optional import library

__all__ = ["format_of", "parse"]

FORMATS = {".json": "json", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".env": "dotenv"}


def format_of(name: str) -> str | None:
    """The format of a file by the end of its name, or None."""
    return next((title for ending, title in FORMATS.items() if name.lower().endswith(ending)), None)


def parse(data: bytes, form: str, title: str) -> Mapping[Any, Any]:
    """The mapping that the file holds. ConfigError says what is wrong with it, and on which line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{title} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    if not text.strip():
        raise ConfigError(f"{title} is empty, which is taken for half written: remove the file, or write a value")
    value = _PARSERS[form](text, title)
    if not isinstance(value, Mapping):
        raise ConfigError(f"{title} holds a {type(value).__name__} at its top, not a mapping of keys to values")
    return value


def _json(text: str, title: str) -> Any:
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ConfigError(f"{title} has the key {shown(key)} twice in one object: remove one of them")
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{title} is no JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ConfigError(f"{title} nests deeper than Python's json reads") from None


def _toml(text: str, title: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{title} is no TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{title} nests deeper than Python's tomllib reads") from None


def _yaml(text: str, title: str) -> Any:
    yaml = library("yaml", title, "yaml")

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> Any:
        """As PyYAML's, but a key that stands twice in one mapping is an error."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{title} has the key {shown(key)} twice in one mapping, at line {line}")
            seen.add(key)
        return yaml.SafeLoader.construct_mapping(self, node, deep)

    def construct_object(self: Any, node: Any, deep: bool = False) -> Any:
        """As PyYAML's, which raises anything for a text that its tag does not have, and quotes it."""
        try:
            return yaml.SafeLoader.construct_object(self, node, deep)
        except (ConfigError, yaml.YAMLError, RecursionError, MemoryError):
            raise
        except Exception:
            kind, line = node.tag.rpartition(":")[2], node.start_mark.line + 1
            raise ConfigError(f"{title} has no {kind} where it says so, at line {line}") from None

    methods = {"construct_mapping": construct_mapping, "construct_object": construct_object}
    try:
        value = yaml.load(text, type("Loader", (yaml.SafeLoader,), methods))
        if "*" in text and _is_repeated(value, 10 * len(text) + 10_000):
            raise ConfigError(f"{title} repeats itself by aliases until it is too large: write out what is meant")
        return value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        problem = _QUOTED.sub("'...'", error.problem or error.context)
        raise ConfigError(f"{title} is no YAML{place}: {problem}") from None
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ConfigError(f"{title} is no YAML: {type(error).__name__}") from None


_QUOTED = re.compile(r"'(?!<)[^']{2,}'|\"[^\"]{2,}\"")
"""What an error of PyYAML may quote of the file: neither a character nor the name of a token."""


def _is_repeated(value: Any, most: int) -> bool:
    """Whether there are more than so many values within, each counted once for every way that leads to it."""
    todo = [value]
    while todo:
        value = todo.pop()
        most -= 1
        if most < len(todo):
            return True
        if isinstance(value, dict):
            todo += value.values()
        elif isinstance(value, (list, tuple)):
            todo += value
    return False


def _dotenv(text: str, title: str) -> dict[str, str]:
    parse_stream = library("dotenv.parser", title, "dotenv").parse_stream
    found: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        text = binding.original.string
        line = binding.original.line + len(text) - len(text.lstrip("\n"))  # empty lines before it are part of it
        if binding.error:
            raise ConfigError(f"{title} is no .env file at line {line}: write NAME=value")
        if binding.key is None:
            continue  # a comment, an empty line
        if binding.value is None:
            raise ConfigError(f"{title} gives {shown(binding.key)} no value at line {line}: write NAME=value")
        if binding.key in found:
            raise ConfigError(f"{title} has {shown(binding.key)} twice, at line {line}: remove one of them")
        found[binding.key] = binding.value
    return found


_PARSERS: dict[str, Callable[[str, str], Any]] = {"json": _json, "toml": _toml, "yaml": _yaml, "dotenv": _dotenv}
