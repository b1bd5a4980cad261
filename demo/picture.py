"""The picture: curves with the chosen points, and the original next to the results at 1:1."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from work import FORMATS, Point, Result

from autoquality import Client, Format, Method

DPI = 100
CROP = 400
"""The side of the square that is shown of each image, in pixels."""

GAP = 24
MARGIN = 86
CURVE = 230
"""The height of one of the two plots."""

TITLE = 130
CAPTION = 90
SPACE = 90
"""The space between the plots of two formats."""

SHOWN_SCORES = (0, 100)
SHOWN_QUALITIES = (5, 97)

COLOURS = {
    Method.NONE: "#8a8f98",
    Method.SIZE: "#d9822b",
    Method.SSIMULACRA2: "#c2255c",
    Method.DSSIM: "#2b6cb0",
    Method.ML: "#2f9e62",
}
INK = "#22272e"


def draw(
    client: Client,
    image: Path,
    results: list[Result],
    curves: dict[Format, list[Point]],
    path: Path,
) -> None:
    """Write the picture to `path` as PNG."""
    plt.switch_backend("Agg")
    plt.rcParams.update({"font.size": 10, "font.family": "DejaVu Sans", "text.color": INK})
    width = 4 * CROP + 3 * GAP + 2 * MARGIN
    height = TITLE + 2 * CURVE + CAPTION + CROP + MARGIN
    figure = plt.figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")

    def axes(left: float, top: float, wide: float, high: float) -> Axes:
        """Axes at pixel positions, so that images are shown 1:1."""
        return figure.add_axes(
            (left / width, 1 - (top + high) / height, wide / width, high / height)
        )

    def text(left: float, top: float, words: str, **style: Any) -> None:
        figure.text(left / width, 1 - top / height, words, va="top", **style)

    text(MARGIN, 22, f"Which quality? {image.name} by every method", fontsize=18, weight="bold")
    text(
        MARGIN,
        54,
        "Lines: every third quality.  Dots: the qualities that the service chose, "
        "with the number of encodings.",
        fontsize=11,
        color="#57606a",
    )
    half = (width - 2 * MARGIN - 2 * SPACE) / 3
    for column, fmt in enumerate(FORMATS):
        left = MARGIN + column * (half + SPACE)
        chosen = [one for one in results if one.encoded.format == fmt]
        looks = axes(left, TITLE, half, CURVE - 20)
        _score_plot(looks, fmt, curves[fmt], chosen)
        _size_plot(axes(left, TITLE + CURVE, half, CURVE - 30), curves[fmt], chosen)

    shown = [one for one in results if one.method is Method.SSIMULACRA2]
    top = TITLE + 2 * CURVE + CAPTION
    pictures = [("original", f"{image.stat().st_size:,} bytes", image.read_bytes())]
    pictures += [
        (
            f"{one.encoded.format.upper()}, quality {one.encoded.quality}",
            f"{one.encoded.size_bytes:,} bytes, SSIMULACRA2 {one.encoded.ssimulacra2:.1f}",
            one.encoded.image,
        )
        for one in shown
    ]
    text(MARGIN, top - 32, "At 1:1, by method ssimulacra2", fontsize=13, weight="bold")
    for column, (name, facts, data) in enumerate(pictures):
        left = MARGIN + column * (CROP + GAP)
        pixels = _crop(client, data)
        wide, high = pixels.shape[1], pixels.shape[0]
        view = axes(left, top, wide, high)
        view.imshow(pixels, interpolation="none")
        view.set_axis_off()
        text(left, top + high + 8, name, fontsize=12, weight="bold")
        text(left, top + high + 28, facts, fontsize=11, color="#57606a")
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def _score_plot(plot: Axes, fmt: Format, points: list[Point], chosen: list[Result]) -> None:
    plot.plot([one.quality for one in points], [one.score for one in points], color=INK, lw=1.6)
    for one in chosen:
        encoded = one.encoded
        label = f"{one.served_by}: quality {encoded.quality}, {encoded.iterations} encoding"
        label += "s" if encoded.iterations > 1 else ""
        _dot(plot, encoded.quality, encoded.ssimulacra2 or 0.0, one, label)
    _style(plot, "SSIMULACRA2")
    plot.set_title(fmt.upper(), fontsize=13, weight="bold", loc="left")
    plot.set_ylim(*SHOWN_SCORES)
    plot.set_yticks((30, 50, 70, 80, 90))
    plot.tick_params(labelbottom=False)
    plot.legend(loc="lower right", frameon=False, fontsize=9)


def _size_plot(plot: Axes, points: list[Point], chosen: list[Result]) -> None:
    sizes = [one.size_bytes / 1000 for one in points]
    plot.plot([one.quality for one in points], sizes, color=INK, lw=1.6)
    for one in chosen:
        _dot(plot, one.encoded.quality, one.encoded.size_bytes / 1000, one)
    plot.set_yscale("log")
    _style(plot, "kB")
    plot.set_yticks((5, 10, 20, 50, 100, 200), labels=("5", "10", "20", "50", "100", "200"))
    plot.set_xlabel("quality")


def _dot(plot: Axes, quality: int | None, value: float, one: Result, label: str = "") -> None:
    plot.plot(
        [quality or 0],
        [value],
        "o",
        ms=9,
        mec="white",
        color=COLOURS[one.method],
        label=label,
        zorder=5,
    )


def _style(plot: Axes, name: str) -> None:
    plot.set_ylabel(name)
    plot.set_xlim(*SHOWN_QUALITIES)
    plot.minorticks_off()
    plot.grid(color="#e6e8eb", lw=0.7)
    plot.set_axisbelow(True)
    plot.spines[["top", "right"]].set_visible(False)


def _crop(client: Client, data: bytes) -> npt.NDArray[np.uint8]:
    """The middle of an image file, converted to PNG for matplotlib."""
    png = client.encode(data, format=Format.PNG).image
    pixels = plt.imread(io.BytesIO(png))
    top, left = max(0, (pixels.shape[0] - CROP) // 2), max(0, (pixels.shape[1] - CROP) // 2)
    return np.asarray(pixels[top : top + CROP, left : left + CROP])
