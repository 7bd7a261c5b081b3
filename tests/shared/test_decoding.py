"""Values whose reading fails, or changes what is being read: an object is made before anything is removed for it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
from support import live_shared_nodes

from frozen import AtomicRef, SharedMap, SharedRef, SharedVector, Vector, register_shareable, transaction


class Acting:
    """A registered type: `on_decode` is called whenever an object of it is made of what a container holds."""

    on_decode: Callable[[], Any] | None = None

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Acting) and self.number == other.number

    def __hash__(self) -> int:
        return hash(self.number)


def decode(number: int) -> Acting:
    if Acting.on_decode is not None:
        Acting.on_decode()
    return Acting(number)


register_shareable(Acting, lambda acting: acting.number, decode)


@pytest.fixture(autouse=True)
def _quiet():
    yield
    Acting.on_decode = None


class Refused(Exception):
    pass


def refuse() -> None:
    raise Refused


def once(action: Callable[[], Any]) -> Callable[[], None]:
    def act() -> None:
        Acting.on_decode = None
        action()

    return act


def a_map() -> SharedMap[Any, Any]:
    return SharedMap({"acting": Acting(1)} | {number: Acting(number) for number in range(70)})


def a_vector() -> SharedVector[Any]:
    return SharedVector([Acting(number) for number in range(70)])


POPS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "map": (a_map, lambda m: m.pop("acting")),
    "map, with a default": (a_map, lambda m: m.pop("acting", None)),
    "map, the only entry": (lambda: SharedMap(acting=Acting(1)), lambda m: m.pop("acting")),
    "vector, the last": (a_vector, lambda m: m.pop()),
    "vector, the last by its index": (a_vector, lambda m: m.pop(69)),
    "vector, the first": (a_vector, lambda m: m.pop(0)),
    "vector, from the end": (a_vector, lambda m: m.pop(-50)),
    "vector, the only element": (lambda: SharedVector([Acting(1)]), lambda m: m.pop()),
}


@pytest.mark.parametrize(("make", "pop"), POPS.values(), ids=POPS)
def test_what_cannot_be_made_is_not_removed(make, pop):
    expected, mutation = make(), make().mutate()
    before = live_shared_nodes()
    Acting.on_decode = refuse
    for _ in range(3):
        with pytest.raises(Refused):
            pop(mutation)
    Acting.on_decode = None
    assert len(mutation) == len(expected)
    assert live_shared_nodes() == before
    popped = pop(mutation)
    assert isinstance(popped, Acting)
    assert len(mutation) == len(expected) - 1
    assert mutation.finish() != expected


def test_the_entry_that_is_popped_is_removed_meanwhile():
    mutation = a_map().mutate()
    Acting.on_decode = once(lambda: mutation.delete("acting"))
    with pytest.raises(KeyError, match="acting"):
        mutation.pop("acting")
    mutation["acting"] = Acting(1)
    Acting.on_decode = once(lambda: mutation.pop("acting"))
    assert mutation.pop("acting", "absent") == "absent"
    assert len(mutation) == 70


def test_the_entry_that_is_popped_is_replaced_meanwhile():
    mutation = a_map().mutate()
    Acting.on_decode = once(lambda: mutation.set("acting", Acting(2)))
    assert mutation.pop("acting") == Acting(2)
    assert "acting" not in mutation
    Acting.on_decode = once(lambda: mutation.set("new", 1))
    assert mutation.pop(5) == Acting(5)
    assert mutation.finish() == a_map().delete("acting").delete(5).set("new", 1)


def test_the_elements_move_while_one_is_popped():
    """It is the one at that index at the moment of the removal."""
    mutation = a_vector().mutate()
    Acting.on_decode = once(lambda: mutation.append(Acting(70)))
    assert mutation.pop() == Acting(70)
    Acting.on_decode = once(lambda: mutation.insert(0, Acting(-1)))
    assert mutation.pop(10) == Acting(9)
    assert [acting.number for acting in mutation] == [-1, *range(9), *range(10, 70)]
    Acting.on_decode = once(lambda: mutation.__delitem__(slice(5, None)))
    with pytest.raises(IndexError, match="10"):
        mutation.pop(10)
    Acting.on_decode = once(lambda: mutation.clear())
    with pytest.raises(IndexError, match="pop from an empty SharedVectorMutation"):
        mutation.pop()
    assert mutation.finish() == SharedVector()


@pytest.mark.parametrize(("make", "pop"), POPS.values(), ids=POPS)
def test_finished_while_an_element_is_popped(make, pop):
    mutation = make().mutate()
    Acting.on_decode = once(mutation.finish)
    with pytest.raises(ValueError, match="finished"):
        pop(mutation)
    assert mutation.finish() == make()


KEYS_AND_VALUES: dict[str, Callable[[SharedMap[Any, Any]], Any]] = {
    "items": lambda m: list(m.items()),
    "items, backwards": lambda m: list(reversed(m.items())),
    "repr": repr,
    "dict": dict,
    "==": lambda m: m == {1: 2},
    "merge": lambda m: SharedMap(a=Acting(3)).merge(SharedMap(a=Acting(4)), lambda old, new: new),
    "diff": lambda m: m.diff(SharedMap()),
    "pickle": lambda m: m.__reduce__(),
}


@pytest.mark.parametrize("read", KEYS_AND_VALUES.values(), ids=KEYS_AND_VALUES)
def test_after_one_object_could_not_be_made_no_other_is(read):
    """A decoder is foreign code: it must not be run while the error of another one is on its way."""
    m, calls = SharedMap({Acting(1): Acting(2)}), []

    def refuse_and_count() -> None:
        calls.append(1)
        raise Refused

    Acting.on_decode = refuse_and_count
    with pytest.raises(Refused):
        read(m)
    assert len(calls) == 1


def test_vectors_are_ordered_by_objects_that_can_be_made():
    Acting.on_decode = None
    vectors, calls = [SharedVector([Acting(number)]) for number in range(2)], []

    def refuse_the_first_of_order() -> None:
        calls.append(1)
        if len(calls) > 2:  # two are made to find out that they differ
            raise Refused

    Acting.on_decode = refuse_the_first_of_order
    with pytest.raises(Refused):
        vectors[0] < vectors[1]  # noqa: B015
    assert len(calls) == 3


# What is read piece by piece into a list or tuple: the collector must not know that before it is full.

LENGTH = 1237
ITEMS = (*range(LENGTH - 2), Acting(1), "last")
HELD = {
    "list": (SharedVector(ITEMS), lambda held: held.tolist()),
    "tuple": (SharedVector(ITEMS), lambda held: held.totuple()),
    "tuple in a map": (SharedMap(key=ITEMS), lambda held: held["key"]),
    "tuple in a tuple": (SharedVector([(1, ITEMS)]), lambda held: held[0]),
    "frozenset": (SharedMap(key=frozenset(ITEMS)), lambda held: held["key"]),
    "repr": (SharedVector(ITEMS), repr),
    "pickle": (SharedVector(ITEMS), lambda held: held.__reduce__()),
    "against a Vector": (SharedVector(ITEMS), lambda held: held == Vector(ITEMS)),
    "ref": (SharedRef(ITEMS), lambda held: held.get()),
}


def lists_and_tuples_of(length: int) -> list[Any]:
    return [known for known in gc.get_objects() if type(known) in (list, tuple) and len(known) == length]


@pytest.mark.parametrize(("held", "read"), HELD.values(), ids=HELD)
def test_nothing_half_read_is_known_to_the_collector(held, read):
    before = {id(known) for known in lists_and_tuples_of(LENGTH)}
    found = []

    def look() -> None:
        found.append(sum(id(known) not in before for known in lists_and_tuples_of(LENGTH)))

    Acting.on_decode = look
    read(held)
    assert found
    assert not any(found)


def test_a_snapshot_is_not_known_to_the_collector_before_it_is_whole():
    refs = (SharedRef(Acting(1)), *[AtomicRef(number) for number in range(13)])
    found = []
    for read in (lambda: AtomicRef.snapshot(*refs), transaction(*refs).get):
        refs[0].set(Acting(2))
        before = {id(known) for known in lists_and_tuples_of(len(refs))}
        Acting.on_decode = lambda before=before: found.extend(
            known for known in lists_and_tuples_of(len(refs)) if id(known) not in before
        )
        assert read()[1:] == tuple(range(13))
    assert not found
