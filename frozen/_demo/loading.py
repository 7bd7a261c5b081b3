"""Where the demonstration's configuration comes from: a file, standard input, or this Python itself."""

from __future__ import annotations

import builtins
import dis
import encodings.aliases
import errno
import importlib.metadata
import os
import platform
import signal
import sys
import sysconfig
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import Any

from frozen import thaw
from frozen._cli.documents import is_view, read_document
from frozen._cli.errors import LoadError


def load_file(path: str) -> dict[str, Any]:
    """The mapping in a file: TOML or YAML if its name says so, JSON otherwise; "-" is JSON on standard input.

    Raises LoadError if the file cannot be read or parsed, holds something else, or an empty mapping.
    """
    config = read_document(path)
    if is_view(config):
        config = thaw(config)
    if not isinstance(config, dict):
        raise LoadError(f"{path!r} holds a {type(config).__name__}, not a mapping: write an object, {{...}}")
    if not config:
        raise LoadError(f"{path!r} holds an empty mapping: there is nothing to look up")
    return config


def about_this_python() -> dict[str, Any]:
    """What this Python knows about itself: nested, some thousands of entries even where nothing is installed.

    Of the environment only the names are taken: values may be secret.
    """
    parts: dict[str, Callable[[], Any]] = {
        "builtins": _builtins,
        "distributions": _distributions,
        "encodings": lambda: dict(encodings.aliases.aliases),
        "environment": lambda: {"names": sorted(os.environ)},
        "implementation": _implementation,
        "modules": _modules,
        "opcodes": lambda: dict(dis.opmap),
        "sysconfig": _sysconfig,
        "system": _system,
        "unicode": _unicode,
    }
    return {name: part() for name, part in parts.items()}


def _builtins() -> dict[str, dict[str, str]]:
    """Every built-in name, and the attributes of what it names."""
    known = vars(builtins)
    return {
        name: {attribute: type(getattr(value, attribute, None)).__name__ for attribute in dir(value)}
        for name, value in known.items()
        if not name.startswith("_")
    }


def _distributions() -> dict[str, Any]:
    """The metadata of every installed distribution."""
    found: dict[str, Any] = {}
    for distribution in importlib.metadata.distributions():
        try:
            fields = distribution.metadata.json
        except Exception:  # half-removed distributions lack their metadata; each Python says so in its own way
            continue
        name = str(fields.get("name", ""))
        points = {f"{point.group}:{point.name}": point.value for point in distribution.entry_points}
        found[name] = {"metadata": fields, "entry_points": points, "requires": distribution.requires or []}
    return found


def _implementation() -> dict[str, Any]:
    groups = ("flags", "float_info", "hash_info", "int_info", "thread_info", "version_info")
    described: dict[str, Any] = {group: _fields(getattr(sys, group)) for group in groups}
    described["name"] = sys.implementation.name
    described["cache_tag"] = sys.implementation.cache_tag
    return described


def _fields(struct: Any) -> dict[str, Any]:
    """The named fields of a struct sequence such as sys.flags."""
    values = {name: getattr(struct, name) for name in dir(struct) if not name.startswith(("_", "n_"))}
    return {name: value for name, value in values.items() if not callable(value)}


def _modules() -> dict[str, dict[str, bool]]:
    return {
        name: {"builtin": name in sys.builtin_module_names, "loaded": name in sys.modules}
        for name in sorted(sys.stdlib_module_names)
    }


def _sysconfig() -> dict[str, Any]:
    return {
        "variables": sysconfig.get_config_vars(),
        "paths": {scheme: sysconfig.get_paths(scheme, expand=False) for scheme in sysconfig.get_scheme_names()},
    }


def _system() -> dict[str, Any]:
    return {
        "errors": {name: {"code": code, "text": os.strerror(code)} for code, name in errno.errorcode.items()},
        "signals": {member.name: int(member) for member in signal.Signals},
        "machine": platform.machine(),
        "platform": sys.platform,
    }


def _unicode() -> dict[str, dict[str, int]]:
    """How many characters of each category and each direction the basic plane has."""
    characters = [chr(code) for code in range(0x10000)]
    return {
        "categories": dict(Counter(map(unicodedata.category, characters))),
        "directions": dict(Counter(map(unicodedata.bidirectional, characters))),
    }
