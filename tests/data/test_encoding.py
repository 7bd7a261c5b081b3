"""`encode`, `decode`: values come back as they were, each has one encoding, bad bytes are refused where they are bad.

The bytes are checked against RFC 8949's own examples, against golden bytes, and by cbor2 as an independent reader.
"""

from __future__ import annotations

import enum
import hashlib
import ipaddress
import math
import mmap
import pathlib
import pickle
import random
import struct
import sys
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DEBUG_BUILD, assert_no_leak, needs_subinterpreters, run_in_subinterpreter, run_python

from frozen import (
    AtomicMap,
    AtomicRef,
    Blob,
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
    share,
)


class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796  an alias
    BLUE = 2


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Server:
    host: str
    ports: tuple[int, ...] = ()
    twice: int = field(init=False, default=2)

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("a server has a host")


TYPES = {"colour": Colour, "rights": Rights, "point": Point, "server": Server}

GOLDEN: list[tuple[Any, str]] = [
    # RFC 8949, appendix A
    (0, "00"),
    (10, "0a"),
    (23, "17"),
    (24, "1818"),
    (100, "1864"),
    (1000, "1903e8"),
    (1000000, "1a000f4240"),
    (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"),
    (18446744073709551616, "c249010000000000000000"),
    (-18446744073709551616, "3bffffffffffffffff"),
    (-18446744073709551617, "c349010000000000000000"),
    (-1, "20"),
    (-10, "29"),
    (-100, "3863"),
    (-1000, "3903e7"),
    (0.0, "f90000"),
    (-0.0, "f98000"),
    (1.0, "f93c00"),
    (1.1, "fb3ff199999999999a"),
    (1.5, "f93e00"),
    (65504.0, "f97bff"),
    (100000.0, "fa47c35000"),
    (3.4028234663852886e38, "fa7f7fffff"),
    (1.0e300, "fb7e37e43c8800759c"),
    (5.960464477539063e-8, "f90001"),
    (0.00006103515625, "f90400"),
    (-4.0, "f9c400"),
    (-4.1, "fbc010666666666666"),
    (math.inf, "f97c00"),
    (-math.inf, "f9fc00"),
    (False, "f4"),
    (True, "f5"),
    (None, "f6"),
    (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"),
    ("", "60"),
    ("a", "6161"),
    ("IETF", "6449455446"),
    ('"\\', "62225c"),
    ("\u00fc", "62c3bc"),
    ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    (Vector(), "80"),
    (Vector([1, 2, 3]), "83010203"),
    (Vector([1, Vector([2, 3]), Vector([4, 5])]), "8301820203820405"),
    (Vector(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    (Map(), "a0"),
    (Map({1: 2, 3: 4}), "a201020304"),
    (Map(a=1, b=Vector([2, 3])), "a26161016162820203"),
    (Vector(["a", Map(b="c")]), "826161a161626163"),
    (Map(a="A", b="B", c="C", d="D", e="E"), "a56161614161626142616361436164614461656145"),
    (datetime(2013, 3, 21, 20, 4, tzinfo=UTC), "c074323031332d30332d32315432303a30343a30305a"),
    # this format's own
    (Map({100: 0, -1: 1, "z": 2, "aa": 3, (): 4, False: 5}), "a61864002001617a0262616103d999208004f405"),
    (Set([3, 1, -1]), "d9010283010320"),
    ((1, ()), "d999208201d9992080"),
    ([1, [2]], "d999218201d999218102"),
    ({"b": 1, "a": 2}, "d99922a2616102616201"),
    ({1, "a", None}, "d9992383016161f6"),
    (frozenset([2, 1]), "d99924820102"),
    (bytearray(b"ab"), "d99925426162"),
    (1 + 2j, "d9a7f882f93c00f94000"),
    (date(2024, 2, 29), "d903ec6a323032342d30322d3239"),
    (datetime(2024, 1, 2, 3, 4, 5, 6), "d99926781a323032342d30312d30325430333a30343a30352e303030303036"),
    (datetime(2024, 1, 2, fold=1), "d999268373323032342d30312d30325430303a30303a303001f6"),
    (time(1, 2, 3), "d999276830313a30323a3033"),
    (timedelta(-1, 5), "d9992883200500"),
    (Decimal("1.10"), "c48221186e"),
    (Decimal("-0"), "d99929622d30"),
    (Fraction(-1, 3), "d81e822003"),
    (uuid.UUID(int=1), "d8255000000000000000000000000000000001"),
    (range(1, 9, 3), "d9992a83010903"),
    (ipaddress.ip_address("192.0.2.1"), "d83444c0000201"),
    (ipaddress.ip_network("192.0.2.0/24"), "d83482181843c00002"),
    (ipaddress.ip_interface("192.0.2.1/24"), "d8348244c00002011818"),
    (ipaddress.ip_address("fe80::1%e"), "d8368350fe800000000000000000000000000001f66165"),
    (pathlib.PurePosixPath("/a"), "d9992b622f61"),
    (pathlib.PureWindowsPath("C:/a"), "d9992c64433a5c61"),
    (Colour.RED, "d81b8266636f6c6f757263524544"),
    (Rights.READ | Rights.WRITE, "d81b826672696768747303"),
    (Point(1, 2), "d81b8365706f696e740102"),
    (Server("a", (80,)), "d81b8266736572766572a264686f7374616165706f727473d99920811850"),
]


def same(a: Any, b: Any) -> bool:
    """Equal and of one type, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, (dict, Map)):
        return len(a) == len(b) and all(any(same(k, j) and same(v, w) for j, w in b.items()) for k, v in a.items())
    if isinstance(a, (set, frozenset, Set)):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    if isinstance(a, (tuple, list, Vector)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (datetime, time)):
        return a.replace(tzinfo=None) == b.replace(tzinfo=None) and a.fold == b.fold and zone(a) == zone(b)
    if isinstance(a, Decimal):
        return str(a) == str(b)
    return bool(a == b)


def zone(moment: Any) -> tuple[Any, ...]:
    return type(moment.tzinfo), str(moment.tzinfo), repr(moment.tzinfo)


# Values come back


@pytest.mark.parametrize(("value", "expected"), GOLDEN, ids=[repr(value)[:40] for value, _ in GOLDEN])
def test_golden_bytes(value: Any, expected: str) -> None:
    data = encode(value, types=TYPES)
    assert data.hex() == expected
    assert same(decode(data, types=TYPES), value)


def test_golden_bytes_of_everything_at_once() -> None:
    """One number that says whether anything has changed, in any version of Python."""
    everything = encode([value for value, _ in GOLDEN], types=TYPES)
    assert hashlib.sha256(everything).hexdigest() == EVERYTHING


EVERYTHING = "d688bb1c0324cf2d6515651e78c15978030f7e11e74e1087b4f7433bf3ce298d"

zones = st.sampled_from(
    [
        *[None, UTC, timezone(timedelta(hours=-3, minutes=-30)), timezone(timedelta(seconds=1))],
        *[timezone(timedelta(0), "X"), ZoneInfo("UTC"), ZoneInfo("Europe/Vienna")],
    ]
)
folds = st.integers(0, 1)
moments = st.one_of(
    st.dates(),
    st.timedeltas(),
    st.builds(lambda d, z, f: d.replace(tzinfo=z, fold=f), st.datetimes(), zones, folds),
    st.builds(lambda t, z, f: t.replace(tzinfo=z, fold=f), st.times(), zones, folds),
)
hashables = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(1 << 200), 1 << 200),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=16),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    moments,
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.ip_addresses(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9)),
    st.sampled_from([*Colour, Rights.READ, Rights(0), Point(1, 2), Server("a")]),
)
atoms = hashables | st.just(math.nan) | st.binary().map(bytearray) | st.just(Decimal("sNaN12"))
keys = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(Vector)
        | st.frozensets(inner, max_size=3)
    ),
    max_leaves=4,
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(Vector),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(Map),
        st.sets(keys, max_size=4),
        st.frozensets(keys, max_size=4),
        st.sets(keys, max_size=4).map(Set),
    ),
    max_leaves=12,
)


@given(values)
def test_what_is_decoded_is_what_was_encoded(value: Any) -> None:
    data = encode(value, types=TYPES)
    decoded = decode(data, types=TYPES)
    assert same(decoded, value)
    assert encode(decoded, types=TYPES) == data


@given(st.floats())
def test_a_float_has_the_shortest_of_three_lengths(number: float) -> None:
    def fits(kind: str) -> bool:
        try:
            return struct.pack(">d", struct.unpack(kind, struct.pack(kind, number))[0]) == struct.pack(">d", number)
        except OverflowError:
            return False

    data = encode(number)
    if math.isnan(number):
        assert data.hex() == "f97e00"
    else:
        kind = next(kind for kind in (">e", ">f", ">d") if fits(kind))
        assert data[1:] == struct.pack(kind, number)


@pytest.mark.parametrize("size", [0, 1, 16, 17, 32, 33, 100, 1000, 5000])
def test_keys_and_members_stand_in_the_order_of_their_encodings(size: int) -> None:
    source = random.Random(size)
    wide = [
        source.choice([source.randbytes(source.randrange(20)), source.getrandbits(source.randrange(1, 90))])
        for _ in range(size)
    ]
    alike = [f"the same beginning, {source.randrange(10 * size)}" for _ in range(size)]
    for members in ({*wide}, {*alike}, {*wide, *alike}):
        body = b"".join(sorted(map(encode, members)))
        assert encode(Set(members)).endswith(body)
        assert encode(Set(members))[3 : -len(body) or None].hex() == encode(Vector(members))[: -len(body) or None].hex()
        expected = b"".join(key + b"\xf6" for key in sorted(map(encode, members)))
        assert encode(Map.fromkeys(members)).endswith(expected)


@pytest.mark.parametrize("build", [Map, SharedMap, dict])
@pytest.mark.parametrize("size", [1, 2, 3, 511, 512, 20_000])
@pytest.mark.parametrize("bits", [6, 20, 63])
def test_int_keys_stand_in_the_order_of_their_encodings(build: Any, size: int, bits: int) -> None:
    chance = random.Random(size + bits)
    keys = {chance.randrange(-(1 << bits), 1 << bits) for _ in range(size)} | {-(1 << bits), (1 << bits) - 1}
    for more in ({}, {"last": 0}, {1 << 64: 0, -(1 << 64): 1, (1 << 63): 2}):
        expected = sorted(
            (encode(key), encode(value)) for key, value in [*more.items(), *((key, -key) for key in keys)]
        )
        data = encode(build(more | {key: -key for key in keys}))
        assert data.endswith(b"".join(key + value for key, value in expected))
        assert decode(data) == build(more | {key: -key for key in keys})


def test_the_path_of_an_error_names_an_int_key() -> None:
    with pytest.raises(EncodingError, match=r"^\[-7\]\['a'\]: "):
        encode({1: 2, -7: {"a": object()}, 5: "x"})


def test_equal_values_have_equal_bytes() -> None:
    rows = [(f"key {i}", (i, str(i))) for i in range(500)]
    edited = Map(rows[:250]).update(rows[100:]).set("more", 1).delete("more")
    assert encode(edited) == encode(Map(reversed(rows)))
    assert encode(dict(rows)) == encode(dict(reversed(rows)))
    with localcontext(capitals=0):
        small = encode(Decimal("1E+100000"))
    assert small == encode(Decimal("1E+100000"))


SAMPLE = """
import enum
from frozen import Map, Set, encode
class Colour(enum.Enum):
    RED = 1
value = Map({f"key {i}": frozenset({i, str(i), (i, Colour.RED), 1.5 * i}) for i in range(300)})
value = value.set("d", {b: {b} for b in "xyz"})
print(encode((value, Set(value)), types={"c": Colour}).hex())
"""


def test_the_hash_seed_does_not_matter() -> None:
    first, second = (run_python("-c", SAMPLE, env={"PYTHONHASHSEED": seed}).stdout for seed in ("1", "2"))
    assert first == second
    assert len(decode(bytes.fromhex(first), types={"c": Colour})[0]) == 301


@pytest.mark.parametrize(
    ("shared", "local"),
    [
        (SharedMap({"a": (1, 2), 3: SharedMap()}), Map({"a": (1, 2), 3: Map()})),
        (SharedSet([1, "b", (2,)]), Set([1, "b", (2,)])),
        (SharedVector(range(3000)), Vector(range(3000))),
        (Blob(b"data"), b"data"),
        (share({"a": [1, {"b": {2}}]}), freeze({"a": [1, {"b": {2}}]})),
    ],
)
def test_shared_containers_have_the_bytes_of_local_ones(shared: Any, local: Any) -> None:
    assert encode(shared) == encode(local)
    assert same(decode(encode(shared)), local)


def test_a_version_is_encoded_as_it_is_although_a_newer_one_shares_its_tail() -> None:
    old = Vector(range(40))
    new = old.append(40)
    assert decode(encode(old)) == old
    assert decode(encode(new)) == new


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, Blob, lambda data: memoryview(data)[::-1][::-1]])
def test_any_buffer_is_read(kind: Callable[[bytes], Any]) -> None:
    assert decode(kind(encode(Vector("abc")))) == Vector("abc")


def test_a_mapped_file_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(encode(Map(a=1 << 100)))
    with open(tmp_path / "file", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert decode(mapped) == Map(a=1 << 100)


def test_a_buffer_that_is_not_contiguous_is_refused() -> None:
    with pytest.raises(BufferError):
        decode(memoryview(b"\x00\x00\x00\x00")[::2])
    with pytest.raises(TypeError):
        decode("text")  # type: ignore[arg-type]


def test_cbor2_reads_what_both_know() -> None:
    cbor2 = pytest.importorskip("cbor2")
    known = [
        *[1, -1, 1 << 70, -(1 << 70), 1.5, 0.1, math.inf, "text \u00fc", b"bytes", None, True],
        *[Decimal("1.10"), Fraction(1, 3), uuid.UUID(int=5), ipaddress.ip_address("192.0.2.1")],
        *[datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1)))],
        date(2024, 1, 2),
    ]
    for value in known:
        read = cbor2.loads(encode(value))
        assert read == value
        assert type(read) is type(value)
    assert list(cbor2.loads(encode(Vector(known)))) == known
    assert dict(cbor2.loads(encode(Map.fromkeys(known[:10], "x")))) == dict.fromkeys(known[:10], "x")
    assert set(cbor2.loads(encode(Set([1, 2, "c"])))) == {1, 2, "c"}
    tagged = cbor2.loads(encode((1, 2)))
    assert (tagged.tag, list(tagged.value)) == (39200, [1, 2])


# What encode refuses


class Sub(Map):  # type: ignore[type-arg]
    pass


class Letters(str): ...


class Nowhere(tzinfo):
    def utcoffset(self, moment: Any) -> timedelta:
        return timedelta(0)


@dataclass
class Mutable:
    x: int


cycle: list[Any] = [1]
cycle.append(Map(inner=(cycle,)))


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (object(), "", "object"),
        ({"a": [1, print]}, "['a'][1]", "print"),
        (Map({(1, print): 2}), "{(1, <built-in function print>)}[1]", "print"),
        (Set([object]), "{<class 'object'>}", "class"),
        (Vector(["\ud800"]), "[0]", "surrogate"),
        (cycle, "[1]", "contains itself"),
        (Sub(a=1), "", "no subclasses; make it a plain Map"),  # freeze would return it as it is
        (Letters("x"), "", "no subclasses; make it a plain str"),
        (OrderedDict(), "", "no subclasses; freeze it"),
        (Vector([AtomicRef(1)]), "[0]", r"encode what its get\(\) returns"),
        (AtomicMap(), "", r"encode what its snapshot\(\) returns"),
        (Colour.RED, "", "types="),
        (Mutable(1), "", "types="),
        (pathlib.Path("/"), "", "PurePath"),
        (memoryview(b"x"), "", "memoryview"),
        (datetime(2024, 1, 1, tzinfo=Nowhere()), "", "no timezone"),
        ({math.nan: 1, float("nan"): 2}, "{nan}", "same container"),
        ([0] * 70 + [[[...]]], "[70][0][0]", "ellipsis"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_cannot_be_encoded_is_refused_with_its_path(value: Any, path: str, words: str) -> None:
    with pytest.raises(EncodingError, match=words) as caught:
        encode(value)
    assert caught.value.path is not None
    assert caught.value.path.startswith(path)
    assert caught.value.offset is None
    assert len(str(caught.value)) < 2000


def test_an_error_can_be_pickled() -> None:
    for error in (EncodingError("wrong", path="[1]"), EncodingError("wrong", offset=3), EncodingError("wrong")):
        copied = pickle.loads(pickle.dumps(error))
        assert (str(copied), copied.path, copied.offset) == (str(error), error.path, error.offset)
    assert issubclass(EncodingError, ValueError)


def test_an_error_does_not_show_all_of_a_large_value() -> None:
    deep: Any = object()
    for _ in range(500):
        deep = {"a key that is rather long " * 9: [deep]}
    with pytest.raises(EncodingError) as caught:
        encode(deep)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("types", "error"),
    [
        (3, TypeError),
        ([3], TypeError),
        ([int], TypeError),
        ([Mutable], TypeError),
        ({1: Colour}, TypeError),
        ({"a": Colour, "b": Colour}, ValueError),
        ([enum.Enum("Twin", "A"), enum.Enum("Twin", "B")], ValueError),
        ([dataclass(frozen=True)(type("Init", (), {"__annotations__": {"x": InitVar[int]}}))], TypeError),
    ],
)
def test_types_are_checked(types: Any, error: type[Exception]) -> None:
    for call in (lambda: encode(1, types=types), lambda: decode(b"\x01", types=types)):
        with pytest.raises(error):
            call()


def test_classes_are_called_by_their_qualified_names() -> None:
    data = encode(Colour.BLUE, types=[Colour])
    assert f"{Colour.__module__}.Colour".encode() in data
    assert decode(data, types=[Colour]) is Colour.BLUE
    with pytest.raises(EncodingError, match=r"Colour.*types="):
        decode(data)
    assert decode(encode({Point(1, 2): Server("a")}, types=[Point, Server]), types=[Server, Point]) == {
        Point(1, 2): Server("a")
    }


# What decode refuses


def array(tag: int, *items: Any) -> str:
    return (b"\xd9" + tag.to_bytes(2, "big") + encode(Vector(items))).hex()


MALFORMED: list[tuple[str, str, int, str]] = [
    ("nothing", "", 0, "should begin"),
    ("two values", "0102", 1, "behind"),
    ("a cut integer", "19ff", 0, "ends"),
    ("a cut text", "626161"[:4], 0, "ends"),
    ("a cut float", "f93c", 0, "ends"),
    ("a cut array", "82820102", 4, "should begin"),
    ("a cut tag", "d999", 0, "ends"),
    ("an integer too long", "1817", 0, "more bytes"),
    ("an integer too long by half", "1a0000ffff", 0, "more bytes"),
    ("a length too long", "5800", 0, "more bytes"),
    ("reserved bits", "1c", 0, "begins no item"),
    ("an indefinite array", "9f01ff", 0, "indefinite"),
    ("an indefinite text", "817f6161ff", 1, "indefinite"),
    ("a break", "ff", 0, "begins no item"),
    ("undefined", "f7", 0, "begins no item"),
    ("a simple value", "f820", 0, "begins no item"),
    ("a half as a single", "fa3fc00000", 0, "float"),
    ("a single as a double", "fb3ff8000000000000", 0, "float"),
    ("another NaN", "f97e01", 0, "NaN"),
    ("a NaN of 64 bits", "fb7ff8000000000000", 0, "float"),
    ("no UTF-8", "8261616180"[:6] + "61ff", 3, "UTF-8"),
    ("an overlong character", "62c080", 0, "UTF-8"),
    ("a surrogate", "63eda080", 0, "UTF-8"),
    ("a giant array", "9bffffffffffffffff", 0, "announced"),
    ("a giant map", "bb7fffffffffffffff", 0, "announced"),
    ("a giant text", "7b7fffffffffffffff", 0, "ends"),
    ("a giant string", "5bffffffffffffffff", 0, "ends"),
    ("a giant integer", "c25bffffffffffffffff", 0, "ends"),
    ("more entries than bytes", "a20102", 0, "announced"),
    ("keys out of order", "a202000100", 3, "before"),
    ("a key twice", "a201000100", 3, "there already"),
    ("members out of order", "d90102820201", 5, "before"),
    ("a member twice", "81d90102820101", 6, "there already"),
    ("keys that are equal", "a20100f500", 0, "equal"),
    ("members that are equal", "81d901028201f93c00", 1, "equal"),
    ("a list as a key", "a1d999218000", 1, "no hash"),
    ("a dict as a member", "d9010281d99922a0", 4, "no hash"),
    ("a small big integer", "c248ffffffffffffffff", 0, "more bytes"),
    ("a big integer with a zero", "c24900ffffffffffffffff", 0, "more bytes"),
    ("a big integer as text", "c2626161", 0, "tag 2"),
    ("an unknown tag", "d9aaaa00", 0, "tag 43690"),
    ("an unknown tag of text", "d9aaaa6161", 0, "tag 43690"),
    ("a giant tag", "db7fffffffffffffff00", 0, "tag 9223372036854775807"),
    ("a tag behind a tag", "d99920d9992080", 0, "tag 39200"),
    ("a tuple of a map", "d99920a0", 0, "tag 39200"),
    ("a dict of an array", "d9992280", 0, "tag 39202"),
    ("a complex of three", "d9a7f883f93c00f93c00f93c00", 0, "two floats"),
    ("a date that is none", "81d903ec6a323032342d30322d3330", 1, "day"),
    ("a date in other words", "d903ec683230323430323239", 0, "no date"),
    (
        "a datetime with a fraction of zero",
        encode(b"").hex() and "c0781b323032342d30312d30325430333a30343a30352e3030303030305a",
        0,
        "no date",
    ),
    ("an offset of zero", "c07819323031332d30332d32315432303a30343a30302b30303a3030", 0, "no date"),
    ("a datetime without fold or zone in an array", array(39206, "2024-01-02T03:04:05", 0, None), 0, "as encode"),
    ("a zone outside of the files of zones", array(39206, "2024-01-02T03:04:05", 0, "../x"), 0, "no time zone"),
    ("a zone that is not there", array(39206, "2024-01-02T03:04:05", 0, "No/Where"), 0, "ZoneInfoNotFoundError"),
    ("a time delta that is not normalized", array(39208, 0, 90000, 0), 0, "as encode"),
    ("a time delta out of bounds", array(39208, 1 << 80, 0, 0), 0, "Overflow"),
    ("a decimal that is none", "d9992963616263", 0, "as encode"),
    ("a decimal as text that has digits", "d999296131", 0, "as encode"),
    ("a decimal of many digits", "c48200c24a" + "ff" * 10, 0, "as encode"),
    ("a fraction by zero", "d81e820100", 0, "ZeroDivisionError"),
    ("a fraction that is not reduced", "d81e820204", 0, "as encode"),
    ("a short UUID", "d8254100", 0, "16"),
    ("a range of step zero", array(39210, 0, 1, 0), 0, "must not be zero"),
    ("an address of five bytes", "d834450102030405", 0, "AddressValueError"),
    ("a network with bits of hosts", "d834820844ffffffff", 0, "host bits"),
    ("a path in other words", "d9992b652f612f2f62", 0, "as encode"),
    ("no class of this name", "d81b816178", 0, "types="),
    ("no name", "d81b80", 0, "types="),
    ("no such member", "d81b8266636f6c6f75726161", 0, "no member"),
    ("the alias of a member", "d81b8266636f6c6f7572674352494d534f4e", 0, "no member"),
    ("no such flag", "d81b82667269676874731864", 0, "Rights"),
    ("a named tuple with a field too few", "d81b8265706f696e7401", 0, "fields"),
    ("a dataclass without a field", "d81b8266736572766572a164686f73746161", 0, "fields of"),
    ("a dataclass that refuses its fields", "d81b8266736572766572a264686f73746065706f727473d9992080", 0, "has a host"),
]


@pytest.mark.parametrize(("data", "offset", "words"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_bytes_are_refused_where_they_are_wrong(data: str, offset: int, words: str) -> None:
    with pytest.raises(EncodingError, match=words) as caught:
        decode(bytes.fromhex(data), types=TYPES)
    assert caught.value.offset == offset
    assert caught.value.path is None


@pytest.mark.parametrize(("value", "expected"), GOLDEN, ids=[repr(value)[:40] for value, _ in GOLDEN])
def test_bytes_that_are_cut_off_are_refused(value: Any, expected: str) -> None:
    data = bytes.fromhex(expected)
    for end in range(len(data)):
        with pytest.raises(EncodingError) as caught:
            decode(data[:end], types=TYPES)
        assert caught.value.offset is not None


@given(st.binary(max_size=40))
def test_bytes_that_are_read_are_what_encode_writes(data: bytes) -> None:
    refused = None
    try:
        value = decode(data, types=TYPES)
    except EncodingError as error:
        refused = error
    if refused is None:
        assert encode(value, types=TYPES) == data
    else:
        assert refused.offset in range(len(data) + 1)


def test_the_cause_is_kept_where_a_class_refuses_its_fields() -> None:
    data = encode(Server("a"), types=TYPES).replace(b"\x61a", b"\x60")
    with pytest.raises(EncodingError) as caught:
        decode(data, types=TYPES)
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_interrupt_in_a_class_is_no_encoding_error() -> None:
    class Interrupting(NamedTuple):
        x: int

    data = encode(Interrupting(1), types=[Interrupting])

    def interrupt(cls: type, x: int) -> Any:
        raise KeyboardInterrupt

    Interrupting.__new__ = interrupt  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        decode(data, types=[Interrupting])


# Limits


def test_depth_is_bounded_in_both_directions() -> None:
    value: Any = Vector()
    for _ in range(999):
        value = Vector([value])
    assert encode(decode(encode(value))) == encode(value)  # comparing values so deep takes the C stack
    with pytest.raises(EncodingError, match="max_depth=1000"):
        encode(Vector([value]))
    data = encode(Vector([value]), max_depth=1001)
    with pytest.raises(EncodingError, match="max_depth=1000") as caught:
        decode(data)
    assert caught.value.offset == 1000
    assert encode(decode(data, max_depth=1001), max_depth=1001) == data
    assert decode(b"\x00", max_depth=0) == 0
    with pytest.raises(EncodingError):
        decode(b"\x80", max_depth=0)


@pytest.mark.parametrize(
    "value", [(), [], Vector(), 1j, timedelta(1), datetime(2024, 1, 1, fold=1), Fraction(1, 2), Colour.RED]
)
def test_both_directions_count_depth_alike(value: Any) -> None:
    data = encode([value], types=TYPES, max_depth=2)
    assert decode(data, types=TYPES, max_depth=2) == [value]
    with pytest.raises(EncodingError, match="nested deeper"):
        encode([value], types=TYPES, max_depth=1)
    with pytest.raises(EncodingError, match="nested deeper"):
        decode(data, types=TYPES, max_depth=1)


@pytest.mark.parametrize("wrap", [lambda v: (v,), lambda v: Map(k=v)])
def test_nesting_takes_no_c_stack(wrap: Callable[[Any], Any]) -> None:
    value: Any = 1
    for _ in range(100_000):
        value = wrap(value)
    data = encode(value, max_depth=None)
    again = decode(data, max_depth=None)
    assert encode(again, max_depth=100_000) == data


def test_keys_nest_two_hundred_deep() -> None:
    key: Any = 1
    for _ in range(200):
        key = (key,)
    assert decode(encode({key: 1, 2: {key}})) == {key: 1, 2: {key}}
    with pytest.raises(EncodingError, match="200"):
        encode({(key,): 1}, max_depth=None)
    data = b"\xa1" + encode((key,)) + b"\x01"
    with pytest.raises(EncodingError, match="200"):
        decode(data, max_depth=None)


def test_max_bytes_bounds_the_data() -> None:
    with pytest.raises(EncodingError, match="max_bytes=3"):
        decode(encode("abc"), max_bytes=3)
    assert decode(encode("abc"), max_bytes=4) == "abc"
    assert decode(encode("abc"), max_bytes=None) == "abc"


@pytest.mark.parametrize(
    "kind", [set, frozenset, Set, lambda keys: dict.fromkeys(keys), lambda keys: Map.fromkeys(keys)]
)
@pytest.mark.parametrize("step", [sys.hash_info.modulus, Fraction(sys.hash_info.modulus)])
def test_keys_that_are_made_to_collide_are_refused(kind: Callable[[Any], Any], step: Any) -> None:
    few, many = [index * step for index in range(64)], [index * step for index in range(65)]
    assert len({hash(key) for key in many}) == 1
    assert decode(encode(kind(few))) == kind(few)
    with pytest.raises(EncodingError, match="65 keys or members that all have the same hash"):
        decode(encode(kind(many)))


def test_arguments_are_checked() -> None:
    for call in (
        lambda: encode(),  # type: ignore[call-arg]
        lambda: encode(1, 2),  # type: ignore[call-arg]
        lambda: encode(1, max_bytes=3),  # type: ignore[call-arg]
        lambda: encode(1, max_depth="3"),  # type: ignore[arg-type]
        lambda: decode(),  # type: ignore[call-arg]
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="max_depth must not be negative"):
        encode(1, max_depth=-1)
    assert encode(1, max_depth=1 << 100) == b"\x01"


# Ownership, threads, interpreters


@pytest.mark.skipif(not DEBUG_BUILD, reason="counts references")
def test_nothing_is_left_behind() -> None:
    data = encode([value for value, _ in GOLDEN], types=TYPES)

    def all_ways() -> None:
        decode(encode(decode(data, types=TYPES), types=TYPES), types=TYPES)
        for row in MALFORMED:
            with pytest.raises(EncodingError):
                decode(bytes.fromhex(row[1]), types=TYPES)
        for end in range(0, len(data), 7):
            with pytest.raises(EncodingError):
                decode(data[:end], types=TYPES)
        for bad in (cycle, {"a": [1, print]}, {(1, print): 2}, {math.nan: 1, float("nan"): 2}, ({1, object()},)):
            with pytest.raises(EncodingError):
                encode(bad)

    assert_no_leak(all_ways, calls=1, settle=5, repeats=3)


def test_lists_and_dicts_may_change_in_other_threads() -> None:
    items: list[Any] = [[index] for index in range(100)]
    table: dict[Any, Any] = {index: [index] for index in range(100)}
    ready, stop = threading.Event(), threading.Event()

    def change() -> None:
        index = 0
        while not stop.is_set():
            index += 1
            items.append([index])
            del items[:1]
            table[index % 150] = [index]
            table.pop((index + 50) % 150, None)
            ready.set()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        ready.wait()
        for _ in range(200):
            read = decode(encode([items, table]))
            assert all(type(item) is list and len(item) == 1 for item in read[0])
            assert all(len(value) == 1 for value in read[1].values())
    finally:
        stop.set()
        thread.join()


@needs_subinterpreters
def test_each_interpreter_reads_with_its_own_classes() -> None:
    run_in_subinterpreter(
        """
from datetime import datetime, UTC
from decimal import Decimal
from frozen import Map, decode, encode
value = Map(a=Decimal("1.5"), b=datetime(2024, 1, 2, tzinfo=UTC), c=(1, {2}))
assert decode(encode(value)) == value
"""
    )


@needs_subinterpreters
def test_each_interpreter_writes_the_same_bytes() -> None:
    """Also one of 3.12, whose datetime module is in Python."""
    text = """
from datetime import date, datetime, time, timedelta, timezone
from frozen import decode, encode
zone, utc = timezone(timedelta(hours=-5, minutes=-30)), timezone.utc
moments = [date(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5), datetime(2024, 1, 2, 3, 4, 5, 6, utc), time(1, 2, fold=1)]
moments += [datetime(2024, 1, 2, tzinfo=zone), time(1, 2, 3, tzinfo=zone), time(1), datetime(1, 1, 1, fold=1)]
zones = timezone(timedelta(seconds=1)), timezone(timedelta(0), "name")
moments += [datetime(9, 9, 9, tzinfo=zones[0]), time(2, tzinfo=zones[1])]
data = encode(moments)
assert decode(data) == moments
assert [type(moment) for moment in decode(data)] == [type(moment) for moment in moments]
"""
    scope: dict[str, Any] = {}
    exec(text, scope)
    run_in_subinterpreter(f"{text}assert data == {scope['data']!r}")
    run_in_subinterpreter(
        """
from frozen import EncodingError, decode
for wrong in b"2024-1-2", b"2024-01-02 03:04:05Z", b"2024-01-02T03:04:05+00:00", b"2024-01-02T03:04:05.100Z", b"":
    try:
        decode(bytes([0xC0, 0x60 + len(wrong)]) + wrong)
    except EncodingError as error:
        assert error.offset == 0, error.offset
    else:
        raise AssertionError(wrong)
"""
    )


LARGE = 1 << 65_536
"""One bit more than where Python takes quadratic time."""


@pytest.mark.parametrize("value", [Fraction(LARGE, 3), Fraction(-1, LARGE), {LARGE: 1}, frozenset({(1, -2 * LARGE)})])
def test_what_python_would_take_quadratic_time_for_is_refused(value: Any) -> None:
    with pytest.raises(EncodingError, match=r"of more than 65,?536 bits"):
        encode(value)


def test_large_ints_are_values_and_those_below_the_limit_are_keys() -> None:
    below = LARGE - 1
    value = [LARGE, -LARGE, {"key": LARGE}, {below: LARGE, -below: 1}, Fraction(below, 2)]
    assert decode(encode(value)) == value


@pytest.mark.parametrize("data", ["d81e82{large}03", "d81e8203{large}", "a1{large}01", "d9010281d9992082{large}01"])
def test_data_that_python_would_take_quadratic_time_for_is_refused(data: str) -> None:
    large = "c2592001" + "01" + 8192 * "00"
    with pytest.raises(EncodingError, match=r"of more than 65,?536 bits|keys or members"):
        decode(bytes.fromhex(data.format(large=large)))


class Nothing(enum.Enum):
    """An enum without members."""


class Steady(enum.Flag, boundary=enum.CONFORM):
    ONE = 1


@dataclass(frozen=True)
class Late:
    first: int
    last: int

    def __post_init__(self) -> None:
        object.__delattr__(self, "last")


@pytest.mark.parametrize(
    ("hex_digits", "types", "message"),
    [
        ("d81b826163a0", {"c": Steady}, "encoded as its name and an int"),
        ("d81b82616302", {"c": Steady}, "2 is not the value of a member"),
        ("d81b82616301", {"c": Late}, "is encoded as its name and a map of its fields"),
        ("d81b826163a1616101", {"c": Late}, "the fields of .* are first, last"),
        ("d81b80", {"c": Late}, "a class called None, which types= does not name"),
        ("d9992682617800", {}, r"at offset 0: a time with a zone or fold is \[text, fold, zone\]"),
        ("d9992683617800f6", {}, "at offset 0: .*isoformat"),
    ],
)
def test_malformed_records_and_times_are_refused(hex_digits: str, types: dict[str, type], message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        decode(bytes.fromhex(hex_digits), types=types)


def test_an_enum_without_members_is_no_registered_class() -> None:
    with pytest.raises(TypeError, match="is an enum without members"):
        encode(1, types=[Nothing])


def test_a_field_without_a_value_is_named() -> None:
    with pytest.raises(EncodingError, match=r"has a field without value: .*'last'"):
        encode(Late(1, 2), types=[Late])


def test_a_scoped_interface_comes_back() -> None:
    value = ipaddress.ip_interface("fe80::1%eth0/64")
    assert decode(encode(value)) == value
