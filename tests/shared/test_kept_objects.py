"""Objects made of what shared memory holds: immutable ones are kept for a while, and read again they are the same."""

from __future__ import annotations

import dataclasses
import datetime
import gc
import ipaddress
import random
import threading
import uuid
import weakref
from collections import namedtuple
from fractions import Fraction
from typing import Any

import pytest
from everyday_values import Limits, Point, read_and_check
from support import (
    FREE_THREADED,
    Subinterpreter,
    eventually,
    live_shared_nodes,
    needs_subinterpreters,
    run_threads,
    switch_interval,
)

from frozen import SharedMap, SharedVector, register_shareable

needs_tables_of_threads = pytest.mark.skipif(
    not FREE_THREADED, reason="the interpreter keeps the objects for all threads"
)
MOST = 4096  # BLOCK_SETS * DECODED_WAYS of src/shared


class Box:
    """Registered, with content that can change."""

    def __init__(self, content: list[int]) -> None:
        self.content = content


register_shareable(Box, lambda box: tuple(box.content), lambda content: Box(list(content)))

IMMUTABLE: dict[str, Any] = {
    "moment": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "UUID": uuid.UUID(int=5),
    "tuple": (1, "a text that is in a box", None),
    "nested tuple": (1, (2.5, b"bytes", (3,))),
    "named tuple": Point(1, 2),
    "record": Limits.of(1, Fraction(1, 3)),
    "in a tuple": (datetime.date(2020, 1, 1), uuid.UUID(int=6)),
}
NOT_KEPT: dict[str, Any] = {
    "that holds what can change": Point(1, Box([1])),
    "tuple that holds what can change": (1, (2, Box([1]))),
    "that holds a container": Point(1, SharedVector([1])),
    "large": (*range(100),),
    "of a long text": (1, "long" * 1000),
}


@pytest.mark.parametrize("value", IMMUTABLE.values(), ids=IMMUTABLE)
def test_what_cannot_change_is_one_object_for_all_reads(value):
    shared = SharedMap(key=value)
    first, _ = shared["key"], shared["key"]
    assert first == value
    assert shared["key"] is shared["key"]
    assert SharedMap(other=1).update(shared)["key"] is shared["key"]


