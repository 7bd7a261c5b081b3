"""Is a recorded history of concurrent calls one that a sequential object could have produced?

Wing & Gong (1993), "Testing and verifying concurrent objects", with the memory of Lowe (2017): search for an order of
the calls that respects real time (a call that returned before another began comes first) and in which each result is
the one the sequential model gives. Exponential in the worst case; histories are small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call: what was called, what it returned, and when."""

    name: str
    arguments: tuple[Hashable, ...]
    result: Hashable
    began: int
    returned: int

    def __str__(self) -> str:
        return f"[{self.began}, {self.returned}] {self.name}{self.arguments} -> {self.result}"


class Recorder:
    """Makes calls and keeps what came of them; one for each thread."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def call(self, name: str, arguments: tuple[Hashable, ...], function: Callable[[], Hashable]) -> Hashable:
        began = time.perf_counter_ns()
        result = function()
        self.calls.append(Call(name, arguments, result, began, time.perf_counter_ns()))
        return result


Model = Callable[[Any, str, tuple[Any, ...]], tuple[Hashable, Hashable]]
"""(state, name, arguments) -> (the next state, the result)."""


def is_linearizable(history: list[Call], model: Model, state: Hashable) -> bool:
    calls = sorted(history, key=lambda call: call.began)
    everything = (1 << len(calls)) - 1
    seen: set[tuple[int, Hashable]] = set()

    def search(done: int, state: Hashable) -> bool:
        if done == everything:
            return True
        if (done, state) in seen:
            return False
        seen.add((done, state))
        waiting = [i for i in range(len(calls)) if not done >> i & 1]
        first_return = min(calls[i].returned for i in waiting)
        for i in waiting:
            if calls[i].began > first_return:
                break  # somebody returned before this one and all later ones began
            following, result = model(state, calls[i].name, calls[i].arguments)
            if result == calls[i].result and search(done | 1 << i, following):
                return True
        return False

    return search(0, state)
