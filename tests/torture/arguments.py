"""Every public callable with every kind of odd argument, and on objects that are closed, finished or were never made.

Nothing is expected but an answer or an exception other than SystemError, and that immutable things stay as they are.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import decimal
import fractions
import pathlib
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import frozen
from frozen import _core
from torture import harness
from torture.worlds import CONTAINERS

LEFT_OUT = {
    "__class__",
    "__del__",
    "__init_subclass__",
    "__new__",  # called on the class, below
    "__getattribute__",
    "changed",  # coroutines
    "changes",
    "register",  # teaches the process
    "register_shareable",
    "_fail_shared_allocation",
    "_Bell",  # waits until it is rung
}


class Lying(list[Any]):
    """A list that is not as long as it says."""

    def __init__(self, length: Any) -> None:
        super().__init__([1, 2, 3])
        self.length = length

    def __len__(self) -> Any:
        return self.length

    __length_hint__ = __len__


class LyingDict(dict[Any, Any]):
    def __len__(self) -> int:
        return 1 << 62

    def keys(self) -> Any:
        return 5

    def items(self) -> Any:
        return [1, (2,), (1, 2, 3)]


class LyingTuple(tuple[Any, ...]):
    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 1 << 40


class LyingStr(str):
    def __hash__(self) -> int:
        return 5

    def __eq__(self, other: object) -> bool:
        raise KeyError("no comparison")


class LyingInt(int):
    def __index__(self) -> Any:
        return "no number"

    def __hash__(self) -> Any:
        return 1 << 70


class Hint:
    """An iterable with a length hint that is no number, too large, or fails."""

    def __init__(self, hint: Any) -> None:
        self.hint = hint

    def __length_hint__(self) -> Any:
        return self.hint

    def __iter__(self) -> Iterator[Any]:
        return iter([1, 2])


class OddZone(datetime.tzinfo):
    """A time zone that answers with nonsense."""

    def utcoffset(self, moment: Any) -> Any:
        return 5

    def tzname(self, moment: Any) -> Any:
        return b"zone"

    def __getinitargs__(self) -> Any:
        return 5


@dataclasses.dataclass(frozen=True)
class Record:
    a: Any
    b: Any


def finished(mutation: Any) -> Any:
    mutation.finish()
    return mutation


def quiet(old: Any, new: Any) -> None:
    """A watch's callback."""


def closed_watch() -> Any:
    watch = frozen.AtomicRef(1).watch(quiet)
    watch.close()
    return watch


SMALL = {"Map": {"a": 1, 2: (3, 4)}, "Set": {1, "b", (2, 3)}, "Vector": [1, "b", (2, 3), None]}


def subjects() -> list[Any]:
    """Something of every public type, in every state it can be in."""
    made: list[Any] = []
    for kind, items in SMALL.items():
        for name in (kind, f"Shared{kind}"):
            cls = getattr(frozen, name)
            some = cls(items)
            iterator = iter(some)
            used_up = iter(some)
            list(used_up)
            made += [cls(), some, some.mutate(), finished(some.mutate()), iterator, used_up]
            made += [iter(some.mutate())] if kind == "Vector" else []
            if kind == "Map":
                made += [some.keys(), some.values(), some.items(), iter(some.values()), reversed(some.items())]
            if name.startswith("Shared"):
                made.append(some.handle())
    refs = [frozen.AtomicRef({"a": 1}), frozen.SharedRef(5)]
    spent = frozen.Handle(frozen.Blob(b"x"))
    spent.revoke()
    made += [*refs, frozen.transaction(*refs), closed_watch(), refs[0].watch(quiet), frozen.Blob(b"bytes"), spent]
    made += [frozen.AtomicMap({"a": 1, 2: [3]}), frozen.AtomicCounter(1)]
    made.append(frozen.Map(a=1).diff(frozen.Map(b=2)))
    made += [frozen.Vector("abc").diff(frozen.Vector("axbd")), frozen.Set([1, 2]).diff(frozen.Set([2, 3]))]
    made += [frozen.Change(1, frozen.ABSENT), frozen.Span(1, 2), frozen.Conflict(("a",), 1, 2, 3), frozen.ABSENT]
    made.append(frozen.NotShareableError(1, "reason"))
    return made


def raw(cls: type) -> Any:
    """An instance that `__init__` and the checks of `__new__` have not seen, if the class lets anybody have one."""
    for make in (lambda: cls.__new__(cls), lambda: object.__new__(cls)):
        try:
            return make()
        except (TypeError, ValueError):
            continue
    return None


