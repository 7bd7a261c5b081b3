"""Flags that all workers of all machines share: each reads them in its own memory, a script changes them for all.

REDIS=redis://localhost CACHE=/var/tmp/flags gunicorn --chdir examples --preload --workers 3 fleet:app   # each machine
REDIS=redis://localhost python fleet.py greeting Hello   # anywhere
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import redis

from frozen import Map
from frozen.redis import RedisRef


def check(flags: Any) -> None:
    if not isinstance(flags.get("greeting"), str):
        raise ValueError("greeting should be a str")


def attach() -> RedisRef[Map[str, Any]]:
    client = redis.Redis.from_url(os.environ["REDIS"])
    start = Map(greeting="Hi")
    return RedisRef.attach(client, "fleet:flags", initial=start, cache=os.environ.get("CACHE"), check=check)


def answer(flags: RedisRef[Map[str, Any]]) -> dict[str, Any]:
    value, version = flags.get_versioned()  # both of one moment; no network
    return {"pid": os.getpid(), "version": version, **value, "age": round(flags.age, 1), "rejected": flags.rejected}


if __name__ == "__main__":
    with attach() as flags:
        print(flags.update(Map.set, sys.argv[1], sys.argv[2]))
else:
    flags = attach()  # before the workers are forked, or in each: the child of a fork follows anew

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer(flags)).encode()]
