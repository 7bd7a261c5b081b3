"""Classes by the name under which another interpreter finds them: "module:qualified name".

The script that a program runs, `__main__`, is another module in each interpreter.  A class of a script is therefore
named by the file, "__main__(path):Point".  An interpreter that runs another script, or none, runs that file once to
find it, with a `__name__` that is not "__main__", as `multiprocessing` and CPython's own channels do.  From 3.14 on
CPython keeps its copy in the interpreter, for what it unpickles there: both use one, so that the class of a value that
was read is the one that a function sent to the interpreter sees.  A program started by `python -m` has a module's name
already.
"""

from __future__ import annotations

import _thread  # not threading: a 3.12 interpreter that imported it in one thread hangs when another ends it
import importlib
import os
import sys
from types import ModuleType

from frozen import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SCRIPT = "__main__("
_COPY = "<fake __main__>"  # the name that CPython gives to its copy of the script
_loading = _thread.RLock()

# 3.12 has datetime in Python, and not in C, in all interpreters but the main one.
_PUBLIC_MODULES = {"_pydatetime": "datetime", "zoneinfo._zoneinfo": "zoneinfo"}


def class_name(cls: type) -> str:
    """The name of a class, "module:qualified name", whether it leads back to the class or not."""
    return f"{module_name(cls.__module__)}:{cls.__qualname__}"


def module_name(module: str) -> str:
    """The name under which every interpreter finds the module that is called `module` here."""
    if module == "__main__" or (module == "__mp_main__" and sys.modules.get(module) is sys.modules.get("__main__")):
        return _main_name()
    if module == _COPY:
        return _name_of_file(_copy_by_cpython()) or module
    return _PUBLIC_MODULES.get(module, module)


def is_of_a_session(module: str) -> bool:
    """Whether that name is the one of an interactive session, or of `-c`: no other interpreter can find it."""
    return module == "__main__"


def is_found(cls: type) -> bool:
    """Whether the module of the class holds it under its qualified name, as every reader will look for it."""
    found: Any = _copy_by_cpython() if cls.__module__ == _COPY else sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


def find_class(name: str) -> type:
    """The class of that name, its module imported if need be; ImportError or AttributeError if there is none."""
    module, _, qualified = name.partition(":")
    found: Any = find_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def find_module(name: str) -> ModuleType:
    """The module of that name, imported or run if need be."""
    if name == _main_name():
        return sys.modules["__main__"]
    if name.startswith(_SCRIPT):
        return _script_module(name)
    return importlib.import_module(name)


def _main_name() -> str:
    """The name of `__main__` by which other interpreters can find it; "__main__" if there is none."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return str(spec.name)
    return _name_of_file(main) or "__main__"


def _name_of_file(script: ModuleType | None) -> str | None:
    path = getattr(script, "__file__", None)
    if not path:
        return None
    from urllib.parse import quote

    return f"{_SCRIPT}{quote(os.path.abspath(path), safe='/')})"


def _copy_by_cpython() -> ModuleType | None:
    """CPython's copy of the script, if there is one in this interpreter; the import system has it while it is made."""
    return sys.modules.get(_COPY) or _core._script_copy(None)


def _script_module(name: str) -> ModuleType:
    """The script run as a module of that name, once in an interpreter."""
    with _loading:
        module = sys.modules.get(name) or _copy_by_cpython()
        if module is None or name not in (module.__name__, _name_of_file(module)):
            from urllib.parse import unquote

            path = unquote(name[len(_SCRIPT) : -1])
            with open(path, "rb") as file:
                code = compile(file.read(), path, "exec")
            module = ModuleType(name)
            module.__file__ = path
            sys.modules[name] = module
            try:
                exec(code, module.__dict__)
            except BaseException:
                del sys.modules[name]
                raise
            _core._script_copy(module)
        return module
