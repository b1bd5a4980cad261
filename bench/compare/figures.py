"""The comparison as plots."""

from __future__ import annotations

from matplotlib.axes import Axes

from bench.compare.task import NAMES
from bench.record.plots import COLOURS, GREY, INK, png
from bench.record.store import Measure, Record

NAMES_OF_PLOTS = ("cost.png", "rivals-size.png", "rivals-dssim.png", "rivals-ssimulacra2.png")

_METHODS = {
    "size": "size 10-95",
    "dssim": "dssim 10-95",
    "ml": "dssim 10-95",
    "ssimulacra2": "ssimulacra2 10-95",
}


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name."""
    return {
        "cost.png": cost(record),
        "rivals-size.png": rivals(record, "size", "Byte budget"),
        "rivals-dssim.png": rivals(record, "dssim", "DSSIM target"),
        "rivals-ssimulacra2.png": rivals(record, "ssimulacra2", "SSIMULACRA2 target"),
    }


def cost(record: Record) -> bytes:
    """The cost of our methods relative to method none, with quartiles and limits."""

    def draw(axes: Axes) -> None:
        width = 0.8 / len(_METHODS)
        for at, (method, goal) in enumerate(_METHODS.items()):
            for place, setting in enumerate(NAMES):
                one = record.one(
                    what="cost over none", by=f"autoquality {method}", setting=setting, goal=goal
                )
                if one is None:
                    continue
                x = place + (at - (len(_METHODS) - 1) / 2) * width
                axes.bar(x, one.value, width * 0.9, color=COLOURS[at])
                axes.plot([x, x], [one.low, one.high], color=INK, linewidth=1)
                axes.text(x, 0.05, f"{one.value:.1f}", ha="center", va="bottom", color="white")
                if one.wanted is not None:
                    half = width * 0.45
                    axes.hlines(one.wanted, x - half, x + half, color=COLOURS[4], linewidth=1.6)
            axes.bar(0, 0, color=COLOURS[at], label=method)
        axes.plot([], [], color=COLOURS[4], linewidth=1.6, label="limit")
        axes.axhline(1, color=GREY, linewidth=1)
        axes.set_xticks(range(len(NAMES)), list(NAMES.values()))
        axes.set_ylabel("processor time, × method none")
        axes.grid(visible=False, axis="x")
        axes.legend(ncols=5, loc="upper center", bbox_to_anchor=(0.5, -0.1))

    return png(draw, "Cost of finding the quality, qualities 10 to 95", record.file_name)


def rivals(record: Record, method: str, title: str) -> bytes:
    """Processor time a megapixel of every tool, grouped by setting."""
    goal = f"{method} 10-95"
    groups = [
        (name, _sorted(record.find(what="processor time", setting=setting, goal=goal)))
        for setting, name in NAMES.items()
    ]
    lines = sum(len(group) + 1 for _, group in groups)

    def draw(axes: Axes) -> None:
        y, names, places = 0, [], []
        for name, group in groups:
            # The group's name has a line of its own.
            names.append(name)
            places.append(y)
            y += 1
            for one in group:
                ours = one.by.startswith("autoquality")
                axes.barh(y, one.value, 0.8, color=COLOURS[0] if ours else COLOURS[5])
                axes.plot([one.low, one.high], [y, y], color=INK, linewidth=1)
                axes.text(one.high * 1.05, y + 0.3, f"{one.value:.0f}", va="bottom", fontsize=7)
                names.append(one.by)
                places.append(y)
                y += 1
        axes.set_yticks(places, names, fontsize=8)
        headings = [name for name, _ in groups]
        for label in axes.get_yticklabels():
            if label.get_text() in headings:
                label.set_fontweight("bold")
        axes.set_ylim(y - 0.4, -0.6)
        axes.set_xscale("log")
        axes.margins(x=0.08)
        axes.set_xlabel("processor time, ms a megapixel (median, quartiles)")
        axes.grid(visible=False, axis="y")

    return png(draw, f"{title}, qualities 10 to 95", record.file_name, height=0.8 + 0.22 * lines)


def _sorted(found: list[Measure]) -> list[Measure]:
    return sorted(found, key=lambda one: one.value)
