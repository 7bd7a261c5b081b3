"""The libraries compared, each as a table from an operation to the statement its users would write.

A statement reads the names that the benchmark binds (`m` the map, `k` a key, `v` a value, `d` a dict to build from,
`batch` a dict of changes, `other` a second map of the same library) and leaves its result in `r`. Statements are text
because each one has to be compiled on its own: code shared between libraries would be specialised by the interpreter
for whichever ran first. An operation that a peer does not offer is None, and reported as such.
"""

import importlib
import importlib.metadata
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    name: str
    module: str  # what a user imports
    distribution: str | None  # what a user installs; None: a builtin; "python": a module of the standard library
    statements: dict[str, str | None] = field(repr=False)
    persistent: bool = True  # versions share structure: a rival; otherwise a yardstick

    def load(self):
        """The names its statements use; ImportError says what is missing."""
        module = importlib.import_module(self.module)
        if self.distribution is None and not hasattr(module, self.name):
            raise ImportError(f"{self.name} is not a builtin of this Python")
        return {self.name: module} if self.distribution else {}

    @property
    def version(self):
        if self.distribution in (None, "python"):
            return "builtin"
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return "in place"


def installed(peers):
    """The peers that can be imported, and why the others cannot, by name."""
    found, missing = [], {}
    for peer in peers:
        try:
            peer.load()
        except ImportError as error:
            missing[peer.name] = str(error)
        else:
            found.append(peer)
    return found, missing


COMMON = {
    "get": "r = m[k]",
    "contains": "r = k in m",
    "items": "m.items()",
    "to_dict": "r = dict(m.items())",
    "equal": "r = m == other",
    "hash": "r = hash(r)",
    # What users of a library without diff write: both maps walked once.
    "diff": "r = {k for k, x in other.items() if m.get(k, nothing) is not x}; r.update(k for k in m if k not in other)",
    "changed": "r = set(r)",  # the keys that a diff names
    "dumps": "r = dumps(m, 5)",
    "loads": "r = loads(pickled)",
}

IMMUTABLES = COMMON | {
    "build": "r = immutables.Map(d)",
    "set": "r = m.set(k, v)",
    "delete": "r = m.delete(k)",
    "update": "r = m.update(batch)",
    "mutate": "t = m.mutate()\nfor k in batch: t[k] = v\nr = t.finish()",
    "union": "r = m.update(other)",
}

FROZEN = IMMUTABLES | {
    "build": "r = frozen.Map(d)",
    "union": "r = m | other",
    "diff": "r = m.diff(other)",
    "changed": "r = {k for (k,) in r}",
}

SPORK = COMMON | {
    "build": "r = spork.Map(d)",
    "set": "r = m.assoc(k, v)",
    "delete": "r = m.dissoc(k)",
    "update": "r = m | spork.Map(batch)",
    "mutate": "t = m.transient()\nfor k in batch: t[k] = v\nr = t.persistent()",
    "union": "r = m | other",
}

RPDS = COMMON | {
    "build": "r = rpds.HashTrieMap(d)",
    "set": "r = m.insert(k, v)",
    "delete": "r = m.remove(k)",
    "update": "r = m.update(batch)",
    "mutate": None,
    "union": "r = m.update(other)",
}

PYRSISTENT = COMMON | {
    "build": "r = pyrsistent.pmap(d)",
    "set": "r = m.set(k, v)",
    "delete": "r = m.remove(k)",
    "items": "m.iteritems()",
    "update": "r = m.update(batch)",
    "mutate": "t = m.evolver()\nfor k in batch: t[k] = v\nr = t.persistent()",
    "union": "r = m.update(other)",
}

FROZENDICT = COMMON | {
    "build": "r = frozendict(d)",
    "set": "r = m | {k: v}",
    "delete": "r = dict(m); del r[k]; r = frozendict(r)",
    "update": "r = m | batch",
    "mutate": None,
    "to_dict": "r = dict(m)",
    "union": "r = m | other",
}

