"""The options of the commands, and how each run ends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from frozen import FileFormatError
from frozen._cli import commands
from frozen._cli.errors import CLOSED, INTERRUPTED, PROGRAM, UNUSABLE, CommandError, one_line
from frozen._cli.line import Line
from frozen._cli.texts import FORMATS
from frozen._cli.writing import OUTPUTS

EPILOG = """\
A document is a file that pack wrote, told by its first bytes, or JSON, TOML or YAML (with PyYAML), by its name or
--from. - is standard input: JSON, unless its first bytes or --from say something else.

exit status: 0; 1 if the answer is no (documents differ, nothing is at PATH, a file is damaged); 2 if something cannot
be read, written or used; 130 after Ctrl-C; 141 if nobody reads the output any more.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"{self.prog}: {one_line(message)} (--help says more)\n")


def main(argv: Sequence[str]) -> int:
    """Run a command and return its exit status; argparse exits by itself after --help, and if the usage is wrong."""
    options = _parser().parse_args(argv)
    line = Line(sys.stderr)
    try:
        status: int = options.run(options, line)
        line.clear()
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        line.clear()
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads any more: let the interpreter's own last flush go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except CommandError as error:
        line.complain(str(error))
        return error.status
    except FileFormatError as error:
        line.complain(str(error))
    except OSError as error:
        line.complain(f"{'' if error.filename is None else f'{error.filename!r}: '}{error.strerror or error}")
    except RecursionError:
        line.complain("the document is nested too deeply")
    except MemoryError:
        line.complain("not enough memory")
    return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=PROGRAM)
    adding = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Callable[..., int], description: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = adding.add_parser(
            run.__name__,
            description=description,
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(run=run)
        if run is not commands.verify:
            made.add_argument("--from", dest="source_form", choices=FORMATS, help="what the text is, whatever its name")
        return made

    pack = command(commands.pack, "Write a document as a file that frozen.open reads in place, in every process.")
    pack.add_argument("source", metavar="SOURCE")
    pack.add_argument("target", metavar="TARGET", help="replaced at one moment when all is written; -: standard output")

    show = command(commands.show, "Write a document as text. Keys of maps, which have no order, come sorted.")
    show.add_argument("file", metavar="FILE")
    _add_output(show, OUTPUTS, "json")

    get = command(commands.get, "Write what is at a path of a document: text as it is, everything else as JSON.")
    get.add_argument("file", metavar="FILE")
    get.add_argument("path", metavar="PATH", help="db.ports.0, or a JSON Pointer, /db/ports/0; . is the whole document")
    _add_output(get, ("text", *OUTPUTS), "text")

    diff = command(commands.diff, "Say what changed between two documents, a place a line.")
    diff.add_argument("old", metavar="A")
    diff.add_argument("new", metavar="B")
    how = diff.add_mutually_exclusive_group()
    how.add_argument("--json-patch", action="store_true", help="as a JSON Patch (RFC 6902) that makes B of A")
    how.add_argument("-q", "--quiet", action="store_true", help="by the exit status only")
    _add_lossy(diff)

    verify = command(commands.verify, "Compare the checksums of files that pack wrote, and read all that is in them.")
    verify.add_argument("files", metavar="FILE", nargs="+")
    return parser


def _add_output(parser: Any, outputs: tuple[str, ...], default: str) -> None:
    parser.add_argument("--as", dest="form", choices=outputs, default=default, help="default: %(default)s")
    _add_lossy(parser)


def _add_lossy(parser: Any) -> None:
    parser.add_argument(
        "--lossy",
        action="store_true",
        help="write what the format has not as something else: sets as arrays, dates as ISO 8601, bytes as base64, "
        "other values and keys as text, NaN and infinities as null; TOML leaves keys of null out",
    )
