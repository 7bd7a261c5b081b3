"""RedisRef over TLS with a real authority, through failovers by a real Sentinel and by hand, and with foreign data."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_server import PROGRAM, Proxy, Server, client_of, free_port, missing
from support import eventually

from frozen import Map
from frozen.redis import RedisRef, Unavailable

pytestmark = pytest.mark.server

Attach = Callable[..., RedisRef[Any]]
Start = Callable[..., Server]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and certificates that it gave to a server at 127.0.0.1 and to a client."""
    if shutil.which("openssl") is None:
        missing("openssl")
    folder = tmp_path_factory.mktemp("certificates")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "2"]
    openssl(folder, "req", "-x509", *key, *usage, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    (folder / "extensions").write_text(
        "subjectAltName=IP:127.0.0.1\nkeyUsage=digitalSignature\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    for name in ("server", "client"):
        openssl(folder, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions", "-days", "2"]
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *by, "-out", f"{name}.crt")
    return folder


@pytest.fixture
def tls_port(start_server: Start, certificates: Path) -> int:
    """Of a server that asks clients for a certificate, too."""
    port = free_port()
    files = {"cert-file": "server.crt", "key-file": "server.key", "ca-cert-file": "ca.crt"}
    options = [part for name, file in files.items() for part in (f"--tls-{name}", str(certificates / file))]
    try:
        start_server("none", "--tls-port", str(port), *options)
    except AssertionError as error:
        if "Bad directive" not in str(error) and "Failed finding TLS" not in str(error):
            raise
        missing("a redis-server that was built with TLS")
    return port


@pytest.fixture
def over_tls(certificates: Path) -> Callable[..., Any]:
    """Makes clients of both libraries."""

    def client(port: int, library: str = "redis", **options: Any) -> Any:
        mine = {"ssl_certfile": str(certificates / "client.crt"), "ssl_keyfile": str(certificates / "client.key")}
        return client_of(library, port, ssl=True, **{"ssl_ca_certs": str(certificates / "ca.crt"), **mine, **options})

    return client


@pytest.mark.parametrize("library", ["redis", "valkey"])
def test_a_change_reaches_other_clients_over_tls(
    tls_port: int, over_tls: Callable[..., Any], attach: Attach, library: str
) -> None:
    here = attach(over_tls(tls_port, library), initial=Map(n=0))
    there = attach(over_tls(tls_port, library))
    for n in range(1, 50):
        here.update(Map.set, "n", n)
    eventually(lambda: there.get() == Map(n=49))
    there.set(Map(n=50, text="x" * 1_000_000))  # many records
    here.sync()
    assert here.get() == there.get()
    assert here.error is None
    assert there.error is None


def test_a_server_that_cannot_be_trusted_is_not_talked_to(
    tls_port: int, over_tls: Callable[..., Any], attach: Attach
) -> None:
    with pytest.raises(Unavailable, match=r"(?i)certificate"):
        attach(over_tls(tls_port, ssl_ca_certs=None), initial=1)
    with pytest.raises(Unavailable):
        attach(client_of("redis", tls_port, socket_timeout=1, socket_connect_timeout=1), initial=1, timeout=0.0)


def test_a_network_that_breaks_under_tls_is_noticed_and_healed(
    tls_port: int, over_tls: Callable[..., Any], attach: Attach
) -> None:
    proxy = Proxy(tls_port)
    try:
        here, there = attach(over_tls(tls_port), initial=Map(n=0)), attach(over_tls(proxy.port))
        for mode in ("stall", "truncate", "cut"):
            proxy.mode = mode
            proxy.drop() if mode == "cut" else None
            here.update(Map.set, "mode", mode)
            eventually(lambda: not there.connected)
            proxy.mode = "pass"
            proxy.drop()
            eventually(lambda mode=mode: there.connected and there.get()["mode"] == mode)
    finally:
        proxy.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_says_nothing_on_its_parents_tls(
    tls_port: int, over_tls: Callable[..., Any], attach: Attach
) -> None:
    """A goodbye of TLS's would end the parent's connection: one key encrypts for both."""
    ref, other = attach(over_tls(tls_port), initial=Map(n=0)), attach(over_tls(tls_port))

    if (child := os.fork()) == 0:
        status = 1
        with contextlib.suppress(BaseException):
            ref.update(Map.set, "n", 1)
            ref.close()
            status = 0
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    eventually(lambda: ref.get() == Map(n=1) == other.get())
    ref.update(Map.set, "n", 2)
    eventually(lambda: other.get() == Map(n=2))
    assert (ref.stats.reconnects, other.stats.reconnects) == (0, 0)


# Failover


def replicate(of: Server, to: Server) -> None:
    of.client().config_set("repl-diskless-sync-delay", 0)
    to.client().replicaof("127.0.0.1", of.port)
    eventually(lambda: to.client().info("replication")["master_link_status"] == "up")


@pytest.fixture
def sentinel(start_server: Start, short_folder: Path) -> Iterator[tuple[int, Server, Server]]:
    """A Sentinel that promotes at once: its port, the server that leads, and the replica."""
    leader, replica = start_server(), start_server()
    replicate(leader, replica)
    port, config = free_port(), short_folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {short_folder}\nsentinel monitor fleet 127.0.0.1 {leader.port} 1\n"
        "sentinel down-after-milliseconds fleet 500\nsentinel failover-timeout fleet 2000\n"
    )
    with (short_folder / "sentinel.log").open("ab") as log:
        process = subprocess.Popen([str(PROGRAM), str(config), "--sentinel"], stdout=log, stderr=log)
    try:
        watching = client_of("redis", port, decode_responses=True)
        eventually(lambda: _replicas_known(watching) == 1)
        yield port, leader, replica
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)


