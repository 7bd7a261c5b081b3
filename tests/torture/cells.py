"""Values in shared memory: what comes out is what went in, equal is equal and hashes alike, allocations fail."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import itertools
import pathlib
import random
import struct
import sys
import uuid
from collections.abc import Callable
from typing import Any

from frozen import Blob, NotShareableError, SharedMap, SharedRef, SharedSet, SharedVector, _core, is_shareable
from torture.harness import Case, main


class Colour(enum.Enum):
    RED = 1
    GREEN = "green"
    CRIMSON = 1  # noqa: PIE796  # another name of RED


class Permission(enum.IntFlag):
    READ = 1
    WRITE = 2


def integer(source: random.Random) -> int:
    edges = (
        0,
        1,
        -1,
        1 << 30,
        1 << 60,
        (1 << 60) - 1,
        -(1 << 60),
        1 << 61,
        1 << 63,
        (1 << 63) - 1,
        -(1 << 63),
        1 << 64,
    )
    number = source.choice((*edges, source.getrandbits(source.randrange(1, 300))))
    return (number + source.randrange(-2, 3)) * source.choice((1, 1, -1))


def real(source: random.Random) -> float:
    edges = (0.0, -0.0, 1.0, float("inf"), float("-inf"), float("nan"), 1e308, 5e-324, 2.0**53, 2.0**63, -(2.0**63))
    return source.choice((*edges, source.uniform(-1e6, 1e6), float(source.randrange(-5, 6))))


def odd_nan(source: random.Random) -> float:
    return struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_0000_0000 | source.getrandbits(51)))[0]


def text(source: random.Random) -> str:
    alphabets = ("ab", "a\x00\x7f", "a\xe9\xff", "a\u0100\uffff", "a\U0001f600\udc80")
    return "".join(source.choices(source.choice(alphabets), k=source.choice((0, 1, 5, 6, 7, 8, 9, 40, 300))))


def moment(source: random.Random) -> Any:
    zone = source.choice(
        (None, datetime.UTC, datetime.timezone(datetime.timedelta(seconds=source.randrange(-80000, 80000))))
    )
    day = datetime.datetime(
        source.randrange(1, 10000), 12, 28, 23, 59, source.randrange(60), source.randrange(10**6), zone
    )
    day = day.replace(fold=source.randrange(2))
    return source.choice((day, day.date(), day.timetz(), datetime.timedelta(source.randrange(-9, 9), 1, 1)))


def standard(source: random.Random) -> Any:
    return source.choice(
        (
            decimal.Decimal(
                source.choice(("1", "1.0", "-0", "NaN", "sNaN", "Infinity", "1E+400", str(integer(source))))
            ),
            fractions.Fraction(integer(source), source.randrange(1, 9)),
            uuid.UUID(int=source.getrandbits(128)),
            pathlib.PurePosixPath("/a") / source.choice("bc"),
            source.choice((Colour.RED, Colour.CRIMSON, Colour.GREEN, Permission.READ, Permission(3), Permission(0))),
            range(source.randrange(5), source.randrange(5), source.choice((1, 2, -1))),
        )
    )


LEAVES: tuple[Callable[[random.Random], Any], ...] = (
    integer,
    integer,
    real,
    odd_nan,
    text,
    text,
    moment,
    standard,
    lambda source: source.randbytes(source.choice((0, 1, 7, 8, 9, 300))),
    lambda source: complex(real(source), real(source)),
    lambda source: source.choice((None, True, False, Ellipsis, ())),
)


def value_of(source: random.Random, depth: int) -> Any:
    """Any value that can be shared; of containers those that are shared already."""
    kind = source.random()
    if depth == 0 or kind < 0.4:
        return source.choice(LEAVES)(source)
    parts = [value_of(source, depth - 1) for _ in range(source.choice((0, 1, 2, 3, 12)))]
    if kind < 0.65:
        return tuple(parts)
    if kind < 0.72:
        return frozenset(parts) if all(is_key(part) for part in parts) else tuple(parts)
    if kind < 0.80:
        return SharedVector(parts)
    if kind < 0.88:
        return SharedMap({text(source): part for part in parts})
    if kind < 0.92:
        return SharedSet(part for part in parts if is_key(part))
    if kind < 0.96:
        one = parts[0] if parts else ()
        return (one, one, one)  # one object in several places
    return Blob(source.randbytes(50))


def is_key(value: Any) -> bool:
    try:
        SharedSet([value])
    except (NotShareableError, TypeError, decimal.InvalidOperation):
        return False
    return True


def form(value: Any) -> Any:
    """What two values have in common exactly if they cannot be told apart: types, bits of floats, order."""
    kind = type(value)
    if kind is float:
        return "float", struct.pack("<d", value)
    if kind is complex:
        return "complex", struct.pack("<dd", value.real, value.imag)
    if kind in (tuple, SharedVector):
        return kind, tuple(form(part) for part in value)
    if kind in (frozenset, SharedSet):
        return kind, frozenset(form(part) for part in value)
    if kind is SharedMap:
        return kind, frozenset((form(key), form(part)) for key, part in value.items())
    if kind is decimal.Decimal:
        return kind, value.as_tuple()
    if kind is Blob:
        return kind, bytes(value)
    if isinstance(value, (datetime.datetime, datetime.time)):
        return kind, value.isoformat(), value.fold
    return kind, value


def has_nan(value: Any) -> bool:
    """Whether it has a value that is not equal to itself: Python compares it by identity, shared memory by its bits."""
    if isinstance(value, (tuple, frozenset, SharedVector, SharedSet)):
        return any(map(has_nan, value))
    if isinstance(value, SharedMap):
        return any(has_nan(part) for pair in value.items() for part in pair)
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    return value != value


def related(source: random.Random, value: Any) -> Any:
    """Equal to it, or nearly."""
    if isinstance(value, tuple) and value:
        index = source.randrange(len(value))
        return (*value[:index], related(source, value[index]), *value[index + 1 :])
    if isinstance(value, (int, float, decimal.Decimal, fractions.Fraction)) and not isinstance(value, enum.Enum):
        kinds = (float, int, decimal.Decimal, fractions.Fraction, complex, bool, lambda number: number + 1)
        try:
            return source.choice(kinds)(value)
        except (OverflowError, ValueError, TypeError, decimal.InvalidOperation):
            return value
    if isinstance(value, (SharedVector, SharedSet, SharedMap)):
        return type(value)(value)
    return value


# What is checked


def failing(make: Callable[[], Any]) -> Any:
    """The result, after each allocation of shared memory has failed once, or has been done without."""
    before = _core._live_shared_nodes()
    for allocation in itertools.count():
        _core._fail_shared_allocation(allocation)
        try:
            result = make()
        except MemoryError:
            result = None
        finally:
            left = _core._fail_shared_allocation(-1)
        if left >= 0:
            return result
        del result
        assert _core._live_shared_nodes() == before, f"allocation {allocation} failed and left something behind"
    raise AssertionError


def check_round_trip(value: Any) -> None:
    vector = failing(lambda: SharedVector([value]))
    assert vector is not None
    for back in (vector[0], SharedRef(value).get(), SharedMap(a=value)["a"], SharedVector((vector,))[0][0]):
        assert form(back) == form(value), f"{form(value)} came back as {form(back)}"
    assert is_shareable(value)
    _core._check(vector)


def check_key(value: Any, other: Any) -> None:
    if not is_key(value):
        return
    table = failing(lambda: SharedMap({value: 1, ("another", 1): 2}))
    assert table[value] == 1
    assert value in table
    again = next(key for key in table if key != ("another", 1) or has_nan(key))
    assert form(again) == form(value)
    assert has_nan(value) or table.get(again) == 1
    assert hash(SharedSet([value])) == hash(SharedSet([again]))
    if is_key(other) and not has_nan(value) and not has_nan(other):
        assert (other in table) == (other in {value, ("another", 1)})
        assert len(SharedSet([value, other])) == len({value, other})


def check_equality(value: Any, other: Any) -> None:
    one, two = SharedVector([value, 7]), SharedVector([other, 7])
    same, nan = form(value) == form(other), has_nan(value) or has_nan(other)
    equal = one == two
    assert equal == (two == one), f"{value!r} == {other!r} is {equal}, and the other way round it is not"
    if same:
        assert equal, f"{value!r} is not equal to itself made anew"
    if not nan:
        assert equal == (value == other), f"{value!r} == {other!r} is {equal} of shared ones"
    hashes = [hash_or_none(vector) for vector in (one, two, SharedVector([one[0], 7]))]
    assert hashes[0] == hashes[2]
    assert not equal or hashes[0] == hashes[1], f"{value!r} and {other!r} are equal and hash differently"
    assert (one == two) == equal  # hashing has kept something


def hash_or_none(value: Any) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None


def run_case(case: Case) -> None:
    for step in case.steps:
        source = case.random(step)
        value = value_of(source, source.randrange(4))
        other = related(source, value) if source.random() < 0.6 else value_of(source, source.randrange(3))
        case.note(step, f"{value!r:.300} and {other!r:.300}")
        try:
            hash((value, other))
        except TypeError:  # a signalling NaN; or a Blob, which has no hash
            check_round_trip(value)
            continue
        check_round_trip(value)
        check_key(value, other)
        check_equality(value, other)


if __name__ == "__main__":
    sys.exit(main(run_case, steps=60))
