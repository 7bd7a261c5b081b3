"""The examples run, and do what they say."""

from __future__ import annotations

import importlib.util
import json
import math
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
from support import ROOT, Subinterpreter, needs_subinterpreters, replace_file, run_python, run_threads

from frozen import Map, SharedAtomicMap

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
    replace_file(path, data if isinstance(data, str) else json.dumps(data))


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


# word_count.py


def test_words_of_all_files_are_counted_once(tmp_path: Path) -> None:
    example = load_example("word_count")
    paths = [tmp_path / f"{number}.txt" for number in range(6)]
    for path in paths:
        path.write_text("the cat, the dog\nThe end\n" * 50)
    assert example.count_words(paths, threads=4) == {"the": 900, "cat": 300, "dog": 300, "end": 300}


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_example("word_count").count_words([tmp_path / "missing.txt"])


# price_workers.py


@pytest.mark.once
def test_no_basket_mixes_two_versions_of_the_prices(tmp_path: Path) -> None:
    said = run_python(EXAMPLES / "price_workers.py", cwd=tmp_path).stdout
    assert said.startswith("100 baskets, by the versions [")
    assert said.endswith("; 0 of them mix two\n")


# rate_limit.py


def test_exactly_the_limit_of_requests_is_allowed_in_a_window() -> None:
    now = 0.0
    limiter = load_example("rate_limit").RateLimiter(limit=150, seconds=10.0, clock=lambda: now)
    allowed = run_threads(*[lambda: sum(limiter.allows("ada") for _ in range(100))] * 4)
    assert sum(allowed) == 150
    now = 10.0
    assert limiter.allows("ada")
    limiter.forget_old_windows()
    assert list(limiter.requests) == [("ada", 1)]


def test_each_count_is_written_once() -> None:
    written: list[Any] = []
    metrics = load_example("rate_limit").Metrics(written.append)

    def count() -> None:
        for _ in range(500):
            metrics.count("requests")

    def flush() -> None:
        for _ in range(50):
            metrics.flush()

    run_threads(count, count, flush)
    metrics.flush()
    assert sum(counters["requests"] for counters in written) == 1000


# shared_cache.py


def shared_cache(size: int, seconds: float = math.inf) -> Any:
    maps = tuple(SharedAtomicMap[Any, Any]() for _ in range(3))
    return load_example("shared_cache").SharedCache(maps, size, seconds)


def test_shared_cache_keeps_what_is_used_and_stays_within_its_bound() -> None:
    cache, computed = shared_cache(size=10), []
    for n in range(100):
        for key in (-1, n):
            assert cache.get_or_compute(key, lambda key=key: computed.append(key) or key * key) == key * key
        assert len(cache.young) + len(cache.old) <= 20
    assert computed == [-1, *range(100)]


def test_shared_cache_forgets_after_a_time() -> None:
    cache = shared_cache(size=10, seconds=-1.0)
    assert [cache.get_or_compute("key", lambda n=n: n) for n in range(2)] == [0, 1]
    cache = shared_cache(size=10, seconds=1000.0)
    assert [cache.get_or_compute("key", lambda n=n: n) for n in range(2)] == [0, 0]


def test_shared_cache_computes_once_for_the_threads_of_an_interpreter() -> None:
    cache, computed = shared_cache(size=1000), []

    def ask() -> None:
        for key in range(300):
            assert cache.get_or_compute(key, lambda key=key: computed.append(key) or -key) == -key

    run_threads(*[ask] * 4)
    assert sorted(computed) == [*range(300)]


@needs_subinterpreters
def test_shared_cache_is_one_for_all_interpreters() -> None:
    cache = shared_cache(size=1000)
    with Subinterpreter() as interpreter:
        interpreter.give(young=cache.young, old=cache.old, counts=cache.counts)
        interpreter.run(
            f"""
            import runpy
            SharedCache = runpy.run_path({str(EXAMPLES / "shared_cache.py")!r})["SharedCache"]
            assert SharedCache((young, old, counts), 1000).get_or_compute("there", lambda: 5) == 5
            """
        )
    assert cache.get_or_compute("there", pytest.fail) == 5


# sessions.py


def test_no_change_of_a_session_is_lost() -> None:
    sessions = load_example("sessions").Sessions()
    name = sessions.begin("ada")

    def put() -> None:
        for _ in range(100):
            sessions.change(name, lambda session: session.set("basket", session.get("basket", 0) + 1))

    run_threads(*[put] * 4)
    assert sessions.read(name)["basket"] == 400


def test_a_session_that_is_used_does_not_expire() -> None:
    now = 0.0
    sessions = load_example("sessions").Sessions(lifetime=10.0, clock=lambda: now)
    used, unused = sessions.begin("ada"), sessions.begin("bob")
    now = 8.0
    sessions.change(used, lambda session: session.set("seen", True))
    now = 12.0
    assert sessions.expire() == 1
    assert sessions.read(used)["seen"]
    assert sessions.read(unused) is None
    with pytest.raises(KeyError):
        sessions.change(unused, lambda session: session)
