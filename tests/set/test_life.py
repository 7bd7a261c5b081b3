"""A Set's life: collector, references, nesting, threads, subinterpreters."""

from __future__ import annotations

import copy
import gc
import itertools
import operator
import os
import pickle
import time
import weakref

import pytest
from keys import Crash, HashKey, HashKeyCrasher, colliding
from support import assert_no_leak, needs_subinterpreters, run_in_subinterpreter, run_python, run_threads

from frozen import AtomicRef, Set, _core

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "0.6"))
ATOMS = Set(f"member {index}" for index in range(300))
HASHED = Set([*colliding(4), *map(HashKey, range(60))])
OTHER = Set([HashKey(index // 2, index % 2 or None) for index in range(80)])


def test_a_set_of_atoms_is_not_tracked():
    for s in (Set(), Set(range(1000)), ATOMS, Set([(1, "a"), None, 2.5]), ATOMS.add("x"), ATOMS | {1}):
        assert not gc.is_tracked(s)
    for s in (Set([HashKey(1)]), ATOMS.add(HashKey(1)), ATOMS | {(HashKey(1),)}):
        assert gc.is_tracked(s)


def test_a_cycle_through_a_member_is_collected():
    class Node:
        pass

    node = Node()
    node.set = Set([node, *range(100)])
    node.mutation = node.set.mutate()
    node.iterator = iter(node.set)
    reference = weakref.ref(node)
    del node
    gc.collect()
    assert reference() is None


OPERATIONS = {
    "construct": lambda s: [Set(list(s)), Set(iter(s)), Set(frozenset(s)), Set()],
    "in": lambda s: [member in s for member in s] + ["absent" in s, {1} in s],
    "add": lambda s: [s.add((index,)) for index in range(50)],
    "remove": lambda s: [s.remove(member) for member in s],
    "operators": lambda s: [
        op(a, b)
        for op in (operator.or_, operator.and_, operator.sub, operator.xor)
        for a, b in [(s, OTHER), (OTHER, s), (s, set(OTHER)), (set(OTHER), s), (s, s), (s, {1})]
    ],
    "methods": lambda s: [
        s.union([1], [2]),
        s.intersection(list(OTHER)),
        s.difference([1]),
        s.symmetric_difference([]),
    ],
    "compare": lambda s: [s == OTHER, s <= OTHER, s == set(s), s.isdisjoint(OTHER), s.issubset(list(s))],
    "hash and repr": lambda s: [hash(s), repr(s)],
    "copies": lambda s: [pickle.loads(pickle.dumps(s)), copy.deepcopy(s), list(iter(s))],
    "mutation": lambda s: [m := s.mutate(), m.update(range(40)), m.discard(3), m.add("x"), m.finish(), repr(m)],
    "dropped mutation": lambda s: s.mutate().update(range(40)),
}


@pytest.mark.parametrize("subject", [ATOMS, HASHED], ids=["atoms", "hashed"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_leaks(name, subject):
    assert_no_leak(lambda: OPERATIONS[name](subject))


def test_no_failure_leaks():
    def fail():
        fresh = [HashKey(5, index) for index in range(4)]
        with HashKeyCrasher(on_eq=True):
            for op in (operator.or_, operator.and_, operator.sub, operator.xor, operator.le):
                with pytest.raises(Crash):
                    op(HASHED, OTHER)
            for action in (HASHED.add, HASHED.remove, HASHED.discard, HASHED.mutate().add):
                with pytest.raises(Crash):
                    action(fresh[0])
        with pytest.raises(TypeError):
            Set([1, 2, []])
        with pytest.raises(TypeError):
            HASHED.union([1], [[]])

    assert_no_leak(fail)


@pytest.mark.parametrize("action", ["hash(s)", "repr(s)", "s == other", "gc.collect()"])
def test_deep_nesting_is_no_crash(action):
    run_python(
        "-c",
        f"""
import gc
from frozen import Set
def nest():
    s = Set()
    for _ in range(100_000):
        s = Set.__new__(Set, [Wrapped(s)])
    return s
class Wrapped:
    __slots__ = ("inner",)
    def __init__(self, inner): self.inner = inner
    def __hash__(self): return 1
s, other = nest(), nest()
try:
    {action}
except RecursionError:
    pass
del s, other
gc.collect()
""",
    )


def test_many_threads_read_derive_and_drop():
    ref = AtomicRef(Set(range(500)))
    end = time.monotonic() + SECONDS

    def read():
        while time.monotonic() < end:
            s = ref.get()
            assert len(s) == sum(1 for _ in s)
            assert s >= Set(range(100))

    def derive(salt):
        for number in itertools.count():
            if time.monotonic() > end:
                return
            s = ref.update(lambda s, number=number: s.add((salt, number)).discard((salt, number - 20)))
            assert (s | {salt}) - s <= {salt}
            _core._check(s)

    run_threads(read, read, lambda: derive(1), lambda: derive(2))


def test_one_mutation_shared_by_threads_never_tears():
    m = Set([HashKey(index % 40, index) for index in range(200)]).mutate()
    end = time.monotonic() + SECONDS

    def work(salt):
        for number in itertools.count():
            if time.monotonic() > end:
                return
            m.add(HashKey(number % 50, salt))
            m.discard(HashKey((number - 7) % 50, salt))
            m.update([number % 30, salt])
            assert salt in m

    run_threads(*[lambda salt=salt: work(salt) for salt in "abc"])
    s = m.finish()
    _core._check(s)
    assert set("abc") <= set(s)


@needs_subinterpreters
def test_in_a_subinterpreter():
    run_in_subinterpreter(
        """
from frozen import Set, _core
import pickle
s = Set(range(1000)) | {"a", (1, 2)}
_core._check(s)
assert pickle.loads(pickle.dumps(s)) == s
with s.mutate() as m:
    m.add("b")
assert m.finish() - s == {"b"}
"""
    )
