"""Cache as a mapping of bounded size: what it holds, what it forgets, and what it says of that."""

import copy
import itertools
import math
import pickle
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support import assert_no_leak

from frozen import Cache, Map


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Car:
    """A plain model of the clock with adaptive replacement: two queues, the oldest first, marks, and what was evicted.

    For keys of different buckets, so that no ghost pushes out another.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize, self.target = maxsize, maxsize // 10
        self.recent, self.frequent, self.marked, self.ghosts = [], [], set(), {}

    @property
    def keys(self) -> list:
        return self.recent + self.frequent

    def hit(self, key: object) -> bool:
        if key in self.keys:
            self.marked.add(key)
        return key in self.keys

    def remove(self, key: object) -> None:
        (self.recent if key in self.recent else self.frequent).remove(key)
        self.marked.discard(key)

    def clear(self) -> None:
        for key in self.keys:
            self.remove(key)

    def insert(self, key: object) -> None:
        is_frequent = key in self.frequent
        if key in self.keys:
            self.remove(key)
        if self.maxsize == 0:
            return
        while len(self.keys) >= self.maxsize:
            self.evict()
        if key in self.ghosts:
            self.adapt(self.ghosts.pop(key))
            is_frequent = True
        (self.frequent if is_frequent else self.recent).append(key)

    def evict(self) -> None:
        while True:
            first = not self.frequent or (self.recent and len(self.recent) >= max(1, self.target))
            queue = self.recent if first else self.frequent
            key = queue[0]
            if key not in self.marked:
                self.remove(key)
                self.ghosts[key] = "recent" if first else "frequent"
                return
            self.remove(key)
            self.frequent.append(key)

    def adapt(self, came_from: str) -> None:
        own = sum(queue == came_from for queue in self.ghosts.values())
        other = len(self.ghosts) - own
        step = other // own if 0 < own < other else 1
        change = step if came_from == "recent" else -step
        self.target = min(max(self.target + change, 0), self.maxsize)


class CacheBesideModel(RuleBasedStateMachine):
    keys = st.integers(0, 11)

    @initialize(maxsize=st.integers(0, 8))
    def begin(self, maxsize):
        self.cache, self.model, self.values, self.count = Cache(maxsize), Car(maxsize), {}, itertools.count()

    @rule(key=keys)
    def get(self, key):
        expected = self.values[key] if self.model.hit(key) else None
        assert self.cache.get(key) == expected

    @rule(key=keys)
    def store(self, key):
        self.values[key] = self.cache[key] = next(self.count)
        self.model.insert(key)

    @rule(key=keys)
    def compute(self, key):
        fresh = next(self.count)
        if self.model.hit(key):
            fresh = self.values[key]
        else:
            self.model.insert(key)
        self.values[key] = fresh
        assert self.cache.get_or_compute(key, lambda: fresh) == fresh

    @rule(key=keys)
    def delete(self, key):
        there = key in self.model.keys
        assert self.cache.delete(key) is there
        if there:
            self.model.remove(key)

    @rule(key=keys)
    def pop(self, key):
        if key in self.model.keys:
            assert self.cache.pop(key) == self.values[key]
            self.model.remove(key)
        else:
            assert self.cache.pop(key, "default") == "default"

    @rule()
    def clear(self):
        self.cache.clear()
        self.model.clear()

    @invariant()
    def the_same_entries(self):
        self.cache._check()
        assert dict(self.cache.snapshot()) == {key: self.values[key] for key in self.model.keys}
        assert len(self.cache) == self.cache.weight == len(self.model.keys)
        assert set(self.cache) == set(self.model.keys)
        for key in range(12):
            assert (key in self.cache) == (key in self.model.keys)


TestCacheBesideModel = CacheBesideModel.TestCase


def test_it_is_a_mapping():
    cache = Cache()
    cache["a"] = 1
    assert cache["a"] == 1
    assert cache.get("b", default=2) == 2
    assert cache.get("b") is None
    del cache["a"]
    with pytest.raises(KeyError, match="a"):
        cache["a"]
    with pytest.raises(KeyError, match="a"):
        del cache["a"]
    with pytest.raises(KeyError, match="a"):
        cache.pop("a")
    with pytest.raises(TypeError, match="unhashable"):
        cache[[]] = 1
    assert isinstance(cache.snapshot(), Map)


def test_without_maxsize_it_keeps_everything():
    cache = Cache(None)
    for i in range(1000):
        cache[i] = i
    assert len(cache) == 1000
    assert cache.maxsize is None
    cache.resize(10)
    cache._check()
    assert len(cache) == 10
    assert cache.stats().evictions == 990


@pytest.mark.parametrize(("wrong", "error"), [("5", TypeError), (2.5, TypeError)])
def test_a_wrong_maxsize_is_refused(wrong, error):
    with pytest.raises(error):
        Cache(wrong)
    with pytest.raises(error):
        Cache().resize(wrong)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"ttl": "soon"}, TypeError, "number"),
        ({"ttl": math.nan}, ValueError, "ttl is a number of seconds, not NaN"),
        ({"weigh": 5}, TypeError, "weigh=5: it is no function"),
        ({"on_evict": 5}, TypeError, "on_evict=5"),
        ({"stale_while_revalidate": "x"}, TypeError, "number"),
        ({"cache_exceptions": int}, TypeError, "subclasses of Exception"),
        ({"cache_exceptions": (KeyError, KeyboardInterrupt)}, TypeError, "KeyboardInterrupt"),
        ({"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_wrong_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        Cache(**options)


def test_a_maxsize_below_zero_is_zero_and_a_huge_one_is_none():
    assert Cache(-5).maxsize == 0
    assert Cache(1 << 80).maxsize is None


def test_counts():
    cache = Cache(2)
    for key in "abcab":
        cache.get(key)
        cache[key] = key
    cache.get("b")
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.evictions, stats.entries, stats.weight) == (1, 5, 3, 2, 2)
    assert stats.maxsize == 2


# Time


def test_values_expire():
    clock = Clock()
    cache = Cache(ttl=10, _clock=clock)
    cache["a"] = 1
    clock.now += 9.99
    assert cache["a"] == 1
    clock.now += 0.01
    assert "a" not in cache
    assert cache.get("a") is None
    assert len(cache) == 0
    assert cache.stats().expirations == 1


def test_a_value_has_a_ttl_of_its_own():
    clock = Clock()
    cache = Cache(ttl=lambda value: value, _clock=clock)
    cache["for ever"] = None
    cache["short"] = 1
    cache["long"] = 100
    cache.set("given", 1, ttl=50)
    cache.set("given none", 1, ttl=None)
    clock.now += 1
    assert set(cache) == {"for ever", "long", "given", "given none"}
    clock.now += 1e9
    assert set(cache) == {"for ever", "given none"}
    assert cache.pop("long", "expired") == "expired"


@pytest.mark.parametrize("ttl", [0, -1])
def test_what_expires_at_once_is_not_kept(ttl):
    cache = Cache(ttl=ttl)
    cache["a"] = 1
    assert len(cache) == 0


def test_without_a_bound_expired_entries_go_as_others_come():
    clock = Clock()
    cache = Cache(None, ttl=10, _clock=clock)
    for i in range(1000):
        cache[i] = i
    clock.now += 10
    for i in range(1000, 2001):
        cache[i] = i
    cache._check()
    assert len(cache) == 1001


def test_the_real_clock_goes_on():
    cache = Cache(ttl=1e-6)
    cache["a"] = 1
    while "a" in cache:
        pass
    cache.set("a", 1, ttl=1e9)
    assert "a" in cache


# Weight


def test_entries_have_weights():
    cache = Cache(10, weigh=len)
    cache["a"] = "12345"
    cache["b"] = "12345"
    assert cache.weight == 10
    cache["c"] = "1"
    assert set(cache) == {"b", "c"}
    cache["c"] = "123456"  # replaced, and too much beside the other one
    assert set(cache) == {"c"}
    cache["huge"] = "x" * 11
    assert set(cache) == {"c"}
    cache["c"] = "x" * 11  # what was there before has gone all the same
    assert len(cache) == cache.weight == 0
    cache._check()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=60), st.integers(0, 20))
def test_the_weight_is_never_more_than_maxsize(stores, maxsize):
    cache = Cache(maxsize, weigh=int)
    for key, weight in stores:
        cache[key] = weight
        assert cache.weight == sum(cache.snapshot().values()) <= maxsize
        assert (key in cache) == (weight <= maxsize)
    cache._check()


def test_one_heavy_entry_takes_the_place_of_many():
    gone = []
    cache = Cache(1000, weigh=int, on_evict=lambda *entry: gone.append(entry))
    for key in range(1000):
        cache[key] = 1
    cache["heavy"] = 1000
    assert cache.snapshot() == {"heavy": 1000}
    assert sorted(gone) == [(key, 1, "size") for key in range(1000)]


@pytest.mark.parametrize(
    ("weigh", "error"),
    [(lambda value: -1, ValueError), (lambda value: "x", TypeError), (lambda value: 1 / 0, ArithmeticError)],
)
def test_a_weight_that_is_none_stores_nothing(weigh, error):
    cache = Cache(weigh=weigh)
    with pytest.raises(error):
        cache["a"] = 1
    with pytest.raises(error):
        cache.get_or_compute("a", int)
    assert len(cache) == 0
    cache._check()


# What goes is reported


def test_on_evict_is_told_what_went_and_why():
    gone, clock = [], Clock()
    cache = Cache(2, ttl=10, on_evict=lambda *entry: gone.append(entry), _clock=clock)
    cache["a"] = 1
    cache["a"] = 2
    cache["b"] = 3
    cache["c"] = 4
    assert gone == [("a", 1, "replaced"), ("a", 2, "size")]
    del gone[:]
    cache.pop("b")
    clock.now += 10
    cache.get("c")
    assert gone == [("b", 3, "deleted"), ("c", 4, "expired")]
    del gone[:]
    cache["d"] = 5
    clock.now += 10
    cache["d"] = 6
    cache.clear()
    assert gone == [("d", 5, "expired"), ("d", 6, "cleared")]


def test_on_evict_may_use_the_cache():
    cache = Cache(2, on_evict=lambda key, value, reason: value < 50 and cache.set(key, value + 1))
    for key in "abcdef":
        cache[key] = 1
    cache._check()
    assert len(cache) <= 2


def test_what_on_evict_raises_is_reported(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda report: reported.append(report.exc_value))
    cache = Cache(1, on_evict=lambda *entry: 1 / 0)
    cache["a"] = 1
    cache["b"] = 2
    assert cache.snapshot() == {"b": 2}
    assert [type(error) for error in reported] == [ZeroDivisionError]


def test_an_interrupt_of_on_evict_comes_when_all_is_done():
    told = []

    def on_evict(key, value, reason):
        told.append(key)
        raise KeyboardInterrupt

    cache = Cache(3, weigh=int, on_evict=on_evict)
    for key in "abc":
        cache[key] = 1
    sys_hook, sys.unraisablehook = sys.unraisablehook, lambda report: None
    try:
        with pytest.raises(KeyboardInterrupt):
            cache["d"] = 3
    finally:
        sys.unraisablehook = sys_hook
    assert sorted(told) == ["a", "b", "c"]
    assert cache.snapshot() == {"d": 3}
    cache._check()


# Keys that misbehave


class Colliding:
    """Keys with one hash, whose comparing does something."""

    def __init__(self, name, compare=None):
        self.name, self.compare = name, compare

    def __hash__(self):
        return 7

    def __eq__(self, other):
        if self.compare:
            self.compare()
        return isinstance(other, Colliding) and self.name == other.name


def test_keys_that_use_the_cache_while_they_are_compared():
    cache, changes = Cache(3), []

    def compare():
        if changes:
            changes.pop()
            cache.pop(Colliding(0), None)
            cache[Colliding(1)] = "from within"

    for i in range(20):
        changes += [True] * 2
        cache[Colliding(i % 5, compare)] = i
        changes.clear()
        cache._check()
    assert len(cache) <= 3


def test_a_key_that_cannot_be_compared_is_an_error_for_who_asks():
    failing = []

    def fail():
        if failing:
            raise ArithmeticError("not now")

    cache = Cache(2)
    cache[Colliding("a", fail)] = 1
    failing.append(True)
    with pytest.raises(ArithmeticError, match="not now"):
        cache[Colliding("b")]
    with pytest.raises(ArithmeticError, match="not now"):
        cache[Colliding("b")] = 2
    failing.clear()
    cache._check()
    assert cache[Colliding("a")] == 1


def test_values_that_use_the_cache_when_they_die():
    class Value:
        def __del__(self):
            cache[len(cache)] = 1
            cache.pop(0, None)

    cache = Cache(3)
    for i in range(50):
        cache[i % 5] = Value()
    cache._check()
    assert len(cache) <= 3
    cache.clear()


# The object


def test_it_is_a_place_and_no_value():
    for operation in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a Cache is a place, not a value"):
            operation(Cache())


def test_repr_and_generic_alias():
    cache = Cache(5)
    cache["a"] = 1
    assert repr(cache) == "<Cache of 1 entries, maxsize=5>"
    assert repr(Cache[str, int]).endswith("Cache[str, int]")


def test_subclasses_are_caches():
    class Sessions(Cache):
        pass

    cache = Sessions(2)
    cache["a"] = 1
    cache.name = "mine"
    assert cache["a"] == 1
    with pytest.raises(TypeError, match="a Sessions is a place"):
        copy.copy(cache)


def test_nothing_leaks():
    clock = Clock()

    def use():
        cache = Cache(3, ttl=10, on_evict=lambda *entry: None, _clock=clock)
        for i in range(10):
            cache[i] = [i]
            cache.get(i - 1)
            cache[i] = [i]
        cache.pop(9)
        cache.get_or_compute("a", list)
        clock.now += 11
        cache.get("a")
        cache["itself"] = cache
        cache.snapshot()

    assert_no_leak(use)


def test_cycles_are_collected():
    def use():
        cache = Cache()
        cache["itself"] = cache
        other = Cache(on_evict=lambda *entry: other)
        other["a"] = [other]

    assert_no_leak(use)


@pytest.mark.parametrize("drop", [lambda c, k: c.pop(k), lambda c, k: c.pop(k, None), Cache.delete, Cache.__delitem__])
def test_a_key_that_cannot_be_hashed_is_not_dropped(drop):
    cache = Cache(maxsize=2)
    assert cache.get_or_compute("a", lambda: 1) == 1  # from here on, computations under way are looked up too
    with pytest.raises(TypeError, match="unhashable"):
        drop(cache, ["a"])
    assert list(cache.snapshot().items()) == [("a", 1)]
