"""What type checkers make of remote references."""

from __future__ import annotations

from typing import Any, assert_type

from frozen import AtomicRef, Map, SharedRef, Watch
from frozen.redis import RedisRef
from frozen.remote import MemoryEngine, MemoryServer, RemoteRef, Stats


def verbs(client: Any) -> None:
    ref = RedisRef(client, "name", Map(a=1))
    assert_type(ref, RedisRef[Map[str, int]])
    assert_type(ref.get(), Map[str, int])
    assert_type(ref.get_versioned(), tuple[Map[str, int], int])
    assert_type(ref.update(lambda m: m.set("b", 2)), Map[str, int])
    assert_type(ref.update(Map.set, "b", 2), Map[str, int])
    assert_type(ref.exchange(Map(a=2)), Map[str, int])
    assert_type(ref.compare_and_set(None, Map(a=3)), bool)
    assert_type(ref.watch(lambda old, new: print(old, new)), Watch)
    assert_type(ref.wait(0, 1.0), bool)
    assert_type(ref.age, float)
    assert_type(ref.revision, str)
    assert_type(ref.stats, Stats)
    assert_type(ref.error, BaseException | None)
    assert_type(ref.local, AtomicRef[Map[str, int]] | SharedRef[Map[str, int]])
    other: RedisRef[int] = RedisRef.attach(client, "name", initial=1, cache="file", check=print, types=[int], block=0.5)
    with other:
        other.sync(1.0)


def engines() -> None:
    with RemoteRef(MemoryEngine(MemoryServer()), "name", 1) as ref:
        assert_type(ref.get(), int)


async def tasks(ref: RemoteRef[int]) -> None:
    assert_type(await ref.changed(), tuple[int, int])
    async for value in ref.changes():
        assert_type(value, int)
