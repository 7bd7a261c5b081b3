"""Deep conversion of JSON records: `freeze`, `thaw` and `share` beside `copy.deepcopy` of the same records.

The records are what `json.loads` returns: dicts of strings, numbers, lists and further dicts. deepcopy makes as many
objects of them in Python, which is what the targets go by; `json.loads` of their text and pickling to and fro make as
many in C. pyrsistent converts, too, but takes minutes where there are many records.
"""

import json
import random
from collections.abc import Mapping
from functools import partial

import cli
import report
from harness import Operation, Target, race_all
from peers import Peer

SIZES = (5_000, 500_000)
MANY = 100_000  # records, from which on pyrsistent is left out

EVERYWHERE = ("build", "freeze", "thaw", "share", "again")
DEEPCOPY = dict.fromkeys(EVERYWHERE, "r = copy.deepcopy(d)") | {"build": "r = d"}
JSON = dict.fromkeys(EVERYWHERE, "r = json.loads(text)") | {"build": "r = d"}
PICKLE = dict.fromkeys(EVERYWHERE, "r = pickle.loads(pickle.dumps(d, 5))") | {"build": "r = d"}
FROZEN = {
    "build": "r = frozen.freeze(d)",
    "freeze": "r = frozen.freeze(d)",
    "thaw": "r = frozen.thaw(m)",
    "share": "r = frozen.share(d)",
    "again": "r = frozen.freeze(m)",
}
PYRSISTENT = {
    "build": "r = pyrsistent.freeze(d)",
    "freeze": "r = pyrsistent.freeze(d)",
    "thaw": "r = pyrsistent.thaw(m)",
    "share": None,
    "again": "r = pyrsistent.freeze(m)",
}
PEERS = (  # the rival is deepcopy alone; the others are yardsticks
    Peer("frozen", "frozen", "frozen", FROZEN),
    Peer("copy", "copy", "python", DEEPCOPY),
    Peer("pyrsistent", "pyrsistent", "pyrsistent", PYRSISTENT, persistent=False),
    Peer("json", "json", "python", JSON, persistent=False),
    Peer("pickle", "pickle", "python", PICKLE, persistent=False),
)


def record(chance, i):
    return {
        "id": i,
        "name": f"customer {i}",
        "active": chance.random() < 0.5,
        "score": chance.random(),
        "note": None,
        "tags": chance.sample(["new", "paid", "late", "import", "export"], 3),
        "address": {"street": f"{i % 97} Main Street", "city": f"city {i % 1_000}", "zip": str(10_000 + i % 90_000)},
        "orders": [{"sku": f"sku-{chance.randrange(10_000)}", "count": n + 1, "price": n * 9.5} for n in range(i % 4)],
    }


def plain(value):
    """What a result holds, as dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    return value if isinstance(value, (str, int, float, type(None))) else [*map(plain, value)]


class World:
    """The data every peer sees at one size; its attributes are the names that statements use."""

    def __init__(self, n):
        chance = random.Random(n)
        self.n = n
        self.text = json.dumps([record(chance, i) for i in range(n)])
        self.d = json.loads(self.text)
        self.v = None
        self.maps = {}  # each contender's form of d, built once
        self.plain = plain


def operation(name, title, ratio):
    return Operation(name, title, f"{{{name}}}", lambda w, k: w.d, targets=(Target(ratio, rival="copy"),))


OPERATIONS = (
    operation("freeze", "freeze", 0.4),
    operation("thaw", "thaw what is frozen", 0.4),
    operation("share", "share", 0.6),
    operation("again", "freeze what is frozen", 0.05),
)


def rows(options, peers):
    for n in options.sizes:
        at_n = [peer for peer in peers if n < MANY or peer.name != "pyrsistent"]
        yield from race_all(OPERATIONS, World(n), at_n, options)


if __name__ == "__main__":
    plot = partial(report.plot, label="frozen / copy.deepcopy of the same records: left of the line at 1 is better")
    raise SystemExit(cli.main("convert", PEERS, rows, __doc__, sizes=SIZES, plot=plot))
