"""Damages files at random and reads everything of them: an error of ours or a value, and never a crash.

    python tests/file_damage.py SEED ROUNDS

The file is bytes in memory, so that a sanitizer sees each read beyond its end. Most of the damaged ones get a header
whose checksum and size are right, or no damage would get beyond it.
"""

from __future__ import annotations

import contextlib
import datetime
import random
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from frozen import FileFormatError, FileMap, FileSet, FileVector, Map, Set, Vector, freeze, thaw
from frozen._core import _open_file, _write_file

MASK = 2**64 - 1


def file_of(value: Any, seed: int) -> bytes:
    """What `save` writes, with hashes of a known seed."""
    body: list[bytes] = []
    header = _write_file(value, body.append, (), seed)
    return header + b"".join(body)


def checksum(data: bytes) -> int:
    """docs/file-format.md, in another language."""
    total = 0
    for i in range(0, len(data), 8):
        total = (total ^ int.from_bytes(data[i : i + 8], "little")) * 0x9FB21C651E98DF25 & MASK
        total ^= total >> 32
    return total


def with_header(data: bytes) -> bytes:
    """The file with the size and the checksum that its header ought to have."""
    head = data[:16] + len(data).to_bytes(8, "little") + data[24:56]
    return head + checksum(head).to_bytes(8, "little") + data[64:]


VALUES: list[Any] = [
    Map({f"key {i}": Vector([i, f"value {i}", i / 3]) for i in range(20)}),
    Map({i: (i, (f"{i}" * 9, frozenset({i, "member"}))) for i in range(5)}),
    Map({(1, "a" * 9): 1, None: 2, 2.5: 3, b"bytes": 4, 2**61: 5, Map(a=1): 6, True: 7, Decimal("1.5"): 8, "é": 9})
    | {10: 10},
    Set([*range(30), "text", "a longer text", "日本語日本語日本語", "\U0001f600" * 5, (1, 2), Set([1, 2])]),
    Vector([Map(a=Map(b=Map(c=Vector([1, 2, None, True])))), datetime.date(2026, 1, 1), 10**30, 1j, b"x" * 20]),
    ((((1, 2), "deep text"), frozenset({(1, frozenset({2}))})), Vector(range(40))),
]  # fmt: skip


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A copy with something wrong."""
    copy = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(copy) or 1)
        match rng.randrange(8):
            case 0 | 1:
                copy[at] ^= 1 << rng.randrange(8)
            case 2:
                copy[at] = rng.choice([0, 1, 7, 8, 127, 128, 255])
            case 3:  # a word that looks like an offset, a number, a slot
                word = at & ~7
                value = rng.choice([8 * rng.randrange(len(copy)), rng.getrandbits(64), rng.randrange(64), MASK])
                copy[word : word + 8] = value.to_bytes(8, "little")[: max(0, len(copy) - word)]
            case 4:
                size = 8 * rng.randrange(1, 8)
                source = 8 * rng.randrange(len(copy) // 8 or 1)
                part = copy[source : source + size]
                copy[at & ~7 : (at & ~7) + len(part)] = part
            case 5:
                word = at & ~7
                copy[word : word + 8] = copy[32:40]  # the root within itself
            case 6 if len(copy) > 100:
                del copy[rng.randrange(64, len(copy)) :]
            case _:
                copy[at:at] = rng.randbytes(8)
    return with_header(bytes(copy)) if len(copy) >= 64 and rng.random() < 0.95 else bytes(copy)


PROBES = [
    "key 1",
    "a longer text",
    "absent",
    1,
    7,
    2**61,
    2.5,
    None,
    b"bytes",
    (1, 2),
    "日本語日本語日本語",
    Set([1, 2]),
]


def questions(value: Any, other: Any) -> Iterator[Any]:
    """Everything that a view can be asked, each as a function without arguments."""
    yield lambda: list(value)
    yield lambda: repr(value)
    yield lambda: hash(value)
    yield lambda: value == other
    yield lambda: other == value
    yield lambda: thaw(value)
    yield lambda: freeze(value)
    for probe in PROBES:
        yield lambda probe=probe: probe in value
    if isinstance(value, FileMap):
        yield lambda: list(value.items())
        yield lambda: list(reversed(value))
        for probe in PROBES:
            yield lambda probe=probe: value.get(probe)
    if isinstance(value, FileVector):
        yield lambda: value[3:-2:2].tolist()
        yield lambda: value[-1]
        yield lambda: value.index("absent")


def read_everything(data: bytes, other: Any) -> int:
    """Asks all questions of all containers: how many had an answer."""
    try:
        opened = _open_file(data, "damaged", (), False)
    except FileFormatError:
        return 0
    answers, left = 0, [opened]
    for _ in range(12):
        if not left:
            break
        value = left.pop()
        if not isinstance(value, (FileMap, FileSet, FileVector)):
            continue
        for question in questions(value, other):
            with contextlib.suppress(FileFormatError, LookupError):
                try:
                    question()
                except ValueError as error:
                    if not isinstance(error, FileFormatError) and "is not in the vector" not in str(error):
                        raise
                answers += 1
        with contextlib.suppress(FileFormatError):
            left += [*(value.values() if isinstance(value, FileMap) else value)][:50]
    return answers


def run(seed: int, rounds: int) -> int:
    rng = random.Random(seed)
    files = [(value, file_of(value, rng.getrandbits(64))) for value in VALUES]
    answers = 0
    for round_number in range(rounds):
        value, data = rng.choice(files)
        bad = damaged(rng, data)
        try:
            answers += read_everything(bad, value)
        except Exception as error:
            error.add_note(f"round {round_number} of seed {seed}")
            raise
    return answers


if __name__ == "__main__":
    print(run(int(sys.argv[1]), int(sys.argv[2])), "questions were answered")
