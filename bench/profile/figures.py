"""The profile as a plot: one bar for each request, one part for each stage."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.compare.task import ALL_NAMES
from bench.profile.libraries import DECODE_RESULT, ENCODE, libraries
from bench.profile.stages import (
    FEATURES,
    HEADER,
    LUMA,
    METRIC,
    MOMENTS,
    NETWORK,
    PRIOR,
    SEARCH,
    SOURCE,
    STAGES,
    VALIDATE,
    title,
)
from bench.profile.tables import requests
from bench.record.markdown import number
from bench.record.plots import GREY, INK, png
from bench.record.store import Measure, Record

NAMES_OF_PLOTS = ("slices.png",)

_COLOURS = {
    ENCODE: "#2b6cb0",
    DECODE_RESULT: "#7fb0df",
    LUMA: "#bcd6f0",
    MOMENTS: "#b4e0c8",
    METRIC: "#2f9e62",
    FEATURES: "#d9822b",
    PRIOR: "#f0c08a",
    SEARCH: "#c53030",
    NETWORK: "#8256d0",
    SOURCE: "#6b7280",
    HEADER: "#a8896c",
    VALIDATE: INK,
}
_LABELLED = 0.045
"""The least share that is labelled with its number."""

_SEEN = 0.003
"""The least share that is visible, and so needs a legend."""


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name."""
    return {"slices.png": bars(record)}


def bars(record: Record) -> bytes:
    """The share of each stage, in the order of `STAGES`, with the total milliseconds."""
    found = list(requests(record))
    firsts = {total.setting: total for total, _ in reversed(found)}
    settings = list(dict.fromkeys(total.setting for total, _ in found))

    def draw(axes: Axes) -> None:
        y, places, names = 0.0, [], []
        for setting in settings:
            axes.text(0, y + 0.35, _heading(record, firsts[setting]), weight="bold")
            y += 1
            for total, parts in found:
                if total.setting == setting:
                    _bar(axes, y, total.value, parts)
                    places.append(y)
                    names.append(total.goal)
                    y += 1
        for name in STAGES:
            if any(parts.get(name, 0) >= _SEEN * total.value for total, parts in found):
                axes.barh(0, 0, color=_COLOURS.get(name, GREY), label=title(name))
        axes.set_yticks(places, names)
        axes.set_ylim(y - 0.4, -0.6)
        axes.set_xlim(0, 1.1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.set_xlabel("share of the request's processor time; at the right, milliseconds")
        axes.grid(visible=False, axis="y")
        axes.legend(ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.46, -0.1))

    height = 1.9 + 0.27 * (len(found) + len(settings))
    return png(draw, "Processor time of one request by stage", record.file_name, 8.4, height)


def _heading(record: Record, total: Measure) -> str:
    encoder = libraries(record, total.goal, total.setting).get(ENCODE, "")
    name = ALL_NAMES.get(total.setting, total.setting)
    return f"{name}: {encoder}" if encoder else name


def _bar(axes: Axes, y: float, total: float, parts: dict[str, float]) -> None:
    left, whole = 0.0, sum(parts.values())  # medians add up to nearly that of the request
    for name in (*STAGES, *sorted(set(parts) - set(STAGES))):
        part = parts.get(name, 0.0) / whole
        colour = _COLOURS.get(name, GREY)
        axes.barh(y, part, 0.8, left, color=colour, edgecolor="white", linewidth=0.4)
        if part >= _LABELLED:
            light = colour in ("#bcd6f0", "#b4e0c8", "#f0c08a", "#7fb0df")
            label = f"{part:.0%}".replace("%", " %")
            axes.text(
                left + part / 2, y, label, fontsize=7, ha="center", va="center",
                color=INK if light else "white",
            )  # fmt: skip
        left += part
    axes.text(1.01, y, number(total), fontsize=8, va="center")
