"""The C API: extensions in C and in Cython are compiled and run, against today's header and the oldest that is kept."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import (
    DEBUG_BUILD,
    FREE_THREADED,
    PACKAGE,
    Subinterpreter,
    assert_no_leak,
    needs_subinterpreters,
    run_python,
    run_threads,
)

import frozen
from frozen import ABSENT, AtomicMap, AtomicRef, Map, Set, SharedMap, SharedRef, Vector

HERE = Path(__file__).parent
HEADER = Path(frozen.get_include()) / "frozen.h"
OLDEST = HERE / "headers/frozen-0.1.h"
LINK = shlex.split(sysconfig.get_config_var("LDSHARED") or "")
WARNINGS = ("-Wall", "-Wextra", "-Werror")

pytestmark = pytest.mark.skipif(not LINK or shutil.which(LINK[0]) is None, reason="needs the interpreter's C compiler")

ENTRIES_OF_0_1 = (
    *("map_check", "map_new", "map_len", "map_get", "map_peek", "map_iter", "map_next", "map_set", "map_without"),
    *("map_draft", "map_draft_get", "map_draft_set", "map_draft_drop", "map_draft_finish"),
    *("vector_check", "vector_new", "vector_len", "vector_get", "vector_peek", "vector_iter", "vector_next"),
    *("vector_append", "vector_set"),
    *("vector_draft", "vector_draft_len", "vector_draft_append", "vector_draft_set", "vector_draft_finish"),
    *("ref_check", "ref_new", "shared_ref_new", "ref_get", "ref_set", "ref_compare_and_set"),
    *("atomic_map_check", "atomic_map_new", "atomic_map_len", "atomic_map_get", "atomic_map_set", "atomic_map_drop"),
    *("atomic_map_compare_and_set", "atomic_map_add", "atomic_map_snapshot"),
)
"""In their order, for good: extensions are compiled with the places of these."""


def compile_extension(folder: Path, name: str, source: Path, *flags: str) -> Path:
    """Compile one file to the extension module `name`, as the interpreter's own were; returns its path."""
    target = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    includes = [f"-I{sysconfig.get_path('include')}", f"-I{HEADER.parent}"]  # -isystem: a debug build counts wrongly
    command = [*LINK, "-std=c11", "-O0", "-fPIC", f"-DPROBE={name}", *includes, *flags, str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    return target


def import_extension(path: Path):
    name = path.name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_header(path: Path) -> str:
    return f'-DFROZEN_HEADER="{path}"'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("extensions")


@pytest.fixture(scope="module")
def extensions(folder) -> dict[str, Path]:
    """The extensions in C, compiled side by side."""
    header = HEADER.read_text()
    patched = {
        "other_abi": header.replace("#define FROZEN_ABI 1\n", "#define FROZEN_ABI 2\n"),
        "larger": header.replace("} frozen_api;", "    void (*not_yet_written)(void);\n} frozen_api;"),
        "other_build": header.replace("#ifdef Py_GIL_DISABLED", "#ifndef Py_GIL_DISABLED"),
    }
    for name, text in patched.items():
        assert text != header, name
        (folder / f"{name}.h").write_text(text)
    wanted = {
        "probe_today": (HERE / "probe.c", with_header(HEADER), *WARNINGS),
        "probe_oldest": (HERE / "probe.c", with_header(OLDEST), *WARNINGS),
        "later_version": (HERE / "refused.c", with_header(HEADER), "-DFROZEN_TARGET=0x020304", *WARNINGS),
    }
    wanted |= {name: (HERE / "refused.c", with_header(folder / f"{name}.h"), *WARNINGS) for name in patched}
    with ThreadPoolExecutor() as threads:
        made = threads.map(lambda item: compile_extension(folder, item[0], *item[1]), wanted.items())
        return dict(zip(wanted, made, strict=True))


@pytest.fixture(scope="module", params=["probe_today", "probe_oldest"])
def api(request, extensions):
    return import_extension(extensions[request.param])


@pytest.fixture(scope="module")
def today(extensions):
    return import_extension(extensions["probe_today"])


# The table


def entries(header: Path) -> list[tuple[str, str]]:
    """The entries that a header declares, in order: name, and declaration without layout."""
    (body,) = re.findall(r"uint32_t flags;\n(.*?)\n} frozen_api;", header.read_text(), re.DOTALL)
    code = re.sub(r"/\*.*?\*/|^#.*?$", "", body, flags=re.DOTALL | re.MULTILINE)
    declarations = [re.sub(r"\s+", " ", declaration).strip() for declaration in code.split(";")]
    return [(re.search(r"\(\*(\w+)\)", text)[1], text) for text in declarations if text]


def test_the_table_begins_as_that_of_the_oldest_header():
    oldest = entries(OLDEST)
    assert tuple(name for name, _ in oldest) == ENTRIES_OF_0_1
    assert entries(HEADER)[: len(oldest)] == oldest, "an entry of the C API was moved or changed: append another one"


def test_the_table_says_what_it_is(today):
    head = today.head()
    major, minor, patch = map(int, re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", frozen.__version__).groups())
    assert head["abi"] == 1
    assert head["version"] == major << 16 | minor << 8 | patch
    assert head["flags"] == (1 if FREE_THREADED else 0)
    assert head["size"] == 16 + len(entries(HEADER)) * (8 if sys.maxsize > 2**32 else 4)
    assert head["compiled_size"] <= head["size"]


def test_cython_declares_the_entries_of_the_header():
    text = (HEADER.parent / "frozen.pxd").read_text()
    assert re.findall(r"\(\*(\w+)\)", text) == [name for name, _ in entries(HEADER)]


# What the entries do


def test_maps_are_looked_up(api):
    m = api.map_new({"a": [1], "b": 2})
    assert type(m) is Map
    assert m == {"a": [1], "b": 2}
    assert api.map_len(m) == 2
    assert api.map_get(m, "a") is m["a"]
    assert api.map_peek(m, "a") is m["a"]
    assert api.map_get(m, "absent") is ...
    assert api.map_peek(m, "absent") is ...
    assert api.map_new(None) == Map()
    assert api.map_new(m) is m


@pytest.mark.parametrize("size", [0, 1, 40, 5000])
def test_iterations_are_those_of_python(api, size):
    m = Map((i, str(i)) for i in range(size))
    assert api.map_items(m) == list(m.items())
    v = Vector(map(str, range(size)))
    assert api.vector_items(v) == list(v)
    assert api.vector_items(v[: size // 3]) == list(v)[: size // 3]


def test_maps_derive_maps(api):
    m = Map(a=1)
    assert api.map_set(m, "b", 2) == {"a": 1, "b": 2}
    assert api.map_without(m, "a") == {}
    assert api.map_without(m, "absent") is m
    assert m == {"a": 1}


def test_a_draft_becomes_a_map_once(api):
    base = Map(a=1, b=2)
    draft = api.map_draft(base)
    assert api.map_draft_set(draft, "c", 3) == 0
    assert api.map_draft_drop(draft, "a") == 1
    assert api.map_draft_drop(draft, "a") == 0
    assert api.map_draft_get(draft, "c") == 3
    assert api.map_draft_get(draft, "a") is ...
    m = api.map_draft_finish(draft)
    assert (base, m) == ({"a": 1, "b": 2}, {"b": 2, "c": 3})
    assert api.map_draft_finish(draft) is m
    with pytest.raises(ValueError, match="has been finished"):
        api.map_draft_set(draft, "d", 4)
    assert api.map_draft_finish(api.map_draft(None)) == Map()
    assert api.map_draft_finish(api.map_draft(base)) is base


def test_vectors_are_read_and_derived(api):
    v = api.vector_new(["a", "b", "c"])
    assert type(v) is Vector
    assert (api.vector_len(v), api.vector_get(v, 2), api.vector_peek(v, 0)) == (3, "c", "a")
    assert api.vector_append(v, "d") == Vector("abcd")
    assert api.vector_set(v, 1, "x") == Vector("axc")
    assert api.vector_new(None) == Vector()
    for index in (3, -1):
        for call in (api.vector_get, api.vector_peek, lambda v, index: api.vector_set(v, index, "x")):
            with pytest.raises(IndexError, match=f"index {index} out of range for length 3"):
                call(v, index)


def test_a_draft_becomes_a_vector_once(api):
    base = Vector("ab")
    draft = api.vector_draft(base)
    assert api.vector_draft_append(draft, "c") == 0
    assert api.vector_draft_set(draft, 0, "x") == 0
    assert api.vector_draft_len(draft) == 3
    with pytest.raises(IndexError):
        api.vector_draft_set(draft, 3, "y")
    with pytest.raises(IndexError):
        api.vector_draft_set(draft, -1, "y")
    v = api.vector_draft_finish(draft)
    assert (base, v) == (Vector("ab"), Vector("xbc"))
    assert api.vector_draft_finish(draft) is v
    with pytest.raises(ValueError, match="has been finished"):
        api.vector_draft_append(draft, "d")
    assert api.vector_draft_finish(api.vector_draft(None)) == Vector()


@pytest.mark.parametrize("make", ["ref_new", "shared_ref_new"])
def test_references_are_read_and_published(api, make):
    ref = getattr(api, make)("first")
    assert isinstance(ref, (AtomicRef, SharedRef))
    first = api.ref_get(ref)
    assert api.ref_get_versioned(ref) == ("first", 0)
    assert api.ref_set(ref, "second") == 0
    assert api.ref_compare_and_set(ref, first, "third", None) == 0
    second = api.ref_get(ref)
    assert api.ref_compare_and_set(ref, second, "third", 0) == 0
    assert api.ref_compare_and_set(ref, second, "third", 1) == 1
    assert api.ref_compare_and_set(ref, api.ref_get(ref), "fourth", None) == 1
    assert ref.get_versioned() == ("fourth", 3)


def test_what_cannot_be_shared_is_refused(api):
    ref = api.shared_ref_new(1)
    for call in (lambda: api.shared_ref_new(object()), lambda: api.ref_set(ref, object())):
        with pytest.raises(TypeError, match="object"):
            call()
    assert ref.get() == 1


def test_atomic_maps_are_read_and_written(api):
    m = api.atomic_map_new(Map(a=1))
    assert type(m) is AtomicMap
    assert api.atomic_map_get(m, "a") == 1
    assert api.atomic_map_get(m, "b") is ...
    assert api.atomic_map_set(m, "b", 2) == 0
    assert api.atomic_map_len(m) == 2
    assert api.atomic_map_drop(m, "b") == 1
    assert api.atomic_map_drop(m, "b") == 0
    assert api.atomic_map_compare_and_set(m, "b", None, 1) == 1
    assert api.atomic_map_compare_and_set(m, "b", None, 2) == 0
    assert api.atomic_map_compare_and_set(m, "b", 1, 2) == 1
    assert api.atomic_map_compare_and_set(m, "b", 2, None) == 1
    assert api.atomic_map_compare_and_set(m, "b", ABSENT, 3) == 1
    snapshot = api.atomic_map_snapshot(m)
    assert type(snapshot) is Map
    assert snapshot == {"a": 1, "b": 3}
    assert api.atomic_map_new(None) == AtomicMap()


def test_numbers_are_added_to(api):
    m = AtomicMap({"half": 0.5, "text": "x"})
    assert api.atomic_map_add(m, "new", 2) == 2
    assert api.atomic_map_add(m, "new", 2**62) == 2**62 + 2
    assert api.atomic_map_add(m, "new", 2**62) == 2**63 + 2
    assert api.atomic_map_add(m, "half", -1) == -0.5
    with pytest.raises(TypeError):
        api.atomic_map_add(m, "text", 1)
    api.count_words(m, ["a", "b", "a"])
    assert m == {"half": -0.5, "text": "x", "new": 2**63 + 2, "a": 2, "b": 1}


# Arguments


class AMap(Map):
    def __getitem__(self, key):
        raise AssertionError("the C API looks at the object itself")

    def __len__(self):
        raise AssertionError("the C API looks at the object itself")


class AVector(Vector):
    pass


class ARef(AtomicRef):
    pass


class AnAtomicMap(AtomicMap):
    pass


OBJECTS = {
    "map": (Map(a=1), AMap(a=1)),
    "vector": (Vector([1]), AVector([1])),
    "ref": (AtomicRef(1), ARef(1), SharedRef(1)),
    "atomic_map": (AtomicMap({"a": 1}), AnAtomicMap({"a": 1})),
}
OTHERS = [None, 1, {}, [], object(), Map, Set(), SharedMap(), Map().mutate(), Vector().mutate(), Exception()]


@pytest.mark.parametrize("kind", OBJECTS)
def test_checks_know_the_type_and_its_subclasses_only(today, kind):
    check = getattr(today, f"{kind}_check")
    assert [check(object) for object in OBJECTS[kind]] == [1] * len(OBJECTS[kind])
    others = [object for other, objects in OBJECTS.items() if other != kind for object in objects] + OTHERS
    assert [check(object) for object in others] == [0] * len(others)


def test_subclasses_are_what_their_base_is(today):
    m, v, r, a = AMap(a=1), AVector([1]), ARef(1), AnAtomicMap({"a": 1})
    assert (today.map_len(m), today.map_get(m, "a"), today.map_items(m)) == (1, 1, [("a", 1)])
    assert (today.vector_len(v), today.vector_get(v, 0), today.vector_items(v)) == (1, 1, [1])
    assert (today.ref_get(r), today.atomic_map_get(a, "a")) == (1, 1)
    assert type(today.map_set(m, "b", 2)) is Map


CALLS = {
    "Map": ["map_len", "map_get .", "map_peek .", "map_set . .", "map_without .", "map_items"],
    "MapMutation": ["map_draft_get .", "map_draft_set . .", "map_draft_drop .", "map_draft_finish"],
    "Vector": ["vector_len", "vector_get 0", "vector_peek 0", "vector_append .", "vector_set 0 .", "vector_items"],
    "VectorMutation": ["vector_draft_len", "vector_draft_append .", "vector_draft_set 0 .", "vector_draft_finish"],
    "AtomicRef or SharedRef": ["ref_get", "ref_set .", "ref_compare_and_set . . 0"],
    "AtomicMap": [
        *("atomic_map_len", "atomic_map_get .", "atomic_map_set . .", "atomic_map_drop ."),
        *("atomic_map_compare_and_set . . .", "atomic_map_add . 0", "atomic_map_snapshot"),
    ],
}
MATCHING = {
    "Map": OBJECTS["map"],
    "Vector": OBJECTS["vector"],
    "AtomicRef or SharedRef": OBJECTS["ref"],
    "AtomicMap": OBJECTS["atomic_map"],
}


@pytest.mark.parametrize(("needed", "call"), [(needed, call) for needed, calls in CALLS.items() for call in calls])
def test_a_wrong_type_is_named(today, needed, call):
    name, *arguments = call.split()
    function = getattr(today, name)
    values = [0 if argument == "0" else "x" for argument in arguments]
    objects = [object for objects in OBJECTS.values() for object in objects if object not in MATCHING.get(needed, ())]
    for wrong in (*objects, *OTHERS):
        if type(wrong).__name__ == needed:
            continue
        named = re.escape(type(wrong).__name__)
        with pytest.raises(TypeError, match=rf"^frozen's C API: \w+\(\) takes a {needed}, not (frozen\.)?{named}$"):
            function(wrong, *values)


def test_a_draft_begins_as_what_it_is_a_draft_of(today):
    for function in (today.map_draft, today.vector_draft):
        with pytest.raises(TypeError, match="not dict"):
            function({})


def test_null_leaves_the_error_of_the_call_that_failed(today):
    for failing in (True, False):
        today.null(Map(), AtomicMap(), failing)


class Hostile:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        if self is other:
            return True
        raise ZeroDivisionError


@pytest.mark.parametrize("call", ["map_get", "map_peek", "map_without", "map_draft_get", "map_draft_drop"])
def test_the_error_of_a_key_comes_out(today, call):
    m = Map({Hostile(): 1})
    owner = today.map_draft(m) if "draft" in call else m
    with pytest.raises(ZeroDivisionError):
        getattr(today, call)(owner, Hostile())
    with pytest.raises(TypeError, match="unhashable"):
        getattr(today, call)(owner, [])


@pytest.mark.parametrize("call", ["atomic_map_get", "atomic_map_drop"])
def test_the_error_of_a_key_of_an_atomic_map_comes_out(today, call):
    m = AtomicMap({Hostile(): 1})
    with pytest.raises(ZeroDivisionError):
        getattr(today, call)(m, Hostile())
    assert len(m) == 1


def test_no_reference_is_left_behind(today):
    m, key, value = Map(a=1), "key", object()

    def use():
        draft = today.map_draft(m)
        today.map_draft_set(draft, key, value)
        today.map_items(today.map_set(today.map_draft_finish(draft), value, key))
        vector = today.vector_draft(today.vector_new([key, value]))
        today.vector_draft_append(vector, value)
        today.vector_items(today.vector_set(today.vector_draft_finish(vector), 1, key))
        atomic = today.atomic_map_new(m)
        today.atomic_map_set(atomic, key, value)
        today.atomic_map_compare_and_set(atomic, key, today.atomic_map_get(atomic, key), None)
        today.atomic_map_add(atomic, "a", 1 << 40)
        today.atomic_map_snapshot(atomic)
        ref = today.ref_new(value)
        today.ref_compare_and_set(ref, today.ref_get(ref), m, None)
        today.ref_set(ref, today.map_get(m, "a"))
        for wrong in (today.map_get, today.atomic_map_get):
            with pytest.raises(TypeError):
                wrong(value, key)

    assert_no_leak(use)


# Threads and interpreters


def test_two_threads_count_exactly(today):
    words = [f"word {index % 7}" for index in range(1000)]
    counts, total = AtomicMap(), AtomicRef(0)

    def count():
        today.count_words(counts, words)
        for _ in range(200):
            while not today.ref_compare_and_set(total, seen := today.ref_get(total), seen + 1, None):
                pass

    run_threads(count, count)
    assert counts == {word: 2 * words.count(word) for word in words}
    assert total.get() == 400


def test_two_threads_share_a_draft_without_loss(today):
    draft = today.map_draft(None)
    run_threads(*[lambda part=part: [today.map_draft_set(draft, (part, i), i) for i in range(1000)] for part in (0, 1)])
    assert len(today.map_draft_finish(draft)) == 2000


@needs_subinterpreters
def test_each_interpreter_finds_the_same_table_and_makes_objects_of_its_own(today, extensions):
    path = extensions["probe_today"]
    name = f"the C API {path}"
    ref = SharedRef(name, SharedMap(a=1))
    with Subinterpreter() as interpreter:
        interpreter.run(f"""
            import sys
            sys.path.insert(0, {str(path.parent)!r})
            import probe_today as api
            import frozen
            assert api.head()["address"] == {today.head()["address"]}
            m = api.map_new({{"a": 1}})
            assert type(m) is frozen.Map and api.map_check(m) and id(frozen.Map) != {id(Map)}
            draft = api.map_draft(m)
            api.map_draft_set(draft, "b", 2)
            assert sorted(api.map_items(api.map_draft_finish(draft))) == [("a", 1), ("b", 2)]
            assert type(api.vector_new(None)) is frozen.Vector
            atomic = api.atomic_map_new(m)
            assert type(atomic) is frozen.AtomicMap and api.atomic_map_add(atomic, "a", 1) == 2
            assert type(api.ref_new(1)) is frozen.AtomicRef
            ref = frozen.SharedRef.attach({name!r})
            value = api.ref_get(ref)
            assert api.ref_compare_and_set(ref, value, value.set("b", 2), 0) == 1
        """)
    assert today.ref_get(ref) == {"a": 1, "b": 2}
    SharedRef.unlink(name)


# What does not fit


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "other_abi",
            r"compiled for ABI 2 .*, the installed frozen has ABI 1: compile the extension again",
        ),
        (
            "later_version",
            r"needs frozen 2\.3\.4 or later \(\d+ bytes .*, the installed frozen is {version} .*: upgrade",
        ),
        ("larger", r"needs frozen 0\.1\.0 or later \(\d+ bytes .*, the installed frozen is {version} .*: upgrade"),
        ("other_build", "compiled for .*, the installed frozen for .*: compile the extension for this CPython"),
    ],
)
def test_what_does_not_fit_is_an_import_error_that_says_which(extensions, name, complaint):
    with pytest.raises(ImportError, match=complaint.replace("{version}", re.escape(frozen.__version__))):
        import_extension(extensions[name])


def test_a_frozen_without_a_c_api_is_an_import_error(extensions, monkeypatch):
    monkeypatch.setitem(sys.modules, "frozen._core", types.ModuleType("frozen._core"))
    with pytest.raises(ImportError, match=r"has no C API: this extension needs frozen 2\.3\.4 or later"):
        import_extension(extensions["later_version"])


# The header


@pytest.mark.once
@pytest.mark.parametrize(
    ("compilers", "language"),
    [(("gcc", "clang"), "-std=c11"), (("g++", "clang++"), "-std=c++11")],
)
def test_the_header_is_clean(tmp_path, compilers, language):
    present = [compiler for compiler in compilers if shutil.which(compiler)]
    if not present:
        pytest.skip(f"needs one of {compilers}")
    file = tmp_path / ("use.c" if language == "-std=c11" else "use.cpp")
    file.write_text('#include "frozen.h"\nint use(void) { return frozen_import() != NULL; }\n')
    include = ["-isystem", sysconfig.get_path("include"), f"-I{HEADER.parent}"]
    for compiler in present:
        command = [compiler, language, "-fsyntax-only", "-pedantic", "-Wshadow", *WARNINGS, *include, str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_header_is_part_of_the_package():
    assert Path(frozen.get_include()) == PACKAGE / "include"
    assert {"frozen.h", "frozen.pxd"} <= {file.name for file in HEADER.parent.iterdir()}


# Cython


@pytest.fixture(scope="module")
def cython(folder):
    """The extension in Cython, which finds the declarations where it finds the package."""
    if DEBUG_BUILD:
        pytest.skip("Cython, itself in Python, takes too long in a debug build")
    pytest.importorskip("Cython", minversion="3.1", reason="needs Cython 3.1")
    source = Path(shutil.copy(HERE / "probe_cython.pyx", folder))
    run_python("-P", "-m", "cython", "-3", source, cwd=folder)
    return import_extension(compile_extension(folder, "probe_cython", source.with_suffix(".c"), "-w"))


def test_an_extension_in_cython_works(cython):
    m = cython.index("abc")
    assert m == Map(a=0, b=1, c=2)
    assert (cython.get(m, "b"), cython.get(m, "x", "none")) == (1, "none")
    assert cython.items(m) == list(m.items())
    assert cython.squares(Vector(range(100))) == Vector(i**2 for i in range(100))
    counts = AtomicMap({"a": 1})
    assert cython.add(counts, "a", 2) == 3
    assert cython.claim(counts, "b", "mine")
    assert not cython.claim(counts, "b", "yours")
    ref = AtomicRef(m)
    assert cython.swap(ref, m, 1)
    assert not cython.swap(ref, m, 2)
    assert (ref.get(), counts) == (1, {"a": 3, "b": "mine"})
    for call in (lambda: cython.items({}), lambda: cython.squares(()), lambda: cython.get([], 1)):
        with pytest.raises(TypeError, match="frozen's C API"):
            call()
