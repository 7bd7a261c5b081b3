"""Classes by the name under which another interpreter finds them: "module:qualified name".

The script that a program runs, `__main__`, is another module in each interpreter.  A class of a script is therefore
named by the file, "__main__(path):Point".  An interpreter that runs another script, or none, runs that file once to
find it, with a `__name__` that is not "__main__", as `multiprocessing` and CPython's own channels do.  A program
started by `python -m` has a module's name already.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

_SCRIPT = "__main__("
_loading = threading.RLock()

# 3.12 has datetime in Python, and not in C, in all interpreters but the main one.
_PUBLIC_MODULES = {"_pydatetime": "datetime"}


def class_name(cls: type) -> str:
    """The name of a class, "module:qualified name", whether it leads back to the class or not."""
    module = cls.__module__
    if module == "__main__":
        module = _main_name()
    return f"{_PUBLIC_MODULES.get(module, module)}:{cls.__qualname__}"


def is_of_a_session(cls: type) -> bool:
    """Whether the class was defined in an interactive session or by `-c`: no other interpreter can find it."""
    return cls.__module__ == "__main__" and _main_name() == "__main__"


def is_found(cls: type, name: str) -> bool:
    """Whether the modules that are loaded hold the class under that name, as every reader will look for it."""
    module, _, qualified = name.partition(":")
    found: Any = sys.modules["__main__"] if module == _main_name() else sys.modules.get(module)
    for part in qualified.split("."):
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
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return f"{_SCRIPT}{quote(os.path.abspath(file), safe='/')})" if file else "__main__"


def _script_module(name: str) -> ModuleType:
    """The script run as a module of that name, once in an interpreter."""
    with _loading:
        module = sys.modules.get(name)
        if module is None:
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
        return module
