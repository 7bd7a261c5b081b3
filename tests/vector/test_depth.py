"""Vectors made, sorted and merged by functions that do the same again: RecursionError in time, never a dead process."""

from __future__ import annotations

import json
import sys

import pytest
from support import run_python

from frozen import Vector

PROLOGUE = """
import json, sys
from frozen import Map, SharedVector, Vector

def outcome(function, *args):
    try:
        function(*args)
    except RecursionError:
        print("RecursionError")
    else:
        print("done")
"""
CONVERT = """
def convert(x):
    return {make}(map(convert, x)) if isinstance(x, list) else x

data = json.loads("[" * 480 + "]" * 480)
outcome(convert, data)
"""
EXTEND = """
def convert(x):
    if isinstance(x, list):
        m = Vector([0]).mutate()
        {edit}
        return m.finish()
    return x

data = json.loads("[" * 480 + "]" * 480)
outcome(convert, data)
"""
RAISED = """
sys.setrecursionlimit(100_000)
{definition}
outcome(nest, 0)
"""
NESTS = {
    "make": "def nest(x): return Vector(map(nest, [x]))",
    "extend": "def nest(x): return Vector([1] * 100).extend(map(nest, [x]))",
    "sort": "def nest(x): return Vector([x, x]).mutate().sort(key=nest)",
    "merge": "m = Map({i: i for i in range(40)})\ndef nest(*x): return m.merge(m, nest)",
    "merge of one": "m = Map({1: 2})\ndef nest(*x): return m.merge(m, nest)",
    "compare": "class Key:\n def __eq__(self, o): return nest(self)\n __hash__ = None\n"
    "def nest(x): return Vector([Key()]) == Vector([Key()])",
    "find": "class Key:\n def __eq__(self, o): return nest(self)\n __hash__ = None\n"
    "def nest(x): return Key() in Vector([Key()])",
    "hash": "class Key:\n def __hash__(self): return nest(self)\ndef nest(x): return hash(Vector([Key()]))",
}


def run(program: str, padding: int = 0) -> str:
    """What the program printed.  `padding` moves the place where its stack begins."""
    return run_python("-c", PROLOGUE + program, env={"PADDING": "x" * padding}).stdout.strip()


@pytest.mark.parametrize("padding", range(0, 17_000, 2800))
def test_nested_json_becomes_vectors_at_the_default_recursion_limit(padding: int):
    assert run(CONVERT.format(make="Vector"), padding) in ("done", "RecursionError")


@pytest.mark.parametrize("edit", ["m.extend(map(convert, x))", "m[0:1] = map(convert, x)", "m[::1] = map(convert, x)"])
def test_nested_json_extends_vectors_at_the_default_recursion_limit(edit: str):
    assert run(EXTEND.format(edit=edit)) in ("done", "RecursionError")


def test_nested_shared_vectors_are_made_at_the_default_recursion_limit():
    assert run(CONVERT.format(make="SharedVector")) in ("done", "RecursionError")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.11 leaves it to the user how much of the C stack is used")
@pytest.mark.parametrize("definition", NESTS.values(), ids=NESTS)
def test_a_raised_recursion_limit_ends_in_recursion_error(definition: str):
    assert run(RAISED.format(definition=definition)) == "RecursionError"


def test_a_few_hundred_levels_are_no_recursion_too_deep():
    def convert(x: object) -> object:
        return Vector(map(convert, x)) if isinstance(x, list) else x

    nested = convert(json.loads("[" * 100 + "]" * 100))
    for _ in range(99):
        (nested,) = nested
    assert nested == Vector()
