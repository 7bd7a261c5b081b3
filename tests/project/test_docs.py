"""Docstrings: help() shows those of the stub, all of them, and their examples are true."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from support import ROOT, run_examples

import docs
import frozen

STUB = ast.parse((ROOT / "frozen/_core.pyi").read_text())
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name in frozen.__all__}
MEMBERS = [
    (name, member)
    for name, node in CLASSES.items()
    for member, function in docs.functions(node).items()
    if not member.startswith("__") or (member in docs.IN_TABLES and ast.get_docstring(function))
]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_docstring_of_the_stub(name: str) -> None:
    assert getattr(frozen, name).__doc__ == ast.get_docstring(CLASSES[name])


@pytest.mark.parametrize(("name", "member"), MEMBERS, ids=[".".join(names) for names in MEMBERS])
def test_a_member_has_the_docstring_of_the_stub(name: str, member: str) -> None:
    written = ast.get_docstring(docs.functions(CLASSES[name])[member])
    assert member.startswith("_") or written, "every public member has a docstring"
    assert getattr(getattr(frozen, name), member).__doc__ == written


def test_every_member_of_the_core_is_in_the_stub() -> None:
    for name, node in CLASSES.items():
        public = {member for member in vars(getattr(frozen, name)) if not member.startswith("_")}
        assert public == {member for member in docs.functions(node) if not member.startswith("_")}


# Examples


def documented() -> dict[str, str]:
    """The docstrings of all public names and their members, by name: those of C types from the stub."""
    found = {}
    for name in frozen.__all__:
        public = getattr(frozen, name)
        if name in CLASSES:
            node = CLASSES[name]
            members = {key: ast.get_docstring(member) for key, member in docs.functions(node).items()}
            found[name] = ast.get_docstring(node)
        else:
            own = vars(public) if isinstance(public, type) else {}
            members = {key: inspect.getdoc(member) for key, member in own.items() if callable(member)}
            found[name] = inspect.getdoc(public)
        found |= {f"{name}.{key}": doc for key, doc in members.items() if doc and not key.startswith("_")}
    return {name: doc or "" for name, doc in found.items()}


@pytest.mark.parametrize(("name", "doc"), documented().items(), ids=documented())
def test_examples_of_docstrings_are_true(name: str, doc: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # for those that write files
    names = {name: getattr(frozen, name) for name in frozen.__all__} | {"frozen": frozen}
    assert run_examples(doc, names, name), f"{name} has no example"
