"""Immutable, persistent data structures for CPython, shared by threads and published through atomic references."""

from collections.abc import ItemsView, KeysView, Mapping, MutableSequence, Sequence, ValuesView
from collections.abc import Set as AbstractSet

from frozen._core import (
    AtomicRef,
    Map,
    MapItems,
    MapKeys,
    MapMutation,
    MapValues,
    Set,
    SetMutation,
    Vector,
    VectorMutation,
    Watch,
    transaction,
)
from frozen.convert import freeze, thaw
from frozen.delta import Delta
from frozen.paths import delete_in, get_in, set_in, update_in

__all__ = [
    "AtomicRef",
    "Delta",
    "Map",
    "MapItems",
    "MapKeys",
    "MapMutation",
    "MapValues",
    "Set",
    "SetMutation",
    "Vector",
    "VectorMutation",
    "Watch",
    "delete_in",
    "freeze",
    "get_in",
    "set_in",
    "snapshot",
    "thaw",
    "transaction",
    "update_in",
]
__version__ = "0.1.0"

snapshot = AtomicRef.snapshot

Mapping.register(Map)
KeysView.register(MapKeys)
ValuesView.register(MapValues)
ItemsView.register(MapItems)
AbstractSet.register(Set)
Sequence.register(Vector)
MutableSequence.register(VectorMutation)
