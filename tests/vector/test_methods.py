"""Vector and VectorMutation: every operation against what tuple and list do, and the errors, word by word."""

from __future__ import annotations

import bisect
import copy
import operator
import pickle
import sys
import weakref
from collections.abc import MutableSequence, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import SharedVector, Vector
from frozen._core import _chain, _check

BORDERS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 1055, 1056, 1057, 2000, 33000]
"""Lengths around those at which a leaf, a tail and a level are full."""


@pytest.fixture(params=[Vector, SharedVector], ids=lambda cls: cls.__name__, scope="module")
def vector_type(request):
    """What is true of a vector over either memory."""
    return request.param


lengths = st.integers(0, 150) | st.sampled_from(BORDERS[:-2])
bounds = st.none() | st.integers(-170, 170)


def checked(vector: Vector) -> Vector:
    _check(vector)
    return vector


# Construction and reading


@pytest.mark.parametrize("length", BORDERS)
def test_a_vector_holds_what_the_iterable_yields(vector_type, length):
    expected = list(range(length))
    for source in (
        expected,
        tuple(expected),
        iter(expected),
        range(length),
        dict.fromkeys(expected),
        vector_type(expected),
    ):
        vector = checked(vector_type(source))
        assert len(vector) == length
        assert list(vector) == vector.tolist() == expected
        assert vector.totuple() == tuple(expected)
        assert list(reversed(vector)) == expected[::-1]
        assert bool(vector) == bool(expected)


