"""Draws docs/images/*.svg: trees as they are in memory, read from real containers.

    python tools/drawings.py            rewrite the drawings
    python tools/drawings.py --check    exit with 1 if one is stale

Nodes are found as the garbage collector finds them, so what two versions share in a drawing is one object.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

from generated import write_or_check

from frozen import Map, Vector

IMAGES = Path(__file__).parent.parent / "docs/images"
SLOT, HEIGHT, GAP, LEVEL = 20, 30, 8, 110
SHARED, OLD, NEW = "#7986cb", "#90a4ae", "#ff8a65"


def nodes_below(holder: Any) -> list[Any]:
    """The nodes that a container or a node refers to, in their order."""
    return [held for held in gc.get_referents(holder) if type(held).__name__.endswith(("_node_general", "_node_plain"))]


def levels(container: Any) -> list[list[Any]]:
    """The nodes of a tree, level by level."""
    found = [nodes_below(container)]
    while below := [child for node in found[-1] for child in nodes_below(node)]:
        found.append(below)
    return found


def box(x: float, y: float, width: float, colour: str, text: str) -> str:
    label = f'<text x="{x + width / 2:g}" y="{y + 20}" text-anchor="middle" fill="#000">{text}</text>'
    return f'<rect x="{x:g}" y="{y}" width="{width:g}" height="{HEIGHT}" rx="5" fill="{colour}"/>{label}'


def line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:g} {y1}L{x2:g} {y2}" stroke="{colour}" stroke-width="1.5" fill="none"/>'


def drawing(names: tuple[str, str], old: Any, new: Any, note: str) -> str:
    """Two versions: their objects above, the nodes of both below, coloured by whose they are."""
    of_old, of_new = levels(old), levels(new)
    owners = {id(node): OLD for level in of_old for node in level}
    for level in of_new:
        owners |= {id(node): SHARED if id(node) in owners else NEW for node in level}
    placed: dict[int, tuple[float, int, float]] = {}
    rows = []
    for depth in range(max(len(of_old), len(of_new))):
        row: dict[int, Any] = {}
        for version in (of_old, of_new):
            row |= {id(node): node for node in (version[depth] if depth < len(version) else [])}
        rows.append([*row.values()])
    widest = max(len(row) for row in rows)
    width = max(760.0, widest * (SLOT + GAP) + 40)
    for depth, row in enumerate(rows):
        each = 150.0 if depth == 0 else SLOT
        gap = GAP if depth else 120
        left = (width - len(row) * (each + gap) + gap) / 2
        for index, node in enumerate(row):
            placed[id(node)] = (left + index * (each + gap), 90 + depth * LEVEL, each)
    parts: list[str] = []
    for node in (node for row in rows for node in row):
        x, y, each = placed[id(node)]
        for child in nodes_below(node):
            to_x, to_y, to_width = placed[id(child)]
            parts.append(line(x + each / 2, y + HEIGHT, to_x + to_width / 2, to_y, owners[id(node)]))
    for depth, row in enumerate(rows):
        for node in row:
            x, y, each = placed[id(node)]
            parts.append(box(x, y, each, owners[id(node)], "root" if depth == 0 else ""))
    for name, version, colour in zip(names, (of_old, of_new), (OLD, NEW), strict=True):
        x, y, each = placed[id(version[0][0])]
        middle = x + each / 2
        parts.append(f'<text x="{middle:g}" y="40" text-anchor="middle">{name}</text>')
        parts.append(line(middle, 50, middle, y, colour))
    height = 90 + (len(rows) - 1) * LEVEL + HEIGHT + 60
    legend = [(OLD, "old version only"), (SHARED, "both versions"), (NEW, "new version only")]
    for index, (colour, text) in enumerate(legend):
        x = width / 2 - 270 + index * 190
        parts.append(f'<rect x="{x:g}" y="{height - 30}" width="14" height="14" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="{x + 20:g}" y="{height - 18}">{text}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-label="{note}">'
    style = "<style>text{font:15px sans-serif;fill:#111}</style>"
    background = f'<rect width="{width:g}" height="{height}" fill="#fff" rx="8"/>'
    return "\n".join([head, f"<title>{note}</title>", style, background, *parts, "</svg>"]) + "\n"


def drawings() -> dict[str, str]:
    m = Map({number: [number] for number in range(300)})
    v = Vector([[number] for number in range(300)])
    return {
        "map-versions.svg": drawing(
            ("m", "m.set(7, value)"), m, m.set(7, [0]), "A Map of 300 entries and a version with one other value"
        ),
        "vector-versions.svg": drawing(
            ("v", "v.set(7, value)"), v, v.set(7, [0]), "A Vector of 300 elements and a version with one other"
        ),
    }


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, text in drawings().items():
        write_or_check(IMAGES / name, text, sys.argv[1:], __doc__)
