"""Latency and memory over time as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoquality_train.report.figures import STYLE
from bench.serving import MIB
from bench.soak.calls import Record
from bench.soak.load import Soaked
from bench.soak.plan import METHODS
from bench.soak.verdict import PERCENTILES, percentiles

BINS = 30
_SHADES = ("#7fb0df", "#2b6cb0", "#1a365d")
_REST = "#d9822b"


def draw(soaked: Soaked, folder: Path) -> list[Path]:
    """Write `latency.png` and `memory.png`."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with mpl.rc_context(STYLE):
        for name, figure in (("latency", _latency(soaked)), ("memory", _memory(soaked))):
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=110)
            found.append(path)
    return found


def _latency(soaked: Soaked) -> Figure:
    """Percentiles of latency over time, one panel for each method."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True).flat
    for axes, method in zip(panels, METHODS, strict=True):
        some = [one for one in soaked.records if one.ok and one.name == method]
        _percentile_lines(axes, some, soaked)
        axes.set_title(f"{method} ({len(some)} answers)")
        axes.set_yscale("log")
    figure.supxlabel("minutes")
    figure.supylabel("seconds, retries included")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def _percentile_lines(axes: Axes, records: Sequence[Record], soaked: Soaked) -> None:
    wide = soaked.seconds / BINS
    times, lines = [], []
    for number in range(BINS):
        low = soaked.start + number * wide
        seconds = [one.seconds for one in records if low <= one.at < low + wide]
        if seconds:
            times.append((number + 0.5) * wide / 60)
            lines.append(percentiles(seconds))
    for which, (percentile, colour) in enumerate(zip(PERCENTILES, _SHADES, strict=True)):
        values = [line[which] for line in lines]
        axes.plot(times, values, color=colour, label=f"p{percentile}", marker=".", markersize=3)


def _memory(soaked: Soaked) -> Figure:
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    minutes = [(one.at - soaked.start) / 60 for one in soaked.samples]
    above.plot(minutes, [one.vitals.rss / MIB for one in soaked.samples], color=_SHADES[1])
    rests = [(one.at - soaked.start) / 60 for one in soaked.rests]
    at_rest = [one.vitals.rss / MIB for one in soaked.rests]
    above.plot(rests, at_rest, "o", color=_REST, label="at rest")
    above.set_title("resident memory of the server")
    above.set_ylabel("MiB")
    above.set_ylim(bottom=0)
    above.legend(loc="lower right")
    for name, values, colour in (
        ("open descriptors", [one.vitals.descriptors for one in soaked.samples], _SHADES[0]),
        ("threads", [one.vitals.threads for one in soaked.samples], _SHADES[2]),
    ):
        below.plot(minutes, values, color=colour, label=name)
    below.set_xlabel("minutes")
    below.set_ylim(bottom=0)
    below.legend(loc="lower right", ncols=2)
    return figure
