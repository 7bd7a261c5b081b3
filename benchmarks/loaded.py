"""The program that bench_workers.py gives to servers and pools: a table, read whole when it is asked to.

TABLE names the folder in which bench_workers.py put it, HELD what holds it: see HOLDERS. The table is loaded when this
module is imported: before a fork, or in each worker.
"""

import gc
import json
import os
import pickle
import time
from pathlib import Path

FOLDER, HELD = os.environ.get("TABLE", ""), os.environ.get("HELD", "nothing")


def unpickled(kind):
    with open(Path(FOLDER) / f"{kind}.pickle", "rb") as file:
        return pickle.load(file)


def shared():
    import frozen

    return frozen.share(unpickled("dict"))


def immortal():
    import frozen

    return frozen.immortalize(shared())


def opened():
    import frozen

    return frozen.open(Path(FOLDER) / "table.frozen")


HOLDERS = {
    "nothing": dict,
    "dict": lambda: unpickled("dict"),
    "dict, frozen": lambda: unpickled("dict"),
    "Map": lambda: unpickled("Map"),
    "SharedMap": shared,
    "SharedMap, frozen": shared,
    "immortal": immortal,
    "file": opened,
}
"""What may hold the table. Those that say `frozen`, and the immortal one, call gc.freeze(), as before a fork."""

if FOLDER:
    TABLE = HOLDERS[HELD]()
    gc.collect()
    if HELD.endswith(", frozen") or HELD == "immortal":
        gc.freeze()


def memory():
    """Of this process, in KiB: what it has alone, what of that no file has, and its share of what it shares."""
    found = {"pid": os.getpid(), "private": 0, "owned": 0, "pss": 0}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, number = line.split()[:2]
        if name.startswith("Private_"):
            found["private"] += int(number)
        if name in ("Private_Dirty:", "Swap:"):
            found["owned"] += int(number)
        if name == "Pss:":
            found["pss"] = int(number)
    return found


def first(_=None):
    """One look-up, as a request does it."""
    return TABLE.get("customer:00000000")


def read_all(seconds=0.0):
    """Each entry, by its key and by iteration; then garbage is collected. It takes `seconds` at least: all do so."""
    end = time.monotonic() + seconds
    for i in range(len(TABLE)):
        TABLE[f"customer:{i:08d}"]
    for _ in TABLE.items():
        pass
    gc.collect()
    time.sleep(max(0.0, end - time.monotonic()))
    return memory()


def answer(path):
    first()
    return json.dumps(read_all(1.0) if path == "/read" else memory()).encode()


def wsgi(environ, start_response):
    body = answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = answer(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def celery_app(folder):
    """A Celery whose broker and results are files in the folder."""
    import celery

    app = celery.Celery("loaded", broker="filesystem://", backend=f"file://{folder}/results")
    queue = {"data_folder_in": f"{folder}/queue", "data_folder_out": f"{folder}/queue", "control_folder": folder}
    app.conf.update(broker_transport_options=queue, worker_prefetch_multiplier=1, task_serializer="json")
    return app


if FOLDER and os.environ.get("QUEUE"):
    celery = celery_app(os.environ["QUEUE"])
    task_first, task_read = celery.task(name="first")(first), celery.task(name="read")(read_all)