DICT = COMMON | {
    "build": "r = dict(d)",
    "set": "r = m.copy(); r[k] = v",
    "delete": "r = m.copy(); del r[k]",
    "update": "r = m | batch",
    "mutate": "r = m.copy()\nfor k in batch: r[k] = v",
    "to_dict": "r = m.copy()",
    "union": "r = m | other",
    "hash": None,
}

MAPS = (
    Peer("frozen", "frozen", "frozen", FROZEN),
    Peer("immutables", "immutables", "immutables", IMMUTABLES),
    Peer("spork", "spork.pds", "spork-pds", SPORK),
    Peer("rpds", "rpds", "rpds-py", RPDS),
    Peer("pyrsistent", "pyrsistent", "pyrsistent", PYRSISTENT),
    Peer("frozendict", "builtins", None, FROZENDICT, persistent=False),
    Peer("dict", "builtins", None, DICT, persistent=False),
)

SET = {
    "contains": "r = k in m",
    "iterate": "for r in m: pass",
    "equal": "r = m == other",
    "union": "r = m | other",
    "difference": "r = m - other",
}

FROZEN_SET = SET | {"build": "r = frozen.Set(d)", "add": "r = m.add(k)", "remove": "r = m.remove(k)"}
SPORK_SET = SET | {"build": "r = spork.Set(d)", "add": "r = m.conj(k)", "remove": "r = m.disj(k)"}
RPDS_SET = SET | {
    "build": "r = rpds.HashTrieSet(d)",
    "add": "r = m.insert(k)",
    "remove": "r = m.remove(k)",
    "difference": "r = m.difference(other)",
}
PYRSISTENT_SET = SET | {"build": "r = pyrsistent.pset(d)", "add": "r = m.add(k)", "remove": "r = m.remove(k)"}
FROZENSET = SET | {"build": "r = frozenset(d)", "add": "r = m | {k}", "remove": "r = m - {k}"}

SETS = (
    Peer("frozen", "frozen", "frozen", FROZEN_SET),
    Peer("spork", "spork.pds", "spork-pds", SPORK_SET),
    Peer("rpds", "rpds", "rpds-py", RPDS_SET),
    Peer("pyrsistent", "pyrsistent", "pyrsistent", PYRSISTENT_SET),
    Peer("frozenset", "builtins", None, FROZENSET, persistent=False),
)

VECTOR = {
    "get": "r = m[k]",
    "iterate": "for r in m: pass",
    "equal": "r = m == other",
    "slice": "r = m[k:-9]",
    "concat": "r = m + other",
}

FROZEN_VECTOR = VECTOR | {
    "build": "r = frozen.Vector(d)",
    "set": "r = m.set(k, v)",
    "append": "r = r.append(v)",
    "pop": "r = m.pop()",
    "insert": "r = m.insert(k, v)",
}

SPORK_VECTOR = VECTOR | {
    "build": "r = spork.Vector(d)",
    "set": "r = m.assoc(k, v)",
    "append": "r = r.conj(v)",
    "pop": "r = m.pop()",
    "insert": "r = m[:k].conj(v) + m[k:]",
}

PYRSISTENT_VECTOR = VECTOR | {
    "build": "r = pyrsistent.pvector(d)",
    "set": "r = m.set(k, v)",
    "append": "r = r.append(v)",
    "pop": "r = m.delete(len(m) - 1)",
    "insert": "r = m[:k].append(v) + m[k:]",
}

TUPLE = VECTOR | {
    "build": "r = tuple(d)",
    "set": "r = (*m[:k], v, *m[k + 1:])",
    "append": None,  # a copy each: quadratic
    "pop": "r = m[:-1]",
    "insert": "r = (*m[:k], v, *m[k:])",
}

VECTORS = (
    Peer("frozen", "frozen", "frozen", FROZEN_VECTOR),
    Peer("spork", "spork.pds", "spork-pds", SPORK_VECTOR),
    Peer("pyrsistent", "pyrsistent", "pyrsistent", PYRSISTENT_VECTOR),
    Peer("tuple", "builtins", None, TUPLE, persistent=False),
)
