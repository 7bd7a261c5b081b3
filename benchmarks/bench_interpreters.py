"""Interpreters: what giving them a map costs, shared and pickled, and what reading shared memory costs.

Giving: a map goes through a queue of `concurrent.interpreters` (Python 3.14 and later) to one interpreter after the
other, as a SharedMap or as a dict, which the queue pickles. The time is the processor's, of sender and receivers; the
memory is what the receivers have more of than before, counted in a process of its own (probes.py). None through the
same queue is what the queue itself costs.

Reading in one interpreter: SharedMap against Map and dict, as bench_map.py does it. Values of other kinds are read by
bench_everyday.py.

Scaling: each reader loops over `ref.get()[key]`, in an interpreter of its own or, on a free-threaded build, a thread.
The ratio is the time a read takes on the whole when two run, over that when one runs: 0.50 is twice the throughput. It
counts only while both were running (slices.py). A map of its own in each says what the machine can do.
"""

import itertools
import json
import statistics
import sys
import sysconfig
import threading
import time
from dataclasses import replace
from functools import partial

import bench_map
import cli
import probes
import report
from harness import AGAIN, Operation, Row, Target, WrongResult, race_all
from peers import COMMON, FROZEN, Peer
from receivers import interpreters, receivers
from slices import calibrated, recorded, side_by_side, undisturbed

from frozen import AtomicRef, Map, SharedMap, SharedRef

SIZES = (10_000, 100_000, 1_000_000)
RECEIVERS = (1, 2, 4, 8)
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
NAME = "interpreters-free-threaded" if FREE_THREADED else "interpreters"
CHANGES, RATE = 10, 1_000  # of a publication; publications a second

SHARED = FROZEN | {
    "build": "r = shared.SharedMap(d)",
    "publish": "ref.set(m.update(batch))\nr = ref.get()",
}
PEERS = (
    Peer("shared", "frozen", "frozen", SHARED),
    Peer("Map", "frozen", "frozen", FROZEN | {"build": "r = Map.Map(d)", "publish": SHARED["publish"]}),
    Peer("dict", "builtins", None, COMMON | {"build": "r = dict(d)", "set": None, "publish": None}, persistent=False),
)


class World(bench_map.World):
    """Values that can be shared: ints, as everywhere, or strings."""

    def __init__(self, n, value=lambda i: i):
        super().__init__(n)
        self.d = {key: value(i) for key, i in self.d.items()}
        self.v = -1
        self.changed_batch = self.changes(CHANGES)


# Reading in one interpreter, and publishing

TWICE = (Target(2.0, rival="Map"),)
SAME = ("get", "get_equal", "miss", "iterate", "set", "build")
OPERATIONS = [replace(o, targets=TWICE if o.loop else ()) for o in bench_map.OPERATIONS if o.name in SAME]
OF_STRINGS = [
    replace(o, name=f"{o.name}_str", title=f"{o.title}, str values")
    for o in OPERATIONS
    if o.name in ("get_equal", "iterate")
]


def with_a_reference(contender, world):
    kind = SharedRef if contender.peer.name == "shared" else AtomicRef
    return {"ref": kind(contender.names["m"]), "batch": world.changed_batch}


PUBLISHING = Operation(
    "publish",
    f"publish {CHANGES} changes",
    "{publish}",
    lambda w, k: w.d | w.changed_batch,
    prepare=with_a_reference,
    targets=(Target(1.0, rival="50 us"),),
    limit=50e-6,
)


def in_one_interpreter(n, peers, options):
    yield from race_all([*OPERATIONS, PUBLISHING], World(n), peers, options)
    yield from race_all(OF_STRINGS, World(n, "value-{}".format), peers, options)


# Giving

AT_ONCE = Target(1.0, smallest=1_000_000, rival="20 us")
NO_MEMORY = Target(0.001, smallest=1_000_000, rival="pickled")


def row(name, title, n, costs, rival, *targets):
    return Row(name, title, n, "shared", costs, [rival], [target for target in targets if target.applies(n)])


