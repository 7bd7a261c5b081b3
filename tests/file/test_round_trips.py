"""`save` and `open`: what comes back equals what was saved, whatever it is, and hashes alike."""

from __future__ import annotations

import copy
import datetime
import enum
import ipaddress
import math
import os
import pickle
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import run_python

import frozen
from frozen import (
    EncodingError,
    FileMap,
    FileSet,
    FileVector,
    Map,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    freeze,
    share,
    thaw,
)
from frozen._file import _key_form


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass(frozen=True)
class Limits:
    low: Any
    high: Any


CLASSES = (Colour, Point, Limits)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files") / "value.frozen"


def through(path: Path, value: Any, **options: Any) -> Any:
    frozen.save(value, path, **options)
    return frozen.open(path, check=True, **options)


def same_types(a: Any, b: Any) -> bool:
    """Whether two equal values are of the same types at each level, as far as a file keeps them."""
    if isinstance(a, (Map, SharedMap, FileMap)):
        return isinstance(b, FileMap) and all(same_types(value, b[key]) for key, value in a.items())
    if isinstance(a, (Vector, SharedVector, FileVector)):
        return isinstance(b, FileVector) and all(map(same_types, a, b))
    if isinstance(a, (Set, SharedSet, FileSet)):
        return isinstance(b, FileSet)
    if type(a) is tuple:
        return type(b) is tuple and all(map(same_types, a, b))
    return type(a) is type(b)


# Values, drawn

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(),
    st.text("abc", max_size=12),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(datetime.UTC)),
    st.timedeltas(),
    st.uuids(),
)
keys = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner), st.frozensets(inner, max_size=3), st.lists(inner, max_size=3).map(Set)
    ),
    max_leaves=4,
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=12).map(Vector),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=20).map(Map),
        st.dictionaries(st.text("abcdé", max_size=10), inner, max_size=20).map(Map),
        st.sets(keys, max_size=20).map(Set),
        st.frozensets(keys, max_size=3),
    ),
    max_leaves=30,
)


@given(value=values)
def test_what_is_saved_comes_back(path: Path, value: Any) -> None:
    found = through(path, value)
    assert found == value
    assert value == found
    assert not found != value  # noqa: SIM202 - the other operator
    assert hash(found) == hash(value)
    assert same_types(value, found)


@given(value=values)
def test_copies_and_pickles_are_in_memory(path: Path, value: Any) -> None:
    found = through(path, value)
    assert thaw(found) == thaw(value)
    frozen_again = freeze(found)
    assert frozen_again == value
    assert type(frozen_again) is type(value)
    pickled = pickle.loads(pickle.dumps(found))
    assert pickled == value
    assert type(pickled) is type(value)
    assert copy.copy(found) == value
    assert copy.deepcopy(found) == value


@given(value=values)
def test_a_view_of_a_file_can_be_saved(path: Path, value: Any) -> None:
    found = through(path, value)
    other = path.with_suffix(".copy")
    assert through(other, found) == value
    assert found == value, "the first file is as it was"


@given(entries=st.dictionaries(keys, atoms, max_size=60), absent=st.lists(keys, max_size=20))
def test_look_ups_find_what_is_there(path: Path, entries: dict[Any, Any], absent: list[Any]) -> None:
    found, members = through(path, Map(entries)), through(path.with_suffix(".set"), Set(entries))
    for key, value in entries.items():
        assert found[key] == value
        assert found.get(key, absent) == value
        assert key in found
        assert key in members
    for key in absent:
        assert (key in found) is (key in entries)
        assert (key in members) is (key in entries)
        assert found.get(key, 5) == entries.get(key, 5)


class Clock(datetime.tzinfo):
    """Has no offset without a date, as a ZoneInfo."""

    def utcoffset(self, when: datetime.datetime | None) -> datetime.timedelta | None:
        return None if when is None else datetime.timedelta(hours=2)

    def dst(self, when: datetime.datetime | None) -> None:
        return None

    def tzname(self, when: datetime.datetime | None) -> str:
        return "Clock"


@pytest.mark.parametrize("n", [5, 500])
def test_equal_keys_of_other_types_are_found(path: Path, n: int) -> None:
    aware = datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC)
    twice = datetime.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    elsewhere = aware.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    pairs = [
        (1, (1.0, True, Decimal(1), Fraction(1), 1 + 0j)),
        (True + 1.5, (Decimal("2.5"), Fraction(5, 2))),
        (Decimal(7), (7, 7.0)),
        (aware, (elsewhere,)),
        (frozenset({1, "a"}), (Set([1.0, "a"]), frozenset({"a", True}))),
        ((1, 2), (Point(1, 2.0), (True, 2))),
        (Map(a=1), (share({"a": 1}), Map(a=1.0))),
        (Vector([1]), (share([1]),)),
        ("text", (type("Text", (str,), {})("text"),)),
        (b"bytes", (type("Bytes", (bytes,), {})(b"bytes"),)),
        (range(0), (range(5, 5),)),
        (uuid.UUID(int=5), (uuid.UUID(int=5),)),
        (PurePosixPath("a/b"), (PurePosixPath("a//b"),)),
        (ipaddress.ip_address("::1"), (ipaddress.IPv6Address(1),)),
        (ipaddress.ip_network("10.0.0.0/8"), (ipaddress.IPv4Network("10.0.0.0/255.0.0.0"),)),
        (0.5 + 0.5j, (type("Complex", (complex,), {})(0.5 + 0.5j),)),
        (datetime.time(1, 2), (datetime.time(1, 2, tzinfo=Clock()), datetime.time(1, 2, fold=1))),
        (twice, (twice.replace(fold=1),)),
    ]
    for key, others in pairs:
        found = through(path, Map({key: "here"} | {f"filling {i}": i for i in range(n)}))
        for other in others:
            assert found[other] == "here", (key, other)
        assert "absent" not in found


