"""What type checkers make of `frozen.config`: checked by mypy --strict and pyright, never run."""

from dataclasses import dataclass
from typing import Any, assert_type

from frozen import Map, SharedRef
from frozen.config import Call, Config, Defaults, Directory, Environment, File, Reader, State, Version


@dataclass(frozen=True)
class Settings:
    port: int = 80


def checked(data: Map[str, Any]) -> tuple[int, str]:
    return data["port"], data["host"]


typed = Config(Settings, File("app.toml", optional=True), Environment("APP_"), schema=Settings)
assert_type(typed, Config[Settings])
assert_type(typed.model, Settings)
assert_type(typed.version, Version[Settings])
assert_type(typed.version.model.port, int)
assert_type(typed.get("port"), Any)
assert_type(typed.get("port", type=int), int)
assert_type(typed.get(["port"], None, type=int), int | None)
assert_type(typed.state, State)

assert_type(Config({"port": 80}, Directory("/etc/app", values=True)).model, Map[str, Any])
assert_type(Config(Defaults({}), schema={"type": "object"}).model, Map[str, Any])
assert_type(Config(Call(dict), schema=checked).model, tuple[int, str])
Config({}, watch="often")  # type: ignore[call-overload]  # pyright: ignore
Config({}, schema=5)  # type: ignore[call-overload]  # pyright: ignore

reader: Reader[Settings] = Reader(SharedRef.attach("settings"), Settings)
assert_type(reader.model, Settings)


async def follow() -> None:
    async for version in typed.changes():
        assert_type(version, Version[Settings])
    async with typed as entered:
        assert_type(entered, Config[Settings])