def give(to, value, world):
    """Seconds until the first, the first two, the first three ... have it, after which all drop it."""
    key, took = world.keys[0], []
    for receiver in to:
        seconds, arrived = receiver.give(value, key)
        if arrived != (value and (len(world.d), world.d[key])):
            raise WrongResult(f"{type(value).__name__}, n = {world.n}: {arrived} arrived")
        took.append(seconds)
    for receiver in to:
        receiver.drop()
    return list(itertools.accumulate(took))


def build_seconds(d):
    began = time.thread_time()
    built = SharedMap(d)
    took = time.thread_time() - began
    del built
    return took


def time_to_give(world, options):
    """For each way a list of what `give` returns, and the seconds that building took, both over the rounds."""
    values = {"shared": SharedMap(world.d), "pickled": world.d, "shared" + AGAIN: SharedMap(world.d), "None": None}
    took, built = {way: [] for way in values}, []
    with receivers(max(RECEIVERS)) as to:
        began = time.perf_counter()
        for value in values.values():
            give(to, value, world)  # checked, not counted
        one_round = time.perf_counter() - began
        for i in range(max(3, min(options.rounds, int(options.seconds / one_round)))):
            turn = i % len(values)
            built.append(build_seconds(world.d))
            for way in [*values][turn:] + [*values][:turn]:
                took[way].append(give(to, values[way], world))
    return took, built


def giving(n, options):
    took, built = time_to_give(World(n), options)
    for count in RECEIVERS:
        costs = {way: [until[count - 1] for until in rounds] for way, rounds in took.items()}
        targets = ()
        if count == 1:
            costs["20 us"], targets = [20e-6] * len(built), (AT_ONCE,)
        yield row(f"give_{count}", f"give to {count}", n, costs, "pickled", *targets)
        both = [a + b for a, b in zip(costs["shared"], built, strict=True)]
        costs = {"shared": both, "pickled": costs["pickled"]}
        yield row(f"build_give_{count}", f"build, and give to {count}", n, costs, "pickled")


def memory_to_give(way, n):
    """Bytes of the process: before, when built, and when each receiver in turn has it."""
    d = {f"key-{i}": i for i in range(n)}
    with receivers(max(RECEIVERS)) as to:
        for receiver in to:
            receiver.give(SharedMap(a=1) if way == "shared" else {"a": 1}, "a")
            receiver.drop()
        used = [probes.bytes_in_use()]
        value = SharedMap(d) if way == "shared" else d
        used.append(probes.bytes_in_use())
        for receiver in to:
            receiver.give(value, "key-0")
            used.append(probes.bytes_in_use())
    return used


def memory(n):
    used = {way: probes.in_new_process(__file__, "memory", way, n) for way in ("shared", "pickled")}
    for count in RECEIVERS:
        costs = {way: [found[1 + count] - found[1]] for way, found in used.items()}
        yield row(f"memory_{count}", f"memory of {count}", n, costs, "pickled", *[NO_MEMORY][: count == 1])
        costs = {way: [found[1 + count] - found[0]] for way, found in used.items()}
        yield row(f"build_memory_{count}", f"memory of {count} and of what was built", n, costs, "pickled")


# Scaling

SIZE, KEYS = 1_000, 100  # of the map; of those, the keys that a reader goes over
PATIENCE = 5  # rounds for one that counts, where other processes take the processors
READER = """
{prepare}
assert [{read} for k in keys] == list(expected)
def {name}(rounds, source=source, keys=keys):
    {prepare}
    for _ in range(rounds):
        for k in keys:
            {read}
"""
THROUGH_A_REFERENCE = {"prepare": "get = source.get", "read": "get()[k]"}
DIRECTLY = {"prepare": "m = source", "read": "m[k]"}
SCALES = Target(1 / 1.9, rival="alone")
UNHINDERED = Target(1.1, rival="alone")


def recorders_in_interpreters(to, name, source, world, reader, before=""):
    """For two readers, each in its interpreter, what gives a record (slices.py)."""
    keys = tuple(world.keys[:KEYS])
    for receiver in to:
        receiver.bind(source=source, keys=keys, expected=tuple(world.d[k] for k in keys))
        receiver.run(before + READER.format(name=name, **reader))
    rounds = to[0].answer(f"slices.calibrated({name})")
    return [partial(receiver.answer, f"slices.recorded({name}, {rounds})") for receiver in to]


