"""`share`: the rules by which the engine of _convert.py turns data into what interpreters can share."""

from __future__ import annotations

from collections import UserString
from collections.abc import Callable, Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any

from frozen import _core
from frozen._convert import (
    Conversion,
    Member,
    Opened,
    Refused,
    Rule,
    copies_elements,
    copies_items,
    keeps_elements,
    keeps_fields,
    make_tuple,
    show_path,
    taught_by,
    without_parts,
)
from frozen._core import Blob, SharedMap, SharedSet, SharedVector
from frozen._public import public
from frozen._records import is_named_tuple, record_kind
from frozen._sharing import NOT_CONVERTED, NotShareableError, by_field, encoder_of

_LEFT_UNCONVERTED = (
    "is not held as it is: a registered function returned it unconverted; "
    "in a hook of share.register call convert() for it, in an encode() of register_shareable share()"
)

# What shared memory holds by itself, and a walk need not look into.
_HELD = (SharedMap, SharedSet, SharedVector, Blob)


def _shares_items(opens: Rule) -> Rule:
    """Mappings: by `opens`, unless there are keys that may have to be converted."""

    def rule(source: Any, atoms: set[type]) -> Opened:
        opened = opens(source, atoms)
        scratch = opened[1]
        if atoms.issuperset(map(type, scratch)):
            return opened
        return _with_keys(list(scratch.items()), atoms)

    return rule


def _with_keys(items: list[tuple[Any, Any]], atoms: set[type]) -> Opened:
    parts: list[tuple[Any, Any]] = [(Member(key), key) for key, _ in items if type(key) not in atoms]
    parts += [(key, value) for key, value in items if type(value) not in atoms]

    def make(source: Any, changes: dict[Any, Any]) -> SharedMap[Any, Any]:
        keys = _changed_members(changes)
        return SharedMap([(keys.get(key, key), changes.get(key, value)) for key, value in items])

    return make, {}, parts


def _shares_members(make_set: Callable[[Any], Any], own_type: type) -> Rule:
    """Sets of any type; one of `own_type` stays where no member changes."""

    def make(source: Any, changes: dict[Any, Any]) -> Any:
        if not changes:
            return source if type(source) is own_type else make_set(source)
        members = _changed_members(changes)
        return make_set([members.get(member, member) for member in source])

    return lambda source, atoms: (make, {}, [(Member(part), part) for part in source if type(part) not in atoms])


def _changed_members(changes: dict[Any, Any]) -> dict[Any, Any]:
    return {label.key: result for label, result in changes.items() if type(label) is Member}


def _share_tuple(source: Any, changes: dict[int, Any]) -> Any:
    return make_tuple(source if type(source) is tuple else (*source,), changes)


_SHARE_MAPPING = _shares_items(copies_items(lambda _, scratch: SharedMap(scratch)))
_SHARE_SEQUENCE = copies_elements(lambda _, scratch: SharedVector(scratch))
_SHARE_FROZENSET = _shares_members(frozenset, frozenset)
_SHARE_SET = _shares_members(SharedSet, SharedSet)
_SHARE_FIELDS = keeps_elements(make_tuple)
# Subclasses of what is held only exactly, and how to get the plain value, whatever the subclass overrides.
_PLAIN_VALUES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    complex: complex.__complex__,
    bytes: lambda obj: bytes.__getitem__(obj, slice(None)),
    UserString: lambda obj: str.__str__(obj.data),
}


def _share_rule(cls: type) -> Rule | None:
    if cls in by_field:
        record = record_kind(cls)
        return keeps_fields(record) if record is not None else _SHARE_FIELDS
    if encoder_of(cls) is not None or record_kind(cls) is not None or is_named_tuple(cls):
        return None  # held by registration, or refused by the core, which has the words
    for plain, value_of in _PLAIN_VALUES.items():
        if issubclass(cls, plain):
            return without_parts(value_of)
    if issubclass(cls, bytearray):
        return without_parts(bytes)
    if issubclass(cls, (*_HELD, memoryview)):
        return None
    if issubclass(cls, tuple):
        return keeps_elements(_share_tuple)
    if issubclass(cls, Mapping):
        return _SHARE_MAPPING
    if issubclass(cls, (Sequence, ValuesView)):
        return _SHARE_SEQUENCE
    if issubclass(cls, AbstractSet):
        return _SHARE_FROZENSET if issubclass(cls, frozenset) else _SHARE_SET
    return None


class _Share(Conversion):
    """The conversion of `share`.

    The core checks what becomes a part of a shared container when it makes that container; the rest is checked here.
    """

    def __call__(self, obj: Any, /) -> Any:
        result = super().__call__(obj)
        if not isinstance(result, _HELD):
            try:
                _core._check_shareable(result)
            except NotShareableError as error:
                _point_out_hook(error)
                raise
        return result

    def place(self, error: BaseException, labels: list[Any]) -> BaseException:
        if isinstance(error, Refused):
            return NotShareableError(error.value, f"{error.reason}: remove the cycle first", show_path(labels))
        if isinstance(error, NotShareableError):
            error.path = show_path(labels) + error.path
            _point_out_hook(error)
            return error
        return super().place(error, labels)


def _point_out_hook(error: NotShareableError) -> None:
    """`share` converts what it finds: what it could convert, and did not, was returned by a registered function."""
    if error.reason == NOT_CONVERTED:
        error.reason = _LEFT_UNCONVERTED


_share = _Share("share", _share_rule)


@taught_by(_share.register)
@public
def share(obj: Any, /) -> Any:
    """Return `obj` in the form that interpreters can share.

    It converts deeply: mappings become SharedMaps, lists, Vectors and other sequences SharedVectors, sets SharedSets,
    bytearrays bytes. Tuples, frozensets and registered types keep their type, with their parts converted. A subclass of
    str, int, float, complex, bytes, tuple or frozenset that is not registered becomes the plain value. An object that
    can be shared as it is is returned as it is, and shared containers inside are not copied. An object that is reached
    twice is converted once. `share.register(cls, hook)` converts a type of your own; `register_shareable` lets shared
    containers hold it as it is.

    O(n) for n values, once; the result crosses to other interpreters in O(1). Nesting may be of any depth. Only objects
    of registered types, whose functions may make new ones without end, nest at most 131,072 deep (RecursionError). A
    reader makes the whole of a tuple, frozenset or record when it reads it, and of a SharedVector one level. What
    compares, hashes, shows and pickles a value does so by recursion, as CPython does with tuples.

    Raises NotShareableError, with the path to the object that cannot be shared or that contains itself.

    >>> share({"ports": [80, 443]})
    SharedMap({'ports': SharedVector([80, 443])})
    """
    return _share(obj)
