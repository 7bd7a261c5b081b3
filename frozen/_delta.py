"""What changed between two versions: `diff` makes a Delta, `apply` makes the new version from the old one and it.

A Delta names the smallest places that changed, by their paths: where both versions hold a Map, the change is looked
for inside it.  Sub-maps that the versions share are skipped by identity, never walked.  `apply` goes down the same way,
into maps and nothing else, once for all changes that lie below a place.
"""

# No `from __future__ import annotations`: the fields of Change and Delta are annotated with types, not with texts that
# `typing.get_type_hints` would look up in `frozen`, which is the module that these classes name.

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from frozen._convert import Conversion, Rule, keeps_elements, keeps_fields, make_tuple
from frozen._core import Map, SharedMap, _bounded_repr
from frozen._paths import MAPS, show_steps
from frozen._records import record_kind
from frozen._sameness import Met, same_value
from frozen._sharing import NotShareableError, share

__all__ = ["ABSENT", "Change", "ConflictError", "Delta", "apply", "diff"]

Path = tuple[Any, ...]
AnyMap = TypeVar("AnyMap", Map[Any, Any], SharedMap[Any, Any])


class _Absent(enum.Enum):
    """The type of ABSENT, which a Change has in place of the value of a key that is not there.

    >>> Map().diff(Map(a=1))["a",].old is ABSENT
    True
    """

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent.ABSENT
"""Stands in a Change for the value of a key that was not there, or is there no longer."""


class Change(NamedTuple):
    """One place before and after. `old` is ABSENT if the key was added, `new` if it was deleted.

    >>> Map(a=1).diff(Map())["a",]
    Change(old=1, new=ABSENT)
    """

    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Delta:
    """The changes between two versions, by path: immutable, comparable, and hashable if the values are.

    `len` is the number of changed places; a Delta between versions that are the same is false. Iterating yields the
    paths.

    >>> old = freeze({"db": {"port": 5432}, "debug": False})
    >>> delta = old.diff(set_in(old, ["db", "port"], 5433))
    >>> list(delta), delta["db", "port"]
    ([('db', 'port')], Change(old=5432, new=5433))
    """

    changes: Map[Path, Change]
    shared: bool = field(default=False, compare=False, repr=False)
    """Whether the versions were SharedMaps: what `apply` then puts into a Map is converted to the local types."""

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.changes)

    def __getitem__(self, path: Path) -> Change:
        return self.changes[path]

    def inverse(self) -> "Delta":
        """Return the changes that lead back: `apply(new, diff(old, new).inverse()) == old`. O(number of changes).

        >>> Map(a=1).diff(Map(a=2)).inverse()["a",]
        Change(old=2, new=1)
        """
        return Delta(Map((path, Change(new, old)) for path, (old, new) in self.changes.items()), self.shared)


class ConflictError(ValueError):
    """A delta does not fit the version that it is applied to.

    At `path` the delta was made from `expected`, and the version has `found`. ABSENT in either means that there is no
    value.

    >>> try:
    ...     Map(a=3).apply(Map(a=1).diff(Map(a=2)))
    ... except ConflictError as error:
    ...     error.path, error.expected, error.found
    (('a',), 1, 3)
    """

    def __init__(self, path: Path, expected: Any, found: Any, obstacle: str = "") -> None:
        super().__init__(path, expected, found, obstacle)
        self.path = path
        self.expected = expected
        self.found = found
        self.obstacle = obstacle

    def __str__(self) -> str:
        expected, found = _bounded_repr(self.expected), _bounded_repr(self.found)
        if self.expected is self.found:
            misfit = f"nothing can be added at {show_steps(self.path, len(self.path))}"
        else:
            misfit = f"at {show_steps(self.path, len(self.path))} it expects {expected}, not {found}"
        return f"the delta does not fit: {misfit}{self.obstacle}"


def diff(old: AnyMap, new: AnyMap, /) -> Delta:
    """Return the changes that lead from `old` to `new`; also `old.diff(new)`.

    A value changed unless both versions hold the same one (_sameness.py): True in place of 1 is a change, a NaN in
    place of a NaN is none. A value replaced by a Map, or a Map by something else, is one change. Both tries
    are walked in step and what they share is skipped: O(d log32 n) for d differences between versions of one map, O(n)
    between maps of different origin.

    Raises TypeError for what is no Map, or for a Map and a SharedMap, and what the `__eq__` of keys raises.
    """
    _check_comparable(old, new)
    changes: dict[Path, Change] = {}
    todo: list[tuple[Any, Any, Any]] = [(None, old, new)]
    met: set[tuple[int, int]] = set()  # pairs of maps, by their roots, which `old` and `new` keep alive
    same: Met = {}
    while todo:
        above, left, right = todo.pop()
        for key, before, after in left._differences(right, ABSENT):
            if isinstance(before, MAPS) and isinstance(after, Map if isinstance(before, Map) else SharedMap):
                pair = before._root(), after._root()
                if pair not in met:
                    met.add(pair)
                elif same_value(before, after, same):
                    continue  # what several ways lead to is entered again only where it differs
                todo.append(((above, key), before, after))
            elif not same_value(before, after):
                changes[_path_of((above, key))] = Change(before, after)
    return Delta(Map(changes), isinstance(old, SharedMap))


def _path_of(step: Any) -> Path:
    """The path to a place that is known by its last step, and that by the one before it."""
    keys = []
    while step is not None:
        step, key = step
        keys.append(key)
    return tuple(reversed(keys))


