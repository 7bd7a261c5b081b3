"""A table in the workers of real servers and pools: gunicorn, uvicorn, Celery, multiprocessing.

The table has a million texts. A dict, a Map or a SharedMap is unpickled, by each worker or before the fork; a file is
opened by each. Each worker reads all of it and collects garbage, then says what memory it has alone (`private`) and its
share of what several have (`Pss`, of all workers together; what a parent keeps counts for it). A worker that has a file
open while no other has it has those pages alone, too, though the system may drop them at any time. So *owned* is the
part of it that is in no file: what the process has written (Private_Dirty), and what of that is in swap. *First answer*
is the time from the start of the program until one look-up has been answered. A row is a way to start workers; a column
what holds the table, `nothing` an application without one. Linux only.

The subject of most rows is the file, which needs no fork; that of those that say so is an immortal SharedMap that was
made before the fork. Ratios below 1 say how much less it takes than what the column says.
"""

import contextlib
import http.client
import json
import os
import pickle
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cli
import loaded
from harness import Row, Target
from peers import Peer
from pool_of_workers import TASKS_PER_CHILD, WORKERS

import frozen

SIZES = (1_000_000,)
HELD = ("file", "immortal", "SharedMap", "SharedMap, frozen", "Map", "dict", "dict, frozen", "nothing")
FORKED = ("immortal", "SharedMap, frozen", "dict, frozen")  # make no sense where each worker loads the table
SERVERS = ("gunicorn", "uvicorn", "celery")
PEERS = [Peer(name, "frozen", "frozen", {}) for name in HELD] + [Peer(name, name, name, {}) for name in SERVERS]
PRIVATE = (Target(1.5, rival="nothing"),)
HERE = str(Path(__file__).parent)


def make_table(folder, n):
    table = {f"customer:{i:08d}": f"value of the entry {i * 7919:012d}" for i in range(n)}
    frozen.save(frozen.Map(table), folder / "table.frozen")
    (folder / "dict.pickle").write_bytes(pickle.dumps(table, 5))
    (folder / "Map.pickle").write_bytes(pickle.dumps(frozen.Map(table), 5))


def until_answered(ask, process):
    deadline = time.monotonic() + 300
    while True:
        try:
            return ask()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def running(command, environment):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, env=environment, cwd=environment["TABLE"], **quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def by_http(environment, *command):
    """(seconds until the first answer, what each worker says once all have read) of a server with these arguments."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    def ask(path="/"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    started = time.perf_counter()
    arguments = [part.format(port=port, workers=WORKERS) for part in command]
    with running([sys.executable, "-m", *arguments], environment) as process:
        until_answered(ask, process)
        seconds = time.perf_counter() - started
        return seconds, of_all_workers(lambda count: asked_at_once(ask, ["/read"] * count), ask)


def asked_at_once(ask, paths):
    with ThreadPoolExecutor(len(paths)) as threads:
        return list(threads.map(ask, paths))


def of_all_workers(read, ask):
    """What each worker has once all have read the table: those that are busy take no second request."""
    seen = {}
    while len(seen) < WORKERS:
        seen |= {found["pid"]: found for found in read(WORKERS)}
    last = {}
    while len(last) < WORKERS:
        last |= {found["pid"]: found for found in asked_at_once(ask, ["/"] * WORKERS)}
    return list(last.values())


GUNICORN = ("gunicorn", "-w", "{workers}", "-b", "127.0.0.1:{port}", "--timeout", "300", "--chdir", HERE, "loaded:wsgi")


def gunicorn(environment):
    return by_http(environment, *GUNICORN)


def gunicorn_preload(environment):
    return by_http(environment, *GUNICORN, "--preload")


def uvicorn(environment):
    options = ("--workers", "{workers}", "--port", "{port}", "--app-dir", HERE, "--log-level", "error")
    return by_http(environment, "uvicorn", *options, "--timeout-worker-healthcheck", "300", "loaded:asgi")


def pool(environment, method):
    """A pool of multiprocessing, in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, "-c", f"import pool_of_workers; pool_of_workers.run({method!r})"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "answered\n"
        seconds = time.perf_counter() - started
        return seconds, json.loads(process.stdout.readline())


