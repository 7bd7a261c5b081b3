"""AtomicMap beside dict, cereggii, ft_utils and an AtomicRef of a Map: one thread, and two on a free-threaded build.

With the GIL all are read and written by `m[k]`. Without it all but dict go through bound methods: on CPython 3.13t each
`m[k]` counts the container itself, which a method bound once in each thread does not. A dict is read by `m[k]` there
too: `dict.get` takes hundreds of times as long in a thread that did not make the dict, for keys that are equal and not
the same objects.

Two threads are measured only while both were running (slices.py); where no such moment was found, because the threads
put each other to sleep, there is no figure.

Some extension modules turn the GIL on when they are imported; PYTHON_GIL=0 keeps it off here, for all of them.
"""

import argparse
import importlib.metadata
import itertools
import json
import platform
import random
import statistics
import sys
import sysconfig
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import cli
import report
from slices import alternating

from frozen import AtomicCounter, AtomicMap, AtomicRef, Map

SIZE, KEYS = 10_000, 400  # of the map; of those, the keys that a thread goes over
WORDS = 4_000  # that are counted in one call
ENOUGH = 30  # slices, for a figure that is worth printing
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
SUBSCRIPTS = ("get(k)", "put(k, v)", "remove(k)") if FREE_THREADED else ("m[k]", "m[k] = v", "del m[k]")


@dataclass(frozen=True)
class Peer:
    """A kind of map, and its statements over m, k, v; `prologue` runs once in each thread."""

    name: str
    make: object  # a function of a dict
    get: str = ""
    set: str = ""
    delete: str = ""
    add: str = ""
    count: str = ""  # of the words in `words`
    prologue: str = ""
    names: dict = field(default_factory=dict)


def of_cereggii():
    import cereggii

    add = """\
while True:
  old = get(k, NOT_FOUND)
  try:
    swap(k, old, 1 if old is NOT_FOUND else old + 1)
    break
  except ExpectationFailed:
    pass"""
    return Peer(
        "cereggii",
        cereggii.AtomicDict,
        *SUBSCRIPTS,
        add,
        # with the GIL, cereggii 1.0.1 crashes in it
        "m.reduce_sum([(k, 1) for k in words])" if FREE_THREADED else "",
        "get, put, remove, swap = m.get, m.__setitem__, m.__delitem__, m.compare_and_set",
        names={"NOT_FOUND": cereggii.NOT_FOUND, "ExpectationFailed": cereggii.ExpectationFailed},
    )


def filled(kind):
    """A function of a dict: a map that got its entries one by one."""

    def make(plain):
        m = kind()
        for key, value in plain.items():
            m[key] = value
        return m

    return make


def of_ft_utils():
    from ft_utils.concurrency import ConcurrentDict

    bound = "get, put, remove = m.get, m.__setitem__, m.__delitem__"
    return Peer("ft_utils", filled(ConcurrentDict), *SUBSCRIPTS, prologue=bound)


MERGED = """\
local = {}
for k in words:
  local[k] = local.get(k, 0) + 1
with lock:
  for k, n in local.items():
    m[k] += n"""


def peers():
    bound = "get, put, remove, add = m.get, m.__setitem__, m.__delitem__, m.add"
    yield Peer("frozen", AtomicMap, *SUBSCRIPTS, "add(k)", "m.count(words)", bound)
    yield Peer("dict", dict, "m[k]", "m[k] = v", "del m[k]", "m[k] += 1", "for k in words: m[k] += 1")
    yield Peer(
        "dict with a lock",
        dict,
        "m[k]",
        "with lock: m[k] = v",
        "with lock: del m[k]",
        "with lock: m[k] += 1",
        MERGED,
        names={"lock": threading.Lock()},
    )
    yield Peer(
        "AtomicRef of a Map",
        lambda plain: AtomicRef(Map(plain)),
        "ref().get(k)",
        "update(Map.set, k, v)",
        "update(Map.delete, k)",
        "update(increased, k)",
        prologue="ref, update = m.get, m.update",
        names={"Map": Map, "increased": lambda m, k: m.set(k, m.get(k, 0) + 1)},
    )
    with suppress(ImportError):
        yield of_cereggii()
    with suppress(ImportError):
        yield of_ft_utils()


