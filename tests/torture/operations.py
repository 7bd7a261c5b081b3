"""Every operation of the containers, each with what it means for the plain model: dict, set or list.

An operation takes the subject and its arguments, `a.key`, `a.value` and so on, which are drawn when they are asked for.
The model's half gets the same arguments, with models in place of containers. It returns a new model where the
container's half returns a new container, and edits in place where the container's half edits a mutation.
"""

from __future__ import annotations

import copy
import itertools
import operator
import pickle
import sys
from collections.abc import Callable
from typing import Any

from frozen import ABSENT, Set, SharedSet, Span, get_in

Operation = Callable[[Any, Any], Any]
Table = dict[str, tuple[Operation, Operation]]


def same(operation: Operation) -> tuple[Operation, Operation]:
    """One expression that means the same for both."""
    return operation, operation


def pickled(obj: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(obj, protocol))


def unchanged(model: Any, a: Any) -> Any:
    return copy.copy(model)


def no_result(operation: Operation) -> Operation:
    def run(subject: Any, a: Any) -> None:
        operation(subject, a)

    return run


def part_way(iterable: Any, steps: int, then: Callable[[Any], Any] = list) -> Any:
    """An iterator that has been taken some steps, as `then` makes it."""
    iterator = iter(iterable)
    list(itertools.islice(iterator, steps))
    return then(iterator)


def total(iterator: Any) -> tuple[int, int]:
    return operator.length_hint(iterator), sum(1 for _ in iterator)


def merged(model: dict[Any, Any], other: dict[Any, Any], fn: Callable[[Any, Any], Any]) -> dict[Any, Any]:
    return model | {key: fn(model[key], value) if key in model else value for key, value in other.items()}


def without(model: Any, *keys: Any) -> Any:
    """A copy of a dict or set without what is there of `keys`; unhashable ones are an error as in the real thing."""
    result = copy.copy(model)
    for key in keys:
        if isinstance(result, set):
            result.discard(key)
        else:
            result.pop(key, None)
    return result


def deleted(model: Any, key: Any) -> Any:
    result = copy.copy(model)
    del result[key]
    return result


def edited(model: Any, edit: Callable[[Any], Any]) -> Any:
    result = copy.copy(model)
    edit(result)
    return result


def via_mutation(container: Any, method: str, argument: Any) -> Any:
    with container.mutate() as mutation:
        getattr(mutation, method)(argument)
    return mutation.finish()


def hash_of_items(model: dict[Any, Any], a: Any) -> int:
    return hash(frozenset(model.items()))


def diffed(old: Any, new: Any) -> int:
    """How many maps there are, whose delta leads from one to the other and back."""
    delta = old.diff(new)
    assert old.apply(delta) == new
    assert new.apply(delta.inverse()) == old
    for path, (before, after) in delta.changes.items():
        if not isinstance(path[-1], Span):  # which says where in the old version alone
            assert (at(old, path), at(new, path)) == (before, after)
    return 2


def at(version: Any, path: Any) -> Any:
    """What a delta calls the value at that path: of a set the member, if it is one."""
    *above, step = path
    level = get_in(version, above, ABSENT)
    if isinstance(level, Set | SharedSet):
        return step if step in level else ABSENT
    return get_in(version, path, ABSENT)


