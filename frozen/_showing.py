"""How consoles and notebooks show containers: IPython, rich and Jupyter ask each object by a method of their own.

As builtin containers are shown: over several lines where one is too long, and bounded where the console bounds a dict.
Keys and members come sorted where they can be, as IPython and `pprint` show those of a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop
from html import escape
from itertools import islice
from operator import eq
from typing import Any

from frozen._core import FileMap, FileSet, FileVector, Map, Set, SharedMap, SharedSet, _bounded_repr
from frozen._diff import kind_of

__all__ = ["repr_html", "repr_pretty", "rich_repr"]

_MAPS = (Map, SharedMap, FileMap)
_SETS = (Set, SharedSet, FileSet)
_FILES = {kind: kind for kind in (FileMap, FileSet, FileVector)}
_MOST_SORTED = 100_000  # a console would wait too long for more


def _sorted(shown: Any) -> Iterator[Any] | None:
    """Its keys or members in ascending order, if they are numbers, str or bytes, else None.

    By a heap, because often only the first ones are shown.
    """
    if len(shown) > _MOST_SORTED or not isinstance(shown, _MAPS + _SETS):
        return None
    heap = list(shown)
    kinds = set(map(type, heap))
    if kinds == {str} or kinds == {bytes} or (kinds <= {int, float} and all(map(eq, heap, heap))):  # no NaN
        heapify(heap)
        return _popped(heap)
    return None


def _popped(heap: list[Any]) -> Iterator[Any]:
    while heap:
        yield heappop(heap)


def _in_order(shown: Any) -> Iterator[Any]:
    return _sorted(shown) or iter(shown)


def _items_in_order(shown: Any) -> Iterator[Any]:
    keys = _sorted(shown)
    return iter(shown.items()) if keys is None else ((key, shown[key]) for key in keys)


# IPython


def repr_pretty(self: Any, p: Any, cycle: bool) -> None:
    """`_repr_pretty_`: IPython's printer `p` breaks lines, and says how many items of a container it shows."""
    name = type(self).__name__
    if cycle or not self:
        p.text(f"{name}({'...' if cycle else ''})")
        return
    is_map = isinstance(self, _MAPS)
    opened, closed = ("({", "})") if is_map or isinstance(self, _SETS) else ("([", "])")
    most = getattr(p, "max_seq_length", 0)
    p.begin_group(4, name + opened)
    p.breakable("")
    for index, item in enumerate(_items_in_order(self) if is_map else _in_order(self)):
        if index:
            p.text(",")
            p.breakable()
        if most and index >= most:
            p.text("...")
            break
        if is_map:
            p.pretty(item[0])
            p.text(": ")
            item = item[1]
        p.pretty(item)
    p.end_group(4, closed)


# rich: of a builtin container it takes as many items as it shows, of anything else all


class _Entries(dict[Any, Any]):
    """Shown as the dict of a map's entries, which are read as far as they are shown."""

    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def __len__(self) -> int:
        return len(self._shown)

    def items(self) -> Any:
        return _items_in_order(self._shown)


class _Values:
    def __init__(self, shown: Any) -> None:
        self._shown = shown

    def __len__(self) -> int:
        return len(self._shown)

    def __iter__(self) -> Iterator[Any]:
        return _in_order(self._shown)


class _Members(_Values, set[Any]):
    """Shown as a set of the members."""


class _Elements(_Values, list[Any]):
    """Shown as a list of the elements."""


def rich_repr(self: Any) -> Iterable[Any]:
    """`__rich_repr__`: the arguments of a call that makes such a container, here one or none."""
    if self:
        yield (
            _Entries(self)
            if isinstance(self, _MAPS)
            else _Members(self)
            if isinstance(self, _SETS)
            else _Elements(self)
        )


# Jupyter

_ROWS = 200  # of the whole, however nested
_ROWS_OF_ONE = 50
_DEPTH = 6
_PLAIN = "font-family:monospace;text-align:left;vertical-align:top;white-space:pre-wrap"


def repr_html(self: Any) -> str:
    """`_repr_html_`: a table of the first entries, in which nested containers fold. At most _ROWS rows in all."""
    left = [_ROWS]
    return "".join(_html(self, left, 0))


def _html(value: Any, left: list[int], depth: int) -> Iterator[str]:
    kind = _FILES.get(type(value)) or kind_of(value)
    if kind is None or not value or depth > _DEPTH or not left[0]:
        yield f"<code>{escape(_bounded_repr(value))}</code>"
        return
    is_map = kind in _MAPS
    unit = "entry" if is_map else "member" if kind in _SETS else "element"
    many = {"entry": "entries"}.get(unit, unit + "s")
    title = f"{escape(type(value).__name__)}, {len(value):,} {unit if len(value) == 1 else many}"
    yield f"<details{' open' if depth == 0 else ''}><summary>{title}</summary><table>"
    rows = _items_in_order(value) if is_map else enumerate(_in_order(value))
    shown = 0
    for label, item in islice(rows, _ROWS_OF_ONE):
        if not left[0]:
            break
        left[0] -= 1
        shown += 1
        yield "<tr>"
        if unit != "member":
            text = _bounded_repr(label) if is_map else str(label)
            yield f'<th style="{_PLAIN}">{escape(text)}</th>'
        yield f'<td style="{_PLAIN}">'
        yield from _html(item, left, depth + 1)
        yield "</td></tr>"
    yield "</table>"
    if shown < len(value):
        yield f"<div>{len(value) - shown:,} more</div>"
    yield "</details>"
