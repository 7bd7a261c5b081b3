"""Writes the tables of README.md and docs/performance.md from the whole runs in benchmarks/results.

    python tools/figures.py            rewrite the tables
    python tools/figures.py --check    exit with 1 if one of them is not what the runs say

A document has its place for a table between `<!-- table: NAME -->` and `<!-- end of table -->`; what stands in TABLES
under that name goes there. A cell is taken from a table of a whole run as it is: no figure is typed by hand.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from generated import write_or_check

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks/results"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs/performance.md")
PLACE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


class Column(NamedTuple):
    """A column of a document's table: which column of the run, at which size, and of which table of the run."""

    heading: str
    of_run: str = "ratio"
    n: str = ""
    table: str = "row"
    """The first heading of the table of the run."""


class Row(NamedTuple):
    """A row of a document's table: its label, and the run and the row that the cells are taken from."""

    label: str
    run: str
    of_run: str = ""
    """The row of the run, if it is not called as the label is."""


class Table(NamedTuple):
    """`head` is above the labels; ` | ` in it and in the labels begins another column."""

    head: str
    columns: list[Column]
    rows: list[Row]


def sizes(*counts: str, peer: str = "ratio") -> list[Column]:
    """A column for each number of entries; the first says that it is one."""
    return [Column(f"n = {n}" if n == counts[0] else n, peer, n) for n in counts]


def peers(*names: str, n: str = "", table: str = "row") -> list[Column]:
    """A column for each peer."""
    return [Column(name, name, n, table) for name in names]


def rows(run: str, *titles: str) -> list[Row]:
    """Rows of one run, called as they are called there."""
    return [Row(title, run) for title in titles]


ONE_THREAD = "one thread, over dict"
TWO_THREADS = "two threads / one"
WRITES = (
    "get, own keys",
    "set, own keys",
    "90 get, 10 set",
    "insert and delete",
    "add 1, own keys",
    "AtomicCounter: add 1",
)
CONTENTS = ("str: int", "str: str", "int: int", "str: (int, str, float)")

