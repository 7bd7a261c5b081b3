"""Types of the C core. Import the names from `frozen`."""

import sys
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    MutableSequence,
    Sequence,
    ValuesView,
)
from collections.abc import Set as AbstractSet
from types import GenericAlias, ModuleType, TracebackType
from typing import (
    Any,
    ClassVar,
    Concatenate,
    Generic,
    Literal,
    NoReturn,
    ParamSpec,
    Protocol,
    Self,
    SupportsIndex,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
    Unpack,
    final,
    overload,
    type_check_only,
)

from typing_extensions import Buffer, disjoint_base

from frozen._absent import _Absent
from frozen._cache import CacheInfo, CacheStats
from frozen._delta import Delta

_T = TypeVar("_T")
_T2 = TypeVar("_T2")
_T_co = TypeVar("_T_co", covariant=True)
_P = ParamSpec("_P")
_P2 = ParamSpec("_P2")

# References: src/ref/

_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_Ts = TypeVarTuple("_Ts")

_AnyRef: TypeAlias = AtomicRef[_T] | SharedRef[_T]

@disjoint_base
class AtomicRef(Generic[_T]):
    """A variable whose value all threads read and replace atomically.

    Publish immutable values: a reader that has got one keeps that version, whole and unchanged, however many follow.
    Every operation is linearizable: it takes effect at one instant between its call and its return.

    >>> config = AtomicRef(Map(debug=False))
    >>> config.update(Map.set, "debug", True)
    Map({'debug': True})
    """

    @overload
    def __init__(self: AtomicRef[None]) -> None: ...
    @overload
    def __init__(self, initial: _T) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @property
    def version(self) -> int:
        """How many values were published after the initial one, which is version 0.

        >>> ref = AtomicRef("initial")
        >>> ref.set("next")
        >>> ref.version
        1
        """

    def get(self) -> _T:
        """Return the current value. O(1).

        >>> AtomicRef("value").get()
        'value'
        """

    def lookup(self, key: Any, default: Any = None) -> Any:
        """Return `ref.get()[key]`, or `default` if there is no such item, in one call.

        Every exception of the value's `__getitem__` but LookupError is raised here.

        >>> AtomicRef(Map(port=80)).lookup("port")
        80
        """

    def get_versioned(self) -> tuple[_T, int]:
        """Return the pair (value, version), both of one moment. O(1).

        >>> AtomicRef("value").get_versioned()
        ('value', 0)
        """

    def set(self, value: _T, /) -> None:
        """Publish `value`, whatever the current value is. O(1).

        >>> ref = AtomicRef(1)
        >>> ref.set(2)
        >>> ref.get()
        2
        """

    def exchange(self, value: _T, /) -> _T:
        """Publish `value` and return the value that it replaced. O(1).

        >>> AtomicRef("old").exchange("new")
        'old'
        """

    def compare_and_set(self, expected: object, value: _T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; return whether it did. O(1).

        Two Maps, Sets or Vectors are the same if they are one version, without a call of `__eq__`; every other object,
        an instance of their subclasses too, is compared by identity. With `version`, the number of the current version
        must be that one as well: a value that was replaced and came back then no longer matches.

        >>> ref = AtomicRef("old")
        >>> ref.compare_and_set("old", "new"), ref.compare_and_set("old", "newer")
        (True, False)
        """

    # Pyright matches no generic function such as Map.set with Concatenate: the last two overloads are for those.
    @overload
    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value.

        `fn` runs without any lock. It is called again if another thread, or `fn` itself, published a value meanwhile,
        so it should have no side effects. After some lost tries the update queues: later updates of this reference wait
        for it, so `fn` should not wait for a thread that updates this reference.

        If `fn` returns the very object that it was given, nothing is published: no new version, no watch is called.
        What is unhashable, and may have been changed in place, is published again.

        An exception of `fn` is raised here, and the reference keeps its value. RuntimeError if `fn` publishes to this
        reference in each of 1,000 tries. TypeError if `fn` returns None for an unhashable value (a dict, a list): such
        a function changes the value in place. `set(None)` publishes None.

        Method: optimistic retry with exponential back-off, as Clojure's `swap!`, then a first-come, first-served queue.

        >>> ref = AtomicRef(Vector())
        >>> ref.update(Vector.append, "event")
        Vector(['event'])
        """

    @overload
    def fetch_update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def fetch_update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def fetch_update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the value that was replaced.

        Otherwise as `update`. A caller that takes an item out of the value learns from the result which item it took.

        Method: as Rust's `fetch_update`.

        >>> jobs = AtomicRef(Vector(["first", "second"]))
        >>> jobs.fetch_update(lambda waiting: waiting[1:])[0]
        'first'
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until a version newer than `version` is current, at most `timeout` seconds; return whether one is.

        The thread sleeps until a publication wakes it; it does not poll. Only under gevent and eventlet, where that
        would stop all greenlets, it looks up to 50 times a second and lets the others run. A signal ends the wait if
        its handler raises. ValueError for a negative version.

        >>> ref = AtomicRef(0)
        >>> ref.wait(0, timeout=0.001)
        False
        >>> ref.set(1)
        >>> ref.wait(0)
        True
        """

    def _signal(self, callback: Callable[[], object], /) -> Watch:
        """As `watch`, for a callback without arguments that wakes an event loop. No value is read."""

    def watch(self, callback: Callable[[_T, _T], object], /) -> Watch:
        """Call `callback(old, new)` after each change, until the Watch that this returns is closed.

        The publishing thread calls it before its call returns, without any lock, and never two threads at once. Changes
        that are published while the callback runs are delivered as one, by the thread that runs it: each `old` is the
        `new` of the call before. An Exception of the callback goes to `sys.unraisablehook`. Any other exception, such
        as KeyboardInterrupt or SystemExit, leaves the publishing call after all watches were called. What `exchange` or
        `fetch_update` would have returned is in it then, the last of its list `undelivered`.

        >>> ref = AtomicRef(1)
        >>> with ref.watch(lambda old, new: print(old, "->", new)):
        ...     ref.set(2)
        1 -> 2
        """

    async def changed(self, since: int | None = None) -> tuple[_T, int]:
        """Await a version newer than `since` (by default: than the current one); return the pair (value, version).

        >>> import asyncio
        >>> ref = AtomicRef(0)
        >>> async def next_version():
        ...     asyncio.get_running_loop().call_soon(ref.set, 1)
        ...     return await ref.changed()
        >>> asyncio.run(next_version())
        (1, 1)
        """

    def changes(self, since: int | None = None) -> AsyncGenerator[_T]:
        """Iterate over the values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the event loop runs the iterating task are skipped. The newest one is never
        missed.

        >>> import asyncio
        >>> ref = AtomicRef(0)
        >>> ref.set(1)
        >>> async def first_change():
        ...     async for value in ref.changes(since=0):
        ...         return value
        >>> asyncio.run(first_change())
        1
        """

    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], /) -> tuple[_A]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], /) -> tuple[_A, _B]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], /) -> tuple[_A, _B, _C]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], d: _AnyRef[_D], /) -> tuple[_A, _B, _C, _D]: ...
    @overload
    @classmethod
    def snapshot(cls, *refs: _AnyRef[Any]) -> tuple[Any, ...]:
        """Return the tuple of the values of all `refs` (at most 16) at one moment. O(number of refs).

        >>> AtomicRef.snapshot(AtomicRef(1), AtomicRef(2))
        (1, 2)
        """

@disjoint_base
class AtomicMap(Generic[_K, _V]):
    """A mapping whose entries all threads read and replace atomically, and that is a Map at any instant.

    Every operation on a key is linearizable, and so is what concerns the whole: `len`, `snapshot`, `replace`, others.
    Without the GIL threads that change different keys seldom wait for each other, and reading what a str or an int is
    the key of never waits. Iteration, `keys`, `values`, `items`, `==` and `repr` go over a snapshot. Keys are compared,
    and functions called, without any lock.

    Method: a CHAMP trie whose top level is an array of trees, each edited in place under a short lock of its own, and
    read without one (SRCU: McKenney 2006).

    >>> hits = AtomicMap()
    >>> hits.add("/")
    1
    >>> hits.snapshot()
    Map({'/': 1})
    """

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, mapping: _Mapping[_K, _V], /) -> Self: ...
    @overload
    def __new__(cls, pairs: _Pairs[_K, _V], /) -> Self: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @property
    def version(self) -> int:
        """How many changes were made since the map was. What is stored where it is already is no change.

        >>> m = AtomicMap()
        >>> m["key"] = 1
        >>> m.version
        1
        """

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Return the value under `key`, or `default`. O(1).

        >>> AtomicMap({"a": 1}).get("a")
        1
        """

    @overload
    def setdefault(self: AtomicMap[_K, _D | None], key: _K, /) -> _D | None: ...
    @overload
    def setdefault(self, key: _K, /, default: _V) -> _V:
        """Return the value under `key`; if there is none, store `default` and return that. O(1).

        >>> m = AtomicMap()
        >>> m.setdefault("a", 1), m.setdefault("a", 2)
        (1, 1)
        """

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Remove `key` and return its value; if it is absent return `default`, or raise KeyError without one. O(1).

        >>> m = AtomicMap({"a": 1})
        >>> m.pop("a"), m.pop("a", None)
        (1, None)
        """

    @overload
    def exchange(self, key: _K, value: _V | Literal[_Absent.ABSENT], /) -> _V | None: ...
    @overload
    def exchange(self, key: _K, value: _V | Literal[_Absent.ABSENT], absent: _D, /) -> _V | _D:
        """Store `value`, or remove the key if that is ABSENT; return what was there before, or `absent`. O(1).

        >>> m = AtomicMap({"a": 1})
        >>> m.exchange("a", 2), m.exchange("b", 3)
        (1, None)
        """

    def compare_and_set(self, key: _K, expected: object, value: _V | Literal[_Absent.ABSENT], /) -> bool:
        """Store `value` if what is under `key` is `expected`; return whether it did. O(1).

        ABSENT stands for no value on either side: `expected` is ABSENT where the key must not be there, `value` where
        it is to be removed. Two Maps, Sets or Vectors are the same if they are one version; numbers, str, bytes and
        None if type and value are the same; any other object is compared by identity. No `__eq__` of a value is called.

        >>> m = AtomicMap({"a": 1})
        >>> m.compare_and_set("a", 1, 2), m.compare_and_set("a", 1, 3)
        (True, False)
        """

    @overload
    def update(self, key: _K, fn: Callable[[_V], _V], /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[[_V, _A], _V], a: _A, /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[[_V, _A, _B], _V], a: _A, b: _B, /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[..., _A], /, *args: Any, default: Any = ..., **kwargs: Any) -> _A:
        """Replace the value under `key` by `fn(value, *args, **kwargs)`; return the new value.

        Where the key is absent `fn` gets `default`, which is ABSENT if it is not given. If `fn` returns ABSENT the key
        is removed. `fn` runs without any lock. It is called again if another thread, or `fn` itself, changed the value
        meanwhile, so it should have no side effects. After some lost tries the update queues: later updates of this map
        wait for it.

        An exception of `fn` is raised here, and the value stays. RuntimeError if `fn` publishes to the key in each of
        1,000 tries. TypeError if `fn` returns None for an unhashable value (a dict, a list): such a function changes
        the value in place.

        >>> m = AtomicMap()
        >>> m.update("a", Vector.append, "event", default=Vector())
        Vector(['event'])
        """

    def add(self, key: _K, n: Any = 1, /) -> Any:
        """Add `n` to the number under `key`, which is 0 where the key is absent; return the sum. O(1).

        >>> m = AtomicMap()
        >>> m.add("a"), m.add("a", 2.5)
        (1, 3.5)
        """

    def count(self, keys: Iterable[_K], /) -> None:
        """Add to the number under each key how often `keys` has it.

        The keys are counted first, then each one is added to once. The whole is not one instant.

        >>> m = AtomicMap()
        >>> m.count("hello")
        >>> m["l"]
        2
        """

    def reduce(self, pairs: Iterable[tuple[_K, _V]], fn: Callable[[_V, _V], _V], /) -> None:
        """Combine the value under each key with those that `pairs` has for it, by `fn(old, new)`.

        The pairs of a key are combined first, then the value under it is replaced once, as by `update`. Where the key
        is absent its share becomes the value. The whole is not one instant.

        >>> m = AtomicMap({"a": 3})
        >>> m.reduce([("a", 5), ("b", 1), ("a", 4)], max)
        >>> m["a"], m["b"]
        (5, 1)
        """

    def snapshot(self) -> Map[_K, _V]:
        """Return the contents at one instant as a Map. O(1) in the number of entries.

        The Map shares the nodes of this map, which copies those that it changes afterwards.

        >>> m = AtomicMap({"a": 1})
        >>> before = m.snapshot()
        >>> m["a"] = 2
        >>> before
        Map({'a': 1})
        """

    def get_versioned(self) -> tuple[Map[_K, _V], int]:
        """Return the pair (snapshot, version), both of one instant.

        >>> AtomicMap({"a": 1}).get_versioned()
        (Map({'a': 1}), 0)
        """

    def drain(self) -> Map[_K, _V]:
        """Remove all entries and return them, at one instant. O(1) in the number of entries.

        >>> m = AtomicMap({"a": 1})
        >>> m.drain(), len(m)
        (Map({'a': 1}), 0)
        """

    def clear(self) -> None:
        """Remove all entries at one instant.

        >>> m = AtomicMap({"a": 1})
        >>> m.clear()
        >>> len(m)
        0
        """

    def replace(self, contents: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> Map[_K, _V]:
        """Put other contents in place of all entries at one instant, and return those. O(1) for a Map.

        >>> m = AtomicMap({"a": 1})
        >>> m.replace(Map(b=2))
        Map({'a': 1})
        """

    def compare_and_set_all(self, expected: Map[_K, _V], contents: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> bool:
        """Put `contents` in place of all entries if nothing was changed since `expected` was taken.

        `expected` is a snapshot of this map, or the Map that was put there; return whether nothing was changed.

        >>> m = AtomicMap({"a": 1})
        >>> old = m.snapshot()
        >>> m.compare_and_set_all(old, old.set("b", 2)), m.compare_and_set_all(old, Map())
        (True, False)
        """

    def update_all(self, entries: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> None:
        """Store all entries of a mapping at one instant.

        It starts again if another thread changes the map meanwhile; RuntimeError after 1,000 times.

        >>> m = AtomicMap({"a": 1})
        >>> m.update_all({"a": 2, "b": 3})
        >>> m["a"], m["b"]
        (2, 3)
        """

    def keys(self) -> MapKeys[_K, _V]:
        """Return the keys of a snapshot.

        >>> list(AtomicMap({"a": 1}).keys())
        ['a']
        """

    def values(self) -> MapValues[_K, _V]:
        """Return the values of a snapshot.

        >>> list(AtomicMap({"a": 1}).values())
        [1]
        """

    def items(self) -> MapItems[_K, _V]:
        """Return the items of a snapshot.

        >>> list(AtomicMap({"a": 1}).items())
        [('a', 1)]
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until the version is newer than `version`, at most `timeout` seconds; return whether it is.

        As `AtomicRef.wait`. ValueError for a negative version.

        >>> m = AtomicMap()
        >>> m.wait(0, timeout=0.001)
        False
        """

    def watch(self, callback: Callable[[Map[_K, _V], Map[_K, _V]], object], /) -> Watch:
        """Call `callback(old, new)` with two snapshots after each change, until the Watch that this returns is closed.

        As `AtomicRef.watch`: the thread that makes the change calls it, without any lock, and changes that are made
        while the callback runs are delivered as one. While a watch is open each change takes a snapshot.
        `old.diff(new)` tells what changed. What `pop`, `exchange`, `drain` or `replace` has taken out when a callback
        interrupts it is in the exception, the last of its list `undelivered`.

        >>> m = AtomicMap()
        >>> with m.watch(lambda old, new: print(old, "->", new)):
        ...     m["a"] = 1
        Map() -> Map({'a': 1})
        """

    async def changed(self) -> Map[_K, _V]:
        """Await a change after this call; return a snapshot.

        >>> import asyncio
        >>> m = AtomicMap()
        >>> async def next_change():
        ...     asyncio.get_running_loop().call_soon(m.add, "a")
        ...     return await m.changed()
        >>> asyncio.run(next_change())
        Map({'a': 1})
        """

    def changes(self) -> AsyncGenerator[Map[_K, _V]]:
        """Iterate over snapshots, one after each change after this call, as they come.

        Changes that are made before the event loop runs the iterating task come as one. The newest snapshot is never
        missed. `old.diff(new)` tells what changed.

        >>> import asyncio
        >>> m = AtomicMap()
        >>> async def first_change():
        ...     changes = m.changes()
        ...     m["a"] = 1
        ...     async for snapshot in changes:
        ...         return snapshot
        >>> asyncio.run(first_change())
        Map({'a': 1})
        """

    def _mirror(self) -> AtomicRef[Map[_K, _V]]: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __getitem__(self, key: _K, /) -> _V: ...
    def __setitem__(self, key: _K, value: _V, /) -> None: ...
    def __delitem__(self, key: _K, /) -> None: ...
    def __iter__(self) -> Iterator[_K]: ...
    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys of a snapshot backwards."""

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

@final
class AtomicCounter:
    """A number to which threads add without waiting for each other.

    On builds without the GIL each thread counts for itself, and reading sums up. OverflowError where what a thread has
    counted would leave the range from -2**57 to 2**57.

    >>> requests = AtomicCounter()
    >>> requests.add()
    >>> requests.get()
    1
    """

    def __new__(cls, initial: SupportsIndex = 0) -> Self: ...
    def add(self, n: SupportsIndex = 1, /) -> None:
        """Add `n`. O(1).

        OverflowError if the counter cannot hold the sum; it is then as it was.

        >>> counter = AtomicCounter()
        >>> counter.add(3)
        >>> counter.get()
        3
        """

    def get(self) -> int:
        """Return the sum of what was added. O(1).

        It is exact while no thread adds. All that was added before the call is in it; what threads add meanwhile may
        be. As long as all of them add positive numbers, no later call returns less.

        >>> AtomicCounter(2).get()
        2
        """

    def take(self) -> int:
        """Return the sum and start again from 0. O(1).

        Each number that a thread adds is in the result of exactly one `take`.

        >>> counter = AtomicCounter(2)
        >>> counter.take(), counter.get()
        (2, 0)
        """

    def __reduce__(self) -> NoReturn: ...

# Caches: src/cache/

@final
class _CacheEntry: ...

@final
class _Ready:
    def __await__(self) -> Generator[Any, Any, Any]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def send(self, value: object, /) -> Any: ...
    def throw(self, *error: Any) -> Any: ...
    def close(self) -> None: ...

@disjoint_base
class Cache(Generic[_K, _V]):
    """A mapping of bounded size that forgets what is used least, for all threads of an interpreter.

    It has at most `maxsize` entries (None: any number; by default 128), or entries of that weight, if `weigh`, a
    function of the value, tells theirs: never more, however many threads store. `ttl` is the number of seconds that a
    value is good for, or a function of the value that returns it (None: for ever); for `stale_while_revalidate`
    seconds more a computed value is still returned, while one thread or task computes it again. `on_evict(key, value,
    reason)` is called without any lock for each entry that goes, for the reason "size", "expired", "replaced",
    "deleted" or "cleared"; what it raises is reported. `cache_exceptions` names the exceptions that are kept as
    results (True: all).

    A hit takes no lock, and writes no memory that other threads write but reference counts. Time is that of a coarse
    clock, some milliseconds behind. It has no copies and no pickle (TypeError).

    Method: an AtomicMap for the keys; eviction by CAR (Bansal and Modha, FAST 2004).

    >>> cache = Cache(maxsize=2)
    >>> cache["a"] = 1
    >>> cache.get_or_compute("b", str.upper, "x")
    'X'
    >>> cache["c"] = 3
    >>> len(cache), "a" in cache
    (2, False)
    """

    def __new__(
        cls,
        maxsize: SupportsIndex | None = 128,
        *,
        ttl: float | Callable[[_V], float | None] | None = None,
        weigh: Callable[[_V], int] | None = None,
        on_evict: Callable[[_K, _V, str], object] | None = None,
        stale_while_revalidate: float | None = None,
        cache_exceptions: bool | type[Exception] | tuple[type[Exception], ...] = False,
        _clock: Callable[[], float] | None = None,
    ) -> Self: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @property
    def maxsize(self) -> int | None:
        """The largest number of entries, or their largest weight.

        >>> Cache().maxsize
        128
        """

    @property
    def weight(self) -> int:
        """What the entries weigh together: their number, unless there is `weigh`. O(1).

        >>> cache = Cache(weigh=len)
        >>> cache["a"] = "text"
        >>> cache.weight
        4
        """

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Return the value under `key`, or `default` where there is none or it has expired. O(1).

        >>> Cache().get("a", 0)
        0
        """

    def set(self, key: _K, value: _V, /, *, ttl: float | None = ...) -> None:
        """Store a value, and evict what exceeds `maxsize`. O(1) for each entry that goes.

        With `ttl` it is good for so many seconds (None: for ever), and not for the cache's own. What is heavier than
        the whole cache is not kept.

        >>> cache = Cache()
        >>> cache.set("a", 1, ttl=60)
        >>> cache["a"]
        1
        """

    def delete(self, key: _K, /) -> bool:
        """Remove the value under `key`; whether there was one. O(1).

        A computation that is under way gives its value to those who wait for it, and is not stored.

        >>> Cache().delete("a")
        False
        """

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Remove the value under `key` and return it, or `default`. O(1). KeyError if there is neither.

        >>> Cache().pop("a", None)
        """

    def get_or_compute(self, key: _K, fn: Callable[_P, _V], /, *args: _P.args, **kwargs: _P.kwargs) -> _V:
        """Return the value under `key`; where there is none, store and return `fn(*args, **kwargs)`. O(1).

        However many threads and tasks ask, one computes, and the others get its value or its exception. If it is
        interrupted, by KeyboardInterrupt or by its task being cancelled, one of the others computes. RuntimeError where
        a computation would wait for itself.

        >>> cache = Cache()
        >>> cache.get_or_compute("a", sum, [1, 2])
        3
        """

    def get_or_compute_async(
        self, key: _K, fn: Callable[_P, Awaitable[_V]], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> Coroutine[Any, Any, _V]:
        """Return the same to tasks: a coroutine, in which `fn(*args, **kwargs)` is awaited. O(1).

        >>> import asyncio
        >>> async def main(cache):
        ...     return await cache.get_or_compute_async("a", asyncio.sleep, 0, 5)
        >>> asyncio.run(main(Cache()))
        5
        """

    def snapshot(self) -> Map[_K, _V]:
        """Return the entries of one instant that have not expired. O(n).

        >>> cache = Cache()
        >>> cache["a"] = 1
        >>> cache.snapshot()
        Map({'a': 1})
        """

    def stats(self) -> CacheStats:
        """Return the numbers of hits, misses, evictions and expirations, of entries, their weight, and `maxsize`. O(1).

        >>> cache = Cache()
        >>> cache.get("a")
        >>> cache.stats().misses
        1
        """

    def clear(self) -> None:
        """Remove all entries that are there. O(n). Those that threads store meanwhile may stay.

        >>> cache = Cache()
        >>> cache["a"] = 1
        >>> cache.clear()
        >>> len(cache)
        0
        """

    def resize(self, maxsize: SupportsIndex | None, /) -> None:
        """Make it larger or smaller, and evict what exceeds that. O(1) for each entry that goes.

        >>> cache = Cache()
        >>> cache.resize(10)
        >>> cache.maxsize
        10
        """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_K]: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __getitem__(self, key: _K, /) -> _V: ...
    def __setitem__(self, key: _K, value: _V, /) -> None: ...
    def __delitem__(self, key: _K, /) -> None: ...
    def __reduce__(self) -> NoReturn: ...
    @property
    def _flights(self) -> AtomicMap[_K, Any]: ...
    @property
    def _exceptions(self) -> tuple[type[Exception], ...]: ...
    def _look(self, key: _K, /) -> tuple[int, Any]: ...
    def _keep(self, key: _K, value: object, is_error: bool, /) -> _CacheEntry: ...
    def _discard(self, entry: _CacheEntry, /) -> None: ...
    def _counts(self) -> tuple[int, int, int, int]: ...
    def _reset_counts(self) -> None: ...
    def _check(self) -> None: ...

@final
class _CachedFunction(Generic[_P, _T_co]):
    __wrapped__: Callable[_P, _T_co]
    __name__: str
    __qualname__: str
    _parameters: dict[str, Any]
    def __new__(
        cls,
        fn: Callable[_P, _T_co],
        cache: Cache[Any, Any],
        compute: Callable[..., Any],
        kwd_mark: object,
        *,
        key: Callable[..., Any] | None = None,
        typed: bool = False,
        is_coroutine: bool = False,
    ) -> Self: ...
    @property
    def cache(self) -> Cache[Any, Any]: ...
    @property
    def _fn(self) -> Callable[_P, _T_co]: ...
    @property
    def _typed(self) -> bool: ...
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _T_co: ...
    @overload
    def __get__(self, instance: None, owner: type | None = None, /) -> Self: ...
    @overload
    def __get__(
        self: _CachedFunction[Concatenate[_A, _P2], _T], instance: _A, owner: type | None = None, /
    ) -> Callable[_P2, _T]: ...
    def cache_info(self) -> CacheInfo: ...
    def cache_parameters(self) -> dict[str, Any]: ...
    def cache_clear(self) -> None: ...
    def __reduce__(self) -> str: ...
    def __copy__(self) -> Self: ...
    def __deepcopy__(self, memo: dict[int, Any], /) -> Self: ...

def _thread_number() -> int: ...
def _thread_vanished(number: int, /) -> bool: ...

@final
class SharedRef(Generic[_T]):
    """A variable whose value all interpreters of the process read and replace atomically.

    It holds what shared containers hold; other values raise NotShareableError (`share` converts ordinary data). Each
    interpreter that reads makes the value anew, once for each version. Every operation is linearizable over all
    interpreters and threads. The methods of AtomicRef are here under the same names, with the same meaning.

    It crosses to other interpreters as itself, natively or by `handle()`, alone or in a tuple. No shared container and
    no SharedRef can hold one, so that none can come to hold itself. It has no copies and no pickle (TypeError). Two
    SharedRefs are equal if they are the same variable.

    >>> ref = SharedRef(share({"debug": False}))
    >>> ref.update(SharedMap.set, "debug", True)
    SharedMap({'debug': True})
    """

    @overload
    def __new__(cls) -> SharedRef[None]: ...
    @overload
    def __new__(cls, initial: _T) -> Self: ...
    @overload
    def __new__(cls, name: str, /, initial: _T) -> Self:
        """One value is the initial value, also if it is a str; two are a name and the initial value.

        `attach` finds the name in every interpreter of the process. A name keeps its variable until it is unlinked,
        also after the interpreter that made it has ended. ValueError if the name is taken.
        """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @classmethod
    def attach(cls, name: str, /) -> SharedRef[Any]:
        """Return the SharedRef of that name, made by any interpreter of this process. LookupError if there is none.

        >>> made = SharedRef("docs: attach", 1)
        >>> SharedRef.attach("docs: attach") == made
        True
        >>> SharedRef.unlink("docs: attach")
        """

    @staticmethod
    def unlink(name: str, /) -> None:
        """Remove a name, which is then free for another SharedRef. LookupError if there is no such name.

        The SharedRefs that already exist go on as the same variable (as with POSIX's `shm_unlink`).

        >>> ref = SharedRef("docs: unlink", 1)
        >>> SharedRef.unlink("docs: unlink")
        >>> ref.get()
        1
        """

    @property
    def name(self) -> str | None:
        """The name that it was made with, also after it was unlinked; None if it was made without one.

        >>> SharedRef(1).name is None
        True
        """

    @property
    def version(self) -> int:
        """How many values were published after the initial one, which is version 0.

        >>> ref = SharedRef("initial")
        >>> ref.set("next")
        >>> ref.version
        1
        """

    def get(self) -> _T:
        """Return the current value. O(1); it is the same object until the next version is published.

        >>> SharedRef("value").get()
        'value'
        """

    def lookup(self, key: Any, default: Any = None) -> Any:
        """Return `ref.get()[key]`, or `default` if there is no such item, in one call.

        Every exception of the value's `__getitem__` but LookupError is raised here.

        >>> SharedRef(SharedMap(port=80)).lookup("port")
        80
        """

    def get_versioned(self) -> tuple[_T, int]:
        """Return the pair (value, version), both of one moment. O(1).

        >>> SharedRef("value").get_versioned()
        ('value', 0)
        """

    def set(self, value: _T, /) -> None:
        """Publish `value`, whatever the current value is. O(1) for a shared container or Blob, else O(size).

        >>> ref = SharedRef(1)
        >>> ref.set(2)
        >>> ref.get()
        2
        """

    def exchange(self, value: _T, /) -> _T:
        """Publish `value` and return the value that it replaced. O(1) for a shared container or Blob, else O(size).

        >>> SharedRef("old").exchange("new")
        'old'
        """

    def compare_and_set(self, expected: object, value: _T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; return whether it did.

        Two shared containers are the same if they are one version, which takes O(1); other values are compared by type
        and value, and so is what tuples, frozensets and records hold: 1 is not True, 0.0 is not -0.0. What a registered
        class encodes by a function of its own is compared by its `__eq__`. With `version`, the number of the current
        version must be that one as well: a value that was replaced and came back then no longer matches.
        NotShareableError for an `expected` that no SharedRef could hold.

        >>> ref = SharedRef("old")
        >>> ref.compare_and_set("old", "new"), ref.compare_and_set("old", "newer")
        (True, False)
        """

    # Pyright matches no generic function such as Map.set with Concatenate: the last two overloads are for those.
    @overload
    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value. As `AtomicRef.update`.

        It competes with the threads of all interpreters: it retries with back-off, then queues, first come, first
        served.

        >>> SharedRef(1).update(lambda n: n + 1)
        2
        """

    @overload
    def fetch_update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def fetch_update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def fetch_update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the value that was replaced.

        Otherwise as `update`. A caller that takes an item out of the value learns from the result which item it took.

        Method: as Rust's `fetch_update`.

        >>> jobs = SharedRef(SharedVector(["first", "second"]))
        >>> jobs.fetch_update(lambda waiting: waiting[1:])[0]
        'first'
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """As `AtomicRef.wait`; a publication in any interpreter wakes the thread.

        >>> SharedRef(0).wait(0, timeout=0.001)
        False
        """

    def _signal(self, callback: Callable[[], object], /) -> Watch:
        """As `watch`, for a callback without arguments that wakes an event loop. No value is read."""

    def watch(self, callback: Callable[[_T, _T], object], /) -> Watch:
        """Call `callback(old, new)` soon after each change, until the Watch that this returns is closed.

        A thread of this interpreter calls it, whichever interpreter publishes; a slow callback delays no other. Changes
        that are published before the callback runs are delivered as one: each `old` is the `new` of the call before. An
        exception of the callback goes to `sys.unraisablehook`. A watch that is not closed goes on until the interpreter
        ends, which delivers the last change. RuntimeError if the interpreter is ending.

        >>> import threading
        >>> ref, called = SharedRef(1), threading.Event()
        >>> with ref.watch(lambda old, new: called.set()):
        ...     ref.set(2)
        ...     called.wait(60)
        True
        """

    async def changed(self, since: int | None = None) -> tuple[_T, int]:
        """Await a version newer than `since` (by default: than the current one); return the pair (value, version).

        >>> import asyncio
        >>> ref = SharedRef(0)
        >>> async def next_version():
        ...     asyncio.get_running_loop().call_soon(ref.set, 1)
        ...     return await ref.changed()
        >>> asyncio.run(next_version())
        (1, 1)
        """

    def changes(self, since: int | None = None) -> AsyncGenerator[_T]:
        """Iterate over the values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the event loop runs the iterating task are skipped. The newest one is never
        missed.

        >>> import asyncio
        >>> ref = SharedRef(0)
        >>> ref.set(1)
        >>> async def first_change():
        ...     async for value in ref.changes(since=0):
        ...         return value
        >>> asyncio.run(first_change())
        1
        """

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> ref = SharedRef(1)
        >>> ref.handle().redeem() == ref
        True
        """

    def __reduce__(self) -> NoReturn:
        """TypeError: send `ref.handle()` or the name."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], /) -> tuple[_A]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], /) -> tuple[_A, _B]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], /) -> tuple[_A, _B, _C]: ...
    @overload
    @classmethod
    def snapshot(cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], d: _AnyRef[_D], /) -> tuple[_A, _B, _C, _D]: ...
    @overload
    @classmethod
    def snapshot(cls, *refs: _AnyRef[Any]) -> tuple[Any, ...]:
        """Return the tuple of the values of all `refs` (at most 16) at one moment. O(number of refs).

        >>> SharedRef.snapshot(SharedRef(1), SharedRef(2))
        (1, 2)
        """

@final
class SharedAtomicCounter:
    """A number to which the threads of all interpreters of the process add without waiting for each other.

    Each thread counts for itself, and reading sums up. OverflowError where what a thread has counted would leave the
    range from -2**57 to 2**57. It crosses to other interpreters as itself, natively or by `handle()`. Two are equal if
    they are the same counter. It has no copies and no pickle (TypeError).

    >>> requests = SharedAtomicCounter()
    >>> requests.add()
    >>> requests.get()
    1
    """

    @overload
    def __new__(cls, initial: SupportsIndex = 0) -> Self: ...
    @overload
    def __new__(cls, name: str, /, initial: SupportsIndex) -> Self:
        """One argument is the initial number, two are a name and the number: as in SharedRef."""

    @classmethod
    def attach(cls, name: str, /) -> SharedAtomicCounter:
        """Return the SharedAtomicCounter of that name, whichever interpreter made it. LookupError if there is none.

        >>> made = SharedAtomicCounter("docs: attach", 1)
        >>> SharedAtomicCounter.attach("docs: attach") == made
        True
        >>> SharedAtomicCounter.unlink("docs: attach")
        """

    @staticmethod
    def unlink(name: str, /) -> None:
        """Remove a name, which is then free for another SharedAtomicCounter. LookupError if there is no such name.

        >>> counter = SharedAtomicCounter("docs: unlink", 0)
        >>> SharedAtomicCounter.unlink("docs: unlink")
        """

    @property
    def name(self) -> str | None:
        """The name that it was made with, also after it was unlinked; None if it was made without one.

        >>> SharedAtomicCounter().name is None
        True
        """

    def add(self, n: SupportsIndex = 1, /) -> None:
        """Add `n`. O(1).

        OverflowError if the counter cannot hold the sum; it is then as it was.

        >>> counter = SharedAtomicCounter()
        >>> counter.add(3)
        >>> counter.get()
        3
        """

    def get(self) -> int:
        """Return the sum of what was added. O(1).

        It is exact while no thread adds. All that was added before the call is in it; what threads add meanwhile may
        be. As long as all of them add positive numbers, no later call returns less.

        >>> SharedAtomicCounter(2).get()
        2
        """

    def take(self) -> int:
        """Return the sum and start again from 0. O(1).

        Each number that a thread adds is in the result of exactly one `take`.

        >>> counter = SharedAtomicCounter(2)
        >>> counter.take(), counter.get()
        (2, 0)
        """

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> counter = SharedAtomicCounter()
        >>> counter.handle().redeem() == counter
        True
        """

    def __reduce__(self) -> NoReturn:
        """TypeError: send `counter.handle()` or the name."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class transaction(Generic[*_Ts]):
    """Several references (at most 16) that are read and published as one.

    No snapshot sees one of them with a new value and another with an old one.

    >>> here, there = AtomicRef(10), AtomicRef(0)
    >>> transaction(here, there).update(lambda a, b: (a - 3, b + 3))
    (7, 3)
    """

    @overload
    def __new__(cls, a: _AnyRef[_A], /) -> transaction[_A]: ...
    @overload
    def __new__(cls, a: _AnyRef[_A], b: _AnyRef[_B], /) -> transaction[_A, _B]: ...
    @overload
    def __new__(cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], /) -> transaction[_A, _B, _C]: ...
    @overload
    def __new__(
        cls, a: _AnyRef[_A], b: _AnyRef[_B], c: _AnyRef[_C], d: _AnyRef[_D], /
    ) -> transaction[_A, _B, _C, _D]: ...
    @overload
    def __new__(cls, *refs: _AnyRef[Any]) -> transaction[*tuple[Any, ...]]: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def get(self) -> tuple[*_Ts]:
        """Return the tuple of the values at one moment. O(number of references).

        >>> transaction(AtomicRef(1), AtomicRef(2)).get()
        (1, 2)
        """

    def set(self, *values: *_Ts) -> None:
        """Publish one value in each reference, all at one moment. O(number of references).

        TypeError if the number of values is another one.

        >>> a, b = AtomicRef(1), AtomicRef(2)
        >>> transaction(a, b).set(3, 4)
        >>> a.get(), b.get()
        (3, 4)
        """

    def update(self, fn: Callable[[Unpack[_Ts]], Iterable[Any]], /, *args: Any, **kwargs: Any) -> tuple[*_Ts]:
        """Replace the values by what `fn(*values, *args, **kwargs)` returns, one value for each reference.

        All are published at one moment; returns the tuple of the new values. Over a single reference, `fn` takes and
        returns the value itself. ValueError if `fn` returns another number of values. All else is as in
        `AtomicRef.update`.

        >>> a, b = AtomicRef(1), AtomicRef(2)
        >>> transaction(a, b).update(lambda x, y: (y, x))
        (2, 1)
        """

