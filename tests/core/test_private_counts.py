"""The core tries CPython's private reference counts when it is loaded, and takes locks where they do not hold."""

from __future__ import annotations

import gc
import shlex
import shutil
import subprocess
import sysconfig
import threading
from pathlib import Path

import pytest
from support import FREE_THREADED, ROOT, needs_free_threading, run_python, run_threads

from frozen import _core

LINK = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
needs_compiler = pytest.mark.skipif(not LINK or shutil.which(LINK[0]) is None, reason="needs a C compiler")

FAULTS = {
    1: ["freed by its owner alone"],
    2: ["no C code between two calls"],
    3: ["frees at its next safepoint"],
    4: ["an object without an owner"],
    5: ["a thread knows", "an object without an owner"],
    6: ["a second thread could run"],
}
"""The fault that counts_probe.c puts in, and words of each property that does not hold then."""


def test_only_builds_without_the_gil_have_private_counts():
    assert _core._has_private_counts() is FREE_THREADED
    assert _core._faults_of_private_counts() == []


@needs_free_threading
def test_the_trial_never_errs_among_other_threads():
    def tries() -> None:
        for _ in range(50):
            assert _core._faults_of_private_counts() == []

    run_threads(tries, tries, tries)


@needs_free_threading
def test_a_collector_that_never_rests_leads_to_no_wrong_answer():
    ended = threading.Event()

    def collects() -> None:
        while not ended.is_set():
            gc.collect()

    def tries() -> None:
        try:
            answers = _core._faults_of_private_counts()
            assert answers in ([], ["a second thread could run"])  # which is not known then, so that locks are taken
        finally:
            ended.set()

    run_threads(tries, collects)
    assert _core._faults_of_private_counts() == []


SCRIPT = """
from frozen import _core
print(_core._has_private_counts(), _core._faults_of_private_counts())
"""


@needs_free_threading
@pytest.mark.parametrize(("wish", "found"), [("0", "False []"), ("1", "True []"), ("", "True []"), ("try", "True []")])
def test_the_environment_may_decide(tmp_path, wish, found):
    done = run_python("-c", SCRIPT, env={"FROZEN_PRIVATE_COUNTS": wish}, cwd=tmp_path)
    assert done.stdout.strip() == found


@needs_free_threading
def test_the_gil_switched_on_is_no_fault(tmp_path):
    done = run_python("-c", SCRIPT, env={"PYTHON_GIL": "1", "FROZEN_PRIVATE_COUNTS": "try"}, cwd=tmp_path)
    assert done.stdout.strip() == "True []"


@needs_free_threading
def test_a_trial_that_finds_a_fault_decides_against_them(tmp_path):
    """No thread can be started, so there is nothing to try with."""
    limited = "import resource, os; resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32)); import threading; "
    limited += "threading.stack_size(1 << 40)" + SCRIPT
    done = run_python("-c", limited, env={"FROZEN_PRIVATE_COUNTS": "try"}, cwd=tmp_path)
    assert done.stdout.strip() == "False ['a second thread could run']"


@needs_free_threading
@needs_compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_the_interpreter_is_found(tmp_path, fault):
    target = tmp_path / ("counts_probe" + sysconfig.get_config_var("EXT_SUFFIX"))
    source = Path(__file__).with_name("counts_probe.c")
    flags = ["-std=c11", "-O1", "-fPIC", f"-DFAULT={fault}", f"-I{ROOT / 'src'}", f"-I{sysconfig.get_path('include')}"]
    subprocess.run([*LINK, *flags, str(source), "-o", str(target)], check=True, timeout=120)
    script = "import counts_probe; print(*counts_probe.faults(), sep='\\n')"
    found = run_python("-c", script, env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path).stdout
    for words in FAULTS[fault]:
        assert words in found


@needs_free_threading
def test_references_and_maps_behave_the_same_under_locks(tmp_path):
    names = ["atomic_ref/test_methods", "atomic_ref/test_threads", "shared_ref/test_methods", "atomic_map/test_methods"]
    tests = [str(ROOT / "tests" / f"{name}.py") for name in names]
    run_python(
        *("-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not TestAgainst", *tests),
        env={
            "FROZEN_PRIVATE_COUNTS": "0",
            "FROZEN_STRESS_SECONDS": "0.2",
            "FROZEN_HYPOTHESIS": "quick",
        },
        cwd=tmp_path,
        timeout=600,
    )
