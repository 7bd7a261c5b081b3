"""Deep conversion between ordinary Python data and its immutable form: `freeze` and `thaw`.

Both are one walk with different rules.  The walk keeps its own stack, so nesting is bounded by memory and not by the
interpreter's; it knows the objects it is inside of, so a container that holds itself is an error that says where.
A rule (`_Rule`) says for a type what its parts are and how they are put together again.
"""

from __future__ import annotations

import copy
import dataclasses
import reprlib
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any, NamedTuple, TypeVar, overload

from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector

__all__ = ["Conversion", "freeze", "thaw"]

T = TypeVar("T")
Hook = Callable[[T, Callable[[Any], Any]], Any]

# Types without parts that data mostly consists of: not worth the search for a rule.
_ATOMS: frozenset[type] = frozenset({str, int, float, bool, type(None), bytes, complex})

_PENDING: Any = object()  # begin() found a container whose parts come first


class _Rule(NamedTuple):
    """How one type is converted.  With `keeps`, an object none of whose parts changed is its own result."""

    take: Callable[[Any], tuple[Sequence[Any], Sequence[Any]]]  # copies of its labels (none: positions) and parts
    make: Callable[[Any, Sequence[Any], list[Any]], Any]  # object, labels, converted parts -> result
    keeps: bool = False


class _Frame(NamedTuple):
    """A container whose parts are being converted: `done` grows while `todo` is used up."""

    source: Any
    rule: _Rule
    labels: Sequence[Any]
    parts: Sequence[Any]
    todo: Iterator[Any]
    done: list[Any]


class _Walk:
    """One call of `freeze` or `thaw`."""

    def __init__(self, conversion: Conversion) -> None:
        self.conversion = conversion
        self.rules: dict[type, Any] = dict.fromkeys(_ATOMS)  # by exact type, found once per call; None: as it is
        self.stack: list[_Frame] = []
        self.open: set[int] = set()  # ids of the containers being converted, all kept alive by their callers
        self.finished: dict[int, tuple[Any, Any]] = {}  # id -> source, kept so that the id stays its own, and result

    def convert(self, root: Any) -> Any:
        """Convert `root`; also what a registered hook calls for its parts, in the middle of the walk."""
        base = len(self.stack)
        result = self.begin(root)
        if result is not _PENDING:
            return result
        try:
            return self.run(base)
        finally:
            while len(self.stack) > base:  # only after an error: a hook may handle it and go on
                self.open.discard(id(self.stack.pop().source))

    def run(self, base: int) -> Any:
        """Finish the frames above `base`, deepest first, and return what the lowest became."""
        stack = self.stack
        while True:
            frame = stack[-1]
            add = frame.done.append
            for part in frame.todo:  # an iterator: goes on behind the part it was left at
                if type(part) in _ATOMS:
                    add(part)
                    continue
                result = self.begin(part)
                if result is _PENDING:
                    break
                add(result)
            else:
                result = self.end(frame)
                if len(stack) == base:
                    return result
                stack[-1].done.append(result)

    def begin(self, obj: Any) -> Any:
        """The result where it is known at once; otherwise open a frame for `obj` and return _PENDING."""
        cls = type(obj)
        try:
            rule = self.rules[cls]
        except KeyError:
            rule = self.rules[cls] = self.conversion.rule(cls)
        if rule is None:
            return obj
        if id(obj) in self.finished:
            return self.finished[id(obj)][1]
        if id(obj) in self.open:
            raise ValueError(self.describe_cycle(obj))
        self.open.add(id(obj))
        if not isinstance(rule, _Rule):
            return self.call_hook(rule, obj)
        labels, parts = rule.take(obj)
        self.stack.append(_Frame(obj, rule, labels, parts, iter(parts), []))
        return _PENDING

    def end(self, frame: _Frame) -> Any:
        source, rule, labels, parts, _, done = frame
        unchanged = rule.keeps and all(map(_same, parts, done))
        result = source if unchanged else rule.make(source, labels, done)
        self.stack.pop()
        return self.remember(source, result)

    def call_hook(self, hook: Hook[Any], obj: Any) -> Any:
        try:
            result = hook(obj, self.convert)
        except BaseException:
            self.open.discard(id(obj))
            raise
        return self.remember(obj, result)

    def remember(self, source: Any, result: Any) -> Any:
        self.open.discard(id(source))
        if self.conversion.shares:
            self.finished[id(source)] = source, result
        return result

    def describe_cycle(self, obj: Any) -> str:
        steps = [frame.labels[len(frame.done)] if frame.labels else len(frame.done) for frame in self.stack]
        shown = "".join(f"[{reprlib.repr(step)}]" for step in steps[:20]) + ("..." if len(steps) > 20 else "")
        name = self.conversion.__name__
        return f"{name}: the {type(obj).__name__} at {shown or 'the top'} contains itself; remove the cycle first"


