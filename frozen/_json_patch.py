"""JSON Patch (RFC 6902) in and out, JSON Merge Patch (RFC 7386) in: `Delta.to_json_patch` and its like lead here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from frozen._convert import freeze, thaw
from frozen._core import Map, SharedMap, SharedVector, Vector, _bounded_repr
from frozen._delta import ABSENT, Change, InMap, InSet, InVector, JSONPatchError, Node, Splice, path_of, show_place
from frozen._diff import is_shared, kind_of
from frozen._merge import Call, run
from frozen._sameness import identity_of
from frozen._share import share

__all__ = ["merge_patched", "operations_of", "patched", "steps_of"]

_MAPS = (Map, SharedMap)
_VECTORS = (Vector, SharedVector)


# -- Out ----------------------------------------------------------------------------------------------------------


def operations_of(root: Node | None) -> list[dict[str, Any]]:
    """The operations of a tree.  Those in a vector come from its end on: an edit moves what is behind it."""
    operations: list[dict[str, Any]] = []
    stack: list[tuple[Any, Any]] = [(None, root)] if root is not None else []
    while stack:
        way, node = stack.pop()
        if type(node) is InMap:
            stack += [((way, key), part) for key, part in reversed(sorted_by_key(node, way))]
        elif type(node) is InVector:
            stack += [((way, index), part) for index, part in node.nodes]
        elif type(node) is InSet:
            raise TypeError(f"JSON has no sets: no JSON Patch can change the one at {show_place(path_of(way))}")
        elif type(node) is Splice:
            above, index = way
            place = pointer_of(path_of(above))
            operations += [{"op": "remove", "path": f"{place}/{index}"}] * len(node.old)
            operations += [
                {"op": "add", "path": f"{place}/{index + n}", "value": thaw(value)} for n, value in enumerate(node.new)
            ]
        else:
            operations.append(_operation(pointer_of(path_of(way)), node))
    return operations


def sorted_by_key(node: InMap, way: Any) -> list[tuple[str, Node]]:
    for key in node.nodes:
        if not isinstance(key, str):
            place = show_place(path_of((way, key)))
            raise TypeError(f"keys of JSON are str: no JSON Patch can change {place}")
    return sorted(node.nodes.items())


def _operation(pointer: str, change: Change) -> dict[str, Any]:
    if change.new is ABSENT:
        return {"op": "remove", "path": pointer}
    return {"op": "add" if change.old is ABSENT else "replace", "path": pointer, "value": thaw(change.new)}


def pointer_of(path: tuple[Any, ...]) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


# -- In -----------------------------------------------------------------------------------------------------------


class _Misfit(Exception):
    """Why an operation cannot be done."""


def patched(old: Any, patch: Iterable[Mapping[str, Any]]) -> Any:
    """What the operations of `patch` make of `old`."""
    convert = _converter_for(old, "from_json_patch")
    if isinstance(patch, (str, bytes, Mapping)):
        raise TypeError(f"a JSON Patch is a list of operations, not {_bounded_repr(patch)}: json.loads() it first")
    document = old
    for index, operation in enumerate(patch):
        try:
            document = _with_operation(document, operation, convert)
        except _Misfit as misfit:
            raise JSONPatchError(index, operation, str(misfit)) from None
    return document


def _converter_for(old: Any, function: str) -> Callable[[Any], Any]:
    kind = kind_of(old)
    if kind is None:
        raise TypeError(
            f"Delta.{function}() takes a container of this library, not a {type(old).__name__}: freeze it first"
        )
    return share if is_shared(kind) else freeze


def _with_operation(document: Any, operation: Any, convert: Callable[[Any], Any]) -> Any:
    if not isinstance(operation, Mapping):
        raise _Misfit("an operation is a mapping with 'op' and 'path'")
    name = operation.get("op")
    path = _steps(operation, "path")
    if name in ("add", "replace", "test"):
        if "value" not in operation:
            raise _Misfit(f"{name} needs a 'value'")
        value = convert(operation["value"])
        if name == "test":
            return _tested(document, path, value)
        return _put(document, path, value, adds=name == "add")
    if name == "remove":
        return _put(document, path, ABSENT)
    if name not in ("move", "copy"):
        raise _Misfit(f"'op' is add, remove, replace, move, copy or test, not {_bounded_repr(name)}")
    source = _steps(operation, "from")
    value = _look_up(document, source)
    if name == "move":
        if source == path:
            return document
        if path[: len(source)] == source:
            raise _Misfit("a value cannot be moved into itself")
        document = _put(document, source, ABSENT)
    return _put(document, path, value, adds=True)


def _steps(operation: Mapping[str, Any], member: str) -> tuple[str, ...]:
    """The steps of a JSON Pointer."""
    pointer = operation.get(member)
    if not isinstance(pointer, str):
        raise _Misfit(f"it needs a {member!r}, a JSON Pointer, not {_bounded_repr(pointer)}")
    try:
        return steps_of(pointer)
    except ValueError as error:
        raise _Misfit(str(error)) from None


def steps_of(pointer: str) -> tuple[str, ...]:
    """The steps of a JSON Pointer (RFC 6901). ValueError if it is none."""
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"the JSON Pointer {_bounded_repr(pointer)} does not begin with '/'")
    steps = pointer.split("/")[1:]
    for step in steps:
        if "~" in step.replace("~0", "").replace("~1", ""):
            raise ValueError(f"a '~' of the JSON Pointer {_bounded_repr(pointer)} is followed by neither 0 nor 1")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def _look_up(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = _child(document, step)
    return document


def _child(level: Any, step: str) -> Any:
    if isinstance(level, _MAPS):
        if step not in level:
            raise _Misfit(f"there is no key {_bounded_repr(step)}")
        return level[step]
    return level[_index(level, step)]


def _index(level: Any, step: str, adds: bool = False) -> int:
    """The index that `step` means in a vector; where elements are added, the one behind the last, too."""
    if not isinstance(level, _VECTORS):
        raise _Misfit(f"{_bounded_repr(step)} leads into {_bounded_repr(level)}, which is neither a map nor a vector")
    last = len(level) - 1 + adds
    if adds and step == "-":
        return last
    if not step.isascii() or not step.isdigit() or (step[0] == "0" and len(step) > 1):
        raise _Misfit(f"{_bounded_repr(step)} is no index of a vector")
    index = int(step) if len(step) < 20 else last + 1
    if index > last:
        raise _Misfit(f"there is no index {step[:20]} in a vector of {len(level):,}")
    return index


def _put(document: Any, path: tuple[str, ...], value: Any, adds: bool = False) -> Any:
    """`document` with `value` at `path`, added or in place of what is there; ABSENT: without what is there."""
    if not path:
        if value is ABSENT:
            raise _Misfit("the whole document cannot be removed")
        return value
    levels = [document]
    for step in path[:-1]:
        levels.append(_child(levels[-1], step))
    for level, step in zip(reversed(levels), reversed(path), strict=True):
        value = _with_child(level, step, value, adds)
        adds = False
    return value


def _with_child(level: Any, step: str, value: Any, adds: bool) -> Any:
    if isinstance(level, _MAPS):
        if not adds and step not in level:
            raise _Misfit(f"there is no key {_bounded_repr(step)}")
        return level.delete(step) if value is ABSENT else level.set(step, value)
    index = _index(level, step, adds)
    if adds:
        return level.insert(index, value)
    return level.delete(index) if value is ABSENT else level.set(index, value)


def _tested(document: Any, path: tuple[str, ...], value: Any) -> Any:
    found = _look_up(document, path)
    if not _equal_in_json(found, value):
        raise _Misfit(f"the value there is {_bounded_repr(found)}, not {_bounded_repr(value)}")
    return document


def _equal_in_json(a: Any, b: Any) -> bool:
    """Numbers by their value, True and False apart from them, the rest by its parts."""
    todo = [(a, b)]
    while todo:
        a, b = todo.pop()
        if isinstance(a, _MAPS) and isinstance(b, _MAPS):
            if a.keys() != b.keys():
                return False
            todo += [(value, b[key]) for key, value in a.items()]
        elif isinstance(a, (*_VECTORS, tuple)) and isinstance(b, (*_VECTORS, tuple)):
            if len(a) != len(b):
                return False
            todo += zip([*a], [*b], strict=True)
        elif (type(a) is bool) is not (type(b) is bool) or a != b:
            return False
    return True


# -- Merge Patch --------------------------------------------------------------------------------------------------


def merge_patched(old: Any, patch: Any) -> Any:
    """What a JSON Merge Patch makes of `old`."""
    return run(_MergePatch(_converter_for(old, "from_merge_patch")).merged(old, patch))


class _MergePatch:
    """One merge: `open` are the mappings of the patch that it is in, and `done` those that it has been in, each with
    the value that it was merged into, and the result."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self.convert = convert
        self.empty: Any = SharedMap() if convert is share else Map()
        self.open: set[object] = set()
        self.done: dict[object, tuple[Any, Any, Any]] = {}

    def merged(self, target: Any, patch: Any) -> Call:
        if not isinstance(patch, (Mapping, *_MAPS)):
            return self.convert(patch)
        place = identity_of(patch)
        if place in self.open:
            raise ValueError(f"from_merge_patch: this {type(patch).__name__} contains itself; remove the cycle first")
        pair = place, identity_of(target)
        if pair in self.done:
            return self.done[pair][2]
        self.open.add(place)
        draft = (target if isinstance(target, _MAPS) else self.empty).mutate()
        for key, value in patch.items():
            if value is None:
                draft.discard(key)
            else:
                draft[key] = yield self.merged(draft.get(key), value)
        self.open.discard(place)
        result = draft.finish()
        self.done[pair] = target, patch, result
        return result
