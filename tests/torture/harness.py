"""What programs of random steps have in common: cases are repeatable, crashes are caught, findings shrink.

`main(run_case)` makes a module a program. It starts itself again as a worker, which runs one case after the other and
notes each step in a log before it takes it. The supervisor sees the worker fail, die or hang, leaves out steps as
long as the same thing happens, and prints what remains.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

clear_type_cache = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache  # 3.13 gave it a new name
total_references = getattr(sys, "gettotalrefcount", lambda: 0)  # of debug builds

SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")


@dataclass
class Case:
    """A fresh start and a number of steps. What a step does follows from `random(step)` and what is there."""

    seed: int
    number: int
    steps: list[int]
    log: int | None = None
    done: list[str] = field(default_factory=list)

    def random(self, step: int | str) -> random.Random:
        """The random source of one step; the same whichever other steps are left out."""
        return random.Random(f"{self.seed}.{self.number}.{step}")

    def note(self, step: int | str, text: str) -> None:
        """Say what comes next, in case it is the last thing that happens."""
        if self.log is not None:
            os.write(self.log, f"{step} {text}\n".encode(errors="backslashreplace"))


RunCase = Callable[[Case], None]


def main(run_case: RunCase, *, steps: int = 200, leaks: bool = True, memory: int = 6 << 30, hang: int = 300) -> int:
    """Be the program or its worker.

    `leaks`: cases are repeated now and then, and must leave nothing behind. `memory`: bytes of address space of a
    worker. `hang`: seconds that one case may take, on a busy machine and under sanitizers.
    """
    name = sys.modules["__main__"].__spec__.name
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=sys.modules["__main__"].__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=steps, help="in each case")
    parser.add_argument("--case", type=int, help="run this case alone")
    parser.add_argument("--keep", help="only these steps of it: 3,5,17")
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # the file for its log
    options = parser.parse_args()
    if options.worker:
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        work(run_case, options, leaks, hang)
        return 0
    print(f"{name}: seed {options.seed}", flush=True)
    return supervise(name, options)


# The worker


def work(run_case: RunCase, options: argparse.Namespace, leaks: bool, hang: int) -> None:
    faulthandler.enable()
    log = os.open(options.worker, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    deadline = time.monotonic() + options.seconds
    first = options.case or 0
    for number in range(first, first + 1 if options.case is not None else sys.maxsize):
        faulthandler.dump_traceback_later(hang, exit=True)
        steps = list(range(options.steps)) if options.keep is None else [int(s) for s in options.keep.split(",") if s]
        case = Case(options.seed, number, steps, log)
        os.ftruncate(log, 0)
        case.note("case", str(number))
        run_case(case)
        if leaks and (number % 8 == 7 or options.case is not None):
            assert_flat(run_case, case)
        if time.monotonic() > deadline:
            break
    faulthandler.cancel_dump_traceback_later()
    os.ftruncate(log, 0)
    case.note("case", f"{number} was the last, and all is well")


def alive() -> tuple[int, int]:
    """(references, nodes of shared memory); a release build does not count references."""
    from frozen import _core

    clear_type_cache()
    _core._forget_plans()  # and the objects that were made of what is in shared memory, which fill a cache
    for _ in range(3):
        gc.collect()
    return total_references(), _core._live_shared_nodes()


def assert_flat(run_case: RunCase, case: Case, repeats: int = 10) -> None:
    """The same case again and again: one time at least nothing more is left than before, unless it leaks each time."""
    left = []
    for _ in range(repeats):
        before = alive()
        run_case(Case(case.seed, case.number, case.steps))
        after = alive()
        left.append((after[0] - before[0], after[1] - before[1]))
        if max(left[-1]) <= 0:
            return
    case.note("leak", str(left))
    raise AssertionError(f"each run of case {case.number} leaves (references, shared nodes) behind: {left}")


# The supervisor


@dataclass
class Outcome:
    status: int
    log: str
    errors: str

    @property
    def kind(self) -> tuple[int, str]:
        """What has to stay the same while steps are left out: the status, and of what kind the exception was."""
        last = self.errors.strip().rpartition("\n")[2] if self.status == 1 else ""
        return self.status, "leak" if "leaves (references" in last else last.partition(":")[0]

    @property
    def case(self) -> int:
        return int(self.log.split(maxsplit=2)[1])

    @property
    def steps(self) -> list[int]:
        first_words = (line.partition(" ")[0] for line in self.log.splitlines()[1:])
        return sorted({int(word) for word in first_words if word.isdigit()})


def run_worker(name: str, options: argparse.Namespace, *more: str) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        command = [sys.executable, "-X", "faulthandler", "-m", name, "--worker", str(log), "--seed", str(options.seed)]
        command += ["--steps", str(options.steps), *more]
        env = os.environ | {"PYTHONHASHSEED": str(options.seed % (1 << 32))}
        done = subprocess.run(command, env=env, stderr=subprocess.PIPE, text=True, errors="replace")
        return Outcome(done.returncode, log.read_text(errors="replace"), done.stderr)


def supervise(name: str, options: argparse.Namespace) -> int:
    chosen = ["--seconds", str(options.seconds)]
    if options.case is not None:
        chosen += ["--case", str(options.case)]
    if options.keep is not None:
        chosen += ["--keep", options.keep]
    outcome = run_worker(name, options, *chosen)
    if outcome.status == 0:
        print(f"{name}: {outcome.log.strip() or 'no case'}", flush=True)
        return 0
    report(name, options, outcome, "FOUND")
    if outcome.log.startswith("case ") and outcome.steps:
        steps, shrunk = shrink(name, options, outcome)
        report(name, options, shrunk, f"SHRUNK to {len(steps)} steps", steps)
    return 1


def report(name: str, options: argparse.Namespace, found: Outcome, title: str, steps: list[int] | None = None) -> None:
    status = found.status
    with contextlib.suppress(ValueError):
        status = signal.Signals(-status).name if status < 0 else status
    print(f"\n{name}: {title}: the worker ended with {status}")
    lines = found.errors.splitlines()
    print("\n".join(lines[:30] + ["..."] * (len(lines) > 60) + lines[max(30, len(lines) - 30) :]))
    print("last steps:")
    print("\n".join(found.log.splitlines()[-25:]))
    again = f"python -m {name} --seed {options.seed} --steps {options.steps} --case {found.case if found.log else 0}"
    print(f"again: {again}" + (f" --keep {','.join(map(str, steps))}" if steps is not None else ""), flush=True)


def shrink(name: str, options: argparse.Namespace, found: Outcome, seconds: float = 120.0) -> tuple[list[int], Outcome]:
    """Fewer steps that end the same way: halves left out, then quarters, and so on."""
    deadline = time.monotonic() + seconds
    steps, best = found.steps, found
    size = max(1, len(steps) // 2)
    while time.monotonic() < deadline:
        for start in reversed(range(0, len(steps), size)):
            kept = steps[:start] + steps[start + size :]
            keep = ["--case", str(found.case), "--keep", ",".join(map(str, kept)), "--seconds", "0"]
            outcome = run_worker(name, options, *keep)
            if outcome.kind == found.kind:
                steps, best = kept, outcome
            if time.monotonic() > deadline:
                break
        if size == 1:
            break
        size //= 2
    return steps, best


# What programs of a fixed list of attacks use


def attacks_until(deadline: float, source: random.Random, attacks: dict[str, Callable[[], None]]) -> Iterator[str]:
    """Names in random order, each once, then again, until the time is over; at least one round."""
    first = True
    while first or time.monotonic() < deadline:
        for name in source.sample(sorted(attacks), len(attacks)):
            if not first and time.monotonic() > deadline:
                return
            yield name
        first = False


def show(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
