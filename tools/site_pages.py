"""Puts the pages of the documentation site together in build/pages, for `mkdocs build`.

    python tools/site_pages.py

The pages are docs/*.md, the documents of other folders that are listed here, a page for each table of the benchmarks
and each example, and the reference, which names all public objects. Links between files of the repository become links
between pages; what is no page is named without a link.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "build/pages"

DOCUMENTS = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "src/README.md": "core.md",
    "src/bindings/README.md": "bindings.md",
    "tests/torture/README.md": "torture.md",
    "benchmarks/README.md": "benchmarks.md",
    "examples/README.md": "examples.md",
}
"""Which page a document is; the README itself is none, and what leads there leads to the first page."""

REFERENCE = {
    "containers": (
        "Containers",
        "Map MapMutation MapKeys MapValues MapItems Set SetMutation Vector VectorMutation",
    ),
    "shared": (
        "Shared containers",
        "SharedMap SharedMapMutation SharedMapKeys SharedMapValues SharedMapItems SharedSet SharedSetMutation "
        "SharedVector SharedVectorMutation Blob Handle share is_shareable register_shareable NotShareableError "
        "immortalize",
    ),
    "references": (
        "References and atomics",
        "AtomicRef SharedRef Watch transaction snapshot AtomicMap AtomicCounter "
        "SharedAtomicMap SharedAtomicCounter ForkWarning",
    ),
    "caches": ("Caches", "cached Cache"),
    "conversion": ("Conversion and paths", "freeze thaw get_in set_in update_in delete_in"),
    "deltas": (
        "Deltas and merging",
        "Delta Change Span ABSENT ConflictError JSONPatchError merge3 Conflict MergeConflictError",
    ),
    "encoding": ("Bytes", "encode decode EncodingError get_include"),
    "files": (
        "Files",
        "save open FileRef FileMap FileMapKeys FileMapValues FileMapItems FileSet FileVector FileFormatError",
    ),
    "config": ("Configuration", "frozen.config"),
    "redis": ("Many machines", "frozen.redis"),
    "remote": ("Engines of remote references", "frozen.remote"),
    "integrations": ("Other libraries", "frozen.integrations"),
}
"""The pages of the reference: title, and names of `frozen`, or one module of which all public names are shown."""

MORE = "more"
"""The page of names and modules that are public and stand on none of these pages yet."""

STYLE = """\
.md-typeset img { background: #fff; border-radius: .3rem; }
.md-typeset table:not([class]) { font-size: .64rem; }
.md-typeset td code { word-break: normal; }
.md-typeset h2.doc-heading, .md-typeset h3.doc-heading {
  border-top: 1px solid var(--md-default-fg-color--lightest);
  padding-top: .8rem;
}
.md-typeset pre > code, .md-typeset .highlight code { font-size: .72rem; }
/* the button that copies leaves out prompts and what an example prints */
.highlight code[data-md-copying] :is(.gp, .go, .gt, .gr) { display: none; }
@media screen and (max-width: 44.9375em) {
  .md-typeset table:not([class]) :is(th, td) { min-width: 0; padding: .6em .6em; }
}
"""

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def published() -> dict[Path, str]:
    """The page of each file of the repository that has one."""
    found = {ROOT / file: page for file, page in DOCUMENTS.items()}
    found |= {file: str(file.relative_to(ROOT / "docs")) for file in (ROOT / "docs").rglob("*") if file.is_file()}
    for file in (ROOT / "benchmarks/results").iterdir():
        if file.suffix in (".md", ".png"):
            found[file] = f"results/{file.name}"
    found |= {file: f"examples/{file.stem}.md" for file in (ROOT / "examples").glob("*.py")}
    return found


def relinked(text: str, source: Path, pages: dict[Path, str]) -> str:
    """A document with each link as it is from the document's page."""
    page = pages[source]

    def link(found: re.Match[str]) -> str:
        image, shown, target, anchor = found[1], found[2], found[3], found[4] or ""
        if "://" in target or not target:
            return found[0]
        aim = Path(os.path.normpath(source.parent / target))
        if aim not in pages:
            return shown if shown.startswith("`") else f"{shown} (`{aim.relative_to(ROOT)}`)"
        return f"{image}[{shown}]({os.path.relpath(pages[aim], Path(page).parent)}{anchor})"

    return LINK.sub(link, text)


def example_page(file: Path) -> str:
    """An example: the first line of its docstring, where it is, and its text."""
    text = file.read_text()
    title = (ast.get_docstring(ast.parse(text)) or file.stem).splitlines()[0]
    return f"# {title.rstrip('.')}\n\n`{file.relative_to(ROOT)}`\n\n```python\n{text.rstrip()}\n```\n"


def result_page(file: Path) -> str:
    """A table of the benchmarks: its title is its name; a plot of that name comes first."""
    name = file.stem
    plot = f"![{name}]({name}.png)\n\n" if file.with_suffix(".png").exists() else ""
    return f"---\nsearch:\n  exclude: true\n---\n\n# Results: {name}\n\n{plot}{file.read_text()}"


def reference_page(title: str, names: str) -> str:
    if "." in names:
        shown = f"::: {names}\n    options:\n      show_root_heading: false\n      show_root_toc_entry: false\n"
        return f"# {title}: `{names}`\n\n{shown}"
    return f"# {title}\n\n" + "\n".join(f"::: frozen.{name}\n" for name in names.split())


def public_names() -> list[str]:
    """All names of the package, and its public modules but their members, read from the sources."""
    package = ROOT / "frozen"
    for statement in ast.parse((package / "__init__.py").read_text()).body:
        match statement:
            case ast.Assign([ast.Name("__all__")], value):
                names = list(ast.literal_eval(value))
    modules = [file.stem for file in package.glob("[a-z]*.py")] + [
        file.parent.name for file in package.glob("[a-z]*/__init__.py")
    ]
    return names + sorted(f"frozen.{module}" for module in modules)


def reference() -> dict[str, tuple[str, str]]:
    """The pages of the reference, with one of what is on no other."""
    listed = {name for _, names in REFERENCE.values() for name in names.split()}
    missing = [name for name in public_names() if name not in listed]
    modules = {name.partition(".")[2]: (f"`{name}`", name) for name in missing if "." in name}
    rest = " ".join(name for name in missing if "." not in name)
    return REFERENCE | modules | ({MORE: ("More", rest)} if rest else {})


def on_config(config: Any) -> Any:
    """A hook of MkDocs: pages that mkdocs.yml does not have in its menu come last."""
    named = set(re.findall(r"[\w/-]+\.md", str(config["nav"])))
    pages = sorted(str(file.relative_to(PAGES)) for file in PAGES.rglob("*.md"))
    rest = [page for page in pages if page not in named and not page.startswith(("results/", "examples/"))]
    if rest:
        config["nav"].append({"More": rest})
    return config


def main() -> None:
    shutil.rmtree(PAGES, ignore_errors=True)
    pages = published()
    examples = {file.stem for file in (ROOT / "examples").glob("*.py")}
    texts = {"site.css": STYLE}
    for file, page in pages.items():
        target = PAGES / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".py":
            texts[page] = example_page(file)
        elif file.suffix != ".md":
            shutil.copy(file, target)
        elif page.startswith("results/"):
            texts[page] = result_page(file)
        elif file != ROOT / "README.md":
            texts[page] = relinked(file.read_text(), file, pages)
            if "/" not in page:
                known = re.compile(rf"(?<!\[)`(?:examples/)?({'|'.join(sorted(examples))})\.py`")
                texts[page] = known.sub(r"[\g<0>](examples/\1.md)", texts[page])
    texts |= {f"reference/{name}.md": reference_page(*page) for name, page in reference().items()}
    for page, text in texts.items():
        target = PAGES / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


if __name__ == "__main__":
    main()
