"""What changed between two versions: a Delta, which `diff` makes and `apply` takes.

Inside, a Delta is a tree that follows the containers: a node for each Map, Vector or Set in which something changed,
and a Change where a value did.  Two ways that lead to the same change share its node.  Outside it is a mapping of paths
to Changes, which is made of the tree when somebody looks.
"""

# No `from __future__ import annotations`: the fields of Change are annotated with types, not with texts that
# `typing.get_type_hints` would look up in `frozen`, which is the module that these classes name.

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from frozen._absent import ABSENT
from frozen._core import Map, Vector, _bounded_repr
from frozen._paths import show_steps
from frozen._public import public

__all__ = ["ABSENT", "Change", "ConflictError", "Delta", "JSONPatchError", "Span"]

Path = tuple[Any, ...]


@public
class Change(NamedTuple):
    """One place before and after. `old` is ABSENT if the key was added, `new` if it was deleted.

    >>> Map(a=1).diff(Map())["a",]
    Change(old=1, new=ABSENT)
    """

    old: Any
    new: Any


@public
class Span(NamedTuple):
    """The last step of a path in a Delta: elements [start, stop) of a vector, which others have taken the place of.

    >>> Vector("ac").diff(Vector("abc")).changes
    Map({(Span(start=1, stop=1),): Change(old=Vector(), new=Vector(['b']))})
    """

    start: int
    stop: int


# The nodes of the tree.  None of them changes once it is part of a Delta.


class InMap:
    """Changes inside a Map: a node for each key."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: dict[Any, "Node"]) -> None:
        self.nodes = nodes


class InVector:
    """Changes inside a Vector: nodes by the index in the old version, in order; a Splice before a node at its index."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: list[tuple[int, "Node"]]) -> None:
        self.nodes = nodes


class InSet:
    """Members that a Set has lost, and those that it has got."""

    __slots__ = ("added", "removed")

    def __init__(self, removed: Iterable[Any], added: Iterable[Any]) -> None:
        self.removed = (*removed,)
        self.added = (*added,)


class Splice:
    """Elements of a Vector, from an index on, in place of others: more or fewer of them."""

    __slots__ = ("new", "old")

    def __init__(self, old: Iterable[Any], new: Iterable[Any]) -> None:
        self.old = (*old,)
        self.new = (*new,)


Node = Change | InMap | InVector | InSet | Splice


