"""Undo and redo that keep every version whole and cost only what changed.

    python examples/undo.py

Each edit makes a new document that shares with the one before everything beside the edited path.  History is then no
log of reverse operations but a list of documents, and undo is picking another one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from frozen import Map, delete_in, freeze, get_in, set_in, update_in


class Editor:
    """A nested document with a history; all its versions stay valid, also for whoever still reads an old one."""

    def __init__(self, document: Any) -> None:
        self._versions = [freeze(document)]
        self._current = 0

    @property
    def document(self) -> Any:
        return self._versions[self._current]

    def set(self, path: Sequence[Hashable], value: Any) -> None:
        self._do(set_in(self.document, path, freeze(value)))

    def update(self, path: Sequence[Hashable], fn: Callable[..., Any], *args: Any) -> None:
        self._do(update_in(self.document, path, fn, *args))

    def delete(self, path: Sequence[Hashable]) -> None:
        self._do(delete_in(self.document, path))

    def undo(self) -> bool:
        """Go back one version; False at the first."""
        if self._current == 0:
            return False
        self._current -= 1
        return True

    def redo(self) -> bool:
        """Go forth one version; False at the last."""
        if self._current == len(self._versions) - 1:
            return False
        self._current += 1
        return True

    def _do(self, document: Any) -> None:
        if document is not self.document:  # an edit that changed nothing is no version
            self._versions[self._current + 1 :] = [document]
            self._current += 1


def main() -> None:
    tasks = {f"task {number}": {"done": False} for number in range(1000)}
    editor = Editor({"title": "Plan", "tasks": tasks})
    start: Map[str, Any] = editor.document
    editor.set(["tasks", "task 7", "done"], True)
    editor.update(["title"], str.upper)
    editor.delete(["tasks", "task 8"])
    print("after three edits:", editor.document["title"], len(editor.document["tasks"]), "tasks")
    task = ["tasks", "task 500"]
    print("shared with the start:", get_in(editor.document, task) is get_in(start, task))
    while editor.undo():
        pass
    print("after undoing them:", editor.document["title"], len(editor.document["tasks"]), "tasks")
    print("the very first version:", editor.document is start)


if __name__ == "__main__":
    main()
