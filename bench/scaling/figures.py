"""Scaling as plots."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.compare.task import ALL_NAMES
from bench.record.plots import COLOURS, GREY, png
from bench.record.store import Record
from bench.scaling.megapixels import WHAT

NAMES_OF_PLOTS = ("megapixels.png", "callers.png", "cores.png")
_LINES = {"none": ":", "dssim": "--", "ssimulacra2": "-"}


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name."""
    return dict(
        zip(NAMES_OF_PLOTS, (megapixels(record), callers(record), cores(record)), strict=True)
    )


def megapixels(record: Record) -> bytes:
    """Processor time over megapixels, both in logarithms."""

    def draw(axes: Axes) -> None:
        for colour, (setting, name) in zip(COLOURS, ALL_NAMES.items(), strict=False):
            for method, line in _LINES.items():
                found = record.find(what=WHAT, by=method, setting=setting)
                x, y = [float(one.goal) for one in found], [one.value for one in found]
                if x:
                    label = f"{name}: {method}"
                    axes.plot(x, y, line, color=colour, marker="o", markersize=3, label=label)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("megapixels")
        axes.set_ylabel("processor time, seconds")
        axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), handlelength=3.5)

    return png(draw, "Cost of one image by its size", record.file_name, height=4.2)


def callers(record: Record) -> bytes:
    """Throughput, and waiting times on another axis."""

    def draw(axes: Axes) -> None:
        other = axes.twinx()
        for place, what, colour in (
            (axes, "throughput", COLOURS[0]),
            (other, "median wait", COLOURS[1]),
            (other, "95th percentile of the wait", COLOURS[4]),
        ):
            x, y = _points(record, what, "callers")
            place.plot(x, y, color=colour, marker="o", markersize=3)
            axes.plot([], [], color=colour, marker="o", markersize=3, label=what)
        axes.set_xscale("log", base=2)
        axes.set_xticks(x, [f"{one:g}" for one in x])
        axes.set_xlabel("callers")
        axes.set_ylabel("images a second")
        axes.set_ylim(bottom=0)
        other.set_ylabel("wait, ms")
        other.set_yscale("log")
        other.grid(visible=False)
        axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))

    return png(draw, "One server, all cores, by its callers", record.file_name)


def cores(record: Record) -> bytes:
    """Throughput by cores, and that of one core times the number of cores."""

    def draw(axes: Axes) -> None:
        x, y = _points(record, "throughput", "cores")
        if x:
            even = [y[0] * one / x[0] for one in x]
            axes.plot(x, even, color=GREY, linewidth=1, label="one core × cores")
        axes.plot(x, y, color=COLOURS[0], marker="o", label="measured")
        axes.set_xticks(x, [f"{one:g}" for one in x])
        axes.set_xlabel("cores of the server")
        axes.set_ylabel("images a second")
        axes.set_ylim(bottom=0)
        axes.legend(loc="lower right")

    return png(draw, "One server by its cores", record.file_name, width=4.6)


def _points(record: Record, what: str, number: str) -> tuple[list[float], list[float]]:
    found = [one for one in record.find(what=what) if one.goal.endswith(f" {number}")]
    found.sort(key=lambda one: one.count)
    return [float(one.count) for one in found], [one.value for one in found]
