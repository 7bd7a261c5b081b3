"""Worker processes that were spawned, not forked, and read one table of prices in place, while it is replaced.

    python examples/price_workers.py

Each worker opens the newest version in a tenth of a millisecond, whatever its size, and all share its pages.
"""

import multiprocessing
import random
import tempfile
from concurrent.futures import ProcessPoolExecutor

from frozen import FileRef, Map

ITEMS = 100_000


def total(prices: FileRef[Map[str, int]], basket: list[str]) -> tuple[int, int]:
    """In a worker: what the basket costs, all of it by one version of the prices."""
    table, version = prices.get_versioned()
    return version, sum(table[item] for item in basket)


def table(factor: int) -> Map[str, int]:
    return Map((f"item {number}", factor * number) for number in range(ITEMS))


def main(folder: str, releases: int = 5) -> list[tuple[int, int, int]]:
    """The version, the cost by that version and the cost at first of a basket, for each answer."""
    prices = FileRef(folder, table(1))
    baskets = [[f"item {random.randrange(ITEMS)}" for _ in range(100)] for _ in range(20)]
    at_first = [total(prices, basket)[1] for basket in baskets]
    answers = []
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for release in range(2, releases + 2):
            futures = [pool.submit(total, prices, basket) for basket in baskets]  # a FileRef crosses as its path
            prices.set(table(release))
            answers += [(*future.result(), first) for future, first in zip(futures, at_first, strict=True)]
    return answers


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        answers = main(f"{folder}/prices")
    versions = sorted({version for version, _, _ in answers})
    mixed = sum(cost != version * first for version, cost, first in answers)
    print(f"{len(answers)} baskets, by the versions {versions} of the prices; {mixed} of them mix two")
