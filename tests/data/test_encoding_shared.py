"""`encode` of shared containers: what lies in shared memory has the bytes of the objects that are made of it."""

from __future__ import annotations

import enum
import math
import pathlib
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DEBUG_BUILD, assert_no_leak

from frozen import (
    EncodingError,
    Map,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    decode,
    encode,
    freeze,
    register_shareable,
    share,
)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@register_shareable
class Point(NamedTuple):
    x: Any
    y: Any


@register_shareable
@dataclass(frozen=True)
class Limits:
    low: Any
    high: Any


TYPES = {"colour": Colour, "point": Point, "limits": Limits}
TEXT = "a text that needs a box"
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = datetime(2024, 2, 29, 12, 30, 15, 6)

ATOMS: tuple[Any, ...] = (
    *(None, False, True, 0, 23, 24, -1, -25, 255, 256, -257),
    *(
        sign * (1 << bits) + more
        for bits in (31, 32, 60, 61, 63, 64, 65, 200)
        for sign in (1, -1)
        for more in (-1, 0, 1)
    ),
    *(0.0, -0.0, 1.5, 1 / 3, 1e300, 5e-324, 65504.0, math.inf, 1j, complex(-0.0, 1.5)),
    *("", "a", "1234567", "12345678", "x" * 300, "\x7f\x80", "é", "日本", "😀", "a\0b"),
    *(b"", b"12345678", b"x" * 300),
    *(date.min, date.max, NOON, NOON.replace(microsecond=0), NOON.replace(fold=1), datetime.min),
    *(NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=UTC, fold=1), NOON.replace(tzinfo=BERLIN)),
    *(NOON.replace(tzinfo=timezone(timedelta(minutes=minutes))) for minutes in (-1439, -1, 1, 330, 1439)),
    *(NOON.replace(tzinfo=timezone(timedelta(seconds=30))), NOON.replace(tzinfo=timezone(timedelta(hours=1), "X"))),
    *(time.min, time.max, time(1, 2, 3, fold=1), time(1, 2, 3, tzinfo=UTC)),
    *(timedelta(0), timedelta(-1, 5, 6), timedelta.min, timedelta.max),
    *(uuid.UUID(int=5), uuid.UUID(int=(1 << 128) - 1), uuid.UUID(int=7, is_safe=uuid.SafeUUID.safe)),
    *map(Decimal, ("0", "-0", "0.00", "-0.0", "1.50", "-12.5E+30", "1E-9", "1E+999999999", "123456789.123456")),
    *map(Decimal, ("1234567890123456", "-12345678901234567", "9" * 18, "9" * 19, "Infinity", "-Infinity")),
    *(Fraction(1, 3), range(1, 9, 2), ip_address("10.0.0.1"), ip_address("::1")),
    *(pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("c:/a")),
    *(Colour.BLUE, Point(1, "x" * 9), Limits(1, (2, 3))),
)
NO_KEYS = (math.nan, Decimal("NaN"), Decimal("sNaN12"), complex(math.nan, 1))


def is_key(atom: Any) -> bool:
    """Whether shared memory takes it for a key: on 3.12 its hash may be another one in each interpreter."""
    differs = type(atom) is date or (type(atom) is time and atom.tzinfo is not None)
    return not (differs and sys.version_info[:2] == (3, 12))


containers: dict[str, Callable[[Any], Any]] = {
    "value": lambda atom: {"k": atom},
    "element": lambda atom: [atom, atom],
    "in a tuple": lambda atom: [(atom, (atom,))],
    "in a frozenset": lambda atom: [frozenset([atom, (1, atom)])],
    "key": lambda atom: {atom: 1, (atom,): 2, "other": 3},
    "member": lambda atom: {atom, (atom, atom), frozenset([atom])},
}


@pytest.mark.parametrize("where", containers)
def test_each_kind_has_the_bytes_of_its_object(where: str) -> None:
    for atom in filter(is_key, ATOMS) if where in ("key", "member") else ATOMS:
        data = containers[where](atom)
        assert encode(share(data), types=TYPES) == encode(freeze(data), types=TYPES), atom


@pytest.mark.parametrize("where", ["value", "element", "in a tuple"])
def test_what_is_no_key_has_the_bytes_of_its_object(where: str) -> None:
    for atom in NO_KEYS:
        data = containers[where](atom)
        assert encode(share(data)) == encode(freeze(data)), atom


def test_a_decimal_that_was_shared_with_a_small_letter_has_the_same_bytes() -> None:
    with localcontext() as context:
        context.capitals = 0
        shared = share([Decimal("1.5E+30"), Decimal("-2E-9")])
    assert encode(shared) == encode(Vector([Decimal("1.5E+30"), Decimal("-2E-9")]))


def test_ints_of_every_length_are_sorted_as_keys() -> None:
    keys = [sign * (1 << bits) + more for bits in range(64) for sign in (1, -1) for more in (-1, 0, 1)]
    in_words = {key: key for key in keys if -(1 << 60) <= key < 1 << 60}
    fitting = {key: key for key in keys if -(1 << 63) <= key < 1 << 63}
    for data in (in_words, fitting, dict.fromkeys(keys), fitting | {"a": 1}, {(1, 2): 1} | fitting):
        assert encode(SharedMap(data)) == encode(Map(data))
        assert list(decode(encode(SharedMap(data)))) == list(decode(encode(Map(data))))


