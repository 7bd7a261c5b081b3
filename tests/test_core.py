"""src/core without Python: each tests/c/test_*.c is a program that ends with 0, compiled here in every configuration.

Branching factors 4 and 32, each compiler that is installed, under the address and undefined-behaviour sanitizers, and
under the thread sanitizer where the program starts threads. Some: `pytest tests/test_core.py -k champ`.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support import ROOT

PROGRAMS = sorted((ROOT / "tests/c").glob("test_*.c"))
FUZZERS = sorted((ROOT / "tests/c").glob("fuzz_*.c")) if shutil.which("clang") else []
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
MEMORY = "address,undefined"
THREADS = "thread"
FLAGS = [
    *("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fno-omit-frame-pointer"),
    *("-fno-sanitize-recover=all", "-UNDEBUG", "-DFROZEN_CHECK=1", "-pthread", "-Isrc", "-Itests/c"),
]


def compile_and_run(source: Path, program: Path, compiler: str, *flags: str) -> str:
    """What the program printed; a failing compilation or run fails the test, with the command that repeats it."""
    command = [compiler, *FLAGS, *flags, str(source), "-o", str(program)]
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for step in (command, [str(program)]):
        done = subprocess.run(step, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            line = " ".join(command) + f" && {program}"
            pytest.fail(f"{line}\nended with {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


@functools.cache
def sanitizer_works(compiler: str, sanitizer: str, folder: Path) -> bool:
    """Not every compiler comes with the libraries of its sanitizers, and not every kernel suits them."""
    source, program = folder / "probe.c", folder / f"probe-{compiler}-{sanitizer}"
    source.write_text("int main(void) { return 0; }\n")
    build = subprocess.run([compiler, f"-fsanitize={sanitizer}", source, "-o", program], capture_output=True)
    return build.returncode == 0 and subprocess.run([program], capture_output=True).returncode == 0


def configurations() -> list[object]:
    found = []
    for program in PROGRAMS:
        sanitizers = [MEMORY, THREADS] if "pthread" in program.read_text() else [MEMORY]
        for compiler in COMPILERS:
            for sanitizer in sanitizers:
                for bits in (2, 5):
                    name = f"{program.stem.removeprefix('test_')}-{compiler}-branching{2**bits}-{sanitizer}"
                    found.append(pytest.param(program, compiler, sanitizer, bits, id=name))
    return found


@pytest.mark.parametrize(("source", "compiler", "sanitizer", "bits"), configurations())
def test_program(source: Path, compiler: str, sanitizer: str, bits: int, tmp_path: Path, tmp_path_factory):
    flags = [f"-DCORE_BITS={bits}"]
    if sanitizer_works(compiler, sanitizer, tmp_path_factory.getbasetemp()):
        flags.append(f"-fsanitize={sanitizer}")
    elif sanitizer == THREADS:
        pytest.skip(f"{compiler} has no working -fsanitize={sanitizer} here")
    compile_and_run(source, tmp_path / "program", compiler, *flags)


@pytest.mark.parametrize("source", FUZZERS, ids=lambda source: source.stem)
def test_fuzzers_find_nothing_soon(source: Path, tmp_path: Path):
    """As many runs as take seconds, the same ones each time; how to fuzz for longer stands in each file."""
    program, flags = tmp_path / "fuzz", [*FLAGS, "-DCORE_BITS=2", f"-fsanitize=fuzzer,{MEMORY}"]
    build = subprocess.run(["clang", *flags, source, "-o", program], cwd=ROOT, capture_output=True, text=True)
    if build.returncode != 0:
        assert "libclang_rt.fuzzer" in build.stderr, build.stderr
        pytest.skip("clang has no libFuzzer here")
    run = [program, "-runs=5000", "-seed=1", "-max_len=400", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_failing_program_fails_the_test(tmp_path):
    source = tmp_path / "test_wrong.c"
    source.write_text("#include <assert.h>\nint main(void) { assert(1 + 1 == 3); return 0; }\n")
    with pytest.raises(pytest.fail.Exception, match=r"1 \+ 1 == 3"):
        compile_and_run(source, tmp_path / "wrong", COMPILERS[0])


def test_the_address_sanitizer_is_listened_to(tmp_path):
    if not sanitizer_works(COMPILERS[0], MEMORY, tmp_path):
        pytest.skip(f"{COMPILERS[0]} has no working -fsanitize={MEMORY} here")
    source = tmp_path / "test_leaking.c"
    source.write_text(
        "#include <stdlib.h>\n"
        "static void leak(void) { char *volatile block = malloc(24); block[0] = 1; block = NULL; }\n"
        "int main(void) { leak(); return 0; }\n"
    )
    with pytest.raises(pytest.fail.Exception, match="LeakSanitizer"):
        compile_and_run(source, tmp_path / "leaking", COMPILERS[0], f"-fsanitize={MEMORY}")
