"""What changed between two versions: `diff` makes a Delta, `apply` makes the new version from the old one and it.

A Delta names the smallest places that changed, by their paths: where both versions hold a Map, the change is looked
for inside it.  Sub-maps that the versions share are skipped by identity, never walked.
"""

from __future__ import annotations

import enum
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from frozen._core import Map, SharedMap
from frozen.paths import MAPS, delete_in, get_in, set_in

__all__ = ["ABSENT", "Change", "Delta", "apply", "diff"]

Path = tuple[Any, ...]
AnyMap = TypeVar("AnyMap", Map[Any, Any], SharedMap[Any, Any])


class _Absent(enum.Enum):
    """A singleton that survives copying and pickling."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent.ABSENT
"""Stands in a Change for the value of a key that was not there, or is there no longer."""


class Change(NamedTuple):
    """One place before and after: a key is added if `old` is ABSENT, deleted if `new` is."""

    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Delta:
    """The changes between two versions, by path: immutable, comparable, and hashable if the values are.

    `len` is the number of changed places; a Delta between equal versions is false.  Iterating gives the paths.
    """

    changes: Map[Path, Change]

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.changes)

    def __getitem__(self, path: Path) -> Change:
        return self.changes[path]

    def inverse(self) -> Delta:
        """The changes that lead back: `apply(new, diff(old, new).inverse()) == old`.  O(changes)."""
        return Delta(Map((path, Change(new, old)) for path, (old, new) in self.changes.items()))


def diff(old: AnyMap, new: AnyMap, /) -> Delta:
    """The changes that lead from `old` to `new`; also `old.diff(new)`.

    Values are the same if they are the same object or equal.  A value replaced by a Map, or a Map by something else,
    is one change.  Both tries are walked in step and what they share is skipped: O(d log32 n) for d differences
    between versions of one map, O(n) between maps of different origin.

    Raises TypeError for what is no Map, and whatever the `__eq__` of keys and values raises.
    """
    if not isinstance(old, MAPS):
        raise TypeError(f"diff() compares two Maps, not a {type(old).__name__}: freeze it first")
    changes: dict[Path, Change] = {}
    todo: list[tuple[Path, Any, Any]] = [((), old, new)]
    while todo:
        above: Path
        above, left, right = todo.pop()
        for key, before, after in left._differences(right, ABSENT):
            if any(isinstance(before, kind) and isinstance(after, kind) for kind in MAPS):
                todo.append(((*above, key), before, after))
            elif before != after:
                changes[*above, key] = Change(before, after)
    return Delta(Map(changes))


def apply(old: AnyMap, delta: Delta, /) -> AnyMap:
    """`old` with the changes of `delta`, also `old.apply(delta)`: the new version, or a merged one if `old` is another.

    O(log32 n) a change and level.

    Raises ValueError where `old` does not hold what a change was made from, so that nothing is overwritten unseen, and
    TypeError for what is no Delta.
    """
    if not isinstance(delta, Delta):
        raise TypeError(f"apply takes a Delta, as diff returns it, not a {type(delta).__name__}")
    new: Any = old
    for path, change in delta.changes.items():
        found = _value_at(old, path)
        if found is not change.old and found != change.old:
            expected, actual = reprlib.repr(change.old), reprlib.repr(found)
            raise ValueError(f"the delta does not fit: at {list(path)!r} it expects {expected}, not {actual}")
        new = delete_in(new, path) if change.new is ABSENT else set_in(new, path, change.new)
    result: AnyMap = new
    return result


def _value_at(version: AnyMap, path: Path) -> Any:
    try:
        return get_in(version, path, ABSENT)
    except (TypeError, LookupError, AttributeError):  # a level on the way is no map
        return ABSENT
