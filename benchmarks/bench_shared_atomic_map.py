"""SharedAtomicMap beside a SharedRef of a SharedMap, which is the other way in which interpreters write one mapping.

One worker and two: interpreters with a GIL of their own, each run by a thread (CPython 3.14 and later), or threads on a
free-threaded build. A dict, which each worker has for itself, says what the machine can do. Two are measured only while
both were running (slices.py).
"""

import argparse
import contextlib
import json
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cli
import report
from bench_atomic_map import ENOUGH, FREE_THREADED, SIZE, SUBSCRIPTS, function_of, keys_of, name_of, spelled
from bench_atomic_map import Peer as PeerOfThreads
from bench_atomic_map import Work as WorkOfThreads
from receivers import interpreters, receivers
from slices import alternating, side_by_side, undisturbed

from frozen import SharedAtomicMap, SharedMap, SharedRef

SNAPSHOTS = 100, 10_000, 100_000  # numbers of entries

BOUND = "get, put, remove, add = m.get, m.__setitem__, m.__delitem__, m.add"


def increased(m, k):
    return m.set(k, m.get(k, 0) + 1)


PEERS = (
    PeerOfThreads("SharedAtomicMap", SharedAtomicMap, *SUBSCRIPTS, "add(k)", BOUND),
    PeerOfThreads(
        "SharedRef of a SharedMap",
        lambda plain: SharedRef(SharedMap(plain)),
        "ref().get(k)",
        "update(SharedMap.set, k, v)",
        "update(SharedMap.delete, k)",
        "update(increased, k)",
        "ref, update = m.get, m.update",
        names={"SharedMap": SharedMap, "increased": increased},
    ),
    PeerOfThreads("a dict each", dict, "m[k]", "m[k] = v", "del m[k]", "m[k] += 1"),
)


@dataclass(frozen=True)
class Work(WorkOfThreads):
    steps: int = 400  # in a pass
    cheaper: float | None = None  # the target of the time of one over SharedRef's


WORKS = (
    Work("get_own", "get, own keys", "for k in keys:\n  {get}", target=1.8),
    Work("get_same", "get, the same keys", "for k in keys:\n  {get}", own=False),
    Work("set_own", "set, own keys", "for k in keys:\n  {set}", target=1.5, cheaper=0.1),
    Work("set_same", "set, the same keys", "for k in keys:\n  {set}", own=False),
    Work("add_own", "add 1, own keys", "for k in keys:\n  {add}"),
    Work("add_one", "add 1, one key", "for k in keys:\n  k = hot\n  {add}", own=False),
    Work("insert_delete", "insert and delete", "for k in new:\n  {set}\nfor k in new:\n  {delete}"),
)

SOURCE = """
from frozen import SharedMap
def increased(m, k):
  return m.set(k, m.get(k, 0) + 1)
from itertools import cycle, islice
values = cycle(range(1000, 1016))
def run(rounds):
  {prologue}
  for v in islice(values, rounds):
{body}
"""


def in_interpreter(receiver, peer, work, m, number):
    """Makes run(rounds) there, which does the work."""
    body = "".join(f"    {line}\n" for line in spelled(peer, work.body).splitlines())
    names = {name: tuple(value) if isinstance(value, list) else value for name, value in keys_of(work, number).items()}
    receiver.bind(m=m, **names) if not isinstance(m, dict) else receiver.bind(**names)
    if isinstance(m, dict):
        receiver.run(f"m = {{f'key:{{i:07d}}': i for i in range({SIZE})}}")
    receiver.run(SOURCE.format(prologue=peer.prologue or "pass", body=body))


def in_interpreters(receivers, rounds):
    """What `alternating` tells of threads. Each interpreter notes its slices: a call into it takes as long as one."""
    fill = receivers[0].answer("slices.calibrated(run)")
    recorders = [partial(receiver.answer, f"slices.recorded(run, {fill})") for receiver in receivers]
    alone, both = [], []
    for _ in range(rounds):
        alone += undisturbed(side_by_side(recorders[:1]))
        both += undisturbed(side_by_side(recorders))
    return fill, alone, both


def measured(peer, work, rounds, workers):
    """(nanoseconds of one worker's step, throughput of two over one or None)."""
    plain = {name_of(number): number for number in range(SIZE)}
    if isinstance(workers, int):
        together = [peer.make(plain)] * workers if peer.make is not dict else [plain.copy() for _ in range(workers)]
        team = [function_of(peer, work, m, number) for number, m in enumerate(together)]
        ((fill, alone, both),) = alternating({peer.name: team}, rounds).values()
    else:
        m = peer.make(plain)
        for number, receiver in enumerate(workers):
            in_interpreter(receiver, peer, work, m, number)
        fill, alone, both = in_interpreters(workers, rounds)
    if not alone:
        return None, None
    one = statistics.median(alone) / fill / work.steps * 1e9
    scaling = 2 * statistics.median(alone) / statistics.median(both) if len(both) >= ENOUGH else None
    return one, scaling


