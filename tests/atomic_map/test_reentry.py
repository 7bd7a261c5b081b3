"""Keys, values and functions that run Python code while an AtomicMap works: they may use the map, and lose nothing."""

import threading

import pytest
from support import run_python, run_threads

from frozen import AtomicMap
from frozen._core import _check


class Meddling:
    """A key of hash 0 that calls a function whenever it is compared."""

    def __init__(self, name, meddle=None):
        self.name = name
        self.meddle = meddle

    def __hash__(self):
        return 0

    def __eq__(self, other):
        for key in (self, other):
            if getattr(key, "meddle", None) is not None:
                key.meddle()
        return isinstance(other, Meddling) and self.name == other.name


def once(function):
    """The function, which does nothing from the second call on, also where it calls itself."""
    calls = []

    def first(*args):
        if not calls:
            calls.append(True)
            function(*args)

    return first


OPERATIONS = {
    "get": lambda m, key: m.get(key),
    "in": lambda m, key: key in m,
    "set": lambda m, key: m.__setitem__(key, "new"),
    "pop": lambda m, key: m.pop(key, None),
    "setdefault": lambda m, key: m.setdefault(key, "new"),
    "exchange": lambda m, key: m.exchange(key, "new"),
    "compare_and_set": lambda m, key: m.compare_and_set(key, 2, "new"),
    "update": lambda m, key: m.update(key, str),
    "add": lambda m, key: m.add(key, 0.5),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("meddle", ["set", "delete", "clear", "replace", "snapshot"])
def test_a_key_may_change_the_map_while_it_is_compared(operation, meddle):
    def change():
        match meddle:
            case "set":
                m[0] = "changed"
            case "delete":
                m.pop(Meddling("a"), None)
            case "clear":
                m.clear()
            case "replace":
                m.replace({0: "replaced"})
            case "snapshot":
                kept.append((m.snapshot(), dict(m.items())))

    kept = []
    m = AtomicMap({Meddling("a"): 1, Meddling("b"): 2, Meddling("c"): 3, 32: "other"})
    OPERATIONS[operation](m, Meddling("b", once(change)))
    assert _check(m.snapshot()) is None
    assert len(m) == len(m.snapshot()) == len(list(m))
    assert all(snapshot == entries for snapshot, entries in kept)
    expected = {"set": {0: "changed"}, "clear": {}, "replace": {0: "replaced"}}.get(meddle, {})
    assert all(m[key] == value for key, value in expected.items())
    if meddle == "delete":
        assert Meddling("a") not in m


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_error_of_a_key_is_raised_and_changes_nothing(operation):
    def fail():
        raise ZeroDivisionError

    m = AtomicMap({Meddling("a"): 1, Meddling("b"): 2})
    before = m.snapshot()
    with pytest.raises(ZeroDivisionError):
        OPERATIONS[operation](m, Meddling("b", fail))
    assert m.version == 0
    assert m.compare_and_set_all(before, before)


def test_an_operation_gives_up_on_a_key_that_always_changes_the_map():
    m = AtomicMap({Meddling("a"): 0})
    counter = iter(range(10**6))

    def change():
        m[0] = next(counter)  # in the same slot

    with pytest.raises(RuntimeError, match="while keys were compared"):
        m[Meddling("b", change)] = 1


def test_no_lock_is_held_while_keys_are_compared():
    """Another thread works on the same slot meanwhile."""

    def let_another_thread_work():
        thread = threading.Thread(target=m.__setitem__, args=(0, "by another thread"))
        thread.start()
        thread.join(60)
        assert not thread.is_alive()

    m = AtomicMap({Meddling("a"): "a"})
    assert m.get(Meddling("a", once(let_another_thread_work))) == "a"
    m[Meddling("b", once(let_another_thread_work))] = "b"
    assert m[0] == "by another thread"
    assert m[Meddling("b")] == "b"


def test_no_lock_is_held_while_a_function_runs_or_a_value_dies():
    def use_from_another_thread(*args):
        run_threads(lambda: m.setdefault("other", 1), lambda: len(m), timeout=60)
        return 1

    class Value:
        __del__ = use_from_another_thread

    m = AtomicMap({"a": 0})
    assert m.update("a", use_from_another_thread) == 1
    m["a"] = Value()
    m["a"] = 2
    assert m == {"a": 2, "other": 1}


def test_bytes_and_str_of_one_hash_may_warn_while_they_are_compared():
    run_python(
        "-bb",
        "-c",
        "from frozen import AtomicMap\n"
        "m = AtomicMap({'key': 1})\n"
        "try:\n"
        "    m[b'key']\n"
        "except BytesWarning:\n"
        "    m['key'] = 2\n"
        "assert m['key'] == 2\n",
    )


def test_equal_keys_of_different_types_are_one_key():
    m = AtomicMap({1: "int", (1, 2): "tuple"})
    m[1.0] = "float"
    m[(1.0, True + 1)] = "other tuple"
    m[True] = "bool"
    assert dict(m.items()) == {1: "bool", (1, 2): "other tuple"}
