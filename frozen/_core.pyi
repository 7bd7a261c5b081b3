"""Types of the C core. Import the names from `frozen`."""

from collections.abc import AsyncGenerator, Callable, Iterable
from types import GenericAlias, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, TypeVarTuple, Unpack, final, overload

from typing_extensions import disjoint_base

_T = TypeVar("_T")
_P = ParamSpec("_P")

# References: src/ref/

_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_Ts = TypeVarTuple("_Ts")

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

    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value.

        `fn` runs without any lock and is called again when another thread published meanwhile, so it should have no
        side effects. What it raises is raised here, and the reference stays as it was; RuntimeError if it publishes to
        this very reference itself. After some lost tries an update takes its turn and later ones wait for it, so `fn`
        should not wait for a thread that updates this reference. Method: optimistic retry with exponential back-off, as
        Clojure's `swap!`, then a first-come, first-served queue.
        """

    def wait(self, version: int, timeout: float | None = None) -> bool:
        """Wait until a version newer than `version` is current, at most `timeout` seconds; say whether one is.

        The thread sleeps and is woken by the publication; there is no polling. A signal ends the wait if its handler
        raises.
        """

    def watch(self, callback: Callable[[_T, _T], object], /) -> Watch:
        """Call `callback(old, new)` after each change, until the `Watch` that is returned is closed.

        The publishing thread calls it, without any lock, before its call returns; one thread at a time. Changes that
        come while the callback runs are delivered as one, by the thread that runs it: each `old` is the `new` of the
        call before. What it raises goes to `sys.unraisablehook`.
        """

    async def changed(self, since: int | None = None) -> tuple[_T, int]:
        """Await a version newer than `since` (by default: than the current one); give the pair (value, version)."""

    def changes(self, since: int | None = None) -> AsyncGenerator[_T]:
        """The values published after version `since` (by default: after the current one), as they come.

        Values that are replaced before the loop comes round are skipped; the newest one is never missed.
        """

    @overload
    @classmethod
    def snapshot(cls, a: AtomicRef[_A], /) -> tuple[_A]: ...
    @overload
    @classmethod
    def snapshot(cls, a: AtomicRef[_A], b: AtomicRef[_B], /) -> tuple[_A, _B]: ...
    @overload
    @classmethod
    def snapshot(cls, a: AtomicRef[_A], b: AtomicRef[_B], c: AtomicRef[_C], /) -> tuple[_A, _B, _C]: ...
    @overload
    @classmethod
    def snapshot(
        cls, a: AtomicRef[_A], b: AtomicRef[_B], c: AtomicRef[_C], d: AtomicRef[_D], /
    ) -> tuple[_A, _B, _C, _D]: ...
    @overload
    @classmethod
    def snapshot(cls, *refs: AtomicRef[Any]) -> tuple[Any, ...]:
        """The tuple of the values that were current in all `refs` (at most 16) at one moment. O(number of refs)."""

@final
class transaction(Generic[*_Ts]):
    """Several references (at most 16) read and published as one: no snapshot sees one of them new and another old."""

    @overload
    def __new__(cls, a: AtomicRef[_A], /) -> transaction[_A]: ...
    @overload
    def __new__(cls, a: AtomicRef[_A], b: AtomicRef[_B], /) -> transaction[_A, _B]: ...
    @overload
    def __new__(cls, a: AtomicRef[_A], b: AtomicRef[_B], c: AtomicRef[_C], /) -> transaction[_A, _B, _C]: ...
    @overload
    def __new__(
        cls, a: AtomicRef[_A], b: AtomicRef[_B], c: AtomicRef[_C], d: AtomicRef[_D], /
    ) -> transaction[_A, _B, _C, _D]: ...
    @overload
    def __new__(cls, *refs: AtomicRef[Any]) -> transaction[*tuple[Any, ...]]: ...
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
    """What `AtomicRef.watch` returns: close it, or leave its `with` block, to be called no more."""

    def close(self) -> None:
        """End the watch: no call begins after this one, though one already under way elsewhere ends later."""

    def __enter__(self) -> Watch: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