@pytest.mark.parametrize("length", BORDERS[1:])
def test_indices_count_from_both_ends(vector_type, length):
    name = vector_type.__name__
    vector = vector_type(range(length))
    for index in {0, 1, length // 2, length - 2, length - 1} & set(range(length)):
        assert vector[index] == index
        assert vector[index - length] == index
    for index in (length, -length - 1, sys.maxsize, -sys.maxsize):
        with pytest.raises(IndexError, match=f"{name} index {index} out of range for length {length}"):
            vector[index]


def test_elements_are_the_very_objects():
    objects = [object() for _ in range(100)]
    assert all(map(operator.is_, Vector(objects), objects))


def test_wrong_arguments_name_the_type(vector_type):
    name = vector_type.__name__
    vector = vector_type([1, 2])
    with pytest.raises(TypeError, match=f"{name} indices must be integers or slices, not str"):
        vector["0"]
    with pytest.raises(TypeError, match=rf'can only concatenate {name} \(not "list"\) to {name}'):
        operator.add(vector, [3])
    with pytest.raises(TypeError, match=rf'can only concatenate list \(not "frozen.{name}"\) to list'):
        operator.add([3], vector)
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        vector_type(3)
    with pytest.raises(TypeError, match="keyword"):
        vector_type(iterable=[])
    with pytest.raises(TypeError, match=rf"{name}\(\) takes 0 to 1 arguments \(2 given\)"):
        vector_type([], [])
    with pytest.raises(TypeError, match="does not support item assignment"):
        vector[0] = 1
    with pytest.raises(TypeError, match="not supported between"):
        vector < (1, 2)  # noqa: B015
    with pytest.raises(IndexError, match=f"pop from an empty {name}"):
        vector_type().pop()
    with pytest.raises(ValueError, match=f"3 is not in {name}"):
        vector.index(3)


def test_an_iterable_that_fails_leaves_nothing_behind(vector_type):
    def broken(count):
        yield from range(count)
        raise KeyError("enough")

    for length in BORDERS[:-1]:
        with pytest.raises(KeyError, match="enough"):
            vector_type(broken(length))
        with pytest.raises(KeyError, match="enough"):
            vector_type(range(50)).extend(broken(length))


# Derived vectors


@given(length=lengths, start=bounds, stop=bounds, step=bounds.filter(lambda step: step != 0))
def test_slices(vector_type, length, start, stop, step):
    expected = list(range(length))[start:stop:step]
    assert checked(vector_type(range(length))[start:stop:step]).tolist() == expected


@given(length=lengths, start=bounds, stop=bounds, more=lengths)
def test_slices_of_concatenations(vector_type, length, start, stop, more):
    expected = list(range(length)) + list(range(more))
    vector = checked(vector_type(range(length)) + vector_type(range(more)))
    assert vector.tolist() == expected
    assert checked(vector[start:stop]).tolist() == expected[start:stop]
    assert checked(vector[start:] + vector[:stop]).tolist() == expected[start:] + expected[:stop]


@given(length=lengths, index=st.integers(-200, 200))
def test_insert_set_delete(vector_type, length, index):
    name = vector_type.__name__
    expected = list(range(length))
    vector = vector_type(expected)
    inserted = list(expected)
    inserted.insert(index, "new")
    assert checked(vector.insert(index, "new")).tolist() == inserted
    if -length <= index < length:
        expected[index] = "new"
        assert checked(vector.set(index, "new")).tolist() == expected
        del expected[index]
        assert checked(vector.delete(index)).tolist() == expected
    else:
        for operation in (vector.delete, lambda index: vector.set(index, None), vector.__getitem__):
            with pytest.raises(IndexError, match=f"{name} index {index} out of range for length {length}"):
                operation(index)
    assert vector.tolist() == list(range(length))


@given(length=lengths, start=bounds, stop=bounds)
def test_delete_a_range(vector_type, length, start, stop):
    expected = list(range(length))
    del expected[start:stop]
    assert checked(vector_type(range(length)).delete(start, stop)).tolist() == expected


def test_append_and_pop_one_by_one(vector_type):
    vector, versions = vector_type(), []
    for number in range(2100):
        versions.append(vector)
        vector = vector.append(number)
    checked(vector)
    for number, version in reversed(list(enumerate(versions))):
        assert vector[-1] == number
        vector = vector.pop()
        assert vector == version
        assert len(vector) == number


@given(length=st.integers(0, 70), times=st.integers(-2, 40))
def test_repeat(vector_type, length, times):
    vector = vector_type(range(length))
    assert checked(vector * times).tolist() == checked(times * vector).tolist() == list(range(length)) * times


def test_repeating_shares_structure(vector_type):
    huge = vector_type([7]) * sys.maxsize
    assert len(huge) == sys.maxsize
    assert huge[0] == huge[-1] == huge[sys.maxsize // 2] == 7
    assert sys.getsizeof(huge) < 1_000_000
    assert huge[5 : sys.maxsize // 3 : 1][-1] == 7


def test_what_would_be_too_long_is_refused(vector_type):
    huge = vector_type([7]) * sys.maxsize
    for operation in (
        lambda: huge.append(1),
        lambda: huge + vector_type([1]),
        lambda: huge.extend(vector_type([1])),
        lambda: huge.insert(0, 1),
        lambda: vector_type([1, 2]) * sys.maxsize,
        lambda: huge * 2,
        lambda: huge.mutate().append(1),
        lambda: huge.mutate().extend([1]),
        lambda: huge.mutate().insert(5, 1),
    ):
        with pytest.raises(OverflowError, match=r"longer than sys\.maxsize"):
            operation()
    with pytest.raises(OverflowError):
        vector_type([1]) * (sys.maxsize + 1)


def test_what_cannot_fit_into_memory_is_refused_at_once(vector_type):
    huge = vector_type([7]) * 2**45
    mutation = huge.mutate()
    for operation in (
        lambda: huge[::2],
        lambda: huge.tolist(),
        lambda: (SharedVector if vector_type is Vector else Vector)(huge),
        lambda: mutation.__setitem__(slice(0, 1), huge[::-1]),
        lambda: mutation.__delitem__(slice(None, None, 2)),
    ):
        with pytest.raises(MemoryError):
            operation()
    assert len(mutation) == len(mutation.finish()) == 2**45


def test_what_changes_nothing_returns_self(vector_type):
    for vector in (vector_type(), vector_type([1]), vector_type(range(50)), vector_type(range(5000))):
        assert vector_type(vector) is vector
        assert vector[:] is vector
        assert vector[0 : len(vector)] is vector
        assert vector * 1 is vector
        assert vector + vector_type() is vector
        assert vector.extend(vector_type()) is vector
        assert vector.delete(3, 3) is vector
        assert vector.copy() is copy.copy(vector) is copy.deepcopy(vector) is vector
        if vector:
            assert vector_type() + vector is vector
            assert vector.set(-1, vector[-1]) is vector


def test_a_list_that_changes_while_it_is_read(vector_type):
    source = [1, 2, 3]

    class Treacherous:
        def __iter__(self):
            for number in range(100):
                source.clear()
                yield number

    assert vector_type(Treacherous()).tolist() == list(range(100))


# Comparison and hash


@given(a=st.lists(st.integers(0, 2), max_size=6), b=st.lists(st.integers(0, 2), max_size=6), same=lengths)
def test_order_is_that_of_tuples(vector_type, a, b, same):
    left, right = [0] * same + a, [0] * same + b
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(vector_type(left), vector_type(right)) == compare(left, right)
    if left == right:
        assert hash(vector_type(left)) == hash(vector_type(right))


@given(length=lengths, cut=st.integers(0, 1100))
def test_equal_vectors_of_different_shape(vector_type, length, cut):
    one = vector_type(range(length))
    other = one[:cut] + one[cut:]
    assert one == other
    assert hash(one) == hash(other)
    if length:
        assert one != other.set(cut % length, None)
        assert hash(one) != hash(other.set(cut % length, None))


def test_equality_is_identity_first_and_with_vectors_only():
    nan = float("nan")
    assert Vector([nan]) == Vector([nan])
    assert Vector([nan]) != Vector([float("nan")])
    assert Vector([1]) != [1]
    assert Vector([1]) != (1,)
    assert Vector() != ()


def test_comparing_related_versions_looks_at_what_differs_only():
    class Counted:
        calls = 0

        def __eq__(self, other):
            Counted.calls += 1
            return self is other

        __hash__ = None

    vector = Vector(Counted() for _ in range(10_000))
    changed = vector.set(5000, Counted())
    assert vector != changed
    assert Counted.calls == 1
    assert vector.insert(7000, 1).delete(7000) == vector
    assert Counted.calls == 1


def test_errors_of_the_elements_surface():
    class Broken:
        def __eq__(self, other):
            raise KeyError("eq")

        def __hash__(self):
            raise KeyError("hash")

    vector = Vector([1, Broken()])
    for operation in (
        lambda: vector == Vector([1, 2]),
        lambda: 3 in vector,
        lambda: vector.index(3),
        lambda: vector.count(3),
        lambda: vector < Vector([1, 2]),
        lambda: vector.mutate().remove(3),
    ):
        with pytest.raises(KeyError, match="eq"):
            operation()
    with pytest.raises(KeyError, match="hash"):
        hash(vector)
    with pytest.raises(TypeError, match="unhashable"):
        hash(Vector([[]]))


def test_searching(vector_type):
    name = vector_type.__name__
    vector = vector_type([0, 1, 2, 1, 0] * 20)
    expected = vector.tolist()
    assert 1 in vector
    assert 5 not in vector
    assert vector.count(1) == 40
    assert vector.index(2) == 2
    assert vector.index(2, 3) == expected.index(2, 3)
    assert vector.index(0, -4, -2) == expected.index(0, -4) if 0 in expected[-4:-2] else True
    for arguments in ((2, 3, 4), (2, -1), (7,), (0, 100)):
        with pytest.raises(ValueError, match=f"is not in {name}"):
            vector.index(*arguments)


def test_bisection_finds_places(vector_type):
    vector = vector_type(range(0, 200, 2))
    assert [bisect.bisect_left(vector, value) for value in (-1, 0, 1, 100, 198, 199)] == [0, 0, 1, 50, 99, 100]
    with pytest.raises(IndexError, match="100"):
        bisect.bisect_left(vector, 500, 0, 1000)


def test_a_vector_repeated_a_trillion_times_costs_what_is_in_it(vector_type):
    one, other = (vector_type([0, 1, 2]) * 2**40 for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one[:-1] != other[:-2]
    assert one.set(2**40, 7) != other.set(2**40, 8)
    assert one.append(1) < other.append(2)


# The object around it


def test_repr():
    assert repr(Vector()) == "Vector()"
    assert repr(Vector([1, "a"])) == "Vector([1, 'a'])"
    inside = []
    inside.append(Vector([inside]))
    assert repr(inside) == "[Vector([[...]])]"
    assert repr(inside[0]) == "Vector([[Vector([...])]])"
    assert repr(Vector([1]).mutate()) == "VectorMutation([1])"


def test_abstract_base_classes_and_patterns(vector_type):
    assert isinstance(vector_type(), Sequence)
    assert isinstance(vector_type().mutate(), MutableSequence)
    match vector_type([1, 2, 3]):
        case [first, *rest]:
            assert (first, rest) == (1, [2, 3])
        case _:
            pytest.fail("a Vector is a sequence")
    assert vector_type[int].__origin__ is vector_type
    assert not hasattr(vector_type([1]), "__dict__")


def test_subclasses_give_the_base_type():
    class Named(Vector):
        def __init__(self, iterable=(), name=None):
            self.name = name

    named = Named([1, 2, 3])
    assert type(named) is Named
    assert repr(named) == "Named([1, 2, 3])"
    assert named == Vector([1, 2, 3])
    for result in (
        named[:],
        named + Vector(),
        Vector() + named,
        named * 1,
        named.append(1),
        named.set(0, 1),
        named[1:],
    ):
        assert type(result) is Vector
    named.name = "x"
    again = pickle.loads(pickle.dumps(Plain([1, 2])))
    assert type(again) is Plain
    assert again.mark == "made"


class Plain(Vector):
    """A subclass with state, which pickle has to find by name."""

    def __new__(cls, iterable=()):
        self = super().__new__(cls, iterable)
        self.mark = "made"
        return self


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(vector_type, protocol):
    for length in BORDERS[:-1]:
        vector = vector_type(range(length)).insert(length // 2, "x")
        again = pickle.loads(pickle.dumps(vector, protocol))
        assert again == vector
        assert hash(again) == hash(vector)
    for iterator in (iter(vector), reversed(vector)):
        for _ in range(40):
            next(iterator)
        rest = pickle.loads(pickle.dumps(iterator, protocol))
        assert operator.length_hint(rest) == operator.length_hint(iterator) == len(vector) - 40
        assert list(rest) == list(iterator)
    assert list(pickle.loads(pickle.dumps(iterator, protocol))) == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("make", [Vector, Plain])
def test_two_versions_of_a_large_vector_cost_one(make, protocol):
    vector = make(f"item {index}" for index in range(50_000))
    other = vector.set(5, "another").delete(12_345).append(["a list"])
    one, both = (len(pickle.dumps(what, protocol)) for what in (vector, (vector, other)))
    assert both < one * 1.2
    for original, again in zip((vector, other), pickle.loads(pickle.dumps((vector, other), protocol)), strict=True):
        _check(again)
        assert type(again) is type(original)
        assert again == original


@pytest.mark.parametrize("arguments", [(Vector,), (Vector, 5), (Vector, [[1], 5]), (5, [[1]]), (int, [[1]])])
def test_a_damaged_pickle_is_an_error(arguments):
    with pytest.raises(TypeError):
        _chain(*arguments)
    assert _chain(Vector, [[1], [], [2, 3]]) == Vector([1, 2, 3])


def test_deep_copies():
    inner = [1]
    vector = Vector([inner, 2])
    copied = copy.deepcopy(vector)
    assert copied == vector
    assert copied[0] is not inner
    cycle = []
    cycle.append(Vector([cycle]))
    copied = copy.deepcopy(cycle)
    assert copied[0][0] is copied


def test_weak_references(vector_type):
    vector = vector_type([1])
    reference = weakref.ref(vector)
    assert reference() is vector
    del vector
    assert reference() is None


def test_size_counts_the_nodes(vector_type):
    assert sys.getsizeof(vector_type(range(1000))) > 8 * 1000
    assert sys.getsizeof(vector_type(range(1000))) < 10 * 1000


# Mutation


def test_a_mutation_does_not_touch_the_vector(vector_type):
    for length in BORDERS:
        vector = vector_type(range(length))
        with vector.mutate() as mutation:
            mutation.append("x")
            mutation[0] = "first"
            mutation.insert(1, "y")
        result = checked(mutation.finish())
        assert vector.tolist() == list(range(length))
        expected = [*range(length), "x"]
        expected[0] = "first"
        expected.insert(1, "y")
        assert result.tolist() == expected


def test_a_finished_mutation_is_sealed(vector_type):
    name = vector_type.__name__
    mutation = vector_type([1, 2]).mutate()
    result = mutation.finish()
    assert mutation.finish() is result
    assert repr(mutation) == f"{name}Mutation([1, 2])"
    for operation in (
        lambda: mutation.append(1),
        lambda: mutation.extend([1]),
        lambda: mutation.insert(0, 1),
        lambda: mutation.pop(),
        lambda: mutation.pop(0),
        lambda: mutation.remove(1),
        lambda: mutation.clear(),
        lambda: mutation.reverse(),
        lambda: mutation.sort(),
        lambda: mutation.__setitem__(0, 1),
        lambda: mutation.__setitem__(slice(0, 1), [1]),
        lambda: mutation.__setitem__(slice(0, 2, 2), [1]),
        lambda: mutation.__delitem__(0),
        lambda: mutation.__enter__(),
    ):
        with pytest.raises(ValueError, match="has been finished"):
            operation()
    assert mutation == result
    assert list(mutation) == [mutation[0], mutation[-1]] == [1, 2]
    assert mutation[:] == result
    assert 2 in mutation
    assert len(mutation) == mutation.index(2) + mutation.count(2) == 2


def test_a_mutation_is_neither_hashable_nor_pickled_nor_made_by_calling(vector_type):
    name = vector_type.__name__
    mutation = vector_type([1]).mutate()
    with pytest.raises(TypeError, match="unhashable"):
        hash(mutation)
    with pytest.raises(TypeError, match=f"cannot pickle a {name}Mutation"):
        pickle.dumps(mutation)
    with pytest.raises(TypeError, match="cannot create"):
        type(mutation)()
    assert mutation == vector_type([1])
    assert mutation == vector_type([1]).mutate()
    assert mutation != [1]


def test_an_exception_in_the_block_leaves_the_mutation_finished(vector_type):
    mutation = vector_type([1]).mutate()
    mutation.append(2)
    with pytest.raises(KeyError), mutation:
        mutation[{}["missing"]] = 3
    assert mutation.finish() == vector_type([1, 2])


def test_errors_of_mutations_are_those_of_lists(vector_type):
    name = vector_type.__name__
    mutation = vector_type([1, 2, 3]).mutate()
    for index in (3, -4):
        for operation in (
            mutation.__getitem__,
            mutation.__delitem__,
            mutation.pop,
            lambda i: mutation.__setitem__(i, 0),
        ):
            with pytest.raises(IndexError, match=f"{name}Mutation index {index} out of range for length 3"):
                operation(index)
    with pytest.raises(ValueError, match="attempt to assign 1 values to an extended slice of 2"):
        mutation[::2] = [1]
    with pytest.raises(ValueError, match=f"9 is not in {name}Mutation"):
        mutation.remove(9)
    with pytest.raises(IndexError, match=f"pop from an empty {name}Mutation"):
        vector_type().mutate().pop()
    with pytest.raises(TypeError, match="not iterable"):
        mutation.extend(5)
    with pytest.raises(TypeError, match=f"{name}Mutation indices must be integers or slices, not str"):
        mutation["a"] = 1
    assert mutation.finish().tolist() == [1, 2, 3]


def test_a_mutation_that_changes_under_a_comparison_stays_whole():
    class Meddling:
        def __init__(self, meddle):
            self.meddle = meddle

        def __eq__(self, other):
            self.meddle()
            return True

        __hash__ = None

    mutation = Vector(range(100)).mutate()
    mutation.append(Meddling(mutation.clear))
    assert "absent" in mutation
    assert len(mutation) == 0
    mutation.extend([1, Meddling(lambda: mutation.append(5)), 3])
    with pytest.raises(ValueError, match="changed meanwhile"):
        mutation.remove("absent")
    assert len(mutation) == 4
    mutation.sort(key=id)
    with pytest.raises(ValueError, match="changed meanwhile"):
        mutation.sort(key=lambda element: mutation.append(1) or 0)
    mutation += mutation
    assert mutation[:4] != mutation[3:]
    mutation.finish()


@pytest.mark.parametrize("step", [sys.maxsize, -sys.maxsize, 2**70, -(2**70), sys.maxsize - 3])
def test_steps_of_any_size(step, vector_type):
    """Beyond the one element that they reach nothing is added up, which could overflow."""
    expected = list(range(100))
    vector = vector_type(expected)
    for start in (0, 5, 99, None):
        where = slice(start, None, step)
        assert vector[where].tolist() == expected[where]
        mutation, model = vector.mutate(), expected[:]
        mutation[where] = model[where] = ["new"]
        assert list(mutation) == model
        del mutation[where], model[where]
        assert list(mutation) == model
