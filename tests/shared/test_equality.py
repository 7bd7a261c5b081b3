"""When shared values are equal, and what they hash to: nested ones at the cost of what is stored, NaNs by their bits,
and the same before hash() and after it, in every interpreter."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import math
import sys
import zoneinfo
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import pytest
from support import Subinterpreter, live_shared_nodes, needs_subinterpreters

from frozen import (
    Map,
    NotShareableError,
    SharedMap,
    SharedRef,
    SharedSet,
    SharedVector,
    is_shareable,
    register_shareable,
)

DEPTH = 200
"""Of values each of which holds the one before twice: no walk over all 2 ** DEPTH paths would end."""


class Node:
    """Registered; its value is encoded as a tuple of two others."""

    def __init__(self, left: object, right: object) -> None:
        self.parts = left, right

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)


register_shareable(Node, lambda node: node.parts, lambda parts: Node(*parts))

PAIRS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda part: (part, part),
    "longer tuple": lambda part: (part, 1, part, "text", part),
    "frozenset in a tuple": lambda part: (frozenset([1]), part, part),
    "SharedVector": lambda part: SharedVector([part, part]),
    "SharedMap": lambda part: SharedMap(left=part, right=part),
    "SharedMap in a tuple": lambda part: (SharedMap(left=part), SharedMap(left=part)),
    "tuple in a SharedVector": lambda part: SharedVector([(part, part), (part, part)]),
    "registered": lambda part: Node(part, part),
}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)


def nested(pair: Callable[[Any], Any], leaf: object, depth: int = DEPTH) -> Any:
    value: Any = (leaf, 2**70)
    for _ in range(depth):
        value = pair(value)
    return value


@pytest.fixture
def deep():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * DEPTH)
    yield
    sys.setrecursionlimit(limit)


@pairs
def test_what_occurs_twice_is_stored_once(pair, deep):
    before = live_shared_nodes()
    value = nested(pair, 1.5)
    held = SharedMap(value=value, again=value)
    assert live_shared_nodes() - before < 20 * DEPTH
    assert is_shareable(value)
    del held, value
    assert live_shared_nodes() == before


@pairs
def test_equality_and_hash_take_as_many_steps_as_there_are_boxes(pair, deep):
    one, other = (SharedVector([0, nested(pair, 1.5)]) for _ in range(2))
    different = SharedVector([0, nested(pair, 2.5)])
    assert one == other
    assert one != different
    if pair is not PAIRS["registered"]:  # a class's own __hash__ is Python's business
        assert hash(one) == hash(other)
    assert one == other
    assert one != different


@pytest.mark.parametrize("pair", [PAIRS["tuple"], PAIRS["longer tuple"]])
def test_what_occurs_twice_is_read_as_one_object(pair, deep):
    held = SharedMap(value=nested(pair, 1.5))
    value = held["value"]
    for _ in range(DEPTH):
        assert value[0] is value[-1]
        value = value[-1]
    assert value == (1.5, 2**70)


def test_a_long_text_in_a_tuple_is_stored_once_and_read_once():
    text = "a text that is too long for a word"
    before = live_shared_nodes()
    held = SharedMap(value=(text,) * 1000)
    assert live_shared_nodes() - before <= 4
    assert len({id(part) for part in held["value"]}) == 1
    assert held["value"] == (text,) * 1000


def test_values_with_a_hash_of_this_interpreter_alone_are_hashed_in_as_many_steps_as_there_are_boxes(deep):
    for pair in (PAIRS["tuple"], PAIRS["SharedVector"], PAIRS["SharedMap"]):
        one, other = (SharedVector([nested(pair, zoneinfo.ZoneInfo("UTC"))]) for _ in range(2))
        assert one == other
        assert hash(one) == hash(other)


def test_whether_a_giant_can_be_a_key_takes_as_many_steps_as_it_has_nodes():
    giant, same = (SharedVector([0, "a text that needs a box"]) * 2**45 for _ in range(2))
    assert SharedMap({giant: 1})[same] == 1
    assert SharedSet([giant]) == SharedSet([same])


def test_a_tuple_is_looked_for_in_as_many_steps_as_there_are_boxes(deep):
    value = nested(PAIRS["tuple"], 1.5)
    held = SharedVector([value])
    assert value in held
    assert nested(PAIRS["tuple"], 1.5) in held
    assert held.index(value) == 0
    assert nested(PAIRS["tuple"], 2.5) not in held


@pytest.mark.parametrize(
    "wrap",
    [lambda part: SharedVector([part]), lambda part: SharedMap(part=part), lambda part: SharedVector([(part,)])],
    ids=["SharedVector", "SharedMap", "SharedVector of a tuple"],
)
def test_what_is_nested_too_deeply_for_the_stack_is_an_error(wrap):
    one: Any = wrap(1.5)
    other: Any = wrap(1.5)
    for _ in range(100_000):
        one, other = wrap(one), wrap(other)
    for walk in (lambda: one == other, lambda: hash(one), lambda: one != other, lambda: SharedMap({one: 1})):
        with pytest.raises(RecursionError):
            walk()


# NaN


class Measured(NamedTuple):
    value: float


@dataclasses.dataclass(frozen=True)
class Reading:
    value: object


register_shareable(Measured)
register_shareable(Reading)
NAN, DECIMAL_NAN = math.nan, decimal.Decimal("NaN")
NOT_NUMBERS = [
    *(NAN, -NAN, complex(NAN, 1), complex(1, NAN), DECIMAL_NAN, decimal.Decimal("-NaN123")),
    *((NAN,), (1, (NAN, "a")), frozenset([NAN, 1]), (frozenset([NAN, (NAN,)]),), (complex(0, NAN),)),
    *(
        (DECIMAL_NAN, NAN),
        frozenset([DECIMAL_NAN, *range(20)]),
        Measured(NAN),
        Reading(NAN),
        Reading((NAN, DECIMAL_NAN)),
    ),
    *(SharedVector([NAN]), SharedMap(a=(NAN,)), (SharedMap(a=NAN), SharedVector([(NAN,)]))),
]
not_numbers = pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: repr(value)[:40])


def in_a_map(value: object, entries: int) -> SharedMap[Any, Any]:
    return SharedMap({number: number for number in range(entries)}).set("key", value)


@not_numbers
@pytest.mark.parametrize("entries", [0, 100])
def test_a_nan_is_equal_to_itself_before_hash_and_after_it(value, entries):
    one, other = in_a_map(value, entries), in_a_map(value, entries)
    different = in_a_map((value, 1), entries)
    assert one == other
    assert one != different
    assert hash(one) == hash(other) == hash(one.set("key", value))
    assert hash(one) != hash(different)
    assert one == other == one.set("key", value)
    assert one != different
    assert len({one, other}) == 1
    assert len({SharedVector([value]), SharedVector([value])}) == 1


@not_numbers
def test_a_nan_is_found_where_it_is(value):
    held = SharedVector([0, value])
    assert value in held
    assert held.index(value) == 1
    assert held.count(value) == 1


@pytest.mark.parametrize("key", [NAN, (NAN,), frozenset([NAN]), DECIMAL_NAN, Measured(NAN), Reading(NAN)], ids=repr)
def test_what_is_not_equal_to_itself_when_it_is_read_is_no_key(key):
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedMap({key: 1})
    assert key not in SharedMap({1: 1})


def test_other_kinds_of_nan_are_other_values():
    assert SharedMap(a=NAN) != SharedMap(a=-NAN)
    assert SharedMap(a=(NAN,)) != SharedMap(a=(DECIMAL_NAN,))
    assert SharedMap(a=(0.0, NAN)) == SharedMap(a=(-0.0, NAN)) == SharedMap(a=(0, NAN))
    assert hash(SharedMap(a=(0.0, NAN))) == hash(SharedMap(a=(-0.0, NAN))) == hash(SharedMap(a=(False, NAN)))


def test_frozensets_are_equal_in_any_order():
    members = [1, "a", 2.5, (1, 2), frozenset([3]), decimal.Decimal("7.5"), NAN, *range(100, 200)]
    one, other = SharedMap(a=frozenset(members)), SharedMap(a=frozenset(reversed(members)))
    assert one == other
    assert hash(one) == hash(other)
    assert one != SharedMap(a=frozenset([*members[1:], 99]))
    assert SharedMap(a=frozenset([1, 2.0])) == SharedMap(a=frozenset([True, 2]))


# Hashes that are this interpreter's


class Interned:
    """Equal and hashed by identity, and registered by its name; `decode` finds the one object."""

    known: ClassVar[dict[str, Interned]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.known[name] = self


class ById(Interned):
    def __hash__(self) -> int:
        return id(self)


register_shareable(Interned, lambda interned: interned.name, lambda name: Interned.known[name])
register_shareable(ById, lambda interned: interned.name, lambda name: Interned.known[name])
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
BY_ADDRESS = [BERLIN, Interned("interned")]


@pytest.mark.parametrize("key", BY_ADDRESS, ids=lambda key: type(key).__name__)
def test_a_key_that_hashes_by_its_address_is_found_by_its_value(key):
    held = SharedMap({"a": 0, key: 1, None: 2, ...: 3})
    assert held[key] == 1
    assert held.set(key, 2)[key] == 2
    assert held[None] == 2
    assert held.delete(key) == {"a": 0, None: 2, ...: 3}
    assert key in SharedSet([key])
    assert held == {"a": 0, key: 1, None: 2, ...: 3} == Map(held)
    assert hash(held) == hash(Map(held))
    assert hash(SharedSet([key, 1])) == hash(frozenset([key, 1]))
    assert object() not in held
    assert Interned not in held


@pytest.mark.parametrize(
    "inside", [(BERLIN,), frozenset([BERLIN]), Reading(BERLIN), SharedMap(zone=BERLIN), ById("by id")]
)
def test_a_key_whose_hash_is_made_of_an_address_is_refused(inside):
    for store in (lambda: SharedMap({inside: 1}), lambda: SharedSet([inside]), lambda: SharedMap().set(inside, 1)):
        with pytest.raises(NotShareableError, match="cannot be a key: its hash, or that of something in it"):
            store()
    assert SharedMap(value=inside)["value"] == inside
    assert inside not in SharedMap({1: 1})


class OfItsClass:
    """What its hash is made of is `hashed(self)`, the class among it."""

    def __init__(self, value: object) -> None:
        self.value = self.type = value

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.value == other.value  # type: ignore[attr-defined]


class ByType(OfItsClass):
    def __hash__(self) -> int:
        return hash((type(self), self.value))


class ByClass(OfItsClass):
    def __hash__(self) -> int:
        return hash(self.__class__) ^ hash(self.value)


class ByItself(OfItsClass):
    def __hash__(self) -> int:
        return hash((ByItself, self.value))


class ByName(OfItsClass):
    def __hash__(self) -> int:
        return hash((type(self).__name__, self.type))


class ByField(OfItsClass):
    def __hash__(self) -> int:
        return hash(("field", self.type))


for cls in (ByType, ByClass, ByItself, ByName, ByField):
    register_shareable(cls, lambda object: object.value, cls)


@pytest.mark.parametrize("cls", [ByType, ByClass, ByItself])
def test_what_is_hashed_with_its_class_is_a_value_and_no_key(cls):
    for key in (cls(1), (cls(1),)):
        with pytest.raises(NotShareableError, match="cannot be a key: its hash, or that of something in it"):
            SharedMap({key: 1})
        assert key not in SharedSet([1])
    held = SharedMap(value=cls(1))
    assert held == SharedMap(value=cls(1)) == Map(value=cls(1))
    assert hash(held) == hash(Map(value=cls(1)))


@pytest.mark.parametrize("cls", [ByName, ByField])
def test_what_is_hashed_by_its_value_is_a_key(cls):
    assert cls(1) in SharedSet([cls(1)])
    assert (cls(1),) in SharedSet([(cls(1),)])


def test_structs_of_msgspec_are_hashed_with_their_class():
    msgspec = pytest.importorskip("msgspec")
    cls = msgspec.defstruct("Struct", [("x", int)], frozen=True, module=__name__)
    globals()["Struct"] = cls
    register_shareable(cls, lambda struct: struct.x, cls)
    assert SharedVector([cls(1)]) == SharedVector([cls(1)])
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedSet([cls(1)])


def test_a_zone_that_is_another_one_when_it_is_read_is_no_key():
    with pytest.raises(NotShareableError, match="cannot be a key"):
        SharedMap({zoneinfo.ZoneInfo.no_cache("Europe/Berlin"): 1})


def test_times_go_by_their_offset_whatever_their_zone_hashes_to():
    key = datetime.datetime(2024, 5, 17, 12, tzinfo=BERLIN)
    assert SharedMap({key: 1})[key] == 1
    assert SharedMap({(key,): 1})[key,] == 1


@pytest.mark.parametrize(
    "value", [*BY_ADDRESS, (BERLIN,), Reading(BERLIN), ById("value"), datetime.date(2024, 5, 17)], ids=repr
)
def test_values_hash_as_in_a_map_of_this_interpreter(value):
    shared = in_a_map(value, 100)
    assert hash(shared) == hash(Map(shared))


SHOWN_ELSEWHERE = """
import datetime, sys
from frozen import SharedMap, SharedRef, SharedVector
if sys.version_info[:2] != (3, 12):
    from zoneinfo import ZoneInfo
    berlin = ZoneInfo("Europe/Berlin")