def counters():
    """A number that all threads add to, by the kinds of the same names; those of `dict` lose additions."""
    lock = {"lock": threading.Lock()}
    yield Peer("frozen", lambda plain: AtomicCounter(), add="add()", prologue="add = m.add")
    yield Peer("dict", lambda plain: {0: 0}, add="m[0] += 1")
    yield Peer("dict with a lock", lambda plain: {0: 0}, add="with lock: m[0] += 1", names=lock)
    increased = {"increased": lambda number: number + 1}
    yield Peer(
        "AtomicRef of a Map",  # of an int, here
        lambda plain: AtomicRef(0),
        add="update(increased)",
        prologue="update = m.update",
        names=increased,
    )
    with suppress(ImportError):
        import cereggii

        bound = "add = m.increment_and_get"
        yield Peer("cereggii", lambda plain: cereggii.AtomicInt64(0), add="add(1)", prologue=bound)
    with suppress(ImportError):
        from ft_utils.concurrency import AtomicInt64

        yield Peer("ft_utils", lambda plain: AtomicInt64(0), add="add()", prologue="add = m.incr")


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    body: str  # of the peer's statements
    target: float | None = None  # throughput of two threads over one
    one: float | None = None  # cost in one thread over dict's, without the GIL
    gil: float | None = None  # ... and with it
    beside: tuple = ()  # a peer, and how often its throughput with two threads ours is to be: pairs of them
    own: bool = True  # each thread its own keys
    peers: object = peers


WORKS = (
    Work("get_own", "get, own keys", "for k in keys:\n  {get}", target=1.8, one=1.0, gil=1.3),
    Work("get_same", "get, the same keys", "for k in keys:\n  {get}", target=1.8, one=1.0, gil=1.3, own=False),
    Work(
        "set_own",
        "set, own keys",
        "for k in keys:\n  {set}",
        target=1.2,
        one=1.3,
        beside=(("cereggii", 1.0), ("dict", 1.4)),
    ),
    Work("set_same", "set, the same keys", "for k in keys:\n  {set}", own=False),
    Work(
        "mixed", "90 get, 10 set", "for k in keys[:360]:\n  {get}\nfor k in keys[360:]:\n  {set}", target=1.7, own=False
    ),
    Work(
        "insert_delete",
        "insert and delete",
        "for k in new:\n  {set}\nfor k in new:\n  {delete}",
        target=1.0,
        beside=(("cereggii", 1.2),),
    ),
    Work("add_own", "add 1, own keys", "for k in keys:\n  {add}", target=1.5, gil=1.0, beside=(("cereggii", 3.0),)),
    Work("add_zipf", "add 1, words by Zipf", "for k in stream:\n  {add}", own=False),
    Work("add_one", "add 1, one key", "for k in keys:\n  k = hot\n  {add}", own=False),
    Work("words", "count words by Zipf", "{count}", own=False, beside=(("cereggii", 2.5),)),
    Work("counter", "AtomicCounter: add 1", "for k in keys:\n  {add}", target=1.9, peers=counters),
)


def name_of(number):
    return f"key:{number:07d}"