MAP: Table = {
    "[]": same(lambda m, a: m[a.key]),
    "get": same(lambda m, a: (m.get(a.key), m.get(a.key, a.value))),
    "in": same(lambda m, a: (a.key in m, len(m), bool(m))),
    "set": (lambda m, a: m.set(a.key, a.value), lambda d, a: {**d, a.key: a.value}),
    "set there": (lambda m, a: m.set(a.there, a.value), lambda d, a: {**d, a.there: a.value}),
    "setdefault": (
        lambda m, a: m.setdefault(a.key, a.value),
        lambda d, a: {**d, a.key: d.get(a.key, a.value)},
    ),
    "alter": (
        lambda m, a: m.alter(a.there, lambda old: (old, a.value)),
        lambda d, a: {**d, a.there: (d[a.there], a.value)},
    ),
    "alter any": (
        lambda m, a: m.alter(a.key, lambda old: (old, a.value), a.value),
        lambda d, a: {**d, a.key: (d.get(a.key, a.value), a.value)},
    ),
    "delete": (lambda m, a: m.delete(a.there), lambda d, a: deleted(d, a.there)),
    "delete any": (lambda m, a: m.delete(a.key), lambda d, a: deleted(d, a.key)),
    "discard": (lambda m, a: m.discard(a.key), lambda d, a: without(d, a.key)),
    "update": (lambda m, a: m.update(a.dict), lambda d, a: d | a.dict),
    "update map": (lambda m, a: m.update(a.map, a.dict), lambda d, a: d | a.map | a.dict),
    "update pairs": (lambda m, a: m.update(a.pairs, x=a.value), lambda d, a: d | dict(a.pairs, x=a.value)),
    "update iter": (lambda m, a: m.update(iter(a.pairs)), lambda d, a: d | dict(a.pairs)),
    "update items": (lambda m, a: m.update(a.map.items()), lambda d, a: d | a.map),
    "| map": (lambda m, a: m | a.map, lambda d, a: d | a.map),
    "| dict": (lambda m, a: m | a.dict, lambda d, a: d | a.dict),
    "dict |": same(lambda m, a: dict(a.dict | m)),
    "merge": (lambda m, a: m.merge(a.dict, a.fn), lambda d, a: merged(d, a.dict, a.fn)),
    "merge map": (lambda m, a: m.merge(a.map, a.fn), lambda d, a: merged(d, a.map, a.fn)),
    "fromkeys": (lambda m, a: type(m).fromkeys(a.keys, a.value), lambda d, a: dict.fromkeys(a.keys, a.value)),
    "fromkeys of itself": (lambda m, a: type(m).fromkeys(m, a.value), lambda d, a: dict.fromkeys(d, a.value)),
    "copies": (lambda m, a: copy.copy(m.copy()), unchanged),
    "deepcopy": (lambda m, a: copy.deepcopy(m), unchanged),
    "pickle": (lambda m, a: pickled(m), unchanged),
    "pickle, old": (lambda m, a: pickled(m, 2), unchanged),
    "anew": (lambda m, a: type(m)(m), unchanged),
    "anew, of pairs": (lambda m, a: type(m)(list(m.items()), x=a.value), lambda d, a: dict(d, x=a.value)),
    "anew, backwards": (lambda m, a: type(m)((k, m[k]) for k in reversed(m)), unchanged),
    "mutate": (lambda m, a: via_mutation(m, "update", a.dict), lambda d, a: d | a.dict),
    "hash": (lambda m, a: hash(m), hash_of_items),
    "==": same(lambda m, a: (m == a.map, m != a.map, m == a.dict, a.dict == m, m == m, m == 5)),
    "keys": same(lambda m, a: set(m.keys())),
    "keys &": same(lambda m, a: (m.keys() & a.keys, m.keys() | a.keys, m.keys() - a.keys, m.keys() ^ a.keys)),
    "& keys": same(lambda m, a: (set(a.keys) & m.keys(), set(a.keys) - m.keys())),
    "keys <=": same(lambda m, a: (m.keys() <= set(a.keys), m.keys() > set(a.keys), m.keys() == a.map.keys())),
    "keys isdisjoint": same(lambda m, a: (m.keys().isdisjoint(a.keys), a.key in m.keys())),  # noqa: SIM118
    "items in": same(lambda m, a: ((a.key, a.value) in m.items(), a.map.items() == m.items(), a.key in m.items())),
    "items &": same(lambda m, a: (m.items() & a.pairs, m.items() - a.map.items())),
    "values": same(lambda m, a: (len(m.values()), a.value in m.values(), len(m.items()), len(m.keys()))),
    "iterators": same(lambda m, a: part_way(m.items(), a.count % 40, total)),
    "reversed": same(lambda m, a: part_way(reversed(m.values()), a.count % 40, total)),
    "iterator pickled": (
        lambda m, a: sum(1 for _ in part_way(m, a.count % 40, pickled)),
        lambda d, a: max(0, len(d) - a.count % 40),
    ),
    "diff": (lambda m, a: diffed(m, a.map), lambda d, a: 2),
    "diff from": (lambda m, a: diffed(a.map, m), lambda d, a: 2),
    "repr": same(lambda m, a: (repr(m) != "", str(m) != "", sys.getsizeof(m) > 0)),
}  # fmt: skip