else:  # whose first releases cannot import zoneinfo here
    berlin = None
values = {"zone": berlin, "zone in a tuple": ("x", (berlin,)), "date": datetime.date(2024, 5, 17),
          "in a vector": SharedVector([berlin] * 50), "time": datetime.time(1, tzinfo=datetime.timezone.utc)}
def in_a_map(value):
    return SharedMap({number: number for number in range(100)}).set("key", value)
def wrong():
    for name, value in values.items():
        own, got = in_a_map(value), SharedRef.attach("seen " + name).get()
        before = own == got
        hashes = hash(own), hash(got), hash(in_a_map(value))
        if not (before and own == got and len(set(hashes)) == 1):
            yield name
    held = SharedRef.attach("zones").get()
    if held.get(berlin) != 1 or list(held) != [berlin] or held != {berlin: 1} or not held.keys() == {berlin}:
        yield "key"
"""


@needs_subinterpreters
def test_equal_values_are_equal_and_hash_alike_in_every_interpreter():
    names: dict[str, Any] = {}
    exec(SHOWN_ELSEWHERE, names)
    published = {"seen " + name: names["in_a_map"](value) for name, value in names["values"].items()}
    published["zones"] = SharedMap({names["berlin"]: 1})
    for name, value in published.items():
        hash(value)
        SharedRef(name, value)
    try:
        assert not list(names["wrong"]())
        for _ in range(2):
            with Subinterpreter() as interpreter:
                interpreter.run(SHOWN_ELSEWHERE + "assert not (found := list(wrong())), found")
    finally:
        for name in published:
            SharedRef.unlink(name)
