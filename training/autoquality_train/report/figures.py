"""Cases as plots, each an SVG file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from autoquality_core.metrics import Metric
from autoquality_train.judging.calibration import BINS, STEPS
from autoquality_train.judging.cases import SEARCHES, Case
from autoquality_train.judging.judge import Picture
from autoquality_train.report.tables import METRIC_NAMES

INK = "#22272e"
PALE = "#e6e8eb"
GREY = "#8a8f98"
GROUPS = {"photographs": "#2b6cb0", "graphics": "#d9822b", "images": "#2b6cb0"}
SEARCH_COLOURS = {
    "network": "#5cbb87",
    "first guess": "#b4e0c8",
    "prior": "#7fb0df",
    "secant": "#a7acb4",
    "bisection": "#d3d6da",
}
_SHORT = {
    "network": "network",
    "first guess": "first guess",
    "prior": "corpus prior",
    "secant": "secant",
    "bisection": "bisection",
}
_SHADES = ("#bcd6f0", "#7fb0df", "#2b6cb0", "#1a365d")
_FARTHEST = 15
_FEW_CASES = 5
"""A bin with fewer cases is left out of a plot if there are larger ones."""
STYLE: Any = {
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": PALE,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "autoquality",
}

Parts = Mapping[str, Sequence[Case]]


def miss_histogram(parts: Parts) -> bytes:
    """The histogram of misses; `parts` are photographs and graphics."""

    def draw(axes: Axes) -> None:
        edges = np.arange(-_FARTHEST - 0.5, _FARTHEST + 1)
        shown = [
            np.clip([case.wide.miss for case in some], -_FARTHEST, _FARTHEST)
            for some in parts.values()
        ]
        colours = [GROUPS[name] for name in parts]
        axes.hist(shown, edges.tolist(), stacked=True, color=colours, label=list(parts), rwidth=0.9)
        axes.set_xlabel(f"quality steps too high (beyond ±{_FARTHEST}: in the outermost bars)")
        axes.set_ylabel("cases")
        _whole_numbers(axes.xaxis, axes.yaxis)
        _legend_below(axes)

    return _svg(draw, "Misses, qualities 10 to 95")


def predicted_and_right(parts: Parts) -> bytes:
    """Predicted over right quality, one dot for each case."""

    def draw(axes: Axes) -> None:
        axes.plot([10, 95], [10, 95], color=GREY, linewidth=1)
        for name, some in parts.items():
            right = [case.wide.right for case in some]
            guess = [case.wide.guess for case in some]
            look: Any = {"alpha": 0.7, "linewidths": 0.4, "edgecolors": "white", "label": name}
            axes.scatter(right, guess, 30, GROUPS[name], **look)
        axes.set_xlabel("right quality")
        axes.set_ylabel("predicted quality")
        axes.set_xlim(8, 97)
        axes.set_ylim(8, 97)
        _whole_numbers(axes.xaxis, axes.yaxis)
        _legend_below(axes)

    return _svg(draw, "Predicted and right quality")


def reliability(hits: Mapping[str, Any]) -> bytes:
    """Share of hits over predicted confidence; larger dots stand for more cases."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
        for steps, shade in zip(STEPS, _SHADES, strict=True):
            bins = hits[f"within {steps}"]["bins"]
            least = min(_FEW_CASES, max(one["count"] for one in bins))
            bins = [one for one in bins if one["count"] >= least]
            sure, hit = ([one[key] for one in bins] for key in ("confidence", "hits"))
            total = sum(one["count"] for one in bins)
            axes.plot(sure, hit, color=shade, linewidth=1)
            axes.scatter(sure, hit, [24 + 96 * one["count"] / total for one in bins], shade)
            axes.plot([], [], "o", color=shade, label=f"within {steps}" if steps else "exact")
        axes.set_xlabel(f"predicted probability (bins of {_FEW_CASES} cases or more)")
        axes.set_ylabel("frequency")
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        _legend_below(axes)

    return _svg(draw, "Reliability of the predicted probabilities")


