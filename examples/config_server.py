"""A threaded HTTP server whose configuration is reloaded while it serves.

    python examples/config_server.py config.json --port 8000
    curl localhost:8000/database/host

Each request takes the current version from the reference once and works with it to the end, so it never sees half of
a reload and needs no lock.  A watcher thread publishes the file anew when it changes; a file that does not parse
leaves the last good version in place.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from frozen import AtomicRef, Map, freeze, get_in, thaw

MISSING = object()


class Version(NamedTuple):
    """What is published: a number and the data belong together, so they travel in one object."""

    number: int
    data: Map[str, Any]


def load(file: Path) -> Map[str, Any]:
    data = json.loads(file.read_bytes())
    if not isinstance(data, dict):
        raise ValueError(f"holds a {type(data).__name__}, not an object")
    frozen: Map[str, Any] = freeze(data)
    return frozen


class ConfigServer(ThreadingHTTPServer):
    """Answers `GET /a/b` with what the configuration holds at ["a", "b"], as JSON."""

    daemon_threads = True

    def __init__(self, file: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.file = file
        self.closing = threading.Event()
        self.seen = self.signature()
        self.config = AtomicRef(Version(1, load(file)))

    def signature(self) -> tuple[int, int, int]:
        status = self.file.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def watch(self, interval: float = 0.5) -> None:
        """Look for a changed file every so often, until the server closes."""
        while not self.closing.wait(interval):
            try:
                now = self.signature()
                if now == self.seen:
                    continue
                self.seen = now
                self.publish(load(self.file))
            except (OSError, ValueError) as error:
                print(f"{self.file}: {error}; serving version {self.config.get().number} on", file=sys.stderr)

    def publish(self, data: Map[str, Any]) -> None:
        """Publish `data` as the next version; nothing changes for requests under way."""
        self.config.update(lambda current: Version(current.number + 1, data))

    def server_close(self) -> None:
        self.closing.set()
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    server: ConfigServer

    def do_GET(self) -> None:
        number, data = self.server.config.get()  # one version, for all of this request
        path = [step for step in self.path.split("/") if step]
        try:
            value = get_in(data, path, MISSING)
        except TypeError as error:  # the path leads on below a plain value
            self.answer(404, number, {"error": str(error)})
            return
        if value is MISSING:
            self.answer(404, number, {"error": f"no entry at {path}"})
        else:
            self.answer(200, number, thaw(value))

    def answer(self, status: int, number: int, body: Any) -> None:
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Config-Version", str(number))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass  # quiet: this is an example


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a JSON file's entries, reloading it when it changes.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    with ConfigServer(options.file, options.port) as server:
        threading.Thread(target=server.watch, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("closed")


if __name__ == "__main__":
    main()
