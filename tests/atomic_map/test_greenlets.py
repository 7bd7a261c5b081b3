"""Greenlets that switch while an atomic map runs their code: in a key's `__hash__` and `__eq__`, in a function, in the
callback of a watch. Another greenlet of the same thread uses the map meanwhile."""

import importlib.util
import itertools
import random

import pytest
from support import FREE_THREADED, run_python

from frozen import AtomicMap, SharedAtomicMap, register_shareable
from frozen._core import _check

greenlet = pytest.importorskip("greenlet")


def turn():
    if Switching.turn is not None:
        Switching.turn()


class Switching:
    """A key of its own or of one hash with others; what is done to it may let the other greenlets run."""

    turn = None

    def __init__(self, number):
        self.number = number

    def __hash__(self):
        turn()
        return self.number % 2

    def __eq__(self, other):
        turn()
        return isinstance(other, Switching) and self.number == other.number


@pytest.fixture(params=[AtomicMap, SharedAtomicMap])
def new_map(request):
    register_shareable(Switching, lambda key: key.number, Switching)
    yield request.param
    Switching.turn = None


def round_robin(*functions, chance=None):
    """Runs each function in a greenlet; `Switching.turn()` lets the next one go on. Errors are raised here."""
    errors, main = [], greenlet.getcurrent()

    def guarded(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    ring = [greenlet.greenlet(lambda function=function: guarded(function)) for function in functions]

    def let_others_go_on():
        if greenlet.getcurrent() is not main and (chance is None or chance.random() < 0.3):
            main.switch()

    Switching.turn = let_others_go_on
    while ring:
        for each in list(ring):
            each.switch()
            if each.dead:
                ring.remove(each)
    Switching.turn = None
    if errors:
        raise errors[0]


@pytest.mark.parametrize("seed", range(5))
def test_operations_whose_keys_switch_lose_nothing(new_map, seed):
    m, each = new_map(), 60
    model = [0] * 4

    def work(seed):
        chance = random.Random(seed)
        for _ in range(each):
            number = chance.randrange(4)
            match chance.randrange(4):
                case 0:
                    m.add(Switching(number))
                    model[number] += 1
                case 1:
                    m.update(Switching(number), lambda value: value + 1, default=0)
                    model[number] += 1
                case 2:
                    popped = m.pop(Switching(number), 0)  # may let others change the model
                    model[number] -= popped
                case 3:
                    assert m.get(Switching(number), 0) <= 5 * each

    chance = random.Random(seed)
    round_robin(*[lambda i=i: work(seed * 5 + i) for i in range(5)], chance=chance)
    assert [m.get(Switching(number), 0) for number in range(4)] == model
    assert _check(m.snapshot()) is None
    assert len(m) == len(m.snapshot())


def test_functions_of_update_may_switch(new_map):
    m, each = new_map({"a": 0}), 20

    def slow(value):
        for _ in range(3):
            turn()
        return value + 1

    round_robin(*[lambda: [m.update("a", slow) for _ in range(each)]] * 4)
    assert m["a"] == 4 * each


def test_callbacks_of_watches_may_switch():
    """The greenlets that make changes meanwhile do not wait: the greenlet that is in the callback delivers theirs."""
    m, chain, drained = AtomicMap(), [], []

    def hear(old, new):
        chain.append((old, new))
        turn()

    def add(key):
        for _ in range(20):
            m.add(key)

    with m.watch(hear):
        round_robin(lambda: add("a"), lambda: add("b"), lambda: [drained.append(m.drain()) for _ in range(20)])
        m["last"] = 1
    assert all(before[1] == after[0] for before, after in itertools.pairwise(chain))
    assert chain[0][0] == {}
    assert chain[-1][1] == m
    drained.append(m)
    assert [sum(entries.get(key, 0) for entries in drained) for key in "ab"] == [20, 20]


@pytest.mark.parametrize("inside", ["__hash__", "__eq__", "function", "callback"])
def test_a_greenlet_that_is_killed_inside_leaves_the_map_whole(inside):
    m, main, asked, heard = AtomicMap({Switching(0): 0}), greenlet.getcurrent(), [], []

    def pause():
        asked.append(1)
        if len(asked) == (1 if inside == "__hash__" else 2):
            main.switch()

    def work():
        if inside in ("__hash__", "__eq__"):
            Switching.turn = pause
            m.pop(Switching(0))
        elif inside == "function":
            m.update(Switching(0), lambda value: main.switch())
        else:
            with m.watch(lambda old, new: main.switch()):
                m.drain()

    stopped = greenlet.greenlet(work)
    stopped.switch()
    assert not stopped.dead
    Switching.turn = None
    killed = stopped.throw()
    assert stopped.dead
    assert isinstance(killed, greenlet.GreenletExit)
    assert m == ({} if inside == "callback" else {Switching(0): 0})
    assert getattr(killed, "undelivered", []) == ([{Switching(0): 0}] if inside == "callback" else [])
    with m.watch(lambda old, new: heard.append(new)):
        m[Switching(0)] = 2
    assert heard == [{Switching(0): 2}]


GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from frozen import AtomicMap, SharedAtomicMap
class Key(str):
    def __hash__(self):
        time.sleep(0)  # another greenlet goes on here
        return str.__hash__(self)
    def __eq__(self, other):
        time.sleep(0)
        return str(self) == str(other)
for m in AtomicMap(), SharedAtomicMap():
    heard = []
    def count(key):
        for _ in range(50):
            m.add(Key(key) if type(m) is AtomicMap else key)
            m.update("all", lambda n: (time.sleep(0), n + 1)[1], default=0)
    def hear(old, new):
        time.sleep(0)
        heard.append(new["all"] if "all" in new else 0)
    with m.watch(hear):
        tasks = [gevent.spawn(count, key) for key in "abab"]
        gevent.joinall(tasks, raise_error=True)
        with gevent.Timeout(60):
            while not heard or heard[-1] != 200:
                time.sleep(0.001)
    assert dict(m.items()) == {"a": 100, "b": 100, "all": 200}, m
    print("counted")
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.skipif(FREE_THREADED, reason="gevent is not made for it")
def test_gevent_may_switch_wherever_python_code_runs():
    assert run_python("-c", GEVENT).stdout.split() == ["counted"] * 2


WAITING = """
from gevent import monkey
monkey.patch_all()
import gevent
from frozen import AtomicMap, AtomicRef, SharedAtomicMap, SharedRef
for source, change in (
    (AtomicRef(0), lambda ref: ref.set(1)),
    (SharedRef(0), lambda ref: ref.set(1)),
    (AtomicMap(), lambda m: m.add("key")),
    (SharedAtomicMap(), lambda m: m.add("key")),
):
    assert source.wait(source.version, timeout=0.001) is False
    waits = gevent.spawn(source.wait, source.version, timeout=60)
    gevent.sleep(0)  # it waits now
    change(source)
    print(waits.get())
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.skipif(FREE_THREADED, reason="gevent is not made for it")
def test_a_greenlet_that_waits_lets_the_others_publish():
    assert run_python("-c", WAITING).stdout.split() == ["True"] * 4