@pytest.mark.parametrize("value", NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_can_change_or_is_large_is_made_at_each_read(value):
    shared = SharedMap(key=value)
    objects = [shared["key"] for _ in range(5)]
    assert len({id(made) for made in objects}) == 5


def test_a_change_of_an_object_read_is_seen_by_no_other_reader():
    shared = SharedMap(key=Point(1, Box([1])))
    for _ in range(5):
        content = shared["key"].y.content
        assert content == [1]
        content.append(2)


@register_shareable
@dataclasses.dataclass(frozen=True)
class Counted:
    number: int


@register_shareable
class Noted(namedtuple("Noted", "x y")):  # noqa: PYI024 - it has a __dict__
    pass


@register_shareable
class Derived(Counted):
    """Whose dataclass refuses attributes for its own objects only."""


OPEN: dict[str, Any] = {
    "named tuple": Noted(1, 2),
    "in a named tuple": Point(1, Noted(1, 2)),
    "record": Derived(1),
    "network": ipaddress.ip_network("10.0.0.0/8"),
}


@pytest.mark.parametrize("value", OPEN.values(), ids=OPEN)
def test_an_attribute_that_is_set_is_seen_by_no_other_reader(value):
    shared = SharedMap(key=value, inside=(value, 1))
    for _ in range(5):
        for read in (shared["key"], shared["inside"][0]):
            made = read.y if type(read) is Point else read
            assert not hasattr(made, "note")
            made.note = "set"


def test_no_read_gives_the_object_of_a_box_that_was_freed():
    read_and_check(random.Random(1), 1000)


def test_no_thread_reads_the_object_of_a_box_that_another_thread_freed():
    with switch_interval():
        run_threads(*[lambda seed=seed: read_and_check(random.Random(seed), 200) for seed in range(4)])


@needs_subinterpreters
def test_no_interpreter_reads_the_object_of_a_box_that_another_one_freed():
    def read_there() -> None:
        with Subinterpreter() as interpreter:
            interpreter.run("import random, everyday_values; everyday_values.read_and_check(random.Random(2), 300)")

    run_threads(read_there, read_there, lambda: read_and_check(random.Random(3), 300))


@needs_subinterpreters
def test_a_box_that_another_interpreter_freed_is_forgotten_here():
    with Subinterpreter() as interpreter:
        interpreter.run("from frozen import SharedMap; from fractions import Fraction; made = None")
        for n in range(200):
            content = {key: Fraction(n, 1 + key) for key in range(20)}
            shared = SharedMap(content)
            for _ in range(2):
                assert dict(shared.items()) == content
            interpreter.give(shared=shared)
            del shared  # the last reference is there
            interpreter.run(f"del shared; made = SharedMap({{key: Fraction({n}, 31 + key) for key in range(20)}})")


def alive() -> int:
    gc.collect()
    return sum(type(found) is Counted for found in gc.get_objects())


def test_the_objects_that_are_kept_are_bounded():
    shared = SharedVector([Counted(n) for n in range(3 * MOST)])
    for _ in range(3):
        for number, made in enumerate(shared):
            assert made.number == number
    del made
    assert alive() <= MOST


def test_a_new_registration_lets_go_of_what_was_kept():
    shared = SharedMap(key=Counted(1))
    kept = weakref.ref(shared["key"])
    assert kept() is shared["key"]
    register_shareable(Counted)
    assert kept() is None
    assert shared["key"] == Counted(1)


def test_what_gives_way_may_read_while_it_ends():
    held = SharedMap({key: Counted(key) for key in range(100)})
    ended: list[int] = []
    for _ in range(20):
        shared = SharedVector([Counted(n) for n in range(200)])
        for made in shared:
            weakref.finalize(made, lambda: ended.append(len({made.number for made in held.values()})))
        del made, shared
        register_shareable(Counted)
    assert ended == [100] * 20 * 200


@needs_tables_of_threads
def test_a_thread_keeps_objects_of_its_own():
    shared = SharedMap(key=Counted(1))
    kept = shared["key"]
    found: list[Any] = []
    run_threads(lambda: found.extend(shared["key"] for _ in range(2)))
    assert found[0] is found[1] is not kept
    assert found == [Counted(1)] * 2
    assert shared["key"] is kept


@needs_tables_of_threads
def test_a_thread_that_ends_lets_go_of_what_it_kept():
    shared, kept = SharedMap(key=Counted(1)), []

    def read() -> None:
        kept.append(weakref.ref(shared["key"]))
        assert kept[0]() is shared["key"]

    run_threads(read)
    assert kept[0]() is None


@needs_tables_of_threads
def test_a_thread_that_ends_may_read_after_it_let_go():
    """As what a thread-local variable holds does, before the dict of the thread state is cleared or after."""
    shared, read = SharedMap(key=Counted(1)), []
    local = threading.local()

    class Reads:
        def __del__(self) -> None:
            read.append(shared["key"].number)

    def run() -> None:
        local.first = Reads()
        made = shared["key"]
        weakref.finalize(made, Reads)
        local.second = Reads()

    run_threads(run)
    assert read == [1, 1, 1]


def test_a_registration_reaches_what_other_threads_keep():
    shared, registered, kept = SharedMap(key=Counted(1)), threading.Event(), threading.Event()

    def read() -> None:
        made = weakref.ref(shared["key"])
        assert made() is shared["key"]
        kept.set()
        assert registered.wait(60)
        assert shared["key"] == Counted(1)
        assert made() is None

    def register() -> None:
        assert kept.wait(60)
        register_shareable(Counted)
        registered.set()

    run_threads(read, register)


def test_threads_read_what_is_registered_while_they_read():
    shared = SharedVector([Counted(n) for n in range(50)])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            assert [made.number for made in shared] == [*range(50)]

    def register() -> None:
        for _ in range(200):
            register_shareable(Counted)
        done.set()

    with switch_interval():
        run_threads(read, read, register)


@needs_subinterpreters
def test_a_thread_that_reads_in_two_interpreters_gets_objects_of_each():
    with Subinterpreter() as interpreter:
        shared = SharedMap(key=Point(1, 2))
        interpreter.give(shared=shared)
        interpreter.run("import everyday_values")
        for _ in range(5):
            assert type(shared["key"]) is Point
            interpreter.run("assert type(shared['key']) is everyday_values.Point")


@needs_subinterpreters
def test_an_interpreter_ends_with_what_it_keeps():
    before = live_shared_nodes()
    with Subinterpreter() as interpreter:
        interpreter.give(shared=SharedVector([Point(n, n) for n in range(1000)]))
        interpreter.run("import everyday_values\nfor _ in range(3): assert len({point.x for point in shared}) == 1000")
    gc.collect()
    eventually(lambda: live_shared_nodes() == before)


def test_what_is_read_no_longer_gives_way_to_what_is_read_by_turns():
    """Also where the values of both tables are alive, and those of the second one are read in one order."""

    def table(first: int) -> SharedMap[int, Any]:
        return SharedMap({i: Limits.of(first + i, Fraction(1, 3)) for i in range(1_000)})

    def found_again(shared: SharedMap[int, Any], rounds: int) -> int:
        """How many of the last round's objects are those of the round before."""
        made: list[Any] = [None] * len(shared)
        for _ in range(rounds):
            before, made = made, [shared[key] for key in range(len(shared))]
        return sum(one is other for one, other in zip(before, made, strict=True))

    outdated, current = [table(10_000 * n) for n in range(3)], table(100_000)
    for shared in outdated:
        found_again(shared, 30)
    soon, later = found_again(current, 4), found_again(current, 300)
    assert later >= soon + (len(current) - soon) / 2  # those that others kept out; some have no place beside each other
