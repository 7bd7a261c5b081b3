"""What users may expect of a subclass of a container: checked by mypy --strict and pyright, never run."""

from typing import assert_type

from frozen import Map


class Config(Map[str, int]):
    @property
    def port(self) -> int:
        return self["port"]


def subclass() -> None:
    config = Config(port=80)
    assert_type(config.port, int)
    assert_type(config.set("port", 81), Map[str, int])
    assert_type(config.copy(), Config)