@final
class Watch:
    """A subscription that `watch` of a reference returns. `close()`, or the end of its `with` block, ends the calls.

    >>> ref = AtomicRef(1)
    >>> watch = ref.watch(print)
    >>> ref.set(2)
    1 2
    >>> watch.close()
    """

    def close(self) -> None:
        """End the watch. No call begins after this one; a call that another thread has begun may end later.

        >>> ref = AtomicRef(1)
        >>> ref.watch(print).close()
        >>> ref.set(2)
        """

    def __enter__(self) -> Watch:
        """Return the watch."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Close the watch."""

@final
class _Waker:
    """The callback of a watch that wakes an event loop; see frozen/_aio.py."""

    def __new__(cls, wake: Callable[[], object]) -> Self: ...
    def __call__(self, *args: Any) -> None: ...
    def noticed(self) -> None: ...

@final
class _MappedNumber:
    """A word in a mapped file, at an offset; see src/ref/mapped_number.h."""

    def __new__(cls, buffer: Buffer, offset: int, /) -> Self: ...
    def load(self) -> int: ...
    def store(self, number: int, /) -> bool: ...
    def map_again(self, descriptor: int, /) -> bool: ...

@final
class _FileReader:
    """What reads a FileRef; see src/ref/file_reader.c."""

    def __new__(cls, number: _MappedNumber, load: Callable[[], tuple[int, Any]], /) -> Self: ...
    def get(self) -> Any: ...
    def lookup(self, key: Any, default: Any = None) -> Any: ...
    def get_versioned(self) -> tuple[Any, int]: ...
    def current(self) -> tuple[int, Any]: ...

