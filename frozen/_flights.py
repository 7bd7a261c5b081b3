"""What a cache does about a miss: it computes the value once, for all threads and tasks that ask for it meanwhile.

A call that computes registers a flight under the key, in an AtomicMap of the cache. A call that finds one waits for its
outcome, an AtomicRef that is published once: threads wait for it, and tasks of any loop await it. The flight is removed
before its outcome is published. It is removed, too, by what stores or deletes the value meanwhile: then it belongs to
the past, and its value is given to those who wait, but not kept.

A computation that was cancelled or interrupted has no outcome but that it was abandoned. Those who waited then look
again, and the first of them computes.
"""

from __future__ import annotations

import contextvars
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self
from weakref import ref

from frozen._absent import ABSENT
from frozen._core import AtomicRef, Cache, _bounded_repr, _thread_number, _thread_vanished

if TYPE_CHECKING:
    import asyncio

    from frozen._core import _CacheEntry

_MISS, _HIT, _STALE, _ERROR = range(4)
"""What `Cache._look` says, as in src/cache/cache.h."""


_HEAP_TYPE = 1 << 9
"""The flag of classes that are not built into CPython."""


def _built_in_base(cls: type) -> Any:
    """The first class that is built into CPython.

    A loop, not a generator: where memory lacks to make one, CPython 3.12 and 3.13 free its code too early (gh-122752).
    """
    for base in cls.__mro__:
        if not base.__flags__ & _HEAP_TYPE:
            return base
    raise AssertionError("object is built in")


def _value_of(field: MemberDescriptorType, error: BaseException) -> object:
    try:
        return field.__get__(error)
    except AttributeError:
        return ABSENT


def _copied(error: BaseException) -> BaseException:
    """A new exception that says the same, made without running code of its class.

    Threads must not raise one object: raising changes its traceback, which CPython does without a lock.
    """
    cls = type(error)
    new: BaseException = _built_in_base(cls).__new__(cls, *error.args)
    new.args = error.args
    for base in cls.__mro__:
        for field in vars(base).values():
            if isinstance(field, MemberDescriptorType):
                value = _value_of(field, error)
                if value is not ABSENT and value is not _value_of(field, new):  # None may stand for no value
                    with suppress(AttributeError, TypeError):  # it is read-only
                        field.__set__(new, value)
    vars(new).update(vars(error))
    new.__cause__, new.__context__ = error.__cause__, error.__context__
    new.__suppress_context__ = error.__suppress_context__
    return new.with_traceback(error.__traceback__)


class _Value(NamedTuple):
    """The outcome of a computation that returned."""

    value: Any

    def result(self) -> Any:
        return self.value


class _Error(NamedTuple):
    """... that raised: an exception that nobody raises, of which each who waits raises a copy."""

    error: BaseException

    def result(self) -> NoReturn:
        raise _copied(self.error)


_Outcome = _Value | _Error | None
"""None: it was abandoned."""


def _look(cache: Cache[Any, Any], key: Any) -> tuple[int, Any]:
    """`Cache._look`, with the exception raised that is kept in place of a value."""
    state, value = cache._look(key)
    if state == _ERROR:
        raise _copied(value)
    return state, value


def _greenlet() -> int:
    """The identity of the current greenlet, in a program that has them."""
    library = sys.modules.get("greenlet")
    return 0 if library is None else id(library.getcurrent())


