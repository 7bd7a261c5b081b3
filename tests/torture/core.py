"""The algorithms without Python: the fuzzers of tests/c, built with whatever compiler is there, each for its part."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
FLAGS = (
    "-std=c11",
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-pthread",
    "-UNDEBUG",
    "-DFROZEN_CHECK=1",
    "-Isrc",
    "-Itests/c",
)
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
BUILDS = {
    "trie of maps, branching 4": ("fuzz_champ.c", "-DCORE_BITS=2"),
    "trie of maps, branching 32": ("fuzz_champ.c", "-DCORE_BITS=5"),
    "trie of sets, branching 4": ("fuzz_champ.c", "-DCORE_BITS=2", "-DENTRY_WIDTH=1"),
    "vector, branching 4": ("fuzz_rrb.c", "-DCORE_BITS=2"),
    "vector, branching 32": ("fuzz_rrb.c", "-DCORE_BITS=5"),
    "vector of several threads, branching 4": ("fuzz_rrb.c", "-DCORE_BITS=2", "-DMEMORY_IS_SERIAL=false"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture.core", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    print(f"torture.core: seed {options.seed}", flush=True)
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang", "cc"))), None)
    if compiler is None or not (TESTS.parent / "src").is_dir():
        print("torture.core: NOT CHECKED: no C compiler, or no sources")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, *flags) in BUILDS.items():
            program = Path(folder) / name.replace(" ", "-")
            build(compiler, source, flags, program)
            seconds = max(1, round(options.seconds / len(BUILDS)))
            print(f"{name}: ", end="", flush=True)
            if subprocess.run([program, f"--seed={options.seed}", f"--seconds={seconds}", "--length=800"]).returncode:
                print(f"built by: {compiler} {' '.join((*FLAGS, *SANITIZERS, *flags))} tests/c/{source}", flush=True)
                return 1
    return 0


def build(compiler: str, source: str, flags: list[str], program: Path) -> None:
    """With sanitizers, where the compiler has them."""
    for extra in (SANITIZERS, ()):
        command = [compiler, *FLAGS, *extra, *flags, f"tests/c/{source}", "-o", str(program)]
        done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True)
        if done.returncode == 0:
            return
    raise SystemExit(done.stderr)


if __name__ == "__main__":
    sys.exit(main())
