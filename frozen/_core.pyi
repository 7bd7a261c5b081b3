"""Types of the C core. Import the names from `frozen`."""

import sys
from collections.abc import (
    AsyncGenerator,
    Callable,
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

from frozen._delta import Delta

_T = TypeVar("_T")
_T2 = TypeVar("_T2")
_T_co = TypeVar("_T_co", covariant=True)
_P = ParamSpec("_P")

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

    Publish immutable values: a reader that has got one keeps a whole, unchanging version however many follow. Every
    operation is linearizable: it takes effect at one instant between its call and its return.
    """

    @overload
    def __init__(self: AtomicRef[None]) -> None: ...
    @overload
    def __init__(self, initial: _T) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @property
    def version(self) -> int:
        """How often a value was published: 0 for the initial value, one more each time."""

    def get(self) -> _T:
        """The value published last. O(1)."""

    def lookup(self, key: Any, default: Any = None) -> Any:
        """`ref.get()[key]`, or `default` where there is no such item: one call in place of two."""

    def get_versioned(self) -> tuple[_T, int]:
        """The pair (value, version) as they were at one moment. O(1)."""

    def set(self, value: _T, /) -> None:
        """Publish `value`, whatever is there. O(1)."""

    def exchange(self, value: _T, /) -> _T:
        """Publish `value` and return the value it replaced. O(1)."""

    def compare_and_set(self, expected: object, value: _T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; say whether it did. O(1).

        Map, Set and Vector are compared by the version they stand for, without calling `__eq__`; every other object,
        instances of their subclasses included, by identity. With `version`, the number of the current version must be
        that one too, so that a value that went and came back does not pass for one that stayed.
        """

    # Pyright matches no generic function such as Map.set with Concatenate: the last two overloads are for those.
    @overload
    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value.

        `fn` runs without any lock and is called again when something was published meanwhile, by another thread or from
        inside `fn`, so it should have no side effects. What it raises is raised here, and the reference stays as it
        was; RuntimeError if it publishes to this very reference itself in each of 1,000 tries; TypeError if it returns
        None for an unhashable value (a dict, a list), which is what a function does that changes the value in place:
        `set(None)` publishes None. After some lost tries an update takes its turn and later ones wait for it, so `fn`
        should not wait for a thread that updates this reference. Method: optimistic retry with exponential back-off, as
        Clojure's `swap!`, then a first-come, first-served queue.
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until a version newer than `version` is current, at most `timeout` seconds; say whether one is.

        The thread sleeps and is woken by the publication; there is no polling. A signal ends the wait if its handler
        raises. ValueError for a negative version.
        """

    def _signal(self, callback: Callable[[], object], /) -> Watch:
        """As `watch`, for a callback without arguments that wakes an event loop. No value is read."""

    def watch(self, callback: Callable[[_T, _T], object], /) -> Watch:
        """Call `callback(old, new)` after each change, until the `Watch` that is returned is closed.

        The publishing thread calls it, without any lock, before its call returns; one thread at a time. Changes that
        come while the callback runs are delivered as one, by the thread that runs it: each `old` is the `new` of the
        call before. What it raises goes to `sys.unraisablehook`; `KeyboardInterrupt`, `SystemExit` and other exceptions
        that are no `Exception` leave the publishing call, once all watches have been called.
        """

    async def changed(self, since: int | None = None) -> tuple[_T, int]:
        """Await a version newer than `since` (by default: than the current one); give the pair (value, version)."""

    def changes(self, since: int | None = None) -> AsyncGenerator[_T]:
        """The values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the loop comes round are skipped; the newest one is never missed.
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
        """The tuple of the values that were current in all `refs` (at most 16) at one moment. O(number of refs)."""

@final
class SharedRef(Generic[_T]):
    """A variable whose value all interpreters of the process read and replace atomically.

    It holds what shared containers hold; other values raise NotShareableError (`share` converts ordinary data). What
    is read is made anew in the reading interpreter, once for each version. Every operation is linearizable over all
    interpreters and threads. What AtomicRef has is here under the same names, with the same meaning.

    It crosses to other interpreters as itself, natively or by `handle()`, alone or in a tuple; no shared container and
    no SharedRef holds one, so that none can come to hold itself. It has no copies and no pickle (TypeError). Two
    SharedRefs are equal if they stand for the same variable.
    """

    @overload
    def __new__(cls) -> SharedRef[None]: ...
    @overload
    def __new__(cls, initial: _T) -> Self: ...
    @overload
    def __new__(cls, name: str, /, initial: _T) -> Self:
        """One value is the initial value, a str too; two are a name and a value. ValueError if the name is taken.

        Names are the process's: `attach` finds them in every interpreter. A name keeps its variable, whatever becomes
        of the interpreter that made it, until it is unlinked, so that attaching never races with a drop.
        """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @classmethod
    def attach(cls, name: str, /) -> SharedRef[Any]:
        """The SharedRef of that name in this process, whichever interpreter made it. LookupError if there is none."""

    @staticmethod
    def unlink(name: str, /) -> None:
        """Remove a name: `attach` finds it no more, and it is free for another SharedRef. LookupError if there is none.

        Those who have the SharedRef already go on with it (as with POSIX's `shm_unlink`).
        """

    @property
    def name(self) -> str | None:
        """The name it was made with, unlinked since or not."""

    @property
    def version(self) -> int:
        """How often a value was published: 0 for the initial value, one more each time."""

    def get(self) -> _T:
        """The value published last. O(1), and the same object until the next version is published."""

    def lookup(self, key: Any, default: Any = None) -> Any:
        """`ref.get()[key]`, or `default` where there is no such item: one call in place of two."""

    def get_versioned(self) -> tuple[_T, int]:
        """The pair (value, version) as they were at one moment. O(1)."""

    def set(self, value: _T, /) -> None:
        """Publish `value`, whatever is there. O(1) for what is shared already, else O(its size)."""

    def exchange(self, value: _T, /) -> _T:
        """Publish `value` and return the value it replaced. O(1) for what is shared already, else O(its size)."""

    def compare_and_set(self, expected: object, value: _T, /, *, version: int | None = None) -> bool:
        """Publish `value` if the current value is `expected`; say whether it did.

        Shared containers are compared by the version they stand for, in O(1); other values by type and equality. With
        `version`, the number of the current version must be that one too, so that a value that went and came back does
        not pass for one that stayed. NotShareableError for an `expected` that no SharedRef could hold.
        """

    # Pyright matches no generic function such as Map.set with Concatenate: the last two overloads are for those.
    @overload
    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A], _T], a: _A, /) -> _T: ...
    @overload
    def update(self, fn: Callable[[_T, _A, _B], _T], a: _A, b: _B, /) -> _T:
        """As `AtomicRef.update`, against the threads of all interpreters: back-off, then first come, first served."""

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """As `AtomicRef.wait`; whichever interpreter publishes wakes it."""

    def _signal(self, callback: Callable[[], object], /) -> Watch:
        """As `watch`, for a callback without arguments that wakes an event loop. No value is read."""

    def watch(self, callback: Callable[[_T, _T], object], /) -> Watch:
        """Call `callback(old, new)` soon after each change, until the `Watch` that is returned is closed.

        Whichever interpreter publishes, a thread of this one calls; a callback that takes its time holds no other.
        Changes that come before it gets to it are delivered as one: each `old` is the `new` of the call before. What a
        callback raises goes to `sys.unraisablehook`. A watch that is not closed goes on until the interpreter ends,
        and has the last change delivered by then. RuntimeError when the interpreter has come to its end.
        """

    async def changed(self, since: int | None = None) -> tuple[_T, int]:
        """Await a version newer than `since` (by default: than the current one); give the pair (value, version)."""

    def changes(self, since: int | None = None) -> AsyncGenerator[_T]:
        """The values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the loop comes round are skipped; the newest one is never missed.
        """

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """A ticket that any channel of bytes within the process carries; see Handle."""

    def __reduce__(self) -> NoReturn:
        """TypeError: send `ref.handle()`, or its name."""

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
        """The tuple of the values that were current in all `refs` (at most 16) at one moment. O(number of refs)."""

