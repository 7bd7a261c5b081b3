"""Several references read and published as one: transaction(a, b) and snapshot(a, b)."""

from __future__ import annotations

import gc
import weakref

import pytest
from support import run_threads, switch_interval

from frozen import AtomicRef, SharedRef, snapshot, transaction


def test_snapshot_gives_the_values_in_the_order_asked_for(Ref):
    a, b, c = Ref("a"), Ref("b"), Ref("c")
    assert snapshot(c, a, b) == ("c", "a", "b")
    assert Ref.snapshot(b) == ("b",)


def test_set_publishes_in_all(Ref):
    a, b = Ref(1), Ref(2)
    both = transaction(a, b)
    assert both.get() == (1, 2)
    assert both.set(10, 20) is None
    assert snapshot(a, b) == both.get() == (10, 20)
    assert (a.version, b.version) == (1, 1)


def test_update_gets_all_values_and_returns_one_for_each(Ref):
    accounts = Ref(100), Ref(0)

    def transfer(source, target, amount, *, fee):
        return source - amount - fee, target + amount

    assert transaction(*accounts).update(transfer, 30, fee=1) == (69, 30)
    assert snapshot(*accounts) == (69, 30)


def test_update_takes_any_iterable_of_the_right_length(Ref):
    a, b = Ref(1), Ref(2)
    assert transaction(a, b).update(lambda x, y: iter([y, x])) == (2, 1)
    with pytest.raises(ValueError, match="returned 3 values for a transaction over 2 references"):
        transaction(a, b).update(lambda x, y: (x, y, x))
    with pytest.raises(TypeError):
        transaction(a, b).update(lambda x, y: None)
    assert (a.version, b.version) == (1, 1)


def test_over_one_reference_it_is_that_reference(Ref):
    a = Ref(1)
    assert transaction(a).update(lambda value: value + 1) == 2
    transaction(a).set(5)
    assert transaction(a).get() == (5,)


def test_what_the_function_raises_leaves_all_as_they_were(Ref):
    a, b = Ref(1), Ref(2)
    with pytest.raises(ZeroDivisionError):
        transaction(a, b).update(lambda x, y: (x, y / 0))
    assert snapshot(a, b) == (1, 2)
    assert (a.version, b.version) == (0, 0)


@pytest.mark.parametrize("read", [snapshot, transaction], ids=["snapshot", "transaction"])
def test_arguments_are_1_to_16_different_references(Ref, read):
    a = Ref()
    with pytest.raises(TypeError, match="argument 2 is neither an AtomicRef nor a SharedRef but int"):
        read(a, 3)
    with pytest.raises(ValueError, match="given twice"):
        read(a, Ref(), a)
    with pytest.raises(ValueError, match="from 1 to 16 references"):
        read()
    with pytest.raises(ValueError, match="from 1 to 16 references"):
        read(*[Ref() for _ in range(17)])
    read(*[Ref() for _ in range(16)])
    with pytest.raises(TypeError):
        read(ref=a)


def test_set_wants_one_value_for_each(Ref):
    with pytest.raises(TypeError, match=r"each of the 2 references \(1 given\)"):
        transaction(Ref(), Ref()).set(1)


def test_both_kinds_take_part_together():
    local, shared = AtomicRef([1]), SharedRef(2)
    both = transaction(local, shared)
    assert both.update(lambda x, y: ([y], x[0])) == ([2], 1)
    assert AtomicRef.snapshot(local, shared) == SharedRef.snapshot(local, shared) == ([2], 1)
    with pytest.raises(TypeError, match="not held as it is"):
        both.set([3], [4])
    assert snapshot(local, shared) == ([2], 1), "nothing is published when one of the values cannot be"


def test_subclasses_take_part():
    class Sub(AtomicRef):
        pass

    assert transaction(Sub(1), AtomicRef(2)).update(lambda x, y: (y, x)) == (2, 1)
    assert Sub.snapshot(Sub(1)) == (1,)


def test_keeps_its_references_alive_and_is_collected_with_them():
    class Thing:
        pass

    thing = Thing()
    ref = AtomicRef(thing)
    both = transaction(ref, AtomicRef())
    thing.both = both
    weak = weakref.ref(thing)
    del ref, thing
    gc.collect()
    assert both.get()[0] is weak()
    del both
    gc.collect()
    assert weak() is None


def test_no_snapshot_is_torn(Ref):
    """Writers keep the sum; whoever saw one half of a publication would see another sum."""
    refs = [Ref(100), Ref(100), Ref(100)]

    def move(order, amount):
        group = transaction(*[refs[i] for i in order])
        for _ in range(3000):
            group.update(lambda first, *rest: (first - amount, *rest[:-1], rest[-1] + amount))

    def read(order):
        for _ in range(10000):
            assert sum(snapshot(*[refs[i] for i in order])) == 300

    with switch_interval():
        run_threads(
            lambda: move((0, 1, 2), 1), lambda: move((2, 0), 3), lambda: read((0, 1, 2)), lambda: read((2, 1, 0))
        )
    assert [ref.get() for ref in refs] == [100 - 3000 + 9000, 100, 100 + 3000 - 9000]


def test_transactions_and_updates_of_the_same_references_lose_nothing(Ref):
    a, b, each = Ref(0), Ref(0), 2000

    def together(first, second):
        group = transaction(first, second)
        for _ in range(each):
            group.update(lambda x, y: (x + 1, y + 1))

    def alone(ref):
        for _ in range(each):
            ref.update(lambda x: x + 1)

    with switch_interval():
        run_threads(lambda: together(a, b), lambda: together(b, a), lambda: alone(a), lambda: alone(b))
    assert snapshot(a, b) == (3 * each, 3 * each)
    assert a.version == b.version == 3 * each
