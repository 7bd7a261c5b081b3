"""Requests a second of the processor: settings by `frozen.config`, dynaconf, a dict under a lock, and a plain dict.

The servers are gunicorn with one worker of four threads and the program in served.py, which reads ten settings for each
answer. All run at the same time and are asked in turns, by three connections each, so that each ratio is of neighbours.
The file stays as it is, or is replaced every 50 ms. A row counts answers that fail or have settings of two versions of
the file. All servers reload all the time, so that one which takes long for it takes time from the others as well.
"""

import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import cli
from harness import AGAIN, Row, Target
from peers import Peer
from served import EVERY, TEN
from slices import side_by_side

SIZES = (1_000,)
CONNECTIONS = 3
PEERS = (
    Peer("frozen", "frozen.config", "frozen", {}),
    Peer("dynaconf", "dynaconf", "dynaconf", {}),
    Peer("lock", "threading", "python", {}),
    Peer("dict", "builtins", "python", {}, persistent=False),
    Peer("gunicorn", "gunicorn", "gunicorn", {}),  # what serves all of them
)
KINDS = ("frozen", "frozen" + AGAIN, "dynaconf", "lock", "dict")
TARGETS = [Target(1.05, rival="dynaconf"), Target(1.05, rival="lock")]
"""Of processor time an answer, in which the ten reads are a few microseconds of hundreds: no more, within the noise."""


def write(path, n, release):
    """A version of the file: each of the ten settings is its number."""
    values = dict.fromkeys(TEN, release) | {f"other_{i}": i for i in range(n)}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(values))
    new.replace(path)


@contextlib.contextmanager
def edited(path, n):
    """The file is replaced again and again."""
    done = threading.Event()

    def edit():
        release = 1
        while not done.wait(EVERY):
            release += 1
            write(path, n, release)

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        yield
    finally:
        done.set()
        editor.join()


class Server:
    """A gunicorn whose settings are read in one way."""

    def __init__(self, kind, path):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        env = os.environ | {"SETTINGS": str(path), "READ": kind.removesuffix(AGAIN)}
        here = str(Path(__file__).parent)
        options = ["--chdir", here, "--bind", f"127.0.0.1:{self.port}", "--threads", "4", "--keep-alive", "60"]
        command = [sys.executable, "-m", "gunicorn", "--log-level", "warning", *options, "served:app"]
        self.process = subprocess.Popen(command, env=env, cwd=path.parent)  # not in a checkout: `-m` would import it
        self.wrong = 0

    def connect(self):
        """A connection, as soon as the server answers."""
        deadline = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                self.ask(connection)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return connection

    def ask(self, connection):
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read()
        self.wrong += answer.status != 200 or len(set(json.loads(body))) > 1

    def processor_seconds(self):
        """Of the worker alone, in ticks of a hundredth. Linux keeps them in /proc."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        fields = [Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split() for child in children]
        return sum(int(field[11]) + int(field[12]) for field in fields) / os.sysconf("SC_CLK_TCK")

    def seconds_an_answer(self, connections, seconds):
        """Of the processor, while all connections ask one after the other, each of them at least once."""
        end = time.perf_counter() + seconds

        def answers(connection):
            for count in itertools.count(1):
                self.ask(connection)
                if time.perf_counter() >= end:
                    return count

        start = self.processor_seconds()
        counts = side_by_side([partial(answers, connection) for connection in connections])
        return (self.processor_seconds() - start) / sum(counts)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def measured(servers, options):
    """Per kind: seconds an answer, and how many answers were wrong, a list over the rounds."""
    connections = {kind: [server.connect() for _ in range(CONNECTIONS)] for kind, server in servers.items()}
    costs, wrong = {kind: [] for kind in servers}, {kind: [] for kind in servers}
    for _ in range(options.rounds):
        for kind, server in servers.items():
            server.wrong = 0
            costs[kind].append(server.seconds_an_answer(connections[kind], options.seconds / len(servers)))
            wrong[kind].append(server.wrong)
    for opened in connections.values():
        for connection in opened:
            connection.close()
    return costs, wrong


def row(name, title, n, costs, targets):
    rivals = [kind for kind in costs if kind in ("dynaconf", "lock")]
    return Row(name, title, n, "frozen", costs, rivals, [target for target in targets if target.rival in costs])


def rows(options, found):
    names = {peer.name for peer in found}
    if "gunicorn" not in names:
        raise SystemExit("gunicorn is needed: pip install gunicorn")
    for n in options.sizes:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
            path = Path(folder) / "settings.json"
            write(path, n, 1)
            servers = {}
            for kind in KINDS:
                if kind.removesuffix(AGAIN) in names:
                    servers[kind] = Server(kind, path)
                    running.callback(servers[kind].stop)
            costs, _ = measured(servers, options)
            yield row("quiet", "an answer, the file as it is", n, costs, TARGETS)
            with edited(path, n):
                costs, wrong = measured(servers, options)
            yield row("edited", "an answer, the file replaced every 50 ms", n, costs, TARGETS)
            yield row("wrong", "answers that fail or mix two versions", n, wrong, [])


if __name__ == "__main__":
    sys.exit(cli.main("servers", PEERS, rows, __doc__, sizes=SIZES))
