"""Files: `frozen.open` beside what else one loads a table from: a pickle of a dict or Map, SharedMap, sqlite3, LMDB.

Each row is a table of one shape. Look-ups are of equal keys, not the same objects, in random order; sqlite3 and LMDB
are read through their own memory maps, with values as text or pickles. *Open* is what it takes until the first look-up
has its answer. *Private memory* is what one process has alone once it has read everything (smaps_rollup), and *size*
that of the file; for SharedMap both are its memory.
"""

import json
import os
import pickle
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import cli
from harness import Operation, Row, Target, race_all
from peers import Peer

import frozen

SIZES = (1_000, 100_000, 1_000_000)
SHAPES = {
    "str: int": lambda i: (f"user:{i:07d}", i),
    "str: str": lambda i: (f"user:profile:{i:07d}", f"value {i}"),
    "int: int": lambda i: (i, i),
    "str: (int, str, float)": lambda i: (f"user:{i:07d}", (i, f"text {i}", i / 3)),
}
GET = (Target(1.5, largest=99_999, rival="dict"), Target(1.0, smallest=100_000, rival="dict"))
FOLDER = tempfile.TemporaryDirectory()


def key_bytes(key):
    return key.to_bytes(8, "big") if type(key) is int else key.encode()


def make_sqlite(path, table):
    with sqlite3.connect(path) as base:
        base.execute("create table t (k primary key, v) without rowid")
        base.executemany("insert into t values (?, ?)", ((k, v) for k, v in stored(table)))
    base.close()
    return path


def open_sqlite(path):
    base = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    base.execute("pragma mmap_size = 2000000000")
    return base.cursor()


def stored(table):
    """Values as a database holds them: numbers and texts, pickles of others."""
    for key, value in table.items():
        yield key, pickle.dumps(value, 5) if type(value) is tuple else value


def make_lmdb(path, table):
    import lmdb

    with lmdb.open(path, map_size=1 << 32, subdir=False) as base, base.begin(write=True) as transaction:
        for key, value in table.items():
            transaction.put(key_bytes(key), pickle.dumps(value, 5))
    return path


def open_lmdb(path):
    import lmdb

    return lmdb.open(path, readonly=True, lock=False, subdir=False, map_size=1 << 32).begin(buffers=True)


def make_pickle(path, value):
    with open(path, "wb") as file:
        pickle.dump(value, file, 5)
    return path


