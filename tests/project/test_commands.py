"""`python -m frozen pack, show, get, diff, verify`: what they read, what they write, how they end."""

from __future__ import annotations

import datetime
import enum
import io
import json
import math
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import file_damage
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import child_environment, run_python

import frozen
from frozen import Map, Set, Vector, freeze, save
from frozen.__main__ import main
from frozen._cli.line import Line
from frozen._cli.places import look_up, written
from frozen._cli.writing import shown

pytestmark = pytest.mark.once

CONFIG = {"db": {"host": "localhost", "ports": [5432, 5433]}, "debug": False, "name": "Zoë"}
NEWER = {"db": {"host": "localhost", "ports": [5431, 5432, 5434]}, "name": "Zoë", "limits": None}


class Run:
    """Runs commands in this process, in a folder of their own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, status: int = 0) -> str:
        """What the command prints."""
        try:
            ended = main(arguments)
        except SystemExit as usage:
            ended = usage.code
        self.printed = self.capsys.readouterr()
        assert ended == status, self.printed
        assert status or not self.printed.err
        return self.printed.out

    def error(self, *arguments: str, status: int = 2) -> str:
        """The one line that says what is wrong."""
        assert self(*arguments, status=status) == ""
        assert self.printed.err.count("\n") == 1
        return self.printed.err.removeprefix("python -m frozen: ").rstrip()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("config.json").write_text(json.dumps(CONFIG))
    Path("newer.json").write_text(json.dumps(NEWER))
    return Run(capsys)


@pytest.fixture
def packed(run: Run) -> Run:
    run("pack", "config.json", "config.frozen")
    return run


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


# pack and show


def test_a_packed_document_is_what_frozen_opens(packed: Run) -> None:
    assert packed.printed == ("", "")
    assert frozen.open("config.frozen", check=True) == freeze(CONFIG)
    assert json.loads(packed("show", "config.frozen")) == CONFIG


def test_a_document_is_told_by_its_first_bytes_not_by_its_name(packed: Run) -> None:
    os.rename("config.frozen", "config.json")
    assert packed("get", "config.json", "db.host") == "localhost\n"
    Path("text.frozen").write_text("{}")
    assert packed.error("show", "text.frozen").startswith("'text.frozen' is no file of frozen.save")
    assert packed("show", "text.frozen", "--from", "json") == "{}\n"


def test_a_packed_document_can_be_packed_again(packed: Run) -> None:
    packed("pack", "config.frozen", "again.frozen")
    packed("pack", "again.frozen", "again.frozen")
    assert frozen.open("again.frozen") == freeze(CONFIG)


def test_toml_and_yaml_come_in_and_go_out(run: Run) -> None:
    Path("a.toml").write_text("born = 1979-05-27\n[owner]\nname = 'x'\n[[part]]\nid = 1\n[[part]]\nid = 2\n")
    run("pack", "a.toml", "a.frozen")
    text = run("show", "a.frozen", "--as", "toml")
    assert tomllib.loads(text) == tomllib.loads(Path("a.toml").read_text())
    assert text == 'born = 1979-05-27\n\n[owner]\nname = "x"\n\n[[part]]\nid = 1\n\n[[part]]\nid = 2\n'
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    Path("a.yaml").write_text(run("show", "a.frozen", "--as", "yaml"))
    run("pack", "a.yaml", "b.frozen")
    assert frozen.open("b.frozen") == frozen.open("a.frozen")
    assert yaml.safe_load(run("show", "config.json", "--as", "yaml")) == CONFIG


def test_yaml_without_pyyaml_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    Path("a.yaml").write_text("a: 1\n")
    assert "reading YAML needs PyYAML: pip install pyyaml" in run.error("show", "a.yaml")
    assert "writing YAML needs PyYAML" in run.error("show", "config.json", "--as", "yaml")


def test_keys_of_maps_come_sorted_and_those_of_texts_as_they_stand_there(packed: Run) -> None:
    assert list(json.loads(packed("show", "newer.json"))) == ["db", "name", "limits"]
    packed("pack", "newer.json", "newer.frozen")
    assert list(json.loads(packed("show", "newer.frozen"))) == ["db", "limits", "name"]
    save(Map({10: 0, 9: 0, "b": 0, None: 0}), "mixed.frozen")
    assert list(json.loads(packed("show", "mixed.frozen", "--lossy"))) == ["9", "10", "b", "null"]


def test_pack_writes_over_no_text(packed: Run) -> None:
    assert "`show --as json` writes JSON" in packed.error("pack", "config.frozen", "config.json")
    assert json.loads(Path("config.json").read_text()) == CONFIG


def test_pack_writes_no_bytes_to_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "is no text for a terminal" in run.error("pack", "config.json", "-")


def test_standard_input_and_output(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    feed(monkeypatch, b"a = [1, 2]")
    run("pack", "-", "a.frozen", "--from", "toml")
    feed(monkeypatch, Path("a.frozen").read_bytes())
    assert run("get", "-", "/a/1") == "2\n"
    feed(monkeypatch, json.dumps(CONFIG).encode())
    assert run("diff", "config.json", "-") == ""
    feed(monkeypatch, Path("a.frozen").read_bytes()[:-8])
    assert run.error("verify", "-", status=1).startswith("'standard input' ")
    assert run.error("diff", "-", "-") == "only one of the two can be standard input"


def test_python_shows_every_value(run: Run) -> None:
    save(Map({1: Set(["x"]), "t": (b"\0", math.inf)}), "any.frozen")
    assert run("show", "any.frozen", "--as", "python") == "{1: {'x'}, 't': (b'\\x00', inf)}\n"


# What a format has not

DAY = datetime.date(2026, 11, 29)
ODD = {
    "set": (Map(a=Set([2, 1])), "JSON has no sets, at a: --lossy writes an array", [1, 2]),
    "date": (Map(a=DAY), "JSON has no date values, at a: --lossy writes text", "2026-11-29"),
    "bytes": (Map(a=b"\0\1"), "JSON has no bytes values, at a: --lossy writes text", "AAE="),
    "nan": (Map(a=math.nan), "JSON has no number nan, at a: --lossy writes null", None),
    "key": (Map(a=Map({1: 2})), "JSON has no keys of type int, at a.1: --lossy writes the key as text", {"1": 2}),
}


@pytest.mark.parametrize(("value", "message", "instead"), ODD.values(), ids=ODD)
def test_what_json_has_not_is_named_with_its_place(run: Run, value: Any, message: str, instead: Any) -> None:
    save(value, "odd.frozen")
    assert run.error("show", "odd.frozen") == message
    assert json.loads(run("show", "odd.frozen", "--lossy")) == {"a": instead}
    assert json.loads(run("get", "odd.frozen", ".", "--lossy")) == {"a": instead}


def test_a_tuple_is_an_array(run: Run) -> None:
    save(Map(a=(1, (2,))), "tuple.frozen")
    assert json.loads(run("show", "tuple.frozen")) == {"a": [1, [2]]}


def test_what_toml_and_yaml_have_not(run: Run) -> None:
    save(Map(a=Vector([None])), "null.frozen")
    assert run.error("show", "null.frozen", "--as", "toml").startswith("TOML has no null, at a.0")
    assert run("show", "newer.json", "--as", "toml", "--lossy").splitlines()[0] == 'name = "Zoë"'
    Path("list.json").write_text("[1]")
    assert run.error("show", "list.json", "--as", "toml") == "TOML is a table of keys, and . is a list: --as json"
    pytest.importorskip("yaml", reason="needs PyYAML")
    save(Map(a=Map({(1, 2): 3})), "key.frozen")
    assert run.error("show", "key.frozen", "--as", "yaml").startswith("YAML has no keys of type tuple, at /a/(1, 2)")
    save(Map(a=Set([1]), b=b"x", c=DAY), "yaml.frozen")
    assert run("show", "yaml.frozen", "--as", "yaml") == "a: !!set\n  1: null\nb: !!binary |\n  eA==\nc: 2026-11-29\n"


def test_two_keys_that_become_one_are_an_error(run: Run) -> None:
    save(Map({1: "a", "1": "b"}), "two.frozen")
    assert run.error("show", "two.frozen", "--lossy") == "two keys at . are written as '1'"


def test_what_nests_too_deeply_is_one_line(run: Run) -> None:
    deep: Any = Vector()
    for _ in range(950):
        deep = Vector([deep])
    save(deep, "deep.frozen")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(600)
    try:
        assert run.error("show", "deep.frozen") == ". is nested too deeply to be written as JSON"
        assert run.error("diff", "--json-patch", "deep.frozen", "config.json") == "the document is nested too deeply"
    finally:
        sys.setrecursionlimit(limit)


PLAIN = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_toml_that_is_written_is_read_back(value: dict[str, Any]) -> None:
    assert tomllib.loads(shown(freeze(value), "toml", False)) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_that_is_written_is_read_back(value: Any) -> None:
    assert json.loads(shown(freeze(value), "json", False)) == value


# get


@pytest.mark.parametrize("file", ["config.json", "config.frozen"])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("db.host", "localhost"),
        ("/db/host", "localhost"),
        ("db.ports.1", "5433"),
        ("db.ports.-1", "5433"),
        ("/db/ports/0", "5432"),
        ("debug", "false"),
        ("name", "Zoë"),
        ("db.ports", "[\n  5432,\n  5433\n]"),
    ],
)
def test_get_prints_text_as_it_is_and_the_rest_as_json(packed: Run, file: str, path: str, text: str) -> None:
    assert packed("get", file, path) == text + "\n"


def test_get_in_other_formats(packed: Run) -> None:
    assert packed("get", "config.frozen", "db.host", "--as", "json") == '"localhost"\n'
    assert packed("get", "config.frozen", "db", "--as", "toml") == 'host = "localhost"\nports = [5432, 5433]\n'
    assert json.loads(packed("get", "config.frozen", ".")) == json.loads(packed("get", "config.frozen", "")) == CONFIG


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("db.prots", "nothing at db.prots: db has host, ports; did you mean db.ports?"),
        ("/db/prots", "nothing at db.prots: db has host, ports; did you mean db.ports?"),
        ("db.ports.2", "nothing at db.ports.2: db.ports has the elements 0 to 1"),
        ("db.ports.x", "nothing at db.ports.x: db.ports has the elements 0 to 1"),
        ("db.host.x", "nothing at db.host.x: db.host is localhost, and nothing is inside of it"),
        ("zzz", "nothing at zzz: . has db, debug, name"),
    ],
)
def test_a_miss_says_what_is_there(packed: Run, path: str, message: str) -> None:
    assert packed.error("get", "config.frozen", path, status=1) == message


def test_a_miss_in_a_large_map_is_short(run: Run) -> None:
    save(Map((f"key{number:05}", 0) for number in range(20_000)), "large.frozen")
    message = run.error("get", "large.frozen", "key0001", status=1)
    assert message.startswith("nothing at key0001: . has key00000, key00001, ")
    assert "key00009 and 19,990 more; did you mean key" in message


def test_a_pointer_that_is_none(run: Run) -> None:
    assert "is followed by neither 0 nor 1" in run.error("get", "config.json", "/a~2")


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"])), max_size=5))
def test_places_are_written_as_they_are_looked_up(path: list[str]) -> None:
    document: Any = 1
    for step in reversed(path):
        document = Map({step: document})
    assert look_up(document, written(path))[0] == 1


def test_keys_that_are_no_text_are_looked_up_by_their_text() -> None:
    document = freeze({1: "int", None: "null", DAY: "day", "": "empty", "a.b": "dot"})
    found = [look_up(document, path)[0] for path in ("1", "null", "2026-11-29", "/", "/a.b")]
    assert found == ["int", "null", "day", "empty", "dot"]


# diff


def test_diff_says_what_changed_as_diff_does(packed: Run) -> None:
    lines = packed("diff", "config.frozen", "newer.json", status=1).splitlines()
    assert lines == [
        "db.ports[0:0]: inserted [5431]",
        "db.ports.1: 5433 -> 5434",
        "debug: removed, was False",
        "limits: added None",
    ]
    assert packed("diff", "config.frozen", "config.json") == ""
    assert packed("diff", "--quiet", "config.json", "newer.json", status=1) == ""


def test_diff_of_documents_of_different_kinds(run: Run) -> None:
    Path("list.json").write_text("[1]")
    Path("one.json").write_text("1")
    assert run("diff", "one.json", "list.json", status=1) == ".: 1 -> Vector([1])\n"
    patch = json.loads(run("diff", "--json-patch", "one.json", "list.json", status=1))
    assert patch == [{"op": "replace", "path": "", "value": [1]}]


def test_the_json_patch_leads_from_one_to_the_other(packed: Run) -> None:
    jsonpatch = pytest.importorskip("jsonpatch", reason="needs jsonpatch")
    patch = packed("diff", "config.frozen", "newer.json", "--json-patch", status=1)
    assert jsonpatch.apply_patch(CONFIG, patch) == NEWER
    assert packed("diff", "config.frozen", "config.json", "--json-patch") == "[]\n"


def test_the_json_patch_of_what_json_has_not(run: Run) -> None:
    save(Map(a=Set([1])), "old.frozen")
    save(Map(a=Set([1, 2])), "new.frozen")
    assert run("diff", "old.frozen", "new.frozen", status=1) == "a.2: added\n"
    assert run.error("diff", "old.frozen", "new.frozen", "--json-patch").startswith("JSON has no sets, at a")
    patch = json.loads(run("diff", "old.frozen", "new.frozen", "--json-patch", "--lossy", status=1))
    assert patch == [{"op": "add", "path": "/a/1", "value": 2}]


# verify


def test_verify_counts_what_is_there(packed: Run) -> None:
    assert packed("verify", "config.frozen") == "'config.frozen': sound, 8 values\n"


def test_verify_finds_each_damaged_file(packed: Run) -> None:
    sound = Path("config.frozen").read_bytes()
    Path("damaged.frozen").write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    Path("cut.frozen").write_bytes(sound[:100])
    Path("empty.frozen").write_bytes(b"")
    out = packed("verify", "damaged.frozen", "cut.frozen", "config.json", "empty.frozen", "config.frozen", status=1)
    assert out == "'config.frozen': sound, 8 values\n"
    assert [line.split("'")[1] for line in packed.printed.err.splitlines()] == [
        "damaged.frozen",
        "cut.frozen",
        "config.json",
        "empty.frozen",
    ]
    assert packed.error("verify", "absent.frozen") == "cannot read 'absent.frozen': No such file or directory"


def test_verify_finds_an_index_that_leads_nowhere_though_the_checksum_is_right(run: Run) -> None:
    data = bytearray(file_damage.file_of(Map((f"k{number}", number) for number in range(20)), seed=5))
    box = int.from_bytes(data[32:40], "little")
    data[box + 8 : box + 8 + 32 * 8] = bytes(32 * 8)  # the index: 32 slots for 20 entries
    data[40:48] = file_damage.checksum(bytes(data[64:])).to_bytes(8, "little")
    Path("index.frozen").write_bytes(file_damage.with_header(bytes(data)))
    assert run.error("verify", "index.frozen", status=1).startswith(
        "'index.frozen' is damaged: the index does not lead to 'k"
    )


class Colour(enum.Enum):
    RED = 1


def test_a_value_of_an_unknown_class_is_no_damage(run: Run) -> None:
    save(Map(colour=Colour.RED, count=1), "enum.frozen", types=[Colour])
    assert "which types= does not name" in run.error("verify", "enum.frozen")
    assert run("get", "enum.frozen", "count") == "1\n"


def test_a_damaged_file_is_one_line_for_every_command(packed: Run) -> None:
    data = bytearray(Path("config.frozen").read_bytes())
    data[64:] = b"\xff" * (len(data) - 64)
    Path("damaged.frozen").write_bytes(data)
    for command in (["show"], ["pack", "-"], ["get"], ["diff", "config.json"]):
        arguments = [command[0], "damaged.frozen", *(["x"] if command == ["get"] else command[1:])]
        assert packed.error(*arguments).startswith("'damaged.frozen' is damaged"), arguments


# Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "absent.json"], "cannot read 'absent.json': No such file or directory"),
        (["show", "absent.frozen"], "cannot read 'absent.frozen': No such file or directory"),
        (["show", "broken.json"], "cannot parse 'broken.json' as JSON: Expecting value: line 1 column 7 (char 6)"),
        (["show", "nul\0.json"], "cannot read 'nul\\x00.json': "),
        (["pack", "config.json", "absent/a.frozen"], "No such file or directory"),
        (["pack", "config.json"], "the following arguments are required: TARGET (--help says more)"),
        (["show", "config.json", "--as", "xml"], "invalid choice: 'xml'"),
        (["diff", "config.json"], "the following arguments are required: B"),
    ],
)
def test_an_error_is_one_line_and_status_2(run: Run, arguments: list[str], message: str) -> None:
    Path("broken.json").write_text('{"a": ]')
    assert message in run.error(*arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_only_regular_files_are_written(run: Run, tmp_path: Path) -> None:
    os.mkfifo("pipe")
    for target in ("pipe", "."):
        assert run.error("pack", "config.json", target) == (
            f"cannot write {target!r}: {target!r} is no regular file, and only those are replaced"
        )


def test_a_key_that_is_there_twice_is_an_error(run: Run) -> None:
    Path("twice.json").write_text('{"a": {"b": 1, "c": 2, "b": 3}}')
    text = "cannot parse 'twice.{0}' as {1}: the key 'b' is there twice in one object"
    assert run.error("pack", "twice.json", "twice.frozen") == text.format("json", "JSON")
    pytest.importorskip("yaml", reason="needs PyYAML")
    Path("twice.yaml").write_text("a: {b: 1, c: 2, b: 3}\n")
    assert run.error("show", "twice.yaml") == text.format("yaml", "YAML")


def test_keys_that_yaml_merges_may_be_there_again(run: Run) -> None:
    pytest.importorskip("yaml", reason="needs PyYAML")
    Path("merged.yaml").write_text("a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  x: 3\nc:\n  <<: *b\n  <<: *a\n  y: 5\n")
    merged = {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 1, "y": 5}}
    assert json.loads(run("show", "merged.yaml")) == merged


@pytest.mark.parametrize(
    ("arguments", "closed", "message"),
    [
        (["show", "config.json"], "stdout", "standard output is closed"),
        (["pack", "config.json", "-"], "stdout", "standard output is closed"),
        (["pack", "-", "a.frozen"], "stdin", "cannot read standard input: it is closed"),
        (["show", "absent.json"], "stderr", ""),
    ],
)
def test_a_stream_that_was_closed_before(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], closed: str, message: str
) -> None:
    monkeypatch.setattr(sys, closed, None)  # as Python has it then
    run(*arguments, status=2)
    assert run.printed.err == (f"python -m frozen: {message}\n" if message else "")
    monkeypatch.setattr(sys, "stdout", None)
    run("pack", "config.json", "config.frozen")


def test_yaml_that_contains_itself(run: Run) -> None:
    pytest.importorskip("yaml", reason="needs PyYAML")
    Path("loop.yaml").write_text("&a [*a]\n")
    assert run.error("pack", "loop.yaml", "loop.frozen").startswith("cannot freeze 'loop.yaml': ")
    assert run.error("show", "loop.yaml") == ". is nested too deeply to be written as JSON"


@pytest.mark.parametrize("command", ["pack", "show", "get", "diff", "verify"])
def test_every_command_has_help_with_its_statuses(run: Run, command: str) -> None:
    assert "exit status: 0; 1 if the answer is no" in run(command, "--help")


def test_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("frozen._cli.commands.save", interrupt)
    run("pack", "config.json", "config.frozen", status=130)
    assert run.printed == ("", "")


# The demonstration keeps its words


def test_demo_is_the_demonstration(run: Run) -> None:
    few = ["--seconds", "0.1", "--threads", "1", "--interpreters", "0", "--json"]
    assert json.loads(run("demo", "config.json", *few))["torn_reads"] == 0
    os.rename("config.json", "show")
    assert json.loads(run("./show", *few))["source"] == "./show"


# Processes


def test_commands_in_a_pipe(run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "frozen"]
    made = subprocess.run(
        [*command, "pack", "config.json", "-"],
        cwd=tmp_path,
        env=child_environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    seen = subprocess.run(
        [*command, "get", "-", "name"],
        cwd=tmp_path,
        env=child_environment(),
        input=made.stdout,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert seen.stdout.decode().rstrip() == "Zoë"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_nobody_reads_the_output(run: Run, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "frozen", "show", "config.json"],
        cwd=tmp_path,
        env=child_environment(),
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_command_loads_nothing_of_the_demonstration(tmp_path: Path) -> None:
    code = "import sys, frozen.__main__ as m; m.main(['show', '-']); print([n for n in sys.modules if '_demo' in n])"
    assert run_python("-c", code, cwd=tmp_path, input="1").stdout == "1\n[]\n"


# Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    main(["pack", "config.json", "config.frozen"])
    said = sys.stderr.getvalue()
    for what in ("reading 'config.json' ...", "freezing 'config.json' ...", "writing 'config.frozen': "):
        assert what in said
    assert said.endswith("\r\x1b[K")
    Line(sys.stderr).count("writing 'a{b}': {} bytes")(1000)
    assert "writing 'a{b}': 1,000 bytes" in sys.stderr.getvalue()
    silent = io.StringIO()
    Line(silent).say("reading ...")
    assert silent.getvalue() == ""
