"""Forks while threads publish, wait and watch, in callbacks, in updates. The child goes on, and ends."""

from __future__ import annotations

import functools
import os
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from support import eventually

from frozen import AtomicRef, ForkWarning, Handle, Map, SharedMap, SharedRef, share, transaction
from torture.processes import main, scenario

KINDS = (AtomicRef, SharedRef)
CHILDREN = 8

warnings.filterwarnings("ignore", category=DeprecationWarning)  # CPython's, of forks in a process with threads
warnings.filterwarnings("ignore", category=ForkWarning)  # the children know that they publish for themselves


class Traffic:
    """Threads that do everything that references can do, until it is over."""

    def __init__(self, source: random.Random, kind: type) -> None:
        self.ref, self.other, self.seen = kind(0), kind(share({"a": [1]})), []
        self.stop = False
        self.watches = [self.ref.watch(lambda old, new: self.seen.append(new)), self.other.watch(self.slow)]
        works = [self.publish, self.wait, self.both, self.open_and_close, self.handles]
        chosen = source.sample(works, source.randrange(1, len(works) + 1))
        self.threads = [threading.Thread(target=work, daemon=True) for work in chosen]
        for thread in self.threads:
            thread.start()

    def slow(self, old: Any, new: Any) -> None:
        time.sleep(0.0005)

    def publish(self) -> None:
        while not self.stop:
            self.ref.update(lambda value: value + 1)

    def wait(self) -> None:
        while not self.stop:
            self.ref.wait(self.ref.version, 0.001)

    def both(self) -> None:
        while not self.stop:
            transaction(self.ref, self.other).update(lambda a, b: (a + 1, share({"a": [a]})))
            type(self.ref).snapshot(self.ref, self.other)

    def open_and_close(self) -> None:
        while not self.stop:
            with self.other.watch(lambda old, new: None):
                self.other.set(share({"a": [2]}))

    def handles(self) -> None:
        shared = SharedMap(a=1)
        while not self.stop:
            assert Handle(shared, timeout=60).redeem() == shared
            SharedRef("forked", shared)
            SharedRef.unlink("forked")

    def end(self) -> None:
        self.stop = True
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive()
        for watch in self.watches:
            watch.close()