def recorders_in_threads(source, world, reader):
    """The same for two threads of this interpreter."""
    runs = []
    for _ in range(2):
        keys = ["".join(k) for k in world.keys[:KEYS]]  # objects of its own: their reference counts are not the point
        scope = {"source": source, "keys": keys, "expected": [world.d[k] for k in keys]}
        exec(READER.format(name="run", **reader), scope)
        runs.append(scope["run"])
    rounds = calibrated(runs[0])
    return [partial(recorded, run, rounds) for run in runs]


def teams_of_interpreters(to):
    """By row: (title, recorders, targets)."""
    world = World(SIZE, "value-{}".format)
    shared, own = SharedMap(world.d), "source = frozen.Map(dict(source.items()))"
    team = partial(recorders_in_interpreters, to)
    return {
        "scale_ref": (
            "SharedRef: get()[key], two interpreters / one",
            team("through_ref", SharedRef(shared), world, THROUGH_A_REFERENCE),
            [SCALES],
        ),
        "scale_map": (
            "SharedMap: m[key], two interpreters / one",
            team("direct", shared, world, DIRECTLY),
            [SCALES],
        ),
        "scale_own": (
            "a Map of its own each: m[key], two interpreters / one",
            team("own", shared, world, DIRECTLY, own),
            [],
        ),
    }


def teams_of_threads():
    world, immortal = World(SIZE, "value-{}".format), World(SIZE, lambda i: i % 100)
    return {
        "scale_ref": (
            "SharedRef: get()[key], two threads / one",
            recorders_in_threads(SharedRef(SharedMap(world.d)), world, THROUGH_A_REFERENCE),
            [SCALES],
        ),
        "scale_atomic_ref": (
            "AtomicRef: get()[key], immortal values, two threads / one",
            recorders_in_threads(AtomicRef(Map(immortal.d)), immortal, THROUGH_A_REFERENCE),
            [SCALES],
        ),
        "scale_dict": (
            "one dict: m[key], two threads / one",
            recorders_in_threads(world.d, world, DIRECTLY),
            [],
        ),
    }


def scaling(options):
    if FREE_THREADED:
        yield from scaling_of(teams_of_threads(), options)
    elif interpreters:
        with receivers(2) as to:
            yield from scaling_of(teams_of_interpreters(to), options)


def scaling_of(teams, options):
    """The time of a read when two readers run, taken together, and when one runs."""
    costs = {name: {"shared": [], "alone": []} for name in teams}
    for _ in range(PATIENCE * options.rounds):
        lacking = [name for name in teams if len(costs[name]["alone"]) < options.rounds]
        for name in lacking:
            _, recorders, _ = teams[name]
            alone, both = undisturbed(side_by_side(recorders[:1])), undisturbed(side_by_side(recorders))
            if alone and both:
                costs[name]["alone"].append(statistics.median(alone))
                costs[name]["shared"].append(statistics.median(both) / 2)
    for name, (title, _, targets) in teams.items():
        yield row(name, title, SIZE, costs[name], "alone", *targets)


def beside_a_publisher(options):
    """The time of a read through a SharedRef while another interpreter, or thread, publishes, and while none does."""
    world = World(SIZE, "value-{}".format)
    versions = [SharedMap(world.d), SharedMap(world.d)]
    ref = SharedRef(versions[0])
    title = f"SharedRef: get()[key], beside {RATE:,} publications a second / none"
    if FREE_THREADED:
        costs = cost_beside(recorders_in_threads(ref, world, THROUGH_A_REFERENCE)[0], ref, versions, options)
        yield row("publisher", title, SIZE, costs, "alone", UNHINDERED)
    elif interpreters:
        with receivers(1) as to:
            recorder = recorders_in_interpreters(to, "run", ref, world, THROUGH_A_REFERENCE)[0]
            costs = cost_beside(recorder, ref, versions, options)
        yield row("publisher", title, SIZE, costs, "alone", UNHINDERED)


