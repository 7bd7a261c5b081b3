"""One map on many machines: `RedisRef` beside the whole map as a pickle, or as JSON, and a message that says so.

A redis-server is started on a free port. A table of n entries, str to str, is published with 10 of them changed, by
each peer once a round; followers are threads with connections of their own. The peers do what is usual: SET of the
whole, PUBLISH of a bell, and each follower GETs it and decodes it. JSON followers freeze what they get. `publish` is
the time until the publisher goes on, `seen` until the follower has the new version, `in` and `out` are the server's
bytes.
"""

import json
import pickle
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from types import SimpleNamespace

import cli
import redis
from harness import Row, Target
from peers import Peer

import frozen
from frozen.redis import RedisRef

CHANGES = 10
SIZES = (10_000, 100_000)
AWAY = (10, 100, 1_000)
FOLLOWERS = (1, 10, 100)
SUBJECT = "RedisRef"
PEERS = [Peer(name, "redis", "redis", {}) for name in (SUBJECT, "pickle", "json", "AtomicRef")]
TARGETS = {
    "publish": Target(1 / 300, smallest=100_000, rival="pickle"),
    "seen": Target(1 / 700, smallest=100_000, rival="pickle"),
    "in": Target(1 / 4000, smallest=100_000, rival="pickle"),
    "get": Target(1.1, rival="AtomicRef"),
}
TITLES = {
    "publish": f"publish {CHANGES} changes",
    "seen": "seen by a follower",
    "in": "bytes to the server",
    "out": "bytes to a follower",
}
WHOLE = {
    "pickle": (lambda table: pickle.dumps(table, 5), pickle.loads),
    "json": (lambda table: json.dumps(dict(table)).encode(), lambda data: frozen.freeze(json.loads(data))),
}