# Conversion: src/convert/

@final
class _Conversion:
    """A deep conversion, called with the object; see src/convert/engine.h and frozen/_convert.py."""

    def __new__(
        cls,
        name: str,
        find_rule: Callable[[type, Callable[[Any], Any]], Any],
        find_hook: Callable[[type, Callable[[Any], Any]], Any] | None,
        place: Callable[[BaseException, list[Any]], BaseException],
        cycle: Callable[[object], BaseException],
        member: Callable[[Any], Any],
        atoms: frozenset[type],
    ) -> Self: ...
    def __call__(self, obj: Any, /) -> Any: ...

# Map: src/bindings/map/

_K = TypeVar("_K")
_K2 = TypeVar("_K2")
_K_co = TypeVar("_K_co", covariant=True)
_V = TypeVar("_V")
_V2 = TypeVar("_V2")
_V3 = TypeVar("_V3")
_V_co = TypeVar("_V_co", covariant=True)

@type_check_only
class _SupportsItems(Protocol[_K_co, _V_co]):
    def items(self) -> Iterable[tuple[_K_co, _V_co]]: ...

# Overloads take a mapping before pairs, because a mapping whose keys are pairs is an iterable of pairs, too.
_Mapping: TypeAlias = Mapping[_K, _V] | _SupportsItems[_K, _V]
"""A mapping, or an object with `items()`."""

_Pairs: TypeAlias = Iterable[tuple[_K, _V]]

_Entries: TypeAlias = _Mapping[_K, _V] | _Pairs[_K, _V]
"""All that a map can take entries from."""