def cost_beside(recorder, ref, versions, options):
    costs = {"shared": [], "alone": []}
    for _ in range(options.rounds):
        alone = undisturbed([recorder()])
        stop = threading.Event()
        publisher = threading.Thread(target=publish, args=(ref, versions, stop))
        publisher.start()
        beside = undisturbed([recorder()])
        stop.set()
        publisher.join()
        if alone and beside:
            costs["alone"].append(statistics.median(alone))
            costs["shared"].append(statistics.median(beside))
    return costs


def publish(ref, versions, stop):
    began = time.perf_counter()
    for published in itertools.count(1):
        ref.set(versions[published % 2])
        if stop.wait(max(0.0, began + published / RATE - time.perf_counter())):
            return


# All together


def rows(options, peers):
    """Every row, as it is measured."""
    if not interpreters:
        print("giving needs Python 3.14 or later: left out", file=sys.stderr)
    for n in options.sizes:
        yield from in_one_interpreter(n, peers, options)
        if interpreters:
            yield from filter(options.wants, giving(n, options) if wanted(options, "give_") else ())
            yield from filter(options.wants, memory(n) if wanted(options, "memory_") else ())
    if wanted(options, "scale_"):
        yield from filter(options.wants, scaling(options))
    if wanted(options, "publisher"):
        yield from beside_a_publisher(options)


def wanted(options, part):
    return not options.only or any(part in name for name in options.only)


def plot(done, subject, path):
    """Time and memory over the number of interpreters, in units of what pickling for one takes; beside it the rest."""
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    given = {(row.name, row.n): row for row in done if row.name.rpartition("_")[0] in GIVEN}
    if not given:
        return report.plot(done, subject, path)
    figure = pyplot.figure(figsize=(15, 6), layout="constrained")
    for_time, for_memory, rest = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    draw_given(for_time, given, "give")
    draw_given(for_memory, given, "memory")
    for_time.set(title="time to give a map to interpreters", ylabel="pickling for one interpreter = 1")
    for_memory.set_title("memory that it takes")
    report.draw(rest, [row for row in done if (row.name, row.n) not in given and row.best])
    rest.set_title("SharedMap / Map; two readers / one")
    rest.set(xticks=(0.5, 1, 2, 4), xlim=(0.4, 5))
    rest.minorticks_off()
    rest.tick_params(labelsize=8)
    figure.legend(*for_time.get_legend_handles_labels(), loc="outside lower left", ncols=4, frameon=False)
    figure.legend(*rest.get_legend_handles_labels(), loc="outside lower right", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


GIVEN = {"give": "shared", "build_give": "built and shared", "memory": "shared", "build_memory": "built and shared"}


def draw_given(axes, given, part):
    sizes = sorted({n for _, n in given})
    colours = ["tab:green", "tab:blue", "tab:purple", "tab:brown", "tab:olive"]
    for n, colour in zip(sizes, colours, strict=False):
        cost = {way: median_costs(given, way, n) for way in (part, f"build_{part}")}
        unit = cost[part]["pickled"][0]
        for way, style in ((part, "o-"), (f"build_{part}", "o--")):
            ours = [max(seconds, 0) / unit for seconds in cost[way]["shared"]]
            axes.plot(RECEIVERS, ours, style, color=colour, markersize=4, label=f"{GIVEN[way]}, n = {n:,}")
        theirs = [seconds / unit for seconds in cost[part]["pickled"]]
        axes.plot(
            RECEIVERS, theirs, "s-", color="0.55", markersize=4, label="pickled, any n" if n == sizes[0] else None
        )
    axes.set(xscale="log", yscale="log", xlabel="interpreters", xticks=RECEIVERS, xticklabels=RECEIVERS)
    axes.minorticks_off()
    axes.grid(color="0.9")


def median_costs(given, way, n):
    rows = [given[f"{way}_{count}", n].costs for count in RECEIVERS]
    return {kind: [statistics.median(costs[kind]) for costs in rows] for kind in ("shared", "pickled")}


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        print(json.dumps(memory_to_give(sys.argv[2], int(sys.argv[3]))))
    else:
        raise SystemExit(cli.main(NAME, PEERS, rows, __doc__, sizes=SIZES, subject="shared", plot=plot))
