"""Layers become one tree, and every value knows the layer that it comes from.

The rule: a mapping is merged into a mapping, key by key.  Every other value, a list or a null too, replaces the value
below as a whole; so does a mapping over what is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frozen._convert import freeze
from frozen.config._errors import ConfigError
from frozen.config._sources import Layer

__all__ = ["Merge"]

Path = tuple[Any, ...]


class Merge:
    """The tree of the layers merged so far, in dicts, and the origin of each of its nodes by its path."""

    def __init__(self) -> None:
        self.data: dict[Any, Any] = {}
        self.origins: dict[Path, str] = {(): "no source"}

    def add(self, layer: Layer) -> None:
        """Merge a layer over the others. O(its size, and that of what it replaces)."""
        if not isinstance(layer.data, Mapping):
            raise ConfigError(
                f"{layer.origin} gives a {type(layer.data).__name__}: at its top a configuration is a mapping of keys "
                "to values"
            )
        try:
            frozen = freeze(layer.data)  # nothing that contains itself comes through, and nothing mutable
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{layer.origin} gives what cannot be frozen: {error}") from error
        todo: list[tuple[Path, dict[Any, Any], Any]] = [((), self.data, frozen)]
        while todo:
            path, target, mapping = todo.pop()
            self.origins[path] = layer.origin
            for key, value in mapping.items():
                place = (*path, key)
                if not isinstance(value, Mapping):
                    self._forget(place, target.get(key))
                    target[key] = value
                    self.origins[place] = layer.origin
                    continue
                inner = target.get(key)
                if not isinstance(inner, dict):
                    inner = target[key] = {}
                todo.append((place, inner, value))

    def _forget(self, path: Path, replaced: Any) -> None:
        """What was below a mapping that is replaced has no origin any more."""
        todo = [(path, replaced)]
        while todo:
            path, value = todo.pop()
            if isinstance(value, dict):
                for key, part in value.items():
                    self.origins.pop((*path, key), None)
                    todo.append(((*path, key), part))
