"""Odd ends of a process: what is open, what still runs, what is asked for too late. Each has to end, soon and well."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import os
import random
import signal
import sys
import threading
import time
import weakref
from typing import Any, ClassVar

from support import Subinterpreter, eventually

import frozen
from frozen import AtomicRef, Map, SharedMap, SharedRef, SharedVector, freeze, share
from torture.processes import main, scenario

KINDS = (AtomicRef, SharedRef)


class Keeper:
    """What global variables of a module are at the end: alive for longer than the module that they use."""

    kept: ClassVar[list[Any]] = []


class Late:
    """Uses references when it is freed, which may be during the last collection of the process."""

    def __init__(self, ref: Any) -> None:
        self.ref, self.me = ref, self

    def __del__(self) -> None:
        # A module that is taken apart may miss anything by now; an error is one, a crash or a hang is not.
        with contextlib.suppress(Exception):
            self.ref.get(), self.ref.set(share({"late": [1, 2]})), self.ref.update(lambda value: (value,))
            self.ref.watch(print).close()
            self.ref.wait(self.ref.version, 0.001)


def publish_for_ever(ref: Any) -> threading.Thread:
    def work() -> None:
        while True:
            ref.update(lambda value: (value[0] + 1 if isinstance(value, tuple) else 0,))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def open_something(source: random.Random) -> list[Any]:
    """Some references with some watches, whose callbacks do something."""
    opened: list[Any] = []
    for _ in range(source.randrange(1, 5)):
        ref = source.choice(KINDS)(0)
        for _ in range(source.randrange(3)):
            opened.append(ref.watch(source.choice((lambda old, new: None, lambda old, new, ref=ref: ref.get()))))
        for _ in range(source.randrange(4)):
            ref.set(source.choice((1, "text", (1, 2), share({"a": [1]}))))
        opened.append(ref)
    return opened


@scenario()
def watches_are_open(source: random.Random) -> None:
    Keeper.kept = open_something(source)


@scenario()
def watches_are_open_in_local_variables_and_threads(source: random.Random) -> None:
    opened = open_something(source)
    threads = [threading.Thread(target=lambda: open_something(source)) for _ in range(3)]
    for thread in threads:
        thread.start()
    del opened


@scenario(status=3)
def sys_exit_with_watches(source: random.Random) -> None:
    Keeper.kept = open_something(source)
    sys.exit(3)


@scenario(status=1, expects="ZeroDivisionError")
def an_exception_ends_the_main_thread(source: random.Random) -> None:
    opened = open_something(source)
    assert opened
    raise ZeroDivisionError


@scenario(status=5)
def os_exit_under_traffic(source: random.Random) -> None:
    ref = source.choice(KINDS)((0,))
    threads = [publish_for_ever(ref) for _ in range(3)]
    Keeper.kept = [threads, ref.watch(lambda old, new: None)]
    time.sleep(source.random() * 0.1)
    os._exit(5)


@scenario()
def daemon_threads_publish(source: random.Random) -> None:
    ref = source.choice(KINDS)((0,))
    Keeper.kept = [publish_for_ever(ref) for _ in range(source.randrange(1, 4))]
    if source.random() < 0.5:
        Keeper.kept.append(ref.watch(lambda old, new: None))
    time.sleep(source.random() * 0.1)


@scenario()
def daemon_threads_wait(source: random.Random) -> None:
    refs = [kind(0) for kind in KINDS for _ in range(2)]
    for ref in refs:
        for _ in range(3):
            threading.Thread(target=ref.wait, args=(ref.version,), daemon=True).start()
    time.sleep(source.random() * 0.05)
    if source.random() < 0.5:
        refs[0].set(1)


@scenario()
def daemon_threads_build_and_read(source: random.Random) -> None:
    ref = SharedRef(SharedMap({n: str(n) for n in range(100)}))

    def work() -> None:
        while True:
            value = ref.get()
            ref.set(value.set(1, "x" * 100).update({str(n): n for n in range(50)}))
            Map(value.items()), SharedVector(value.values())[3:].append((1, "a text in a box"))

    for _ in range(3):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(source.random() * 0.1)


@scenario()
def threads_go_on_after_the_main_thread(source: random.Random) -> None:
    """Threads that are no daemons: they wait for each other's publications after the main thread has returned."""
    ref, count = source.choice(KINDS)(0), source.randrange(2, 5)

    def work(turn: int) -> None:
        for number in range(20):
            while (at := ref.version) < number * count + turn:
                assert ref.wait(at, 60)
            ref.update(lambda value: value + 1)

    for turn in range(count):
        threading.Thread(target=work, args=(turn,)).start()


@scenario()
def a_loop_awaits_after_the_main_thread(source: random.Random) -> None:
    ref, other = source.choice(KINDS)(0), source.choice(KINDS)(0)

    async def answer() -> None:
        for _ in range(10):
            value, _ = await ref.changed(other.version)
            other.set(value)

    def ask() -> None:
        for number in range(10):
            ref.set(number)
            assert other.wait(number, 60)

    threading.Thread(target=asyncio.run, args=(answer(),)).start()
    threading.Thread(target=ask).start()


@scenario(since=(3, 12))
def interpreters_are_left_open(source: random.Random) -> None:
    """Without a thread of theirs: CPython ends them with the process."""
    for _ in range(source.randrange(1, 4)):
        interpreter = Subinterpreter()
        interpreter.run(
            """
            from frozen import *
            kept = [SharedRef(SharedMap(a=1)), AtomicRef(Map(a=1)), share({"a": [1]}).handle()]
            kept[0].get(), kept[1].get()
            """
        )
        Keeper.kept.append(interpreter)


