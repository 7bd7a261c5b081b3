"""Deltas of random nested data: made, applied, inverted, composed, pickled, written as JSON Patches and read, merged.

What is expected follows from the versions themselves: a delta leads from one to the other and back, whichever way it
came about, and a merge has what both sides have changed.
"""

from __future__ import annotations

import json
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

from frozen import (
    Conflict,
    ConflictError,
    Delta,
    JSONPatchError,
    Map,
    MergeConflictError,
    Set,
    SharedMap,
    SharedSet,
    SharedVector,
    Vector,
    _core,
    freeze,
    merge3,
    share,
    thaw,
)
from frozen._sameness import same_value
from torture import harness
from torture.worlds import CONTAINERS, draw_key

SCALARS: tuple[Any, ...] = (0, 1, True, False, 1.0, -0.0, 0.5, float("nan"), None, "", "a", "b", "text", (1, "a"), b"x")
JSON_SCALARS: tuple[Any, ...] = (0, 1, True, False, 0.5, None, "", "a", "b/c", "~", "text")


class Data:
    """Random data of one kind: any, or only what JSON has."""

    def __init__(self, source: random.Random, is_json: bool) -> None:
        self.source, self.is_json = source, is_json

    def scalar(self) -> Any:
        return self.source.choice(JSON_SCALARS if self.is_json else SCALARS)

    def key(self) -> Any:
        if self.is_json:
            return self.source.choice(("a", "b", "c", "~d", "e/f", "", "0", "-"))
        return self.source.choice((f"k{self.source.randrange(6)}", draw_key(self.source, shared=True)))

    def value(self, depth: int) -> Any:
        kind = self.source.randrange(8)
        if depth == 0 or kind < 3:
            return self.scalar()
        size = self.source.choice((0, 1, 2, 3, 5, 40))
        if kind < 5:
            return {self.key(): self.value(depth - 1) for _ in range(size)}
        if kind == 5 and not self.is_json:
            return {self.key() for _ in range(size)}
        return [self.value(depth - 1) for _ in range(size)]

    def edited(self, data: Any, depth: int = 4) -> Any:
        """Much like `data`, which stays as it is."""
        if not isinstance(data, dict | list | set) or self.source.randrange(10) == 0:
            return data if self.source.randrange(3) else self.value(depth)
        edit = {dict: self.edit_dict, list: self.edit_list, set: self.edit_set}[type(data)]
        data = data.copy()
        for _ in range(self.source.choice((0, 1, 1, 2, 5))):
            edit(data, depth)
        return data

    def edit_dict(self, data: dict[Any, Any], depth: int) -> None:
        key = self.source.choice([self.key(), *data])
        match self.source.randrange(4):
            case 0:
                data.pop(key, None)
            case 1:
                data[key] = self.value(depth - 1)
            case _:
                data[key] = self.edited(data.get(key), depth - 1)

    def edit_list(self, data: list[Any], depth: int) -> None:
        at = self.source.randrange(len(data) + 1)
        end = at + self.source.choice((0, 0, 1, 1, 3, 30))
        match self.source.randrange(4):
            case 0:
                data[at:end] = [self.value(depth - 1) for _ in range(self.source.choice((0, 1, 2, 30)))]
            case 1:
                data[:] = data[end:] + data[:at]
            case _ if at < len(data):
                data[at] = self.edited(data[at], depth - 1)

    def edit_set(self, data: set[Any], depth: int) -> None:
        for _ in range(self.source.choice((1, 1, 10))):
            data ^= {self.key()}


def check(value: Any) -> None:
    if isinstance(value, CONTAINERS):
        _core._check(value)


def check_text(error: Exception) -> None:
    assert len(str(error)) < 10_000


def expect(real: Any, wanted: Any) -> None:
    check(real)
    assert same_value(real, wanted), f"{real!r} is not {wanted!r}"


def lead(old: Any, new: Any) -> Delta:
    """The delta between them, which leads to the one and back, also when it was pickled or made of its own parts."""
    delta = old.diff(new)
    back = delta.inverse()
    expect(old.apply(delta), new)
    expect(new.apply(back), old)
    sent = pickle.loads(pickle.dumps(delta))
    expect(old.apply(sent), new)
    assert list(sent) == list(delta)
    assert bool(delta) == (len(delta) > 0) == (not same_value(old, new))
    assert not delta.then(back)
    assert repr(delta)
    assert str(delta).count("\n") + 1 >= len(delta)
    return delta


