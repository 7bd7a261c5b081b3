"""Keys that make trouble on purpose: chosen hashes, errors on demand, counted calls, code run in mid-operation.

A test picks the shape of the tree by picking hashes: the trie reads a hash from its low bits upwards, `_core._BITS`
bits a level, so `HashKey(1)` and `HashKey(1 + (1 << BITS))` share the root's branch 1 and part one level below.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from frozen import _core

BITS: int = _core._BITS
"""Bits of the hash that choose a branch, per level."""

BRANCHES = 1 << BITS
LEVELS = -(-64 // BITS)
"""Levels that consume bits of the hash; keys that agree in all of them lie in a collision node one level deeper."""


def signed(hash64: int) -> int:
    """The 64-bit pattern as `__hash__` must return it. (-1 is no hash: Python turns it into -2.)"""
    hash64 &= (1 << 64) - 1
    return hash64 - (1 << 64) if hash64 >> 63 else hash64


def hash_of(*digits: int) -> int:
    """The hash with these digits from the root downwards, and 0 below them."""
    return signed(sum(digit << (BITS * level) for level, digit in enumerate(digits)))


class HashKey:
    """A key with a chosen 64-bit hash, equal to the keys of the same hash and name."""

    __slots__ = ("__weakref__", "hash", "name")

    crash: tuple[BaseException | None, BaseException | None] = (None, None)
    """What every `__hash__` and every `__eq__` raises at present: see HashKeyCrasher."""

    def __init__(self, hash: int, name: object = None) -> None:
        self.hash = hash
        self.name = name

    def __hash__(self) -> int:
        if HashKey.crash[0] is not None:
            raise HashKey.crash[0]
        return self.hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, HashKey):
            return NotImplemented
        if HashKey.crash[1] is not None:
            raise HashKey.crash[1]
        return self.hash == other.hash and self.name == other.name

    def __reduce__(self) -> tuple[Any, ...]:
        return HashKey, (self.hash, self.name)

    def __repr__(self) -> str:
        return f"HashKey({self.hash!r})" if self.name is None else f"HashKey({self.hash!r}, {self.name!r})"


class Crash(Exception):
    """What HashKeyCrasher makes keys raise."""


@contextlib.contextmanager
def HashKeyCrasher(*, on_hash: bool = False, on_eq: bool = False) -> Iterator[Crash]:
    """Inside, `__hash__` and `__eq__` of every HashKey raise the Crash that `as` names."""
    crash = Crash("on demand")
    before = HashKey.crash
    HashKey.crash = (crash if on_hash else None, crash if on_eq else None)
    try:
        yield crash
    finally:
        HashKey.crash = before


class CountingKey(HashKey):
    """Counts how often it was hashed and compared (on either side of `==`)."""

    __slots__ = ("compared", "hashed")

    def __init__(self, hash: int, name: object = None) -> None:
        super().__init__(hash, name)
        self.hashed = self.compared = 0

    def __hash__(self) -> int:
        self.hashed += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        self.compared += 1
        if isinstance(other, CountingKey):
            other.compared += 1
        return super().__eq__(other)


class ActingKey(HashKey):
    """Calls `on_eq()` before every comparison and `on_hash()` before every hash: re-entry, or the world changed."""

    __slots__ = ("on_eq", "on_hash")

    def __init__(self, hash: int, name: object = None) -> None:
        super().__init__(hash, name)
        self.on_eq: Callable[[], Any] | None = None
        self.on_hash: Callable[[], Any] | None = None

    def __hash__(self) -> int:
        if self.on_hash is not None:
            self.on_hash()
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        for key in (self, other):
            if isinstance(key, ActingKey) and key.on_eq is not None:
                key.on_eq()
        return super().__eq__(other)


def count_calls(keys: list[CountingKey], action: Callable[[], Any]) -> tuple[int, int]:
    """(calls of `__hash__`, calls of `__eq__`) that `action()` causes on these keys."""
    before = sum(key.hashed for key in keys), sum(key.compared for key in keys)
    action()
    return sum(key.hashed for key in keys) - before[0], sum(key.compared for key in keys) - before[1]


def colliding(count: int, hash: int = 5) -> list[HashKey]:
    """Different keys of one full hash."""
    return [HashKey(hash, index) for index in range(count)]


def expected_dump(keys: Any) -> str:
    """The tree that these keys must have, whatever was done to get there, in the format of `_core._dump`.

    The definition of the canonical form, without any of the trie's algorithms: a branch with one key is an entry, a
    branch with several is a child, and past the last level all that is left lies in one collision node.
    """
    lines: list[str] = []

    def describe(hashes: list[int], level: int) -> None:
        branches: dict[int, list[int]] = {}
        if level < LEVELS:
            for value in hashes:
                branches.setdefault((value >> (BITS * level)) & (BRANCHES - 1), []).append(value)
        children = [branch for _, branch in sorted(branches.items()) if len(branch) > 1]
        entries = len(branches) - len(children) if level < LEVELS else len(hashes)
        lines.append(f"{'  ' * level}{'node' if level < LEVELS else 'collision'} {entries} {len(children)}")
        for branch in children:
            describe(branch, level + 1)

    describe([hash(key) & ((1 << 64) - 1) for key in keys], 0)
    return "\n".join(lines)
