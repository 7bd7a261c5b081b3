"""Immutable, persistent data structures for CPython, shared by threads and published through atomic references."""

from collections.abc import ItemsView, KeysView, Mapping, MutableSequence, Sequence, ValuesView
from collections.abc import Set as AbstractSet

try:
    from frozen._core import (
        AtomicCounter,
        AtomicMap,
        AtomicRef,
        Blob,
        Cache,
        FileMap,
        FileSet,
        FileVector,
        Handle,
        Map,
        MapItems,
        MapKeys,
        MapMutation,
        MapValues,
        Set,
        SetMutation,
        SharedAtomicCounter,
        SharedAtomicMap,
        SharedMap,
        SharedMapItems,
        SharedMapKeys,
        SharedMapMutation,
        SharedMapValues,
        SharedRef,
        SharedSet,
        SharedSetMutation,
        SharedVector,
        SharedVectorMutation,
        Vector,
        VectorMutation,
        Watch,
        decode,
        encode,
        immortalize,
        transaction,
    )
except ModuleNotFoundError as _missing:
    from frozen._not_built import explanation

    raise explanation(_missing) from None

from frozen._cache import cached
from frozen._convert import freeze, thaw
from frozen._delta import ABSENT, Change, ConflictError, Delta, JSONPatchError, Span, _Absent
from frozen._encoding import EncodingError
from frozen._file import FileFormatError, FileMapItems, FileMapKeys, FileMapValues, open, save
from frozen._forking import ForkWarning
from frozen._include import get_include
from frozen._merge import Conflict, MergeConflictError, merge3
from frozen._paths import delete_in, get_in, set_in, update_in
from frozen._sharing import NotShareableError, is_shareable, register_shareable, share

__all__ = [
    "ABSENT",
    "AtomicCounter",
    "AtomicMap",
    "AtomicRef",
    "Blob",
    "Cache",
    "Change",
    "Conflict",
    "ConflictError",
    "Delta",
    "EncodingError",
    "FileFormatError",
    "FileMap",
    "FileMapItems",
    "FileMapKeys",
    "FileMapValues",
    "FileSet",
    "FileVector",
    "ForkWarning",
    "Handle",
    "JSONPatchError",
    "Map",
    "MapItems",
    "MapKeys",
    "MapMutation",
    "MapValues",
    "MergeConflictError",
    "NotShareableError",
    "Set",
    "SetMutation",
    "SharedAtomicCounter",
    "SharedAtomicMap",
    "SharedMap",
    "SharedMapItems",
    "SharedMapKeys",
    "SharedMapMutation",
    "SharedMapValues",
    "SharedRef",
    "SharedSet",
    "SharedSetMutation",
    "SharedVector",
    "SharedVectorMutation",
    "Span",
    "Vector",
    "VectorMutation",
    "Watch",
    "cached",
    "decode",
    "delete_in",
    "encode",
    "freeze",
    "get_in",
    "get_include",
    "immortalize",
    "is_shareable",
    "merge3",
    "register_shareable",
    "save",
    "set_in",
    "share",
    "snapshot",
    "thaw",
    "transaction",
    "update_in",
]
__version__ = "0.1.0"

snapshot = AtomicRef.snapshot

# Every public name says that it is found here, whichever module defines it. Pickles name it so, and stay valid when it
# moves to another module; `_Absent` is the class that a pickle of ABSENT names.
for _public in (*map(globals().get, __all__), open, _Absent):
    if (getattr(_public, "__module__", None) or "").startswith("frozen."):
        _public.__module__ = __name__

Mapping.register(Map)
Mapping.register(SharedMap)
Mapping.register(AtomicMap)
Mapping.register(FileMap)
Mapping.register(SharedAtomicMap)
KeysView.register(MapKeys)
KeysView.register(SharedMapKeys)
ValuesView.register(MapValues)
ValuesView.register(SharedMapValues)
ItemsView.register(MapItems)
ItemsView.register(SharedMapItems)
AbstractSet.register(Set)
AbstractSet.register(SharedSet)
AbstractSet.register(FileSet)
Sequence.register(Vector)
Sequence.register(SharedVector)
Sequence.register(FileVector)
MutableSequence.register(VectorMutation)
MutableSequence.register(SharedVectorMutation)