class _Flight:
    """One computation under way."""

    __slots__ = ("__weakref__", "ended", "greenlet", "outcome", "process", "task", "thread")

    def __init__(self) -> None:
        self.outcome: AtomicRef[_Outcome] = AtomicRef(None)
        """What came of it, in its next version: None until then."""
        self.ended = False
        """Nobody is to begin to wait for it. It may be registered still, where there was no memory to remove it."""
        self.thread = 0
        """The number of the thread that computes."""
        self.greenlet = 0
        """The identity of its greenlet, which lives until this has ended. 0: there are none."""
        self.task: ref[asyncio.Task[Any]] | None = None
        """The task that computes, unless a plain function does. A task dies with its loop, whoever waits for it."""
        self.process = 0
        """The process whose task computes, or whose thread has been started to, and has no number yet."""

    def begin_in(self, task: asyncio.Task[Any] | None) -> None:
        """Note who computes: this task of this thread, or this thread alone."""
        self.thread, self.process, self.greenlet = _thread_number(), os.getpid(), _greenlet()
        self.task = None if task is None else ref(task)

    def is_in_another_greenlet(self) -> bool:
        """Whether it is another greenlet of this thread that computes, which cannot go on while this one waits."""
        return self.thread == _thread_number() and self.task is None and self.greenlet != _greenlet()

    def is_lost(self) -> bool:
        """Whether no outcome will come: its thread was left behind by a fork, or its task by the end of its loop."""
        if self.ended or _thread_vanished(self.thread):
            return True
        if self.task is not None:
            task = self.task()
            return task is None or self.process != os.getpid() or task.get_loop().is_closed()
        return self.thread == 0 and self.process not in (0, os.getpid())

    def end(self, cache: Cache[Any, Any], key: Any, outcome: _Outcome) -> None:
        self.ended = True
        try:
            cache._flights.compare_and_set(key, self, ABSENT)
        finally:
            self.outcome.set(outcome)

    def keep(self, cache: Cache[Any, Any], key: Any, value: object, is_error: bool) -> None:
        """Store what was computed, unless it is outdated: the value was replaced or deleted since this began."""
        flights = cache._flights
        if flights.get(key) is self:
            entry: _CacheEntry = cache._keep(key, value, is_error)
            if not flights.compare_and_set(key, self, ABSENT):
                cache._discard(entry)

    def failed(self, cache: Cache[Any, Any], key: Any, error: Exception) -> _Error:
        """The outcome of a computation that raised, which is stored if such exceptions are kept."""
        outcome = _Error(_copied(error))
        if isinstance(error, cache._exceptions):
            self.keep(cache, key, _copied(error).with_traceback(None), True)
        return outcome


FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds until who waits looks whether what it waits for can still come; each pause is twice as long as the last."""

_waiting: dict[int, ref[_Flight]] = {}
"""By the number of the thread that waits, or minus the identity of the task: for which flight.

Who waits has the flight on its stack. A reference from here would keep the tasks of a closed loop alive, to which the
flight's outcome leads.
"""

refreshing: set[asyncio.Task[Any]] = set()
"""Tasks that compute stale values again: an event loop has weak references to its tasks alone."""


def _refuse(key: object) -> NoReturn:
    raise RuntimeError(
        f"the value for the key {_bounded_repr(key)} is being computed by the same thread or task, or by one that "
        "waits for it: it would wait for itself"
    )


class _Wait:
    """While it is entered, the task or else the thread is known to wait for the flight.

    RuntimeError if it waits for itself, by however many others. Two who close a circle at once have both registered
    before either looks: one of them finds it, or both.
    """

    __slots__ = ("before", "flight", "key", "me", "task", "thread")

    def __init__(self, flight: _Flight, key: object, task: asyncio.Task[Any] | None) -> None:
        self.flight = flight
        self.key = key
        self.thread = _thread_number()
        self.task = task
        self.me = self.thread if task is None else -id(task)

    def __enter__(self) -> Self:
        self.before = _waiting.get(self.me)  # a handler of a signal may wait while its thread does
        _waiting[self.me] = ref(self.flight)
        try:
            self.look_for_circle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            _waiting.pop(self.me, None)
        else:
            _waiting[self.me] = self.before

    def look_for_circle(self) -> None:
        mine: set[Any] = set()  # the tasks that cannot go on before this one ends
        if self.task is not None:
            from frozen._await_graph import tasks_that_await

            mine = tasks_that_await(self.task)
        flights, met = [self.flight], set()
        while flights:
            flight = flights.pop()
            if flight in met or flight.ended:
                continue
            met.add(flight)
            task = None if flight.task is None else flight.task()
            blocks = flight.thread == self.thread and (self.task is None or flight.task is None)
            if blocks or task in mine:
                _refuse(self.key)
            flights += _awaited_by(task, flight.thread, self.thread)


def waits_for(who: int) -> _Flight | None:
    flight = _waiting.get(who)
    return None if flight is None else flight()


def _awaited_by(task: asyncio.Task[Any] | None, thread: int, here: int) -> list[_Flight]:
    """The flights that the computation in this task, or else in this thread, waits for."""
    found = [waits_for(thread)]
    if task is not None and thread == here:
        from frozen._await_graph import awaited_by

        found += [waits_for(-id(future)) for future in awaited_by(task)]
    elif task is not None:  # what the task of another thread awaits cannot be looked at, but that it waits for a flight
        found.append(waits_for(-id(task)))
    return [flight for flight in found if flight is not None]


def _is_lost(cache: Cache[Any, Any], key: Any, flight: _Flight) -> bool:
    """Whether there is no outcome to wait for; removes the flight then."""
    if not flight.is_lost():
        return False
    if flight.task is not None:
        refreshing.discard(flight.task())
    cache._flights.compare_and_set(key, flight, ABSENT)
    return True


# Computing in a thread


def get_or_compute(cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return compute(cache, key, fn, args, kwargs)


def compute(
    cache: Cache[Any, Any], key: Any, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Called by the core for a call that the cache cannot answer.

    It calls the function itself: a recursive one then has two frames for each level, not more.
    """
    flights = cache._flights
    while True:
        state, value = _look(cache, key)
        if state == _HIT:
            return value
        own, flight = _Flight(), None
        try:
            flight = flights.setdefault(key, own)
            if state == _STALE:
                if flight is own:
                    _refresh_in_thread(cache, key, flight, partial(fn, *args, **kwargs))
                elif _is_lost(cache, key, flight):
                    continue
                return value
            if flight is own:
                with Leading(cache, key, own) as leading:
                    again, value = _look(cache, key)  # a flight may have ended since the last look
                    if again != _HIT:
                        value = fn(*args, **kwargs)
                        own.keep(cache, key, value, False)
                    leading.outcome = _Value(value)
                return value
            if flight.is_in_another_greenlet():
                return fn(*args, **kwargs)  # what that one returns is kept
            outcome = _join(cache, key, flight)
            if outcome is not None:
                return outcome.result()
        finally:
            if not own.ended and state != _STALE and (flight is None or flight is own):
                own.end(cache, key, None)  # it was interrupted before it began
            del flight, own  # an exception that they hold has this frame in its traceback
            outcome = None