def snapshot_times(rounds):
    """By number of entries: microseconds of a snapshot, and of a copy of a dict of the same."""
    times = {}
    for size in SNAPSHOTS:
        plain = {name_of(number): number for number in range(size)}
        m, taken, copied = SharedAtomicMap(plain), [], []
        for _ in range(rounds * 40):
            started = time.perf_counter_ns()
            snapshot = m.snapshot()
            between = time.perf_counter_ns()
            copy = plain.copy()
            copied.append(time.perf_counter_ns() - between)
            taken.append(between - started)
            del snapshot, copy
        times[size] = [statistics.median(one) / 1000 for one in (taken, copied)]
    return times


def verdict(value, target, fits):
    return "" if target is None or value is None else f"{'reached' if fits else 'missed'} {target}"


def tables(results):
    names = [peer.name for peer in PEERS]
    one, two = [["one worker, ns", *names, "over SharedRef", "target"]], [["two workers / one", *names, "target"]]
    for work in WORKS:
        if work.name not in results:
            continue
        got = results[work.name]
        costs, scales = [got[name][0] for name in names], [got[name][1] for name in names]
        ratio = costs[0] / costs[1] if costs[0] and costs[1] else None
        shown = [f"{cost:.0f}" if cost else "-" for cost in costs]
        cheap = verdict(ratio, work.cheaper, ratio is not None and ratio <= (work.cheaper or 0))
        one.append([work.title, *shown, f"{ratio:.2f}" if ratio else "-", cheap])
        shown = [f"{scale:.2f}" if scale else "-" for scale in scales]
        two.append([work.title, *shown, verdict(scales[0], work.target, (scales[0] or 0) >= (work.target or 0))])
    return [one, two]


def table_of_snapshots(times):
    taken, copied = zip(*times.values(), strict=True)
    return [
        ["one worker, us", *(f"{size:,} entries" for size in times)],
        ["SharedAtomicMap.snapshot()", *(f"{one:.1f}" for one in taken)],
        ["dict.copy()", *(f"{one:.1f}" for one in copied)],
    ]


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    works, names = [work for work in WORKS if work.name in results], [peer.name for peer in PEERS]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(12, 4), layout="constrained", sharey=True)
    height = 0.8 / len(names)
    for i, name in enumerate(names):
        at = [row + (i - (len(names) - 1) / 2) * height for row in range(len(works))]
        colour = ("crimson", "0.35", "0.7")[i]
        costs, scales = zip(*(results[work.name][name] for work in works), strict=True)
        left.barh(at, [cost or 0 for cost in costs], height * 0.92, color=colour, label=name)
        right.barh(at, [scale or 0 for scale in scales], height * 0.92, color=colour)
    left.set(xlabel="one worker, ns", xscale="log", yticks=range(len(works)))
    left.set_yticklabels([work.title for work in works])
    left.invert_yaxis()
    right.set(xlabel="throughput of two workers / of one (no bar: never both at once)")
    for line, style in (1, "-"), (2, ":"):
        right.axvline(line, color="black", linewidth=0.8, linestyle=style)
    figure.legend(frameon=False, ncols=len(names), loc="outside upper center")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of the interleaved run (default: 8)")
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for JSON, Markdown and the plot: default none")
    options = parser.parse_args()
    cli.keep_gil_off()
    if not FREE_THREADED and interpreters is None:
        sys.exit("needs CPython 3.14, for its interpreters, or a free-threaded build")
    results = {}
    with contextlib.ExitStack() as stack:
        workers = 2 if FREE_THREADED else stack.enter_context(receivers(2))
        for work in WORKS:
            if not options.only or work.name in options.only:
                results[work.name] = {peer.name: measured(peer, work, options.rounds, workers) for peer in PEERS}
                print(work.title, file=sys.stderr, flush=True)
    lines = tables(results)
    if not options.only:
        lines.append(table_of_snapshots(snapshot_times(options.rounds)))
    for table in lines:
        print("\n".join("  ".join(line).rstrip() for line in report.aligned(table, left=(0,))), end="\n\n")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        stem = "shared_atomic_map-free-threaded" if FREE_THREADED else "shared_atomic_map"
        (options.output / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")
        text = "".join(report.piped(report.aligned(table, left=(0,))) + "\n" for table in lines)
        kind = "two threads" if FREE_THREADED else "two interpreters"
        (options.output / f"{stem}.md").write_text(f"CPython {platform.python_version()}, {kind}.\n\n{text}")
        report.plotted(plot, results, options.output / f"{stem}.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
