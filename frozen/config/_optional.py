"""Libraries that only some configurations need: imported when they are needed, with an error that names the extra."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["library"]


def library(name: str, need: str, extra: str) -> Any:
    """The module. ImportError if it is not installed, or, as many extensions, does not know subinterpreters."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{need} needs {name}: pip install 'frozen[{extra}]' ({error})", name=name) from error
