"""Immutable, persistent data structures for CPython, shared by threads and published through atomic references."""

from frozen._core import AtomicRef

__all__ = ["AtomicRef"]
__version__ = "0.1.0"
