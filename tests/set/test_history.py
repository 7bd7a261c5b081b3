"""Histories: random operations on versions of a Set, each kept beside a frozenset, all checked again at the end."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule
from keys import HashKey, expected_dump, hash_of

from frozen import Set, _core

COLLIDING = [0, 1, hash_of(1, 1), hash_of(1, 1, 1), hash_of(0, 0, 0, 0, 1), 1 + (1 << 32), -2, 1 - (1 << 63)]

members = st.one_of(
    st.builds(HashKey, st.sampled_from(COLLIDING), st.sampled_from("abcd")),
    st.builds(HashKey, st.integers(0, 300)),
    st.integers(0, 40),
)
collections = st.lists(members, max_size=60)
OPERATIONS = {"__or__", "__and__", "__sub__", "__xor__"}


class Version:
    """A set, and the frozenset that it must equal for ever."""

    def __init__(self, s: Set, model) -> None:
        self.set, self.model = s, frozenset(model)
        self.check()

    def check(self) -> None:
        _core._check(self.set)
        assert len(self.set) == len(self.model)
        assert frozenset(self.set) == self.model
        assert self.set == self.model
        assert hash(self.set) == hash(self.model)
        assert _core._dump(self.set) == expected_dump(self.model)


class SetHistory(RuleBasedStateMachine):
    versions = Bundle("versions")
    mutations = Bundle("mutations")

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Version] = []

    def made(self, s: Set, model) -> Version:
        self.all.append(Version(s, model))
        return self.all[-1]

    @initialize(target=versions, start=collections)
    def start(self, start):
        return self.made(Set(start), start)

    @rule(target=versions, version=versions, member=members)
    def add(self, version, member):
        return self.made(version.set.add(member), version.model | {member})

    @rule(target=versions, version=versions, number=st.integers(0, 60))
    def remove(self, version, number):
        if not version.model:
            return multiple()
        member = list(version.model)[number % len(version.model)]
        return self.made(version.set.remove(member), version.model - {member})

    @rule(target=versions, version=versions, member=members)
    def discard(self, version, member):
        return self.made(version.set.discard(member), version.model - {member})

    @rule(target=versions, left=versions, right=versions, name=st.sampled_from(sorted(OPERATIONS)))
    def combine_versions(self, left, right, name):
        return self.made(getattr(left.set, name)(right.set), getattr(left.model, name)(right.model))

    @rule(target=versions, left=versions, right=collections, name=st.sampled_from(sorted(OPERATIONS)))
    def combine_with_a_plain_set(self, left, right, name):
        return self.made(getattr(left.set, name)(set(right)), getattr(left.model, name)(frozenset(right)))

    @rule(left=versions, right=versions)
    def compare(self, left, right):
        assert (left.set <= right.set) is (left.model <= right.model)
        assert (left.set < right.set) is (left.model < right.model)
        assert (left.set == right.set) is (left.model == right.model)
        assert left.set.isdisjoint(right.set) is left.model.isdisjoint(right.model)

    @rule(target=mutations, version=versions)
    def mutate(self, version):
        return version.set.mutate(), set(version.model)

    @rule(mutation=mutations, new=collections, old=collections)
    def change(self, mutation, new, old):
        m, model = mutation
        for member in new:
            m.add(member)
            model.add(member)
        for member in old:
            m.discard(member)
            model.discard(member)
        m.update(new[:3], old[:3])
        model.update(new[:3], old[:3])
        assert m == model

    @rule(target=versions, mutation=consumes(mutations))
    def finish(self, mutation):
        m, model = mutation
        return self.made(m.finish(), model)

    def teardown(self) -> None:
        for version in self.all:
            version.check()


TestSetHistory = SetHistory.TestCase
