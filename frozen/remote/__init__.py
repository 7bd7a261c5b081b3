"""References to variables that live on a server, which many processes and machines follow."""

from frozen.remote._engine import Engine, Entry, Head, Outcome, Publication, Snapshot
from frozen.remote._errors import Refused, RejectedError, Unavailable, Uncertain
from frozen.remote._follower import Stats
from frozen.remote._memory import MemoryEngine, MemoryServer
from frozen.remote._reference import RemoteRef

__all__ = [
    "Engine",
    "Entry",
    "Head",
    "MemoryEngine",
    "MemoryServer",
    "Outcome",
    "Publication",
    "Refused",
    "RejectedError",
    "RemoteRef",
    "Snapshot",
    "Stats",
    "Unavailable",
    "Uncertain",
]

for _public in map(globals().get, __all__):
    _public.__module__ = __name__
