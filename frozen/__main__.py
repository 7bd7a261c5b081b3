"""`python -m frozen`: a command if the first word is the name of one, and otherwise the demonstration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from frozen._cli import COMMANDS


def main(argv: Sequence[str] | None = None) -> int:
    """Run what `argv`, by default sys.argv[1:], asks for, and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] in COMMANDS:
        from frozen._cli.main import main as run_command

        return run_command(arguments)
    from frozen._demo.main import main as demonstrate

    return demonstrate(arguments[arguments[:1] == ["demo"] :])


if __name__ == "__main__":
    sys.exit(main())