def _check_comparable(old: object, new: object) -> None:
    if not isinstance(old, MAPS):
        raise TypeError(f"diff() compares two Maps, not a {type(old).__name__}: freeze it first")
    kind, other = (Map, SharedMap) if isinstance(old, Map) else (SharedMap, Map)
    if isinstance(new, kind):
        return
    remedy = "freeze it first" if kind is Map else "share it first"
    if kind is Map and isinstance(new, other):
        remedy = "freeze(thaw(it)) makes it one, or share() makes a SharedMap of the first"
    raise TypeError(f"diff() compares a {kind.__name__} with another one, not with a {type(new).__name__}: {remedy}")


# -- Applying -----------------------------------------------------------------------------------------------------


def apply(old: AnyMap, delta: Delta, /) -> AnyMap:
    """`old` with the changes of `delta`, also `old.apply(delta)`: the new version, or a merged one if `old` is another.

    A delta between Maps applies to SharedMaps and the other way round: its values are converted to the family of the
    map that they are put into.  A map that is missing on the way to an added value is made.

    O(log32 n) a change, and a walk down for each map that a change lies in.

    Raises ConflictError, a ValueError, where `old` does not hold what a change was made from, so that nothing is
    overwritten unseen, also where the way to it leads through something that is no map; NotShareableError for a value
    that a SharedMap cannot hold; TypeError for what is no Delta.
    """
    if not isinstance(delta, Delta):
        raise TypeError(f"apply takes a Delta, as diff returns it, not a {type(delta).__name__}")
    becomes_local = delta.shared and not isinstance(old, SharedMap)
    level: Any = Map({"": old})  # a map around the old version: changes are made inside of a map
    edits: list[tuple[Any, Any]] = []
    todo = iter({"": _tree_of(delta)}.items())
    stack: list[tuple[Any, Any, Any, Any]] = []  # the maps around `level`: each with its edits, what is left, the key
    while True:
        for key, node in todo:
            found = level.get(key, ABSENT)
            if type(node) is dict:
                below = _map_below(level, found)
                if below is None:
                    raise _blocked(_path_to(stack, key), found, node)
                stack.append((level, edits, todo, key))
                level, edits, todo = below, [], iter(node.items())
                break
            expected, new = _converted(node, level, becomes_local)
            if not same_value(found, expected):
                raise ConflictError(_path_to(stack, key), node.old, found)
            edits.append((key, new))
        else:
            result = _edited(level, edits)
            if not stack:
                return result[""]  # type: ignore[no-any-return]
            level, edits, todo, key = stack.pop()
            edits.append((key, result))


def _tree_of(delta: Delta) -> Any:
    """The changes as nested dicts, key by key of their paths; a Change alone if it is one of the whole."""
    tree: Any = {}
    for path, change in delta.changes.items():
        if not path and len(delta) == 1:
            return change
        node = tree
        for key in path[:-1]:
            below = node.get(key)
            if below is None:
                below = node[key] = {}
            elif type(below) is not dict:
                raise _overlapping(path)
            node = below
        if not path or path[-1] in node:
            raise _overlapping(path)
        node[path[-1]] = change
    return tree


def _overlapping(path: Path) -> ValueError:
    return ValueError(
        f"the delta changes {show_steps(path, len(path))} and, in another change, what is around or in it"
    )


def _map_below(level: Any, found: Any) -> Any:
    """The map that changes below `found` are made in; None if it is no map."""
    if found is ABSENT:
        return SharedMap() if isinstance(level, SharedMap) else Map()
    return found if isinstance(found, MAPS) else None


def _blocked(path: Path, found: Any, node: Any) -> ConflictError:
    """The way to the changes in `node` leads through `found`, at `path`, which is no map."""
    full = list(path)
    while type(node) is dict:
        key, node = next(iter(node.items()))
        full.append(key)
    where = show_steps(path, len(path)) if path else "the top"
    return ConflictError(tuple(full), node.old, ABSENT, f": {_bounded_repr(found)} at {where} is no map")


def _path_to(stack: list[tuple[Any, Any, Any, Any]], key: Any) -> Path:
    return (*(frame[3] for frame in stack), key)[1:]  # the first key is that of the old version itself


def _converted(change: Change, level: Any, becomes_local: bool) -> tuple[Any, Any]:
    """The two values of a change in the form in which `level` holds them."""
    if isinstance(level, SharedMap):
        try:
            expected = _shared(change.old)
        except NotShareableError:
            expected = object()  # the same as nothing that a SharedMap holds
        return expected, _shared(change.new)
    if becomes_local:
        return _local(change.old), _local(change.new)
    return change


def _edited(level: Any, edits: list[tuple[Any, Any]]) -> Any:
    if len(edits) <= 1:
        for key, value in edits:
            level = level.discard(key) if value is ABSENT else level.set(key, value)
        return level
    draft = level.mutate()
    for key, value in edits:
        if value is ABSENT:
            draft.discard(key)
        else:
            draft[key] = value
    return draft.finish()


def _shared(value: Any) -> Any:
    return value if value is ABSENT else share(value)


def _local_rule(cls: type) -> Rule | None:
    record = record_kind(cls)
    if record is not None:
        return keeps_fields(record)
    return keeps_elements(make_tuple) if issubclass(cls, tuple) else None


# Shared containers as the local ones, at every depth.
_local = Conversion("_local", _local_rule)
