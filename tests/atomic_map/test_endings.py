"""The end of an interpreter, with atomic maps that are in use: threads that nobody waits for, values that are destroyed
late, watches that are open."""

import pytest
from support import run_python

HEAD = """
import atexit, gc, sys, threading, time
from frozen import AtomicMap, SharedAtomicMap, Map
class Value:
    def __del__(self, print=print, time=time):
        for m in maps:
            m["destroyed"] = len(m)
            m.get(1), m.pop("destroyed", None), m.snapshot()
maps = [AtomicMap(), SharedAtomicMap()]
local, shared = maps
for m in maps:
    for i in range(100):
        m[i] = str(i) * (i % 7)
"""


def ends(code):
    """The program ends by itself, with what it prints and nothing said of errors."""
    done = run_python("-c", HEAD + code)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("times", range(3))
def test_daemon_threads_may_use_maps_until_the_process_ends(times):
    code = """
def write(m, thread):
    while True:
        for i in range(thread, 400, 2):
            m[i] = str(i); m.add("count"); m.pop(i, None); m.setdefault((i, "t"), [i] if m is local else i)
def read(m):
    while True:
        for i in range(400):
            m.get(i), (i, "t") in m
        sum(1 for key in m), m.exchange("x", "y"), m.drain()
started = threading.Barrier(9)
def run(work, *args):
    started.wait()
    work(*args)
for m in maps:
    for work, *args in (write, m, 0), (write, m, 1), (read, m), (m.wait, 1 << 60):
        threading.Thread(target=run, args=(work, *args), daemon=True).start()
started.wait()
time.sleep(0.02)
print("end")
"""
    assert ends(code) == ["end"]


def test_values_that_are_destroyed_at_the_end_may_use_the_maps():
    code = """
local["value"] = Value()
local["cycle"] = local
local[Value()] = Value()
kept = local.snapshot()
atexit.register(lambda: print(local.drain()["value"] is not None, len(shared)))
sys.modules["late"] = type(sys)("late")
sys.modules["late"].map = AtomicMap({"self": AtomicMap({"value": Value()})})
"""
    assert ends(code) == ["True", "100"]


def test_watches_are_open_when_the_process_ends():
    """Those of an AtomicMap are called as long as there are changes, those of a SharedAtomicMap up to the last one."""
    code = """
heard = []
def hear(old, new, heard=heard, Map=Map, local=local, shared=shared):
    heard.append(new)
    if new.get("n", 0) < 50:
        (local if isinstance(new, Map) else shared).add("n")
watches = [m.watch(hear) for m in maps]
class Last:
    def __del__(self, m=local):
        m["last"] = 1
last = Last()
atexit.register(lambda: print(local["n"], local.drain()["n"], *(m.add("n") for m in maps)))
local.add("n")
"""
    out = ends(code)
    assert out[:2] == ["50", "50"]
