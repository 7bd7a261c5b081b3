"""Hostile objects in every operation: keys, values and functions that raise, re-enter what is under way, drop the last
reference, collect garbage, and look at every object the collector knows.

Nothing is expected of the answers. The process has to live, no SystemError may come, old versions keep their
very items, every tree stays in order, and nothing is left behind at the end.
"""

from __future__ import annotations

import contextlib
import gc
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from frozen import (
    AtomicRef,
    Map,
    Set,
    SharedRef,
    Vector,
    _core,
    freeze,
    register_shareable,
    share,
    snapshot,
    thaw,
    transaction,
)
from torture import harness
from torture.operations import EDITS, TABLES
from torture.worlds import CONTAINERS, HASHES, KINDS, SHARED, draw_key, draw_value

DEPTH = 3
"""How deep hostile code may act inside hostile code."""


class Deliberate(Exception):
    """What hostile objects raise."""


class Stage:
    """What hostile code can reach: the containers, mutations and references of the case that runs."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.pool: list[Any] = []
        self.kept: list[tuple[Any, list[Any]]] = []
        self.mutations: list[Any] = []
        self.iterators: list[Any] = []
        self.refs: list[Any] = [AtomicRef(), AtomicRef(), SharedRef(0)]
        self.depth = 0
        self.calm = False

    def pick(self, kind: str | None = None) -> Any:
        fitting = [one for one in self.pool if kind is None or KINDS[type(one)] == kind]
        return self.source.choice(fitting) if fitting else Map()

    def keep(self, container: Any) -> None:
        if len(container) > 300:
            return
        if len(self.pool) >= 16:
            self.pool[self.source.randrange(16)] = container
        else:
            self.pool.append(container)


STAGE: Stage | None = None


def misbehave() -> None:
    """Whatever hostile code does when it is called: most often nothing."""
    stage = STAGE
    if stage is None or stage.calm or stage.depth >= DEPTH or stage.source.randrange(4):
        return
    stage.depth += 1
    try:
        stage.source.choices(DEEDS, WEIGHTS)[0](stage)
    finally:
        stage.depth -= 1


def deed_raise(stage: Stage) -> None:
    raise stage.source.choice((Deliberate, KeyError, TypeError, RecursionError, MemoryError, StopIteration))(
        "on purpose"
    )


def deed_collect(stage: Stage) -> None:
    gc.collect(stage.source.randrange(3))


def deed_forget(stage: Stage) -> None:
    for held in (stage.pool, stage.mutations, stage.iterators):
        if held and stage.source.randrange(2):
            held.pop(stage.source.randrange(len(held)))


def deed_look(stage: Stage) -> None:
    """Read all that the collector knows of lists and tuples, and who refers to a container."""
    for seen in gc.get_objects():
        if type(seen) is list or type(seen) is tuple:
            for _ in seen:
                pass
    if stage.source.randrange(3) == 0:
        gc.get_referrers(stage.pick())


def deed_derive(stage: Stage) -> None:
    operate(stage, stage.pick())


def deed_edit(stage: Stage) -> None:
    if stage.mutations:
        change(stage, stage.source.choice(stage.mutations))


def deed_finish(stage: Stage) -> None:
    if stage.mutations:
        stage.keep(stage.source.choice(stage.mutations).finish())


def deed_mutate(stage: Stage) -> None:
    stage.mutations.append(stage.pick().mutate())
    del stage.mutations[:-6]


def deed_publish(stage: Stage) -> None:
    publish(stage)


def deed_iterate(stage: Stage) -> None:
    for iterator in stage.iterators[:]:
        next(iterator, None)


DEEDS: tuple[Callable[[Stage], None], ...] = (
    deed_raise,
    deed_collect,
    deed_forget,
    deed_look,
    deed_derive,
    deed_edit,
    deed_finish,
    deed_mutate,
    deed_publish,
    deed_iterate,
)
WEIGHTS = (6, 1, 4, 1, 6, 8, 3, 3, 4, 3)


class Evil:
    """A key, a value, an index, a function: every method misbehaves."""

    def __init__(self, hash: int, name: int) -> None:
        self.hash, self.name = hash, name
        self.more: Any = None

    def __hash__(self) -> int:
        misbehave()
        return self.hash

    def __eq__(self, other: object) -> Any:
        misbehave()
        return isinstance(other, Evil) and other.name == self.name

    def __lt__(self, other: object) -> bool:
        misbehave()
        return id(self) < id(other)

    def __bool__(self) -> bool:
        misbehave()
        return self.name % 2 == 0

    def __index__(self) -> int:
        misbehave()
        return self.name

    def __len__(self) -> int:
        misbehave()
        return self.name * 3

    __length_hint__ = __len__

    def __iter__(self) -> Iterator[Any]:
        for number in range(self.name * 2):
            misbehave()
            yield (Evil(self.hash, number), number)

    def __repr__(self) -> str:
        misbehave()
        return "Evil"

    def __call__(self, *args: Any) -> Any:
        misbehave()
        return args[-1] if args else None

    def __reduce__(self) -> Any:
        misbehave()
        return Evil, (self.hash, self.name)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            misbehave()

    def keys(self) -> Any:
        misbehave()
        return [Evil(self.hash, number) for number in range(self.name)]

    def __getitem__(self, key: Any) -> Any:
        misbehave()
        if isinstance(key, int) and key >= self.name:
            raise IndexError(key)
        return key


class EvilMapping(dict[Any, Any]):
    """A dict that is one to C and another thing to Python."""

    def keys(self) -> Any:
        misbehave()
        return super().keys()

    def items(self) -> Any:
        misbehave()
        return super().items()

    def __getitem__(self, key: Any) -> Any:
        misbehave()
        return super().__getitem__(key)

    def __len__(self) -> int:
        return 1 << 40


def encode_evil(evil: Evil) -> Any:
    misbehave()
    return (evil.hash, evil.name)


def decode_evil(fields: Any) -> Evil:
    misbehave()
    return Evil(*fields)


register_shareable(Evil, encode_evil, decode_evil)


class EvilArguments:
    """What operations ask for, by name: mostly hostile."""

    def __init__(self, stage: Stage, subject: Any) -> None:
        self.stage, self.subject = stage, subject
        self.shared = type(subject).__name__.startswith("Shared")

    def __getattr__(self, name: str) -> Any:
        return getattr(EvilArguments, "make_" + name)(self)

    def make_key(self) -> Any:
        source = self.stage.source
        match source.randrange(5):
            case 0:
                return draw_key(source, self.shared)
            case 1:
                return (Evil(source.choice(HASHES[:4]), source.randrange(4)), 1)
            case 2 if self.stage.pool:
                return self.stage.pick()
            case _:
                return Evil(source.choice(HASHES[:4]), source.randrange(4))

    def make_value(self) -> Any:
        source = self.stage.source
        match source.randrange(4):
            case 0:
                return draw_value(source, self.shared)
            case 1:
                return self.stage.pick()
            case _:
                return self.make_key()

    def make_there(self) -> Any:
        stage = self.stage
        stage.calm = True  # only to look
        try:
            present = list(self.subject)[:20] if len(self.subject) and hasattr(self.subject, "__iter__") else []
        except TypeError:
            present = []
        finally:
            stage.calm = False
        return stage.source.choice(present) if present else self.make_key()

    def some(self) -> range:
        return range(self.stage.source.choice((0, 1, 2, 3, 5, 9, 40)))

    def make_pairs(self) -> Any:
        source = self.stage.source
        pairs: list[Any] = [[self.make_key(), self.make_value()] for _ in self.some()]
        if source.randrange(3) == 0:
            self.stage.iterators.append(iter(pairs))
        return source.choice((pairs, tuple(pairs), Evil(0, 3), [tuple(pair) for pair in pairs]))

    def make_dict(self) -> Any:
        stage, source = self.stage, self.stage.source
        stage.calm = True
        try:
            plain = {self.make_key(): self.make_value() for _ in self.some()}
        finally:
            stage.calm = False
        return source.choice((plain, EvilMapping(plain), Evil(1, 3)))

    def make_keys(self) -> Any:
        keys = [self.make_key() for _ in self.some()]
        return self.stage.source.choice((keys, tuple(keys), Evil(1, 4)))

    def make_values(self) -> Any:
        return self.stage.source.choice((self.make_keys, self.make_keys, self.stage.pick))()

    def make_map(self) -> Any:
        return self.stage.pick("map")

    def make_set(self) -> Any:
        return self.stage.pick("set")

    def make_vector(self) -> Any:
        return self.stage.pick("vector")

    def make_index(self) -> Any:
        return self.stage.source.choice((0, -1, 1, 5, Evil(0, self.stage.source.randrange(6))))

    make_index2 = make_bound = make_bound2 = make_index

    def make_step(self) -> Any:
        return self.stage.source.choice((1, 2, -1, -3))

    def make_slice(self) -> Any:
        return slice(self.make_index(), self.make_index(), self.stage.source.choice((None, 1, 2, -1, Evil(0, 2))))

    def make_count(self) -> Any:
        return self.stage.source.randrange(40)

    def make_fn(self) -> Any:
        return Evil(0, 1)

    make_sort_key = make_fn


def operate(stage: Stage, subject: Any) -> None:
    table = TABLES[KINDS[type(subject)]]
    name = stage.source.choice(list(table))
    result = attempt(lambda: table[name][0](subject, EvilArguments(stage, subject)))
    if type(result) in KINDS:
        stage.keep(result)


def change(stage: Stage, mutation: Any) -> None:
    kind = next(kind for kind in EDITS if kind in type(mutation).__name__.lower())
    name = stage.source.choice(list(EDITS[kind]))
    if len(mutation) < 400:
        attempt(lambda: EDITS[kind][name][0](mutation, EvilArguments(stage, mutation)))


def convert(stage: Stage) -> None:
    arguments = EvilArguments(stage, Map())
    data = [arguments.make_value(), {"k": arguments.make_value()}, (arguments.make_value(),)]
    attempt(lambda: stage.source.choice((freeze, thaw, share, SHARED["vector"], SHARED["set"]))(data))


def walk(stage: Stage) -> None:
    subject = stage.pick()
    views = [subject.keys(), subject.values(), subject.items()] if hasattr(subject, "items") else [subject]
    stage.iterators.append(iter(stage.source.choice(views)))
    del stage.iterators[:-6]
    deed_iterate(stage)


def publish(stage: Stage) -> None:
    value = EvilArguments(stage, stage.pick()).make_value()
    ref = stage.source.choice(stage.refs)
    attempt(
        stage.source.choice(
            (
                lambda: ref.set(value),
                lambda: ref.exchange(value),
                lambda: ref.compare_and_set(ref.get(), value),
                lambda: ref.compare_and_set(value, value),
                lambda: ref.update(lambda old: misbehave() or value),
                lambda: ref.lookup(value, value),
                lambda: snapshot(*stage.refs),
                lambda: transaction(*stage.refs[:2]).update(lambda a, b: Evil(1, 2)),
                lambda: transaction(*stage.refs[1:]).set(value, value),
                lambda: listen(stage, ref),
            )
        )
    )


def listen(stage: Stage, ref: Any) -> None:
    if isinstance(ref, AtomicRef):  # a SharedRef calls from another thread
        with ref.watch(lambda old, new: misbehave()):
            ref.set(stage.pick())


def attempt(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except SystemError:
        raise
    except Exception:
        return None


def items_of(container: Any) -> list[Any]:
    return list(container.values()) + list(container) if hasattr(container, "values") else list(container)


def start(stage: Stage, number: int) -> None:
    """A few containers, whose items are known by identity (of shared ones: how many there are)."""
    stage.calm = True
    arguments = EvilArguments(stage, SHARED["map"]() if number % 2 else Map())
    family = SHARED if number % 2 else {"map": Map, "set": Set, "vector": Vector}
    for size in (0, 3, 12, 40):
        keys = [arguments.make_key() for _ in range(size)]
        for kind, cls in family.items():
            made = attempt(lambda kind=kind, cls=cls, keys=keys: cls(dict.fromkeys(keys, 1) if kind == "map" else keys))
            if made is not None:
                stage.pool.append(made)
                stage.kept.append((made, items_of(made)))
    stage.calm = False


def run_case(case: harness.Case) -> None:
    global STAGE
    stage = STAGE = Stage(case.random("start"))
    try:
        start(stage, case.number)
        for step in case.steps:
            stage.source = case.random(step)
            action = stage.source.choices((operate, change, convert, walk, publish, deed_mutate), (8, 8, 1, 2, 3, 1))[0]
            case.note(step, action.__name__)
            if action is operate:
                operate(stage, stage.pick())
            elif action is not change:
                attempt(lambda action=action: action(stage))
            elif stage.mutations:
                change(stage, stage.source.choice(stage.mutations))
        stage.calm = True
        case.note("end", "invariants")
        examine(stage)
    finally:
        stage.calm = True
        STAGE = None


def examine(stage: Stage) -> None:
    for container in [*stage.pool, *(mutation.finish() for mutation in stage.mutations)]:
        if isinstance(container, CONTAINERS):
            _core._check(container)
    for container, items in stage.kept:
        now = items_of(container)
        assert len(now) == len(items)
        if not type(container).__name__.startswith("Shared"):
            assert all(a is b for a, b in zip(now, items, strict=True)), "an old version has other items"


def silent(unraisable: Any) -> None:
    """Finalizers and watches raise on purpose here."""


if __name__ == "__main__":
    sys.unraisablehook = silent
    sys.exit(harness.main(run_case, steps=150))