@final
class transaction(Generic[*_Ts]):
    """Several references (at most 16) read and published as one: no snapshot sees one of them new and another old."""

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
        """The tuple of the values that were current at one moment. O(number of references)."""

    def set(self, *values: *_Ts) -> None:
        """Publish one value in each reference, all at one moment. O(number of references)."""

    def update(self, fn: Callable[[Unpack[_Ts]], Iterable[Any]], /, *args: Any, **kwargs: Any) -> tuple[*_Ts]:
        """Replace the values by what `fn(*values, *args, **kwargs)` returns, one new value for each reference.

        All are published at one moment; returns the tuple of new values. ValueError if `fn` returns another number of
        values. Over a single reference it takes and returns the value itself. Everything else is as in
        `AtomicRef.update`.
        """

@final
class Watch:
    """What `watch` of a reference returns: close it, or leave its `with` block, to be called no more."""

    def close(self) -> None:
        """End the watch: no call begins after this one, though one already under way elsewhere ends later."""

    def __enter__(self) -> Watch:
        """The watch itself."""

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
    """An immutable mapping; `set`, `delete`, `update`, `|` give new maps that share all they can with the old.

    `Map()`, `Map(mapping)`, `Map(pairs)`, each with `**entries` on top. Of equal keys the first is kept, with the value
    that comes last, as in dict. Any number of threads may read one map and derive new ones from it at once; what
    changes nothing returns the map itself. Equal to every dict or mapping of the same entries in whatever order; the
    hash is that of `frozenset(m.items())`, TypeError if a value is unhashable. The order of iteration is not that of
    insertion. Subclasses are possible: an instance keeps its attributes in copies and pickles,
    as frozenset's do, and what is derived from it is a Map.

    Below, n is the number of entries and "O(log n)" a walk down a tree of 32 branches: at most 13 levels, 4 for a
    million entries. Every operation that takes a key raises TypeError for an unhashable one, and lets pass whatever its
    `__hash__` and `__eq__` raise; `__eq__` is called only on keys whose 64-bit hashes are equal, `__hash__` never
    on stored keys. Keys of one hash are searched one by one.

    Method: CHAMP, the compressed hash-array mapped prefix tree (Steindorfer and Vinju, "Optimizing Hash-Array Mapped
    Tries for Fast and Lean Immutable JVM Collections", OOPSLA 2015), over the full hash, with stored hash bits.
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
        """A map (of the class it is called on) of all keys to one value. O(n)."""

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    def __getitem__(self, key: _K, /) -> _V_co:
        """The value under `key`, the very object that was stored; KeyError(key) if it is absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V_co | None: ...
    @overload
    def get(self, key: _K, /, default: _V_co) -> _V_co: ...  # type: ignore[misc]  # covariant, as in Mapping
    @overload
    def get(self, key: _K, /, default: _V2) -> _V_co | _V2:
        """The value under `key`, or `default` if it is absent. O(log n)."""

    def __contains__(self, key: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __iter__(self) -> Iterator[_K]:
        """Iterate over the keys: O(1) to begin, O(n) for all. The order is that of the hashes."""

    def __reversed__(self) -> Iterator[_K]:
        """The exact reverse of `iter`."""

    def keys(self) -> MapKeys[_K, _V_co]:
        """The keys as a set-like view. O(1)."""

    def values(self) -> MapValues[_K, _V_co]:
        """The values as a view, in the order of the keys. O(1)."""

    def items(self) -> MapItems[_K, _V_co]:
        """The `(key, value)` pairs as a set-like view. O(1)."""

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a mapping of equal entries. O(n); parts that two maps share are skipped unseen, so that
        versions of one map that differ in d entries cost O(d log n)."""

    def __hash__(self) -> int:
        """`hash(frozenset(m.items()))`. O(n) once; remembered in every node of the tree, so that after d changes it
        costs O(d log n). TypeError if a value is unhashable."""

    # Deriving

    def set(self, key: _K2, value: _V2, /) -> Map[_K | _K2, _V_co | _V2]:
        """The map with `value` under `key`; a key that is there already stays. O(log n)."""

    def delete(self, key: _K, /) -> Map[_K, _V_co]:
        """The map without `key`; KeyError(key) if it is absent. O(log n)."""

    def discard(self, key: _K, /) -> Map[_K, _V_co]:
        """The map without `key`, itself if it is absent. O(log n)."""

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
        """The map with all entries of mappings or iterables of pairs, then of the keywords, later values winning.

        O(k log n) for k new entries; together with a Map both trees are walked in step, and what they share is
        taken over unseen. ValueError for a pair that is not of length two, TypeError for an element that is no pair.
        """

    @overload
    def merge(
        self, other: _Mapping[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> Map[_K | _K2, _V_co | _V2 | _V3]: ...
    @overload
    def merge(self, other: _Pairs[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /) -> Map[_K | _K2, _V_co | _V2 | _V3]:
        """Like `update(other)`, with `fn(old, new)` as the value of every key that both sides have.

        `fn` is called once a common key, in no particular order; what it raises is raised here. Cost as `update`, but
        no common entry is skipped.
        """

    def diff(self, new: Map[Any, Any], /) -> Delta:
        """The Delta that leads from this map to `new`, by the paths of the entries that differ.

        Both trees are walked in step and what they share is passed over: O(d log n) for d differences between versions
        of one map, O(n) between maps of different origin. Where both hold a Map it is looked for inside;
        other values are the same if they are equal and of one kind, so that True in place of 1 is a change, and NaN in
        place of NaN none. TypeError if `new` is no Map.
        """

    def apply(self, delta: Delta, /) -> Map[Any, Any]:
        """The map with a Delta's changes: `old.apply(old.diff(new)) == new`. O(log n) a change and map on the way.

        A map that has changed elsewhere since is merged; ConflictError, a ValueError, if it does not hold what a change
        started from. A Delta between maps of the other family applies, too: its values are converted.
        """

    def _differences(self, new: Map[Any, Any], absent: Any, /) -> list[tuple[Any, Any, Any]]: ...
    def _root(self) -> int: ...
    def __or__(self, other: Mapping[_K2, _V2], /) -> Map[_K | _K2, _V_co | _V2]: ...
    if sys.version_info >= (3, 15):
        @overload
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...
        @overload
        def __ror__(self, other: frozendict[_K2, _V2], /) -> frozendict[_K | _K2, _V_co | _V2]: ...  # noqa: F821
    else:
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...

    def mutate(self) -> MapMutation[_K, _V_co]:
        """A mutation that starts as this map and leaves it alone. O(1).

        `with m.mutate() as mm: ...`, then `mm.finish()` for the new map.
        """

    # Copying

    def copy(self) -> Self:
        """The map itself: nothing can change it. O(1)."""

    def __copy__(self) -> Self:
        """The map itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The map itself if no key and no value had to be copied, otherwise a map of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process. TypeError if a part cannot be pickled."""

    def __sizeof__(self) -> int:
        """Bytes of the map and all nodes of its tree, those that it shares with other maps included. O(n)."""

@final
class MapMutation(Generic[_K, _V]):
    """A map being edited in place; made by `Map.mutate()`, sealed by `finish()` or the end of its `with` block.

    Each edit changes in place those nodes that only this mutation can reach and copies the others once, so that many
    edits cost a fraction of as many `set` calls. Maps never see the edits of a mutation that started from them. After
    `finish()` every edit raises ValueError; reading goes on. Mutations are equal if their entries are; they are
    unhashable, not iterable, not picklable. Threads may share one: an edit happens as a whole or raises. Errors are
    those of Map.

    Method: transients (Clojure), with unique reference counts for ownership, as Rust's `Arc::make_mut`.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __getitem__(self, key: _K, /) -> _V:
        """KeyError(key) if `key` is absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V2) -> _V | _V2:
        """The value under `key`, or `default` if it is absent. O(log n)."""

    def __contains__(self, key: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __setitem__(self, key: _K, value: _V, /) -> None:
        """O(log n)."""

    def __delitem__(self, key: _K, /) -> None:
        """KeyError(key) if `key` is absent. O(log n)."""

    def set(self, key: _K, value: _V, /) -> None:
        """`mm[key] = value`. O(log n)."""

    def delete(self, key: _K, /) -> None:
        """`del mm[key]`: KeyError(key) if it is absent. O(log n)."""

    def discard(self, key: _K, /) -> None:
        """Remove `key` if it is there. O(log n)."""

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V2) -> _V | _V2:
        """Remove `key` and return its value; `default`, or KeyError(key), if it is absent. O(log n)."""

    @overload
    def update(self: MapMutation[str, _V], *sources: _Entries[str, _V], **entries: _V) -> None: ...
    @overload
    def update(self, *mappings: _Mapping[_K, _V]) -> None: ...
    @overload
    def update(self, *sources: _Entries[_K, _V]) -> None:
        """Take over the entries of mappings or iterables of pairs, then of the keywords, later values winning.

        Errors and cost as `Map.update`; a source that fails changes nothing.
        """

    def finish(self) -> Map[_K, _V]:
        """Seal the mutation and return the map, the same one each time. O(1).

        If no edit changed anything, that is the very map it was made from.
        """

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the map."""

# The views: as dict's, with any iterable on the right of a set operator. Each knows its length and its `mapping`.

@final
class MapKeys(KeysView[_K], Generic[_K, _V_co]):
    """The keys of a map as a set-like view. Any iterable may be the right operand of `&`, `|`, `-` and `^`."""

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to."""

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable)."""

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in reverse order: O(1) to begin, O(n) for all."""

@final
class MapValues(ValuesView[_V_co], Generic[_K, _V_co]):
    """The values of a map as a view, in the order of the keys."""

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to."""

    def __reversed__(self) -> Iterator[_V_co]:
        """Iterate over the values in reverse order: O(1) to begin, O(n) for all."""

@final
class MapItems(ItemsView[_K, _V_co]):
    """The `(key, value)` pairs of a map as a set-like view, with any iterable to the right of `&`, `|`, `-` and `^`."""

    @property
    def mapping(self) -> Map[_K, _V_co]:
        """The map that the view belongs to."""

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable)."""

    def __reversed__(self) -> Iterator[tuple[_K, _V_co]]:
        """Iterate over the items in reverse order: O(1) to begin, O(n) for all."""

# Set: src/bindings/set/

@disjoint_base
class Set(AbstractSet[_T_co]):
    """An immutable set with frozenset's interface; `add`, `remove` and the operators give new sets that share all they
    can with the old.

    Of equal members the first is kept, as in set. Operators take sets of any kind on either side, and the result is of
    the left operand's type; the named methods take any iterables. What changes nothing returns the set itself. Equal to
    every set of the same members; the hash is frozenset's. A plain `set` may be looked up in a Set of sets. Subclasses
    are possible: an instance keeps its attributes in copies and pickles, and what is derived from it is a Set. Errors
    and what is promised to members' `__hash__` and `__eq__` are Map's.

    Set algebra walks both trees in step and passes over what they share, so that two versions of one origin cost what
    differs between them; a small operand goes member by member. Below, n is the number of members of this set and m
    that of the other.

    Method: Map's tree (CHAMP) with entries of one cell.
    """

    def __init__(self, iterable: Iterable[_T_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """O(log n)."""

    def __iter__(self) -> Iterator[_T_co]:
        """The members, in the order of their hashes' digits."""

    def __len__(self) -> int:
        """O(1)."""

    def __hash__(self) -> int:
        """`hash(frozenset(self))`, kept: after one change only the changed path is added up again."""

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
        """The set with `member`. O(log n)."""

    def remove(self, member: object, /) -> Set[_T_co]:
        """The set without `member`; KeyError(member) if it is absent. O(log n)."""

    def discard(self, member: object, /) -> Set[_T_co]:
        """The set without `member`; itself, if it is absent. O(log n)."""

    def union(self, *iterables: Iterable[_T2]) -> Set[_T_co | _T2]:
        """The members of this set and of all iterables. O(m), of Sets what differs."""

    def update(self, *iterables: Iterable[_T2]) -> Set[_T_co | _T2]:
        """`union` by the name that Map uses."""

    def intersection(self, *iterables: Iterable[object]) -> Set[_T_co]:
        """The members of this set that all iterables have, too. O(m), of Sets what differs."""

    def difference(self, *iterables: Iterable[object]) -> Set[_T_co]:
        """The members of this set that no iterable has. O(m), of Sets what differs."""

    def symmetric_difference(self, iterable: Iterable[_T2], /) -> Set[_T_co | _T2]:
        """The members of either, but not of both. O(m), of Sets what differs."""

    def issubset(self, iterable: Iterable[object], /) -> bool:
        """Whether the iterable has all members of this set. O(n + length of the iterable)."""

    def issuperset(self, iterable: Iterable[object], /) -> bool:
        """Whether this set has all members of the iterable. O(length of the iterable)."""

    def isdisjoint(self, iterable: Iterable[object], /) -> bool:
        """Whether this set and the iterable have no member in common. O(length of the iterable)."""

    def mutate(self) -> SetMutation[_T_co]:
        """A SetMutation that starts as this set. O(1)."""

    def copy(self) -> Self:
        """The set itself. O(1)."""

    def __copy__(self) -> Self:
        """The set itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The set itself if no member had to be copied, otherwise a set of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process. TypeError if a part cannot be pickled."""

    def __sizeof__(self) -> int:
        """Bytes of the set and all nodes of its tree, those that it shares with other sets included. O(n)."""

