"""The document that the threads share: a configuration cut into stamped parts, and its next versions.

    Map(version=7, published=<clock>, parts=Map(
        sysconfig=Map(version=7, data=<frozen configuration>),
        modules=Map(version=7, data=...), ...))

A version is whole when every part carries its stamp.  One entry somewhere in the data changes as well: it becomes an
`Edit` that names its version, so that no version may hold an edit younger than itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from frozen import Map, SharedMap, SharedVector, Vector, freeze, register_shareable, set_in, update_in

MOST_PARTS = 32  # more top-level entries share parts, so that stamping a version stays cheap

Path = tuple[Any, ...]
Document = Any  # a Map, or the SharedMap that `share` makes of it


@register_shareable
class Edit(NamedTuple):
    """An entry that was changed, by which version, and what it held at first."""

    version: int
    original: Any


clock = time.perf_counter


def first_version(config: Mapping[Any, Any]) -> Map[str, Any]:
    """The configuration, frozen and cut into parts, as version 0."""
    parts: dict[Any, Any] = {name: Map(version=0, data=freeze(data)) for name, data in _cut(config)}
    return Map(version=0, published=clock(), parts=Map(parts))


def _cut(config: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """One part an entry; if there are too many, as many entries a part as it takes."""
    items = list(config.items())
    if len(items) <= MOST_PARTS:
        yield from items
        return
    size = -(-len(items) // MOST_PARTS)
    for start in range(0, len(items), size):
        chunk = dict(items[start : start + size])
        yield f"entries {start} to {start + len(chunk) - 1}", chunk


def next_version(doc: Document, path: Path, published: float | None = None) -> Document:
    """The version after `doc`: every part stamped, the entry at `path` edited, everything else shared.

    The document may be the one of this interpreter or the one that all of them share: their types have one interface.
    """
    version = doc["version"] + 1
    doc = update_in(doc, path, lambda entry: Edit(version, entry.original if isinstance(entry, Edit) else entry))
    parts = doc["parts"]
    for name in parts:
        parts = set_in(parts, (name, "version"), version)
    return doc.update(version=version, published=clock() if published is None else published, parts=parts)


def is_whole(doc: Mapping[str, Any]) -> bool:
    """Whether every part carries the stamp of the document."""
    version = doc["version"]
    return all(part["version"] == version for part in doc["parts"].values())


def look_up(doc: Mapping[str, Any], path: Path) -> Any:
    """The entry at `path`, by plain indexing."""
    value: Any = doc
    for step in path:
        value = value[step]
    return value


def entry_paths(doc: Document) -> list[Path]:
    """The paths of all entries in the data: what the steps of a path lead to is neither a map nor a sequence."""
    found: list[Path] = []
    todo: list[tuple[Path, Any]] = [(("parts", name, "data"), part["data"]) for name, part in doc["parts"].items()]
    while todo:
        path, value = todo.pop()
        inner = _steps(value)
        if inner is None:
            found.append(path)
        else:
            todo.extend(((*path, step), child) for step, child in inner)
    return found


def _steps(value: Any) -> Any:
    if isinstance(value, (Map, SharedMap)):
        return value.items()
    if isinstance(value, (Vector, SharedVector, tuple)):
        return enumerate(value)
    return None
