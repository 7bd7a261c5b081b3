"""Set against its peers: `python benchmarks/bench_set.py --output benchmarks/results` writes set.{json,md,png}.

The targets are Map's own, because a set does the same work on entries half as wide.
"""

import bench_map
import cli
from harness import Operation, Target, race_all, small_and_large
from peers import SETS


class World(bench_map.World):
    """Map's keys, as a list to build from."""

    def __init__(self, n):
        super().__init__(n)
        self.all = set(self.d)
        self.d = list(self.d)
        self.plain = lambda result: result if isinstance(result, (bool, str)) else set(result)


def built_again(contender, world):
    return {"other": contender.run("{build}", d=world.d[::-1])}


def changed_and_changed_back(contender, world):
    changed = contender.run("{remove}", k=world.keys[0])
    return {"other": contender.run("{add}", m=changed, k=world.keys[0])}


def with_a_tenth_new(contender, world):
    other = contender.names["m"]
    for k in new_tenth(world):
        other = contender.run("{add}", m=other, k=k)
    return {"other": other}


def less_what_was(contender, world):
    return {"m": with_a_tenth_new(contender, world)["other"], "other": contender.names["m"]}


def new_tenth(world):
    return world.absent_keys[: max(1, world.n // 10)]


HIT, MISS = small_and_large(0.65, 0.85), small_and_large(0.6, 0.7)
WRITE = (Target(0.7), Target(1.0, largest=10, rival="frozenset"))

OPERATIONS = (
    Operation("contains", "contains, same object", "{contains}", lambda w, k: True, "keys", targets=HIT),
    Operation("contains_equal", "contains, equal object", "{contains}", lambda w, k: True, "equal_keys", targets=HIT),
    Operation("miss", "contains, miss", "{contains}", lambda w, k: False, "absent_keys", targets=MISS),
    Operation("add", "add, new member", "{add}", lambda w, k: w.all | {k}, "new_keys", targets=WRITE),
    Operation("remove", "remove", "{remove}", lambda w, k: w.all - {k}, "changed_keys", targets=WRITE),
    Operation("build", "build from list", "{build}", lambda w, k: w.all, targets=(Target(0.2),)),
    Operation("iterate", "iterate", "{iterate}", lambda w, k: w.all, checked="r = list(m)", targets=(Target(0.4),)),
    Operation(
        "equal", "equal, built separately", "{equal}", lambda w, k: True, prepare=built_again, targets=(Target(0.5),)
    ),
    Operation(
        "equal_sharing",
        "equal, sharing all but a path",
        "{equal}",
        lambda w, k: True,
        prepare=changed_and_changed_back,
        targets=(Target(0.001, smallest=100_000),),
    ),
    Operation(
        "union_shared",
        "union, 90 % shared",
        "{union}",
        lambda w, k: w.all.union(new_tenth(w)),
        prepare=with_a_tenth_new,
        targets=(Target(0.15),),
    ),
    Operation(
        "difference_shared",
        "difference, 90 % shared",
        "{difference}",
        lambda w, k: set(new_tenth(w)),
        prepare=less_what_was,
        targets=(Target(0.15),),
    ),
)


def rows(options, peers):
    """Every row; pyrsistent's sets keep eight buckets whatever their size, so that large ones would take hours."""
    for n in options.sizes:
        at_n = [peer for peer in peers if n <= 1_000 or peer.name != "pyrsistent"]
        yield from race_all(OPERATIONS, World(n), at_n, options)


if __name__ == "__main__":
    raise SystemExit(cli.main("set", SETS, rows, __doc__, sizes=(10, 1_000, 100_000)))
