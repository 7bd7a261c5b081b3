"""Random histories of vectors and mutations against tuple and list; old versions are read again at the end."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from frozen import SharedVector, Vector
from frozen._core import _check

LONGEST = 5000
values = st.runner().flatmap(lambda history: history.values)
lengths = st.integers(0, 80) | st.sampled_from([31, 32, 33, 992, 1023, 1024, 1025, 1056])
places = st.integers(-1100, 1100)


class OverLocalMemory:
    vector_type = Vector
    values = st.integers() | st.builds(list)
    """Some can be part of a cycle, so that nodes are general here and plain there."""


class OverSharedMemory:
    vector_type = SharedVector
    values = st.integers() | st.text(max_size=12) | st.tuples(st.integers(), st.binary(max_size=9))
    """Some stand in the cells themselves, some in boxes."""


class VectorHistory(RuleBasedStateMachine):
    """Each version is a pair of a vector and the tuple that it should be."""

    versions = Bundle("versions")

    def __init__(self):
        super().__init__()
        self.all = []

    def keep(self, vector, expected):
        _check(vector)
        assert vector.totuple() == expected
        if len(expected) > LONGEST:
            return multiple()
        self.all.append((vector, expected))
        return vector, expected

    @rule(target=versions, length=lengths, start=st.integers(0, 5))
    def build(self, length, start):
        expected = tuple(range(start, start + length))
        return self.keep(self.vector_type(expected), expected)

    @rule(target=versions, version=versions, value=values)
    def append(self, version, value):
        vector, expected = version
        return self.keep(vector.append(value), (*expected, value))

    @rule(target=versions, version=versions, more=st.lists(values, max_size=40))
    def extend(self, version, more):
        vector, expected = version
        return self.keep(vector.extend(iter(more)), (*expected, *more))

    @rule(target=versions, version=versions, place=places, value=values)
    def insert(self, version, place, value):
        vector, expected = version
        changed = list(expected)
        changed.insert(place, value)
        return self.keep(vector.insert(place, value), tuple(changed))

    @rule(target=versions, version=versions, places=st.lists(places, min_size=1, max_size=30))
    def insert_many(self, version, places):
        vector, expected = version
        changed = list(expected)
        for place in places:
            changed.insert(place, place)
            vector = vector.insert(place, place)
            _check(vector)
        return self.keep(vector, tuple(changed))

    @rule(target=versions, version=versions, place=places, value=values)
    def set(self, version, place, value):
        vector, expected = version
        if not expected:
            return multiple()
        changed = list(expected)
        changed[place % len(expected)] = value
        return self.keep(vector.set(place % len(expected), value), tuple(changed))

    @rule(target=versions, version=versions, start=places, stop=places)
    def slice(self, version, start, stop):
        vector, expected = version
        return self.keep(vector[start:stop], expected[start:stop])

    @rule(target=versions, version=versions, start=places, stop=places)
    def delete(self, version, start, stop):
        vector, expected = version
        changed = list(expected)
        del changed[start:stop]
        return self.keep(vector.delete(start, stop), tuple(changed))

    @rule(target=versions, version=versions, count=st.integers(1, 70))
    def pop(self, version, count):
        vector, expected = version
        count = min(count, len(expected))
        for _ in range(count):
            vector = vector.pop()
        return self.keep(vector, expected[: len(expected) - count])

    @rule(target=versions, left=versions, right=versions)
    def concat(self, left, right):
        return self.keep(left[0] + right[0], left[1] + right[1])

    @rule(target=versions, version=versions, times=st.integers(0, 6))
    def repeat(self, version, times):
        return self.keep(version[0] * times, version[1] * times)

    @rule(left=versions, right=versions)
    def compare(self, left, right):
        assert (left[0] == right[0]) == (left[1] == right[1])

    @rule(version=consumes(versions))
    def forget(self, version):
        self.all = [kept for kept in self.all if kept[0] is not version[0]]

    def teardown(self):
        for vector, expected in self.all:
            _check(vector)
            assert vector.totuple() == expected
            assert list(vector) == list(expected)


class MutationHistory(RuleBasedStateMachine):
    """One mutation and the list that it should be; what finish() and slices gave is read again at the end."""

    def __init__(self):
        super().__init__()
        self.vector = self.vector_type(range(1050))
        self.mutation = self.vector.mutate()
        self.expected = list(range(1050))
        self.all = [(self.vector, tuple(range(1050)))]

    @rule(value=values, times=st.integers(1, 70))
    def append(self, value, times):
        for _ in range(times):
            self.mutation.append(value)
            self.expected.append(value)

    @rule(times=st.integers(1, 70))
    def pop(self, times):
        for _ in range(min(times, len(self.expected))):
            assert self.mutation.pop() == self.expected.pop()

    @rule(place=places, value=values)
    def set(self, place, value):
        if self.expected:
            place %= len(self.expected)
            self.mutation[place] = value
            self.expected[place] = value

    @rule(place=places, value=values)
    def insert(self, place, value):
        self.mutation.insert(place, value)
        self.expected.insert(place, value)

    @rule(place=places)
    def pop_at(self, place):
        if self.expected:
            place %= len(self.expected)
            assert self.mutation.pop(place) == self.expected.pop(place)

    @rule(start=places, stop=places, more=st.lists(values, max_size=50))
    def set_slice(self, start, stop, more):
        self.mutation[start:stop] = more
        self.expected[start:stop] = more

    @rule(start=places, stop=places, step=st.integers(-7, 7).filter(bool))
    def change_steps(self, start, stop, step):
        count = len(self.expected[start:stop:step])
        if step != 1:
            self.mutation[start:stop:step] = self.expected[start:stop:step] = range(count)

    @rule(start=places, stop=places, step=st.integers(-7, 7).filter(bool))
    def delete_slice(self, start, stop, step):
        del self.mutation[start:stop:step]
        del self.expected[start:stop:step]

    @rule(more=st.lists(values, max_size=100), lazily=st.booleans())
    def extend(self, more, lazily):
        self.mutation.extend(iter(more) if lazily else self.vector_type(more))
        self.expected.extend(more)

    @rule()
    def reverse(self):
        self.mutation.reverse()
        self.expected.reverse()

    @rule()
    def finish_and_go_on(self):
        self.all.append((self.mutation.finish(), tuple(self.expected)))
        self.mutation = self.all[-1][0].mutate()

    @rule(start=places, stop=places, step=st.integers(-3, 3).filter(bool))
    def take_slice(self, start, stop, step):
        self.all.append((self.mutation[start:stop:step], tuple(self.expected[start:stop:step])))

    @invariant()
    def is_as_expected(self):
        assert len(self.mutation) == len(self.expected)
        for place in (0, -1, len(self.expected) // 2):
            if self.expected:
                assert self.mutation[place] == self.expected[place]

    def teardown(self):
        self.all.append((self.mutation.finish(), tuple(self.expected)))
        for vector, expected in self.all:
            _check(vector)
            assert vector.totuple() == expected


class LocalVectorHistory(OverLocalMemory, VectorHistory):
    pass


class LocalMutationHistory(OverLocalMemory, MutationHistory):
    pass


class SharedVectorHistory(OverSharedMemory, VectorHistory):
    pass


class SharedMutationHistory(OverSharedMemory, MutationHistory):
    pass


TestVector = LocalVectorHistory.TestCase
TestVectorMutation = LocalMutationHistory.TestCase
TestSharedVector = SharedVectorHistory.TestCase
TestSharedVectorMutation = SharedMutationHistory.TestCase
for _history in (TestVector, TestVectorMutation, TestSharedVector, TestSharedVectorMutation):
    _history.settings = settings(stateful_step_count=30)
