"""The servers of examples/ under load, while their configuration is edited: whole and broken, missing and half written.

No response mixes two versions, none goes back, and no error reaches a client. FROZEN_STRESS_SECONDS=300 makes each
server run that long.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, child_environment, eventually, replace_file, run_threads

EXAMPLES = ROOT / "examples"
SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))
EDITS, CLIENTS = 50, 3
GUNICORN = "gunicorn --chdir {examples} --log-level warning --bind 127.0.0.1:{port} --keep-alive 60"
UVICORN = "uvicorn --app-dir {examples} --log-level warning --port {port} --timeout-keep-alive 60"
SERVERS = {
    "fastapi": f"{UVICORN} config_fastapi:app",
    "flask": f"{GUNICORN} --preload --workers 2 --threads 2 config_flask:app",
    "django": f"{GUNICORN} --threads 2 config_django:application",
    "interpreters": "{examples}/config_interpreters.py {folder} {port}",
}
NEEDED = {"fastapi": ["fastapi", "uvicorn"], "flask": ["flask", "gunicorn"], "django": ["django", "gunicorn"]}


class Files:
    """Two files of one release, replaced one after the other."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        self.names = names
        self.release = 0

    def texts(self, release: int) -> dict[str, str]:
        return {f"{name.lower()}.json": json.dumps({name: {"release": release}}) for name in self.names}

    def whole(self, release: int) -> None:
        for name, text in self.texts(release).items():
            replace_file(self.folder / name, text)

    def broken(self, release: int) -> list[Callable[[], object]]:
        """What leaves the release before in place, each in another way."""
        texts = self.texts(release)
        limits = self.folder / "limits.json"
        return [
            lambda: limits.write_text(texts["limits.json"][:12]),
            lambda: limits.write_text(""),
            lambda: limits.unlink(missing_ok=True),
            lambda: replace_file(limits, texts["limits.json"]),  # without the other file
        ]


class Mounted(Files):
    """The same as Kubernetes mounts it: links to files in a folder, to which leads a link that is swapped."""

    number = 0

    def mount(self, texts: dict[str, str]) -> None:
        self.number += 1
        new = self.folder / f"..{self.number}"
        new.mkdir()
        for name, text in texts.items():
            (new / name).write_text(text)
            with contextlib.suppress(FileExistsError):
                (self.folder / name).symlink_to(f"..data/{name}")
        (self.folder / "..new").symlink_to(new.name)
        (self.folder / "..new").replace(self.folder / "..data")

    def whole(self, release: int) -> None:
        self.mount(self.texts(release))

    def broken(self, release: int) -> list[Callable[[], object]]:
        texts = self.texts(release)
        half = texts | {"limits.json": texts["limits.json"][:12]}
        return [
            lambda: self.mount(half),
            lambda: self.mount(texts | {"texts.json": ""}),
            lambda: self.mount({"limits.json": texts["limits.json"]}),
            lambda: self.mount(texts | {"texts.json": "[1]"}),
        ]


MOUNTED = {
    "fastapi": lambda folder: Mounted(folder, ["limits", "texts"]),
    "django": lambda folder: Mounted(folder, ["LIMITS", "TEXTS"]),
}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: str, folder: Path, port: int) -> Iterator[None]:
    head, *rest = [part.format(examples=EXAMPLES, port=port, folder=folder) for part in command.split()]
    program = [head] if head.endswith(".py") else ["-m", head]
    log = folder.parent / "log"
    with log.open("wb") as output:
        env = child_environment() | {"CONFIG": str(folder)}
        where = folder.parent  # not in a checkout: `-m` would import its frozen
        process = subprocess.Popen([sys.executable, *program, *rest], env=env, cwd=where, stdout=output, stderr=output)
        try:
            yield
            assert process.poll() is None, "the server ended"
        except BaseException:
            print(log.read_text())
            raise
        finally:
            process.send_signal(signal.SIGINT if program == [head] else signal.SIGTERM)
            try:
                process.wait(60)
            finally:
                process.kill()


@contextlib.contextmanager
def ends(done: threading.Event) -> Iterator[None]:
    """When one thread ends or fails, the others end too."""
    try:
        yield
    finally:
        done.set()


def ask(connection: http.client.HTTPConnection) -> Any:
    connection.request("GET", "/")
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return json.loads(body)


@pytest.mark.once
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_under_load_serves_whole_versions_while_they_are_edited(name: str, tmp_path: Path) -> None:
    for module in [*NEEDED.get(name, []), "watchfiles"]:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    if name == "interpreters" and sys.version_info < (3, 14):
        pytest.skip("InterpreterPoolExecutor is new in 3.14")
    folder, port = tmp_path / "config", free_port()
    folder.mkdir()
    files = MOUNTED[name](folder) if name in MOUNTED else Files(folder, ["limits", "texts"])
    files.whole(0)
    newest: dict[int, int] = {}  # by process: the newest release that a client has seen
    done = threading.Event()

    def is_up() -> bool:
        with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as one:
            return bool(ask(one))
        return False

    def client() -> int:
        seen: dict[int, int] = {}
        count = 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(connection), ends(done):
            while not done.is_set():
                answer = ask(connection)
                pid, release = answer["pid"], answer["limits"]
                assert release == answer["texts"], "two versions in one response"
                assert release >= seen.get(pid, 0), "a version that goes back"
                seen[pid] = release
                newest[pid] = max(release, newest.get(pid, 0))
                count += 1
        return count

    def edit() -> None:
        with ends(done):
            until, edits = time.monotonic() + SECONDS, 0
            while edits < EDITS or time.monotonic() < until:
                files.release += 1
                for broken in files.broken(files.release):
                    broken()
                    edits += 1
                    time.sleep(0.01 if edits % 3 else 0.2)  # some are overwritten before they are read
                files.whole(files.release)
                edits += 1
                eventually(lambda: done.is_set() or (newest and min(newest.values()) >= files.release))

    with running(SERVERS[name], folder, port):
        eventually(is_up)
        edited, *counts = run_threads(edit, *[client] * CLIENTS, timeout=SECONDS + 120)
    assert edited is None
    assert "stays" in (tmp_path / "log").read_text(), "broken files were read, and reported"
    assert min(counts) > 0
    assert sum(counts) > 50