@public
class Delta:
    """The changes between two versions, by path: immutable, comparable, and hashable if the values are.

    `len` is the number of changed places; a Delta between versions that are the same is false. Iterating yields the
    paths, in an order that depends on nothing but the paths. The steps of a path are keys of maps, indices of vectors
    in the old version, and members of sets; where a vector has got or lost elements, the last step is a Span, and the
    Change has the elements before and after. `str` is a line for each change.

    A Delta made by hand, `Delta({("db", "port"): Change(5432, 5433)})`, has paths of keys of maps only. ValueError for
    a path that leads into another one's change.

    >>> old = freeze({"db": {"port": 5432}, "debug": False})
    >>> delta = old.diff(set_in(old, ["db", "port"], 5433))
    >>> list(delta), delta["db", "port"]
    ([('db', 'port')], Change(old=5432, new=5433))
    >>> print(delta)
    ['db']['port']: 5432 -> 5433
    """

    __slots__ = ("__weakref__", "_entries", "_root", "shared")

    _root: Node | None
    _entries: dict[Path, tuple[str, Change]] | None
    shared: bool
    """Whether the versions were of the shared types: what `apply` then puts into local ones is converted."""

    def __init__(self, changes: Mapping[Path, Change] = Map(), shared: bool = False) -> None:
        _set(self, "_root", tree_of(("m" * len(path), path, Change(*change)) for path, change in changes.items()))
        _set(self, "_entries", None)
        _set(self, "shared", shared)

    @property
    def changes(self) -> Map[Path, Change]:
        """The changes by their paths. O(total length of the paths).

        >>> Map(a=1).diff(Map(a=2)).changes
        Map({('a',): Change(old=1, new=2)})
        """
        return Map((path, change) for path, (_, change) in self._by_path().items())

    def _by_path(self) -> dict[Path, tuple[str, Change]]:
        """In order: the kinds of the steps, a letter each, and the change."""
        entries = self._entries
        if entries is None:
            entries = {path: (kinds, change) for kinds, path, change in entries_of(self._root)}
            _set(self, "_entries", entries)  # another thread stores an equal one
        return entries

    def __bool__(self) -> bool:
        return self._root is not None

    def __len__(self) -> int:
        return len(self._by_path())

    def __iter__(self) -> Iterator[Path]:
        return iter(self._by_path())

    def __contains__(self, path: object) -> bool:
        return path in self._by_path()

    def __getitem__(self, path: Path) -> Change:
        return self._by_path()[path][1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Delta):
            return NotImplemented
        return self._root is other._root or self._by_path() == other._by_path()

    def __hash__(self) -> int:
        return hash(frozenset(self._by_path().items()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Delta does not change: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Delta does not change: cannot delete {name!r}")

    def __copy__(self) -> "Delta":
        return self

    def __getstate__(self) -> tuple[Any, ...]:
        entries = self._by_path()
        return self.shared, (*[(kinds, path, *change) for path, (kinds, change) in entries.items()],)

    def __setstate__(self, state: Any) -> None:
        shared, entries = state
        _set(self, "_root", tree_of((kinds, path, Change(old, new)) for kinds, path, old, new in entries))
        _set(self, "_entries", None)
        _set(self, "shared", shared)

    def __repr__(self) -> str:
        lines = self._lines(5)
        more = len(self) - len(lines)
        shown = "; ".join(lines) + (f"; and {more:,} more" if more else "")
        return f"<Delta of {len(self):,} change{'s' * (len(self) != 1)}{': ' * bool(shown)}{shown}>"

    def __str__(self) -> str:
        return "\n".join(self._lines(len(self)))

    def _lines(self, most: int) -> list[str]:
        lines: list[str] = []
        for path, (kinds, change) in self._by_path().items():
            if len(lines) == most:
                break
            lines.append(f"{show_place(path)}: {show_change(kinds, change)}")
        return lines

    def inverse(self) -> "Delta":
        """Return the changes that lead back: `new.apply(old.diff(new).inverse()) == old`. O(number of changes).

        >>> Map(a=1).diff(Map(a=2)).inverse()["a",]
        Change(old=2, new=1)
        """
        return delta_of(inverted(self._root), self.shared)

    def then(self, second: "Delta", /) -> "Delta":
        """Return the changes of this delta and then of `second`, as one: from the old version of the one to the new
        version of the other. A place that both change is named once; one that is as it was in the end, not at all.
        Of deltas of two families it is one of the local family.

        O(number of changes). Raises ConflictError where `second` was not made from what this delta leads to.

        >>> first, second = Map(a=1).diff(Map(a=2)), Map(a=2).diff(Map(a=3, b=4))
        >>> print(first.then(second))
        ['a']: 1 -> 3
        ['b']: added 4
        """
        from frozen._merge import compose

        if not isinstance(second, Delta):
            raise TypeError(f"then() takes a Delta, as diff returns it, not a {type(second).__name__}")
        roots = [self._root, second._root]
        if self.shared is not second.shared:
            from frozen._apply import made_local

            roots = [made_local(root) for root in roots]
        return delta_of(compose(*roots), self.shared and second.shared)

    def to_json_patch(self) -> list[dict[str, Any]]:
        """Return the changes as a JSON Patch (RFC 6902): operations for `json.dumps`, which any library of it applies.

        Values become what `thaw` makes of them. O(number of changes, and size of the new values).

        Raises TypeError for what JSON has not: a change in a set, a key that is no str.

        >>> old = freeze({"a": 1, "hosts": ["x"]})
        >>> for operation in old.diff(freeze({"hosts": ["x", "y"]})).to_json_patch():
        ...     print(operation)
        {'op': 'remove', 'path': '/a'}
        {'op': 'add', 'path': '/hosts/1', 'value': 'y'}
        """
        from frozen._json_patch import operations_of

        return operations_of(self._root)

    @classmethod
    def from_json_patch(cls, old: Any, patch: Iterable[Mapping[str, Any]], /) -> "Delta":
        """Return the changes that a JSON Patch (RFC 6902) makes to `old`, a container: `old.apply(delta)` has them.

        O(log32 n) for each operation, and what `old.diff` costs.

        Raises JSONPatchError, a ValueError, with the number of the operation that is malformed, that does not find its
        place, or whose test fails; TypeError if `old` is no container: `freeze` it first.

        >>> old = freeze({"hosts": ["x"]})
        >>> print(Delta.from_json_patch(old, [{"op": "add", "path": "/hosts/-", "value": "y"}]))
        ['hosts'][1:1]: inserted ['y']
        """
        from frozen._json_patch import patched

        return _delta_to(old, patched(old, patch))

    @classmethod
    def from_merge_patch(cls, old: Any, patch: Any, /) -> "Delta":
        """Return the changes that a JSON Merge Patch (RFC 7386) makes to `old`, a container.

        In the patch None deletes a key, a mapping is merged into what is there, anything else replaces it. Costs what
        the patch has, and what `old.diff` costs. TypeError if `old` is no container: `freeze` it first.

        >>> print(Delta.from_merge_patch(freeze({"a": 1, "b": {"c": 2}}), {"a": None, "b": {"d": 3}}))
        ['a']: removed, was 1
        ['b']['d']: added 3
        """
        from frozen._json_patch import merge_patched

        return _delta_to(old, merge_patched(old, patch))


_set = object.__setattr__


def delta_of(root: Node | None, shared: bool) -> Delta:
    """A Delta with this tree; None: nothing changed."""
    delta = Delta.__new__(Delta)
    _set(delta, "_root", root)
    _set(delta, "_entries", None)
    _set(delta, "shared", shared)
    return delta


# What the core makes a Delta of, if all changes are of a map's own values: src/bindings/map/delta.inc.h.
C_PARTS = (Map, ABSENT, Change, InMap, "nodes", Delta, "_root", "_entries", "shared")


def _delta_to(old: Any, new: Any) -> Delta:
    from frozen._diff import is_shared, kind_of
    from frozen._merge import between

    return delta_of(between(old, new), is_shared(kind_of(old)))


# -- Trees --------------------------------------------------------------------------------------------------------


def inverted(root: Node | None) -> Any:
    """The tree of the changes that lead back."""
    return rebuilt(root, _inverted)


def rebuilt(root: Node | None, make: Callable[[Any, list[tuple[Any, Node]]], Node]) -> Any:
    """The tree of what `make(node, parts)` returns, parts first. A node that occurs several times is made once."""
    done: dict[int, Any] = {id(None): None}
    stack: list[Any] = [root] if root is not None else []
    while stack:
        node = stack[-1]
        parts = parts_of(node)
        todo = [part for _, part in parts if id(part) not in done]
        if todo:
            stack += todo
            continue
        stack.pop()
        done[id(node)] = make(node, [(step, done[id(part)]) for step, part in parts])
    return done[id(root)]


def parts_of(node: Node | None) -> Any:
    """The steps and nodes in a node, as pairs."""
    kind = type(node)
    if kind is InMap:
        return node.nodes.items()  # type: ignore[union-attr]
    return node.nodes if kind is InVector else ()  # type: ignore[union-attr]


def _inverted(node: Any, parts: list[tuple[Any, Node]]) -> Node:
    kind = type(node)
    if kind is InMap:
        return InMap(dict(parts))
    if kind is InSet:
        return InSet(node.added, node.removed)
    if kind is not InVector:
        return kind(node.new, node.old)  # type: ignore[no-any-return]
    moved, shift = [], 0
    for index, part in parts:
        moved.append((index + shift, part))
        if type(part) is Splice:
            shift += len(part.old) - len(part.new)  # they are exchanged already
    return InVector(moved)


def entries_of(root: Node | None) -> Iterator[tuple[str, Path, Change]]:
    """The changes with their paths and the kinds of the steps, in a stable order.

    The kinds are m, v, s: into a map, vector or set; i: a Span, of elements that are exchanged.
    """
    stack: list[tuple[str, Any, Any]] = [("", None, root)] if root is not None else []
    while stack:
        kinds, way, node = stack.pop()
        kind = type(node)
        if kind is Change:
            yield kinds, path_of(way), node
        elif kind is Splice:
            above, index = way
            span = Span(index, index + len(node.old))
            yield kinds[:-1] + "i", path_of((above, span)), Change(Vector(node.old), Vector(node.new))
        elif kind is InSet:
            for member, change in _changed_members(node):
                yield kinds + "s", path_of((way, member)), change
        else:
            inner = kinds + ("m" if kind is InMap else "v")
            parts = list(node.nodes.items()) if kind is InMap else node.nodes
            if kind is InMap and len(parts) > 1:
                parts.sort(key=lambda part: rank_of(part[0]))
            stack += [(inner, (way, step), part) for step, part in reversed(parts)]


def _changed_members(node: InSet) -> list[tuple[Any, Change]]:
    changes: dict[Any, Change] = {member: Change(member, ABSENT) for member in node.removed}
    for member in node.added:
        changes[member] = Change(changes[member].old if member in changes else ABSENT, member)
    return sorted(changes.items(), key=lambda item: rank_of(item[0]))


def path_of(step: Any) -> Path:
    """The path to a place that is known by its last step, and that by the one before it."""
    keys = []
    while step is not None:
        step, key = step
        keys.append(key)
    return tuple(reversed(keys))


def rank_of(key: Any, depth: int = 3) -> Any:
    """What keys of one map, which may be of any types, are sorted by."""
    kind = type(key)
    if kind in (int, float, bool):
        return (0, key) if key == key else (0, float("-inf"))
    if kind is str:
        return 1, key
    if kind is bytes:
        return 2, key
    if issubclass(kind, tuple) and depth:
        return 3, (*[rank_of(part, depth - 1) for part in key],)
    return 4, kind.__qualname__, _bounded_repr(key)


def tree_of(entries: Iterable[tuple[str, Path, Change]]) -> Node | None:
    """The tree of changes, as `entries_of` lists them. ValueError if one lies in another's way."""
    root: list[Any] = [None]
    for kinds, path, change in entries:
        holder: Any = root
        step: Any = 0
        for depth, kind in enumerate(kinds):
            node = _part_at(holder, step)
            if node is None:
                node = _KINDS[kind]()
                _put_part(holder, step, node)
            if type(node) is not type(_KINDS[kind]()):
                raise _overlapping(path)
            holder, step = node, path[depth]
        if kinds[-1:] == "s":
            holder.removed += (change.old,) * (change.old is not ABSENT)
            holder.added += (change.new,) * (change.new is not ABSENT)
            continue
        if kinds[-1:] == "i":
            holder.nodes.append((step[0], Splice(change.old, change.new)))
            continue
        if _part_at(holder, step) is not None:
            raise _overlapping(path)
        _put_part(holder, step, change)
    return root[0]  # type: ignore[no-any-return]


_KINDS: dict[str, Any] = {
    "m": lambda: InMap({}),
    "v": lambda: InVector([]),
    "i": lambda: InVector([]),
    "s": lambda: InSet((), ()),
}


def _part_at(holder: Any, step: Any) -> Any:
    if type(holder) is InMap:
        return holder.nodes.get(step)
    if type(holder) is InVector:  # the entries come in order
        last = holder.nodes[-1] if holder.nodes else (None, None)
        return last[1] if last[0] == step and type(last[1]) is not Splice else None
    return holder[0]


def _put_part(holder: Any, step: Any, node: Any) -> None:
    if type(holder) is InVector:
        holder.nodes.append((step, node))
    elif type(holder) is InMap:
        holder.nodes[step] = node
    else:
        holder[0] = node


def _overlapping(path: Path) -> ValueError:
    return ValueError(
        f"the delta changes {show_steps(path, len(path))} and, in another change, what is around or in it"
    )


# -- Texts --------------------------------------------------------------------------------------------------------


def show_place(path: Path, most: int = 12) -> str:
    """The path as it is written behind a value, at a bounded length."""
    steps = [f"[{step.start}:{step.stop}]" if type(step) is Span else f"[{_short(step)}]" for step in path[:most]]
    return ("".join(steps) or "the whole") + "[...]" * (len(path) > most)


def show_change(kinds: str, change: Change) -> str:
    old, new = change
    if kinds[-1:] == "i":
        old, new = list(old), list(new)
        if not old:
            return f"inserted {_short(new)}"
        return f"{_short(old)} -> {_short(new)}" if new else f"deleted {_short(old)}"
    if old is ABSENT:
        return "added" if kinds[-1:] == "s" else f"added {_short(new)}"
    if new is ABSENT:
        return "removed" if kinds[-1:] == "s" else f"removed, was {_short(old)}"
    return f"{_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = _bounded_repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def bounded_error(error: BaseException) -> str:
    """The `__repr__` of errors whose arguments may be containers of any size."""
    return f"{type(error).__name__}({', '.join(map(_bounded_repr, error.args))})"


@public
class JSONPatchError(ValueError):
    """A JSON Patch cannot be applied: `index` is the number of the operation from 0 on, `reason` says why.

    >>> try:
    ...     Delta.from_json_patch(Map(a=1), [{"op": "test", "path": "/a", "value": 2}])
    ... except JSONPatchError as error:
    ...     print(error)
    operation 0 of the JSON Patch (test '/a'): the value there is 1, not 2
    """

    def __init__(self, index: int, operation: Any, reason: str) -> None:
        super().__init__(index, operation, reason)
        self.index = index
        self.operation = operation
        self.reason = reason

    __repr__ = bounded_error

    def __str__(self) -> str:
        operation = self.operation
        shown = _short(operation)
        if isinstance(operation, Mapping) and type(operation.get("op")) is str:
            shown = f"{_short(operation['op'])[1:-1]} {_short(operation.get('path'))}"
        return f"operation {self.index} of the JSON Patch ({shown}): {self.reason}"


@public
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

    __repr__ = bounded_error

    def __str__(self) -> str:
        expected, found = _bounded_repr(self.expected), _bounded_repr(self.found)
        if self.expected is self.found:
            misfit = f"nothing can be added at {show_steps(self.path, len(self.path))}"
        else:
            misfit = f"at {show_steps(self.path, len(self.path))} it expects {expected}, not {found}"
        return f"the delta does not fit: {misfit}{self.obstacle}"