class Leading:
    """While it is entered, this thread or task computes the flight's value: at its end those who wait get the outcome.

    It lets the flight go then, because the traceback of an error leads to the frame that has it.
    """

    __slots__ = ("cache", "flight", "key", "outcome")

    def __init__(
        self, cache: Cache[Any, Any], key: Any, flight: _Flight, task: asyncio.Task[Any] | None = None
    ) -> None:
        flight.begin_in(task)
        self.cache, self.key = cache, key
        self.flight = flight
        self.outcome: _Outcome = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        flight, outcome = self.flight, self.outcome
        del self.flight, self.outcome
        try:
            if isinstance(error, Exception):
                outcome = flight.failed(self.cache, self.key, error)
        finally:
            flight.end(self.cache, self.key, outcome)
            del flight, outcome


def _join(cache: Cache[Any, Any], key: Any, flight: _Flight) -> _Outcome:
    """Sleep until the flight has an outcome. A task may never have one, because its loop was closed."""
    pause = FIRST_PAUSE
    if _is_lost(cache, key, flight):
        return None
    with _Wait(flight, key, None):
        while not flight.outcome.wait(0, pause):
            if _is_lost(cache, key, flight):
                return None
            pause = min(2 * pause, LONGEST_PAUSE)
        return flight.outcome.get()


def _refresh_in_thread(cache: Cache[Any, Any], key: Any, flight: _Flight, call: Callable[[], Any]) -> None:
    """Compute a stale value again while its users go on; what fails is reported by threading.excepthook."""
    from frozen._threads import start

    flight.process = os.getpid()
    try:
        context = contextvars.copy_context()
        start(lambda: context.run(_refresh, cache, key, flight, call), "frozen.cache")
    except BaseException as error:
        flight.end(cache, key, None)
        if not isinstance(error, RuntimeError):  # there can be no more threads: the next one who asks tries again
            raise


def _refresh(cache: Cache[Any, Any], key: Any, flight: _Flight, call: Callable[[], Any]) -> None:
    try:
        with Leading(cache, key, flight) as leading:
            state, value = _look(cache, key)
            if state != _HIT:
                value = call()
                flight.keep(cache, key, value, False)
            leading.outcome = _Value(value)
    finally:
        del flight
