"""ABSENT, in place of a value that is not there."""

from enum import Enum

from frozen._public import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


@public
class _Absent(Enum):
    """The type of ABSENT, which a Change has in place of the value of a key that is not there.

    >>> Map().diff(Map(a=1))["a",].old is ABSENT
    True
    """

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: "Final" = _Absent.ABSENT
"""Stands in a Change for the value of a key that was not there, or is there no longer."""