SET: Table = {
    "in": same(lambda s, a: (a.key in s, len(s), bool(s))),
    "add": (lambda s, a: s.add(a.key), lambda p, a: p | {a.key}),
    "remove": (lambda s, a: s.remove(a.there), lambda p, a: edited(p, lambda q: q.remove(a.there))),
    "remove any": (lambda s, a: s.remove(a.key), lambda p, a: edited(p, lambda q: q.remove(a.key))),
    "discard": (lambda s, a: s.discard(a.key), lambda p, a: without(p, a.key)),
    "union": same(lambda s, a: s.union(a.keys, a.set)),
    "update": (lambda s, a: s.update(iter(a.keys)), lambda p, a: p.union(a.keys)),
    "intersection": same(lambda s, a: s.intersection(a.keys)),
    "intersection of two": same(lambda s, a: s.intersection(a.set, iter(a.keys))),
    "difference": same(lambda s, a: s.difference(a.keys, a.set)),
    "symmetric_difference": same(lambda s, a: s.symmetric_difference(a.keys)),
    "| set": same(lambda s, a: s | a.set),
    "& set": same(lambda s, a: s & a.set),
    "- set": same(lambda s, a: s - a.set),
    "^ set": same(lambda s, a: s ^ a.set),
    "| plain": same(lambda s, a: s | set(a.keys)),
    "& plain": same(lambda s, a: s & frozenset(a.keys)),
    "- keys": same(lambda s, a: s - a.map.keys()),
    "^ plain": same(lambda s, a: s ^ set(a.keys)),
    "plain |": same(lambda s, a: (set(a.keys) | s) == (set(a.keys) | set(s))),
    "plain -": same(lambda s, a: set(a.keys) - s),
    "& itself": same(lambda s, a: (s & s) | (s - s)),
    "<=": same(lambda s, a: (s <= a.set, s < a.set, s >= a.set, s > a.set, s == a.set, s != a.set)),
    "<= plain": same(lambda s, a: (s <= set(a.keys), s > frozenset(a.keys), s == set(a.keys))),
    "issubset": same(lambda s, a: (s.issubset(a.keys), s.issuperset(a.keys), s.isdisjoint(a.keys))),
    "hash": (lambda s, a: hash(s), lambda p, a: hash(frozenset(p))),
    "copies": (lambda s, a: copy.copy(s.copy()), unchanged),
    "deepcopy": (lambda s, a: copy.deepcopy(s), unchanged),
    "pickle": (lambda s, a: pickled(s), unchanged),
    "pickle, old": (lambda s, a: pickled(s, 2), unchanged),
    "anew": (lambda s, a: type(s)(iter(s)), unchanged),
    "mutate": (lambda s, a: via_mutation(s, "update", a.keys), lambda p, a: p | set(a.keys)),
    "iterators": same(lambda s, a: part_way(s, a.count % 40, total)),
    "iterator pickled": (
        lambda s, a: sum(1 for _ in part_way(s, a.count % 40, pickled)),
        lambda p, a: max(0, len(p) - a.count % 40),
    ),
    "repr": same(lambda s, a: (repr(s) != "", sys.getsizeof(s) > 0)),
}  # fmt: skip

