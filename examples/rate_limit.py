"""A limit of requests per client, and metrics that a thread of its own writes out: nothing is counted twice or lost.

    python examples/rate_limit.py

`add` and `drain` are atomic: a number is in the drained Map or stays for the next one.
"""

import random
import threading
import time
from collections.abc import Callable

from frozen import AtomicMap, Map


class RateLimiter:
    """At most `limit` requests of a client in each window of `seconds`."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit, self.seconds, self.clock = limit, seconds, clock
        self.requests: AtomicMap[tuple[str, int], int] = AtomicMap()

    def allows(self, client: str) -> bool:
        window = int(self.clock() / self.seconds)
        return self.requests.add((client, window)) <= self.limit

    def forget_old_windows(self) -> None:
        window = int(self.clock() / self.seconds)
        for client, old in self.requests:  # goes over a snapshot
            if old < window:
                self.requests.pop((client, old), None)


class Metrics:
    """Counters that `flush` hands over and sets back to 0, all at one instant."""

    def __init__(self, write: Callable[[Map[str, int]], object]) -> None:
        self.counters: AtomicMap[str, int] = AtomicMap()
        self.write = write

    def count(self, name: str, by: int = 1) -> None:
        self.counters.add(name, by)

    def flush(self) -> None:
        if drained := self.counters.drain():
            self.write(drained)


def main(seconds: float = 2.0) -> None:
    limiter, metrics = RateLimiter(limit=100, seconds=1.0), Metrics(lambda counters: print(dict(counters)))
    closing = threading.Event()

    def serve() -> None:
        while not closing.wait(0.001):
            client = random.choice(("alice", "bob"))
            metrics.count("answered" if limiter.allows(client) else "refused")

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        closing.wait(seconds / 4)
        metrics.flush()
        limiter.forget_old_windows()
    closing.set()
    for thread in threads:
        thread.join()
    metrics.flush()


if __name__ == "__main__":
    main()
