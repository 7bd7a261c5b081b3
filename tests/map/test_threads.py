"""Many threads, one set of maps: racing readers, derivers, iterators, droppers, and mutations that they share.

Meant for free-threaded builds; on the others a tiny switch interval makes the GIL change hands within operations that
call back into Python. A second or so each; FROZEN_STRESS_SECONDS=seconds makes every test run that long.
"""

from __future__ import annotations

import gc
import itertools
import os
import time
from collections.abc import Callable, Iterator

import pytest
from keys import HashKey, colliding
from support import run_threads, switch_interval

from frozen import AtomicRef, Map, _core

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "0.6"))
THREADS = 4


class Clock:
    """Ends the rounds of all threads: after SECONDS, or as soon as one has failed, so that a failure shows at once."""

    def __init__(self) -> None:
        self.end = time.monotonic() + SECONDS
        self.failed = False

    def rounds(self) -> Iterator[int]:
        for number in itertools.count():
            if self.failed or (time.monotonic() > self.end and number > 0):
                return
            yield number


def race(*bodies: Callable[[int], object]) -> None:
    """Call every body over and over, each in a thread of its own, with the number of the round."""
    clock = Clock()

    def looping(body):
        def loop():
            try:
                for number in clock.rounds():
                    body(number)
            except BaseException:
                clock.failed = True
                raise

        return loop

    with switch_interval():
        run_threads(*map(looping, bodies), timeout=120 + 2 * SECONDS)


MAPS = {
    "atoms": {f"key {index}": index for index in range(1000)},
    "lists": {index: [index] for index in range(1000)},
    "hash keys": {HashKey(index % 200, index): (index, []) for index in range(400)},
    "small": {"a": 1, "b": []},
}
every_map = pytest.mark.parametrize("contents", MAPS.values(), ids=MAPS.keys())


@every_map
def test_readers(contents):
    m = Map(contents)

    def read(number):
        for key, value in contents.items():
            assert m[key] is value
        assert "absent" not in m
        assert m.get("absent", number) is number
        assert len(m) == len(contents)

    race(*[read] * THREADS)
    _core._check(m)


@every_map
def test_iterators(contents):
    m = Map(contents)

    def iterate(number):
        seen = dict(m.items() if number % 2 else reversed(m.items()))
        assert len(seen) == len(list(m)) == len(contents)
        assert all(seen[key] is value for key, value in contents.items())

    race(*[iterate] * THREADS)


@every_map
def test_one_iterator_shared(contents):
    """Every entry goes to exactly one thread."""
    m = Map(contents)
    clock_rounds = range(max(1, int(20 * SECONDS)))
    with switch_interval():
        for number in clock_rounds:
            iterator = iter(m.items()) if number % 2 else reversed(m.items())
            parts = run_threads(*[lambda iterator=iterator: list(iterator)] * THREADS)
            together = [item for part in parts for item in part]
            assert len(together) == len(contents)
            assert dict(together) == contents


@every_map
def test_derivers(contents):
    """Every thread derives its own versions from one map; none sees the others', and the map stays as it was."""
    m = Map(contents)

    def derive(thread):
        mine = ("mine", thread)

        def body(number):
            version = m
            for index, key in enumerate(contents):
                if index % 3 == 0:
                    version = version.delete(key)
                elif index % 3 == 1:
                    version = version.set(key, mine)
                if index > 100:
                    break
            version = version.set(mine, [thread])
            _core._check(version)
            assert version[mine] == [thread]
            assert sum(1 for key in version if isinstance(key, tuple)) == 1
            assert all(value == mine or value is m[key] for key, value in version.items() if key != mine)

        return body

    race(*map(derive, range(THREADS)))
    assert dict(m) == contents
    _core._check(m)


@every_map
def test_everything_that_combines_maps(contents):
    m = Map(contents)
    other = m.set("other", 1)

    def combine(number):
        assert m | other == other
        assert m.merge(other, lambda old, new: new) == other
        assert m != other
        assert other.discard("other") == m
        assert m.update({"other": 1}) == other
        assert Map(dict(m)) == m
        assert m.keys() < other.keys()

    race(*[combine] * THREADS)


def test_hashing_one_map_at_once():
    """The caches in the nodes are filled by all threads together."""

    def body(number):
        m = Map({index: str(index) for index in range(2000)})
        expected = hash(frozenset(m.items()))
        assert run_threads(*[lambda: hash(m)] * THREADS) == [expected] * THREADS
        versions = [m.set(index, "changed") for index in range(THREADS)]
        assert run_threads(*[lambda v=v: hash(v) for v in versions]) == [hash(frozenset(v.items())) for v in versions]

    with switch_interval():
        for number in range(max(2, int(4 * SECONDS))):
            body(number)


def test_droppers():
    """Versions that share most of their nodes are handed between threads, and whoever has the last one frees it."""
    slots = [Map({index: [index] for index in range(500)})] * 8

    def work(thread):
        def body(number):
            m = slots[(number * 7 + thread) % len(slots)]
            for index in range(20):
                m = m.set((thread * 131 + number + index) % 700, [number]).discard((number * 17 + index) % 700)
            slots[(number * 5 + thread) % len(slots)] = m
            _core._check(m)

        return body

    race(*map(work, range(THREADS)))
    for m in slots:
        _core._check(m)
        assert len(m) == len(dict(m))


