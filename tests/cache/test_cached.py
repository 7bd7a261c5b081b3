"""cached: functions, methods, and the interface of functools.lru_cache."""

import contextlib
import copy
import functools
import gc
import inspect
import pickle
import sys
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import assert_no_leak, needs_subinterpreters, run_in_subinterpreter

from frozen import Cache, cached

arguments = st.one_of(
    st.integers(-2, 2), st.sampled_from(["a", "b", ""]), st.floats(0, 1), st.booleans(), st.tuples(st.integers(0, 1))
)
calls = st.lists(
    st.tuples(st.lists(arguments, max_size=3), st.dictionaries(st.sampled_from("xyz"), arguments, max_size=2)),
    max_size=30,
)


@given(calls, st.booleans())
def test_calls_are_the_same_as_functools_says(calls, typed):
    """As long as nothing is evicted; which call is one with which is a matter of keys."""

    def identity(*args, **kwargs):
        return args, kwargs

    ours = cached(maxsize=None, typed=typed)(identity)
    theirs = functools.lru_cache(maxsize=None, typed=typed)(identity)
    for args, kwargs in calls:
        assert repr(ours(*args, **kwargs)) == repr(theirs(*args, **kwargs))
        assert ours.cache_info() == theirs.cache_info()


@pytest.mark.parametrize("maxsize", [0, 1, 5, None, -1])
def test_its_results_are_those_of_the_function(maxsize):
    ours = cached(maxsize=maxsize)(lambda n: n * n)
    theirs = functools.lru_cache(maxsize=maxsize)(lambda n: n * n)
    for n in [1, 2, 1, 3, 4, 5, 6, 1, 2, 6]:
        assert ours(n) == theirs(n) == n * n
    ours_info, theirs_info = ours.cache_info(), theirs.cache_info()
    assert ours_info.maxsize == theirs_info.maxsize
    assert ours_info.currsize == theirs_info.currsize
    assert ours_info.hits + ours_info.misses == 10
    ours.cache._check()


def test_a_decorated_function_looks_like_the_function():
    @cached
    def area(width: int, height: int = 1) -> int:
        """Say how large it is."""
        return width * height

    assert area(3) == 3
    assert area.__name__ == "area"
    assert area.__doc__ == "Say how large it is."
    assert area.__wrapped__(2, 3) == 6
    assert str(inspect.signature(area)) == "(width: int, height: int = 1) -> int"
    assert area.cache_parameters() == {"maxsize": 128, "typed": False}
    assert "area" in repr(area)
    assert isinstance(area.cache, Cache)
    area.note = 5
    assert area.note == 5


def test_clearing_begins_again():
    square = cached(lambda n: n * n)
    square(1), square(1)
    square.cache_clear()
    assert square.cache_info() == (0, 0, 128, 0)


def test_options():
    gone = []

    @cached(maxsize=2, key=lambda a, b=0: a % 10, on_evict=lambda *entry: gone.append(entry))
    def total(a, b=0):
        return a + b

    assert total(1, b=5) == 6
    assert total(11) == 6
    total(2), total(3)
    assert len(gone) == 1
    assert total.cache_parameters()["maxsize"] == 2


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: cached(5), "takes a function, not 5"),
        (lambda: cached(len, maxsize=5), "not both"),
        (lambda: cached(key=5)(len), "key="),
        (lambda: cached(unknown=5)(len), "unknown"),
        (lambda: cached()(5), "takes a function"),
    ],
)
def test_wrong_uses_are_refused(use, words):
    with pytest.raises(TypeError, match=words):
        use()


def test_methods_are_bound():
    class Account:
        def __init__(self, rate):
            self.rate = rate

        @cached(maxsize=10)
        def interest(self, amount):
            return self.rate * amount

        @classmethod
        @cached
        def of_class(cls, n):
            return cls.__name__, n

        @staticmethod
        @cached
        def plain(n):
            return n

    one, two = Account(1), Account(2)
    assert (one.interest(10), two.interest(10), one.interest(10)) == (10, 20, 10)
    assert Account.interest.cache_info()[:2] == (1, 2)
    assert one.interest.cache_info()[:2] == (1, 2)
    assert Account.of_class(1) == one.of_class(1) == ("Account", 1)
    assert Account.plain(5) == one.plain(5) == 5
    assert Account.interest(one, 10) == 10


