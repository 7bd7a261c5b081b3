"""Looks into wheels before they are published: size, names, symbols of the extension.

    python tools/check_wheel.py WHEEL...

Exit status 1 if a wheel is larger than it should be, holds what it should not, or has an extension with symbols for
debuggers.
"""

from __future__ import annotations

import re
import sys
import zipfile

MOST = 1_500_000
"""Bytes of the extension, unpacked."""

PACKAGE = re.compile(r"frozen/.*\.(py|pyi|pxd|h|typed)|frozen/_core\.[\w.-]+\.(so|pyd)|frozen-[\w.]+\.dist-info/.*")
NEEDED = ("frozen/__init__.py", "frozen/_core.pyi", "frozen/py.typed", "frozen/include/frozen.h")


def faults(name: str) -> list[str]:
    with zipfile.ZipFile(name) as wheel:
        files = {info.filename: info.file_size for info in wheel.infolist() if not info.is_dir()}
        extensions = [file for file in files if file.endswith((".so", ".pyd"))]
        found = [f"{file} does not belong there" for file in files if not PACKAGE.fullmatch(file)]
        found += [f"{file} is missing" for file in NEEDED if file not in files]
        if len(extensions) != 1:
            found.append(f"it should have one extension, not {extensions}")
        found += [f"{file} has symbols for debuggers" for file in extensions if b".debug_info" in wheel.read(file)]
        size = sum(files[file] for file in extensions)
        if size > MOST:
            found.append(f"the extension has {size:,} bytes, and should have {MOST:,} at most")
    print(f"{name}: {len(files)} files, {sum(files.values()):,} bytes, of which the extension {size:,}")
    return [f"{name}: {fault}" for fault in found]


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    sys.exit("\n".join(fault for name in sys.argv[1:] for fault in faults(name)) or 0)
