"""What `frozen.integrations` teaches other libraries, and the recipes of the documentation, with the real libraries."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from support import run_examples, run_python

import frozen
import frozen.integrations
from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector, freeze, share, thaw

pytestmark = pytest.mark.once

NEEDS = {"jsonschema_validator": "jsonschema", "register_cattrs": "cattrs", "register_jax": "jax"}
NEEDS |= {"register_optree": "optree", "register_strategies": "hypothesis"}


@pytest.mark.parametrize("name", frozen.integrations.__all__)
def test_examples_of_docstrings_are_true(name: str) -> None:
    pytest.importorskip(NEEDS[name])
    names = vars(frozen) | vars(frozen.integrations)
    doc = inspect.getdoc(getattr(frozen.integrations, name)) or ""
    assert run_examples(doc, names, name), f"{name} has no example"


def test_no_library_is_imported_before_it_is_needed() -> None:
    source = inspect.getsource(importlib.import_module("frozen.integrations"))
    lines = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    named = {line.split()[1].partition(".")[0] for line in lines}
    assert not named & set(NEEDS.values())


# hypothesis


@pytest.fixture
def examples() -> Any:
    strategies = pytest.importorskip("hypothesis.strategies")
    hypothesis = importlib.import_module("hypothesis")
    frozen.integrations.register_strategies()

    def check(thing: Any, holds: Any) -> None:
        hypothesis.settings(max_examples=20, database=None)(hypothesis.given(strategies.from_type(thing))(holds))()

    return check


def test_hypothesis_makes_real_containers(examples: Any) -> None:
    def is_map(made: Any) -> None:
        assert type(made) is Map
        assert all(type(key) is str and type(value) is int for key, value in made.items())

    def is_nested(made: Any) -> None:
        assert type(made) is Vector
        assert all(type(member) is Set for member in made)

    def is_shared(made: Any) -> None:
        assert type(made) is SharedMap
        assert all(type(value) is SharedVector for value in made.values())

    examples(Map[str, int], is_map)
    examples(Vector[Set[int]], is_nested)
    examples(SharedMap[str, SharedVector[int]], is_shared)


@pytest.mark.parametrize("kind", [Map, Set, Vector, SharedMap, SharedSet, SharedVector], ids=lambda kind: kind.__name__)
def test_hypothesis_makes_them_of_bare_types(examples: Any, kind: type) -> None:
    def is_kind(made: Any) -> None:
        assert type(made) is kind

    examples(kind, is_kind)


# cattrs


@pytest.fixture
def converter() -> Any:
    cattrs = pytest.importorskip("cattrs")
    converter = cattrs.Converter()
    frozen.integrations.register_cattrs(converter)
    return converter


KINDS: list[tuple[Any, Any, Any]] = [
    (Map[str, Vector[int]], {"a": ["1"]}, Map(a=Vector([1]))),
    (Set[int], ["1", 1], Set([1])),
    (Vector, [1, "a"], Vector([1, "a"])),
    (SharedMap[str, int], {"a": "1"}, SharedMap(a=1)),
    (SharedSet[int], ["1"], SharedSet([1])),
]


@pytest.mark.parametrize(("kind", "given", "wanted"), KINDS, ids=[str(kind) for kind, _, _ in KINDS])
def test_cattrs_structures_containers(converter: Any, kind: Any, given: Any, wanted: Any) -> None:
    made = converter.structure(given, kind)
    assert made == wanted
    assert type(made) is type(wanted)
    assert converter.structure(converter.unstructure(made), kind) == wanted


def test_cattrs_meets_them_as_attributes(converter: Any) -> None:
    attrs = pytest.importorskip("attrs")

    @attrs.frozen
    class Pool:
        sizes: Vector[int]
        names: Map[str, str] = Map()

    made = converter.structure({"sizes": ["1"], "names": {"a": "b"}}, attrs.resolve_types(Pool, globals(), locals()))
    assert made == Pool(Vector([1]), Map(a="b"))
    assert converter.unstructure(made) == {"sizes": [1], "names": {"a": "b"}}
    assert json.dumps(converter.unstructure(made))


# Trees of arrays


def test_optree_goes_through_maps_and_vectors() -> None:
    optree = pytest.importorskip("optree")
    frozen.integrations.register_optree("tests")
    tree = Map(b=Vector([1, 2]), a=3)
    leaves, spec = optree.tree_flatten(tree, namespace="tests")
    assert leaves == [3, 1, 2]
    assert optree.tree_unflatten(spec, leaves) == tree
    assert spec == optree.tree_structure(Map(a=1, b=Vector([1, 1])), namespace="tests")
    assert optree.tree_paths(tree, namespace="tests") == [("a",), ("b", 0), ("b", 1)]


def test_jax_goes_through_maps_and_vectors(tmp_path: Path) -> None:
    """In a process of its own: jax starts threads, and warns of each fork from then on."""
    pytest.importorskip("jax")
    program = """if True:
        import jax, frozen.integrations
        from frozen import Map, Vector

        frozen.integrations.register_jax()
        tree = Map(w=Vector([1.0, 2.0]), b=3.0)
        assert jax.tree_util.tree_leaves(tree) == [3.0, 1.0, 2.0]
        doubled = jax.jit(lambda params: jax.tree_util.tree_map(lambda x: 2 * x, params))(tree)
        assert type(doubled) is Map
        leaves = {key: jax.tree_util.tree_leaves(value) for key, value in doubled.items()}
        assert leaves == {"w": [2.0, 4.0], "b": [6.0]}
        gradient = jax.grad(lambda params: params["b"] ** 2 + params["w"][0])(tree)
        assert float(gradient["b"]) == 6.0
        paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
        assert paths == ["['b']", "['w'][0]", "['w'][1]"]
    """
    run_python("-c", program, cwd=tmp_path)


# jsonschema


def test_jsonschema_takes_frozen_documents() -> None:
    pytest.importorskip("jsonschema")
    schema = {
        "type": "object",
        "required": ["hosts"],
        "properties": {
            "hosts": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "tags": {"uniqueItems": True},
        },
        "additionalProperties": False,
    }
    validator = frozen.integrations.jsonschema_validator()(schema)
    for convert in (freeze, share, lambda document: document):
        assert validator.is_valid(convert({"hosts": ["a"], "tags": ["x"]}))
        assert not validator.is_valid(convert({"hosts": []}))
        assert not validator.is_valid(convert({"hosts": [1]}))
        assert not validator.is_valid(convert({"hosts": ["a"], "more": 1}))


# Mappings of others


def test_a_map_equals_mappings_of_other_libraries() -> None:
    immutables = pytest.importorskip("immutables")
    assert Map(a=1) == immutables.Map(a=1)
    assert immutables.Map(a=1) == Map(a=1)
    assert Map(a=1) != immutables.Map(a=2)
    assert Map(immutables.Map(a=1)) == Map(a=1)
    assert hash(Map(a=1)) == hash(frozenset({("a", 1)}))


# JSON


def test_orjson_and_msgspec_write_frozen_documents() -> None:
    document = {"hosts": ["a", "b"], "limits": {"rate": 5}}
    orjson = pytest.importorskip("orjson")
    msgspec = pytest.importorskip("msgspec")
    for made in (freeze(document), share(document)):
        assert json.loads(orjson.dumps(made, default=thaw)) == document
        assert json.loads(msgspec.json.encode(made, enc_hook=thaw)) == document
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(made, enc_hook=thaw)) == document
        assert json.loads(json.dumps(made, default=thaw)) == document


def test_msgspec_reads_fields_that_are_containers() -> None:
    msgspec = pytest.importorskip("msgspec")

    class Settings(msgspec.Struct, frozen=True):
        limits: Map
        hosts: Vector

    def dec_hook(kind: type, value: Any) -> Any:
        return kind(value)

    read = msgspec.json.decode(b'{"limits": {"rate": 5}, "hosts": ["a"]}', type=Settings, dec_hook=dec_hook)
    assert read == Settings(Map(rate=5), Vector(["a"]))
    assert freeze(read) is read


# Servers


def answer(app: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and the JSON by which an ASGI application answers one request."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "headers": [(b"content-type", b"application/json")]}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def test_fastapi_answers_with_frozen_documents() -> None:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    document = freeze({"hosts": ["a", "b"], "limits": {"rate": 5}})

    @app.get("/config")
    def config() -> Map[str, Any]:
        return document

    @app.get("/hosts")
    def hosts() -> Vector[str]:
        return document["hosts"]

    @app.post("/limits")
    def limits(limits: Map[str, int]) -> Map[str, int]:
        assert type(limits) is Map
        return limits.set("seen", 1)

    assert answer(app, "GET", "/config") == (200, thaw(document))
    assert answer(app, "GET", "/hosts") == (200, ["a", "b"])
    assert answer(app, "POST", "/limits", {"rate": "7"}) == (200, {"rate": 7, "seen": 1})
    assert answer(app, "POST", "/limits", {"rate": "x"})[0] == 422
    assert answer(app, "GET", "/openapi.json")[0] == 200


# Tables


def test_pandas_and_numpy_read_containers() -> None:
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    rows = freeze([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    assert pandas.DataFrame.from_records(thaw(rows))["b"].tolist() == [2, 4]
    assert pandas.Series(dict(Map(a=1)))["a"] == 1
    assert numpy.array(Vector([1, 2, 3]).tolist()).sum() == 6


def test_the_package_lists_the_module() -> None:
    assert "integrations" in {module.name for module in pkgutil.iter_modules(frozen.__path__)}
