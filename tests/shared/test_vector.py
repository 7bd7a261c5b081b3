"""SharedVector beside Vector: what differs, and what the two say to each other. What they have in common is tested over
both in tests/vector/test_methods.py and tests/vector/test_histories.py."""

from __future__ import annotations

import copy
import operator
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import live_shared_nodes, run_threads, switch_interval

from frozen import (
    AtomicRef,
    Map,
    NotShareableError,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    freeze,
    get_in,
    register_shareable,
    set_in,
    share,
    thaw,
)


class Pool:
    def __repr__(self) -> str:
        return "<Pool>"


class Whole(int):
    """Equal to an int, and cannot be shared."""


elements = st.integers(0, 2) | st.text("ab", max_size=9) | st.tuples(st.integers(0, 1))


# Beside Vector


def test_the_interface_is_that_of_vector():
    assert set(dir(SharedVector)) - {"handle"} == set(dir(Vector))
    mutation = {"SharedVectorMutation": SharedVector().mutate(), "VectorMutation": Vector().mutate()}
    assert dir(mutation["SharedVectorMutation"]) == dir(mutation["VectorMutation"])


@given(a=st.lists(elements, max_size=5), b=st.lists(elements, max_size=5), same=st.integers(0, 40))
def test_equality_order_and_hash_across_memories(a, b, same):
    left, right = [0] * same + a, [0] * same + b
    for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
        answers = []
        for one, other in ((Vector, SharedVector), (SharedVector, Vector), (Vector, Vector)):
            try:
                answers.append(compare(one(left), other(right)))
            except TypeError:
                answers.append(TypeError)
        assert len(set(answers)) == 1, (compare, answers)
    assert hash(SharedVector(left)) == hash(Vector(left))


def test_equal_to_vectors_only():
    assert SharedVector([1, 2]) != [1, 2]
    assert SharedVector([1, 2]) != (1, 2)
    assert SharedVector() != SharedSet()
    assert {Vector([1, "a"]): 1}[SharedVector([1, "a"])] == 1


def test_the_left_operand_says_what_a_sum_is():
    shared, local = SharedVector([1]), Vector(["two"])
    assert type(shared + local) is SharedVector
    assert type(local + shared) is Vector
    assert shared + local == SharedVector([1, "two"])
    assert local + shared == SharedVector(["two", 1])
    with pytest.raises(NotShareableError) as caught:
        shared + Vector([1, Pool()])
    assert caught.value.path == "[1]"


def test_it_is_final():
    with pytest.raises(TypeError):
        type("Sub", (SharedVector,), {})


def test_what_is_read_is_made_anew():
    text = "not in the word of a cell"
    shared = SharedVector([text])
    assert shared[0] == text
    assert shared[0] is not shared[0]
    assert shared.set(0, shared[0]) is shared, "equal bit for bit: nothing changes"


def test_copies_are_the_vector_itself():
    shared = SharedVector([1, (2, "x"), SharedVector([3])])
    assert copy.copy(shared) is shared
    assert copy.deepcopy(shared) == shared


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_by_value(protocol):
    shared = SharedVector([1, "x", SharedVector([SharedMap(a=1)])])
    back = pickle.loads(pickle.dumps(shared, protocol))
    assert back == shared
    assert type(back[2]) is SharedVector


def test_handles():
    shared = SharedVector(range(100))
    assert pickle.loads(pickle.dumps(shared.handle())).redeem() == shared


# Searching for what cannot be held


def test_what_cannot_be_held_can_be_looked_for():
    shared = SharedVector([0, 1, "a", 1])
    assert Whole(1) in shared
    assert shared.index(Whole(1)) == 1
    assert shared.count(Whole(1)) == 2
    for absent in (Pool(), [], {}, Whole(7)):
        assert absent not in shared
        assert shared.count(absent) == 0
        with pytest.raises(ValueError, match="is not in SharedVector"):
            shared.index(absent)
    mutation = shared.mutate()
    assert [] not in mutation
    mutation.remove(Whole(1))
    assert mutation.finish() == SharedVector([0, "a", 1])


def test_a_nan_is_found_by_its_bits():
    nan = float("nan")
    assert nan in SharedVector([1.0, nan])
    assert SharedVector([nan]) == SharedVector([float("nan")])


