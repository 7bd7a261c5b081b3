"""Redis as an engine: a hash, a stream and a string for each reference."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from frozen.redis._line import Command, Line
from frozen.redis._scripts import PUBLISH, PUT_SNAPSHOT, UNLINK, Script
from frozen.remote._engine import Entry, Head, Outcome, Publication, Snapshot

__all__ = ["RedisEngine", "engine_of"]

UNLINKED = 7 * 24 * 3600
"""Seconds for which the server remembers that a reference was unlinked."""
_AT_ONCE = 200
"""Entries that are read of one log at a time."""

_engines: weakref.WeakValueDictionary[tuple[int, float], RedisEngine] = weakref.WeakValueDictionary()
_making = threading.RLock()  # a signal handler may attach while its own thread makes an engine


class RedisEngine:
    """An engine over the server of a client of redis-py or valkey-py. It has two connections of its own.

    A third one is there while a snapshot is sent: publications do not wait for it, and the server keeps a buffer of the
    snapshot's size for some seconds for each connection over which one came.
    """

    def __init__(self, client: Any, block: float = 1.0) -> None:
        if not block > 0:
            raise ValueError(f"block={block!r}: seconds, more than 0")
        self.block = block
        self._client = client
        patience = client.connection_pool.connection_kwargs.get("socket_timeout") or 5.0
        self._commands = Line(client, patience)
        self._following = Line(client, 2 * block + 0.5)
        self._snapshots = Line(client, patience)

    def heads(self, names: Sequence[str]) -> list[Head]:
        return _heads(self._following.ask(*[command for name in names for command in _asking_for_head(name)]))

    def since(self, name: str, number: int) -> tuple[Head, Sequence[Entry]]:
        log = ("XRANGE", _log(name), f"({number}-0", "+")
        *found, entries = _at_one_moment(self._commands, *_asking_for_head(name), log)
        return _heads(found)[0], _entries(entries)

    def snapshot(self, name: str) -> Snapshot:
        whole = ("HMGET", _hash(name), "snapid"), ("GET", _snap(name)), ("XRANGE", _log(name), "-", "+")
        *found, (id,), data, entries = _at_one_moment(self._commands, *_asking_for_head(name), *whole)
        return Snapshot(_heads(found)[0], _text(id) or "", data, _entries(entries))

    def publish(self, name: str, publication: Publication) -> Outcome:
        expected, id, delta, snapshot, base, revive = publication
        arguments = expected, id, delta, "" if base is None else base, "1" if revive else ""
        kind, *rest = (
            _with_snapshot(self._commands, PUBLISH, name, snapshot, *arguments)
            if snapshot
            else self._commands.call(PUBLISH, _keys(name), *arguments)
        )
        kind = kind.decode()
        if kind == "done":
            due, log_bytes, snapshot_bytes = rest
            return Outcome(kind, snapshot_due=bool(due), log_bytes=log_bytes, snapshot_bytes=snapshot_bytes)
        if kind in ("behind", "passed"):
            return Outcome(kind, _entries(rest[0]), is_trimmed=bool(rest[1:] and rest[1]))
        return Outcome(kind)

    def put_snapshot(self, name: str, id: str, data: bytes) -> bool:
        try:
            return bool(_with_snapshot(self._snapshots, PUT_SNAPSHOT, name, data, id))
        finally:
            self._snapshots.close()

    def unlink(self, name: str) -> bool:
        return bool(self._commands.call(UNLINK, _keys(name), UNLINKED))

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
        self._snapshots.renew()

    def close(self) -> None:
        self._following.close()
        self._commands.close()
        self._snapshots.close()


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


def _snap(name: str) -> str:
    return f"frozen:{{{name}}}:snap"


def _keys(name: str) -> tuple[str, str, str]:
    return _hash(name), _log(name), _snap(name)


def _at_one_moment(line: Line, *commands: Command) -> list[Any]:
    return line.ask(("MULTI",), *commands, ("EXEC",))[-1]  # type: ignore[no-any-return]


def _with_snapshot(line: Line, script: Script, name: str, data: bytes, *arguments: str | bytes | int) -> Any:
    """What a script returns that puts a snapshot in its place. Nobody else sees the key that brings it."""
    staged = f"frozen:{{{name}}}:new"
    call = ("EVAL", script.text, 4, *_keys(name), staged, *arguments)
    return _at_one_moment(line, ("SET", staged, data), call, ("DEL", staged))[1]


def _asking_for_head(name: str) -> list[Command]:
    return [("HMGET", _hash(name), "id", "base", "gone", "snapid"), ("XLEN", _log(name)), ("EXISTS", _snap(name))]


def _heads(replies: Sequence[Any]) -> list[Head]:
    heads = []
    for (id, base, gone, snapid), length, has_snapshot in zip(*[iter(replies)] * 3, strict=True):
        whole = id is None or (has_snapshot and (id == snapid or length > 0))
        heads.append(Head(_text(id), None if base is None else int(base), gone is not None, bool(whole)))
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
