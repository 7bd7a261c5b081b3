"""RedisRef against a real server, by both clients: what it promises while the server is well, or loses what it had."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from redis_server import Proxy, Server, client_of, free_port
from support import eventually, run_threads

from frozen import Map, freeze, set_in
from frozen.redis import RedisRef, Refused, Unavailable, Uncertain

pytestmark = pytest.mark.server

Attach = Callable[..., RedisRef[Any]]
LIBRARIES = ["redis", "valkey"]
READING = ["+hmget", "+xlen", "+xrange", "+xread", "+get", "+exists", "+multi", "+exec"]
WRITING = ["+eval", "+evalsha", "+hget", "+hset", "+hdel", "+hincrby", "+set", "+strlen", "+rename", "+del", "+expire"]
WRITING += ["+xadd", "+xtrim", "+xrevrange"]
HASH, LOG, SNAPSHOT = KEYS = ["frozen:{test}", "frozen:{test}:log", "frozen:{test}:snap"]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("options", [{}, {"decode_responses": True}, {"protocol": 3}], ids=["", "decoding", "resp3"])
def test_a_change_reaches_other_clients(server: Server, attach: Attach, library: str, options: dict[str, Any]) -> None:
    here = attach(server.client(library, **options), initial=freeze({"a": 1, "hosts": ["x"], "tags": {"t"}}))
    there = attach(server.client(library, **options))
    here.update(lambda config: set_in(config, ["hosts"], config["hosts"].append("y")))
    assert there.wait(0, 60)
    assert there.get() == here.get() == freeze({"a": 1, "hosts": ["x", "y"], "tags": {"t"}})
    assert there.revision == here.revision
    there.set(Map({b"\x00\xff": "x" * 100_000}))
    here.sync()
    assert here.get() == there.get()
    assert here.error is None
    assert there.error is None


def test_a_socket_of_this_machine_and_a_password(start_server: Callable[..., Server], attach: Attach) -> None:
    import redis

    server = start_server("none", "--requirepass", "secret")
    client = redis.Redis(unix_socket_path=str(server.socket), password="secret")
    ref = attach(client, initial=1)
    ref.set(2)
    assert attach(server.client(password="secret")).get() == 2
    with pytest.raises((Unavailable, Refused)):
        attach(server.client(password="wrong"))
    with pytest.raises(Refused, match="uthentication"):
        attach(server.client())


def test_names_are_made_attached_and_unlinked(server: Server, attach: Attach) -> None:
    client = server.client()
    with pytest.raises(LookupError):
        attach(client)
    with RedisRef(client, "test", 1, block=0.2) as ref:
        with pytest.raises(ValueError, match="already"):
            RedisRef(client, "test", 2)
        other = attach(server.client())
        RedisRef.unlink(client, "test")
        with pytest.raises(LookupError, match="no reference"):
            RedisRef.unlink(client, "test")
        with pytest.raises(LookupError, match="unlinked"):
            ref.set(2)
        eventually(lambda: isinstance(other.error, LookupError))
        assert client.exists(LOG, SNAPSHOT) == 0
        assert 0 < client.ttl("frozen:{test}") <= 7 * 24 * 3600
        with RedisRef(client, "test", 3):
            eventually(lambda: other.get() == 3)
            assert client.ttl("frozen:{test}") == -1


def test_a_connection_is_not_waited_for_by_the_thread_that_uses_it(
    server: Server, attach: Attach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal handler would, which runs while the reply is read: an error here, and both may try again."""
    ref = attach(server.client(), initial=Map(n=0))
    line = ref._follower.engine._commands
    with monkeypatch.context() as patch:
        patch.setattr(line, "_reply", lambda connection: ref.sync())
        with pytest.raises(RuntimeError, match="signal handler"):
            ref.sync()
    ref.update(Map.set, "n", 1)
    assert attach(server.client()).get() == Map(n=1)


def test_only_clients_are_clients() -> None:
    import redis.asyncio

    for wrong in (None, "redis://localhost", redis.asyncio.Redis(port=1)):
        with pytest.raises(TypeError, match="client"):
            RedisRef.attach(wrong, "name")
    with pytest.raises(ValueError, match="brace"):
        RedisRef.attach(client_of("redis", 1), "}x")
    with pytest.raises(ValueError, match="block"):
        RedisRef.attach(client_of("redis", 1), "x", block=0)


def test_many_references_have_one_thread_and_one_connection(server: Server, attach: Attach) -> None:
    client, before = server.client(), threading.active_count()
    refs = [attach(client, f"name {index}", initial=index) for index in range(1, 21)]
    assert threading.active_count() == before + 1
    other = server.client()
    for index, ref in enumerate(refs, 1):
        attach(other, f"name {index}").set(-index)
        assert ref.wait(0, 60)
        assert ref.get() == -index
    assert len(other.client_list()) <= 6
    assert {ref.stats.reconnects for ref in refs} == {0}, "attaching more is no failure"


