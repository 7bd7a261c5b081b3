"""Run the programs of torture one after the other: `python -m torture [PROGRAM...] [--seconds S] [--seed N]`."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys

SHORT: tuple[str, ...] = (
    "core",
    "cells",
    "api",
    "evil",
    "memory",
    "pickles",
    "deltas",
    "encoding",
    "arguments",
    "hostile",
    "handles",
    "atomic_maps",
    "shared_atomic_maps",
    "caches",
    "churn",
)
LONG: tuple[str, ...] = ("short_threads", "signals", "exits", "forks", "interpreters")
PROGRAMS = SHORT + LONG
"""Modules of this folder; the suite and .ci/run run the short ones.

Each takes `--seed N --seconds S` and ends with 0 if it found nothing.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"one of {', '.join(PROGRAMS)}")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each program")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    unknown = set(options.programs) - set(PROGRAMS)
    if unknown:
        parser.error(f"no such program: {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    failed = [name for name in options.programs or PROGRAMS if not passes(name, options.seed, options.seconds)]
    if failed:
        print(f"FOUND SOMETHING: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def passes(name: str, seed: int, seconds: float) -> bool:
    command = [sys.executable, "-m", f"torture.{name}", "--seed", str(seed), "--seconds", str(seconds)]
    print("$", " ".join(command[1:]), flush=True)
    return subprocess.run(command).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
