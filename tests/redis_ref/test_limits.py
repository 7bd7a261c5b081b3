"""What is too large, too many, too late, or at the wrong time: limits of processes, clients, servers and clocks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis_server import Server, client_of
from support import eventually, replace_file

from frozen import EncodingError, Map, encode
from frozen.redis import RedisRef, Unavailable, Uncertain

pytestmark = pytest.mark.server

Attach = Callable[..., RedisRef[Any]]
Start = Callable[..., Server]
MIB = 1 << 20


# Large values


def of_size(size: int, **entries: Any) -> Map[str, Any]:
    """A map that takes exactly so many bytes, encoded."""
    value = Map({**entries, "text": "x" * size})
    return value.set("text", "x" * (2 * size - len(encode(value))))


@pytest.mark.parametrize("before", [Map(), Map(n=0, other="y" * 300_000)], ids=["as a whole", "as what changed"])
def test_a_version_as_large_as_the_limit_is_published_and_none_larger(
    server: Server, attach: Attach, before: Map[str, Any]
) -> None:
    limit = 500_000
    here = attach(server.client(), initial=before, max_bytes=limit)
    there = attach(server.client(), max_bytes=limit)
    kept = {key: before[key] for key in before}
    largest = of_size(limit, **kept)
    assert len(encode(largest)) == limit
    with pytest.raises(EncodingError, match="max_bytes"):
        here.set(of_size(limit + 1, **kept))
    assert (here.get(), here.error) == (before, None)
    here.set(largest)
    there.sync()
    assert there.get() == largest
    with pytest.raises(EncodingError, match="max_bytes"):
        there.update(Map.set, "one", 1)
    assert attach(server.client(), max_bytes=limit).get() == largest
    here.set(Map(n=1))
    eventually(lambda: there.get() == Map(n=1))


@pytest.mark.parametrize("kept", [Map(), Map(n=0)], ids=["another", "more"])
def test_more_than_the_server_takes_is_an_error_and_readers_go_on(
    start_server: Start, attach: Attach, kept: Map[str, Any]
) -> None:
    """It says that it is too long, or does not come to that: it ends the connection while the rest is sent."""
    server = start_server("none", "--proto-max-bulk-len", "1mb")
    here, there = attach(server.client(), initial=Map(n=0), timeout=0.5), attach(server.client())
    with pytest.raises((Unavailable, Uncertain), match=r"invalid bulk length|before all was sent|no answer"):
        here.set(kept.set("text", "x" * 3 * MIB))
    assert here.get() == there.get() == Map(n=0)
    here.update(Map.set, "n", 1)
    eventually(lambda: there.get() == Map(n=1))
    assert attach(server.client()).get() == Map(n=1)


def test_a_snapshot_that_the_server_does_not_take_is_an_error_and_the_rest_goes_on(
    start_server: Start, attach: Attach
) -> None:
    """Small changes have made the value larger than the server takes at once."""
    server = start_server("none", "--proto-max-bulk-len", "1mb")
    here, there = attach(server.client(), initial=Map(n=0)), attach(server.client())
    for n in range(80):
        here.update(Map.set, n, "x" * 20_000)
    eventually(lambda: here.error is not None)
    here.update(Map.set, "n", 1)
    eventually(lambda: there.get() == here.get())
    assert len(there.get()) == 81


# Clients and their pools


@pytest.mark.parametrize("library", ["redis", "valkey"])
@pytest.mark.parametrize("kind", ["ConnectionPool", "BlockingConnectionPool"])
def test_a_pool_that_is_exhausted_does_not_matter(server: Server, attach: Attach, library: str, kind: str) -> None:
    client = client_of(library, server.port)
    waiting = {"timeout": 0.1} if kind == "BlockingConnectionPool" else {}
    pool_type = getattr(__import__(library), kind)
    pool = pool_type(host="127.0.0.1", port=server.port, max_connections=1, **waiting)
    taken = type(client)(connection_pool=pool, single_connection_client=True)
    client = type(client)(connection_pool=pool)
    with pytest.raises(Exception, match=r"(?i)too many connections|no connection available"):
        client.ping()
    here, there = attach(client, initial=Map(n=0)), attach(client)
    for n in range(1, 4):
        here.update(Map.set, "n", n)
        there.sync()
        assert there.get() == Map(n=n)
    here.set(Map(text="x" * 200_000))
    there.sync()
    assert there.get() == here.get()
    taken.close()


def test_a_server_without_connections_left_refuses_until_it_has_some(start_server: Start, attach: Attach) -> None:
    server = start_server("none")
    ref = attach(server.client(), initial=Map(n=0))
    admin, name = server.client(), "another"
    admin.config_set("maxclients", len(admin.client_list()))
    with pytest.raises(Unavailable):
        attach(server.client(), name, initial=1, timeout=0.3)
    for n in range(60):  # a snapshot is due, which goes over a connection of its own
        ref.update(Map.set, n, "x" * 2000)
    eventually(lambda: isinstance(ref.error, Unavailable))
    assert len(ref.get()) == 61
    admin.config_set("maxclients", 1000)
    eventually(lambda: ref.error is None)
    assert attach(server.client(), name, initial=1).get() == 1
    assert attach(server.client()).get() == ref.get()
    assert admin.hget("frozen:{test}", "snapid") not in (b"", admin.xrange("frozen:{test}:log")[0][1][b"p"])


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError])
def test_a_client_that_fails_to_connect_is_unavailable_until_it_connects(
    server: Server, attach: Attach, tmp_path: Path, error: type[Exception]
) -> None:
    """Whatever the client's own code raises: here where it is asked for a password."""
    from redis.credentials import CredentialProvider

    class Vault(CredentialProvider):  # type: ignore[misc]
        is_open = False

        def get_credentials(self) -> tuple[str]:
            if not self.is_open:
                raise error("the vault is closed")
            return ("password",)

    server.client().config_set("requirepass", "password")
    try:
        vault, path = Vault(), tmp_path / "cache"
        options = {"credential_provider": vault, "socket_timeout": 1}
        with pytest.raises(Unavailable, match="the vault is closed"):
            attach(server.client(**options), initial=Map(n=0), timeout=0.0)
        vault.is_open = True
        attach(server.client(**options), initial=Map(n=0), cache=path).close()
        vault.is_open = False
        ref = attach(server.client(**options), cache=path, timeout=0.0)
        assert ref.get() == Map(n=0)
        with pytest.raises(Unavailable, match="the vault is closed"):
            ref.update(Map.set, "n", 1)
        vault.is_open = True
        eventually(lambda: ref.connected and ref.error is None)
        assert ref.update(Map.set, "n", 1) == Map(n=1)
    finally:
        server.client(password="password").config_set("requirepass", "")


