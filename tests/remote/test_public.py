"""The public names: documented, with examples that are true and signatures that can be asked for."""

from __future__ import annotations

import doctest
import inspect
import pkgutil

import pytest

import frozen.remote


def documented() -> dict[str, str]:
    found = {}
    for name in frozen.remote.__all__:
        public = getattr(frozen.remote, name)
        found[name] = inspect.getdoc(public) or ""
        for key, member in vars(public).items() if isinstance(public, type) else ():
            if not key.startswith("_") and callable(member):
                found[f"{name}.{key}"] = inspect.getdoc(member) or ""
    return found


@pytest.mark.parametrize("name", documented())
def test_examples_of_docstrings_are_true(name: str) -> None:
    names = {key: getattr(frozen.remote, key) for key in frozen.remote.__all__} | {"Map": frozen.Map}
    example = doctest.DocTestParser().get_doctest(documented()[name], names, name, None, None)
    assert example.examples or not name.startswith("RemoteRef"), f"{name} has no example"
    report: list[str] = []
    doctest.DocTestRunner().run(example, out=report.append)
    assert not report, "".join(report)


def test_public_names_say_that_they_are_found_in_the_package() -> None:
    for name in frozen.remote.__all__:
        public = getattr(frozen.remote, name)
        assert public.__module__ == "frozen.remote", name
        assert inspect.signature(public) is not None
    assert all(module.name.startswith("_") for module in pkgutil.iter_modules(frozen.remote.__path__))
