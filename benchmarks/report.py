"""Rows as a table, as Markdown, as JSON and as a plot. Ratios only: the nanoseconds of one machine say little."""

import json
import math
import platform
import statistics
import sys
import sysconfig

from harness import AGAIN

HEAD = ("row", "n", "ratio", "best peer", "target", "", "noise")


def ratio_text(ratio):
    if ratio is None:
        return "-"
    if ratio == 0 or math.isinf(ratio):
        return f"{ratio:g}"
    if ratio < 0.02:
        return f"1/{1 / ratio:,.0f}"
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def target_text(target):
    return ratio_text(target.ratio) + (f" of {target.rival}" if target.rival else "")


def verdict(row):
    if not row.judged:
        return ""
    return "missed: " + ", ".join(target_text(target) for target, _, _ in row.misses) if row.misses else "reached"


def yardsticks(rows):
    """Every peer in the order of first appearance, without the subject's second run."""
    names = dict.fromkeys(name for row in rows for name in row.costs)
    return [name for name in names if name not in (rows[0].subject, rows[0].subject + AGAIN)]


def cells(rows):
    """The table as lists of strings, its head first: the last columns are the subject's ratio to each peer."""
    peers = yardsticks(rows)
    table = [[*HEAD, *peers]]
    for row in rows:
        table.append(
            [
                row.title,
                f"{row.n:,}" if row.n else "",
                ratio_text(row.ratio(row.best)) if row.best else "-",
                row.best or "-",
                ", ".join(map(target_text, row.targets)),
                verdict(row),
                "" if row.noise is None else f"{row.noise:.2f}",
                *(ratio_text(row.ratio(peer)) for peer in peers),
            ]
        )
    return table


def aligned(table, left=(0, 3, 4, 5)):
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    justify = [str.ljust if i in left else str.rjust for i in range(len(widths))]
    return [[how(cell, width) for how, cell, width in zip(justify, line, widths, strict=True)] for line in table]


def tally(rows):
    judged = [row for row in rows if row.judged]
    return f"{sum(not row.misses for row in judged)} of {len(judged)} targets reached" + noise_text(rows)


def noise_text(rows):
    noises = sorted(row.noise for row in rows if row.noise is not None)
    if not noises:
        return ""
    worst = noises[int(0.95 * (len(noises) - 1))]
    return f"; noise (the subject against itself): {statistics.median(noises):.2f} median, {worst:.2f} at 95 %"


def text(rows):
    lines = ["  ".join(line).rstrip() for line in aligned(cells(rows))]
    return "\n".join([*lines, "", tally(rows)])


def piped(lines):
    """A table as Markdown, of lines as `aligned` gives them, the head first."""
    head, *body = lines
    return "".join("| " + " | ".join(line) + " |\n" for line in (head, ["-" * len(cell) for cell in head], *body))


def plotted(plot, *arguments):
    """Call `plot`, or say what it lacks."""
    try:
        plot(*arguments)
    except ImportError as error:
        print(f"no plot: {error}", file=sys.stderr)


def markdown(rows, facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["peers"].items())
    missing = ", ".join(facts["missing"]) or "none"
    return "\n".join(
        [
            f"Ratios of {facts['subject']} to each peer on {facts['python']}: below 1 is better.",
            f"Peers: {versions}. Left out: {missing}.",
            "",
            piped(aligned(cells(rows))),
            tally(rows),
            "",
        ]
    )


def facts(options, found, missing):
    """What one must know to read the figures."""
    build = "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with the GIL"
    return {
        "subject": options.subject,
        "python": f"{platform.python_implementation()} {platform.python_version()}, {build}, {platform.machine()}",
        "compiler": platform.python_compiler(),
        "platform": sys.platform,
        "collector": "off while timing, unless the row is about it",
        "peers": {peer.name: peer.version for peer in found},
        "missing": missing,
        "rounds": options.rounds,
    }


def as_json(rows, facts):
    listed = [
        {
            "row": row.name,
            "title": row.title,
            "n": row.n or None,
            "best": row.best,
            "ratios": {peer: finite(row.ratio(peer)) for peer in row.costs if peer != row.subject},
            "targets": [{"ratio": target.ratio, "rival": target.rival or "best"} for target in row.targets],
            "reached": not row.misses if row.judged else None,
            "not offered": row.missing,
        }
        for row in rows
    ]
    return json.dumps({"facts": facts, "rows": listed}, indent=1) + "\n"


def finite(ratio):
    return float(f"{ratio:.4g}") if ratio is not None and math.isfinite(ratio) else None


def plot(rows, subject, path, label=None):
    """A line for each row, a dot for each size: the ratio to the best peer. The target is the bar to stay left of."""
    import matplotlib

    matplotlib.use("Agg")  # no display
    from matplotlib import pyplot

    shown = [row for row in rows if row.best and row.ratio(row.best) and math.isfinite(row.ratio(row.best))]
    if not shown:
        return
    height = 1.5 + 0.42 * len({row.title for row in shown})
    figure, axes = pyplot.subplots(figsize=(10, height), layout="constrained")
    draw(axes, shown)
    axes.set_xlabel(label or f"{subject} / best peer that shares structure: left of the line at 1 is better")
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def draw(axes, shown):
    """The dots and bars of such a plot."""
    from matplotlib import colormaps

    titles = list(dict.fromkeys(row.title for row in shown))
    sizes = sorted({row.n for row in shown if row.n})
    colours = {n: colormaps["viridis"](i / max(1, len(sizes) - 0.5)) for i, n in enumerate(sizes)}
    step = 0.8 / max(1, len(sizes))
    for row in shown:
        y = titles.index(row.title) + (step * (sizes.index(row.n) - (len(sizes) - 1) / 2) if row.n else 0)
        axes.plot(row.ratio(row.best), y, "o", color=colours.get(row.n, "black"), markersize=5, zorder=3)
        for target, rival, _ in row.judged:
            if rival == row.best:
                axes.plot([target.ratio] * 2, [y - step / 2, y + step / 2], color="crimson", linewidth=2.5, zorder=2)
    for n in sizes:
        axes.plot([], [], "o", color=colours[n], label=f"n = {n:,}")
    axes.plot([], [], color="crimson", linewidth=2.5, label="target")
    axes.axvline(1, color="black", linewidth=1)
    for i in range(1, len(titles)):
        axes.axhline(i - 0.5, color="0.9", linewidth=0.8, zorder=0)
    axes.set(xscale="log", ylim=(len(titles) - 0.5, -0.5), yticks=range(len(titles)), yticklabels=titles)
    axes.xaxis.set_major_formatter(lambda ratio, _: ratio_text(ratio))
    axes.grid(axis="x", color="0.9")