def unpickled(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def make_file(path, table):
    frozen.save(frozen.Map(table), path)
    return path


MAKERS = {
    "frozen": make_file,
    "dict": make_pickle,
    "Map": lambda path, table: make_pickle(path, frozen.Map(table)),
    "SharedMap": lambda path, table: make_pickle(path, frozen.Map(table)),
    "sqlite3": make_sqlite,
    "lmdb": make_lmdb,
}
OPENERS = {
    "frozen": frozen.open,
    "dict": unpickled,
    "Map": unpickled,
    "SharedMap": lambda path: frozen.SharedMap(unpickled(path)),
    "sqlite3": open_sqlite,
    "lmdb": open_lmdb,
}
READ_ALL = {"sqlite3": "for _ in m.execute('select k, v from t'): pass", "lmdb": "for _ in m.cursor(): pass"}
MAPPING = {"get": "r = m[k]", "items": "for _ in m.items(): pass", "len": "r = len(m)"}


def peer(name, **statements):
    module, distribution = {"sqlite3": ("sqlite3", "python"), "lmdb": ("lmdb", "lmdb")}.get(name, ("frozen", "frozen"))
    first = statements.pop("first", "o[first]")
    more = {"build": f"r = opened('{name}')", "open": f"o = opened('{name}')\nr = {first}"}
    return Peer(name, module, distribution, more | MAPPING | statements)


ONE = "select v from t where k = ?"
PEERS = (
    peer("frozen"),
    peer("dict"),
    peer("Map"),
    peer("SharedMap"),
    peer(
        "sqlite3",
        get=f"r = value(m.execute('{ONE}', (k,)).fetchone()[0])",
        items=READ_ALL["sqlite3"],
        first=f"value(o.execute('{ONE}', (first,)).fetchone()[0])",
    ),
    peer(
        "lmdb",
        get="r = loads(m.get(key_bytes(k)))",
        items=READ_ALL["lmdb"],
        open=None,  # it opens a file once in a process
    ),
)


class World:
    """A table of one shape, in a file for each peer."""

    def __init__(self, n, shape):
        self.n, self.shape, self.maps, self.v = n, shape, {}, None
        self.d = dict(map(SHAPES[shape], range(n)))
        chosen = random.Random(n).sample(range(n), min(n, 20_000))
        self.keys = [SHAPES[shape](i)[0] for i in chosen]
        self.first = self.keys[0]
        self.loads, self.key_bytes = pickle.loads, key_bytes
        self.files, self.bases = {}, []

    def value(self, data):
        return pickle.loads(data) if type(data) is bytes else data

    def opened(self, name):
        if name == "lmdb" and "lmdb" in self.maps:
            return self.maps["lmdb"]
        found = OPENERS[name](self.file(name))
        if name == "sqlite3":
            self.bases.append(found.connection)
        return found

    def close(self):
        while self.bases:
            self.bases.pop().close()

    def file(self, name):
        if name not in self.files:
            path = os.path.join(FOLDER.name, f"{name}-{self.n}-{list(SHAPES).index(self.shape)}")
            self.files[name] = MAKERS[name](path, self.d)
        return self.files[name]

    def plain(self, result):
        return result

    def bind(self):
        """The names that statements use, among those of the world."""
        vars(self).update(value=self.value, opened=self.opened)
        return self


def operations(world):
    shape = world.shape
    return [
        Operation("get", f"look-up, {shape}", "{get}", lambda w, k: w.d[k], loop="keys", targets=GET),
        Operation("items", f"all items, {shape}", "{items}", lambda w, k: None, checked="r = None"),
        Operation("open", f"open, and one look-up, {shape}", "{open}", lambda w, k: w.d[w.first]),
    ]


CHILD = """
import sys, bench_file
def private():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
name, path = sys.argv[1:]
bench_file.OPENERS[name](path + "-small")
before = private()
m = bench_file.OPENERS[name](path)
exec(bench_file.READ_ALL.get(name, "for _ in m.items(): pass"))
print(private() - before)
"""


def private_memory(world, name, path):
    small = {key: world.d[key] for key in world.keys[:10]}
    MAKERS[name](path + "-small", small)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", CHILD, name, path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return max(4096, json.loads(done.stdout))


def sizes(world, peers):
    """What the files take, and what a process that reads all of one has alone."""
    memory = {}
    for one in peers:
        memory[one.name] = [private_memory(world, one.name, world.file(one.name))]
    size = {one.name: [os.path.getsize(world.file(one.name))] for one in peers}
    size["SharedMap"] = memory["SharedMap"]
    del size["Map"]
    rivals = [one.name for one in peers if one.name != "frozen"]
    target = [Target(0.8, rival="SharedMap")] if "(" not in world.shape else []
    yield Row("size", f"size, {world.shape}", world.n, "frozen", size, [r for r in rivals if r != "Map"], target)
    yield Row("memory", f"private memory, {world.shape}", world.n, "frozen", memory, rivals, [])


def rows(options, found):
    for n in options.sizes:
        for shape in SHAPES:
            world = World(n, shape).bind()
            yield from race_all(operations(world), world, found, options)
            linux = os.path.exists("/proc/self/smaps_rollup")
            if linux and n >= 100_000 and (not options.only or {"size", "memory"} & {*options.only}):
                yield from sizes(world, found)
            world.close()


if __name__ == "__main__":
    sys.exit(cli.main("file", PEERS, rows, __doc__, sizes=SIZES))
