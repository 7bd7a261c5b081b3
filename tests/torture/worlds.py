"""What operations work on: a pool of containers with their models, and arguments drawn at random."""

from __future__ import annotations

import datetime
import decimal
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keys import HashKey

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector, _core

PRIME = 2**61 - 1
"""Integers that differ by this have one hash."""

LOCAL = {"map": Map, "set": Set, "vector": Vector}
SHARED = {"map": SharedMap, "set": SharedSet, "vector": SharedVector}
CONTAINERS = (*LOCAL.values(), *SHARED.values())
KINDS = {cls: kind for family in (LOCAL, SHARED) for kind, cls in family.items()}
EMPTY: dict[str, Any] = {"map": dict, "set": set, "vector": list}


class Unequal:
    """What a NaN is, not equal to itself; but there is one only, also after pickling."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 7

    def __reduce__(self) -> str:
        return "UNEQUAL"


UNEQUAL = Unequal()

SIZES = (*range(9), *range(9), 31, 32, 33, 34, 64, 65, 100, 200, 1055, 1056, 1057)
HASHES = (0, 1, -2, 31, 32, 33, 1 << 62, -(1 << 63), (1 << 63) - 1, 5, 5 | 1 << 32, 5 | 1 << 60)


def draw_key(source: random.Random, shared: bool) -> Any:
    """Small numbers so that keys meet again, and many that collide."""
    number = source.randrange(-3, 40)
    match source.randrange(12):
        case 0 | 1:
            return number
        case 2:
            return number % 6 + PRIME * source.randrange(1, 9)
        case 3:
            return source.choice([True, False, None, ..., -1, -2, 0, 2**64, -(2**80), "", b"", ()])
        case 4:
            return float(number)
        case 5:
            return (number % 4, f"k{number % 3}")
        case 6:
            return frozenset({number, "x"})
        case 7:
            return source.choice([decimal.Decimal(number), datetime.timedelta(number), range(number)])
        case 8 | 9 if not shared:
            return HashKey(source.choice(HASHES), number % 5)
        case _:
            return f"k{number}"


def draw_value(source: random.Random, shared: bool) -> Any:
    match source.randrange(8):
        case 0:
            return 0.5 if shared else UNEQUAL
        case 1 if not shared:
            return [source.randrange(3)] if source.randrange(9) == 0 else object
        case 2:
            return "a text that needs a box"
        case _:
            return draw_key(source, shared)


@dataclass
class Entry:
    """A container, or a mutation of one, and its model."""

    kind: str
    value: Any
    model: Any
    sealed: Any = None
    """Of a mutation: what finish() returned."""


def same(real: Any, model: Any) -> bool:
    """Equal and of one type; containers are compared with models."""
    if real is model:
        return True
    if type(real) in KINDS:
        kind = KINDS[type(real)]
        if isinstance(model, EMPTY[kind]):
            return matches(kind, real, model)
    if isinstance(real, tuple | list) and type(real) is type(model):
        return len(real) == len(model) and all(map(same, real, model))
    if isinstance(real, dict) and isinstance(model, dict):
        return matches("map", real, model)
    return (type(real) is type(model) or isinstance(model, set)) and real == model


def matches(kind: str, real: Any, model: Any) -> bool:
    if len(real) != len(model):
        return False
    if kind == "vector":
        return all(map(same, real, model))
    if kind == "set":
        return all(member in model for member in real)
    types = {key: type(key) for key in model}
    return all(type(key) is types[key] and same(value, model[key]) for key, value in real.items())


def verify(entry: Entry) -> None:
    """The container is what its model says, whichever way it is read, and its tree is in order."""
    real, model = entry.value, entry.model
    if entry.sealed is not None:
        real = entry.sealed
    _core._check(real)
    assert matches(entry.kind, real, model), f"{real!r} is not {model!r}"
    if entry.kind == "vector":
        assert all(map(same, reversed(real), reversed(model)))
        assert all(map(same, real.tolist(), model))
    elif entry.kind == "map":
        assert list(real.keys()) == list(real) == [key for key, _ in real.items()]
        assert list(reversed(real)) == list(real)[::-1]
        assert all(map(same, real.values(), (model[key] for key in real)))
    assert all(key in real for key in model) if entry.kind != "vector" else True


class Side:
    """The arguments of one operation as one of its halves sees them."""

    def __init__(self, arguments: Arguments, half: int) -> None:
        self.__dict__.update(arguments=arguments, half=half)

    def __getattr__(self, name: str) -> Any:
        return self.arguments.draw(name)[self.half]


class Arguments:
    """What operations ask for, drawn when it is asked for: each as a pair, for the container and for the model."""

    def __init__(self, world: World, subject: Entry, source: random.Random) -> None:
        self.world = world
        self.subject = subject
        self.source = source
        self.drawn: dict[str, tuple[Any, Any]] = {}
        self.real, self.model = Side(self, 0), Side(self, 1)

    def draw(self, name: str) -> tuple[Any, Any]:
        found = self.drawn.get(name)
        if found is None:
            found = getattr(self, f"draw_{name}")()
            found = self.drawn[name] = found if isinstance(found, Pair) else (found, found)
        return found

    def key(self) -> Any:
        return self.world.key(self.source)

    def value(self) -> Any:
        return self.world.value(self.source)

    draw_key = key
    draw_value = value

    def draw_there(self) -> Any:
        present = list(self.subject.model)
        return self.source.choice(present) if present else self.key()

    def some(self) -> range:
        return range(self.source.choice((0, 1, 2, 3, 4, 5, 9, 40)))

    def draw_dict(self) -> Any:
        return {self.key(): self.value() for _ in self.some()}

    def draw_pairs(self) -> Any:
        return [(self.key(), self.value()) for _ in self.some()]

    def draw_keys(self) -> Any:
        return [self.key() for _ in self.some()]

    def draw_values(self) -> Any:
        values = [self.value() for _ in self.some()]
        match self.source.randrange(4):
            case 0:
                return tuple(values)
            case 1:
                return Pair((self.world.family["vector"](values), values))
            case _:
                return values

    def other(self, kind: str) -> Pair:
        entry = self.world.pick(self.source, kind)
        return Pair((entry.value, entry.model))

    def draw_map(self) -> Any:
        return self.other("map")

    def draw_set(self) -> Any:
        return self.other("set")

    def draw_vector(self) -> Any:
        return self.other("vector")

    def draw_index(self) -> Any:
        length = len(self.subject.model)
        return self.source.choice((0, -1, length - 1, length, self.source.randint(-length - 2, length + 2)))

    draw_index2 = draw_index

    def draw_bound(self) -> Any:
        return self.source.choice((None, self.draw_index(), self.draw_index(), self.draw_index()))

    draw_bound2 = draw_bound

    def draw_step(self) -> Any:
        return self.source.choice((1, 2, 3, 7, -1, -2, -5))

    def draw_slice(self) -> Any:
        return slice(self.draw_bound(), self.draw_bound(), self.source.choice((None, None, self.draw_step())))

    def draw_count(self) -> Any:
        return self.source.randrange(70)

    def draw_fn(self) -> Any:
        return self.source.choice((newer, older, both))

    def draw_sort_key(self) -> Any:
        return type_name


class Pair(tuple[Any, Any]):
    """One argument as the container gets it and as the model gets it."""


def newer(old: Any, new: Any) -> Any:
    return new


def older(old: Any, new: Any) -> Any:
    return old


def both(old: Any, new: Any) -> Any:
    return (1, "both") if isinstance(old, tuple) else (old, new)


def type_name(value: Any) -> str:
    return type(value).__name__


class World:
    """A pool of containers of one family."""

    most = 24

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        self.family = SHARED if shared else LOCAL
        self.pool: list[Entry] = []
        self.mutations: list[Entry] = []

    def key(self, source: random.Random) -> Any:
        return draw_key(source, self.shared)

    def value(self, source: random.Random) -> Any:
        small = [entry for entry in self.pool if len(entry.model) < 8 and flat(entry.model)]
        if small and source.randrange(10) == 0:
            return source.choice(small).value
        return draw_value(source, self.shared)

    def fill(self, source: random.Random, kind: str) -> Entry:
        """A new container of a size at which something happens."""
        size = source.choice(SIZES)
        spread = [self.key(source) for _ in range(min(size, 60))] + list(range(100, 100 + size - 60))
        if kind == "map":
            model: Any = {key: self.value(source) for key in spread}
        else:
            model = set(spread) if kind == "set" else spread
        return self.add(Entry(kind, self.family[kind](model), model), source)

    def add(self, entry: Entry, source: random.Random) -> Entry:
        """Into the pool, in place of another one if it is full."""
        if len(self.pool) < self.most:
            self.pool.append(entry)
        else:
            self.pool[source.randrange(self.most)] = entry
        return entry

    def pick(self, source: random.Random, kind: str) -> Entry:
        fitting = [entry for entry in self.pool if entry.kind == kind]
        return source.choice(fitting) if fitting else self.fill(source, kind)


def flat(model: Iterable[Any]) -> bool:
    """Whether no container is inside: what may be put into others without growing for ever."""
    return not any(isinstance(part, CONTAINERS) for part in (model.values() if isinstance(model, dict) else model))
