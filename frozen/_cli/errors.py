"""The errors that a command reports in one line, and the exit statuses."""

from __future__ import annotations

PROGRAM = "python -m frozen"

OK = 0
NO = 1
"""The answer of a command that asks something is no: the documents differ, nothing is there, a file is damaged."""
UNUSABLE = 2
INTERRUPTED = 130
CLOSED = 141


class CommandError(Exception):
    """What a command cannot do; the message is for the user."""

    def __init__(self, message: str, status: int = UNUSABLE) -> None:
        super().__init__(message)
        self.status = status


class LoadError(CommandError):
    """A document that cannot be read or used."""


def one_line(text: object) -> str:
    """The text on one line, without what a terminal would act upon."""
    folded = " ".join(str(text).split())
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in folded)
