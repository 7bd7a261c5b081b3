"""AtomicRef, SharedRef and transactions, and what a single thread may expect of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from frozen import ABSENT, AtomicCounter, AtomicMap, AtomicRef, Blob, Handle, SharedRef, snapshot, transaction
from torture.worlds import World, draw_value, matches, same


class ModelRef:
    def __init__(self, value: Any) -> None:
        self.value, self.version = value, 0

    def set(self, value: Any) -> None:
        self.value, self.version = value, self.version + 1

    def get_versioned(self) -> tuple[Any, int]:
        return self.value, self.version


class RefWorld:
    """A few references with their models; one of each kind of step is taken by `step`."""

    def __init__(self, shared: bool) -> None:
        self.shared = shared
        self.make = SharedRef if shared else AtomicRef
        self.refs = [(self.make(number), ModelRef(number)) for number in range(3)]
        self.seen: list[tuple[Any, Any]] = []
        self.counter, self.counted = AtomicCounter(), 0
        self.table: Any = AtomicMap()
        self.entries: dict[Any, Any] = {}
        self.steps = (
            self.publish,
            self.exchange,
            self.compare,
            self.update,
            self.read,
            self.transact,
            self.watch,
            self.renew,
            self.send,
            self.count,
            self.tabulate,
        )

    def step(self, world: World, source: random.Random, note: Callable[[str], None]) -> None:
        operation = source.choice(self.steps)
        note(f"reference: {operation.__name__}")
        operation(world, source, *source.choice(self.refs))
        self.verify()

    def verify(self) -> None:
        for ref, model in self.refs:
            assert ref.version == model.version
            assert same(ref.get(), model.value), f"{ref.get()!r} is not {model.value!r}"

    def publish(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        value = world.value(source)
        ref.set(value)
        model.set(value)

    def exchange(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        value = world.value(source)
        assert same(ref.exchange(value), model.value)
        model.set(value)

    def compare(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        value, (current, version) = world.value(source), ref.get_versioned()
        assert not ref.compare_and_set(("another", 5), value)
        assert not ref.compare_and_set(current, value, version=version + 1)
        assert ref.compare_and_set(current, value, version=source.choice((None, version)))
        model.set(value)

    def update(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        value = world.value(source)
        if value is None:
            value = 5  # from a list, None is refused: the function has probably changed the list in place
        before = ref.version
        if source.random() < 0.5:
            assert same(ref.update(lambda old, new: new, value), value)
        else:
            assert same(ref.fetch_update(lambda old, new: new, value), model.value)
        self.follow(before, [(ref, model)], [value])
        try:
            ref.update(lambda old: 1 // 0)
        except ZeroDivisionError:
            return
        raise AssertionError("the error of the function is lost")

    def read(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        assert same(ref.get_versioned(), model.get_versioned())
        assert same(snapshot(*[ref for ref, _ in self.refs]), tuple([model.value for _, model in self.refs]))
        assert not ref.wait(model.version, 0)
        assert model.version == 0 or ref.wait(model.version - 1, 0)
        subject = world.pick(source, "map")
        ref.set(subject.value)
        model.set(subject.value)
        key = world.key(source)
        assert same(ref.lookup(key, "absent"), subject.model.get(key, "absent"))

    def transact(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        several = source.sample(self.refs, 2)
        both = transaction(*[ref for ref, _ in several])
        assert same(both.get(), tuple([model.value for _, model in several]))
        values, before = (world.value(source), world.value(source)), several[0][0].version
        if source.randrange(2):
            both.set(*values)
            assert several[0][0].version == before + 1
        else:
            assert same(both.update(lambda a, b, *new: new, *values), values)
        self.follow(before, several, values)

    def follow(self, before: int, several: list[tuple[Any, ModelRef]], values: Sequence[Any]) -> None:
        """An update that stored the very objects that were there is no version; then the values are the same."""
        if several[0][0].version == before:
            assert all(same(model.value, value) for (_, model), value in zip(several, values, strict=True))
            return
        for (_, model), value in zip(several, values, strict=True):
            model.set(value)

    def watch(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        if self.shared:  # another thread calls
            return
        before, value = model.value, world.value(source)
        with ref.watch(lambda old, new: self.seen.append((old, new))):
            ref.set(value)
        model.set(value)
        assert same(self.seen.pop(), (before, value))
        assert self.seen == []

    def renew(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        value = world.value(source)
        place = [model for _, model in self.refs].index(model)
        self.refs[place] = self.make(value), ModelRef(value)

    def send(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        if not self.shared:
            return
        uses = source.randrange(1, 4)
        handle: Any = Handle(world.pick(source, "map").value, uses=uses)
        for _ in range(uses):
            handle.redeem()
        assert not handle.revoke()
        data = source.randbytes(source.choice((0, 1, 63, 64, 65, 1000)))
        blob = Blob(data)
        ref.set(blob)
        model.set(blob)
        assert bytes(ref.get()) == data
        assert bytes(Blob.handle(blob).redeem()) == data

    def count(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        by = source.choice((1, -1, 3, 1 << 40, 1 << 57, -(1 << 57)))
        try:
            self.counter.add(by)
            self.counted += by
        except OverflowError:
            assert abs(self.counted + by) > 1 << 57
        assert self.counter.get() == self.counted
        if source.randrange(4) == 0:
            assert self.counter.take() == self.counted
            self.counted = 0

    def tabulate(self, world: World, source: random.Random, ref: Any, model: ModelRef) -> None:
        """An AtomicMap against a dict."""
        table, entries = self.table, self.entries
        key, value, before = world.key(source), draw_value(source, shared=True), dict(entries)
        match source.randrange(8):
            case 0:
                table[key] = entries[key] = value
            case 1:
                assert same(table.setdefault(key, value), entries.setdefault(key, value))
            case 2:
                assert same(table.pop(key, "absent"), entries.pop(key, "absent"))
            case 3:
                assert same(table.exchange(key, value, "absent"), entries.get(key, "absent"))
                entries[key] = value
            case 4:
                assert table.compare_and_set(key, table.get(key, ABSENT), value)
                entries[key] = value
            case 5:
                entries[key] = (entries.get(key, value), value)
                assert same(table.update(key, lambda old: (old, value), default=value), entries[key])
            case 6:
                snapshot = table.snapshot()
                assert matches("map", snapshot, entries)
                for known in [*entries][: source.randrange(3)]:
                    del table[known]
                    del entries[known]
                assert matches("map", snapshot, before)
            case _ if len(entries) > 30:
                assert matches("map", table.drain(), entries)
                entries.clear()
        if source.randrange(2):
            assert matches("map", table.snapshot(), entries)
        assert len(table) == len(entries)
