"""Map against its peers: `python benchmarks/bench_map.py` prints the table and writes results/map.{json,md,png}."""

import pickle
import random

import cli
import probes
from harness import Operation, Target, race_all, small_and_large
from peers import MAPS

READS, WRITES = 100_000, 10_000  # keys a pass goes over, at most: enough to leave the caches at n = 1,000,000
CHANGES = 10
MILLION = 1_000_000  # here only the fastest peers run, and only what large maps are for
PEERS_AT_A_MILLION = {"frozen", "immutables", "spork", "dict", "frozendict"}
NOT_AT_A_MILLION = {"mutate", "to_dict", "equal", "union", "dumps", "loads"}


class World:
    """The data every peer sees at one size; its attributes are the names that statements and templates use."""

    def __init__(self, n, key="key-{}".format):
        chance = random.Random(n)
        self.n = n
        self.d = {key(i): i for i in range(n)}
        shuffled = chance.sample(list(self.d), n)
        self.keys = shuffled[:READS]
        self.equal_keys = [key(self.d[k]) for k in self.keys]
        self.absent_keys = [key(n + i) for i in range(min(n, READS))]
        self.changed_keys = shuffled[:WRITES]
        self.new_keys = self.absent_keys[:WRITES]
        self.v = object()
        self.batch = self.changes(max(1, n // 100))
        self.nothing = object()
        self.maps = {}  # each contender's map of d, built once
        self.plain = plain
        self.dumps, self.loads = pickle.dumps, pickle.loads

    def changes(self, count):
        """`count` changes to d: replaced entries and new ones in turn."""
        replaced, new = self.keys[: count - count // 2], self.absent_keys[: count // 2]
        return dict.fromkeys([k for pair in zip(replaced, new, strict=False) for k in pair] + replaced[len(new) :], -1)


def plain(result):
    """A map of any library as a dict; anything else as it is."""
    return dict(result.items()) if hasattr(result, "items") else result


def without(d, k):
    d = dict(d)
    del d[k]
    return d


def built_again(contender, world):
    return {"other": contender.run("{build}", d=dict(reversed(world.d.items())))}


def changed_and_changed_back(contender, world):
    k = world.keys[0]
    changed = contender.run("{set}", k=k)
    return {"other": contender.run("{set}", m=changed, k=k, v=world.d[k])}


def hashed(contender, world):
    contender.run("r = m\n{hash}")
    return {}


def with_few_changes(contender, world):
    other = contender.names["m"]
    for k in world.keys[: CHANGES // 2] + world.new_keys[: CHANGES - CHANGES // 2]:
        other = contender.run("{set}", m=other, k=k)
    return {"other": other}


def with_a_tenth_changed(contender, world):
    return {"other": contender.run("{update}", batch=world.changes(max(1, world.n // 10)))}


def halves(contender, world):
    items = list(world.d.items())
    half = len(items) // 2
    return {
        "m": contender.run("{build}", d=dict(items[:half])),
        "other": contender.run("{build}", d=dict(items[half:])),
    }


def pickled(contender, world):
    return {"pickled": contender.run("{dumps}")}


WRITE = (Target(0.7), Target(1.0, largest=10, rival="dict"))
SHARING = (Target(0.001, smallest=100_000),)

OPERATIONS = (
    Operation("get", "get, same key object", "{get}", lambda w, k: w.d[k], "keys", targets=small_and_large(0.65, 0.85)),
    Operation(
        "get_equal",
        "get, equal key",
        "{get}",
        lambda w, k: w.d[k],
        "equal_keys",
        targets=small_and_large(0.65, 0.85),
    ),
    Operation(
        "miss", "get, miss (in)", "{contains}", lambda w, k: k in w.d, "absent_keys", targets=small_and_large(0.6, 0.7)
    ),
    Operation("set", "set, existing key", "{set}", lambda w, k: w.d | {k: w.v}, "changed_keys", targets=WRITE),
    Operation("set_new", "set, new key", "{set}", lambda w, k: w.d | {k: w.v}, "new_keys", targets=WRITE),
    Operation("delete", "delete", "{delete}", lambda w, k: without(w.d, k), "changed_keys", targets=WRITE),
    Operation("build", "build from dict", "{build}", lambda w, k: w.d, targets=(Target(0.2),)),
    Operation("update", "batch of 1 %", "{update}", lambda w, k: w.d | w.batch, targets=(Target(0.5),)),
    Operation(
        "mutate",
        "batch of 1 %, one by one in a mutation",
        "{mutate}",
        lambda w, k: w.d | dict.fromkeys(w.batch, w.v),
    ),
    Operation(
        "iterate",
        "iterate items",
        "for k, x in {items}: pass",
        lambda w, k: w.d,
        checked="r = dict({items})",
        targets=(Target(0.4),),
    ),
    Operation("to_dict", "to dict", "{to_dict}", lambda w, k: w.d, targets=(Target(0.4),)),
    Operation(
        "repr", "repr", "r = repr(m)", lambda w, k: len(w.d), checked="r = len(m)", targets=(Target(1.5, rival="dict"),)
    ),
    Operation(
        "equal", "equal, built separately", "{equal}", lambda w, k: True, prepare=built_again, targets=(Target(0.5),)
    ),
    Operation(
        "equal_sharing",
        "equal, sharing all but a path",
        "{equal}",
        lambda w, k: True,
        prepare=changed_and_changed_back,
        targets=SHARING,
    ),
    Operation(
        "hash_after_set",
        "hash after one set",
        "{set}\n{hash}",
        lambda w, k: True,
        "changed_keys",
        checked="{set}\n{hash}\ngot = r\nd = d | dict([(k, v)])\n{build}\n{hash}\nr = r == got",
        prepare=hashed,
        targets=SHARING,
    ),
    Operation(
        "diff",
        f"diff of {CHANGES} changes",
        "{diff}",
        checked="{diff}\n{changed}",
        model=lambda w, k: {*w.keys[: CHANGES // 2], *w.new_keys[: CHANGES - CHANGES // 2]},
        prepare=with_few_changes,
        targets=(Target(1.0, rival="10 us"), Target(1.0, largest=10)),
        limit=10e-6,
    ),
    Operation(
        "union_shared",
        "union, 90 % shared",
        "{union}",
        lambda w, k: w.d | w.changes(max(1, w.n // 10)),
        prepare=with_a_tenth_changed,
        targets=(Target(0.15),),
    ),
    Operation("union", "union of halves", "{union}", lambda w, k: w.d, prepare=halves, targets=(Target(0.6),)),
    Operation(
        "dumps",
        "pickle dumps",
        "{dumps}",
        lambda w, k: w.d,
        checked="{dumps}\npickled = r\n{loads}",
        targets=(Target(0.9),),
    ),
    Operation("loads", "pickle loads", "{loads}", lambda w, k: w.d, prepare=pickled, targets=(Target(0.6),)),
)

# Ints whose halves cancel out where a hash is folded to 32 bits: CPython hashes an int to itself.
HOSTILE_SIZE = 4_000
HOSTILE = (
    Operation("hostile_set", "set, hostile ints", "{set}", lambda w, k: w.d | {k: w.v}, "changed_keys", targets=WRITE),
    Operation("hostile_get", "get, hostile ints", "{get}", lambda w, k: w.d[k], "keys", targets=(Target(0.65),)),
)


def hostile_int(i):
    return i << 32 | i


def rows(options, peers):
    """Every row, as it is measured."""
    for n in options.sizes:
        at_n = [peer for peer in peers if n < MILLION or peer.name in PEERS_AT_A_MILLION]
        skipped = NOT_AT_A_MILLION if n >= MILLION else ()
        yield from race_all([o for o in OPERATIONS if o.name not in skipped], World(n), at_n, options)
        yield from probes.rows(n, at_n, options)
    yield from race_all(HOSTILE, World(min(HOSTILE_SIZE, max(options.sizes)), hostile_int), peers, options)


if __name__ == "__main__":
    raise SystemExit(cli.main("map", MAPS, rows, __doc__, probes.mean_over_sizes))