def _same(a: object, b: object) -> bool:
    return a is b


class Conversion:
    """A deep conversion that can be taught new types: `freeze` and `thaw` are the two there are."""

    def __init__(self, name: str, doc: str, rule: Callable[[type], _Rule | None], *, shares: bool) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc
        self.shares = shares  # an object found twice is converted once, and its result used twice
        self._rule = rule
        self._hooks: dict[type, Hook[Any]] = {}  # single stores and loads only: safe from any thread

    def __call__(self, obj: Any, /) -> Any:
        return _Walk(self).convert(obj)

    @overload
    def register(self, cls: type[T], hook: Hook[T]) -> Hook[T]: ...

    @overload
    def register(self, cls: type[T]) -> Callable[[Hook[T]], Hook[T]]: ...

    def register(self, cls: type[T], hook: Hook[T] | None = None) -> Any:
        """Convert instances of `cls` and of its subclasses by `hook(obj, convert)`; the latest registration wins.

        `convert` is this conversion, to be called for the parts of `obj`; what the hook returns is taken as it is.
        Usable as a decorator, `@freeze.register(Point)`.  A hook comes before every built-in rule.  Hooks nested in
        each other use the interpreter's stack (RecursionError), built-in rules do not.

        Raises TypeError if `cls` is not a class.
        """
        if not isinstance(cls, type):
            raise TypeError(f"{self.__name__}.register: the first argument must be a class, not {cls!r}")
        if hook is None:
            return lambda function: self.register(cls, function)
        self._hooks[cls] = hook
        return hook

    def rule(self, cls: type) -> Any:
        """The hook or `_Rule` for objects of exactly this type; None for those returned as they are."""
        for base in cls.__mro__:
            if base in self._hooks:
                return self._hooks[base]
        if issubclass(cls, Enum):  # a member may be a tuple or a dataclass as well; there is only one of it
            return None
        return self._rule(cls)

    def __repr__(self) -> str:
        return f"<function frozen.{self.__name__}>"

    def __reduce__(self) -> str:  # pickled and copied by name, like the function that it stands for
        return self.__name__


# -- The rules ----------------------------------------------------------------------------------------------------


def _take_items(mapping: Any) -> tuple[list[Any], list[Any]]:
    items = list(mapping.items())
    return [key for key, _ in items], [value for _, value in items]


def _take_values(sequence: Any) -> tuple[tuple[()], list[Any]]:
    return (), list(sequence)


def _take_nothing(obj: Any) -> tuple[tuple[()], tuple[()]]:
    return (), ()  # the elements of a set are hashable, hence immutable already


def _take_fields(obj: Any) -> tuple[list[str], list[Any]]:
    names = [field.name for field in dataclasses.fields(obj) if hasattr(obj, field.name)]
    return names, [getattr(obj, name) for name in names]


def _edit_map(source: Map[Any, Any], labels: Any, done: list[Any]) -> Map[Any, Any]:
    """The map with its changed values replaced, sharing what did not change."""
    return source.update((key, value) for key, value in zip(labels, done, strict=True) if source[key] is not value)


def _edit_vector(source: Vector[Any], _: Any, done: list[Any]) -> Vector[Any]:
    """The vector with its changed elements replaced, sharing what did not change."""
    draft = source.mutate()
    for index, (old, new) in enumerate(zip(source, done, strict=True)):
        if old is not new:
            draft[index] = new
    return draft.finish()


def _make_tuple(source: Any, _: Any, done: list[Any]) -> Any:
    make: Callable[[list[Any]], Any] = getattr(source, "_make", tuple)  # a named tuple keeps its type
    return make(done)


