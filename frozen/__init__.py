"""Immutable, persistent data structures for CPython, shared by threads and published through atomic references."""

from collections.abc import ItemsView, KeysView, Mapping, MutableMapping, ValuesView
from collections.abc import Set as AbstractSet

from frozen._core import AtomicRef, Map, MapItems, MapKeys, MapMutation, MapValues, Set, SetMutation, Watch, transaction
from frozen.convert import freeze, thaw

__all__ = [
    "AtomicRef",
    "Map",
    "MapItems",
    "MapKeys",
    "MapMutation",
    "MapValues",
    "Set",
    "SetMutation",
    "Watch",
    "freeze",
    "snapshot",
    "thaw",
    "transaction",
]
__version__ = "0.1.0"

snapshot = AtomicRef.snapshot

Mapping.register(Map)
MutableMapping.register(MapMutation)
KeysView.register(MapKeys)
ValuesView.register(MapValues)
ItemsView.register(MapItems)
AbstractSet.register(Set)
