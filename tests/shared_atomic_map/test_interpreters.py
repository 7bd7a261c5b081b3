"""SharedAtomicMap and SharedAtomicCounter across interpreters: they cross, count exactly, and go on whatever
ends."""

from __future__ import annotations

import os
import pickle
import random
import sys
import textwrap
import threading
import time
from collections import Counter

import interp_mailbox as mailbox
import pytest
from support import FREE_THREADED, Subinterpreter, eventually, forked, needs_subinterpreters, run_python, run_threads

from frozen import ForkWarning, SharedAtomicCounter, SharedAtomicMap, SharedMap, SharedRef, SharedVector, _core

native = pytest.mark.skipif(not _core._crosses_natively(), reason="this Python has no registry for types that cross")
pytestmark = [needs_subinterpreters, pytest.mark.usefixtures("nothing_left_behind")]

SECONDS = float(os.environ.get("FROZEN_STRESS_SECONDS", "1"))


@native
def test_they_cross_and_come_back():
    box = mailbox.create()
    m, counter = SharedAtomicMap({"a": 1}), SharedAtomicCounter(5)
    with Subinterpreter() as interpreter:
        interpreter.give(m=m, counter=counter)
        interpreter.run(
            f"""
            import frozen, interp_mailbox
            assert type(m) is frozen.SharedAtomicMap
            assert m == {{"a": 1}}
            m["b"] = "a text that needs a box"
            assert m.compare_and_set("a", 1, (1, "two"))
            counter.add(2)
            interp_mailbox.put({box}, m)
            """
        )
        back = mailbox.get(box)
    back["c"] = 3
    assert m == {"a": (1, "two"), "b": "a text that needs a box", "c": 3}
    assert counter.take() == 7
    mailbox.destroy(box)


@native
@pytest.mark.skipif(sys.version_info < (3, 13), reason="3.12 has no tuples that cross")
def test_they_cross_inside_a_tuple():
    m, counter = SharedAtomicMap(), SharedAtomicCounter()
    with Subinterpreter() as interpreter:
        interpreter.give(pair=("a", (m, counter)))
        interpreter.run("pair[1][0]['k'] = pair[1][1].get()")
    assert m == {"k": 0}


def test_they_go_by_name_and_by_handle(name):
    m, counter = SharedAtomicMap(name, {}), SharedAtomicCounter(name, 0)
    ticket = pickle.dumps(m.handle())
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            import pickle
            from frozen import SharedAtomicCounter, SharedAtomicMap
            m = SharedAtomicMap.attach({name!r})
            m["by name"] = 1
            pickle.loads({ticket!r}).redeem()["by handle"] = 2
            SharedAtomicCounter.attach({name!r}).add(3)
            """
        )
    assert m == {"by name": 1, "by handle": 2}
    assert counter.get() == 3


def test_a_map_made_elsewhere_outlives_its_interpreter(name):
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            from frozen import SharedAtomicMap, SharedVector
            m = SharedAtomicMap({name!r}, {{i: str(i) * 10 for i in range(1000)}})
            m["vector"] = SharedVector(["in it"])
            """
        )
    m = SharedAtomicMap.attach(name)
    assert m[7] == "7" * 10
    assert m["vector"] == SharedVector(["in it"])


WORDS = textwrap.dedent(
    """
    import random, threading
    from frozen import SharedAtomicCounter, SharedAtomicMap
    counts, total = SharedAtomicMap.attach({name!r}), SharedAtomicCounter.attach({name!r})
    def work(seed):
        chance = random.Random(seed)
        for _ in range({each}):
            word = "word number %d" % min(chance.randrange(200), chance.randrange(200))
            counts.add(word)
            total.add()
            if chance.randrange(50) == 0:
                assert sum(counts.snapshot().values()) <= {most}
    failed = []
    def run(seed):
        try:
            work(seed)
        except BaseException as error:
            failed.append(repr(error))
    threads = [threading.Thread(target=run, args=({seed} + i,)) for i in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not failed, failed
    """
)


def words(seed: int, each: int) -> Counter[str]:
    chance = random.Random(seed)
    counted: Counter[str] = Counter()
    for _ in range(each):
        counted[f"word number {min(chance.randrange(200), chance.randrange(200))}"] += 1
        chance.randrange(50)
    return counted


def test_four_interpreters_with_two_threads_each_count_words_exactly(name):
    counts, total, each = SharedAtomicMap(name, {}), SharedAtomicCounter(name, 0), 1_000
    interpreters = [Subinterpreter() for _ in range(4)]
    for interpreter in interpreters:
        interpreter.run("import threading")  # 3.12 joins the thread that imported it: let that be the one that closes
    run_threads(
        *[
            lambda i=i, interpreter=interpreter: interpreter.run(
                WORDS.format(name=name, each=each, most=8 * each, seed=2 * i)
            )
            for i, interpreter in enumerate(interpreters)
        ]
    )
    for interpreter in interpreters:
        interpreter.close()
    expected: Counter[str] = Counter()
    for seed in range(8):
        expected += words(seed, each)
    assert counts == expected
    assert total.get() == 8 * each


