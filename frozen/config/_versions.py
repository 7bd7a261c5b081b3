"""What readers have: versions, and the reading half of a configuration, in whichever interpreter."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from frozen._core import AtomicRef, SharedRef, _bounded_repr
from frozen._paths import get_in
from frozen.config._errors import shown
from frozen.config._schema import Schema, schema_of
from frozen.config._secrets import IsSecret, is_secret, masked

__all__ = ["Reader", "Version", "steps_of"]

M = TypeVar("M")
T = TypeVar("T")
D = TypeVar("D")
Path = str | Iterable[Any]

_MISSING: Any = object()
_known_paths: dict[str, tuple[str, ...]] = {}  # a program has few; emptied when it has many


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Version(Generic[M]):
    """One version of a configuration: its number, the data, and the model that the schema made of it.

    The numbers begin with 0, as those of the reference do. Its repr shows secrets masked; that of `data`, a plain Map,
    does not.

    >>> Config({"port": 80, "password": "x"}).version.data["port"]
    80
    >>> Config({"password": "x"}).version
    <Version 0: Map({'password': ***})>
    """

    number: int
    data: Any
    model: M
    _secret: IsSecret = field(default=is_secret)

    def get(self, path: Path, default: Any = _MISSING) -> Any:
        """Return the value at a path, as `Config.get` does. One lookup for each step.

        >>> Config({"db": {"port": 5432}}).version.get("db.port")
        5432
        """
        return _value_at(self.data, path, default)

    def masked(self) -> Any:
        """Return the data as a Map for printing, with `***` in place of secrets. O(n).

        >>> Config({"password": "x"}).version.masked()
        Map({'password': ***})
        """
        return masked(self.data, self._secret)

    def __repr__(self) -> str:
        return f"<Version {self.number}: {_bounded_repr(self.masked())}>"


class Reader(Generic[M]):
    """The reading half of a Config, over its SharedRef, for other interpreters: `Reader(ref, schema)`.

    The schema makes a model once for each version in each interpreter. Every read is of the newest version; take
    `version` once where several values have to fit together.

    >>> config = Config({"port": 80}, shared=True)
    >>> Reader(config.ref).get("port")
    80
    """

    def __init__(
        self, ref: SharedRef[Any], schema: Any = None, *, secret: Callable[[tuple[Any, ...]], bool] = is_secret
    ) -> None:
        if not isinstance(ref, SharedRef):
            raise TypeError(
                f"Reader reads a SharedRef, the `ref` of a Config with shared=True, not a {type(ref).__name__}"
            )
        self._follow(ref, schema_of(schema, secret), secret)

    def _follow(self, ref: Any, schema: Schema, secret: IsSecret, first: Version[M] | None = None) -> None:
        self._ref = ref
        self._schema = schema
        self._secret = secret
        self._made = first  # of a SharedRef: the newest version that this interpreter has made an object of
        self._read: Callable[[], Version[M]] = ref.get if isinstance(ref, AtomicRef) else self._read_shared

    def _read_shared(self) -> Version[M]:
        """Threads that meet a new version at once make it each; any of them may be kept."""
        data, number = self._ref.get_versioned()
        made = self._made
        if made is None or made.number != number:
            made = Version(number, data, self._schema.model(data), self._secret)
            self._made = made
        return made

    @property
    def ref(self) -> Any:
        """The reference that holds the newest version: `wait`, `watch`, `changed` and `version` are its methods.

        An AtomicRef holds a Version. A SharedRef holds the data alone, a SharedMap, which any interpreter reads.
        """
        return self._ref

    @property
    def version(self) -> Version[M]:
        """The newest version. O(1); one object, for all that has to fit together."""
        return self._read()

    @property
    def data(self) -> Any:
        """The data of the newest version: a Map, or a SharedMap. O(1)."""
        return self._read().data

    @property
    def model(self) -> M:
        """What the schema made of the newest version: an instance of the model or dataclass. O(1)."""
        return self._read().model

    @overload
    def get(self, path: Path, *, type: None = None) -> Any: ...
    @overload
    def get(self, path: Path, default: D, *, type: None = None) -> Any: ...
    @overload
    def get(self, path: Path, *, type: type[T]) -> T: ...
    @overload
    def get(self, path: Path, default: D, *, type: type[T]) -> T | D: ...
    def get(self, path: Path, default: Any = _MISSING, *, type: Any = None) -> Any:
        """Return the value at `path` in the newest version: "database.port", or a sequence of keys and indices.

        In a str the steps are separated by dots; digits are an index where they lead into a list. Keys that have dots
        are reached by a sequence. One lookup for each step.

        Raises KeyError or IndexError for what is not there, unless a default is given; TypeError if the value is not of
        `type` (a bool is no int), or if a step leads into a plain value.

        >>> config = Config({"db": {"port": 5432, "hosts": ["a", "b"]}})
        >>> config.get("db.port", type=int), config.get("db.hosts.1"), config.get(["db", "name"], None)
        (5432, 'b', None)
        """
        value = _value_at(self._read().data, path, default)
        if type is None or value is default:
            return value
        if not isinstance(value, type) or (value.__class__ is bool and type is int):
            steps = steps_of(path)
            text = shown(masked(value, self._secret, steps))
            raise TypeError(
                f"{path!r} is {text} ({value.__class__.__name__}), not of type {type.__name__}: correct the source, or "
                "ask for another type"
            )
        return value

    def masked(self) -> Any:
        """Return the data of the newest version as a Map for printing, with `***` in place of secrets. O(n).

        >>> Config({"db": {"password": "x", "port": 1}}).masked()["db"]["password"]
        ***
        """
        return self._read().masked()

    def changes(self, since: int | None = None) -> AsyncGenerator[Version[M], None]:
        """Iterate over the versions published after number `since` (by default: after the current one), as they come.

        Versions that are replaced before the event loop runs the task are skipped; the newest is never missed.

        >>> import asyncio
        >>> values = {"port": 80}
        >>> config = Config(Call(lambda: values))
        >>> async def first_change():
        ...     async for version in config.changes(since=0):
        ...         return version.get("port")
        >>> values = {"port": 81}
        >>> config.check()
        True
        >>> asyncio.run(first_change())
        81
        """
        return self._changes(self._ref.version if since is None else since)

    async def _changes(self, since: int) -> AsyncGenerator[Version[M], None]:
        while True:
            await self._ref.changed(since)
            version = self._read()
            since = version.number
            yield version

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._read()!r}>"


def _value_at(data: Any, path: Path, default: Any) -> Any:
    steps = _known_paths.get(path) if type(path) is str else None
    value = data
    try:
        for step in steps or steps_of(path):
            value = value[step]
        return value
    except (LookupError, TypeError):
        return _value_at_length(data, path, default)


def _value_at_length(data: Any, path: Path, default: Any) -> Any:
    """The same with indices in digits, defaults and the errors of `get_in`."""
    steps: tuple[Any, ...] = steps_of(path)
    if isinstance(path, str):
        value, found = data, []
        for step in steps:
            is_index = step.isdecimal() and isinstance(value, Sequence) and not isinstance(value, str)
            found.append(int(step) if is_index else step)
            try:
                value = value[found[-1]]
            except (LookupError, TypeError):
                value = None  # `get_in` says what is wrong
        steps = tuple(found)
    return get_in(data, steps) if default is _MISSING else get_in(data, steps, default)


def steps_of(path: Path) -> tuple[Any, ...]:
    """The steps of a path that is a str with dots, or is a sequence."""
    if not isinstance(path, str):
        return (*path,)
    steps = _known_paths.get(path)
    if steps is None:
        if not path:
            raise ValueError("the path is empty: write 'database.port', or () for the whole")
        steps = tuple(path.split("."))
        if len(_known_paths) > 10_000:
            _known_paths.clear()
        _known_paths[path] = steps
    return steps
