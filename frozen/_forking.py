"""What a fork does to SharedRefs: each process has variables of its own from then on."""

from __future__ import annotations

import warnings


class ForkWarning(RuntimeWarning):
    """A child process published to a SharedRef that was made before the fork. No other process sees that value.

    It is given once for each variable in each process, at the first publication there.

    >>> issubclass(ForkWarning, RuntimeWarning)
    True
    """

    def __init__(self, *args: object) -> None:  # so that inspect finds a signature
        super().__init__(*args)


def warn(name: str | None) -> None:
    """Called by the core before that publication."""
    which = "an anonymous SharedRef" if name is None else f"SharedRef({name[:200]!r}, ...)"
    warnings.warn(
        f"{which} was made before this process was forked: what is published here, the parent and its other children "
        "do not see, nor does this process see theirs. A SharedRef is one variable for the interpreters and threads of "
        "one process: start workers as those, or send values between processes (a pipe, a queue). If this process is "
        "to have a variable of its own, make it after the fork",
        ForkWarning,
        stacklevel=2,
    )
