"""What every test run needs: hypothesis' profiles, and a header that says which build is under test."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator

import hypothesis
import pytest
from support import eventually, live_shared_nodes

# A shell that starts a command in the background makes it, and all that it starts, deaf to Ctrl-C: tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Timings say nothing on a busy machine, so no deadline; a failing run prints the line that reproduces it.
_common = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [hypothesis.HealthCheck.too_slow],
}
hypothesis.settings.register_profile("default", max_examples=100, **_common)
hypothesis.settings.register_profile("quick", max_examples=20, **_common)
hypothesis.settings.register_profile("thorough", max_examples=2000, **_common)
hypothesis.settings.load_profile(os.environ.get("FROZEN_HYPOTHESIS", "default"))


def pytest_report_header() -> str:
    try:
        import frozen
    except ImportError as error:  # the tests of src/trees and of the sources themselves run without it
        return f"frozen cannot be imported ({error}): `pip install -e '.[test]'` builds it"
    gil = "with the GIL" if getattr(sys, "_is_gil_enabled", lambda: True)() else "without the GIL"
    debug = ", debug build" if hasattr(sys, "gettotalrefcount") else ""
    return f"frozen {frozen.__version__} from {frozen.__path__[0]} ({gil}{debug})"


@pytest.fixture(params=["AtomicRef", "SharedRef"])
def Ref(request: pytest.FixtureRequest) -> type:
    """Both kinds of reference, for what holds for both."""
    import frozen

    return getattr(frozen, request.param)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name of the test's own for a place that interpreters share, free again afterwards."""
    import frozen

    name = f"name of {request.node.name}"
    yield name
    for kind in (frozen.SharedRef, frozen.SharedAtomicMap, frozen.SharedAtomicCounter):
        with contextlib.suppress(LookupError):
            kind.unlink(name)


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """As much shared memory is alive after the test as before it, once the threads of watches have let go of theirs."""
    before = live_shared_nodes()
    yield
    with contextlib.suppress(AssertionError):
        eventually(lambda: live_shared_nodes() == before)
    assert live_shared_nodes() == before


@hypothesis.given(hypothesis.strategies.none())
def make_hypothesis_random(_: None) -> None:
    """hypothesis makes its source of random numbers at the first run, and looks for what refers to it."""


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """What exists already is put out of the collector's sight, because hundreds of tests collect."""
    make_hypothesis_random()  # before its owner is out of sight
    gc.collect()
    gc.freeze()
