"""Encoding: `frozen.encode` and `frozen.decode` beside pickle, json, cbor2 and copy.deepcopy.

Each row is a table of one shape. pickle takes the same Map, or in the rows that say so the same SharedMap, with
protocol 5; json, cbor2 and deepcopy take a dict of the same contents, and json what it can hold. *Bytes* are those of
the result.
"""

import importlib
import sys
from dataclasses import dataclass

import cli
from harness import Operation, Row, Target, race_all
from peers import Peer

import frozen

SIZES = (1_000, 100_000)
FASTER_ENCODED = (Target(0.6, smallest=100_000, rival="pickle"),)
FASTER_DECODED = (Target(1.0, smallest=100_000, rival="pickle"),)

SHAPES = {
    "str: int": lambda i: (f"key {i}", i),
    "str: str": lambda i: (f"user:profile:{i:07d}", f"value {i}"),
    "int: int": lambda i: (i, i),
    "str: (int, str, float)": lambda i: (f"key {i}", (i, f"text {i}", i / 3)),
    "str: map of 3": lambda i: (f"key {i}", {"name": f"name {i}", "count": i, "tags": ("a", "b")}),
}
AS_JSON = ("str: int", "str: str")  # what json gives back as it was


@dataclass(frozen=True)
class Standard(Peer):
    """A module of the standard library."""

    def load(self):
        return {self.name: importlib.import_module(self.module)}


def standard(name, module, **statements):
    return Standard(name, module, None, OF_DICT | statements)


BY_PICKLE = {
    "encode": "r = pickle.dumps(m, 5)",
    "decode": "r = pickle.loads(data)",
    "both": "r = pickle.loads(pickle.dumps(m, 5))",
}
OURS = {
    "build": "r = frozen.freeze(d)",
    "encode": "r = frozen.encode(m)",
    "decode": "r = frozen.decode(data)",
    "both": "r = frozen.decode(frozen.encode(m))",
}
OF_DICT = {"build": "r = d", "encode": None, "decode": None, "both": None}
OTHERS = (
    standard(
        "json", "json", encode="r = json.dumps(m)", decode="r = json.loads(data)", both="r = json.loads(json.dumps(m))"
    ),
    Peer(
        "cbor2",
        "cbor2",
        "cbor2",
        OF_DICT
        | {
            "encode": "r = cbor2.dumps(m)",
            "decode": "r = cbor2.loads(data)",
            "both": "r = cbor2.loads(cbor2.dumps(m))",
        },
    ),
    standard("deepcopy", "copy", both="r = deepcopy.deepcopy(m)"),
)
PEERS = (
    Peer("frozen", "frozen", "frozen", OURS),
    standard("pickle", "pickle", **BY_PICKLE | {"build": "r = freeze(d)"}),
    *OTHERS,
)
SHARED = (
    Peer("frozen", "frozen", "frozen", OURS | {"build": "r = frozen.share(d)"}),
    standard("pickle", "pickle", **BY_PICKLE | {"build": "r = share(d)"}),
)


class World:
    """A table of one shape."""

    def __init__(self, n, shape):
        self.n, self.shape, self.maps = n, shape, {}
        self.d = dict(map(SHAPES[shape], range(n)))
        self.v = None
        self.freeze, self.share = frozen.freeze, frozen.share

    def plain(self, result):
        """As dicts and tuples."""
        if hasattr(result, "items"):
            return {key: self.plain(value) for key, value in result.items()}
        return tuple(map(self.plain, result)) if isinstance(result, (tuple, list, frozen.Vector)) else result


def with_data(contender, world):
    return {"data": contender.run("{encode}")}


def operations(world, what, encoded, decoded):
    def titled(name, title, timed, **more):
        return Operation(name, f"{title} {what}, {world.shape}", timed, lambda w, k: w.d, **more)

    return [
        titled("encode", "encode", "{encode}", checked="{both}", targets=encoded),
        titled("decode", "decode", "{decode}", prepare=with_data, targets=decoded),
        titled("both", "encode and decode", "{both}"),
    ]


def sizes(world, peers):
    """What the results take."""
    costs = {}
    for peer in peers:
        if peer.statements["encode"] is not None:
            scope = vars(world) | peer.load()
            exec(peer.statements["build"].replace("r =", "m ="), scope)
            exec(peer.statements["encode"], scope)
            costs[peer.name] = [len(scope["r"])]
    rivals = [name for name in costs if name != "frozen"]
    return Row("bytes", f"bytes, {world.shape}", world.n, "frozen", costs, rivals, [])


def rows(options, found):
    names = [peer.name for peer in found]
    for n in options.sizes:
        for shape in SHAPES:
            world = World(n, shape)
            able = [peer for peer in PEERS if peer.name in names and (peer.name != "json" or shape in AS_JSON)]
            yield from race_all(operations(world, "Map", FASTER_ENCODED, FASTER_DECODED), world, able, options)
            if not options.only or "bytes" in options.only:
                yield sizes(world, able)
            world = World(n, shape)
            able = [peer for peer in SHARED if peer.name in names]
            yield from race_all(operations(world, "SharedMap", FASTER_ENCODED, FASTER_DECODED), world, able, options)


if __name__ == "__main__":
    sys.exit(cli.main("encoding", PEERS, rows, __doc__, sizes=SIZES))