def test_what_raises_is_not_kept_unless_asked():
    calls = []

    def fail(n):
        calls.append(n)
        raise (KeyError if n else ValueError)(n)

    forgetting, keeping = cached(fail), cached(cache_exceptions=KeyError)(fail)
    for function, expected in ((forgetting, 2), (keeping, 1)):
        calls.clear()
        for _ in range(2):
            with pytest.raises(KeyError):
                function(1)
        assert len(calls) == expected
    calls.clear()
    for _ in range(2):
        with pytest.raises(ValueError, match="0"):
            keeping(0)
    assert len(calls) == 2
    assert 1 not in keeping.cache
    assert keeping.cache.snapshot() == {}
    keeping.cache._check()


def test_an_exception_that_is_kept_gets_no_longer_by_being_raised():
    @cached(cache_exceptions=True)
    def fail():
        raise KeyError

    def depth():
        with pytest.raises(KeyError) as caught:
            fail()
        return len(caught.traceback)

    depth()
    assert depth() == depth()


@pytest.mark.parametrize("recursive", [lambda f, n: f(n), lambda f, n: cached(lambda m: f(m))(n)])
def test_a_function_that_waits_for_itself_is_an_error(recursive):
    @cached
    def own(n):
        return recursive(own, n)

    with pytest.raises(RuntimeError, match="the key 5 is being computed by the same thread"):
        own(5)
    assert own.cache._flights == {}


def test_recursion_takes_two_frames_for_each_level():
    @cached
    def depth(n):
        return 0 if n == 0 else 1 + depth(n - 1)

    levels = (sys.getrecursionlimit() - 250) // 3
    assert depth(levels) == levels


def test_recursion_over_other_keys():
    @cached(maxsize=None)
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(100) == 354224848179261915075
    assert fibonacci.cache_info() == (98, 101, None, 101)


def test_what_changes_meanwhile_is_not_overwritten():
    """A result that was computed from what has been outdated since is returned, and not kept."""

    def outdating(change):
        @cached
        def load(key):
            change(load.cache)
            return "old"

        assert load("k") == "old"
        return load.cache.get("k")

    assert outdating(lambda cache: cache.clear()) is None
    assert outdating(lambda cache: cache.delete("k")) is None
    assert outdating(lambda cache: cache.set("k", "new")) == "new"


def test_arguments_must_be_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        cached(len)([1])


@cached
def of_module(n):
    return n


def test_pickles_name_the_function():
    assert pickle.loads(pickle.dumps(of_module)) is of_module
    assert copy.copy(of_module) is of_module
    assert copy.deepcopy(of_module) is of_module


def test_nothing_leaks():
    def use():
        @cached(maxsize=2)
        def f(*args, **kwargs):
            if args == (0,):
                raise ValueError
            return [args]

        for n in range(4):
            with contextlib.suppress(ValueError):
                f(n), f(n), f(n, n), f(a=n)
        f.itself = f
        f.cache["itself"] = f

    assert_no_leak(use)


def test_a_method_that_is_forgotten_lets_its_object_go():
    class Owner:
        @cached(maxsize=1)
        def work(self):
            return 1

    owner = Owner()
    owner.work()
    gone = weakref.ref(owner)
    del owner
    assert gone() is not None
    Owner().work()
    gc.collect()
    assert gone() is None


@needs_subinterpreters
def test_it_works_in_subinterpreters():
    run_in_subinterpreter(
        """
        from frozen import Cache, cached
        @cached(maxsize=5)
        def f(n):
            return n
        assert [f(n % 3) for n in range(10)] == [n % 3 for n in range(10)]
        assert f.cache_info() == (7, 3, 5, 3)
        import asyncio
        @cached
        async def g(n):
            return n
        async def main():
            return [await g(1) for _ in range(3)]
        assert asyncio.run(main()) == [1] * 3
        """
    )
