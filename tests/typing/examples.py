"""What users write, and the types they expect: checked by mypy --strict and pyright, never run.

It is checked a second time with the names of the two families exchanged (`tools/stubs.py --exchange`). A line that
must be rejected carries both checkers' ignores; mypy (warn_unused_ignores) and pyright
(reportUnnecessaryTypeIgnoreComment below) then complain as soon as it is accepted.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportPrivateUsage=false

from __future__ import annotations

import copy
from collections.abc import Hashable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from typing import Any, assert_type

from frozen import (
    AtomicCounter,
    AtomicRef,
    Map,
    MapItems,
    MapKeys,
    MapMutation,
    MapValues,
    Set,
    SharedMap,
    SharedRef,
    SharedVector,
    Vector,
    Watch,
    snapshot,
    transaction,
)

ints: Map[int, int] = Map({1: 1})
words: Map[str, int] = Map(a=1)
pairs: list[tuple[int, str]] = [(1, "a")]
by_pair: Map[tuple[int, int], str] = Map({(0, 1): "x"})


class WithItems:
    def items(self) -> Iterator[tuple[str, bytes]]:
        yield "a", b"b"


def construction() -> None:
    empty: Map[str, float] = Map()
    assert_type(empty, Map[str, float])
    assert_type(Map({1: "a"}), Map[int, str])
    assert_type(Map(pairs), Map[int, str])
    assert_type(Map(a=1, b=2), Map[str, int])
    assert_type(Map({1: 1.5}, a="x"), Map[int | str, float | str])
    assert_type(Map(words), Map[str, int])
    assert_type(Map(words.items()), Map[str, int])
    assert_type(Map(WithItems()), Map[str, bytes])
    assert_type(Map(zip("ab", [1, 2], strict=True)), Map[str, int])
    assert_type(Map[str, int](a=1), Map[str, int])
    assert_type(Map.fromkeys("ab", 0), Map[str, int])
    assert_type(Map.fromkeys([1, 2]), Map[int, Any | None])
    assert_type(Map(by_pair), Map[tuple[int, int], str])
    assert_type(Map({(0, 1): "x"}), Map[tuple[int, int], str])
    assert_type(Map({(0, 1): "x"}, a=1), Map[tuple[int, int] | str, str | int])
    Map(1)  # type: ignore
    Map([1, 2])  # type: ignore
    Map({}, {})  # type: ignore


def reading() -> None:
    assert_type(words["a"], int)
    assert_type(words.get("a"), int | None)
    assert_type(words.get("a", 0), int)
    assert_type(words.get("a", "none"), int | str)
    assert_type(words.get("a", default=1.5), int | float)
    assert_type("a" in words, bool)
    assert_type(len(words), int)
    assert_type(list(words), list[str])
    assert_type(next(reversed(words)), str)
    assert_type(hash(words), int)
    for key, value in words.items():
        assert_type(key, str)
        assert_type(value, int)
    words[1]  # type: ignore
    words["a"] = 1  # type: ignore
    del words["a"]  # type: ignore


def deriving() -> None:
    assert_type(words.set("b", 2), Map[str, int])
    assert_type(words.set("b", None), Map[str, int | None])
    assert_type(words.set(1, 2), Map[str | int, int])
    assert_type(words.setdefault("b", 2), Map[str, int])
    assert_type(words.setdefault("b"), Map[str, int | None])
    assert_type(words.setdefault(1, 2.5), Map[str | int, int | float])
    assert_type(words.alter("a", str), Map[str, int | str])
    assert_type(words.alter("a", lambda count: count + 1, default=0), Map[str, int])
    words.alter(1, str)  # type: ignore
    assert_type(words.delete("a"), Map[str, int])
    assert_type(words.discard("a").discard("b"), Map[str, int])
    assert_type(words.copy(), Map[str, int])
    assert_type(copy.deepcopy(words), Map[str, int])
    words.delete(1)  # type: ignore


def updating() -> None:
    assert_type(ints.update({2: 2}), Map[int, int])
    assert_type(ints.update({"a": 1}), Map[int | str, int])
    assert_type(ints.update(pairs), Map[int, int | str])
    assert_type(ints.update(pairs, pairs), Map[int, int | str])
    assert_type(ints.update(words), Map[int | str, int])
    assert_type(ints.update(a=1.5), Map[int | str, int | float])
    assert_type(ints.update({b"b": 1j}, a=1.5), Map[int | bytes | str, int | complex | float])
    assert_type(words.update(b=2), Map[str, int])
    assert_type(words.update(), Map[str, int])
    assert_type(words.update(WithItems()), Map[str, int | bytes])
    assert_type(ints.update(by_pair), Map[int | tuple[int, int], int | str])
    assert_type(ints.update({(0, 1): "x"}, a=b"x"), Map[int | tuple[int, int] | str, int | str | bytes])
    ints.update(5)  # type: ignore


def merging() -> None:
    def longer(old: int, new: str) -> float:
        return max(old, len(new)) / 2

    def add(old: int, new: int) -> int:
        return old + new

    assert_type(words.merge({"a": 2}, add), Map[str, int])
    assert_type(ints.merge(pairs, longer), Map[int, int | str | float])
    assert_type(ints.merge({(0, 1): "x"}, longer), Map[int | tuple[int, int], int | str | float])
    words.merge({"a": "b"}, add)  # type: ignore


def union() -> None:
    assert_type(words | words, Map[str, int])
    assert_type(words | {"b": 2}, Map[str, int])
    assert_type(words | {1: "a"}, Map[str | int, int | str])
    assert_type(words | ints, Map[str | int, int])
    assert_type(words | SharedMap(b=2.5), Map[str, int | float])
    assert_type({1: "a"} | words, dict[str | int, int | str])
    rebound = words
    rebound |= {"c": 3}
    assert_type(rebound, Map[str, int])
    words | [("a", 1)]  # type: ignore
    words | None  # type: ignore


def views() -> None:
    assert_type(words.keys(), MapKeys[str, int])
    assert_type(words.values(), MapValues[str, int])
    assert_type(words.items(), MapItems[str, int])
    keys: KeysView[str] = words.keys()
    values: ValuesView[int] = words.values()
    items: ItemsView[str, int] = words.items()
    as_set: AbstractSet[str] = keys
    assert_type(words.keys() & ["a"], set[str])
    assert_type(words.keys() | [1], set[str | int])
    assert_type(words.keys() - {"a": 1}, set[str])
    assert_type(words.items() ^ [(1, "b")], set[tuple[str, int] | tuple[int, str]])
    assert_type(words.keys().mapping, Map[str, int])
    assert_type(list(reversed(words.items())), list[tuple[str, int]])
    assert_type(words.keys().isdisjoint("ab"), bool)
    assert_type(words.keys() <= {"a"}, bool)
    print(keys, values, items, as_set)


def mutations() -> None:
    with words.mutate() as mm:
        assert_type(mm, MapMutation[str, int])
        mm["b"] = 2
        mm.set("c", 3)
        mm.update({"d": 4}, [("e", 5)], f=6)
        del mm["b"]
        mm.delete("c")
        mm.discard("x")
        assert_type(mm.pop("d"), int)
        assert_type(mm.pop("d", None), int | None)
        assert_type(mm["e"], int)
        assert_type(mm.get("e"), int | None)
        assert_type(mm.get("e", "none"), int | str)
        mm["b"] = "text"  # type: ignore
        mm[1] = 2  # type: ignore
        mm.update({1: 1})  # type: ignore
        for _ in mm:  # type: ignore
            pass
    assert_type(mm.finish(), Map[str, int])
    with by_pair.mutate() as grid:
        grid.update({(1, 1): "y"})
        grid.update([((1, 2), "z")])
    with ints.mutate() as numbers:
        numbers.update({2: 2}, [(3, 3)])
        numbers.update(a=1)  # type: ignore


def variance() -> None:
    """A map cannot change, so a map of ints is a map of numbers."""
    numbers: Map[str, float] = words
    anything: Map[str, object] = numbers
    mapping: Mapping[str, object] = anything
    hashable: Hashable = words
    by_map: dict[Map[str, int], str] = {words: "a"}
    print(mapping, hashable, by_map)


def nested(config: Map[str, Map[str, int | str]]) -> None:
    nested(Map(server=Map(port=80), client=Map(name="x")))
    assert_type(config["server"]["port"], int | str)
    assert_type(config.set("server", config["server"].set("port", 81)), Map[str, Map[str, int | str]])


def matching(value: Map[str, int]) -> int:
    match value:
        case {"a": a}:
            assert_type(a, int)
            return a
        case _:
            return 0


def unpacking() -> None:
    def keywords(**entries: int) -> None: ...

    keywords(**words)
    assert_type({**words, "b": 2}, dict[str, int])


# Set


def sets(s: Set[int]) -> None:
    assert_type(Set([1]), Set[int])
    assert_type(s.add("a"), Set[int | str])
    assert_type(s | {"a"}, Set[int | str])
    assert_type(s & {"a"}, Set[int])
    assert_type(s - {1}, Set[int])
    assert_type(s.union(["a"], ["b"]), Set[int | str])
    assert_type(s.remove(1), Set[int])
    assert_type([*s], list[int])
    mutation = s.mutate()
    mutation.add(2)
    assert_type(mutation.finish(), Set[int])
    as_abstract: AbstractSet[float] = s
    assert len(as_abstract) == 1
    s.add([])  # hashability is no matter of types
    s | [1]  # type: ignore[operator]


# Vector


def vectors(v: Vector[int]) -> None:
    assert_type(Vector("ab"), Vector[str])
    assert_type(v[0], int)
    assert_type(v[1:], Vector[int])
    assert_type(v.append("a"), Vector[int | str])
    assert_type(v + Vector(["a"]), Vector[int | str])
    assert_type(v + SharedVector(["a"]), Vector[int | str])
    assert_type(v * 2, Vector[int])
    assert_type(v.set(0, 1.5), Vector[int | float])
    assert_type(v.delete(0).delete(0, 1), Vector[int])
    assert_type(v < SharedVector([1]), bool)
    mutation = v.mutate()
    mutation[0] = 2
    mutation[0:1] = [3]
    mutation.append("a")  # type: ignore[arg-type]
    assert_type(mutation[0:1], Vector[int])
    assert_type(mutation.finish(), Vector[int])
    v + words  # type: ignore[operator]


# References


def references(settings: AtomicRef[Map[str, int]]) -> None:
    assert_type(AtomicRef(words), AtomicRef[Map[str, int]])
    assert_type(AtomicRef[int | None](None).get(), int | None)
    assert_type(AtomicRef().get(), None)
    assert_type(settings.get(), Map[str, int])
    assert_type(settings.get()["a"], int)
    assert_type(settings.lookup("a"), Any)
    assert_type(settings.get_versioned(), tuple[Map[str, int], int])
    assert_type(settings.exchange(words), Map[str, int])
    assert_type(settings.fetch_update(lambda old: old.delete("a")), Map[str, int])
    assert_type(settings.compare_and_set(words, words.set("b", 2)), bool)
    assert_type(settings.compare_and_set(words, words, version=3), bool)
    assert_type(settings.version, int)
    assert_type(settings.wait(settings.version, timeout=1.5), bool)
    settings.set(Map({1: 1}))  # type: ignore
    settings.compare_and_set(words, 1)  # type: ignore
    settings.exchange(None)  # type: ignore


def updates(settings: AtomicRef[Map[str, int]]) -> None:
    def increment(current: Map[str, int], key: str, by: int = 1) -> Map[str, int]:
        return current.set(key, current.get(key, 0) + by)

    assert_type(settings.update(increment, "a"), Map[str, int])
    assert_type(settings.update(increment, "a", by=2), Map[str, int])
    assert_type(AtomicRef(1).update(lambda n: n + 1), int)
    settings.update(increment)  # type: ignore
    settings.update(increment, 1)  # type: ignore
    settings.update(len)  # type: ignore


def several(settings: AtomicRef[Map[str, int]], number: AtomicRef[int], shared: SharedRef[str]) -> None:
    assert_type(snapshot(settings, number), tuple[Map[str, int], int])
    assert_type(AtomicRef.snapshot(settings, number, shared), tuple[Map[str, int], int, str])

    def advance(config: Map[str, int], n: int) -> tuple[Map[str, int], int]:
        return config.set("number", n), n + 1

    assert_type(transaction(settings, number).update(advance), tuple[Map[str, int], int])


def watching(settings: AtomicRef[Map[str, int]]) -> None:
    def changed(old: Map[str, int], new: Map[str, int]) -> None: ...

    assert_type(settings.watch(changed), Watch)
    settings.watch(lambda only_one: None)  # type: ignore


async def waiting(settings: AtomicRef[Map[str, int]]) -> None:
    assert_type(await settings.changed(), tuple[Map[str, int], int])
    async for version in settings.changes():
        assert_type(version, Map[str, int])


def counting(requests: AtomicCounter) -> None:
    assert_type(AtomicCounter(5), AtomicCounter)
    assert_type(requests.get(), int)
    assert_type(requests.take(), int)
    requests.add()
    requests.add(2)
    requests.add(1.5)  # type: ignore
    AtomicCounter("5")  # type: ignore


def shared_references(table: SharedMap[str, int]) -> None:
    settings = SharedRef("settings", table)
    assert_type(settings, SharedRef[SharedMap[str, int]])
    assert_type(SharedRef(table), SharedRef[SharedMap[str, int]])
    assert_type(SharedRef().get(), None)
    assert_type(SharedRef.attach("settings"), SharedRef[Any])
    assert_type(settings.get()["a"], int)
    assert_type(settings.update(lambda config: config.set("a", 2)), SharedMap[str, int])
    assert_type(settings.compare_and_set(table, table.set("b", 2)), bool)
    assert_type(settings.get_versioned(), tuple[SharedMap[str, int], int])
    assert_type(settings.handle().redeem(), SharedRef[SharedMap[str, int]])
    assert_type(settings.name, str | None)
    settings.set(1)  # type: ignore
    SharedRef(1, table)  # type: ignore
