"""What shared containers hold: every kind of value comes back equal, hashes the same, and is found again as a key."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import gc
import math
import pathlib
import pickle
import re
import sys
import types
import uuid
import zoneinfo
from typing import NamedTuple

import pytest
from buffer_address import address_of
from everyday_values import Access, Limits, Point
from hypothesis import given
from hypothesis import strategies as st

import frozen
from frozen import (
    Blob,
    Map,
    NotShareableError,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    freeze,
    is_shareable,
    register_shareable,
    share,
    thaw,
)


class Colour(enum.Enum):
    RED = "r"
    GREEN = object()


class Named(enum.StrEnum):
    """Its members are texts, which have a `__getitem__` of their own."""

    FIRST = "first"


class Signature(bytes, enum.Enum):
    PNG = b"\x89PNG"


class Pair(tuple, enum.Enum):
    ONES = (1, 1)


@register_shareable
class Dated(NamedTuple):
    day: datetime.date | datetime.time


class Version:
    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


register_shareable(Version, lambda version: version.text, lambda text: Version(text))

ATOMS = [
    *(None, True, False, ...),
    *(0, 1, -1, 2**60 - 1, 2**60, -(2**60), -(2**60) - 1, 2**61 - 1, 2**61, -(2**61), 2**63 - 1, 2**63, -(2**63)),
    *(10**40, -(10**40), 1 << 12_000),
    *(0.0, -0.0, 1.5, 2.0**61, 1e300, math.inf, -math.inf, 5e-324),
    *(1j, complex(-0.0, 2.5)),
    *(
        "",
        "a",
        "é",
        "\x00",
        "7 chars",
        "8 chars!",
        "x" * 1000,
        "üöä" * 5,
        "€uro",
        "\U0001d518nicode" * 3,
        "\ud800 alone",
        "a\0b",
    ),
    *(b"", b"abc", b"\0" * 1000),
    range(3, 30, 4),
]
STANDARD = [
    decimal.Decimal("1.20"),
    decimal.Decimal("-Infinity"),
    fractions.Fraction(-1, 3),
    uuid.UUID(int=2**127 + 5),
    datetime.date(2020, 2, 29),
    datetime.time(23, 59, 59, 999_999, fold=1),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
    datetime.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone(datetime.timedelta(hours=-3), "three")),
    datetime.datetime(2021, 10, 31, 2, 30, tzinfo=zoneinfo.ZoneInfo("UTC"), fold=1),
    datetime.timedelta(days=-1, microseconds=1),
    datetime.UTC,
    pathlib.PurePosixPath("/a/b"),
    pathlib.PureWindowsPath("c:/a"),
    pathlib.Path("x/y"),
    *(Colour.RED, Colour.GREEN, Access.READ, Access.READ | Access.WRITE, Access(0)),
    *(Named.FIRST, Signature.PNG, Pair.ONES),
    *(Point(1, -2), Limits.of(0.5, ("a", "b")), Version("1.2")),
]
NESTED = [(), (1,), (1, "a", (2.5, None), b""), frozenset(), frozenset({1, "a", (1, 2)}), (Colour.RED, Point(1, 2))]
SHARED = [
    *(SharedMap(), SharedMap(a=1), SharedSet({1, "a"}), SharedVector(), SharedVector([1, "a", SharedVector()])),
    *(Blob(b"abc"), (SharedMap(a=SharedMap(b=(1,))),)),
]

values = pytest.mark.parametrize("value", [*ATOMS, *STANDARD, *NESTED, *SHARED], ids=lambda value: repr(value)[:40])


@values
def test_a_value_comes_back(value):
    back = SharedMap(key=value)["key"]
    assert back == value
    assert type(back) is type(value)
    if not isinstance(value, frozenset):  # equal frozensets may be in different order
        assert repr(back) == repr(value)


@values
def test_hashes_are_those_of_python(value):
    assert hash(SharedMap(key=value)) == hash(frozenset({("key", value)}))


KEYS = [*ATOMS, *STANDARD, *NESTED, *SHARED[:5]]
NO_KEYS = {datetime.date(2020, 2, 29), datetime.time(1, tzinfo=datetime.UTC)}
"""3.12 hashes them differently in another interpreter."""


@pytest.mark.parametrize("key", [key for key in KEYS if key not in NO_KEYS], ids=lambda value: repr(value)[:40])
def test_a_value_is_found_as_a_key(key):
    shared = SharedMap({"another": 0, key: 1})
    assert shared[key] == 1
    assert shared[next(iter(SharedSet({key})))] == 1
    assert SharedMap({key: 1}) == SharedMap({"x": 2}).set(key, 1).delete("x") == {key: 1}
    assert hash(shared) == hash(frozenset({("another", 0), (key, 1)}))
    _core._check(shared)
    assert key not in shared.delete(key)


@pytest.mark.parametrize("key", NO_KEYS, ids=repr)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda key: key,
        lambda key: (1, (key,)),
        lambda key: frozenset({key}),
        lambda key: Dated(key),
        lambda key: SharedMap(a=key),
        lambda key: SharedVector([(key,)] * 2000),
    ],
)
def test_keys_whose_hash_differs_between_interpreters(key, wrap):
    wrapped = wrap(key)
    if sys.version_info[:2] != (3, 12):
        assert SharedMap({wrapped: 1})[wrapped] == 1
        return
    for store in (lambda: SharedMap({wrapped: 1}), lambda: SharedSet([wrapped]), lambda: SharedMap().set(wrapped, 1)):
        with pytest.raises(NotShareableError, match=r"cannot be a key: .* isoformat\(\)"):
            store()
    assert SharedMap(value=wrapped)["value"] == SharedVector([wrapped])[0] == wrapped
    assert wrapped not in SharedMap({1: 1})


@pytest.mark.parametrize(
    "numbers",
    [
        (1, 1.0, True, decimal.Decimal(1), fractions.Fraction(1), 1 + 0j),
        (0, -0.0, False),
        (2**61, 2.0**61),
        (2**63, 2.0**63),
        (10**40, decimal.Decimal(10**40)),
    ],
)
def test_equal_numbers_are_one_key(numbers):
    for stored in numbers:
        shared = SharedMap({stored: "found"})
        for asked in numbers:
            assert shared[asked] == "found", (stored, asked)
            changed = shared.set(asked, "changed")
            assert len(changed) == 1
            assert type(next(iter(changed))) is type(stored), "the first key stays"
            assert SharedMap({stored: 1}) == SharedMap({asked: 1})
            assert SharedMap(value=stored) == SharedMap(value=asked)


def test_near_numbers_are_different_keys():
    numbers = [
        2**53,
        2**53 + 1,
        2.0**53 + 2,
        2**61,
        2**61 + 1,
        2**63 - 1,
        2**64,
        0.1,
        1,
        "1",
        b"1",
        None,
        "None",
        False,
    ]
    shared = SharedMap({number: index for index, number in enumerate(numbers)})
    assert [shared[number] for number in numbers] == list(range(len(numbers)))


def test_a_key_whose_class_says_it_equals_a_str():
    class Name(enum.StrEnum):
        ADA = "ada"

    assert SharedMap({"ada": 1})[Name.ADA] == 1
    assert SharedMap({"ada lovelace": 1}).get(type("S", (str,), {})("ada lovelace")) == 1


def test_nan():
    nan = math.nan
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedMap({nan: 1})
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedSet([(1, nan)])
    assert nan not in SharedMap({1: 1})
    for value in (nan, complex(nan, 1), (nan,)):
        shared = SharedMap(value=value)
        assert shared == shared
        assert shared == SharedMap(value=value)
    assert hash(SharedMap(value=nan)) == hash(SharedMap(value=nan))


shareable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.tuples(inner),
    max_leaves=6,
)


@given(st.dictionaries(shareable, shareable), shareable)
def test_any_dict_comes_back(model, probe):
    shared = SharedMap(model)
    _core._check(shared)
    assert dict(shared) == model
    assert shared == model
    assert hash(shared) == hash(frozenset(model.items()))
    assert shared.get(probe, "absent") == model.get(probe, "absent")
    assert set(SharedSet(model)) == set(model)


# What cannot be shared


class Pool:
    def __repr__(self) -> str:
        return "<Pool>"


class SubclassOfInt(int):
    pass


@pytest.mark.parametrize(
    ("make", "path", "says"),
    [
        (lambda: SharedMap(pool=Pool()), "['pool']", f"<Pool> of type {__name__}.Pool cannot be shared"),
        (lambda: share({"db": {"pool": Pool()}}), "['db']['pool']", "<Pool> of type"),
        (lambda: share({"db": ({"x": memoryview(b"")},)}), "['db'][0]['x']", "of type memoryview"),
        (lambda: SharedMap(a=[1]), "['a']", "share() converts it"),
        (lambda: SharedMap(a={}), "['a']", "share() converts it"),
        (lambda: SharedMap(a=(1, frozenset({(Pool(),)}))), "['a'][1]{(<Pool>,)}[0]", "register_shareable(Pool, "),
        (lambda: SharedMap().set("a", (1, Pool())), "['a'][1]", "<Pool>"),
        (lambda: SharedMap(a=1).update(a=Pool()), "['a']", "<Pool>"),
        (lambda: SharedMap(a=SubclassOfInt(1)), "['a']", "is a subclass"),
        (lambda: SharedMap(a=bytearray(b"x")), "['a']", "Blob"),
        (lambda: SharedMap(a=lambda: 1), "['a']", "only data can be shared"),
        (lambda: SharedMap({Pool(): 1}), "", "<Pool>"),
        (lambda: SharedSet([Pool()]), "", "<Pool>"),
        (lambda: SharedMap({(1, Pool()): 1}), "{(1, <Pool>)}[1]", "<Pool>"),
        (lambda: SharedMap().set((Pool(),), 1), "{(<Pool>,)}[0]", "<Pool>"),
        (lambda: SharedSet([(Pool(),)]), "{(<Pool>,)}[0]", "<Pool>"),
        (lambda: SharedSet().add((Pool(),)), "{(<Pool>,)}[0]", "<Pool>"),
        (lambda: share((frozenset({Pool()}),)), "[0]", "<Pool>"),
        (lambda: share(Pool()), "", "<Pool>"),
    ],
)  # fmt: skip
def test_errors_name_the_path(make, path, says):
    alive = _core._live_shared_nodes()
    with pytest.raises(NotShareableError) as caught:
        make()
    assert caught.value.path == path
    assert says in str(caught.value)
    assert str(caught.value).startswith(path)
    del caught
    gc.collect()
    assert _core._live_shared_nodes() == alive, "something half-done is left behind"


class Broken:
    """Its encoder raises."""


def test_an_error_while_encoding_surfaces_unchanged():
    def refuse(obj: object) -> object:
        raise OSError("no")

    register_shareable(Broken, refuse, lambda value: value)
    with pytest.raises(OSError, match="no"):
        SharedMap(a=(Broken(),))


class Undecodable:
    """Its decoder raises."""


def test_a_value_that_cannot_be_decoded_can_be_asked_for_and_removed():
    """Only reading it needs the decoder, not what looks at its key."""

    def fail(value: object) -> object:
        raise OSError("no decoder")

    register_shareable(Undecodable, lambda obj: 1, fail)
    shared = SharedMap(a=Undecodable(), b=2)
    mutation = shared.mutate()
    assert "a" in shared
    assert "a" in mutation
    with pytest.raises(OSError, match="no decoder"):
        mutation["a"]
    del mutation["a"]
    assert mutation.finish() == shared.delete("a") == {"b": 2}


def test_registration_needs_what_import_finds():
    class Local(NamedTuple):
        x: int

    with pytest.raises(ValueError, match="local to a function"):
        register_shareable(Local)
    with pytest.raises(TypeError, match="neither a named tuple nor a frozen dataclass"):
        register_shareable(Pool)
    with pytest.raises(TypeError, match="both encode and decode"):
        register_shareable(Pool, lambda pool: 1)


def test_is_shareable():
    assert is_shareable((1, "a", SharedMap()))
    assert not is_shareable((1, []))
    assert not is_shareable(Pool())


# share()


def test_share_converts_deeply():
    config = {"db": {"ports": {1, 2}, "pair": ({"x": 1}, 2)}, "map": Map(a={"b": 1}), "set": Set([1]), "n": 1}
    shared = share(config)
    assert type(shared) is type(shared["db"]) is type(shared["map"]["a"]) is SharedMap
    assert type(shared["db"]["ports"]) is type(shared["set"]) is SharedSet
    assert shared == {"db": {"ports": {1, 2}, "pair": ({"x": 1}, 2)}, "map": {"a": {"b": 1}}, "set": {1}, "n": 1}


class Texts(dict):
    pass


class Rows(list):
    pass


class Triple(tuple):
    __slots__ = ()


class Tag(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


class Unregistered(NamedTuple):
    x: int


class Ring(collections.abc.Sequence):
    """Neither a list nor a subclass of one."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return {"index": [0, 1][index]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (collections.OrderedDict(a=[1]), SharedMap(a=SharedVector([1]))),
        (collections.defaultdict(list, a=[1]), SharedMap(a=SharedVector([1]))),
        (collections.Counter("aab"), SharedMap(a=2, b=1)),
        (types.MappingProxyType({"a": []}), SharedMap(a=SharedVector())),
        (collections.ChainMap({"a": [1]}, {"b": 2}), SharedMap(a=SharedVector([1]), b=2)),
        (collections.UserDict(a=[]), SharedMap(a=SharedVector())),
        (Texts(a=Rows([1])), SharedMap(a=SharedVector([1]))),
        (collections.UserList([[]]), SharedVector([SharedVector()])),
        (collections.deque([1, [2]]), SharedVector([1, SharedVector([2])])),
        (array.array("i", [1, 2]), SharedVector([1, 2])),
        (Ring(), SharedVector([SharedMap(index=0), SharedMap(index=1)])),
        (Vector([1]).mutate(), SharedVector([1])),
        ({"a": 1}.keys(), SharedSet(["a"])),
        ({"a": [1]}.values(), SharedVector([SharedVector([1])])),
        ({(1, Tag("x")), 2}, SharedSet([(1, "x"), 2])),
        (frozenset([Tag("x"), 2]), frozenset(["x", 2])),
        ({Tag("x"): 1, ("y", Tag("z")): Tag("v")}, SharedMap({"x": 1, ("y", "z"): "v"})),
        (Triple([[1], 2]), (SharedVector([1]), 2)),
        (Triple([1, 2]), (1, 2)),
        (collections.UserString("text"), "text"),
        (Point([1], {}), Point(SharedVector([1]), SharedMap())),
        (Limits.of(0.5, ([],)), Limits.of(0.5, (SharedVector(),))),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_share_takes_what_freeze_takes(data, expected):
    freeze(data)
    for shared, wanted in (share(data), expected), (share([data]), SharedVector([expected])):
        assert shared == wanted
        assert type(shared) is type(wanted)
        assert thaw(shared) == thaw(wanted)


