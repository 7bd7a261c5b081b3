"""JSON, TOML, YAML and Python out, and plain text."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Any, TextIO

from frozen import thaw
from frozen._cli.errors import CommandError
from frozen._cli.places import Way, place_of, text_of
from frozen._cli.plain import Plain, is_container
from frozen._cli.texts import yaml_library

OUTPUTS = ("json", "toml", "yaml", "python")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def shown(value: Any, form: str, lossy: bool, way: Way = None) -> str:
    """The value, which is where `way` leads, in a format: one of OUTPUTS, or "text" for strings as they are."""
    if form == "text" and not is_container(value):
        return text_of(value)
    form = "json" if form == "text" else form
    try:
        if form == "python":
            import pprint

            return pprint.pformat(thaw(value), width=100)
        return _WRITERS[form](Plain(form, lossy).of(value, way), way)
    except RecursionError:
        raise CommandError(f"{place_of(way)} is nested too deeply to be written as {form.upper()}") from None


def output() -> TextIO:
    """Standard output, which may have been closed before Python started."""
    if sys.stdout is None:
        raise CommandError("standard output is closed")
    return sys.stdout


def put(text: str) -> None:
    """Write it to standard output, as UTF-8 where that is no terminal; a lone surrogate is written \\udc80."""
    out = output()
    if isinstance(out, TextIOWrapper):
        out.reconfigure(encoding=out.encoding if out.isatty() else "utf-8", errors="backslashreplace")
    out.write(text if text.endswith("\n") else text + "\n")


def _json(plain: Any, way: Way) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False)


def _yaml(plain: Any, way: Way) -> str:
    try:
        yaml = yaml_library("writing")
    except ValueError as error:
        raise CommandError(str(error)) from None
    dumper = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda self, data: True})
    text: str = yaml.dump(plain, Dumper=dumper, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n")


# TOML: what is no table comes first, because what follows the name of a table belongs to it


def _toml(plain: Any, way: Way) -> str:
    if not isinstance(plain, dict):
        raise CommandError(f"TOML is a table of keys, and {place_of(way)} is a {type(plain).__name__}: --as json")
    lines: list[str] = []
    _add_table(lines, "", plain)
    return "\n".join(lines).lstrip("\n") + "\n" * bool(lines)


def _add_table(lines: list[str], name: str, table: dict[str, Any]) -> None:
    tables = {key: value for key, value in table.items() if isinstance(value, dict) or _are_tables(value)}
    lines += [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in table.items() if key not in tables]
    for key, value in tables.items():
        inner = f"{name}.{_toml_key(key)}" if name else _toml_key(key)
        for part in value if isinstance(value, list) else [value]:
            lines += ["", f"[[{inner}]]" if isinstance(value, list) else f"[{inner}]"]
            _add_table(lines, inner, part)


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(element, dict) for element in value)


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_text(key)


def _toml_value(value: Any) -> str:
    if isinstance(value, str):
        return _toml_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return repr(value) if type(value) is float else text_of(value)


def _toml_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CommandError(f"TOML has no lone surrogates, as in {text[:60]!r}") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


_WRITERS: dict[str, Callable[[Any, Way], str]] = {"json": _json, "toml": _toml, "yaml": _yaml}
