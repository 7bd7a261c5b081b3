"""The layers of src/README.md,
`module -> capi, cache -> atomic -> ref, convert, codec, file -> bindings -> shared, local -> trees -> platform`.

They hold twice: for the names that object files define and use, as the linker sees them, and for what files include. No
name and no include goes up. Beyond that, trees/ names neither Python nor threads nor interpreters, the bindings know
nothing of threads, and CPython's private names stand in platform/ alone.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import ROOT

SRC = ROOT / "src"
LAYERS = {
    "platform": 0,
    "trees": 1,
    "local": 2,
    "shared": 2,
    "bindings": 3,
    "convert": 4,
    "codec": 4,
    "file": 4,
    "ref": 4,
    "atomic": 5,
    "cache": 6,
    "capi": 6,
    "module": 7,
}
# module.h is the one list of types and what one interpreter holds of them. All but platform/ and trees/ may include it,
# as if it lay in local/, of which it includes a header. The definition that it declares is how a type finds its module.
SHARED_DECLARATIONS = "module.h"
SHARED_NAMES = {"frozen_module"}
# docs.h has the docstrings of all types, and no declaration. It is included as module.h is.
INCLUDED_EVERYWHERE = {SHARED_DECLARATIONS, "docs.h"}
# The one header outside src/ is what extensions include. capi/ defines what it declares; no other folder may read it.
PUBLIC_HEADER = ROOT / "frozen/include/frozen.h"

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
NO_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
C11_HEADERS = re.compile(
    r"(assert|errno|float|inttypes|limits|math|stdalign|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string)\.h"
)
THREADS_AND_INTERPRETERS = r"Py_GIL_DISABLED|PyInterpreter\w*|PyThread\w*|_Py_ThreadId|pthread\w*|thrd_\w+"
PRIVATE = r"_Py[A-Z_]\w*|ob_ref_(?:local|shared)|ob_tid"
FORBIDDEN = {
    "trees": re.compile(rf"\b(_?Py[A-Z_]\w*|{THREADS_AND_INTERPRETERS})\b"),
    "bindings": re.compile(rf"\b({THREADS_AND_INTERPRETERS}|{PRIVATE})\b"),
    "convert": re.compile(rf"\b({THREADS_AND_INTERPRETERS}|{PRIVATE})\b"),
    "codec": re.compile(rf"\b({THREADS_AND_INTERPRETERS}|{PRIVATE})\b"),
    "file": re.compile(rf"\b({THREADS_AND_INTERPRETERS}|{PRIVATE})\b"),
    "local": re.compile(rf"\b({PRIVATE})\b"),
    "shared": re.compile(rf"\b({PRIVATE})\b"),
    "ref": re.compile(rf"\b({PRIVATE})\b"),
    "atomic": re.compile(rf"\b({PRIVATE})\b"),
    "cache": re.compile(rf"\b({PRIVATE})\b"),
    "capi": re.compile(rf"\b({PRIVATE})\b"),
    "module": re.compile(rf"\b(Py_GIL_DISABLED|{PRIVATE})\b"),
}


def folder_of(file: Path, src: Path) -> str:
    path = file.relative_to(src)
    return path.parts[0] if len(path.parts) > 1 else "module"


def sources(src: Path) -> list[Path]:
    return sorted(file.resolve() for file in src.rglob("*.[ch]"))


# What is included


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
        return [f"{name}: {folder}/ is in no layer; give it one in tests/core/test_layers.py and src/README.md"]
    level = LAYERS["local"] if str(name) == SHARED_DECLARATIONS else LAYERS[folder]
    for header in included(file, src):
        if header == PUBLIC_HEADER:
            if folder != "capi":
                found.append(f"{name} includes frozen.h: it is for capi/ and for extensions")
            continue
        target = folder_of(header, src)
        if str(header.relative_to(src)) in INCLUDED_EVERYWHERE:
            if LAYERS[folder] < LAYERS["local"]:
                found.append(f"{name} includes {header.name}: {folder}/ knows nothing of the module")
        elif LAYERS[target] > level or (LAYERS[target] == level and target != folder and folder != "module"):
            found.append(f"{name} includes {header.relative_to(src)}: {target}/ does not lie below {folder}/")
    text = file.read_text()
    if folder == "trees":
        for _, header in INCLUDE.findall(text):
            if header and not C11_HEADERS.fullmatch(header):
                found.append(f"{name} includes <{header}>: trees/ needs nothing but C11's own headers")
    if folder in FORBIDDEN:
        for word in sorted(set(re.findall(FORBIDDEN[folder], NO_CODE.sub(" ", text)))):
            found.append(f"{name} names {word}: not in {folder}/")
    return found


@pytest.mark.parametrize("file", sources(SRC), ids=lambda file: str(file.relative_to(SRC)))
def test_no_include_goes_up(file):
    assert violations(file, SRC) == []


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("local/nodes.h", '#include "trees/champ/access.inc.h"', ""),
        ("local/nodes.h", '#include "shared/cell.h"', "shared/ does not lie below local/"),
        ("trees/champ/access.inc.h", '#include "bindings/map/methods.inc.h"', "bindings/ does not lie below trees/"),
        ("trees/champ/access.inc.h", '#include "module.h"', "trees/ knows nothing of the module"),
        ("trees/champ/access.inc.h", "#include <Python.h>", "nothing but C11's own headers"),
        ("trees/champ/access.inc.h", "void f(PyObject *o);", "names PyObject"),
        ("trees/champ/access.inc.h", "_Thread_local int x; pthread_t t;", "names pthread_t"),
        ("bindings/map/methods.inc.h", "#ifdef Py_GIL_DISABLED\n#endif", "names Py_GIL_DISABLED"),
        ("bindings/map/methods.inc.h", "int x = _Py_IsImmortal(o);", "names _Py_IsImmortal"),
        ("ref/slot.h", "Py_ssize_t shared = op->ob_ref_shared;", "names ob_ref_shared"),
        ("ref/slot.h", '#include "module.h"\n#ifdef Py_GIL_DISABLED\n#endif\n', ""),
        ("module.c", "#ifdef Py_GIL_DISABLED\n#endif", "names Py_GIL_DISABLED"),
        ("module.h", '#include "bindings/map/methods.inc.h"', "bindings/ does not lie below module/"),
        ("lists/lru.h", "", "lists/ is in no layer"),
    ],
)
def test_a_breach_is_found_and_nothing_else(tmp_path, name, text, complaint):
    src = tmp_path.resolve() / "src"
    small = ["local/nodes.h", "shared/cell.h", "trees/champ/access.inc.h", "bindings/map/methods.inc.h", "ref/slot.h"]
    for file in (*small, "module.h", "module.c", name):
        (src / file).parent.mkdir(parents=True, exist_ok=True)
        (src / file).write_text("")
    (src / name).write_text(text)
    found = violations(src / name, src)
    assert any(complaint in sentence for sentence in found) if complaint else found == []


# What the linker sees


class Names:
    """Which object file defines each name, and which uses it; files are named by their sources."""

    def __init__(self, objects: dict[str, Path]):
        self.defined: dict[str, str] = {}
        self.used: dict[str, set[str]] = defaultdict(set)
        self.functions: dict[str, set[str]] = defaultdict(set)
        """By file: the functions that it holds, static ones too."""
        for source, object_file in objects.items():
            listing = subprocess.run(["nm", object_file], capture_output=True, text=True, check=True).stdout
            for line in listing.splitlines():
                *_, kind, name = line.split()
                if kind == "U":
                    self.used[source].add(name)
                elif kind in "TDBR":
                    self.defined[name] = source
                if kind in "Tt":
                    self.functions[source].add(name.partition(".")[0])  # without .part.0, .cold ...

    def uses(self) -> set[tuple[str, str, str]]:
        """(user, name, definer) for each name that one file takes from another."""
        own = self.defined
        return {(user, name, own[name]) for user, names in self.used.items() for name in names & own.keys()}

    def upward(self) -> list[str]:
        """Uses of a name of a higher layer, or of the other folder of the same one."""
        return sorted(
            f"{user} uses {name} of {definer}"
            for user, name, definer in self.uses()
            if name not in SHARED_NAMES and not lies_below(definer, user)
        )

    def circles(self, folder: str) -> list[str]:
        """The files of a folder that use each other, directly or by way of others of it: one sentence per circle."""
        uses = defaultdict(set)
        for user, name, definer in self.uses():
            if user != definer and {user.partition("/")[0], definer.partition("/")[0]} == {folder}:
                uses[user].add((name, definer))
        below = {file: reachable(file, uses) for file in uses}
        found = set()
        for file, reached in below.items():
            circle = {other for other in reached if file in below.get(other, ())}
            links = [(user, name, definer) for user in circle for name, definer in uses[user] if definer in circle]
            if links:
                found.add("; ".join(f"{user} uses {name} of {definer}" for user, name, definer in sorted(links)))
        return sorted(found)

    def ambiguous(self, text: str) -> list[str]:
        """Functions of several files that have one symbol. An inline function is one only if `text` says otherwise."""
        files = defaultdict(list)
        for source, functions in sorted(self.functions.items()):
            for function in functions:
                files[function].append(source)
        return sorted(
            f"{function} is a symbol of {' and '.join(sources)}"
            for function, sources in files.items()
            if len(sources) > 1
            and re.search(rf"^(?!.*\b(?:ALWAYS_)?INLINE\b|.*\binline\b)\w.*\n{function}\(", text, re.M)
        )


def reachable(file: str, uses: dict[str, set[tuple[str, str]]]) -> set[str]:
    """All files that a file uses, directly or not: itself only if it is in a circle."""
    reached: set[str] = set()
    left = [file]
    while left:
        new = {definer for _, definer in uses.get(left.pop(), ())} - reached
        reached |= new
        left += new
    return reached


def lies_below(definer: str, user: str) -> bool:
    below, above = (file.partition("/")[0] if "/" in file else "module" for file in (definer, user))
    return below == above or LAYERS[below] < LAYERS[above]


def compiled(src: Path, folder: Path) -> dict[str, Path]:
    """An object file for each source, without optimisation, so that each use of a name is in it."""
    compiler = shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")
    if compiler is None or shutil.which("nm") is None or os.name == "nt":
        pytest.skip("needs a C compiler and nm")
    flags = ["-std=c11", "-O1", "-w", "-fPIC", f"-I{src}", f"-I{sysconfig.get_path('include')}"]

    def compile_one(source: Path) -> tuple[str, Path]:
        name = str(source.relative_to(src))
        target = folder / (name.replace("/", "-") + ".o")
        subprocess.run([compiler, *flags, "-c", source, "-o", target], check=True)
        return name, target

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(threads.map(compile_one, sorted(src.rglob("*.c"))))


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> Names:
    return Names(compiled(SRC, tmp_path_factory.mktemp("objects")))


@pytest.mark.once
def test_no_name_goes_up(names):
    assert names.uses()
    assert names.upward() == []


def test_a_name_that_goes_up_is_found(tmp_path):
    small = {
        "platform/clock.c": "int variable_count(void); int now(void) { return variable_count(); }",
        "ref/variable.c": "int now(void); int variable_count(void) { return now(); }",
        "local/nodes.c": "int block_count(void); int node_count(void) { return block_count(); }",
        "shared/block.c": "int block_count(void) { return 0; }",
        "module.c": "int now(void); int node_count(void); int all(void) { return now() + node_count(); }",
    }
    for name, text in small.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "objects").mkdir()
    found = Names(compiled(tmp_path, tmp_path / "objects"))
    assert found.upward() == [
        "local/nodes.c uses block_count of shared/block.c",
        "platform/clock.c uses variable_count of ref/variable.c",
    ]


@pytest.mark.once
@pytest.mark.parametrize("folder", [folder for folder in LAYERS if folder not in ("trees", "module")])
def test_the_files_of_a_folder_have_an_order(names, folder):
    """A file may be read, and tested, with what lies below it in mind and nothing else."""
    assert names.circles(folder) == []


def test_a_circle_is_found_and_nothing_else(tmp_path):
    small = {
        "ref/slot.c": "int wait(void); int publish(void) { return wait(); }",
        "ref/waiters.c": "int wake(void); int wait(void) { return wake(); }",
        "ref/waker.c": "int publish(void); int wake(void) { return publish(); }",
        "ref/below.c": "int below(void) { return 0; }",
        "ref/above.c": "int below(void); int publish(void); int above(void) { return below() + publish(); }",
    }
    (tmp_path / "ref").mkdir()
    for name, text in small.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "objects").mkdir()
    found = Names(compiled(tmp_path, tmp_path / "objects"))
    assert found.circles("ref") == [
        "ref/slot.c uses wait of ref/waiters.c; ref/waiters.c uses wake of ref/waker.c; "
        "ref/waker.c uses publish of ref/slot.c"
    ]
    assert found.circles("shared") == []


# A symbol says what it belongs to: which instance of a template, which type


@pytest.mark.once
def test_a_symbol_of_the_bindings_is_in_one_object_file(names):
    names = copy.copy(names)
    names.functions = {file: found for file, found in names.functions.items() if file.startswith("bindings/")}
    text = "\n".join(file.read_text() for file in sorted((SRC / "bindings").rglob("*.[ch]")))
    assert names.ambiguous(text) == [], "run tools/instance_names.py, and see src/bindings/README.md"


@pytest.mark.once
def test_a_symbol_of_other_folders_is_in_one_object_file(names):
    names = copy.copy(names)
    names.functions = {file: found for file, found in names.functions.items() if not file.startswith("bindings/")}
    text = "\n".join(file.read_text() for file in sources(SRC))
    assert names.ambiguous(text) == []


@pytest.mark.once
@pytest.mark.parametrize("memory", ["local", "shared"])
@pytest.mark.parametrize(
    ("container", "functions"),
    [
        ("map", "set subscript tp_new iter deepcopy mutation_finish iterator_next view_len"),
        ("set", "add or tp_new iter deepcopy mutation_finish iterator_next"),
        ("vector", "append subscript tp_new iter deepcopy mutation_finish iterator_next"),
    ],
)
def test_the_symbols_of_methods_and_slots_name_their_instance(names, memory, container, functions):
    expected = {f"{memory}_{container}_{function}" for function in functions.split()}
    assert expected <= names.functions[f"bindings/{container}/{memory}.c"]


def test_a_function_of_two_files_is_found(tmp_path):
    texts = {
        "local/map.c": "static int\nget(void)\n{ return 1; }\nint (*map_slots[])(void) = {get};",
        "local/set.c": "static int\nget(void)\n{ return 2; }\nint (*set_slots[])(void) = {get};",
    }
    (tmp_path / "local").mkdir()
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "objects").mkdir()
    found = Names(compiled(tmp_path, tmp_path / "objects"))
    assert found.ambiguous("\n".join(texts.values())) == ["get is a symbol of local/map.c and local/set.c"]
    assert found.ambiguous("static inline int\nget(void)") == []
