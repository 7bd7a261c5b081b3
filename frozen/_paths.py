"""Reading and changing values deep inside nested immutable data: `get_in`, `set_in`, `update_in`, `delete_in`.

A path is a sequence of steps: keys of maps, indices of sequences, names of the fields of records (dataclasses, attrs,
msgspec, pydantic).  Every change returns a new value that shares with the old one everything beside the path, and the
old value itself where nothing changed.  Cost: one lookup and one `set` a step, O(log32 n) each in a Map or Vector; a
tuple or record level is copied.

What is not there is a LookupError: KeyError for a key, IndexError for an index.  A step that its level cannot have is a
TypeError, or AttributeError for a field.  Each error says which step of the path it is about, at a bounded length.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from frozen._core import Map, SharedMap, SharedVector, Vector, _bounded_repr
from frozen._public import public
from frozen._records import RecordKind, record_kind

__all__ = ["delete_in", "get_in", "set_in", "update_in"]

Path = tuple[Any, ...]

MAPS = (Map, SharedMap)
VECTORS = (Vector, SharedVector)

_MISSING: Any = object()


class _NoSuchKey(KeyError):
    """A KeyError(key) whose text says where the key is missing, as the other errors do."""

    def __init__(self, key: object, place: str = "") -> None:
        super().__init__(key)
        self.place = place

    def __str__(self) -> str:
        return f"no key {_bounded_repr(self.args[0])}: {self.place}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args, self.place)


@public
def get_in(obj: Any, path: Iterable[Hashable], default: Any = _MISSING) -> Any:
    """Return the value at `path` inside `obj`, or `default`, if given, if a key or an index on the path is absent.

    `default` replaces an absent value only: a path that does not fit the data is an error all the same. One lookup for
    each step.

    Raises KeyError for an absent key and IndexError for an index out of range, unless a default is given; TypeError if
    a step leads into something that is no map, sequence or record, AttributeError if a record has no such field. Each
    error shows the path.

    >>> get_in(Map(db=Map(ports=Vector([5432]))), ["db", "ports", 0])
    5432
    """
    path = _checked(path)
    for depth, key in enumerate(path):
        try:
            obj = _child(obj, key, path, depth)
        except IndexError:
            if default is _MISSING:
                raise
            return default
        if obj is _MISSING:
            if default is _MISSING:
                raise _NoSuchKey(key, _place(path, depth))
            return default
    return obj


@public
def set_in(obj: Any, path: Iterable[Hashable], value: Any) -> Any:
    """Return `obj` with `value` at `path`. Levels that are missing on the way become Map (SharedMap in a SharedMap).

    One lookup and one `set` for each step. An empty path returns `value`. Sequences do not grow: an index must exist. A
    record is rebuilt by its own library (a dataclass by `dataclasses.replace`, a pydantic model by `model_copy`), which
    checks it as far as that does.

    Raises what `get_in` raises, except KeyError, and TypeError if a level on the path is mutable: `freeze` it first.

    >>> set_in(Map(), ["db", "port"], 5432)
    Map({'db': Map({'port': 5432})})
    """
    path = _checked(path)
    levels, _ = _descend(obj, path)
    return _ascend(levels, path, value)


@public
def update_in(obj: Any, path: Iterable[Hashable], fn: Callable[..., Any], *args: Any) -> Any:
    """Return `obj` with `fn(old, *args)` in place of `old`, the value at `path`. `old` is None if there is no such key.

    Otherwise as `set_in`. Exceptions of `fn` are raised unchanged.

    >>> update_in(Map(hits=1), ["hits"], lambda old: (old or 0) + 1)
    Map({'hits': 2})
    """
    path = _checked(path)
    levels, old = _descend(obj, path)
    return _ascend(levels, path, fn(None if old is _MISSING else old, *args))


@public
def delete_in(obj: Any, path: Iterable[Hashable]) -> Any:
    """Return `obj` without the key or the sequence's element at `path`. A map that becomes empty stays, empty.

    Costs what `set_in` costs. Raises KeyError if a key on the path is absent, ValueError for an empty path, TypeError
    for a field of a record or named tuple, which cannot lack one, and what `set_in` raises.

    >>> delete_in(Map(db=Map(port=5432)), ["db", "port"])
    Map({'db': Map()})
    """
    path = _checked(path)
    if not path:
        raise ValueError("delete_in: the path is empty; there is nothing to delete from")
    levels, old = _descend(obj, path, create=False)
    if old is _MISSING:
        raise _NoSuchKey(path[len(levels) - 1], _place(path, len(levels) - 1))
    return _ascend(levels[:-1], path[:-1], _without(levels[-1], path[-1], path))


# -- Down and up --------------------------------------------------------------------------------------------------


def _checked(path: Iterable[Hashable]) -> Path:
    if isinstance(path, (str, bytes)):
        raise TypeError(f"a path is a sequence of keys, not {type(path).__name__}: write [{_bounded_repr(path)}]")
    return (*path,)


def _descend(obj: Any, path: Path, *, create: bool = True) -> tuple[list[Any], Any]:
    """The levels that the steps of `path` are taken in, and what the last step leads to (or _MISSING).

    A missing level is an empty map if `create`; otherwise the descent ends with the level that lacks the key.
    """
    levels: list[Any] = []
    for depth, key in enumerate(path):
        if obj is _MISSING:
            if not create:
                break
            obj = SharedMap() if isinstance(levels[-1], SharedMap) else Map()
        levels.append(obj)
        obj = _child(obj, key, path, depth)
    return levels, obj


def _ascend(levels: list[Any], path: Path, value: Any) -> Any:
    """Put `value` into the last level, the result into the level above it, and so on."""
    for depth in reversed(range(len(levels))):
        value = _with(levels[depth], path[depth], value, path, depth)
    return value


# -- One level ----------------------------------------------------------------------------------------------------


def _child(level: Any, key: Any, path: Path, depth: int) -> Any:
    """What `key` leads to in `level`; _MISSING if `level` is a map without it."""
    if isinstance(level, (*MAPS, Mapping)):
        return level.get(key, _MISSING)
    if _is_sequence(level):
        return level[_index(level, key, path, depth)]
    kind = record_kind(type(level))
    if kind is not None:
        return getattr(level, _field(kind, level, key, path, depth))
    raise TypeError(f"cannot look up {_bounded_repr(key)} in {_shown(level)}: {_place(path, depth)}")


def _with(level: Any, key: Any, value: Any, path: Path, depth: int) -> Any:
    """`level` with `value` at `key`, which `_child` has accepted."""
    if isinstance(level, MAPS):
        return level.set(key, value)
    if isinstance(level, VECTORS):
        return level.set(operator.index(key), value)
    if isinstance(level, tuple):
        index = operator.index(key)
        return level if level[index] is value else _spliced(level, index, (value,))
    kind = record_kind(type(level))
    if kind is not None and kind.is_frozen():
        return level if getattr(level, key) is value else kind.replace(level, key, value)
    raise TypeError(f"cannot derive a new version of {_shown(level)}, freeze it first: {_place(path, depth)}")


def _without(level: Any, key: Any, path: Path) -> Any:
    """`level`, where the whole of `path` leads, without `key`, which `_child` has found."""
    if isinstance(level, MAPS):
        return level.delete(key)
    if isinstance(level, VECTORS):
        return level.delete(operator.index(key))
    if isinstance(level, tuple) and not hasattr(level, "_make"):
        return _spliced(level, operator.index(key), ())
    place = _place(path, len(path) - 1)
    if isinstance(level, tuple) or record_kind(type(level)) is not None:
        raise TypeError(f"a {type(level).__name__} cannot lose {_bounded_repr(key)}, set it instead: {place}")
    raise TypeError(f"cannot derive a new version of {_shown(level)}, freeze it first: {place}")


def _spliced(level: Any, index: int, values: tuple[Any, ...]) -> Any:
    """The tuple with the element at `index` replaced by `values`; a named tuple keeps its type."""
    index %= len(level)
    make: Callable[[Any], Any] = getattr(level, "_make", tuple)
    return make((*level[:index], *values, *level[index + 1 :]))


def _is_sequence(level: Any) -> bool:
    return isinstance(level, Sequence) and not isinstance(level, (str, bytes, bytearray, memoryview))


def _index(level: Any, key: Any, path: Path, depth: int) -> int:
    try:
        index = operator.index(key)
    except TypeError:
        kind = type(level).__name__
        shown = _bounded_repr(key)
        raise TypeError(f"a {kind} is indexed by integers, not by {shown}: {_place(path, depth)}") from None
    if not -len(level) <= index < len(level):
        kind = type(level).__name__
        raise IndexError(
            f"index {_bounded_repr(index)} is out of range for a {kind} of {len(level)}: {_place(path, depth)}"
        )
    return index


def _field(kind: RecordKind, level: Any, key: Any, path: Path, depth: int) -> str:
    names = list(kind.names(level))
    if isinstance(key, str) and key in names:
        return key
    known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise AttributeError(
        f"{type(level).__name__} has no field {_bounded_repr(key)}, only {known}: {_place(path, depth)}"
    )


# -- Messages -----------------------------------------------------------------------------------------------------


def _place(path: Path, depth: int) -> str:
    return f"step {depth + 1} of the path {show_steps(path, depth)}"


def show_steps(path: Path, around: int = 0, most: int = 12) -> str:
    """The path as a list, with the step `around` in it, at a bounded length."""
    first = max(0, min(around - most // 2, len(path) - most))
    steps = [_bounded_repr(step) for step in path[first : first + most]]
    steps = [step if len(step) <= 80 else step[:77] + "..." for step in steps]
    before, behind = ["..."] * (first > 0), ["..."] * (first + most < len(path))
    return f"[{', '.join([*before, *steps, *behind])}]"


def _shown(level: Any) -> str:
    text = _bounded_repr(level) if isinstance(level, (str, bytes, int, float, complex, type(None))) else ""
    return f"{text} ({type(level).__name__})" if 0 < len(text) <= 60 else f"a {type(level).__name__}"
