"""Two places where Python finds a checkout and not a built package: each says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from support import ROOT


@pytest.fixture
def checkout(tmp_path):
    """A checkout called frozen, in which nothing was built."""
    checkout = tmp_path / "frozen"
    not_built = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(ROOT / "frozen", checkout / "frozen", ignore=not_built)
    shutil.copy(ROOT / "__init__.py", checkout)
    shutil.copy(ROOT / "setup.py", checkout)
    return checkout


def import_error(folder) -> str:
    """The last line that `import frozen` prints when Python runs in a folder without an installed frozen."""
    command = [sys.executable, "-S", "-c", "import frozen"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stderr.strip().splitlines()[-1]


def test_the_parent_folder_of_a_checkout_is_named(checkout):
    message = import_error(checkout.parent)
    assert message.startswith(f"ImportError: {checkout} is a checkout of frozen"), message
    assert "another folder" in message


def test_a_checkout_that_is_not_built_says_how_to_build_it(checkout):
    message = import_error(checkout)
    assert message.startswith("ImportError: the C core of frozen is not built for Python 3."), message
    assert f"pip install -e {checkout}" in message
