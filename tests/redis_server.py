"""A real Redis server for the tests, and a network in between that fails: `Server`, `Proxy`.

The server is `redis-server` or `valkey-server` from PATH, on a free port, with a folder of its own; never the one that
may run on port 6379.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

PROGRAM = shutil.which(os.environ.get("FROZEN_REDIS_SERVER", "redis-server")) or shutil.which("valkey-server")
REQUIRED = os.environ.get("FROZEN_REQUIRE_REDIS") == "1"
"""A test that is skipped because there is no server, or no client, fails."""

PERSISTENCE = {
    "none": ["--save", ""],
    "always": ["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
    "everysec": ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
}


def missing(what: str) -> None:
    """Skip the test, or fail it where it is required."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and FROZEN_REQUIRE_REDIS=1", pytrace=False)
    pytest.skip(f"{what} is not installed")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    assert port != 6379
    return port


clients: list[Any] = []
"""All that were made and not yet disconnected."""


def client_of(library: str, port: int, **options: Any) -> Any:
    """A client of redis-py ("redis") or valkey-py ("valkey")."""
    try:
        module = __import__(library)
    except ImportError:
        missing(library)
    kind = module.Redis if library == "redis" else module.Valkey
    clients.append(kind(host="127.0.0.1", port=port, **options))
    return clients[-1]


def disconnect(client: Any) -> None:
    """End the client's connections, also those to Sentinels: the collector may find a socket before its connection."""
    pool = client.connection_pool
    pool.disconnect()
    for sentinel in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
        disconnect(sentinel)


class Server:
    """A server that can be killed, and started again on what it wrote."""

    def __init__(self, folder: Path, persistence: str = "none", *options: str) -> None:
        if PROGRAM is None:
            missing("redis-server")
        self.folder = folder
        self.socket = folder / "socket"
        self.options = [*PERSISTENCE[persistence], "--unixsocket", str(self.socket), *options]
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        return False

    def kill(self) -> None:
        """SIGKILL: it writes nothing more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    stop = kill

    def client(self, library: str = "redis", **options: Any) -> Any:
        return client_of(library, self.port, **options)


class Proxy:
    """TCP in between: it passes, delays, stalls (all is swallowed silently), cuts, or ends an answer in its middle."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.mode = "pass"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.sockets: set[socket.socket] = set()
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                if self.mode == "cut":
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                with self.lock:
                    self.sockets |= {near, far}
                for source, sink, answers in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._pump, args=(source, sink, answers), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.mode == "delay":
                    time.sleep(0.05)
                if self.mode == "truncate" and answers:
                    sink.sendall(data[: len(data) // 2])
                    break
                while self.mode == "stall":
                    time.sleep(0.01)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def cut(self) -> None:
        """End all connections, and let no new one pass."""
        self.mode = "cut"
        self.drop()

    def drop(self) -> None:
        with self.lock:
            dropped, self.sockets = self.sockets, set()
        for end in dropped:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