def transform(counts: Sequence[int]) -> bytes:
    """The position of the right quality in the predicted distribution."""

    def draw(axes: Axes) -> None:
        axes.bar((np.arange(BINS) + 0.5) / BINS, counts, 0.9 / BINS, color=_SHADES[1])
        axes.axhline(sum(counts) / BINS, color=GREY, linewidth=1)
        axes.set_xlabel("predicted probability of a lower quality")
        axes.set_ylabel("cases (uniform if calibrated)")
        _whole_numbers(axes.yaxis)

    return _svg(draw, "Position of the right quality in the prediction")


def encodings(found: Mapping[str, Any]) -> bytes:
    """Mean encodings of each search, by range and allowed error; ticks at the 95th percentile."""
    names, goals = [], []
    for one in found.values():
        for error, goal in one["goals"].items():
            names.append(f"{one['low']}–{one['high']}, ±{error}")
            goals.append(goal["iterations"])
    width = 0.8 / len(SEARCHES)

    def draw(axes: Axes) -> None:
        for at, search in enumerate(SEARCHES):
            x = np.arange(len(goals)) + (at - (len(SEARCHES) - 1) / 2) * width
            means = [goal[search]["mean"] for goal in goals]
            axes.bar(x, means, width * 0.92, color=SEARCH_COLOURS[search], label=_SHORT[search])
            high = [goal[search]["p95"] for goal in goals]
            axes.hlines(high, x - width * 0.4, x + width * 0.4, color=INK, linewidth=1.2)
            for place, mean in zip(x, means, strict=True):
                axes.text(place, 0.06, f"{mean:.2f}", ha="center", va="bottom", size=7.5)
        axes.set_xticks(range(len(goals)), names)
        axes.grid(visible=False, axis="x")
        _whole_numbers(axes.yaxis)
        _legend_below(axes, -0.1)

    return _svg(draw, "Encodings: mean (bar) and 95th percentile (tick)", width=9.2)


def curve(case: Case, picture: Picture, metric: Metric) -> bytes:
    """An image's scores over quality, with the target, the right and the predicted quality."""

    def draw(axes: Axes) -> None:
        scores = picture.scores[case.format]
        if metric.lower_is_better:
            scores = np.maximum(scores, 1e-4)
            axes.set_yscale("log")
            axes.set_yticks([1e-3, 1e-2, 1e-1], ["0.001", "0.01", "0.1"])
        axes.plot(np.arange(1, 101), scores, color=GREY, linewidth=1.2)
        axes.axhline(case.target, color="#c9ccd1", linewidth=1)
        right, guess = case.wide.right, case.wide.guess
        axes.plot(right, scores[right - 1], "o", color="#2f9e62", markersize=5)
        axes.plot(guess, scores[guess - 1], "X", color="#c53030", markersize=6)
        axes.set_xlim(1, 100)
        axes.minorticks_off()
        axes.tick_params(labelsize=7)
        axes.set_xlabel("quality", fontsize=7)
        axes.set_ylabel(METRIC_NAMES[metric.name], fontsize=7)

    return _svg(draw, "", width=3.0, height=1.75)


def _whole_numbers(*axes: Axis) -> None:
    for one in axes:
        one.set_major_locator(MaxNLocator(nbins=9, integer=True))


def _legend_below(axes: Axes, y: float = -0.18) -> None:
    """Put the legend where it covers nothing."""
    count = len(axes.get_legend_handles_labels()[1])
    axes.legend(ncols=count, loc="upper center", bbox_to_anchor=(0.5, y), columnspacing=1.2)


def _svg(
    draw: Callable[[Axes], None], title: str, *, width: float = 4.6, height: float = 3.3
) -> bytes:
    """The plot that `draw` draws, in inches. Without a date: equal numbers give equal bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        draw(axes)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