TABLES = {
    "readme": Table(
        "what | over",
        sizes("10", "1,000", "100,000", "1,000,000"),
        [
            Row("get | the best persistent map", "map", "get, equal key"),
            Row("set | the same", "map", "set, existing key"),
            Row("build from a dict | the same", "map", "build from dict"),
            Row("bytes per entry | the same", "map", "bytes per entry"),
            Row("find 10 changes between two versions | walking both", "map", "diff of 10 changes"),
            Row("give it to an interpreter | pickling a dict", "interpreters", "give to 1"),
            Row("memory of a server's worker: a file | a dict", "workers", "gunicorn: private memory of a worker"),
            Row(
                "two interpreters read it | one reads it",
                "interpreters",
                "SharedRef: get()[key], two interpreters / one",
            ),
        ],
    ),
    "map": Table(
        "`Map` / best peer",
        sizes("10", "1,000", "100,000", "1,000,000"),
        rows(
            "map",
            "get, equal key",
            "get, same key object",
            "set, existing key",
            "delete",
            "build from dict",
            "iterate items",
            "batch of 1 %",
            "union, 90 % shared",
            "equal, sharing all but a path",
            "hash after one set",
            "diff of 10 changes",
            "bytes per entry",
            "bytes per kept version",
        ),
    ),
    "frozendict": Table(
        "`Map` / `frozendict`",
        sizes("10", "1,000", "100,000", peer="frozendict"),
        rows("map-3.15", "get, equal key", "set, existing key", "iterate items", "build from dict"),
    ),
    "set": Table(
        "`Set` / best peer",
        sizes("10", "1,000", "100,000"),
        rows("set", "contains, equal object", "add, new member", "remove", "union, 90 % shared", "build from list"),
    ),
    "vector": Table(
        "`Vector` / best peer",
        sizes("10", "1,000", "100,000"),
        rows(
            "vector",
            "get",
            "set",
            "append, 1,000 times",
            "pop",
            "iterate",
            "slice",
            "concat",
            "insert in the middle",
            "build from list",
        ),
    ),
    "convert": Table(
        "5,000 JSON records, over",
        [Column("copy.deepcopy", "copy"), *peers("pyrsistent", "json", "pickle")],
        rows("convert", "freeze", "thaw what is frozen", "share", "freeze what is frozen"),
    ),
    "delta": Table(
        "over loops on `immutables`; on pyrsistent's vector",
        sizes("10", "1,000", "100,000"),
        rows(
            "delta",
            "diff of 10 changes in a map",
            "apply 10 changes to a map",
            "apply n / 10 changes to a map",
            "diff of one flag in a vector of maps",
        ),
    ),
    "encoding": Table(
        "a map of 100,000, over",
        peers("pickle", "json", "cbor2", n="100,000"),
        [
            Row(f"{verb} {family}, {contents}", "encoding")
            for contents in CONTENTS
            for family in ("Map", "SharedMap")
            for verb in ("encode", "decode")
        ],
    ),
    "atomic-map": Table(
        "free-threaded",
        [
            Column("one thread, over dict", "frozen", table=ONE_THREAD),
            Column("dict and a lock, over dict", "dict with a lock", table=ONE_THREAD),
            Column("throughput of two threads / one", "frozen", table=TWO_THREADS),
        ],
        rows("atomic_map-free-threaded", *WRITES),
    ),
    "atomic-map-gil": Table(
        "with the GIL: one thread, over dict",
        [Column("AtomicMap", "frozen", table=ONE_THREAD), *peers("dict with a lock", "cereggii", table=ONE_THREAD)],
        rows("atomic_map", *WRITES),
    ),
    "cache": Table(
        "a hit, over `functools.lru_cache`",
        [Column("cached", "frozen", table="over lru_cache"), *peers("cachetools", "cachebox", table="over lru_cache")],
        [Row("with the GIL", "cache", "a hit"), Row("free-threaded", "cache-free-threaded", "a hit")],
    ),
    "interpreters": Table(
        "shared / pickled",
        sizes("10,000", "100,000", "1,000,000"),
        [
            Row("time for one interpreter, once it is shared", "interpreters", "give to 1"),
            Row("time for one, with the building of the SharedMap", "interpreters", "build, and give to 1"),
            Row("time for eight, with the building", "interpreters", "build, and give to 8"),
            Row("memory for eight", "interpreters", "memory of 8"),
            Row("memory for eight, with what was built", "interpreters", "memory of 8 and of what was built"),
        ],
    ),
    "shared": Table(
        "`SharedMap` / `Map`",
        sizes("10,000", "100,000", "1,000,000", peer="Map"),
        rows(
            "interpreters",
            "get, equal key",
            "get, equal key, str values",
            "get, same key object",
            "set, existing key",
            "build from dict",
            "iterate items",
            "iterate items, str values",
        ),
    ),
    "everyday": Table(
        "a look-up, `SharedMap` / `Map`",
        sizes("1,000", "50,000", peer="Map"),
        rows(
            "everyday",
            "datetime",
            "datetime, zone",
            "Decimal",
            "UUID",
            "Fraction",
            "enum member",
            "path",
            "IP address",
            "tuple",
            "dataclass",
            "named tuple",
        ),
    ),
    "file": Table(
        "a million entries, over",
        peers("dict", "SharedMap", "sqlite3", "lmdb", n="1,000,000"),
        [
            Row(f"{what}, {contents}", "file")
            for contents in ("str: int", "str: str")
            for what in ("look-up", "open, and one look-up", "private memory", "size")
        ],
    ),
    "workers": Table(
        "a worker with a million texts, over",
        peers("dict", "Map", "SharedMap", "nothing", n="1,000,000"),
        [
            Row(f"{label}: {what}", "workers", f"{way}: {title}{held}")
            for label, way, held in (
                ("file, gunicorn", "gunicorn", ""),
                ("immortal, gunicorn --preload", "gunicorn --preload", ", immortal"),
                ("file, uvicorn --workers", "uvicorn --workers", ""),
                ("file, forkserver", "a pool, by forkserver", ""),
                ("immortal, fork", "a pool, by fork", ", immortal"),
                ("file, Celery", "Celery, prefork", ""),
                ("immortal, Celery", "Celery, prefork", ", immortal"),
            )
            for what, title in (
                ("private", "private memory of a worker"),
                ("owned", "memory that a worker owns"),
                ("Pss of all", "Pss of the workers together"),
            )
        ],
    ),
    "redis": Table(
        "10 changes in 100,000 entries, over",
        [Column("the whole, pickled", "pickle", "100,000"), Column("the whole, as JSON", "json", "100,000")],
        rows("redis", "publish 10 changes", "seen by a follower", "bytes to the server", "bytes to a follower"),
    ),
    "config": Table(
        "1,000 settings, over",
        [
            *peers("dynaconf", n="1,000"),
            Column("a dict and a lock", "lock", "1,000"),
            Column("a dict", "dict", "1,000"),
        ],
        rows("config", "a value by its path", "a value by two keys", "an attribute of the model"),
    ),
}


@cache
def tables_of(run: str) -> list[list[list[str]]]:
    """The tables of a whole run, each a list of lines of cells, the heading first."""
    tables: list[list[list[str]]] = [[]]
    for line in (RESULTS / f"{run}.md").read_text().splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def cell(row: Row, column: Column) -> str:
    """What the run says there; empty if this size or this peer was not measured."""
    title = row.of_run or row.label
    found = [table for table in tables_of(row.run) if table[0][0] == column.table]
    lines = [(table[0], line) for table in found for line in table if line[0] == title]
    if not lines:
        sys.exit(f"benchmarks/results/{row.run}.md has no row {title!r} in a table {column.table!r}")
    for head, line in lines:
        named = dict(zip(head, line, strict=True))
        if column.n in ("", named.get("n", "")):
            figure = named.get(column.of_run, "-")
            return "" if figure == "-" else figure
    return ""


def text(table: Table) -> str:
    """The table as Markdown."""
    lines = [[*table.head.split(" | "), *(column.heading for column in table.columns)]]
    lines += [[*row.label.split(" | "), *(cell(row, column) for column in table.columns)] for row in table.rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join("|" + "|".join(f" {text} " if text else " " for text in line) + "|\n" for line in lines)


def filled(document: Path) -> str:
    """The document with its tables as the runs say."""
    return PLACE.sub(lambda place: place[1] + text(TABLES[place[2]]) + place[3], document.read_text())


if __name__ == "__main__":
    for document in DOCUMENTS:
        write_or_check(document, filled(document), sys.argv[1:], __doc__)