class EqualsAll:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 12345


@pytest.mark.parametrize("key", ["a", 1, 2.5, None, (1, 2), b"bytes", Vector([1])])
def test_keys_with_other_hashes_are_not_compared(path: Path, key: Any) -> None:
    found = through(path, Map({key: 1}))
    assert EqualsAll() not in found
    assert EqualsAll() not in through(path, Set([key]))
    assert found.get(EqualsAll(), "absent") == "absent"


def test_registered_classes_are_made_by_types(path: Path) -> None:
    value = Map({Colour.RED: Point(1, Limits(2, Colour.BLUE)), Point(3, 4): Limits(0, ()), Limits(1, 2): 5})
    found = through(path, value, types=CLASSES)
    assert found == value
    assert found[Limits(1, 2)] == 5
    assert type(found[Colour.RED]) is Point
    with pytest.raises(frozen.FileFormatError, match="types="):
        list(frozen.open(path))


@dataclass(frozen=True)
class Name:
    """Equal whatever the case."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Name) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash((self.text.lower(),))


@dataclass(frozen=True)
class Noted:
    number: int
    note: str = field(default="", compare=False)
    parts: Any = field(default=(), hash=False)


ZONES = [None, *(datetime.timezone(datetime.timedelta(minutes=m, seconds=s)) for m, s in ((0, 0), (-90, 0), (150, 7)))]


def test_times_of_day_are_found_by_equal_ones_of_other_zones(path: Path) -> None:
    times = [
        datetime.time(h, m, 9, us, zone) for h in (0, 1, 22, 23) for m in (0, 30) for us in (0, 5) for zone in ZONES
    ]
    frozen.save(Map({time: time.isoformat() for time in times}), path)
    found, expected = frozen.open(path), {time: time.isoformat() for time in times}
    assert [found[time] for time in times] == [expected[time] for time in times]
    moved = [
        time.replace(hour=(time.hour + 1) % 24, tzinfo=datetime.timezone(datetime.timedelta(hours=1))) for time in times
    ]
    assert [found.get(time) for time in moved] == [expected.get(time) for time in moved]


def test_many_times_of_day_have_hashes_of_their_own(path: Path) -> None:
    times = [datetime.time(s // 3600, s // 60 % 60, s % 60, tzinfo=datetime.UTC) for s in range(0, 86_400, 11)]
    frozen.save(Set(times), path)  # of one hash more than 1,000 are refused
    assert set(frozen.open(path)) == set(times)


@dataclass(frozen=True, eq=False)
class Folded:
    """Its own equality: nobody can know a hash that is the same in each process for what is equal."""

    name: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folded) and self.name.lower() == other.name.lower()

    def __hash__(self) -> int:
        return hash(self.name.lower())


def test_too_many_keys_of_one_hash_are_refused_with_their_number_and_the_remedy(path: Path) -> None:
    few = Map({Folded(f"Name {i}"): i for i in range(1001)})
    frozen.save(few, path, types=[Folded])
    found = frozen.open(path, types=[Folded])
    assert [found[Folded("NAME 0")], found[Folded("name 1000")], Folded("none") in found] == [0, 1000, False]
    many = few.update({Folded(f"Name {i}"): i for i in range(1500)} | {i: i for i in range(1500)})
    with pytest.raises(
        EncodingError, match=r"^\['a'\]: .*has 1500 keys with one hash.*use .*tuples of fields"
    ) as caught:
        frozen.save(Map(a=many), path, types=[Folded])
    assert len(str(caught.value)) < 600


def test_dataclasses_are_keys_by_their_fields(path: Path) -> None:
    """Each has a form of its own, so that a save is not quadratic. Those with their own `__eq__` share one."""
    keys = [Limits(i, i) for i in range(100)] + [Noted(i, "noted") for i in range(100)]
    assert len({_key_form(key) for key in keys}) == len(keys)
    value = Map({key: i for i, key in enumerate(keys)} | {Name("Text"): "name", Limits(0.5, (1, 2)): "limits"})
    found = through(path, value, types=(Limits, Name, Noted))
    assert all(found[key] == i for i, key in enumerate(keys))
    assert found[Noted(5, "otherwise")] == 105
    assert found[Name("tEXT")] == "name"
    assert found[Limits(Fraction(1, 2), Point(1, 2))] == "limits"
    assert Limits(1, 2) not in found


def test_nan_comes_back(path: Path) -> None:
    assert math.isnan(through(path, Vector([math.nan]))[0])


def test_texts_and_containers_are_stored_once(path: Path) -> None:
    text = "a text that is long enough for a box"
    once = Vector([text] * 2)
    frozen.save(Vector([once] * 1000), path)
    assert os.path.getsize(path) < 10_000
    assert frozen.open(path)[999] == once
    tree: Any = Map(a=1)
    for _ in range(64):
        tree = Vector([tree, tree])
    frozen.save(tree, path)
    assert os.path.getsize(path) < 10_000


@pytest.mark.parametrize(
    "make", [lambda v: Vector([v, v]), lambda v: Map(a=v, b=v), lambda v: Vector([(v,), Set([v])])]
)
def test_containers_that_a_key_holds_several_times_are_copied_once(path: Path, make: Any) -> None:
    """Sixty boxes, and 2^60 ways to them."""
    key: Any = Vector([1])
    for _ in range(60):
        key = make(key)
    found = through(path, Map({key: "here"}))
    assert os.path.getsize(path) < 10_000
    (copied,) = found
    assert type(copied) is type(key)
    assert hash(copied) == hash(key)


@pytest.mark.parametrize("make", [Vector, lambda v: Map(a=v[0]), Set, tuple])
@pytest.mark.parametrize("n", [1, 20])
def test_deep_keys_are_found(path: Path, make: Any, n: int) -> None:
    """What is saved can be looked up, with an index and without."""
    key = nested(make, 190)
    found = through(path, Map({key: "here"} | {i: i for i in range(n)}))
    assert found[key] == "here"
    assert key in set(found)


def test_keys_that_hold_a_container_several_times_are_hashed_once(path: Path) -> None:
    key: Any = Vector([1])
    for _ in range(60):
        key = Vector([key, key])
    found = through(path, Map({key: "here"} | {i: i for i in range(20)}))
    assert len(found) == 21


def test_shared_containers_that_are_read_anew_are_stored_once(path: Path) -> None:
    inner = share([{"number": i} for i in range(100)])
    frozen.save(SharedVector([inner] * 100), path)
    assert os.path.getsize(path) < 10_000


@pytest.mark.parametrize("code_reads", [True, False])
def test_another_process_with_another_hash_seed_reads_it(tmp_path: Path, code_reads: bool) -> None:
    """Python's hashes of texts differ there, and those of a file do not."""
    value = 'Map({(f"key {i}", i): i for i in range(100)} | {f"key {i}": i for i in range(100)} | {b"x": 1, None: 2})'
    read = (
        f"m = frozen.open('file'); v = {value}; assert m == v and all(m[k] == v[k] for k in v) and hash(m) == hash(v)"
    )
    write = f"frozen.save({value}, 'file')"
    for seed, code in (("1", write), ("2", read), ("3", read)):
        run_python("-c", "import frozen; from frozen import Map; " + code, env={"PYTHONHASHSEED": seed}, cwd=tmp_path)


