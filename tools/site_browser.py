"""Looks at the built site in headless Chromium: screenshots at the width of a desktop and a phone, links, search.

    python tools/site_browser.py [--chromium PATH] [PAGE...]

Screenshots go to build/screenshots. Exit status 1 if a link within the site leads nowhere, something would be loaded
from another host, a page shows nothing, or search finds nothing.
"""

from __future__ import annotations

import argparse
import html.parser
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

SITE = Path(__file__).parent.parent / "build/site"
SHOTS = Path(__file__).parent.parent / "build/screenshots"
WIDTHS = {"desktop": (1280, 1800), "phone": (500, 1800)}  # Chromium's window is no narrower than 500 pixels
SHOWN = ["index", "why", "tutorial", "concepts", "performance", "recipes", "reference/containers", "memory-model"]


class Page(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("id", "name"):
            if given.get(name):
                self.anchors.add(str(given[name]))
        for name in ("href", "src"):
            if given.get(name):
                self.links.add(str(given[name]))


def broken_links() -> list[str]:
    """Links between pages, to images and to anchors, that lead nowhere."""
    pages = {file.resolve(): Page(file.read_text()) for file in SITE.rglob("*.html") if file.name != "404.html"}
    broken = []
    for file, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            aim = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            aim = aim / "index.html" if aim.is_dir() else aim
            if not aim.exists():
                broken.append(f"{file.relative_to(SITE.resolve())}: {link}")
            elif parts.fragment and aim in pages and unquote(parts.fragment) not in pages[aim].anchors | {"__search"}:
                broken.append(f"{file.relative_to(SITE.resolve())}: no anchor {link}")
    return broken


class Loads(html.parser.HTMLParser):
    """What a page would load from other hosts: its scripts, styles and images are to be the site's own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loaded = given.get("href") if tag == "link" else given.get("src") if tag in ("script", "img") else None
        if loaded and "//" in loaded:
            self.foreign.append(loaded)


def other_hosts() -> list[str]:
    return [f"{file.name} loads {link}" for file in SITE.rglob("*.html") for link in Loads(file.read_text()).foreign]


def chromium(program: str, profile: str, *arguments: str) -> str:
    common = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
    done = subprocess.run([program, *common, *arguments], capture_output=True, text=True, timeout=120)
    return done.stdout


@contextmanager
def served() -> Iterator[str]:
    """The address under which the site is served: searching needs one."""
    handler = partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def searched() -> list[str]:
    """Words that somebody will look for, and the index does not have."""
    index = json.loads((SITE / "search/search_index.json").read_text())
    texts = [f"{entry['title']} {entry['text']}".lower() for entry in index["docs"]]
    words = ("compare_and_set", "undo", "pydantic", "subinterpreters", "lru_cache")
    return [f"search: nothing about {word}" for word in words if not any(word in text for text in texts)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    asked: ClassVar[set[str]] = set()

    def log_message(self, *_: object) -> None:
        self.asked.add(self.path)


def pictures(program: str, pages: list[str], address: str) -> list[str]:
    """Takes the screenshots; returns what is wrong."""
    faults = []
    with tempfile.TemporaryDirectory() as profile:
        for page in pages:
            there = f"{address}/{page}.html"
            for width, (across, down) in WIDTHS.items():
                shot = SHOTS / f"{page.replace('/', '-')}-{width}.png"
                arguments = [f"--window-size={across},{down}", f"--screenshot={shot}", "--virtual-time-budget=3000"]
                chromium(program, profile, *arguments, there)
                if not shot.exists() or shot.stat().st_size < 20_000:
                    faults.append(f"{page}: no picture of it")
        chromium(program, profile, "--virtual-time-budget=3000", "--dump-dom", f"{address}/index.html?q=undo")
        if "/search/search_index.json" not in Quiet.asked:
            faults.append("search: the browser did not ask for the index")
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    parser.add_argument("pages", nargs="*", default=SHOWN)
    options = parser.parse_args()
    SHOTS.mkdir(parents=True, exist_ok=True)
    with served() as address:
        faults = broken_links() + other_hosts() + searched() + pictures(options.chromium, options.pages, address)
    sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
