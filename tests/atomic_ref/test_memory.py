"""When a version that was replaced gives its memory back, who may still read it, and how threads, forks and
interpreters end while they keep something."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
import threading
import time
import weakref

import pytest
from support import needs_subinterpreters, run_in_subinterpreter, run_python, run_threads

from frozen import AtomicRef, Map, Set


class Thing:
    """What a version holds: its weak reference tells whether the version is still there.

    CPython without the GIL lets an object be freed by the thread that made it, or by the collector; so these tests make
    their things in a thread that runs.
    """


def version_with_a_thing():
    thing = Thing()
    return Map(thing=thing), weakref.ref(thing)


class Reader(threading.Thread):
    """A thread that runs one function at a time and sleeps in between."""

    def __init__(self):
        super().__init__(daemon=True)
        self._wake, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._function = None
        self.start()

    def run(self):
        while True:
            self._wake.acquire()
            if self._function is None:
                return
            self._result = self._function()
            self._function = None
            self._done.release()

    def call(self, function):
        self._function = function
        self._wake.release()
        assert self._done.acquire(timeout=60)
        result, self._result = self._result, None
        return result

    def end(self):
        self._wake.release()
        self.join(60)
        assert not self.is_alive()


@pytest.fixture
def reader():
    thread = Reader()
    yield thread
    thread.end()


def look(ref):
    """Read the reference as a program does, keeping nothing."""
    for _ in range(3):
        assert "thing" in ref.get()


def wait_until_dead(weak):
    end = time.monotonic() + 60
    while weak() is not None:
        assert time.monotonic() < end, "the old version is still there"


def test_a_version_nobody_else_read_goes_at_once():
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    look(ref)
    ref.set(Map())
    assert weak() is None


def test_a_running_reader_frees_the_old_version_without_reading_again(reader):
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    look(ref)
    reader.call(lambda: ref.set(Map()))
    wait_until_dead(weak)


def test_a_sleeping_reader_frees_the_old_version_when_it_wakes(reader):
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    reader.call(lambda: look(ref))
    ref.set(Map())
    reader.call(lambda: None)
    assert weak() is None


def test_a_collection_frees_what_sleeping_readers_keep(reader):
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    reader.call(lambda: look(ref))
    ref.set(Map())
    gc.collect()
    assert weak() is None


def test_a_reader_that_ended_keeps_nothing():
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    run_threads(lambda: look(ref), lambda: look(ref))
    ref.set(Map())
    assert weak() is None


def test_a_reader_that_ends_after_the_publication_frees_the_old_version():
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    thread = Reader()
    thread.call(lambda: look(ref))
    ref.set(Map())
    thread.end()
    assert weak() is None


@pytest.mark.parametrize("collect", [True, False])
def test_a_dropped_reference_leaves_nothing_behind(reader, collect):
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    reader.call(functools.partial(look, ref))
    del ref
    gc.collect() if collect else reader.call(lambda: None)
    assert weak() is None


def test_a_header_given_away_by_its_thread_is_not_kept_beyond_the_next_read(reader):
    version, weak = version_with_a_thing()
    ref = AtomicRef(version)
    del version
    for _ in range(3):
        given = reader.call(ref.get)
        assert given["thing"] is weak()
        del given  # the last reference outside, dropped by a thread that did not make the object
        reader.call(lambda: None)
    ref.set(Map(thing=None))
    reader.call(lambda: look(ref))
    assert weak() is None


def test_cycles_through_headers_of_threads_that_are_alive_are_collected():
    readers = [Reader() for _ in range(3)]
    thing = Thing()
    ref = thing.ref = AtomicRef(Map(thing=thing))
    weak = weakref.ref(thing)
    for thread in readers:
        thread.call(functools.partial(look, ref))
    del ref, thing
    gc.collect()
    gc.collect()
    assert weak() is None
    for thread in readers:
        thread.end()


def test_no_version_is_left_when_threads_read_publish_and_end():
    """Count versions through their things: all but the last are gone in the end."""
    alive = weakref.WeakSet()
    ref = AtomicRef(Map(thing=Thing()))

    def publish():
        for _ in range(300):
            thing = Thing()
            alive.add(thing)
            ref.set(Map(thing=thing))

    def read():
        for _ in range(3000):
            look(ref)

    for _ in range(3):
        run_threads(publish, read, read, publish)
    gc.collect()
    assert set(alive) <= {ref.get()["thing"]}


def test_a_thread_reads_more_references_than_it_keeps_headers_of():
    refs = [AtomicRef(Map(number=number)) for number in range(200)]

    def read():
        for _ in range(20):
            for number, ref in enumerate(refs):
                assert ref.get()["number"] == number

    run_threads(read, read)


def test_every_container_is_read_through_headers():
    values = [Map(a=1), Set([1]), Map(), Set()]
    for value in values:
        ref = AtomicRef(value)
        got = run_threads(ref.get, ref.get)
        assert got == [value, value]
        assert type(got[0]) is type(value)
        assert ref.compare_and_set(got[0], None), "a header stands for the version it was read from"


def test_a_subclass_of_a_container_is_an_object_like_any_other():
    class Sub(Map):
        pass

    value = Sub(a=1)
    ref = AtomicRef(value)
    assert all(got is value for got in run_threads(ref.get, ref.get))
    assert not ref.compare_and_set(Sub(a=1), None)
    assert ref.compare_and_set(value, None)


def test_compare_and_set_takes_a_container_for_its_version():
    version = Map(a=1)
    ref = AtomicRef(version)
    assert not ref.compare_and_set(Map(a=1), Map()), "equal, but another version"
    assert ref.compare_and_set(Map(version), Map(b=2)), "the same version"
    assert ref.compare_and_set(ref.get(), Map(c=3))
    assert not ref.compare_and_set(version, Map())
    ref.set(Map())
    assert not ref.compare_and_set(Set(), None), "all empty maps are one version, but no set"
    assert ref.compare_and_set(Map(), None)


def test_destructors_may_read_while_their_thread_ends():
    seen = []
    ref = AtomicRef(Map(a=1))

    class Last:
        def __del__(self):
            seen.append(ref.get()["a"])

    other = AtomicRef(Map(last=Last()))

    def read():
        other.get()
        ref.get()

    def publish_and_end():
        read()
        other.set(None)

    threads = [threading.Thread(target=read), threading.Thread(target=publish_and_end)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert seen == [1]
    local = threading.local()

    def keep_until_the_end():
        local.last = Last()  # dies with the thread's dictionary, before or after its headers
        read_again = AtomicRef(Map(last=Last()))
        read_again.get()

    run_threads(keep_until_the_end, keep_until_the_end)
    gc.collect()
    assert seen == [1] * 5


def test_the_process_ends_with_threads_that_keep_headers():
    done = run_python(
        "-c",
        """if True:
        import threading, time
        from frozen import AtomicRef, Map
        class Thing:
            def __del__(self): pass
        ref = AtomicRef(Map(thing=Thing(), more=Map(a=1)))
        cycle = AtomicRef()
        cycle.set(Map(cycle=cycle))
        started = threading.Barrier(4)
        def read():
            ref.get(), cycle.get()
            started.wait()
            while True:
                ref.get()
                time.sleep(0.001)
        for _ in range(3):
            threading.Thread(target=read, daemon=True).start()
        started.wait()
        ref.set(Map(thing=Thing()))
        print("done")
        """,
    )
    assert done.stdout.strip() == "done"
    assert not done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # fork with threads, which is the point
def test_the_child_of_a_fork_goes_on():
    """Forked while other threads read, publish, wait, and hold or wait for a turn."""
    done = run_python(
        "-W",
        "ignore",
        "-c",
        """if True:
        import os, sys, threading, time
        from frozen import AtomicRef, Map, snapshot, transaction
        ref, other, slow, stop = AtomicRef(Map(n=0)), AtomicRef(0), AtomicRef(0), threading.Event()
        def read():
            while not stop.is_set():
                assert ref.get()["n"] >= 0
        def publish():
            n = 0
            while not stop.is_set():
                n += 1
                ref.set(Map(n=n))
                slow.set(n)
        def wait():
            other.wait(0)
        def update():      # loses against publish(), and so takes the turn
            while not stop.is_set():
                slow.update(lambda value: time.sleep(0.002) or value)
        threads = [threading.Thread(target=f, daemon=True) for f in (read, publish, wait, wait, update, update)]
        for thread in threads:
            thread.start()
        time.sleep(0.1)
        children = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                try:
                    for n in range(200):
                        ref.update(lambda m: m.set("child", n))
                        assert ref.get()["child"] == n
                    assert slow.update(lambda value: -1) == -1
                    transaction(ref, slow).set(Map(), 0)
                    assert snapshot(ref, slow) == (Map(), 0)
                    other.set(1)                # nobody is left to be woken
                    waiter = threading.Thread(target=lambda: other.wait(1, 60))
                    waiter.start()
                    other.set(2)
                    waiter.join()
                    os._exit(0)
                except BaseException as error:
                    print(repr(error), file=sys.stderr, flush=True)
                    os._exit(1)
            children.append(child)
            time.sleep(0.01)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        other.set(1)
        for thread in threads:
            thread.join()
        print("done")
        """,
    )
    assert done.stdout.strip() == "done"


@needs_subinterpreters
def test_an_interpreter_ends_with_threads_that_read():
    run_in_subinterpreter(
        """
        import threading
        from frozen import AtomicRef, Map
        class Thing:
            pass
        ref = AtomicRef(Map(thing=Thing()))
        def read():
            for _ in range(1000):
                ref.get()["thing"]
        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(100):
            ref.set(Map(thing=Thing(), n=n))
        for thread in threads:
            thread.join()
        ref.get()
        """
    )


@needs_subinterpreters
def test_one_thread_reads_in_several_interpreters_in_turn():
    from support import Subinterpreter

    def use(number):
        ref = AtomicRef(Map(number=number))
        with contextlib.ExitStack() as stack:
            others = [stack.enter_context(Subinterpreter()) for _ in range(2)]
            for other in others:
                other.run(f"from frozen import AtomicRef, Map\nref = AtomicRef(Map(number={number}))")
            for turn in range(5):
                assert ref.get()["number"] == number
                for other in others:
                    other.run(f"assert ref.get()['number'] == {number}\nref.set(Map(number={number}, turn={turn}))")
        assert ref.get()["number"] == number

    use(0)
    if sys.version_info >= (3, 13):  # before, threads of several interpreters at once were not yet reliable
        run_threads(lambda: use(1), lambda: use(2))


@pytest.mark.parametrize(
    "make",
    [
        "AtomicRef(chain)",
        "Sub(chain)",
        "transaction(AtomicRef(chain))",
        "AtomicRef(chain).get",
        "AtomicRef(chain).watch(print)",
        "closed(ref.watch(partial(print, chain)))",
    ],
)
def test_long_chains_are_freed_without_recursion(make):
    run_python(
        "-c",
        f"""if True:
        from functools import partial
        from frozen import AtomicRef, transaction

        class Sub(AtomicRef):
            pass

        def closed(watch):
            watch.close()
            return watch

        chain, ref = None, AtomicRef()
        for _ in range(200_000):
            chain = {make}
        del chain
        """,
    )
