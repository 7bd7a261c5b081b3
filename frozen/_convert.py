"""Deep conversion between ordinary Python data and its immutable form: `freeze` and `thaw`, and what makes `share`.

All three are one walk in C (src/convert/engine.h) with different rules. It has rules of its own for exact builtins and
for the containers of this library; here are those for every other type, found once a walk for each type.

A rule opens an object: `rule(obj, atoms)` returns `(make, scratch, parts)`.  `parts` are the pairs (label, part) that
may have to be converted, which leaves out parts whose types are in `atoms`.  Where a part becomes another object, the
walk stores that as `scratch[label]`.  When all parts are done, `make(obj, scratch)` is the result.  A rule that copies
has the whole copy in `scratch`; one that keeps what it can has only the changes there.  A rule never recurses: what
nests is on the stack of the walk.
"""

from __future__ import annotations

import _thread  # not threading: a 3.12 interpreter that imported it in one thread hangs when another ends it
import sys
from collections.abc import Callable, Iterable, Mapping, MutableSequence, ValuesView
from collections.abc import Set as AbstractSet
from enum import Enum
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar, overload

from frozen._core import (
    FileSet,
    FileVector,
    Map,
    MapMutation,
    Set,
    SetMutation,
    SharedMap,
    SharedMapMutation,
    SharedSet,
    SharedSetMutation,
    SharedVector,
    Vector,
    _bounded_repr,
    _Conversion,
)
from frozen._public import public
from frozen._records import RecordKind, kept_values, record_kind

__all__ = ["Conversion", "Member", "Refused", "freeze", "thaw"]

T = TypeVar("T")
Hook = Callable[[T, Callable[[Any], Any]], Any]
Make = Callable[[Any, Any], Any]
Opened = tuple[Make, Any, Iterable[tuple[Any, Any]]]
Rule = Callable[[Any, set[type]], Opened]
FindRule = Callable[[type], Rule | None]


# Types without parts that data mostly consists of.
_ATOMS: frozenset[type] = frozenset({str, int, float, bool, type(None), bytes, complex, type(...)})


