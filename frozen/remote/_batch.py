"""Many small deltas, applied as one: each map that they change is edited once, in a transient version.

A process that was away gets thousands of deltas at once. Most of them set or remove entries of maps. Their values are
written, unread, into one draft of each map, so that an entry costs what it costs in a dict, and no version in between
is made. A delta that does something else ends the drafts, and is applied by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from frozen._core import Map, SharedMap
from frozen._delta import ABSENT

__all__ = ["Drafts"]

Entry = tuple[Any, ...]  # kinds, path, and the new value, if there is one

_DEEPEST = 50
"""Steps of a path that is followed by recursion."""


def _is_of_maps(entries: Sequence[Entry]) -> bool:
    """Whether a delta sets and removes entries of maps alone, and none in another one's way."""
    paths = {entry[1] for entry in entries}
    depths = {len(path) for path in paths}
    if len(paths) != len(entries) or not all(0 < depth <= _DEEPEST for depth in depths):
        return False
    if not all(type(path) is tuple and kinds == "m" * len(path) for kinds, path, *_ in entries):
        return False
    return len(depths) == 1 or not any(path[:depth] in paths for path in paths for depth in depths if depth < len(path))


class Drafts:
    """A version that is being made: a draft of each map that was changed, by the path that leads to it."""

    def __init__(self, value: Any, own: Callable[[Any], Any] | None) -> None:
        """`own` makes a value one of the family of `value`; None: it is."""
        self._value = value
        self._kind = type(value)
        self._own = own
        self._open: dict[tuple[Any, ...], Any] = {}

    def write(self, entries: Sequence[Entry]) -> bool:
        """Write what a delta says; False, and nothing is written, if it has to be applied by itself."""
        return self._write_flat(entries) or (_is_of_maps(entries) and self._write_nested(entries))

    def _write_flat(self, entries: Sequence[Entry]) -> bool:
        """As `write`, of entries of the outermost map alone, which most deltas consist of."""
        edits: dict[Any, list[Any]] = {}
        for kinds, path, *new in entries:
            if kinds != "m" or len(path) != 1 or len(new) > 1:
                return False
            edits[path[0]] = new
        draft = self._draft_at(()) if len(self._open) < 2 else None  # no map below it is being changed
        if draft is None or len(edits) != len(entries):
            return False
        self._put((draft, key, new) for key, new in edits.items())
        return True

    def _write_nested(self, entries: Sequence[Entry]) -> bool:
        places = []
        for _, path, *new in entries:
            draft = None if path in self._open else self._draft_at(path[:-1])
            if draft is None:
                return False
            places.append((draft, path[-1], new))
        self._put(places)
        return True

    def _put(self, places: Iterable[tuple[Any, Any, list[Any]]]) -> None:
        """Set the keys of drafts to new values, and remove those that have none."""
        own = self._own
        for draft, key, new in places:
            if not new:
                draft.discard(key)
                continue
            (value,) = new
            draft[key] = value if own is None else own(value)

    def _draft_at(self, path: tuple[Any, ...]) -> Any:
        """The draft of the map that a path leads to; a map that is missing is made. None if there is something else."""
        draft = self._open.get(path)
        if draft is not None:
            return draft
        if path:
            around = self._draft_at(path[:-1])
            if around is None:
                return None
            found = around.get(path[-1], ABSENT)
            found = self._kind() if found is ABSENT else found
        else:
            found = self._value
        if type(found) is not self._kind or self._kind not in (Map, SharedMap):
            return None
        draft = self._open[path] = found.mutate()
        return draft

    def finish(self) -> Any:
        """The version, with all that was written."""
        for path in sorted(self._open, key=len, reverse=True):
            made = self._open[path].finish()
            if path:
                self._open[path[:-1]][path[-1]] = made
            else:
                self._value = made
        self._open.clear()
        return self._value
