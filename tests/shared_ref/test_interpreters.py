"""SharedRef across interpreters: it crosses, publishes everywhere, and survives whatever ends first."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import re
import sys
import textwrap
import traceback

import interp_mailbox as mailbox
import pytest
from support import FREE_THREADED, Subinterpreter, forked, needs_subinterpreters, run_python, run_threads

from frozen import AtomicRef, ForkWarning, SharedMap, SharedRef, _core, transaction

native = pytest.mark.skipif(not _core._crosses_natively(), reason="this Python has no registry for types that cross")
pytestmark = [needs_subinterpreters, pytest.mark.usefixtures("nothing_left_behind")]

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))


def table(size: int = 1000) -> SharedMap:
    return SharedMap({f"key number {index}": (index, "payload of some length") for index in range(size)})


def test_attaching_in_another_interpreter(name):
    ref = SharedRef(name, table())
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            from frozen import SharedRef
            ref = SharedRef.attach({name!r})
            assert ref.get()["key number 7"] == (7, "payload of some length")
            assert ref.version == 0
            ref.update(lambda table: table.set("from", "elsewhere"))
            """
        )
        assert ref.get() == table().set("from", "elsewhere")
        assert ref.version == 1
        ref.set(5)
        interpreter.run("assert ref.get_versioned() == (5, 2)")


def test_a_name_made_elsewhere_outlives_its_interpreter(name):
    with Subinterpreter() as interpreter:
        interpreter.run(f"from frozen import SharedMap, SharedRef; SharedRef({name!r}, SharedMap(a=1))")
        interpreter.run(f"kept = SharedRef.attach({name!r}); kept.get()")
    assert SharedRef.attach(name).get() == {"a": 1}


@native
def test_it_crosses_and_comes_back():
    box = mailbox.create()
    ref = SharedRef(SharedMap(a=1))
    with Subinterpreter() as interpreter:
        interpreter.give(ref=ref)
        interpreter.run(
            f"""
            import frozen, interp_mailbox
            assert type(ref) is frozen.SharedRef
            assert ref.exchange(frozen.SharedMap(a=2)) == {{"a": 1}}
            interp_mailbox.put({box}, ref)
            """
        )
        back = mailbox.get(box)
    assert back == ref
    assert back.get() == ref.get() == {"a": 2}
    mailbox.destroy(box)


@native
@pytest.mark.skipif(sys.version_info < (3, 13), reason="3.12 has no tuples that cross")
def test_it_crosses_inside_a_tuple():
    ref = SharedRef(1)
    with Subinterpreter() as interpreter:
        interpreter.give(pair=("a", (ref, SharedMap(b=2))))
        interpreter.run("pair[1][0].set(pair[1][1])")
    assert ref.get() == {"b": 2}


@native
@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_calls_and_pools():
    from concurrent import interpreters
    from concurrent.futures import InterpreterPoolExecutor

    ref = SharedRef(table(100))
    assert interpreters.is_shareable(ref)
    initialise = f"import sys; sys.path[:] = {sys.path!r}"
    interpreter = interpreters.create()
    interpreter.call(exec, initialise)
    interpreter.call(SharedRef.set, ref, 7)
    assert ref.get() == 7
    assert interpreter.call(SharedRef.get, ref) == 7
    interpreter.close()
    with InterpreterPoolExecutor(2, initializer=exec, initargs=(initialise,)) as pool:
        assert [pool.submit(SharedRef.exchange, ref, number).result() for number in range(3)] == [7, 0, 1]


def test_it_goes_by_handle(name):
    ref = SharedRef(1)
    ticket = pickle.dumps(ref.handle())
    with Subinterpreter() as interpreter:
        interpreter.run(f"import pickle; pickle.loads({ticket!r}).redeem().set('from elsewhere')")
    assert ref.get() == "from elsewhere"