def test_a_client_goes_on_after_its_last_reference_was_closed(server: Server, attach: Attach) -> None:
    client, other = server.client(), attach(server.client(), initial=0)
    for n in range(1, 20):
        with RedisRef.attach(client, "test", block=0.2) as ref:
            other.set(n)
            assert ref.wait(0, 60) or ref.get() == n
            assert ref.get() == n


def test_neither_server_nor_file_is_an_error(attach: Attach, tmp_path: Any) -> None:
    client = client_of("redis", free_port())
    with pytest.raises(Unavailable):
        attach(client, initial=1)
    with pytest.raises(Unavailable, match="no cache file"):
        attach(client, initial=1, cache=tmp_path / "cache")


def test_a_process_starts_without_the_server_and_puts_its_version_back(
    start_server: Callable[..., Server], attach: Attach, tmp_path: Any
) -> None:
    server = start_server("none")
    first = attach(server.client(), initial=Map(n=1), cache=tmp_path / "cache")
    first.update(Map.set, "n", 2)
    first.close()
    server.kill()
    ref = attach(server.client(), cache=tmp_path / "cache")
    assert (ref.get(), ref.age, ref.connected, ref.revision) == (Map(n=2), math.inf, False, first.revision)
    server.start()
    eventually(lambda: ref.connected and ref.age < math.inf)
    assert ref.stats.restores == 1
    assert attach(server.client()).get() == Map(n=2)


# What a server may do to its keys


@pytest.mark.parametrize("keys", [[LOG], [HASH], [SNAPSHOT], [HASH, LOG], [HASH, SNAPSHOT], [LOG, SNAPSHOT], KEYS])
@pytest.mark.parametrize("publishes", [False, True])
def test_evicted_keys_are_put_back(server: Server, attach: Attach, keys: list[str], publishes: bool) -> None:
    client = server.client()
    ref, other = attach(client, initial=Map(n=0)), attach(server.client())
    ref.update(Map.set, "n", 1)
    other.sync()
    client.delete(*keys)
    if publishes:
        ref.update(Map.set, "n", 2)
    else:
        eventually(lambda: client.exists(HASH, SNAPSHOT) == 2 and (client.exists(LOG) or not other.error))
    eventually(lambda: other.get() == ref.get())
    eventually(lambda: can_attach(attach, server))
    fresh = attach(server.client())
    assert fresh.get() == ref.get()
    fresh.update(Map.set, "n", 3)
    eventually(lambda: other.get() == ref.get() == Map(n=3))


def can_attach(attach: Attach, server: Server) -> bool:
    """Whether the server is whole again: the heartbeat of those who have the version repairs it."""
    try:
        attach(server.client())
    except Unavailable:
        return False
    return True


def test_a_server_that_was_set_back_is_noticed(server: Server, attach: Attach) -> None:
    """A failover that lost the tail, and went on with other versions of the same numbers."""
    client = server.client()
    ref = attach(client, initial=Map(n=0))
    for n in range(5):
        ref.update(Map.set, "n", n)
    dumps = {key: client.dump(key) for key in KEYS}
    for n in range(3):
        ref.update(Map.set, f"lost {n}", n)
    for key, dump in dumps.items():
        client.restore(key, 0, dump, replace=True)
    other = attach(server.client())
    for n in range(3):
        other.update(Map.set, f"other {n}", n)
    eventually(lambda: ref.get() == other.get())
    assert ref.revision == other.revision
    assert ref.stats.forks >= 1


def test_a_full_server_refuses_and_readers_go_on(start_server: Callable[..., Server], attach: Attach) -> None:
    server = start_server("none")
    ref = attach(server.client(), initial=Map(n=0))
    server.client().config_set("maxmemory", "1")
    with pytest.raises(Refused):
        ref.update(Map.set, "n", 1)
    assert ref.get() == Map(n=0)
    eventually(lambda: ref.age < 1)
    server.client().config_set("maxmemory", "0")
    ref.update(Map.set, "n", 2)


def test_a_reader_without_permission_to_write_follows(start_server: Callable[..., Server], attach: Attach) -> None:
    server = start_server("none")
    admin = server.client()
    user = ["on", ">pw", "~frozen:*", "-@all"]
    admin.execute_command("ACL", "SETUSER", "reader", *user, *READING)
    admin.execute_command("ACL", "SETUSER", "writer", *user, *READING, *WRITING)
    writer = attach(server.client(username="writer", password="pw"), initial=Map(n=0))
    reader = attach(server.client(username="reader", password="pw"))
    for n in range(900):
        writer.update(Map.set, "n", n)
    eventually(lambda: reader.get() == Map(n=899))
    with pytest.raises(Refused, match=r"(?i)no permissions|NOPERM"):
        reader.update(Map.set, "n", 2)
    admin.delete(*KEYS)
    eventually(lambda: writer.stats.restores == 1)
    eventually(lambda: reader.revision == writer.revision and reader.error is None)
    RedisRef.unlink(server.client(username="writer", password="pw"), "test")


# The network


