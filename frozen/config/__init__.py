"""Configuration that reloads whole: layers of sources become one frozen version, and one reference holds the newest.

    from frozen.config import Config, Environment

    config = Config({"port": 8000}, "app.toml", Environment("APP_"))
    with config:                       # watches the file, here by looking at it every second
        config.get("port")             # of the newest version
        version = config.version       # one version, for all that a request reads

What holds at every moment, for every reader in every thread:

1. *Whole.* A version comes from one reading of all sources. The files were there, and were the same, before the first
   one was read and after the last one; otherwise all are read again.
2. *Valid.* The schema accepted the version before it was published. The data and the model that the schema made of it
   are parts of one object.
3. *Frozen.* Data and model are immutable down to their leaves. What did not change is shared with the version before.
4. *The last good one.* A file that is missing, broken, empty or half written, and a schema that refuses, leave the
   version in place. The failure is counted (`state.failures`), kept (`state.error`), logged, and given to `on_error`;
   as long as it lasts, `state.age` grows. A default never takes the place of a value that cannot be read.
5. *Forward only.* Versions are numbered. A reader that has seen version n sees n or a newer one from then on.
6. *No empty news.* If no value changed, nothing is published.
7. *Watching only hastens.* Correctness is that of polling: file events make a look come sooner, and nothing else.
8. *Readers never wait.* They read an AtomicRef or a SharedRef; only those who load take a lock.

How layers are merged: a mapping is merged into a mapping, key by key, at any depth. Every other value, a list too,
replaces the value below as a whole. A null is a value.

The names of the modules say where to look: `_sources` and `_files` and `_environment` read, `_merge` merges and
remembers origins, `_schema` and `_dataclasses` validate, `_secrets` masks, `_versions` is what readers have, `_loader`
decides what is published, `_watching` is the thread that looks.
"""

from frozen.config._config import Config
from frozen.config._environment import Environment
from frozen.config._errors import ConfigError
from frozen.config._files import Directory, File
from frozen.config._loader import State
from frozen.config._secrets import is_secret
from frozen.config._sources import Below, Call, Defaults, Layer, Source
from frozen.config._versions import Reader, Version

__all__ = [
    "Below",
    "Call",
    "Config",
    "ConfigError",
    "Defaults",
    "Directory",
    "Environment",
    "File",
    "Layer",
    "Reader",
    "Source",
    "State",
    "Version",
    "is_secret",
]

for _public in map(globals().get, __all__):
    _public.__module__ = __name__