def test_entries_come_and_go_in_four_interpreters(name):
    """Each has keys of its own; all read those of the others, and never find a value of another key."""
    m = SharedAtomicMap(name, {})
    code = f"""
        import random, time
        from frozen import SharedAtomicMap
        m, chance, mine = SharedAtomicMap.attach({name!r}), random.Random(number), {{}}
        until = time.monotonic() + {SECONDS / 2}
        while time.monotonic() < until:
            for _ in range(50):
                own, other = chance.randrange(50), (chance.randrange(4), chance.randrange(50))
                key = f"a key of {{number}}: {{own}}"
                if chance.randrange(2):
                    mine[key] = m[key] = (key, chance.random())
                else:
                    assert m.pop(key, None) == mine.pop(key, None)
                other = f"a key of {{other[0]}}: {{other[1]}}"
                assert m.get(other, (other,))[0] == other
            seen = {{key: value for key, value in m.snapshot().items() if key.startswith(f"a key of {{number}}")}}
            assert seen == mine
        """
    interpreters = [Subinterpreter() for _ in range(4)]
    run_threads(*[lambda i=i: interpreters[i].run(f"number = {i}\n" + textwrap.dedent(code)) for i in range(4)])
    for interpreter in interpreters:
        interpreter.close()
    assert _core._check(m.snapshot()) is None
    assert len(m) == len(m.snapshot())


def test_update_and_compare_and_set_lose_nothing_between_interpreters(name):
    m = SharedAtomicMap(name, {})
    code = f"""
        from frozen import ABSENT, SharedAtomicMap
        m, won = SharedAtomicMap.attach({name!r}), 0
        for i in range(300):
            m.update(("updated", 1), lambda value: value + 1, default=0)
            current = m.get("compared", ABSENT)
            won += m.compare_and_set("compared", current, ("a pair", 1 + (current[1] if current is not ABSENT else 0)))
        m.add("won", won)
        """
    interpreters = [Subinterpreter() for _ in range(3)]
    run_threads(*[lambda interpreter=interpreter: interpreter.run(code) for interpreter in interpreters])
    for interpreter in interpreters:
        interpreter.close()
    assert m["updated", 1] == 900
    assert m["compared"] == ("a pair", m["won"])


def test_snapshots_and_exchanges_of_the_whole_are_one_instant(name):
    m = SharedAtomicMap(name, {"a": 0, "b": 0})
    code = f"""
        from frozen import SharedAtomicMap
        m = SharedAtomicMap.attach({name!r})
        for _ in range(150):
            while True:
                old = m.snapshot()
                assert old["a"] == old["b"]
                if m.compare_and_set_all(old, {{"a": old["a"] + 1, "b": old["b"] + 1}}):
                    break
        """
    interpreters = [Subinterpreter() for _ in range(2)]
    run_threads(*[lambda interpreter=interpreter: interpreter.run(code) for interpreter in interpreters])
    for interpreter in interpreters:
        interpreter.close()
    assert m == {"a": 300, "b": 300}


def test_waits_and_watches_hear_of_other_interpreters(name):
    m, heard = SharedAtomicMap(name, {}), []
    with Subinterpreter() as interpreter, m.watch(lambda old, new: heard.append(new)):
        interpreter.run(f"from frozen import SharedAtomicMap; m = SharedAtomicMap.attach({name!r})")
        waiting = threading.Thread(target=lambda: m.wait(0, 60) and heard.append("woken"))
        waiting.start()
        interpreter.run("m['a'] = 1")
        waiting.join(60)
        eventually(lambda: "woken" in heard and SharedMap(a=1) in heard)
        interpreter.run("m['b'] = 2")
        eventually(lambda: heard[-1] == {"a": 1, "b": 2})


def test_interpreters_come_and_go_under_load(name):
    """Created and destroyed at random, some with maps and snapshots that they still hold, while this one writes."""
    m, added = SharedAtomicMap(name, {}), 0
    chance, done = random.Random(5), threading.Event()
    life = f"""
        from frozen import SharedAtomicMap
        m = SharedAtomicMap.attach({name!r})
        kept = [m.snapshot(), SharedAtomicMap(m)]
        cycle = [m]; cycle.append(cycle)
        for i in range({{count}}):
            m.add("counted in a key that needs a box")
            m[f"key {{{{i}}}}"] = ("a value", i)
            m.get(f"key {{{{i - 1}}}}")
            kept.append(m.pop(f"key {{{{i - 2}}}}", None))
        """

    def traffic():
        i = 0
        while not done.is_set():
            i += 1
            m[f"key {i % 50}"] = f"a text that needs a box: {i}"
            assert m.get("nothing") is None
            m.snapshot()

    def lives():
        nonlocal added
        until = time.monotonic() + SECONDS
        alive = []
        try:
            while time.monotonic() < until:
                count = chance.randrange(60)
                interpreter = Subinterpreter()
                alive.append(interpreter)
                interpreter.run(life.format(count=count))
                added += count
                if len(alive) > 2 or chance.randrange(2):
                    alive.pop(chance.randrange(len(alive))).close()
        finally:
            done.set()
            for interpreter in alive:
                interpreter.close()

    run_threads(lives, traffic)
    assert m.get("counted in a key that needs a box", 0) == added


