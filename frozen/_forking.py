"""What a fork does to what interpreters share and change: each process has its own from then on."""

from __future__ import annotations

import warnings

from frozen._public import public


@public
class ForkWarning(RuntimeWarning):
    """A child process changed a SharedRef, SharedAtomicMap or SharedAtomicCounter that was made before the fork.

    No other process sees that change. The warning is given once for each of them in each process, at the first change
    there.

    >>> issubclass(ForkWarning, RuntimeWarning)
    True
    """

    def __init__(self, *args: object) -> None:  # so that inspect finds a signature
        super().__init__(*args)


def warn(kind: str, name: str | None) -> None:
    """Called by the core before that change."""
    which = f"an anonymous {kind}" if name is None else f"{kind}({name[:200]!r}, ...)"
    warnings.warn(
        f"{which} was made before this process was forked: what is published here, the parent and its other children "
        f"do not see, nor does this process see theirs. A {kind} is one variable for the interpreters and threads of "
        "one process: start workers as those, or send values between processes (a pipe, a queue). If this process is "
        "to have a variable of its own, make it after the fork",
        ForkWarning,
        stacklevel=2,
    )
