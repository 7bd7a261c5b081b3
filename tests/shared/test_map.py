"""SharedMap and SharedSet have the interface of Map and Set, and behave as a dict and a set do."""

from __future__ import annotations

import copy
import gc
import pickle

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from support import run_threads, switch_interval

from frozen import AtomicRef, Map, Set, SharedMap, SharedSet, _core

KEYS = st.integers(0, 30) | st.sampled_from(["a", "b", "a longer key", (1, "x"), None, 2.5, b"bytes"])
VALUES = st.integers() | st.text(max_size=12) | st.tuples(st.integers(), st.text(max_size=10))


@pytest.mark.parametrize(("shared", "local"), [(SharedMap, Map), (SharedSet, Set)])
def test_the_interface_is_that_of_the_local_type(shared, local):
    assert set(dir(shared)) - {"handle"} == set(dir(local))


class AgainstDict(RuleBasedStateMachine):
    """Every version ever made is kept, and checked against its model at the end."""

    def __init__(self):
        super().__init__()
        self.alive = _core._live_shared_nodes()
        self.shared, self.model = SharedMap(), {}
        self.versions = []

    def become(self, shared, model):
        self.versions.append((self.shared, self.model))
        self.shared, self.model = shared, model

    @rule(key=KEYS, value=VALUES)
    def set(self, key, value):
        self.become(self.shared.set(key, value), self.model | {key: value})

    @rule(key=KEYS)
    def discard(self, key):
        self.become(self.shared.discard(key), {k: v for k, v in self.model.items() if k != key})

    @rule(other=st.dictionaries(KEYS, VALUES))
    def update(self, other):
        self.become(self.shared.update(other), self.model | other)

    @rule(other=st.dictionaries(KEYS, VALUES))
    def union(self, other):
        self.become(self.shared | SharedMap(other), self.model | other)

    @rule(other=st.dictionaries(KEYS, VALUES))
    def merge(self, other):
        merged = {k: (self.model[k], v) if k in self.model else v for k, v in other.items()}
        self.become(self.shared.merge(other, lambda old, new: (old, new)), self.model | merged)

    @rule(changes=st.lists(st.tuples(KEYS, VALUES | st.none())))
    def mutate(self, changes):
        model = dict(self.model)
        with self.shared.mutate() as mutation:
            for key, value in changes:
                if value is None:
                    mutation.discard(key)
                    model.pop(key, None)
                else:
                    mutation[key] = model[key] = value
            assert mutation == SharedMap(model)
        self.become(mutation.finish(), model)

    @invariant()
    def agrees(self):
        _core._check(self.shared)
        assert self.shared == self.model
        assert len(self.shared) == len(self.model)

    def teardown(self):
        for shared, model in [*self.versions, (self.shared, self.model)]:
            assert dict(shared.items()) == model
            assert hash(shared) == hash(frozenset(model.items()))
            assert shared == SharedMap(model) == Map(model)
        self.versions.clear()
        del self.shared, shared
        assert _core._live_shared_nodes() == self.alive


TestAgainstDict = AgainstDict.TestCase


def test_versions_share_structure():
    base = SharedMap({index: index for index in range(10_000)})
    both, _, all_of_derived = _core._shared_nodes(base, base.set(5, "changed"))
    assert all_of_derived - both <= 4


def test_a_deleted_key_reads_as_absent():
    shared = SharedMap(a=1, b=2).delete("a")
    assert "a" not in shared
    assert shared.get("a", 7) == 7
    for missing in (lambda: shared["a"], lambda: shared.delete("a")):
        with pytest.raises(KeyError, match="'a'"):
            missing()
    assert shared.discard("a") is shared


def test_unhashable_keys_are_type_errors():
    for use in (lambda: SharedMap()[[]], lambda: [] in SharedMap(), lambda: SharedMap().set([], 1)):
        with pytest.raises(TypeError, match="unhashable"):
            use()


