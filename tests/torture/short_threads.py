"""Thousands of threads that live for a moment: what a thread keeps of a reference ends with the thread."""

from __future__ import annotations

import gc
import random
import sys
import threading
from typing import Any

from support import run_threads

from frozen import AtomicRef, Map, SharedMap, SharedRef, _core, share, transaction
from torture.processes import main, scenario

THREADS = 10_000
AT_ONCE = 16


class Payload:
    """Counts those that are alive, as versions and as values."""

    alive = 0
    lock = threading.Lock()

    def __init__(self) -> None:
        with Payload.lock:
            Payload.alive += 1

    def __del__(self) -> None:
        with Payload.lock:
            Payload.alive -= 1


def refs_of(source: random.Random) -> list[Any]:
    """More than the 32 headers that a thread keeps."""
    refs: list[Any] = [AtomicRef(Map(payload=Payload(), n=0)) for _ in range(source.randrange(1, 40))]
    return refs + [SharedRef(SharedMap(n=0)) for _ in range(source.randrange(1, 5))]


def live(refs: list[Any], source: random.Random, counts: list[int]) -> None:
    """A short life: some reads, perhaps a publication."""
    for _ in range(source.randrange(1, 6)):
        ref = source.choice(refs)
        kind = source.random()
        if kind < 0.5:
            assert ref.get()["n"] >= 0
            assert ref.lookup("n") >= 0
        elif kind < 0.7:
            index = refs.index(ref)
            ref.update(lambda value: value.set("n", value["n"] + 1))
            with Payload.lock:
                counts[index] += 1
        elif kind < 0.8 and isinstance(ref, AtomicRef):
            ref.update(lambda value: value.set("payload", Payload()))
        elif kind < 0.9:
            ref.wait(ref.version, 0.0001)
        else:
            transaction(*source.sample(refs, min(3, len(refs)))).get()


def lives(source: random.Random, count: int) -> None:
    refs = refs_of(source)
    counts = [0] * len(refs)
    while count > 0:
        seeds = [source.random() for _ in range(AT_ONCE)]
        run_threads(*(lambda seed=seed: live(refs, random.Random(seed), counts) for seed in seeds))
        count -= AT_ONCE
    assert [ref.get()["n"] for ref in refs] == counts
    for ref in refs:
        _core._check(ref.get())


@scenario()
def thousands_read_and_publish(source: random.Random) -> None:
    before = _core._live_shared_nodes()
    for count in (THREADS // 10, THREADS // 10 * 9):
        lives(source, count)
        for _ in range(3):
            gc.collect()
        assert Payload.alive == 0, f"{Payload.alive} values outlive their references"
        assert _core._live_shared_nodes() == before


@scenario()
def references_end_before_their_readers(source: random.Random) -> None:
    """And readers before their references, in turns."""
    for _ in range(THREADS // AT_ONCE // 8):
        refs = refs_of(source)
        barrier = threading.Barrier(AT_ONCE + 1)

        def read(seed: float, refs: list[Any] = refs, barrier: Any = barrier) -> None:
            mine = list(refs)
            random.Random(seed).shuffle(mine)
            for ref in mine:
                ref.get()
            del ref
            mine.clear()
            barrier.wait(60)  # here the last reference to each of them goes, in some thread
            other = AtomicRef(Map(a=Payload()))
            other.get(), other.set(share({"a": [1]})), other.get()

        threads = [threading.Thread(target=read, args=(source.random(),)) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        refs.clear()
        barrier.wait(60)
        for thread in threads:
            thread.join()
    for _ in range(3):
        gc.collect()
    assert Payload.alive == 0, f"{Payload.alive} values outlive their references"


@scenario()
def a_thread_ends_in_the_middle_of_others(source: random.Random) -> None:
    """Long readers and publishers go on while short ones come and go."""
    ref, stop, reads = AtomicRef(Map(n=0)), threading.Event(), [0, 0]

    def reader(index: int) -> None:
        last = 0
        while not stop.is_set():
            value = ref.get()["n"]
            assert value >= last
            last = value
            reads[index] += 1

    def publisher() -> int:
        done = 0
        while not stop.is_set():
            ref.update(lambda value: value.set("n", value["n"] + 1))
            done += 1
        return done

    def short() -> int:
        done = 0
        for _ in range(THREADS // 20):
            thread = threading.Thread(target=lambda: (ref.get(), ref.update(lambda v: v.set("n", v["n"] + 1))))
            thread.start()
            thread.join()
            done += 1
        stop.set()
        return done

    done = run_threads(lambda: reader(0), lambda: reader(1), publisher, short)
    assert ref.get()["n"] == done[2] + done[3] == ref.version


if __name__ == "__main__":
    sys.exit(main())
