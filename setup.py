"""The C extension; everything else about the project stands in pyproject.toml.

Environment: FROZEN_DEBUG=1 keeps assertions, drops most optimisation, and checks trees after every operation, as
src/trees/check.h says. FROZEN_COVERAGE=1 counts which lines and branches run: `nox -s coverage`.
"""

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from glob import glob
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

debug = os.environ.get("FROZEN_DEBUG") == "1"
coverage = os.environ.get("FROZEN_COVERAGE") == "1"
windows = sys.platform == "win32"

if windows:
    compile_args = ["/std:c11", "/experimental:c11atomics"]
else:
    compile_args = ["-std=c11", "-Wall", "-Wextra", "-fvisibility=hidden", "-O1" if debug else "-O3"]
    if debug:
        compile_args += ["-g", "-UNDEBUG"]
    if coverage:
        # not optimised, so that each line is counted as itself; atomically, for threads and interpreters count at once
        compile_args += ["--coverage", "-O0", "-fprofile-update=atomic"]


class BuildObjects(build_ext):
    """Compiles sources side by side, and again only those that changed since.

    Objects stay in build/objects, in a folder for each set of flags, so that installing the project a second time in
    place, with other extras, compiles nothing.
    """

    def finalize_options(self) -> None:
        chosen = self.build_temp
        super().finalize_options()
        self.build_temp = chosen or os.path.join("build", "objects")

    def build_extensions(self) -> None:
        compile_all = self.compiler.compile
        flags = [sys.implementation.cache_tag, sys.abiflags if not windows else "", *compile_args]
        flags += getattr(self.compiler, "compiler_so", [])
        folder = os.path.join(self.build_temp, hashlib.sha256(repr(flags).encode()).hexdigest()[:16])

        def compile_side_by_side(sources: list[str], output_dir: str, **options: object) -> list[str]:
            one = partial(self.compile_one, compile_all, folder, **options)
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                return list(threads.map(one, sources))

        self.compiler.compile = compile_side_by_side
        super().build_extensions()

    def compile_one(self, compile_all, folder: str, source: str, **options) -> str:
        target = Path(*self.compiler.object_filenames([source], output_dir=folder))
        if self.force or not is_fresh(target):
            if not windows:
                options["extra_postargs"] = [*options["extra_postargs"], "-MMD"]  # writes which headers it read
            compile_all([source], output_dir=folder, **options)
        return str(target)


def is_fresh(target: Path) -> bool:
    """Whether an object file is newer than its source and every header that the compiler read for it."""
    rule = target.with_suffix(".d")
    if not target.exists() or not rule.exists():
        return False
    _, _, files = rule.read_text().replace("\\\n", " ").partition(":")
    made = target.stat().st_mtime_ns
    return all(os.path.exists(file) and os.stat(file).st_mtime_ns < made for file in files.split())


setup(
    cmdclass={"build_ext": BuildObjects},
    ext_modules=[
        Extension(
            "frozen._core",
            sources=sorted(glob("src/**/*.c", recursive=True)),
            depends=sorted([*glob("src/**/*.h", recursive=True), "frozen/include/frozen.h"]),
            include_dirs=["src"],
            define_macros=[("FROZEN_CHECK", "1")] if debug else [],
            extra_compile_args=compile_args,
            extra_link_args=["--coverage"] if coverage else [],
        )
    ],
)
