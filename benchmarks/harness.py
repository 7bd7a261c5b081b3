"""Timing of many libraries against each other, in one interleaved run, after checking that each gives the right result.

What is compared is a `Peer` (peers.py) at an `Operation`: a template such as "{set}" into which the peer's own
statement is put. Every statement is first run against a plain model, then timed round-robin (`race`): in each round
every peer runs once, in rotating order, so that a slow second of the machine slows all of them. A figure is the median
over the rounds of the ratio within a round. The library under test runs twice a round, with two objects built
separately; how far those two lie apart is the noise that is printed.

The timing itself is `timeit.Timer`'s: it compiles a function for each statement and disables the cyclic collector
while it runs (what the collector costs has rows of its own, see probes.py). The clock is the thread's CPU time, so that
waiting for a processor is nobody's cost. pyperf measures one benchmark to its end, in processes of its own, before the
next begins, and so cannot interleave.
"""

import math
import reprlib
import statistics
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass, field

PASS_SECONDS = 0.004  # one timed pass; much less, and the timer and the scheduler show
LONGEST_PASS = 0.04  # where the whole loop takes longer, it runs over fewer keys
CHECKED, CHECK_SECONDS = 100, 0.2  # keys whose result is compared with the model's; large maps: fewer
AGAIN = " (again)"


class WrongResult(AssertionError):
    """A peer's statement does not do what the operation says."""


@dataclass(frozen=True)
class Target:
    """The subject's cost over the rival's is at most `ratio`, at sizes from `smallest` to `largest`."""

    ratio: float
    smallest: int = 1
    largest: float = math.inf
    rival: str | None = None  # None: the best of the peers that share structure

    def applies(self, n):
        return self.smallest <= n <= self.largest


def small_and_large(small, large):
    """One target while the working set fits the caches, another from 100,000 entries on."""
    return Target(small, largest=99_999), Target(large, smallest=100_000)


@dataclass(frozen=True)
class Operation:
    name: str
    title: str
    timed: str  # template; "{set}" stands for the peer's statement of that name
    model: Callable  # (world, k) -> what world.plain(result) must be; k is None without a loop
    loop: str | None = None  # which list of keys the template is repeated over, as k
    checked: str | None = None  # template for the check, where the timed one does not leave the result
    prepare: Callable = lambda contender, world: {}  # further names for the statement, made once for each peer
    targets: tuple[Target, ...] = ()
    limit: float | None = None  # seconds: shown as a rival that always takes so long

    def statement(self, peer, template):
        """The template with the peer's statements in it, or None if the peer does not offer one of them."""
        wanted = {name: text for name, text in peer.statements.items() if f"{{{name}}}" in template}
        return None if None in wanted.values() else template.format_map(wanted)


@dataclass
class Row:
    """What one operation cost at one size: by peer, a list over the rounds of seconds, bytes or objects."""

    name: str
    title: str
    n: int
    subject: str
    costs: dict[str, list[float]]
    rivals: list[str]
    targets: list[Target]
    missing: list[str] = field(default_factory=list)  # peers that do not offer it

    def ratio(self, rival):
        """The subject's cost over the rival's; None where one of them was not measured."""
        pairs = zip(self.costs.get(self.subject, ()), self.costs.get(rival, ()), strict=False)
        ratios = [ours / theirs if theirs else math.inf if ours else 1.0 for ours, theirs in pairs]
        return statistics.median(ratios) if ratios else None

    @property
    def best(self):
        """The rival hardest to beat, or None."""
        return max((r for r in self.rivals if self.ratio(r) is not None), key=self.ratio, default=None)

    @property
    def judged(self):
        """(target, rival, ratio) for each target that can be judged."""
        named = [(target, target.rival or self.best) for target in self.targets]
        return [(target, rival, self.ratio(rival)) for target, rival in named if self.ratio(rival) is not None]

    @property
    def misses(self):
        return [(target, rival, ratio) for target, rival, ratio in self.judged if ratio > target.ratio]

    @property
    def noise(self):
        again = self.ratio(self.subject + AGAIN)
        return None if again is None else abs(again - 1)


