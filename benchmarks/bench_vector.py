"""Vector against its peers: `python benchmarks/bench_vector.py --output benchmarks/results` writes vector.*.

Cutting, joining and inserting in the middle have a limit of 5 us beside the peers, which copy: there is no ratio to
speak of.
"""

import random

import cli
from harness import Operation, Target, race_all
from peers import VECTORS

CHAIN = range(1_000)


class World:
    """The data every peer sees at one size; its attributes are the names that statements and templates use."""

    def __init__(self, n):
        chance = random.Random(n)
        self.n = n
        self.d = [f"item-{i}" for i in range(n)]
        self.indexes = chance.choices(range(n), k=min(n, 100_000))
        self.changed = self.indexes[:10_000]
        self.middle = [n // 2, n // 3, n // 4, n // 5]
        self.v = "new item"
        self.chain = CHAIN
        self.maps = {}  # each contender's vector of d, built once
        self.plain = lambda result: result if isinstance(result, (bool, str)) else list(result)


def inserted(d, k, v):
    return [*d[:k], v, *d[k:]]


def built_again(contender, world):
    return {"other": contender.run("{build}")}


def changed_and_changed_back(contender, world):
    changed = contender.run("{set}", k=0)
    return {"other": contender.run("{set}", m=changed, k=0, v=world.d[0])}


CUT = {"limit": 5e-6, "targets": (Target(1 / 300, smallest=100_000), Target(1.0, smallest=100_000, rival="5 us"))}

OPERATIONS = (
    Operation(
        "get", "get", "{get}", lambda w, k: w.d[k], "indexes", targets=(Target(0.9), Target(0.9, rival="pyrsistent"))
    ),
    Operation("set", "set", "{set}", lambda w, k: [*w.d[:k], w.v, *w.d[k + 1 :]], "changed", targets=(Target(0.6),)),
    Operation(
        "append",
        f"append, {len(CHAIN):,} times",
        "r = m\nfor _ in chain: {append}",
        lambda w, k: w.d + [w.v] * len(CHAIN),
        targets=(Target(0.6),),
    ),
    Operation("pop", "pop", "{pop}", lambda w, k: w.d[:-1], targets=(Target(0.7, rival="spork"),)),
    Operation("build", "build from list", "{build}", lambda w, k: w.d, targets=(Target(0.6),)),
    Operation("iterate", "iterate", "{iterate}", lambda w, k: w.d, checked="r = list(m)", targets=(Target(0.9),)),
    Operation("equal", "equal, built separately", "{equal}", lambda w, k: True, prepare=built_again),
    Operation(
        "equal_sharing",
        "equal, sharing all but a path",
        "{equal}",
        lambda w, k: True,
        prepare=changed_and_changed_back,
    ),
    Operation("slice", "slice", "{slice}", lambda w, k: w.d[k:-9], "middle", **CUT),
    Operation("concat", "concat", "{concat}", lambda w, k: w.d + w.d, prepare=built_again, **CUT),
    Operation("insert", "insert in the middle", "{insert}", lambda w, k: inserted(w.d, k, w.v), "middle", **CUT),
)


def rows(options, peers):
    for n in options.sizes:
        yield from race_all(OPERATIONS, World(n), peers, options)


if __name__ == "__main__":
    raise SystemExit(cli.main("vector", VECTORS, rows, __doc__, sizes=(10, 1_000, 100_000)))
