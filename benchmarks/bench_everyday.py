"""Everyday values: what a read takes from a SharedMap, over one from a Map of the same objects.

A Map hands out the object that it holds. A SharedMap has none: the reader makes it of what lies in shared memory, or is
given the one that it made of the same place before, of which an interpreter (on a free-threaded build, a thread) keeps
4,096. So at 1,000 entries most reads find theirs, and at 50,000, in random order, most make one.

Scaling, on a free-threaded build: the time of a read when two threads run, taken together, over that when one runs.
Each has its SharedMap from a SharedRef: threads that use one Python object, whatever it is, wait for its count.
"""

import datetime
import enum
import gc
import zoneinfo
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import NamedTuple
from uuid import UUID

import bench_interpreters
import cli
from bench_interpreters import FREE_THREADED, PEERS, SCALES, recorders_in_threads, scaling_of
from harness import Target, race_all

import frozen
from frozen import SharedMap, SharedRef

SIZES = (1_000, 50_000)
NAME = "everyday-free-threaded" if FREE_THREADED else "everyday"
TARGETS = (Target(3.0, rival="Map"),)
SCALED = 1_000  # entries of the map that two threads read
EACH_ITS_OWN = {"prepare": "m = source.get()", "read": "m[k]"}


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


@frozen.register_shareable
class Point(NamedTuple):
    x: int
    y: int


@frozen.register_shareable
@dataclass(frozen=True)
class Limits:
    low: int
    high: int


BEGIN, SECOND = datetime.datetime(2020, 1, 1), datetime.timedelta(seconds=1)
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

KINDS = {
    "datetime": lambda i: BEGIN + i * SECOND,
    "datetime, UTC": lambda i: BEGIN.replace(tzinfo=datetime.UTC) + i * SECOND,
    "datetime, zone": lambda i: (BEGIN + i * SECOND).replace(tzinfo=BERLIN),
    "date": lambda i: datetime.date(1950, 1, 1) + datetime.timedelta(days=i),
    "time": lambda i: datetime.time(i // 3600 % 24, i // 60 % 60, i % 60),
    "timedelta": lambda i: i * SECOND,
    "Decimal": lambda i: Decimal(i) / 8,
    "UUID": lambda i: UUID(int=i << 64 | i),
    "Fraction": lambda i: Fraction(7 * i + 1, 7),
    "enum member": lambda i: (Colour.RED, Colour.GREEN)[i % 2],
    "path": lambda i: PurePosixPath(f"/srv/data/{i}.txt"),
    "IP address": lambda i: ip_address(0x0A000000 + i),
    "range": range,
    "tuple": lambda i: (i, f"name-{i}", 2.5),
    "dataclass": lambda i: Limits(i, 5),
    "named tuple": lambda i: Point(i, 2),
}

(GET,) = (operation for operation in bench_interpreters.OPERATIONS if operation.name == "get_equal")


def name_of(kind):
    return kind.replace(", ", "_").replace(" ", "_")


def operation_of(kind):
    return replace(GET, name=name_of(kind), title=kind, targets=TARGETS)


def scaling(options):
    teams = {}
    for kind, value in KINDS.items():
        world = bench_interpreters.World(SCALED, value)
        recorders = recorders_in_threads(SharedRef(SharedMap(world.d)), world, EACH_ITS_OWN)
        teams[f"scale_{name_of(kind)}"] = f"{kind}, two threads / one", recorders, [SCALES]
    return scaling_of(teams, options)


def rows(options, peers):
    for n in options.sizes:
        for kind, value in KINDS.items():
            gc.collect()  # so that nothing of another kind is kept any more
            yield from race_all([operation_of(kind)], bench_interpreters.World(n, value), peers, options)
    if FREE_THREADED and bench_interpreters.wanted(options, "scale_"):
        yield from filter(options.wants, scaling(options))


if __name__ == "__main__":
    raise SystemExit(cli.main(NAME, PEERS[:2], rows, __doc__, sizes=SIZES, subject="shared"))
