"""Reloading: the published version is always the last good whole one, and what failed is reported."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support import Subinterpreter, needs_subinterpreters, replace_file, run_threads

import frozen.config._loader as loader
from frozen import AtomicRef, Map, SharedMap, SharedRef
from frozen.config import Below, Config, ConfigError, Directory, File, Layer, Reader, Source


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.json"
    path.write_text('{"port": 1, "db": {"host": "a"}}')
    return path


def test_a_change_is_published_once_and_shares_what_is_the_same(file: Path) -> None:
    config = Config(file)
    first = config.version
    replace_file(file, '{"port": 2, "db": {"host": "a"}}')
    assert (config.check(), config.check(), config.reload()) == (True, False, False)
    assert (config.version.number, config.ref.version) == (1, 1)
    assert (first.get("port"), config.get("port")) == (1, 2)
    assert config.data["db"] is first.data["db"]


def test_what_says_the_same_in_other_words_is_not_published(file: Path) -> None:
    config = Config(file)
    replace_file(file, '{ "db": {"host": "a"}, "port": 1 }')
    assert not config.check()
    assert config.ref.version == 0
    replace_file(file, '{ "db": {"host": "a"}, "port": true }')
    assert config.check(), "True is another value than 1"


def test_a_value_that_comes_from_elsewhere_has_another_origin_and_makes_no_version(tmp_path: Path) -> None:
    config = Config({"a": 1}, File(tmp_path / "more.json", optional=True))
    (tmp_path / "more.json").write_text('{"a": 1}')
    assert not config.check()
    assert config.origin("a") == str(tmp_path / "more.json")


def test_failures_leave_the_last_good_version_and_are_reported_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reported: list[ConfigError] = []
    config = Config({"port": 0, "db": {}}, file, on_error=reported.append)
    before = config.version
    file.unlink()
    assert [config.check() for _ in range(3)] == [False] * 3
    assert config.version is before
    state = config.state
    assert (state.failures, state.loads, state.number) == (1, 1, 0)
    assert [state.error] == reported
    assert "app.json is missing" in str(state.error)
    replace_file(file, '{"port":')
    assert not config.check()
    assert config.state.failures == len(reported) == 2
    with pytest.raises(ConfigError, match="no JSON"):
        config.reload()
    assert len(reported) == 2, "it goes on"
    assert caplog.text.count("version 0 stays") == 2
    replace_file(file, '{"port": 1, "db": {"host": "a"}}')
    assert not config.check(), "as it was"
    assert (config.state.error, config.state.failures, config.state.loads) == (None, 2, 2)


def test_the_age_grows_while_the_sources_fail(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(loader.time, "monotonic", lambda: now[0])
    config = Config(file)
    now[0] = 110.0
    assert config.state.age == 10.0, "nothing has looked"
    config.check()
    assert config.state.age == 0.0
    file.unlink()
    now[0] = 120.0
    config.check()
    assert config.state.age == 10.0


def test_what_on_error_raises_is_logged(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(file, on_error=lambda error: 1 / 0)
    file.unlink()
    assert not config.check()
    assert "on_error failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_on_error_may_reload(file: Path) -> None:
    def repair(error: ConfigError) -> None:
        replace_file(file, '{"port": 5}')
        config.reload()

    config = Config(file, on_error=repair)
    file.unlink()
    config.check()
    assert config.get("port") == 5


def test_a_watch_of_the_reference_may_check(file: Path) -> None:
    config = Config(file)
    seen = []
    with config.ref.watch(lambda old, new: seen.append((config.check(), new.number, config.origin("port")))):
        replace_file(file, '{"port": 2}')
        config.check()
    assert seen == [(False, 1, str(file))]


def test_what_the_schema_refuses_is_not_published(file: Path) -> None:
    def small(data: Any) -> Any:
        if data["port"] > 9:
            raise ValueError("too large")
        return ("model", data["port"])

    config = Config(file, schema=small)
    replace_file(file, '{"port": 10, "db": {"host": "a"}}')
    assert not config.check()
    assert (config.model, config.get("port")) == (("model", 1), 1)
    replace_file(file, '{"port": 9}')
    assert config.check()
    version = config.version
    assert (version.model, version.get("port")) == (("model", 9), 9)


def test_an_unexpected_exception_is_a_failure_too(file: Path) -> None:
    class Moody(Source):
        name = "moody"
        mood: Exception | None = None

        def stamp(self) -> object:
            if self.mood is not None:
                raise self.mood
            return 1

        def layers(self, below: Below) -> list[Layer]:
            return [Layer(self.name, {"a": 1})]

    source = Moody()
    config = Config(source)
    source.mood = RuntimeError("not today")
    assert not config.check()
    assert "not today" in str(config.state.error)


def test_changes_are_logged_in_a_stable_order(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = Config(file)
    caplog.set_level(logging.INFO, "frozen.config")
    replace_file(file, json.dumps(dict.fromkeys("zyxwvu", 1)))
    config.check()
    (record,) = caplog.records
    head, *lines = record.getMessage().splitlines()
    assert head == "version 1, 8 changes:"
    assert lines == sorted(lines)


# Several files


class Interrupted(File):
    """A file after whose reading something happens: what another program does at that moment."""

    def __init__(self, path: Path, happens: Any) -> None:
        super().__init__(path)
        self.happens = happens

    def layers(self, below: Below) -> Any:
        found = list(super().layers(below))
        self.happens()
        return found


def test_files_that_are_replaced_while_they_are_read_are_read_again(tmp_path: Path) -> None:
    def deploy() -> None:
        if to_come:
            number = to_come.pop()
            replace_file(tmp_path / "a.json", f'{{"a": {number}}}')
            replace_file(tmp_path / "b.json", f'{{"b": {number}}}')

    to_come = [3, 2, 1]
    deploy()
    config = Config(Interrupted(tmp_path / "a.json", deploy), tmp_path / "b.json")
    assert config.data == Map(a=3, b=3)
    assert to_come == []


def test_files_that_never_rest_are_no_version(tmp_path: Path) -> None:
    def touch() -> None:
        numbers.append(len(numbers))
        replace_file(tmp_path / "b.json", f'{{"b": {len(numbers)}}}')

    numbers: list[int] = []
    (tmp_path / "a.json").write_text('{"a": 1}')
    touch()
    with pytest.raises(ConfigError, match="changed whenever they were read, 10 times"):
        Config(Interrupted(tmp_path / "a.json", touch), tmp_path / "b.json")


def mount(folder: Path, number: int, **values: str) -> None:
    """What Kubernetes does: a new folder, and a link to it that is swapped in one step."""
    new = folder / f"..{number}"
    new.mkdir()
    for name, text in values.items():
        (new / name).write_text(text)
    (folder / "..new").symlink_to(new.name)
    (folder / "..new").replace(folder / "..data")
    for name in values:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def test_a_swap_in_the_middle_of_reading_a_folder_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import frozen.config._files as files

    mount(tmp_path, 0, a="0", b="0")
    config = Config(Directory(tmp_path, values=True))
    read_bytes, numbers = files.read_bytes, [2, 1]

    def read_and_swap(*arguments: Any, **options: Any) -> Any:
        data = read_bytes(*arguments, **options)
        if numbers:
            number = numbers.pop()
            mount(tmp_path, number, a=str(number), b=str(number))
        return data

    monkeypatch.setattr(files, "read_bytes", read_and_swap)
    assert config.reload()
    assert config.data == Map(a="2", b="2")


def test_a_write_that_leaves_the_stamp_as_it_was_is_noticed_for_a_while(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """File times may be as coarse as two seconds."""
    monkeypatch.setattr(File, "stamp", lambda self: "the same")
    now = [100.0]
    monkeypatch.setattr(loader.time, "monotonic", lambda: now[0])
    config = Config(file)
    now[0] += loader.GRACE / 2
    file.write_text('{"port": 2, "db": {"host": "a"}}')
    assert config.check()
    now[0] += loader.GRACE
    file.write_text('{"port": 3, "db": {"host": "a"}}')
    assert not config.check(), "then stamps are trusted"


# One reference for interpreters


def test_a_shared_configuration_is_read_by_its_name(file: Path, name: str) -> None:
    config = Config(file, schema=lambda data: ("model", data["port"]), shared=name)
    assert isinstance(config.data, SharedMap)
    attached = SharedRef.attach(name)
    assert attached.get() == config.data
    reader: Reader[Any] = Reader(attached, lambda data: ("mine", data["port"]))
    assert (reader.model, config.model, reader.get("db.host")) == (("mine", 1), ("model", 1), "a")
    assert reader.model is reader.model, "made once"
    replace_file(file, '{"port": 2}')
    assert config.check()
    assert (reader.version.number, reader.model, config.model) == (1, ("mine", 2), ("model", 2))
    with pytest.raises(TypeError, match="SharedRef"):
        Reader(AtomicRef(1))  # type: ignore[arg-type]


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be shared"):
        Config({"a": object()}, shared=True)


@needs_subinterpreters
def test_other_interpreters_read_and_reload(file: Path, name: str) -> None:
    config = Config(file, shared=name)
    with Subinterpreter() as interpreter:
        interpreter.run(f"""
            from frozen import SharedRef
            from frozen.config import Config, Reader

            reader = Reader(SharedRef.attach({name!r}))
            assert reader.get("port") == 1
            own = Config({str(file)!r}, watch="poll", interval=0.005, debounce=0).start()
            assert own.state.watching
        """)
        replace_file(file, '{"port": 2}')
        config.check()
        interpreter.run("""
            assert reader.get("port") == 2
            assert own.ref.wait(0, 60)
            assert own.get("port") == 2
        """)  # and nothing stops it but the interpreter's end


def test_importing_frozen_leaves_the_configuration_out() -> None:
    from support import run_python

    run_python("-c", "import sys, frozen; assert not any(name.startswith('frozen.config') for name in sys.modules)")
    code = "import sys, frozen.config; print(*sys.modules)"
    loaded = run_python("-c", code).stdout.split()
    assert not {"watchfiles", "yaml", "dotenv", "jsonschema", "pydantic"} & set(loaded)


# Readers beside a writer


def test_no_reader_in_a_thread_sees_half_of_a_version(tmp_path: Path) -> None:
    """Two files, replaced one after the other; the schema says which belong together."""

    def same(data: Any) -> Any:
        if data["a"]["release"] != data["b"]["release"]:
            raise ValueError("of two releases")
        return data["a"]["release"]

    def write(number: int) -> None:
        replace_file(tmp_path / "a.json", f'{{"a": {{"release": {number}}}}}')
        replace_file(tmp_path / "b.json", f'{{"b": {{"release": {number}}}}}')

    def edit() -> None:
        try:
            for number in range(1, 30):
                replace_file(tmp_path / "a.json", "{")
                write(number)
            done.set(1)
        finally:
            done.set(1)

    def reload() -> None:
        while not done.get():
            config.check()

    def read() -> None:
        last = -1
        while not done.get():
            version = config.version
            assert version.get("a.release") == version.get("b.release") == version.model
            assert version.model >= last
            last = version.model

    logging.getLogger("frozen.config").addHandler(logging.NullHandler())
    done = AtomicRef(0)
    write(0)
    config = Config(tmp_path / "a.json", tmp_path / "b.json", schema=same)
    run_threads(edit, reload, reload, read, read)
    config.check()
    assert config.model == 29


# Every history


class Editing(RuleBasedStateMachine):
    """Two files and a mounted folder are edited in every way; the model is the last good whole state of all three."""

    values = st.integers(0, 3)
    where = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.mounted = 0
        self.good: dict[str, Any] = {}  # what each holds now; None: broken
        self.expected: dict[str, Any] = {}
        self.number = 0

    @initialize()
    def begin(self) -> None:
        (self.folder / "m").mkdir()
        for name in "ab":
            self.write(name, 0)
        self.swap(0)
        logger = logging.getLogger("tests of configuration")
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
        self.config = Config(
            self.folder / "a.json",
            self.folder / "b.json",
            Directory(self.folder / "m", values=True),
            schema=self.valid,
            logger=logger,
        )
        self.expected = dict(self.good)

    @staticmethod
    def valid(data: Any) -> Any:
        if data["a"] == data["b"] == 3:
            raise ValueError("both are 3")

    def write(self, name: str, value: int) -> None:
        replace_file(self.folder / f"{name}.json", json.dumps({name: value}))
        self.good[name] = value

    @rule(name=where, value=values)
    def replaced(self, name: str, value: int) -> None:
        self.write(name, value)

    @rule(name=where, value=values)
    def written_in_place(self, name: str, value: int) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps({name: value}))
        self.good[name] = value

    @rule(name=where, text=st.sampled_from(["", "{", '{"a": 1', "[1]", '{"a": 1, "a": 1}', "\x00"]))
    def broken(self, name: str, text: str) -> None:
        (self.folder / f"{name}.json").write_text(text)
        self.good[name] = None

    @rule(name=where)
    def removed(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink(missing_ok=True)
        self.good[name] = None

    @rule(value=values)
    def swap(self, value: int) -> None:
        mount(self.folder / "m", self.mounted, x=str(value), y=str(value))
        self.mounted += 1
        self.good |= {"x": str(value), "y": str(value)}

    @rule(forced=st.booleans())
    def looks(self, forced: bool) -> None:
        good = None not in self.good.values() and not self.good["a"] == self.good["b"] == 3
        changed = good and self.good != self.expected
        if good:
            self.expected = dict(self.good)
        self.number += changed
        try:
            assert (self.config.reload() if forced else self.config.check()) == changed
        except ConfigError:
            assert not good
        assert (self.config.state.error is None) == good

    @invariant()
    def the_version_is_the_last_good_whole_one(self) -> None:
        if self.expected:
            assert self.config.data == self.expected
            assert self.config.version.number == self.config.ref.version == self.number

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


TestEditing = Editing.TestCase
TestEditing.settings = settings(stateful_step_count=20)