def _copy_fields(source: Any, labels: Any, done: list[Any]) -> Any:
    """A copy with the fields replaced.

    Not `dataclasses.replace`: `__init__` and `__post_init__` have run for this object, may have side effects, and
    would compute the fields declared with init=False from scratch.
    """
    result = copy.copy(source)
    for name, value in zip(labels, done, strict=True):
        object.__setattr__(result, name, value)
    return result


_MAP = _Rule(_take_items, _edit_map, keeps=True)
_VECTOR = _Rule(_take_values, _edit_vector, keeps=True)
_TUPLE = _Rule(_take_values, _make_tuple, keeps=True)
_FIELDS = _Rule(_take_fields, _copy_fields, keeps=True)
_TO_MAP = _Rule(_take_items, lambda _, labels, done: Map(zip(labels, done, strict=True)))
_TO_DICT = _Rule(_take_items, lambda _, labels, done: dict(zip(labels, done, strict=True)))
_TO_VECTOR = _Rule(_take_values, lambda _, __, done: Vector(done))
_TO_LIST = _Rule(_take_values, lambda _, __, done: done)
_TO_SET = _Rule(_take_nothing, lambda source, _, __: Set(source))
_TO_PLAIN_SET = _Rule(_take_nothing, lambda source, _, __: set(source))
_TO_BYTES = _Rule(_take_nothing, lambda source, _, __: bytes(source))


def _freeze_rule(cls: type) -> _Rule | None:
    if dataclasses.is_dataclass(cls):
        if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise TypeError(
                f"freeze: {cls.__qualname__} is a mutable dataclass; "
                f"declare it with frozen=True, or say what becomes of it with freeze.register({cls.__qualname__})"
            )
        return _FIELDS
    if issubclass(cls, Map):
        return _MAP
    if issubclass(cls, Vector):
        return _VECTOR
    if issubclass(cls, tuple):
        return _TUPLE
    if issubclass(cls, (SharedMap, SharedSet, SharedVector)):  # hold nothing mutable
        return None
    if issubclass(cls, Mapping):
        return _TO_MAP
    if issubclass(cls, bytearray):
        return _TO_BYTES
    if issubclass(cls, MutableSequence):
        return _TO_VECTOR
    if issubclass(cls, AbstractSet) and not issubclass(cls, (Set, frozenset)):
        return _TO_SET
    return None


def _thaw_rule(cls: type) -> _Rule | None:
    if dataclasses.is_dataclass(cls):
        return _FIELDS
    if issubclass(cls, Mapping):
        return _TO_DICT
    if issubclass(cls, (Vector, SharedVector, list)):
        return _TO_LIST
    if issubclass(cls, tuple):
        return _TUPLE
    if issubclass(cls, (Set, SharedSet, set)):
        return _TO_PLAIN_SET
    return None


freeze = Conversion(
    "freeze",
    """freeze(obj, /) -> the deeply immutable form of obj

    Mappings become Map, lists and other mutable sequences Vector, sets Set, bytearrays bytes; Maps, Vectors, tuples,
    named tuples and frozen dataclasses are rebuilt where something inside them changed.  What is frozen already, as
    every result of `freeze` is, is returned as it is, after a look at all its parts.  Keys and elements of sets are
    hashable and stay.  An object reached twice is frozen once and shared.  Objects of any other type are taken to be
    immutable and stay as they are: `freeze.register(cls, hook)` says otherwise.

    A Map does not remember insertion order.  O(n) for n values, all levels together; nesting may be of any depth.

    Raises ValueError for a container that contains itself, TypeError for a dataclass that is not frozen.
    """,
    _freeze_rule,
    shares=True,
)

thaw = Conversion(
    "thaw",
    """thaw(obj, /) -> obj as ordinary, mutable Python data

    The way back from `freeze`: mappings become dict, Vectors list, Sets set; tuples, named tuples and dataclasses
    keep their type and are copied where something inside them changed.  Every mutable container in the result is new
    and occurs once, so that editing one place changes no other, nor what was thawed.  Keys and elements of sets stay:
    they must be hashable.  Objects of any other type stay as they are: `thaw.register(cls, hook)` says otherwise.

    O(n) for n values, all levels together, a value counting as often as it is reached; nesting may be of any depth.

    Raises ValueError for a container that contains itself.
    """,
    _thaw_rule,
    shares=False,
)