@scenario(since=(3, 12))
def watches_of_closed_interpreters(source: random.Random) -> None:
    ref = SharedRef("watched", 0)
    for _ in range(source.randrange(1, 4)):
        with Subinterpreter() as interpreter:
            interpreter.run(
                """
                from frozen import SharedRef
                ref = SharedRef.attach("watched")
                seen = []
                watch = ref.watch(lambda old, new: seen.append(new))
                ref.set(1)
                """
            )
            ref.set(source.random())
    Keeper.kept = [ref, ref.watch(lambda old, new: None)]


@scenario()
def exit_hooks_use_everything(source: random.Random) -> None:
    opened = open_something(source)

    def late() -> None:
        for thing in opened:
            if isinstance(thing, KINDS):
                thing.set(1), thing.get(), thing.update(lambda value: (value,)), thing.wait(0, 0)
            else:
                thing.close()
        assert freeze({"a": [1]}) == Map(a=frozen.Vector([1]))
        with contextlib.suppress(RuntimeError):  # an interpreter that ends takes no new watches
            SharedRef(0).watch(lambda old, new: None)
        AtomicRef(0).watch(lambda old, new: None)

    atexit.register(late)


@scenario()
def the_module_is_purged(source: random.Random) -> None:
    """What reloaders and test runners do: gone from sys.modules, imported anew, with watches open in both copies."""
    opened = open_something(source)
    for name in [name for name in sys.modules if name.partition(".")[0] == "frozen"]:
        if source.random() < 0.9:
            del sys.modules[name]
    if source.random() < 0.7:
        import frozen as again

        Keeper.kept = [again.SharedRef(again.SharedMap(a=1)), again.AtomicRef(again.Map(a=1))]
        with contextlib.suppress(TypeError):  # of a copy of the core that this copy of the layer does not know
            Keeper.kept += [ref.watch(lambda old, new: None) for ref in Keeper.kept]
            for ref in Keeper.kept[:2]:
                ref.set(1)
    Keeper.kept.append(opened)
    gc.collect()


@scenario()
def everything_is_set_to_none(source: random.Random) -> None:
    """What the interpreter itself does with the variables of modules when it ends, but in another order."""
    Keeper.kept = open_something(source)
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "frozen"]
    hidden = [(module, name) for module in modules for name in vars(module) if not name.startswith("__")]
    for module, name in source.sample(hidden, source.randrange(len(hidden) // 4)):
        if module is not frozen._core and module.__name__ != "frozen._watching":
            setattr(module, name, None)


@scenario()
def finalizers_use_references_at_the_end(source: random.Random) -> None:
    refs = [kind(None) for kind in KINDS]
    Keeper.kept = [Late(source.choice(refs)) for _ in range(5)] + [refs]
    AtomicRef(Late(refs[0])), AtomicRef(Map(late=Late(refs[1])))
    sys.late = Late(refs[0])  # type: ignore[attr-defined]  # goes with the module sys, last of all
    finalizers = [weakref.finalize(refs[0], refs[1].set, 1)]
    assert all(finalizer.alive for finalizer in finalizers)


@scenario()
def sys_exit_in_a_callback(source: random.Random) -> None:
    """Of a watch: what an AtomicRef's set() does with it is the publisher's to see; a SharedRef's thread goes on."""
    for kind in KINDS:
        ref = kind(0)
        Keeper.kept.append(ref.watch(lambda old, new: sys.exit(7)))
        hook, sys.unraisablehook = sys.unraisablehook, lambda report: None
        with contextlib.suppress(SystemExit):
            ref.set(1)
        if kind is SharedRef:
            seen: list[Any] = []
            with ref.watch(lambda old, new, seen=seen: seen.append(new)):
                ref.set(2)
                eventually(lambda seen=seen: seen and seen[-1] == 2)
        sys.unraisablehook = hook
    Keeper.kept[0].close(), Keeper.kept[1].close()


@scenario(status=9)
def os_exit_in_a_callback(source: random.Random) -> None:
    ref = source.choice(KINDS)(0)
    with ref.watch(lambda old, new: os._exit(9)):
        ref.set(1)
        time.sleep(60)


@scenario(status=4)
def sys_exit_inside_an_update(source: random.Random) -> None:
    ref = source.choice(KINDS)(0)
    Keeper.kept = [ref, publish_for_ever(SharedRef((0,)))]
    ref.update(lambda value: sys.exit(4))


@scenario(status=1, expects="KeyboardInterrupt")
def interrupted_main_while_all_is_open(source: random.Random) -> None:
    opened = open_something(source)
    ref = source.choice(KINDS)(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(source.random() * 0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        ref.wait(ref.version, 60)
    except KeyboardInterrupt as error:
        assert opened
        raise RuntimeError("KeyboardInterrupt") from error


@scenario(status=-signal.SIGTERM)
def terminated_while_threads_wait(source: random.Random) -> None:
    Keeper.kept = open_something(source)
    daemon_threads_wait(source)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)


@scenario()
def a_loop_is_closed_under_its_waiters(source: random.Random) -> None:
    ref = source.choice(KINDS)(0)
    loop = asyncio.new_event_loop()

    async def listen() -> None:
        async for _ in ref.changes():
            pass

    tasks = [loop.create_task(listen()) for _ in range(5)]
    threading.Thread(target=lambda: [ref.set(n) for n in range(100)]).start()
    loop.run_until_complete(asyncio.sleep(source.random() * 0.01))
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    ref.set(-1)


if __name__ == "__main__":
    sys.exit(main())