def _replicas_known(watching: Any) -> int:
    try:
        return len(watching.sentinel_slaves("fleet"))
    except Exception:
        return 0  # it has not started


@pytest.mark.parametrize("library", ["redis", "valkey"])
def test_references_go_on_at_the_server_that_a_sentinel_promotes(
    sentinel: tuple[int, Server, Server], attach: Attach, library: str
) -> None:
    port, leader, replica = sentinel

    def client() -> Any:
        found = __import__(f"{library}.sentinel").sentinel.Sentinel([("127.0.0.1", port)], socket_timeout=1)
        return found.master_for("fleet", socket_timeout=1)

    here, there = attach(client(), initial=Map(n=0), timeout=60), attach(client(), timeout=60)
    for n in range(1, 20):
        here.update(Map.set, "n", n)
    assert leader.client().wait(1, 60_000) == 1  # the replica has it
    leader.kill()
    assert there.get()["n"] < 20  # readers go on
    for _ in range(20):  # the first of them waits for the new leader
        here.update(lambda m: m.set("n", m["n"] + 1))
    eventually(lambda: there.get() == Map(n=39))
    there.update(Map.set, "n", 40)
    eventually(lambda: here.get() == Map(n=40))
    assert replica.client().info("replication")["role"] == "master"
    assert here.stats.forks == there.stats.forks == 0


def test_what_a_replica_lacked_is_given_up_for_the_history_that_survived(start_server: Start, attach: Attach) -> None:
    """Promoted by hand; whose address stays, as behind a virtual one."""
    leader, replica = start_server(), start_server()
    replicate(leader, replica)
    address = Proxy(leader.port)
    try:
        here = attach(client_of("redis", address.port, socket_timeout=1), initial=Map(n=0), timeout=60)
        there = attach(client_of("redis", address.port, socket_timeout=1), timeout=60)
        here.update(Map.set, "n", 1)
        assert leader.client().wait(1, 60_000) == 1
        replica.client().replicaof("NO", "ONE")
        for n in (2, 3):  # which the replica never gets
            here.update(Map.set, "n", n)
        eventually(lambda: there.get() == Map(n=3))
        leader.kill()
        attach(replica.client(), timeout=60).update(Map.set, "n", 10)  # somebody is quicker than both
        address.target = replica.port
        address.drop()
        eventually(lambda: here.get() == there.get() == Map(n=10))
        assert here.stats.forks + there.stats.forks + here.stats.gaps + there.stats.gaps >= 2
        here.update(lambda m: m.set("n", m["n"] + 1))
        eventually(lambda: there.get() == Map(n=11))
    finally:
        address.close()


