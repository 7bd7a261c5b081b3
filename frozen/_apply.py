"""`apply`: the new version, of the old one and a Delta.

It goes down the tree of the Delta, into the containers that `diff` entered and into nothing else, once for all changes
below a place, and edits each container once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from frozen._convert import Conversion, Rule, keeps_elements, keeps_fields, make_tuple
from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector, _bounded_repr
from frozen._delta import (
    ABSENT,
    Change,
    ConflictError,
    Delta,
    InMap,
    InSet,
    InVector,
    Node,
    Path,
    Span,
    Splice,
    rebuilt,
)
from frozen._diff import is_shared, kind_of
from frozen._paths import show_steps
from frozen._records import record_kind
from frozen._sameness import identity_of, same_value
from frozen._share import share
from frozen._sharing import NotShareableError

__all__ = ["apply", "apply_tree", "apply_tried", "made_local"]

Container = TypeVar("Container", bound=Any)

_MAPS = (Map, SharedMap)
_VECTORS = (Vector, SharedVector)
_SETS = (Set, SharedSet)
_KEYS_OF_PARTS = (tuple, frozenset, *_MAPS, *_VECTORS, *_SETS)  # may hold containers of either family


def apply(old: Container, delta: Delta, /) -> Container:
    """Return `old` with the changes of `delta`, also `old.apply(delta)`.

    That is the new version, or a merged one if `old` is another than the delta was made from.  A delta of one family
    applies to the other: its values are converted to the family of the container that they are put into.  A map that
    is missing on the way to an added value is made.

    O(log32 n) a change, and a walk down for each container that a change lies in.

    Raises ConflictError, a ValueError, where `old` does not hold what a change was made from, so that nothing is
    overwritten unseen, also where the way to it leads through something else than the container it led through;
    NotShareableError for a value that a shared container cannot hold; TypeError for what is no Delta.
    """
    if not isinstance(delta, Delta):
        raise TypeError(f"apply takes a Delta, as diff returns it, not a {type(delta).__name__}")
    if delta._root is None:
        return old
    return apply_tree(old, delta._root, delta.shared and not is_shared(kind_of(old)))  # type: ignore[no-any-return]


def apply_tried(old: Any, delta: Delta, /) -> Any:
    """Called by the core for a map whose own values it has looked at: there are other changes, or one does not fit."""
    if delta._root is None:
        return old
    return apply_tree(old, delta._root, delta.shared and not is_shared(kind_of(old)), tried=True)


def apply_tree(old: Any, root: Node, becomes_local: bool = False, tried: bool = False) -> Any:
    """`old` with the changes of a tree; ABSENT stands for no value, in `old` and in the result."""
    if not tried and type(root) is InMap and isinstance(old, _MAPS):  # most deltas are changes of a map's own values
        result = old._changed(root.nodes, ABSENT, Change, becomes_local or not isinstance(old, Map))
        if result is not None:
            return result
    level: Any = {"": old} if old is not ABSENT else {}  # a map around the old version: changes are made inside of one
    edits: list[tuple[Any, Any]] = []
    todo: Iterator[tuple[Any, Node]] = iter([("", root)])
    stack: list[tuple[Any, Any, Any, Any]] = []  # what is around `level`: each with its edits, what is left, the step
    done: dict[Any, tuple[Any, Any]] = {}  # what became of containers by a node: both may be met on many paths
    while True:
        for step, node in todo:
            if isinstance(step, _KEYS_OF_PARTS) and isinstance(level, _MAPS):
                _, step = _converted(Change(ABSENT, step), level, becomes_local)
            kind = type(node)
            found = _found(level, step)
            if kind is Change:
                expected, new = _converted(node, level, becomes_local)  # type: ignore[arg-type]
                if not same_value(found, expected):
                    raise ConflictError(_path_to(stack, step), node.old, found)  # type: ignore[union-attr]
                edits.append((step, new))
            elif kind is Splice:
                edits.append(_splice(stack, level, step, node, becomes_local))  # type: ignore[arg-type]
            elif kind is InSet:
                edits.append((step, _with_members(stack, found, step, node, becomes_local)))  # type: ignore[arg-type]
            else:
                below = _below(level, found, kind)
                if below is None:
                    raise _blocked(_path_to(stack, step), found, node)
                known = done.get((identity_of(below), id(node)))
                if known is not None:
                    edits.append((step, known[1]))
                    continue
                if kind is InMap and below is not old:  # that was tried above
                    only_plain = becomes_local or not isinstance(below, Map)
                    result = below._changed(node.nodes, ABSENT, Change, only_plain)  # type: ignore[union-attr]
                    if result is not None:
                        done[identity_of(below), id(node)] = below, result
                        edits.append((step, result))
                        continue
                stack.append((level, edits, todo, (step, node)))
                level, edits = below, []
                todo = iter(node.nodes.items() if kind is InMap else node.nodes)  # type: ignore[union-attr]
                break
        else:
            if not stack:
                return edits[0][1]
            result = _edited(level, edits)
            made_of, (level, edits, todo, (step, node)) = level, stack.pop()
            done[identity_of(made_of), id(node)] = made_of, result
            edits.append((step, result))


def _found(level: Any, step: Any) -> Any:
    if isinstance(level, _VECTORS):
        return level[step] if step < len(level) else ABSENT
    return level.get(step, ABSENT)


def _below(level: Any, found: Any, kind: type) -> Any:
    """The container that changes of this kind are made in; None if there is something else."""
    if kind is InVector:
        return found if isinstance(found, _VECTORS) else None
    if found is ABSENT:
        return SharedMap() if isinstance(level, SharedMap) else Map()
    return found if isinstance(found, _MAPS) else None


_CONTAINER_OF = {InMap: "map", InVector: "vector", InSet: "set"}


def _blocked(path: Path, found: Any, node: Any) -> ConflictError:
    """The way to the changes in `node` leads through `found`, at `path`, which is no such container."""
    full, what = list(path), _CONTAINER_OF[type(node)]
    while type(node) is InMap or type(node) is InVector:
        step, node = next(iter(node.nodes.items() if type(node) is InMap else node.nodes))
        full.append(Span(step, step + len(node.old)) if type(node) is Splice else step)
    expected = node.old if type(node) is Change else Vector(node.old) if type(node) is Splice else ABSENT
    where = show_steps(path, len(path)) if path else "the top"
    return ConflictError((*full,), expected, ABSENT, f": {_bounded_repr(found)} at {where} is no {what}")


def _path_to(stack: list[tuple[Any, Any, Any, Any]], step: Any) -> Path:
    return (*(frame[3][0] for frame in stack), step)[1:]  # the first step leads to the old version itself


# -- One container ------------------------------------------------------------------------------------------------


def _edited(level: Any, edits: list[tuple[Any, Any]]) -> Any:
    if isinstance(level, _VECTORS):
        return _edited_vector(level, edits)
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


def _edited_vector(level: Any, edits: list[tuple[Any, Any]]) -> Any:
    """From the end on: the indices before an edit stay what they are."""
    draft = level.mutate()
    for step, value in reversed(edits):
        if type(step) is Span:
            draft[step.start : step.stop] = value
        elif value is ABSENT:
            del draft[step]
        else:
            draft[step] = value
    return draft.finish()


def _splice(stack: Any, level: Any, index: int, node: Splice, becomes_local: bool) -> tuple[Span, list[Any]]:
    where = Span(index, index + len(node.old))
    found = level[index : where.stop] if index <= len(level) else ABSENT
    expected = [_converted(Change(part, ABSENT), level, becomes_local)[0] for part in node.old]
    if found is ABSENT or not same_value([*found], expected):
        raise ConflictError(_path_to(stack, where), Vector(node.old), found)
    return where, [_converted(Change(ABSENT, part), level, becomes_local)[1] for part in node.new]


def _with_members(stack: Any, found: Any, step: Any, node: InSet, becomes_local: bool) -> Any:
    if not isinstance(found, _SETS):
        raise _blocked(_path_to(stack, step), found, node)
    draft = found.mutate()
    for member in node.removed:
        _, member = _converted(Change(ABSENT, member), found, becomes_local)
        if member not in draft:
            raise ConflictError((*_path_to(stack, step), member), member, ABSENT)
        draft.remove(member)
    for member in node.added:
        _, member = _converted(Change(ABSENT, member), found, becomes_local)
        if member in draft:
            raise ConflictError((*_path_to(stack, step), member), ABSENT, member)
        draft.add(member)
    return draft.finish()


# -- Families -----------------------------------------------------------------------------------------------------


def _converted(change: Change, level: Any, becomes_local: bool) -> tuple[Any, Any]:
    """The two values of a change in the form in which `level` holds them."""
    if isinstance(level, (SharedMap, SharedVector, SharedSet)):
        try:
            expected = _shared(change.old)
        except NotShareableError:
            expected = object()  # the same as nothing that a shared container holds
        return expected, _shared(change.new)
    if becomes_local:
        return _local(change.old), _local(change.new)
    return change


def _shared(value: Any) -> Any:
    return value if value is ABSENT else share(value)


def _local_rule(cls: type) -> Rule | None:
    record = record_kind(cls)
    if record is not None:
        return keeps_fields(record)
    return keeps_elements(make_tuple) if issubclass(cls, tuple) else None


# Shared containers as the local ones, at every depth.
_local = Conversion("_local", _local_rule)


def made_local(root: Node | None) -> Any:
    """The tree with its keys and values as local containers hold them."""
    return rebuilt(root, _made_local)


def _made_local(node: Any, parts: list[tuple[Any, Node]]) -> Node:
    kind = type(node)
    if kind is InMap:
        return InMap({_local(key): part for key, part in parts})
    if kind is InVector:
        return InVector(parts)
    if kind is Change:
        return Change(_local(node.old), _local(node.new))
    before, after = (node.removed, node.added) if kind is InSet else (node.old, node.new)
    return kind(map(_local, before), map(_local, after))  # type: ignore[no-any-return]
