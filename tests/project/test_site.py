"""The documentation site: its examples are true, its drawings those of real trees, and its reference has every name."""

from __future__ import annotations

import doctest
import pkgutil
import re
from pathlib import Path

import drawings
import pytest
import site_pages
from support import ROOT, run_examples, run_python

import frozen

pytestmark = pytest.mark.once

PAGES = {page: file for file, page in site_pages.published().items() if page.endswith(".md") and file.suffix == ".md"}
BLOCK = re.compile(r"^```(pycon|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^(?:>>> )?(?:import|from) ([\w.]+)(?: import (\w+))?", re.MULTILINE)
ALSO_NEEDED = {"jsonschema_validator": "jsonschema"}  # by what a function of ours imports when it is called
PRINTS = re.compile(r"# prints (.*)$", re.MULTILINE)


def blocks(kind: str) -> dict[str, list[str]]:
    """The blocks of a kind, by section: each section of a page stands for itself."""
    found: dict[str, list[str]] = {}
    for page, file in PAGES.items():
        for section in re.split(r"^## ", file.read_text(), flags=re.MULTILINE):
            texts = [text for language, text in BLOCK.findall(section) if language == kind]
            if texts:
                found[f"{page}: {section.splitlines()[0]}"] = texts
    return found


SESSIONS, PROGRAMS = blocks("pycon"), blocks("python")


def needs(text: str) -> None:
    """Skips without a library that the text imports, or a module that this version of Python has not."""
    for module, name in IMPORT.findall(text):
        if not hasattr(pytest.importorskip(module), name or "__name__"):
            pytest.importorskip(f"{module}.{name}")
        if name in ALSO_NEEDED:
            pytest.importorskip(ALSO_NEEDED[name])


@pytest.mark.parametrize("section", SESSIONS)
def test_examples_of_pages_are_true(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "\n".join(SESSIONS[section])
    needs(text)
    assert run_examples(text, {"__name__": "__main__"}, section, doctest.ELLIPSIS)


@pytest.mark.parametrize("section", PROGRAMS)
def test_programs_of_pages_run_and_print_what_they_say(section: str, tmp_path: Path) -> None:
    for text in PROGRAMS[section]:
        needs(text)
        (tmp_path / "program.py").write_text(text)
        assert run_python("program.py", cwd=tmp_path).stdout.splitlines() == PRINTS.findall(text)


@pytest.mark.parametrize("page", PAGES)
def test_files_and_fragments_in_pages_compile(page: str) -> None:
    for block in re.findall(r"^```python .*\n(.*?)^```", PAGES[page].read_text(), re.MULTILINE | re.DOTALL):
        compile(block, page, "exec")


def test_the_menu_names_pages_that_exist() -> None:
    menu = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert menu <= set(PAGES) | {f"reference/{name}.md" for name in site_pages.reference()}


def test_the_reference_has_every_public_name() -> None:
    named = [name for _, names in site_pages.reference().values() for name in names.split()]
    modules = [f"frozen.{module.name}" for module in pkgutil.iter_modules(frozen.__path__) if module.name[0] != "_"]
    assert {*frozen.__all__, *modules} <= {*named}
    assert len(named) == len({*named})


def test_every_example_is_linked_from_a_page() -> None:
    for file in (ROOT / "examples").glob("*.py"):
        assert any(f"{file.name}`" in page.read_text() for page in PAGES.values()), file.name


@pytest.mark.parametrize("name", ["map-versions.svg", "vector-versions.svg"])
def test_the_drawings_are_those_of_real_trees(name: str) -> None:
    assert (ROOT / "docs/images" / name).read_text() == drawings.drawings()[name]


def test_links_between_files_become_links_between_pages() -> None:
    source, pages = ROOT / "docs/cache.md", site_pages.published()
    text = "[a](../benchmarks/results/cache.md) [b](config.md#sources) [c](../setup.py) [d](https://semver.org)"
    assert site_pages.relinked(text, source, pages) == (
        "[a](results/cache.md) [b](config.md#sources) c (`setup.py`) [d](https://semver.org)"
    )
    assert site_pages.relinked("[x](../docs/cache.md)", ROOT / "examples/README.md", pages) == "[x](cache.md)"
