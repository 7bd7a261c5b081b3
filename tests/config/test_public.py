"""The public names: documented, with examples that are true and signatures that can be asked for."""

from __future__ import annotations

import inspect
import os
import pkgutil
from pathlib import Path

import pytest
from support import docstrings_of, run_examples

import frozen.config

DOCSTRINGS = docstrings_of(frozen.config)


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_examples_of_docstrings_are_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "ConfigError":
        pytest.importorskip("jsonschema")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    names = {key: getattr(frozen.config, key) for key in frozen.config.__all__} | {"os": os}
    assert run_examples(DOCSTRINGS[name], names, name), f"{name} has no example"


def test_public_names_say_that_they_are_found_in_the_package() -> None:
    for name in frozen.config.__all__:
        public = getattr(frozen.config, name)
        assert public.__module__ == "frozen.config", name
        assert inspect.signature(public) is not None
    assert all(module.name.startswith("_") for module in pkgutil.iter_modules(frozen.config.__path__))
