"""What a remote reference raises."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Refused", "RejectedError", "Unavailable", "Uncertain"]


class Unavailable(ConnectionError):
    """The server cannot be reached. Nothing was published.

    Readers go on with the last version that they have. A reference that has none, because the program has just started
    and there is no cache file, is not made at all: there is no value that could stand in for the missing one.

    >>> issubclass(Unavailable, ConnectionError)
    True
    """

    def __init__(self, *args: object) -> None:  # so that inspect finds a signature
        super().__init__(*args)


class Refused(Unavailable):
    """The server answered with an error, and did nothing: no permission, no memory, not the type of key expected.

    `transient` says whether it may do so soon: it is loading its data, or is a replica that is about to lead.

    >>> Refused("OOM", transient=False).transient
    False
    """

    def __init__(self, *args: object, transient: bool = False) -> None:
        super().__init__(*args)
        self.transient = transient


class Stuck(Unavailable):
    """The server answers, but this reference cannot go on to its newest version now. Others can."""


class Uncertain(ConnectionError):
    """The publication was sent, and no answer came. It may have been published, or may still be.

    `repeat()` sends the same publication again, under the same identity, so that it takes effect once at most. It
    returns whether it is published now, by this call or before; False means that another version came first, and that
    this one will never be published. It raises Uncertain or Unavailable if the server is still out of reach.

    >>> issubclass(Uncertain, ConnectionError)
    True
    """

    def __init__(self, *args: object, repeat: Callable[[], bool] | None = None) -> None:
        super().__init__(*args)
        self._repeat = repeat

    def repeat(self) -> bool:
        """Send the same publication again, and return whether it is published.

        Raises Uncertain again while no answer comes, and where the server no longer knows.

        >>> Uncertain("no answer", repeat=lambda: True).repeat()
        True
        """
        if self._repeat is None:
            raise self
        return self._repeat()


class RejectedError(ValueError):
    """The newest version was kept out here, so there is no value that an update could be computed from.

    `check=` refused it, or it cannot be decoded (`__cause__` says so). `get` returns the last good version; an update
    of that one would undo the newest. `set` and `exchange` replace it.

    >>> issubclass(RejectedError, ValueError)
    True
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
