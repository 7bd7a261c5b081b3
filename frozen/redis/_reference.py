"""`RedisRef`: a RemoteRef whose engine is made of a client."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar

from frozen.redis._engine import engine_of, renew_lock
from frozen.remote._reference import _MISSING, RemoteRef

__all__ = ["RedisRef"]

T = TypeVar("T")
Path = str | os.PathLike[str]
Types = Iterable[type] | Mapping[str, type]


class RedisRef(RemoteRef[T]):
    """A variable that all processes that attach to it on one Redis or Valkey server read and replace atomically.

    `RedisRef(client, name, initial)` makes it, `attach` finds it or makes it, `unlink` removes it. `client` is of
    redis-py or valkey-py, and brings the address, TLS, and authentication; its connections are not used, but others are
    made like them: one on which a thread follows all references of the client, and one to publish on.

    Reads never touch the network. A version is published by one script at the server, which compares and sets; what is
    sent is what changed. `block` is the pace of the heartbeat in seconds: a network that fails silently is noticed
    within 2 * block + 1. The other arguments are RemoteRef's; docs/redis.md says what holds.

    >>> import redis  # doctest: +SKIP
    >>> config = RedisRef.attach(redis.Redis(), "app:config", initial=Map())  # doctest: +SKIP
    >>> config.update(Map.set, "timeout", 60)  # doctest: +SKIP
    Map({'timeout': 60})
    """

    __slots__ = ()

    def __init__(
        self,
        client: Any,
        name: str,
        initial: T,
        *,
        cache: Path | None = None,
        check: Callable[[Any], object] | None = None,
        types: Types = (),
        shared: bool | str = False,
        block: float = 1.0,
        max_bytes: int | None = 64 << 20,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(
            engine_of(client, block),
            _checked(name),
            initial,
            cache=cache,
            check=check,
            types=types,
            shared=shared,
            max_bytes=max_bytes,
            timeout=timeout,
        )

    @classmethod
    def attach(
        cls,
        client: Any,
        name: str,
        *,
        initial: Any = _MISSING,
        cache: Path | None = None,
        check: Callable[[Any], object] | None = None,
        types: Types = (),
        shared: bool | str = False,
        block: float = 1.0,
        max_bytes: int | None = 64 << 20,
        timeout: float = 10.0,
    ) -> Self:
        """Return the reference of that name; make it with `initial`, if that is given and there is none.

        Where the server cannot be reached, it starts with the version in the file `cache`, and says so by `age` and
        `error`. Raises LookupError if there is no such reference; Unavailable if there is neither server nor file.

        >>> RedisRef.attach(redis.Redis(), "app:config").get()  # doctest: +SKIP
        Map({'timeout': 60})
        """
        return super().attach(
            engine_of(client, block),
            _checked(name),
            initial=initial,
            cache=cache,
            check=check,
            types=types,
            shared=shared,
            max_bytes=max_bytes,
            timeout=timeout,
        )

    @staticmethod
    def unlink(client: Any, name: str) -> None:
        """Remove the reference from the server. LookupError if there is none.

        Those who hold it keep its last value, and no longer publish (LookupError) until it is made anew. The server
        remembers for a week that it was removed: a process that was away for longer puts it back.

        >>> RedisRef.unlink(redis.Redis(), "app:config")  # doctest: +SKIP
        """
        RemoteRef.unlink(engine_of(client, 1.0), _checked(name))


def _checked(name: str) -> str:
    if isinstance(name, str) and name.startswith("}"):
        raise ValueError(f"a name that starts with a brace would put its keys into two slots: {name!r}")
    return name


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_lock)
