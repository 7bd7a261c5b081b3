"""Which values are secrets, and what is printed or logged in their place.

A predicate is given a path and says whether the value there is secret, with all that is in it.  Passwords inside of
URLs are masked wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector
from frozen._delta import ABSENT, Change, Delta, delta_of, tree_of
from frozen._records import field_values, record_kind

__all__ = ["MASKED", "IsSecret", "is_secret", "masked", "masked_delta"]

Path = tuple[Any, ...]
IsSecret = Callable[[Path], bool]

_WORDS = re.compile(
    "password|passwd|passphrase|pwd|secret|token|credential|authorization|api[_-]?key|access[_-]?key|private[_-]?key",
    re.IGNORECASE,
)
_KEY = re.compile(r"(^|[_-])[Kk][Ee][Yy][Ss]?$|[a-z0-9]Keys?$")
_IN_URL = re.compile(r"(://[^/\s:@]*:)(?!\d+/)\S+@")  # a password may hold what it should not, such as / and @


def is_secret(path: tuple[Any, ...], /) -> bool:
    """Whether a step of `path` names a secret: the default of what `Config` masks. O(length of the path).

    A name does if it contains password, passwd, passphrase, pwd, secret, token, credential, authorization, api_key,
    access_key or private_key, or if it is `key` or ends in `_key`, `-key` or `Key` (also `keys`). Case does not matter.

    >>> is_secret(("database", "password")), is_secret(("signing_key",)), is_secret(("database", "port"))
    (True, True, False)
    """
    return any(isinstance(step, str) and (_WORDS.search(step) or _KEY.search(step)) for step in path)


class _Masked:
    """Stands where a secret is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


MASKED = _Masked()


def _is_masked(secret: IsSecret, path: Path) -> bool:
    """What the predicate fails for may be a secret: one that expects names meets the indices of lists."""
    try:
        return bool(secret(path))
    except Exception:
        return True


def masked(value: Any, secret: IsSecret, path: Path = ()) -> Any:
    """`value`, which stands at `path`, for printing: with MASKED in place of secrets, and of what is in one. O(n)."""
    if value is ABSENT:
        return value
    if any(_is_masked(secret, path[:end]) for end in range(1, len(path))):
        return MASKED
    return _masked(value, secret, path)


def _masked(value: Any, secret: IsSecret, path: Path) -> Any:
    """The same where nothing on the way to the value is secret."""
    if path and _is_masked(secret, path):
        return MASKED
    if isinstance(value, str):
        return _IN_URL.sub(r"\1***@", value)
    if isinstance(value, (Map, SharedMap, Mapping)):
        return Map((key, _masked(part, secret, (*path, key))) for key, part in value.items())
    if isinstance(value, (list, tuple, Vector, SharedVector)):
        parts = [_masked(part, secret, (*path, index)) for index, part in enumerate(value)]
        return tuple(parts) if isinstance(value, tuple) else Vector(parts)
    if isinstance(value, (set, frozenset, Set, SharedSet)):
        return Set(_masked(part, secret, (*path, None)) for part in value)
    kind = record_kind(type(value))
    if kind is not None and not isinstance(value, type):
        return Map((name, _masked(part, secret, (*path, name))) for name, part in field_values(kind, value))
    return value


def masked_delta(delta: Delta, secret: IsSecret) -> Delta:
    """The same places, in the same order, with values for printing: a secret that changed is `*** -> ***`."""
    entries = []
    for path, (kinds, change) in delta._by_path().items():
        if kinds[-1:] == "s":
            path = (*path[:-1], masked(path[-1], secret, path))
        entries.append((kinds, path, Change(*(_masked_side(side, secret, path, kinds) for side in change))))
    return delta_of(tree_of(entries), delta.shared)


def _masked_side(side: Any, secret: IsSecret, path: Path, kinds: str) -> Any:
    if kinds[-1:] == "i":  # elements that are exchanged: one by one, so that there is a vector of them again
        return [masked(part, secret, (*path[:-1], 0)) for part in side]
    return masked(side, secret, path)
