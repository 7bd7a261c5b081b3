"""Paths as they are written on a command line, `db.ports.0` and `/db/ports/0`, and what they lead to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, time
from itertools import islice
from typing import Any

from frozen import Span
from frozen._cli.errors import NO, CommandError, one_line
from frozen._delta import path_of

Way = Any
"""The last step to a place and the way to the one before it, (way, step); None is the whole document."""

_MOST_SHOWN = 10
_MOST_COMPARED = 10_000
_ABSENT = object()


def text_of(value: Any) -> str:
    """An atom as text: ISO 8601 for dates and times, base64 for bytes, numbers and constants as in JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def place_of(way: Way) -> str:
    """The place as `look_up` takes it: dotted where that is clear, and otherwise a JSON Pointer; "." is the whole."""
    return written(path_of(way))


def written(path: Iterable[Any]) -> str:
    steps = list(path)
    end = ""
    if steps and type(steps[-1]) is Span:
        span = steps.pop()
        end = f"[{span.start}:{span.stop}]"
    texts = [one_line(text_of(step)) for step in steps]
    if all(text and not {*" ./"} & {*text} for text in texts):
        return (".".join(texts) or ".") + end
    return "".join("/" + text.replace("~", "~0").replace("/", "~1") for text in texts) + end


def look_up(document: Any, path: str) -> tuple[Any, Way]:
    """What the path leads to in the document, and the way that it took. CommandError if there is no such thing."""
    way: Way = None
    for step in _steps(path):
        found = _child(document, step)
        if found is _ABSENT:
            raise CommandError(_missed(document, step, way), NO)
        key, document = found
        way = (way, key)
    return document, way


def _steps(path: str) -> Sequence[str]:
    if path.startswith("/") or not path:
        from frozen._json_patch import steps_of

        try:
            return steps_of(path)
        except ValueError as error:
            raise CommandError(one_line(error)) from None
    return path.split(".") if path != "." else ()


def _child(level: Any, step: str) -> Any:
    """The key that the step means in a map, or the index in a sequence, and what is there; _ABSENT."""
    if isinstance(level, Mapping):
        if step in level:
            return step, level[step]
        found = (item for item in level.items() if type(item[0]) is not str and text_of(item[0]) == step)
        return next(found, _ABSENT)
    if is_sequence(level) and step.removeprefix("-").isdecimal() and len(step) < 20:
        index = int(step)
        if -len(level) <= index < len(level):
            return index % len(level), level[index]
    return _ABSENT


def is_sequence(level: Any) -> bool:
    return isinstance(level, Sequence) and not isinstance(level, (str, bytes, bytearray, range))


def _missed(level: Any, step: str, way: Way) -> str:
    """What is there instead."""
    at, wanted = place_of(way), place_of((way, step))
    if isinstance(level, Mapping):
        keys = [text_of(key) for key in level]
        if not keys:
            return f"nothing at {wanted}: {at} is empty"
        import difflib
        import heapq

        near = difflib.get_close_matches(step, islice(keys, _MOST_COMPARED), 1)
        hint = f"; did you mean {place_of((way, near[0]))}?" if near else ""
        shown = ", ".join(_cut(key) for key in heapq.nsmallest(_MOST_SHOWN, keys))
        more = f" and {len(keys) - _MOST_SHOWN:,} more" if len(keys) > _MOST_SHOWN else ""
        return f"nothing at {wanted}: {at} has {shown}{more}{hint}"
    if is_sequence(level):
        there = f"the elements 0 to {len(level) - 1}" if len(level) else "no elements"
        return f"nothing at {wanted}: {at} has {there}"
    if isinstance(level, AbstractSet):
        return f"nothing at {wanted}: {at} is a set, whose members have no names"
    return f"nothing at {wanted}: {at} is {_cut(text_of(level))}, and nothing is inside of it"


def _cut(text: str) -> str:
    text = one_line(text) or '""'
    return text if len(text) <= 40 else text[:37] + "..."