def test_equality_across_families():
    assert SharedMap(a=1) == Map(a=1)
    assert Map(a=1) == SharedMap(a=1)
    assert SharedMap(a=1) == {"a": 1}
    assert SharedMap(a=1) != Map(a=object())
    assert hash(SharedMap(a=1)) == hash(Map(a=1))
    assert SharedSet("ab") == Set("ab") == SharedSet("ba") == frozenset("ab")
    assert SharedSet("ab") != {object(), "a"}
    assert not SharedSet("ab") <= {"a", object()}
    assert SharedSet("a") < {"a", "b"}
    assert SharedSet("ab").isdisjoint([object()])
    assert {SharedMap(a=1): 1}[Map(a=1)] == 1


def test_operators_give_the_left_operands_type():
    assert type(SharedMap(a=1) | Map(b=2)) is type(SharedMap(a=1) | {"b": 2}) is SharedMap
    assert type(Map(b=2) | SharedMap(a=1)) is Map
    assert type({"b": 2} | SharedMap(a=1)) is dict
    assert type(SharedSet("a") | Set("b")) is SharedSet
    assert SharedSet("abc") - {"a"} & SharedSet("bc") ^ {"d"} == set("bcd")


def test_copies_are_the_map_itself():
    shared = SharedMap(a=(1, "x"), nested=SharedMap(b=2))
    assert copy.copy(shared) is shared
    assert copy.deepcopy(shared) == shared


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_by_value(protocol):
    shared = SharedMap(a=(1, "x"), nested=SharedMap(b=SharedSet([1, 2])))
    back = pickle.loads(pickle.dumps(shared, protocol))
    assert back == shared
    assert type(back["nested"]["b"]) is SharedSet


def test_it_is_final():
    for cls in (SharedMap, SharedSet):
        with pytest.raises(TypeError):
            type("Sub", (cls,), {})


def test_threads_derive_from_one_map_at_once():
    """Counts are exact under contention: every version that is dropped frees exactly its own nodes."""
    base = SharedMap({str(index): (index, "payload of some length") for index in range(500)})
    alive = _core._live_shared_nodes()

    def work(number: int) -> None:
        mine = base
        for step in range(400):
            mine = mine.set(f"{number}:{step}", base[str(step)]).discard(str(step))
            if step % 40 == 0:
                assert len(mine) == 500
                mine = base | {}
        assert dict(base) == {str(index): (index, "payload of some length") for index in range(500)}

    with switch_interval():
        run_threads(*[lambda number=number: work(number) for number in range(4)])
    assert _core._live_shared_nodes() == alive


def test_blocks_are_counted_in_whichever_thread_they_are_made_and_freed():
    """The first 256 threads have a counter each, later ones share some (shared/block.c)."""
    alive = _core._live_shared_nodes()
    made = []
    for _ in range(10):
        run_threads(*[lambda: made.append(SharedMap({"key": "payload of some length"}))] * 30)
    each = (_core._live_shared_nodes() - alive) // len(made)
    assert each > 1
    assert _core._live_shared_nodes() == alive + each * 300
    made.pop()
    assert _core._live_shared_nodes() == alive + each * 299
    run_threads(made.clear)
    assert _core._live_shared_nodes() == alive


def test_an_atomic_ref_keeps_the_counts_of_shared_versions():
    """Each thread reads through a header of its own over the same root, which counts as one reference more."""
    base = SharedMap(dict.fromkeys(range(500), "payload of some length"))
    alive = _core._live_shared_nodes()
    ref = AtomicRef(base)

    def publish() -> None:
        for step in range(500):
            ref.set(base.set(step, "changed"))

    def read() -> None:
        for _ in range(500):
            assert len(ref.get()) == 500
            assert ref.get()[7] in ("payload of some length", "changed")

    with switch_interval():
        run_threads(publish, read, read)
    ref.set(None)
    gc.collect()
    assert _core._live_shared_nodes() == alive
    assert set(base.values()) == {"payload of some length"}


def test_threads_share_one_mutation():
    mutation = SharedMap().mutate()

    def fill(number: int) -> None:
        for step in range(500):
            mutation[(number, step)] = "value of some length"

    with switch_interval():
        run_threads(*[lambda number=number: fill(number) for number in range(3)])
    shared = mutation.finish()
    _core._check(shared)
    assert len(shared) == 1500
