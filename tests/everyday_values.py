"""Classes of everyday values, in a module that every interpreter can import."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import random
import uuid
from fractions import Fraction
from typing import Any, NamedTuple

from frozen import SharedMap, register_shareable


class Grade(enum.Enum):
    A = "a"
    B = "b"
    FIRST = "a"  # noqa: PIE796 - another name of A


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@register_shareable
class Point(NamedTuple):
    x: Any
    y: Any


@register_shareable
class Empty(NamedTuple):
    pass


@register_shareable
@dataclasses.dataclass(frozen=True)
class Limits:
    low: Any
    high: Any = None
    width: Any = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        raise AssertionError("reading computes nothing again")

    @classmethod
    def of(cls, low: Any, high: Any) -> Limits:
        made = object.__new__(cls)
        object.__setattr__(made, "low", low)
        object.__setattr__(made, "high", high)
        object.__setattr__(made, "width", 5)
        return made


class Stamp(datetime.datetime):
    """Registered below."""


def _stamp(moment: datetime.datetime) -> Stamp:
    return Stamp.combine(moment.date(), moment.timetz()).replace(fold=moment.fold)


register_shareable(Stamp, lambda stamp: datetime.datetime.combine(stamp.date(), stamp.timetz()), _stamp)


class Unregistered(datetime.datetime):
    pass


class Sundial(datetime.tzinfo):
    """A zone of one's own: fold changes its offset at every hour."""

    def utcoffset(self, moment: datetime.datetime | None) -> datetime.timedelta | None:
        return None if moment is None else datetime.timedelta(hours=1 - moment.fold)

    def dst(self, moment: datetime.datetime | None) -> datetime.timedelta | None:
        return None

    def tzname(self, moment: datetime.datetime | None) -> str:
        return "sundial"

    def __eq__(self, other: object) -> bool:
        return type(other) is Sundial

    def __hash__(self) -> int:
        return 7


register_shareable(Sundial, lambda zone: (), lambda _: Sundial())


def read_and_check(rng: random.Random, rounds: int) -> None:
    """Maps come and go, with boxes at the addresses of earlier ones: each read gives the value that is held."""
    alive: list[tuple[dict[int, Any], SharedMap[int, Any]]] = []
    for n in range(rounds):
        content: dict[int, Any] = {
            key: rng.choice([datetime.timedelta(seconds=n), uuid.UUID(int=n), Fraction(n, 7), (n, key), Point(n, key)])
            for key in range(rng.randrange(1, 30))
        }
        alive.append((content, SharedMap(content)))
        if len(alive) > 5:
            del alive[rng.randrange(len(alive))]
        for _ in range(3):
            expected, shared = rng.choice(alive)
            for key, value in expected.items():
                assert shared[key] == value
