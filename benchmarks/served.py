"""The program that bench_servers.py puts into gunicorn: each answer is made of ten settings of one version.

SETTINGS names a JSON file, READ the way in which its settings are read and reloaded: `frozen`, `dynaconf`, `lock` or
`dict`. All look at the file every 50 ms in a thread of their own.
"""

import json
import os
import threading
import time

PATH, READ = os.environ.get("SETTINGS", ""), os.environ.get("READ", "")
EVERY = 0.05
TEN = [f"name_{i}" for i in range(9)] + ["release"]


def reload_when_changed(reload):
    def follow():
        seen = os.stat(PATH).st_mtime_ns
        while True:
            time.sleep(EVERY)
            found = os.stat(PATH).st_mtime_ns
            if found != seen:
                seen = found
                reload()

    threading.Thread(target=follow, daemon=True).start()


def by_frozen():
    from frozen.config import Config

    config = Config(PATH, watch="poll", interval=EVERY, debounce=0)
    config.start()

    def ten():
        version = config.data
        return [version[name] for name in TEN]

    return ten


def by_dynaconf():
    from dynaconf import Dynaconf

    settings = Dynaconf(settings_files=[PATH])
    reload_when_changed(settings.reload)
    return lambda: [settings[name] for name in TEN]


def loaded():
    with open(PATH) as file:
        return json.load(file)


def by_lock():
    lock, values = threading.Lock(), loaded()

    def reload():
        new = loaded()
        with lock:
            values.update(new)

    def ten():
        with lock:
            return [values[name] for name in TEN]

    reload_when_changed(reload)
    return ten


def by_dict():
    values = loaded()
    reload_when_changed(lambda: values.update(loaded()))
    return lambda: [values[name] for name in TEN]


WAYS = {"frozen": by_frozen, "dynaconf": by_dynaconf, "lock": by_lock, "dict": by_dict}
ten_settings = WAYS[READ]() if READ else None


def app(environ, start_response):
    """The WSGI application."""
    body = json.dumps(ten_settings()).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