def in_a_child(work: Callable[[], None], *, by_sys_exit: bool = False) -> None:
    """Run in a forked child, which must end well; `by_sys_exit` as a program does, with no caller to return to."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            if status or not by_sys_exit:
                os._exit(status)
        sys.exit(0)
    deadline = time.monotonic() + 90
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, 6)
            os.waitpid(child, 0)
            raise AssertionError("the child hangs")
        time.sleep(0.001)
    assert ended[1] == 0, f"AssertionError: the child ended with {ended[1]}"


def go_on(traffic: Traffic) -> None:
    """What must work in the child of a fork, whatever the threads that it has not got were doing."""
    traffic.stop = True
    ref, other = traffic.ref, traffic.other
    version = ref.version
    ref.set(-1)
    assert ref.get() == -1
    assert ref.version == version + 1
    assert ref.update(lambda value: value - 1) == -2
    transaction(ref, other).set(-3, share({"child": 1}))
    assert type(ref).snapshot(ref, other) == (-3, share({"child": 1}))
    assert Handle(SharedMap(a=1)).redeem() == SharedMap(a=1)
    SharedRef("in the child", 1)
    SharedRef.unlink("in the child")
    assert not ref.wait(ref.version, 0.001)
    thread = threading.Thread(target=ref.set, args=(-4,))
    version = ref.version
    thread.start()
    assert ref.wait(version, 60)
    assert ref.get() == -4
    thread.join()
    eventually(lambda: traffic.seen and traffic.seen[-1] == -4)
    seen: list[Any] = []
    with ref.watch(lambda old, new: seen.append(new)):
        ref.set(-5)
        eventually(lambda: seen == [-5])


def fork_under_traffic(source: random.Random, kind: type, *, from_main: bool = True) -> None:
    traffic = Traffic(source, kind)
    for _ in range(CHILDREN):
        time.sleep(source.random() * 0.01)
        in_a_child(lambda: go_on(traffic), by_sys_exit=from_main and source.random() < 0.3)
    traffic.end()


@scenario()
def under_traffic_of_atomic_refs(source: random.Random) -> None:
    fork_under_traffic(source, AtomicRef)


@scenario()
def under_traffic_of_shared_refs(source: random.Random) -> None:
    fork_under_traffic(source, SharedRef)


@scenario()
def from_a_thread_under_traffic(source: random.Random) -> None:
    work = functools.partial(fork_under_traffic, source, source.choice(KINDS), from_main=False)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


@scenario()
def in_a_callback(source: random.Random) -> None:
    """The watch that forks goes on in both."""
    for kind in KINDS:
        ref, seen = kind(0), []

        def fork(old: Any, new: Any, ref: Any = ref, seen: list[Any] = seen) -> None:
            seen.append(new)
            if new != 1:
                return

            def child() -> None:
                ref.set(2)
                assert ref.get() == 2
                assert ref.update(lambda value: value + 1) == 3
                assert not ref.wait(ref.version, 0.001)

            in_a_child(child)

        with ref.watch(fork):
            ref.set(1)
            eventually(lambda seen=seen: seen == [1])
            ref.set(4)
            eventually(lambda seen=seen: seen == [1, 4])


@scenario()
def in_an_update(source: random.Random) -> None:
    for kind in KINDS:
        ref = kind(0)

        def fork(value: int, ref: Any = ref) -> int:
            def child() -> None:
                assert ref.get() == value
                done = threading.Thread(target=ref.set, args=(5,))
                done.start()
                done.join(60)
                assert ref.get() == 5

            in_a_child(child)
            return value + 1

        assert ref.update(fork) == 1
        assert ref.update(lambda value: value + 1) == 2


@scenario()
def while_a_callback_runs_elsewhere(source: random.Random) -> None:
    """In the child nobody is in that callback: the watch delivers again."""
    for kind in KINDS:
        ref, seen = kind(0), []
        entered, go_on = threading.Event(), threading.Event()

        def slow(old: Any, new: Any, seen: list[Any] = seen, entered: Any = entered, go_on: Any = go_on) -> None:
            seen.append(new)
            entered.set()
            go_on.wait(60)

        def child(ref: Any = ref, seen: list[Any] = seen, go_on: Any = go_on) -> None:
            go_on.set()
            ref.set(2)
            eventually(lambda: seen[-1] == 2)

        with ref.watch(slow):
            publisher = threading.Thread(target=ref.set, args=(1,))
            publisher.start()
            assert entered.wait(60)
            in_a_child(child)
            go_on.set()
            publisher.join()


@scenario()
def children_of_children(source: random.Random) -> None:
    traffic = Traffic(source, source.choice(KINDS))

    def deeper(depth: int) -> None:
        go_on(traffic)
        if depth:
            in_a_child(lambda: deeper(depth - 1))

    in_a_child(lambda: deeper(4))
    traffic.end()


@scenario()
def while_containers_are_made(source: random.Random) -> None:
    stop = threading.Event()

    def build() -> None:
        while not stop.is_set():
            shared = share({str(n): [n, "a text that needs a box"] for n in range(50)})
            shared.set("a", 1), Map(shared), shared.diff(shared.set("b", 2))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()

    def child() -> None:
        for _ in range(20):
            assert share({"a": [1]})["a"][0] == 1
            assert Map(a=1).set("b", 2) == {"a": 1, "b": 2}

    try:
        for _ in range(CHILDREN):
            time.sleep(source.random() * 0.01)
            in_a_child(child, by_sys_exit=source.random() < 0.3)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    sys.exit(main())
