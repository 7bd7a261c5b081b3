"""When two values are the same, for `diff` and `apply`: `same_value`.

The same is more than equal: where 1 became True, or a dict a Map, the value became one of another kind, and a program
that writes it out writes something else.  And it is less: a NaN equals nothing, but two of them are the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from math import copysign
from typing import Any

from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector
from frozen._records import kept_values, record_kind

__all__ = ["Met", "identity_of", "same_value"]

# What is compared next: True and False are the answer, pairs have to be the same each.
Comparison = Callable[[Any, Any], bool | list[tuple[Any, Any]]]

# Pairs by their identities, and whether each is the same.  The table keeps them alive: none of the identities means
# another object meanwhile.
Met = dict[tuple[object, object], tuple[Any, Any, bool]]


def identity_of(value: Any) -> object:
    """The same for two values only if they are one; also for what is made anew whenever a shared container is read."""
    return (value._root(), len(value)) if type(value) in _MADE_ANEW else id(value)


def same_value(a: object, b: object, known: Met | None = None) -> bool:
    """Whether `a` and `b` are the same value: of one type, and equal down to the types of their parts.

    Floats are the same if their bits are, but for NaNs, all of which are the same.  Decimals have the same digits,
    times the same time zone.  Records are compared by their fields, whatever their `__eq__` says.  Keys of mappings
    have to be the same, too, but keys of Maps only equal.  Objects of other types are the same if `==` is True; where
    it fails, or gives no bool, as that of arrays does, only an object is the same as itself.

    Nesting may be of any depth.  O(n), however often a part occurs; for Maps and Vectors that share structure, O(what
    differs).  `known` are pairs that were compared before, and gets what is found here: the pairs that are the same, or
    those around the first difference.  So a caller who goes on inside of what differs does not compare it again.
    """
    todo: list[tuple[Any, Any, Any]] = [(a, b, None)]  # and the pair around
    known = {} if known is None else known
    seen: dict[Any, tuple[Any, Any, Any]] = {}
    while todo:
        a, b, around = todo.pop()
        if a is b:
            continue
        kind = type(a)
        result = kind is type(b) and (_COMPARISONS.get(kind) or _comparison(kind))(a, b)
        if result is True:
            continue
        pair = identity_of(a), identity_of(b)
        if pair in seen:
            continue
        before = known.get(pair)
        if before is not None and before[2]:
            continue
        if result is False or before is not None:
            while around is not None:
                left, right, above = seen[around]
                known[around] = left, right, False
                around = above
            return False
        seen[pair] = a, b, around
        todo += [(left, right, pair) for left, right in result]
    known.update({pair: (a, b, True) for pair, (a, b, _) in seen.items()})
    return True


def _equal(a: Any, b: Any) -> bool:
    """Same types that have no parts; for any other type, as far as its `==` can be used."""
    try:
        equal = a == b
        if type(equal) is not bool:
            return getattr(equal, "ndim", None) == 0 and bool(equal)  # numpy's numbers answer with a bool of its own
        return equal or bool(a != a and b != b)
    except MemoryError:
        raise
    except Exception:
        return False


def _same_float(a: float, b: float) -> bool:
    return bool(a == b and copysign(1, a) == copysign(1, b)) or bool(a != a and b != b)


def _same_complex(a: complex, b: complex) -> bool:
    return _same_float(a.real, b.real) and _same_float(a.imag, b.imag)


def _same_decimal(a: Any, b: Any) -> bool:
    return bool(a.as_tuple() == b.as_tuple())


def _same_time(a: Any, b: Any) -> list[tuple[Any, Any]]:
    return [(a.isoformat(), b.isoformat()), (a.fold, b.fold), (a.tzinfo, b.tzinfo)]


def _same_elements(a: Any, b: Any) -> bool | list[tuple[Any, Any]]:
    if len(a) != len(b):
        return False
    pairs = []
    for left, right in zip(a, b, strict=False):
        if left is right:
            continue
        kind = type(left)
        if kind is not type(right) or (kind in _PLAIN and left != right):
            return False
        if kind not in _PLAIN:
            pairs.append((left, right))
    return pairs


def _same_parts(a: Any, b: Any) -> bool | list[tuple[Any, Any]]:
    """Of subclasses, whose `__iter__` may be code of anybody's."""
    return _same_elements([*a], [*b])


