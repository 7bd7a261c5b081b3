"""Without pytest-codspeed each operation runs once, which says that it works."""

from importlib.util import find_spec

import pytest

if find_spec("pytest_codspeed") is None:

    @pytest.fixture
    def benchmark():
        return lambda function, *arguments: function(*arguments)
