"""Maps in interpreters with GILs of their own: each has its own types, and none disturbs the others."""

from __future__ import annotations

import pytest
from support import Subinterpreter, needs_subinterpreters, run_in_subinterpreter, run_threads

pytestmark = needs_subinterpreters

EVERYTHING = """
import copy, gc, pickle, weakref
from frozen import Map, _core

m = Map({f"key {index}": index for index in range(1000)}, extra=[1])
assert m["key 77"] == 77 and len(m) == 1001 and "absent" not in m
m = m.set("key 77", "changed").delete("key 5").discard("absent").update({"a": 1}, b=2) | {"c": 3}
assert m["key 77"] == "changed" and m["a"] == 1 and m["c"] == 3
with m.mutate() as mm:
    for index in range(2000):
        mm[index] = index
    del mm["a"]
m = mm.finish()
_core._check(m)
assert m == dict(m) and dict(m) == m
assert list(reversed(list(m))) == list(reversed(m))
assert m.keys() & {1, 2, -1} == {1, 2}
assert m.merge({1: 5}, max)[1] == 5
atoms = m.delete("extra")
assert hash(atoms) == hash(frozenset(atoms.items()))
assert pickle.loads(pickle.dumps(m)) == m
assert copy.deepcopy(m) == m and copy.copy(m) is m
assert repr(Map(a=1)) == "Map({'a': 1})"
assert weakref.ref(m)() is m
match Map(a=1):
    case {"a": 1, **rest}: assert rest == {}

class Sub(Map):
    pass

assert type(Sub(a=1)) is Sub and type(Sub(a=1).set("b", 2)) is Map

class Node:
    pass

node = Node()
node.map = Map(node=node)
reference = weakref.ref(node)
del node
gc.collect()
assert reference() is None
for wrong in (lambda: Map(1), lambda: m["absent"], lambda: mm.set(1, 2), lambda: hash(m)):
    try:
        wrong()
    except (TypeError, KeyError, ValueError):
        pass
    else:
        raise AssertionError(wrong)
"""


def test_everything_works_in_a_subinterpreter():
    run_in_subinterpreter(EVERYTHING)


def test_one_after_the_other():
    for _ in range(5):
        run_in_subinterpreter(EVERYTHING)


def test_many_alive_at_once():
    interpreters = [Subinterpreter() for _ in range(4)]
    try:
        for round in range(2):
            for interpreter in interpreters:
                interpreter.run(EVERYTHING if round == 0 else "assert m[1] == 1; m = m.set(1, 2); assert m[1] == 2")
    finally:
        for interpreter in interpreters:
            interpreter.close()


def test_at_the_same_time_as_each_other():
    run_threads(*[lambda: run_in_subinterpreter(EVERYTHING)] * 3)


def test_types_are_not_shared():
    from frozen import Map

    with Subinterpreter() as interpreter:
        interpreter.run(f"from frozen import Map; assert id(Map) != {id(Map)}")
        interpreter.run(f"assert id(Map()) != {id(Map())}, 'the empty map belongs to one interpreter'")


@pytest.mark.parametrize(
    "leftover",
    [
        "m = Map(a=[])",
        "m = Map({index: [index] for index in range(5000)}); versions = [m.set(index, 0) for index in range(100)]",
        "mm = Map(a=[]).mutate(); mm['self'] = mm",
        "i = iter(Map(a=[], b=1).items()); next(i)",
        "v = Map(a=[]).values()",
        "import frozen, sys; sys.keep = Map(a=frozen); frozen.m = Map(a=frozen._core)",
        "class Node:\n    def __del__(self): Map(a=1).set('b', [self]); self.m.set('x', 1)\nn = Node(); n.m = Map(n=n)",
        "import atexit; m = Map(a=[]); atexit.register(lambda: m.set('b', 1).mutate().finish())",
        "import builtins; builtins.kept = Map(a=Map(b=[])); builtins.kept_type = Map",
    ],
)
def test_an_interpreter_may_end_with_maps_alive(leftover):
    run_in_subinterpreter(f"from frozen import Map\n{leftover}")


def test_maps_of_the_main_interpreter_outlive_the_others():
    from frozen import Map, _core

    m = Map({index: [index] for index in range(500)})
    for _ in range(3):
        run_in_subinterpreter("from frozen import Map; m = Map({index: [index] for index in range(500)})")
        m = m.set("more", [m])
    _core._check(m)
    assert m[77] == [77]


def test_the_main_interpreter_works_while_others_come_and_go():
    from frozen import Map

    def work():
        m = Map()
        for index in range(3000):
            m = m.set(index, [index]).discard(index - 50)
        assert len(m) == 50

    run_threads(work, lambda: [run_in_subinterpreter(EVERYTHING) for _ in range(3)], work)
