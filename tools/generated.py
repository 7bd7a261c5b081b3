"""The command line of the scripts that generate a file: they write it, or say with `--check` whether it is stale."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(file: Path, text: str, arguments: Sequence[str], usage: str | None) -> None:
    """Write `text` to `file`; with `--check` exit with an error instead if the file holds something else."""
    if not arguments:
        file.write_text(text)
    elif list(arguments) != ["--check"]:
        sys.exit(usage)
    elif not file.exists() or file.read_text() != text:
        sys.exit(f"{file} is stale: run `python {sys.argv[0]}`")