VECTOR: Table = {
    "[]": same(lambda v, a: v[a.index]),
    "slice": same(lambda v, a: v[a.slice]),
    "append": (lambda v, a: v.append(a.value), lambda t, a: [*t, a.value]),
    "extend": (lambda v, a: v.extend(a.values), lambda t, a: [*t, *a.values]),
    "extend iter": (lambda v, a: v.extend(iter(a.values)), lambda t, a: [*t, *a.values]),
    "extend map": (lambda v, a: len(v.extend(a.map.items())), lambda t, a: len(t) + len(a.map)),
    "set": (lambda v, a: v.set(a.index, a.value), lambda t, a: edited(t, lambda u: u.__setitem__(a.index, a.value))),
    "insert": (lambda v, a: v.insert(a.index, a.value), lambda t, a: edited(t, lambda u: u.insert(a.index, a.value))),
    "delete": (lambda v, a: v.delete(a.index), lambda t, a: deleted(t, a.index)),
    "delete range": (lambda v, a: v.delete(a.bound, a.bound2), lambda t, a: deleted(t, slice(a.bound, a.bound2))),
    "pop": (lambda v, a: v.pop(), lambda t, a: edited(t, lambda u: u.pop())),
    "+": same(lambda v, a: v + a.vector),
    "+ itself": same(lambda v, a: v + v),
    "vector +": same(lambda v, a: a.vector + v),
    "split and joined": same(lambda v, a: v[: a.index] + v[a.index :]),
    "*": same(lambda v, a: v * (a.count % 5 - 1)),
    "rmul": same(lambda v, a: (a.count % 3) * v),
    "in": same(lambda v, a: (a.value in v, v.count(a.value), len(v), bool(v))),
    "index": same(lambda v, a: v.index(a.value)),
    "index between": same(lambda v, a: v.index(a.value, a.index, a.index2)),
    "<": same(lambda v, a: v < a.vector),
    ">=": same(lambda v, a: v >= a.vector),
    "==": same(lambda v, a: (v == a.vector, v != a.vector, v == v[:], v == 5, v == (1, 2))),
    "hash": (lambda v, a: hash(v) == hash(type(v)(list(v))), lambda t, a: hash(tuple(t)) == hash(tuple(t))),
    "tolist": (lambda v, a: (v.tolist(), v.totuple()), lambda t, a: (list(t), tuple(t))),
    "reversed": same(lambda v, a: list(reversed(v))[: a.count]),
    "iterators": same(lambda v, a: part_way(v, a.count, total)),
    "iterator pickled": same(lambda v, a: part_way(v, a.count, pickled).__length_hint__()),
    "copies": (lambda v, a: copy.copy(v.copy()), unchanged),
    "deepcopy": (lambda v, a: copy.deepcopy(v), unchanged),
    "pickle": (lambda v, a: pickled(v), unchanged),
    "pickle, old": (lambda v, a: pickled(v, 2), unchanged),
    "anew": (lambda v, a: type(v)(v), unchanged),
    "anew, an iterator": (lambda v, a: type(v)(x for x in v), unchanged),
    "mutate": (lambda v, a: via_mutation(v, "extend", a.values), lambda t, a: [*t, *a.values]),
    "repr": same(lambda v, a: (repr(v) != "", sys.getsizeof(v) > 0)),
}  # fmt: skip