# Errors


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: SharedVector([1, 2, Pool()]), "[2]"),
        (lambda: SharedVector(iter([1, (2, Pool())])), "[1][1]"),
        (lambda: SharedVector([1]).set(-1, Pool()), "[0]"),
        (lambda: SharedVector([1]).extend([2, 3, Pool()]), "[2]"),
        (lambda: SharedVector([1]).append(Pool()), ""),
        (lambda: SharedVector([1]).insert(0, (1, Pool())), "[1]"),
        (lambda: SharedVector([1]).mutate().append(Pool()), ""),
        (lambda: SharedVector([1]).mutate().extend((2, Pool())), "[1]"),
        (lambda: SharedVector([1]).mutate().insert(0, Pool()), ""),
        (lambda: SharedVector([1]).mutate().__setitem__(0, Pool()), "[0]"),
        (lambda: SharedVector(range(9)).mutate().__setitem__(slice(0, 2), [1, Pool()]), "[1]"),
        (lambda: SharedVector(range(9)).mutate().__setitem__(slice(0, 9, 8), [1, Pool()]), "[1]"),
        (lambda: share({"hosts": [1, 2, 3, Pool()]}), "['hosts'][3]"),
        (lambda: share([[], [{"x": [Pool()]}]]), "[1][0]['x'][0]"),
        (lambda: SharedMap(a=[1]), "['a']"),
    ],
)
def test_errors_name_the_path_and_change_nothing(make, path):
    before = live_shared_nodes()
    with pytest.raises(NotShareableError) as caught:
        make()
    assert caught.value.path == path
    del caught
    assert live_shared_nodes() == before


def test_a_mutation_that_refused_is_as_it_was():
    mutation = SharedVector(range(100)).mutate()
    for refused in (
        lambda: mutation.append(Pool()),
        lambda: mutation.extend([1, 2, Pool()]),
        lambda: mutation.insert(3, Pool()),
        lambda: mutation.__setitem__(3, Pool()),
        lambda: mutation.__setitem__(slice(3, 5), [1, Pool()]),
    ):
        with pytest.raises(NotShareableError):
            refused()
    assert mutation.finish() == SharedVector(range(100))


# Nested, converted


def test_nested_in_any_shared_container():
    inner = SharedVector([1, "a longer text", None])
    for holder, read in (
        (SharedMap(v=inner), lambda holder: holder["v"]),
        (SharedMap({inner: 1}), lambda holder: next(iter(holder))),
        (SharedSet([inner]), lambda holder: next(iter(holder))),
        (SharedVector([inner]), lambda holder: holder[0]),
        (SharedVector([(inner,)]), lambda holder: holder[0][0]),
        (SharedMap({(inner, 1): 1}), lambda holder: next(iter(holder))[0]),
    ):
        assert read(holder) == inner
        assert type(read(holder)) is SharedVector
        assert hash(holder) == hash(type(holder)(holder.items() if isinstance(holder, SharedMap) else list(holder)))
    assert SharedMap({inner: "found"})[Vector(inner)] == "found"
    assert inner in SharedSet([inner])


def test_nested_vectors_share_their_nodes():
    inner = SharedVector(range(10_000))
    before = live_shared_nodes()
    outer = SharedVector([inner, inner]).append(inner)
    assert live_shared_nodes() - before < 10
    assert _core._shared_nodes(outer[0], inner)[0] == _core._shared_nodes(inner, inner)[1]


def test_versions_share_structure():
    base = SharedVector(range(10_000))
    both, _, of_derived = _core._shared_nodes(base, base.set(5, "changed"))
    assert of_derived - both <= 5
    _core._check(base)
    assert _core._dump(base).startswith("top 0 2\n")


def test_share_converts_lists_and_vectors():
    shared = share({"list": [1, [2, {"x": {3}}]], "vector": Vector([Map(a=[4])]), "tuple": (5, [6])})
    assert shared == SharedMap(
        {
            "list": SharedVector([1, SharedVector([2, SharedMap(x=SharedSet([3]))])]),
            "vector": SharedVector([SharedMap(a=SharedVector([4]))]),
            "tuple": (5, SharedVector([6])),
        }
    )
    assert share(shared) is shared


def test_share_refuses_a_list_that_holds_itself():
    cycle = [1]
    cycle.append({"back": cycle})
    with pytest.raises(NotShareableError, match="contains itself") as caught:
        share(cycle)
    assert caught.value.path == "[1]['back']"


def test_freeze_thaw_and_paths():
    shared = share({"hosts": ["a", {"port": 1}]})
    assert freeze(shared) is shared
    assert thaw(shared) == {"hosts": ["a", {"port": 1}]}
    changed = set_in(shared, ["hosts", 1, "port"], 2)
    assert get_in(changed, ["hosts", 1, "port"]) == 2
    assert type(changed["hosts"]) is SharedVector
    assert get_in(shared, ["hosts", 1, "port"]) == 1


# Life


def mutated(shared: SharedVector) -> SharedVector:
    with shared.mutate() as mutation:
        for index in range(70):
            mutation.append("a text that needs a box")
            mutation[index] = (index, "x")
            mutation.insert(index * 2, index)
        for _ in range(100):
            mutation.pop()
        mutation.pop(3)
        mutation.remove(mutation[5])
        mutation[3:8] = [1, 2]
        mutation[::4] = mutation[::4].tolist()
        del mutation[::5]
        mutation.reverse()
        mutation.sort(key=str)
    return mutation.finish()


