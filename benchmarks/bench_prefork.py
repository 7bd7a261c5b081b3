"""Prefork servers: how much memory workers make their own that a table was loaded for before the fork.

A process loads a table and forks workers, which then read all of it, collect garbage, and follow changes: so many
publications of 10 entries each. What counts is the private memory of a worker (Private_Clean and Private_Dirty of
/proc/self/smaps_rollup) beyond what it had when it was forked, while all workers are alive, because a page is private
only if no other process maps it. Workers take turns, so that one processor is enough. Linux only.

The subject is an immortal SharedMap, `frozen.immortalize(share(table))`, with `gc.freeze()` as for `dict, frozen`.
Ratios below 1 say how much less a worker makes its own. A tenth of a MiB is added to each figure, so that a ratio
to next to nothing means something.
"""

import contextlib
import gc
import json
import os
import random
import sys
from types import SimpleNamespace

import cli
import probes
from harness import Row, Target
from peers import Peer

import frozen

WORKERS, CHANGES = 4, 10
SIZES = (100_000, 1_000_000)
PUBLICATIONS = (1, 10, 100, 1_000)
LEAST = 100  # KiB added to every figure

VALUES = {
    "str": lambda i: f"value of the entry {i * 7919:012d}",
    "nested": lambda i: {"id": i, "name": f"name {i * 7919:010d}", "rate": i * 0.5},
}
LOADED = {
    "immortal": lambda table: frozen.immortalize(frozen.share(table)),
    "SharedMap": frozen.share,
    "Map": frozen.freeze,
    "dict": dict,
    "dict, frozen": dict,
}
FREEZES = ("immortal", "dict, frozen")
PEERS = [Peer(name, "frozen", "frozen", {}) for name in LOADED]
TARGETS = {"published_1000": (Target(0.04, smallest=1_000_000, rival="SharedMap"),)}


def private_kibibytes():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def key(i):
    return f"customer:{i:08d}"


# What a worker does


def look_up_all(table, n):
    for i in range(n):
        value = table[key(i)]
        if not isinstance(value, str):
            value["id"]


def iterate_all(table, n):
    for _ in table.items():
        pass
    gc.collect()


def publish(table, n, count, chance):
    """`count` publications; returns the last version."""
    for number in range(count):
        changes = {key(chance.randrange(n)): f"changed {number}" for _ in range(CHANGES)}
        if isinstance(table, dict):
            table.update(changes)
        else:
            table = table.update(changes)
    return table


def phases(n):
    """The name of each phase, and a function from the table to the table after it."""

    def keeping(work):
        return lambda table: work(table, n) or table

    yield "look_up", keeping(look_up_all)
    yield "read", keeping(iterate_all)


def publications(n):
    chance, done = random.Random(n), 0
    for count in PUBLICATIONS:
        yield f"published_{count}", lambda table, more=count - done: publish(table, n, more, chance)
        done = count


class Workers:
    """Forked processes that go through phases together, each phase one after the other."""

    def __init__(self, table, work):
        self.work = list(work)
        self.go = [os.pipe() for _ in range(WORKERS)]
        self.done = os.pipe()
        self.processes = [self.fork(table, own) for own, _ in self.go]

    def fork(self, table, go):
        process = os.fork()
        if process:
            return process
        with contextlib.suppress(BaseException):
            base, current = private_kibibytes(), table
            for name, work in self.work:
                os.read(go, 1)
                current = work(current)
                os.write(self.done[1], b".")
                os.read(go, 1)  # all have done it
                line = json.dumps([name, max(0, private_kibibytes() - base)])
                os.write(self.done[1], f"{line}\n".encode())
            os.read(go, 1)
            os._exit(0)
        os._exit(1)

    def run(self):
        """The KiB of each worker, by phase."""
        found = {name: [] for name, _ in self.work}
        for _ in self.work:
            for _, go in self.go:
                os.write(go, b".")
                os.read(self.done[0], 1)
            for _, go in self.go:
                os.write(go, b".")
                name, kibibytes = json.loads(os.read(self.done[0], 4096))
                found[name].append(kibibytes)
        for _, go in self.go:
            os.write(go, b".")
        if any(os.waitpid(process, 0)[1] for process in self.processes):
            raise RuntimeError("a worker failed")
        return found


def measure(kind, values, n):
    """In a process of its own: what the workers make their own by reading, then other workers by following changes."""
    table = LOADED[kind]({key(i): VALUES[values](i) for i in range(n)})
    gc.collect()
    if kind in FREEZES:
        gc.freeze()
    return Workers(table, phases(n)).run() | Workers(table, publications(n)).run()


TITLES = {"look_up": "after looking up all", "read": "after iterating and collecting, too"} | {
    f"published_{count}": f"after {count:,} publications of {CHANGES}" for count in PUBLICATIONS
}


def rows(options, peers):
    wanted = [name for name in TITLES if options.wants(SimpleNamespace(name=name))]
    for n in options.sizes:
        for values in VALUES:
            found = {peer.name: probes.in_new_process(__file__, "measure", peer.name, values, n) for peer in peers}
            for name in wanted:
                costs = {peer: [cost + LEAST for cost in figures[name]] for peer, figures in found.items()}
                targets = [target for target in TARGETS.get(name, ()) if target.applies(n) and values == "str"]
                rivals = [peer for peer in costs if peer != options.subject]
                yield Row(
                    f"{name}_{values}", f"{TITLES[name]}, {values} values", n, options.subject, costs, rivals, targets
                )


def plot(done, subject, path):
    """MiB of a worker: after reading, and over the number of publications."""
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    n = max(row.n for row in done)
    by_name = {row.name: row for row in done if row.n == n}
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 5), layout="constrained")
    reading = [name for name in (f"read_{values}" for values in VALUES) if name in by_name]
    kinds = list(dict.fromkeys(kind for row in by_name.values() for kind in row.costs))
    for place, kind in enumerate(kinds):
        heights = [max(by_name[name].costs[kind]) / 1024 for name in reading]
        axes[0].bar([i + 0.16 * place for i in range(len(reading))], heights, 0.15, label=kind)
        series = [(count, by_name.get(f"published_{count}_str")) for count in PUBLICATIONS]
        points = [(count, max(row.costs[kind]) / 1024) for count, row in series if row is not None]
        if points:
            axes[1].plot(*zip(*points, strict=True), "o-", label=kind)
    axes[0].set(title=f"read and collected, {n:,} entries", ylabel="private MiB of a worker")
    axes[0].set_xticks([i + 0.32 for i in range(len(reading))], [name.split("_")[1] for name in reading])
    axes[1].set(
        title=f"following changes, {n:,} entries", xlabel=f"publications of {CHANGES}", xscale="log", yscale="log"
    )
    axes[0].legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    elif not os.path.exists("/proc/self/smaps_rollup"):
        sys.exit("needs Linux: /proc/self/smaps_rollup says what a process has alone")
    else:
        sys.exit(cli.main("prefork", PEERS, rows, __doc__, sizes=SIZES, subject="immortal", plot=plot))
