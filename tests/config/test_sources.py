"""What each source reads, how layers are merged, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frozen import Map, Vector, thaw
from frozen.config import Call, Config, ConfigError, Defaults, Directory, Environment, File, Layer, Source


def refused(*sources: Any, **options: Any) -> str:
    """What the error says."""
    with pytest.raises(ConfigError) as caught:
        Config(*sources, **options)
    return str(caught.value)


# Merging


def test_mappings_are_merged_and_everything_else_replaces() -> None:
    config = Config(
        {"db": {"host": "a", "port": 1}, "hosts": ["x", "y"], "plain": {"gone": 1}, "debug": True},
        {"db": {"port": 2}, "hosts": ["z"], "plain": 3, "debug": None},
        {"plain": {"back": 1}},
    )
    assert thaw(config.data) == {
        "db": {"host": "a", "port": 2},
        "hosts": ["z"],
        "plain": {"back": 1},
        "debug": None,
    }


def test_every_value_knows_its_origin() -> None:
    config = Config(
        {"db": {"host": "a", "port": 1}, "hosts": ["x"]},
        Call(lambda: {"db": {"port": 2}}, "the cluster"),
        Call(lambda: {"db": {"name": "n"}}, "the vault"),
    )
    assert [config.origin(path) for path in ("db.host", "db.port", "db.name")] == [
        "defaults",
        "the cluster",
        "the vault",
    ]
    assert config.origin("db") == "the vault", "a mapping's is the last layer that gave a part of it"
    assert config.origin("hosts.0") == config.origin(("hosts", 0)) == "defaults"
    with pytest.raises(KeyError, match="nothing"):
        config.origin("db.nothing")


def test_where_no_source_says_anything_the_whole_has_an_origin_too(tmp_path: Path) -> None:
    assert Config(File(tmp_path / "no.json", optional=True)).origin(()) == "no source"


def test_what_is_below_a_mapping_that_was_replaced_has_no_origin() -> None:
    config = Config({"a": {"b": {"c": 1}}}, {"a": 2}, {"a": {"d": 3}})
    assert set(config._loader.origins) == {(), ("a",), ("a", "d")}


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=5,
)
layers = st.lists(st.dictionaries(st.sampled_from("abc"), trees, max_size=3), min_size=1, max_size=3)


def merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        both = {key: merged(below[key], above[key]) for key in below.keys() & above.keys()}
        return below | above | both
    return above


def paths_of(tree: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    inner = [paths_of(value, (*path, key)) for key, value in tree.items()] if isinstance(tree, dict) else []
    return {path}.union(*inner)


@given(layers)
def test_layers_merge_as_the_rule_says_and_every_path_has_an_origin(layers: list[dict[str, Any]]) -> None:
    expected: Any = {}
    for layer in layers:
        expected = merged(expected, layer)
    config = Config(*(Defaults(layer, str(number)) for number, layer in enumerate(layers)))
    assert thaw(config.data) == expected
    assert set(config._loader.origins) == paths_of(expected)
    for path in paths_of(expected):
        value = config.get(path)
        origin = layers[int(config.origin(path))]
        for step in path:
            origin = origin[step]
        assert isinstance(value, Map) or thaw(value) == origin


def test_a_layer_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["again"] = loop
    assert "looping gives what cannot be frozen" in refused(Call(lambda: loop, "looping"))
    with pytest.raises(ValueError, match="contains itself"):
        Defaults(loop)


def test_defaults_are_those_of_the_beginning() -> None:
    values = {"hosts": ["a"]}
    config = Config(values)
    values["hosts"].append("b")
    assert not config.reload()
    assert config.get("hosts") == Vector(["a"])


# Files


def test_files_are_read_by_the_end_of_their_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "b.toml").write_text("b = 1979-05-27\n[t]\nx = 1")
    config = Config(tmp_path / "a.json", str(tmp_path / "b.toml"))
    assert (config.get("a"), config.get("b").year, config.get("t.x")) == (1, 1979, 1)
    assert config.origin("t.x") == str(tmp_path / "b.toml")


BROKEN = {
    "half.json": (b'{"a": ', "no JSON at line 1, column 7"),
    "empty.json": (b"", "empty"),
    "empty.toml": (b" \n", "empty"),
    "list.json": (b"[1]", "holds a list"),
    "twice.json": (b'{"a": 1, "a": 2}', "'a' twice"),
    "twice.toml": (b"a = 1\na = 2", "no TOML"),
    "latin.json": (b'{"a": "\xe9"}', "not UTF-8 at byte 7"),
    "deep.json": (b"[" * 100_000, "no JSON|nests deeper"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_its_name_and_the_place(tmp_path: Path, name: str) -> None:
    data, reason = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=reason) as caught:
        Config({"a": 0}, tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_missing_file_is_refused_unless_it_may_be(tmp_path: Path) -> None:
    assert "missing" in refused({"a": 1}, tmp_path / "no.json")
    assert Config({"a": 1}, File(tmp_path / "no.json", optional=True)).get("a") == 1
    (tmp_path / "folder.json").mkdir()
    assert "cannot be read" in refused(tmp_path / "folder.json")


def test_a_name_without_a_known_ending_needs_a_format(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format="):
        File(tmp_path / "settings")
    (tmp_path / "settings").write_text('{"a": 1}')
    assert Config(File(tmp_path / "settings", format="json")).get("a") == 1


def test_yaml_is_read_and_says_where_it_is_broken(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    file = tmp_path / "a.yml"
    file.write_text("base: &base {port: 1}\ndb:\n  <<: *base\n  hosts: [a, b]\n")
    assert thaw(Config(file).data) == {"base": {"port": 1}, "db": {"port": 1, "hosts": ["a", "b"]}}
    file.write_text("a: 1\npassword: [hunter2\nb: }")
    text = refused(file)
    assert "no YAML at line" in text
    assert "hunter2" not in text
    file.write_text("a: 1\na: 2")
    assert "'a' twice" in refused(file)
    file.write_text("a: !!python/object/apply:os.system ['true']")
    assert "no YAML" in refused(file)


@pytest.mark.parametrize(
    "text",
    [
        '!!int "hunter2"',
        '!!float "hunter2"',
        "!!bool hunter2",
        "!!timestamp hunter2",
        "*hunter2",
        "!hunter2 x",
        '"hunter2',
        "2024-99-99 # hunter2",
    ],
)
def test_no_error_of_yaml_quotes_the_file(tmp_path: Path, text: str) -> None:
    pytest.importorskip("yaml")
    (tmp_path / "a.yaml").write_text(f"port: 1\npassword: {text}\n")
    error = refused(tmp_path / "a.yaml")
    assert "hunter2" not in error
    assert "line 2" in error or "line 3" in error


@pytest.mark.parametrize("more", ["{{l: *a{0}, r: *a{0}}}", "[*a{0}, *a{0}]"], ids=["mappings", "lists"])
def test_aliases_of_yaml_that_grow_without_bound_are_refused(tmp_path: Path, more: str) -> None:
    pytest.importorskip("yaml")
    lines = [f"a{n}: &a{n} {more.format(n - 1)}" for n in range(1, 60)]
    (tmp_path / "a.yaml").write_text("\n".join(["a0: &a0 {port: 1}", *lines]))
    assert "repeats itself by aliases" in refused(tmp_path / "a.yaml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    assert "pipe.json is no regular file" in refused(tmp_path / "pipe.json")
    assert "pipe.json is no regular file" in refused(Directory(tmp_path))
    assert "pipe.json is no regular file" in refused(Directory(tmp_path, values=True))


def test_what_editors_leave_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    for name in ("#a.json#", ".#a.json", ".a.json.swp", "a.json~"):
        (tmp_path / name).write_text("half")
    assert thaw(Config(Directory(tmp_path)).data) == {"a": 1}


def test_a_dotenv_file_holds_variables(tmp_path: Path) -> None:
    pytest.importorskip("dotenv")
    file = tmp_path / ".env"
    file.write_text("# comment\nAPP_DB__PORT=5433\nexport APP_NAME='a b'\nOTHER=1\n")
    config = Config({"db": {"port": 5432}}, File(file, prefix="APP_"))
    assert thaw(config.data) == {"db": {"port": 5433}, "name": "a b"}
    assert config.origin("db.port") == f"APP_DB__PORT in {file}"
    for text, reason in (("A B=1\n", "no .env file at line 1"), ("\nA", "no value at line 2"), ("A=1\nA=2", "twice")):
        file.write_text(text)
        assert reason in refused(file)


# Folders


def test_a_folder_of_documents_is_merged_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "20-b.json").write_text('{"a": 2, "b": 2}')
    (tmp_path / "10-a.toml").write_text("a = 1\nc = 1")
    (tmp_path / ".hidden").write_text("?")
    (tmp_path / "20-b.json~").write_text("?")
    (tmp_path / "folder").mkdir()
    config = Config(Directory(tmp_path))
    assert thaw(config.data) == {"a": 2, "b": 2, "c": 1}
    (tmp_path / "README").write_text("?")
    assert "README ends in none of .json" in refused(Directory(tmp_path))


def test_variables_of_a_folder_have_the_types_of_the_documents_before(tmp_path: Path) -> None:
    pytest.importorskip("dotenv")
    (tmp_path / "1.json").write_text('{"name": "1"}')
    (tmp_path / "2.env").write_text("NAME=2")
    assert Config(Directory(tmp_path)).get("name") == "2"


def test_a_folder_of_values_has_a_text_for_each_name(tmp_path: Path) -> None:
    (tmp_path / "user").write_text("me\n")
    (tmp_path / "app.json").write_text("{}")
    assert thaw(Config(Directory(tmp_path, values=True)).data) == {"user": "me", "app.json": "{}"}
    (tmp_path / "binary").write_bytes(b"\xff")
    assert "not UTF-8" in refused(Directory(tmp_path, values=True))
    assert "missing" in refused(Directory(tmp_path / "nowhere"))


# Variables


def variables(below: dict[str, Any], **environ: str) -> Any:
    return thaw(Config(below, Environment("A_", environ)).data)


def test_variables_are_nested_and_find_keys_in_any_case() -> None:
    below = {"maxSize": 1, "db": {"Port": 1}}
    assert variables(below, A_MAXSIZE="2", A_DB__PORT="3", A_DB__NEW__KEY="x", B_OTHER="1") == {
        "maxSize": 2,
        "db": {"Port": 3, "new": {"key": "x"}},
    }


@pytest.mark.parametrize(
    ("below", "text", "value"),
    [
        (True, "off", False),
        (False, "YES", True),
        (1, "02", 2),
        (1.5, "2", 2.0),
        ("text", "2", "2"),
        ("text", "true", "true"),
        (["a"], '["b", 1]', ["b", 1]),
        ({"a": 1}, '{"b": 2}', {"a": 1, "b": 2}),
        (None, "8080", 8080),
        (None, "true", True),
        (None, "localhost", "localhost"),
        (None, '["a"]', ["a"]),
    ],
)
def test_a_variable_has_the_type_of_what_it_replaces(below: Any, text: str, value: Any) -> None:
    assert variables({"key": below}, A_KEY=text) == {"key": value}
    if below is None:
        assert variables({}, A_KEY=text) == {"key": value}


@pytest.mark.parametrize("below", [True, 1, 1.5, ["a"], {"a": 1}])
def test_a_variable_of_another_type_is_refused_by_name(below: Any) -> None:
    text = refused({"size": below}, Environment("A_", {"A_SIZE": "?!"}))
    assert text.startswith("A_SIZE in the environment is '?!', but ['size'] is a")


def test_the_text_of_a_secret_variable_is_not_shown() -> None:
    assert "hunter2" not in refused({"secret_number": 1}, Environment("A_", {"A_SECRET_NUMBER": "hunter2"}))
    own = refused({"pin": 1}, Environment("A_", {"A_PIN": "hunter2"}), secret=lambda path: path == ("pin",))
    assert own == "A_PIN in the environment is ***, but ['pin'] is an int: write a whole number"


def test_passwords_in_urls_are_not_shown_in_errors() -> None:
    text = refused({"db": 1}, Environment("A_", {"A_DB": "postgres://me:hunter/2@host/x"}))
    assert "'postgres://me:***@host/x'" in text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[" * 100_000])
def test_what_is_no_json_is_a_text(text: str) -> None:
    assert variables({}, A_KEY=text) == {"key": text}


def test_two_variables_for_one_value_are_refused() -> None:
    text = refused({}, Environment("A_", {"A_DB__PORT": "1", "A_db__port": "2"}))
    assert text == "A_DB__PORT and A_db__port in the environment are both ['db']['port']: remove one of them"


def test_a_variable_that_another_thread_deletes_meanwhile_is_none() -> None:
    class Changing(dict[str, str]):
        def __iter__(self) -> Any:
            names = [*super().__iter__()]
            self.pop("A_GOES", None)
            return iter(names)

    environ = Changing(A_GOES="1", A_STAYS="2")
    assert thaw(Config(Environment("A_", environ)).data) == {"stays": 2}


def test_variables_without_a_place_are_refused() -> None:
    assert "replaced as a whole" in refused({"hosts": ["a"]}, Environment("A_", {"A_HOSTS__0": "b"}))
    assert "empty step" in refused({}, Environment("A_", {"A_DB____X": "b"}))
    assert "may mean 'aB', 'Ab'" in refused({"aB": 1, "Ab": 2}, Environment("A_", {"A_AB": "1"})).replace(
        "'Ab', 'aB'", "'aB', 'Ab'"
    )
    with pytest.raises(ValueError, match="prefix"):
        Environment("")


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROZEN_TEST_PORT", "81")
    config = Config({"port": 80}, Environment("FROZEN_TEST_"))
    assert (config.get("port"), config.origin("port")) == (81, "FROZEN_TEST_PORT in the environment")
    monkeypatch.setenv("FROZEN_TEST_PORT", "82")
    assert config.check()
    assert config.get("port") == 82


# Defaults and functions


@dataclasses.dataclass(frozen=True)
class Pool:
    size: int = 4
    name: str = "pool"


@dataclasses.dataclass(frozen=True)
class Settings:
    user: str
    pool: Pool
    port: int = 80
    hosts: tuple[str, ...] = dataclasses.field(default_factory=lambda: ("a",))


def test_defaults_are_those_of_a_dataclass_and_of_its_fields() -> None:
    config = Config(Settings, {"user": "me"}, Environment("A_", {"A_POOL__SIZE": "8"}))
    assert thaw(config.data) == {"user": "me", "pool": {"size": 8, "name": "pool"}, "port": 80, "hosts": ("a",)}
    assert Config(Settings("me", Pool(9))).get("pool.size") == 9


def test_defaults_are_those_of_a_pydantic_model() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        size: int = 4

    class Model(pydantic.BaseModel):
        user: str
        inner: Inner
        port: int = pydantic.Field(80, validation_alias="tcp_port")
        tags: list[str] = pydantic.Field(default_factory=list)

    assert thaw(Config(Model).data) == {"inner": {"size": 4}, "tcp_port": 80, "tags": []}


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(TypeError, match="no source"):
        Config(5)
    with pytest.raises(TypeError, match="defaults are"):
        Defaults([1])
    with pytest.raises(TypeError, match="no dataclass"):
        Defaults(int)
    with pytest.raises(TypeError, match="function"):
        Call(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs a source"):
        Config()
    with pytest.raises(ValueError, match="'auto'"):
        Config({}, watch="often")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="interval"):
        Config({}, interval=0)


def test_a_function_that_fails_is_named() -> None:
    def broken() -> Any:
        raise OSError("no route")

    assert "broken() failed: OSError: no route" in refused(broken)
    assert "returned a list" in refused(Call(lambda: [1], "it"))


def test_a_function_with_a_stamp_is_called_when_that_changes() -> None:
    calls: list[int] = []
    stamp = [1]
    config = Config(Call(lambda: {"n": calls.append(1) or len(calls)}, "it", stamp=lambda: stamp[0]))
    config._loader._moved = float("-inf")  # long ago
    assert (config.check(), config.get("n")) == (False, 1)
    stamp[0] = 2
    assert (config.check(), config.get("n")) == (True, 2)


def test_a_source_of_ones_own_gives_layers() -> None:
    class Twice(Source):
        name = "twice"

        def layers(self, below: Any) -> Any:
            yield Layer("first", {"n": 1, "m": 1})
            yield Layer("second", {"n": below.value(["n"]) + 1})

    config = Config(Twice())
    assert (config.get("n"), config.origin("n"), config.origin("m")) == (2, "second", "first")


# Reading


def test_get_reads_by_dots_and_by_steps() -> None:
    config = Config({"a": {"b.c": 1, "1": "one", "list": [10, {"x": 11}]}})
    assert config.get(["a", "b.c"]) == 1
    assert config.get("a.1") == "one"
    assert config.get("a.list.1.x") == config.get(("a", "list", 1, "x")) == 11
    assert config.get("a.list") == Vector([10, Map(x=11)])
    assert config.get("a.nothing", None) is None
    assert config.get("nothing.at.all", 5) == config.get("nothing.0", 5) == config.get("a.list.9.x", 5) == 5
    for path, error in (("a.nothing", KeyError), ("a.list.7", IndexError), ("a.1.x", TypeError), ("", ValueError)):
        with pytest.raises(error):
            config.get(path)


def test_get_checks_the_type_it_is_asked_for() -> None:
    config = Config({"port": "80", "debug": True, "token": "hunter2"})
    assert config.get("port", type=str) == "80"
    assert config.get("missing", None, type=int) is None
    for path, kind in (("port", int), ("debug", int), ("token", int)):
        with pytest.raises(TypeError, match=f"{path}.*not of type int") as caught:
            config.get(path, type=kind)
        assert "hunter2" not in str(caught.value)


def test_json_written_by_the_standard_library_is_read_back(tmp_path: Path) -> None:
    data = {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}}
    (tmp_path / "a.json").write_text(json.dumps(data))
    assert thaw(Config(tmp_path / "a.json").data) == data
    assert os.path.isabs(File("a.json").path)