@disjoint_base
class Map(Mapping[_K, _V_co]):
    """An immutable mapping. `set`, `delete`, `update` and `|` return new maps, which share memory with the old one.

    `Map()`, `Map(mapping)`, `Map(pairs)`, each with `**entries` on top. Of equal keys a map keeps the
    first, with the last value, as dict does. Any number of threads may read one map and derive new ones from it at
    once; an operation that changes nothing returns the map itself. A map is equal to every mapping of equal entries, in
    whatever order; its hash is that of `frozenset(m.items())`, or TypeError if a value is unhashable. Iteration does
    not follow the order of insertion. Subclasses are possible: an instance keeps its attributes in copies and pickles,
    and what is derived from it is a Map.

    Below, n is the number of entries, and "O(log n)" a walk down a tree of 32 branches: at most 13 levels, 4 for a
    million entries. Every operation that takes a key raises TypeError for an unhashable one, and what its `__hash__`
    and `__eq__` raise. A map calls `__eq__` only for keys whose 64-bit hashes are equal, and never calls `__hash__` of
    a stored key. It searches keys of one hash one by one.

    Method: CHAMP, the compressed hash-array mapped prefix tree (Steindorfer and Vinju, "Optimizing Hash-Array Mapped
    Tries for Fast and Lean Immutable JVM Collections", OOPSLA 2015), over the full hash, with stored hash bits.

    >>> m = Map(a=1)
    >>> m.set("b", 2) == {"a": 1, "b": 2}, m
    (True, Map({'a': 1}))
    """

    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self: Map[str, _V2], **entries: _V2) -> None: ...
    @overload
    def __init__(self, mapping: _Mapping[_K, _V_co], /) -> None: ...
    @overload
    def __init__(self, pairs: _Pairs[_K, _V_co], /) -> None: ...
    @overload
    def __init__(self: Map[_K2 | str, _V2 | _V3], mapping: _Mapping[_K2, _V2], /, **entries: _V3) -> None: ...
    @overload
    def __init__(self: Map[_K2 | str, _V2 | _V3], pairs: _Pairs[_K2, _V2], /, **entries: _V3) -> None: ...
    @overload
    @classmethod
    def fromkeys(cls, iterable: Iterable[_K2], value: None = None, /) -> Map[_K2, Any | None]: ...
    @overload
    @classmethod
    def fromkeys(cls, iterable: Iterable[_K2], value: _V2, /) -> Map[_K2, _V2]:
        """Return a map, of the class that it is called on, of each key to the same value. O(n).

        >>> Map.fromkeys("a", 0)
        Map({'a': 0})
        """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    def __getitem__(self, key: _K, /) -> _V_co:
        """Return the value under `key`, the very object that was stored; KeyError(key) if absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V_co | None: ...
    @overload
    def get(self, key: _K, /, default: _V_co) -> _V_co: ...  # type: ignore[misc]  # covariant, as in Mapping
    @overload
    def get(self, key: _K, /, default: _V2) -> _V_co | _V2:
        """Return the value under `key`, or `default` if the key is absent. O(log n).

        >>> Map(a=1).get("a"), Map(a=1).get("b", 0)
        (1, 0)
        """

    def __contains__(self, key: object, /) -> bool:
        """Whether `key` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of entries. O(1)."""

    def __iter__(self) -> Iterator[_K]:
        """Iterate over the keys, in the order of their hashes: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in the exact reverse of `iter`: O(1) to begin, O(n) for all."""

    def keys(self) -> MapKeys[_K, _V_co]:
        """Return a set-like view of the keys. O(1).

        >>> Map(a=1).keys() & {"a", "b"} == {"a"}
        True
        """

    def values(self) -> MapValues[_K, _V_co]:
        """Return a view of the values, in the order of the keys. O(1).

        >>> list(Map(a=1).values())
        [1]
        """

    def items(self) -> MapItems[_K, _V_co]:
        """Return a set-like view of the `(key, value)` pairs. O(1).

        >>> dict(Map(a=1, b=2).items()) == {"a": 1, "b": 2}
        True
        """

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a mapping of equal entries.

        O(n). Parts that both maps share are skipped, so that versions of one map that differ in d entries take O(d log
        n).
        """

    def __hash__(self) -> int:
        """`hash(frozenset(m.items()))`; TypeError if a value is unhashable.

        O(n) once. Each node of the tree remembers its hash, so that it takes O(d log n) after d changes.
        """

    # Deriving

    def set(self, key: _K2, value: _V2, /) -> Map[_K | _K2, _V_co | _V2]:
        """Return the map with `value` under `key`; an equal key that is there stays. O(log n).

        >>> Map(a=1).set("a", 2)
        Map({'a': 2})
        """

    @overload
    def setdefault(self, key: _K2, default: None = None, /) -> Map[_K | _K2, _V_co | None]: ...
    @overload
    def setdefault(self, key: _K2, default: _V2, /) -> Map[_K | _K2, _V_co | _V2]:
        """Return the map with `default` under `key`, or the map itself if the key is there. O(log n).

        Unlike `dict.setdefault` it returns the map: read the value from that.

        >>> Map(a=1).setdefault("a", 0).setdefault("b", 0) == {"a": 1, "b": 0}
        True
        """

    @overload
    def alter(self, key: _K, fn: Callable[[_V_co], _V2], /) -> Map[_K, _V_co | _V2]: ...
    @overload
    def alter(self, key: _K2, fn: Callable[[_V_co | _V3], _V2], /, default: _V3) -> Map[_K | _K2, _V_co | _V2]:
        """Return the map with `fn(value)` in place of the value under `key`. O(log n).

        If the key is absent, the value is `fn(default)`, or KeyError(key) without a default. `fn` is called once; its
        exceptions are raised here. The key is hashed and looked up once, where `m.set(key, fn(m[key]))` does so twice.

        >>> words = Map()
        >>> for word in ["to", "be", "to"]:
        ...     words = words.alter(word, lambda count: count + 1, default=0)
        >>> words == {"to": 2, "be": 1}
        True
        """

    def delete(self, key: _K, /) -> Map[_K, _V_co]:
        """Return the map without `key`; KeyError(key) if it is absent. O(log n).

        >>> Map(a=1, b=2).delete("a")
        Map({'b': 2})
        """

    def remove(self, key: _K, /) -> Map[_K, _V_co]:
        """Return the map without `key`, as `delete`: the name that pyrsistent and rpds give it.

        >>> Map(a=1, b=2).remove("a")
        Map({'b': 2})
        """

    def discard(self, key: _K, /) -> Map[_K, _V_co]:
        """Return the map without `key`, or the map itself if the key is absent. O(log n).

        >>> Map(a=1).discard("b")
        Map({'a': 1})
        """

    @overload
    def update(self) -> Map[_K, _V_co]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def update(self, **entries: _V2) -> Map[_K | str, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, mapping: _Mapping[_K2, _V2], /, *mappings: _Mapping[_K2, _V2]
    ) -> Map[_K | _K2, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, source: _Entries[_K2, _V2], /, *sources: _Entries[_K2, _V2]
    ) -> Map[_K | _K2, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, mapping: _Mapping[_K2, _V2], /, *mappings: _Mapping[_K2, _V2], **entries: _V3
    ) -> Map[_K | _K2 | str, _V_co | _V2 | _V3]: ...
    @overload
    def update(
        self, source: _Entries[_K2, _V2], /, *sources: _Entries[_K2, _V2], **entries: _V3
    ) -> Map[_K | _K2 | str, _V_co | _V2 | _V3]:
        """Return the map with all entries of mappings or iterables of pairs, then of the keywords. Later values win.

        O(k log n) for k new entries. Together with a Map, both trees are walked in step, and parts that only one
        has, or that both share, are taken over as they are. ValueError for a pair that is not of length two, TypeError
        for an element that is no pair.

        >>> Map(a=1).update({"a": 2}, b=3) == {"a": 2, "b": 3}
        True
        """

    @overload
    def merge(
        self, other: _Mapping[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> Map[_K | _K2, _V_co | _V2 | _V3]: ...
    @overload
    def merge(self, other: _Pairs[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /) -> Map[_K | _K2, _V_co | _V2 | _V3]:
        """Return the entries of both; the value of a key that both sides have is `fn(own value, value of other)`.

        `fn` is called once for each common key, in no particular order; its exceptions are raised here. Takes as long
        as `update`, and visits every common entry.

        >>> Map(a=1).merge({"a": 10}, lambda own, other: own + other)
        Map({'a': 11})
        """

    def diff(self, new: Map[Any, Any], /) -> Delta:
        """Return the Delta that leads from this map to `new`.

        It has the path of each entry that differs, with the old and the new value.

        O(d log n) for d differences between versions of one map, whose shared parts are skipped; O(n) between maps of
        different origin. Where both sides hold a container of one kind, the changes are looked for inside it.
        Other values are the same if they are equal and of one kind: True in place of 1 is a change, NaN in place of NaN
        is none. TypeError if `new` is no Map.

        >>> Map(a=1).diff(Map(a=2))["a",]
        Change(old=1, new=2)
        """

    def apply(self, delta: Delta, /) -> Map[Any, Any]:
        """Return the map with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change, and for each container on the way to it. Applied to another version, the changes merge
        with those of that version. ConflictError, a ValueError, if the map does not hold the old value of a change. The
        values of a Delta between containers of the other family are converted.

        >>> delta = Map(a=1).diff(Map(a=2))
        >>> Map(a=1, b=5).apply(delta) == {"a": 2, "b": 5}
        True
        """

    def _changed(
        self, changes: dict[Any, Any], absent: Any, change: type, only_plain: bool, /
    ) -> Map[Any, Any] | None: ...
    def _differences(
        self, new: Map[Any, Any], absent: Any, change: type, /
    ) -> tuple[dict[Any, Any], list[tuple[Any, Any, Any]]]: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __or__(self, other: Mapping[_K2, _V2], /) -> Map[_K | _K2, _V_co | _V2]: ...
    if sys.version_info >= (3, 15):
        @overload
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...
        @overload
        def __ror__(self, other: frozendict[_K2, _V2], /) -> frozendict[_K | _K2, _V_co | _V2]: ...  # noqa: F821
    else:
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...

    def mutate(self) -> MapMutation[_K, _V_co]:
        """Return a MapMutation that starts as this map, which itself does not change. O(1).

        >>> with Map(a=1).mutate() as mm:
        ...     mm["b"] = 2
        >>> mm.finish() == {"a": 1, "b": 2}
        True
        """

    # Copying

    def copy(self) -> Self:
        """Return the map itself, because it cannot change. O(1).

        >>> m = Map(a=1)
        >>> m.copy() == m
        True
        """

    def __copy__(self) -> Self:
        """Return the map itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the map itself if no key and no value had to be copied, otherwise a map of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the map and of all nodes of its tree, also those that other maps share. O(n)."""

@final
class MapMutation(Generic[_K, _V]):
    """A map that is edited in place, made by `Map.mutate()`, sealed by `finish()` or the end of its `with` block.

    Each edit is much cheaper than `Map.set`: nodes that only this mutation references are modified in place; each
    other node is copied once. The map that it started from never changes. After `finish()` every edit raises
    ValueError, and reading goes on. Mutations are equal if their entries are. They cannot be hashed, iterated over or
    pickled. Threads may share one: an edit happens as a whole or raises. Errors are those of Map.

    Method: transients (Clojure), with unique reference counts for ownership, as Rust's `Arc::make_mut`.

    >>> mm = Map().mutate()
    >>> mm["a"] = 1
    >>> mm.finish()
    Map({'a': 1})
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __getitem__(self, key: _K, /) -> _V:
        """Return the value under `key`; KeyError(key) if it is absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V2) -> _V | _V2:
        """Return the value under `key`, or `default` if the key is absent. O(log n).

        >>> Map(a=1).mutate().get("a")
        1
        """

    def __contains__(self, key: object, /) -> bool:
        """Whether `key` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of entries. O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __setitem__(self, key: _K, value: _V, /) -> None:
        """Store `value` under `key`. O(log n)."""

    def __delitem__(self, key: _K, /) -> None:
        """Remove `key`; KeyError(key) if it is absent. O(log n)."""

    def set(self, key: _K, value: _V, /) -> None:
        """Store `value` under `key`, as `mm[key] = value`. O(log n).

        >>> mm = Map().mutate()
        >>> mm.set("a", 1)
        >>> mm["a"]
        1
        """

    @overload
    def setdefault(self: MapMutation[_K, _V2 | None], key: _K, default: None = None, /) -> _V2 | None: ...
    @overload
    def setdefault(self, key: _K, default: _V, /) -> _V:
        """Return the value under `key`; if the key is absent, store `default` there and return it. O(log n).

        >>> mm = Map(a=1).mutate()
        >>> mm.setdefault("a", 0), mm.setdefault("b", 0)
        (1, 0)
        """

    def delete(self, key: _K, /) -> None:
        """Remove `key`, as `del mm[key]`; KeyError(key) if it is absent. O(log n).

        >>> mm = Map(a=1).mutate()
        >>> mm.delete("a")
        >>> len(mm)
        0
        """

    def discard(self, key: _K, /) -> None:
        """Remove `key` if it is there. O(log n).

        >>> mm = Map(a=1).mutate()
        >>> mm.discard("b")
        >>> len(mm)
        1
        """

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V2) -> _V | _V2:
        """Remove `key` and return its value. If it is absent: `default`, or KeyError(key) without one. O(log n).

        >>> mm = Map(a=1).mutate()
        >>> mm.pop("a"), mm.pop("a", None)
        (1, None)
        """

    @overload
    def update(self: MapMutation[str, _V], *sources: _Entries[str, _V], **entries: _V) -> None: ...
    @overload
    def update(self, *mappings: _Mapping[_K, _V]) -> None: ...
    @overload
    def update(self, *sources: _Entries[_K, _V]) -> None:
        """Take over the entries of mappings or iterables of pairs, then of the keywords. Later values win.

        Errors and cost are those of `Map.update`. A source that fails changes nothing.

        >>> mm = Map(a=1).mutate()
        >>> mm.update({"a": 2}, b=3)
        >>> mm["a"], mm["b"]
        (2, 3)
        """

    def finish(self) -> Map[_K, _V]:
        """Seal the mutation and return the map, the same one each time. O(1).

        If no edit changed anything, that is the map that the mutation started from.

        >>> Map(a=1).mutate().finish()
        Map({'a': 1})
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the map."""

# The views: as dict's, with any iterable on the right of a set operator. Each knows its length and its `mapping`.

@final
class MapKeys(KeysView[_K], Generic[_K, _V_co]):
    """The keys of a map as a set-like view.

    Any iterable may be the right operand of `&`, `|`, `-` and `^`.

    >>> Map(a=1, b=2).keys() - ["a"] == {"b"}
    True
    """

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to.

        >>> Map(a=1).keys().mapping
        Map({'a': 1})
        """

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable).

        >>> Map(a=1).keys().isdisjoint(["c"])
        True
        """

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in reverse order: O(1) to begin, O(n) for all."""

@final
class MapValues(ValuesView[_V_co], Generic[_K, _V_co]):
    """The values of a map as a view, in the order of the keys.

    >>> 1 in Map(a=1).values()
    True
    """

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to.

        >>> Map(a=1).values().mapping
        Map({'a': 1})
        """

    def __reversed__(self) -> Iterator[_V_co]:
        """Iterate over the values in reverse order: O(1) to begin, O(n) for all."""

@final
class MapItems(ItemsView[_K, _V_co]):
    """The `(key, value)` pairs of a map as a set-like view.

    Any iterable may be the right operand of `&`, `|`, `-` and `^`.

    >>> ("a", 1) in Map(a=1).items()
    True
    """

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to.

        >>> Map(a=1).items().mapping
        Map({'a': 1})
        """

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable).

        >>> Map(a=1).items().isdisjoint(["c"])
        True
        """

    def __reversed__(self) -> Iterator[tuple[_K, _V_co]]:
        """Iterate over the items in reverse order: O(1) to begin, O(n) for all."""

# Set: src/bindings/set/

@disjoint_base
class Set(AbstractSet[_T_co]):
    """An immutable set with frozenset's interface. Changes return new sets, which share memory with the old one.

    Of equal members a set keeps the first. Operators take sets of any kind on either side, and the result has the type
    of the left operand; the named methods take any iterables. An operation that changes nothing returns the set itself.
    A Set is equal to every set of equal members, and has frozenset's hash. A plain `set` may be looked up in a
    Set of sets. Subclasses are possible: an instance keeps its attributes in copies and pickles, and what is
    derived from it is a Set. Errors, and what is promised of members' `__hash__` and `__eq__`, are those of
    Map.

    Set algebra walks both trees in step and skips the parts that both share: for two versions of one origin it
    takes time in proportion to what differs. A small operand is taken member by member. Below, n is the number of
    members of this set, and m that of the other operand.

    Method: Map's tree (CHAMP) with entries of one cell.

    >>> s = Set([1, 2])
    >>> s.add(3) == {1, 2, 3}, 3 in s
    (True, False)
    """

    def __init__(self, iterable: Iterable[_T_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """Whether `member` is there. O(log n)."""

    def __iter__(self) -> Iterator[_T_co]:
        """Iterate over the members, in the order of their hashes: O(1) to begin, O(n) for all."""

    def __len__(self) -> int:
        """The number of members. O(1)."""

    def __hash__(self) -> int:
        """`hash(frozenset(s))`. O(n) once; O(d log n) after d changes, because each node remembers its hash."""

    def __eq__(self, other: object, /) -> bool: ...
    def __le__(self, other: AbstractSet[object], /) -> bool: ...
    def __lt__(self, other: AbstractSet[object], /) -> bool: ...
    def __ge__(self, other: AbstractSet[object], /) -> bool: ...
    def __gt__(self, other: AbstractSet[object], /) -> bool: ...
    def __or__(self, other: AbstractSet[_T2], /) -> Set[_T_co | _T2]: ...
    def __and__(self, other: AbstractSet[object], /) -> Set[_T_co]: ...
    def __sub__(self, other: AbstractSet[object], /) -> Set[_T_co]: ...
    def __xor__(self, other: AbstractSet[_T2], /) -> Set[_T_co | _T2]: ...
    def __ror__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def __rand__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rsub__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rxor__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def add(self, member: _T2, /) -> Set[_T_co | _T2]:
        """Return the set with `member`. O(log n).

        >>> Set().add(1)
        Set({1})
        """

    def remove(self, member: object, /) -> Set[_T_co]:
        """Return the set without `member`; KeyError(member) if it is absent. O(log n).

        >>> Set([1, 2]).remove(1)
        Set({2})
        """

    def discard(self, member: object, /) -> Set[_T_co]:
        """Return the set without `member`, or the set itself if the member is absent. O(log n).

        >>> Set([1]).discard(2)
        Set({1})
        """

    def union(self, *iterables: Iterable[_T2]) -> Set[_T_co | _T2]:
        """Return the members of this set and of all iterables.

        O(m log n); with a Set that shares parts with this one, in proportion to what differs.

        >>> Set([1]).union([2], [3]) == {1, 2, 3}
        True
        """

    def update(self, *iterables: Iterable[_T2]) -> Set[_T_co | _T2]:
        """Return the members of this set and of all iterables: `union` under Map's name.

        O(m log n); with a Set that shares parts with this one, in proportion to what differs.

        >>> Set([1]).update([2]) == {1, 2}
        True
        """

    def intersection(self, *iterables: Iterable[object]) -> Set[_T_co]:
        """Return the members of this set that all iterables have.

        O(m log n); with a Set that shares parts with this one, in proportion to what differs.

        >>> Set([1, 2]).intersection([2, 3]) == {2}
        True
        """

    def difference(self, *iterables: Iterable[object]) -> Set[_T_co]:
        """Return the members of this set that no iterable has.

        O(m log n); with a Set that shares parts with this one, in proportion to what differs.

        >>> Set([1, 2]).difference([2, 3]) == {1}
        True
        """

    def diff(self, new: Set[Any], /) -> Delta:
        """Return the Delta that leads from this set to `new`: the members that it loses, and those that it gets.

        O(d log n) for d differences between versions of one set, O(n) between sets of different origin. A member that
        becomes one of another kind, as 1 becomes True, is a change. TypeError if `new` is no Set.

        >>> print(Set("ab").diff(Set("bc")))
        ['a']: removed
        ['c']: added
        """

    def apply(self, delta: Delta, /) -> Set[Any]:
        """Return the set with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change. ConflictError, a ValueError, if a member that is to be removed is missing, or one that
        is to be added is there. The members of a Delta between sets of the other family are converted.

        >>> Set([1, 5]).apply(Set([1]).diff(Set([2]))) == {2, 5}
        True
        """

    def _differences(
        self, new: Set[Any], absent: Any, change: type, /
    ) -> tuple[dict[Any, Any], list[tuple[Any, Any]]]: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def symmetric_difference(self, iterable: Iterable[_T2], /) -> Set[_T_co | _T2]:
        """Return the members that either this set or the iterable has, but not both.

        O(m log n); with a Set that shares parts with this one, in proportion to what differs.

        >>> Set([1, 2]).symmetric_difference([2, 3]) == {1, 3}
        True
        """

    def issubset(self, iterable: Iterable[object], /) -> bool:
        """Whether the iterable has all members of this set. O(n + length of the iterable).

        >>> Set([1]).issubset([1, 2])
        True
        """

    def issuperset(self, iterable: Iterable[object], /) -> bool:
        """Whether this set has all members of the iterable. O(length of the iterable).

        >>> Set([1, 2]).issuperset([1])
        True
        """

    def isdisjoint(self, iterable: Iterable[object], /) -> bool:
        """Whether this set and the iterable have no member in common. O(length of the iterable).

        >>> Set([1]).isdisjoint([2])
        True
        """

    def mutate(self) -> SetMutation[_T_co]:
        """Return a SetMutation that starts as this set, which itself does not change. O(1).

        >>> with Set([1]).mutate() as sm:
        ...     sm.add(2)
        >>> sm.finish() == {1, 2}
        True
        """

    def copy(self) -> Self:
        """Return the set itself, because it cannot change. O(1).

        >>> s = Set([1])
        >>> s.copy() == s
        True
        """

    def __copy__(self) -> Self:
        """Return the set itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the set itself if no member had to be copied, otherwise a set of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the set and of all nodes of its tree, also those that other sets share. O(n)."""

@final
class SetMutation(Generic[_T]):
    """A set that is edited in place, made by `Set.mutate()`, sealed by `finish()` or its `with` block.

    Each edit is much cheaper than `Set.add`: nodes that only this mutation references are modified in place; each
    other node is copied once. All else is as with MapMutation.

    >>> sm = Set().mutate()
    >>> sm.add(1)
    >>> sm.finish()
    Set({1})
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """Whether `member` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of members. O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def add(self, member: _T, /) -> None:
        """Add `member`. O(log n).

        >>> sm = Set().mutate()
        >>> sm.add(1)
        >>> 1 in sm
        True
        """

    def remove(self, member: _T, /) -> None:
        """Remove `member`; KeyError(member) if it is absent. O(log n).

        >>> sm = Set([1]).mutate()
        >>> sm.remove(1)
        >>> len(sm)
        0
        """

    def discard(self, member: _T, /) -> None:
        """Remove `member` if it is there. O(log n).

        >>> sm = Set([1]).mutate()
        >>> sm.discard(2)
        >>> len(sm)
        1
        """

    def update(self, *iterables: Iterable[_T]) -> None:
        """Add the members of all iterables. An iterable that fails adds nothing. O(m log n).

        >>> sm = Set([1]).mutate()
        >>> sm.update([2], [3])
        >>> len(sm)
        3
        """

    def finish(self) -> Set[_T]:
        """Seal the mutation and return the set, the same one each time. O(1).

        If no edit changed anything, that is the set that the mutation started from.

        >>> Set([1]).mutate().finish()
        Set({1})
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the set."""

# Vector: src/bindings/vector/

_E = TypeVar("_E")
_E2 = TypeVar("_E2")
_E_co = TypeVar("_E_co", covariant=True)

@disjoint_base
class Vector(Sequence[_E_co]):
    """An immutable sequence. Changes, `+` and slices return new vectors, which share memory with the old one.

    `Vector()`, `Vector(iterable)`. Any number of threads may read one vector and derive new ones from it at
    once; an operation that changes nothing returns the vector itself. A vector is equal only to Vectors and
    SharedVectors of equal elements, is ordered as tuples are, and is a sequence in `match`. Subclasses are possible: an
    instance keeps its attributes in copies and pickles, and what is derived from it is a Vector.

    Below, n is the number of elements, and "O(log n)" a walk down a tree of up to 32 branches: height 3 or 4 for a
    million elements, and at most 15, whatever the vector was put together from. IndexError for an index out of range,
    OverflowError for a length past `sys.maxsize`; what `__eq__` and `__hash__` of elements raise is raised here.

    Method: RRB tree with a tail (Bagwell and Rompf, "RRB-Trees: Efficient Immutable Vectors", EPFL 2011; Stucki, Rompf,
    Ureche and Bagwell, "RRB Vector: A Practical General Purpose Immutable Sequence", ICFP 2015; L'orange,
    "Improving RRB-Tree Performance through Transience", NTNU 2014), with nodes at least half full, as a B-tree's.

    >>> v = Vector("ab")
    >>> v.append("c"), v
    (Vector(['a', 'b', 'c']), Vector(['a', 'b']))
    """

    def __init__(self, iterable: Iterable[_E_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _E_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> Vector[_E_co]:
        """Return an element, the very object that was stored, or a slice. O(log n); with a step O(length)."""

    def __len__(self) -> int:
        """The number of elements. O(1)."""

    def __iter__(self) -> Iterator[_E_co]:
        """Iterate over the elements: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_E_co]:
        """Iterate from the last element to the first: O(1) to begin, O(n) for all."""

    def __contains__(self, value: object, /) -> bool:
        """Whether an element is or equals `value`. O(n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """Return the first index of `value` in [start:stop]; ValueError if it is absent. O(n).

        >>> Vector("abb").index("b")
        1
        """

    def count(self, value: object, /) -> int:
        """Return how many elements equal `value`. O(n).

        >>> Vector("abb").count("b")
        2
        """

    def tolist(self) -> list[_E_co]:
        """Return `list(v)`, in half the time. O(n).

        >>> Vector("ab").tolist()
        ['a', 'b']
        """

    def totuple(self) -> tuple[_E_co, ...]:
        """Return `tuple(v)`, in half the time. O(n).

        >>> Vector("ab").totuple()
        ('a', 'b')
        """

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a vector of equal elements.

        O(n). Parts that both share at the same index are skipped, so that versions of one vector that differ in d
        elements take O(d log n).
        """

    def __hash__(self) -> int:
        """The hash of the elements. O(n) once, then O(1). TypeError if an element is unhashable."""

    def __lt__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __le__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __gt__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __ge__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...

    # Deriving

    def append(self, value: _E2, /) -> Vector[_E_co | _E2]:
        """Return the vector with `value` behind the last element.

        O(1) amortized: it copies one leaf, and every 32nd time a path.

        >>> Vector("a").append("b")
        Vector(['a', 'b'])
        """

    def extend(self, iterable: Iterable[_E2], /) -> Vector[_E_co | _E2]:
        """Return the vector with the iterable's elements behind its own.

        O(length of the iterable); of a Vector O(log n).

        >>> Vector("a").extend("bc")
        Vector(['a', 'b', 'c'])
        """

    def set(self, index: SupportsIndex, value: _E2, /) -> Vector[_E_co | _E2]:
        """Return the vector with `value` at `index`; IndexError if there is no such index. O(log n).

        >>> Vector("ab").set(-1, "z")
        Vector(['a', 'z'])
        """

    def insert(self, index: SupportsIndex, value: _E2, /) -> Vector[_E_co | _E2]:
        """Return the vector with `value` before the element at `index`, which is clamped as in list.insert. O(log n).

        >>> Vector("ac").insert(1, "b")
        Vector(['a', 'b', 'c'])
        """

    @overload
    def delete(self, index: SupportsIndex, /) -> Vector[_E_co]: ...
    @overload
    def delete(self, start: SupportsIndex | None, stop: SupportsIndex | None, /) -> Vector[_E_co]:
        """Return the vector without the element at `index`, or without those of [start:stop]. O(log n).

        IndexError if there is no element at `index`; start and stop are clamped, as in a slice.

        >>> Vector("abc").delete(0), Vector("abc").delete(0, 2)
        (Vector(['b', 'c']), Vector(['c']))
        """

    def pop(self) -> Vector[_E_co]:
        """Return the vector without its last element, which is `v[-1]`; IndexError if it is empty. O(1) amortized.

        >>> Vector("ab").pop()
        Vector(['a'])
        """

    def diff(self, new: Vector[Any], /) -> Delta:
        """Return the Delta that leads from this vector to `new`: elements that are replaced, inserted and deleted.

        The script is the shortest where few edits lie together (Landau and Vishkin, 1989, in windows). Where one
        container replaces another one of its kind, the change is looked for inside it. A step of a path is an index
        into this vector; the last one is a Span where elements are inserted or deleted.

        O(d log n) for d edits that lie apart between versions of one vector, whose shared parts are skipped; O(n)
        between vectors of different origin. TypeError if `new` is no Vector.

        >>> print(Vector("abcd").diff(Vector("aBcde")))
        [1]: 'b' -> 'B'
        [4:4]: inserted ['e']
        """

    def apply(self, delta: Delta, /) -> Vector[Any]:
        """Return the vector with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change, and for each container on the way to it. The indices are those of the version that the
        Delta was made from. ConflictError, a ValueError, if this vector has something else there. The values of a Delta
        between containers of the other family are converted.

        >>> Vector("xyz").apply(Vector("xy").diff(Vector("axy")))
        Vector(['a', 'x', 'y', 'z'])
        """

    def _edits(
        self, new: Vector[Any], same_value: Callable[[Any, Any], bool], /
    ) -> list[tuple[int, int, int, int]]: ...
    def _difference(self, other: Vector[Any], start: int, /) -> tuple[int, Any, Any] | None: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __add__(self, other: Vector[_E2] | SharedVector[_E2], /) -> Vector[_E_co | _E2]:
        """Both vectors, one behind the other. O(log n); TypeError for other sequences, which `extend` takes."""

    def __mul__(self, times: SupportsIndex, /) -> Vector[_E_co]:
        """The vector repeated; all copies share their nodes. O(log(n * times))."""

    def __rmul__(self, times: SupportsIndex, /) -> Vector[_E_co]: ...
    def mutate(self) -> VectorMutation[_E_co]:
        """Return a VectorMutation that starts as this vector, which itself does not change. O(1).

        >>> with Vector("ab").mutate() as vm:
        ...     vm[0] = "z"
        >>> vm.finish()
        Vector(['z', 'b'])
        """

    # Copying

    def copy(self) -> Self:
        """Return the vector itself, because it cannot change. O(1).

        >>> v = Vector("ab")
        >>> v.copy() == v
        True
        """

    def __copy__(self) -> Self:
        """Return the vector itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the vector itself if no element had to be copied, otherwise a vector of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the vector and of all nodes of its tree, also those that other vectors share. O(n)."""

