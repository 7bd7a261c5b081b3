"""Debug builds (FROZEN_DEBUG=1) notice a broken tree at the operation that breaks it.

The sources are copied, some lines are broken on purpose, each only where FROZEN_BREAK names it at run time, and the
whole is built once. Each program below meets one broken line, and must end with the invariant that then does not hold.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import PACKAGE, ROOT, needs_debug_build, run_python

pytestmark = [
    pytest.mark.once,
    needs_debug_build,  # one kind of interpreter is enough
    pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="building needs setuptools"),
    pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs the sources"),
]

SWITCH = """\
#include <stdlib.h>
#include <string.h>
#define BROKEN(name) (getenv("FROZEN_BREAK") != NULL && strcmp(getenv("FROZEN_BREAK"), name) == 0)
"""

DEFECTS = {
    # name: (file, what stands there, what stands there instead)
    "pull_up": (
        "champ/access.inc.h",
        "if (level > 0 && v.entries == 2",
        'if (!BROKEN("pull_up") && level > 0 && v.entries == 2',
    ),
    "stale_hash": (
        *("champ/access.inc.h", "for (unsigned i = 0; i <= level; i++)\n            forget"),
        'for (unsigned i = 0; i <= level; i += 1 + BROKEN("stale_hash"))\n            forget',
    ),
    "lone_entry": (
        *("champ/merge.inc.h", "if (nodemap == 0 && (datamap & (datamap - 1)) == 0) {"),
        'if (nodemap == 0 && (datamap & (datamap - 1)) == 0 && !(BROKEN("lone_entry") && datamap)) {',
    ),
    "right_only": ("champ/merge.inc.h", "+= operand_count(o);", '+= operand_count(o) + BROKEN("right_only");'),
    "wrong_branch": (
        *("champ/build.inc.h", "d.child[c] = child[c];"),
        'd.child[c] = child[BROKEN("wrong_branch") ? children - 1 - c : c];',
    ),
    "all_relaxed": (
        *("rrb/row.inc.h", "bool regular = trees_are_regular(trees, length),"),
        'bool regular = !BROKEN("all_relaxed") && trees_are_regular(trees, length),',
    ),
    "thin_nodes": (
        *("rrb/row.inc.h", "if (row_follows_plan(row, lengths, count))"),
        'if (BROKEN("thin_nodes") || row_follows_plan(row, lengths, count))',
    ),
    "top_length": (
        *("rrb/mutate.inc.h", "((rrb_node *)v->root)->length = (uint8_t)length;"),
        'if (!BROKEN("top_length")) ((rrb_node *)v->root)->length = (uint8_t)length;',
    ),
}

SETTING = """
from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector
few, many, words = range(100), range(20_000), list(map(str, range(1000)))
"""
STALE = "hash(m)\nd = m.mutate()\ndel m\nfor word in words: d[word] = 7"

PROGRAMS = [
    # defect, program, the invariant that it breaks
    ("pull_up", "m = Map.fromkeys([0, 32])\nm.delete(0)", "I4"),
    ("pull_up", "s = SharedSet([0, 32])\ns.remove(0)", "I4"),
    ("pull_up", "d = Set([0, 32]).mutate()\nd.discard(0)", "I4"),
    ("pull_up", "m = Map.fromkeys(many)\nfor k in range(20_000 - 1024): m = m.delete(k)", "I4"),
    ("stale_hash", f"m = Map.fromkeys(words, 0)\n{STALE}", "I8"),
    ("stale_hash", f"m = SharedMap.fromkeys(words, 0)\n{STALE}", "I8"),
    ("lone_entry", "Set([0, 32, 64]) & Set([0, 1, 96])", "I4"),
    ("lone_entry", "SharedSet([0, 32, 1]) - SharedSet([32, 2])", "I4"),
    ("right_only", "Set(few).union(Set(range(90, 200)))", "I7"),
    ("right_only", "d = Map.fromkeys(few).mutate()\nd.update(Map.fromkeys(range(90, 200)))", "I7"),
    ("wrong_branch", "Map.fromkeys(few)", "I2"),
    ("wrong_branch", "SharedSet(few)", "I2"),
    ("all_relaxed", "Vector(few)", "R2"),
    ("all_relaxed", "d = SharedVector(range(32)).mutate()\nfor i in few: d.append(i)", "R2"),
    ("thin_nodes", "v = Vector(few)\nfor _ in range(4): v = v[:33] + v", "R4"),
    ("top_length", "d = Vector(few).mutate()\nd.append(1)\nd.append(2)", "R6"),
]


def write_broken_sources(to: Path) -> None:
    shutil.copytree(ROOT / "src", to / "src")
    shutil.copytree(ROOT / "frozen/include", to / "frozen/include")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, to)
    bits = to / "src/trees/bits.h"
    bits.write_text(SWITCH + bits.read_text())
    for name, before, after in DEFECTS.values():
        path = to / "src/trees" / name
        text = path.read_text()
        assert text.count(before) == 1, f"{name} has {text.count(before)} places with {before!r}"
        path.write_text(text.replace(before, after))


@pytest.fixture(scope="module")
def run_broken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], tuple[int, str]]:
    folder = tmp_path_factory.mktemp("broken")
    write_broken_sources(folder)
    build = folder / "lib"
    run_python(
        *("setup.py", "-q", "build_ext", "-b", build, "-t", folder / "objects"),
        env={"FROZEN_DEBUG": "1", "CFLAGS": os.environ.get("CFLAGS", "") + " -O0"},
        cwd=folder,
        timeout=900,
    )
    shutil.copytree(PACKAGE, build / "frozen", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "*.pyd"))

    def run(defect: str, program: str) -> tuple[int, str]:
        env = {"PYTHONPATH": str(build), "FROZEN_BREAK": defect, "PYTHONFAULTHANDLER": "0", "PYTHONHASHSEED": "0"}
        done = run_python("-c", SETTING + program, env=env, cwd=folder, check=False)
        return done.returncode, done.stderr

    return run


@pytest.mark.parametrize(("defect", "program", "invariant"), PROGRAMS)
def test_a_broken_tree_ends_the_process_at_the_operation_that_broke_it(run_broken, defect, program, invariant):
    status, errors = run_broken(defect, program)
    assert status != 0
    assert f": {invariant}: " in errors


def test_the_same_programs_end_well_where_nothing_is_broken(run_broken):
    for _, program, _ in PROGRAMS:
        assert run_broken("nothing", program) == (0, "")
