"""Greenlets of one thread ask for one key: none of them may wait, which would stop the one that computes."""

from __future__ import annotations

import pytest
from support import FREE_THREADED

from frozen import Cache, cached

greenlet = pytest.importorskip("greenlet")


def test_a_greenlet_computes_by_itself_what_another_one_computes() -> None:
    cache: Cache[str, str] = Cache()
    main = greenlet.getcurrent()

    def slow() -> str:
        main.switch()  # as gevent does at any I/O
        return "slow"

    first = greenlet.greenlet(lambda: cache.get_or_compute("key", slow))
    first.switch()
    assert cache.get_or_compute("key", lambda: "quick") == "quick"
    assert first.switch() == "slow"
    assert cache.get("key") == "slow"


def test_a_greenlet_that_never_ends_leaves_nothing() -> None:
    cache: Cache[str, int] = Cache()
    main = greenlet.getcurrent()
    first = greenlet.greenlet(lambda: cache.get_or_compute("key", main.switch))
    first.switch()
    del first
    assert cache.get_or_compute("key", lambda: 1) == cache.get("key") == 1


def test_a_function_that_asks_for_its_own_value_is_an_error_in_a_greenlet_too() -> None:
    @cached
    def own(key: int) -> int:
        return own(key)

    with pytest.raises(RuntimeError, match="wait for itself"):
        greenlet.greenlet(own).switch(1)


@pytest.mark.skipif(FREE_THREADED, reason="gevent is not made for it")
def test_coroutines_of_gevent() -> None:
    gevent = pytest.importorskip("gevent")

    @cached
    def slow(key: int) -> int:
        gevent.sleep(0.001)
        return key

    tasks = [gevent.spawn(slow, key) for key in (1, 2, 1, 2, 1)]
    gevent.joinall(tasks, timeout=60, raise_error=True)
    assert [task.value for task in tasks] == [1, 2, 1, 2, 1]
