"""Processes of the chaos tests: `python redis_roles.py ROLE PORT ARGUMENTS`, controlled by lines.

Each prints "ready", begins after a line on its standard input, and prints what came of it as a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import redis
from linearizability import Recorder

from frozen import Map
from frozen.redis import RedisRef, Unavailable, Uncertain


def attached(port: str, **options: Any) -> RedisRef[Any]:
    client = redis.Redis(port=int(port), socket_timeout=5)
    return RedisRef.attach(client, "chaos", **{"block": 0.2, "timeout": 60.0, **options})


def go() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def counter(port: str, count: str) -> Any:
    """Adds one, many times; each is acknowledged, or its outcome found out."""
    ref, unsure = attached(port), 0
    go()
    for _ in range(int(count)):
        try:
            ref.update(lambda m: m.set("n", m["n"] + 1))
        except Uncertain as error:
            while "no longer knows" not in str(error):
                try:
                    if not error.repeat():
                        ref.update(lambda m: m.set("n", m["n"] + 1))
                    break
                except Uncertain as again:
                    error = again
                except Unavailable:
                    pass
                time.sleep(0.05)
            else:
                unsure += 1
    return {"unsure": unsure, "stats": ref.stats._asdict()}


def follower(port: str, last: str, cache: str = "") -> Any:
    """Reads until it sees the last number, and says whether it ever saw one that was smaller than the one before."""
    ref = attached(port, cache=cache or None)
    go()
    seen, back, newest = 0, 0, -1
    while newest < int(last):
        version = ref.version
        n = ref.get()["n"]
        back += n < newest
        seen += n != newest
        newest = n
        if newest < int(last):
            ref.wait(version, 0.2)
    return {"seen": seen, "back": back, "stats": ref.stats._asdict()}


def saver(port: str, cache: str) -> Any:
    """Writes its cache file without a pause, until it is killed."""
    ref = attached(port, cache=cache)
    go()
    while True:
        ref.update(lambda m: m.set("n", m["n"] + 1))
        ref._follower.save()


def history(port: str, index: str, steps: str) -> Any:
    """Calls with their times: of one clock, since the processes are on one machine."""
    ref, recorder = attached(port), Recorder()
    go()

    def read() -> Any:
        ref.sync()
        return ref.get()["n"]

    for step in range(int(steps)):
        mark = 1000 * int(index) + step
        recorder.call("add", (1,), lambda: ref.update(lambda m: m.set("n", m["n"] + 1))["n"])
        recorder.call("exchange", (mark,), lambda mark=mark: ref.exchange(Map(n=mark))["n"])
        recorder.call("add", (2,), lambda: ref.update(lambda m: m.set("n", m["n"] + 2))["n"])
        recorder.call("read", (), read)
    return [[call.name, call.arguments, call.result, call.began, call.returned] for call in recorder.calls]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])), flush=True)
