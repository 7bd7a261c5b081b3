"""The error of a package without its C core: a checkout that is not built, or a core built for another Python."""

import sys
from pathlib import Path


def explanation(error: ModuleNotFoundError) -> ImportError:
    """What to raise when importing `frozen._core` failed with `error`; `error` itself if another module is missing."""
    if error.name != "frozen._core":
        return error
    folder = Path(__file__).parent.parent
    way_out = f"pip install -e {folder}" if (folder / "setup.py").exists() else "pip install --force-reinstall frozen"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return ImportError(f"the C core of frozen is not built for Python {python}: `{way_out}`", name=error.name)
