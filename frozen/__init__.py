"""Immutable, persistent data structures for CPython, shared by threads and published through atomic references."""

from collections.abc import ItemsView, KeysView, Mapping, MutableSequence, Sequence, ValuesView
from collections.abc import Set as AbstractSet
from importlib import import_module

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

from frozen._public import public

TYPE_CHECKING = False  # as in typing, which `import frozen` leaves out
if TYPE_CHECKING:
    from frozen._absent import ABSENT
    from frozen._cache import cached
    from frozen._convert import freeze, thaw
    from frozen._delta import Change, ConflictError, Delta, JSONPatchError, Span
    from frozen._encoding import EncodingError
    from frozen._file import FileFormatError, FileMapItems, FileMapKeys, FileMapValues, save
    from frozen._file import open as open
    from frozen._file_ref import FileRef
    from frozen._forking import ForkWarning
    from frozen._include import get_include
    from frozen._merge import Conflict, MergeConflictError, merge3
    from frozen._paths import delete_in, get_in, set_in, update_in
    from frozen._share import share
    from frozen._sharing import NotShareableError, is_shareable, register_shareable

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
    "FileRef",
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
for _function in (decode, encode, immortalize):
    public(_function)

# What is written in Python is imported when it is first asked for: an interpreter that only reads what others share
# imports none of it, nor typing, dataclasses and what they need.
_PYTHON_LAYER = {
    "_absent": ("ABSENT", "_Absent"),  # the class is what a pickle of ABSENT names
    "_cache": ("cached",),
    "_convert": ("freeze", "thaw"),
    "_delta": ("Change", "ConflictError", "Delta", "JSONPatchError", "Span"),
    "_encoding": ("EncodingError",),
    "_file": ("FileFormatError", "FileMapItems", "FileMapKeys", "FileMapValues", "open", "save"),
    "_file_ref": ("FileRef",),
    "_forking": ("ForkWarning",),
    "_include": ("get_include",),
    "_merge": ("Conflict", "MergeConflictError", "merge3"),
    "_paths": ("delete_in", "get_in", "set_in", "update_in"),
    "_share": ("share",),
    "_sharing": ("NotShareableError", "is_shareable", "register_shareable"),
}
_MODULE_OF = {name: module for module, names in _PYTHON_LAYER.items() for name in names}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'frozen' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module("frozen." + module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})


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
