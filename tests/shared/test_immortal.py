"""immortalize: shared memory that is never freed, and that reading and deriving do not write to."""

from __future__ import annotations

import gc
import os
import signal
import textwrap

import pytest
from support import FREE_THREADED, Subinterpreter, live_shared_nodes, needs_subinterpreters, run_python, run_threads

from frozen import (
    AtomicRef,
    Blob,
    Map,
    SharedMap,
    SharedRef,
    SharedSet,
    SharedVector,
    _core,
    immortalize,
    share,
)

CONFIG = {
    "hosts": [f"host number {i}" for i in range(100)],
    "limits": {f"limit number {i}": {"soft": i, "hard": 2**80 + i} for i in range(100)},
    "tags": {f"tag number {i}" for i in range(100)},
    "text": ("a long text, in a tuple", 1.5, 2**70, b"bytes of some length", 3j, frozenset({"a frozen set"})),
}


def config():
    """Values of many kinds, nested."""
    return share(CONFIG)


def counts(shared):
    """How many blocks there are, how many of them are immortal, and the sum of their counts."""
    return _core._count_shared_blocks(shared)


def read(value):
    """Every value in it, at any depth."""
    if isinstance(value, SharedMap):
        for key in value:
            read(key), read(value[key])
    elif isinstance(value, (SharedSet, SharedVector, tuple, frozenset)):
        for element in value:
            read(element)


def test_all_that_is_reachable_is_immortal():
    shared = config()
    blocks, immortal, _ = counts(shared)
    assert blocks > 500
    assert immortal == 0
    assert immortalize(shared) is shared
    assert counts(shared)[:2] == (blocks, blocks)


@pytest.mark.parametrize(
    "value",
    [SharedMap(), SharedSet(), SharedVector(), SharedMap(a=1), SharedSet("ab"), SharedVector(range(5000)), Blob(b"b")],
    ids=repr,
)
def test_containers_of_any_kind_and_blobs(value):
    immortalize(value)
    blocks, immortal, _ = counts(value)
    assert blocks == immortal >= 1


def test_reading_counts_nothing():
    shared = immortalize(config())
    before = counts(shared)
    read(shared)
    assert counts(shared) == before
    held = [shared["limits"], shared["hosts"], list(shared.items())]
    assert counts(shared) == before
    del held
    assert counts(shared) == before


def test_what_is_not_immortal_is_counted():
    """The test above can fail."""
    shared = config()
    before = counts(shared)
    held = shared["limits"]
    assert counts(shared)[2] == before[2] + 1
    del held
    assert counts(shared) == before


def test_deriving_counts_nothing():
    shared = immortalize(config())
    before = counts(shared)
    limits, hosts, tags = shared["limits"], shared["hosts"], shared["tags"]
    derived = [
        shared.set("new", 1),
        shared.delete("text"),
        limits | {"limit number 5": 5},
        limits.set("limit number 7", limits["limit number 8"]),
        hosts.append("another"),
        hosts[10:90] + hosts,
        tags - {"tag number 1"},
        share({"it": shared}),
        AtomicRef(shared),
        SharedRef(shared),
    ]
    with limits.mutate() as mutation:
        mutation["limit number 1"] = mutation.pop("limit number 2")
    derived.append(mutation.finish())
    assert counts(shared) == before
    del derived, mutation
    gc.collect()
    assert counts(shared) == before
    assert shared == config()


def test_versions_of_it_are_freed_all_the_same():
    shared = immortalize(SharedMap({f"key number {i}": f"value number {i}" for i in range(1000)}))
    before = live_shared_nodes()
    version = shared
    for i in range(200):
        version = version.set(f"key number {i}", share([i]))
    assert live_shared_nodes() > before
    del version
    assert live_shared_nodes() == before


def test_what_is_immortal_is_no_leak_for_those_who_count():
    before = live_shared_nodes()
    shared = config()
    assert live_shared_nodes() > before
    immortalize(shared)
    assert live_shared_nodes() == before
    del shared
    assert live_shared_nodes() == before


def test_a_part_that_is_immortal_stays_so_in_the_whole():
    part = immortalize(config())
    before = live_shared_nodes()
    whole = SharedVector([part, part, config()])
    immortalize(immortalize(whole))
    blocks, immortal, _ = counts(whole)
    assert blocks == immortal
    assert live_shared_nodes() == before


def test_depth_is_no_bound():
    deep = SharedVector()
    for i in range(100_000):
        deep = SharedVector([deep, i])
    immortalize(deep)
    blocks, immortal, _ = counts(deep)
    assert blocks == immortal >= 200_000


def test_many_paths_to_one_value():
    value = ("a value that is met on a billion paths",)
    for _ in range(30):
        value = (value, value)
    shared = immortalize(SharedVector([value]))
    assert counts(shared)[0] < 100


@pytest.mark.parametrize("value", [{}, Map(a=1), (1, 2), None, "text", AtomicRef(), SharedRef(1), [SharedMap()]])
def test_anything_else_is_an_error_that_names_the_way_out(value):
    with pytest.raises(TypeError, match=r"share\(\) it first"):
        immortalize(value)


