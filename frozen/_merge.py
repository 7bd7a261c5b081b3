"""Deltas that meet: one after the other (`Delta.then`), or side by side from one base (`merge3`).

Both go down the trees of two deltas at once, and look at nothing that one of them alone has changed.  What descends is
written as generators that yield what they call, and run without recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple, TypeVar

from frozen._apply import apply_tree
from frozen._core import Vector, _bounded_repr
from frozen._delta import (
    ABSENT,
    Change,
    ConflictError,
    InMap,
    InSet,
    InVector,
    Node,
    Path,
    Span,
    Splice,
    bounded_error,
    inverted,
    path_of,
    show_place,
)
from frozen._diff import OF_FILES, diff, difference, in_memory, kind_of
from frozen._public import public
from frozen._sameness import same_value

__all__ = ["Conflict", "MergeConflictError", "between", "compose", "merge3", "run"]

Container = TypeVar("Container", bound=Any)
Way = Any  # the steps to a place: the last one, and those before it (`path_of`)
Call = Generator[Any, Any, Any]  # yields the calls that it makes, and is sent what they return


def run(call: Call) -> Any:
    """What `call` returns, however deep the calls are nested."""
    calls, result = [call], None
    while calls:
        try:
            calls.append(calls[-1].send(result))
            result = None
        except StopIteration as end:
            calls.pop()
            result = end.value
    return result


def between(old: Any, new: Any) -> Node | None:
    """The changes between two values: inside of containers of one kind, else one of the whole."""
    kind = kind_of(old)
    if kind is not None and kind is kind_of(new):
        return difference(old, new)
    return None if same_value(old, new) else Change(old, new)


# -- One after the other ------------------------------------------------------------------------------------------


def compose(first: Node | None, second: Node | None) -> Node | None:
    """The tree of the changes of `first` and then `second`. ConflictError where they do not fit."""
    return run(_composed(first, second, None))  # type: ignore[no-any-return]


def _composed(a: Node | None, b: Node | None, way: Way) -> Call:
    if a is None or b is None:
        return a or b
    if type(a) is InMap and type(b) is InMap:
        nodes = dict(a.nodes)
        for key, second in b.nodes.items():
            node = yield _composed(nodes.pop(key, None), second, (way, key))
            if node is not None:
                nodes[key] = node
        return InMap(nodes) if nodes else None
    if type(a) is InSet and type(b) is InSet:
        return _composed_members(a, b)
    if type(a) is InVector and type(b) is InVector:
        return (yield _composed_elements(a, b, way))
    if type(a) is Change:
        return between(a.old, _applied(a.new, b, way))
    if type(b) is Change:
        return between(_applied(b.old, inverted(a), way), b.new)
    raise ConflictError(path_of(way), ABSENT, ABSENT, ": the deltas go into containers of different kinds")


def _applied(value: Any, node: Node, way: Way) -> Any:
    try:
        return apply_tree(value, node)
    except ConflictError as error:
        path = (*path_of(way), *error.path)
        raise ConflictError(path, error.expected, error.found, error.obstacle) from None


def _composed_members(a: InSet, b: InSet) -> Node | None:
    changes: dict[Any, tuple[Any, Any]] = {}
    for node in a, b:
        for member in node.removed:
            changes[member] = changes.get(member, (member, None))[0], ABSENT
        for member in node.added:
            changes[member] = changes.get(member, (ABSENT, None))[0], member
    left = [(old, new) for old, new in changes.values() if not same_value(old, new)]
    return InSet([o for o, _ in left if o is not ABSENT], [n for _, n in left if n is not ABSENT]) if left else None


class _Script:
    """Collects the edits of a vector in their order; neighbours that come and go are compared with each other."""

    def __init__(self) -> None:
        self.nodes: list[tuple[int, Node]] = []
        self.start = 0
        self.old: list[Any] = []
        self.new: list[Any] = []

    def node(self, index: int, node: Node | None) -> None:
        self.flush()
        if node is not None:
            self.nodes.append((index, node))

    def splice(self, index: int, old: Iterable[Any], new: Iterable[Any]) -> None:
        """Elements from `index` on in the old version, and what takes their place."""
        if self.start + len(self.old) != index:
            self.flush()
            self.start = index
        self.old += old
        self.new += new

    def flush(self) -> None:
        tree: Any = difference(Vector(self.old), Vector(self.new))
        self.nodes += [(self.start + index, node) for index, node in (tree.nodes if tree is not None else ())]
        self.start, self.old, self.new = -1, [], []

    def finish(self) -> Node | None:
        self.flush()
        return InVector(self.nodes) if self.nodes else None


class _Middle:
    """Walks through the vector between two deltas, as the first one describes it, into a script from the old one."""

    def __init__(self, first: InVector, script: _Script) -> None:
        self.nodes = iter(first.nodes)
        self.script = script
        self.at = self.old = 0  # places in the middle and in the old version
        self.inserted: list[Any] = []  # elements here that the first delta has inserted, the next one last
        self.next: tuple[int, Any] | None = next(self.nodes, None)

    def _begin(self) -> None:
        """Splices that lie here: their old elements go at once, the new ones wait."""
        while not self.inserted and self.next is not None and self.next[0] == self.old:
            if type(self.next[1]) is not Splice:
                return
            index, splice = self.next
            self.script.splice(index, splice.old, ())
            self.old += len(splice.old)
            self.inserted = list(reversed(splice.new))
            self.next = next(self.nodes, None)

    def take(self) -> tuple[Any, Any]:
        """The next element: (INSERTED, it), (index in the old version, its node or None)."""
        self._begin()
        self.at += 1
        if self.inserted:
            return None, self.inserted.pop()
        index, node = self.old, None
        if self.next is not None and self.next[0] == index:
            node = self.next[1]
            self.next = next(self.nodes, None)
        self.old += 1
        return index, node

    def skip_to(self, at: float) -> None:
        """Elements that the second delta leaves alone."""
        while self.at < at:
            self._begin()
            if not self.inserted and (self.next is None or self.next[0] > self.old):
                left = (self.next[0] - self.old) if self.next is not None else float("inf")
                if left > at - self.at:
                    left = at - self.at
                if left == float("inf"):
                    return
                self.at += int(left)
                self.old += int(left)
                continue
            index, part = self.take()
            if index is None:
                self.script.splice(self.old, (), (part,))
            else:
                self.script.node(index, part)


def _composed_elements(a: InVector, b: InVector, way: Way) -> Call:
    script = _Script()
    middle = _Middle(a, script)
    for at, node in b.nodes:
        middle.skip_to(at)
        if type(node) is not Splice:
            index, part = middle.take()
            if index is None:
                script.splice(middle.old, (), (_applied(part, node, (way, at)),))
            else:
                script.node(index, (yield _composed(part, node, (way, at))))
            continue
        for element in node.old:
            index, part = middle.take()
            if index is not None:
                script.splice(index, (element if part is None else _applied(element, inverted(part), (way, at)),), ())
            elif not same_value(part, element):
                raise ConflictError((*path_of(way), at), element, part)
        script.splice(middle.old, (), node.new)
    middle.skip_to(float("inf"))
    return script.finish()


# -- Side by side -------------------------------------------------------------------------------------------------


@public
class Conflict(NamedTuple):
    """A place that both sides of a merge have changed, each in its own way: its path, and the three values.

    ABSENT stands for no value. In vectors the path ends with a Span of the base, and the values are Vectors.

    >>> conflict = Conflict(("port",), 80, 81, 82)
    >>> max(conflict.ours, conflict.theirs)
    82
    """

    path: Path
    base: Any
    ours: Any
    theirs: Any


@public
class MergeConflictError(ValueError):
    """Two versions cannot be merged by themselves; `conflicts` has every place where they differ.

    >>> try:
    ...     merge3(Map(a=1), Map(a=2), Map(a=3))
    ... except MergeConflictError as error:
    ...     error.conflicts
    (Conflict(path=('a',), base=1, ours=2, theirs=3),)
    """

    def __init__(self, conflicts: Iterable[Conflict]) -> None:
        conflicts = (*conflicts,)
        super().__init__(conflicts)
        self.conflicts = conflicts

    __repr__ = bounded_error

    def __str__(self) -> str:
        lines = []
        for path, *values in self.conflicts[:5]:
            base, ours, theirs = map(_bounded_repr, values)
            lines.append(f"{show_place(path)}: {base} became {ours} here and {theirs} there")
        if len(self.conflicts) > 5:
            lines.append(f"and {len(self.conflicts) - 5:,} more")
        many = f"{len(self.conflicts):,} conflicts" if len(self.conflicts) != 1 else "a conflict"
        return f"{many}; pass on_conflict=, which returns the value to be taken: " + "; ".join(lines)


@public
def merge3(
    base: Container,
    ours: Container,
    theirs: Container,
    /,
    *,
    on_conflict: Callable[[Conflict], Any] | None = None,
) -> Container:
    """Return `base` with the changes of both `ours` and `theirs`, two versions that were made from it.

    Maps are merged key by key, sets member by member, vectors edit by edit, at any depth. Both sides may make the same
    change. Where they make different ones of one place, `on_conflict(conflict)` returns the value to be taken, ABSENT
    for none; in a vector, where the path ends with a Span, the elements, or ABSENT for none. Insertions by both at one
    index are such a place, changes of neighbouring elements are none.

    Costs what `base.diff` costs for each side, and O(log32 n) for each change. Containers of files are copied, O(n),
    and the result is of the family of the others.

    Raises MergeConflictError, which lists all conflicts, if there are some and no `on_conflict`; TypeError unless all
    three are containers of one kind and family; what `on_conflict` raises.

    >>> base = freeze({"port": 80, "hosts": ["a"]})
    >>> ours, theirs = base.set("port", 81), set_in(base, ["hosts", 0], "b")
    >>> merge3(base, ours, theirs) == freeze({"port": 81, "hosts": ["b"]})
    True
    >>> merge3(base, ours, base.set("port", 82), on_conflict=lambda conflict: conflict.theirs)["port"]
    82
    """
    memory = next((value for value in (base, ours, theirs) if type(value) not in OF_FILES), None)
    base, ours, theirs = (in_memory(value, beside=memory) for value in (base, ours, theirs))
    merge = _Merge(on_conflict)
    node = run(merge.nodes(base, diff(base, ours)._root, diff(base, theirs)._root, None))
    if merge.conflicts:
        raise MergeConflictError(merge.conflicts)
    return base if node is None else apply_tree(base, node)  # type: ignore[no-any-return]


class _Merge:
    """One merge: what settles its conflicts, and those that are not settled."""

    def __init__(self, on_conflict: Callable[[Conflict], Any] | None) -> None:
        self.on_conflict = on_conflict
        self.conflicts: list[Conflict] = []

    def settle(self, conflict: Conflict) -> Any:
        """The value to be taken; that of the base where there is no telling."""
        if self.on_conflict is not None:
            return self.on_conflict(conflict)
        self.conflicts.append(conflict)
        return conflict.base

    def nodes(self, base: Any, a: Node | None, b: Node | None, way: Way) -> Call:
        """The tree of the changes of both trees, from `base`."""
        if a is None or b is None:
            return a or b
        if type(a) is InMap and type(b) is InMap:
            return (yield self.entries(base, a, b, way))
        if type(a) is InSet and type(b) is InSet:
            removed, added = ({m: m for m in (*x, *y)} for x, y in ((b.removed, a.removed), (b.added, a.added)))
            return InSet(removed.values(), added.values())
        if type(a) is InVector and type(b) is InVector:
            return (yield self.elements(base, a, b, way))
        ours, theirs = apply_tree(base, a), apply_tree(base, b)
        if same_value(ours, theirs):
            return a
        return between(base, self.settle(Conflict(path_of(way), base, ours, theirs)))

    def entries(self, base: Any, a: InMap, b: InMap, way: Way) -> Call:
        nodes = dict(a.nodes)
        for key, theirs in b.nodes.items():
            node = yield self.nodes(base.get(key, ABSENT), nodes.pop(key, None), theirs, (way, key))
            if node is not None:
                nodes[key] = node
        return InMap(nodes) if nodes else None

    def elements(self, base: Any, a: InVector, b: InVector, way: Way) -> Call:
        nodes: list[tuple[int, Node]] = []
        for start, stop, ours, theirs in _regions(a, b):
            if not ours or not theirs:
                nodes += ours or theirs
            elif len(ours) == len(theirs) == 1 and type(ours[0][1]) is not Splice and type(theirs[0][1]) is not Splice:
                node = yield self.nodes(base[start], ours[0][1], theirs[0][1], (way, start))
                nodes += [(start, node)] if node is not None else []
            else:
                nodes += self.region(base, Span(start, stop), ours, theirs, way)
        return InVector(nodes) if nodes else None

    def region(self, base: Any, span: Span, ours: Any, theirs: Any, way: Way) -> list[tuple[int, Node]]:
        """Edits by both sides that overlap, settled as a whole."""
        part = base[span.start : span.stop]
        left, right = (
            apply_tree(part, InVector([(index - span.start, node) for index, node in edits]))
            for edits in (ours, theirs)
        )
        if same_value(left, right):
            return ours  # type: ignore[no-any-return]
        conflict = Conflict((*path_of(way), span), part, left, right)
        script = _Script()
        settled = self.settle(conflict)
        if settled is not ABSENT and not isinstance(settled, Iterable):
            raise TypeError(
                f"on_conflict() returns the elements for {show_place(conflict.path)}, an iterable or ABSENT, "
                f"not {_bounded_repr(settled)}"
            )
        script.splice(span.start, part, () if settled is ABSENT else settled)
        tree: Any = script.finish()
        return tree.nodes if tree is not None else []


def _regions(a: InVector, b: InVector) -> Iterable[tuple[int, int, list[Any], list[Any]]]:
    """Ranges of the old version in which the edits of both overlap, or one of them has one alone; in their order."""
    edits = sorted(
        [(index, _end_of(index, node), side, node) for side, one in enumerate((a, b)) for index, node in one.nodes],
        key=lambda edit: edit[:2],
    )
    region: Any = None
    for start, stop, side, node in edits:
        # An insertion touches what is around it only if that is an insertion, too.
        if region is not None and (start < region[1] or (start == stop == region[0] == region[1])):
            region[1] = max(stop, region[1])
        else:
            if region is not None:
                yield tuple(region)
            region = [start, stop, [], []]
        region[2 + side].append((start, node))
    if region is not None:
        yield tuple(region)


def _end_of(index: int, node: Node) -> int:
    return index + (len(node.old) if type(node) is Splice else 1)
