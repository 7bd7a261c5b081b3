"""Interpreters begin and end at random, while others read, publish, wait, watch, give names and redeem handles."""

from __future__ import annotations

import functools
import gc
import pickle
import random
import sys
import threading
import time
from typing import Any

from support import Subinterpreter, eventually, run_threads

from frozen import Handle, SharedMap, SharedRef, SharedVector, _core, share
from torture.processes import main, scenario

WORKERS, LIVES = 3, 8

COMMON = """
import random, time
from frozen import *
source = random.Random({seed})
table, count = SharedRef.attach("table"), SharedRef.attach("count")
"""

# What an interpreter does in its life: each of these some times, in any order. `done` is what it added to the count.
ACTS = {
    "read": "assert table.get()['n'] >= 0 and table.lookup('n') >= 0",
    "publish": "count.update(lambda value: value + 1); done += 1",
    "replace": "table.update(lambda value: value.set('n', value['n'] + 1).set('by', ('a text', source.random())))",
    "wait": "count.wait(count.version, 0.002)",
    "both": "transaction(count, table).update(lambda c, t: (c + 1, t.set('n', t['n'] + 1))); done += 1",
    "snapshot": "SharedRef.snapshot(table, count)",
    "watch": "watch = count.watch(lambda old, new: seen.append(new)); count.update(lambda value: value); watch.close()",
    "watches": "watches.append(table.watch(lambda old, new: seen.append(table.get()['n'])))",
    "close": "watches and watches.pop().close()",
    "name": "SharedRef(own := f'own {source.random()}', 1); kept.append(SharedRef.attach(own)); SharedRef.unlink(own)",
    "handle": "kept.append(SharedVector(range(100)).handle()); assert Handle(table.get()).redeem()['n'] >= 0",
    "keep": "kept.append(table.get()); kept.append(share({'a': [1, {2}]}))",
    "cycle": "loop = [table, AtomicRef(Map(a=[1]))]; loop.append(loop); loop[1].get()",
    "redeem": "import pickle; assert pickle.loads(letter).redeem().tolist() == [1, 2, 3]",
}


def life(source: random.Random, letter: bytes, *, close_watches: bool) -> tuple[str, int]:
    """The text of an interpreter's life, and how often it adds one to the count."""
    lines = [COMMON.format(seed=source.random()), "done, seen, watches, kept = 0, [], [], []", f"letter = {letter!r}"]
    names = source.choices(sorted(ACTS), k=source.randrange(5, 40))
    lines += [ACTS[name] for name in names]
    if close_watches:
        lines.append("for watch in watches: watch.close()")
    added = sum(name in ("publish", "both") for name in names)
    lines.append(f"assert done == {added}")
    return "\n".join(lines), added


class World:
    """What the interpreters share, and traffic in this one."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.table, self.count = SharedRef("table", SharedMap(n=0)), SharedRef("count", 0)
        self.ticket = Handle(SharedVector([1, 2, 3]), uses=2**31)
        self.letter = pickle.dumps(self.ticket)
        self.making = threading.Lock()  # CPython before 3.14 does not make two interpreters at once
        self.stop = threading.Event()
        self.seen: list[int] = []
        self.added = 0
        self.watch = self.count.watch(lambda old, new: self.seen.append(new))

    def traffic(self) -> int:
        """Until the interpreters are done: what was added to the count."""
        added = 0
        while not self.stop.is_set():
            self.count.update(lambda value: value + 1)
            added += 1
            assert self.table.get()["n"] >= 0
            self.table.update(lambda value: value.set("n", value["n"] + 1))
            self.count.wait(self.count.version, 0.001)
        return added

    def lives(self, seed: float, *, close_watches: bool) -> int:
        source, added = random.Random(seed), 0
        for _ in range(LIVES):
            text, adds = life(source, self.letter, close_watches=close_watches)
            with self.making:
                interpreter = Subinterpreter()
            try:
                interpreter.run(text)
                added += adds
            finally:
                with self.making:
                    interpreter.close()
        return added

    def end(self, added: int) -> None:
        self.watch.close()
        assert self.count.get() == added, f"{self.count.get()} of {added} updates were kept"
        assert self.seen == sorted(self.seen)
        _core._check(self.table.get())
        self.ticket.revoke()
        for name in ("table", "count"):
            SharedRef.unlink(name)


def run_world(source: random.Random, *, close_watches: bool) -> None:
    world = World(source)
    working = [True] * WORKERS

    def worker(index: int, seed: float) -> int:
        try:
            return world.lives(seed, close_watches=close_watches)
        finally:
            working[index] = False
            if not any(working):
                world.stop.set()

    works = [functools.partial(worker, index, source.random()) for index in range(WORKERS)]
    world.end(sum(run_threads(*works, world.traffic, timeout=170)))


def under_traffic(source: random.Random, *, close_watches: bool) -> None:
    gc.collect()
    before = _core._live_shared_nodes()
    run_world(source, close_watches=close_watches)
    eventually(lambda: threading.active_count() == 1)
    gc.collect()
    left = _core._live_shared_nodes() - before
    assert left == 0, f"{left} blocks of shared memory are left"


@scenario(since=(3, 12))
def they_close_their_watches(source: random.Random) -> None:
    under_traffic(source, close_watches=True)


@scenario(since=(3, 12))
def they_leave_watches_open(source: random.Random) -> None:
    under_traffic(source, close_watches=False)


@scenario(since=(3, 12))
def they_end_while_values_of_theirs_are_read(source: random.Random) -> None:
    """What an interpreter published outlives it, also where it was the only one to hold it."""
    ref = SharedRef("last words", share({"n": -1}))
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            value = ref.get()
            assert value["n"] == len(value) - 2 or value["n"] == -1
            time.sleep(0)

    def publish() -> None:
        try:
            for _ in range(LIVES):
                with Subinterpreter() as interpreter:
                    size = source.randrange(1, 200)
                    interpreter.run(
                        f"""
                        from frozen import SharedMap, SharedRef
                        value = SharedMap({{str(n): ("a text in a box", n) for n in range({size})}})
                        SharedRef.attach("last words").set(value.set("n", {size - 1}))
                        """
                    )
        finally:
            stop.set()

    run_threads(read, read, publish, timeout=170)


@scenario(since=(3, 12))
def they_are_left_to_the_end_of_the_process(source: random.Random) -> None:
    world = World(source)
    kept: list[Any] = []
    for _ in range(3):
        interpreter = Subinterpreter()
        interpreter.run(life(source, world.letter, close_watches=source.random() < 0.5)[0])
        kept.append(interpreter)
    sys.kept = kept, world  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
