"""Values that go through a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import frozen


@pytest.fixture
def through(tmp_path: Path) -> Callable[[Any], Any]:
    """Saves a value, and opens the file."""

    def save_and_open(value: Any) -> Any:
        frozen.save(value, tmp_path / "file")
        return frozen.open(tmp_path / "file")

    return save_and_open
