"""Not the package: Python finds this where it runs in the parent folder of a checkout that is called frozen."""

import os

if __name__ == "frozen":  # pytest imports it under other names
    raise ImportError(
        f"{os.path.dirname(__file__)} is a checkout of frozen, and the package is the folder frozen in it: run Python "
        "in another folder (or with -P) with frozen installed, or in the checkout itself"
    )
