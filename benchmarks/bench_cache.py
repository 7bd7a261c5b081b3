"""cached beside functools.lru_cache, cachetools with a lock, cachebox, theine, async-lru: hits, hit ratios, memory.

Hits are of one argument, a str made by the thread that asks, in a cache that holds all of them. Two threads, on a
free-threaded build, are measured only while both were running (slices.py). There each thread calls a functools.partial
of its own: otherwise each call counts references to the one function, whichever library it is of.

Hit ratios are of synthetic traces, each run once through a cache of 500 entries: they have no noise. With `--traces`
also of recorded ones: requests for blocks of a disk and for entries of a cache server, from the sources of libcachesim
(`pip download --no-deps --no-binary :all: libcachesim`), of which nothing but the data is used. They are run through
caches of 1 % and of 10 % as many entries as they have keys, which are texts: the seed of their hashes is worth 0.002.

Some extension modules turn the GIL on when they are imported; PYTHON_GIL=0 keeps it off here, for all of them.
"""

import argparse
import asyncio
import functools
import gc
import heapq
import importlib.metadata
import io
import itertools
import json
import platform
import random
import statistics
import sys
import sysconfig
import tarfile
import threading
import tracemalloc
from pathlib import Path

import cli
import report
from slices import alternating, calibrated, recorded, undisturbed

import frozen

SIZE, KEYS, TRACED = 1000, 400, 500  # entries; keys that a thread goes over; entries of the caches that replay traces
MEASURED = 50_000  # entries whose memory is measured
ENOUGH = 30  # slices, for a figure that is worth printing
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
TARGETS = {"hit": 1.0 if FREE_THREADED else 1.3, "coroutine": 0.5, "scaling": 1.9}


# The libraries: for each a function that decorates with a cache of so many entries


def by_cachetools(fn, size):
    import cachetools

    return cachetools.cached(cachetools.LRUCache(size), lock=threading.Lock())(fn)


def by_cachebox(fn, size):
    import cachebox

    return cachebox.cached(cachebox.LRUCache(size))(fn)


def by_theine(fn, size):
    import theine

    return theine.Memoize(size, None)(fn)


PLAIN = {
    "frozen": lambda fn, size: frozen.cached(maxsize=size)(fn),
    "lru_cache": lambda fn, size: functools.lru_cache(maxsize=size)(fn),
    "cachetools": by_cachetools,
    "cachebox": by_cachebox,
    "theine": by_theine,
}


def by_async_lru(fn, size):
    import async_lru

    return async_lru.alru_cache(maxsize=size)(fn)


COROUTINES = {"frozen": lambda fn, size: frozen.cached(maxsize=size)(fn), "async-lru": by_async_lru}


def installed(peers):
    """Those that can be used here; the others are named once."""
    found = {}
    for name, decorate in peers.items():
        try:
            decorate(a_coroutine_function if peers is COROUTINES else value_of, 10)
        except Exception as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            found[name] = decorate
    return found


# Hits


def name_of(number):
    return f"key:{number:07d}"


def value_of(key):
    return [key]


async def a_coroutine_function(key):
    return [key]


def keys_of(thread, own):
    """Names of each thread's own making; those of another thread's entries, or the same."""
    numbers = list(range(thread * KEYS, (thread + 1) * KEYS) if own else range(KEYS))
    random.Random(thread).shuffle(numbers)
    return [name_of(number) for number in numbers]


def hitting(function, keys):
    def run(rounds):
        call = functools.partial(function) if FREE_THREADED else function
        for _ in range(rounds):
            for key in keys:
                call(key)

    return run


def hits(peers, rounds, own):
    """By peer: seconds of one hit, and the throughput of two threads over one."""
    team = {}
    for name, decorate in peers.items():
        function = decorate(value_of, SIZE)
        threads = [keys_of(thread, own) for thread in range(2 if FREE_THREADED else 1)]
        for keys in threads:
            for key in keys:
                assert function(key) == [key]
        team[name] = [hitting(function, keys) for keys in threads]
    found = {}
    for name, (fill, alone, together) in alternating(team, rounds).items():
        found[name] = {
            "hit": statistics.median(alone) / fill / KEYS if alone else None,
            "scaling": 2 * statistics.median(alone) / statistics.median(together)
            if alone and len(together) >= ENOUGH
            else None,
        }
    return found