zones = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(seconds=1)), BERLIN])
hashables = st.one_of(
    st.sampled_from(ATOMS),
    st.integers(),
    st.integers(-(1 << 200), 1 << 200),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=16),
    st.text(),
    st.binary(),
    st.dates(),
    st.timedeltas(),
    st.builds(lambda d, z, f: d.replace(tzinfo=z, fold=f), st.datetimes(), zones, st.integers(0, 1)),
    st.builds(lambda t, z, f: t.replace(tzinfo=z, fold=f), st.times(), st.sampled_from([None, UTC]), st.integers(0, 1)),
    st.decimals(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.uuids(),
)
keys = st.recursive(
    hashables.filter(is_key),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
values = st.recursive(
    hashables | st.sampled_from(NO_KEYS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
        st.builds(Point, inner, inner),
    ),
    max_leaves=12,
)


@given(values)
def test_shared_containers_have_the_bytes_of_local_ones(value: Any) -> None:
    assert encode(share([value]), types=TYPES) == encode(freeze([value]), types=TYPES)


@given(st.dictionaries(keys, keys))
def test_shared_maps_have_the_bytes_of_maps(entries: dict[Any, Any]) -> None:
    assert encode(SharedMap(entries), types=TYPES) == encode(Map(entries), types=TYPES)
    assert encode(SharedSet(entries), types=TYPES) == encode(Set(entries), types=TYPES)


# Errors are those of objects


def reason(value: Any, **limits: int) -> Any:
    """The bytes, or what is wrong and where."""
    try:
        return encode(value, **limits)
    except EncodingError as error:
        return error.reason, error.path


def nested(depth: int, innermost: Any) -> Any:
    for _ in range(depth):
        innermost = (innermost,)
    return innermost


ARRAYS = (timedelta(1), Decimal("1.5"), (), (1,), frozenset([1]), 1j, NOON, NOON.replace(fold=1), Decimal("9" * 20))


@pytest.mark.parametrize("innermost", ARRAYS, ids=repr)
def test_depth_is_bounded_as_that_of_objects(innermost: Any) -> None:
    shared, local = SharedVector([nested(3, innermost)]), Vector([nested(3, innermost)])
    outcomes = [reason(shared, max_depth=depth) for depth in range(7)]
    assert outcomes == [reason(local, max_depth=depth) for depth in range(7)]
    assert type(outcomes[0]) is tuple
    assert type(outcomes[-1]) is bytes


@pytest.mark.parametrize("innermost", ARRAYS, ids=repr)
@pytest.mark.parametrize("build", [(SharedMap.fromkeys, Map.fromkeys), (SharedSet, Set)])
def test_keys_nest_as_deep_as_those_of_objects(build: Any, innermost: Any) -> None:
    of_shared, of_local = build
    outcomes = []
    for depth in (198, 199, 200, 201):
        key = nested(depth, innermost)
        outcomes.append(reason(of_shared([key])))
        assert outcomes[-1] == reason(of_local([key]))
    assert type(outcomes[0]) is bytes
    assert type(outcomes[-1]) is tuple


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"k": "\ud800"}, "['k']"),
        ({"\ud800": 1}, "{'\\ud800'}"),
        ({1: {"k": ("a", "long text \ud800")}}, "[1]['k'][1]"),
        ({1 << 62: [{"a": "\udfff"}]}, "[4611686018427387904][0]['a']"),
        ({"k": {("x" * 9, "\ud800")}}, None),
    ],
)
def test_a_lone_surrogate_is_refused_with_its_path(value: Any, path: str | None) -> None:
    found = reason(share(value))
    assert found == reason(freeze(value))
    assert "lone surrogate" in found[0]
    assert path is None or found[1] == path


def test_two_members_of_one_encoding_are_refused() -> None:
    twice = frozenset([math.nan, float("nan")])
    assert len(twice) == 2
    found = reason(SharedMap(k=(1, twice)))
    assert found == reason(Map(k=(1, twice)))
    assert found[0] == "nan has the encoding of another key or member of the same container"


def test_what_cannot_be_encoded_is_refused_with_its_path() -> None:
    found = reason(SharedMap(k=(1, Colour.RED)))
    assert found == reason(Map(k=(1, Colour.RED)))
    assert found[1] == "['k'][1]"


def test_a_version_is_encoded_although_nothing_else_keeps_it() -> None:
    def encoded_once(build: Any) -> bytes:
        return encode(build({f"key {i}": (i, f"text {i}", (i / 3, b"x" * (i % 20))) for i in range(2000)}))

    assert encoded_once(SharedMap) == encoded_once(Map)


@pytest.mark.skipif(not DEBUG_BUILD, reason="counts references")
def test_nothing_is_left_behind() -> None:
    keyed = {(atom, TEXT): frozenset([atom]) for atom in filter(is_key, ATOMS)}
    shared, bad = share([ATOMS, keyed]), share([{(1, TEXT): (ATOMS, [Colour.RED])}, {"k": (TEXT, "\ud800")}])

    def all_ways() -> None:
        encode(shared, types=TYPES)
        for value in bad:
            with pytest.raises(EncodingError):
                encode(value)

    assert_no_leak(all_ways, calls=1, settle=5, repeats=3)
