"""References: reads by one and two threads, reads beside a publisher, contended updates, waking up
threads and tasks.

Ratios only, from interleaved rounds. Reads are sampled in slices (slices.py); a reference for which none was found is
not shown. On a build with the GIL threads take turns, and only the updates and the waking up say something.
"""

import argparse
import asyncio
import json
import statistics
import sys
import threading
import time
from pathlib import Path

import report
from slices import calibrated, in_threads, undisturbed

from frozen import AtomicRef, Map, SharedMap, SharedRef

CONTENTS = {f"key{i}": i for i in range(1_000)}
RATES = (0, 1_000, 20_000, None)  # publications a second; None: as fast as it goes
WRITERS = (2, 4, 8)
TASKS = (500, 2_000, 8_000)


class Locked:
    """What programs do without a reference: a lock around a variable, and a condition to wait on."""

    def __init__(self, value):
        self.value, self.changed, self.version = value, threading.Condition(threading.Lock()), 0

    def get(self):
        with self.changed:
            return self.value

    def set(self, value):
        with self.changed:
            self.value, self.version = value, self.version + 1
            self.changed.notify_all()

    def update(self, function):
        with self.changed:
            self.value = function(self.value)

    def wait(self, version):
        with self.changed:
            while self.version <= version:
                self.changed.wait()


class Polled(Locked):
    def wait(self, version):
        while self.version <= version:
            time.sleep(0.001)


class Global:
    """The plain variable: nothing to wait on, and an update that loses."""

    def __init__(self, value):
        self.value = value

    def set(self, value):
        self.value = value


def peers():
    """By name: a function that makes a reference to a value."""
    found = {
        "frozen": lambda: AtomicRef(Map(CONTENTS)),
        "frozen, shared": lambda: SharedRef(SharedMap(CONTENTS)),
        "frozen, a dict in it": lambda: AtomicRef(CONTENTS),
        "lock": lambda: Locked(CONTENTS),
        "plain global": lambda: Global(CONTENTS),
    }
    try:
        from cereggii import AtomicRef as CereggiiRef

        found["cereggii"] = lambda: CereggiiRef(CONTENTS)
    except ImportError as error:
        print(f"cereggii is left out: {error}", file=sys.stderr)
    try:
        from ft_utils.concurrency import AtomicReference

        found["ft_utils"] = lambda: AtomicReference(CONTENTS)
    except ImportError as error:
        print(f"ft_utils is left out: {error}", file=sys.stderr)
    return found


def reader(ref):
    """A loop that reads, as a program writes it: the method fetched once."""
    scope = {"ref": ref}
    read = "ref.value" if isinstance(ref, Global) else "get()"
    get = "" if isinstance(ref, Global) else "  get = ref.get\n"
    exec(f"def run(rounds):\n{get}  for _ in range(rounds):\n    {read}", scope)
    assert len(ref.value if isinstance(ref, Global) else ref.get()) == len(CONTENTS)
    return scope["run"]


def scaling(rounds):
    """Throughput of two readers over that of one."""
    teams = {name: [reader(ref)] * 2 for name, make in peers().items() for ref in [make()]}
    fill = {name: calibrated(team[0]) for name, team in teams.items()}
    alone, together = ({name: [] for name in teams} for _ in range(2))
    for _ in range(rounds):
        for name, team in teams.items():
            alone[name] += undisturbed(in_threads(team[:1], fill[name]))
            together[name] += undisturbed(in_threads(team, fill[name]))
    return {
        name: 2 * statistics.median(alone[name]) / statistics.median(together[name])
        for name in teams
        if alone[name] and together[name]
    }


def publishing(ref, rate, stop):
    values, published, began = [Map(CONTENTS), Map(CONTENTS)], 0, time.perf_counter()
    while not stop.is_set():
        ref.set(values[published % 2])
        published += 1
        if rate:
            time.sleep(max(0.0, began + published / rate - time.perf_counter()))


def beside_a_publisher(rounds):
    """Cost of a read beside a publisher at each rate, over its cost without one."""
    ref = AtomicRef(Map(CONTENTS))
    run = reader(ref)
    fill, costs = calibrated(run), {str(rate or "max"): [] for rate in RATES[1:]}
    for _ in range(rounds):
        took = {}
        for rate in RATES:
            stop = threading.Event()
            publisher = threading.Thread(target=publishing, args=(ref, rate, stop))
            if rate != 0:
                publisher.start()
            found = undisturbed(in_threads([run], fill))
            stop.set()
            if rate != 0:
                publisher.join()
            took[rate] = statistics.median(found) if found else None
        for rate in RATES[1:]:
            if took[0] and took[rate]:
                costs[str(rate or "max")].append(took[rate] / took[0])
    return {rate: statistics.median(found) for rate, found in costs.items() if found}