def step_compose(data: Data, versions: list[Any]) -> None:
    """One after the other, in any grouping."""
    a, b, c, d = (data.source.choice(versions) for _ in range(4))
    first, second, third = lead(a, b), lead(b, c), lead(c, d)
    both = first.then(second)
    expect(a.apply(both), c)
    expect(c.apply(both.inverse()), a)
    expect(a.apply(both.then(third)), d)
    expect(a.apply(first.then(second.then(third))), d)


def step_elsewhere(data: Data, versions: list[Any]) -> None:
    """Applied to another version, a delta fits or is refused; composed with what does not follow it, too."""
    a, b, c = (data.source.choice(versions) for _ in range(3))
    delta = lead(a, b)
    try:
        other = c.apply(delta)
    except ConflictError as error:
        check_text(error)
    else:
        check(other)
    try:
        delta.then(c.diff(a))
    except ConflictError as error:
        check_text(error)


def step_other_family(data: Data, versions: list[Any]) -> None:
    """A delta of one family applies to the other."""
    a, b = (data.source.choice(versions) for _ in range(2))
    convert = share if isinstance(a, Map | Vector | Set) else (lambda value: freeze(thaw(value)))
    if data.is_json:  # keys stay what they are
        expect(convert(a).apply(a.diff(b)), convert(b))


def step_json_patch(data: Data, versions: list[Any]) -> None:
    a, b = (data.source.choice(versions) for _ in range(2))
    try:
        patch = a.diff(b).to_json_patch()
    except TypeError:
        assert not data.is_json
        return
    if data.is_json:
        patch = json.loads(json.dumps(patch))
        expect(a.apply(Delta.from_json_patch(a, patch)), b)
    data.source.shuffle(patch)
    try:
        check(a.apply(Delta.from_json_patch(a, patch)))
    except JSONPatchError as error:
        check_text(error)


def step_merge_patch(data: Data, versions: list[Any]) -> None:
    a, patch = data.source.choice(versions), thaw(data.source.choice(versions))
    if not data.is_json:
        return
    wanted = merge_patched(thaw(a), patch)
    if isinstance(wanted, dict) == isinstance(a, Map | SharedMap):
        expect(a.apply(Delta.from_merge_patch(a, patch)), (share if is_shared(a) else freeze)(wanted))


def merge_patched(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patched(merged.get(key), value)
    return merged


def is_shared(value: Any) -> bool:
    return isinstance(value, SharedMap | SharedVector | SharedSet)


def step_merge(data: Data, versions: list[Any]) -> None:
    base, ours, theirs = (data.source.choice(versions) for _ in range(3))
    expect(merge3(base, ours, base), ours)
    expect(merge3(base, base, theirs), theirs)
    expect(merge3(base, ours, ours), ours)
    conflicts: list[Conflict] = []

    def settle(conflict: Conflict) -> Any:
        conflicts.append(conflict)
        side = data.source.choice(("ours", "theirs", "base"))
        return getattr(conflict, side)

    merged = merge3(base, ours, theirs, on_conflict=settle)
    check(merged)
    lead(base, merged)
    try:
        expect(merge3(base, ours, theirs), merged)
    except MergeConflictError as error:
        check_text(error)
        found = len(error.conflicts)
    else:
        found = 0
    assert found == len(conflicts)


STEPS: tuple[Callable[[Data, list[Any]], None], ...] = (
    step_compose,
    step_elsewhere,
    step_other_family,
    step_json_patch,
    step_merge_patch,
    step_merge,
)


def run_case(case: harness.Case) -> None:
    convert = share if case.number % 2 else freeze
    data = Data(case.random("start"), is_json=case.number % 4 < 2)
    plain = [data.edited(data.source.choice(({}, [], {"a": {}}, {"b": [1, 2, 3]})))]
    while type(plain[0]) not in (dict, list):
        plain = [data.value(3)]
    versions = [convert(plain[0])]
    for step in case.steps:
        data.source = case.random(step)
        operation = data.source.choice(STEPS)
        case.note(step, operation.__name__)
        new = data.edited(data.source.choice(plain))
        if type(new) is type(plain[0]):
            plain, versions = [*plain[-7:], new], [*versions[-7:], convert(new)]
        operation(data, versions)


if __name__ == "__main__":
    sys.exit(harness.main(run_case, steps=60))
