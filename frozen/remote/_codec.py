"""Versions as bytes: whole, and as what changed.

A delta is a byte that says its kind, and an encoded value. "v": the new version as a whole. "d": a tuple with an entry
for each changed place, `(kinds, path, new)`, or `(kinds, path)` if nothing is there any more. Kinds and paths are those
of `Delta` (frozen/_delta.py); a Span is written as its two ints. The old values are not written: the log names the
version that it leads from, so the reader has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from frozen._apply import apply_tree
from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector, decode, encode
from frozen._delta import ABSENT, Change, Span, entries_of, show_place, tree_of
from frozen._diff import difference
from frozen._encoding import EncodingError
from frozen._share import share
from frozen.remote._batch import Drafts

__all__ = ["Codec", "size_after"]

_NOTHING_CHANGED = b"d" + encode(())


class Codec:
    """How one reference writes and reads its versions."""

    def __init__(self, types: Iterable[type] | Mapping[str, type], shared: bool, max_bytes: int | None) -> None:
        self.types = types if isinstance(types, Mapping) else (*types,)
        self.shared = shared
        self.max_bytes = max_bytes
        encode(None, types=self.types)  # TypeError for what is no class that can be named

    def encode(self, value: Any) -> bytes:
        """EncodingError, with the path, for what cannot be encoded."""
        return encode(value, types=self.types)

    def encode_new(self, value: Any) -> bytes:
        """As `encode`, of a version that is about to be published: EncodingError if it is larger than `max_bytes`."""
        data = self.encode(value)
        if self.max_bytes is not None and len(data) > self.max_bytes:
            raise EncodingError(f"the value takes {len(data):,} bytes, more than max_bytes={self.max_bytes:,}")
        return data

    def decode(self, data: bytes | memoryview) -> Any:
        return self._decoded(data, self.max_bytes)

    def decode_own(self, data: bytes) -> Any:
        """As `decode`, of what this machine wrote: a follower holds, and saves, what deltas have grown too."""
        return self._decoded(data, None)

    def _decoded(self, data: bytes | memoryview, max_bytes: int | None) -> Any:
        value = decode(data, types=self.types, max_bytes=max_bytes)
        return share(value) if self.shared else value

    def own(self, value: Any) -> Any:
        """The value in the form that the local reference holds."""
        return share(value) if self.shared else value

    def grafted(self, old: Any, new: Any) -> Any:
        """`new`, made of `old` and what differs, so that the two share the rest: watches then see small diffs."""
        root = difference(old, new)
        return old if root is None else apply_tree(old, root)

    def delta(self, old: Any, new: Any) -> bytes:
        """What leads from `old` to `new`."""
        root = difference(old, new)
        if root is None:
            return _NOTHING_CHANGED
        if type(root) is Change:
            return b"v" + self.encode_new(new)
        entries = list(entries_of(root))
        try:
            return b"d" + encode((*[_written(*entry) for entry in entries],), types=self.types)
        except EncodingError:
            self._raise_in_place(entries)
            raise

    def _raise_in_place(self, entries: Iterable[tuple[str, Any, Change]]) -> None:
        """The error again, with the path in the data instead of that in the delta."""
        for _, path, change in entries:
            try:
                encode(path, types=self.types)
                encode(None if change.new is ABSENT else change.new, types=self.types)
            except EncodingError as error:
                raise EncodingError(error.reason, show_place(path) + (error.path or "")) from None

    def apply(self, old: Any, deltas: Iterable[bytes]) -> Any:
        """The version that `deltas` lead to, one after the other, from `old`.

        EncodingError for what is no delta of such a version; `old` is whole then, and nothing else is left.
        """
        own = share if self.shared else None
        drafts = Drafts(old, own)
        for delta in deltas:
            kind, content = delta[:1], memoryview(delta)[1:]
            if kind == b"v":
                drafts = Drafts(self.decode(content), own)
                continue
            if kind != b"d":
                raise EncodingError(f"a delta of the unknown kind {kind!r}")
            entries = decode(content, types=self.types, max_bytes=self.max_bytes)
            try:
                if not drafts.write(entries):
                    drafts = Drafts(_applied(drafts.finish(), entries), own)
            except EncodingError:
                raise
            except Exception as error:  # whatever a damaged one leads to
                raise EncodingError(f"a delta that does not fit: {type(error).__name__}: {error}"[:300]) from error
        return drafts.finish()


def _applied(old: Any, entries: Any) -> Any:
    root = tree_of(_read(old, *entry) for entry in entries)
    return old if root is None else apply_tree(old, root)


def size_after(size: int, delta: bytes) -> int:
    """What a version takes at most, encoded, to which a delta leads from one that takes `size` bytes."""
    return len(delta) - 1 if delta[:1] == b"v" else size + len(delta)


def _written(kinds: str, path: tuple[Any, ...], change: Change) -> tuple[Any, ...]:
    if kinds[-1:] == "i":
        path = (*path[:-1], (*path[-1],))
    return (kinds, path) if change.new is ABSENT else (kinds, path, change.new)


def _read(old: Any, kinds: str, path: tuple[Any, ...], new: Any = ABSENT) -> tuple[str, Any, Change]:
    """The entry as `tree_of` takes it: with the old value, which is looked up."""
    if len(kinds) != len(path) or not kinds:
        raise EncodingError("a delta whose path has another length than its kinds")
    if kinds[-1] == "i":
        path = (*path[:-1], Span(*path[-1]))
    found = old
    for kind, step in zip(kinds, path, strict=True):
        found = _step(found, kind, step)
    return kinds, path, Change(found, new)


def _step(found: Any, kind: str, step: Any) -> Any:
    if kind == "m" and found is ABSENT:
        return ABSENT
    if kind == "m" and isinstance(found, (Map, SharedMap)):
        return found.get(step, ABSENT)
    if kind == "v" and isinstance(found, (Vector, SharedVector)):
        return found[step]
    if kind == "i" and isinstance(found, (Vector, SharedVector)):
        return found[step.start : step.stop]
    if kind == "s" and isinstance(found, (Set, SharedSet)):
        return step if step in found else ABSENT
    raise EncodingError(f"a delta with a step of kind {kind!r} into a {type(found).__name__}")