def test_publishing_through_a_reference():
    """Every version that a reader gets is whole: all its parts carry one number."""
    ref = AtomicRef(Map.fromkeys(range(200), 0))

    def write(number):
        if number % 2:
            ref.set(Map.fromkeys(range(200), number))
        else:
            with ref.get().mutate() as mm:
                for key in range(200):
                    mm[key] = number
            ref.set(mm.finish())

    def read(number):
        m = ref.get()
        first = m[0]
        assert all(value == first for value in m.values())
        assert len(m) == 200

    race(write, *[read] * (THREADS - 1))


def test_updates_through_a_reference_are_not_lost():
    ref = AtomicRef(Map(a=0, b=0))
    counts = [0] * THREADS

    def work(thread):
        def body(number):
            ref.update(lambda m: m.set("a", m["a"] + 1).set("b", m["b"] + 1))
            counts[thread] += 1

        return body

    race(*map(work, range(THREADS)))
    assert ref.get() == {"a": sum(counts), "b": sum(counts)}


# One mutation, several threads: each call takes effect as a whole or raises.


@pytest.mark.parametrize("start", [Map(), Map(MAPS["atoms"]), Map(MAPS["lists"])], ids=["empty", "atoms", "lists"])
def test_one_mutation_edited_by_all(start):
    mm = start.mutate()

    def edit(thread):
        def body(number):
            key = (thread, number % 50)
            mm[key] = number
            assert mm[key] == number
            assert key in mm
            mm.set((thread, "set"), [number])
            mm.update({(thread, "update"): number})
            if number % 3 == 0:
                assert mm.pop(key) == number
                assert mm.get(key) is None
            mm.discard(("shared", number % 7))
            mm[("shared", number % 11)] = thread

        return body

    race(*map(edit, range(THREADS)))
    m = mm.finish()
    _core._check(m)
    assert len(m) == len(dict(m))
    assert all(m[key] is value for key, value in start.items())
    assert all(m[thread, "set"] for thread in range(THREADS))
    _core._check(start)


def test_one_mutation_with_colliding_keys_of_slow_equality():
    keys = [HashKey(5, index) for index in range(30)]
    mm = Map(dict.fromkeys(colliding(10), 0)).mutate()

    def edit(thread):
        def body(number):
            key = keys[(number * 7 + thread) % len(keys)]
            mm.set(key, number)
            mm.discard(keys[(number + thread) % len(keys)])
            mm.get(key)

        return body

    race(*map(edit, range(THREADS)))
    m = mm.finish()
    _core._check(m)
    assert set(m) <= set(keys)


def test_a_mutation_is_finished_once():
    def round(number):
        mm = Map.fromkeys(range(50), 0).mutate()

        def edit_until_finished(thread):
            done = 0
            try:
                for index in range(200):
                    mm[(thread, index)] = index
                    done += 1
            except ValueError:
                pass
            return done

        def finish():
            results = [mm.finish() for _ in range(3)]
            assert results[0] is results[1] is results[2]
            return results[0]

        *counts, one, other = run_threads(
            *[lambda thread=thread: edit_until_finished(thread) for thread in range(THREADS - 1)], finish, finish
        )
        assert one is other is mm.finish()
        _core._check(one)
        assert len(one) == len(dict(one))
        for thread, count in enumerate(counts):
            found = sum((thread, index) in one for index in range(200))
            assert found == count, "an edit either raised or is in the map"

    with switch_interval():
        for number in range(max(3, int(30 * SECONDS))):
            round(number)


def test_edits_of_a_mutation_never_show_in_the_maps_around_it():
    base = Map({index: [index] for index in range(500)})
    expected = dict(base)
    mm = base.mutate()

    def edit(number):
        key = number % 500
        mm[key] = "edited"
        mm.discard((key * 7) % 500)

    def watch(number):
        assert base[number % 500] is expected[number % 500]
        if number % 50 == 0:
            assert dict(base) == expected

    def derive(number):
        assert base.set("x", number)["x"] == number

    race(edit, edit, watch, derive)
    assert dict(base) == expected
    _core._check(base)


# The collector


def test_collecting_while_others_work():
    base = Map({index: [index] for index in range(300)})

    class Node:
        pass

    def cycle(number):
        node = Node()
        node.map = base.set("node", node)
        node.mutation = node.map.mutate()
        node.mutation["again"] = node
        node.iterator = iter(node.map.items())
        next(node.iterator)

    def collect(number):
        gc.collect(number % 3)

    def read(number):
        assert base[number % 300] == [number % 300]
        assert sum(len(value) for value in base.values()) == 300

    race(cycle, collect, read, cycle)
    _core._check(base)


def test_views_and_weak_references():
    import weakref

    slot = [Map({index: [index] for index in range(100)})]

    def replace(number):
        slot[0] = slot[0].set(number % 100, [number])

    def look(number):
        m = slot[0]
        reference = weakref.ref(m)
        assert reference() is m
        assert len(m.keys() | {"x"}) == 101
        assert (number % 100) in m.keys()  # noqa: SIM118
        del m
        reference()

    race(replace, look, look)


def test_pairs_may_be_edited_while_a_map_is_made_of_them():
    """On a free-threaded build another thread's edit must not free the key or value that is just taken."""
    pair = [HashKey(0), object()]

    def edit(number: int) -> None:
        pair[0] = HashKey(number)
        pair[1] = object()

    def read(_: int) -> None:
        for m in (Map([pair]), Map().update([pair]), Map(iter([pair]))):
            ((key, value),) = m.items()
            assert type(key) is HashKey
            assert type(value) is object

    race(edit, read, read, read)
