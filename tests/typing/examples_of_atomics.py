"""AtomicMap and Cache, which have no shared twins, as mypy and pyright see them. Never run. See examples.py."""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportPrivateUsage=false

from collections.abc import Awaitable, Callable
from typing import assert_type

from frozen import ABSENT, AtomicMap, Cache, Map, cached


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


def caches(cache: Cache[str, int], load: Callable[[int], Awaitable[int]]) -> None:
    assert_type(cache["a"], int)
    assert_type(cache.get("a"), int | None)
    assert_type(cache.get("a", 2.5), int | float)
    assert_type(cache.pop("a", None), int | None)
    assert_type(cache.get_or_compute("a", increased, 1), int)
    assert_type(cache.snapshot(), Map[str, int])
    assert_type(cache.stats().hits, int)
    assert_type(cache.maxsize, int | None)
    assert_type(list(cache), list[str])
    own: Cache[str, bytes] = Cache(1_000_000, weigh=len, ttl=60)
    own.set("a", b"", ttl=None)
    cache["a"] = "text"  # type: ignore
    cache.get_or_compute("a", increased, "text")  # type: ignore
    Cache(maxsize="many")  # type: ignore


async def async_caches(cache: Cache[str, int], load: Callable[[int], Awaitable[int]]) -> None:
    assert_type(await cache.get_or_compute_async("a", load, 1), int)


@cached
def area(width: int, height: int = 1) -> str:
    return str(width * height)


@cached(maxsize=None, ttl=5, cache_exceptions=KeyError)
async def fetch(url: str) -> bytes:
    return url.encode()


class Service:
    @cached
    def rate(self, currency: str) -> float:
        return float(len(currency))


async def decorated(service: Service) -> None:
    assert_type(area(1, height=2), str)
    assert_type(area.cache_info().hits, int)
    assert_type(area.__wrapped__(1), str)
    assert_type(await fetch("a"), bytes)
    assert_type(service.rate("EUR"), float)
    area("text")  # type: ignore
    service.rate(5)  # type: ignore
    await fetch(5)  # type: ignore
