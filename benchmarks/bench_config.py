"""Reading a configuration: `frozen.config` beside dynaconf, a dict under a lock, and a plain dict.

All are filled from one JSON file. Readers of `frozen.config` and of the lock have values of one version, also while
another thread reloads; readers of dynaconf and of the plain dict, whose reload changes it in place, need not.
"""

import json
import sys
import tempfile
import threading
from dataclasses import make_dataclass
from pathlib import Path

import cli
import report
from harness import Operation, Target, race_all
from peers import Peer

SIZES = (10, 1_000)
FASTER = (Target(0.25, rival="dynaconf"), Target(1.0, rival="lock"))
TEN = [f"name_{i}" for i in range(8)] + ["port", "host"]

FROZEN = {
    "build": "r = frozen.Config(path, schema=schema)",
    "path": "r = m.get('database.port')",
    "steps": "r = m.data['database']['port']",
    "model": "r = m.model.port",
    "request": "one = m.data; r = [one[name] for name in ten]",
}
DYNACONF = {
    "build": "r = dynaconf.Dynaconf(settings_files=[path])",
    "path": "r = m.get('database.port')",
    "steps": "r = m['database']['port']",
    "model": "r = m.PORT",
    "request": "r = [m[name] for name in ten]",
}
LOCKED = {
    "build": "r = Locked(d)",
    "path": "r = m.get('database.port')",
    "steps": "with m.lock: r = m.value['database']['port']",
    "model": "with m.lock: r = m.value['port']",
    "request": "with m.lock: r = [m.value[name] for name in ten]",
}
PLAIN = {
    "build": "r = d",
    "path": None,
    "steps": "r = m['database']['port']",
    "model": "r = m['port']",
    "request": "r = [m[name] for name in ten]",
}
PEERS = (
    Peer("frozen", "frozen.config", "frozen", FROZEN),
    Peer("dynaconf", "dynaconf", "dynaconf", DYNACONF),
    Peer("lock", "threading", "python", LOCKED),
    Peer("dict", "builtins", "python", PLAIN, persistent=False),
)
OPERATIONS = (
    Operation("path", "a value by its path", "{path}", lambda w, k: 5432, targets=FASTER),
    Operation("steps", "a value by two keys", "{steps}", lambda w, k: 5432, targets=FASTER),
    Operation("model", "an attribute of the model", "{model}", lambda w, k: 80, targets=FASTER),
    Operation("request", "ten values of one version", "{request}", lambda w, k: w.values, targets=FASTER),
)


class Locked:
    """What programs do by themselves: a dict, and a lock that readers and the reload take."""

    def __init__(self, value):
        self.lock, self.value = threading.Lock(), value

    def get(self, path):
        with self.lock:
            value = self.value
            for step in path.split("."):
                value = value[step]
            return value


class World:
    """One file; its attributes are the names that statements use."""

    def __init__(self, n, folder):
        self.n = n
        self.d = {f"name_{i}": f"value {i}" for i in range(n)}
        self.d |= {"port": 80, "host": "localhost", "database": {"host": "db", "port": 5432}}
        self.path = str(Path(folder) / f"settings{n}.json")
        Path(self.path).write_text(json.dumps(self.d))
        self.schema = make_dataclass("Settings", [(name, type(value)) for name, value in self.d.items()], frozen=True)
        self.ten, self.values = TEN, [self.d[name] for name in TEN]
        self.Locked = Locked
        self.v = None
        self.maps = {}
        self.plain = lambda result: result


def rows(options, found):
    with tempfile.TemporaryDirectory() as folder:
        for n in options.sizes:
            yield from race_all(OPERATIONS, World(n, folder), found, options)


def plot(rows, subject, path):
    """Reads a second of each, over those of `frozen.config`, for each operation at the largest size."""
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    shown = [row for row in rows if row.n == max(row.n for row in rows)]
    names = [name for name in report.yardsticks(rows) if name != subject]
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    width = 0.8 / (len(names) + 1)
    for place, name in enumerate([subject, *names]):
        speeds = [1.0 if name == subject else row.ratio(name) or 0.0 for row in shown]
        axes.bar([i + place * width for i in range(len(shown))], speeds, width, label=name, zorder=2)
    axes.set_xticks([i + 0.4 - width / 2 for i in range(len(shown))], [row.title for row in shown])
    axes.set(yscale="log", ylabel="reads a second, frozen.config = 1")
    axes.grid(axis="y", color="0.9")
    axes.legend(frameon=False, ncols=len(names) + 1)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(cli.main("config", PEERS, rows, __doc__, sizes=SIZES, plot=plot))
