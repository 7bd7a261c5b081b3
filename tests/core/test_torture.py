"""The programs of torture, each for a moment. `nox -s torture` runs them for minutes: see torture/README.md."""

from __future__ import annotations

import pytest
from support import FREE_THREADED, run_python
from torture.__main__ import SHORT

pytestmark = [] if FREE_THREADED else [pytest.mark.once]


@pytest.mark.parametrize("program", [name for name in SHORT if name != "core"])  # tests/core/test_trees.py has that
def test_a_moment_of_torture_finds_nothing(program):
    run_python("-m", f"torture.{program}", "--seconds", "0.1", timeout=600)
