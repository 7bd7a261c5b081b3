"""Vectors as objects among others: the collector, reference counts, nesting, threads, other interpreters."""

from __future__ import annotations

import contextlib
import copy
import functools
import gc
import itertools
import operator
import pickle
import sys
import textwrap
import weakref

import pytest
from support import (
    assert_no_leak,
    needs_subinterpreters,
    run_in_subinterpreter,
    run_python,
    run_threads,
    switch_interval,
)

from frozen import Map, Set, SharedVector, Vector
from frozen._core import _check


class Plain(Vector):
    """A subclass: its objects are larger, and CPython's own to free."""


class Node:
    """Something that can be part of a cycle and whose end can be watched."""


# The collector

ATOMS = [1, 2**100, "text", b"bytes", 1.5, 1j, True, None, (), (1, "a"), Map(a=1), Vector([1])]


@pytest.mark.parametrize("size", [0, 1, 12, 40, 2000])
def test_a_vector_of_atoms_is_not_tracked(size):
    vector = Vector(ATOMS[index % len(ATOMS)] for index in range(size))
    mutation = vector.mutate()
    mutation.extend(ATOMS)
    for result in (vector, vector.append(1), vector + vector, vector.insert(size // 2, "x"), mutation.finish()):
        assert not gc.is_tracked(result)
        assert not gc.is_tracked(result[1:])


@pytest.mark.parametrize(
    "value", [[], {}, Node(), ([],), Map(a=[]), Vector([[]])], ids=lambda value: type(value).__name__
)
def test_what_can_be_part_of_a_cycle_makes_a_vector_tracked(value):
    atoms = Vector(range(2000))
    mutation = atoms.mutate()
    mutation[1000] = value
    tail = atoms.mutate()
    tail.append(0)
    tail.append(value)
    results = [Vector([value]), atoms.append(value), atoms.set(7, value), atoms.insert(1500, value)]
    results += [
        atoms + Vector([value]),
        Vector([value]) + atoms,
        atoms.extend([value]),
        mutation.finish(),
        tail.finish(),
    ]
    for result in results:
        assert gc.is_tracked(result)
        assert gc.is_tracked(result.append(1))
        assert gc.is_tracked(Vector([result]))


def cycles():
    """Objects that only a cycle through a vector keeps alive."""

    def through(make):
        node = Node()
        node.vector = make(node)
        return node

    atoms = Vector(range(2000))
    yield lambda: through(lambda node: Vector([node]))
    yield lambda: through(lambda node: atoms.append(node))
    yield lambda: through(lambda node: atoms.set(1000, node))
    yield lambda: through(lambda node: (atoms.insert(500, node), atoms.insert(500, node).delete(0)))
    yield lambda: through(lambda node: Vector([node]) * 5000)
    yield lambda: through(lambda node: iter(atoms.append(node)))

    def mutation(node):
        vector = atoms.mutate()
        vector[3] = node
        vector.append(node)
        vector.append(vector)
        return vector

    yield lambda: through(mutation)
    yield lambda: through(lambda node: mutation(node).finish())


@pytest.mark.parametrize("make", [*cycles()])
def test_cycles_are_collected(make):
    gc.disable()
    try:
        reference = weakref.ref(make())
        for _ in range(3):
            gc.collect()
        assert reference() is None
    finally:
        gc.enable()


def test_what_versions_share_survives_the_collector():
    node = Node()
    old = Vector(range(2000)).set(5, node)
    new = old.set(1500, [old])
    garbage = [new.append(0)]
    garbage.append(garbage)
    del garbage, new
    gc.collect()
    _check(old)
    assert old[5] is node


def test_elements_end_with_the_last_vector():
    node = Node()
    reference = weakref.ref(node)
    vector = Vector(range(100)).append(node)
    older = vector.pop()
    mutation = vector.mutate()
    del node
    assert mutation.pop() is reference()
    del vector
    assert reference() is None
    assert len(older) == 100


# References and memory


def fail(*_):
    raise KeyError


def failing(length):
    yield from range(length)
    fail()


OPERATIONS = {
    "build": lambda v: (Vector(v.tolist()), Vector(iter(v)), Vector(v)),
    "read": lambda v: [v[0], v[-1], v[5:], v[::3], v.tolist(), v.totuple(), list(v), list(reversed(v))],
    "append and pop": lambda v: v.append([]).append([]).pop().pop().pop(),
    "set": lambda v: [v.set(index, [index]) for index in range(0, len(v), 7)],
    "insert and delete": lambda v: [v.insert(index, []).delete(index // 2) for index in range(0, len(v), 7)],
    "concat": lambda v: (v + v[3:] + v) * 3,
    "extend": lambda v: v.extend(v.tolist()),
    "compare": lambda v: (v == v.set(3, None), v < v.append(1), hash(v[:3]), 5 in v, v.count(5)),
    "copy": lambda v: (copy.deepcopy(v), pickle.loads(pickle.dumps(v)), repr(v)),
    "iterators": lambda v: [next(iter(v)), next(reversed(v)), pickle.dumps(iter(v))],
    "errors": lambda v: [swallow(operation, v) for operation in ERRORS],
    "mutation": lambda v: mutated(v).finish(),
    "abandoned mutation": lambda v: mutated(v),
}

ERRORS = [
    lambda v: v[len(v)],
    lambda v: v.set(len(v), []),
    lambda v: Vector(failing(100)),
    lambda v: v.extend(failing(100)),
    lambda v: v.mutate().extend(failing(5)),
    lambda v: v.mutate().__setitem__(slice(0, 9, 2), [1]),
    lambda v: v.index("absent"),
    lambda v: v.mutate().remove("absent"),
    lambda v: operator.add(v, []),
]


def swallow(operation, vector):
    with pytest.raises((IndexError, KeyError, ValueError, TypeError)):
        operation(vector)


def mutated(vector):
    mutation = vector.mutate()
    for index in range(70):
        mutation.append([index])
        mutation[index] = [index]
        mutation.insert(index * 2, index)
    for _ in range(100):
        mutation.pop()
    mutation.pop(3)
    mutation.remove(mutation[5])
    mutation[3:8] = [[], []]
    mutation[::4] = mutation[::4].tolist()
    del mutation[::5]
    mutation.reverse()
    mutation.sort(key=id)
    return mutation


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("make", [lambda index: index, lambda index: [index]], ids=["atoms", "lists"])
def test_no_operation_keeps_memory(operation, make):
    vector = Vector(make(index) for index in range(150))
    if operation is OPERATIONS["compare"] and gc.is_tracked(vector):
        vector = Vector((index, Node) for index in range(150))
    assert_no_leak(lambda: operation(vector))


@pytest.mark.parametrize("iterate", [iter, reversed])
def test_an_iterator_is_tracked_as_its_vector_is(iterate):
    assert not gc.is_tracked(iterate(Vector(range(100))))
    assert gc.is_tracked(iterate(Vector([[]])))
    assert gc.is_tracked(iterate(Plain(range(100))))


@pytest.mark.parametrize("iterate", [iter, reversed])
@pytest.mark.parametrize("make", [lambda: Vector(range(100)), lambda: Vector([[]] * 100), lambda: SharedVector([1])])
def test_a_dead_iterator_gives_up_its_vector_and_its_place(make, iterate):
    """Iterators and containers are made of each other's blocks."""

    def take_turns():
        vector = make()
        iterator = iterate(vector)
        next(iterator)
        reference = weakref.ref(vector)
        del vector
        assert reference() is not None
        del iterator
        assert reference() is None
        assert list(iterate(make())) == list(iterate(list(make())))

    assert_no_leak(take_turns)


# Memory used again: blocks of the dead serve the next objects of their size


@pytest.mark.parametrize("make", [Map, Set, Vector, Plain])
@pytest.mark.parametrize(
    "made_before", [lambda: Vector([[]]), lambda: Map(a=[]), lambda: Set("ab"), lambda: Plain([1])]
)
def test_a_header_that_is_used_again_begins_anew(made_before, make):
    dead = made_before()
    reference = weakref.ref(dead)
    with contextlib.suppress(TypeError):
        hash(dead)
    del dead
    assert reference() is None
    new = make([])
    assert gc.is_tracked(new) == (make is Plain)
    assert weakref.getweakrefs(new) == []
    assert (hash(new), new) == (hash(make()), make())


@pytest.mark.parametrize("types", [(Map, Set), (Set, Vector), (Vector, Map)], ids=lambda types: types[0].__name__)
def test_a_header_of_one_type_that_becomes_another_ones_counts_for_that(types):
    """Each spare holds its type: what stays behind is bounded, for each of the two, however often they take turns."""

    def turns(count):
        for _ in range(count):
            made = [types[0]([("a", "b")]) for _ in range(40)]
            del made
            made = [types[1]([("a", "b")]) for _ in range(40)]
            del made
        return [sys.getrefcount(type) for type in types]

    assert turns(2) == turns(200)


FORGET_THE_MODULE = """
def forget_the_module():
    import gc, sys, typing

    for name in [name for name in sys.modules if name.partition(".")[0] == "frozen"]:
        del sys.modules[name]
    typing.clear_overloads()  # they are functions of the package, and so know its names
    gc.collect()
    gc.collect()  # what an untracked container refers to goes after it
"""


def test_the_dead_do_not_keep_the_module():
    run_python(
        "-c",
        FORGET_THE_MODULE
        + """if True:
        import weakref
        from frozen import Map, Set, Vector

        kept = [kind([(index, "value")] * 40) for index in range(40) for kind in (Map, Set, Vector)]
        del kept
        references = [weakref.ref(kind) for kind in (Map, Set, Vector)]
        del Map, Set, Vector
        forget_the_module()
        assert [reference() for reference in references] == [None] * 3
    """,
    )


@pytest.mark.parametrize("make", ["Map(a=1)", "Set('a')", "Vector('a')", "Map(a=Vector([Set([1])]))", "Vector([[]])"])
def test_containers_and_their_module_end_together(make):
    """In whichever order the collector takes types, module and containers apart."""
    run_python(
        "-c",
        FORGET_THE_MODULE
        + f"""if True:
        import weakref
        from frozen import Map, Set, Vector

        class Holder:
            pass

        filler = [{make} for _ in range(40)]
        holder = Holder()
        holder.held, holder.itself = [{make} for _ in range(40)], holder
        reference = weakref.ref(Map)
        del filler, holder, Map, Set, Vector
        forget_the_module()
        assert reference() is None
    """,
    )


def test_little_is_kept_of_a_large_vector():
    elements = [object()] * 100_000
    before = sys.getallocatedblocks()
    vector = Vector(elements)
    assert sys.getallocatedblocks() > before + 3000 or before == 0
    del vector
    assert sys.getallocatedblocks() < before + 500


# Nesting

NEST = """
import gc
from frozen import Vector

DEPTH = 100_000

def nest(innermost, wrap=lambda v: Vector([v])):
    v = Vector([innermost])
    for _ in range(DEPTH):
        v = wrap(v)
    return v

def may_recurse(function, *arguments):
    try:
        return function(*arguments)
    except RecursionError:
        return RecursionError
"""

NESTED = {
    "dealloc": "v = nest(1); del v",
    "dealloc of tracked vectors": "v = nest([]); del v",
    "dealloc of long vectors": "v = nest([], lambda v: filler.set(5, v)); del v",
    "dealloc through lists": "v = nest(1, lambda v: Vector([[v]])); del v",
    "hash": "v = nest(1); may_recurse(hash, v)",
    "repr": "v = nest(1); may_recurse(repr, v)",
    "comparison": "v, w = nest(1), nest(1); may_recurse(v.__eq__, w); may_recurse(v.__lt__, w)",
    "collection": "v = nest([]); gc.collect(); v[0][0].mutate().append(v); del v; gc.collect()",
}


@pytest.mark.parametrize("program", NESTED.values(), ids=NESTED)
def test_deep_nesting(program):
    run_python("-c", NEST + "filler = Vector(range(40))\n" + textwrap.dedent(program) + "\nprint('end')")


# Threads


def hammer(*functions, times=60):
    """Each function in a thread of its own, many times, switching as often as can be."""

    def repeat(function):
        def body():
            for _ in range(times):
                function()

        return body

    with switch_interval():
        run_threads(*map(repeat, functions))


@pytest.mark.parametrize(
    "vector", [Vector(range(3000)), Vector([index] for index in range(3000))], ids=["atoms", "lists"]
)
def test_threads_derive_from_one_vector(vector):
    expected = vector.tolist()

    def derive():
        derived = vector.insert(1000, "x").delete(5).append("y")[3:] + vector[:100]
        _check(derived)
        assert derived[996] == "x"
        with vector.mutate() as mutation:
            for index in range(0, 3000, 50):
                mutation[index] = []
        assert mutation.finish() != vector

    def read():
        assert list(vector) == expected
        assert vector == vector.set(0, vector[0]) == Vector(expected)

    hammer(derive, derive, read, times=20)
    assert vector.tolist() == expected


def test_threads_share_a_mutation():
    mutation = Vector(range(1000)).mutate()
    counts = [0, 0]

    def tolerate(operation):
        def body():
            with contextlib.suppress(IndexError, ValueError):
                operation()

        return body

    def append():
        counts[0] += 1
        mutation.append([1])

    def read():
        _check(mutation[:])
        repr(mutation[:3])
        assert mutation != 5

    def edit():
        mutation[7] = []
        mutation[3:5] = [1, 2, 3]
        mutation.insert(500, None)
        del mutation[::97]

    def take():
        mutation.pop()
        mutation.pop(0)
        mutation.remove(900)

    hammer(append, *map(tolerate, (read, edit, take, mutation.reverse, lambda: mutation.sort(key=id))), times=150)
    assert counts[0] == 150
    _check(mutation.finish())


def test_every_append_of_every_thread_arrives():
    mutation = Vector().mutate()

    def appender(name):
        def body():
            for index in range(2000):
                mutation.append((name, index))

        return body

    with switch_interval():
        run_threads(*map(appender, range(4)))
    result = mutation.finish()
    _check(result)
    assert len(result) == 8000
    for name in range(4):
        assert [index for who, index in result if who == name] == list(range(2000))


def test_finish_races_with_edits():
    def race():
        mutation = Vector(range(100)).mutate()
        results = []

        def edit():
            try:
                for index in range(1000):
                    mutation.append(index)
                    mutation[index % 100] = None
            except ValueError:
                results.append(mutation.finish())

        def finish():
            results.append(mutation.finish())

        run_threads(edit, finish, edit)
        assert len({id(result) for result in results}) == 1
        before = results[0].tolist()
        _check(results[0])
        assert before == results[0].tolist()

    with switch_interval():
        for _ in range(20):
            race()


def test_each_element_of_a_shared_iterator_goes_to_one_thread():
    for make in (iter, reversed):
        iterator = make(Vector(range(5000)))
        parts = run_threads(*[functools.partial(list, iterator)] * 4)
        assert sorted(itertools.chain(*parts)) == list(range(5000))


# Other interpreters


@needs_subinterpreters
def test_everything_works_in_a_subinterpreter():
    run_in_subinterpreter("""
        import copy, gc, pickle
        from frozen import Vector, _core
        v = Vector(range(3000)).insert(50, []).append("x")
        _core._check(v)
        assert v[50] == [] and v[:50] + v[51:-1] == Vector(range(3000))
        with v.mutate() as m:
            m[0] = m[50]
            m.extend(v)
        assert len(m.finish()) == 6004
        assert pickle.loads(pickle.dumps(v)) == v and copy.copy(v) is v
        assert list(reversed(v)) == list(v)[::-1]
        assert hash(v[:10]) == hash(Vector(range(10)))
        match v[:2]:
            case [0, 1]: pass
        gc.collect()
    """)


# What changes nothing


@pytest.mark.parametrize("vector", [Vector, SharedVector])
@pytest.mark.parametrize("length", [0, 1, 40, 3000])
def test_a_mutation_that_changes_nothing_finishes_as_the_very_vector(vector, length):
    v = vector(range(length))
    assert v.mutate().finish() is v
    mutation = v.mutate()
    for index in range(0, length, 7):
        mutation[index] = v[index]
    assert mutation.finish() is v
    edited = v.mutate()
    edited.append(1)
    del edited[-1]
    assert edited.finish() == v


def test_a_mutation_that_was_edited_keeps_nothing_of_the_vector_it_came_from():
    class Element:
        pass

    first = Element()
    gone = weakref.ref(first)
    v = Vector([first, *range(100)])
    mutation = v.mutate()
    mutation[0] = None
    del v, first
    gc.collect()
    assert gone() is None
    assert mutation[0] is None
