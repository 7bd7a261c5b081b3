"""examples/fleet.py: workers of gunicorn on two "machines", with and without preload, follow what a script changes."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_server import Server, free_port
from support import ROOT, child_environment, eventually

pytestmark = pytest.mark.server
EXAMPLES = ROOT / "examples"


@contextlib.contextmanager
def machine(server: Server, folder: Path, *options: str) -> Iterator[Callable[[], Any]]:
    """Three workers; yields what asks one of them."""
    port = free_port()
    env = child_environment() | {"REDIS": f"redis://127.0.0.1:{server.port}", "CACHE": str(folder / "flags")}
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "3", "--chdir", str(EXAMPLES), "--log-level", "warning"]
    command = [sys.executable, "-m", "gunicorn", *bind, *options, "fleet:app"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)

    def ask() -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/")
            return json.load(connection.getresponse())
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            return {}
        finally:
            connection.close()

    try:
        eventually(ask)
        yield ask
    finally:
        process.terminate()
        process.wait(60)


def all_say(asks: list[Callable[[], Any]], greeting: str) -> bool:
    """Whether the last answer of each of six workers has the greeting."""
    answers: dict[int, str] = {}
    for _ in range(40):
        for ask in asks:
            if found := ask():
                answers[found["pid"]] = found["greeting"]
    return len(answers) == 6 and set(answers.values()) == {greeting}


@pytest.mark.parametrize("preload", [["--preload"], []], ids=["preload", "without"])
def test_workers_of_two_machines_follow_a_script(
    start_server: Callable[..., Server], tmp_path: Path, preload: list[str]
) -> None:
    pytest.importorskip("gunicorn")
    server = start_server("none")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with machine(server, folders[0], *preload) as one, machine(server, folders[1], *preload) as two:
        eventually(lambda: all_say([one, two], "Hi"))
        for greeting in ("Hello", "Bonjour"):
            done = subprocess.run(
                [sys.executable, str(EXAMPLES / "fleet.py"), "greeting", greeting],
                env=child_environment() | {"REDIS": f"redis://127.0.0.1:{server.port}"},
                cwd=tmp_path,
                timeout=120,
                check=True,
                capture_output=True,
                text=True,
            )
            assert greeting in done.stdout
            eventually(lambda greeting=greeting: all_say([one, two], greeting))
        server.kill()  # and all go on
        assert one()["greeting"] == two()["greeting"] == "Bonjour"
