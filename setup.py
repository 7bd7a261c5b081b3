"""The C extension; everything else about the project stands in pyproject.toml.

Environment: FROZEN_DEBUG=1 builds without optimisation and checks the invariants of core/check.h after every step.
"""

import os
import sys
from glob import glob

from setuptools import Extension, setup

debug = os.environ.get("FROZEN_DEBUG") == "1"

if sys.platform == "win32":
    compile_args = ["/std:c11", "/experimental:c11atomics"]
else:
    compile_args = ["-std=c11", "-Wall", "-Wextra", "-fvisibility=hidden", "-O1" if debug else "-O3"]
    if debug:
        compile_args += ["-g", "-UNDEBUG"]

setup(
    ext_modules=[
        Extension(
            "frozen._core",
            sources=sorted(glob("src/**/*.c", recursive=True)),
            depends=sorted(glob("src/**/*.h", recursive=True)),
            include_dirs=["src"],
            define_macros=[("FROZEN_CHECK", "1")] if debug else [],
            extra_compile_args=compile_args,
        )
    ]
)
