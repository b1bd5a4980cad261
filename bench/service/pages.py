"""The service's measures as Markdown, and its memory as a plot."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.record.markdown import cell, made, table
from bench.record.plots import COLOURS, png
from bench.record.store import Record
from bench.service.memory import MANY, SERIES, WANTED_GROWTH

NAMES_OF_PLOTS = ("memory.png",)


def page(record: Record) -> str:
    """All measures, one line each, without the series of the plot."""
    header = ("measured", "of", "on", "by method", "median (quartiles)", "unit")
    rows = [
        (one.what, one.by, one.setting, one.goal, cell(one), _unit(one.unit))
        for one in record.measures
        if one.what != SERIES
    ]
    few = record.arguments["requests"]
    short = "" if few >= MANY else f" Memory was measured over {few} requests, not over {MANY}."
    return f"{made(record)}.{short}\n\n{table(header, rows)}"


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name."""
    return {"memory.png": memory(record)}


def memory(record: Record) -> bytes:
    """The memory of a server over its requests, and its limit."""
    found = record.find(what=SERIES)
    x, y = [one.count for one in found], [one.value for one in found]

    def draw(axes: Axes) -> None:
        axes.plot(x, y, color=COLOURS[0], marker="o", markersize=3, label="resident memory")
        if y:
            limit = y[0] * (1 + WANTED_GROWTH)
            label = f"limit: {WANTED_GROWTH:.0%} above the first tenth"
            axes.axhline(limit, color=COLOURS[4], linewidth=1, label=label)
        axes.set_xlabel("requests, of every format by none and dssim in turn")
        axes.set_ylabel("MiB")
        axes.set_xlim(left=0)
        axes.set_ylim(0, 1.15 * max((*y, 1.0)))
        axes.legend(loc="lower right")

    return png(draw, "Memory of a server over its requests", record.file_name, height=3)


def _unit(unit: str) -> str:
    return {"x": "×", "share": "", "bytes": "bytes a pixel"}.get(unit, unit)