# What cannot be saved


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "[1] of type list can change"),
        (Map(a=Vector([1, (2, {3: 4})])), "['a'][1][1]: {3: 4} of type dict can change"),
        (Map({"a": {1, 2}}), "['a']: {1, 2} of type set can change"),
        (Map({(1, bytearray): 1}), "{(1, <class 'bytearray'>)}[1]: <class 'bytearray'> of type builtins.type"),
        (Set([print]), "<built-in function print>"),
        (Map(a=Colour.RED), "['a']: <Colour.RED: 1> of type"),
        (Vector([Map(a=Limits([], print))]), "[0]['a'][1]['high']"),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_path(tmp_path: Path, value: Any, message: str) -> None:
    path = tmp_path / "file"
    frozen.save(1, path)
    types = (Limits,)
    with pytest.raises(EncodingError) as caught:
        frozen.save(value, path, types=types)
    assert message in str(caught.value)
    assert frozen.open(path) == 1
    assert os.listdir(tmp_path) == ["file"], "nothing is left beside it"


def test_size_is_bounded(path: Path) -> None:
    """The size of a box has 32 bits. The vector is made at once: it shares its nodes."""
    with pytest.raises(EncodingError, match="has more than"):
        frozen.save(Vector([0]) * (2**32 - 1), path)


def nested(make: Any, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = make([value])
    return value


@pytest.mark.parametrize(
    ("make", "most"), [(Vector, 1000), (tuple, 200), (frozenset, 200), (lambda v: Map(a=v[0]), 1000)]
)
def test_depth_is_bounded(path: Path, make: Any, most: int) -> None:
    found = through(path, nested(make, most))
    for _ in range(most):
        assert found != 1
        (found,) = found.values() if isinstance(found, FileMap) else found
    assert found == 1
    with pytest.raises(EncodingError, match="nests too deep"):
        frozen.save(nested(make, most + 1), path)
    with pytest.raises(EncodingError, match="nests too deep"):
        frozen.save(nested(make, 100_000), path)
