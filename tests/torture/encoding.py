"""Encodings of random values, truncated, with flipped bits, spliced; and CBOR made at random of the format's own parts.

Decoding gives a value whose encoding is what was read, or EncodingError with an offset inside of the data: no crash, no
other exception, no memory out of all proportion.
"""

from __future__ import annotations

import enum
import functools
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple
from uuid import UUID

from frozen import EncodingError, Map, Set, SharedMap, SharedSet, SharedVector, Vector, decode, encode
from torture import harness
from torture.pickles import damage


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Box:
    content: Any


TYPES = {"c": Colour, "r": Rights, "p": Point, "b": Box}

ATOMS: tuple[Any, ...] = (
    *[None, True, False, 0, 1, -1, 23, 24, 255, 256, 1 << 32, 1 << 60, (1 << 61) - 1, 1 << 64, -(1 << 64), 1 << 600],
    *[
        0.0,
        -0.0,
        0.5,
        0.1,
        1e300,
        float("inf"),
        5e-324,
        1j,
        "",
        "a",
        "key",
        "\u00fc\u20ac",
        "x" * 300,
        b"",
        b"ab",
        bytearray(b"b"),
    ],
    *[
        datetime(2024, 1, 2, 3, 4, 5, 6),
        datetime(2024, 1, 2, tzinfo=UTC),
        datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1)), fold=1),
    ],
    *[time(1, 2), timedelta(5, 6, 7), Decimal("1.50"), Decimal("NaN"), Fraction(1, 3), UUID(int=7), range(1, 5, 2)],
    *[
        ip_address("::1%a"),
        ip_network("10.0.0.0/8"),
        ip_interface("10.1.1.1/8"),
        PurePosixPath("a/b"),
        PureWindowsPath("c:/"),
    ],
    *[Colour.RED, Rights.READ | Rights.WRITE, Point(1, 2), Box("x")],
)
TAGS = (0, 1, 2, 3, 4, 27, 30, 37, 52, 54, 258, 1004, 43000, 55799, *range(39199, 39214))


def value_of(source: random.Random, depth: int = 0) -> Any:
    if depth > 4 or source.randrange(3) == 0:
        return source.choice(ATOMS)
    count = source.choice((0, 1, 2, 3, 5, 40))
    inner = functools.partial(value_of, source, depth + 1 + (count > 10) * 3)
    match source.randrange(12):
        case 0:
            return [inner() for _ in range(count)]
        case 1:
            return tuple(inner() for _ in range(count))
        case 2:
            return Vector(inner() for _ in range(count))
        case 3:
            return {key_of(source): inner() for _ in range(count)}
        case 4 | 5:
            return Map((key_of(source), inner()) for _ in range(count))
        case 6:
            return source.choice((set, frozenset, Set))(key_of(source) for _ in range(count))
        case 7:
            return SharedMap({source.choice(("k", 5, (1,))): SharedVector(range(count))})
        case 8:
            return SharedSet(range(count))
        case 9:
            return Point(inner(), inner())
        case 10:
            return Box(inner())
        case _:
            return source.choice(ATOMS)


def key_of(source: random.Random) -> Any:
    while True:
        atom = source.choice(ATOMS) if source.randrange(3) else source.randrange(1000)
        key = source.choice((atom, atom, (atom,), Vector([atom]), f"key {atom!r}"[:40]))
        if not isinstance(atom, bytearray) and key == key:
            return key


def made_up(source: random.Random, depth: int = 0) -> bytes:
    """CBOR that is well-formed more often than not."""
    major, count = source.choice((0, 1, 2, 3, 4, 5, 6, 6, 7)), source.choice((0, 1, 2, 3))
    if depth > 5:
        major = source.choice((0, 1, 3, 7))
    inner = functools.partial(made_up, source, depth + 1)
    match major:
        case 2 | 3:
            return head(major, count) + source.choice((b"abc", b"\xff\xfe\xfd", b"2024"))[:count]
        case 4:
            return head(4, count) + b"".join(inner() for _ in range(count))
        case 5:
            return head(5, count) + b"".join(inner() for _ in range(2 * count))
        case 6:
            return head(6, source.choice(TAGS)) + inner()
        case 7:
            return source.choice(
                (b"\xf4", b"\xf5", b"\xf6", b"\xf9\x3c\x00", b"\xf9\x7e\x00", b"\xfb" + source.randbytes(8))
            )
        case _:
            return head(major, source.getrandbits(source.choice((3, 8, 16, 33, 64))))


def head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    size = next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
    return bytes([major << 5 | 23 + size.bit_length()]) + argument.to_bytes(size, "big")


def read(data: bytes) -> None:
    """What is read is what encode writes, and what is refused is refused somewhere in the data."""
    refused = None
    try:
        value = decode(data, types=TYPES, max_depth=50)
    except EncodingError as error:
        refused = error
    if refused is None:
        assert encode(value, types=TYPES) == data
    else:
        assert refused.offset in range(len(data) + 1)


def take_step(source: random.Random, note: Callable[[str], None]) -> None:
    if source.randrange(4) == 0:
        data = made_up(source)
    else:
        try:
            data = encode(value_of(source), types=TYPES)
        except EncodingError:  # keys of one encoding: 1 and a shared container's twin, for instance
            return
        read(data)
        for _ in range(source.randrange(4)):
            data = damage(data, source)
    note(f"decode({data[:300]!r}{'...' if len(data) > 300 else ''})")
    read(data)


def run_case(case: harness.Case) -> None:
    for step in case.steps:
        take_step(case.random(step), functools.partial(case.note, step))


if __name__ == "__main__":
    sys.exit(harness.main(run_case, memory=2 << 30))
