"""count(): what it adds is what collections.Counter counts, to either kind of atomic map, each key once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import AtomicMap, SharedAtomicMap

both = pytest.mark.parametrize("make", [AtomicMap, SharedAtomicMap])

KEYS = st.one_of(
    st.text(max_size=3),
    st.integers(-3, 3),
    st.integers().map(lambda n: n << 40),  # hashes that differ in their upper bits only
    st.booleans(),
    st.floats(allow_nan=False, width=16),
    st.binary(max_size=2),
    st.tuples(st.integers(0, 2), st.text(max_size=1)),
    st.none(),
)


@both
@given(before=st.lists(KEYS, max_size=20), keys=st.lists(KEYS, max_size=200))
def test_it_adds_what_a_counter_counts(make, before, keys):
    m = make(Counter(before))
    m.count(keys)
    expected = Counter(before)
    expected.update(keys)
    assert m == dict(expected)
    assert list(map(type, sorted(m, key=repr))) == list(map(type, sorted(expected, key=repr)))


@both
def test_it_takes_any_iterable_of_any_size(make):
    m = make()
    m.count(str(i % 1000) for i in range(70_000))
    assert len(m) == 1000
    assert set(m.values()) == {70}
    m.count({"0": "a key of a dict"})
    m.count([])
    m.count("0")
    assert m["0"] == 72
    m.count(range(5_000))
    assert m[4_999] == 1
    assert len(m) == 6_000


def test_each_key_is_added_to_once():
    m = AtomicMap()
    m.count("abracadabra")
    assert m.version == 5


@both
def test_an_error_among_the_keys_leaves_the_map_as_it_was(make):
    m = make({"a": 1})

    def keys():
        yield "a"
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        m.count(keys())
    with pytest.raises(TypeError, match="unhashable"):
        m.count(["a", []])
    with pytest.raises(TypeError, match="not iterable"):
        m.count(5)
    assert m == {"a": 1}
    assert m.version == 0


@both
def test_a_value_that_is_no_number_ends_it(make):
    m = make({"b": "text"})
    with pytest.raises(TypeError):
        m.count("abc")
    assert m == {"a": 1, "b": "text"}  # what came before is counted


def test_numbers_of_any_kind_are_added_to():
    m = AtomicMap({"big": 2**70, "half": 0.5})
    m.count(["big", "half", "big"])
    assert m == {"big": 2**70 + 2, "half": 1.5}


class Awkward:
    """A key whose comparison counts in the map, at first, and at last raises."""

    def __init__(self, m, limit):
        self.m, self.left = m, limit

    def __hash__(self):
        return 7

    def __eq__(self, other):
        self.left -= 1
        if self.left == 0:
            raise ValueError("no more")
        if self.left > 900:
            self.m.count(["inner"])
        return self is other


def test_keys_that_compare_in_python_may_use_the_map():
    m = AtomicMap()
    keys = [Awkward(m, 1000) for _ in range(5)]
    m.count(keys * 2)
    assert [m[key] for key in keys] == [2] * 5
    assert m["inner"] > 0


def test_a_comparison_that_raises_ends_it():
    m = AtomicMap()
    keys = [Awkward(m, 3) for _ in range(5)]
    with pytest.raises(ValueError, match="no more"):
        m.count(keys)
    assert len(m) == 0
