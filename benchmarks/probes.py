"""What a map costs besides time: memory, and work for the collector. Each figure comes from a process of its own.

Memory is what the C library's allocator says is in use (`mallinfo2`), with Python told to take everything from there
(PYTHONMALLOC=malloc) and the allocator told to keep no private lists (tcache). That counts the nodes of every peer, be
they Python objects, raw memory or Rust's, to the byte and without noise: tracemalloc sees only what goes through
Python's allocators, `sys.getsizeof` only what a type cares to report, and resident memory also holds what building
left behind. Each block is charged the allocator's 8 bytes of header, which Python's own small-object allocator saves.
"""

import ctypes
import gc
import json
import os
import random
import subprocess
import sys
import time
from types import SimpleNamespace

from harness import Contender, Operation, Row, Target
from peers import MAPS

VERSIONS = 2_000  # kept for the bytes of one version
KEPT = 20_000  # kept while the collector runs
TOO_SLOW_TO_KEEP = {"pyrsistent"}  # minutes
COUNTERS = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
PROBE = Operation("probe", "probe", "{set}", model=None)


class MallocInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in COUNTERS]


def bytes_in_use():
    """Of the whole process; AttributeError where the C library has no mallinfo2."""
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = MallocInfo
    info = mallinfo2()
    return info.uordblks + info.hblkhd


def memory(contender, n):
    gc.disable()  # quadratic where every version is tracked
    copies = [None] * max(1, 200_000 // n)
    contender.run("{build}")  # what the first map of a process sets up is not the map's
    before = bytes_in_use()
    for i in range(len(copies)):
        copies[i] = contender.run("{build}")
    entry = (bytes_in_use() - before) / (len(copies) * n)
    if not contender.peer.persistent and n > 1_000:
        return {"entry": entry}
    versions, values, m = [None] * VERSIONS, list(range(-VERSIONS, 0)), copies[0]
    keys = random.Random(n).choices(list(contender.names["d"]), k=VERSIONS)
    before = bytes_in_use()
    for i, k in enumerate(keys):
        versions[i] = m = contender.run("{set}", m=m, k=k, v=values[i])
    return {"entry": entry, "version": (bytes_in_use() - before) / VERSIONS}


def collection_seconds():
    started = time.perf_counter()
    gc.collect()
    return time.perf_counter() - started


def collector(contender, n):
    keys = random.Random(n).choices(list(contender.names["d"]), k=KEPT)
    del contender.names["m"], contender.names["maps"][contender.label]
    collection_seconds()
    objects, idle = len(gc.get_objects()), min(collection_seconds() for _ in range(5))
    contender.names["m"] = contender.run("{build}")
    busy = min(collection_seconds() for _ in range(3))
    found = {"tracked": max(len(gc.get_objects()) - objects, 0), "collect": max(busy - idle, 0.0)}
    if contender.peer.persistent:
        statement = contender.operation.statement(contender.peer, "{set}")
        scope = contender.names | {"keys": keys, "kept": []}
        code = compile(f"for k in keys:\n    {statement}\n    kept.append(r)", "kept versions", "exec")
        started = time.perf_counter()
        exec(code, scope)
        found["keep"] = (time.perf_counter() - started) / KEPT
    return found


PROBES = {"memory": memory, "collector": collector}
ROWS = (
    # probe, its figure, title, targets, smallest size
    ("memory", "entry", "bytes per entry", (), 1),
    ("memory", "version", "bytes per kept version", (Target(0.75, smallest=100_000),), 1),
    ("collector", "tracked", "objects the collector tracks", (Target(0.001, rival="immutables"),), 100_000),
    ("collector", "collect", "added to gc.collect()", (), 100_000),
    ("collector", "keep", f"set, {KEPT:,} versions kept, collector on", (), 100_000),
)


def in_new_process(script, probe, *arguments):
    """What a script called with a probe's name prints, as JSON."""
    environment = dict(os.environ)
    if probe == "memory":
        environment |= {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    command = [sys.executable, script, probe, *map(str, arguments)]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout)


def rows(n, peers, options):
    """The Rows at one size; the processes of the peers take turns."""
    wanted = [row for row in ROWS if n >= row[4] and options.wants(SimpleNamespace(name=row[1]))]
    for probe in dict.fromkeys(row[0] for row in wanted):
        if probe == "collector":
            peers = [peer for peer in peers if peer.name not in TOO_SLOW_TO_KEEP]
        found = {peer.name: [] for peer in peers}
        for _ in range(1 if probe == "memory" else 3):
            for peer in peers:
                found[peer.name].append(in_new_process(__file__, probe, peer.name, n))
        for _, name, title, targets, _ in (row for row in wanted if row[0] == probe):
            costs = {peer: [figures[name] for figures in runs if name in figures] for peer, runs in found.items()}
            yield Row(
                name,
                title,
                n,
                options.subject,
                {peer: figures for peer, figures in costs.items() if figures},
                [peer.name for peer in peers if peer.persistent and peer.name != options.subject],
                [target for target in targets if target.applies(n)],
            )


def mean_over_sizes(rows, smallest=1_000):
    """Bytes per entry swing with n, as the nodes of a level fill up: their target is for the mean."""
    entries = [row for row in rows if row.name == "entry" and row.n >= smallest]
    if not entries:
        return []
    everywhere = [peer for peer in entries[0].costs if all(peer in row.costs for row in entries)]
    costs = {peer: [sum(row.costs[peer][0] for row in entries) / len(entries)] for peer in everywhere}
    title = "bytes per entry, mean of " + ", ".join(f"{row.n:,}" for row in entries)
    return [Row("entry", title, 0, entries[0].subject, costs, entries[0].rivals, [Target(0.6)])]


if __name__ == "__main__":
    probe, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    peer = next(peer for peer in MAPS if peer.name == name)
    world = SimpleNamespace(maps={}, d={f"key-{i}": i for i in range(n)}, v=-1)
    print(json.dumps(PROBES[probe](Contender(name, peer, PROBE, world), n)))
