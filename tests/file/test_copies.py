"""Small maps of files that are asked often: they are copied, and no look-up tells the difference, but by identity."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support import assert_no_leak, run_threads

import frozen
from frozen import FileFormatError, FileMap, Map, Set, Vector


def asked(opened: FileMap[Any, Any]) -> FileMap[Any, Any]:
    """As often as it takes for a copy to be made, if one is."""
    for _ in range(len(opened) + 2):
        opened.get("absent")
    return opened


def is_copied(opened: FileMap[Any, Any], key: Any) -> bool:
    """Of a key whose value is made anew at each look-up in the file."""
    return opened[key] is opened[key]


VALUES = ["text " * 3, b"bytes " * 3, 2**40, 1.5, None, True, ("text", 2.5), Map(a=1), Set([1]), Vector(["a", 2])]


@pytest.mark.parametrize("count", [1, 8, 9, 1024])
def test_a_small_map_answers_as_before(through: Any, count: int) -> None:
    plain = {f"key number {i}": VALUES[i % len(VALUES)] for i in range(count)}
    opened = through(Map(plain))
    assert not is_copied(opened, "key number 0")
    asked(opened)
    assert is_copied(opened, "key number 0")
    assert {key: opened[key] for key in plain} == plain
    assert opened == plain
    assert dict(opened.items()) == plain
    assert opened.get("absent", 5) == 5
    assert "absent" not in opened
    with pytest.raises(KeyError, match="absent"):
        opened["absent"]
    with pytest.raises(TypeError, match="unhashable"):
        opened[[]]


def test_equal_keys_of_other_types_are_found(through: Any) -> None:
    class Text(str):
        __slots__ = ()

    opened = asked(through(Map({1: "the text of one", "a": "the text of a", b"b": "the text of b"})))
    assert is_copied(opened, 1)
    assert [opened[key] for key in (1.0, True, Decimal(1), Text("a"))] == ["the text of one"] * 3 + ["the text of a"]
    assert opened.get(b"b") == "the text of b"


def test_views_within_are_copied_by_themselves(through: Any) -> None:
    opened = asked(through(Map(inner=Map(deep=Map(text="the text")))))
    deep = asked(asked(opened["inner"])["deep"])
    assert opened["inner"]["deep"] is deep
    assert is_copied(deep, "text")


NOT_COPIED = {
    "more entries": {f"key {i}": f"the text {i}" for i in range(1025)},
    "a long text": {"a": "the text", "b": "x" * 2000},
    "a long key": {"a": "the text", "x" * 2000: 1},
    "a long tuple": {"a": "the text", "b": (1,) * 17},
    "a nested tuple": {"a": "the text", "b": ((1,),)},
    "what is encoded": {"a": "the text", "b": Decimal("1.5")},
    "a large number": {"a": "the text", "b": 2**80},
    "a frozenset": {"a": "the text", "b": frozenset({1})},
    "other keys": {"a": "the text", (1, 2): 1},
}


@pytest.mark.parametrize("plain", NOT_COPIED.values(), ids=NOT_COPIED)
def test_what_is_large_or_not_known_to_be_simple_is_not_copied(through: Any, plain: dict[Any, Any]) -> None:
    opened = asked(through(Map(plain)))
    assert not is_copied(opened, next(key for key, value in plain.items() if str(value).startswith("the text")))
    assert {key: opened[key] for key in plain} == plain


def test_the_copies_of_a_file_are_bounded(through: Any) -> None:
    inner = Map({f"key {i}": f"the text {i} " * 20 for i in range(500)})
    opened = through(Vector([inner.set("number", i) for i in range(20)]))
    for _ in range(2):  # what ended has given back what it took
        maps = [asked(each) for each in opened]
        copied = [is_copied(each, "key 7") for each in maps]
        assert any(copied)
        assert not all(copied)
        del maps
    for each in opened:
        assert is_copied(asked(each), "key 7")  # one at a time


def test_a_damaged_entry_is_found_where_it_is_asked_for(tmp_path: Path) -> None:
    frozen.save(Map(good="the good text", bad="the bad text"), tmp_path / "file")
    data = bytearray((tmp_path / "file").read_bytes())
    data[data.index(b"the bad text") - 8] = 99  # its kind
    (tmp_path / "file").write_bytes(data)
    opened = frozen.open(tmp_path / "file")
    for _ in range(10):
        assert opened["good"] == "the good text"
        with pytest.raises(FileFormatError, match="unknown kind"):
            opened["bad"]


def test_threads_that_ask_at_once_get_equal_values(through: Any) -> None:
    plain = {f"key {i}": f"the text {i}" for i in range(50)}
    for _ in range(20):
        opened = through(Map(plain))

        def read(opened: Any = opened) -> None:
            for _ in range(3):
                assert {key: opened[key] for key in plain} == plain

        run_threads(read, read, read)
        assert is_copied(opened, "key 7")


def test_copies_leak_nothing(tmp_path: Path) -> None:
    frozen.save(Map(a=Map(b="the text"), c="the other text"), tmp_path / "file")

    def use() -> None:
        opened = asked(frozen.open(tmp_path / "file"))
        assert is_copied(asked(opened["a"]), "b")

    assert_no_leak(use)
