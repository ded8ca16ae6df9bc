"""Draws the result: latencies with their targets, and where the CPU time went."""

from pathlib import Path
from typing import Any

from bench.rows import Row
from bench.servers import NAMES

ROW_INCHES = 0.4
COLOURS = {"p50": "tab:blue", "p99": "tab:orange"}


def draw(rows: list[Row], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    late, busy = [row for row in rows if row.latencies], [row for row in rows if row.cpu]
    heights = [max(2, len(late)), max(2, len(busy))]
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(11, 2 + ROW_INCHES * sum(heights)), height_ratios=heights, layout="constrained"
    )
    _draw_latencies(above, late)
    _draw_cpu(below, busy)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _draw_latencies(axes: Any, rows: list[Row]) -> None:
    for number, (name, colour) in enumerate(COLOURS.items()):
        places = [place + 0.35 * (number - 0.5) for place in range(len(rows))]
        widths = [row.latencies.get(name, 0.0) * 1_000 for row in rows]
        axes.barh(places, widths, height=0.35, label=name, color=colour)
    lines = [(place, row.limit * 1_000) for place, row in enumerate(rows) if row.limit]
    if lines:
        starts, ends = [place - 0.45 for place, _ in lines], [place + 0.45 for place, _ in lines]
        axes.vlines([limit for _, limit in lines], starts, ends, colors="black", linewidth=2, label="target")
    axes.set_xscale("log")
    axes.set_xlim(left=1.0)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("milliseconds, logarithmic")
    _finish(axes, rows)


def _draw_cpu(axes: Any, rows: list[Row]) -> None:
    left = [0.0] * len(rows)
    for name in NAMES:
        widths = [row.cpu[name].cores if name in row.cpu else 0.0 for row in rows]
        axes.barh(range(len(rows)), widths, left=left, label=name)
        left = [before + width for before, width in zip(left, widths, strict=True)]
    axes.set_xlabel("cores used")
    _finish(axes, rows)


def _finish(axes: Any, rows: list[Row]) -> None:
    axes.set_yticks(range(len(rows)), [row.what for row in rows], fontsize="small")
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(ncols=len(NAMES), fontsize="small", loc="lower left", bbox_to_anchor=(0.0, 1.0), frameon=False)
