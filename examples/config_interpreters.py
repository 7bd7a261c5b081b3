"""A service whose work is done in interpreters of their own: one watches the configuration, all read the same memory.

python examples/config_interpreters.py folder 8000       (Python 3.14)
"""

import json
import os
import sys
from concurrent.futures import InterpreterPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from frozen import SharedMap, SharedRef
from frozen.config import Config


def one_release(data: SharedMap) -> None:
    if data["limits"]["release"] != data["texts"]["release"]:
        raise ValueError("limits.json and texts.json are of two releases")


def answer(settings: SharedRef[SharedMap]) -> str:
    """Runs in an interpreter of the pool."""
    data = settings.get()  # one version, for all of this request
    return json.dumps({"pid": os.getpid(), "limits": data["limits"]["release"], "texts": data["texts"]["release"]})


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = pool.submit(answer, config.ref).result().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    folder, port = sys.argv[1:]
    files = f"{folder}/limits.json", f"{folder}/texts.json"
    with Config(*files, schema=one_release, shared=True) as config, InterpreterPoolExecutor(2) as pool:
        ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
