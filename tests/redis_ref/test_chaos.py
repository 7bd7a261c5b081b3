"""Processes, and a server that is killed: nothing that was acknowledged is counted twice, and nothing is lost that the
server kept. FROZEN_CHAOS_SECONDS=300 lets the killing go on for that long.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from linearizability import Call, is_linearizable
from redis_server import Server
from support import ROOT, child_environment, eventually

from frozen import Map
from frozen.redis import RedisEngine, RedisRef
from frozen.remote._codec import Codec
from frozen.remote._file import CacheFile

pytestmark = pytest.mark.server

Attach = Callable[..., RedisRef[Any]]
Start = Callable[..., Server]
SECONDS = float(os.environ.get("FROZEN_CHAOS_SECONDS", "3"))
KILLS = max(2, int(SECONDS))


class Process:
    """A role in a process of its own."""

    def __init__(self, folder: Path, role: str, *arguments: object) -> None:
        command = [sys.executable, str(ROOT / "tests/redis_roles.py"), role, *map(str, arguments)]
        pipe, env = subprocess.PIPE, child_environment()
        with (folder / f"errors of {role}").open("ab") as errors:
            self.process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=errors, text=True, cwd=folder, env=env
            )

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def is_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def result(self) -> Any:
        out, _ = self.process.communicate(timeout=240)
        assert self.process.returncode == 0
        return json.loads(out)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., list[Process]]]:
    """Starts roles, waits until all are ready, and lets them go at once."""
    processes: list[Process] = []

    def spawn(*roles: tuple[object, ...]) -> list[Process]:
        started = [Process(tmp_path, *map(str, role)) for role in roles]
        processes.extend(started)
        for process in started:
            process.is_ready()
        for process in started:
            process.go()
        return started

    yield spawn
    for process in processes:
        process.kill()


def test_three_processes_count_exactly(server: Server, attach: Attach, spawn: Any) -> None:
    ref = attach(server.client(), "chaos", initial=Map(n=0))
    *counters, follower = spawn(*[("counter", server.port, 300)] * 3, ("follower", server.port, 900))
    for counter in counters:
        counter.result()
    assert follower.result()["back"] == 0
    ref.sync()
    assert ref.get() == Map(n=900)


def register(state: Any, name: str, arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    if name == "add":
        return state + arguments[0], state + arguments[0]
    if name == "exchange":
        return arguments[0], state
    return state, state


def test_histories_of_processes_are_linearizable(server: Server, attach: Attach, spawn: Any) -> None:
    attach(server.client(), "chaos", initial=Map(n=0))
    histories = [process.result() for process in spawn(*[("history", server.port, index, 5) for index in range(3)])]
    calls = [Call(name, tuple(given), *rest) for history in histories for name, given, *rest in history]
    assert is_linearizable(calls, register, 0), "\n".join(map(str, sorted(calls, key=lambda call: call.began)))


@pytest.mark.parametrize("persistence", ["always", "everysec", "none"])
def test_a_server_that_is_killed_under_writers(
    start_server: Start, attach: Attach, spawn: Any, persistence: str
) -> None:
    """What was acknowledged is there, once, if the server kept it; readers follow whatever history survives.

    With appendfsync everysec the server may hold back what it writes while it waits for the disk, and a SIGKILL loses
    that: it is set back, and this is noticed. Without persistence the survivors put back what they have.
    """
    server = start_server(persistence)
    ref = attach(server.client(), "chaos", initial=Map(n=0), timeout=60)
    count = int(250 * SECONDS / 3)
    counters = spawn(*[("counter", server.port, count)] * 3)
    for _ in range(KILLS):
        time.sleep(SECONDS / KILLS / 3)
        server.kill()
        time.sleep(0.1)
        server.start()
    results = [counter.result() for counter in counters]
    eventually(lambda: ref.connected)
    ref.sync()
    total = 3 * count  # each is published once, unless its writer says that it cannot know
    stats = [ref.stats._asdict(), *[result["stats"] for result in results]]
    # a writer may have waited for the server for so long that the log has been trimmed
    least = total - sum(result["unsure"] for result in results)
    assert 0 < ref.get()["n"] <= total
    if persistence == "always":
        assert ref.get()["n"] >= least
    elif ref.get()["n"] < least:
        assert sum(one["forks"] + one["gaps"] + one["restores"] for one in stats) >= 1, "a loss is noticed"
    if persistence == "none":
        assert sum(one["restores"] for one in stats) >= 1
    fresh = attach(server.client(), "chaos")
    assert (fresh.get(), fresh.revision) == (ref.get(), ref.revision)


def test_a_follower_that_is_killed_while_it_saves(
    start_server: Start, attach: Attach, spawn: Any, tmp_path: Path
) -> None:
    """The file is whole whenever it is looked at, and a process starts from it without the server."""
    server, cache = start_server(), tmp_path / "cache"
    attach(server.client(), "chaos", initial=Map({f"key {n}": "x" * 50 for n in range(3000)} | {"n": 0})).close()
    codec, last = Codec((), False, None), 0
    for turn in range(KILLS):
        (process,) = spawn(("saver", server.port, cache))
        eventually(cache.exists)
        time.sleep(0.05 + 0.03 * turn)
        process.kill()
        saved = CacheFile(cache).load(codec)
        assert saved is not None
        assert saved.value["n"] >= last
        last = saved.value["n"]
    server.kill()
    ref = attach(server.client(), "chaos", cache=cache)
    assert ref.get()["n"] == last
    assert not ref.connected
    server.start()
    eventually(lambda: ref.connected)
    assert attach(server.client(), "chaos").get()["n"] == last


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("shared", [False, True])
def test_children_of_a_fork_follow_and_publish(server: Server, attach: Attach, shared: bool, tmp_path: Path) -> None:
    """No hook: connections and threads are made anew in each, and the parent's go on."""
    ref = attach(server.client(), initial=Map(n=0), shared=shared)
    ref.update(type(ref.get()).set, "n", 1)
    children = []
    for index in range(3):
        if (child := os.fork()) == 0:
            status = 1
            with contextlib.suppress(BaseException):
                eventually(lambda: ref.get()["n"] == 2)
                ref.update(type(ref.get()).set, f"child {index}", os.getpid())
                eventually(lambda: len(ref.get()) == 4 and ref.connected)
                status = 0
            os._exit(status)
        children.append(child)
    ref.update(type(ref.get()).set, "n", 2)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    ref.sync()
    assert {ref.get()[f"child {index}"] for index in range(3)} == set(children)
    assert ref.connected
    assert ref.stats.reconnects == 0


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_children_of_a_fork_have_connections_of_their_own_without_a_reference(server: Server, tmp_path: Path) -> None:
    engine = RedisEngine(server.client())

    def connections() -> set[int]:
        return {line.ask(("CLIENT", "ID"))[0] for line in (engine._commands, engine._following)}

    before, children = connections(), []
    for index in range(2):
        if (child := os.fork()) == 0:
            status = 1
            with contextlib.suppress(BaseException):
                engine.interrupt()  # that of the parent goes on
                (tmp_path / str(index)).write_text(json.dumps(sorted(connections())))
                engine.close()
                status = 0
            os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert connections() == before
    assert len(before.union(*[json.loads((tmp_path / str(index)).read_text()) for index in range(2)])) == 6
    engine.close()


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise KeyboardInterrupt", "os.kill(os.getpid(), 15)"])
def test_a_process_that_ends_ends(server: Server, attach: Attach, tmp_path: Path, ending: str) -> None:
    """It does not wait an hour for the heartbeat; its cache file has the newest version where exit handlers run."""
    attach(server.client(), initial=Map(n=0))
    program = f"""
import os, sys, redis
from frozen import Map
from frozen.redis import RedisRef
ref = RedisRef.attach(redis.Redis(port={server.port}), "test", cache="cache", block=3600)
ref.update(Map.set, "n", 5)
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=child_environment(), timeout=120, capture_output=True
    )
    assert done.returncode == {"": 0, "sys.exit(3)": 3, "raise KeyboardInterrupt": -2}.get(ending, -15)
    if done.returncode >= 0:
        assert done.stderr == b""
        saved = CacheFile(tmp_path / "cache").load(Codec((), False, None))
        assert saved is not None
        assert saved.value == Map(n=5)
