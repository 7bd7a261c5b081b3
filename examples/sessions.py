"""The sessions of a threaded server: `python examples/sessions.py`.

A session is a Map. A request reads it without waiting and replaces it with `update`, so that two requests of one user
at the same time lose nothing. Sessions expire one by one, only if they were not used meanwhile.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from frozen import ABSENT, AtomicMap, Map

Session = Map[str, Any]


class Sessions:
    def __init__(self, lifetime: float = 3600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.lifetime, self.clock = lifetime, clock
        self.live: AtomicMap[str, Session] = AtomicMap()

    def begin(self, user: str) -> str:
        name = secrets.token_urlsafe(16)
        self.live[name] = Map(user=user, used=self.clock())
        return name

    def read(self, name: str) -> Session | None:
        return self.live.get(name)

    def change(self, name: str, change: Callable[[Session], Session]) -> Session:
        """Replace a session; KeyError if it has ended."""

        def changed(session: Session) -> Session:
            if session is ABSENT:
                raise KeyError(name)
            return change(session).set("used", self.clock())

        return self.live.update(name, changed)

    def expire(self) -> int:
        """End the sessions that were not changed for a lifetime; return how many."""
        oldest = self.clock() - self.lifetime
        old = [(name, session) for name, session in self.live.items() if session["used"] < oldest]
        return sum(self.live.compare_and_set(name, session, ABSENT) for name, session in old)


def main() -> None:
    sessions = Sessions()
    name = sessions.begin("ada")

    def put_into_basket() -> None:
        for _ in range(100):
            sessions.change(name, lambda session: session.set("basket", session.get("basket", 0) + 1))

    threads = [threading.Thread(target=put_into_basket) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sessions.read(name))


if __name__ == "__main__":
    main()
