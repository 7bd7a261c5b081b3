"""Maps in maps, 100,000 deep: RecursionError where recursion is natural, a crash nowhere.

Each program runs in a process of its own, so that a crash is a clean failure.
"""

from __future__ import annotations

import textwrap

import pytest
from support import run_python

PREAMBLE = """
import gc, sys, threading
from frozen import Map, _core

DEPTH = 100_000

def nest(innermost, depth=DEPTH, wrap=lambda m: Map(m=m)):
    m = Map(value=innermost)
    for _ in range(depth):
        m = wrap(m)
    return m

def may_recurse(function, *arguments):
    "The result, or RecursionError; nothing else."
    try:
        return function(*arguments)
    except RecursionError:
        return RecursionError
"""

PROGRAMS = {
    "dealloc of atoms": "m = nest(1); del m",
    "dealloc of tracked maps": "m = nest([]); del m",
    "dealloc from the middle": """
        m = nest([])
        middle = m
        for _ in range(DEPTH // 2):
            middle = middle["m"]
        del m
        assert "m" in middle
        del middle
    """,
    "dealloc through lists": "m = nest(1, wrap=lambda m: Map(m=[m])); del m",
    "dealloc through tuples": "m = nest(1, wrap=lambda m: Map(m=(m,))); del m",
    "dealloc through keys": "m = nest(1, DEPTH // 100, wrap=lambda m: Map({(m,): 1})); del m",
    "dealloc of wide maps": "m = nest([], 20_000, wrap=lambda m: Map(dict.fromkeys(range(40), 0)).set('m', m)); del m",
    "dealloc of a mutation": """
        mm = nest([]).mutate()
        mm["x"] = 1
        del mm
    """,
    "dealloc through mutations": """
        m = Map()
        for _ in range(DEPTH):
            mm = Map().mutate()
            mm["m"] = m
            m = mm
        del m, mm
    """,
    "dealloc through views": "m = nest(1, wrap=lambda m: Map(m=m.values())); del m",
    "dealloc through iterators": "m = nest(1, wrap=lambda m: Map(m=iter(m.items()))); del m",
    "dealloc of an attribute's subclass": """
        class Sub(Map):
            pass
        m = nest([], wrap=lambda m: Sub(m=m))
        del m
    """,
    "dealloc in a thread": """
        threading.stack_size(4 * 1024 * 1024)
        holder = [nest([])]
        thread = threading.Thread(target=holder.clear)
        thread.start()
        thread.join()
        assert holder == []
    """,
    "repr": "m = nest(1); may_recurse(repr, m)",
    "repr of views": "m = nest(1); may_recurse(repr, m.values()); may_recurse(repr, m.mutate())",
    "equality": "a, b = nest(1), nest(1); may_recurse(lambda: a == b)",
    "inequality": "a, b = nest(1), nest(2); assert may_recurse(lambda: a == b) in (False, RecursionError)",
    "equality with the same map": "m = nest(1); assert m == m and m == Map(m=m['m'])",
    "equality of both families": """
        from frozen import Set, SharedMap, SharedSet, SharedVector, Vector
        for local, shared in (
            (lambda m: Map(m=m), lambda m: SharedMap(m=m)),
            (lambda m: Map(m=(m,)), lambda m: SharedMap(m=(m,))),
            (lambda m: Vector([m]), lambda m: SharedVector([m])),
        ):
            one, other = local(1), shared(1)
            for _ in range(DEPTH):
                one, other = local(one), shared(other)
            may_recurse(lambda: one == other)
            may_recurse(lambda: other == one)
        one, other = Set([1]), SharedSet([1])
        for _ in range(DEPTH):
            one, other = Set([one]), SharedSet([other])
            hash(one), hash(other)
        may_recurse(lambda: one == other)
        may_recurse(lambda: other == one)
    """,
    "equality with dict": "a, b = nest(1), nest(1); may_recurse(lambda: a == dict(b))",
    "hash": "m = nest(1); may_recurse(hash, m)",
    "hash, built step by step": """
        m = Map(value=1)
        for _ in range(DEPTH):
            m = Map(m=m)
            hash(m)
        assert hash(m) == hash(frozenset(m.items()))
    """,
    "hash, unhashable inside": """
        m = nest([])
        try:
            hash(m)
        except (TypeError, RecursionError):
            pass
        else:
            raise AssertionError("hashed a list")
    """,
    "collection": "m = nest([]); gc.collect(); gc.collect(); del m; gc.collect()",
    "collection of a cycle": """
        end = []
        m = nest(end)
        end.append(m)
        del m, end
        gc.collect()
    """,
    "union and merge": """
        a, b = nest(1), nest(2)
        assert len(a | b) == 1
        merge = lambda old, new: old.merge(new, merge) if isinstance(old, Map) else new
        may_recurse(a.merge, b, merge)
    """,
    "pickle and deepcopy": """
        import copy, pickle
        m = nest(1)
        may_recurse(pickle.dumps, m)
        may_recurse(copy.deepcopy, m)
    """,
    "check and dump": "m = nest([]); _core._check(m); assert _core._dump(m)",
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_deep_nesting(program):
    run_python("-c", PREAMBLE + textwrap.dedent(program))


def test_moderate_nesting_needs_no_recursion_error():
    run_python(
        "-c",
        PREAMBLE
        + """
a, b = nest(1, 150), nest(1, 150)
assert a == b and hash(a) == hash(b) and repr(a) == repr(b)
assert eval(repr(nest(1, 20))) == nest(1, 20)
""",
    )
