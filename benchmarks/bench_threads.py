"""Threads on a free-threaded build: how much more do two do than one, each peer in turn.

Only the time counts in which every thread was running (slices.py). The figure is the aggregate throughput of two
threads over that of one.

Some extension modules turn the GIL on when they are imported; PYTHON_GIL=0 keeps it off here, for all of them.
"""

import argparse
import json
import statistics
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import cli
import report
from bench_map import World
from peers import MAPS, installed
from slices import alternating

SIZE, KEYS = 1_000, 100  # of each map; of those, the keys that a thread goes over
ENOUGH = 40  # slices, for a figure that is worth printing


@dataclass(frozen=True)
class Work:
    """What each thread does again and again: a peer's statement, over a map of its own or one that all share."""

    name: str
    title: str
    statement: str
    shared: bool
    derived: bool = False  # each thread on a version of its own, derived from the shared map
    target: float | None = None


WORKS = (
    Work("read_own", "get, each thread its own map", "get", shared=False),
    Work("read_shared", "get, one map for all", "get", shared=True),
    Work("set_own", "set, each thread its own map", "set", shared=False),
    Work("set_version", "set, each thread its own version of one map", "set", shared=True, derived=True, target=1.8),
)


def result(peer, name, **names):
    scope = peer.load() | names
    exec(peer.statements[name], scope)
    return scope["r"]


def function_of(peer, work, shared):
    """A function for one thread alone, over names and keys of its own: it goes over the keys `rounds` times."""
    world = World(SIZE)
    m = result(peer, "build", d=world.d) if shared is None else shared
    if work.derived:
        m = result(peer, "set", m=m, k=world.keys[0], v=world.v)
    loop = "".join(f"      {line}\n" for line in peer.statements[work.statement].splitlines())
    scope = peer.load()
    exec(f"def run(m, v, keys, rounds):\n  for _ in range(rounds):\n    for k in keys:\n{loop}", scope)
    run, keys = scope["run"], world.keys[:KEYS]
    return lambda rounds: run(m, world.v, keys, rounds)


def team_of(peer, work, threads):
    shared = result(peer, "build", d=World(SIZE).d) if work.shared else None
    return [function_of(peer, work, shared) for _ in range(threads)]


def measure(peers, work, rounds, threads=2):
    """By peer: (throughput of all threads over that of one, slices that counted)."""
    done = alternating({peer.name: team_of(peer, work, threads) for peer in peers}, rounds)
    return {
        name: (threads * statistics.median(alone) / statistics.median(together), len(together))
        if alone and together
        else (None, 0)
        for name, (_, alone, together) in done.items()
    }


def table(results):
    """Lines of text: a row of figures for each kind of work."""
    peers = list(next(iter(results.values())))
    lines = [["two threads / one", *peers, "target", ""]]
    for work in WORKS:
        if work.name in results:
            figures = results[work.name]
            ours = figures.get("frozen", (None, 0))[0]
            verdict = "" if None in (ours, work.target) else "reached" if ours >= work.target else "missed"
            cells = [f"{ratio:.2f}" if count >= ENOUGH else f"({count} slices)" for ratio, count in figures.values()]
            lines.append([work.title, *cells, f"{work.target or ''}", verdict])
    return report.aligned(lines, left=(0,))


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    shown = [work for work in WORKS if work.name in results]
    peers = list(next(iter(results.values())))
    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    width = 0.8 / len(peers)
    for i, peer in enumerate(peers):
        figures = [results[work.name][peer] for work in shown]
        at = [x + (i - (len(peers) - 1) / 2) * width for x in range(len(shown))]
        heights = [ratio if count >= ENOUGH else 0 for ratio, count in figures]
        axes.bar(
            at, heights, width * 0.92, label=peer, color="crimson" if peer == "frozen" else f"{0.35 + 0.12 * i:.2f}"
        )
    for x, work in enumerate(shown):
        if work.target:
            axes.plot([x - 0.42, x + 0.42], [work.target] * 2, color="black", linewidth=2, label="target")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(xticks=range(len(shown)), ylabel="throughput of two threads / of one")
    axes.set_xticklabels([work.title.replace(", ", ",\n").replace(" version of", "\nversion of") for work in shown])
    axes.legend(frameon=False, ncols=len(peers) + 1, loc="upper center", bbox_to_anchor=(0.5, 1.1))
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of the interleaved run (default: 8)")
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        print("not a free-threaded build: threads take turns here", file=sys.stderr)
        return 2
    cli.keep_gil_off()
    found, missing = installed([peer for peer in MAPS if peer.name != "pyrsistent"])
    for absent, why in missing.items():
        print(f"{absent} is left out: {why}", file=sys.stderr)
    works = [work for work in WORKS if not options.only or work.name in options.only]
    results = {work.name: measure(found, work, options.rounds) for work in works}
    lines = table(results)
    print("\n".join("  ".join(line).rstrip() for line in lines))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "threads.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.output / "threads.md").write_text(report.piped(lines))
        report.plotted(plot, results, options.output / "threads.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
