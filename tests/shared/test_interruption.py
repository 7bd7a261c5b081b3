"""Signals while a large value is read."""

from __future__ import annotations

import signal
import sys

import pytest

from frozen import SharedMap

SIZE = 300_000


class Interrupt(Exception):
    pass


def read_until_a_signal(shared: SharedMap[str, object]) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while True:
        shared["key"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.skipif(sys.getallocatedblocks() == 0, reason="counts what CPython's allocator has")
@pytest.mark.parametrize("of", [tuple, frozenset])
@pytest.mark.parametrize("start", [0, 10**9], ids=["numbers", "texts"])
def test_reading_a_large_value_is_interrupted_in_the_middle(of, start):
    made: list[int] = []

    def interrupt(*_: object) -> None:
        made.append(sys.getallocatedblocks() - before)
        raise Interrupt

    shared = SharedMap(key=of(str(start + n) if start else 1000 + n for n in range(SIZE)))
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(200):  # until the signal comes in the middle
            before = sys.getallocatedblocks()
            with pytest.raises(Interrupt):
                read_until_a_signal(shared)
            if 1000 < made[-1] < SIZE - 1000:
                break
        else:
            pytest.fail(f"never interrupted in the middle: {made}")
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert len(shared["key"]) == SIZE