def celery(environment):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("queue", "results"):
            (Path(folder) / name).mkdir()
        app, environment = loaded.celery_app(folder), environment | {"QUEUE": folder}
        options = ["-A", "loaded:celery", "worker", "--pool", "prefork", "-c", str(WORKERS), "--without-mingle"]
        options += ["--max-tasks-per-child", str(TASKS_PER_CHILD), "--without-gossip", "--loglevel", "CRITICAL"]
        started = time.perf_counter()
        with running([sys.executable, "-m", "celery", *options], environment):
            app.send_task("first").get(timeout=300, interval=0.02)
            seconds = time.perf_counter() - started
            tasks = [app.send_task("read", (1.0,)) for _ in range(WORKERS * TASKS_PER_CHILD * 2)]
            found = {one["pid"]: one for one in (task.get(timeout=300, interval=0.02) for task in tasks)}
        return seconds, list(found.values())[-WORKERS:]


WAYS = {
    "gunicorn": (gunicorn, "gunicorn"),
    "preload": (gunicorn_preload, "gunicorn --preload"),
    "uvicorn": (uvicorn, "uvicorn --workers"),
    "forkserver": (lambda environment: pool(environment, "forkserver"), "a pool, by forkserver"),
    "fork": (lambda environment: pool(environment, "fork"), "a pool, by fork"),
    "celery": (celery, "Celery, prefork"),
}
PRELOADS = ("preload", "fork", "celery")


def measured(way, held, folder):
    path = os.pathsep.join([HERE, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path, "TABLE": str(folder), "HELD": held}
    seconds, workers = WAYS[way][0](environment)
    return {
        "private": [worker["private"] for worker in workers],
        "owned": [worker["owned"] for worker in workers],
        "pss": [sum(worker["pss"] for worker in workers)],
        "first": [seconds],
    }


TITLES = {
    "private": "private memory of a worker",
    "owned": "memory that a worker owns",
    "pss": "Pss of the workers together",
    "first": "first answer",
}


def rows(options, found):
    names = {peer.name for peer in found}
    for n in options.sizes:
        with tempfile.TemporaryDirectory() as temporary:
            make_table(Path(temporary), n)
            for way, (_, title) in WAYS.items():
                if way in SERVERS and way not in names:
                    continue
                kinds = [held for held in HELD if held in names and (way in PRELOADS or held not in FORKED)]
                costs = {held: measured(way, held, Path(temporary)) for held in kinds}
                yield from rows_of(way, title, n, costs)


def rows_of(way, title, n, costs):
    for figure, what in TITLES.items():
        for subject in ("file", "immortal"):
            if subject not in costs:
                continue
            held = {name: found[figure] for name, found in costs.items()}
            rivals = [name for name in held if name not in ("file", "immortal", "nothing")]
            targets = PRIVATE if figure in ("private", "owned") else ()
            label = f"{title}: {what}" + (", immortal" if subject == "immortal" else "")
            yield Row(f"{figure}_{way}_{subject}", label, n, subject, held, rivals, list(targets))


def plot(done, subject, path):
    """Bars: MiB that a worker has alone, that it owns (medians), of all together; time until the first answer."""
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    n = max(row.n for row in done)
    found = {row.name: row.costs for row in done if row.n == n and row.subject == "file"}
    ways = [way for way in WAYS if f"private_{way}_file" in found]
    figure, axes = pyplot.subplots(len(TITLES), 1, figsize=(11, 14), layout="constrained")
    for axis, (name, title) in zip(axes, TITLES.items(), strict=True):
        costs = [found.get(f"{name}_{way}_file", {}) for way in ways]
        units = [statistics.median(one["dict"]) if name == "first" else 1024 for one in costs]
        for place, held in enumerate(HELD):
            found_here = [one.get(held, (0,)) for one in costs]
            heights = [statistics.median(cost) / unit for cost, unit in zip(found_here, units, strict=True)]
            bars = axis.bar([i + 0.11 * place for i in range(len(ways))], heights, 0.1, label=held)
            digits = 2 if name == "first" else 0
            axis.bar_label(bars, [f"{height:.{digits}f}" if height else "" for height in heights], fontsize=6)
        axis.set(title=f"{title}, {n:,} texts", ylabel="time / that with a dict" if name == "first" else "MiB")
        axis.set_xticks([i + 0.38 for i in range(len(ways))], [WAYS[way][1] for way in ways], fontsize=8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(HELD), frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    if not os.path.exists("/proc/self/smaps_rollup"):
        sys.exit("needs Linux: /proc/self/smaps_rollup says what a process has alone")
    sys.exit(cli.main("workers", PEERS, rows, __doc__, sizes=SIZES, subject="file", plot=plot))