@final
class VectorMutation(MutableSequence[_E]):
    """A vector that is edited in place, as a list; made by `Vector.mutate()`, sealed by `finish()`.

    The end of its `with` block seals it, too. Each edit is much cheaper than `Vector.set`: nodes that only this
    mutation references are modified in place; each other node is copied once. The vector that it started from never
    changes. After `finish()` every edit raises ValueError, and reading goes on. Mutations are equal if their elements
    are. They cannot be hashed or pickled. Threads may share one: an edit happens as a whole or raises. Errors are those
    of list, and name the index and the length.

    Method: transients (Clojure; L'orange 2014), with unique reference counts for ownership, as Rust's `Arc::make_mut`.

    >>> vm = Vector("ab").mutate()
    >>> vm += "cd"
    >>> vm.finish()
    Vector(['a', 'b', 'c', 'd'])
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @overload  # type: ignore[override]  # a slice is no mutation, but a Vector
    def __getitem__(self, index: SupportsIndex, /) -> _E: ...
    @overload
    def __getitem__(self, index: slice, /) -> Vector[_E]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return an element, or a slice as a Vector, which later edits do not change. O(log n)."""

    @overload
    def __setitem__(self, index: SupportsIndex, value: _E, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, values: Iterable[_E], /) -> None:
        """Replace an element, in O(log n), or a slice, in O(log n + number of values).

        ValueError if a slice with a step has another length than the values.
        """

    def __delitem__(self, index: SupportsIndex | slice, /) -> None:
        """Remove an element or a slice. O(log n); a slice with a step O(n)."""

    def __len__(self) -> int:
        """The number of elements. O(1)."""

    def __contains__(self, value: object, /) -> bool:
        """Whether an element is or equals `value`. O(n)."""

    def __iter__(self) -> Iterator[_E]:
        """Iterate by index, as over a list: the iterator sees edits. O(log n) for each element."""

    def __eq__(self, other: object, /) -> bool: ...
    def __iadd__(self, values: Iterable[_E], /) -> Self: ...
    def append(self, value: _E, /) -> None:
        """Add `value` behind the last element. O(1) amortized.

        >>> vm = Vector("a").mutate()
        >>> vm.append("b")
        >>> vm.finish()
        Vector(['a', 'b'])
        """

    def extend(self, iterable: Iterable[_E], /) -> None:
        """Add the iterable's elements at the end. O(length of the iterable); of a Vector O(log n).

        An iterable that fails adds nothing.

        >>> vm = Vector("a").mutate()
        >>> vm.extend("bc")
        >>> vm.finish()
        Vector(['a', 'b', 'c'])
        """

    def insert(self, index: SupportsIndex, value: _E, /) -> None:
        """Insert `value` before the element at `index`, which is clamped as in list.insert. O(log n).

        >>> vm = Vector("ac").mutate()
        >>> vm.insert(1, "b")
        >>> vm.finish()
        Vector(['a', 'b', 'c'])
        """

    def pop(self, index: SupportsIndex = -1, /) -> _E:
        """Remove the element at `index` and return it; IndexError if there is none.

        O(log n); for the last element O(1) amortized.

        >>> Vector("ab").mutate().pop()
        'b'
        """

    def remove(self, value: _E, /) -> None:
        """Remove the first element that equals `value`; ValueError if there is none. O(n).

        >>> vm = Vector("aba").mutate()
        >>> vm.remove("a")
        >>> vm.finish()
        Vector(['b', 'a'])
        """

    def clear(self) -> None:
        """Remove all elements. O(n) if only this mutation references their nodes, else O(1).

        >>> vm = Vector("ab").mutate()
        >>> vm.clear()
        >>> vm.finish()
        Vector()
        """

    def reverse(self) -> None:
        """Reverse the order of the elements. O(n).

        >>> vm = Vector("ab").mutate()
        >>> vm.reverse()
        >>> vm.finish()
        Vector(['b', 'a'])
        """

    def sort(self, *, key: Callable[[_E], Any] | None = None, reverse: bool = False) -> None:
        """Sort the elements, as list.sort does. O(n log n). ValueError if the mutation is changed meanwhile.

        >>> vm = Vector("ba").mutate()
        >>> vm.sort()
        >>> vm.finish()
        Vector(['a', 'b'])
        """

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """Return the first index of `value` in [start:stop]; ValueError if it is absent. O(n).

        >>> Vector("abb").mutate().index("b")
        1
        """

    def count(self, value: object, /) -> int:
        """Return how many elements equal `value`. O(n).

        >>> Vector("abb").mutate().count("b")
        2
        """

    def finish(self) -> Vector[_E]:
        """Seal the mutation and return the vector, the same one each time. O(1).

        If no edit changed anything, that is the vector that the mutation started from.

        >>> Vector("a").mutate().finish()
        Vector(['a'])
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the vector."""

# The shared family: src/shared/nodes.h, src/bindings/*/shared.c, src/shared/

# Generated by tools/stubs.py from the classes above: edit those, or that script's DIFFERENCES, then run it.