OPERATIONS = {
    "build": lambda v: (SharedVector(v.tolist()), SharedVector(iter(v)), SharedVector(Vector(v))),
    "read": lambda v: [v[0], v[-1], v[5:], v[::3], v.tolist(), v.totuple(), list(v), list(reversed(v))],
    "append and pop": lambda v: v.append("text " * 9).pop().pop(),
    "set": lambda v: [v.set(index, (index, "y")) for index in range(0, len(v), 7)],
    "insert and delete": lambda v: [v.insert(index, b"12345678").delete(index // 2) for index in range(0, len(v), 7)],
    "concat": lambda v: (v + v[3:] + Vector(v)) * 3,
    "compare": lambda v: (v == v.set(3, None), v == Vector(v), hash(v), 5 in v, v.count(Pool())),
    "iterate": lambda v: (next(iter(v)), next(reversed(v)), pickle.loads(pickle.dumps(iter(v)))),
    "mutation": mutated,
    "abandoned mutation": lambda v: v.mutate().extend(v),
    "nested": lambda v: SharedVector([v, SharedMap({v: v}), (v,)])[1][v],
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
@pytest.mark.parametrize("length", [0, 33, 1100])
def test_operations_leave_nothing_behind(operation, length):
    shared = SharedVector([index, (index, "a text that needs a box")][index % 2] for index in range(length))
    expected, before = shared.totuple(), live_shared_nodes()
    try:
        operation(shared)
    except (IndexError, StopIteration):
        assert length == 0
    assert live_shared_nodes() == before
    _core._check(shared)
    assert shared.totuple() == expected


def test_deep_nesting_is_freed_without_recursion():
    before = live_shared_nodes()
    nested = SharedVector()
    for _ in range(200_000):
        nested = SharedVector([nested])
    assert live_shared_nodes() > before + 200_000
    del nested
    assert live_shared_nodes() == before


def test_a_decoder_that_exhausts_the_iterator_it_is_called_by():
    """The iterator gives up what it iterates over while an object of it is being made."""
    for make in (
        lambda: iter(SharedVector([0, (Exhausting(), "a text that needs a box")])),
        lambda: iter(SharedMap({0: 1, "key": (Exhausting(), "a text that needs a box")}).items()),
        lambda: iter(SharedSet([(Exhausting(), "a text that needs a box")])),
    ):
        Exhausting.iterator, before = make(), live_shared_nodes()
        assert "a text that needs a box" in repr(list(Exhausting.iterator))
        assert next(Exhausting.iterator, "exhausted") == "exhausted"
        assert live_shared_nodes() < before


class Exhausting:
    iterator = iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exhausting)

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "Exhausting()"


def exhaust(value: object) -> Exhausting:
    list(Exhausting.iterator)
    return Exhausting()


register_shareable(Exhausting, lambda obj: None, exhaust)


# Threads


def test_threads_derive_from_one_vector_at_once():
    base = SharedVector((index, "payload of some length") for index in range(2000))
    expected, before = base.totuple(), live_shared_nodes()

    def work(number: int) -> None:
        mine = base
        for step in range(200):
            mine = mine.insert(step * 7, base[step]).delete(step * 3).append((number, "mine"))
            if step % 40 == 0:
                _core._check(mine)
                mine = mine[100:] + base[:100]
        assert base.totuple() == expected

    with switch_interval():
        run_threads(*[lambda number=number: work(number) for number in range(4)])
    assert live_shared_nodes() == before


def test_threads_share_one_mutation():
    mutation = SharedVector().mutate()

    def fill(number: int) -> None:
        for step in range(500):
            mutation.append((number, step, "value of some length"))
            assert mutation[-1][2] == "value of some length"

    with switch_interval():
        run_threads(*[lambda number=number: fill(number) for number in range(3)])
    shared = mutation.finish()
    _core._check(shared)
    assert sorted(shared) == [(number, step, "value of some length") for number in range(3) for step in range(500)]


def test_threads_read_what_a_mutation_replaces():
    """An element is kept while an object of it is made, though the mutation gives it up meanwhile."""
    mutation = SharedVector([("text of some length", 0)] * 40).mutate()

    def replace() -> None:
        for step in range(2000):
            mutation[step % 40] = ("text of some length", step)

    def read() -> None:
        for step in range(2000):
            assert mutation[step % 40][0] == "text of some length"

    with switch_interval():
        run_threads(replace, read, replace, read)


def test_publishing_through_an_atomic_ref():
    base = SharedVector(range(1000))
    before = live_shared_nodes()
    ref = AtomicRef(base)

    def publish() -> None:
        for step in range(300):
            assert ref.update(SharedVector.append, step)[-1] == step

    def read() -> None:
        for _ in range(300):
            assert ref.get()[:1000] == base

    with switch_interval():
        run_threads(publish, publish, read)
    assert len(ref.get()) == 1600
    assert ref.compare_and_set(ref.get(), base)
    ref.set(None)
    assert live_shared_nodes() == before
