"""Values in the words of a format: dicts, lists, and the atoms that JSON, TOML or YAML has.

What a format has not is an error that names the place, or comes as something else, if the user asks for it (`--lossy`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from typing import Any

from frozen._cli.errors import CommandError
from frozen._cli.places import Way, is_sequence, place_of, text_of
from frozen._delta import rank_of

_SIMPLE: frozenset[type] = frozenset({str, int, bool})
_ATOMS: dict[str, frozenset[type]] = {
    "json": _SIMPLE | {float, type(None)},
    "toml": _SIMPLE | {float, datetime, date, time},
    "yaml": _SIMPLE | {float, type(None), datetime, date, bytes},
}


class Plain:
    """What becomes of values in one format."""

    def __init__(self, form: str, lossy: bool = False) -> None:
        self.form = form
        self.lossy = lossy
        self.atoms = _ATOMS[form]

    def of(self, value: Any, way: Way = None) -> Any:
        """The value, which is where `way` leads. CommandError if the format has no such value."""
        kind = type(value)
        if kind in self.atoms:
            return value if self._has(value) else self._replaced(value, way)
        if isinstance(value, Mapping):
            return self._mapping(value, way)
        if is_sequence(value):
            return [self.of(element, (way, index)) for index, element in enumerate(value)]
        if isinstance(value, AbstractSet):
            return self._set(value, way)
        return self._replaced(value, way)

    def _has(self, value: Any) -> bool:
        if type(value) is float:
            return self.form != "json" or math.isfinite(value)
        return not (type(value) is time and value.tzinfo is not None)

    def _mapping(self, value: Mapping[Any, Any], way: Way) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, inner in _items_in_order(value):
            if inner is None and self.form == "toml" and self.lossy:
                continue
            name = key if type(key) is str else self._key(key, way)
            if name in found:
                raise CommandError(f"two keys at {place_of(way)} are written as {name!r}")
            found[name] = self.of(inner, (way, key))
        return found

    def _key(self, key: Any, way: Way) -> Any:
        if self.form == "yaml" and type(key) in self.atoms:
            return key
        if self.lossy:
            return text_of(key)
        raise self._missing(f"keys of type {type(key).__name__}", (way, key), "writes the key as text")

    def _set(self, value: AbstractSet[Any], way: Way) -> Any:
        members = sorted(value, key=rank_of)
        if self.form == "yaml" and all(type(member) in self.atoms for member in members):
            return set(members)
        if self.lossy:
            return [self.of(member, (way, index)) for index, member in enumerate(members)]
        raise self._missing("sets", way, "writes an array")

    def _replaced(self, value: Any, way: Way) -> Any:
        if value is None:
            raise self._missing("null", way, "leaves such keys out")
        if not self.lossy:
            finite = type(value) is not float
            what = f"{type(value).__name__} values" if finite else f"number {value!r}"
            raise self._missing(what, way, "writes text" if finite else "writes null")
        return None if type(value) is float else text_of(value)

    def _missing(self, what: str, way: Way, remedy: str) -> CommandError:
        return CommandError(f"{self.form.upper()} has no {what}, at {place_of(way)}: --lossy {remedy}")


def _items_in_order(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Those of a dict as they come, of a map, which has no order of its own, sorted by their keys.

    Nothing is looked up: in a damaged file there may be keys that cannot be.
    """
    items = list(mapping.items())
    if not isinstance(mapping, dict):
        items.sort(key=_key_itself if all(type(key) is str for key, _ in items) else _rank_of_key)
    return items


def _key_itself(item: tuple[Any, Any]) -> Any:
    return item[0]


def _rank_of_key(item: tuple[Any, Any]) -> Any:
    return rank_of(item[0])


def is_container(value: Any) -> bool:
    return isinstance(value, (Mapping, AbstractSet)) or is_sequence(value)