# Time


def test_answers_that_come_after_their_deadline_count_once(server: Server, attach: Attach) -> None:
    """The server does nothing for a while, and then all that was sent, and sent again, meanwhile."""
    here = attach(server.client(socket_timeout=0.2), initial=Map(n=0), timeout=60)
    there = attach(server.client(socket_timeout=0.2))
    admin = server.client()
    for n in range(1, 4):
        admin.client_pause(700, all=True)
        here.update(lambda table: table.set("n", table["n"] + 1))
        eventually(lambda n=n: there.get() == Map(n=n))
    assert here.revision.partition(".")[0] == there.revision.partition(".")[0] == "4"
    eventually(lambda: there.connected and there.error is None)


CLOCK = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The clock of the wall, and it alone, is late or early by the seconds in a file. */
static long step(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("CLOCK_STEP"), "r");
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += step();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
"""


def test_steps_of_the_clocks_of_server_and_client_change_nothing(
    start_server: Start, attach: Attach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a compiler for a clock that can be set, on Linux")
    source, library, clock = tmp_path / "clock.c", tmp_path / "clock.so", tmp_path / "clock"
    source.write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    with monkeypatch.context() as started:
        started.setenv("LD_PRELOAD", str(library))
        started.setenv("CLOCK_STEP", str(clock))
        server = start_server("none")
    admin = server.client()
    here, there = attach(server.client(), initial=Map(n=0)), attach(server.client())
    now, began = time.time, admin.time()[0]
    for seconds in (-86_400, 86_400):
        replace_file(clock, str(seconds))
        assert abs(admin.time()[0] - began - seconds) < 3600, "the server's clock was set"
        monkeypatch.setattr(time, "time", lambda seconds=seconds: now() - seconds)
        for _ in range(100):
            here.update(lambda table: table.set("n", table["n"] + 1).set("text", "x" * 1000 + str(table["n"])))
        eventually(lambda: there.get() == here.get())
        assert 0 <= there.age < 3600
    assert here.get()["n"] == 200
    assert here.revision.partition(".")[0] == "201"
    assert there.stats.gaps == there.stats.forks == there.stats.restores == 0
    eventually(lambda: there.connected and there.error is None)