ODD: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: 0,
    lambda: 1,
    lambda: -1,
    lambda: True,
    lambda: (1 << 63) - 1,
    lambda: 1 << 63,
    lambda: -(1 << 63),
    lambda: -(1 << 63) - 1,
    lambda: 1 << 64,
    lambda: 10**400,
    lambda: 0.5,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: "",
    lambda: "a",
    lambda: "\udc80",
    lambda: LyingStr("a"),
    lambda: LyingInt(3),
    lambda: b"bytes",
    lambda: bytearray(b"bytes"),
    lambda: memoryview(b"bytes")[::2],
    list,
    lambda: [1, 2],
    lambda: [(1, 2), [3, 4]],
    lambda: [[1]],
    lambda: (),
    lambda: (1, 2),
    dict,
    lambda: {"a": 5},
    lambda: {1, 2},
    lambda: object(),
    lambda: object,
    lambda: type,
    lambda: frozen.Map,
    lambda: len,
    lambda: lambda *args, **kwargs: args[-1] if args else None,
    lambda: 1 // 0,
    lambda: iter([(1, 2), 3]),
    lambda: (x for x in "ab"),
    lambda: Lying(1 << 62),
    lambda: Lying(-1),
    lambda: Lying("long"),
    lambda: LyingDict(a=1),
    lambda: LyingTuple((1, 2)),
    lambda: Hint(1 << 62),
    lambda: Hint(-5),
    lambda: Hint("long"),
    lambda: Hint(NotImplemented),
    lambda: slice(None, None, 0),
    lambda: slice(-(1 << 70), 1 << 70, -1),
    lambda: slice("a", None, None),
    lambda: NotImplemented,
    lambda: ...,
    lambda: frozen.Map(a=1),
    lambda: frozen.SharedMap(a=1),
    lambda: frozen.Vector([(1, 2)]),
    lambda: frozen.SharedVector([(1, 2)]),
    lambda: frozen.Set([1]).mutate(),
    lambda: frozen.Map({1: 2}).items(),
    lambda: frozen.AtomicRef(1),
    lambda: frozen.AtomicMap({1: 2}),
    lambda: frozen.AtomicCounter(1),
    lambda: frozen.SharedRef(1),
    lambda: asyncio.Future,
    lambda: frozen.Map(a=1).diff(frozen.Map(a=2, b=3)),
    lambda: frozen.SharedVector("ab").diff(frozen.SharedVector("axb")),
    lambda: {("a",): (1, 2), ("a", "b"): (3, 4)},
    lambda: {("a", frozen.Span(1 << 70, -5)): frozen.Change(1, 2), 5: 6},
    lambda: [{"op": "add", "path": "/a", "value": 5}, {"op": "move", "from": "/a", "path": "/b/-"}],
    lambda: [{"op": "test", "path": "/~2", "value": [[]]}, {"path": 5}, 6],
    lambda: {"a": None, "b": {"c": {"d": None}}},
    lambda: frozen.encode(frozen.Map(a=(1, 2))),
    lambda: bytes.fromhex("d81b8261610000"),
    lambda: datetime.datetime(2024, 1, 2, tzinfo=OddZone()),
    lambda: datetime.time(1, tzinfo=OddZone()),
    lambda: decimal.Decimal("sNaN"),
    lambda: fractions.Fraction(1, 3),
    lambda: pathlib.PurePosixPath("a"),
    lambda: Record(1, [2]),
)


def fail(*args: Any, **kwargs: Any) -> Any:
    raise KeyError("called")


def draw(source: random.Random, subject: Any) -> Any:
    """An odd argument, the subject itself among them."""
    if source.randrange(8) == 0:
        return subject
    if source.randrange(10) == 0:
        return source.choice(subjects())
    try:
        return source.choice(ODD)()
    except ZeroDivisionError:
        return fail


def callables(subject: Any) -> list[str]:
    return [name for name in dir(subject) if name not in LEFT_OUT]


def state(subject: Any) -> Any:
    """What must not change; None for what may."""
    if type(subject) in CONTAINERS:
        return dict(subject) if hasattr(subject, "items") else list(subject)
    return bytes(subject) if isinstance(subject, frozen.Blob) else None


def call(subject: Any, name: str, source: random.Random) -> None:
    arguments = [draw(source, subject) for _ in range(source.choice((0, 1, 1, 1, 2, 2, 3, 5)))]
    keywords = {source.choice(("default", "key", "reverse", "version", "timeout", "uses", "x")): draw(source, subject)}
    if name == "wait":  # for no time at all
        arguments, keywords = arguments[:1], {"timeout": source.choice((0, 0.0, -1, float("nan"), -float("inf")))}
    elif source.randrange(6):
        keywords = {}
    try:
        method = getattr(subject, name)
        result = method(*arguments, **keywords) if callable(method) else method
    except SystemError:
        raise
    except Exception:
        return
    if type(result) in CONTAINERS and len(result) < 100_000:
        _core._check(result)
        repr(result)


def run_case(case: harness.Case) -> None:
    everything = subjects()
    found = {type(one) for one in everything} | {one for one in vars(frozen).values() if isinstance(one, type)}
    classes = sorted((one for one in found if one.__module__.startswith("frozen")), key=repr)
    for step in case.steps:
        source = case.random(step)
        match source.randrange(8):
            case 0:
                cls = source.choice(classes)
                case.note(step, f"{cls.__name__}()")
                subject, name = cls, "__call__"
            case 1:
                cls = source.choice(classes)
                case.note(step, f"{cls.__name__}.__new__")
                subject = raw(cls)
                name = source.choice(callables(subject))
                case.note(step, f"unmade {cls.__name__}.{name}")
            case 2:
                subject = source.choice((frozen, _core, source.choice(classes)))
                name = source.choice(callables(subject))
                case.note(step, f"{subject.__name__}.{name}")
            case _:
                subject = source.choice(everything)
                name = source.choice(callables(subject))
                case.note(step, f"{type(subject).__name__}.{name}")
        before = state(subject)
        call(subject, name, source)
        assert state(subject) == before, f"{name} has changed {before!r} to {subject!r}"


if __name__ == "__main__":
    sys.unraisablehook = lambda unraisable: None
    sys.exit(harness.main(run_case, steps=1000, leaks=False))
