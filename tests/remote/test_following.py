"""A model of followers against the in-process engine: gaps, duplicates, other histories, lost logs and lost servers.

No thread runs here: each step is a rule. What holds after each: a follower that says that it has a revision has the
value that was published under it, and goes back only where the server did.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from frozen import Map, Set, Vector
from frozen.remote import MemoryEngine, MemoryServer
from frozen.remote._codec import Codec
from frozen.remote._engine import Head, number_of
from frozen.remote._errors import Stuck
from frozen.remote._follower import Follower
from frozen.remote._history import UNREADABLE
from frozen.remote._publisher import create, publish

NAME = "model"
followers = st.integers(0, 2)
values = st.one_of(
    st.integers(0, 5),
    st.just("text"),
    st.just(Vector(range(5))),
    st.builds(Set, st.lists(st.integers(0, 5), max_size=3)),
    st.builds(lambda n: Map(inner=n), st.integers(0, 5)),
)


class Following(RuleBasedStateMachine):
    """Three followers of one reference, and a server that fails in all ways that it may."""

    def __init__(self) -> None:
        super().__init__()
        self.server = MemoryServer()
        self.followers = [self.new_follower() for _ in range(3)]
        self.values: dict[str, Any] = {}
        self.seen = [0, 0, 0]
        self.kept: list[Any] = []
        self.server_went_back = False

    def new_follower(self) -> Follower:
        follower = Follower(MemoryEngine(self.server), NAME, Codec((), False, None), None, None)
        follower.snapshooting = SimpleNamespace(request=follower.write_snapshot)
        return follower

    @initialize()
    def begin(self) -> None:
        assert create(self.followers[0], Map(start=0), 0.0, is_default=False)
        self.note()

    def note(self) -> None:
        """What followers published or put back is now known under its revision."""
        for follower in self.followers:
            if follower.state.value is not UNREADABLE:
                known = self.values.setdefault(follower.state.id, follower.state.value)
                assert known == follower.state.value, "one revision, two values"

    def step(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (Stuck, LookupError):
            return None

    # -- What processes do

    @rule(index=followers, key=st.integers(0, 9), value=values)
    def publish(self, index: int, key: int, value: Any) -> None:
        follower = self.followers[index]
        basis = follower.state
        if basis.value is UNREADABLE:
            self.step(follower.catch_up)
            return
        new = basis.value.set(key, value)
        if self.step(publish, follower, basis, new, 0.0):
            assert self.server.record(NAME).log[-1].parent == basis.id or not self.server.record(NAME).log
            self.values[follower.state.id] = new
        self.note()

    @rule(index=followers, whole=values)
    def publish_something_else(self, index: int, whole: Any) -> None:
        """A large value goes as a snapshot, with an empty entry in the log."""
        follower = self.followers[index]
        if follower.state.value is not UNREADABLE:
            new = Map({"large": "x" * 70_000, "whole": whole})
            self.step(publish, follower, follower.state, new, 0.0)
        self.note()

    @rule(index=followers, first=st.integers(0, 3), last=st.integers(1, 6))
    def receive(self, index: int, first: int, last: int) -> None:
        """Some part of the log arrives: entries are missing, or come twice."""
        log = self.server.record(NAME).log[-6:][first:last]
        if log:
            self.step(self.followers[index].receive, log, 0.0)
        self.note()

    @rule(index=followers)
    def heartbeat(self, index: int) -> None:
        head: Head = self.server.record(NAME).head()
        self.step(self.followers[index].meet, head, 0.0)
        self.note()

    @rule(index=followers)
    def write_snapshot(self, index: int) -> None:
        self.followers[index].write_snapshot()

    @rule(index=followers)
    def start_again(self, index: int) -> None:
        """A process ends, and another one takes its place, with nothing."""
        self.followers[index] = self.new_follower()
        self.seen[index] = 0
        self.step(self.followers[index].catch_up)
        self.note()

    # -- What happens to the server

    @rule(keep=st.integers(0, 3))
    def lose_part_of_the_log(self, keep: int) -> None:
        log = self.server.record(NAME).log
        del log[: max(0, len(log) - keep)]

    @rule()
    def lose_all(self) -> None:
        self.server.records.clear()
        self.server_went_back = True

    @rule()
    def keep_a_copy(self) -> None:
        self.kept.append(copy.deepcopy(self.server.records))

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def set_back(self, data: st.DataObject) -> None:
        """A replica that lacks the tail leads."""
        self.server.records = copy.deepcopy(data.draw(st.sampled_from(self.kept)))
        self.server_went_back = True

    # -- What holds

    @invariant()
    def a_revision_has_one_value(self) -> None:
        for follower in self.followers:
            if follower.good_id:
                assert follower.good == self.values[follower.good_id]

    @invariant()
    def nobody_goes_back_unless_the_server_does(self) -> None:
        for index, follower in enumerate(self.followers):
            number = number_of(follower.state.id)
            assert number >= self.seen[index] or self.server_went_back
            self.seen[index] = number

    def teardown(self) -> None:
        """Whatever happened: once all have caught up, all have the same, and it is the server's."""
        for _ in range(2):
            for follower in self.followers:
                self.step(follower.catch_up)
        self.note()
        head = self.server.record(NAME).id
        for follower in self.followers:
            if head is not None and self.server.record(NAME).is_whole():
                assert (follower.good_id, follower.good) == (head, self.values[head])


TestFollowing = Following.TestCase
TestFollowing.settings = settings(stateful_step_count=40, deadline=None)
