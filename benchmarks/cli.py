"""The command line that the benchmarks share."""

import argparse
import os
import sys
import sysconfig
import time
from pathlib import Path

import report
from peers import installed

SIZES = (10, 1_000, 100_000, 1_000_000)


def parse(doc, peers, sizes, subject):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, metavar="N", help="entries of the containers")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="rows to measure, by the name in the JSON")
    parser.add_argument("--peers", nargs="+", choices=[p.name for p in peers], help="default: all that are installed")
    parser.add_argument("--subject", default=subject, choices=[p.name for p in peers], help="whose ratios are shown")
    parser.add_argument("--rounds", type=int, default=21, help="of the interleaved run (default: 21)")
    parser.add_argument("--seconds", type=float, default=3, help="at most, for one row at one size (default: 3)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="for the JSON, Markdown and plot: default none")
    options = parser.parse_args()
    options.wants = lambda row: not options.only or row.name in options.only
    return options


def keep_gil_off():
    """Start again with PYTHON_GIL=0 on a free-threaded build, where an import of a peer could turn the GIL on."""
    if sysconfig.get_config_var("Py_GIL_DISABLED") and os.environ.get("PYTHON_GIL") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHON_GIL": "0"})


def main(name, peers, rows, doc, summary=lambda rows: [], sizes=SIZES, subject="frozen", plot=report.plot):
    """Run a benchmark; the exit status says nothing about targets, which depend on the machine."""
    options = parse(doc, peers, sizes, subject)
    found, missing = installed([p for p in peers if not options.peers or p.name in (*options.peers, options.subject)])
    for absent, why in missing.items():
        print(f"{absent} is left out: {why}", file=sys.stderr)
    if options.subject in missing:
        return 2
    done, started = [], time.perf_counter()
    for row in rows(options, found):
        done.append(row)
        print(f"{time.perf_counter() - started:5.0f} s  n = {row.n:,}: {row.title}", file=sys.stderr, flush=True)
    done += summary(done)
    print(report.text(done))
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        facts = report.facts(options, found, missing)
        (options.output / f"{name}.json").write_text(report.as_json(done, facts))
        (options.output / f"{name}.md").write_text(report.markdown(done, facts))
        report.plotted(plot, done, options.subject, options.output / f"{name}.png")
    return 0