def coroutine_hits(peers, rounds):
    """By peer: seconds of one `await` that hits."""
    loop = asyncio.new_event_loop()
    team = {}
    for name, decorate in peers.items():
        function, keys = decorate(a_coroutine_function, SIZE), keys_of(0, True)

        async def awaiting(rounds, function=function, keys=keys):
            for _ in range(rounds):
                for key in keys:
                    await function(key)

        loop.run_until_complete(awaiting(1))
        team[name] = lambda rounds, awaiting=awaiting: loop.run_until_complete(awaiting(rounds))
    fill, found = {name: calibrated(run) for name, run in team.items()}, {name: [] for name in team}
    for _ in range(rounds):
        for name, run in team.items():
            found[name] += [one / fill[name] / KEYS for one in undisturbed([recorded(run, fill[name])])]
    loop.close()
    return {name: statistics.median(times) if times else None for name, times in found.items()}


# Hit ratios


def zipf(keys, length, skew, seed):
    weights = itertools.accumulate(1 / (rank + 1) ** skew for rank in range(keys))
    return random.Random(seed).choices(range(keys), cum_weights=list(weights), k=length)


def mixed(trace, other, share, seed=5):
    """Requests of both, those of `other` at the given share."""
    chance, trace, other = random.Random(seed), iter(trace), iter(other)
    return [next(other if chance.random() < share else trace) for _ in range(100_000)]


def once():
    """Keys that nobody asks for again."""
    return itertools.count(10**6)


def with_scans():
    fresh, trace = once(), zipf(10_000, 100_000, 1.0, 2)
    parts = ([*trace[at : at + 2000], *itertools.islice(fresh, 1000)] for at in range(0, len(trace), 2000))
    return list(itertools.chain.from_iterable(parts))


def drifting():
    """Keys near a place that moves on."""
    chance, place, trace = random.Random(3), 0, []
    for _ in range(100_000):
        place += chance.random() < 0.02
        trace.append(place + int(chance.expovariate(1 / 200)))
    return trace


def bursts():
    """Each key some times within a short while, then never again."""
    chance, waiting, trace = random.Random(8), [], []
    for number in range(30_000):
        at = number
        for _ in range(chance.randint(1, 4)):
            heapq.heappush(waiting, (at, number))
            at += chance.expovariate(1 / 150)
        while waiting and waiting[0][0] <= number:
            trace.append(heapq.heappop(waiting)[1])
    return trace


TRACES = {
    "Zipf 0.8": lambda: zipf(10_000, 100_000, 0.8, 1),
    "Zipf 1.0": lambda: zipf(10_000, 100_000, 1.0, 1),
    "Zipf 1.2": lambda: zipf(10_000, 100_000, 1.2, 1),
    "Zipf and scans": with_scans,
    "half asked once": lambda: mixed(zipf(10_000, 100_000, 1.0, 9), once(), 0.5),
    "loop of 0.9 size": lambda: list(range(450)) * 100,
    "loop of 1.1 size": lambda: list(range(550)) * 100,
    "loop of 2 sizes": lambda: list(range(1000)) * 50,
    "Zipf and a loop": lambda: mixed(zipf(2000, 100_000, 1.0, 9), itertools.cycle(range(10**6, 10**6 + 600)), 0.5),
    "Zipf that shifts": lambda: [key + 300 * k for k in range(20) for key in zipf(3000, 5000, 1.0, k)],
    "window that drifts": drifting,
    "short bursts": bursts,
}


SHIPPED = {"disk": ("cloudPhysicsIO.txt", 0), "cache server": ("twitter_cluster52.csv", 1)}  # file, column of the key
SHARES = (0.01, 0.1)
MOST_REQUESTS = 250_000


def shipped(archive):
    """(title, keys, entries of the cache) of each recorded trace and size."""
    with tarfile.open(archive) as tar:
        members = {member.name.rpartition("/data/")[2]: member for member in tar}
        for title, (name, column) in SHIPPED.items():
            lines = io.TextIOWrapper(tar.extractfile(members[name]))
            rows = (line.split(",") for line in lines if not line.startswith("#"))
            keys = [row[column].strip() for row in itertools.islice(rows, MOST_REQUESTS)]
            for share in SHARES:
                yield f"{title}, {share:.0%}", keys, int(len(set(keys)) * share)


def ratio_of(decorate, trace, size):
    misses = 0

    def compute(key):
        nonlocal misses
        misses += 1
        return key

    function = decorate(compute, size)
    for key in trace:
        function(key)
    return 1 - misses / len(trace)


def ratios(peers, archive=None):
    found = {}
    synthetic = ((title, make(), TRACED) for title, make in TRACES.items())
    for title, trace, size in itertools.chain(synthetic, shipped(archive) if archive else ()):
        found[title] = {name: ratio_of(decorate, trace, size) for name, decorate in peers.items()}
        print(f"trace: {title}", file=sys.stderr, flush=True)
    return found


# Memory


