"""Spelling correction by interpreters that share one large table, each running Python code at the same time.

    python examples/spelling.py "recieve a mesage form the intepreter"

The table counts the words and the pairs of words in the standard library's sources: hundreds of thousands of entries.
It is built once, and goes to the workers as an argument of every call: what travels is a pointer, whatever the size.
With processes, or with a dict, each worker would unpickle a table of its own.  Needs Python 3.14 or later.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise, repeat
from pathlib import Path

from frozen import SharedMap

try:
    from concurrent.futures import InterpreterPoolExecutor
except ImportError:
    InterpreterPoolExecutor = None  # type: ignore[assignment, misc]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
RARE = 3  # words that occur less often may be misspelled themselves
LINES = [
    "recieve a mesage form the intepreter",
    "the retrun vlaue is alwasy a strng",
    "raise an exeption if the fiel dose not exsit",
    "this funtion is thred safe and nevre blokcs",
]


def words_of(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


def count_words(folder: Path) -> SharedMap[str, int]:
    """How often each word and each pair of words ("of the") stands in the Python files of a folder."""
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for file in folder.rglob("*.py"):
        if "site-packages" not in file.parts and file.is_file():
            found = words_of(file.read_text(encoding="utf-8", errors="replace"))
            words.update(found)
            pairs.update(pairwise(found))
    with SharedMap(words).mutate() as table:
        table.update((f"{first} {second}", count) for (first, second), count in pairs.items())
    return table.finish()


def correct(table: SharedMap[str, int], line: str) -> str:
    """The line with every unknown word replaced by the likeliest of those that are spelled nearly alike."""
    corrected: list[str] = []
    for word in words_of(line):
        before = corrected[-1] if corrected else ""
        corrected.append(max(candidates(table, word), key=lambda known: likelihood(table, before, known)))
    return " ".join(corrected)


def likelihood(table: SharedMap[str, int], before: str, word: str) -> tuple[int, int]:
    """How often the word follows the one before it, and, where that does not decide, how often it occurs."""
    return table.get(f"{before} {word}", 0), table.get(word, 0)


def candidates(table: SharedMap[str, int], word: str) -> set[str]:
    """The word if it is known, or else the known words one edit away, or else two; or else the word as it is."""
    near = set(edits(word))
    return known(table, [word]) or known(table, near) or known(table, further(near)) or {word}


def known(table: SharedMap[str, int], words: Iterable[str]) -> set[str]:
    return {word for word in words if table.get(word, 0) >= RARE}


def edits(word: str) -> Iterator[str]:
    """What one slip makes of a word: a letter left out, two swapped, one typed in addition or instead."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        yield head + tail[1:]
        yield head + tail[1:2] + tail[:1] + tail[2:]
        for letter in LETTERS:
            yield head + letter + tail
            yield head + letter + tail[1:]


def further(words: Iterable[str]) -> Iterator[str]:
    return chain.from_iterable(map(edits, words))


def main() -> None:
    parser = argparse.ArgumentParser(description="Correct the spelling of English lines, in several interpreters.")
    parser.add_argument("lines", metavar="LINE", nargs="*", default=LINES)
    parser.add_argument("--sources", type=Path, metavar="FOLDER", default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    options = parser.parse_args()
    if InterpreterPoolExecutor is None:
        version = ".".join(map(str, sys.version_info[:2]))
        parser.exit(2, f"this example needs InterpreterPoolExecutor, of Python 3.14 and later; this is {version}\n")
    began = time.perf_counter()
    table = count_words(options.sources)
    print(f"{len(table):,} words and pairs of words, shared after {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    with InterpreterPoolExecutor(options.workers) as pool:
        for line in pool.map(correct, repeat(table), options.lines):
            print(line)
    print(f"corrected in {time.perf_counter() - began:.1f} s; interpreters: {options.workers}")


if __name__ == "__main__":
    main()
