"""`python -m frozen [FILE]`, also `python -m frozen demo [FILE]`: the library at work.

A configuration is frozen and put behind an AtomicRef, and its shared form behind a SharedRef.  Threads read the one and
other interpreters the other: they look entries up and check each version they see, while a writer publishes one version
after the other.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence

import frozen
from frozen import AtomicRef
from frozen._cli.errors import LoadError
from frozen._demo import hand_over, isolated
from frozen._demo.document import entry_paths, first_version
from frozen._demo.loading import about_this_python, load_file
from frozen._demo.report import LiveLine, as_json, python_build, table
from frozen._demo.workload import Workload

PROGRAM = "python -m frozen"

EPILOG = """\
what is counted:
  read         take the current version from the reference and look one entry up
               in it; a version seen for the first time is checked as well, and
               once more when it has been replaced: every part must carry its stamp
  torn read    parts of different versions, an entry changed by a later version,
               a version that changed after it was published, or one older than
               the one seen before; there must be none
  staleness    at the end of a read, how much later than the version it used the
               latest version was published; 0 for all reads but the overtaken
  hand-over    how long it takes until another interpreter has a version: published
               and taken from the SharedRef, or as dicts and lists, pickled
  nodes shared the nodes of a version's tries that are those of the version
               before it, at the same address

exit status: 0; 1 after a torn read; 2 if FILE or an option cannot be used;
130 after Ctrl-C, which ends the run early and still shows the table.

commands, in place of FILE (a file of such a name is ./NAME); COMMAND --help says more:
  pack    write JSON, TOML or YAML as a file that every process reads in place
  show    such a file as JSON, TOML, YAML or Python
  get     one value of it
  diff    what changed between two
  verify  whether files are sound
  demo    this demonstration
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration and return its exit status; `argv` is sys.argv[1:] by default."""
    try:
        return _run(_parser().parse_args(argv))
    except LoadError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the first read or after the last: nothing to show
        return 130
    except BrokenPipeError:  # nobody reads any more: let the interpreter's own last flush go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Threads and interpreters read one frozen configuration while a writer publishes new versions.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    readers = max(2, min(8, os.cpu_count() or 2))
    add = parser.add_argument
    add(
        "file",
        metavar="FILE",
        nargs="?",
        help="JSON, or TOML or YAML (with PyYAML) if named so; -: JSON from standard input; "
        "default: what this Python knows about itself",
    )
    add(
        "--threads",
        metavar="N",
        type=_count,
        default=readers,
        help="reader threads (default here: %(default)s)",
    )
    add(
        "--interpreters",
        metavar="N",
        type=_interpreters,
        default=2 if isolated.AVAILABLE else 0,
        help="readers in interpreters with a GIL of their own, from Python 3.12 on (default here: %(default)s)",
    )
    add(
        "--seconds",
        metavar="S",
        type=_amount,
        default=5.0,
        help="how long to run, 0: until Ctrl-C (default: %(default)g)",
    )
    add(
        "--rate",
        metavar="R",
        type=_amount,
        default=1000.0,
        help="versions a second, 0: no limit (default: %(default)g)",
    )
    add("--json", action="store_true", help="print the figures as one JSON object")
    add("--version", action="version", version=f"frozen {frozen.__version__} on {python_build()}")
    return parser


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return number


def _interpreters(text: str) -> int:
    number = 0 if text == "0" else _count(text)
    if number and not isolated.AVAILABLE:
        raise argparse.ArgumentTypeError(
            f"{text!r}, but interpreters with a GIL of their own need Python 3.12 or later"
        )
    return number


def _amount(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return number


def _run(options: argparse.Namespace) -> int:
    source = "standard input" if options.file == "-" else options.file or "what this Python knows about itself"
    live = LiveLine(sys.stderr)
    try:
        live.say(f"reading {source} ...")
        config = load_file(options.file) if options.file else about_this_python()
        live.say("freezing it ...")
        doc = first_version(config)
        entries = len(entry_paths(doc))
    finally:
        live.clear()
    if not entries:
        raise LoadError(f"{source!r} holds empty containers only: there is nothing to look up")
    if not options.json:
        print(f"frozen {frozen.__version__} on {python_build()}")
        print(f"{source}: {entries:,} entries in {len(doc['parts'])} parts", flush=True)
    work = Workload(AtomicRef(doc), options.threads, options.rate, options.interpreters)
    try:
        work.run(options.seconds or math.inf, live.show)
    finally:
        live.clear()
    cost = hand_over.compare(work.crew.ref.get()) if work.crew and not work.interrupted else None
    print(json.dumps(as_json(work, source, entries, cost), indent=2) if options.json else table(work, cost), flush=True)
    if work.torn:
        return 1
    return 130 if work.interrupted else 0
