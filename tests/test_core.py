"""The algorithms of src/core over the fake memory (tests/c/fake_memory.h): compiled and run without any Python.

Each tests/c/test_*.c is one program, built with every compiler found, under ASan and UBSan, with 4 branches (deep trees
out of few entries) and with 32.  By hand: `cc -Isrc -Itests/c -DCORE_BITS=2 -g tests/c/test_rrb.c && ./a.out`.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted((ROOT / "tests" / "c").glob("test_*.c"))
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", *SANITIZERS]

pytestmark = pytest.mark.skipif(not COMPILERS, reason="needs gcc or clang")


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("bits", [2, 5])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_core(program, bits, compiler, tmp_path):
    binary = tmp_path / program.stem
    defines = [f"-DCORE_BITS={bits}", "-DFROZEN_CHECK=1"]
    includes = [f"-I{ROOT / 'src'}", f"-I{ROOT / 'tests' / 'c'}"]
    command = [compiler, *FLAGS, *defines, *includes, str(program), "-o", str(binary)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    run = subprocess.run([str(binary)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
