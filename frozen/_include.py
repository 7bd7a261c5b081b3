"""Where the C API's header is: docs/c-api.md."""

import os

from frozen._public import public


@public
def get_include() -> str:
    """Return the folder of frozen.h and frozen.pxd, for the include_dirs of an extension that uses the C API.

    >>> import os
    >>> sorted(os.listdir(get_include()))
    ['frozen.h', 'frozen.pxd']
    """
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")
