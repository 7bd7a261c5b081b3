"""`python -m frozen`: what it loads, what it prints, how it ends, and that it notices a torn version."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import FREE_THREADED, child_environment, needs_subinterpreters, run_python

import frozen
from frozen import AtomicRef, Map, SharedRef, get_in, set_in, share
from frozen.__main__ import main
from frozen._demo import document, hand_over, interpreters, isolated, loading, readers, report, workload
from frozen._demo.workload import Workload

CONFIG = {
    "database": {"host": "localhost", "ports": [5432, 5433]},
    "limits": {"requests": {"minute": 60}},
    "debug": False,
}
PATH = ("parts", "limits", "data", "requests", "minute")


def run_demo(*arguments: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    few = ["--seconds", "0.3", "--threads", "2"]
    return run_python("-m", "frozen", *few, *arguments, **kwargs)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    return path


# A run, as the user sees it


def test_prints_build_source_and_table() -> None:
    done = run_demo("--interpreters", "0")
    first, second, *rows = done.stdout.splitlines()
    assert ("free-threaded" if FREE_THREADED else "with the GIL") in first
    assert second.startswith("what this Python knows about itself: ")
    assert names_of(rows) == [
        "reads, thread 1",
        "reads, thread 2",
        "reads, in all",
        "versions published",
        "overtaken reads",
        "staleness, worst",
        "nodes shared",
        "torn reads",
    ]
    assert rows[-1].split()[-1] == "0"
    assert done.stderr == ""


def names_of(rows: list[str]) -> list[str]:
    return [row.split("  ")[1] for row in rows]


@needs_subinterpreters
def test_two_interpreters_read_too_unless_told_otherwise() -> None:
    _, _, *rows = run_demo().stdout.splitlines()
    for name in ("reads, thread 2", "reads, interpreter 2", "hand-over, by reference", "hand-over, by pickle"):
        assert name in names_of(rows)
    assert rows[-1].split()[-1] == "0"


@needs_subinterpreters
def test_json_reports_on_interpreters(config_file: Path) -> None:
    figures = json.loads(run_demo(config_file, "--interpreters", "1", "--json").stdout)
    assert figures["torn_reads"] == 0
    (reads_per_second,) = figures["reads_per_second_by_interpreter"]
    threads = figures["reads_per_second_by_thread"]
    assert 0 < reads_per_second == pytest.approx(figures["reads_per_second"] - sum(threads))
    assert figures["hand_over_seconds"]["by_reference"] > 0
    assert figures["hand_over_seconds"]["by_pickle"] > 0


def test_json_reports_what_was_asked_for(config_file: Path) -> None:
    figures = json.loads(run_demo(config_file, "--interpreters", "0", "--rate", "200", "--json").stdout)
    assert figures["source"] == str(config_file)
    assert (figures["entries"], figures["parts"]) == (5, 3)
    assert (figures["torn_reads"], figures["interrupted"]) == (0, False)
    assert figures["versions"] > 0
    assert figures["reads"] > 0
    assert len(figures["reads_per_second_by_thread"]) == 2
    assert sum(figures["reads_per_second_by_thread"]) == pytest.approx(figures["reads_per_second"])
    assert figures["reads_per_second_by_interpreter"] == []
    assert figures["hand_over_seconds"] is None
    assert 0 < figures["nodes"]["shared"] < figures["nodes"]["total"]
    assert figures["overtaken_reads"] > 0
    assert 0 < figures["staleness_mean_where_overtaken"] <= figures["staleness_worst"]


def test_toml_is_loaded_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "config.TOML"
    path.write_text('title = "x"\n[owner]\nborn = 1979-05-27\nports = [1, 2]\n')
    assert json.loads(run_demo(path, "--interpreters", "0", "--json").stdout)["entries"] == 4


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_interrupt_ends_the_run_with_its_figures(config_file: Path) -> None:
    command = [sys.executable, "-m", "frozen", str(config_file), "--interpreters", "0", "--seconds", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # a shell starts background jobs with SIGINT ignored, and so would be whatever the tests start from there
    with_interrupt = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", with_interrupt, *command]
    process = subprocess.Popen(command, **pipes, text=True, env=child_environment())
    assert process.stdout is not None
    try:
        head = process.stdout.readline() + process.stdout.readline()  # printed before the threads start
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "5 entries" in head
    assert "torn reads" in rest
    assert errors == ""
    assert process.returncode == 130


def test_closed_output_is_no_traceback(config_file: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "frozen", str(config_file), "--seconds", "0.2"]
    done = subprocess.run(
        command, stdout=write_end, stderr=subprocess.PIPE, text=True, env=child_environment(), check=False
    )
    os.close(write_end)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.json", None, "cannot read '.*absent.json': No such file or directory"),
        (".", None, "cannot read '.*': "),
        ("broken.json", b'{"a": 1,\n]', "cannot parse '.*broken.json' as JSON: .* line 2 column 1"),
        ("latin.json", b'{"a": "\xe9"}', "cannot parse '.*latin.json' as JSON: 'utf-8' codec can't decode"),
        ("broken.toml", b"a = = 1", "cannot parse '.*broken.toml' as TOML: .* line 1, column 5"),
        ("deep.json", b"[" * 500_000, "cannot parse '.*deep.json': nested too deeply for the JSON parser"),
        ("list.json", b"[1]", "'.*list.json' holds a list, not a mapping"),
        ("null.json", b"null", "'.*null.json' holds a NoneType, not a mapping"),
        ("empty.json", b"{}", "'.*empty.json' holds an empty mapping: there is nothing to look up"),
        ("hollow.json", b'{"a": [], "b": {"c": {}}}', "'.*hollow.json' holds empty containers only"),
        ("empty.toml", b"", "'.*empty.toml' holds an empty mapping"),
    ],
)
def test_unusable_file_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert main([str(tmp_path / name)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(printed.err)


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(CONFIG).encode())))
    assert loading.load_file("-") == CONFIG


def test_reads_yaml_where_there_is_pyyaml(tmp_path: Path) -> None:
    pytest.importorskip("yaml", reason="needs PyYAML")
    (tmp_path / "config.yaml").write_text("database:\n  ports: [5432, 5433]\n")
    assert loading.load_file(str(tmp_path / "config.yaml")) == {"database": {"ports": [5432, 5433]}}
    (tmp_path / "broken.yml").write_text("a: [")
    with pytest.raises(loading.LoadError, match=r"cannot parse '.*broken.yml' as YAML: while parsing"):
        loading.load_file(str(tmp_path / "broken.yml"))


def test_yaml_without_pyyaml_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    (tmp_path / "config.yaml").write_text("a: 1\n")
    with pytest.raises(loading.LoadError, match=r"reading YAML needs PyYAML: pip install pyyaml, or write JSON"):
        loading.load_file(str(tmp_path / "config.yaml"))


def test_version_says_which_python_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"frozen {frozen.__version__} on CPython 3.")


@pytest.mark.parametrize(
    "option",
    [
        *(["--threads", "0"], ["--threads", "x"], ["--interpreters", "-1"], ["--interpreters", "x"]),
        *(["--seconds", "-1"], ["--rate", "nan"], ["--rate", "x"]),
    ],
)
def test_unusable_option_is_status_2(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(option)
    assert caught.value.code == 2
    assert f"error: argument {option[0]}: {option[1]!r} is not a " in capsys.readouterr().err


@pytest.mark.skipif(isolated.AVAILABLE, reason="for versions whose interpreters share one GIL")
def test_interpreters_where_there_are_none_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--interpreters", "1"])
    assert caught.value.code == 2
    assert "'1', but interpreters with a GIL of their own need Python 3.12" in capsys.readouterr().err


# Torn versions: references that publish the way AtomicRef must not


READERS = 1  # of whom the reads that are waited for must be, so that nobody misses what the others see


class PartByPart:
    """Publishes halfway: what `get` returns has some parts of the new version and the others of the old."""

    def __init__(self, doc: Map[str, Any]) -> None:
        self.doc: Any = doc
        self.reads = threading.Semaphore(0)
        self.waits = 3

    def get(self) -> Any:
        doc = self.doc
        self.reads.release()
        return doc

    def show(self, doc: Any) -> None:
        """Publish; the first ones stay until the reader has seen them, whose turn may not have come yet."""
        self.doc, self.reads = doc, threading.Semaphore(0)
        if self.waits > 0:
            seen = all(self.reads.acquire(timeout=2) for _ in range(READERS + 1))  # it may have been within `get`
            self.waits = self.waits - 1 if seen else 0  # the reader has ended

    def set(self, new: Map[str, Any]) -> None:
        doc = self.doc.set("version", new["version"]).set("published", new["published"])
        for name, part in new["parts"].items():
            doc = set_in(doc, ("parts", name), part)
            self.show(doc)


class InPlace(PartByPart):
    """Changes the version that readers hold: each part is right, the held document is not what it was."""

    def set(self, new: Map[str, Any]) -> None:
        if isinstance(self.doc, dict):
            self.doc.update(new)
            self.show(self.doc)
        else:
            self.show(dict(new))


class LeaksEdits(PartByPart):
    """Publishes the old version once more, but with the data of the new: as if the two had shared a changed node."""

    def __init__(self, doc: Map[str, Any]) -> None:
        super().__init__(doc)
        self.before = doc

    def set(self, new: Map[str, Any]) -> None:
        old, self.before = self.before, new
        parts = {name: part.set("data", new["parts"][name]["data"]) for name, part in old["parts"].items()}
        self.show(old.set("parts", Map(parts)))


class Backwards(PartByPart):
    """Publishes versions in the wrong order."""

    def __init__(self, doc: Map[str, Any]) -> None:
        super().__init__(doc)
        self.before = doc

    def set(self, new: Map[str, Any]) -> None:
        self.show(new)
        self.show(self.before)
        self.before = new


class Scripted:
    """Lets one reader see the given versions, one a read and the last from then on, and stops it."""

    def __init__(self, *docs: Any, before_last: Callable[[], None] = lambda: None) -> None:
        self.docs, self.before_last = list(docs), before_last
        self.stop = threading.Event()

    def get(self) -> Any:
        if len(self.docs) > 1:
            return self.docs.pop(0)
        if not self.stop.is_set():
            self.before_last()
            self.stop.set()
        return self.docs[0]

    def read(self) -> readers.ReaderTally:
        tally = readers.ReaderTally()
        readers.read(self, itertools.repeat(PATH), self.stop, tally)
        return tally


def test_reader_counts_versions_that_overtook_it() -> None:
    first = document.first_version(CONFIG).set("published", 10.0)
    second = document.next_version(first, PATH).set("published", 10.5)
    fourth = document.next_version(document.next_version(second, PATH), PATH).set("published", 13.0)
    tally = Scripted(first, first, second, second, fourth).read()
    assert tally == readers.ReaderTally(readers.BATCH, torn=0, overtaken=2, lag=3.0, worst_lag=2.5)


def test_reader_notices_that_a_version_changed_after_it_was_published() -> None:
    first = document.first_version(CONFIG)
    second = document.next_version(first, PATH)
    held = dict(first)
    assert Scripted(held, held, second).read().torn == 0
    assert Scripted(held, held, second, before_last=lambda: held.update(second)).read().torn == 1
    held = dict(first)
    mixed = set_in(first, ("parts", "debug", "version"), 1)
    assert Scripted(held, held, second, before_last=lambda: held.update(mixed)).read().torn == 1


@pytest.mark.parametrize("torn", [PartByPart, InPlace, LeaksEdits, Backwards])
def test_readers_notice_a_torn_publisher(torn: Callable[[Any], Any]) -> None:
    for _ in range(60):  # on a busy machine a short run may end before the writer had its turn
        work = Workload(torn(document.first_version(CONFIG)), readers=READERS, rate=0)
        work.run(0.5)
        if work.written.versions > 2:
            break
    assert work.torn > 0


def test_readers_find_nothing_torn_behind_an_atomic_ref() -> None:
    work = Workload(AtomicRef(document.first_version(CONFIG)), readers=2, rate=0)
    work.run(0.5)
    assert work.torn == 0
    assert work.reads > 0
    assert work.written.versions > 0


def test_torn_read_is_status_1(
    monkeypatch: pytest.MonkeyPatch, config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("frozen._demo.main.AtomicRef", PartByPart)
    assert main([str(config_file), "--seconds", "0.3", "--threads", "1", "--interpreters", "0"]) == 1
    assert "A VERSION WAS NOT WHOLE" in capsys.readouterr().out


def test_failure_in_a_thread_ends_the_run_and_is_raised() -> None:
    class Failing(PartByPart):
        def set(self, new: Any) -> None:
            raise OSError("cannot publish")

    work = Workload(Failing(document.first_version(CONFIG)), readers=2, rate=1000)
    with pytest.raises(OSError, match="cannot publish"):
        work.run(60)


# Interpreters


class TornSharedRef:
    """Publishes part by part to the interpreters: crosses as the SharedRef that it stands for."""

    def __init__(self, doc: Any) -> None:
        self.ref = SharedRef(doc)
        self.get, self.handle = self.ref.get, self.ref.handle

    def set(self, new: Any) -> None:
        doc = self.get().set("version", new["version"]).set("published", new["published"])
        for name, part in new["parts"].items():
            doc = set_in(doc, ("parts", name), part)
            self.ref.set(doc)
            time.sleep(0.001)


def work_of_interpreters(count: int, rate: float = 0) -> Workload:
    return Workload(AtomicRef(document.first_version(CONFIG)), readers=1, rate=rate, interpreters=count)


@needs_subinterpreters
def test_interpreters_find_nothing_torn_behind_a_shared_ref() -> None:
    work = work_of_interpreters(2)
    work.run(0.3)
    assert work.torn == 0
    assert all(tally.reads > 0 for tally in work.tallies)
    assert work.crew.ref.get() == work.written.last


@needs_subinterpreters
def test_the_time_that_interpreters_take_to_start_makes_no_version_older(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    published: list[float] = []

    class Timed(interpreters.Crew):
        def ready(self) -> bool:
            times.append(document.clock())
            return super().ready()

        def start(self) -> None:
            published.append(self.ref.get()["published"])
            super().start()

    monkeypatch.setattr(workload, "Crew", Timed)
    work_of_interpreters(1).run(0.2)
    assert published[0] >= times[-1]


@needs_subinterpreters
def test_interpreters_notice_a_torn_publisher(monkeypatch: pytest.MonkeyPatch) -> None:
    class TornCrew(interpreters.Crew):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.ref = TornSharedRef(self.ref.get())

    monkeypatch.setattr(workload, "Crew", TornCrew)
    for _ in range(60):  # on a busy machine a short run may end before a reader had its turn
        work = work_of_interpreters(1)
        work.run(0.3)
        if sum(tally.torn for tally in work.crew.tallies):
            return
    pytest.fail("60 runs, and no reader noticed")


@needs_subinterpreters
def test_failure_in_an_interpreter_ends_the_run_and_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "CODE", "raise OSError('cannot read')")
    with pytest.raises(Exception, match="cannot read"):
        work_of_interpreters(2).run(60)


@needs_subinterpreters
@pytest.mark.parametrize("waiting", [True, False], ids=["before they read", "while they read"])
def test_interrupt_closes_the_interpreters(monkeypatch: pytest.MonkeyPatch, waiting: bool) -> None:
    closed: list[object] = []
    close = isolated.Interpreter.__exit__
    monkeypatch.setattr(isolated.Interpreter, "__exit__", lambda *args: (close(*args), closed.append(args[0])))

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    work = work_of_interpreters(2)
    if waiting:
        monkeypatch.setattr(interpreters.Crew, "ready", interrupt)
        with pytest.raises(KeyboardInterrupt):
            work.run(60)
    else:
        work.run(60, show=interrupt)
        assert work.interrupted
    assert len(closed) == 2


@needs_subinterpreters
def test_what_is_handed_over_by_reference_and_by_pickle_is_timed() -> None:
    cost = hand_over.compare(share(document.first_version(CONFIG)))
    assert cost.by_reference > 0
    assert cost.by_pickle > 0
    pickles = hand_over.Pickles()
    pickles.put(CONFIG)
    assert hand_over.Pickles(pickles.ident).get() == CONFIG


# The document


def test_next_version_stamps_every_part_and_edits_one_entry() -> None:
    first = document.first_version(CONFIG)
    path = ("parts", "database", "data", "ports", 1)
    second = document.next_version(first, path)
    third = document.next_version(second, path)
    assert [doc["version"] for doc in (first, second, third)] == [0, 1, 2]
    assert all(map(document.is_whole, (first, second, third)))
    assert get_in(first, path) == 5433
    assert get_in(second, path) == document.Edit(1, 5433)
    assert get_in(third, path) == document.Edit(2, 5433)
    assert third["parts"]["limits"]["data"] is first["parts"]["limits"]["data"]


@pytest.mark.parametrize("part", CONFIG)
def test_one_part_of_another_version_is_not_whole(part: str) -> None:
    doc = document.next_version(document.first_version(CONFIG), ("parts", "debug", "data"))
    assert not document.is_whole(set_in(doc, ("parts", part, "version"), 0))


def test_entry_paths_lead_to_every_entry() -> None:
    doc = document.first_version(CONFIG)
    found = {path[1:2] + path[3:]: document.look_up(doc, path) for path in document.entry_paths(doc)}
    assert found == {
        ("database", "host"): "localhost",
        ("database", "ports", 0): 5432,
        ("database", "ports", 1): 5433,
        ("limits", "requests", "minute"): 60,
        ("debug",): False,
    }


def test_many_top_level_entries_share_parts() -> None:
    doc = document.first_version({f"key{number}": number for number in range(1000)})
    assert len(doc["parts"]) == document.MOST_PARTS
    assert sorted(document.look_up(doc, path) for path in document.entry_paths(doc)) == list(range(1000))


def test_the_shared_document_has_the_same_versions() -> None:
    doc = document.first_version(CONFIG)
    shared = share(doc)
    assert sorted(document.entry_paths(shared)) == sorted(document.entry_paths(doc))
    for path in document.entry_paths(doc):
        doc, shared = document.next_version(doc, path, 1.0), document.next_version(shared, path, 1.0)
        assert shared == doc
        assert document.look_up(shared, path) == document.Edit(doc["version"], document.look_up(doc, path).original)


# What this Python knows


def test_this_python_knows_thousands_of_entries_even_where_nothing_is_installed() -> None:
    config = loading.about_this_python()
    del config["distributions"]
    assert len(document.entry_paths(document.first_version(config))) > 3000


def test_values_of_the_environment_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROZEN_TEST_TOKEN", "a-very-secret-value")
    config = loading.about_this_python()
    assert "FROZEN_TEST_TOKEN" in config["environment"]["names"]
    assert "a-very-secret-value" not in repr(config)


# The live line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def finished_work() -> Workload:
    work = Workload(AtomicRef(document.first_version(CONFIG)), readers=1, rate=1000, seconds=2.0)
    work.read = [readers.ReaderTally(reads=1234, overtaken=2, lag=0.004, worst_lag=0.003)]
    work.written.versions = 17
    work.written.last = work.ref.get()
    return work


def test_live_line_is_rewritten_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    terminal = Terminal()
    line = report.LiveLine(terminal)
    line.show(finished_work())
    line.clear()
    text = "  2.0 s   17 versions published   1,234 reads   staleness at most 3.0 ms   0 torn"
    assert terminal.getvalue() == f"\r\x1b[K{text}\r\x1b[K"


def test_live_line_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    terminal = Terminal()
    report.LiveLine(terminal).show(finished_work())
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) == 29


def test_no_live_line_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    line = report.LiveLine(stream)
    line.show(finished_work())
    line.clear()
    assert stream.getvalue() == ""


def test_table_of_many_readers_names_the_slowest_and_the_fastest() -> None:
    work = finished_work()
    work.read = [readers.ReaderTally(reads=count) for count in range(100, 120)]
    rows = report.table(work).splitlines()
    assert rows[0].split() == ["reads,", "slowest", "thread", "100", "50", "a", "second"]
    assert rows[1].split() == ["reads,", "fastest", "thread", "119", "60", "a", "second"]
