"""IPython, rich and Jupyter show containers as builtin ones: over several lines, and bounded."""

from __future__ import annotations

import html.parser
from typing import Any

import pytest

from frozen import Map, Set, SharedMap, SharedSet, SharedVector, Vector, freeze, share

pytestmark = pytest.mark.once

MANY = 50_000
BIG: dict[str, tuple[Any, Any]] = {
    "Map": (Map.fromkeys(range(MANY)), dict.fromkeys(range(MANY))),
    "Set": (Set(range(MANY)), set(range(MANY))),
    "Vector": (Vector(range(MANY)), list(range(MANY))),
    "SharedMap": (SharedMap.fromkeys(range(MANY)), dict.fromkeys(range(MANY))),
    "SharedSet": (SharedSet(range(MANY)), set(range(MANY))),
    "SharedVector": (SharedVector(range(MANY)), list(range(MANY))),
}
CONFIG = {"service": {"hosts": ["alpha", "beta"], "limits": {"rate": 100, "burst": 20}, "tags": {"x"}}}
EMPTY = [Map(), Set(), Vector(), SharedMap(), SharedSet(), SharedVector()]


class Limits(Map[str, int]):
    pass


# IPython


@pytest.fixture
def pretty() -> Any:
    return pytest.importorskip("IPython.lib.pretty").pretty


@pytest.mark.parametrize("name", BIG)
def test_ipython_bounds_them_as_builtins(pretty: Any, name: str) -> None:
    ours, plain = BIG[name]
    text = pretty(ours)
    assert text.count("\n") <= pretty(plain).count("\n") + 2
    assert len(text) <= 2 * len(pretty(plain))
    assert "..." in text


def test_ipython_breaks_the_lines_of_nested_ones(pretty: Any) -> None:
    assert pretty(freeze(CONFIG), max_width=60) == (
        "Map({\n"
        "    'service': Map({\n"
        "        'hosts': Vector(['alpha', 'beta']),\n"
        "        'limits': Map({'burst': 20, 'rate': 100}),\n"
        "        'tags': Set({'x'})})})"
    )


@pytest.mark.parametrize(
    "value", [*EMPTY, Map(a=1), Set([1]), Vector([1, 2]), Limits(a=1), share({"a": [1]})], ids=repr
)
def test_ipython_shows_small_ones_as_repr_does(pretty: Any, value: Any) -> None:
    assert pretty(value) == repr(value)


def test_ipython_shows_a_cycle_once(pretty: Any) -> None:
    inner: list[Any] = []
    cycle = Vector([inner])
    inner.append(cycle)
    assert pretty(cycle) == "Vector([[Vector(...)]])"
    inner.clear()


# rich


@pytest.fixture
def pretty_repr() -> Any:
    return pytest.importorskip("rich.pretty").pretty_repr


@pytest.mark.parametrize("name", BIG)
def test_rich_bounds_them_as_builtins(pretty_repr: Any, name: str) -> None:
    ours, plain = BIG[name]
    text = pretty_repr(ours, max_length=10)
    assert f"... +{MANY - 10}" in text
    assert len(text) <= 2 * len(pretty_repr(plain, max_length=10)) + 20


def test_rich_breaks_the_lines_of_nested_ones(pretty_repr: Any) -> None:
    lines = pretty_repr(freeze(CONFIG), max_width=60).splitlines()
    assert [line.strip() for line in lines[4:7]] == [
        "'hosts': Vector(['alpha', 'beta']),",
        "'limits': Map({'burst': 20, 'rate': 100}),",
        "'tags': Set({'x'})",
    ]


@pytest.mark.parametrize(
    "value", [*EMPTY, Map(a=1), Set([1]), Vector([1, 2]), Limits(a=1), share({"a": [1]})], ids=repr
)
def test_rich_shows_small_ones_as_repr_does(pretty_repr: Any, value: Any) -> None:
    assert pretty_repr(value) == repr(value)


# Jupyter: no library is needed to ask


class Rows(html.parser.HTMLParser):
    """Counts elements, and fails for one that is not closed in its place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_nested_ones_folded() -> None:
    text = freeze(CONFIG)._repr_html_()
    rows = Rows(text)
    assert rows.counts["details"] == 5
    assert text.count("<details open>") == 1
    assert rows.counts["tr"] == 1 + 3 + 2 + 2 + 1


@pytest.mark.parametrize("name", BIG)
def test_a_notebook_shows_no_more_of_many_than_a_console(name: str) -> None:
    text = BIG[name][0]._repr_html_()
    assert Rows(text).counts["tr"] == 50
    assert "49,950 more" in text


def test_a_notebook_bounds_what_is_nested() -> None:
    wide = freeze([[[str(k)] * 40 for k in range(40)] for _ in range(40)])
    text = wide._repr_html_()
    assert Rows(text).counts["tr"] == 200
    deep: Any = "x"
    for _ in range(1000):
        deep = Vector([deep])
    assert len(deep._repr_html_()) < 4000
    Rows(Map(a="y" * 10**6)._repr_html_())
    assert len(Map(a="y" * 10**6)._repr_html_()) < 1000


def test_a_notebook_shows_markup_as_text() -> None:
    text = Map({"<b>": "<script>"})._repr_html_()
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text


class Lost:
    """A key that cannot be looked up once it is lost."""

    lost = False

    def __hash__(self) -> int:
        assert not self.lost
        return 1


def test_keys_without_an_order_come_as_they_are_stored() -> None:
    mixed = Map({1: "a", "b": 2, None: 3})
    assert Rows(mixed._repr_html_()).counts["tr"] == 3
    assert Rows(Map({float("nan"): 1, 2.0: 3})._repr_html_()).counts["tr"] == 2
    lost = Map([(key := Lost(), 1)])
    key.lost = True
    assert Rows(lost._repr_html_()).counts["tr"] == 1
