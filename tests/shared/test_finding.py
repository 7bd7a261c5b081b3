"""Classes that are found by name where shared values are read: what nobody would find is refused when it is stored, and
what a script defines is found in the script."""

from __future__ import annotations

import builtins
import collections
import enum
import io
import os
import struct
import sys
import types
import zoneinfo
from pathlib import Path
from typing import Any

import pytest
from support import child_environment, needs_subinterpreters, run_python

from frozen import (
    NotShareableError,
    SharedMap,
    SharedSet,
    SharedVector,
    _classes,
    is_shareable,
    register_shareable,
    share,
)


class Colour(enum.Enum):
    RED = 1
    CRIMSON = 1  # noqa: PIE796, an alias

    @classmethod
    def _missing_(cls, value: object) -> Any:
        member = object.__new__(cls)
        member._name_, member._value_ = f"ANY_{value}", value
        return member


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


Misnamed = enum.IntEnum("Nmae", "RED")
MisnamedFlag = enum.Flag("Falg", "READ WRITE")
Pair = collections.namedtuple("Piar", "a b")  # noqa: PYI024, its name is wrong
register_shareable(Pair)


def zone_from_file(key: str | None) -> zoneinfo.ZoneInfo:
    header = b"TZif2" + b"\0" * 15 + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb", 3600, 0, 0) + b"CET\0"
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(header + body + header + body + b"\nCET-1\n"), key)


REFUSED = {
    "enum": Misnamed.RED,
    "flag": MisnamedFlag.READ,
    "member its enum does not hold": Colour(7),
    "named tuple": Pair(1, 2),
    "zone without a key": zone_from_file(None),
    "zone that is another one under its key": zone_from_file("Europe/Paris"),
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_nobody_would_find_by_its_name_is_refused_where_it_is_stored(value):
    assert not is_shareable(value)
    for store in (
        lambda: SharedMap(value=value),
        lambda: SharedVector([(1, value)]),
        lambda: SharedSet([value]),
        lambda: share({"value": [value]}),
    ):
        with pytest.raises(NotShareableError, match=r"is not found as|no reader could find it|was read from a file"):
            store()


def test_what_is_found_by_its_name_is_shared():
    values = [
        Colour.RED,
        Colour.CRIMSON,
        Level.LOW,
        Level.LOW | Level.HIGH,
        Level(0),
        zoneinfo.ZoneInfo("Europe/Paris"),
    ]
    assert SharedVector(values).tolist() == values
    assert all(map(is_shareable, values))


def test_a_class_that_was_replaced_is_refused(monkeypatch):
    module = types.ModuleType("module_of_one_class")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec("import enum\nclass Shape(enum.Enum):\n    ROUND = 1", module.__dict__)
    first = module.Shape.ROUND
    exec("class Shape(enum.Enum):\n    ROUND = 1", module.__dict__)
    assert not is_shareable(first)
    assert SharedMap(a=module.Shape.ROUND)["a"] is module.Shape.ROUND


Unnamed = type("Unmaned", (), {})


def test_a_class_without_an_importable_name_is_found_by_who_registers_it():
    """Only the module of `decode` has to be found."""
    assert not is_shareable(Unnamed())
    register_shareable(Unnamed, lambda unnamed: 1, _unnamed)
    assert type(SharedMap(a=Unnamed())["a"]) is Unnamed


def _unnamed(encoded: object) -> Any:
    return Unnamed()


# Scripts

CLASSES = """
import dataclasses, enum, sys
from typing import NamedTuple
from frozen import SharedMap, SharedRef, SharedVector, register_shareable

@register_shareable
@dataclasses.dataclass(frozen=True)
class Point:
    x: int

class Colour(enum.Enum):
    RED = 1

class Text:
    class Inner(enum.Flag):
        ONE = 1
        TWO = 2

    def __init__(self, text):
        self.text = text

class Typed(Text):
    def __eq__(self, other):
        return type(other) is type(self) and self.text == other.text

    def __hash__(self):
        return hash((type(self), self.text))

register_shareable(Text, lambda text: text.text, lambda text: Text(text))
register_shareable(Typed, lambda typed: typed.text, lambda text: Typed(text))
values = SharedMap(point=Point(1), colour=Colour.RED, text=Text("a"), flag=Text.Inner.ONE | Text.Inner.TWO,
                   typed=SharedVector([Typed("a")]))
hash(values["typed"])
"""
READ = """
from frozen import SharedRef, SharedVector
ref = SharedRef.attach("values")
values = ref.get()
assert repr(values["point"]) == "Point(x=1)", values["point"]
assert repr(values["colour"]) == "<Colour.RED: 1>"
assert values["text"].text == "a"
assert values["flag"].value == 3
typed = values["typed"]
own = SharedVector([type(typed[0])("a")])
assert hash(own) == hash(typed) and own == typed, "hashes that are made of the class stay here"
point = type(values["point"])
ref.update(lambda values: values.set("back", point(2)).set("text back", values["text"]))
"""
MAIN = f"""
if __name__ == "__main__":
    from support import Subinterpreter
    ref = SharedRef("values", values)
    with Subinterpreter() as interpreter:
        interpreter.run({READ!r})
    assert ref.get()["back"] == Point(2) and type(ref.get()["text back"]) is Text
    print("done")
"""


@needs_subinterpreters
def test_classes_of_the_script_are_read_in_other_interpreters(tmp_path: Path):
    script = tmp_path / "a script: with signs @ and !.py"
    script.write_text(CLASSES + MAIN)
    assert run_python(script).stdout == "done\n"


@needs_subinterpreters
def test_classes_of_a_module_that_runs_as_the_script_are_read_in_other_interpreters(tmp_path: Path):
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "__init__.py").touch()
    (tmp_path / "program" / "__main__.py").write_text(CLASSES + MAIN)
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), child_environment()["PYTHONPATH"]])}
    assert run_python("-m", "program", env=path).stdout == "done\n"