def test_subclasses_of_plain_values_become_plain():
    plain = share([Tag("x"), SubclassOfInt(5), type("F", (float,), {})(0.5), type("B", (bytes,), {})(b"x")])
    assert [*map(type, plain)] == [str, int, float, bytes]
    assert share({"a": bytearray(b"x")}) == SharedMap(a=b"x")
    assert list(plain) == ["x", 5, 0.5, b"x"]
    assert type(share(SubclassOfInt(5))) is int


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (frozen.AtomicRef(0), "share the value that its get() returns"),
        (SharedMap().handle(), "share the object itself"),
        (frozen.AtomicRef(0).watch(print), "open a watch where it is needed"),
        (frozen.transaction(frozen.AtomicRef(0)), "share the values of its references"),
        (frozen.SharedRef(0), "pass it beside the value"),
        *((cls().mutate(), "share what its finish() returns") for cls in (Map, Set, SharedMap, SharedSet)),
        (Unregistered(1), "register_shareable(Unregistered)"),
        (iter([1]), "share a list or tuple of them"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_share_never_advises_itself(value, says):
    for data, path in ({"a": [value]}, "['a'][0]"), ((value,), "[0]"), (value, ""):
        with pytest.raises(NotShareableError, match=re.escape(says)) as caught:
            share(data)
        assert caught.value.path == path
        assert "share() converts" not in str(caught.value)


def test_an_object_of_a_dataclass_is_told_how_to_become_shareable():
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        x: int

    @dataclasses.dataclass
    class Loose:
        x: int

    with pytest.raises(NotShareableError, match=r"frozen\.register_shareable\(Frozen\)$"):
        share([Frozen(1)])
    with pytest.raises(NotShareableError, match="is a mutable dataclass: declare it with frozen=True, and frozen"):
        share([Loose(1)])


def test_no_error_is_thrown_away_where_nothing_is_wrong():
    """Nested documents cost what their containers cost."""
    made = []

    class Counted(NotShareableError):
        def __init__(self, *args):
            made.append(args)
            super().__init__(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("frozen._sharing.NotShareableError", Counted)
        share([{"a": [{"b": datetime.date(2020, 1, 1)}], "c": {1, (2, 3)}}] * 3)
        assert made == []
        with pytest.raises(Counted):
            share([{"a": [{"b": Pool()}]}])
        assert len(made) == 1


def test_the_text_of_an_error_does_not_grow_with_its_value():
    with pytest.raises(NotShareableError) as caught:
        SharedMap(a={"x" * 1000: [*range(300_000)]})
    assert len(str(caught.value)) < 400
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotShareableError) as caught:
        SharedMap(a=deep)
    assert len(str(caught.value)) < 400
    deep = Pool()
    for _ in range(1000):
        deep = {"level": deep}
    with pytest.raises(NotShareableError) as caught:
        share(deep)
    assert len(caught.value.path) < 400
    nested = ([],)
    for _ in range(200):
        nested = (1, nested)
    with pytest.raises(NotShareableError) as caught:
        SharedMap(a=nested)
    assert caught.value.path == "['a']" + 200 * "[1]" + "[0]"
    assert len(str(caught.value)) < 600


def test_share_keeps_what_is_shared():
    inner = share({"a": 1})
    assert share(inner) is inner
    value = (1, "x", inner)
    assert share(value) is value
    assert share(5) == 5


def test_share_shares_what_occurs_twice():
    big = {index: str(index) for index in range(1000)}
    alive = _core._live_shared_nodes()
    one = share({"a": big})
    cost = _core._live_shared_nodes() - alive
    two = share({"a": big, "b": big})
    assert _core._live_shared_nodes() - alive - cost < cost + 10
    assert one["a"] == two["b"]


def test_share_refuses_cycles():
    cycle = {"a": {}}
    cycle["a"]["back"] = cycle
    with pytest.raises(NotShareableError, match="contains itself") as caught:
        share(cycle)
    assert caught.value.path == "['a']['back']"


@pytest.mark.skipif(sys.version_info < (3, 15), reason="frozendict is a builtin from 3.15 on")
def test_share_converts_frozendict():
    assert share({"a": frozendict(b=1)})["a"] == SharedMap(b=1)  # noqa: F821


# Memory


def test_nothing_is_left_behind():
    gc.collect()
    alive = _core._live_shared_nodes()
    shared = SharedMap({index: (str(index), [None, b"x" * 50, 1.5][index % 3]) for index in range(5000)})
    derived = shared.set("new", SharedMap(shared)).delete(7).update({8: "eight"}) | {"x": Blob(b"abc")}
    views = [iter(derived.items()), derived.keys(), derived.mutate(), memoryview(derived["x"])]
    views[2]["more"] = 1
    next(views[0])
    del shared, derived, views
    gc.collect()
    assert _core._live_shared_nodes() == alive


def test_deep_nesting_is_freed_without_recursion():
    alive = _core._live_shared_nodes()
    nested = SharedMap()
    for _ in range(200_000):
        nested = SharedMap(inner=nested)
    assert _core._live_shared_nodes() > alive + 200_000
    del nested
    assert _core._live_shared_nodes() == alive


def test_what_is_equal_already_is_kept():
    shared = SharedMap(text="long enough for a box", number=2**100, nested=SharedMap(a=1))
    for key in shared:
        assert shared.set(key, shared[key]) is shared
    assert shared.update(shared) is shared
    assert SharedMap(shared) is shared


# Blob


def test_blob_is_one_buffer():
    shared = SharedMap(blob=Blob(b"hello" * 1000))
    one, two = memoryview(shared["blob"]), memoryview(shared["blob"])
    assert one.readonly
    assert bytes(one) == b"hello" * 1000
    assert address_of(one) == address_of(two)
    assert address_of(one) % 64 == 0


def test_blob_as_an_object():
    blob = Blob(bytearray(b"abc"))
    assert len(blob) == 3
    assert blob == Blob(b"abc") != Blob(b"abd")
    assert hash(blob) == hash(Blob(b"abc")) == hash(b"abc")
    assert pickle.loads(pickle.dumps(blob)) == blob
    assert repr(blob) == "<frozen.Blob of 3 bytes>"
    assert bytes(Blob(b"")) == b""
    assert hash(Blob(b"")) == hash(b"")
    assert sys.getsizeof(Blob(bytes(10_000))) - sys.getsizeof(Blob(b"")) == 10_000
    assert not is_shareable(memoryview(blob))
    with pytest.raises(TypeError):
        Blob("text")
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedMap({blob: 1})


def test_public_names_are_found_where_types_say():
    for cls in (SharedMap, SharedSet, SharedVector, Blob, frozen.Handle, frozen.NotShareableError):
        assert getattr(frozen, cls.__name__) is cls
