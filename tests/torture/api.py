"""The public API against plain models, dict, set, list: every answer is compared, and old versions are read again."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from torture import harness
from torture.operations import EDITS, TABLES
from torture.references import RefWorld
from torture.worlds import EMPTY, KINDS, Arguments, Entry, World, same, verify

UNHASHABLE = {("map", "items &")}
"""Where a value is unhashable, whether dict itself raises TypeError depends on what it looks at first."""


def outcome(operation: Callable[[Any, Any], Any], subject: Any, arguments: Any) -> tuple[str, Any]:
    try:
        return "returns", operation(subject, arguments)
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        return "raises", error


def compare(real: tuple[str, Any], model: tuple[str, Any]) -> None:
    assert real[0] == model[0], f"{real[0]} {real[1]!r}, but the model {model[0]} {model[1]!r}"
    if real[0] == "raises":
        assert isinstance(real[1], type(model[1])), f"raises {real[1]!r}, but the model {model[1]!r}"
    else:
        assert same(real[1], model[1]), f"returns {real[1]!r}, but the model {model[1]!r}"


def derive(world: World, source: random.Random, note: Callable[[str], None]) -> None:
    """An operation on a container; what it returns, if a container, is read in every way and goes into the pool."""
    kind = source.choice(("map", "set", "vector"))
    subject = world.pick(source, kind)
    name = source.choice(list(TABLES[kind]))
    note(f"{kind} of {len(subject.model)}: {name}")
    arguments = Arguments(world, subject, source)
    operate, follow = TABLES[kind][name]
    real, expected = outcome(operate, subject.value, arguments.real), outcome(follow, subject.model, arguments.model)
    if (kind, name) in UNHASHABLE and TypeError in (type(real[1]), type(expected[1])):
        return
    compare(real, expected)
    if real[0] == "returns" and type(real[1]) in KINDS and len(real[1]) < 3000:
        result_kind = KINDS[type(real[1])]
        model = follow(subject.model, arguments.model)
        if result_kind == "set" and isinstance(model, set):
            model = set(real[1])  # which of two equal members is kept is left open
        if isinstance(model, EMPTY[result_kind]):  # not a container that was an element
            entry = Entry(result_kind, real[1], model)
            verify(entry)
            world.add(entry, source)


def edit(world: World, source: random.Random, note: Callable[[str], None]) -> None:
    """An operation on a mutation, which may have been finished."""
    if len(world.mutations) < 4:
        origin = world.pick(source, source.choice(("map", "set", "vector")))
        note(f"{origin.kind} of {len(origin.model)}: mutate()")
        world.mutations.append(Entry(origin.kind, origin.value.mutate(), origin.model.copy()))
        return
    subject = source.choice(world.mutations)
    if source.randrange(12) == 0:
        finish(world, subject, source, note)
        return
    name = source.choice(list(EDITS[subject.kind]))
    note(f"{subject.kind} mutation of {len(subject.model)}: {name}")
    arguments = Arguments(world, subject, source)
    operate, follow = EDITS[subject.kind][name]
    real = outcome(operate, subject.value, arguments.real)
    if name == "sort by itself":
        follow = sort_or_leave
    compare(real, outcome(follow, subject.model, arguments.model))
    assert len(subject.value) == len(subject.model)


def sort_or_leave(model: list[Any], arguments: Any) -> None:
    model[:] = sorted(model)


def finish(world: World, subject: Entry, source: random.Random, note: Callable[[str], None]) -> None:
    note(f"{subject.kind} mutation of {len(subject.model)}: finish()")
    subject.sealed = subject.value.finish()
    assert subject.value.finish() is subject.sealed
    verify(subject)
    world.mutations.remove(subject)
    for operate, _ in EDITS[subject.kind].values():  # reading goes on; every edit is refused
        outcome(operate, subject.value, Arguments(world, subject, source).real)
    verify(subject)
    if len(subject.model) < 3000:
        world.add(Entry(subject.kind, subject.sealed, subject.model), source)


def run_case(case: harness.Case) -> None:
    world, refs = World(shared=case.number % 2 == 1), RefWorld(shared=case.number % 2 == 1)
    for step in case.steps:
        source = case.random(step)
        note = lambda text, step=step: case.note(step, text)  # noqa: E731
        kind = source.choices((derive, edit, refs.step), (6, 5, 2))[0]
        kind(world, source, note)
    case.note("end", "old versions")
    for entry in world.pool:
        verify(entry)
    for entry in world.mutations:
        entry.sealed = entry.value.finish()
        verify(entry)
    refs.verify()


if __name__ == "__main__":
    sys.exit(harness.main(run_case))
