"""How processes and interpreters end while they watch SharedRefs: every one ends, and no last change is lost.

Each program runs in a process of its own, whose timeout only detects that it hangs.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys

import pytest
from support import FREE_THREADED, Subinterpreter, needs_subinterpreters, run_python

from frozen import SharedRef

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

INTERPRETERS = """
import sys
from frozen import SharedRef
from support import Subinterpreter
"""


def printed(code: str, *, status: int = 0, **kwargs: object) -> str:
    """What the program prints; it ends with `status` and complains about nothing."""
    done = run_python("-W", "error", "-c", code, check=False, **kwargs)
    assert (done.returncode, done.stderr) == (status, ""), done
    return done.stdout.strip()


# The last change


LAST_CHANGE = """
import os, sys
from frozen import SharedRef
ref = SharedRef(0)
watch = ref.watch(lambda old, new: os.write(1, b"%d " % new))
for number in (1, 2, 3):
    ref.set(number)
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("sys.exit(5)", 5),
        ("import atexit; atexit.register(ref.set, 4)", 0),
        ("import threading, time; threading.Thread(target=lambda: (time.sleep(0.05), ref.set(4))).start()", 0),
        ("import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()", 0),
        ("with ref.watch(lambda old, new: sys.stdout.flush()): ref.set(4)", 0),
    ],
)
def test_the_last_change_is_delivered_before_the_process_ends(ending: str, status: int) -> None:
    last = "4" if "4" in ending else "3"
    assert printed(LAST_CHANGE + ending, status=status).split()[-1] == last


def test_the_last_change_is_delivered_before_a_program_that_failed_ends() -> None:
    done = run_python("-c", LAST_CHANGE + "raise ValueError('of the program')", check=False)
    assert (done.returncode, done.stdout.split()[-1]) == (1, "3")
    assert done.stderr.rstrip().endswith("ValueError: of the program")


@needs_fork
def test_the_last_change_is_delivered_before_a_process_of_multiprocessing_ends() -> None:
    code = """
import multiprocessing, os, warnings
warnings.simplefilter("ignore")
from frozen import SharedRef
def child():
    ref = SharedRef(0)
    global watch
    watch = ref.watch(lambda old, new: os.write(1, b"%d " % new))
    for number in (1, 2, 3):
        ref.set(number)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join()
"""
    assert printed(code).split()[-1] == "3"


@needs_subinterpreters
def test_the_last_change_is_delivered_before_an_interpreter_ends() -> None:
    code = """
ref = SharedRef("r", 0)
interpreter = Subinterpreter()
interpreter.run('''
import os
from frozen import SharedRef
watch = SharedRef.attach("r").watch(lambda old, new: os.write(1, b"%d " % new))
''')
ref.set(3)
interpreter.close()
"""
    assert printed(INTERPRETERS + code).split()[-1] == "3"


def test_callbacks_that_publish_for_each_other_do_not_keep_the_process() -> None:
    code = """
from frozen import SharedRef
a, b = SharedRef(0), SharedRef(0)
watches = a.watch(lambda old, new: b.set(new)), b.watch(lambda old, new: a.set(new + 1))
a.set(1)
"""
    assert printed(code) == ""


# What may not keep the process


@pytest.mark.parametrize(
    "ending",
    [
        "watch.close()",
        "del watch, ref",
        "ref.set(1); watch.close()",
        "import os; sys.stdout.flush(); os._exit(0)",
        "ref.watch(lambda old, new: watch.close()); ref.set(1)",
        "import atexit; atexit.register(watch.close)",
        "import atexit; atexit.register(lambda: ref.watch(lambda old, new: None))",
        "import atexit; atexit._clear()",
        "import atexit; ref.watch(lambda old, new: atexit._run_exitfuncs()); ref.set(1)",
        "import threading; threading.Thread(target=lambda: [ref.set(1) for _ in iter(int, 1)], daemon=True).start()",
    ],
)
def test_a_process_ends_while_it_watches(ending: str) -> None:
    code = """
import sys
from frozen import SharedRef
ref = SharedRef("watched", 0)
watch = ref.watch(lambda old, new: None)
print("reached the end")
"""
    assert printed(code + ending) == "reached the end"


def test_a_callback_that_exits_is_reported_and_ends_nothing() -> None:
    done = run_python(
        "-c",
        """
import sys, threading
from frozen import SharedRef
reported = threading.Event()
sys.unraisablehook = lambda report: (print(repr(report.exc_value)), reported.set())
ref = SharedRef(0)
with ref.watch(lambda old, new: sys.exit(7)):
    ref.set(1)
    assert reported.wait(60)
""",
    )
    assert done.stdout.strip() == "SystemExit(7)"


def test_a_package_that_is_imported_twice_closes_its_watches() -> None:
    code = """
import sys
from unittest import mock
with mock.patch.dict(sys.modules):
    import frozen as first
    ref, seen = first.SharedRef(0), []
    watch = ref.watch(lambda old, new: seen.append(new))
import frozen
with frozen.SharedRef(0).watch(print):
    ref.set(1)
    frozen._core._settle_watches()
watch.close()
print(seen)
"""
    assert printed(code) == "[1]"


