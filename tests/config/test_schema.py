"""What makes a version valid: functions, dataclasses, pydantic models, JSON Schemas. Secrets stay out of every text."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import logging
import pathlib
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from frozen import Map, Vector
from frozen.config import Call, Config, ConfigError, Environment, is_secret


def refused(*sources: Any, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config(*sources, **options)
    return str(caught.value)


# Functions


def test_a_function_makes_the_model_or_refuses() -> None:
    def positive(data: Map[str, Any]) -> tuple[int, list[int]]:
        if data["n"] < 0:
            raise ValueError("n is negative: set it to 0 or more")
        return data["n"], [1]

    config = Config({"n": 1}, schema=positive)
    assert config.model == (1, Vector([1])), "frozen"
    assert config.version.model is config.model
    assert "ValueError: n is negative" in refused({"n": -1}, schema=positive)
    assert Config({"n": 1}, schema=lambda data: None).model == Map(n=1)
    assert Config({"n": 1}).model == Map(n=1)


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(TypeError, match="schema=5"):
        Config({}, schema=5)  # type: ignore[call-overload]


# Dataclasses


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


@dataclasses.dataclass(frozen=True)
class Database:
    port: int
    host: str = "localhost"
    ratio: float = 1.0


@dataclasses.dataclass(frozen=True)
class Settings:
    db: Database
    password: str = ""
    level: Level = Level.LOW
    mode: Literal["a", "b"] = "a"
    tags: tuple[str, ...] = ()
    pair: tuple[int, str] | None = None
    names: frozenset[str] = frozenset()
    sizes: Mapping[str, int] = dataclasses.field(default_factory=Map)
    hosts: list[str] = dataclasses.field(default_factory=list)
    since: datetime.date | None = None
    folder: pathlib.Path | None = None
    either: int | str = 0
    replica: Database | None = None

    def __post_init__(self) -> None:
        if self.password == "bad":
            raise ValueError("choose another")


def test_a_dataclass_is_built_with_the_types_that_it_declares() -> None:
    model = Config(
        {
            "db": {"port": 1, "ratio": 2},
            "level": "high",
            "mode": "b",
            "tags": ["x"],
            "pair": [1, "p"],
            "names": ["n", "n"],
            "sizes": {"s": 1},
            "hosts": ["h"],
            "since": "2024-01-02",
            "folder": "/tmp",
            "either": "text",
            "replica": {"port": 2},
        },
        schema=Settings,
    ).model
    assert model == Settings(
        Database(1, ratio=2.0),
        level=Level.HIGH,
        mode="b",
        tags=("x",),
        pair=(1, "p"),
        names=frozenset("n"),
        sizes=Map(s=1),
        hosts=Vector(["h"]),  # type: ignore[arg-type]
        since=datetime.date(2024, 1, 2),
        folder=pathlib.Path("/tmp"),
        either="text",
        replica=Database(2),
    )
    assert type(model.db.ratio) is float


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "['db'] is missing: Settings has no default for it"),
        ({"db": {"port": "1"}}, "['db']['port'] is '1', no int"),
        ({"db": {"port": True}}, "['db']['port'] is True, no int"),
        ({"db": {"port": 1}, "password": 5}, "['password'] is ***, no str"),
        ({"db": {"port": 1, "hots": 1}}, "['db']['hots'] is 1, no field of Database, only port, host, ratio"),
        ({"db": {"port": 1}, "level": "mid"}, "['level'] is 'mid', none of 'low', 'high'"),
        ({"db": {"port": 1}, "mode": "c"}, "['mode'] is 'c', none of 'a', 'b'"),
        ({"db": {"port": 1}, "tags": "x"}, "['tags'] is 'x', no tuple"),
        ({"db": {"port": 1}, "tags": [1]}, "['tags'][0] is 1, no str"),
        ({"db": {"port": 1}, "pair": [1]}, "['pair'] is Vector([1]), none of"),
        ({"db": {"port": 1}, "sizes": {"a": "b"}}, "['sizes']['a'] is 'b', no int"),
        ({"db": {"port": 1}, "since": "soon"}, "['since'] is 'soon', none of date, null"),
        ({"db": {"port": 1}, "replica": {"port": "x"}}, "['replica']['port'] is 'x', no int"),
        ({"db": {"port": 1}, "password": "bad"}, "refused by Settings: choose another"),
    ],
)
def test_a_value_that_does_not_fit_a_dataclass_is_named(data: dict[str, Any], text: str) -> None:
    assert text in refused(data, schema=Settings)


@dataclasses.dataclass
class Loose:
    a: int = 1


@dataclasses.dataclass(frozen=True)
class Around:
    inner: Loose = dataclasses.field(default_factory=Loose)


def test_a_model_that_could_be_changed_is_no_schema() -> None:
    with pytest.raises(TypeError, match=r"Loose can be changed.*frozen=True"):
        Config({}, schema=Loose)
    assert "cannot be frozen" in refused({}, schema=Around)


def test_variables_have_the_types_that_a_dataclass_declares() -> None:
    environ = {"A_DB__PORT": "1", "A_PASSWORD": "12345", "A_TAGS": '["x"]', "A_EITHER": "7", "A_REPLICA__PORT": "3"}
    model = Config(Environment("A_", environ), schema=Settings).model
    assert (model.db.port, model.password, model.tags, model.either) == (1, "12345", ("x",), "7")
    assert model.replica == Database(3)


# pydantic


def test_a_pydantic_model_validates_and_is_frozen() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(frozen=True)
        port: int
        hosts: list[str] = pydantic.Field(default_factory=list)
        password: str = ""

    config = Config({"port": "80", "hosts": ["a"]}, Environment("A_", {"A_PASSWORD": "123"}), schema=Model)
    assert (config.model.port, config.model.hosts, config.model.password) == (80, Vector(["a"]), "123")
    text = refused({"port": "x", "password": ["hunter2"]}, schema=Model)
    assert "['port'] is 'x', refused: Input should be a valid integer" in text
    assert "['password'] is ***, refused: Input should be a valid string" in text
    assert "hunter2" not in text

    class Loose(pydantic.BaseModel):
        port: int = 1

    with pytest.raises(TypeError, match="frozen=True"):
        Config({}, schema=Loose)


# JSON Schema


def test_a_json_schema_validates() -> None:
    pytest.importorskip("jsonschema")
    schema = {
        "type": "object",
        "required": ["port"],
        "properties": {
            "port": {"type": "integer", "minimum": 1},
            "name": {"type": "string"},
            "tokens": {"type": "array", "items": {"type": "integer"}},
        },
        "additionalProperties": False,
    }
    config = Config(Environment("A_", {"A_PORT": "80", "A_NAME": "5"}), schema=schema)
    assert config.model == config.data == Map(port=80, name="5")
    assert "['port'] is 0, refused by the JSON Schema: minimum should be 1" in refused({"port": 0}, schema=schema)
    assert "'port' is a required property" in refused({}, schema=schema)
    assert "'prot' was unexpected" in refused({"port": 1, "prot": 1}, schema=schema)
    assert "hunter2" not in refused({"port": 1, "tokens": ["hunter2"]}, schema=schema)


# Secrets


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "secretKey", "api-key", "authToken", "signing_key", "key", "keys"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(("a", name, "b"))


@pytest.mark.parametrize("name", ["port", "host", "keyboard", "monkey", "author", "timeout", 5])
def test_other_names_are_no_secrets(name: Any) -> None:
    assert not is_secret((name,))


def test_secrets_are_printed_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    first = {"db": {"password": "hunter1", "port": 1}, "tokens": ["hunter1"], "url": "http://me:hunter1@host/x"}
    second = {"db": {"password": "hunter2", "port": 2}, "tokens": ["hunter2", "hunter3"], "new": {"secret": "hunter4"}}
    values = [first]
    config = Config(Call(lambda: values[0], "vault"), shared=False)
    caplog.set_level(logging.INFO, "frozen.config")
    values[0] = second
    assert config.check()
    printed = caplog.text + repr(config) + repr(config.version) + repr(config.masked()) + str(config.state)
    assert "hunter" not in printed
    assert "['db']['password']: *** -> ***" in caplog.text
    assert "['db']['port']: 1 -> 2" in caplog.text
    assert "['url']: removed, was 'http://me:***@host/x'" in caplog.text
    assert config.get("db.password") == "hunter2"


def test_the_predicate_may_be_ones_own() -> None:
    config = Config({"pin": 1234, "password": "shown"}, secret=lambda path: path[-1] == "pin")
    assert config.masked() == Map(pin=config.masked()["pin"], password="shown")
    assert "1234" not in repr(config)
    assert "shown" in repr(config)


def test_what_the_predicate_fails_for_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    values = [{"hosts": ["hunter1"], "port": 1}]
    config = Config(Call(lambda: values[0], "vault"), secret=lambda path: path[-1].startswith("pin"))
    assert repr(config.masked()["hosts"]) == "Vector([***])"
    caplog.set_level(logging.INFO, "frozen.config")
    values[0] = {"hosts": ["hunter2"], "port": 2}
    assert config.check()
    assert "hunter" not in caplog.text
    assert "['port']: 1 -> 2" in caplog.text


def test_what_is_in_a_secret_is_one_wherever_it_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    """The predicate names the whole, and what is printed is a part of it."""
    values = [{"vault": {"pin": "hunter1"}}]
    config = Config(Call(lambda: values[0]), secret=lambda path: path == ("vault",))
    caplog.set_level(logging.INFO, "frozen.config")
    values[0] = {"vault": {"pin": "hunter2"}}
    assert config.check()
    assert "['vault']['pin']: *** -> ***" in caplog.text
    with pytest.raises(TypeError, match=r"is \*\*\* \(str\)"):
        config.get("vault.pin", type=int)
    assert "hunter" not in caplog.text


@dataclasses.dataclass(frozen=True)
class Token:
    token_ends: datetime.date


def test_a_secret_that_is_no_date_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="no date: write it as ISO 8601 does") as caught:
        Config({"token_ends": "hunter2"}, schema=Token)
    assert "hunter2" not in str(caught.value)


def test_what_a_json_schema_refuses_within_a_secret_is_not_shown() -> None:
    pytest.importorskip("jsonschema")
    schema = {"properties": {"tokens": {"items": {"type": "integer"}}, "size": {"minimum": 1}}, "maxProperties": 2}
    with pytest.raises(ConfigError, match=r"\['tokens'\]\[0\] is \*\*\*, refused by the JSON Schema"):
        Config({"tokens": ["hunter2"]}, schema=schema)
    with pytest.raises(ConfigError, match="the whole is refused by the JSON Schema: maxProperties should be 2"):
        Config({"a": 1, "b": 2, "c": 3}, schema=schema)