class Refused(Exception):
    """Raised by a rule that does not convert `value`: the walk knows where that stands.  `reason` follows its name."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(value, reason)
        self.value = value
        self.reason = reason


class _Cycle(Refused):
    """`value` is a part of itself."""


class Member:
    """The label of a key of a mapping, or of a member of a set: neither stands at a key."""

    def __init__(self, key: Any) -> None:
        self.key = key


def _calls(hook: Hook[Any], convert: Callable[[Any], Any]) -> Rule:
    return lambda obj, atoms: (lambda source, _: hook(source, convert), None, ())


def show_path(labels: Iterable[Any], most: int = 20) -> str:
    """Where the labels lead to, `['servers'][0]`, at a bounded length."""
    steps = list(labels)
    shown = [_show_step(step) for step in (steps if len(steps) <= most else steps[: most - 8])]
    if len(steps) > most:
        shown += ["...", *map(_show_step, steps[-8:])]
    return "".join(shown)


def _show_step(step: Any) -> str:
    opening, closing = "{}" if isinstance(step, Member) else "[]"
    text = _bounded_repr(step.key if isinstance(step, Member) else step)
    return f"{opening}{text if len(text) <= 60 else text[:57] + '...'}{closing}"


class Conversion:
    """A deep conversion that can be taught new types: what the functions `freeze`, `thaw` and `share` call.

    `name` says which rules the walk has in C, `find_rule(cls)` finds those of other types; None: objects stay.
    """

    def __init__(self, name: str, find_rule: FindRule) -> None:
        self.name = name
        self._find_rule = find_rule
        self._hooks: dict[type, Hook[Any]] = {}  # replaced as a whole, with `run`
        self._lock = _thread.allocate_lock()
        self.run = self._with_hooks({})

    def __call__(self, obj: Any, /) -> Any:
        return self.run(obj)

    def _with_hooks(self, hooks: dict[type, Hook[Any]]) -> _Conversion:
        """What converts, in C: replaced by each registration, so that a walk that is under way goes on as it began."""

        def find_hook(cls: type, convert: Callable[[Any], Any]) -> Rule | None:
            hook = next((hooks[base] for base in cls.__mro__ if base in hooks), None)
            return None if hook is None else _calls(hook, convert)

        return _Conversion(
            name=self.name,
            find_rule=self._rule,
            find_hook=find_hook if hooks else None,
            place=self.place,
            cycle=_contains_itself,
            member=Member,
            atoms=_ATOMS,
        )

    @overload
    def register(self, cls: type[T], hook: Hook[T]) -> Hook[T]: ...

    @overload
    def register(self, cls: type[T]) -> Callable[[Hook[T]], Hook[T]]: ...

    def register(self, cls: type[T], hook: Hook[T] | None = None) -> Any:
        """Convert instances of `cls` and of its subclasses by `hook(obj, convert)`. The latest registration wins.

        The hook calls `convert`, which is this conversion, for the parts of `obj`. Its result is not converted again.
        The method also decorates: `@freeze.register(Point)`. A hook goes before every built-in rule. Hooks that call
        each other use the interpreter's stack (RecursionError); built-in rules do not.

        Raises TypeError if `cls` is not a class.
        """
        if not isinstance(cls, type):
            raise TypeError(f"{self.name}.register: the first argument must be a class, not {_bounded_repr(cls)}")
        if hook is None:
            return lambda function: self.register(cls, function)
        with self._lock:
            self._hooks = {**self._hooks, cls: hook}
            self.run = self._with_hooks(self._hooks)
        return hook

    def _rule(self, cls: type, convert: Callable[[Any], Any]) -> Rule | None:
        """The built-in rule for objects of exactly this type; None for those returned as they are."""
        if issubclass(cls, Enum):  # a member may be a tuple or a dataclass as well; there is only one of it
            return None
        return self._find_rule(cls)

    def place(self, error: BaseException, labels: list[Any]) -> BaseException:
        """The error to be raised where `error` was, at the end of `labels`: mostly itself, with a note."""
        path = show_path(labels)
        if isinstance(error, _Cycle):
            kind = type(error.value).__name__
            return ValueError(f"{self.name}: the {kind} at {path or 'the top'} contains itself; remove the cycle first")
        if isinstance(error, Refused):
            place = f" (at {path})" if path else ""
            return TypeError(f"{self.name}: {type(error.value).__qualname__} {error.reason}{place}")
        if isinstance(error, Exception) and path:
            error.add_note(f"{self.name}: at {path}")
        return error


def _contains_itself(obj: object) -> _Cycle:
    return _Cycle(obj, "contains itself")


class ConvertingFunction(Protocol):
    """What type checkers see of `freeze`, `thaw` and `share`: a function that can be taught, as `singledispatch`'s."""

    def __call__(self, obj: Any, /) -> Any: ...

    @property
    def register(self) -> Register: ...


class Register(Protocol):
    """See Conversion.register."""

    @overload
    def __call__(self, cls: type[T], hook: Hook[T]) -> Hook[T]: ...

    @overload
    def __call__(self, cls: type[T]) -> Callable[[Hook[T]], Hook[T]]: ...


def taught_by(register: Register) -> Callable[[Any], ConvertingFunction]:
    """Decorate the function that calls a conversion, so that it has the conversion's `register`."""

    def decorate(function: Any) -> ConvertingFunction:
        function.register = register
        return function  # type: ignore[no-any-return]

    return decorate


# -- Opening objects ----------------------------------------------------------------------------------------------


# Most containers hold nothing but atoms, which `issuperset` finds at the speed of C.


def copies_items(make: Make) -> Rule:
    """Mappings of any type; the scratch is a dict."""

    def rule(source: Any, atoms: set[type]) -> Opened:
        scratch = {key: value for key, value in source.items()}  # noqa: C416 - dict() takes twice the time
        if atoms.issuperset(map(type, scratch.values())):
            return make, scratch, ()
        return make, scratch, [(key, value) for key, value in scratch.items() if type(value) not in atoms]

    return rule


def copies_elements(make: Make) -> Rule:
    """Iterables of any type; the scratch is a list."""

    def rule(source: Any, atoms: set[type]) -> Opened:
        scratch = list(source)
        if atoms.issuperset(map(type, scratch)):
            return make, scratch, ()
        return make, scratch, [(index, part) for index, part in enumerate(scratch) if type(part) not in atoms]

    return rule