def updates_a_second(ref, writers, seconds=0.2):
    counts, barrier = [0] * writers, threading.Barrier(writers)

    def work(i):
        barrier.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            ref.update(lambda value: value + 1)
            counts[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ref.get() == sum(counts), "an update was lost"
    return sum(counts) / seconds


def contended_updates(rounds):
    """Updates a second of a counter, over those of a lock."""
    return {
        f"{writers} writers": statistics.median(
            updates_a_second(AtomicRef(0), writers) / updates_a_second(Locked(0), writers) for _ in range(rounds)
        )
        for writers in WRITERS
    }


def round_trip(make, trips=100):
    """Seconds for a publication to wake a waiter that answers."""
    ping, pong = make(None), make(None)

    def answer():
        for version in range(trips):
            ping.wait(version)
            pong.set(version)

    thread = threading.Thread(target=answer)
    thread.start()
    began = time.perf_counter()
    for version in range(trips):
        ping.set(version)
        pong.wait(version)
    took = time.perf_counter() - began
    thread.join()
    return took / trips


def waking(rounds):
    """Round trip between two threads, over that of a condition and of polling each millisecond."""
    pairs = [(round_trip(AtomicRef), round_trip(Locked), round_trip(Polled)) for _ in range(rounds)]
    return {
        "threading.Condition": statistics.median(ours / condition for ours, condition, _ in pairs),
        "polling": statistics.median(ours / polling for ours, _, polling in pairs),
    }


class Conditioned:
    """What programs of one loop do without a reference."""

    def __init__(self, value):
        self.value, self.version, self.condition = value, 0, asyncio.Condition()

    async def publish(self, value):
        async with self.condition:
            self.value, self.version = value, self.version + 1
            self.condition.notify_all()

    async def changed(self, since):
        async with self.condition:
            while self.version <= since:
                await self.condition.wait()
            return self.value, self.version


def publication_to_tasks(make, tasks, publications=4):
    """Processor seconds from a publication until all tasks of a loop that awaited it have it and await the next."""

    async def main():
        ref, woken, version = make(0), 0, 0

        async def client():
            nonlocal woken
            version = 0
            while version <= publications:
                _, version = await ref.changed(version)
                woken += 1

        clients = [asyncio.create_task(client()) for _ in range(tasks)]
        await asyncio.sleep(0)
        times = []
        for version in range(1, publications + 2):
            began = time.process_time()
            await ref.publish(version) if hasattr(ref, "publish") else ref.set(version)
            while woken < version * tasks:
                await asyncio.sleep(0)
            times.append(time.process_time() - began)
        await asyncio.gather(*clients)
        return min(times[:-1])  # in the last one nobody awaits a next one

    return asyncio.run(main())


def many_tasks(rounds):
    """A publication to the tasks of a loop, over asyncio.Condition; each kind with most tasks over it with fewest."""
    kinds, costs = {"AtomicRef": AtomicRef, "SharedRef": SharedRef, "condition": Conditioned}, {}
    for _ in range(max(2, rounds // 2)):
        for tasks in TASKS:
            for name, make in kinds.items():
                costs.setdefault((name, tasks), []).append(publication_to_tasks(make, tasks))
    best = {key: min(times) for key, times in costs.items()}
    found = {
        f"{name}, {tasks} tasks": best[name, tasks] / best["condition", tasks]
        for name in ("AtomicRef", "SharedRef")
        for tasks in TASKS
    }
    fewest, most = TASKS[0], TASKS[-1]
    for name in ("AtomicRef", "SharedRef"):
        found[f"{name}, a task of {most} / of {fewest}"] = best[name, most] / most / (best[name, fewest] / fewest)
    return found


PARTS = {
    "scaling": (scaling, "get, throughput of two threads / of one"),
    "publisher": (beside_a_publisher, "get beside a publisher / without (publications a second)"),
    "update": (contended_updates, "contended updates a second / with a lock"),
    "waking": (waking, "round trip of two threads / with"),
    "tasks": (many_tasks, "a publication to the tasks of a loop / with asyncio.Condition"),
}


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(results), figsize=(4 * len(results), 4), layout="constrained", squeeze=False)
    for axis, (part, figures) in zip(axes[0], results.items(), strict=True):
        colours = ["crimson" if name == "frozen" or part != "scaling" else "0.6" for name in figures]
        axis.bar(range(len(figures)), list(figures.values()), color=colours)
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_xticks(range(len(figures)), [name.replace(", ", ",\n") for name in figures], rotation=45, ha="right")
        axis.set_title(PARTS[part][1], fontsize=9)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def markdown(results):
    """A table for each part that was measured."""
    return "\n".join(
        report.piped(
            report.aligned(
                [[PARTS[part][1], "ratio"], *([name, f"{ratio:.2f}"] for name, ratio in figures.items())], (0,)
            )
        )
        for part, figures in results.items()
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of the interleaved run (default: 8)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    results = {part: PARTS[part][0](options.rounds) for part in options.only}
    print(markdown(results))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "ref.json").write_text(json.dumps(results, indent=1) + "\n")
        (options.output / "ref.md").write_text(markdown(results))
        report.plotted(plot, results, options.output / "ref.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
