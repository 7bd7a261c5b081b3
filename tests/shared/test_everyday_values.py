"""Everyday values in shared memory: each comes back as Python has it, without a call of Python code."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import fractions
import gc
import ipaddress
import itertools
import pathlib
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import everyday_values
import pytest
from everyday_values import Access, Empty, Grade, Level, Limits, Point, Stamp, Sundial, Unregistered
from hypothesis import given
from hypothesis import strategies as st
from support import FREE_THREADED, Subinterpreter, live_shared_nodes, needs_subinterpreters, run_python

from frozen import Map, NotShareableError, SharedMap, SharedSet, SharedVector, _core, is_shareable, register_shareable

UTC = datetime.UTC
PARIS = zoneinfo.ZoneInfo("Europe/Paris")
MOMENT = datetime.datetime(2020, 2, 29, 23, 59, 58, 999_999)

offsets = st.timedeltas(
    datetime.timedelta(hours=-24, microseconds=1), datetime.timedelta(hours=24, microseconds=-1)
).map(datetime.timezone)
named_zones = st.builds(
    datetime.timezone, st.timedeltas(datetime.timedelta(0), datetime.timedelta(hours=23)), st.text()
)
zones = st.one_of(st.none(), st.just(UTC), offsets, named_zones, st.just(PARIS))
moments = st.builds(
    lambda moment, fold: moment.replace(fold=fold), st.datetimes(timezones=zones), st.integers(min_value=0, max_value=1)
)
clocks = st.builds(
    lambda clock, zone, fold: clock.replace(tzinfo=zone, fold=fold), st.times(), zones, st.integers(0, 1)
)
everyday = st.one_of(
    st.dates(),
    moments,
    clocks,
    st.timedeltas(),
    offsets,
    named_zones,
    st.uuids(),
    st.builds(uuid.UUID, int=st.integers(0, 2**128 - 1), is_safe=st.sampled_from(uuid.SafeUUID)),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.ip_addresses(),
    st.builds(range, st.integers(), st.integers(), st.integers(min_value=1)),
    st.sampled_from([*Grade, *Level, Access(0), *Access, Access.READ | Access.WRITE]),
)
records = st.recursive(
    everyday, lambda parts: st.one_of(st.builds(Point, parts, parts), st.builds(Limits.of, parts, parts)), max_leaves=5
)

ONE_OF_EACH: dict[str, Any] = {
    "date": MOMENT.date(),
    "naive": MOMENT,
    "UTC": MOMENT.replace(tzinfo=UTC),
    "offset": MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-3.5))),
    "named offset": MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(0), "zero")),
    "zone": MOMENT.replace(tzinfo=PARIS, fold=1),
    "time": MOMENT.time(),
    "timedelta": datetime.timedelta(-3, 4, 5),
    "timezone": UTC,
    "ZoneInfo": PARIS,
    "UUID": uuid.UUID(int=2**127 + 1),
    "Decimal": decimal.Decimal("-1234.560"),
    "Fraction": fractions.Fraction(-3, 7),
    "member": Grade.B,
    "number": Level.HIGH,
    "flag": Access.READ | Access.WRITE,
    "named tuple": Point(1, Point("x", None)),
    "empty": Empty(),
    "dataclass": Limits.of(Grade.A, MOMENT),
    "range": range(1, 100, 7),
    "IPv4": ipaddress.ip_address("10.0.0.1"),
    "IPv6": ipaddress.ip_address("fe80::1%eth0"),
}
PATHS = {
    "pure": pathlib.PurePosixPath("/a/../b.c"),
    "windows": pathlib.PureWindowsPath("c:/a"),
    "path": pathlib.Path("a"),
}
NETWORKS = {"network": ipaddress.ip_network("10.0.0.0/31"), "interface": ipaddress.ip_interface("::1/64")}
ALL = ONE_OF_EACH | PATHS | NETWORKS


def same(a: Any, b: Any) -> bool:
    """What Python can tell of two values, their types and the texts that show all of their fields included."""
    return type(a) is type(b) and a == b and hash(a) == hash(b) and repr(a) == repr(b)


@given(records)
def test_a_value_comes_back_as_it_was(value):
    read = SharedMap({"key": value})["key"]
    assert same(read, value)
    assert getattr(read, "fold", 0) == getattr(value, "fold", 0)
    assert getattr(read, "is_safe", None) is getattr(value, "is_safe", None)


@given(records, records)
def test_two_values_are_equal_and_hashed_as_in_python(a, b):
    local, shared = Map({"key": a}), SharedMap({"key": b})
    assert (shared == SharedMap({"key": a})) is (a == b)
    assert (shared == local) is (a == b)
    assert SharedVector([a, b]).index(b) == [a, b].index(b)


@pytest.mark.parametrize("value", ALL.values(), ids=ALL)
def test_what_is_made_anew_is_the_same_value(value):
    assert same(SharedVector([value])[0], value)


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="3.12 hashes some of them by their implementation")
@pytest.mark.parametrize("value", [value for value in ALL.values() if value not in (PARIS,)], ids=repr)
def test_a_key_is_found_by_an_equal_object(value):
    again = SharedVector([value])[0]
    assert SharedMap({value: "found"})[again] == "found"
    assert again in SharedSet([value])


@pytest.mark.parametrize(
    "numbers",
    [
        (1, decimal.Decimal(1), fractions.Fraction(1), Level.LOW, True),
        (0.5, decimal.Decimal("0.50"), fractions.Fraction(1, 2)),
    ],
    ids=["one", "half"],
)
def test_equal_numbers_of_different_types_are_one_key(numbers):
    for first in numbers:
        for second in numbers:
            assert SharedMap({first: "found"})[second] == "found"
            assert len(SharedSet([first, second])) == 1
            assert SharedVector([first]) == SharedVector([second])


def test_moments_of_different_zones_are_one_key_if_they_are_one_instant():
    utc = MOMENT.replace(tzinfo=UTC)
    east = utc.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    paris = utc.astimezone(PARIS)
    assert SharedSet([utc, east, paris]) == SharedSet([paris])
    assert SharedVector([utc]) == SharedVector([east]) == SharedVector([paris])


def test_members_and_utc_are_the_objects_that_the_interpreter_has():
    read = SharedMap(ONE_OF_EACH)
    assert read["member"] is Grade.B
    assert SharedVector([Grade.FIRST])[0] is Grade.A
    assert read["flag"] is Access.READ | Access.WRITE
    assert read["timezone"] is UTC
    assert read["UTC"].tzinfo is UTC
    assert read["ZoneInfo"] is PARIS
    assert read["zone"].tzinfo is PARIS


def test_a_moment_is_one_block_if_its_zone_has_a_key():
    def blocks(moment):
        return _core._count_shared_blocks(SharedVector([moment]))[0]

    assert blocks(MOMENT.replace(tzinfo=PARIS)) == blocks(MOMENT.replace(tzinfo=UTC)) == blocks(MOMENT)
    assert blocks(MOMENT.time().replace(tzinfo=PARIS)) == blocks(MOMENT.time())


def test_a_zone_is_found_by_its_key_whichever_object_was_stored():
    for zone in (PARIS, zoneinfo.ZoneInfo.no_cache("Europe/Paris")):
        read = SharedVector([MOMENT.replace(tzinfo=zone), (MOMENT.time().replace(tzinfo=zone), zone)])
        assert read[0].tzinfo is read[1][0].tzinfo is read[1][1] is PARIS
        assert read[0].utcoffset() == MOMENT.replace(tzinfo=PARIS).utcoffset()


WITHOUT_ZONES = """
import datetime, sys, zoneinfo
from frozen import SharedVector, _core
read = SharedVector([datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))])
zoneinfo.reset_tzpath(to=[])
zoneinfo.ZoneInfo.clear_cache()
sys.modules["tzdata"] = None
_core._forget_plans()
try:
    read[0]
