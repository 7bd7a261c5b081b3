"""src/trees without Python: each tests/c/test_*.c is a program that ends with 0, compiled in several configurations.

GCC with a branching factor of 4, and Clang with 32, under the address and undefined-behaviour sanitizers, and under the
thread sanitizer where the program starts threads. `FROZEN_CORE=every`, as `nox -s core` sets it, is for both branching
factors with both compilers. Some: `pytest tests/core/test_trees.py -k champ`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import ROOT

PROGRAMS = sorted((ROOT / "tests/c").glob("test_*.c"))
FUZZERS = sorted((ROOT / "tests/c").glob("fuzz_*.c"))
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)] or ["cc"]
BRANCHING_BITS = dict.fromkeys(COMPILERS, (2, 5))
if len(COMPILERS) == 2 and os.environ.get("FROZEN_CORE") != "every":
    BRANCHING_BITS = {"gcc": (2,), "clang": (5,)}
MEMORY = "address,undefined"
THREADS = "thread"
FLAGS = [
    *("-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fno-omit-frame-pointer"),
    *("-fno-sanitize-recover=all", "-UNDEBUG", "-DFROZEN_CHECK=1", "-pthread", "-Isrc", "-Itests/c"),
]


def compile_and_run(source: Path, program: Path, compiler: str, *flags: str, arguments: Sequence[str] = ()) -> str:
    """What the program printed; a failing compilation or run fails the test, with the command that repeats it."""
    command = [compiler, *FLAGS, *flags, str(source), "-o", str(program)]
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for step in (command, [str(program), *arguments]):
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
                for bits in BRANCHING_BITS[compiler]:
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


@pytest.mark.parametrize("bits", [2, 5])
@pytest.mark.parametrize("source", FUZZERS, ids=lambda source: source.stem)
def test_fuzzers_find_nothing_soon(source: Path, bits: int, tmp_path: Path, tmp_path_factory):
    """As many inputs as take seconds, the same ones each time; how to fuzz for longer stands in each file."""
    flags = [f"-DCORE_BITS={bits}"]
    if sanitizer_works(COMPILERS[0], MEMORY, tmp_path_factory.getbasetemp()):
        flags.append(f"-fsanitize={MEMORY}")
    compile_and_run(source, tmp_path / "fuzz", COMPILERS[0], *flags, arguments=["--runs=60"])


@pytest.mark.skipif(shutil.which("clang") is None, reason="libFuzzer comes with clang")
@pytest.mark.parametrize("source", FUZZERS, ids=lambda source: source.stem)
def test_libfuzzer_drives_the_same_fuzzers(source: Path, tmp_path: Path):
    program, flags = tmp_path / "fuzz", [*FLAGS, "-DCORE_BITS=2", "-DFUZZ_BY_LIBFUZZER", f"-fsanitize=fuzzer,{MEMORY}"]
    build = subprocess.run(["clang", *flags, source, "-o", program], cwd=ROOT, capture_output=True, text=True)
    if build.returncode != 0:
        assert "libclang_rt.fuzzer" in build.stderr, build.stderr
        pytest.skip("clang has no libFuzzer here")
    run = [program, "-runs=500", "-seed=1", "-max_len=400", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_fuzzer_names_the_seed_of_what_it_finds(tmp_path):
    source, program = tmp_path / "fuzz_wrong.c", tmp_path / "wrong"
    source.write_text(
        '#include "fuzz.h"\n'
        "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
        "{ input_begin(data, size); if (next_byte() == 7) abort(); return 0; }\n"
    )
    with pytest.raises(pytest.fail.Exception, match=r"signal 6; to repeat it: .* --seed=\d+ --runs=1") as found:
        compile_and_run(source, program, COMPILERS[0])
    seed = re.search(r"--seed=(\d+)", str(found.value)).group(1)
    assert subprocess.run([program, f"--seed={seed}", "--runs=1"], capture_output=True).returncode == 1
    assert subprocess.run([program, f"--seed={int(seed) + 1}", "--runs=1"], capture_output=True).returncode == 0


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