POOL = """
def same(ref):
    value = ref.get()["point"]
    ref.update(lambda values: values.set("from the pool", Point(3)))
    return type(value) is Point

if __name__ == "__main__":
    from concurrent.futures import InterpreterPoolExecutor
    ref = SharedRef(values)
    with InterpreterPoolExecutor(1) as executor:
        {first}
        assert executor.submit(same, ref).result()
    assert ref.get()["from the pool"] == Point(3)
    print("done")
"""


@pytest.mark.skipif(sys.version_info < (3, 14), reason="new in 3.14")
@pytest.mark.parametrize("first", ["pass", "executor.submit(repr, values).result()"], ids=["CPython", "frozen"])
def test_a_pool_of_interpreters_has_one_copy_of_the_script(first, tmp_path: Path):
    """Whether CPython made it, to find a function, or a value that was read did."""
    script = tmp_path / "script.py"
    script.write_text(CLASSES + POOL.format(first=first))
    assert run_python(script).stdout == "done\n"


@needs_subinterpreters
def test_a_script_that_registers_a_class_only_as_the_main_module_is_told_so(tmp_path):
    script = tmp_path / "a script.py"
    script.write_text("""
from frozen import SharedRef, SharedVector, register_shareable

class Named:
    name = "n"

if __name__ == "__main__":
    from support import run_in_subinterpreter
    register_shareable(Named, lambda named: named.name, lambda name: Named())
    ref = SharedRef("values", SharedVector([Named()]))
    run_in_subinterpreter('''if True:
        from frozen import SharedRef
        try:
            SharedRef.attach("values").get()[0]
        except ImportError as error:
            assert "Named cannot be read" in str(error) and "does not register it: call register" in str(error), error
        else:
            raise AssertionError("read")
    ''')
""")
    run_python(script)


def test_a_script_that_fails_where_its_classes_are_looked_for_is_run_again_the_next_time(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import builtins\nif not hasattr(builtins, 'now_it_works'): raise RuntimeError('not here')\n")
    name = f"__main__({script})"
    with pytest.raises(RuntimeError, match="not here"):
        _classes.find_module(name)
    builtins.now_it_works = True
    try:
        assert _classes.find_module(name).__file__ == str(script)
    finally:
        del builtins.now_it_works, sys.modules[name]


def test_a_class_of_a_main_without_a_file_is_shared_with_a_warning():
    done = run_python("-c", CLASSES + "assert values['point'] == Point(1)\nprint('done')")
    assert done.stdout == "done\n"
    assert done.stderr.count("RuntimeWarning: Point is defined in a session, not in a file") == 1
    assert "define it in a module" in done.stderr


@needs_subinterpreters
def test_what_a_main_without_a_file_defines_is_an_import_error_elsewhere():
    code = CLASSES + MAIN.replace(f"interpreter.run({READ!r})", "interpreter.run(READ)")
    done = run_python("-W", "ignore", "-c", f"READ = {READ!r}\n{code}", check=False)
    assert "a shared __main__.Point cannot be read in this interpreter" in done.stderr
