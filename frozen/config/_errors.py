"""What is raised, kept and reported when a configuration cannot be read or is not valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frozen._core import _bounded_repr

__all__ = ["ConfigError", "shown", "steps_text"]


class ConfigError(ValueError):
    """A source cannot be read, or what the sources say together is not valid. The text names the value and the fix.

    Values at secret paths are masked in it.

    >>> try:
    ...     Config({"port": "abc"}, schema={"properties": {"port": {"type": "integer"}}})
    ... except ConfigError as error:
    ...     print(error)
    the configuration is not valid: ['port'] is 'abc', refused by the JSON Schema: type should be 'integer'
    """

    def __init__(self, *args: object) -> None:  # so that inspect finds a signature
        super().__init__(*args)


def shown(value: Any, most: int = 80) -> str:
    """The value's repr at a bounded length."""
    text = _bounded_repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def steps_text(path: Sequence[Any], most: int = 12) -> str:
    """The path as it is written behind a value, at a bounded length."""
    steps = [f"[{shown(step)}]" for step in path[:most]]
    return ("".join(steps) or "the whole") + "[...]" * (len(path) > most)
