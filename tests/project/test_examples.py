"""The examples run, and do what they say."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import ROOT, run_python, run_threads

from frozen import Map

EXAMPLES = ROOT / "examples"


def load_example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wait_until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_every_example_is_listed() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f"`{path.name}`" not in listed] == []


# config_server.py


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    write(path, {"database": {"host": "one", "ports": [1, 2]}})
    return path


def write(path: Path, data: Any) -> None:
    """Replace the file in one step, as an editor does."""
    beside = path.with_suffix(".new")
    beside.write_text(data if isinstance(data, str) else json.dumps(data))
    beside.replace(path)


@pytest.fixture
def server(file: Path) -> Iterator[Any]:
    example = load_example("config_server")
    with example.ConfigServer(file) as server:
        threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=server.watch, args=(0.01,))]
        for thread in threads:
            thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            for thread in threads:
                thread.join()


def fetch(server: Any, path: str) -> tuple[int, int, Any]:
    """(status, version, body) of one request."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", timeout=30) as answer:
            return answer.status, int(answer.headers["Config-Version"]), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, int(error.headers["Config-Version"]), json.load(error)


def test_config_server_answers_from_the_file(server: Any) -> None:
    assert fetch(server, "/database/host") == (200, 1, "one")
    assert fetch(server, "/database") == (200, 1, {"host": "one", "ports": [1, 2]})
    assert fetch(server, "/database/name") == (404, 1, {"error": "no entry at ['database', 'name']"})
    assert fetch(server, "/database/host/name")[0] == 404


class Lines(list[str]):
    """A stream that keeps what is written; unlike capsys it may be read while another thread writes."""

    write = list.append

    def flush(self) -> None:
        pass


def test_config_server_reloads_and_keeps_the_last_good_version(
    server: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, {"database": {"host": "two"}})
    wait_until(lambda: fetch(server, "/database/host") == (200, 2, "two"))
    complaints = Lines()
    monkeypatch.setattr("sys.stderr", complaints)
    write(file, "{ broken")
    wait_until(lambda: "serving version 2 on" in "".join(complaints))
    assert fetch(server, "/database/host") == (200, 2, "two")
    write(file, {"database": {"host": "three!"}})
    wait_until(lambda: fetch(server, "/database/host") == (200, 3, "three!"))


def test_config_server_never_serves_half_of_a_version(server: Any) -> None:
    def publish() -> None:
        for number in range(3, 103):
            server.publish(Map(left=number, right=number))
        done.set()

    def read() -> None:
        while not done.is_set():
            _, version, body = fetch(server, "/")
            assert body["left"] == body["right"] == version

    done = threading.Event()
    server.publish(Map(left=2, right=2))
    run_threads(publish, read, read)


# undo.py


def test_undo_example_runs() -> None:
    assert run_python(EXAMPLES / "undo.py").stdout.splitlines() == [
        "after three edits: PLAN 999 tasks",
        "shared with the start: True",
        "after undoing them: Plan 1000 tasks",
        "the very first version: True",
    ]


def test_undo_and_redo_walk_the_history() -> None:
    editor = load_example("undo").Editor({"n": 0})
    for number in (1, 2, 2):  # the last changes nothing
        editor.set(["n"], number)
    assert editor.document == Map(n=2)
    assert (editor.undo(), editor.undo(), editor.undo()) == (True, True, False)
    assert editor.document == Map(n=0)
    assert editor.redo()
    assert editor.document == Map(n=1)
    editor.set(["n"], 9)
    assert not editor.redo()


# spelling.py


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("# the value of the value\n" * 3)
    (tmp_path / "b.py").write_text("of the valve = 1\n" * 3)
    return tmp_path


def test_spelling_counts_words_and_pairs(sources: Path) -> None:
    table = load_example("spelling").count_words(sources)
    words = {"the": 9, "value": 6, "of": 6, "valve": 3}
    pairs = {"the value": 6, "value of": 3, "of the": 6, "value the": 2, "the valve": 3, "valve of": 2}
    assert table == words | pairs


def test_spelling_prefers_what_follows_the_word_before(sources: Path) -> None:
    spelling = load_example("spelling")
    table = spelling.count_words(sources)
    assert spelling.correct(table, "teh valie: of") == "the value of"  # more frequent than "the valve"
    assert spelling.correct(table.set("the valve", 100), "the valie") == "the valve"
    assert spelling.correct(table, "nothing resembles") == "nothing resembles"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="InterpreterPoolExecutor is new in 3.14")
def test_spelling_workers_share_the_table(sources: Path) -> None:
    example = [EXAMPLES / "spelling.py", "--sources", sources, "--workers", "2"]
    table, *lines, _ = run_python(*example, "teh valeu", "of th vlaue").stdout.splitlines()
    assert table.startswith("10 words and pairs of words")
    assert lines == ["the value", "of the value"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="for versions without InterpreterPoolExecutor")
def test_spelling_says_what_it_needs() -> None:
    done = run_python(EXAMPLES / "spelling.py", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Python 3.14" in done.stderr