def _same_vectors(a: Any, b: Any) -> bool | list[tuple[Any, Any]]:
    """As elements, but what the vectors share is skipped."""
    if len(a) != len(b):
        return False
    pairs = []
    found = a._difference(b, 0)
    while found is not None:
        index, left, right = found
        kind = type(left)
        if kind is not type(right) or (kind in _PLAIN and left != right):
            return False
        pairs.append((left, right))
        found = a._difference(b, index + 1)
    return pairs


def _same_maps(a: Any, b: Any) -> bool | list[tuple[Any, Any]]:
    if len(a) != len(b):
        return False
    changes, parts = a._differences(b, _ABSENT, tuple)
    return not changes and [(before, after) for _, before, after in parts]


def _same_items(a: Any, b: Any) -> bool | list[tuple[Any, Any]]:
    left = {_token(key): value for key, value in a.items()}
    right = {_token(key): value for key, value in b.items()}
    return left.keys() == right.keys() and [(value, right[key]) for key, value in left.items()]


def _same_members(a: Any, b: Any) -> bool:
    if len(a) != len(b):
        return False
    only_a, only_b = a - b, b - a
    if only_a and _tokens(only_a) != _tokens(only_b):
        return False
    return _tokens(a) == _tokens(b)


def _token(value: Any) -> Any:
    """Stands for a hashable value: equal to the token of another one if they are the same."""
    kind = type(value)
    if kind in _PLAIN:
        return kind, value
    if issubclass(kind, float):
        return (kind, "nan") if value != value else (kind, value, copysign(1, value))
    if issubclass(kind, tuple):
        return kind, (*[_token(part) for part in value],)
    if issubclass(kind, (frozenset, Set, SharedSet)):
        return kind, frozenset(_tokens(value))
    if issubclass(kind, (Map, SharedMap)):
        return kind, frozenset((_token(key), _token(part)) for key, part in value.items())
    if _is_named(kind, "decimal", "Decimal"):
        return kind, value.as_tuple()
    return kind, value


def _tokens(values: Iterable[Any]) -> set[Any]:
    return {_token(value) for value in values}


_ABSENT = object()  # the same as nothing else
_MADE_ANEW = frozenset({SharedMap, SharedSet, SharedVector})
_PLAIN: frozenset[type] = frozenset({str, int, bool, bytes, type(None)})
_COMPARISONS: dict[type, Comparison] = {
    **dict.fromkeys(_PLAIN, _equal),
    float: _same_float,
    complex: _same_complex,
    tuple: _same_elements,
    list: _same_elements,
    deque: _same_elements,
    Vector: _same_vectors,
    SharedVector: _same_vectors,
    Map: _same_maps,
    SharedMap: _same_maps,
    dict: _same_items,
    set: _same_members,
    frozenset: _same_members,
    Set: _same_members,
    SharedSet: _same_members,
}


def _comparison(kind: type) -> Comparison:
    """For a type that is not listed: by its base, or by what it is."""
    record = record_kind(kind)
    if record is not None:
        return lambda a, b: _same_items(dict(kept_values(record, a)), dict(kept_values(record, b)))
    for base, comparison in _COMPARISONS.items():
        if issubclass(kind, base):
            return _same_parts if comparison is _same_elements else comparison
    if _is_named(kind, "decimal", "Decimal"):
        return _same_decimal
    if _is_named(kind, "datetime", "datetime") or _is_named(kind, "datetime", "time"):
        return _same_time
    if issubclass(kind, Mapping):
        return _same_items
    return _same_members if issubclass(kind, AbstractSet) else _equal


def _is_named(kind: type, module: str, name: str) -> bool:
    """Whether it is a class of the standard library, found without importing what may not be needed."""
    return any(base.__name__ == name and base.__module__ == module for base in kind.__mro__)
