"""What changed between two versions, and applying it: `diff`, `apply` and `merge3`.

A table is a Map of n rows, or a Vector of them; each row is a Map of four entries. Ten changes are spread over it. The
peers have nothing of the kind: `immutables` is what its users write, both maps walked once and a loop of `set`; of the
vector's peers pyrsistent walks both, and `jsonpatch` compares the dicts and lists that JSON gives.
"""

from functools import partial

import cli
import report
from harness import Operation, Target, race_all
from peers import Peer

SIZES = (10, 1_000, 100_000)
MANY = 10_000  # rows, from which on jsonpatch is left out
CHANGES = 10

WALKED = "r = [(k, x, y) for k, y in other.items() if (x := m.get(k)) is not y]"
FROZEN = {
    "build": "r = frozen.Map(d)",
    "diff": "r = m.diff(other)",
    "apply": "r = m.apply(delta)",
    "many": "r = m.apply(delta)",
    "merge": "r = frozen.merge3(m, other, theirs)",
    "flag": "r = vector.diff(toggled)",
    "insert": "r = vector.diff(longer)",
    "splice": "r = vector.apply(delta)",
}
IMMUTABLES = {
    "build": "r = immutables.Map(d)",
    "diff": WALKED,
    "apply": "r = m\nfor k, x, y in delta:\n    if m[k] == x: r = r.set(k, y)",
    "many": "t = m.mutate()\nfor k, x, y in delta:\n    if m[k] == x: t[k] = y\nr = t.finish()",
    "merge": None,
    "flag": None,
    "insert": None,
    "splice": None,
}
PYRSISTENT = dict.fromkeys(FROZEN) | {
    "build": "r = pyrsistent.pmap(d)",
    "flag": "r = [(i, x, y) for i, (x, y) in enumerate(zip(vector, toggled)) if x is not y]",
}
JSONPATCH = dict.fromkeys(FROZEN) | {
    "build": "r = d",
    "flag": "r = list(jsonpatch.make_patch(vector, toggled))",
    "insert": "r = list(jsonpatch.make_patch(vector, longer))",
}
PEERS = (
    Peer("frozen", "frozen", "frozen", FROZEN),
    Peer("immutables", "immutables", "immutables", IMMUTABLES),
    Peer("pyrsistent", "pyrsistent", "pyrsistent", PYRSISTENT),
    Peer("jsonpatch", "jsonpatch", "jsonpatch", JSONPATCH, persistent=False),
)


def row(i, **changes):
    return {"id": i, "flag": False, "name": f"row {i}", "note": None} | changes


class World:
    """The data every peer sees at one size; its attributes are the names that statements use."""

    def __init__(self, n):
        self.n = n
        self.d = {f"key {i}": i for i in range(n)}
        self.v = -1
        self.changed = [f"key {i}" for i in range(0, n, max(1, n // CHANGES))][:CHANGES]
        self.maps = {}  # each contender's form of d, built once

    def plain(self, result):
        return dict(result.items()) if hasattr(result, "items") else len(result)


def with_changes(keys, contender, world):
    """Another version, and what `diff` says of the two."""
    m = other = contender.names["m"]
    for k in keys(world):
        other = other.set(k, -1 - world.d[k])
    delta = m.diff(other) if contender.peer.name == "frozen" else [(k, m[k], other[k]) for k in keys(world)]
    theirs = m.set("new", 0)
    return {"other": other, "delta": delta, "theirs": theirs}


few = partial(with_changes, lambda world: world.changed)
tenth = partial(with_changes, lambda world: list(world.d)[::10])


def table(contender, world):
    """A vector of rows, one with a flag toggled, and one with a row inserted; in the middle."""
    name, middle = contender.peer.name, world.n // 2
    rows = [row(i) for i in range(world.n)]
    if name == "jsonpatch":
        toggled = [*rows[:middle], row(middle, flag=True), *rows[middle + 1 :]]
        return {"vector": rows, "toggled": toggled, "longer": [*rows[:middle], row(-1), *rows[middle:]]}
    scope = contender.names
    if name == "pyrsistent":
        vector = scope["pyrsistent"].pvector(map(scope["pyrsistent"].pmap, rows))
        return {"vector": vector, "toggled": vector.set(middle, vector[middle].set("flag", True)), "longer": None}
    vector = scope["frozen"].freeze(rows)
    toggled = vector.set(middle, vector[middle].set("flag", True))
    longer = vector.insert(middle, scope["frozen"].freeze(row(-1)))
    return {"vector": vector, "toggled": toggled, "longer": longer, "delta": vector.diff(longer)}


def changed(w, keys):
    return w.d | {k: -1 - w.d[k] for k in keys}


OPERATIONS = (
    Operation(
        "diff",
        f"diff of {CHANGES} changes in a map",
        "{diff}",
        lambda w, k: len(w.changed),
        prepare=few,
        targets=(Target(1.0, rival="10 us"), Target(1.0, largest=10, rival="immutables")),
        limit=10e-6,
    ),
    Operation(
        "apply",
        f"apply {CHANGES} changes to a map",
        "{apply}",
        lambda w, k: changed(w, w.changed),
        prepare=few,
        targets=(Target(1.0, rival="15 us"), Target(1.0, largest=10, rival="immutables")),
        limit=15e-6,
    ),
    Operation(
        "many",
        "apply n / 10 changes to a map",
        "{many}",
        lambda w, k: changed(w, list(w.d)[::10]),
        prepare=tenth,
    ),
    Operation(
        "merge",
        f"merge {CHANGES} changes with another",
        "{merge}",
        lambda w, k: changed(w, w.changed) | {"new": 0},
        prepare=few,
    ),
    Operation(
        "flag",
        "diff of one flag in a vector of maps",
        "{flag}",
        lambda w, k: 1,
        prepare=table,
        targets=(Target(1.0, rival="50 us"),),
        limit=50e-6,
    ),
    Operation("insert", "diff of an insertion in a vector", "{insert}", lambda w, k: 1, prepare=table),
    Operation("splice", "apply an insertion to a vector", "{splice}", lambda w, k: w.n + 1, prepare=table),
)


def rows(options, peers):
    for n in options.sizes:
        at_n = [peer for peer in peers if n < MANY or peer.name != "jsonpatch"]
        yield from race_all(OPERATIONS, World(n), at_n, options)


if __name__ == "__main__":
    plot = partial(report.plot, label="frozen / the best peer: left of the line at 1 is better")
    raise SystemExit(cli.main("delta", PEERS, rows, __doc__, sizes=SIZES, plot=plot))