def memory(peers):
    """By peer: bytes for an entry beside its key and value, as Python's allocators count them."""
    keys = [name_of(number) for number in range(MEASURED)]
    found = {}
    for name, decorate in peers.items():
        if name in ("cachebox", "theine"):
            continue  # Rust's allocator is not Python's
        function = decorate(lambda key: key, MEASURED)
        gc.collect()
        tracemalloc.start()
        for key in keys:
            function(key)
        gc.collect()
        found[name] = tracemalloc.get_traced_memory()[0] / MEASURED
        tracemalloc.stop()
    return found


# Tables


def figure(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def over(found, base):
    """The costs over that of one peer."""
    return {name: cost / found[base] if cost and found.get(base) else None for name, cost in found.items()}


def verdict(value, target, at_least=False):
    if value is None:
        return ""
    return ("reached" if (value >= target if at_least else value <= target) else "missed") + f" {target}"


def tables(results):
    names = list(results["hits"])
    costs = over({name: one["hit"] for name, one in results["hits"].items()}, "lru_cache")
    lines = [["over lru_cache", *names, "target"]]
    lines.append(["a hit", *(figure(costs[name]) for name in names), verdict(costs["frozen"], TARGETS["hit"])])
    bytes_over = over(results["memory"], "lru_cache")
    lines.append(["bytes per entry", *(figure(bytes_over.get(name)) for name in names), ""])
    yield lines
    if FREE_THREADED:
        lines = [["two threads / one", *names, "target"]]
        for title, key in (("hits, own keys", "hits"), ("hits, the same keys", "same")):
            scales = {name: results[key][name]["scaling"] for name in names}
            row = [title, *(figure(scales[name]) for name in names)]
            lines.append([*row, verdict(scales["frozen"], TARGETS["scaling"], True)])
        yield lines
    if "async-lru" in results["coroutines"]:
        cost = over(results["coroutines"], "async-lru")["frozen"]
        yield [
            ["over async-lru", "frozen", "target"],
            ["await a hit", figure(cost), verdict(cost, TARGETS["coroutine"])],
        ]
    lines = [["hit ratio", *next(iter(results["ratios"].values())), "LRU's, at least"]]
    for title, found in results["ratios"].items():
        reached = found["frozen"] >= found["lru_cache"] - 1e-9
        lines.append([title, *(figure(one, "{:.3f}") for one in found.values()), "reached" if reached else "missed"])
    yield lines


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 6.5), layout="constrained")
    colour = {"frozen": "crimson", "lru_cache": "0.25", "cachetools": "0.45", "cachebox": "0.6", "theine": "0.75"}
    costs = over({name: one["hit"] for name, one in results["hits"].items()}, "lru_cache")
    names = [name for name in costs if costs[name]]
    left.barh(names, [costs[name] for name in names], color=[colour[name] for name in names])
    left.set(xlabel="time of a hit / lru_cache's", xscale="log")
    left.axvline(1, color="black", linewidth=0.8)
    left.invert_yaxis()
    titles = list(results["ratios"])
    peers = list(results["ratios"][titles[0]])
    height = 0.8 / len(peers)
    for i, name in enumerate(peers):
        at = [row + (i - (len(peers) - 1) / 2) * height for row in range(len(titles))]
        values = [results["ratios"][title][name] for title in titles]
        right.barh(at, values, height * 0.92, color=colour[name], label=name)
    right.set(xlabel="hit ratio", yticks=range(len(titles)))
    right.set_yticklabels(titles)
    right.invert_yaxis()
    figure.legend(frameon=False, ncols=len(peers), loc="outside upper center")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def versions(names):
    known = {}
    for name in names:
        try:
            known[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(f"{name} {version}" for name, version in known.items())


def markdown(results):
    build = "free-threaded" if FREE_THREADED else "with the GIL"
    peers = versions(["cachetools", "cachebox", "theine", "async-lru"])
    text = f"CPython {platform.python_version()}, {build}; {peers}.\n"
    for table in tables(results):
        text += "\n" + report.piped(report.aligned(table, left=(0,)))
    return text


def save(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    stem = "cache-free-threaded" if FREE_THREADED else "cache"
    (folder / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / f"{stem}.md").write_text(markdown(results))
    report.plotted(plot, results, folder / f"{stem}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of the interleaved run (default: 8)")
    parser.add_argument("--traces", type=Path, metavar="ARCHIVE", help="libcachesim's sources, for recorded traces")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    cli.keep_gil_off()
    peers, coroutines = installed(PLAIN), installed(COROUTINES)
    results = {
        "hits": hits(peers, options.rounds, own=True),
        "same": hits(peers, options.rounds, own=False) if FREE_THREADED else {},
        "coroutines": coroutine_hits(coroutines, options.rounds),
        "memory": memory(peers),
        "ratios": ratios(peers, options.traces),
    }
    print(markdown(results))
    if options.output:
        save(results, options.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
