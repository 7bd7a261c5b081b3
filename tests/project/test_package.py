"""The project itself: one version everywhere, what a wheel and an sdist hold, what importing the extension does."""

from __future__ import annotations

import doctest
import importlib.metadata
import inspect
import pkgutil
import re
import sys
import tarfile
import tomllib
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID, SafeUUID

import pytest
from support import (
    ROOT,
    Subinterpreter,
    needs_free_threading,
    needs_subinterpreters,
    run_examples,
    run_in_subinterpreter,
    run_python,
    run_threads,
)

import frozen

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = frozen.__version__
SHIPPED = (".py", ".pyi", ".typed", ".h", ".pxd")
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("src/*.md")) + sorted(ROOT.glob("docs/*.md"))


# One version


def test_version_agrees_everywhere():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert PYPROJECT["project"]["dynamic"] == ["version"], "frozen/__init__.py is the one place that says it"
    assert newest[1] == VERSION, "the newest entry of CHANGELOG.md is not this version"


def test_installed_version_agrees():
    try:
        installed = importlib.metadata.version("frozen")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("built in place, not installed: no metadata to compare")
    assert installed == VERSION


def test_every_supported_version_is_declared_and_tested():
    declared = {
        line.rpartition(" ")[2]
        for line in PYPROJECT["project"]["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", line)
    }
    tested = set(re.findall(r"\b3\.\d+\b", (ROOT / "noxfile.py").read_text()))
    assert declared == tested
    assert PYPROJECT["project"]["requires-python"] == ">=" + min(declared, key=lambda v: int(v.partition(".")[2]))


def test_every_public_name_is_there_and_documented():
    for name in frozen.__all__:
        assert getattr(frozen, name).__doc__, f"frozen.{name} has no docstring"


def test_every_public_class_and_function_says_that_it_is_found_in_the_package():
    public = {name: getattr(frozen, name) for name in frozen.__all__}
    del public["snapshot"]  # a static method under a second name
    for name, value in public.items():
        assert value.__module__ == "frozen", name
    internal = {module.name for module in pkgutil.iter_modules(frozen.__path__) if not module.name.startswith("_")}
    known = {"config", "integrations", "redis", "remote"}
    assert internal == known, "every other module is internal: its name begins with an underscore"


