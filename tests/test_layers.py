"""The dependency rule of src/README.md, read from the sources: `module -> types, ref, interp -> core -> memory`.

Arrows never go up, folders of one layer do not include each other in a circle, core/ names neither Python nor threads
nor interpreters, and what a free-threaded build is, only memory/, ref/ and interp/ know.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import ROOT

SRC = ROOT / "src"
LAYERS = {"memory": 0, "core": 1, "types": 2, "ref": 2, "interp": 2, "module": 3}
# module.h is the one list of types and what one interpreter holds of them: a declaration that every type needs.
# It includes memory/ only, as if it lay there; module.c, which creates the types, is the top.
SHARED_DECLARATIONS = "module.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
C11_HEADERS = re.compile(
    r"(assert|errno|float|inttypes|limits|math|stdalign|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string)\.h"
)
THREADS_AND_INTERPRETERS = r"Py_GIL_DISABLED|PyInterpreter\w*|PyThread\w*|_Py_ThreadId|pthread\w*|thrd_\w+"
FORBIDDEN = {
    "core": re.compile(rf"\b(_?Py[A-Z_]\w*|{THREADS_AND_INTERPRETERS})\b"),
    "types": re.compile(rf"\b({THREADS_AND_INTERPRETERS})\b"),
    "module": re.compile(r"\b(Py_GIL_DISABLED)\b"),
}


def folder_of(file: Path, src: Path) -> str:
    path = file.relative_to(src)
    return path.parts[0] if len(path.parts) > 1 else "module"


def included(file: Path, src: Path) -> list[Path]:
    """The project's own headers that a file includes, found as the compiler finds them."""
    found = []
    for own, _ in INCLUDE.findall(file.read_text()):
        if own:
            candidates = [path for path in (file.parent / own, src / own) if path.exists()]
            assert candidates, f'{file.relative_to(src)} includes "{own}", which is not there'
            found.append(candidates[0].resolve())
    return found


def violations(file: Path, src: Path) -> list[str]:
    """Every breach of the rule in one file, as sentences."""
    folder, name, found = folder_of(file, src), file.relative_to(src), []
    if folder not in LAYERS:
        return [f"{name}: {folder}/ is in no layer; give it one in tests/test_layers.py and src/README.md"]
    is_shared = str(name) == SHARED_DECLARATIONS
    level = LAYERS["memory"] if is_shared else LAYERS[folder]
    for header in included(file, src):
        target = folder_of(header, src)
        if str(header.relative_to(src)) == SHARED_DECLARATIONS:
            if folder in ("memory", "core"):
                found.append(f"{name} includes {SHARED_DECLARATIONS}: {folder}/ knows nothing of the module")
        elif LAYERS[target] > level:
            found.append(f"{name} includes {header.relative_to(src)}: {target}/ lies above {folder}/")
    text = file.read_text()
    if folder == "core":
        for _, header in INCLUDE.findall(text):
            if header and not C11_HEADERS.fullmatch(header):
                found.append(f"{name} includes <{header}>: core/ needs nothing but C11's own headers")
    if folder in FORBIDDEN:
        for word in sorted(set(re.findall(FORBIDDEN[folder], NO_CODE.sub(" ", text)))):
            found.append(f"{name} names {word}: not in {folder}/")
    return found


def circles(src: Path) -> list[str]:
    """Pairs of folders that include each other, directly or through others."""
    reaches: dict[str, set[str]] = {folder: set() for folder in LAYERS}
    for file in sources(src):
        for header in included(file, src):
            if str(header.relative_to(src)) != SHARED_DECLARATIONS and file.name != SHARED_DECLARATIONS:
                reaches[folder_of(file, src)].add(folder_of(header, src))
    for middle in LAYERS:
        for folder in LAYERS:
            if middle in reaches[folder]:
                reaches[folder] |= reaches[middle]
    return [f"{a}/ and {b}/ include each other" for a in LAYERS for b in reaches[a] if a < b and a in reaches[b]]


def sources(src: Path) -> list[Path]:
    return sorted(file.resolve() for file in src.rglob("*.[ch]"))


@pytest.mark.parametrize("file", sources(SRC), ids=lambda file: str(file.relative_to(SRC)))
def test_dependency_rule(file):
    assert violations(file, SRC) == []


def test_no_circles():
    assert circles(SRC) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("memory/local.h", '#include "core/champ.h"', "core/ lies above memory/"),
        ("core/champ.h", '#include "types/map.h"', "types/ lies above core/"),
        ("core/champ.h", '#include "module.h"', "core/ knows nothing of the module"),
        ("core/champ.h", "#include <Python.h>", "nothing but C11's own headers"),
        ("core/champ.h", "void f(PyObject *o);", "names PyObject"),
        ("core/champ.h", "_Thread_local int x; pthread_t t;", "names pthread_t"),
        ("types/map.h", "#ifdef Py_GIL_DISABLED\n#endif", "names Py_GIL_DISABLED"),
        ("module.c", "#ifdef Py_GIL_DISABLED\n#endif", "names Py_GIL_DISABLED"),
        ("module.h", '#include "types/map.h"', "types/ lies above"),
        ("cache/lru.h", "", "cache/ is in no layer"),
    ],
)
def test_a_breach_is_found(tmp_path, name, text, complaint):
    src = small_tree(tmp_path)
    (src / name).parent.mkdir(exist_ok=True)
    (src / name).write_text(text)
    assert any(complaint in sentence for sentence in violations(src / name, src))


def test_a_circle_is_found(tmp_path):
    src = small_tree(tmp_path)
    (src / "types/map.h").write_text('#include "ref/slot.h"')
    assert circles(src) == []
    (src / "ref/slot.h").write_text('#include "types/map.h"')
    assert circles(src) == ["ref/ and types/ include each other"]


def test_what_is_allowed_is_not_complained_about(tmp_path):
    src = small_tree(tmp_path)
    (src / "core/champ.h").write_text('#include "memory/local.h"\n#include <stdint.h>\n/* not a PyObject */\n')
    (src / "ref/slot.h").write_text('#include "module.h"\n#ifdef Py_GIL_DISABLED\n#endif\n')
    (src / "module.c").write_text('#include "module.h"\n#include "types/map.h"\n')
    assert [sentence for file in sources(src) for sentence in violations(file, src)] == []


def small_tree(tmp_path: Path) -> Path:
    src = tmp_path.resolve() / "src"
    for name in ("memory/local.h", "core/champ.h", "types/map.h", "ref/slot.h", "module.h", "module.c"):
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        (src / name).write_text("")
    return src
