"""What the demonstration says: the live line, the table at the end, the same as JSON."""

from __future__ import annotations

import platform
import sys
import sysconfig
from typing import Any

from frozen._cli.line import Line
from frozen._demo.hand_over import THROUGH, HandOver
from frozen._demo.readers import ReaderTally
from frozen._demo.workload import Workload

MOST_ROWS = 16  # with more readers of a kind, the table shows only the slowest and the fastest


def python_build() -> str:
    """Which Python this is, and whether a GIL is at work in it."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        build = "with the GIL"
    else:
        build = "free-threaded, but the GIL is on" if gil else "free-threaded"
    return f"{platform.python_implementation()} {platform.python_version()}, {build}"


class LiveLine(Line):
    """What the run has done by now."""

    def show(self, work: Workload) -> None:
        if self.active:
            worst = max(tally.worst_lag for tally in work.tallies)
            self.say(
                f"{work.seconds:5.1f} s   {work.written.versions:,} versions published   {work.reads:,} reads   "
                f"staleness at most {_milliseconds(worst)}   {work.torn} torn"
            )


def table(work: Workload, cost: HandOver | None = None) -> str:
    """The figures, a row each: what, how many, and how to read it."""
    rows = _reader_rows("thread", work.read, work)
    if work.crew:
        rows += _reader_rows("interpreter", work.crew.tallies, work)
    rows.append(("reads, in all", f"{work.reads:,}", _rate(work.reads, work)))
    wanted = f" of {work.rate:,g} wanted" if work.rate else ", as many as possible"
    rows.append(("versions published", f"{work.written.versions:,}", _rate(work.written.versions, work) + wanted))
    overtaken = sum(tally.overtaken for tally in work.tallies)
    share = f"{_percent(overtaken, work.reads)} of the reads; a newer version came out meanwhile"
    rows.append(("overtaken reads", f"{overtaken:,}", share))
    mean, worst = _staleness(work)
    rows.append(("staleness, worst", _milliseconds(worst), f"{_milliseconds(mean)} on average where overtaken"))
    nodes = work.shared_nodes()
    if nodes:
        share = f"of {nodes.total:,}, {_percent(nodes.shared, nodes.total)}, between the last two versions"
        rows.append(("nodes shared", f"{nodes.shared:,}", share))
    if cost:
        rows.append(("hand-over, by reference", _milliseconds(cost.by_reference), "a version, to another interpreter"))
        ratio = f"{THROUGH}, {cost.by_pickle / cost.by_reference:,.0f} times as long"
        rows.append(("hand-over, by pickle", _milliseconds(cost.by_pickle), ratio))
    rows.append(("torn reads", f"{work.torn:,}", "" if work.torn == 0 else "A VERSION WAS NOT WHOLE"))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"  {name:<{widths[0]}}  {count:>{widths[1]}}  {note}".rstrip() for name, count, note in rows)


def _reader_rows(kind: str, tallies: list[ReaderTally], work: Workload) -> list[tuple[str, str, str]]:
    counts = [tally.reads for tally in tallies]
    named = [(f"reads, {kind} {number}", count) for number, count in enumerate(counts, 1)]
    if len(named) > MOST_ROWS:
        named = [(f"reads, slowest {kind}", min(counts)), (f"reads, fastest {kind}", max(counts))]
    return [(name, f"{count:,}", _rate(count, work)) for name, count in named]


def as_json(work: Workload, source: str, entries: int, cost: HandOver | None = None) -> dict[str, Any]:
    """The figures of `table`, for programs; durations in seconds."""
    mean, worst = _staleness(work)
    nodes = work.shared_nodes()
    return {
        "python": python_build(),
        "source": source,
        "entries": entries,
        "parts": len(work.written.last["parts"]),
        "seconds": work.seconds,
        "interrupted": work.interrupted,
        "reads": work.reads,
        "reads_per_second": work.reads / work.seconds,
        "reads_per_second_by_thread": [tally.reads / work.seconds for tally in work.read],
        "reads_per_second_by_interpreter": [
            tally.reads / work.seconds for tally in (work.crew.tallies if work.crew else [])
        ],
        "versions": work.written.versions,
        "versions_per_second": work.written.versions / work.seconds,
        "overtaken_reads": sum(tally.overtaken for tally in work.tallies),
        "staleness_mean_where_overtaken": mean,
        "staleness_worst": worst,
        "torn_reads": work.torn,
        "nodes": nodes and nodes._asdict(),
        "hand_over_seconds": cost and cost._asdict(),
    }


def _staleness(work: Workload) -> tuple[float, float]:
    """(mean over the overtaken reads, worst), in seconds."""
    tallies = work.tallies
    overtaken = sum(tally.overtaken for tally in tallies)
    lag = sum(tally.lag for tally in tallies)
    return (lag / overtaken if overtaken else 0.0), max(tally.worst_lag for tally in tallies)


def _rate(count: int, work: Workload) -> str:
    return f"{count / work.seconds:,.0f} a second"


def _percent(part: int, whole: int) -> str:
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds == 0 or seconds >= 0.0001 else f"{1000 * seconds:.4f} ms"