def test_records_of_readers_are_given_back_by_interpreters_that_end(name):
    m = SharedAtomicMap(name, {"a": 1})
    read = f"from frozen import SharedAtomicMap; SharedAtomicMap.attach({name!r})['a']"
    with Subinterpreter() as interpreter:
        interpreter.run(read)
    records = m._reader_records()
    for _ in range(3):
        with Subinterpreter() as interpreter:
            interpreter.run(read)
    assert m._reader_records() == records


def test_process_ends_with_interpreters_that_hold_maps():
    done = run_python(
        "-c",
        """
from support import Subinterpreter
from frozen import SharedAtomicMap
m = SharedAtomicMap("table", {index: str(index) for index in range(10_000)})
kept = [Subinterpreter() for _ in range(3)]
for interpreter in kept:
    interpreter.run("from frozen import SharedAtomicMap; m = SharedAtomicMap.attach('table'); m.add('ends')")
print("reached the end", m["ends"])
""",
    )
    assert "reached the end 3" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="forks by the C library")
@pytest.mark.skipif(FREE_THREADED, reason="a fork that CPython does not know of stops no threads")
def test_fork_while_another_interpreter_writes_and_reads(name):
    """The child finds every lock free over whole trees, and waits for no reader that only the parent has."""
    m, stop = SharedAtomicMap(name, {}), SharedRef(name, False)
    code = f"""
        from frozen import SharedAtomicMap, SharedRef
        m, stop, i = SharedAtomicMap.attach({name!r}), SharedRef.attach({name!r}), 0
        while not stop.get():
            i += 1
            m[f"a key in a box: {{i % 300}}"] = f"a value in a box: {{i}}"
            m.pop(f"a key in a box: {{(i + 150) % 300}}", None)
            m.get(f"a key in a box: {{i % 300}}")
        """

    def child():
        snapshot = m.snapshot()
        assert _core._check(snapshot) is None
        assert len(m) == len(snapshot)
        with pytest.warns(ForkWarning, match="SharedAtomicMap"):
            m["the child's own"] = "a value in a box"
        for i in range(300):
            m[f"a key in a box: {i}"] = "a child's value in a box"
        assert len(m.drain()) == 301

    def fork():
        try:
            eventually(lambda: len(m) > 100)
            assert [forked(child) for _ in range(15)] == [0] * 15
        finally:
            stop.set(True)

    with Subinterpreter() as interpreter:
        run_threads(lambda: interpreter.run(code), fork)
    assert "the child's own" not in m
    SharedRef.unlink(name)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_is_warned_and_goes_on():
    run_python(
        "-c",
        "import os, threading, warnings\n"
        "from frozen import ForkWarning, SharedAtomicCounter, SharedAtomicMap\n"
        "warnings.filterwarnings('ignore', category=DeprecationWarning)\n"
        "m, counter, stop = SharedAtomicMap(), SharedAtomicCounter(), []\n"
        "def write():\n"
        "    while not stop:\n"
        "        for i in range(100):\n"
        "            m[f'a key in a box: {i}'] = f'a value in a box: {i}'; m.get(f'a key in a box: {i}')\n"
        "threads = [threading.Thread(target=write) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for _ in range(20):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        with warnings.catch_warnings(record=True) as seen:\n"
        "            warnings.simplefilter('always')\n"
        "            m['child'] = 'a value in a box'; m['child'] = 2; counter.add(); counter.add()\n"
        "        assert [w.category for w in seen] == [ForkWarning] * 2, seen\n"
        "        assert len(m) == len(m.snapshot()); os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "stop.append(True)\n"
        "for thread in threads: thread.join()\n",
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_child_of_a_fork_is_warned_of_a_watched_map_once():
    """Of the map itself: the reference by which watches hear of it is nothing that users know of."""
    run_python(
        "-c",
        "import os, warnings\n"
        "from frozen import ForkWarning, SharedAtomicMap\n"
        "warnings.filterwarnings('ignore', category=DeprecationWarning)\n"
        "def hear(old, new): pass\n"
        "watched, unwatched = SharedAtomicMap(), SharedAtomicMap()\n"
        "watch = watched.watch(hear); watched['a'] = 1\n"
        "unwatched.watch(hear).close(); unwatched['a'] = 1\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    with warnings.catch_warnings(record=True) as seen:\n"
        "        warnings.simplefilter('always')\n"
        "        unwatched.watch(hear); assert not seen, seen\n"
        "        watched['a'] = 2; watched['a'] = 3\n"
        "    assert [w.category for w in seen] == [ForkWarning], seen\n"
        "    assert 'SharedAtomicMap' in str(seen[0].message)\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n",
    )