def keys_of(work, thread):
    """Names of each thread's own making, in a random order of its own: equal to those in the map, not the same."""
    source = random.Random(thread)
    numbers = list(range(thread, SIZE, 2)) if work.own else random.Random(8).sample(range(SIZE), KEYS)
    source.shuffle(numbers)
    words = source.choices(range(1000), [1 / (rank + 1) for rank in range(1000)], k=WORDS)
    return {
        "keys": [name_of(number) for number in numbers[:KEYS]],
        "new": [f"new:{thread}:{number:07d}" for number in range(KEYS // 2)],
        "words": [name_of(number) for number in words],
        "stream": [name_of(number) for number in words[:KEYS]],
        "hot": name_of(0),
    }


def indented(text, by):
    return "\n".join(" " * by + line for line in text.splitlines())


def spelled(peer, body):
    """The body with the peer's statements in it; None where the peer has not all of them."""
    lines = []
    for line in body.splitlines():
        margin = len(line) - len(line.lstrip())
        statement = line.format(get=peer.get, set=peer.set, delete=peer.delete, add=peer.add, count=peer.count)
        if not statement.strip():
            return None
        lines.append(indented(statement.lstrip(), margin))
    return "\n".join(lines)


def function_of(peer, work, m, thread):
    source = (
        "def run(rounds):\n"
        f"{indented(peer.prologue, 2)}\n"
        "  for v in islice(values, rounds):\n"
        f"{indented(spelled(peer, work.body), 4)}\n"
    )
    values = itertools.cycle(range(1000, 1016))  # what is stored is never there already
    scope = {**peer.names, **keys_of(work, thread), "m": m, "values": values, "islice": itertools.islice}
    exec(source, scope)
    return scope["run"]


def measure(found, work, rounds, threads):
    """By peer: seconds of a pass in one thread, and the throughput of all threads over one with its slices' count.

    A peer that has not all statements has no figures.
    """
    team = {}
    for peer in found:
        if spelled(peer, work.body) is None:
            continue
        m = peer.make({name_of(number): number for number in range(SIZE)})
        team[peer.name] = [function_of(peer, work, m, thread) for thread in range(threads)]
    none = {"pass": None, "scaling": None, "slices": 0}
    return {peer.name: none for peer in found} | {
        name: {
            "pass": statistics.median(alone) / fill if alone else None,
            "scaling": threads * statistics.median(alone) / statistics.median(together)
            if alone and len(together) >= ENOUGH
            else None,
            "slices": len(together),
        }
        for name, (fill, alone, together) in alternating(team, rounds).items()
    }


def figure(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def verdict(value, target, at_least):
    if target is None or value is None:
        return ""
    return ("reached" if (value >= target if at_least else value <= target) else "missed") + f" {target}"


def tables(results):
    """Three: the cost in one thread over dict's; the throughput of two threads over one, and over that of others."""
    names = list(next(iter(results.values())))
    one, two = [["one thread, over dict", *names, "target"]], [["two threads / one", *names, "target"]]
    for work in WORKS:
        if work.name not in results:
            continue
        got = results[work.name]
        base = got["dict"]["pass"]
        costs = [got[name]["pass"] / base if got[name]["pass"] and base else None for name in names]
        scales = [got[name]["scaling"] for name in names]
        one.append([work.title, *map(figure, costs), verdict(costs[0], work.one if FREE_THREADED else work.gil, False)])
        two.append([work.title, *map(figure, scales), verdict(scales[0], work.target, True)])
    if all(line[1:-1] == ["-"] * len(names) for line in two[1:]):
        return [one]
    return [one, two, beside(results, names[1:])]


def throughput(got, name):
    """Of two threads, in passes a second; None where there is no figure."""
    return got[name]["scaling"] / got[name]["pass"] if got[name]["scaling"] else None


def beside(results, names):
    """The throughput of two threads over that of two threads with each peer."""
    table = [["two threads, over two of", *names, "target"]]
    for work in WORKS:
        if work.name not in results or not (ours := throughput(results[work.name], "frozen")):
            continue
        theirs = {name: throughput(results[work.name], name) for name in names}
        ratios = {name: ours / of if of else None for name, of in theirs.items()}
        verdicts = [
            f"{name}: {verdict(ratios[name], target, True)}" for name, target in work.beside if ratios.get(name)
        ]
        table.append([work.title, *(figure(ratios[name]) for name in names), ", ".join(verdicts)])
    return table


def plot(results, path):
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    works = [work for work in WORKS if work.name in results]
    names = list(next(iter(results.values())))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5), layout="constrained", sharey=True)
    height = 0.8 / len(names)
    for i, name in enumerate(names):
        at = [row + (i - (len(names) - 1) / 2) * height for row in range(len(works))]
        colour = "crimson" if name == "frozen" else f"{0.3 + 0.13 * i:.2f}"
        got = [results[work.name] for work in works]
        cost = [
            one[name]["pass"] / one["dict"]["pass"] if one[name]["pass"] and one["dict"]["pass"] else 0 for one in got
        ]
        left.barh(at, cost, height * 0.92, color=colour, label=name)
        right.barh(at, [one[name]["scaling"] or 0 for one in got], height * 0.92, color=colour)
    left.set(xlabel="time of one thread / dict's", xscale="log", yticks=range(len(works)))
    left.set_yticklabels([work.title for work in works])
    left.invert_yaxis()
    right.set(xlabel="throughput of two threads / of one (no bar: never both at once)")
    for axes in (left, right):
        axes.axvline(1, color="black", linewidth=0.8)
    right.axvline(2, color="black", linewidth=0.8, linestyle=":")
    figure.legend(frameon=False, ncols=len(names), loc="outside upper center")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def save(results, lines, folder):
    folder.mkdir(parents=True, exist_ok=True)
    stem = "atomic_map-free-threaded" if FREE_THREADED else "atomic_map"
    (folder / f"{stem}.json").write_text(json.dumps(results, indent=1) + "\n")
    text = "".join(report.piped(report.aligned(table, left=(0,))) + "\n" for table in lines)
    version = platform.python_version()
    build = "free-threaded" if FREE_THREADED else "with the GIL"
    known = {d.name.replace("-", "_"): d.version for d in importlib.metadata.distributions()}
    others = ", ".join(f"{name} {known.get(name, 'none')}" for name in ("cereggii", "ft_utils"))
    (folder / f"{stem}.md").write_text(f"CPython {version}, {build}; {others}; {SIZE:,} entries.\n\n{text}")
    report.plotted(plot, results, folder / f"{stem}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8, help="of the interleaved run (default: 8)")
    parser.add_argument("--only", nargs="+", choices=[work.name for work in WORKS])
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    cli.keep_gil_off()
    works = [work for work in WORKS if not options.only or work.name in options.only]
    results = {}
    for work in works:
        results[work.name] = measure(list(work.peers()), work, options.rounds, 2 if FREE_THREADED else 1)
        print(work.title, file=sys.stderr, flush=True)
    lines = tables(results)
    for table in lines:
        print("\n".join("  ".join(line).rstrip() for line in report.aligned(table, left=(0,))), end="\n\n")
    if options.output:
        save(results, lines, options.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