def keeps_items(make: Make) -> Rule:
    """Mappings; the scratch is a dict of the changes."""

    def rule(source: Any, atoms: set[type]) -> Opened:
        items = list(source.items())
        if all(type(value) in atoms for _, value in items):
            return make, None, ()
        return make, {}, [(key, value) for key, value in items if type(value) not in atoms]

    return rule


def keeps_elements(make: Make) -> Rule:
    """Sequences; the scratch is a dict of the changes."""

    def rule(source: Any, atoms: set[type]) -> Opened:
        parts = list(source)
        if atoms.issuperset(map(type, parts)):
            return make, None, ()
        return make, {}, [(index, part) for index, part in enumerate(parts) if type(part) not in atoms]

    return rule


def keeps_fields(kind: RecordKind) -> Rule:
    """Records: rebuilt where a field changed."""

    def make(source: Any, changes: dict[str, Any]) -> Any:
        return kind.rebuild(source, changes) if changes else source

    return lambda source, atoms: (
        make,
        {},
        [field for field in kept_values(kind, source) if type(field[1]) not in atoms],
    )


def keeps_record(kind: RecordKind) -> Rule:
    """Records, which are left as they are only if what was computed from the fields needs no conversion either. A new
    record computes it anew."""

    def make(source: Any, changes: dict[str, Any]) -> Any:
        if not changes:
            return source
        kept = {name for name, _ in kept_values(kind, source)}
        return kind.rebuild(source, {name: value for name, value in changes.items() if name in kept})

    def rule(source: Any, atoms: set[type]) -> Opened:
        parts = [*kept_values(kind, source), *kind.computed(source)]
        return make, {}, [part for part in parts if type(part[1]) not in atoms]

    return rule


def without_parts(make: Callable[[Any], Any]) -> Rule:
    """`make(obj)`, whatever it holds."""
    return lambda source, atoms: (lambda source, _: make(source), None, ())


def refuses(reason: str) -> Rule:
    def rule(source: Any, atoms: set[type]) -> Opened:
        raise Refused(source, reason)

    return rule


def make_tuple(source: Any, changes: dict[int, Any]) -> Any:
    """The tuple with its changed members replaced; a named tuple keeps its type."""
    if not changes:
        return source
    members = list(source)
    for index, member in changes.items():
        members[index] = member
    make: Callable[[list[Any]], Any] = getattr(source, "_make", tuple)
    return make(members)


def _edit_map(source: Map[Any, Any], changes: dict[Any, Any]) -> Map[Any, Any]:
    """The map with its changed values replaced, sharing what did not change."""
    return source.update(changes) if changes else source


def _edit_vector(source: Vector[Any], changes: dict[int, Any]) -> Vector[Any]:
    """The vector with its changed elements replaced, sharing what did not change."""
    if not changes:
        return source
    draft = source.mutate()
    for index, element in changes.items():
        draft[index] = element
    return draft.finish()


_TUPLE = keeps_elements(make_tuple)

# -- freeze -------------------------------------------------------------------------------------------------------


def _to_map(source: Any, scratch: dict[Any, Any]) -> Map[Any, Any]:
    return Map(scratch)


_TO_MAP = copies_items(_to_map)
_TO_VECTOR = copies_elements(lambda _, scratch: Vector(scratch))
_TO_SET = without_parts(Set)  # the members of a set are hashable, hence immutable already
_KEPT: dict[type, Rule] = {Map: keeps_items(_edit_map), Vector: keeps_elements(_edit_vector), tuple: _TUPLE}


def _freeze_rule(cls: type) -> Rule | None:
    record = record_kind(cls)
    if record is not None:
        return keeps_record(record) if record.is_frozen() else _refuses_record(record)
    for known, rule in _KEPT.items():
        if issubclass(cls, known):
            return rule
    if issubclass(cls, (SharedMap, SharedSet, SharedVector)):  # hold nothing mutable
        return None
    if issubclass(cls, (MapMutation, SetMutation, SharedMapMutation, SharedSetMutation)):
        return refuses("can still change; put what its finish() returns there")
    if issubclass(cls, SimpleNamespace):
        return refuses("is mutable; put its vars() there, or say what becomes of it with freeze.register")
    if issubclass(cls, Mapping):
        return _TO_MAP
    if issubclass(cls, bytearray):
        return without_parts(bytes)
    if issubclass(cls, (MutableSequence, ValuesView, FileVector)):
        return _TO_VECTOR
    if issubclass(cls, AbstractSet) and not issubclass(cls, (Set, frozenset)):
        return _TO_SET
    return None


