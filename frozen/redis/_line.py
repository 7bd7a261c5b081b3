"""One connection to the server, made by the user's client library, that says of each failure whether anything was sent.

The library's own retries are off: they hide a stalled network for longer than a heartbeat, and whether a command may
have reached the server.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import socket
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from frozen.redis._scripts import Script
from frozen.remote._errors import Refused, Unavailable, Uncertain
from frozen.remote._threads import ReentryError, not_owned

__all__ = ["Line", "settings_of"]

Command = Sequence[str | bytes | int | float]

CONNECT = 2.0
"""Seconds for a connection to be made, unless the client has a figure of its own."""

_SOON = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "FAILOVER", "UNBLOCKED", "NOREPLICAS")
_OF_THE_POOL = ("maint_", "orig_", "oss_", "himport_")

_renewing = threading.Lock()


class Line:
    """A connection and what is asked over it, by one thread at a time."""

    def __init__(self, client: Any, timeout: float) -> None:
        pool = client.connection_pool
        self._class, self._settings, self._errors = settings_of(pool, timeout)
        # answers that the library takes for broken connections
        self._refusals = (self._errors.AuthenticationError, self._errors.BusyLoadingError)
        self._pool = pool  # a Sentinel's connections ask it for the address
        self.renew()

    def renew(self) -> None:
        """Forget the connection. In the child of a fork the parent goes on using it, so nothing is said on it."""
        self._lock = threading.RLock()
        self._connection: Any = None
        self._pid = os.getpid()

    def _renew_in_a_child(self) -> None:
        """A fork may have copied an open connection: replies to parent and child would be mixed up on it.

        References renew what they use at once; this is for an engine that has none.
        """
        if self._pid != os.getpid():
            with _renewing:
                if self._pid != os.getpid():
                    self.renew()

    def ask(self, *commands: Command) -> list[Any]:
        """Send commands together; return their replies in order."""
        self._renew_in_a_child()
        with not_owned(self._lock, "ask the server"):
            connection = self._connected()
            try:
                connection.send_packed_command(connection.pack_commands(commands), check_health=False)
                replies = [self._reply(connection) for _ in commands]
            except BaseException as error:
                self._drop()
                if isinstance(error, ReentryError):
                    raise
                if isinstance(error, self._refusals):
                    raise self._refused(error) from error
                if _is_cut_while_sending(error):
                    raise Unavailable(
                        f"the server ended the connection before all was sent (is it more than it takes?): {error}"
                    ) from error
                if isinstance(error, Exception):
                    raise Uncertain(f"no answer from the server: {type(error).__name__}: {error}") from error
                raise
        for reply in replies:
            _raise_refusal(reply)
        return replies

    def call(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """What a script returns. The server is told the script if it does not know it."""
        try:
            return self.ask(("EVALSHA", script.digest, len(keys), *keys, *arguments))[0]
        except Refused as error:
            if not str(error).startswith("NOSCRIPT") and "No matching script" not in str(error):
                raise
        return self.ask(("EVAL", script.text, len(keys), *keys, *arguments))[0]

    def _connected(self) -> Any:
        if self._connection is not None:
            return self._connection
        connection = None
        try:
            connection = self._class(**self._settings)
            connection.connect()
        except Exception as error:
            if connection is not None:
                _quietly(connection.disconnect)
            if isinstance(error, self._refusals):  # servers differ in what may be said before the password
                raise self._refused(error) from error
            raise Unavailable(f"the server cannot be reached: {type(error).__name__}: {error}") from error
        self._connection = connection
        return connection

    def _refused(self, error: Exception) -> Refused:
        text = f"{type(error).__name__}: {error}"
        return Refused(text, transient=isinstance(error, self._errors.BusyLoadingError))

    def _reply(self, connection: Any) -> Any:
        try:
            return connection.read_response(disable_decoding=True)
        except self._errors.ResponseError as error:
            return error

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _quietly(connection.disconnect)

    def interrupt(self) -> None:
        """End what is being read, by another thread: its `ask` raises Uncertain."""
        self._renew_in_a_child()
        sock = getattr(self._connection, "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not TLS's own, which is not for another thread

    def close(self) -> None:
        self._renew_in_a_child()
        with not_owned(self._lock, "close the connection"):
            self._drop()


def settings_of(pool: Any, timeout: float) -> tuple[Any, dict[str, Any], ModuleType]:
    """The class of the client's connections, the arguments to make ours of it, and the module of its errors."""
    kind = getattr(pool, "connection_class", None)
    given = getattr(pool, "connection_kwargs", None)
    if kind is None or given is None or inspect.iscoroutinefunction(kind.connect):
        raise TypeError(
            "RedisRef takes a client of redis-py or valkey-py, of one server: redis.Redis(...), not asyncio's"
        )
    settings = {key: value for key, value in given.items() if not key.startswith(_OF_THE_POOL)}
    settings |= {"socket_timeout": timeout, "protocol": 2, "decode_responses": False, "health_check_interval": 0}
    settings |= {"retry": None, "retry_on_timeout": False, "retry_on_error": []}
    if "host" in settings:
        settings["socket_connect_timeout"] = settings.get("socket_connect_timeout") or CONNECT
        settings["socket_keepalive"] = True
    return kind, settings, _errors_of(kind)


def _errors_of(kind: type) -> ModuleType:
    """`redis.exceptions`, or that of the fork of it that the class comes from."""
    for base in kind.__mro__:
        library = base.__module__.partition(".")[0]
        with contextlib.suppress(ImportError):
            found = importlib.import_module(f"{library}.exceptions")
            if hasattr(found, "ResponseError"):
                return found
    raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no connection of redis-py or valkey-py")


def _is_cut_while_sending(error: BaseException) -> bool:
    """Whether the peer has ended the connection before it had all: then it does nothing of the last command.

    Of several commands the last is EXEC, or all of them read. A library says the same of what a signal handler raises,
    after all was sent, so its words are not enough.
    """
    return isinstance(error.__context__, BrokenPipeError)  # of writing alone


def _raise_refusal(reply: Any) -> None:
    if isinstance(reply, list):
        for part in reply:
            if isinstance(part, Exception):
                _raise_refusal(part)
    elif isinstance(reply, Exception):
        code = {"NoScriptError": "NOSCRIPT ", "ReadOnlyError": "READONLY "}.get(type(reply).__name__, "")
        text = f"{code}{reply}"
        raise Refused(text, transient=text.startswith(_SOON)) from reply


def _quietly(function: Any) -> None:
    with contextlib.suppress(Exception):
        function()


def _renew_lock() -> None:
    """In the child of a fork: a thread that is not here may have held it."""
    global _renewing
    _renewing = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
