"""Costs that should not grow from one commit to the next: one operation of each part of the library.

    pip install -e . pytest-codspeed && python -m pytest benchmarks/regressions --codspeed

A hosted workflow runs this for each change under CodSpeed, which counts instructions and compares them with the main
branch's. The other benchmarks compare with peers and are run by hand; no test of ours asserts a time.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

import frozen
from frozen import (
    AtomicCounter,
    AtomicMap,
    AtomicRef,
    Map,
    Set,
    SharedMap,
    SharedRef,
    Vector,
    cached,
    freeze,
    share,
    thaw,
)

N = 1_000
TABLE = {f"key{i:05d}": f"value {i}" for i in range(N)}
KEYS = [f"key{i:05d}" for i in range(0, N, 7)]  # other objects than those of the table
DOCUMENT = json.loads(json.dumps({"users": [{"id": i, "name": f"user {i}", "tags": ["a", "b"]} for i in range(200)]}))
FAMILIES = pytest.mark.parametrize("Mapping", [Map, SharedMap])


@FAMILIES
def test_build(benchmark: Any, Mapping: Any) -> None:
    assert len(benchmark(Mapping, TABLE)) == N


@FAMILIES
def test_get(benchmark: Any, Mapping: Any) -> None:
    table = Mapping(TABLE)
    assert benchmark(lambda: [table[key] for key in KEYS]) == [TABLE[key] for key in KEYS]


@FAMILIES
def test_set(benchmark: Any, Mapping: Any) -> None:
    table = Mapping(TABLE)

    def changed() -> Any:
        new = table
        for key in KEYS:
            new = new.set(key, "new")
        return new

    assert benchmark(changed)[KEYS[0]] == "new"


@FAMILIES
def test_batch(benchmark: Any, Mapping: Any) -> None:
    table, changes = Mapping(TABLE), dict.fromkeys(KEYS, "new")
    assert benchmark(table.update, changes)[KEYS[0]] == "new"


@FAMILIES
def test_iterate(benchmark: Any, Mapping: Any) -> None:
    assert len(benchmark(lambda: list(Mapping(TABLE).items()))) == N


@FAMILIES
def test_diff_and_apply(benchmark: Any, Mapping: Any) -> None:
    old = Mapping(TABLE)
    new = old.update(dict.fromkeys(KEYS[:10], "new"))
    assert benchmark(lambda: old.apply(old.diff(new))) == new


def test_union_of_sets_that_share_most(benchmark: Any) -> None:
    one = Set(TABLE)
    other = one.update([f"more {i}" for i in range(10)])
    assert len(benchmark(lambda: one | other)) == N + 10


def test_append_and_slice(benchmark: Any) -> None:
    def worked() -> Any:
        vector: Vector[int] = Vector()
        for i in range(100):
            vector = vector.append(i)
        return vector[10:50] + vector[50:]

    assert len(benchmark(worked)) == 90


@pytest.mark.parametrize("convert", [freeze, share])
def test_convert(benchmark: Any, convert: Any) -> None:
    assert thaw(benchmark(convert, DOCUMENT)) == DOCUMENT


def test_thaw(benchmark: Any) -> None:
    assert benchmark(thaw, freeze(DOCUMENT)) == DOCUMENT


def test_encode_and_decode(benchmark: Any) -> None:
    value = freeze(DOCUMENT)
    assert benchmark(lambda: frozen.decode(frozen.encode(value))) == value


@pytest.mark.parametrize("Ref", [AtomicRef, SharedRef])
def test_reference(benchmark: Any, Ref: Any) -> None:
    ref = Ref(SharedMap(TABLE))

    def worked() -> Any:
        for key in KEYS[:20]:
            ref.update(lambda table, key=key: table.set(key, "new"))
        return [ref.get()[key] for key in KEYS]

    assert benchmark(worked)[:20] == ["new"] * 20


def test_atomic_map(benchmark: Any) -> None:
    table: AtomicMap[str, int] = AtomicMap()

    def counted() -> int:
        for key in KEYS:
            table.add(key)
        return len(table.snapshot())

    assert benchmark(counted) == len(KEYS)


def test_counter(benchmark: Any) -> None:
    counter = AtomicCounter()
    benchmark(lambda: [counter.add(1) for _ in range(100)])
    assert counter.get() >= 100


def test_cache_hits(benchmark: Any) -> None:
    @cached(maxsize=N)
    def length(key: str) -> int:
        return len(key)

    assert benchmark(lambda: [length(key) for key in KEYS]) == [8] * len(KEYS)


def test_file(benchmark: Any, tmp_path: Any) -> None:
    frozen.save(Map(TABLE), tmp_path / "table.frozen")
    assert benchmark(lambda: [frozen.open(tmp_path / "table.frozen")[key] for key in KEYS[:5]])[0] == "value 0"
