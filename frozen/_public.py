"""What `frozen` offers to its users says that it is found there, whichever module defines it.

Pickles name it so, and stay valid when it moves. This module imports nothing, because `import frozen` runs it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")


def public(item: "T") -> "T":
    """A decorator of functions and classes."""
    item.__module__ = "frozen"
    return item