RUN_IN_ANOTHER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
run = getattr(interpreters, "exec", None) or interpreters.run_string
other = interpreters.create()
"""
"""The head of a script that calls `run(other, code)`."""


@needs_subinterpreters
@pytest.mark.parametrize("main_imports", [True, False], ids=["frozen in main", "frozen not in main"])
@pytest.mark.parametrize("publishing", [True, False], ids=["publishing", "idle"])
def test_a_process_ends_while_an_interpreter_that_nobody_closed_watches(main_imports: bool, publishing: bool) -> None:
    code = f"""
import sys
if {main_imports}:
    import frozen
{RUN_IN_ANOTHER}
run(other, '''
import sys
sys.path[:] = {sys.path!r}
from frozen import SharedRef
ref = SharedRef("r", 0)
watch = ref.watch(lambda old, new: ref.set(new + 1) if {publishing} and new < 1000 else None)
ref.set(1)
''')
print("reached the end")
"""
    assert run_python("-c", code).stdout.strip() == "reached the end"


@needs_subinterpreters
def test_a_watch_is_called_while_an_interpreter_is_entered_and_left() -> None:
    """CPython 3.13.0 ends the process where a thread enters an interpreter that the last one is just leaving."""
    code = f"""
{RUN_IN_ANOTHER}
run(other, '''
import sys
sys.path[:] = {sys.path!r}
from frozen import SharedRef
ref = SharedRef("r", 0)
watch = ref.watch(lambda old, new: None)
''')
for turn in range(300):
    run(other, "ref.set(ref.get() + 1)")
run(other, "print(ref.get())")
interpreters.destroy(other)
"""
    assert run_python("-c", code).stdout.strip() == "300"


@needs_subinterpreters
def test_an_interpreter_ends_while_it_watches(name: str) -> None:
    ref = SharedRef(name, 0)
    with Subinterpreter() as interpreter:
        interpreter.run(
            f"""
            import threading
            from frozen import SharedRef
            ref, seen = SharedRef.attach({name!r}), threading.Event()
            watch = ref.watch(lambda old, new: seen.set())
            ref.watch(lambda old, new: None)
            """
        )
        ref.set(1)
        interpreter.run("assert seen.wait(60)")
    ref.set(2)
    assert ref.get() == 2


# When the main thread has ended


@pytest.mark.parametrize("how", ["watch", "changed", "late"])
def test_other_threads_go_on_when_the_main_thread_has_ended(how: str) -> None:
    code = f"""
import asyncio, threading
from frozen import SharedRef
ref, seen, how = SharedRef(0), threading.Event(), {how!r}

def serve():
    if how == "watch":
        watch = ref.watch(lambda old, new: seen.set())
    if how == "late":
        threading.main_thread().join()
    ready.set()
    if how == "watch":
        assert seen.wait(60)
    else:
        assert asyncio.run(listen()) == (1, 1)
    print("woken")

async def listen():
    return await asyncio.wait_for(ref.changed(since=0), 60)

def publish():
    threading.main_thread().join()
    ready.wait()
    ref.set(1)

ready = threading.Event()
threading.Thread(target=serve).start()
threading.Thread(target=publish).start()
"""
    assert printed(code) == "woken"


def test_an_interpreter_that_ends_takes_no_new_watches() -> None:
    code = """
import atexit
def late():
    try:
        ref.watch(print)
    except RuntimeError as error:
        print(error)
atexit.register(late)  # before the package's own, so it is called after that
from frozen import SharedRef
ref = SharedRef(0)
ref.watch(print).close()
"""
    assert printed(code) == "this interpreter is ending: no new watches"


# Interrupts


INTERRUPTED = """
import signal, sys, threading
from frozen import SharedRef, _core

class Interrupt(Exception):
    pass

def interrupt(*args):
    raise Interrupt

def trace(frame, event, argument):
    global left
    frame.f_trace_opcodes = True
    left -= 1
    if left == 0:
        sys.settrace(None)
        raise Interrupt
    return trace

ref = SharedRef(0)
seen = threading.Event()
with ref.watch(lambda old, new: seen.set()):  # imports what it needs
    ref.set(1)
    assert seen.wait(60)

def attempt():
    with ref.watch(lambda old, new: None) as watch:
        ref.set(1)
        watch.close()
"""


def test_watches_are_opened_and_closed_wholly_when_interrupted_at_any_step() -> None:
    code = """
for step in range(1, 1000):
    left = step
    sys.settrace(trace)
    try:
        attempt()
    except Interrupt:
        continue
    finally:
        sys.settrace(None)
    break
seen = threading.Event()
with ref.watch(lambda old, new: seen.set()):
    ref.set(2)
    assert seen.wait(60)
print("reached the end" if step < 999 else "never done")
"""
    assert printed(INTERRUPTED + code) == "reached the end"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_watches_are_opened_and_closed_wholly_when_signals_interrupt() -> None:
    code = """
signal.signal(signal.SIGALRM, interrupt)
hits = 0
while hits < 300:
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-5 + hits % 30 * 1e-5)
        while True:
            attempt()
    except Interrupt:
        hits += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print("reached the end")
"""
    assert printed(INTERRUPTED + code) == "reached the end"


# Other schedulers of threads


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.skipif(FREE_THREADED, reason="gevent is not made for it")
def test_watches_are_called_under_gevent() -> None:
    code = """
from gevent import monkey
monkey.patch_all()
import threading
from frozen import SharedRef
ref, seen = SharedRef(0), threading.Event()
with ref.watch(lambda old, new: seen.set()):
    ref.set(1)
    print(seen.wait(60))
"""
    done = run_python("-c", code)
    assert done.stdout.strip() == "True"
    assert "Traceback" not in done.stderr
