"""An interpreter with a GIL of its own, by whatever this version of Python offers (3.12 and later)."""

from __future__ import annotations

import sys
from typing import Any, Self

AVAILABLE = sys.version_info >= (3, 12)

if sys.version_info >= (3, 14):
    from concurrent import interpreters

    def _create() -> Any:
        return interpreters.create()

    def _run(interpreter: Any, code: str) -> None:
        interpreter.exec(code)

    def _close(interpreter: Any) -> None:
        interpreter.close()

elif sys.version_info >= (3, 13):
    import _interpreters

    def _create() -> Any:
        return _interpreters.create("isolated")

    def _run(interpreter: Any, code: str) -> None:
        failure = _interpreters.exec(interpreter, code, restrict=True)
        if failure is not None:
            raise RuntimeError(getattr(failure, "errdisplay", None) or failure.formatted)

    _close = _interpreters.destroy

elif sys.version_info >= (3, 12):
    import _xxsubinterpreters

    def _create() -> Any:
        return _xxsubinterpreters.create(isolated=True)

    _run, _close = _xxsubinterpreters.run_string, _xxsubinterpreters.destroy

else:

    def _create() -> Any:
        raise NotImplementedError("interpreters with a GIL of their own need Python 3.12 or later")

    def _run(interpreter: Any, code: str) -> None: ...

    def _close(interpreter: Any) -> None: ...


class Interpreter:
    """`with Interpreter() as interpreter: interpreter.run(code)`; it imports what the main one imports."""

    def __init__(self) -> None:
        self._interpreter = _create()

    def run(self, code: str) -> None:
        """Execute source text in its `__main__`; what it raises is raised here, with its traceback as text."""
        _run(self._interpreter, f"import sys; sys.path[:] = {sys.path!r}\n{code}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        _close(self._interpreter)
