"""Types of the C core. Import the names from `frozen`."""

from collections.abc import Callable
from types import GenericAlias
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from typing_extensions import disjoint_base

_T = TypeVar("_T")
_P = ParamSpec("_P")

# References: src/ref/

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

    def set(self, value: _T, /) -> None:
        """Publish `value`, whatever is there. O(1)."""

    def exchange(self, value: _T, /) -> _T:
        """Publish `value` and return the value it replaced. O(1)."""

    def compare_and_set(self, expected: object, value: _T, /) -> bool:
        """Publish `value` if the current value is `expected`; say whether it did. O(1).

        Map, Set and Vector are compared by the version they stand for, without calling `__eq__`; every other object,
        instances of their subclasses included, by identity.
        """

    def update(self, fn: Callable[Concatenate[_T, _P], _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Replace the value by `fn(value, *args, **kwargs)`; return the new value.

        `fn` runs without any lock and is called again when another thread published meanwhile, so it should have no
        side effects. What it raises is raised here, and the reference stays as it was. Method: optimistic retry, as
        Clojure's `swap!`.
        """
