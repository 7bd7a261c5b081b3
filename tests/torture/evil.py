"""Hostile objects in every operation: keys, values and functions that raise, re-enter what is under way, drop the last
reference, collect garbage, and look at every object the collector knows.

Nothing is expected of the answers. The process has to live, no SystemError may come, old versions keep their
very items, every tree stays in order, and nothing is left behind at the end.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import fractions
import gc
import pathlib
import random
import sys
import uuid
from collections import UserList
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from frozen import (
    ABSENT,
    AtomicCounter,
    AtomicMap,
    AtomicRef,
    Delta,
    Map,
    Set,
    SharedRef,
    Vector,
    _core,
    decode,
    encode,
    freeze,
    merge3,
    register_shareable,
    share,
    snapshot,
    thaw,
    transaction,
)
from torture import harness
from torture.operations import EDITS, TABLES, pickled
from torture.worlds import CONTAINERS, HASHES, KINDS, SHARED, draw_key, draw_value

TUPLES_ARE_WHOLE = sys.version_info >= (3, 14)
"""Before, the collector knows tuples of `tuple(generator)` and `f(*generator)` that are half filled (copy.deepcopy)."""

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
        self.table: Any = AtomicMap()
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
        if type(seen) is list or (type(seen) is tuple and TUPLES_ARE_WHOLE):
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


class EvilABC(Mapping[Any, Any]):
    """A mapping to the rules of conversions that are in Python."""

    def __init__(self, plain: dict[Any, Any]) -> None:
        self.plain = plain

    def __getitem__(self, key: Any) -> Any:
        misbehave()
        return self.plain[key]

    def __iter__(self) -> Iterator[Any]:
        misbehave()
        for key in list(self.plain):
            misbehave()
            yield key

    def __len__(self) -> int:
        misbehave()
        return len(self.plain)


class EvilList(UserList[Any]):
    def __iter__(self) -> Iterator[Any]:
        for element in list(self.data):
            misbehave()
            yield element

    def __len__(self) -> int:
        misbehave()
        return 1 << 30


class EvilTuple(tuple[Any, ...]):
    def __iter__(self) -> Iterator[Any]:
        misbehave()
        return super().__iter__()


class EvilZone(datetime.tzinfo):
    """A time zone whose every method misbehaves."""

    def utcoffset(self, moment: Any) -> Any:
        misbehave()
        return datetime.timedelta(hours=id(self) % 7)

    def dst(self, moment: Any) -> Any:
        misbehave()

    def tzname(self, moment: Any) -> Any:
        misbehave()
        return "evil"

    def __eq__(self, other: object) -> bool:
        misbehave()
        return type(other) is EvilZone

    def __hash__(self) -> int:
        misbehave()
        return 5

    def __getinitargs__(self) -> Any:
        misbehave()
        return ()


class EvilMoment(datetime.datetime):
    def __reduce__(self) -> Any:
        misbehave()
        return super().__reduce__()


class EvilDecimal(decimal.Decimal):
    def __str__(self) -> str:
        misbehave()
        return super().__str__()

    def __hash__(self) -> int:
        misbehave()
        return super().__hash__()


class EvilInComparing:
    """Put before a class: comparing and hashing its objects misbehaves."""

    def __eq__(self, other: object) -> bool:
        misbehave()
        return super().__eq__(other)

    def __hash__(self) -> int:
        misbehave()
        return super().__hash__()


class EvilFraction(EvilInComparing, fractions.Fraction):
    pass


class EvilUUID(EvilInComparing, uuid.UUID):
    pass


class EvilPath(pathlib.PurePosixPath):
    def __str__(self) -> str:
        misbehave()
        return super().__str__()


class EvilEnum(enum.Enum):
    ONE = 1
    TWO = 2

    def __eq__(self, other: object) -> bool:
        misbehave()
        return self is other

    def __hash__(self) -> int:
        misbehave()
        return self._value_


class EvilFlag(enum.Flag):
    READ = 1
    WRITE = 2

    def __hash__(self) -> int:
        misbehave()
        return super().__hash__()


class EvilNamedTuple(NamedTuple):
    a: Any
    b: Any


@dataclasses.dataclass(frozen=True)
class EvilRecord:
    a: Any
    b: Any

    def __getattribute__(self, name: str) -> Any:
        misbehave()
        return object.__getattribute__(self, name)


EVERYDAY: tuple[Callable[[Any], Any], ...] = (
    lambda part: datetime.datetime(2024, 1, 2, 3, tzinfo=EvilZone()),
    lambda part: datetime.time(3, fold=1, tzinfo=EvilZone()),
    lambda part: EvilMoment(2024, 1, 2, tzinfo=EvilZone()),
    lambda part: EvilDecimal("1.50"),
    lambda part: EvilFraction(1, 3),
    lambda part: EvilUUID(int=7),
    lambda part: EvilPath("a/b"),
    lambda part: EvilEnum.TWO,
    lambda part: EvilFlag.READ | EvilFlag.WRITE,
    lambda part: EvilNamedTuple(part, 1),
    lambda part: EvilRecord(part, part),
    lambda part: EvilTuple((part, part)),
)
"""Everyday values of classes that misbehave, around one that does."""

TYPES = {"enum": EvilEnum, "flag": EvilFlag, "tuple": EvilNamedTuple, "record": EvilRecord}


def make_changing(kind: int) -> Any:
    """A class called `Changing`: a record or a named tuple, of two or three fields."""
    fields = [(name, Any) for name in ("a", "b", "c")[: 2 + kind // 2]]
    if kind % 2:
        made: Any = dataclasses.make_dataclass("Changing", [(*field, None) for field in fields], frozen=True)
    else:
        made = NamedTuple("Changing", fields)
        made.__new__.__defaults__ = (None,) * len(fields)
    made.__module__ = __name__
    return made


CHANGING = [make_changing(kind) for kind in range(4)]


def change_class(kind: int) -> None:
    """Registers another class under the name `Changing`."""
    global Changing
    Changing = register_shareable(CHANGING[kind])


def encode_evil(evil: Evil) -> Any:
    misbehave()
    return (evil.hash, evil.name)


def decode_evil(fields: Any) -> Evil:
    misbehave()
    return Evil(*fields)


register_shareable(Evil, encode_evil, decode_evil)
register_shareable(EvilNamedTuple)
register_shareable(EvilRecord)
register_shareable(EvilZone, lambda zone: misbehave() or (), lambda _: misbehave() or EvilZone())
register_shareable(
    EvilMoment, lambda moment: misbehave() or moment.replace(tzinfo=None).isoformat(), EvilMoment.fromisoformat
)
register_shareable(EvilDecimal, lambda number: misbehave() or decimal.Decimal(number), EvilDecimal)
register_shareable(
    EvilFraction, lambda number: (number.numerator, number.denominator), lambda pair: EvilFraction(*pair)
)
register_shareable(EvilUUID, lambda one: misbehave() or one.int, lambda number: EvilUUID(int=number))
change_class(0)


class EvilArguments:
    """What operations ask for, by name: mostly hostile."""

    def __init__(self, stage: Stage, subject: Any) -> None:
        self.stage, self.subject = stage, subject
        self.shared = type(subject).__name__.startswith("Shared")

    def __getattr__(self, name: str) -> Any:
        return getattr(EvilArguments, "make_" + name)(self)

    def make_key(self) -> Any:
        source = self.stage.source
        match source.randrange(6):
            case 0:
                return draw_key(source, self.shared)
            case 5:
                return source.choice(EVERYDAY)(Evil(source.choice(HASHES[:4]), source.randrange(4)))
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
    match stage.source.randrange(4):
        case 0:
            data.append(EvilABC({"k": arguments.make_value(), "l": data[0]}))
        case 1:
            data.append(EvilList([arguments.make_value(), data[1]]))
        case 2:
            data = attempt(lambda: EvilTuple([data, {*arguments.make_keys()}]))
    attempt(lambda: stage.source.choice((freeze, thaw, share, SHARED["vector"], SHARED["set"]))(data))


def compare(stage: Stage) -> None:
    """Deltas and merges of containers that hold hostile objects."""
    kind = stage.source.choice(("map", "set", "vector"))
    one, two, three = (stage.pick(kind) for _ in range(3))

    def settle(conflict: Any) -> Any:
        misbehave()
        return conflict.theirs

    first = attempt(lambda: one.diff(two))
    second = attempt(lambda: two.diff(three))
    if first is None or second is None:
        return
    result = attempt(
        stage.source.choice(
            (
                lambda: one.apply(first),
                lambda: two.apply(first.inverse()),
                lambda: three.apply(first),
                lambda: one.apply(first.then(second)),
                lambda: one.apply(first.then(first)),
                lambda: merge3(one, two, three),
                lambda: merge3(one, two, three, on_conflict=settle),
                lambda: one.apply(Delta.from_json_patch(one, first.to_json_patch())),
                lambda: Delta.from_merge_patch(one, EvilABC({"k": Evil(0, 1), "l": {"m": Evil(1, 2)}})),
                lambda: pickled(first) == first,
                lambda: (repr(first), str(first), hash(first), list(first), first.changes),
            )
        )
    )
    if type(result) in KINDS:
        stage.keep(result)


def code(stage: Stage) -> None:
    """encode and decode of what is hostile."""
    arguments = EvilArguments(stage, Map())
    value = stage.source.choice((arguments.make_value, arguments.make_dict, stage.pick))()
    data = attempt(lambda: encode({"k": value, "l": [value]}, types=TYPES))
    if data is None:
        data = attempt(
            lambda: encode([EvilRecord(EvilEnum.ONE, (1, 2)), EvilNamedTuple(1, {EvilFlag.READ})], types=TYPES)
        )
    if data is not None:
        attempt(lambda: decode(data, types=TYPES))


def keep_everyday(stage: Stage) -> None:
    """Everyday values go into shared memory and come out again, some as another class of their name is registered."""
    arguments = EvilArguments(stage, Map())
    makers = (*EVERYDAY, lambda part: Changing(part, 1))
    values = [stage.source.choice(makers)(arguments.make_key()) for _ in range(3)]
    made = attempt(lambda: stage.source.choice((SHARED["vector"], SHARED["set"]))(values))
    if stage.source.randrange(4) == 0:
        attempt(lambda: change_class(stage.source.randrange(4)))
    if made is not None:
        stage.keep(made)
        attempt(lambda: (list(made), hash(made), made == type(made)(values)))


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
                lambda: ref.fetch_update(lambda old, new: misbehave() or new, value),
                lambda: AtomicCounter(Evil(0, 3)).add(Evil(0, 2)),
                lambda: ref.lookup(value, value),
                lambda: snapshot(*stage.refs),
                lambda: transaction(*stage.refs[:2]).update(lambda a, b: Evil(1, 2)),
                lambda: transaction(*stage.refs[1:]).set(value, value),
                lambda: listen(stage, ref),
            )
        )
    )


def fill_atomically(stage: Stage) -> None:
    """An AtomicMap, whose functions, keys and values come back to it."""
    arguments, table = EvilArguments(stage, Map()), stage.table
    key, value, fn = arguments.make_key(), arguments.make_value(), arguments.make_fn()
    result = attempt(
        stage.source.choice(
            (
                lambda: table.__setitem__(key, value),
                lambda: table.pop(key, None),
                lambda: (table.get(key), key in table, len(table), table[key]),
                lambda: table.setdefault(key, value),
                lambda: table.exchange(key, stage.source.choice((value, ABSENT))),
                lambda: table.compare_and_set(key, stage.source.choice((value, ABSENT)), value),
                lambda: table.update(key, fn, value, default=value),
                lambda: table.update(key, lambda old: fill_atomically(stage) or misbehave() or (key,)),
                lambda: table.add(key, stage.source.choice((1, value))),
                lambda: table.count(arguments.make_keys()),
                lambda: table.reduce(arguments.make_pairs(), fn),
                lambda: table.snapshot(),
                lambda: table.get_versioned()[0],
                lambda: table.drain(),
                lambda: (repr(table), list(table), list(table.items())),
            )
        )
    )
    if type(result) is Map:
        stage.keep(result)


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


ACTIONS = (operate, change, convert, walk, publish, deed_mutate, compare, code, keep_everyday, fill_atomically)
ACTION_WEIGHTS = (8, 8, 2, 2, 3, 1, 3, 1, 2, 3)


def run_case(case: harness.Case) -> None:
    global STAGE
    stage = STAGE = Stage(case.random("start"))
    try:
        start(stage, case.number)
        for step in case.steps:
            stage.source = case.random(step)
            action = stage.source.choices(ACTIONS, ACTION_WEIGHTS)[0]
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