class Contender:
    """One peer at one operation and size: its map, its statement, and how much of it makes a pass."""

    def __init__(self, label, peer, operation, world):
        self.label, self.peer, self.operation, self.world = label, peer, operation, world
        self.names = vars(world) | peer.load()
        if label not in world.maps:
            world.maps[label] = self.run("{build}")
        self.names["m"] = world.maps[label]
        self.names |= operation.prepare(self, world)
        self.keys = self.names[operation.loop] if operation.loop else [None]
        self.number = 1

    def run(self, template, **names):
        """The result of a template, untimed."""
        scope = self.names | names
        exec(self.operation.statement(self.peer, template), scope)
        return scope["r"]

    def check(self):
        """Raise WrongResult unless the statement does what the model does."""
        template = self.operation.checked or self.operation.timed
        started = time.perf_counter()
        for k in self.keys[:CHECKED]:
            got, expected = self.world.plain(self.run(template, k=k)), self.operation.model(self.world, k)
            if got != expected or type(got) is not type(expected):
                raise WrongResult(
                    f"{self.label}, {self.operation.title}, n = {self.world.n}, key {k!r}: "
                    f"{reprlib.repr(got)} instead of {reprlib.repr(expected)}"
                )
            if time.perf_counter() - started > CHECK_SECONDS:
                break

    def calibrate(self):
        """Choose keys and repeats for a pass of PASS_SECONDS, or the shortest possible; return a pass' seconds."""
        if self.operation.loop:
            self.compile(self.keys[:4])
            self.timer.timeit(1)
            each = self.timer.timeit(1) / len(self.used)
            self.compile(self.keys[: max(4, int(LONGEST_PASS / each))])
        else:
            self.compile([None])
        once = self.timer.timeit(1)
        if once < PASS_SECONDS:
            once = self.timer.timeit(1)
        self.number = max(1, round(PASS_SECONDS / once))
        return once * self.number

    def compile(self, keys):
        self.used = keys
        # What the setup binds are locals of the timed function: as cheap as names get.
        setup = "".join(f"{name} = globals()[{name!r}]\n" for name in ("m", "v", "d", "used"))
        body = self.operation.statement(self.peer, self.operation.timed)
        if self.operation.loop:
            body = "for k in used:\n" + "\n".join("    " + line for line in body.splitlines())
        self.timer = timeit.Timer(body, setup, timer=time.thread_time, globals=self.names | {"used": keys})

    def time(self):
        """Seconds for one execution of the statement, averaged over a pass."""
        return self.timer.timeit(self.number) / (self.number * len(self.used))


def race(operation, world, peers, subject, rounds=21, seconds=3.0):
    """The Row of one operation at one size: fewer rounds, down to 3, where they would take longer than `seconds`."""
    offering = [peer for peer in peers if operation.statement(peer, operation.timed) is not None]
    racing = [Contender(peer.name, peer, operation, world) for peer in offering]
    racing += [Contender(peer.name + AGAIN, peer, operation, world) for peer in offering if peer.name == subject]
    for contender in racing:
        contender.check()
    one_round = sum(contender.calibrate() for contender in racing)
    rounds = max(3, min(rounds, int(seconds / one_round)))
    costs = {contender.label: [] for contender in racing}
    if operation.limit:
        costs[f"{operation.limit * 1e6:g} us"] = [operation.limit] * rounds
    for i in range(rounds):
        turn = i % len(racing)
        for contender in racing[turn:] + racing[:turn]:
            costs[contender.label].append(contender.time())
    return Row(
        operation.name,
        operation.title,
        world.n,
        subject,
        costs,
        [peer.name for peer in peers if peer.persistent and peer.name != subject],
        [target for target in operation.targets if target.applies(world.n)],
        [peer.name for peer in peers if peer not in offering],
    )


def race_all(operations, world, peers, options):
    """The Rows of all operations that the command line asks for."""
    for operation in filter(options.wants, operations):
        yield race(operation, world, peers, options.subject, options.rounds, options.seconds)
