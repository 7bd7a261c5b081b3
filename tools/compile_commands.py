"""Writes compile_commands.json, from which clangd and other tools learn how each source is compiled.

    python tools/compile_commands.py

The template bodies (*.inc.h) are no sources: .clangd says what they are read after.
"""

import json
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def command(source: Path) -> dict[str, object]:
    """The entry of one source."""
    include = sysconfig.get_path("include")
    flags = ["-std=c11", "-Wall", "-Wextra", "-Isrc", "-Itests/c", f"-I{include}", "-DFROZEN_CHECK=1"]
    file = str(source.relative_to(ROOT))
    return {"directory": str(ROOT), "file": file, "arguments": ["clang", *flags, "-c", file]}


def main() -> None:
    sources = sorted([*ROOT.glob("src/**/*.c"), *ROOT.glob("tests/c/*.c")])
    (ROOT / "compile_commands.json").write_text(json.dumps([command(source) for source in sources], indent=2) + "\n")


if __name__ == "__main__":
    main()
