"""Containers as types of pydantic's fields: validated with their parameters, written, in the schema."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

import frozen
from frozen import (
    FileMap,
    FileSet,
    FileVector,
    Map,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    freeze,
    share,
    thaw,
)

pydantic = pytest.importorskip("pydantic")
from pydantic import BaseModel, TypeAdapter, ValidationError  # noqa: E402

pytestmark = pytest.mark.once

T = TypeVar("T")


class Host(BaseModel):
    name: str
    port: int = 80


class Settings(BaseModel):
    limits: Map[str, int] = Map()
    hosts: Vector[Host] = Vector()
    tags: Set[str] = Set()
    anything: Map = Map()


class Box(BaseModel, Generic[T]):
    held: Vector[T]


KINDS: list[tuple[Any, Any, Any]] = [
    (Map[str, int], {"a": "1"}, Map(a=1)),
    (Set[int], ["1", 1, 2], Set([1, 2])),
    (Vector[float], [1, "2.5"], Vector([1.0, 2.5])),
    (SharedMap[str, int], {"a": "1"}, SharedMap(a=1)),
    (SharedSet[int], ["1", 1, 2], SharedSet([1, 2])),
    (SharedVector[float], [1, "2.5"], SharedVector([1.0, 2.5])),
]


@pytest.mark.parametrize(("kind", "given", "wanted"), KINDS, ids=[str(kind) for kind, _, _ in KINDS])
def test_contents_are_validated_and_the_container_made(kind: Any, given: Any, wanted: Any) -> None:
    adapter = TypeAdapter(kind)
    for made in (
        adapter.validate_python(given),
        adapter.validate_json(json.dumps(given)),
        adapter.validate_python(wanted),
    ):
        assert made == wanted
        assert type(made) is type(wanted)
    assert adapter.validate_json(adapter.dump_json(wanted)) == wanted
    assert adapter.dump_python(wanted) == thaw(wanted)


def test_what_is_wrong_is_named_by_its_path() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"limits": {"rate": "many"}, "hosts": [{"name": "a"}, {"port": 1}], "tags": 3})
    assert {error["loc"] for error in caught.value.errors()} == {("limits", "rate"), ("hosts", 1, "name"), ("tags",)}


def test_models_in_containers_make_the_round_trip() -> None:
    settings = Settings.model_validate_json(
        '{"limits": {"rate": "5"}, "hosts": [{"name": "a"}], "anything": {"x": [1]}}'
    )
    assert settings.hosts == Vector([Host(name="a")])
    assert Settings.model_validate_json(settings.model_dump_json()) == settings
    assert settings.model_dump()["hosts"] == [{"name": "a", "port": 80}]


def test_the_schema_is_that_of_the_builtin_container() -> None:
    class Plain(BaseModel):
        limits: dict[str, int] = {}
        hosts: list[Host] = []
        tags: set[str] = set()
        anything: dict = {}

    ours, plain = Settings.model_json_schema(), Plain.model_json_schema()
    assert ours["$defs"] == plain["$defs"]
    for name, declared in plain["properties"].items():
        assert {**ours["properties"][name], "default": None} == {**declared, "default": None}


def test_a_valid_container_stays_the_version_that_it_is() -> None:
    limits = Map({"a": 1, "b": 2})
    settings = Settings(limits=limits, hosts=(hosts := Vector([Host(name="a")])), tags=(tags := Set(["x"])))
    assert settings.limits is limits
    assert settings.hosts is hosts
    assert settings.tags is tags
    shared = share({"a": 1})
    assert TypeAdapter(SharedMap[str, int]).validate_python(shared) is shared
    assert TypeAdapter(Map[str, int]).validate_python(Map(a=True)).items() == {("a", 1)}
    assert TypeAdapter(Map[str, int]).validate_python(Map(a="1")) == Map(a=1)


def test_parameters_may_be_type_variables_and_nested_containers() -> None:
    assert Box[int](held=["1"]).held == Vector([1])
    nested = TypeAdapter(Map[str, Vector[Set[int]]]).validate_json('{"a": [["1"]]}')
    assert nested == Map(a=Vector([Set([1])]))
    assert type(nested["a"][0]) is Set


def test_what_cannot_be_shared_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="cannot be shared"):
        TypeAdapter(SharedMap[str, Any]).validate_python({"a": object()})


def test_json_writes_containers_where_no_type_is_declared() -> None:
    document = freeze({"a": [1, {"b": {"c"}}], "when": datetime.date(2024, 1, 2)})
    written = '{"a":[1,{"b":["c"]}],"when":"2024-01-02"}'
    assert json.loads(TypeAdapter(Any).dump_json(document)) == json.loads(written)
    assert json.loads(TypeAdapter(Any).dump_json(share(document))) == json.loads(written)
    assert json.loads(TypeAdapter(Map[str, Any]).dump_json(document)) == json.loads(written)


def test_strict_mode_is_strict_about_contents() -> None:
    adapter = TypeAdapter(Map[str, int])
    assert adapter.validate_python({"a": 1}, strict=True) == Map(a=1)
    with pytest.raises(ValidationError):
        adapter.validate_python({"a": "1"}, strict=True)


def test_a_subclass_is_made_of_its_own_class() -> None:
    class Limits(Map[str, int]):
        pass

    assert type(TypeAdapter(Limits).validate_python({"a": 1})) is Limits


def test_records_in_containers_are_frozen_and_thawed() -> None:
    class Pool(BaseModel, frozen=True):
        sizes: Any

    frozen_pool = freeze({"pool": Pool(sizes=[1, 2])})["pool"]
    assert frozen_pool.sizes == Vector([1, 2])
    assert frozen_pool.model_dump_json() == '{"sizes":[1,2]}'


OF_FILES: list[tuple[Any, Any, Any]] = [
    (FileMap[str, int], Map(a=1), Map(a="x")),
    (FileSet[int], Set([1, 2]), Set(["x"])),
    (FileVector[float], Vector([1.0, 2.5]), Vector(["x"])),
]


@pytest.mark.parametrize(("kind", "good", "bad"), OF_FILES, ids=[str(kind) for kind, _, _ in OF_FILES])
def test_containers_of_files_are_validated_as_they_are(tmp_path: Path, kind: Any, good: Any, bad: Any) -> None:
    adapter = TypeAdapter(kind)
    frozen.save(good, tmp_path / "good")
    found = frozen.open(tmp_path / "good")
    assert adapter.validate_python(found) is found
    assert adapter.dump_python(found) == thaw(good)
    assert TypeAdapter(type(good)).validate_python(found) == good
    frozen.save(bad, tmp_path / "bad")
    for wrong in (frozen.open(tmp_path / "bad"), good, 5):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
    assert json.loads(TypeAdapter(Any).dump_json(found)) == json.loads(TypeAdapter(Any).dump_json(good))
