"""AtomicMap, which has no twin in the shared family, as mypy and pyright see it. Never run. See examples.py."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportPrivateUsage=false

from typing import assert_type

from frozen import ABSENT, AtomicMap, Map


def increased(value: int) -> int:
    return value + 1


def atomic_maps(sessions: AtomicMap[str, int], old: Map[str, int]) -> None:
    from_mapping: AtomicMap[str, int] = AtomicMap({"a": 1})
    from_pairs: AtomicMap[str, int] = AtomicMap([("a", 1)])
    assert_type(from_mapping["a"], int)
    assert_type(from_pairs["a"], int)
    assert_type(sessions["a"], int)
    assert_type(sessions.get("a"), int | None)
    assert_type(sessions.get("a", 2.5), int | float)
    assert_type(sessions.pop("a", None), int | None)
    assert_type(sessions.setdefault("a", 1), int)
    assert_type(sessions.exchange("a", 1), int | None)
    assert_type(sessions.compare_and_set("a", 1, ABSENT), bool)
    assert_type(sessions.update("a", increased, default=0), int)
    assert_type(sessions.update("a", max, 5), int)
    assert_type(sessions.snapshot(), Map[str, int])
    assert_type(sessions.drain(), Map[str, int])
    assert_type(sessions.get_versioned(), tuple[Map[str, int], int])
    assert_type(sessions.compare_and_set_all(old, old.set("b", 2)), bool)
    assert_type(list(sessions), list[str])
    assert_type(sessions.version, int)
    sessions["a"] = "text"  # type: ignore
    sessions[1]  # type: ignore
    sessions.update_all({"a": "text"})  # type: ignore
    AtomicMap(5)  # type: ignore