except ImportError as error:
    print(error)
"""


def test_a_zone_that_is_gone_is_named():
    printed = run_python("-c", WITHOUT_ZONES).stdout
    assert printed.startswith("a shared Europe/Paris cannot be read in this interpreter: ZoneInfoNotFoundError")


def test_a_nan_equals_itself_and_no_other():
    quiet, signalling = decimal.Decimal("NaN"), decimal.Decimal("sNaN")
    assert SharedVector([quiet, signalling]) == SharedVector([quiet, signalling])
    assert SharedVector([quiet]) != SharedVector([decimal.Decimal("-NaN")])


def of_texts(*texts: str) -> list[Any]:
    return [decimal.Decimal(text) for text in texts]


WINTER = datetime.datetime(2020, 12, 1, 2, 30)
TWICE = datetime.datetime(2021, 10, 31, 2, 30)  # in Paris
HOUR = datetime.timezone(datetime.timedelta(hours=1))
FAMILIES: dict[str, list[Any]] = {
    "moments": [
        WINTER,
        WINTER.replace(fold=1),
        WINTER.replace(microsecond=1),
        *(WINTER.replace(tzinfo=zone) for zone in (UTC, HOUR, PARIS, zoneinfo.ZoneInfo("UTC"))),
        WINTER.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1), "CET")),
        WINTER.replace(hour=1, tzinfo=UTC),
        *(TWICE.replace(tzinfo=zone, fold=fold) for zone in (None, HOUR, PARIS) for fold in (0, 1)),
        TWICE.replace(hour=0, tzinfo=UTC),
        TWICE.replace(hour=1, tzinfo=UTC),
        datetime.datetime.min,
        datetime.datetime.max.replace(tzinfo=UTC),
    ],
    "days": [
        WINTER.date(),
        datetime.datetime(2020, 12, 1),
        datetime.datetime(2020, 12, 1, tzinfo=UTC),
        datetime.date.min,
        datetime.date.max,
        "2020-12-01",
    ],
    "clocks": [
        datetime.time(2, 30),
        datetime.time(2, 30, fold=1),
        datetime.time(1, 30),
        datetime.time(1, 30, tzinfo=UTC),
        datetime.time(2, 30, tzinfo=HOUR),
        datetime.time(2, 30, tzinfo=PARIS),
        datetime.time.max,
    ],
    "durations": [
        datetime.timedelta(days=1),
        datetime.timedelta(hours=24),
        datetime.timedelta(microseconds=-1),
        datetime.timedelta.min,
        datetime.timedelta.max,
        datetime.timedelta(0),
        0,
    ],
    "zones": [
        UTC,
        datetime.timezone(datetime.timedelta(0)),
        datetime.timezone(datetime.timedelta(0), "UTC"),
        datetime.timezone(datetime.timedelta(0), "zero"),
        HOUR,
        datetime.timezone(datetime.timedelta(hours=1), "CET"),
        datetime.timezone(datetime.timedelta(hours=-24, microseconds=1)),
    ],
    "numbers": [
        *of_texts(
            "0", "-0", "0E+5", "0.00", "1", "1.0", "1E+0", "-1", "0.5", "0.1", "1E+3", "1000", "10000000000000000"
        ),
        *of_texts(
            "Infinity", "-Infinity", "1E+999999", "1E-999999", "1E+999999999999999999", "-1E-1999999999999999997"
        ),
        *of_texts("1.000000000000000000000000000001"),
        *(0, -0.0, 1, True, 0.5, 0.1, 10**3, 10**16, float("inf"), 1 + 0j),
        *(fractions.Fraction(text) for text in ("0", "1", "1/2", "1/10", "1000", "-1")),
        *Level,
    ],
    "UUIDs": [
        uuid.UUID(int=1),
        uuid.UUID(int=1, is_safe=uuid.SafeUUID.safe),
        uuid.UUID(int=2**64),
        uuid.UUID(int=2**128 - 1),
        1,
        str(uuid.UUID(int=1)),
    ],
    "texts": [*PATHS.values(), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("C:/A"), "a", *NETWORKS.values()],
    "members": [*Grade, *Level, *Access, Access(0), Access.READ | Access.WRITE, "a", 1, Point(1, 2), (1, 2), range(0)],
}


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="3.12 hashes some of them by their implementation")
@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_values_equal_what_their_originals_equal(family):
    for a in family:
        read, one, keyed = SharedVector([a])[0], SharedVector([a]), SharedMap({a: 1})
        assert hash(read) == hash(a)
        for b in family:
            equal = a == b
            assert (read == b) is (b == read) is equal, (a, b)
            assert (one == SharedVector([b])) is equal, (a, b)
            assert (b in keyed) is (SharedVector([b])[0] in keyed) is equal, (a, b)
            assert len(SharedMap({a: 1, b: 2})) == len({a: 1, b: 2}), (a, b)
            if equal:
                assert hash(keyed) == hash(SharedMap({b: 1})), (a, b)


@pytest.mark.parametrize("text", ["NaN", "-NaN", "NaN123", "sNaN", "-sNaN7", "sNaN" + "9" * 20])
def test_a_decimal_that_is_no_number_comes_back_as_it_is(text):
    value = decimal.Decimal(text)
    read = SharedMap({"key": value})["key"]
    assert (type(read), str(read)) == (decimal.Decimal, text)
    assert SharedVector([value]) == SharedVector([read])
    assert SharedVector([(value,)]) == SharedVector([(read,)])
    with pytest.raises((NotShareableError, TypeError)):
        SharedMap({value: 1})


def test_the_context_of_decimals_changes_no_value():
    values = of_texts("1234567.89012345678901234567890E-50", "1E+30", "-0", "12345")
    signals = [decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped, decimal.FloatOperation]
    with decimal.localcontext(decimal.Context(prec=1, Emin=-1, Emax=1, capitals=0, traps=signals)):
        shared = SharedVector(values)
        assert [value.as_tuple() for value in shared] == [value.as_tuple() for value in values]
    assert shared == SharedVector(values)


def test_a_subclass_is_held_as_its_class_says():
    stamp = Stamp(2021, 10, 31, 2, 30, tzinfo=PARIS, fold=1)
    read = SharedVector([stamp])[0]
    assert (type(read), read, read.fold, read.tzinfo) == (Stamp, stamp, 1, PARIS)
    with pytest.raises(NotShareableError, match="Unregistered"):
        SharedVector([Unregistered(2020, 1, 1)])


def test_a_zone_of_a_class_of_ones_own_is_held_within_a_moment():
    for fold in (0, 1):
        moment = TWICE.replace(tzinfo=Sundial(), fold=fold)
        read = SharedVector([moment])[0]
        assert (read.tzinfo, read.fold, read.utcoffset()) == (Sundial(), fold, moment.utcoffset())
        assert hash(read) == hash(moment)
        assert SharedVector([moment]) == SharedVector([read])
    with pytest.raises(NotShareableError, match="Zone object"):
        SharedVector([TWICE.replace(tzinfo=type("Zone", (datetime.tzinfo,), {})())])


def calls_of_python(function: Callable[[], object]) -> list[str]:
    """The Python functions that it calls."""
    called: list[str] = []
    here = function.__code__  # type: ignore[attr-defined]
    gc.disable()  # a collection calls what others have put into gc.callbacks
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_qualname) if event == "call" else None)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return [name for name in called if name != here.co_qualname]


@pytest.mark.parametrize("value", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_reading_calls_no_python_code(value):
    shared, again = SharedMap({"key": value}), SharedMap({"key": value})
    assert shared["key"] == value  # the first read finds the class
    assert calls_of_python(lambda: again["key"]) == []  # an object is made: it is another box


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 parses a path when it makes one")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_reading_a_path_calls_no_python_code(path):
    shared = SharedVector([path])
    assert shared[0] == path
    assert calls_of_python(lambda: shared[0]) == []


def test_a_member_that_no_reader_could_find_is_refused_when_it_is_stored():
    stray = object.__new__(Grade)
    stray._name_, stray._value_ = "STRAY", "s"
    with pytest.raises(NotShareableError, match="no member that its enum holds under its name"):
        SharedMap({"key": stray})
    with pytest.raises(NotShareableError, match="no member"):
        SharedVector([Point(stray, 1)])


def test_a_part_that_cannot_be_shared_is_named_by_its_place():
    with pytest.raises(NotShareableError) as caught:
        SharedMap({"key": Point(1, [2])})
    assert caught.value.path == "['key'][1]"


def test_a_class_that_is_registered_anew_is_read_by_its_new_functions():
    shared = SharedVector([Point(1, 2)])
    try:
        register_shareable(Point, lambda point: (point.y, point.x), lambda pair: Point(pair[1], pair[0]))
        assert SharedVector([Point(3, 4)])[0] == Point(3, 4)
        assert shared[0] == Point(1, 2)
    finally:
        register_shareable(Point)
    assert SharedVector([Point(3, 4)])[0] == shared[0]._replace(x=3, y=4)


@dataclasses.dataclass(frozen=True)
class Incomplete:
    first: Any
    last: Any = dataclasses.field(init=False)


def test_a_record_without_a_value_for_a_field_is_not_shared():
    register_shareable(Incomplete)
    assert not is_shareable(Incomplete(1))
    with pytest.raises(NotShareableError, match="has a field without a value"):
        SharedMap(a=(Incomplete(1),))


@dataclasses.dataclass(frozen=True)
class Failure(Exception):
    code: Any


def test_a_record_that_no_reader_could_make_is_not_registered():
    with pytest.raises(TypeError, match="has more than its fields, from a base class in C"):
        register_shareable(Failure)
    register_shareable(Failure, lambda failure: failure.code, Failure)
    assert SharedVector([Failure(5)])[0] == Failure(5)


@dataclasses.dataclass(frozen=True)
class Looking:
    """Looks at all lists and tuples that the collector knows, whenever it is asked for its second field."""

    fields: Any
    last: Any

    def __getattribute__(self, name: str) -> Any:
        if name == "last":
            SEEN.update(id(known[0]) for known in gc.get_objects() if type(known) is tuple and len(known) == 2)
        return object.__getattribute__(self, name)


SEEN: set[int] = set()


def test_a_record_that_is_half_taken_apart_is_not_known_to_the_collector():
    register_shareable(Looking)
    first = object()
    with pytest.raises(NotShareableError):
        SharedVector([Looking(first, 2)])
    assert SEEN
    assert id(first) not in SEEN
    SEEN.clear()


def _record_of(fields: int) -> Any:
    return dataclasses.make_dataclass("Changing", [f"f{i}" for i in range(fields)], frozen=True)


def _named_tuple_of(fields: int) -> Any:
    return NamedTuple("Changing", [(f"f{i}", object) for i in range(fields)])


@pytest.mark.parametrize(
    "kinds", [(_record_of, _named_tuple_of), (_named_tuple_of, _record_of)], ids=["record", "named tuple"]
)
@pytest.mark.parametrize("sizes", [(8, 2), (16, 5), (2, 8), (3, 3)])
def test_a_class_of_the_name_of_another_kind_is_not_taken_for_it(kinds, sizes, monkeypatch):
    shared = []
    for kind, size in zip(kinds, sizes, strict=True):
        cls = kind(size)
        cls.__module__ = __name__
        monkeypatch.setitem(globals(), "Changing", cls)
        shared.append(SharedVector([register_shareable(cls)(*range(size))]))
        assert shared[-1][0] == cls(*range(size))
    for _ in range(2):
        with pytest.raises(ImportError, match="the class is another one in this interpreter"):
            shared[0][0]
        assert shared[1][0] == cls(*range(size))


def test_a_record_of_other_fields_than_the_class_has_here_is_an_error(monkeypatch):
    shared = []
    for size in 2, 3:
        cls = _record_of(size)
        cls.__module__ = __name__
        monkeypatch.setitem(globals(), "Changing", cls)
        shared.append(SharedVector([register_shareable(cls)(*range(size))]))
    with pytest.raises(TypeError, match="has 3 fields in this interpreter, and a shared object of it has 2"):
        shared[0][0]
    assert shared[1][0] == cls(0, 1, 2)


@pytest.mark.parametrize("value", ALL.values(), ids=ALL)
def test_without_memory_it_is_not_stored_and_nothing_is_left(value):
    SharedVector([value])  # its class is known
    before = live_shared_nodes()
    for allocation in range(100):
        _core._fail_shared_allocation(allocation)
        try:
            made = SharedVector([value])
        except MemoryError:
            assert live_shared_nodes() == before
            continue
        finally:
            _core._fail_shared_allocation(-1)
        assert made[0] == value
        break
    del made
    assert live_shared_nodes() == before


@pytest.mark.skipif(FREE_THREADED, reason="CPython's hooks of the allocator are for builds with the GIL")
@pytest.mark.skipif(sys.version_info < (3, 14), reason="before 3.14 CPython crashes where its own code has no memory")
@pytest.mark.parametrize("planned", [True, False], ids=["class known", "class not known"])
@pytest.mark.parametrize("value", ALL.values(), ids=ALL)
def test_each_allocation_of_python_may_fail(value, planned):
    testcapi = pytest.importorskip("_testcapi")
    assert same(SharedVector([value])[0], value)
    before, outcome = live_shared_nodes(), None
    for first in itertools.count():
        if not planned:
            _core._forget_plans()
        gc.disable()  # or the finalizers of what others left behind may fail
        testcapi.set_nomemory(first, first + 1)
        try:
            outcome = SharedVector([value])[0]
        except MemoryError:
            pass
        finally:
            testcapi.remove_mem_hooks()
            gc.enable()
        assert live_shared_nodes() == before
        if outcome is not None:
            break
        assert first < 3000
    assert same(outcome, value)
    assert same(SharedVector([value])[0], value)


@needs_subinterpreters
def test_another_interpreter_reads_equal_values():
    """3.12 has datetime in Python there, and in C here: its dates are no keys, and are values all the same. It cannot
    import zoneinfo there."""
    values = {
        name: value for name, value in ALL.items() if sys.version_info[:2] != (3, 12) or "zone" not in name.lower()
    }
    texts = {name: repr(value) for name, value in values.items()}
    alone = SharedMap({name: SharedVector([value]) for name, value in values.items()})
    with Subinterpreter() as interpreter:
        interpreter.give(shared=SharedMap(values), texts=SharedMap(texts), alone=alone, path=everyday_values.__file__)
        interpreter.run(
            """
            import os, sys
            sys.path.insert(0, os.path.dirname(path))
            import frozen
            for name, text in texts.items():
                value = shared[name]
                assert repr(value) == text, (name, value, text)
                assert frozen.SharedVector([value]) == alone[name], name
                if name != "ZoneInfo" and sys.version_info[:2] != (3, 12):
                    assert frozen.SharedMap({value: 1})[shared[name]] == 1, name
            assert frozen.SharedMap({**shared}) == shared
            import everyday_values
            assert shared["member"] is everyday_values.Grade.B
            assert type(shared["dataclass"]) is everyday_values.Limits
            """
        )
