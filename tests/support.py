"""What the tests share: threads that re-raise, fresh processes, subinterpreters, leaks.

Import it as `from support import ...`: pytest puts `tests/` on the path (see pyproject.toml).
"""

from __future__ import annotations

import contextlib
import ctypes
import doctest
import faulthandler
import gc
import importlib.util
import inspect
import os
import signal
import subprocess
import sys
import sysconfig
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(importlib.util.find_spec("frozen").origin).resolve().parent
"""The package under test, found without importing it: the checkout's own or an installed one."""

DEBUG_BUILD = hasattr(sys, "gettotalrefcount")
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

needs_debug_build = pytest.mark.skipif(not DEBUG_BUILD, reason="needs sys.gettotalrefcount(), a debug build's")
needs_free_threading = pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build")
needs_late_threads = pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2), reason="no thread can be started after the main thread has ended"
)
needs_subinterpreters = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="before 3.12 all interpreters share one GIL and isolated ones do not exist"
)


# Examples in documents


def docstrings_of(module: ModuleType) -> dict[str, str]:
    """Those of the public names of a module in Python, and of their members."""
    found = {}
    for name in module.__all__:
        public = getattr(module, name)
        found[name] = inspect.getdoc(public) or ""
        for key, member in vars(public).items() if isinstance(public, type) else ():
            if not key.startswith("_") and callable(member):
                found[f"{name}.{key}"] = inspect.getdoc(member) or ""
    return found


def run_examples(text: str, names: dict[str, Any], title: str, flags: int = 0) -> int:
    """Run the examples of a docstring or document, which must print what they say; return how many there are."""
    example = doctest.DocTestParser().get_doctest(text, names, title, title, 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(example, out=report.append)
    assert not report, "".join(report)
    return len(example.examples)


# Threads


def run_threads(*functions: Callable[[], Any], timeout: float = 120.0) -> list[Any]:
    """Call each function in a thread of its own, all released at once by a barrier; return their results in order.

    What fails in a thread fails here: one exception is re-raised as it is, several as an ExceptionGroup. Threads that
    do not end within `timeout` seconds fail too, after their stacks have been printed.
    """
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)
    failures: list[BaseException] = []

    def run(index: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait(timeout)
            results[index] = function()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
    stuck = sum(thread.is_alive() for thread in threads)
    if stuck:
        faulthandler.dump_traceback(file=sys.__stderr__, all_threads=True)
        failures.append(TimeoutError(f"{stuck} of {len(threads)} threads still running after {timeout} s"))
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(threads)} threads failed", failures)
    return results


def eventually(condition: Callable[[], Any], timeout: float = 60.0) -> None:
    """Wait until `condition()` is true: for what another thread does soon, and nothing announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"still not true after {timeout} s"
        time.sleep(0.001)


def replace_file(path: Path, text: str) -> None:
    """Replace a file in one step, as editors do: no reader finds half of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


