"""What comments and documents name is there: files, tests, functions, types, fields."""

from __future__ import annotations

import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest
from support import ROOT

pytestmark = pytest.mark.once  # it reads sources

C_FILES = sorted([*ROOT.glob("src/**/*.[ch]"), *ROOT.glob("tests/c/*.[ch]")])
PYTHON_FILES = sorted(
    file
    for folder in ("frozen", "tests", "benchmarks", "examples", "tools")
    for file in (ROOT / folder).glob("**/*.py*")
    if file.suffix in (".py", ".pyi")
)
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/**/*.md")]
)

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
NAME = re.compile(r"(?<![\w./-])([a-zA-Z]\w*_\w+)(?![\w/-]|\.\w)")
PATH = re.compile(r"(?<![\w./<*{-])((?:[\w.-]+/)*[\w-]+\.(?:inc\.h|c|h|py|pyi|md|supp))(?![\w/])")
BACKTICKED = re.compile(r"`([^`\n]+)`")
# CPython's own names, those of compilers' and tools' options, and what a pattern of names ends in
NOT_OURS = re.compile(r"_?Py\w*|(ob|tp|nb|sq|mp|am|ht|md|m)_\w+|\w*_$|max_total_time|thread_local|test_set_2")
FILES_OF_OTHERS = {"Python.h"}


def comments_of(file: Path) -> list[str]:
    """The comments of a file of C or Python; the whole of a document's text that stands in backticks."""
    text = file.read_text()
    if file.suffix in (".c", ".h"):
        return COMMENT.findall(text)
    if file.suffix == ".md":
        return BACKTICKED.findall(text)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@cache
def names_in_code() -> frozenset[str]:
    """Every word of the project's code, comments of C left out, and the names of its files."""
    code = [COMMENT.sub(" ", file.read_text()) for file in C_FILES]
    code += [file.read_text() for file in PYTHON_FILES]
    others = [ROOT / name for name in ("pyproject.toml", "noxfile.py", "setup.py", ".ci/run")]
    code += [file.read_text() for file in others if file.exists()]
    words = set(re.findall(r"\w+", " ".join(code)))
    return frozenset(words | {file.stem.partition(".")[0] for file in (*C_FILES, *PYTHON_FILES)})


def missing_names(file: Path) -> list[str]:
    """Names in comments that no code has; a name that ends in * or has one before it is a pattern."""
    found = {name for comment in comments_of(file) for name in NAME.findall(comment)}
    known = names_in_code()
    return sorted(name for name in found - known if f"test_{name}" not in known and not NOT_OURS.fullmatch(name))


def missing_files(file: Path) -> list[str]:
    """Paths in comments that lead nowhere from the checkout, src/, or the file's own folder and those around it.

    A name without a folder may be that of a file anywhere.
    """
    found = {path for comment in comments_of(file) for path in PATH.findall(comment)} - FILES_OF_OTHERS
    found -= {one.name for one in (*C_FILES, *PYTHON_FILES, *DOCUMENTS)}
    roots = [ROOT, ROOT / "src", ROOT / "tests", *file.relative_to(ROOT).parents]
    return sorted(path for path in found if not any((ROOT / root / path).exists() for root in roots))


@pytest.mark.parametrize("file", C_FILES + PYTHON_FILES + DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_comments_name_what_exists(file):
    assert missing_names(file) == []
    assert missing_files(file) == []


def test_a_name_that_is_gone_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    file = tmp_path / "gone.c"
    gone = "node_" + "elsewhere"  # in two parts: this file is code, too
    file.write_text(f"/* as {gone}() of there/gone_file.h does */ int x;")
    assert missing_names(file) == [gone]
    assert missing_files(file) == ["there/gone_file.h"]