def test_a_replica_refuses_until_it_leads(start_server: Start, attach: Attach) -> None:
    leader, replica = start_server(), start_server()
    ref = attach(leader.client(), initial=Map(n=0))
    replicate(leader, replica)
    follower = attach(replica.client(), timeout=0.0)
    with pytest.raises(Unavailable, match="READONLY"):
        follower.update(Map.set, "n", 1)
    ref.update(Map.set, "n", 2)
    eventually(lambda: follower.get() == Map(n=2))  # reading goes on there
    replica.client().replicaof("NO", "ONE")
    follower.update(Map.set, "n", 3)
    assert follower.get() == Map(n=3)
    assert ref.get() == Map(n=2)


def test_scripts_that_the_server_forgot_are_sent_again(server: Server, attach: Attach) -> None:
    ref, client = attach(server.client(), initial=Map(n=0)), server.client()
    for n in range(1, 10):
        client.script_flush()
        ref.update(Map.set, "n", n)
    assert attach(server.client()).get() == Map(n=9)


def test_a_server_that_is_busy_is_waited_for(server: Server, attach: Attach) -> None:
    """A script of another client holds it: publishing and reading go on when that has ended."""
    ref = attach(server.client(socket_timeout=1), initial=Map(n=0), timeout=60)
    busy = server.client(socket_timeout=60)
    other = attach(server.client(socket_timeout=1), timeout=60)
    busy.connection_pool.get_connection().send_command(
        "EVAL", "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 2 do end return 1", 0
    )
    ref.update(Map.set, "n", 1)
    eventually(lambda: other.get() == Map(n=1))
    eventually(lambda: ref.error is None and ref.connected)


@pytest.mark.parametrize("kind", ["hash", "log"])
def test_keys_of_another_type_are_refused_and_readers_go_on(server: Server, attach: Attach, kind: str) -> None:
    ref, client = attach(server.client(), initial=Map(n=0), timeout=1.0), server.client()
    key = "frozen:{test}" + (":log" if kind == "log" else "")
    client.delete(key)
    client.set(key, "something else")
    with pytest.raises(Unavailable, match="WRONGTYPE"):
        ref.update(Map.set, "n", 1)
    assert ref.get() == Map(n=0)
    eventually(lambda: ref.error is not None)
    client.delete(key)
    eventually(lambda: _updated(ref, 2))
    assert attach(server.client()).get() == Map(n=2)


def _updated(ref: RedisRef[Any], n: int) -> bool:
    try:
        return bool(ref.update(Map.set, "n", n) == Map(n=n))
    except Unavailable:
        return False


@pytest.mark.parametrize(
    "fields",
    [
        {"p": "1.x", "i": "2.y", "d": b"d\xff\xff"},
        {"p": "", "i": "2.y", "d": b""},
        {"p": "1.x"},
        {"p": b"\xff\xfe", "i": b"\xff", "d": b"q"},
        {"something": "else"},
    ],
    ids=["a delta that is none", "nothing", "half an entry", "no text", "other fields"],
)
def test_an_entry_that_is_none_of_ours_stops_nothing(server: Server, attach: Attach, fields: dict[str, Any]) -> None:
    ref, client = attach(server.client(), initial=Map(n=0), timeout=1.0), server.client()
    client.xadd("frozen:{test}:log", fields, id="2-0")

    def asked() -> tuple[int, int]:
        """Heartbeats, and reads of the log. A resync asks for the length of the log as well, in a transaction."""
        stats = client.info("commandstats")
        xlen, executed, xread = (
            stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("xlen", "exec", "xread")
        )
        return xlen - executed, xread

    heartbeats, reads = asked()
    eventually(lambda: asked()[0] >= heartbeats + 6)
    later = asked()
    assert later[1] - reads <= 2 * (later[0] - heartbeats) + 4, "it is read again and again"
    assert ref.get() == Map(n=0)
    eventually(lambda: _set(ref, Map(n=5)))
    assert attach(server.client()).get() == Map(n=5)
    assert ref.get() == Map(n=5)


def _set(ref: RedisRef[Any], value: Any) -> bool:
    try:
        ref.set(value)
        return True
    except Unavailable:
        return False
