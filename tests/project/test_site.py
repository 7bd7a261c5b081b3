"""The documentation site: its examples are true, its drawings those of real trees, and its reference has every name."""

from __future__ import annotations

import doctest
import pkgutil
import re

import drawings
import pytest
import site_pages
from support import ROOT, run_examples

import frozen

pytestmark = pytest.mark.once

PAGES = {page: file for file, page in site_pages.published().items() if page.endswith(".md") and file.suffix == ".md"}
WITH_EXAMPLES = {page: file for page, file in PAGES.items() if "```pycon" in file.read_text()}


@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_examples_of_pages_are_true(page: str) -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```", WITH_EXAMPLES[page].read_text(), re.MULTILINE | re.DOTALL)
    assert run_examples("\n".join(blocks), {"__name__": "__main__"}, page, doctest.ELLIPSIS)


@pytest.mark.parametrize("page", PAGES)
def test_blocks_of_python_in_pages_compile(page: str) -> None:
    for block in re.findall(r"^```python\n(.*?)^```", PAGES[page].read_text(), re.MULTILINE | re.DOTALL):
        # an await or a with stands for itself where the text is about coroutines
        compile("async def block():\n" + "".join(f"    {line}\n" for line in block.splitlines()), page, "exec")


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