# What is shipped


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the wheel and the sdist, made from a copy of the files that belong to the project."""
    pytest.importorskip("setuptools", reason="building needs setuptools (pip install setuptools)")
    copy, dist = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("dist")
    for file in (*ROOT.glob("*"), *(ROOT / "src").rglob("*"), *(ROOT / "frozen").rglob("*")):
        if file.is_file() and file.suffix not in (".so", ".pyd", ".pyc"):
            target = copy / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    script = (
        "import sys\n"
        "from setuptools import build_meta\n"
        "dist = sys.argv[1]\n"  # build_meta changes sys.argv
        "build_meta.build_sdist(dist)\n"
        "build_meta.build_wheel(dist)\n"
    )
    run_python("-c", script, dist, cwd=copy, timeout=600, env={"CFLAGS": "-O0"})
    return dist


def names_in_wheel(built: Path) -> set[str]:
    with zipfile.ZipFile(*built.glob("*.whl")) as wheel:
        return set(wheel.namelist())


def names_in_sdist(built: Path) -> set[str]:
    with tarfile.open(*built.glob("*.tar.gz")) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


def test_every_public_callable_has_a_signature():
    public = {name: getattr(frozen, name) for name in frozen.__all__}
    for owner in [value for value in public.values() if isinstance(value, type)]:
        public |= {f"{owner.__name__}.{name}": getattr(owner, name) for name in vars(owner) if not name.startswith("_")}
    assert "Map.get" in public
    for name, value in public.items():
        if callable(value):
            assert inspect.signature(value) is not None, name  # or ValueError, which names it
    inspect.signature(frozen.SharedRef).bind("a name", initial=1)


@pytest.mark.once
def test_the_wheel_holds_the_package_its_types_and_nothing_else(built):
    names = names_in_wheel(built)
    package = {str(file.relative_to(ROOT)) for file in (ROOT / "frozen").rglob("*") if file.suffix in SHIPPED}
    assert package <= names
    assert "frozen/py.typed" in names
    extension = {name for name in names if re.fullmatch(r"frozen/_core\..*(so|pyd)", name)}
    assert len(extension) == 1
    rest = {name for name in names - package - extension if not name.startswith(f"frozen-{VERSION}.dist-info/")}
    assert rest == set()


@pytest.mark.once
def test_the_sdist_holds_what_building_and_testing_need(built):
    names = names_in_sdist(built)
    sources = {str(file.relative_to(ROOT)) for file in (ROOT / "src").rglob("*.[ch]")}
    assert sources | {"pyproject.toml", "setup.py", "README.md", "LICENSE", "frozen/py.typed"} <= names
    assert {"frozen/include/frozen.h", "frozen/include/frozen.pxd", "frozen/__init__.pxd"} <= names


# Importing the extension


@needs_free_threading
def test_importing_leaves_the_gil_off():
    run_python("-W", "error", "-c", "import sys, frozen; assert not sys._is_gil_enabled()", env={"PYTHON_GIL": ""})


def test_importing_leaves_threading_out():
    """A 3.12 interpreter hangs at its end if another thread than the one that ends it imported threading."""
    run_python("-c", "import sys, frozen; assert 'threading' not in sys.modules")


def test_importing_leaves_what_is_written_in_python_to_its_first_use():
    code = """if True:
        import sys, frozen
        own = {name for name in sys.modules if name.startswith("frozen.")}
        assert own == {"frozen._core", "frozen._public"}, own
        assert not {"typing", "dataclasses", "enum", "inspect"} & set(sys.modules)
        assert frozen.freeze([1]) == frozen.Vector([1])
        assert "freeze" in vars(frozen) and set(frozen.__all__) <= set(dir(frozen))
    """
    run_python("-S", "-c", code, env={"PYTHONPATH": str(Path(frozen.__file__).parents[1])})


def test_a_name_that_the_package_lacks_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'frozen' has no attribute 'Mapp'"):
        frozen.Mapp  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Mapp' from 'frozen'"):
        from frozen import Mapp  # noqa: F401


@needs_subinterpreters
def test_an_interpreter_that_reads_everyday_values_imports_neither_typing_nor_dataclasses():
    values = frozen.share(
        {"at": datetime(2026, 1, 2), "price": Decimal("1.5"), "id": UUID(int=1), "unit": SafeUUID.safe}
    )
    shared = frozen.SharedRef("test_package.values", values)
    with Subinterpreter() as other:
        other.run("""
            import sys
            from frozen import SharedRef
            from uuid import SafeUUID

            before = set(sys.modules)
            values = SharedRef.attach("test_package.values").get()
            assert str(values["price"]) == "1.5" and values["at"].year == 2026 and values["unit"] is SafeUUID.safe
            new = {name for name in set(sys.modules) - before}
            assert not {"typing", "dataclasses", "inspect"} & new, new
        """)
    assert shared.get() is not None


def test_the_module_is_found_where_its_types_say():
    for name in frozen.__all__:
        public = getattr(frozen, name)
        if isinstance(public, type):
            assert getattr(sys.modules[public.__module__], public.__qualname__) is public


@needs_subinterpreters
def test_each_subinterpreter_has_types_of_its_own():
    with Subinterpreter() as first, Subinterpreter() as second:
        for interpreter in (first, second):
            interpreter.run(f"""
                import frozen
                assert frozen.__version__ == {VERSION!r}
                reference = frozen.AtomicRef("here")
                assert reference.get() == "here"
                assert id(frozen.AtomicRef) != {id(frozen.AtomicRef)}
            """)
    assert frozen.AtomicRef(1).get() == 1, "the main interpreter's types outlive the others"


@needs_subinterpreters
def test_import_in_many_subinterpreters_at_once():
    run_threads(*[lambda: [run_in_subinterpreter("import frozen; frozen.AtomicRef(1)") for _ in range(3)]] * 4)


def test_import_again_after_removal():
    run_python(
        "-c",
        """if True:
        import gc, sys, frozen
        for _ in range(5):
            for name in [name for name in sys.modules if name.partition(".")[0] == "frozen"]:
                del sys.modules[name]
            del frozen
            gc.collect()
            import frozen
            assert frozen.AtomicRef(1).get() == 1
    """,
    )


# Documents


def readme_blocks() -> list[str]:
    return re.findall(r"^```pycon\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_readme_has_examples():
    assert readme_blocks()


def test_examples_of_the_readme_work():
    assert run_examples("\n".join(readme_blocks()), {}, "README.md", doctest.ELLIPSIS)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters is new in 3.14")
def test_the_script_of_the_readme_prints_what_it_says():
    (script,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert run_python("-c", script).stdout.splitlines() == re.findall(r"# prints (.*)", script)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_files_that_exist(document):
    for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}, which is not there"


def test_the_guide_to_the_sources_names_files_that_exist():
    named = set(re.findall(r"`([a-z]+/[a-z_]+\.[ch])`", (ROOT / "src/README.md").read_text()))
    assert named
    assert [name for name in sorted(named) if not (ROOT / "src" / name).exists()] == []
