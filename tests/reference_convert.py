"""What `freeze`, `thaw` and `share` do, in plain Python and as short as it can be: the engine in C must agree with it.

`convert(rules, obj)` walks with a stack of its own, converts each object once where the conversion remembers, and
raises Cycle, with the path, for an object that is a part of itself. `rules` are those of one conversion: they find the
rule of a type. A rule returns (parts, make): pairs of label and part, and what makes the result of the parts as they
became.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableSequence, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector

Parts = list[tuple[Any, Any]]
Opened = tuple[Parts, Callable[[list[Any]], Any]]
Rule = Callable[[Any], Opened]


class Rules(NamedTuple):
    """One conversion: the rule of a type, None if its objects stay; and whether an object is converted once only."""

    rule: Callable[[type], Rule | None]
    remembers: bool


class Cycle(Exception):
    """An object is a part of itself; `args[0]` are the labels that lead to where it occurs again."""


class Frame(NamedTuple):
    source: Any
    parts: Parts
    make: Callable[[list[Any]], Any]
    done: list[Any]


def convert(rules: Rules, obj: Any) -> Any:
    open_now: list[int] = []
    results: dict[int, tuple[Any, Any]] = {}
    frames = [Frame(None, [(None, obj)], lambda done: done[0], [])]
    while True:
        frame = frames[-1]
        if len(frame.done) == len(frame.parts):
            result = frame.make(frame.done)
            frames.pop()
            if not frames:
                return result
            open_now.pop()
            if rules.remembers:
                results[id(frame.source)] = frame.source, result
            frames[-1].done.append(result)
            continue
        part = frame.parts[len(frame.done)][1]
        rule = rules.rule(type(part))
        if rule is None:
            frame.done.append(part)
        elif id(part) in results:
            frame.done.append(results[id(part)][1])
        elif id(part) in open_now:
            raise Cycle([each.parts[len(each.done)][0] for each in frames[1:]])
        else:
            open_now.append(id(part))
            frames.append(Frame(part, *rule(part), []))


def items(make: Callable[[dict[Any, Any]], Any]) -> Rule:
    """Mappings, of which the keys stay."""

    def rule(source: Any) -> Opened:
        parts = list(source.items())
        return parts, lambda done: make(dict(zip([key for key, _ in parts], done, strict=True)))

    return rule


def keys_and_values(make: Callable[[dict[Any, Any]], Any]) -> Rule:
    """Mappings, of which the keys are converted, too."""

    def rule(source: Any) -> Opened:
        parts = [part for key, value in source.items() for part in (("key", key), (key, value))]
        return parts, lambda done: make(dict(zip(done[::2], done[1::2], strict=True)))

    return rule


def elements(make: Callable[[list[Any]], Any]) -> Rule:
    return lambda source: (list(enumerate(source)), make)


def kept(rule: Rule) -> Rule:
    """By that rule where a part becomes another one; else the object stays."""

    def keeping(source: Any) -> Opened:
        parts, make = rule(source)

        def finish(done: list[Any]) -> Any:
            same = all(old is new for (_, old), new in zip(parts, done, strict=True))
            return source if same else make(done)

        return parts, finish

    return keeping


def whole(make: Callable[[Any], Any]) -> Rule:
    return lambda source: ([], lambda done: make(source))


def named(source: Any) -> Opened:
    """Tuples of any class."""
    return list(enumerate(source)), getattr(source, "_make", tuple)


def by_base(*rules: tuple[Any, Rule | None]) -> Callable[[type], Rule | None]:
    def find(cls: type) -> Rule | None:
        return next((rule for base, rule in rules if issubclass(cls, base)), None)

    return find


TEXTS = (str, bytes, range, memoryview)
FREEZE = Rules(
    by_base(
        (Map, kept(items(Map))),
        (Vector, kept(elements(Vector))),
        (tuple, kept(named)),
        ((SharedMap, SharedSet, SharedVector, Set, frozenset, *TEXTS), None),
        (Mapping, items(Map)),
        (bytearray, whole(bytes)),
        ((MutableSequence, ValuesView), elements(Vector)),
        (AbstractSet, whole(Set)),
    ),
    remembers=True,
)
THAW = Rules(
    by_base(
        (Mapping, items(dict)),
        ((list, Vector, SharedVector), elements(list)),
        (tuple, kept(named)),
        ((set, Set, SharedSet), whole(set)),
    ),
    remembers=False,
)
SHARE = Rules(
    by_base(
        ((SharedMap, SharedSet, SharedVector, *TEXTS), None),
        (tuple, kept(elements(tuple))),
        (Mapping, keys_and_values(SharedMap)),
        (frozenset, kept(elements(frozenset))),
        ((Sequence, ValuesView), elements(SharedVector)),
        (AbstractSet, elements(SharedSet)),
    ),
    remembers=True,
)


def same(a: Any, b: Any) -> bool:
    """Whether two results are equal, all types included."""
    todo: list[tuple[Any, Any]] = [(a, b)]
    while todo:
        a, b = todo.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, (dict, Map, SharedMap)):
            if a.keys() != b.keys():
                return False
            todo += [(sorted(map(_key, a)), sorted(map(_key, b)))]
            todo += [(value, b[key]) for key, value in a.items()]
        elif isinstance(a, (list, tuple, Vector, SharedVector)):
            if len(a) != len(b):
                return False
            todo += zip(a, b, strict=True)
        elif a != b:
            return False
    return True


def _key(key: Any) -> str:
    return f"{type(key).__name__} {key!r}"
