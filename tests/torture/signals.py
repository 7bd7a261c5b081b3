"""A signal every few milliseconds, whose handler raises, during everything that the main thread does."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from support import eventually

from frozen import (
    AtomicRef,
    Handle,
    Map,
    Set,
    SharedMap,
    SharedRef,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    freeze,
    share,
    thaw,
    transaction,
)
from torture.processes import main, scenario

ATTEMPTS = 400
KINDS = (AtomicRef, SharedRef)


class Interrupted(BaseException):
    """What the handler raises; like KeyboardInterrupt, no error of what it interrupts."""


def only_real_errors(report: Any) -> None:
    """A signal may strike in a finalizer, where CPython can do nothing but report it."""
    if not issubclass(report.exc_type, Interrupted):
        sys.__unraisablehook__(report)


sys.unraisablehook = only_real_errors


class Timer:
    """A timer signal at irregular times, which raises as long as an attempt is made, up to three times in each."""

    def __init__(self, source: random.Random) -> None:
        self.source, self.strikes, self.struck = source, 0, 0
        signal.signal(signal.SIGALRM, self.strike)
        self.again()

    def again(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self.source.uniform(0.0002, 0.004))

    def strike(self, number: int, frame: Any) -> None:
        self.again()
        if self.strikes > 0 and self.is_inside(frame):
            self.strikes -= 1
            self.struck += 1
            raise Interrupted

    def is_inside(self, frame: Any) -> bool:
        """Whether the work is interrupted, and not what this program itself does around it."""
        while frame is not None and frame.f_code is not Timer.call.__code__:
            frame = frame.f_back
        return frame is not None

    def call(self, work: Callable[[], Any]) -> Any:
        return work()

    def attempt(self, work: Callable[[], Any]) -> Any:
        """What the work returns, or Interrupted, also where it was interrupted just after it was done."""
        self.strikes = self.source.choice((1, 1, 1, 3))
        try:
            return self.call(work)
        except Interrupted:
            return Interrupted
        finally:
            self.strikes = 0

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_IGN)


def ticks(body: Callable[[random.Random, Timer], None]) -> Callable[[random.Random], None]:
    """A scenario under a timer; after its body as much shared memory is alive as before, and no thread."""

    @functools.wraps(body)
    def run(source: random.Random) -> None:
        gc.collect()
        before = _core._live_shared_nodes()
        timer = Timer(source)
        try:
            body(source, timer)
        finally:
            timer.stop()
        eventually(no_thread_is_left)
        gc.collect()
        left = _core._live_shared_nodes() - before
        assert left == 0, f"{left} blocks of shared memory are left"
        print(f"{timer.struck} signals")

    return run


def no_thread_is_left() -> bool:
    gc.collect()
    return threading.active_count() == 1


@scenario()
@ticks
def containers(source: random.Random, timer: Timer) -> None:
    """An operation is done or is not, and what it started from is as it was."""
    items = {f"key {n}": (n, "a text that needs a box") for n in range(3000)}
    values = list(items.values())
    pairs = [(Map(items), Set(items), Vector(values)), (SharedMap(items), SharedSet(items), SharedVector(values))]
    works: list[Callable[[Any, Any, Any], Any]] = [
        lambda m, s, v: type(m)(items),
        lambda m, s, v: m.update({f"key {n}": n for n in range(0, 6000, 2)}),
        lambda m, s, v: m.merge(m.set("key 1", 5), lambda old, new: new),
        lambda m, s, v: m.diff(type(m)(items).set("key 1", 7)),
        lambda m, s, v: (m == type(m)(items), hash(m)),
        lambda m, s, v: s & {f"key {n}" for n in range(500)} | s ^ {"a"},
        lambda m, s, v: type(s)(reversed(list(s))),
        lambda m, s, v: type(v)(iter(values)) == v,
        lambda m, s, v: (v + v)[5:4000] * 3,
        lambda m, s, v: (v.count(5), (3, "") in v, hash(v)),
        lambda m, s, v: v.insert(7, v).delete(8, 100),
        lambda m, s, v: share({"m": m, "l": [values, {1}]}) and None,
        lambda m, s, v: thaw(freeze({"a": values, "m": m})) and None,
        mutate,
        lambda m, s, v: Handle(share(values)).redeem() and None,
    ]
    expected = [[work(*pair) for work in works] for pair in pairs]
    for _ in range(ATTEMPTS):
        family, index = source.randrange(2), source.randrange(len(works))
        result = timer.attempt(lambda family=family, index=index: works[index](*pairs[family]))
        assert result is Interrupted or result == expected[family][index], f"work {index} of family {family}"
        del result
    for m, s, v in pairs:
        assert (m, s, v) == (items, set(items), Vector(values))
        for container in (m, s, v):
            _core._check(container)


def mutate(m: Any, s: Any, v: Any) -> Any:
    """Edits that are interrupted leave a draft that can be finished, or thrown away."""
    with v.mutate() as draft:
        draft.extend(range(1000))
        draft[10:20] = range(500)
        del draft[::3]
    with m.mutate() as other:
        other.update({n: n for n in range(300)})
    return draft.finish(), other.finish()


PUBLISH: dict[str, Callable[[Any, int], Any]] = {
    "set": lambda ref, number: ref.set(number),
    "update": lambda ref, number: ref.update(lambda value: number),
    "exchange": lambda ref, number: ref.exchange(number),
    "compare_and_set": lambda ref, number: ref.compare_and_set(ref.get(), number),
    "transaction.set": lambda ref, number: transaction(ref).set(number),
    "transaction.update": lambda ref, number: transaction(ref).update(lambda value: number),
}


@scenario()
@ticks
def publications(source: random.Random, timer: Timer) -> None:
    """A reference holds the old value or the new one, and its version says which."""
    for kind in KINDS:
        ref, other = kind(0), kind(0)
        publisher = Publisher(other)
        for number in range(1, ATTEMPTS // 2):
            name = source.choice(list(PUBLISH))
            before, version = ref.get_versioned()
            result = timer.attempt(lambda name=name, number=number, ref=ref: PUBLISH[name](ref, number))
            after, now = ref.get_versioned()
            right = ((before, version), (number, version + 1))
            assert (after, now) in right, f"{(before, version)} became {(after, now)} by {name}"
            assert result is Interrupted or now == version + 1
            timer.attempt(lambda other=other: other.update(lambda value: value + 1))
        publisher.end()


class Publisher:
    """A thread that publishes, so that updates meet others and wait for their turn."""

    def __init__(self, ref: Any) -> None:
        self.ref, self.stop, self.count = ref, False, 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.stop:
            self.ref.update(lambda value: value + 1)
            time.sleep(0.00005)

    def end(self) -> None:
        self.stop = True
        self.thread.join()


@scenario()
@ticks
def waits(source: random.Random, timer: Timer) -> None:
    for kind in KINDS:
        ref = kind(0)
        publisher = Publisher(ref)
        for _ in range(ATTEMPTS // 2):
            version = ref.version
            result = timer.attempt(lambda version=version, ref=ref: ref.wait(version, source.random() * 0.01))
            assert result in (True, False, Interrupted)
            assert result is not True or ref.version > version
        publisher.end()
        version = ref.version
        for _ in range(20):  # nobody publishes: a wait ends by the signal, and not otherwise
            assert timer.attempt(lambda version=version, ref=ref: ref.wait(version, 60)) is Interrupted


@scenario()
@ticks
def watches(source: random.Random, timer: Timer) -> None:
    """Opened and closed under fire: what could be closed is closed, and the thread that delivers ends with the last."""
    for kind in KINDS:
        ref, seen = kind(0), []
        watches = []
        for number in range(ATTEMPTS // 2):
            watch = timer.attempt(lambda ref=ref, seen=seen: ref.watch(lambda old, new: seen.append(new)))
            if watch is not Interrupted:
                watches.append(watch)
            timer.attempt(lambda ref=ref, number=number: ref.set(number))
            if len(watches) > source.randrange(6):
                closing = watches.pop(source.randrange(len(watches)))
                timer.attempt(closing.close)
                closing.close()
        for watch in watches:
            watch.close()
        close_forgotten(ref)
        seen.clear()
        with ref.watch(lambda old, new, seen=seen: seen.append(new)):
            ref.set("last")
            eventually(lambda seen=seen: "last" in seen)
        del ref, watch, watches, closing


def close_forgotten(ref: Any) -> None:
    """A watch that was opened just before the signal, whose result went with the exception, is open for ever."""
    gc.collect()
    for watch in [thing for thing in gc.get_objects() if type(thing).__name__ == "Watch"]:
        watch.close()


@scenario()
def loops(source: random.Random) -> None:
    """Ctrl-C while tasks await changes: asyncio.run() cancels them. (asyncio itself does not survive a handler that
    raises anywhere.)"""
    gc.collect()
    before = _core._live_shared_nodes()
    for kind in KINDS * 8:
        ref, running = kind(0), threading.Event()

        async def listen(ref: Any = ref) -> None:
            async for _ in ref.changes():
                await asyncio.sleep(0)

        async def all_of_it(ref: Any = ref, running: threading.Event = running, listen: Any = listen) -> None:
            async with asyncio.TaskGroup() as group:
                for _ in range(5):
                    group.create_task(listen())
                running.set()
                while True:
                    ref.update(lambda value: value + 1)
                    await asyncio.sleep(0)

        def interrupt(running: threading.Event = running, pause: float = source.random() * 0.02) -> None:
            running.wait(60)
            time.sleep(pause)
            os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, signal.default_int_handler)
        thread = threading.Thread(target=interrupt)
        thread.start()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(all_of_it())
        thread.join()
    del ref, listen, all_of_it, interrupt, thread
    gc.collect()
    eventually(no_thread_is_left)
    assert _core._live_shared_nodes() == before


@scenario()
def finishing(source: random.Random) -> None:
    """The signals go on while the process ends, until CPython forgets its handlers."""
    opened = []
    for kind in KINDS:
        ref = kind(0)
        opened += [ref.watch(lambda old, new: None), ref]
        ref.set(1)
    signal.signal(signal.SIGALRM, lambda number, frame: opened[1].set(os.getpid()))
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
    time.sleep(source.random() * 0.02)
    sys.kept = opened  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