@pytest.mark.parametrize("mode", ["cut", "stall", "truncate", "delay"])
def test_a_broken_network_is_noticed_and_readers_go_on(server: Server, attach: Attach, proxy: Proxy, mode: str) -> None:
    here = attach(server.client(), initial=Map(n=0))
    there = attach(client_of("redis", proxy.port))
    proxy.mode = mode
    if mode == "cut":
        proxy.cut()
    for n in range(1, 20):
        here.update(Map.set, "n", n)
    if mode == "delay":
        eventually(lambda: there.get() == Map(n=19))
        return
    eventually(lambda: not there.connected)
    assert there.get()["n"] < 20
    age = there.age
    eventually(lambda: there.age > age)
    proxy.mode = "pass"
    proxy.drop()
    eventually(lambda: there.get() == Map(n=19) and there.connected)
    there.update(Map.set, "n", 20)
    eventually(lambda: here.get() == Map(n=20))


def test_publications_through_a_network_that_is_cut_take_effect_once(
    server: Server, attach: Attach, proxy: Proxy
) -> None:
    ref = attach(client_of("redis", proxy.port, socket_timeout=0.5), initial=Map(n=0), timeout=60)
    done = threading.Event()

    def cut() -> None:
        for mode in ("truncate", "cut", "truncate", "stall", "cut"):
            time.sleep(0.05)
            proxy.mode = mode
            if mode == "cut":
                proxy.cut()
            time.sleep(0.1)
            proxy.mode = "pass"
            proxy.drop()
        done.set()

    def count() -> int:
        counted = 0
        while not done.is_set() or counted < 100:
            ref.update(lambda m: m.set("n", m["n"] + 1))
            counted += 1
        return counted

    _, counted = run_threads(cut, count)
    assert attach(server.client()).get() == Map(n=counted)


def test_an_answer_that_does_not_come_is_uncertain(server: Server, attach: Attach, proxy: Proxy) -> None:
    ref = attach(client_of("redis", proxy.port, socket_timeout=0.3), initial=Map(n=0), timeout=0.0)
    other = attach(server.client())
    proxy.mode = "stall"
    with pytest.raises(Uncertain) as caught:
        ref.update(Map.set, "n", 1)
    proxy.mode = "pass"
    proxy.drop()

    def repeated() -> bool:
        try:
            return caught.value.repeat()
        except (Unavailable, Uncertain):
            return False

    eventually(repeated)
    other.sync()
    assert other.get() == Map(n=1)
    assert int(other.revision.partition(".")[0]) == 2


def test_a_slow_watch_costs_the_server_nothing(server: Server, attach: Attach) -> None:
    here, there = attach(server.client(), initial=Map(n=0)), attach(server.client())
    seen: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    def slow(old: Any, new: Any) -> None:
        seen.append(new["n"])
        entered.set()
        assert go_on.wait(60)

    with there.watch(slow):
        here.update(Map.set, "n", 1)
        assert entered.wait(60)
        for n in range(2, 1000):
            here.update(Map.set, "n", n)
        assert all(int(client["omem"]) == 0 for client in server.client().client_list())
        go_on.set()
        eventually(lambda: seen[-1] == 999)
    assert len(seen) < 100


@pytest.mark.parametrize("is_patient", [True, False], ids=["", "without a pause"])
def test_memory_of_the_server_is_bounded(server: Server, attach: Attach, is_patient: bool) -> None:
    """3,000 publications of 10 changes: the log takes at most 0.75 of what the snapshot takes.

    The log goes on while a snapshot is encoded and sent. So the publisher waits for that where the bound is exact.
    """
    client, n = server.client(), 20_000
    ref = attach(client, initial=Map({f"key {i:05}": f"value {i:09}" for i in range(n)}), timeout=60)
    client.config_resetstat()
    size = client.memory_usage(SNAPSHOT, samples=0)
    most = 0
    for turn in range(3000):
        with ref.get().mutate() as draft:
            for k in range(10):
                draft[f"key {(turn * 7919 + k * 31) % n:05}"] = f"value {turn:09}"
        ref.set(draft.finish())
        if is_patient:
            eventually(lambda: ref._follower.snapshooting._thread is None)
        if turn % 10 == 0:
            most = max(most, client.memory_usage(LOG, samples=0))
    snapshots = client.info("commandstats")["cmdstat_rename"]["calls"]
    assert snapshots >= 3
    assert most < (0.75 if is_patient else 2) * size
    eventually(lambda: client.memory_usage(LOG, samples=0) < 0.75 * size)
    assert client.memory_usage(SNAPSHOT, samples=0) < 1.1 * size
    assert sorted(client.keys()) == sorted(key.encode() for key in KEYS)
    assert attach(server.client()).get() == ref.get()


def test_what_scripts_leave_in_the_server_is_small(server: Server, attach: Attach) -> None:
    """A snapshot is no argument of a script: Lua would keep it until its collector runs."""
    client = server.client()
    ref = attach(client, initial=Map(text="x" * 4_000_000), timeout=60)
    before = client.info("memory")["used_memory_lua"]
    for n in range(10):
        ref.set(Map(text=str(n) * 4_000_000))
    assert client.info("memory")["used_memory_lua"] < before + 1_000_000
