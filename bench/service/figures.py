"""The service's memory as a plot."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.record.plots import COLOURS, png
from bench.record.store import Record
from bench.service.memory import SERIES, WANTED_GROWTH

NAMES_OF_PLOTS = ("memory.png",)


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name."""
    return {"memory.png": memory(record)}


def memory(record: Record) -> bytes:
    """What a server holds over requests, and how much it may hold after the first tenth."""
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