def _refuses_record(record: RecordKind) -> Rule:
    return refuses(
        f"is a mutable {record.title}; {record.remedy}, "
        f"or say what becomes of it with freeze.register({record.cls.__qualname__})"
    )


_freeze = Conversion("freeze", _freeze_rule)
copied = Conversion("freeze", _freeze_rule)
"""Copies a container of a file into memory, and all in it. Other than `freeze`, it is never taught types."""


@public
@taught_by(_freeze.register)
def freeze(obj: Any, /) -> Any:
    """Return the deeply immutable form of `obj`.

    Mappings become Map, lists and other mutable sequences Vector, sets Set, bytearrays bytes. Maps, Vectors, tuples,
    named tuples and frozen records (dataclasses, attrs, msgspec, pydantic) are rebuilt if something inside them
    changed; a record keeps its fields only, a pydantic model its private attributes, too, and nothing else that its
    `__dict__` holds. What a cached_property computed counts as inside: a new record computes it anew. An object that is
    frozen already is checked and returned as it is, as is every result of `freeze`. Keys, and elements of sets, are
    hashable and stay. An object that is reached twice is frozen once and shared. Objects of any other type count as
    immutable and stay as they are, unless `freeze.register(cls, hook)` says otherwise.

    A Map does not remember insertion order. O(n) for n values at all levels together; nesting may be of any
    depth.

    Raises ValueError for a container that contains itself, and TypeError for a record that is not frozen or a mutation
    of a map or set. Each error says where.

    >>> freeze({"ports": [80, 443]})
    Map({'ports': Vector([80, 443])})
    """
    return _freeze.run(obj)


# -- thaw ---------------------------------------------------------------------------------------------------------


def _take_scratch(source: Any, scratch: Any) -> Any:
    return scratch


_TO_DICT = copies_items(_take_scratch)
_TO_LIST = copies_elements(_take_scratch)
_THAWED: dict[type, Rule] = dict.fromkeys((Vector, SharedVector, FileVector, list), _TO_LIST)
_THAWED[tuple] = _TUPLE
_THAWED |= dict.fromkeys((Set, SharedSet, FileSet, set), without_parts(set))


def _thaw_rule(cls: type) -> Rule | None:
    record = record_kind(cls)
    if record is not None:
        return keeps_record(record)
    if issubclass(cls, Mapping):
        return _TO_DICT
    for known, rule in _THAWED.items():
        if issubclass(cls, known):
            return rule
    return None


_JSON = (dict, list, tuple, str, int, float, type(None))
_thaw = Conversion("thaw", _thaw_rule)


@public
@taught_by(_thaw.register)
def thaw(obj: Any, /) -> Any:
    """Return `obj` as ordinary, mutable Python data.

    It reverses `freeze`: mappings become dict, Vectors list, Sets set. Tuples, named tuples and records (dataclasses,
    attrs, msgspec, pydantic) keep their type, and are copied if something inside them changed. Every mutable container
    in the result is new and occurs once: an edit at one place changes neither another place nor `obj`. Keys, and
    elements of sets, must be hashable and stay. Objects of any other type stay as they are, unless `thaw.register(cls,
    hook)` says otherwise.

    `json.dumps(data, default=thaw)` writes Maps and Vectors. Called by `json`, thaw raises TypeError for a value that
    JSON cannot represent.

    O(n) for n values at all levels together, where a value counts each time it is reached; nesting may be of any depth.

    Raises ValueError for a container that contains itself.

    >>> thaw(Map(ports=Vector([80, 443])))
    {'ports': [80, 443]}
    """
    result = _thaw.run(obj)
    # json calls its `default` for what `default` returned, too: an object that stays what it is would be reported as a
    # circular reference, and a new one of the same type lead to the next call, until the stack overflows.
    if not isinstance(result, _JSON) and sys._getframe(1).f_globals.get("__name__") == "json.encoder":
        raise TypeError(f"Object of type {type(obj).__name__} is not JSON serializable")
    return result