@final
class SharedMap(Mapping[_K, _V_co]):
    """A Map in memory that all interpreters of the process share: it crosses to another one in O(1).

    It holds values, not objects: None, bool, int, float, complex, str, bytes, Ellipsis, tuple, frozenset,
    the standard library's dates, times, time zones, Decimal, Fraction, UUID, range, IP addresses and networks,
    paths and members of enums, shared containers, Blob, and registered types (`register_shareable`); `share`
    converts others. The interpreter that reads makes each value anew (25-45 ns for a str), so a lookup writes
    nothing that another thread waits for. NotShareableError for other values, and for keys whose hash differs
    between interpreters: NaN, and on 3.12 a date or a time with a time zone.

    It is Map's trie over plain memory with atomic reference counts; a derived version shares nodes with its
    origin. Complexities are Map's.

    >>> m = SharedMap(a=1)
    >>> m.set("b", 2) == {"a": 1, "b": 2}, m
    (True, SharedMap({'a': 1}))
    """

    @overload
    def __init__(self) -> None: ...
    @overload
    def __init__(self: SharedMap[str, _V2], **entries: _V2) -> None: ...
    @overload
    def __init__(self, mapping: _Mapping[_K, _V_co], /) -> None: ...
    @overload
    def __init__(self, pairs: _Pairs[_K, _V_co], /) -> None: ...
    @overload
    def __init__(self: SharedMap[_K2 | str, _V2 | _V3], mapping: _Mapping[_K2, _V2], /, **entries: _V3) -> None: ...
    @overload
    def __init__(self: SharedMap[_K2 | str, _V2 | _V3], pairs: _Pairs[_K2, _V2], /, **entries: _V3) -> None: ...
    @overload
    @classmethod
    def fromkeys(cls, iterable: Iterable[_K2], value: None = None, /) -> SharedMap[_K2, Any | None]: ...
    @overload
    @classmethod
    def fromkeys(cls, iterable: Iterable[_K2], value: _V2, /) -> SharedMap[_K2, _V2]:
        """Return a map, of the class that it is called on, of each key to the same value. O(n).

        >>> SharedMap.fromkeys("a", 0)
        SharedMap({'a': 0})
        """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    def __getitem__(self, key: _K, /) -> _V_co:
        """Return the value under `key`, made anew; KeyError(key) if absent. O(log n + its size)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V_co | None: ...
    @overload
    def get(self, key: _K, /, default: _V_co) -> _V_co: ...  # type: ignore[misc]  # covariant, as in Mapping
    @overload
    def get(self, key: _K, /, default: _V2) -> _V_co | _V2:
        """Return the value under `key`, or `default` if the key is absent. O(log n).

        >>> SharedMap(a=1).get("a"), SharedMap(a=1).get("b", 0)
        (1, 0)
        """

    def __contains__(self, key: object, /) -> bool:
        """Whether `key` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of entries. O(1)."""

    def __iter__(self) -> Iterator[_K]:
        """Iterate over the keys, in the order of their hashes: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in the exact reverse of `iter`: O(1) to begin, O(n) for all."""

    def keys(self) -> SharedMapKeys[_K, _V_co]:
        """Return a set-like view of the keys. O(1).

        >>> SharedMap(a=1).keys() & {"a", "b"} == {"a"}
        True
        """

    def values(self) -> SharedMapValues[_K, _V_co]:
        """Return a view of the values, in the order of the keys. O(1).

        >>> list(SharedMap(a=1).values())
        [1]
        """

    def items(self) -> SharedMapItems[_K, _V_co]:
        """Return a set-like view of the `(key, value)` pairs. O(1).

        >>> dict(SharedMap(a=1, b=2).items()) == {"a": 1, "b": 2}
        True
        """

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a SharedMap, Map, dict or frozendict of equal items. NaN equals itself."""

    def __hash__(self) -> int:
        """The hash of a Map of the same items, in every interpreter."""

    # Deriving

    def set(self, key: _K2, value: _V2, /) -> SharedMap[_K | _K2, _V_co | _V2]:
        """Return the map with `value` under `key`; an equal key that is there stays. O(log n).

        >>> SharedMap(a=1).set("a", 2)
        SharedMap({'a': 2})
        """

    @overload
    def setdefault(self, key: _K2, default: None = None, /) -> SharedMap[_K | _K2, _V_co | None]: ...
    @overload
    def setdefault(self, key: _K2, default: _V2, /) -> SharedMap[_K | _K2, _V_co | _V2]:
        """Return the map with `default` under `key`, or the map itself if the key is there. O(log n).

        Unlike `dict.setdefault` it returns the map: read the value from that.

        >>> SharedMap(a=1).setdefault("a", 0).setdefault("b", 0) == {"a": 1, "b": 0}
        True
        """

    @overload
    def alter(self, key: _K, fn: Callable[[_V_co], _V2], /) -> SharedMap[_K, _V_co | _V2]: ...
    @overload
    def alter(self, key: _K2, fn: Callable[[_V_co | _V3], _V2], /, default: _V3) -> SharedMap[_K | _K2, _V_co | _V2]:
        """Return the map with `fn(value)` in place of the value under `key`. O(log n).

        If the key is absent, the value is `fn(default)`, or KeyError(key) without a default. `fn` is called once; its
        exceptions are raised here. The key is hashed and looked up once, where `m.set(key, fn(m[key]))` does so twice.

        >>> words = SharedMap()
        >>> for word in ["to", "be", "to"]:
        ...     words = words.alter(word, lambda count: count + 1, default=0)
        >>> words == {"to": 2, "be": 1}
        True
        """

    def delete(self, key: _K, /) -> SharedMap[_K, _V_co]:
        """Return the map without `key`; KeyError(key) if it is absent. O(log n).

        >>> SharedMap(a=1, b=2).delete("a")
        SharedMap({'b': 2})
        """

    def remove(self, key: _K, /) -> SharedMap[_K, _V_co]:
        """Return the map without `key`, as `delete`: the name that pyrsistent and rpds give it.

        >>> SharedMap(a=1, b=2).remove("a")
        SharedMap({'b': 2})
        """

    def discard(self, key: _K, /) -> SharedMap[_K, _V_co]:
        """Return the map without `key`, or the map itself if the key is absent. O(log n).

        >>> SharedMap(a=1).discard("b")
        SharedMap({'a': 1})
        """

    @overload
    def update(self) -> SharedMap[_K, _V_co]: ...  # pyright: ignore[reportOverlappingOverload]
    @overload
    def update(self, **entries: _V2) -> SharedMap[_K | str, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, mapping: _Mapping[_K2, _V2], /, *mappings: _Mapping[_K2, _V2]
    ) -> SharedMap[_K | _K2, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, source: _Entries[_K2, _V2], /, *sources: _Entries[_K2, _V2]
    ) -> SharedMap[_K | _K2, _V_co | _V2]: ...
    @overload
    def update(  # pyright: ignore[reportOverlappingOverload]
        self, mapping: _Mapping[_K2, _V2], /, *mappings: _Mapping[_K2, _V2], **entries: _V3
    ) -> SharedMap[_K | _K2 | str, _V_co | _V2 | _V3]: ...
    @overload
    def update(
        self, source: _Entries[_K2, _V2], /, *sources: _Entries[_K2, _V2], **entries: _V3
    ) -> SharedMap[_K | _K2 | str, _V_co | _V2 | _V3]:
        """Return the map with all entries of mappings or iterables of pairs, then of the keywords. Later values win.

        O(k log n) for k new entries. Together with a SharedMap, both trees are walked in step, and parts that only one
        has, or that both share, are taken over as they are. ValueError for a pair that is not of length two, TypeError
        for an element that is no pair.

        >>> SharedMap(a=1).update({"a": 2}, b=3) == {"a": 2, "b": 3}
        True
        """

    @overload
    def merge(
        self, other: _Mapping[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> SharedMap[_K | _K2, _V_co | _V2 | _V3]: ...
    @overload
    def merge(
        self, other: _Pairs[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> SharedMap[_K | _K2, _V_co | _V2 | _V3]:
        """Return the entries of both; the value of a key that both sides have is `fn(own value, value of other)`.

        `fn` is called once for each common key, in no particular order; its exceptions are raised here. Takes as long
        as `update`, and visits every common entry.

        >>> SharedMap(a=1).merge({"a": 10}, lambda own, other: own + other)
        SharedMap({'a': 11})
        """

    def diff(self, new: SharedMap[Any, Any], /) -> Delta:
        """Return the Delta that leads from this map to `new`.

        It has the path of each entry that differs, with the old and the new value.

        O(d log n) for d differences between versions of one map, whose shared parts are skipped; O(n) between maps of
        different origin. Where both sides hold a container of one kind, the changes are looked for inside it.
        Other values are the same if they are equal and of one kind: True in place of 1 is a change, NaN in place of NaN
        is none. TypeError if `new` is no SharedMap.

        >>> SharedMap(a=1).diff(SharedMap(a=2))["a",]
        Change(old=1, new=2)
        """

    def apply(self, delta: Delta, /) -> SharedMap[Any, Any]:
        """Return the map with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change, and for each container on the way to it. Applied to another version, the changes merge
        with those of that version. ConflictError, a ValueError, if the map does not hold the old value of a change. The
        values of a Delta between containers of the other family are converted.

        >>> delta = SharedMap(a=1).diff(SharedMap(a=2))
        >>> SharedMap(a=1, b=5).apply(delta) == {"a": 2, "b": 5}
        True
        """

    def _changed(
        self, changes: dict[Any, Any], absent: Any, change: type, only_plain: bool, /
    ) -> SharedMap[Any, Any] | None: ...
    def _differences(
        self, new: SharedMap[Any, Any], absent: Any, change: type, /
    ) -> tuple[dict[Any, Any], list[tuple[Any, Any, Any]]]: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __or__(self, other: Mapping[_K2, _V2], /) -> SharedMap[_K | _K2, _V_co | _V2]: ...
    if sys.version_info >= (3, 15):
        @overload
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...
        @overload
        def __ror__(self, other: frozendict[_K2, _V2], /) -> frozendict[_K | _K2, _V_co | _V2]: ...  # noqa: F821
    else:
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...

    def mutate(self) -> SharedMapMutation[_K, _V_co]:
        """Return a SharedMapMutation that starts as this map, which itself does not change. O(1).

        >>> with SharedMap(a=1).mutate() as mm:
        ...     mm["b"] = 2
        >>> mm.finish() == {"a": 1, "b": 2}
        True
        """

    # Copying

    def copy(self) -> Self:
        """Return the map itself, because it cannot change. O(1).

        >>> m = SharedMap(a=1)
        >>> m.copy() == m
        True
        """

    def __copy__(self) -> Self:
        """Return the map itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the map itself if no key and no value had to be copied, otherwise a map of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the map and of all nodes of its tree, also those that other maps share. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> SharedMap(a=1).handle().redeem() == SharedMap(a=1)
        True
        """

@final
class SharedMapMutation(Generic[_K, _V]):
    """A map that is edited in place, made by `SharedMap.mutate()`, sealed by `finish()` or the end of its `with` block.

    Each edit is much cheaper than `SharedMap.set`: nodes that only this mutation references are modified in place; each
    other node is copied once. The map that it started from never changes. After `finish()` every edit raises
    ValueError, and reading goes on. Mutations are equal if their entries are. They cannot be hashed, iterated over or
    pickled. Threads may share one: an edit happens as a whole or raises. Errors are those of SharedMap.

    Method: transients (Clojure), with unique reference counts for ownership, as Rust's `Arc::make_mut`.

    >>> mm = SharedMap().mutate()
    >>> mm["a"] = 1
    >>> mm.finish()
    SharedMap({'a': 1})
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __getitem__(self, key: _K, /) -> _V:
        """Return the value under `key`; KeyError(key) if it is absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V2) -> _V | _V2:
        """Return the value under `key`, or `default` if the key is absent. O(log n).

        >>> SharedMap(a=1).mutate().get("a")
        1
        """

    def __contains__(self, key: object, /) -> bool:
        """Whether `key` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of entries. O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __setitem__(self, key: _K, value: _V, /) -> None:
        """Store `value` under `key`. O(log n)."""

    def __delitem__(self, key: _K, /) -> None:
        """Remove `key`; KeyError(key) if it is absent. O(log n)."""

    def set(self, key: _K, value: _V, /) -> None:
        """Store `value` under `key`, as `mm[key] = value`. O(log n).

        >>> mm = SharedMap().mutate()
        >>> mm.set("a", 1)
        >>> mm["a"]
        1
        """

    @overload
    def setdefault(self: SharedMapMutation[_K, _V2 | None], key: _K, default: None = None, /) -> _V2 | None: ...
    @overload
    def setdefault(self, key: _K, default: _V, /) -> _V:
        """Return the value under `key`; if the key is absent, store `default` there and return it. O(log n).

        >>> mm = SharedMap(a=1).mutate()
        >>> mm.setdefault("a", 0), mm.setdefault("b", 0)
        (1, 0)
        """

    def delete(self, key: _K, /) -> None:
        """Remove `key`, as `del mm[key]`; KeyError(key) if it is absent. O(log n).

        >>> mm = SharedMap(a=1).mutate()
        >>> mm.delete("a")
        >>> len(mm)
        0
        """

    def discard(self, key: _K, /) -> None:
        """Remove `key` if it is there. O(log n).

        >>> mm = SharedMap(a=1).mutate()
        >>> mm.discard("b")
        >>> len(mm)
        1
        """

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V2) -> _V | _V2:
        """Remove `key` and return its value. If it is absent: `default`, or KeyError(key) without one. O(log n).

        >>> mm = SharedMap(a=1).mutate()
        >>> mm.pop("a"), mm.pop("a", None)
        (1, None)
        """

    @overload
    def update(self: SharedMapMutation[str, _V], *sources: _Entries[str, _V], **entries: _V) -> None: ...
    @overload
    def update(self, *mappings: _Mapping[_K, _V]) -> None: ...
    @overload
    def update(self, *sources: _Entries[_K, _V]) -> None:
        """Take over the entries of mappings or iterables of pairs, then of the keywords. Later values win.

        Errors and cost are those of `SharedMap.update`. A source that fails changes nothing.

        >>> mm = SharedMap(a=1).mutate()
        >>> mm.update({"a": 2}, b=3)
        >>> mm["a"], mm["b"]
        (2, 3)
        """

    def finish(self) -> SharedMap[_K, _V]:
        """Seal the mutation and return the map, the same one each time. O(1).

        If no edit changed anything, that is the map that the mutation started from.

        >>> SharedMap(a=1).mutate().finish()
        SharedMap({'a': 1})
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the map."""

@final
class SharedMapKeys(KeysView[_K], Generic[_K, _V_co]):
    """The keys of a map as a set-like view.

    Any iterable may be the right operand of `&`, `|`, `-` and `^`.

    >>> SharedMap(a=1, b=2).keys() - ["a"] == {"b"}
    True
    """

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to.

        >>> SharedMap(a=1).keys().mapping
        SharedMap({'a': 1})
        """

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable).

        >>> SharedMap(a=1).keys().isdisjoint(["c"])
        True
        """

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedMapValues(ValuesView[_V_co], Generic[_K, _V_co]):
    """The values of a map as a view, in the order of the keys.

    >>> 1 in SharedMap(a=1).values()
    True
    """

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to.

        >>> SharedMap(a=1).values().mapping
        SharedMap({'a': 1})
        """

    def __reversed__(self) -> Iterator[_V_co]:
        """Iterate over the values in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedMapItems(ItemsView[_K, _V_co]):
    """The `(key, value)` pairs of a map as a set-like view.

    Any iterable may be the right operand of `&`, `|`, `-` and `^`.

    >>> ("a", 1) in SharedMap(a=1).items()
    True
    """

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to.

        >>> SharedMap(a=1).items().mapping
        SharedMap({'a': 1})
        """

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable).

        >>> SharedMap(a=1).items().isdisjoint(["c"])
        True
        """

    def __reversed__(self) -> Iterator[tuple[_K, _V_co]]:
        """Iterate over the items in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedSet(AbstractSet[_T_co]):
    """A Set in memory that all interpreters of the process share: it crosses to another one in O(1).

    It holds what a SharedMap holds. Other sets may have members that cannot be shared. A SharedSet has no such
    member, unless an equal one can be shared; NotShareableError where an operation would have to add one.

    >>> s = SharedSet([1, 2])
    >>> s.add(3) == {1, 2, 3}, 3 in s
    (True, False)
    """

    def __init__(self, iterable: Iterable[_T_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """Whether `member` is there. O(log n)."""

    def __iter__(self) -> Iterator[_T_co]:
        """Iterate over the members, in the order of their hashes: O(1) to begin, O(n) for all."""

    def __len__(self) -> int:
        """The number of members. O(1)."""

    def __hash__(self) -> int:
        """`hash(frozenset(s))`. O(n) once; O(d log n) after d changes, because each node remembers its hash."""

    def __eq__(self, other: object, /) -> bool: ...
    def __le__(self, other: AbstractSet[object], /) -> bool: ...
    def __lt__(self, other: AbstractSet[object], /) -> bool: ...
    def __ge__(self, other: AbstractSet[object], /) -> bool: ...
    def __gt__(self, other: AbstractSet[object], /) -> bool: ...
    def __or__(self, other: AbstractSet[_T2], /) -> SharedSet[_T_co | _T2]: ...
    def __and__(self, other: AbstractSet[object], /) -> SharedSet[_T_co]: ...
    def __sub__(self, other: AbstractSet[object], /) -> SharedSet[_T_co]: ...
    def __xor__(self, other: AbstractSet[_T2], /) -> SharedSet[_T_co | _T2]: ...
    def __ror__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def __rand__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rsub__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rxor__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def add(self, member: _T2, /) -> SharedSet[_T_co | _T2]:
        """Return the set with `member`. O(log n).

        >>> SharedSet().add(1)
        SharedSet({1})
        """

    def remove(self, member: object, /) -> SharedSet[_T_co]:
        """Return the set without `member`; KeyError(member) if it is absent. O(log n).

        >>> SharedSet([1, 2]).remove(1)
        SharedSet({2})
        """

    def discard(self, member: object, /) -> SharedSet[_T_co]:
        """Return the set without `member`, or the set itself if the member is absent. O(log n).

        >>> SharedSet([1]).discard(2)
        SharedSet({1})
        """

    def union(self, *iterables: Iterable[_T2]) -> SharedSet[_T_co | _T2]:
        """Return the members of this set and of all iterables.

        O(m log n); with a SharedSet that shares parts with this one, in proportion to what differs.

        >>> SharedSet([1]).union([2], [3]) == {1, 2, 3}
        True
        """

    def update(self, *iterables: Iterable[_T2]) -> SharedSet[_T_co | _T2]:
        """Return the members of this set and of all iterables: `union` under SharedMap's name.

        O(m log n); with a SharedSet that shares parts with this one, in proportion to what differs.

        >>> SharedSet([1]).update([2]) == {1, 2}
        True
        """

    def intersection(self, *iterables: Iterable[object]) -> SharedSet[_T_co]:
        """Return the members of this set that all iterables have.

        O(m log n); with a SharedSet that shares parts with this one, in proportion to what differs.

        >>> SharedSet([1, 2]).intersection([2, 3]) == {2}
        True
        """

    def difference(self, *iterables: Iterable[object]) -> SharedSet[_T_co]:
        """Return the members of this set that no iterable has.

        O(m log n); with a SharedSet that shares parts with this one, in proportion to what differs.

        >>> SharedSet([1, 2]).difference([2, 3]) == {1}
        True
        """

    def diff(self, new: SharedSet[Any], /) -> Delta:
        """Return the Delta that leads from this set to `new`: the members that it loses, and those that it gets.

        O(d log n) for d differences between versions of one set, O(n) between sets of different origin. A member that
        becomes one of another kind, as 1 becomes True, is a change. TypeError if `new` is no SharedSet.

        >>> print(SharedSet("ab").diff(SharedSet("bc")))
        ['a']: removed
        ['c']: added
        """

    def apply(self, delta: Delta, /) -> SharedSet[Any]:
        """Return the set with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change. ConflictError, a ValueError, if a member that is to be removed is missing, or one that
        is to be added is there. The members of a Delta between sets of the other family are converted.

        >>> SharedSet([1, 5]).apply(SharedSet([1]).diff(SharedSet([2]))) == {2, 5}
        True
        """

    def _differences(
        self, new: SharedSet[Any], absent: Any, change: type, /
    ) -> tuple[dict[Any, Any], list[tuple[Any, Any]]]: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def symmetric_difference(self, iterable: Iterable[_T2], /) -> SharedSet[_T_co | _T2]:
        """Return the members that either this set or the iterable has, but not both.

        O(m log n); with a SharedSet that shares parts with this one, in proportion to what differs.

        >>> SharedSet([1, 2]).symmetric_difference([2, 3]) == {1, 3}
        True
        """

    def issubset(self, iterable: Iterable[object], /) -> bool:
        """Whether the iterable has all members of this set. O(n + length of the iterable).

        >>> SharedSet([1]).issubset([1, 2])
        True
        """

    def issuperset(self, iterable: Iterable[object], /) -> bool:
        """Whether this set has all members of the iterable. O(length of the iterable).

        >>> SharedSet([1, 2]).issuperset([1])
        True
        """

    def isdisjoint(self, iterable: Iterable[object], /) -> bool:
        """Whether this set and the iterable have no member in common. O(length of the iterable).

        >>> SharedSet([1]).isdisjoint([2])
        True
        """

    def mutate(self) -> SharedSetMutation[_T_co]:
        """Return a SharedSetMutation that starts as this set, which itself does not change. O(1).

        >>> with SharedSet([1]).mutate() as sm:
        ...     sm.add(2)
        >>> sm.finish() == {1, 2}
        True
        """

    def copy(self) -> Self:
        """Return the set itself, because it cannot change. O(1).

        >>> s = SharedSet([1])
        >>> s.copy() == s
        True
        """

    def __copy__(self) -> Self:
        """Return the set itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the set itself if no member had to be copied, otherwise a set of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the set and of all nodes of its tree, also those that other sets share. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> SharedSet([1]).handle().redeem() == SharedSet([1])
        True
        """

@final
class SharedSetMutation(Generic[_T]):
    """A set that is edited in place, made by `SharedSet.mutate()`, sealed by `finish()` or its `with` block.

    Each edit is much cheaper than `SharedSet.add`: nodes that only this mutation references are modified in place; each
    other node is copied once. All else is as with SharedMapMutation.

    >>> sm = SharedSet().mutate()
    >>> sm.add(1)
    >>> sm.finish()
    SharedSet({1})
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """Whether `member` is there. O(log n)."""

    def __len__(self) -> int:
        """The number of members. O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def add(self, member: _T, /) -> None:
        """Add `member`. O(log n).

        >>> sm = SharedSet().mutate()
        >>> sm.add(1)
        >>> 1 in sm
        True
        """

    def remove(self, member: _T, /) -> None:
        """Remove `member`; KeyError(member) if it is absent. O(log n).

        >>> sm = SharedSet([1]).mutate()
        >>> sm.remove(1)
        >>> len(sm)
        0
        """

    def discard(self, member: _T, /) -> None:
        """Remove `member` if it is there. O(log n).

        >>> sm = SharedSet([1]).mutate()
        >>> sm.discard(2)
        >>> len(sm)
        1
        """

    def update(self, *iterables: Iterable[_T]) -> None:
        """Add the members of all iterables. An iterable that fails adds nothing. O(m log n).

        >>> sm = SharedSet([1]).mutate()
        >>> sm.update([2], [3])
        >>> len(sm)
        3
        """

    def finish(self) -> SharedSet[_T]:
        """Seal the mutation and return the set, the same one each time. O(1).

        If no edit changed anything, that is the set that the mutation started from.

        >>> SharedSet([1]).mutate().finish()
        SharedSet({1})
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the set."""

@final
class SharedVector(Sequence[_E_co]):
    """A Vector in memory that all interpreters of the process share: it crosses to another one in O(1).

    It holds what a SharedMap holds, and the interpreter that reads makes each element anew. NotShareableError,
    with the index, for an element that cannot be held; looking for one is no error. It is Vector's tree over
    plain memory with atomic reference counts. Complexities and all other errors are Vector's.

    >>> v = SharedVector("ab")
    >>> v.append("c"), v
    (SharedVector(['a', 'b', 'c']), SharedVector(['a', 'b']))
    """

    def __init__(self, iterable: Iterable[_E_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _E_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> SharedVector[_E_co]:
        """Return an element, made anew, or a slice. O(log n); with a step O(length)."""

    def __len__(self) -> int:
        """The number of elements. O(1)."""

    def __iter__(self) -> Iterator[_E_co]:
        """Iterate over the elements: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_E_co]:
        """Iterate from the last element to the first: O(1) to begin, O(n) for all."""

    def __contains__(self, value: object, /) -> bool:
        """Whether an element is or equals `value`. O(n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """Return the first index of `value` in [start:stop]; ValueError if it is absent. O(n).

        >>> SharedVector("abb").index("b")
        1
        """

    def count(self, value: object, /) -> int:
        """Return how many elements equal `value`. O(n).

        >>> SharedVector("abb").count("b")
        2
        """

    def tolist(self) -> list[_E_co]:
        """Return `list(v)`, in half the time. O(n).

        >>> SharedVector("ab").tolist()
        ['a', 'b']
        """

    def totuple(self) -> tuple[_E_co, ...]:
        """Return `tuple(v)`, in half the time. O(n).

        >>> SharedVector("ab").totuple()
        ('a', 'b')
        """

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a SharedVector or Vector of equal elements. A shared NaN equals itself."""

    def __hash__(self) -> int:
        """The hash of a Vector of the same elements, in every interpreter."""

    def __lt__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __le__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __gt__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __ge__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...

    # Deriving

    def append(self, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """Return the vector with `value` behind the last element.

        O(1) amortized: it copies one leaf, and every 32nd time a path.

        >>> SharedVector("a").append("b")
        SharedVector(['a', 'b'])
        """

    def extend(self, iterable: Iterable[_E2], /) -> SharedVector[_E_co | _E2]:
        """Return the vector with the iterable's elements behind its own.

        O(length of the iterable); of a SharedVector O(log n).

        >>> SharedVector("a").extend("bc")
        SharedVector(['a', 'b', 'c'])
        """

    def set(self, index: SupportsIndex, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """Return the vector with `value` at `index`; IndexError if there is no such index. O(log n).

        >>> SharedVector("ab").set(-1, "z")
        SharedVector(['a', 'z'])
        """

    def insert(self, index: SupportsIndex, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """Return the vector with `value` before the element at `index`, which is clamped as in list.insert. O(log n).

        >>> SharedVector("ac").insert(1, "b")
        SharedVector(['a', 'b', 'c'])
        """

    @overload
    def delete(self, index: SupportsIndex, /) -> SharedVector[_E_co]: ...
    @overload
    def delete(self, start: SupportsIndex | None, stop: SupportsIndex | None, /) -> SharedVector[_E_co]:
        """Return the vector without the element at `index`, or without those of [start:stop]. O(log n).

        IndexError if there is no element at `index`; start and stop are clamped, as in a slice.

        >>> SharedVector("abc").delete(0), SharedVector("abc").delete(0, 2)
        (SharedVector(['b', 'c']), SharedVector(['c']))
        """

    def pop(self) -> SharedVector[_E_co]:
        """Return the vector without its last element, which is `v[-1]`; IndexError if it is empty. O(1) amortized.

        >>> SharedVector("ab").pop()
        SharedVector(['a'])
        """

    def diff(self, new: SharedVector[Any], /) -> Delta:
        """Return the Delta that leads from this vector to `new`: elements that are replaced, inserted and deleted.

        The script is the shortest where few edits lie together (Landau and Vishkin, 1989, in windows). Where one
        container replaces another one of its kind, the change is looked for inside it. A step of a path is an index
        into this vector; the last one is a Span where elements are inserted or deleted.

        O(d log n) for d edits that lie apart between versions of one vector, whose shared parts are skipped; O(n)
        between vectors of different origin. TypeError if `new` is no SharedVector.

        >>> print(SharedVector("abcd").diff(SharedVector("aBcde")))
        [1]: 'b' -> 'B'
        [4:4]: inserted ['e']
        """

    def apply(self, delta: Delta, /) -> SharedVector[Any]:
        """Return the vector with a Delta's changes: `old.apply(old.diff(new)) == new`.

        O(log n) for each change, and for each container on the way to it. The indices are those of the version that the
        Delta was made from. ConflictError, a ValueError, if this vector has something else there. The values of a Delta
        between containers of the other family are converted.

        >>> SharedVector("xyz").apply(SharedVector("xy").diff(SharedVector("axy")))
        SharedVector(['a', 'x', 'y', 'z'])
        """

    def _edits(
        self, new: SharedVector[Any], same_value: Callable[[Any, Any], bool], /
    ) -> list[tuple[int, int, int, int]]: ...
    def _difference(self, other: SharedVector[Any], start: int, /) -> tuple[int, Any, Any] | None: ...
    def _root(self) -> int: ...
    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __add__(self, other: SharedVector[_E2] | Vector[_E2], /) -> SharedVector[_E_co | _E2]:
        """Both, one behind the other, of the left operand's type. O(log n); with a Vector O(its length)."""

    def __mul__(self, times: SupportsIndex, /) -> SharedVector[_E_co]:
        """The vector repeated; all copies share their nodes. O(log(n * times))."""

    def __rmul__(self, times: SupportsIndex, /) -> SharedVector[_E_co]: ...
    def mutate(self) -> SharedVectorMutation[_E_co]:
        """Return a SharedVectorMutation that starts as this vector, which itself does not change. O(1).

        >>> with SharedVector("ab").mutate() as vm:
        ...     vm[0] = "z"
        >>> vm.finish()
        SharedVector(['z', 'b'])
        """

    # Copying

    def copy(self) -> Self:
        """Return the vector itself, because it cannot change. O(1).

        >>> v = SharedVector("ab")
        >>> v.copy() == v
        True
        """

    def __copy__(self) -> Self:
        """Return the vector itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the vector itself if no element had to be copied, otherwise a vector of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process."""

    def __sizeof__(self) -> int:
        """Bytes of the vector and of all nodes of its tree, also those that other vectors share. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> SharedVector([1]).handle().redeem() == SharedVector([1])
        True
        """

@final
class SharedVectorMutation(MutableSequence[_E]):
    """A vector that is edited in place, as a list; made by `SharedVector.mutate()`, sealed by `finish()`.

    The end of its `with` block seals it, too. Each edit is much cheaper than `SharedVector.set`: nodes that only this
    mutation references are modified in place; each other node is copied once. The vector that it started from never
    changes. After `finish()` every edit raises ValueError, and reading goes on. Mutations are equal if their elements
    are. They cannot be hashed or pickled. Threads may share one: an edit happens as a whole or raises. Errors are those
    of list, and name the index and the length.

    Method: transients (Clojure; L'orange 2014), with unique reference counts for ownership, as Rust's `Arc::make_mut`.

    >>> vm = SharedVector("ab").mutate()
    >>> vm += "cd"
    >>> vm.finish()
    SharedVector(['a', 'b', 'c', 'd'])
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @overload  # type: ignore[override]  # a slice is no mutation, but a SharedVector
    def __getitem__(self, index: SupportsIndex, /) -> _E: ...
    @overload
    def __getitem__(self, index: slice, /) -> SharedVector[_E]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return an element, or a slice as a SharedVector, which later edits do not change. O(log n)."""

    @overload
    def __setitem__(self, index: SupportsIndex, value: _E, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, values: Iterable[_E], /) -> None:
        """Replace an element, in O(log n), or a slice, in O(log n + number of values).

        ValueError if a slice with a step has another length than the values.
        """

    def __delitem__(self, index: SupportsIndex | slice, /) -> None:
        """Remove an element or a slice. O(log n); a slice with a step O(n)."""

    def __len__(self) -> int:
        """The number of elements. O(1)."""

    def __contains__(self, value: object, /) -> bool:
        """Whether an element is or equals `value`. O(n)."""

    def __iter__(self) -> Iterator[_E]:
        """Iterate by index, as over a list: the iterator sees edits. O(log n) for each element."""

    def __eq__(self, other: object, /) -> bool: ...
    def __iadd__(self, values: Iterable[_E], /) -> Self: ...
    def append(self, value: _E, /) -> None:
        """Add `value` behind the last element. O(1) amortized.

        >>> vm = SharedVector("a").mutate()
        >>> vm.append("b")
        >>> vm.finish()
        SharedVector(['a', 'b'])
        """

    def extend(self, iterable: Iterable[_E], /) -> None:
        """Add the iterable's elements at the end. O(length of the iterable); of a SharedVector O(log n).

        An iterable that fails adds nothing.

        >>> vm = SharedVector("a").mutate()
        >>> vm.extend("bc")
        >>> vm.finish()
        SharedVector(['a', 'b', 'c'])
        """

    def insert(self, index: SupportsIndex, value: _E, /) -> None:
        """Insert `value` before the element at `index`, which is clamped as in list.insert. O(log n).

        >>> vm = SharedVector("ac").mutate()
        >>> vm.insert(1, "b")
        >>> vm.finish()
        SharedVector(['a', 'b', 'c'])
        """

    def pop(self, index: SupportsIndex = -1, /) -> _E:
        """Remove the element at `index` and return it; IndexError if there is none.

        O(log n); for the last element O(1) amortized.

        >>> SharedVector("ab").mutate().pop()
        'b'
        """

    def remove(self, value: _E, /) -> None:
        """Remove the first element that equals `value`; ValueError if there is none. O(n).

        >>> vm = SharedVector("aba").mutate()
        >>> vm.remove("a")
        >>> vm.finish()
        SharedVector(['b', 'a'])
        """

    def clear(self) -> None:
        """Remove all elements. O(n) if only this mutation references their nodes, else O(1).

        >>> vm = SharedVector("ab").mutate()
        >>> vm.clear()
        >>> vm.finish()
        SharedVector()
        """

    def reverse(self) -> None:
        """Reverse the order of the elements. O(n).

        >>> vm = SharedVector("ab").mutate()
        >>> vm.reverse()
        >>> vm.finish()
        SharedVector(['b', 'a'])
        """

    def sort(self, *, key: Callable[[_E], Any] | None = None, reverse: bool = False) -> None:
        """Sort the elements, as list.sort does. O(n log n). ValueError if the mutation is changed meanwhile.

        >>> vm = SharedVector("ba").mutate()
        >>> vm.sort()
        >>> vm.finish()
        SharedVector(['a', 'b'])
        """

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """Return the first index of `value` in [start:stop]; ValueError if it is absent. O(n).

        >>> SharedVector("abb").mutate().index("b")
        1
        """

    def count(self, value: object, /) -> int:
        """Return how many elements equal `value`. O(n).

        >>> SharedVector("abb").mutate().count("b")
        2
        """

    def finish(self) -> SharedVector[_E]:
        """Seal the mutation and return the vector, the same one each time. O(1).

        If no edit changed anything, that is the vector that the mutation started from.

        >>> SharedVector("a").mutate().finish()
        SharedVector(['a'])
        """

    def __enter__(self) -> Self:
        """Return the mutation; ValueError if it is sealed."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the vector."""

@final
class SharedAtomicMap(Generic[_K, _V]):
    """A mapping whose entries all interpreters of the process read and replace atomically.

    It holds what a SharedMap holds, and is a SharedMap at any instant; other values and keys raise
    NotShareableError. The methods of AtomicMap are here under the same names, with the same meaning. Every
    operation is linearizable over all interpreters and threads. Threads that change different keys seldom wait
    for each other, and reading what a str, a number or bytes are the key of never waits, on any build. The
    interpreter that reads makes each value anew.

    It crosses to other interpreters as itself, natively or by `handle()`, alone or in a tuple. No shared
    container can hold one. It has no copies and no pickle (TypeError).

    Method: AtomicMap's, over plain memory with atomic reference counts.

    >>> hits = SharedAtomicMap()
    >>> hits.add("/")
    1
    >>> hits.snapshot()
    SharedMap({'/': 1})
    """

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, initial: _Mapping[_K, _V]) -> Self: ...
    @overload
    def __new__(cls, initial: _Pairs[_K, _V]) -> Self: ...
    @overload
    def __new__(cls, name: str, /, initial: _Mapping[_K, _V]) -> Self: ...
    @overload
    def __new__(cls, name: str, /, initial: _Pairs[_K, _V]) -> Self:
        """One argument is the contents, two are a name and the contents: as in SharedRef. O(1) for a SharedMap."""
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @property
    def version(self) -> int:
        """How many changes were made since the map was. What is stored where it is already is no change.

        >>> m = SharedAtomicMap()
        >>> m["key"] = 1
        >>> m.version
        1
        """

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Return the value under `key`, or `default`. O(1).

        >>> SharedAtomicMap({"a": 1}).get("a")
        1
        """

    @overload
    def setdefault(self: SharedAtomicMap[_K, _D | None], key: _K, /) -> _D | None: ...
    @overload
    def setdefault(self, key: _K, /, default: _V) -> _V:
        """Return the value under `key`; if there is none, store `default` and return that. O(1).

        >>> m = SharedAtomicMap()
        >>> m.setdefault("a", 1), m.setdefault("a", 2)
        (1, 1)
        """

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V | _D) -> _V | _D:
        """Remove `key` and return its value; if it is absent return `default`, or raise KeyError without one. O(1).

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.pop("a"), m.pop("a", None)
        (1, None)
        """

    @overload
    def exchange(self, key: _K, value: _V | Literal[_Absent.ABSENT], /) -> _V | None: ...
    @overload
    def exchange(self, key: _K, value: _V | Literal[_Absent.ABSENT], absent: _D, /) -> _V | _D:
        """Store `value`, or remove the key if that is ABSENT; return what was there before, or `absent`. O(1).

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.exchange("a", 2), m.exchange("b", 3)
        (1, None)
        """

    def compare_and_set(self, key: _K, expected: object, value: _V | Literal[_Absent.ABSENT], /) -> bool:
        """Store `value` if what is under `key` is `expected`; return whether it did.

        ABSENT stands for no value on either side: `expected` is ABSENT where the key must not be there, `value` where
        it is to be removed. As in SharedRef: two shared containers are the same if they are one version, other values
        if type and value are equal, also of what they hold, so that what was read can be expected in any interpreter.
        NotShareableError for an `expected` that no SharedAtomicMap could hold.

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.compare_and_set("a", 1, 2), m.compare_and_set("a", 1, 3)
        (True, False)
        """

    @overload
    def update(self, key: _K, fn: Callable[[_V], _V], /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[[_V, _A], _V], a: _A, /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[[_V, _A, _B], _V], a: _A, b: _B, /, *, default: _V = ...) -> _V: ...
    @overload
    def update(self, key: _K, fn: Callable[..., _A], /, *args: Any, default: Any = ..., **kwargs: Any) -> _A:
        """Replace the value under `key` by `fn(value, *args, **kwargs)`; return the new value.

        Where the key is absent `fn` gets `default`, which is ABSENT if it is not given. If `fn` returns ABSENT the key
        is removed. `fn` runs without any lock. It is called again if another thread, or `fn` itself, changed the value
        meanwhile, so it should have no side effects. After some lost tries the update queues: later updates of this map
        wait for it.

        An exception of `fn` is raised here, and the value stays. RuntimeError if `fn` publishes to the key in each of
        1,000 tries. TypeError if `fn` returns None for an unhashable value (a dict, a list): such a function changes
        the value in place.

        >>> m = SharedAtomicMap()
        >>> m.update("a", SharedVector.append, "event", default=SharedVector())
        SharedVector(['event'])
        """

    def add(self, key: _K, n: Any = 1, /) -> Any:
        """Add `n` to the number under `key`, which is 0 where the key is absent; return the sum. O(1).

        >>> m = SharedAtomicMap()
        >>> m.add("a"), m.add("a", 2.5)
        (1, 3.5)
        """

    def count(self, keys: Iterable[_K], /) -> None:
        """Add to the number under each key how often `keys` has it.

        The keys are counted first, then each one is added to once. The whole is not one instant.

        >>> m = SharedAtomicMap()
        >>> m.count("hello")
        >>> m["l"]
        2
        """

    def reduce(self, pairs: Iterable[tuple[_K, _V]], fn: Callable[[_V, _V], _V], /) -> None:
        """Combine the value under each key with those that `pairs` has for it, by `fn(old, new)`.

        The pairs of a key are combined first, then the value under it is replaced once, as by `update`. Where the key
        is absent its share becomes the value. The whole is not one instant.

        >>> m = SharedAtomicMap({"a": 3})
        >>> m.reduce([("a", 5), ("b", 1), ("a", 4)], max)
        >>> m["a"], m["b"]
        (5, 1)
        """

    def snapshot(self) -> SharedMap[_K, _V]:
        """Return the contents at one instant as a SharedMap. O(1) in the number of entries.

        The SharedMap shares the nodes of this map, which copies those that it changes afterwards.

        >>> m = SharedAtomicMap({"a": 1})
        >>> before = m.snapshot()
        >>> m["a"] = 2
        >>> before
        SharedMap({'a': 1})
        """

    def get_versioned(self) -> tuple[SharedMap[_K, _V], int]:
        """Return the pair (snapshot, version), both of one instant.

        >>> SharedAtomicMap({"a": 1}).get_versioned()
        (SharedMap({'a': 1}), 0)
        """

    def drain(self) -> SharedMap[_K, _V]:
        """Remove all entries and return them, at one instant. O(1) in the number of entries.

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.drain(), len(m)
        (SharedMap({'a': 1}), 0)
        """

    def clear(self) -> None:
        """Remove all entries at one instant.

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.clear()
        >>> len(m)
        0
        """

    def replace(self, contents: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> SharedMap[_K, _V]:
        """Put other contents in place of all entries at one instant, and return those. O(1) for a SharedMap.

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.replace(SharedMap(b=2))
        SharedMap({'a': 1})
        """

    def compare_and_set_all(self, expected: SharedMap[_K, _V], contents: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> bool:
        """Put `contents` in place of all entries if nothing was changed since `expected` was taken.

        `expected` is a snapshot of this map, or the SharedMap that was put there; return whether nothing was changed.

        >>> m = SharedAtomicMap({"a": 1})
        >>> old = m.snapshot()
        >>> m.compare_and_set_all(old, old.set("b", 2)), m.compare_and_set_all(old, SharedMap())
        (True, False)
        """

    def update_all(self, entries: _Mapping[_K, _V] | _Pairs[_K, _V], /) -> None:
        """Store all entries of a mapping at one instant.

        It starts again if another thread changes the map meanwhile; RuntimeError after 1,000 times.

        >>> m = SharedAtomicMap({"a": 1})
        >>> m.update_all({"a": 2, "b": 3})
        >>> m["a"], m["b"]
        (2, 3)
        """

    def keys(self) -> SharedMapKeys[_K, _V]:
        """Return the keys of a snapshot.

        >>> list(SharedAtomicMap({"a": 1}).keys())
        ['a']
        """

    def values(self) -> SharedMapValues[_K, _V]:
        """Return the values of a snapshot.

        >>> list(SharedAtomicMap({"a": 1}).values())
        [1]
        """

    def items(self) -> SharedMapItems[_K, _V]:
        """Return the items of a snapshot.

        >>> list(SharedAtomicMap({"a": 1}).items())
        [('a', 1)]
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until the version is newer than `version`, at most `timeout` seconds; return whether it is.

        As `SharedRef.wait`. ValueError for a negative version.

        >>> m = SharedAtomicMap()
        >>> m.wait(0, timeout=0.001)
        False
        """

    def watch(self, callback: Callable[[SharedMap[_K, _V], SharedMap[_K, _V]], object], /) -> Watch:
        """Call `callback(old, new)` with two snapshots after each change, until the Watch is closed.

        As `SharedRef.watch`: a thread of this interpreter calls it soon after, whichever interpreter makes the change,
        and changes that are made meanwhile are delivered as one. While a watch is open in any interpreter each change
        takes a snapshot. `old.diff(new)` tells what changed.

        >>> import threading
        >>> m, called = SharedAtomicMap(), threading.Event()
        >>> with m.watch(lambda old, new: called.set()):
        ...     m["a"] = 1
        ...     called.wait(60)
        True
        """

    async def changed(self) -> SharedMap[_K, _V]:
        """Await a change after this call; return a snapshot.

        >>> import asyncio
        >>> m = SharedAtomicMap()
        >>> async def next_change():
        ...     asyncio.get_running_loop().call_soon(m.add, "a")
        ...     return await m.changed()
        >>> asyncio.run(next_change())
        SharedMap({'a': 1})
        """

    def changes(self) -> AsyncGenerator[SharedMap[_K, _V]]:
        """Iterate over snapshots, one after each change after this call, as they come.

        Changes that are made before the event loop runs the iterating task come as one. The newest snapshot is never
        missed. `old.diff(new)` tells what changed.

        >>> import asyncio
        >>> m = SharedAtomicMap()
        >>> async def first_change():
        ...     changes = m.changes()
        ...     m["a"] = 1
        ...     async for snapshot in changes:
        ...         return snapshot
        >>> asyncio.run(first_change())
        SharedMap({'a': 1})
        """

    def _mirror(self) -> SharedRef[SharedMap[_K, _V]]: ...
    def __len__(self) -> int: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __getitem__(self, key: _K, /) -> _V: ...
    def __setitem__(self, key: _K, value: _V, /) -> None: ...
    def __delitem__(self, key: _K, /) -> None: ...
    def __iter__(self) -> Iterator[_K]: ...
    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys of a snapshot backwards."""

    def __eq__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

    @classmethod
    def attach(cls, name: str, /) -> SharedAtomicMap[Any, Any]:
        """Return the SharedAtomicMap of that name, whichever interpreter made it. LookupError if there is none.

        >>> made = SharedAtomicMap("docs: attach", {"a": 1})
        >>> SharedAtomicMap.attach("docs: attach")["a"]
        1
        >>> SharedAtomicMap.unlink("docs: attach")
        """

    @staticmethod
    def unlink(name: str, /) -> None:
        """Remove a name, which is then free for another SharedAtomicMap. LookupError if there is no such name.

        >>> m = SharedAtomicMap("docs: unlink", {})
        >>> SharedAtomicMap.unlink("docs: unlink")
        """

    @property
    def name(self) -> str | None:
        """The name that it was made with, also after it was unlinked; None if it was made without one.

        >>> SharedAtomicMap().name is None
        True
        """

    def _reader_records(self) -> int: ...
    def __reduce__(self) -> NoReturn:
        """TypeError: send `m.handle()` or the name."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> SharedAtomicMap({"a": 1}).handle().redeem() == SharedAtomicMap({"a": 1})
        True
        """

# End of the generated part.

@final
class Blob:
    """An immutable copy of a bytes-like object, in memory that all interpreters share. O(its length) to make.

    Every interpreter sees the same memory, aligned to 64 bytes: a memoryview of a Blob, or an array over it, copies
    nothing and keeps it alive. The hash is that of the bytes. A container takes a Blob as a value, not as a key.

    >>> bytes(memoryview(Blob(b"data"))[1:3])
    b'at'
    """

    def __new__(cls, data: Buffer, /) -> Self: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """Return a ticket that any channel of bytes within the process carries; see Handle.

        >>> Blob(b"data").handle().redeem() == Blob(b"data")
        True
        """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: the bytes are copied."""

    def __sizeof__(self) -> int:
        """Bytes of the object and of the shared memory behind it."""

@final
class Handle(Generic[_T]):
    """A ticket for a shared object, for every channel that carries bytes between the interpreters of one process.

    It pickles as a number. Before it was pickled, dropping it releases the object. After that the ticket lives until it
    was redeemed `uses` times, `timeout` seconds have passed, or it is revoked. If pickles may get lost on their way,
    give a timeout: a ticket without one keeps its object for as long as the process lives. The seconds are those of the
    monotonic clock; each call that issues or redeems a ticket releases some of the expired ones.

    NotShareableError for an object that is no shared container, Blob, SharedRef, SharedAtomicMap or
    SharedAtomicCounter. Unpickling it in another process raises ValueError.

    >>> import pickle
    >>> ticket = pickle.dumps(Handle(SharedMap(a=1)))
    >>> pickle.loads(ticket).redeem()
    SharedMap({'a': 1})
    """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __new__(cls, obj: _T, /, *, uses: int = 1, timeout: float | None = None) -> Self: ...
    def redeem(self) -> _T:
        """Return the object, in this interpreter. O(1). LookupError if the ticket is used up, expired or revoked.

        >>> Handle(SharedVector([1])).redeem()
        SharedVector([1])
        """

    def revoke(self) -> bool:
        """End the ticket and release the object; return False if the ticket had ended.

        >>> handle = Handle(SharedVector([1]))
        >>> handle.revoke(), handle.revoke()
        (True, False)
        """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a number, which one process can redeem."""

@final
class FileMap(Mapping[_K, _V_co]):
    """A map in a file, read in place. `open` makes it; nothing changes it. Its order is that of the map that was saved.

    It has all of Map that only reads, equals Maps and dicts of the same entries, and hashes as Maps do. Containers
    among its values are views of the file, too. `thaw`, `freeze` and `share` copy it into memory, and pickles hold a
    Map.

    A look-up is O(1). For a str or int it makes nothing but the value, anew each time. A map of at most 1,024 small
    entries that is asked as often as it has entries is copied into memory, up to 1 MiB for all maps of a file: from
    then on look-ups give the same object each time. FileFormatError where the file turns out to be damaged.

    The index is a hash table with linear probing (Knuth, The Art of Computer Programming 6.4), of offsets in place of
    addresses, as in Bernstein's cdb. docs/file-format.md

    >>> save(Map(a=1), "map.frozen")
    >>> frozen.open("map.frozen")
    FileMap({'a': 1})
    """

    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __getitem__(self, key: _K, /) -> _V_co:
        """Return the value of `key`. KeyError if there is none. O(1)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V_co | None: ...
    @overload
    def get(self, key: _K, /, default: _V_co) -> _V_co: ...  # type: ignore[misc]  # covariant, as in Mapping
    @overload
    def get(self, key: _K, /, default: _V2) -> _V_co | _V2:
        """Return the value of `key`, or `default` if there is none. O(1).

        >>> save(Map(a=1, b=2), "map.frozen")
        >>> frozen.open("map.frozen").get("c", 0)
        0
        """

    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_K]: ...
    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys, the last one first."""

    def keys(self) -> KeysView[_K]:
        """Return a view of the keys, which is a set in all but name. O(1).

        >>> save(Map(a=1, b=2), "map.frozen")
        >>> frozen.open("map.frozen").keys() & {"a", "z"}
        {'a'}
        """

    def values(self) -> ValuesView[_V_co]:
        """Return a view of the values. O(1).

        >>> save(Map(a=1, b=2), "map.frozen")
        >>> sorted(frozen.open("map.frozen").values())
        [1, 2]
        """

    def items(self) -> ItemsView[_K, _V_co]:
        """Return a view of the pairs of key and value, which is a set in all but name. O(1).

        >>> save(Map(a=1, b=2), "map.frozen")
        >>> frozen.open("map.frozen").items() >= {("a", 1)}
        True
        """

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __or__(self, other: _Mapping[_K2, _V2], /) -> Map[_K | _K2, _V_co | _V2]: ...
    def __ror__(self, other: Any, /) -> Any: ...
    def diff(self, new: Any, /) -> Delta:
        """Return what changes between this map and `new`, as Map.diff does. O(n), as Maps.

        >>> save(Map(a=1, b=2), "map.frozen")
        >>> Map(a=1, b=2).apply(frozen.open("map.frozen").diff(Map(a=1))) == Map(a=1)
        True
        """

    def copy(self) -> Self:
        """Return the map itself: it cannot change. O(1).

        >>> save(Map(a=1), "map.frozen")
        >>> frozen.open("map.frozen").copy()
        FileMap({'a': 1})
        """

    def _iterate(self, what: int, reversed: bool, /) -> Iterator[Any]: ...
    def __copy__(self) -> Self:
        """Return the map itself. O(1)."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the map itself. O(1)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a Map of the same entries, so that the pickle can be read without the file. O(n)."""

@final
class FileSet(AbstractSet[_T_co]):
    """A set in a file, read in place. `open` makes it; nothing changes it.

    It has all of Set that only reads, equals sets of the same members, and hashes as Sets do. What the operators return
    is a Set in memory. See FileMap.

    >>> save(Set([1, 2]), "set.frozen")
    >>> frozen.open("set.frozen") & {2, 3}
    Set({2})
    """

    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T_co]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __le__(self, other: AbstractSet[Any], /) -> bool: ...
    def __lt__(self, other: AbstractSet[Any], /) -> bool: ...
    def __ge__(self, other: AbstractSet[Any], /) -> bool: ...
    def __gt__(self, other: AbstractSet[Any], /) -> bool: ...
    def __or__(self, other: AbstractSet[_T2], /) -> Set[_T_co | _T2]: ...
    def __and__(self, other: AbstractSet[Any], /) -> Set[_T_co]: ...
    def __sub__(self, other: AbstractSet[Any], /) -> Set[_T_co]: ...
    def __xor__(self, other: AbstractSet[_T2], /) -> Set[_T_co | _T2]: ...
    def __ror__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def __rand__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rsub__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T2]: ...
    def __rxor__(self, other: AbstractSet[_T2], /) -> AbstractSet[_T_co | _T2]: ...
    def union(self, *iterables: Iterable[_T2]) -> Set[_T_co | _T2]:
        """Return a Set of the members of this set and of all iterables. O(n).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").union([3])
        Set({1, 2, 3})
        """

    def intersection(self, *iterables: Iterable[Any]) -> Set[_T_co]:
        """Return a Set of the members that are in each iterable. O(n).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").intersection([2, 3])
        Set({2})
        """

    def difference(self, *iterables: Iterable[Any]) -> Set[_T_co]:
        """Return a Set of the members that are in none of the iterables. O(n).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").difference([2])
        Set({1})
        """

    def symmetric_difference(self, iterable: Iterable[_T2], /) -> Set[_T_co | _T2]:
        """Return a Set of what is either a member or in the iterable. O(n).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").symmetric_difference([2, 3])
        Set({1, 3})
        """

    def issubset(self, iterable: Iterable[Any], /) -> bool:
        """Return whether the iterable has all members. O(n).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").issubset([1, 2, 3])
        True
        """

    def issuperset(self, iterable: Iterable[Any], /) -> bool:
        """Return whether all that the iterable has are members. O(length of the iterable).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").issuperset([2])
        True
        """

    def isdisjoint(self, iterable: Iterable[Any], /) -> bool:
        """Return whether nothing that the iterable has is a member. O(length of the iterable).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").isdisjoint([3])
        True
        """

    def diff(self, new: Any, /) -> Delta:
        """Return what changes between this set and `new`, as Set.diff does. O(n), as Sets.

        >>> save(Set([1, 2]), "set.frozen")
        >>> Set([1, 2]).apply(frozen.open("set.frozen").diff(Set([1]))) == Set([1])
        True
        """

    def copy(self) -> Self:
        """Return the set itself: it cannot change. O(1).

        >>> save(Set([1, 2]), "set.frozen")
        >>> frozen.open("set.frozen").copy()
        FileSet({1, 2})
        """

    def __copy__(self) -> Self:
        """Return the set itself. O(1)."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the set itself. O(1)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a Set of the same members, so that the pickle can be read without the file. O(n)."""

@final
class FileVector(Sequence[_T_co]):
    """A vector in a file, read in place. `open` makes it; nothing changes it.

    It has all of Vector that only reads, equals vectors of the same elements, and hashes as Vectors do. A slice is a
    view of the same elements, O(1). See FileMap.

    >>> save(Vector("abca"), "vector.frozen")
    >>> frozen.open("vector.frozen")[1:3]
    FileVector(['b', 'c'])
    """

    def _repr_pretty_(self, p: Any, cycle: bool) -> None: ...
    def _repr_html_(self) -> str: ...
    def __rich_repr__(self) -> Iterator[Any]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...
    @property
    def __pydantic_serializer__(self) -> Any: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T_co]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _T_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> FileVector[_T_co]: ...
    def __contains__(self, value: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[_T_co]:
        """Iterate over the elements, the last one first."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __lt__(self, other: Any, /) -> bool: ...
    def __le__(self, other: Any, /) -> bool: ...
    def __gt__(self, other: Any, /) -> bool: ...
    def __ge__(self, other: Any, /) -> bool: ...
    def __add__(self, other: Any, /) -> Vector[Any]: ...
    def __mul__(self, times: SupportsIndex, /) -> Vector[_T_co]: ...
    def __rmul__(self, times: SupportsIndex, /) -> Vector[_T_co]: ...
    def index(self, value: Any, start: SupportsIndex = 0, stop: SupportsIndex = ..., /) -> int:
        """Return the first index of `value` in a slice. ValueError if it is not there. O(n).

        >>> save(Vector("abca"), "vector.frozen")
        >>> frozen.open("vector.frozen").index("a", 1)
        3
        """

    def count(self, value: Any, /) -> int:
        """Return how often `value` is there. O(n).

        >>> save(Vector("abca"), "vector.frozen")
        >>> frozen.open("vector.frozen").count("a")
        2
        """

    def tolist(self) -> list[_T_co]:
        """Return a list of the elements. O(n).

        >>> save(Vector("abca"), "vector.frozen")
        >>> frozen.open("vector.frozen").tolist()
        ['a', 'b', 'c', 'a']
        """

    def totuple(self) -> tuple[_T_co, ...]:
        """Return a tuple of the elements. O(n).

        >>> save(Vector("abca"), "vector.frozen")
        >>> frozen.open("vector.frozen").totuple()
        ('a', 'b', 'c', 'a')
        """

    def diff(self, new: Any, /) -> Delta:
        """Return what changes between this vector and `new`, as Vector.diff does. O(n), as Vectors.

        >>> save(Vector("abca"), "vector.frozen")
        >>> Vector("abca").apply(frozen.open("vector.frozen").diff(Vector("abc"))) == Vector("abc")
        True
        """

    def copy(self) -> Self:
        """Return the vector itself: it cannot change. O(1).

        >>> save(Vector("abca"), "vector.frozen")
        >>> frozen.open("vector.frozen").copy()
        FileVector(['a', 'b', 'c', 'a'])
        """

    def __copy__(self) -> Self:
        """Return the vector itself. O(1)."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """Return the vector itself. O(1)."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a Vector of the same elements, so that the pickle can be read without the file. O(n)."""

def encode(
    value: Any, /, *, types: Iterable[type] | Mapping[str, type] = (), max_depth: SupportsIndex | None = 1000
) -> bytes:
    """Return `value` as bytes that `decode` reads: CBOR (RFC 8949), as docs/encoding.md says. O(n log n).

    Equal values of the same types have the same bytes, in each process and on each version of Python. Types are kept:
    None, bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, Map, Set, Vector, and the
    standard library's dates, times, time zones, Decimal, Fraction, UUID, range, IP addresses and pure paths. Shared
    containers have the bytes of local ones, a Blob those of bytes. Of a dict the order is not kept.

    `types` names further classes, enums, named tuples and frozen dataclasses; a mapping gives them names of its own in
    place of `module.qualname`. EncodingError, with the path, for everything else, for a cycle, and for what nests
    deeper than `max_depth` (None: without bound).

    >>> encode(Map(a=1)).hex()
    'a1616101'
    """

def decode(
    data: Buffer,
    /,
    *,
    types: Iterable[type] | Mapping[str, type] = (),
    max_bytes: SupportsIndex | None = 67108864,
    max_depth: SupportsIndex | None = 1000,
) -> Any:
    """Return the value that `encode` made `data` of. O(its length). Safe for bytes from a network.

    The data names no class but those of `types`, given as to `encode`, which run their own `__init__`; none of its
    choosing is imported or made. EncodingError, with the offset, for all bytes that `encode` would not write for some
    value, and for more than `max_bytes` of them or containers that nest deeper than `max_depth` (None: without bound).
    No memory is taken for a length that the data only claims. What can change during the call, a bytearray for
    instance, is copied first.

    >>> decode(encode((1, Vector("ab"), {"c"})))
    (1, Vector(['a', 'b']), {'c'})
    """

_Shared = TypeVar("_Shared", bound=SharedMap[Any, Any] | SharedSet[Any] | SharedVector[Any] | Blob)

def immortalize(shared: _Shared, /) -> _Shared:
    """Never free `shared` and all that it holds, and never count references to it again; return it. O(its size), once.

    After a fork, a process that reads it, nested containers included, or derives versions from it writes to none of its
    memory, so that all workers of a server go on sharing it. Call this before the fork, beside `gc.freeze()`. It is a
    leak by intent: immortalize what is loaded once, not each version of what changes. A hash is kept where it is
    computed first: call `hash(shared)` before the fork, too, if workers hash it.

    TypeError for what is no SharedMap, SharedSet, SharedVector or Blob: `share` makes one. Interrupted by a signal, it
    leaves `shared` usable, and the next call goes on.

    >>> table = immortalize(share({"hosts": ["a", "b"]}))
    >>> table["hosts"][0]
    'a'
    """

# For the tests of this project; not public, may change at any time.

_BITS: int

def _check(container: Any, /) -> None: ...
def _dump(container: Any, /) -> str: ...
def _bounded_repr(object: object, /) -> str: ...
def _chain(type: Any, lists: list[list[Any]], /) -> Any: ...
def _join(type: Any, own: dict[Any, Any], subtrees: list[dict[Any, Any]], /) -> Any: ...
def _shared_nodes(a: Any, b: Any, /) -> tuple[int, int, int]: ...
def _check_shareable(obj: object, /) -> None: ...
def _settle_watches() -> None: ...
def _threads_of_watches() -> tuple[int, int]: ...
def _live_shared_nodes() -> int: ...
def _count_shared_blocks(container: Any, /) -> tuple[int, int, int]: ...
def _fail_shared_allocation(after: int, /) -> int: ...
def _register_sharing(
    encode: Callable[[object], tuple[str, object, bool | None]],
    decode: Callable[[str, object], object],
    found_at: Callable[[BaseException, Sequence[tuple[str, object]]], None],
    error: type[BaseException],
    plan: Callable[[object], tuple[int, str, object, int, object] | None],
    member_plan: Callable[[Any], tuple[int, str, object, int, object]],
    named_plan: Callable[[int, str], tuple[int, str, object, int, object]],
    make_time: Callable[..., object],
    /,
) -> None: ...
def _forget_plans() -> None: ...
def _script_copy(fresh: ModuleType | None, /) -> ModuleType | None: ...
def _ticket_places() -> int: ...
def _crosses_natively() -> bool: ...
def _has_private_counts() -> bool: ...
def _faults_of_private_counts() -> list[str]: ...
def _open_file(buffer: Buffer, path: str, types: Any, check: bool, /) -> Any: ...
def _write_file(value: Any, write: Callable[[bytes], object], types: Any, seed: int, /) -> bytes: ...
