"""Flask in gunicorn's threads, with a configuration that reloads while it serves; each worker watches for itself.

CONFIG=folder gunicorn --chdir examples --preload --workers 2 --threads 4 config_flask:app
"""

import os
from typing import Any

from flask import Flask, g

from frozen import Map
from frozen.config import Config, Environment


def one_release(data: Map[str, Any]) -> None:
    if data["limits"]["release"] != data["texts"]["release"]:
        raise ValueError("limits.json and texts.json are of two releases")


folder = os.environ["CONFIG"]
config = Config(f"{folder}/limits.json", f"{folder}/texts.json", Environment("APP_"), schema=one_release)
config.start()  # before the workers are forked, or in each of them: the child of a fork watches anew
app = Flask(__name__)


@app.before_request
def take_one_version() -> None:
    g.config = config.version


@app.get("/")
def index() -> dict[str, Any]:
    return {"pid": os.getpid(), "limits": g.config.get("limits.release"), "texts": g.config.get("texts.release")}


@app.get("/health")
def health() -> tuple[dict[str, Any], int]:
    state = config.state
    return {"age": state.age, "error": str(state.error or "")}, 200 if state.age < 60 else 503
