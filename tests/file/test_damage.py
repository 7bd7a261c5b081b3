"""Damaged, truncated and foreign files: one kind of error that says where, and never a crash."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import file_damage as damage
import pytest

import frozen
from frozen import FileFormatError, Map, Vector
from frozen._core import _open_file


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_give_errors_of_ours_or_values(seed: int) -> None:
    assert damage.run(seed, 300) > 300, "most of the damage was behind the header"


@pytest.mark.parametrize("value", damage.VALUES, ids=range(len(damage.VALUES)))
def test_the_header_says_what_the_format_says(value: Any) -> None:
    data = damage.file_of(value, seed=5)
    assert data == damage.with_header(data)
    assert int.from_bytes(data[40:48], "little") == damage.checksum(data[64:])
    assert data[:16] == b"\x89FRZN\r\n\x1a\1\0\0\0\0\0\0\0"
    assert _open_file(data, "file", (), True) == value


def test_a_file_has_the_bytes_of_the_format() -> None:
    """docs/file-format.md, byte by byte. They stay readable."""
    body = damage.file_of(Map({"a long text": Vector([-1, "short", None, 2.5])}), seed=5)[64:].hex(" ", 8)
    assert body.split() == [
        "010101000b000000",  # a text, of 1 byte a character, ASCII, 11 characters
        b"a long t".hex(),
        b"ext".hex() + 5 * "00",
        "0000000000000440",  # 2.5
        "0800000004000000",  # a Vector of 4 elements
        "f9ffffffffffffff",  # -1
        "2a" + b"short".hex() + "0000",
        "0300000000000000",  # None
        "5c00000000000000",  # the float at 88
        "0600020001000000",  # a Map of 1 entry, without index, of plain keys
        "4000000000000000",  # the text at 64
        "6000000000000000",  # the vector at 96
    ]


MASK = 2**64 - 1


def fold(a: int, b: int) -> int:
    return a * b & MASK ^ a * b >> 64


def hash_of_bytes(seed: int, data: bytes) -> int:
    """The hash of docs/file-format.md, in another language."""
    a, b, h = 0xA0761D6478BD642F, 0xE7037ED1A0B428DB, seed ^ len(data) * 0x9E3779B97F4A7C15 & MASK

    def word(at: int) -> int:
        return int.from_bytes(data[at : at + 8], "little")

    for at in range(0, len(data) - 16, 16):
        h = fold(word(at) ^ a, word(at + 8) ^ h)
    x, y = (word(max(0, len(data) - 16)), word(len(data) - 8)) if len(data) >= 8 else (word(0), 0)
    return fold(fold(x ^ a, y ^ h) ^ a, b)


@pytest.mark.parametrize("make", [str, lambda i: "é" * i, lambda i: "key " * i, lambda i: bytes(range(i))])
def test_keys_are_where_the_format_says(make: Any) -> None:
    keys = list({make(i): None for i in range(12, 45)})
    data = damage.file_of(frozen.Set(keys), seed=77)
    root = int.from_bytes(data[32:40], "little")
    bits = data[root + 1]
    slots = [int.from_bytes(data[at : at + 8], "little") for at in range(root + 8, root + 8 + (8 << bits), 8)]
    for number, key in enumerate(_open_file(data, "file", (), False), 1):
        text = isinstance(key, str)
        found = hash_of_bytes(77 ^ (1 if text else 8), key.encode("latin-1") if text else key)
        at = found % 2**bits
        while slots[at] not in (0, found >> 32 << 32 | number):
            at = (at + 1) % 2**bits
        assert slots[at], key


@pytest.mark.parametrize("at", [*range(64), 64, 100, 200])
def test_each_byte_of_a_file_counts(tmp_path: Path, at: int) -> None:
    path = tmp_path / "file"
    frozen.save(damage.VALUES[0], path)
    data = bytearray(path.read_bytes())
    data[at] ^= 16
    path.write_bytes(data)
    with pytest.raises(FileFormatError) as caught:
        frozen.open(path, check=True)
    assert caught.value.path == str(path)
    assert str(path) in str(caught.value)
    if at < 64 and at not in range(40, 48):
        with pytest.raises(FileFormatError):
            frozen.open(path)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 100, -8, -1])
def test_truncated_files_are_refused_at_once(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    frozen.save(damage.VALUES[0], path)
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    with pytest.raises(FileFormatError):
        frozen.open(path)


@pytest.mark.parametrize(
    "data", [b"x", pickle.dumps({"a": 1}), b"{}" * 100, bytes(64), b"\x89PNG\r\n\x1a\n" + bytes(80)]
)
def test_foreign_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="is no file of"):
        frozen.open(path)


def test_files_of_later_versions_are_refused(tmp_path: Path) -> None:
    data = damage.file_of(1, seed=5)
    for at in (8, 12):
        later = damage.with_header(data[:at] + b"\2" + data[at + 1 :])
        with pytest.raises(FileFormatError, match="does not know") as caught:
            _open_file(later, "file", (), False)
        assert caught.value.offset == at


def test_missing_files_are_what_they_are_for_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        frozen.open(tmp_path / "absent")
    with pytest.raises(FileNotFoundError):
        frozen.save(1, tmp_path / "absent" / "file")
    with pytest.raises(IsADirectoryError if os.name == "posix" else PermissionError):
        frozen.open(tmp_path)


def test_small_files_that_stand_for_large_values_are_refused() -> None:
    """Tuples of two references to one tuple, 60 deep: 2**60 parts, if they were copied."""
    body, cell = b"", 1 << 3 | 1
    for _ in range(60):
        offset = 64 + len(body)
        body += b"\4\0\0\0\2\0\0\0" + 2 * cell.to_bytes(8, "little")
        cell = offset
    data = damage.file_of(1, seed=5)
    bomb = damage.with_header(data[:32] + cell.to_bytes(8, "little") + data[40:64] + body)
    with pytest.raises(FileFormatError, match="more parts"):
        _open_file(bomb, "file", (), False)


def file_of_boxes(*boxes: tuple[int, int]) -> bytes:
    """A file whose boxes, (kind, size), name nothing but the one before each: the first one names the int 5."""
    body, cell = b"", 5 << 3 | 1
    for kind, size in boxes:
        offset = 64 + len(body)
        body += (
            bytes([kind, 0, 0, 0])
            + size.to_bytes(4, "little")
            + size * (2 if kind == MAP else 1) * cell.to_bytes(8, "little")
        )
        cell = offset
    data = damage.file_of(1, seed=5)
    return damage.with_header(data[:32] + cell.to_bytes(8, "little") + data[40:64] + body)


TUPLE, FROZENSET, MAP, SET, VECTOR = 4, 5, 6, 7, 8


@pytest.mark.parametrize("container", [VECTOR, SET])
@pytest.mark.parametrize(("cycles", "depth"), [(3, 98), (400, 195), (10_000, 1)])
def test_containers_in_keys_do_not_begin_the_depth_anew(container: int, cycles: int, depth: int) -> None:
    """The C stack would overflow in the second and third file."""
    cycle = [(TUPLE, 1)] * depth + [(FROZENSET, 1), (container, 1)]
    data = file_of_boxes(*(cycle * cycles), (FROZENSET, 1))
    with pytest.raises(FileFormatError, match="nest too deep"):
        _open_file(data, "file", (), False)


def test_containers_in_keys_have_no_more_parts_than_the_file() -> None:
    """The tuples are there several times, which `save` never writes: 62 parts in each cycle of 17 words."""
    data = file_of_boxes(*([(TUPLE, 2)] * 5 + [(VECTOR, 1)]) * 12, (FROZENSET, 1))
    with pytest.raises(FileFormatError, match="more parts"):
        _open_file(data, "file", (), False)


@pytest.mark.parametrize("kind", [MAP, SET])
def test_more_than_eight_entries_have_an_index(kind: int) -> None:
    """Without it each look-up would read all of them."""
    assert len(_open_file(file_of_boxes((kind, 8)), "file", (), False)) == 8
    with pytest.raises(FileFormatError, match="without an index"):
        _open_file(file_of_boxes((kind, 9)), "file", (), False)


def test_only_buffers_that_nobody_changes_are_read() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _open_file(bytearray(damage.file_of(1, seed=5)), "file", (), False)