class Server:
    def __enter__(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.folder = tempfile.mkdtemp()
        command = ["redis-server", "--port", str(self.port), "--dir", self.folder, "--save", "", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while True:
            try:
                self.client().ping()
                return self
            except redis.ConnectionError:
                time.sleep(0.02)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self):
        return redis.Redis(port=self.port)

    def bytes(self):
        """In and out so far, for those who subtract the figures before: without what asking takes."""
        if not hasattr(self, "asking"):
            self.asked, self.asking = self.client(), (0, 0)
            first, second = self.bytes(), self.bytes()
            self.asking = tuple(b - a for a, b in zip(first, second, strict=True))
            self.times = 0
        found = self.asked.info("stats")
        self.times = getattr(self, "times", 0) + 1
        sums = found["total_net_input_bytes"], found["total_net_output_bytes"]
        return [total - self.times * asking for total, asking in zip(sums, self.asking, strict=True)]


class Bell:
    """When followers saw something: each rings once for each version."""

    def __init__(self):
        self.times, self.rung = [], threading.Semaphore(0)

    def ring(self, *_):
        self.times.append(time.perf_counter())
        self.rung.release()

    def last(self, followers):
        for _ in range(followers):
            assert self.rung.acquire(timeout=120)
        return max(self.times[-followers:])


class ByDelta:
    """RedisRef."""

    def __init__(self, server, table, name, followers):
        self.bell = Bell()
        self.ref = RedisRef(server.client(), name, table, block=60)
        self.followers = [RedisRef.attach(server.client(), name, block=60) for _ in range(followers)]
        self.watches = [follower.watch(self.bell.ring) for follower in self.followers]
        time.sleep(0.2)

    def publish(self, table):
        self.ref.set(table)

    def close(self):
        for ref in (self.ref, *self.followers):
            ref.close()


class ByWhole:
    """SET, PUBLISH, GET."""

    def __init__(self, server, table, name, followers, encode, decode):
        self.bell, self.name, self.encode, self.decode = Bell(), name, encode, decode
        self.client = server.client()
        self.stop = threading.Event()
        self.client.set(name, encode(table))
        subscriptions = [
            (client := server.client(), client.pubsub(ignore_subscribe_messages=True)) for _ in range(followers)
        ]
        for _, subscription in subscriptions:
            subscription.subscribe(f"{name}:bell")
        self.threads = [threading.Thread(target=self.follow, args=pair, daemon=True) for pair in subscriptions]
        for thread in self.threads:
            thread.start()
        time.sleep(0.2)

    def follow(self, client, subscription):
        while not self.stop.is_set():
            if subscription.get_message(timeout=0.2):
                self.decode(client.get(self.name))
                self.bell.ring()

    def publish(self, table):
        self.client.set(self.name, self.encode(table))
        self.client.publish(f"{self.name}:bell", b"")

    def close(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def way(peer, server, table, name, followers=1):
    if peer == SUBJECT:
        return ByDelta(server, table, name, followers)
    return ByWhole(server, table, name, followers, *WHOLE[peer])


def table_of(n):
    return frozen.Map({f"customer:{i:08d}": f"value {i * 7919:012d}" for i in range(n)})


def changed(table, n, chance):
    with table.mutate() as draft:
        for i in chance.sample(range(n), CHANGES):
            draft[f"customer:{i:08d}"] = f"changed {chance.random():.10f}"
    return draft.finish()


def publishing(server, n, rounds, peers):
    """Seconds and bytes of each peer, by row."""
    table, chance = table_of(n), random.Random(n)
    ways = {peer: way(peer, server, table, f"{peer}:{n}") for peer in peers if peer in (SUBJECT, *WHOLE)}
    found = {row: {peer: [] for peer in ways} for row in TITLES}
    for turn in range(rounds + 1):
        table = changed(table, n, chance)
        for peer, one in ways.items():
            before, began = server.bytes(), time.perf_counter()
            one.publish(table)
            published = time.perf_counter() - began
            seen = one.bell.last(1) - began
            after = server.bytes()
            if turn:  # the first one makes connections
                figures = published, seen, after[0] - before[0], after[1] - before[1]
                for row, figure in zip(TITLES, figures, strict=True):
                    found[row][peer].append(figure)
    for one in ways.values():
        one.close()
    return found


def catching_up(server, n, away, rounds):
    """A follower that was away for so many publications, beside one that gets the whole as a pickle."""
    table, chance, client = table_of(n), random.Random(n), server.client()
    name = f"away:{n}:{away}"
    ref = RedisRef(client, name, table, block=60)
    costs = {SUBJECT: [], "pickle": []}
    for _ in range(rounds):
        follower = RedisRef.attach(server.client(), name, block=60)
        follower.close()
        for _ in range(away):
            table = changed(table, n, chance)
            ref.set(table)
        client.set("whole", pickle.dumps(table, 5))
        began = time.perf_counter()
        follower._follower.catch_up()
        costs[SUBJECT].append(time.perf_counter() - began)
        assert follower.get() == table
        began = time.perf_counter()
        pickle.loads(client.get("whole"))
        costs["pickle"].append(time.perf_counter() - began)
    ref.close()
    return costs


def many(server, n, followers, rounds, peers):
    """Seconds until the last of so many followers, threads of one process, has the version."""
    table, chance = table_of(n), random.Random(n)
    ways = {peer: way(peer, server, table, f"many:{peer}:{followers}", followers) for peer in peers}
    costs = {peer: [] for peer in ways}
    for turn in range(rounds + 1):
        table = changed(table, n, chance)
        for peer, one in ways.items():
            began = time.perf_counter()
            one.publish(table)
            seen = one.bell.last(followers) - began
            if turn:
                costs[peer].append(seen)
    for one in ways.values():
        one.close()
    return costs


def reading(server, n, rounds):
    ref, local = RedisRef(server.client(), f"get:{n}", table_of(n)), frozen.AtomicRef(table_of(n))
    costs = {SUBJECT: [], "AtomicRef": []}
    for _ in range(rounds):
        for name, one in ((SUBJECT, ref), ("AtomicRef", local)):
            began = time.thread_time()
            for _ in range(100_000):
                one.get()
            costs[name].append(time.thread_time() - began)
    ref.close()
    return costs


def rows(options, peers):
    names, most = [peer.name for peer in peers], max(5, options.rounds // 2)

    def row(name, title, n, costs):
        targets = [TARGETS[name]] if name in TARGETS and TARGETS[name].applies(n) else []
        return Row(name, title, n, SUBJECT, costs, [peer for peer in costs if peer != SUBJECT], targets)

    def wanted(name):
        return options.wants(SimpleNamespace(name=name))

    with Server() as server:
        for n in options.sizes:
            if any(map(wanted, TITLES)):
                for name, costs in publishing(server, n, options.rounds, names).items():
                    yield row(name, TITLES[name], n, costs)
            for away in AWAY:
                if wanted(f"away_{away}"):
                    yield row(f"away_{away}", f"catch up after {away:,}", n, catching_up(server, n, away, 5))
            for followers in FOLLOWERS if n == min(options.sizes) else ():
                if wanted(f"followers_{followers}"):
                    costs = many(server, n, followers, most, [peer for peer in names if peer in (SUBJECT, "pickle")])
                    yield row(f"followers_{followers}", f"the last of {followers} has it", n, costs)
            if wanted("get"):
                yield row("get", "get", n, reading(server, n, options.rounds))


if __name__ == "__main__":
    raise SystemExit(cli.main("redis", PEERS, rows, __doc__, sizes=SIZES, subject=SUBJECT))
