"""SharedAtomicMap against a dict; under several threads; and between interpreters.

In one case of three, a differential run in one thread. In one, threads loose on few keys. In one (3.12 and later),
three interpreters of which each has a GIL of its own: what went in comes out once, and the shared memory is given back.
"""

from __future__ import annotations

import functools
import gc
import sys
from typing import Any

from support import Subinterpreter, run_threads

from frozen import SharedAtomicCounter, SharedAtomicMap, _core
from torture import harness
from torture.atomic_maps import compare_with_dict, race

KEYS = ["a", "a key that needs a box", 1, 1 << 70, ("a tuple", 2), b"bytes", *range(2, 30)]

LIFE = """
import random
from frozen import *
source, keys = random.Random({seed!r}), {keys!r}
m, adds = SharedAtomicMap.attach("torture"), SharedAtomicCounter.attach("torture")
came, kept = [], []
for number in range({first}, {first} + {count}):
    key = source.choice(keys)
    match source.randrange(9):
        case 0 | 1 | 2:
            came.append(m.exchange(key, ("number", number), ABSENT))
        case 3 | 4:
            came.append(m.pop(key, ABSENT))
        case 5:
            m.add("sum", number)
            adds.add(number)
        case 6:
            kept.append(m.snapshot())
        case 7:
            old = m.get(key)
            if old is not None and m.compare_and_set(key, old, ABSENT):
                came.append(old)
        case 8:
            if (old := m.get(key)) is not None:
                assert old[0] == "number", old
for value in came:
    if value is not ABSENT:
        m.update("out", lambda out, n: out + (n,), value[1], default=())
"""


def between_interpreters(case: harness.Case) -> None:
    gc.collect()
    before = _core._live_shared_nodes()
    m: Any = SharedAtomicMap("torture", {})
    adds = SharedAtomicCounter("torture", 0)
    source, count = case.random("interpreters"), 150
    interpreters = [Subinterpreter() for _ in range(3)]
    lives = [
        LIFE.format(seed=source.random(), keys=KEYS, first=1000 * i, count=count) for i in range(len(interpreters))
    ]
    run_threads(*[functools.partial(one.run, life) for one, life in zip(interpreters, lives, strict=True)])
    for interpreter in interpreters:
        interpreter.close()
    for name in (SharedAtomicMap, SharedAtomicCounter):
        name.unlink("torture")
    left = m.drain()
    _core._check(left)
    assert left.get("sum", 0) == adds.take(), "an addition was lost"
    out = [*left.get("out", ()), *(value[1] for key, value in left.items() if key not in ("sum", "out"))]
    assert len(out) == len(set(out)), "a value came out twice"
    del m, adds, left
    gc.collect()
    assert _core._live_shared_nodes() == before, "shared memory is left"


def run_case(case: harness.Case) -> None:
    match case.number % 3:
        case 0:
            compare_with_dict(case, SharedAtomicMap)
        case 1:
            race(case, SharedAtomicMap)
        case _ if sys.version_info >= (3, 12):
            between_interpreters(case)


if __name__ == "__main__":
    sys.exit(harness.main(run_case, steps=200))