@final
class SetMutation(Generic[_T]):
    """A set being edited in place; made by `Set.mutate()`, sealed by `finish()` or the end of its `with` block.

    What MapMutation is to Map.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def add(self, member: _T, /) -> None:
        """O(log n)."""

    def remove(self, member: _T, /) -> None:
        """KeyError(member) if it is absent. O(log n)."""

    def discard(self, member: _T, /) -> None:
        """Remove `member` if it is there. O(log n)."""

    def update(self, *iterables: Iterable[_T]) -> None:
        """Add the members of all iterables; one that fails adds nothing. O(m log n)."""

    def finish(self) -> Set[_T]:
        """Seal the mutation and return the set, the same one each time. O(1).

        If no edit changed anything, that is the very set it was made from.
        """

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

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
    """An immutable sequence; `append`, `set`, `insert`, `+`, slices give new ones that share all they can with the old.

    `Vector()`, `Vector(iterable)`. Any number of threads may read one vector and derive new ones from it at once; what
    changes nothing returns the vector itself. Equal to Vectors and SharedVectors of equal elements only, ordered like
    tuples, a sequence in `match`. Subclasses are possible: an instance keeps its
    attributes in copies and pickles, and what is derived from it is a Vector.

    Below, n is the number of elements and "O(log n)" a walk down a tree of up to 32 branches: height 3 or 4 for a
    million elements, 15 at most, whatever it was put together from. An index out of range is IndexError, a length past
    `sys.maxsize` OverflowError; what `__eq__` and `__hash__` of elements raise is let pass.

    Method: RRB tree with a tail (Bagwell and Rompf, "RRB-Trees: Efficient Immutable Vectors", EPFL 2011; Stucki, Rompf,
    Ureche and Bagwell, "RRB Vector: A Practical General Purpose Immutable Sequence", ICFP 2015; L'orange, "Improving
    RRB-Tree Performance through Transience", NTNU 2014), with nodes at least half full, as a B-tree's.
    """

    def __init__(self, iterable: Iterable[_E_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _E_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> Vector[_E_co]:
        """An element, the very object that was stored, or a slice as a Vector. O(log n); with a step O(length)."""

    def __len__(self) -> int:
        """O(1)."""

    def __iter__(self) -> Iterator[_E_co]:
        """Iterate over the elements: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_E_co]:
        """Iterate from the last element to the first: O(1) to begin, O(n) for all."""

    def __contains__(self, value: object, /) -> bool:
        """O(n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """The first index of `value`, in [start:stop]; ValueError if it is absent. O(n)."""

    def count(self, value: object, /) -> int:
        """How many elements equal `value`. O(n)."""

    def tolist(self) -> list[_E_co]:
        """`list(v)`, in half the time. O(n)."""

    def totuple(self) -> tuple[_E_co, ...]:
        """`tuple(v)`, in half the time. O(n)."""

    def __eq__(self, other: object, /) -> bool:
        """Whether `other` is a vector of equal elements. O(n); parts that both share at the same place are skipped
        unseen, so that versions of one vector that differ in d elements cost O(d log n)."""

    def __hash__(self) -> int:
        """O(n) once, then O(1). TypeError if an element is unhashable."""

    def __lt__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __le__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __gt__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...
    def __ge__(self, other: Vector[_E_co] | SharedVector[_E_co], /) -> bool: ...

    # Deriving

    def append(self, value: _E2, /) -> Vector[_E_co | _E2]:
        """The vector with `value` behind it. O(1) in effect: a leaf is copied, every 32nd time a path."""

    def extend(self, iterable: Iterable[_E2], /) -> Vector[_E_co | _E2]:
        """The vector with what `iterable` yields behind it. O(length of the iterable), of a Vector O(log n)."""

    def set(self, index: SupportsIndex, value: _E2, /) -> Vector[_E_co | _E2]:
        """The vector with `value` at `index`, which must exist. O(log n)."""

    def insert(self, index: SupportsIndex, value: _E2, /) -> Vector[_E_co | _E2]:
        """The vector with `value` before the element at `index`, which is clamped as in list.insert. O(log n)."""

    @overload
    def delete(self, index: SupportsIndex, /) -> Vector[_E_co]: ...
    @overload
    def delete(self, start: SupportsIndex | None, stop: SupportsIndex | None, /) -> Vector[_E_co]:
        """The vector without the element at `index`, which must exist, or without those of [start:stop]. O(log n)."""

    def pop(self) -> Vector[_E_co]:
        """The vector without its last element, which is `v[-1]`; IndexError if it is empty. O(1) in effect."""

    def _difference(self, other: Vector[Any], start: int, /) -> tuple[int, Any, Any] | None: ...
    def _root(self) -> int: ...
    def __add__(self, other: Vector[_E2] | SharedVector[_E2], /) -> Vector[_E_co | _E2]:
        """Both vectors, one behind the other. O(log n); TypeError for other sequences: `extend` takes them."""

    def __mul__(self, times: SupportsIndex, /) -> Vector[_E_co]:
        """The vector repeated; all copies share their nodes. O(log(n * times))."""

    def __rmul__(self, times: SupportsIndex, /) -> Vector[_E_co]: ...
    def mutate(self) -> VectorMutation[_E_co]:
        """A mutation that starts as this vector and leaves it alone. O(1).

        `with v.mutate() as mv: ...`, then `mv.finish()` for the new vector.
        """

    # Copying

    def copy(self) -> Self:
        """The vector itself: nothing can change it. O(1)."""

    def __copy__(self) -> Self:
        """The vector itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The vector itself if no element had to be copied, otherwise a vector of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: a pickle loads in any process. TypeError if a part cannot be pickled."""

    def __sizeof__(self) -> int:
        """Bytes of the vector and all nodes of its tree, those that it shares with other vectors included. O(n)."""

@final
class VectorMutation(MutableSequence[_E]):
    """A vector being edited in place, as a list is; made by `Vector.mutate()`, sealed by `finish()` or a `with` block.

    Each edit changes in place those nodes that only this mutation can reach and copies the others once. Vectors never
    see the edits of a mutation that started from them. After `finish()` every edit raises ValueError; reading goes on.
    Mutations are equal if their elements are; they are unhashable and not picklable. Threads may share one: an edit
    happens as a whole or raises. Errors are those of list, and name the index and the length.

    Method: transients (Clojure; L'orange 2014), with unique reference counts for ownership, as Rust's `Arc::make_mut`.
    """

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @overload  # type: ignore[override]  # a slice is no mutation, but a Vector
    def __getitem__(self, index: SupportsIndex, /) -> _E: ...
    @overload
    def __getitem__(self, index: slice, /) -> Vector[_E]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """An element, or a slice as a Vector, which later edits do not touch. O(log n)."""

    @overload
    def __setitem__(self, index: SupportsIndex, value: _E, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, values: Iterable[_E], /) -> None:
        """O(log n); a slice: O(log n + length of values). ValueError if a slice with a step has another length."""

    def __delitem__(self, index: SupportsIndex | slice, /) -> None:
        """O(log n); a slice with a step: O(n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __contains__(self, value: object, /) -> bool:
        """O(n)."""

    def __iter__(self) -> Iterator[_E]:
        """By index, as a list's iterator: edits meanwhile are seen. O(log n) an element."""

    def __eq__(self, other: object, /) -> bool: ...
    def __iadd__(self, values: Iterable[_E], /) -> Self: ...
    def append(self, value: _E, /) -> None:
        """O(1) in effect."""

    def extend(self, iterable: Iterable[_E], /) -> None:
        """O(length of the iterable), of a Vector O(log n). One that fails changes nothing."""

    def insert(self, index: SupportsIndex, value: _E, /) -> None:
        """Put `value` before the element at `index`, which is clamped as in list.insert. O(log n)."""

    def pop(self, index: SupportsIndex = -1, /) -> _E:
        """Take out the element at `index` and return it. O(log n), O(1) in effect for the last one."""

    def remove(self, value: _E, /) -> None:
        """Take out the first element that equals `value`; ValueError if there is none. O(n)."""

    def clear(self) -> None:
        """O(n) if nobody else holds the elements' nodes, else O(1)."""

    def reverse(self) -> None:
        """O(n)."""

    def sort(self, *, key: Callable[[_E], Any] | None = None, reverse: bool = False) -> None:
        """As list.sort. ValueError if the mutation is changed meanwhile. O(n log n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """The first index of `value`, in [start:stop]; ValueError if it is absent. O(n)."""

    def count(self, value: object, /) -> int:
        """How many elements equal `value`. O(n)."""

    def finish(self) -> Vector[_E]:
        """Seal the mutation and return the vector, the same one each time. O(1)."""

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the vector."""

# The shared family: src/shared/nodes.h, src/bindings/*/shared.c, src/shared/

# Generated by tools/stubs.py from the classes above: edit those, or that script's DIFFERENCES, then run it.

@final
class SharedMap(Mapping[_K, _V_co]):
    """A Map in memory that all interpreters of the process share: it crosses to another one in O(1).

    It holds values, not objects: None, bool, int, float, complex, str, bytes, Ellipsis, tuple, frozenset, shared
    containers, Blob, and registered types (`register_shareable`); `share` converts the rest. What is read is made anew
    in the interpreter that reads (25-45 ns for a str), so a lookup writes nothing that another thread waits for. Other
    values raise NotShareableError, and so do keys whose hash differs between interpreters: NaN, and on 3.12 a date or a
    time with a time zone.

    The same trie as Map's, over plain memory with atomic counts; a derived version shares structure with its origin.
    Complexities are Map's.
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
        """A map (of the class it is called on) of all keys to one value. O(n)."""

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    def __getitem__(self, key: _K, /) -> _V_co:
        """The value under `key`, made anew; KeyError(key) if it is absent. O(log n), and its size."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V_co | None: ...
    @overload
    def get(self, key: _K, /, default: _V_co) -> _V_co: ...  # type: ignore[misc]  # covariant, as in Mapping
    @overload
    def get(self, key: _K, /, default: _V2) -> _V_co | _V2:
        """The value under `key`, or `default` if it is absent. O(log n)."""

    def __contains__(self, key: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __iter__(self) -> Iterator[_K]:
        """Iterate over the keys: O(1) to begin, O(n) for all. The order is that of the hashes."""

    def __reversed__(self) -> Iterator[_K]:
        """The exact reverse of `iter`."""

    def keys(self) -> SharedMapKeys[_K, _V_co]:
        """The keys as a set-like view. O(1)."""

    def values(self) -> SharedMapValues[_K, _V_co]:
        """The values as a view, in the order of the keys. O(1)."""

    def items(self) -> SharedMapItems[_K, _V_co]:
        """The `(key, value)` pairs as a set-like view. O(1)."""

    def __eq__(self, other: object, /) -> bool:
        """Equal to a SharedMap, Map, dict or frozendict of equal items. A NaN value is equal to itself."""

    def __hash__(self) -> int:
        """That of a Map of the same items, in every interpreter."""

    # Deriving

    def set(self, key: _K2, value: _V2, /) -> SharedMap[_K | _K2, _V_co | _V2]:
        """The map with `value` under `key`; a key that is there already stays. O(log n)."""

    def delete(self, key: _K, /) -> SharedMap[_K, _V_co]:
        """The map without `key`; KeyError(key) if it is absent. O(log n)."""

    def discard(self, key: _K, /) -> SharedMap[_K, _V_co]:
        """The map without `key`, itself if it is absent. O(log n)."""

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
        """The map with all entries of mappings or iterables of pairs, then of the keywords, later values winning.

        O(k log n) for k new entries; together with a SharedMap both trees are walked in step, and what they share is
        taken over unseen. ValueError for a pair that is not of length two, TypeError for an element that is no pair.
        """

    @overload
    def merge(
        self, other: _Mapping[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> SharedMap[_K | _K2, _V_co | _V2 | _V3]: ...
    @overload
    def merge(
        self, other: _Pairs[_K2, _V2], fn: Callable[[_V_co, _V2], _V3], /
    ) -> SharedMap[_K | _K2, _V_co | _V2 | _V3]:
        """Like `update(other)`, with `fn(old, new)` as the value of every key that both sides have.

        `fn` is called once a common key, in no particular order; what it raises is raised here. Cost as `update`, but
        no common entry is skipped.
        """

    def diff(self, new: SharedMap[Any, Any], /) -> Delta:
        """The Delta that leads from this map to `new`, by the paths of the entries that differ.

        Both trees are walked in step and what they share is passed over: O(d log n) for d differences between versions
        of one map, O(n) between maps of different origin. Where both hold a SharedMap it is looked for inside;
        other values are the same if they are equal and of one kind, so that True in place of 1 is a change, and NaN in
        place of NaN none. TypeError if `new` is no SharedMap.
        """

    def apply(self, delta: Delta, /) -> SharedMap[Any, Any]:
        """The map with a Delta's changes: `old.apply(old.diff(new)) == new`. O(log n) a change and map on the way.

        A map that has changed elsewhere since is merged; ConflictError, a ValueError, if it does not hold what a change
        started from. A Delta between maps of the other family applies, too: its values are converted.
        """

    def _differences(self, new: SharedMap[Any, Any], absent: Any, /) -> list[tuple[Any, Any, Any]]: ...
    def _root(self) -> int: ...
    def __or__(self, other: Mapping[_K2, _V2], /) -> SharedMap[_K | _K2, _V_co | _V2]: ...
    if sys.version_info >= (3, 15):
        @overload
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...
        @overload
        def __ror__(self, other: frozendict[_K2, _V2], /) -> frozendict[_K | _K2, _V_co | _V2]: ...  # noqa: F821
    else:
        def __ror__(self, other: dict[_K2, _V2], /) -> dict[_K | _K2, _V_co | _V2]: ...

    def mutate(self) -> SharedMapMutation[_K, _V_co]:
        """A mutation that starts as this map and leaves it alone. O(1).

        `with m.mutate() as mm: ...`, then `mm.finish()` for the new map.
        """

    # Copying

    def copy(self) -> Self:
        """The map itself: nothing can change it. O(1)."""

    def __copy__(self) -> Self:
        """The map itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The map itself if no key and no value had to be copied, otherwise a map of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """By value: pickles load anywhere."""

    def __sizeof__(self) -> int:
        """Bytes of the map and all nodes of its tree, those that it shares with other maps included. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """A ticket that any channel of bytes within the process carries; see Handle."""

@final
class SharedMapMutation(Generic[_K, _V]):
    """What MapMutation is to Map."""

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __getitem__(self, key: _K, /) -> _V:
        """KeyError(key) if `key` is absent. O(log n)."""

    @overload
    def get(self, key: _K, /, default: None = None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V2) -> _V | _V2:
        """The value under `key`, or `default` if it is absent. O(log n)."""

    def __contains__(self, key: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def __setitem__(self, key: _K, value: _V, /) -> None:
        """O(log n)."""

    def __delitem__(self, key: _K, /) -> None:
        """KeyError(key) if `key` is absent. O(log n)."""

    def set(self, key: _K, value: _V, /) -> None:
        """`mm[key] = value`. O(log n)."""

    def delete(self, key: _K, /) -> None:
        """`del mm[key]`: KeyError(key) if it is absent. O(log n)."""

    def discard(self, key: _K, /) -> None:
        """Remove `key` if it is there. O(log n)."""

    @overload
    def pop(self, key: _K, /) -> _V: ...
    @overload
    def pop(self, key: _K, /, default: _V2) -> _V | _V2:
        """Remove `key` and return its value; `default`, or KeyError(key), if it is absent. O(log n)."""

    @overload
    def update(self: SharedMapMutation[str, _V], *sources: _Entries[str, _V], **entries: _V) -> None: ...
    @overload
    def update(self, *mappings: _Mapping[_K, _V]) -> None: ...
    @overload
    def update(self, *sources: _Entries[_K, _V]) -> None:
        """Take over the entries of mappings or iterables of pairs, then of the keywords, later values winning.

        Errors and cost as `SharedMap.update`; a source that fails changes nothing.
        """

    def finish(self) -> SharedMap[_K, _V]:
        """Seal the mutation and return the map, the same one each time. O(1).

        If no edit changed anything, that is the very map it was made from.
        """

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the map."""

@final
class SharedMapKeys(KeysView[_K], Generic[_K, _V_co]):
    """What MapKeys is to Map."""

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to."""

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable)."""

    def __reversed__(self) -> Iterator[_K]:
        """Iterate over the keys in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedMapValues(ValuesView[_V_co], Generic[_K, _V_co]):
    """What MapValues is to Map."""

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to."""

    def __reversed__(self) -> Iterator[_V_co]:
        """Iterate over the values in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedMapItems(ItemsView[_K, _V_co]):
    """What MapItems is to Map."""

    @property
    def mapping(self) -> SharedMap[_K, _V_co]:
        """The map that the view belongs to."""

    def isdisjoint(self, other: Iterable[object], /) -> bool:
        """Whether the view and the iterable have no member in common. O(length of the iterable)."""

    def __reversed__(self) -> Iterator[tuple[_K, _V_co]]:
        """Iterate over the items in reverse order: O(1) to begin, O(n) for all."""

@final
class SharedSet(AbstractSet[_T_co]):
    """A Set in memory that all interpreters of the process share. What SharedMap is to Map.

    Other sets may have members that cannot be shared: they are in no SharedSet, unless equal to a member, and
    NotShareableError where one would have to be added.
    """

    def __init__(self, iterable: Iterable[_T_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """O(log n)."""

    def __iter__(self) -> Iterator[_T_co]:
        """The members, in the order of their hashes' digits."""

    def __len__(self) -> int:
        """O(1)."""

    def __hash__(self) -> int:
        """`hash(frozenset(self))`, kept: after one change only the changed path is added up again."""

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
        """The set with `member`. O(log n)."""

    def remove(self, member: object, /) -> SharedSet[_T_co]:
        """The set without `member`; KeyError(member) if it is absent. O(log n)."""

    def discard(self, member: object, /) -> SharedSet[_T_co]:
        """The set without `member`; itself, if it is absent. O(log n)."""

    def union(self, *iterables: Iterable[_T2]) -> SharedSet[_T_co | _T2]:
        """The members of this set and of all iterables. O(m), of Sets what differs."""

    def update(self, *iterables: Iterable[_T2]) -> SharedSet[_T_co | _T2]:
        """`union` by the name that SharedMap uses."""

    def intersection(self, *iterables: Iterable[object]) -> SharedSet[_T_co]:
        """The members of this set that all iterables have, too. O(m), of Sets what differs."""

    def difference(self, *iterables: Iterable[object]) -> SharedSet[_T_co]:
        """The members of this set that no iterable has. O(m), of Sets what differs."""

    def symmetric_difference(self, iterable: Iterable[_T2], /) -> SharedSet[_T_co | _T2]:
        """The members of either, but not of both. O(m), of Sets what differs."""

    def issubset(self, iterable: Iterable[object], /) -> bool:
        """Whether the iterable has all members of this set. O(n + length of the iterable)."""

    def issuperset(self, iterable: Iterable[object], /) -> bool:
        """Whether this set has all members of the iterable. O(length of the iterable)."""

    def isdisjoint(self, iterable: Iterable[object], /) -> bool:
        """Whether this set and the iterable have no member in common. O(length of the iterable)."""

    def mutate(self) -> SharedSetMutation[_T_co]:
        """A SharedSetMutation that starts as this set. O(1)."""

    def copy(self) -> Self:
        """The set itself. O(1)."""

    def __copy__(self) -> Self:
        """The set itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The set itself if no member had to be copied, otherwise a set of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """By value: pickles load anywhere."""

    def __sizeof__(self) -> int:
        """Bytes of the set and all nodes of its tree, those that it shares with other sets included. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """A ticket that any channel of bytes within the process carries; see Handle."""

@final
class SharedSetMutation(Generic[_T]):
    """What SetMutation is to Set."""

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __contains__(self, member: object, /) -> bool:
        """O(log n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __eq__(self, other: object, /) -> bool: ...
    def add(self, member: _T, /) -> None:
        """O(log n)."""

    def remove(self, member: _T, /) -> None:
        """KeyError(member) if it is absent. O(log n)."""

    def discard(self, member: _T, /) -> None:
        """Remove `member` if it is there. O(log n)."""

    def update(self, *iterables: Iterable[_T]) -> None:
        """Add the members of all iterables; one that fails adds nothing. O(m log n)."""

    def finish(self) -> SharedSet[_T]:
        """Seal the mutation and return the set, the same one each time. O(1).

        If no edit changed anything, that is the very set it was made from.
        """

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the set."""

@final
class SharedVector(Sequence[_E_co]):
    """A Vector in memory that all interpreters of the process share: it crosses to another one in O(1).

    What SharedMap is to Map: it holds values, and what is read is made anew in the interpreter that reads.
    NotShareableError, with the index, for an element that cannot be held; looking for one is no error. The same tree as
    Vector's over plain memory with atomic counts; complexities and all other errors are Vector's.
    """

    def __init__(self, iterable: Iterable[_E_co] = (), /) -> None: ...
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

    # Reading

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _E_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> SharedVector[_E_co]:
        """An element, made anew, or a slice as a SharedVector. O(log n); with a step O(length)."""

    def __len__(self) -> int:
        """O(1)."""

    def __iter__(self) -> Iterator[_E_co]:
        """Iterate over the elements: O(1) to begin, O(n) for all."""

    def __reversed__(self) -> Iterator[_E_co]:
        """Iterate from the last element to the first: O(1) to begin, O(n) for all."""

    def __contains__(self, value: object, /) -> bool:
        """O(n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """The first index of `value`, in [start:stop]; ValueError if it is absent. O(n)."""

    def count(self, value: object, /) -> int:
        """How many elements equal `value`. O(n)."""

    def tolist(self) -> list[_E_co]:
        """`list(v)`, in half the time. O(n)."""

    def totuple(self) -> tuple[_E_co, ...]:
        """`tuple(v)`, in half the time. O(n)."""

    def __eq__(self, other: object, /) -> bool:
        """Equal to a SharedVector or Vector of equal elements. A NaN that is shared is equal to itself."""

    def __hash__(self) -> int:
        """That of a Vector of the same elements, in every interpreter."""

    def __lt__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __le__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __gt__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...
    def __ge__(self, other: SharedVector[_E_co] | Vector[_E_co], /) -> bool: ...

    # Deriving

    def append(self, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """The vector with `value` behind it. O(1) in effect: a leaf is copied, every 32nd time a path."""

    def extend(self, iterable: Iterable[_E2], /) -> SharedVector[_E_co | _E2]:
        """The vector with what `iterable` yields behind it. O(length of the iterable), of a SharedVector O(log n)."""

    def set(self, index: SupportsIndex, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """The vector with `value` at `index`, which must exist. O(log n)."""

    def insert(self, index: SupportsIndex, value: _E2, /) -> SharedVector[_E_co | _E2]:
        """The vector with `value` before the element at `index`, which is clamped as in list.insert. O(log n)."""

    @overload
    def delete(self, index: SupportsIndex, /) -> SharedVector[_E_co]: ...
    @overload
    def delete(self, start: SupportsIndex | None, stop: SupportsIndex | None, /) -> SharedVector[_E_co]:
        """The vector without the element at `index`, which must exist, or without those of [start:stop]. O(log n)."""

    def pop(self) -> SharedVector[_E_co]:
        """The vector without its last element, which is `v[-1]`; IndexError if it is empty. O(1) in effect."""

    def _difference(self, other: SharedVector[Any], start: int, /) -> tuple[int, Any, Any] | None: ...
    def _root(self) -> int: ...
    def __add__(self, other: SharedVector[_E2] | Vector[_E2], /) -> SharedVector[_E_co | _E2]:
        """Both, one behind the other, of the left operand's type. O(log n); with a Vector O(its length)."""

    def __mul__(self, times: SupportsIndex, /) -> SharedVector[_E_co]:
        """The vector repeated; all copies share their nodes. O(log(n * times))."""

    def __rmul__(self, times: SupportsIndex, /) -> SharedVector[_E_co]: ...
    def mutate(self) -> SharedVectorMutation[_E_co]:
        """A mutation that starts as this vector and leaves it alone. O(1).

        `with v.mutate() as mv: ...`, then `mv.finish()` for the new vector.
        """

    # Copying

    def copy(self) -> Self:
        """The vector itself: nothing can change it. O(1)."""

    def __copy__(self) -> Self:
        """The vector itself."""

    def __deepcopy__(self, memo: dict[int, Any], /) -> Self:
        """The vector itself if no element had to be copied, otherwise a vector of the copies."""

    def __reduce__(self) -> tuple[Any, ...]:
        """By value: pickles load anywhere."""

    def __sizeof__(self) -> int:
        """Bytes of the vector and all nodes of its tree, those that it shares with other vectors included. O(n)."""

    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """A ticket that any channel of bytes within the process carries; see Handle."""

@final
class SharedVectorMutation(MutableSequence[_E]):
    """What VectorMutation is to Vector."""

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    @overload  # type: ignore[override]  # a slice is no mutation, but a SharedVector
    def __getitem__(self, index: SupportsIndex, /) -> _E: ...
    @overload
    def __getitem__(self, index: slice, /) -> SharedVector[_E]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """An element, or a slice as a SharedVector, which later edits do not touch. O(log n)."""

    @overload
    def __setitem__(self, index: SupportsIndex, value: _E, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, values: Iterable[_E], /) -> None:
        """O(log n); a slice: O(log n + length of values). ValueError if a slice with a step has another length."""

    def __delitem__(self, index: SupportsIndex | slice, /) -> None:
        """O(log n); a slice with a step: O(n)."""

    def __len__(self) -> int:
        """O(1)."""

    def __contains__(self, value: object, /) -> bool:
        """O(n)."""

    def __iter__(self) -> Iterator[_E]:
        """By index, as a list's iterator: edits meanwhile are seen. O(log n) an element."""

    def __eq__(self, other: object, /) -> bool: ...
    def __iadd__(self, values: Iterable[_E], /) -> Self: ...
    def append(self, value: _E, /) -> None:
        """O(1) in effect."""

    def extend(self, iterable: Iterable[_E], /) -> None:
        """O(length of the iterable), of a SharedVector O(log n). One that fails changes nothing."""

    def insert(self, index: SupportsIndex, value: _E, /) -> None:
        """Put `value` before the element at `index`, which is clamped as in list.insert. O(log n)."""

    def pop(self, index: SupportsIndex = -1, /) -> _E:
        """Take out the element at `index` and return it. O(log n), O(1) in effect for the last one."""

    def remove(self, value: _E, /) -> None:
        """Take out the first element that equals `value`; ValueError if there is none. O(n)."""

    def clear(self) -> None:
        """O(n) if nobody else holds the elements' nodes, else O(1)."""

    def reverse(self) -> None:
        """O(n)."""

    def sort(self, *, key: Callable[[_E], Any] | None = None, reverse: bool = False) -> None:
        """As list.sort. ValueError if the mutation is changed meanwhile. O(n log n)."""

    def index(self, value: object, start: SupportsIndex | None = None, stop: SupportsIndex | None = None, /) -> int:
        """The first index of `value`, in [start:stop]; ValueError if it is absent. O(n)."""

    def count(self, value: object, /) -> int:
        """How many elements equal `value`. O(n)."""

    def finish(self) -> SharedVector[_E]:
        """Seal the mutation and return the vector, the same one each time. O(1)."""

    def __enter__(self) -> Self:
        """ValueError if the mutation has been finished."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Seal the mutation, after an exception too; `finish()` then returns the vector."""

# End of the generated part.

@final
class Blob:
    """An immutable copy of a bytes-like object, in memory that all interpreters share.

    The same memory everywhere: a memoryview of it, or an array over it, copies nothing, and keeps it alive. Aligned to
    64 bytes. Its hash is that of the bytes; a container takes it as a value, not as a key.
    """

    def __new__(cls, data: Buffer, /) -> Self: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def handle(self, *, uses: int = 1, timeout: float | None = None) -> Handle[Self]:
        """A ticket that any channel of bytes within the process carries; see Handle."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by value: the bytes are copied."""

    def __sizeof__(self) -> int:
        """Bytes of the object and of the shared memory behind it."""

@final
class Handle(Generic[_T]):
    """A ticket for a shared object, for every channel that carries bytes between the interpreters of one process.

    It pickles as a number. Until it was pickled, dropping it releases the object; from then on the ticket lives until
    it was redeemed `uses` times, `timeout` seconds have passed, or it is revoked. So if pickles may get lost on their
    way, give a timeout: a ticket without one keeps its object for as long as the process lives. The seconds are those
    of the monotonic clock; what has expired is released when tickets are issued or redeemed, some in each call.

    NotShareableError for what is no shared container, Blob or SharedRef. Unpickling it in another process raises
    ValueError.
    """

    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
    def __new__(cls, obj: _T, /, *, uses: int = 1, timeout: float | None = None) -> Self: ...
    def redeem(self) -> _T:
        """The object, in this interpreter, in O(1). LookupError when the ticket is spent."""

    def revoke(self) -> bool:
        """End the ticket and release the object; False if it had ended."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a number, which one process can redeem."""

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
def _fail_shared_allocation(after: int, /) -> int: ...
def _script_copy(fresh: ModuleType | None, /) -> ModuleType | None: ...
def _ticket_places() -> int: ...
def _crosses_natively() -> bool: ...
