"""Containers in other libraries. None is imported with this module, only by the function that is called.

What needs no call: IPython, Jupyter and rich show containers, pydantic has them as types of fields, hypothesis makes
them (`from_type(Map[str, int])`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, get_args, get_origin

from frozen._core import Map, Set, SharedMap, SharedSet, SharedVector, Vector
from frozen._share import share

__all__ = ["jsonschema_validator", "register_cattrs", "register_jax", "register_optree", "register_strategies"]

_BUILTINS: dict[type, type] = {Map: dict, Set: frozenset, Vector: list}
_BUILTINS |= {SharedMap: dict, SharedSet: frozenset, SharedVector: list}


def _make(kind: Any, contents: Any) -> Any:
    return kind(share(contents) if kind in (SharedMap, SharedSet, SharedVector) else contents)


# hypothesis


def _strategy(thing: Any) -> Any:
    """What makes values of one of the types, with its parameters: as the builtin container is made, then converted."""
    strategies: Any = import_module("hypothesis.strategies")
    kind, parameters = get_origin(thing) or thing, get_args(thing)
    builtin: Any = _BUILTINS[kind]
    if not parameters:  # as hypothesis' own for a bare dict: of any simple values
        simple = strategies.none() | strategies.booleans() | strategies.integers() | strategies.text()
        made = strategies.dictionaries(simple, simple) if builtin is dict else strategies.lists(simple)
    else:
        made = strategies.from_type(builtin[parameters])
    return made.map(lambda contents: _make(kind, contents))


def register_strategies() -> None:
    """Teach hypothesis to make Maps, Sets, Vectors and their shared twins: `from_type(Map[str, int])`.

    An installed `frozen` is an extension of hypothesis, which calls this by itself.

    >>> from hypothesis import find, strategies
    >>> register_strategies()
    >>> find(strategies.from_type(Map[str, int]), lambda m: "" in m)
    Map({'': 0})
    """
    strategies: Any = import_module("hypothesis.strategies")
    for kind in _BUILTINS:
        strategies.register_type_strategy(kind, _strategy)


# cattrs


def register_cattrs(converter: Any) -> None:
    """Teach a `cattrs.Converter` to structure and unstructure Maps, Sets, Vectors and their shared twins.

    The converter structures the contents as the parameters of the type say. Unstructured, a container is the dict or
    list of its unstructured contents.

    >>> import cattrs
    >>> converter = cattrs.Converter()
    >>> register_cattrs(converter)
    >>> converter.structure({"a": "1"}, Map[str, int])
    Map({'a': 1})
    >>> converter.unstructure(Map(a=Vector([1])))
    {'a': [1]}
    """

    def structure(contents: Any, thing: Any) -> Any:
        kind, parameters = get_origin(thing) or thing, get_args(thing)
        builtin: Any = _BUILTINS[kind]
        return _make(kind, converter.structure(contents, builtin[parameters] if parameters else builtin))

    def unstructure(container: Any) -> Any:
        if isinstance(container, Mapping):
            return {converter.unstructure(key): converter.unstructure(value) for key, value in container.items()}
        return [converter.unstructure(value) for value in container]

    for kind in _BUILTINS:
        converter.register_structure_hook_func(lambda thing, kind=kind: (get_origin(thing) or thing) is kind, structure)
        converter.register_unstructure_hook_func(
            lambda thing, kind=kind: (get_origin(thing) or thing) is kind, unstructure
        )


# Trees of arrays


def _sorted_keys(keys: Iterable[Any]) -> list[Any]:
    """The same order for equal maps, however they were made."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=lambda key: (type(key).__qualname__, key))


def _flatten_map(container: Any) -> tuple[list[Any], tuple[Any, ...]]:
    keys = _sorted_keys(container)
    return [container[key] for key in keys], (*keys,)


def _flatten_vector(container: Any) -> tuple[list[Any], None]:
    return container.tolist(), None


def register_optree(namespace: str) -> None:
    """Make Map and Vector nodes of optree's trees in a namespace; Sets are leaves.

    Entries of a Map come in the order of its keys. TypeError where keys of one type have no order.

    >>> import optree
    >>> register_optree("frozen")
    >>> optree.tree_map(lambda x: x + 1, Map(a=1, b=Vector([2])), namespace="frozen") == Map(a=2, b=Vector([3]))
    True
    """
    optree: Any = import_module("optree")

    def flatten(container: Any) -> tuple[list[Any], Any, tuple[Any, ...]]:
        values, keys = _flatten_map(container)
        return values, keys, keys

    optree.register_pytree_node(
        Map, flatten, lambda keys, values: Map(zip(keys, values, strict=True)), namespace=namespace
    )
    optree.register_pytree_node(Vector, _flatten_vector, lambda _, values: Vector(values), namespace=namespace)


def register_jax() -> None:
    """Make Map and Vector nodes of jax's trees, so that `jit`, `grad` and `tree.map` go through them; Sets are leaves.

    Entries of a Map come in the order of its keys. ValueError if it was called before.

    >>> register_jax()  # doctest: +SKIP
    """
    tree_util: Any = import_module("jax.tree_util")

    def with_keys(container: Any) -> tuple[list[Any], Any]:
        values, keys = _flatten_map(container)
        return [(tree_util.DictKey(key), value) for key, value in zip(keys, values, strict=True)], keys

    def with_indices(container: Any) -> tuple[list[Any], Any]:
        return [(tree_util.SequenceKey(index), value) for index, value in enumerate(container)], None

    def map_of(keys: Any, values: Iterable[Any]) -> Map[Any, Any]:
        return Map(zip(keys, values, strict=True))

    tree_util.register_pytree_with_keys(Map, with_keys, map_of, _flatten_map)
    tree_util.register_pytree_with_keys(Vector, with_indices, lambda _, values: Vector(values), _flatten_vector)


# jsonschema


def jsonschema_validator(cls: Any = None) -> Any:
    """Return a class of validators as `cls` (by default of jsonschema's newest draft) for frozen documents.

    For it a Map is an object, a Vector or Set an array; so are their shared twins.

    >>> validator = jsonschema_validator()({"properties": {"hosts": {"type": "array", "minItems": 1}}})
    >>> validator.is_valid(Map(hosts=Vector(["a"]))), validator.is_valid(Map(hosts=Vector()))
    (True, False)
    """
    jsonschema: Any = import_module("jsonschema")
    cls = cls or jsonschema.validators.validator_for({})
    known = cls.TYPE_CHECKER
    checker = known.redefine(
        "object", lambda _, value: isinstance(value, (Map, SharedMap)) or known.is_type(value, "object")
    ).redefine(
        "array",
        lambda _, value: isinstance(value, (Vector, SharedVector, Set, SharedSet)) or known.is_type(value, "array"),
    )
    return jsonschema.validators.extend(cls, type_checker=checker)
