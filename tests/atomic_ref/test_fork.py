"""A fork in the middle of something: what another thread was doing in the parent, no thread does in the child."""

from __future__ import annotations

import os

import pytest
from support import run_python

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

BEGIN = """if True:
    import os, signal, sys, threading, time
    from frozen import {Ref}, snapshot, transaction
    Ref = {Ref}

    def in_child(function):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            try:
                function()
                os._exit(0)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        return child

    def came_back(child):
        return os.waitpid(child, 0)[1] == 0

    def start(function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        thread.start()
        return thread

    def until(condition):
        while not condition():
            time.sleep(0.001)

    inside, go_on = threading.Event(), threading.Event()
"""


def run(Ref, code):
    done = run_python("-W", "ignore", "-c", BEGIN.format(Ref=Ref.__name__) + code)
    assert done.stdout.split() == ["right"], done.stdout + done.stderr


def test_a_watch_goes_on_although_a_thread_was_in_its_callback(Ref):
    run(
        Ref,
        """
    ref, seen = Ref(0), []

    def callback(old, new):
        seen.append((old, new))
        if new == 1:
            inside.set()
            go_on.wait(60)

    def child():
        ref.set(2)
        until(lambda: seen[-1] == (1, 2))
        ref.set(3)
        until(lambda: seen[-1] == (2, 3))

    watch = ref.watch(callback)
    publisher = start(ref.set, 1)
    inside.wait(60)
    pid = in_child(child)
    go_on.set()
    publisher.join()
    assert came_back(pid)
    watch.close()
    print("right")
""",
    )


def test_a_callback_that_forks_is_still_being_called_in_the_child():
    from frozen import AtomicRef

    run(
        AtomicRef,
        """
    ref, seen, depth, pids = Ref(0), [], [0], []

    def callback(old, new):
        assert depth == [0], "called inside itself"
        depth[0] += 1
        seen.append((old, new))
        if new == 1:
            pids.append(os.fork())
            start(ref.set, 2).join()
        depth[0] -= 1

    watch = ref.watch(callback)
    ref.set(1)
    assert seen == [(0, 1), (1, 2)]
    ref.set(3)
    assert seen[-1] == (2, 3)
    if pids[0] == 0:
        os._exit(0)
    assert came_back(pids[0])
    print("right")
""",
    )


LOSE_UNTIL_QUEUED = """
    def lose(value):  # more often than update() tries without the turn
        tries.append(1)
        if len(tries) <= 20:
            other = threading.Thread(target=ref.set, args=(value,))
            other.start()
            other.join()
        elif len(tries) == 21:
            in_turn()
        return "turn"
"""


def test_a_turn_that_was_held_or_waited_for_by_threads_of_the_parent_is_free(Ref):
    run(
        Ref,
        LOSE_UNTIL_QUEUED
        + """
    ref, tries = Ref(0), []
    in_turn = lambda: (inside.set(), go_on.wait(60))
    holder = start(ref.update, lose)
    inside.wait(60)
    queued = [start(ref.update, lambda value: value) for _ in range(3)]
    time.sleep(0.2)  # so that they most likely wait; right either way

    def child():
        assert ref.update(lambda value: "child") == "child"
        both = [threading.Thread(target=ref.update, args=(lambda value: value,)) for _ in range(2)]
        for thread in both: thread.start()
        for thread in both: thread.join()
        assert ref.get() == "child"

    pid = in_child(child)
    go_on.set()
    assert came_back(pid)
    print("right")
""",
    )


def test_a_function_that_forks_has_its_turn_in_the_child_too(Ref):
    """It passes the turn on there, and not to a thread that waits for it in the parent."""
    run(
        Ref,
        LOSE_UNTIL_QUEUED
        + """
    ref, tries, pids = Ref(0), [], []

    def in_turn():
        for _ in range(3):
            start(ref.update, lambda value: value)
        time.sleep(0.2)
        pids.append(os.fork())

    assert ref.update(lose) == "turn"
    if pids[0] == 0:
        signal.alarm(60)
        updates = [threading.Thread(target=ref.update, args=(lambda value: "after",)) for _ in range(2)]
        for thread in updates: thread.start()
        for thread in updates: thread.join()
        os._exit(ref.get() != "after")
    assert came_back(pids[0])
    print("right")
""",
    )


def test_a_signal_handler_may_fork_while_its_thread_waits_for_a_turn(Ref):
    """In the child the holder is gone, and the thread that waits is the one that forked."""
    run(
        Ref,
        LOSE_UNTIL_QUEUED
        + """
    ref, tries, pids = Ref(0), [], []
    in_turn = lambda: (inside.set(), go_on.wait(60))

    def handler(*_):
        pids.append(os.fork())
        if pids[0]:
            go_on.set()
        else:
            signal.alarm(60)

    signal.signal(signal.SIGUSR1, handler)
    holder = start(ref.update, lose)
    inside.wait(60)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    assert ref.update(lambda value: "queued") == "queued"
    if pids[0] == 0:
        os._exit(0)
    assert came_back(pids[0])
    print("right")
""",
    )


def test_waiters_of_the_parent_are_forgotten(Ref):
    run(
        Ref,
        """
    ref = Ref(0)
    for _ in range(5):
        start(ref.wait, 0)
    time.sleep(0.2)

    def child():
        ref.set(1)
        waiter = threading.Thread(target=ref.wait, args=(1, 60))
        waiter.start()
        ref.set(2)
        waiter.join()
        assert ref.version == 2

    assert came_back(in_child(child))
    ref.set(1)
    print("right")
""",
    )
