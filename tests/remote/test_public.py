"""The public names: documented, with examples that are true and signatures that can be asked for."""

from __future__ import annotations

import inspect
import pkgutil

import pytest
from support import docstrings_of, run_examples

import frozen.remote

DOCSTRINGS = docstrings_of(frozen.remote)


@pytest.mark.parametrize("name", DOCSTRINGS)
def test_examples_of_docstrings_are_true(name: str) -> None:
    names = {key: getattr(frozen.remote, key) for key in frozen.remote.__all__} | {"Map": frozen.Map}
    assert run_examples(DOCSTRINGS[name], names, name) or not name.startswith("RemoteRef"), f"{name} has no example"


def test_public_names_say_that_they_are_found_in_the_package() -> None:
    for name in frozen.remote.__all__:
        public = getattr(frozen.remote, name)
        assert public.__module__ == "frozen.remote", name
        assert inspect.signature(public) is not None
    assert all(module.name.startswith("_") for module in pkgutil.iter_modules(frozen.remote.__path__))