MAP_MUTATION: Table = {
    "[]": same(lambda m, a: m[a.key]),
    "get": same(lambda m, a: (m.get(a.key), m.get(a.key, a.value), a.key in m, len(m))),
    "[]=": same(lambda m, a: operator.setitem(m, a.key, a.value)),
    "[]= there": same(lambda m, a: operator.setitem(m, a.there, a.value)),
    "set": (lambda m, a: m.set(a.key, a.value), lambda d, a: operator.setitem(d, a.key, a.value)),
    "setdefault": same(lambda m, a: m.setdefault(a.key, a.value)),
    "del": same(lambda m, a: operator.delitem(m, a.there)),
    "delete": (lambda m, a: m.delete(a.key), lambda d, a: operator.delitem(d, a.key)),
    "discard": (lambda m, a: m.discard(a.key), no_result(lambda d, a: d.pop(a.key, None))),
    "pop": same(lambda m, a: m.pop(a.there)),
    "pop any": same(lambda m, a: m.pop(a.key)),
    "pop default": same(lambda m, a: m.pop(a.key, a.value)),
    "update": same(lambda m, a: m.update(a.dict)),
    "update map": same(lambda m, a: m.update(a.map)),
    "update pairs": same(lambda m, a: m.update(iter(a.pairs), x=a.value)),
    "==": same(lambda m, a: (m == a.dict, m == a.map, m != a.map, a.dict == m)),
    "repr": same(lambda m, a: repr(m) != ""),
}

SET_MUTATION: Table = {
    "in": same(lambda s, a: (a.key in s, len(s))),
    "add": same(lambda s, a: s.add(a.key)),
    "remove": same(lambda s, a: s.remove(a.there)),
    "remove any": same(lambda s, a: s.remove(a.key)),
    "discard": same(lambda s, a: s.discard(a.key)),
    "update": same(lambda s, a: s.update(a.keys)),
    "update set": same(lambda s, a: s.update(a.set, iter(a.keys))),
    "==": same(lambda s, a: (s == a.set, s != set(a.keys), set(a.keys) == s)),
    "repr": same(lambda s, a: repr(s) != ""),
}

VECTOR_MUTATION: Table = {
    "[]": same(lambda v, a: v[a.index]),
    "slice": (lambda v, a: v[a.slice], lambda t, a: t[a.slice]),
    "[]=": same(lambda v, a: operator.setitem(v, a.index, a.value)),
    "[i:j]=": same(lambda v, a: operator.setitem(v, slice(a.bound, a.bound2), a.values)),
    "[i:j]= iter": same(lambda v, a: operator.setitem(v, slice(a.bound, a.bound2), iter(a.values))),
    "[i:j:k]=": same(lambda v, a: operator.setitem(v, a.slice, a.values)),
    "[::k]= fitting": same(lambda v, a: operator.setitem(v, slice(None, None, a.step), list(v)[:: a.step][::-1])),
    "del": same(lambda v, a: operator.delitem(v, a.index)),
    "del slice": same(lambda v, a: operator.delitem(v, a.slice)),
    "append": same(lambda v, a: v.append(a.value)),
    "extend": same(lambda v, a: v.extend(a.values)),
    "extend iter": same(lambda v, a: v.extend(iter(a.values))),
    "extend vector": same(lambda v, a: v.extend(a.vector)),
    "extend itself": same(lambda v, a: v.extend(v) if len(v) < 2000 else None),
    "+=": same(lambda v, a: operator.iadd(v, a.values) is v),
    "insert": same(lambda v, a: v.insert(a.index, a.value)),
    "pop": same(lambda v, a: v.pop()),
    "pop at": same(lambda v, a: v.pop(a.index)),
    "remove": same(lambda v, a: v.remove(a.value)),
    "clear": same(lambda v, a: v.clear()),
    "reverse": same(lambda v, a: v.reverse()),
    "sort": same(lambda v, a: v.sort(key=a.sort_key, reverse=bool(a.count % 2))),
    "sort by itself": same(lambda v, a: v.sort()),
    "index": same(lambda v, a: v.index(a.value, a.index)),
    "in": same(lambda v, a: (a.value in v, v.count(a.value), len(v))),
    "iter": same(lambda v, a: part_way(v, a.count)),
    "==": same(lambda v, a: (v == 5, v != (1, 2))),
    "repr": same(lambda v, a: repr(v) != ""),
}

TABLES: dict[str, Table] = {"map": MAP, "set": SET, "vector": VECTOR}
EDITS: dict[str, Table] = {"map": MAP_MUTATION, "set": SET_MUTATION, "vector": VECTOR_MUTATION}