@contextlib.contextmanager
def switch_interval(seconds: float = 1e-6) -> Iterator[None]:
    """Let the GIL change hands as often as possible, so that races show on builds that have one."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


# Fresh processes


def child_environment() -> dict[str, str]:
    """The environment for a process that is to import the package under test, and no other."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), str(ROOT / "tests")]),
        "PYTHONSAFEPATH": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def run_python(
    *arguments: str | Path, env: dict[str, str] | None = None, check: bool = True, timeout: float = 120.0, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter on `arguments` (`"-c", code` or `"-m", "frozen"`), with the package under test importable.

    Text streams; a status other than 0 fails with all that was printed, unless `check` is false.
    """
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=child_environment() | (env or {}),
        stdin=kwargs.pop("stdin", subprocess.DEVNULL) if "input" not in kwargs else None,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        **kwargs,
    )
    if check and done.returncode != 0:
        pytest.fail(f"python {arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def forked(child: Callable[[], object]) -> int:
    """Run `child` in a fork of this process that CPython does not know of; return its exit status.

    os.fork() itself crashes in the child while another interpreter runs (3.12 to 3.14), before any code of ours.
    """
    pid = ctypes.PyDLL(None).fork()
    if pid == 0:
        # Says where a child hangs. faulthandler's own timer would wait for the parent's, a thread that is not here.
        faulthandler.register(signal.SIGALRM, file=sys.__stderr__, chain=True)
        signal.alarm(50)
        try:
            child()
        except BaseException:
            os._exit(1)
        os._exit(0)
    deadline = time.monotonic() + 60
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    return done[1]


# Subinterpreters


class Subinterpreter:
    """An isolated interpreter with a GIL of its own: `with Subinterpreter() as interpreter: interpreter.run(code)`.

    `run` executes source text in the interpreter's `__main__`, from the calling thread; what it raises is re-raised
    here as SubinterpreterFailed. `give(name=obj)` sets names there to shareable objects. One face for
    `_xxsubinterpreters` (3.12), `_interpreters` (3.13) and `concurrent.interpreters` (3.14 and later).
    """

    def __init__(self) -> None:
        self._run, self.give, self.close = _new_subinterpreter()
        self.run(f"import sys; sys.path[:] = {sys.path!r}")

    def run(self, code: str) -> None:
        self._run(textwrap.dedent(code))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class SubinterpreterFailed(AssertionError):
    """The traceback, as text, of what failed in a subinterpreter."""


def run_in_subinterpreter(code: str) -> None:
    """Run source text in a new subinterpreter and end it."""
    with Subinterpreter() as interpreter:
        interpreter.run(code)


def _new_subinterpreter() -> tuple[Callable[[str], None], Callable[..., None], Callable[[], None]]:
    """(run, give, close) of a new isolated interpreter, by whatever this version offers."""
    if sys.version_info >= (3, 14):
        from concurrent import interpreters

        interpreter = interpreters.create()

        def run(code: str) -> None:
            try:
                interpreter.exec(code)
            except interpreters.ExecutionFailed as error:
                raise SubinterpreterFailed(str(error)) from None

        return run, interpreter.prepare_main, interpreter.close
    if sys.version_info >= (3, 13):
        import _interpreters

        ident = _interpreters.create("isolated")

        def run(code: str) -> None:
            failure = _interpreters.exec(ident, code, restrict=True)
            if failure is not None:
                raise SubinterpreterFailed(getattr(failure, "errdisplay", None) or failure.formatted)

        def give(**objects: object) -> None:
            _interpreters.set___main___attrs(ident, objects, restrict=True)

        return run, give, lambda: _interpreters.destroy(ident)
    if sys.version_info >= (3, 12):
        import _xxsubinterpreters

        ident = _xxsubinterpreters.create(isolated=True)

        def run(code: str, **objects: object) -> None:
            try:
                _xxsubinterpreters.run_string(ident, code, objects or None)
            except _xxsubinterpreters.RunFailedError as error:
                raise SubinterpreterFailed(str(error)) from None

        return run, lambda **objects: run("", **objects), lambda: _xxsubinterpreters.destroy(ident)
    raise NotImplementedError("no isolated subinterpreters before 3.12: mark the test with needs_subinterpreters")


# Leaks

clear_type_cache = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache  # 3.13 gave it a new name


def _live() -> tuple[int, int]:
    """(references, blocks of memory) alive now; a release build does not count references and reports 0."""
    clear_type_cache()  # it keeps each name that a type was asked for, by its address: pickles make names anew
    if "frozen._core" in sys.modules:  # which keeps objects that it made of shared memory, by their addresses too
        sys.modules["frozen._core"]._forget_plans()
    for _ in range(3):
        gc.collect()
    return (sys.gettotalrefcount() if DEBUG_BUILD else 0), sys.getallocatedblocks()


def live_shared_nodes() -> int:
    """Blocks of shared memory alive in the process, without what only garbage keeps."""
    from frozen import _core

    gc.collect()
    return _core._live_shared_nodes()


def edit_a_little(mutation: Any, new: Any, *, index: int, key: Any) -> None:
    """Give a mutation nodes of its own, which edits change in place: at `index` in a vector, at `key` in a map."""
    if hasattr(mutation, "append"):
        mutation.append(new)
        mutation[index] = new
    elif hasattr(mutation, "add"):
        mutation.add(new)
    else:
        mutation[new] = mutation[key] = new


def assert_no_leak(function: Callable[[], Any], *, calls: int = 10, settle: int = 30, repeats: int = 3) -> None:
    """Fail unless, after a while, `repeats` times over, `calls` calls leave no reference and no block of memory behind.

    The while, of at most `settle` times `calls` calls, is for caches to fill: a leak goes on after it, also one that
    shows in one call of ten. Debug builds count references, exactly; a release build only blocks of up to 512 bytes.
    """
    if not DEBUG_BUILD and sys.getallocatedblocks() == 0:
        pytest.skip("this allocator counts no blocks, and only a debug build counts references")
    left: list[tuple[int, int]] = []
    gc.collect()
    gc.freeze()  # the collector passes over what exists already: each look at the heap is cheap
    while len(left) < settle + repeats and left[-repeats:] != [(0, 0)] * repeats:
        before = _live()
        for _ in range(calls):
            function()
        after = _live()
        left.append((after[0] - before[0], after[1] - before[1]))
    assert left[-repeats:] == [(0, 0)] * repeats, f"(references, blocks) left behind by each {calls} calls: {left}"
