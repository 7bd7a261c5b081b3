"""Counts the words of text files, a thread for each core: `python examples/word_count.py FILE...`.

All threads add to one AtomicMap. Without the GIL they do so at the same time; `count` adds up the words of a line
first and then visits each word's entry once.
"""

import os
import re
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from frozen import AtomicMap, Map


def count_words(paths: Iterable[Path], threads: int | None = None) -> Map[str, int]:
    words: AtomicMap[str, int] = AtomicMap()

    def count(path: Path) -> None:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                words.count(re.findall(r"\w+", line.lower()))

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        list(pool.map(count, paths))  # raises what a thread raised
    return words.snapshot()


if __name__ == "__main__":
    found = count_words(map(Path, sys.argv[1:]))
    for word, number in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:20]:
        print(f"{number:8,}  {word}")
