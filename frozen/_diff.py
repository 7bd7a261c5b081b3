"""`diff`: the smallest places that distinguish two versions.

Where both versions hold a Map, a Vector or a Set of one family, the change is looked for inside it; what the versions
share is skipped by identity, and never walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, TypeVar

from frozen._convert import copied
from frozen._core import FileMap, FileSet, FileVector, Map, Set, SharedMap, SharedSet, SharedVector, Vector
from frozen._delta import ABSENT, Change, Delta, InMap, InSet, InVector, Node, Splice, delta_of
from frozen._sameness import Met, identity_of, same_value

__all__ = ["OF_FILES", "diff", "difference", "in_memory", "is_shared", "kind_of"]

Container = TypeVar("Container", bound=Any)
Parts = Iterator[tuple[Any, Any, Any]]  # a step, and what it leads to before and after

_KINDS: dict[type, type] = {kind: kind for kind in (Map, Set, Vector, SharedMap, SharedSet, SharedVector)}
_SPLICED: Any = object()  # stands in parts for what is before a Splice


def kind_of(value: Any) -> type | None:
    """Which of the six containers the value is, also as a subclass; None: no container."""
    kind = type(value)
    known = _KINDS.get(kind)
    if known is not None or kind in _ATOMS:
        return known
    return next((base for base in _KINDS if isinstance(value, base)), None)


_ATOMS = frozenset({str, int, float, bool, type(None), bytes, tuple, list, dict})


def is_shared(kind: type | None) -> bool:
    return kind is SharedMap or kind is SharedSet or kind is SharedVector


def diff(old: Container, new: Container, /) -> Delta:
    """Return the changes that lead from `old` to `new`; also `old.diff(new)`.

    A value changed unless both versions hold the same one (_sameness.py): True in place of 1 is a change, a NaN in
    place of a NaN is none. A value replaced by a container, or a container by something else, is one change. Keys of
    maps are the same if they are equal.

    Both structures are walked in step, and what they share is skipped: O(d log32 n) for d differences between versions
    of one origin, O(n) between others; for vectors see trees/rrb/align.inc.h.

    Raises TypeError for what is no container of one kind and family, and what the `__eq__` of keys raises. Containers
    of files are of either family: they are copied, O(n), and what `share` raises is raised.
    """
    old = in_memory(old, beside=new)
    new = in_memory(new, beside=old)
    return delta_of(difference(old, new), is_shared(_check_comparable(old, new)))


OF_FILES = frozenset({FileMap, FileSet, FileVector})


def in_memory(value: Any, beside: Any) -> Any:
    """The value, or of a container of a file a copy, of the family of what it is compared with."""
    if type(value) not in OF_FILES:
        return value
    if not is_shared(kind_of(beside)):
        return copied(value)
    from frozen._share import share

    return share(value)


def difference(old: Any, new: Any) -> Node | None:
    """The tree of changes; None: the same. Without recursion, and each pair of containers once."""
    same: Met = {}  # pairs that are known to be the same
    done: dict[Any, Node | None] = {}  # what was found about pairs of containers, which `old` and `new` keep alive
    pair: Any = None
    kind: Any = Map  # a map around the versions: what changed is inside of one
    nodes: Any = {}
    parts: Parts = iter([("", old, new)])
    stack: list[tuple[Any, Any, Parts, Any, Any]] = []  # those around: and the step to the one that is compared
    while True:
        for step, before, after in parts:
            below = kind_of(before)
            if below is None or below is not kind_of(after):
                if before is _SPLICED:
                    nodes.append((step, after))
                elif not same_value(before, after):
                    _add(nodes, step, Change(before, after))
                continue
            inner = identity_of(before), identity_of(after)
            if inner[0] == inner[1]:
                continue
            if inner not in done:
                stack.append((pair, nodes, parts, kind, step))
                pair, kind = inner, below
                nodes, parts = _open(below, before, after, same)
                break
            _add(nodes, step, done[inner])
        else:
            node = _node_of(kind, nodes)
            if not stack:
                return nodes.get("")  # type: ignore[no-any-return]
            done[pair] = node
            pair, nodes, parts, kind, step = stack.pop()
            _add(nodes, step, node)


def _add(nodes: Any, step: Any, node: Node | None) -> None:
    if node is None:
        return
    if type(nodes) is dict:
        nodes[step] = node
    else:
        nodes.append((step, node))


def _open(kind: type, before: Any, after: Any, same: Met) -> tuple[Any, Parts]:
    """An empty collection of nodes, and the parts of two containers that may have changed."""
    if kind is Map or kind is SharedMap:
        changes, parts = before._differences(after, ABSENT, Change)
        return changes, iter(parts)
    if kind is Vector or kind is SharedVector:
        return [], _changed_elements(before, after, same)
    changed = [
        (old, new)
        for old, new in before._differences(after, ABSENT, Change)[1]
        if old is ABSENT or new is ABSENT or not same_value(old, new, same)
    ]
    return changed, iter(())


def _changed_elements(before: Any, after: Any, same: Met) -> Parts:
    for start, stop, new_start, new_stop in before._edits(after, partial(same_value, known=same)):
        if stop - start == new_stop - new_start:
            yield from zip(range(start, stop), before[start:stop], after[new_start:new_stop], strict=True)
        else:
            yield start, _SPLICED, Splice(before[start:stop], after[new_start:new_stop])


def _node_of(kind: type, nodes: Any) -> Node | None:
    if not nodes:
        return None
    if type(nodes) is dict:
        return InMap(nodes)
    if kind is Vector or kind is SharedVector:
        return InVector(nodes)
    return InSet((old for old, _ in nodes if old is not ABSENT), (new for _, new in nodes if new is not ABSENT))


def _check_comparable(old: object, new: object) -> type:
    kind, other = kind_of(old), kind_of(new)
    if kind is None and type(old).__module__ == "frozen":
        raise TypeError(
            f"this {type(old).__name__} belongs to another copy of frozen than the one in sys.modules, "
            "from where the first one was removed"
        )
    if kind is None:
        raise TypeError(f"diff() compares Maps, Vectors or Sets, not a {type(old).__name__}: freeze it first")
    if kind is other:
        return kind
    remedy = "share it first" if is_shared(kind) else "freeze it first"
    if not is_shared(kind) and is_shared(other):
        remedy = f"freeze(thaw(it)) makes it local, or share() makes a Shared{kind.__name__} of the first"
    elif other is not None and is_shared(kind) == is_shared(other):
        remedy = "what both stand in can be compared"  # one is no version of the other
    raise TypeError(f"diff() compares a {kind.__name__} with another one, not with a {type(new).__name__}: {remedy}")
