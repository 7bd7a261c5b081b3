"""What an AtomicMap's snapshots cost, the writes after them, update() and memory, beside dict and its copy.

Each row is a ratio of two times, or of two sizes, that were taken by turns in one run: the median over the rounds. A
snapshot is compared with `dict.copy()`, a write after a snapshot with one where there was none, `update` with
`m[k] = f(m[k])`, which is not atomic, and the memory of many entries with a dict's.
"""

import argparse
import itertools
import json
import platform
import random
import statistics
import sys
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import cli
import report
from bench_atomic_map import FREE_THREADED, filled, verdict

from frozen import AtomicMap

SIZES = (100, 10_000, 200_000)
MEASURED = 200_000  # entries whose memory is measured
WRITES = (32, 4_096)  # after a snapshot: the first, and those after so many


@dataclass(frozen=True)
class Row:
    title: str
    ratio: float
    target: float | None = None


def contents(size):
    return {f"key:{number:07d}": number for number in range(1000, 1000 + size)}


def timed(run, *arguments):
    """Seconds of a call."""
    started = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - started


def medians(rounds, **runs):
    """Seconds of each function, by turns."""
    found = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return {name: statistics.median(times) for name, times in found.items()}


def repeated(run, times):
    return lambda: timed(lambda: [run() for _ in range(times)]) / times


def snapshots(rounds):
    """A snapshot of each size over a copy of a dict of 10,000, and over that of its own size."""
    for size in SIZES:
        plain = contents(size)
        m = AtomicMap(plain)
        got = medians(rounds, ours=repeated(m.snapshot, 100), copy=repeated(plain.copy, max(1, 20_000 // size)))
        yield Row(f"snapshot of {size:,}, over dict.copy()", got["ours"] / got["copy"], 0.1 if size == 10_000 else None)
        if size == 10_000:
            base = got["ours"]
        elif size > 10_000:
            yield Row(f"snapshot of {size:,}, over one of 10,000", got["ours"] / base)


VALUES = itertools.cycle(range(1000, 1016))


def store(m, keys):
    """One value under all of them, which is not what is there."""
    put, value = m.__setitem__, next(VALUES)
    for key in keys:
        put(key, value)


def writes_after(rounds):
    """Of a map of 10,000 entries: the first writes after a snapshot, and others when many have been done."""
    plain = contents(10_000)
    source, keys = random.Random(1), list(plain)
    m = AtomicMap(plain)
    store(m, keys)
    for count in WRITES:
        before, chosen, after = [], [], []
        for _ in range(rounds * 4):
            source.shuffle(keys)
            before.append(timed(store, m, keys[-32:]))
            snapshot = m.snapshot()
            chosen.append(timed(store, m, keys[:32]))
            store(m, keys[32:count])
            after.append(timed(store, m, keys[-32:]))
            del snapshot
            store(m, keys)
        usual = statistics.median(before)
        if count == WRITES[0]:
            yield Row("the first 32 writes after a snapshot, over others", statistics.median(chosen) / usual, 6.0)
        else:
            title = f"writes after {count:,} since a snapshot, over others"
            yield Row(title, statistics.median(after) / usual, 1.5)


def increased(number):
    return number + 1


def updates(rounds):
    plain = contents(10_000)
    m, keys = AtomicMap(plain), random.Random(2).sample(list(plain), 400)

    def atomic():
        update = m.update
        for key in keys:
            update(key, increased)

    def plainly():
        for key in keys:
            plain[key] = increased(plain[key])

    got = medians(rounds * 20, atomic=lambda: timed(atomic), plainly=lambda: timed(plainly))
    yield Row(
        "update(k, f), over m[k] = f(m[k]) of a dict", got["atomic"] / got["plainly"], 1.6 if FREE_THREADED else None
    )


def size_of(make, plain):
    tracemalloc.start()
    made = make(plain)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del made
    return size


def memory():
    """Without the keys and values. A dict whose keys are all str takes a third less than any other."""
    texts = contents(MEASURED)
    numbers = {key: key for key in range(1000, 1000 + MEASURED)}
    for kind, plain in (("str", texts), ("int", numbers)):
        ratio = size_of(filled(AtomicMap), plain) / size_of(filled(dict), plain)
        yield Row(f"bytes of {MEASURED:,} entries by {kind}, over dict's", ratio, 0.7)


def table(rows):
    return [
        ["row", "ratio", "target"],
        *([row.title, f"{row.ratio:.3g}", verdict(row.ratio, row.target, False)] for row in rows),
    ]


def plot(rows, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    places = range(len(rows))
    axes.barh(places, [row.ratio for row in rows], 0.6, color="crimson")
    for place, row in zip(places, rows, strict=True):
        if row.target is not None:
            axes.plot([row.target] * 2, [place - 0.4, place + 0.4], color="black", linewidth=2)
    axes.set(yticks=places, xscale="log", xlabel="ratio (black: the target)")
    axes.set_yticklabels([row.title for row in rows])
    axes.invert_yaxis()
    axes.axvline(1, color="grey", linewidth=0.8)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="of the interleaved run (default: 15)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    if FREE_THREADED:
        cli.keep_gil_off()
    rows = []
    for part in (snapshots, writes_after, updates):
        rows += part(options.rounds)
        print(part.__name__, file=sys.stderr, flush=True)
    rows += memory()
    lines = table(rows)
    print("\n".join("  ".join(line).rstrip() for line in report.aligned(lines, left=(0,))))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        stem = "atomic_whole-free-threaded" if FREE_THREADED else "atomic_whole"
        results = {row.title: row.ratio for row in rows}
        (options.output / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")
        build = "free-threaded" if FREE_THREADED else "with the GIL"
        text = report.piped(report.aligned(lines, left=(0,)))
        (options.output / f"{stem}.md").write_text(f"CPython {platform.python_version()}, {build}.\n\n{text}")
        report.plotted(plot, rows, options.output / f"{stem}.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