def test_values_are_compared_across_interpreters(name):
    first = SharedMap(a=1)
    ref = SharedRef(name, first)
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            from frozen import SharedMap, SharedRef
            ref = SharedRef.attach({name!r})
            read = ref.get()
            assert not ref.compare_and_set(SharedMap(a=1), 0)
            assert ref.compare_and_set(read, 5)
            assert ref.compare_and_set(5, "a text that needs a box")
            assert ref.compare_and_set("a text that needs a box", read)
            """
        )
        assert ref.compare_and_set(first, "the same version, made here"), ref
        assert ref.version == 4


def test_no_update_of_four_interpreters_with_two_threads_each_is_lost(name):
    ref, each = SharedRef(name, 0), 500
    interpreters = [Subinterpreter() for _ in range(4)]
    for interpreter in interpreters:
        interpreter.run("import threading")  # 3.12 joins the thread that imported it: let that be the one that closes
    code = f"""
        import threading
        from frozen import SharedRef
        ref = SharedRef.attach({name!r})
        def count():
            for _ in range({each}):
                ref.update(lambda value, by: value + by, 1)
        threads = [threading.Thread(target=count) for _ in range(2)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    run_threads(*[lambda interpreter=interpreter: interpreter.run(code) for interpreter in interpreters])
    assert ref.get_versioned() == (4 * 2 * each, 4 * 2 * each)
    for interpreter in interpreters:
        interpreter.close()
    assert ref.get() == 4 * 2 * each


def test_four_interpreters_publish_read_and_compare(name):
    """Every version is whole, none is seen after a newer one, and whoever wins a comparison wins alone."""
    ref = SharedRef(name, table(100).update(a=0, b=0))
    code = f"""
        import time
        from frozen import SharedRef
        ref, wins, last = SharedRef.attach({name!r}), 0, 0
        until = time.monotonic() + {SECONDS}
        while time.monotonic() < until:
            for step in range(50):
                current, version = ref.get_versioned()
                assert current["a"] == current["b"] >= last, (current["a"], current["b"], last)
                assert current["key number 7"] == (7, "payload of some length")
                last = current["a"]
                if step % 5 == 0:
                    wins += ref.compare_and_set(current, current.update(a=last + 1, b=last + 1))
        ref.update(lambda current: current.set("wins", current.get("wins", 0) + wins))
        """
    interpreters = [Subinterpreter() for _ in range(4)]
    run_threads(*[lambda interpreter=interpreter: interpreter.run(code) for interpreter in interpreters])
    final = ref.get()
    assert final["a"] == final["b"] == final["wins"] > 0
    assert ref.version == final["wins"] + 4
    for interpreter in interpreters:
        interpreter.close()


def test_snapshots_across_interpreters_are_whole(name):
    refs = [SharedRef(f"{name} {index}", 100) for index in range(3)]
    code = f"""
        import time
        from frozen import SharedRef, snapshot, transaction
        refs = [SharedRef.attach({name!r} + " " + str(index)) for index in range(3)]
        group = transaction(*refs[number % 3:], *refs[:number % 3])
        until = time.monotonic() + {SECONDS / 2}
        while time.monotonic() < until:
            if number % 2:
                group.update(lambda first, *rest: (first - number, *rest[:-1], rest[-1] + number))
            assert sum(snapshot(*refs)) == 300
            assert sum(group.get()) == 300
        """
    interpreters = [Subinterpreter() for _ in range(4)]
    run_threads(*[lambda i=i: interpreters[i].run(f"number = {i}\n" + textwrap.dedent(code)) for i in range(4)])
    assert sum(SharedRef.snapshot(*refs)) == 300
    assert refs[0].version == refs[1].version == refs[2].version > 0
    for interpreter in interpreters:
        interpreter.close()
    for index in range(3):
        SharedRef.unlink(f"{name} {index}")


def test_an_update_is_noticed_inside_itself_through_another_interpreter(name):
    """One thread goes into another interpreter and publishes there to what it is updating here."""
    ref, calls = SharedRef(name, 1), 0
    with Subinterpreter() as interpreter:
        interpreter.run(f"from frozen import SharedRef; ref = SharedRef.attach({name!r})")

        def reenter(value, times):
            nonlocal calls
            calls += 1
            if calls <= times:
                interpreter.run("ref.set(2)")
            return "done"

        assert ref.update(reenter, 1) == "done"
        assert calls == 2
        with pytest.raises(RuntimeError, match="gave up"):
            ref.update(reenter, 10_000)
    assert ref.get_versioned() == (2, calls)


def test_a_waiter_is_woken_by_another_interpreter(name):
    ref, rounds = SharedRef(name, 0), 200
    back = SharedRef(name + " back", 0)
    with Subinterpreter() as interpreter:
        echo = f"""
            from frozen import SharedRef
            there, back = SharedRef.attach({name!r}), SharedRef.attach({name + " back"!r})
            for number in range({rounds}):
                assert there.wait(number, 60), number
                back.set(there.get())
            """

        def call():
            for number in range(rounds):
                ref.set(number + 1)
                assert back.wait(number, 60), f"slept through version {number + 1}"
                assert back.get() == number + 1

        run_threads(lambda: interpreter.run(echo), call)
    SharedRef.unlink(name + " back")


def test_an_interpreter_ends_with_live_references(name):
    ref = SharedRef(name, table())
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            import threading
            from frozen import SharedRef, transaction
            ref = SharedRef.attach({name!r})
            kept, both = ref.get(), transaction(ref, SharedRef(ref.get()))
            cycle = [ref]; cycle.append(cycle)
            class Last:
                def __del__(self, ref=ref): ref.get()
            last = Last()
            thread = threading.Thread(target=ref.get); thread.start(); thread.join()
            """
        )
        ref.set("newer")
    assert ref.get() == "newer"


def test_an_outdated_version_goes_with_the_interpreter_that_kept_it(name):
    ref = SharedRef(name, table())
    alive = _core._live_shared_nodes()
    with Subinterpreter() as interpreter:
        interpreter.run(f"from frozen import SharedRef; ref = SharedRef.attach({name!r}); ref.get()")
        ref.set(None)
        interpreter.run("ref.get()")
        assert _core._live_shared_nodes() < alive - 1000, "gone when it read again"
        ref.set(table())
        interpreter.run("ref.get()")
        ref.set(None)
    gc.collect()
    assert _core._live_shared_nodes() < alive - 1000


def test_process_ends_with_interpreters_that_hold_references():
    done = run_python(
        "-c",
        """
from support import Subinterpreter
from frozen import SharedMap, SharedRef
ref = SharedRef("config", SharedMap({index: str(index) for index in range(10_000)}))
kept = [Subinterpreter() for _ in range(3)]
for interpreter in kept:
    interpreter.run("from frozen import SharedRef; ref = SharedRef.attach('config')")
    interpreter.run("ref.update(lambda table: table.set(-1, None) if -1 not in table else table.delete(-1))")
    interpreter.run("ref.get()")
print("reached the end", ref.version)
""",
    )
    assert "reached the end 3" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="forks by the C library")
@pytest.mark.skipif(FREE_THREADED, reason="a fork that CPython does not know of stops no threads")
def test_fork_while_another_interpreter_publishes(name):
    """The child finds every lock free over whole data, whatever the parent's other interpreters were doing."""
    ref, stop = SharedRef(name, 0), SharedRef(name + " stop", False)

    def child():
        before = ref.version
        assert ref.get() == before
        with pytest.warns(ForkWarning):
            assert SharedRef.attach(name).update(lambda value: value + 1) == before + 1
        SharedRef(name + " of the child", 1)

    def fork():
        assert ref.wait(100, 60), "the other interpreter publishes"
        try:
            assert [forked(child) for _ in range(50)] == [0] * 50
        finally:
            stop.set(True)

    with Subinterpreter() as interpreter:
        publish = f"""
            from frozen import SharedRef
            ref, stop = SharedRef.attach({name!r}), SharedRef.attach({name + " stop"!r})
            while not stop.get():
                ref.update(lambda value: value + 1)
            """
        run_threads(fork, lambda: interpreter.run(publish))
    assert ref.get() == ref.version
    SharedRef.unlink(name + " stop")


PUBLICATIONS = {
    "set": lambda ref: ref.set(1),
    "exchange": lambda ref: ref.exchange(1),
    "compare_and_set": lambda ref: ref.compare_and_set(0, 1),
    "update": lambda ref: ref.update(lambda value: value + 1),
    "transaction.set": lambda ref: transaction(ref, AtomicRef(0)).set(1, 1),
    "transaction.update": lambda ref: transaction(AtomicRef(0), ref).update(lambda a, b: (a, b + 1)),
}


def in_a_child(child):
    """Run `child` in a child of os.fork(), and say whether it returned."""
    pid = os.fork()
    if pid == 0:
        try:
            child()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("publish", PUBLICATIONS.values(), ids=PUBLICATIONS)
def test_the_first_publication_to_a_variable_of_the_parent_warns_in_the_child(name, publish):
    ref, other = SharedRef(name, 0), SharedRef(0)

    def child():
        ref.get()
        assert not ref.compare_and_set("something else", 1)
        with pytest.warns(ForkWarning, match=re.escape(f"SharedRef({name!r}, ...) was made before")) as caught:
            publish(ref)
        assert caught[0].filename == __file__
        with pytest.warns(ForkWarning, match="an anonymous SharedRef was made before"):
            publish(other)
        for later in (ref, SharedRef.attach(name), SharedRef(0), other):
            later.set(0)
            publish(later)

    assert in_a_child(child)
    for here in (ref, other):
        publish(here)  # the parent is not warned: a warning is an error here
        assert here.version == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_publication_whose_warning_is_an_error_does_not_happen():
    ref = SharedRef(0)

    def child():
        for _ in range(2):
            with pytest.raises(ForkWarning):
                ref.set(1)
            assert ref.get_versioned() == (0, 0)

        def grandchild():
            with pytest.raises(ForkWarning):
                mine.set(1)

        mine = SharedRef(0)
        mine.set(1)
        assert in_a_child(grandchild)

    assert in_a_child(child)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_goes_on(name):
    ref = SharedRef(name, table())

    def child():
        assert ref.get() == table()
        with pytest.warns(ForkWarning):
            SharedRef.attach(name).set("from the child")
        assert ref.get_versioned() == ("from the child", 1)
        assert not ref.wait(1, 0.001)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert ref.version == 0
