"""A server for each module, emptied for each test; references that are closed; both clients."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_server import PROGRAM, Proxy, Server, clients, disconnect, missing

from frozen.redis import RedisRef


@pytest.fixture(autouse=True)
def client_and_server() -> Iterator[None]:
    """Both are there, or the test is skipped. Afterwards no client is connected."""
    if PROGRAM is None:
        missing("redis-server")
    if importlib.util.find_spec("redis") is None:
        missing("redis")
    yield
    while clients:
        disconnect(clients.pop())


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix="frozen-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="frozen-"))
    server = Server(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(running: Server) -> Server:
    """One that no test kills: those that do make their own by `start_server`."""
    with running.client() as client:
        client.flushall()
    return running


@pytest.fixture
def start_server(short_folder: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        folder = short_folder / str(len(servers))
        folder.mkdir()
        servers.append(Server(folder, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    between = Proxy(server.port)
    yield between
    between.close()


@pytest.fixture
def attach() -> Iterator[Callable[..., RedisRef[Any]]]:
    """Attaches, and closes all that it attached. The clients are disconnected after it."""
    made: list[RedisRef[Any]] = []

    def attach(client: Any, name: str = "test", **options: Any) -> RedisRef[Any]:
        clients.append(client)
        made.append(RedisRef.attach(client, name, **{"block": 0.2, **options}))
        return made[-1]

    yield attach
    for ref in made:
        ref.close()
