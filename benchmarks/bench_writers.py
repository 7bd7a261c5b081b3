"""How much more threads do than one, by their number: dict with the GIL and without it, and an AtomicMap.

Each figure is a process of its own, of one interpreter, one kind of map and so many threads, which says how many
operations all threads did in a second; the processes take turns. What other programs do can only slow one down, so the
best of its rounds counts. All figures are multiples of one thread with a dict under the GIL.

    python benchmarks/bench_writers.py python3.14 python3.13t
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import report
from bench_atomic_map import SIZE, WORKS, function_of, name_of, peers

SECONDS = 0.25  # of one figure
THREADS = (1, 2, 3, 4)
WORK_NAMES = ("get_own", "mixed", "add_own")
KINDS = ("dict", "dict with a lock", "frozen")


def work_of(name):
    return next(work for work in WORKS if work.name == name)


def speed(work_name, kind, count):
    """Passes a second, of all threads together."""
    work = work_of(work_name)
    peer = next(peer for peer in peers() if peer.name == kind)
    m = peer.make({name_of(number): number for number in range(SIZE)})
    runs = [function_of(peer, work, m, thread % 2) for thread in range(count)]
    done, start, stop = [0] * count, threading.Barrier(count + 1), threading.Event()

    def go_on(index):
        run, passes = runs[index], 0
        run(1)
        start.wait()
        while not stop.is_set():
            run(4)
            passes += 4
        done[index] = passes

    threads = [threading.Thread(target=go_on, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.perf_counter()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


def asked(python, *words):
    """What a process of that interpreter prints."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHON_GIL"}
    command = [python, __file__, "--speed", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def build_of(python):
    code = (
        "import platform, sysconfig; print(platform.python_version(), sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
    )
    version, free = subprocess.check_output([python, "-c", code], text=True).split()
    return f"{version} {'without' if free == '1' else 'with'} the GIL"


def measure(pythons, rounds):
    """By work, the best speeds by (build, kind), by the number of threads."""
    builds = {python: build_of(python) for python in pythons}
    best = {name: {} for name in WORK_NAMES}
    for number in range(rounds):
        for name in WORK_NAMES:
            for python in pythons:
                for kind in KINDS:
                    speeds = best[name].setdefault(f"{kind}, {builds[python]}", dict.fromkeys(THREADS, 0.0))
                    for count in THREADS:
                        speeds[count] = max(speeds[count], float(asked(python, name, kind, count)))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    base = f"dict, {builds[pythons[0]]}"
    for speeds in best.values():
        unit = speeds[base][1]
        for by_threads in speeds.values():
            by_threads.update({count: speed / unit for count, speed in by_threads.items()})
    return best


def tables(best):
    for name, speeds in best.items():
        head = [f"{work_of(name).title}, by threads", *map(str, THREADS)]
        yield [head, *([kind, *(f"{by[count]:.2f}" for count in THREADS)] for kind, by in speeds.items())]


def plot(best, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(best), figsize=(13, 4.5), layout="constrained")
    for axes, (name, speeds) in zip(panels, best.items(), strict=True):
        for kind, by in speeds.items():
            ours, free = kind.startswith("frozen"), "without" in kind
            axes.plot(
                THREADS,
                [by[count] for count in THREADS],
                color="crimson" if ours else "0.6" if "lock" in kind else "black",
                linestyle="-" if free else ":",
                marker="o",
                label=kind.replace("frozen", "AtomicMap"),
            )
        axes.set(title=work_of(name).title, xlabel="threads", xticks=THREADS)
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("operations a second / one thread's, dict with the GIL")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, ncols=3, loc="outside upper center")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", help="that with the GIL first, then that without")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    parser.add_argument("--speed", nargs=3, metavar=("WORK", "KIND", "THREADS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.speed:
        work, kind, count = options.speed
        print(speed(work, kind, int(count)))
        return 0
    best = measure(options.pythons or [sys.executable], options.rounds)
    lines = list(tables(best))
    for table in lines:
        print("\n".join("  ".join(line).rstrip() for line in report.aligned(table, left=(0,))), end="\n\n")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "writers.json").write_text(json.dumps(best, indent=1) + "\n")
        text = "".join(report.piped(report.aligned(table, left=(0,))) + "\n" for table in lines)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        (options.output / "writers.md").write_text(f"{cores} cores; the best of {options.rounds} rounds.\n\n{text}")
        report.plotted(plot, best, options.output / "writers.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
