"""The same promises without CPython's private names: a build with -DFROZEN_PORTABLE passes the same tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

import pytest
from support import PACKAGE, ROOT, needs_free_threading, run_python

pytestmark = [
    needs_free_threading,  # elsewhere the fallback is all there is
    pytest.mark.skipif(importlib.util.find_spec("setuptools") is None, reason="building needs setuptools"),
    pytest.mark.skipif("FROZEN_PORTABLE" in os.environ.get("CFLAGS", ""), reason="this is that build"),
]

TOPICS = ("methods", "threads", "transactions", "linearizable")


def test_references_behave_the_same_without_headers_of_each_thread(tmp_path):
    build = tmp_path / "build"
    flags = os.environ.get("CFLAGS", "") + " -DFROZEN_PORTABLE -O0"
    run_python(
        *("setup.py", "-q", "build_ext", "-b", build, "-t", tmp_path / "objects"),
        env={"CFLAGS": flags},
        cwd=ROOT,
        timeout=900,
    )
    shutil.copytree(PACKAGE, build / "frozen", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    names = ["shared_ref/test_methods", *(f"atomic_ref/test_{name}" for name in TOPICS)]
    tests = [ROOT / "tests" / f"{name}.py" for name in names]
    run_python(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests),
        env={
            "PYTHONPATH": os.pathsep.join([str(build), str(ROOT / "tests")]),
            "CFLAGS": flags,
            "FROZEN_STRESS_SECONDS": "0.2",
        },
        cwd=tmp_path,
        timeout=300,
    )
    where = run_python(
        "-c", "import frozen; print(frozen.__file__)", env={"PYTHONPATH": str(build)}, cwd=tmp_path
    ).stdout
    assert where.startswith(str(build)), f"tested {where} instead, with {sys.path}"
