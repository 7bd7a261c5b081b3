"""Redis as an engine: a hash and a stream for each reference."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from frozen.redis._line import Command, Line
from frozen.redis._scripts import PUBLISH, PUT_SNAPSHOT, UNLINK
from frozen.remote._engine import Entry, Head, Outcome, Publication, Snapshot, number_of
from frozen.remote._memory import KEPT, LEAST_LOG

__all__ = ["RedisEngine", "engine_of"]

UNLINKED = 7 * 24 * 3600
"""Seconds for which the server remembers that a reference was unlinked."""
_AT_ONCE = 200
"""Entries that are read of one log at a time."""

_engines: weakref.WeakValueDictionary[tuple[int, float], RedisEngine] = weakref.WeakValueDictionary()
_making = threading.RLock()  # a signal handler may attach while its own thread makes an engine


class RedisEngine:
    """An engine over the server of a client of redis-py or valkey-py. It has two connections of its own."""

    def __init__(self, client: Any, block: float = 1.0) -> None:
        if not block > 0:
            raise ValueError(f"block={block!r}: seconds, more than 0")
        self.block = block
        self._client = client
        patience = client.connection_pool.connection_kwargs.get("socket_timeout") or 5.0
        self._commands = Line(client, patience)
        self._following = Line(client, 2 * block + 0.5)

    def heads(self, names: Sequence[str]) -> list[Head]:
        return _heads(self._following.ask(*[command for name in names for command in _asking_for_head(name)]))

    def since(self, name: str, number: int) -> tuple[Head, Sequence[Entry]]:
        log = ("XRANGE", _log(name), f"({number}-0", "+")
        *found, entries = self._at_one_moment(*_asking_for_head(name), log)
        return _heads(found)[0], _entries(entries)

    def snapshot(self, name: str) -> Snapshot:
        whole = ("HMGET", _hash(name), "snapid", "snap")
        *found, (id, data), entries = self._at_one_moment(
            *_asking_for_head(name), whole, ("XRANGE", _log(name), "-", "+")
        )
        return Snapshot(_heads(found)[0], _text(id) or "", data, _entries(entries))

    def _at_one_moment(self, *commands: Command) -> list[Any]:
        return self._commands.ask(("MULTI",), *commands, ("EXEC",))[-1]  # type: ignore[no-any-return]

    def publish(self, name: str, publication: Publication) -> Outcome:
        expected, id, delta, snapshot, base, revive = publication
        kind, *rest = self._commands.call(
            PUBLISH,
            (_hash(name), _log(name)),
            *(expected, id, number_of(id), number_of(expected), delta, snapshot),
            *("" if base is None else base, "1" if revive else "", LEAST_LOG),
        )
        kind = kind.decode()
        if kind == "done":
            due, log_bytes, snapshot_bytes = rest
            return Outcome(kind, snapshot_due=bool(due), log_bytes=log_bytes, snapshot_bytes=snapshot_bytes)
        if kind in ("behind", "passed"):
            return Outcome(kind, _entries(rest[0]), is_trimmed=bool(rest[1:] and rest[1]))
        return Outcome(kind)

    def put_snapshot(self, name: str, id: str, data: bytes) -> bool:
        keys = _hash(name), _log(name)
        return bool(self._commands.call(PUT_SNAPSHOT, keys, id, number_of(id), data, KEPT, LEAST_LOG))

    def unlink(self, name: str) -> bool:
        return bool(self._commands.call(UNLINK, (_hash(name), _log(name)), UNLINKED))

    def wait(self, numbers: Mapping[str, int]) -> Mapping[str, Sequence[Entry]]:
        logs = {_log(name).encode(): name for name in numbers}
        positions = [f"{number}-0" for number in numbers.values()]
        block = max(1, int(1000 * self.block))
        found = self._following.ask(("XREAD", "COUNT", _AT_ONCE, "BLOCK", block, "STREAMS", *logs, *positions))[0]
        return {logs[log]: _entries(entries) for log, entries in found or ()}

    def interrupt(self) -> None:
        self._following.interrupt()

    def renew(self) -> None:
        self._commands.renew()
        self._following.renew()

    def close(self) -> None:
        self._following.close()
        self._commands.close()


def engine_of(client: Any, block: float) -> RedisEngine:
    """The engine of a client: one for all references with the same `block`."""
    if not hasattr(client, "connection_pool"):
        raise TypeError(f"RedisRef takes a client of redis-py or valkey-py, not a {type(client).__name__}")
    key = id(client.connection_pool), block
    with _making:
        engine = _engines.get(key)
        if engine is None:
            made = RedisEngine(client, block)
            engine = _engines.setdefault(key, made)  # a handler may have made one meanwhile
        return engine


def renew_lock() -> None:
    """In the child of a fork."""
    global _making
    _making = threading.RLock()


def _hash(name: str) -> str:
    return f"frozen:{{{name}}}"


def _log(name: str) -> str:
    return f"frozen:{{{name}}}:log"


def _asking_for_head(name: str) -> list[Command]:
    return [("HMGET", _hash(name), "id", "base", "gone", "snapid"), ("XLEN", _log(name))]


def _heads(replies: Sequence[Any]) -> list[Head]:
    heads = []
    for (id, base, gone, snapid), length in zip(replies[::2], replies[1::2], strict=True):
        whole = id is None or id == snapid or length > 0
        heads.append(Head(_text(id), None if base is None else int(base), gone is not None, whole))
    return heads


def _text(reply: bytes | None) -> str | None:
    return None if reply is None else reply.decode()


def _entries(replies: Sequence[Any]) -> list[Entry]:
    """Those that somebody else wrote have no parent, or one that nobody knows: a gap, as if they were missing."""
    entries = []
    for position, fields in replies:
        found = dict(zip(fields[::2], fields[1::2], strict=True))
        number = int(position.partition(b"-")[0])
        parent, id = (found.get(name, b"?").decode(errors="replace") for name in (b"p", b"i"))
        entries.append(Entry(number, parent, id, found.get(b"d", b"")))
    return entries
