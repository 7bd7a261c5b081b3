"""Methods of the containers as functions of `update`: checked by mypy --strict and pyright, never run.

Not in pyright's strict mode, which finds the type of `Map.set` partially unknown wherever it is named.
"""

from typing import assert_type

from frozen import AtomicRef, Map, Set, SharedMap, SharedRef, Vector


def updates(settings: AtomicRef[Map[str, int]], shared: SharedRef[SharedMap[str, int]]) -> None:
    assert_type(settings.update(Map.set, "a", 1), Map[str, int])
    assert_type(settings.update(Map.update, {"a": 1}), Map[str, int])
    assert_type(settings.update(Map.delete, "a"), Map[str, int])
    assert_type(shared.update(SharedMap.set, "a", 1), SharedMap[str, int])
    assert_type(AtomicRef(Vector([1])).update(Vector.append, 2), Vector[int])
    assert_type(AtomicRef(Set([1])).update(Set.add, 2), Set[int])
    assert_type(settings.fetch_update(Map.set, "a", 1), Map[str, int])
    settings.update(Map.set, "a", "text")  # type: ignore
