"""What programs of scenarios have in common: each scenario is a process of its own, which must end, and end well.

    @scenario(status=3)
    def a_watch_is_open_at_sys_exit(source: random.Random) -> None: ...

    if __name__ == "__main__":
        sys.exit(main())

`main` starts one scenario after the other, each with a seed of its own, as `python -m torture.exits --scenario NAME
--seed N`, which is also how one is repeated. A scenario fails if it takes longer than LIMIT seconds (its stacks are
printed), ends with another status than it says, or prints what a crash or a lost exception prints.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from support import child_environment

LIMIT = int(os.environ.get("FROZEN_TORTURE_LIMIT", "180"))
"""Seconds that one process may take, on a busy machine: only a hang is to be found by it."""

WRONG = re.compile(
    r"Fatal Python error|Segmentation fault|Traceback|Exception ignored|Sanitizer|AssertionError|refcount|corrupt"
)
"""What the streams of a process that ended well do not have in them, unless the scenario expects it."""


@dataclass
class Scenario:
    run: Callable[[random.Random], None]
    status: int
    expects: str | None
    since: tuple[int, int]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *, status: int = 0, expects: str | None = None, since: tuple[int, int] = (3, 11)
) -> Callable[[Callable[[random.Random], None]], Callable[[random.Random], None]]:
    """Make a function a scenario. `status`: what its process ends with. `expects`: a pattern that its output matches,
    which may then have errors of any kind. `since`: the first Python that has what it uses."""

    def add(function: Callable[[random.Random], None]) -> Callable[[random.Random], None]:
        SCENARIOS[function.__name__] = Scenario(function, status, expects, since)
        return function

    return add


def main() -> int:
    program = sys.modules["__main__"]
    name = program.__spec__.name
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=program.__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="be the process of this one")
    options = parser.parse_args()
    if options.scenario:
        faulthandler.enable()
        SCENARIOS[options.scenario].run(random.Random(options.seed))
        return 0
    print(f"{name}: seed {options.seed}", flush=True)
    return attack(name, options.seed, options.seconds)


def attack(name: str, seed: int, seconds: float) -> int:
    """Every scenario in random order, again and again until the time is over; the first failure ends it."""
    source, deadline, done = random.Random(seed), time.monotonic() + seconds, 0
    known = sorted(key for key, one in SCENARIOS.items() if sys.version_info >= one.since)
    while known and (time.monotonic() < deadline or done == 0):
        for key in source.sample(known, len(known)):
            if done and time.monotonic() > deadline:
                break
            if not passes(name, key, source.randrange(1 << 32)):
                return 1
            done += 1
    print(f"{name}: {done} processes of {len(known)} scenarios ended well", flush=True)
    return 0


def passes(name: str, key: str, seed: int) -> bool:
    expected = SCENARIOS[key]
    command = [sys.executable, "-X", "faulthandler", "-m", name, "--scenario", key, "--seed", str(seed)]
    status, text = run(command)
    wrong = None
    if status != expected.status:
        wrong = f"ended with {status_name(status)} instead of {expected.status}"
    elif expected.expects is not None and not re.search(expected.expects, text):
        wrong = f"did not print {expected.expects!r}"
    elif expected.expects is None and (found := WRONG.search(text)):
        wrong = f"printed {found[0]!r}"
    if wrong:
        print(f"\n{name}: FOUND: {key} {wrong}\n" + "\n".join(text.splitlines()[-80:]))
        print(f"again: python -m {name} --scenario {key} --seed {seed}", flush=True)
    return wrong is None


def run(command: list[str]) -> tuple[int | None, str]:
    """What a process ended with, and all that it printed; None: it hung, and was made to print its stacks.

    It writes to a file: a process that it forked and forgot would hold a pipe open.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            command,
            env=child_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None = None
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.send_signal(signal.SIGABRT)
                process.wait(10)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it is a group of its own, with all that it forked
        process.wait()
        output.seek(0)
        return status, output.read()


def status_name(status: int | None) -> str:
    if status is None:
        return f"nothing: it hung for {LIMIT} s"
    return signal.Signals(-status).name if status < 0 else str(status)
