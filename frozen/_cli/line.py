"""One line on a terminal that says how far long work has got."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from frozen._cli.errors import PROGRAM, one_line


class Line:
    """Rewritten in place; nothing where the stream is no terminal, or None: it was closed before Python started."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.active = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._due = 0.0

    def say(self, text: str) -> None:
        """What takes a while: "reading config.json ..."."""
        if self.active:
            self._write(text[: shutil.get_terminal_size().columns - 1])

    def count(self, text: str) -> Callable[[int], None]:
        """A function that says how many there are by now, at most ten times a second; it is put at the last {}."""

        def show(number: int) -> None:
            if self.active and time.monotonic() >= self._due:
                self._due = time.monotonic() + 0.1
                before, _, after = text.rpartition("{}")
                self.say(f"{before}{number:,}{after}")

        return show

    def clear(self) -> None:
        if self.active:
            self._write("")

    def complain(self, message: str) -> None:
        """An error, which is said in any case."""
        self.clear()
        if self.stream is not None:
            print(f"{PROGRAM}: {one_line(message)}", file=self.stream)

    def _write(self, text: str) -> None:
        assert self.stream is not None
        self.stream.write(f"\r\x1b[K{text}")
        self.stream.flush()