def immortalize_until_a_signal(shared):
    signal.setitimer(signal.ITIMER_REAL, 0.002)
    while True:
        immortalize(shared)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_an_interrupt_leaves_it_whole_and_another_call_goes_on():
    class Interrupt(Exception):
        pass

    def interrupt(*_):
        raise Interrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(50):  # until the signal comes in the middle
            shared = SharedMap({i: (f"value number {i}",) for i in range(300_000)})
            with pytest.raises(Interrupt):
                immortalize_until_a_signal(shared)
            blocks, immortal, _ = counts(shared)
            if 0 < immortal < blocks:
                break
        else:
            pytest.fail("never interrupted in the middle")
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert len(shared) == 300_000
    assert shared[7] == ("value number 7",)
    immortalize(shared)
    assert counts(shared)[:2] == (blocks, blocks)


@pytest.mark.skipif(FREE_THREADED, reason="CPython's hooks of the allocator are for builds with the GIL")
@pytest.mark.parametrize("lasts", [True, False], ids=["from then on", "once"])
def test_without_memory_whole_parts_are_marked_and_another_call_goes_on(lasts):
    testcapi = pytest.importorskip("_testcapi", reason="needs CPython's own allocator that fails on demand")
    depths = (1, 40, 1, 90, 200, 500, 40, 1100)

    def deep(levels):
        value = SharedVector(["the lowest"])
        for _ in range(levels):
            value = SharedVector([value, "a text that needs a box"])
        return value

    seen = set()
    for first in range(40):
        chains = [deep(levels) for levels in depths]
        whole = SharedVector(chains)
        testcapi.set_nomemory(first, 0 if lasts else first + 1)
        try:
            done = immortalize(whole) is whole
        except MemoryError:
            done = False
        finally:
            testcapi.remove_mem_hooks()
        parts = [counts(chain) for chain in chains]
        assert all(immortal in (0, blocks) for blocks, immortal, _ in parts)
        seen.add(sum(immortal > 0 for _, immortal, _ in parts))
        blocks, immortal, _ = counts(whole)
        assert (immortal == blocks) == done
        assert immortalize(whole) is whole
        assert counts(whole)[0] == counts(whole)[1]
        assert whole[1][1] == "a text that needs a box"
        if done:
            break
    else:
        raise AssertionError("it never got by")
    assert {0, len(depths)} < seen  # and some that stopped between


def test_threads_mark_read_and_derive_at_once():
    for _ in range(5):
        shared = config()
        blocks = counts(shared)[0]

        def derive(shared=shared):
            version = shared
            for i in range(300):
                version = version.set("limits", version["limits"].set(f"limit number {i % 100}", i))
                assert shared["hosts"][i % 100] == f"host number {i % 100}"

        run_threads(*[lambda shared=shared: immortalize(shared)] * 2, derive, lambda shared=shared: read(shared))
        assert counts(shared)[:2] == (blocks, blocks)
        assert shared == config()


@needs_subinterpreters
def test_another_interpreter_reads_derives_and_marks():
    shared = immortalize(config())
    other = config()
    before = counts(shared)
    with Subinterpreter() as interpreter:
        interpreter.give(shared=shared, other=other)
        interpreter.run(
            "import frozen\n"
            "assert shared['limits']['limit number 5']['soft'] == 5\n"
            "derived = shared.set('hosts', shared['hosts'].append('x'))\n"
            "frozen.immortalize(other)"
        )
    assert counts(shared) == before
    blocks, immortal, _ = counts(other)
    assert blocks == immortal


@pytest.mark.skipif(
    not {"ASAN_OPTIONS", "TSAN_OPTIONS"}.isdisjoint(os.environ),
    reason="sanitizers keep what is freed, and shadow memory",
)
@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="needs /proc/self/smaps_rollup")
@pytest.mark.parametrize("immortal", [True, False])
def test_a_fork_that_reads_everything_shares_the_memory(immortal):
    """The table has at least 20 MiB. Of a table that is not immortal, the child makes most pages its own."""
    code = f"""
    import gc, os, sys
    import frozen
    table = frozen.share({{i: {{"name": f"the name of {{i}}", "count": i}} for i in range(50_000)}})
    if {immortal}:
        frozen.immortalize(table)

    def private():
        with open("/proc/self/smaps_rollup") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

    gc.collect()
    gc.freeze()
    def child():
        base = private()
        for _ in range(2):
            for key in table:
                value = table[key]
                assert value["count"] == key
        gc.collect()
        table.set(5, table[6])
        print(private() - base)
    pid = os.fork()
    if pid == 0:
        child()
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    """
    done = run_python("-W", "ignore", "-c", textwrap.dedent(code))
    kibibytes = int(done.stdout)
    assert (kibibytes < 2_500) if immortal else (kibibytes > 5_000), kibibytes
