"""An extension of griffe, which reads the stubs for the reference.

Examples of docstrings become blocks of code, which Markdown would take for quotations. A function that a stub has as
overloads only becomes a member: the last overload carries the docstring.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).*)*(?:\n\s*\n>>> .*(?:\n(?!\s*$).*)*)*", re.MULTILINE)


class DoctestFences(griffe.Extension):
    def on_object(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)

    def on_class(self, *, cls: Any, **_: Any) -> None:
        with_overloads(cls)

    def on_module(self, *, mod: Any, **_: Any) -> None:
        if mod.name == "_core":
            with_overloads(mod)


def with_overloads(owner: Any) -> None:
    for name, overloads in list(owner.overloads.items()):
        if overloads and name not in owner.members:
            last = overloads[-1]
            last.overloads = list(overloads)
            owner.set_member(name, last)
    owner.members = dict(sorted(owner.members.items(), key=lambda item: 0 if item[1].is_alias else item[1].lineno or 0))
