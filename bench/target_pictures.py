"""The picture of two drawings as JPEG, at DSSIM 0.02 and at "high".

Both have large smooth areas. DSSIM hardly notices what happens to their colors.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import cv2
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

import autoquality_core as aq
from autoquality_core.formats import JpegEncoder
from autoquality_core.types import RawSource
from bench.record import Record
from bench.record.plots import GREY, INK

Samples = npt.NDArray[np.uint8]

NAMES_OF_PLOTS = ("targets.png",)
GOALS = {"DSSIM 0.02": ("dssim", 0.02), "high": ("ssimulacra2", 70.0)}

_DPI = 100
_WIDTH, _HEIGHT = 560, 360
_SHOWN = (slice(20, 290), slice(176, 560))
"""The part of each drawing that fits the page at 1:1."""
_GAP, _TITLE, _CAPTION = 14, 26, 44

_OLIVE, _DIM = "#2b2d16", "#6c6e58"


def chart() -> Samples:
    """A dark chart with two lines, thin text and dim areas."""
    figure = Figure((_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, facecolor=_OLIVE)
    axes = figure.add_axes((0.1, 0.14, 0.87, 0.72), facecolor=_OLIVE)
    hours = np.linspace(0, 24, 200)
    for color, turns, name in (("#8a8450", 1.0, "read"), ("#5b7a80", 2.1, "write")):
        rate = 20 + 8 * np.sin(turns * (hours / 7.7 + 1)) + turns * hours / 4.8
        axes.plot(hours, rate, color=color, linewidth=3, label=name)
        axes.fill_between(hours, 0, rate, color=color, alpha=0.1)
    axes.set_ylim(0, 45)
    axes.set_title("disk, MB a second", color=_DIM, fontsize=8, loc="right")
    axes.tick_params(colors=_DIM, labelsize=7, length=2)
    axes.spines[:].set_visible(False)
    axes.legend(fontsize=7, frameon=False, labelcolor=_DIM, ncols=2, loc="upper right")
    return _drawn(figure)


def sky() -> Samples:
    """A smooth gradient with a sun."""
    down, across = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    dusk = (0.55 * across / _WIDTH + 0.45 * down / _HEIGHT)[..., None]
    sun = np.clip(1 - np.hypot(across - 430, down - 120) / 150, 0, 1)[..., None] ** 2
    color = np.array([46, 64, 92]) + dusk * np.array([150, 100, 58]) + sun * np.array([50, 40, 10])
    return np.asarray(color.round().clip(0, 255), np.uint8)


DRAWINGS: Mapping[str, Callable[[], Samples]] = {"a dark chart": chart, "a gradient": sky}


def plots(record: Record) -> dict[str, bytes]:
    """PNG files by name; `record` dates them."""
    rows = [[(name, draw()), *map(_shown, encoded(draw()))] for name, draw in DRAWINGS.items()]
    cell = [part.stop - part.start for part in _SHOWN]
    high = len(rows) * (cell[0] + _CAPTION) + _TITLE
    wide = len(rows[0]) * (cell[1] + _GAP) + _GAP
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.color": INK}):
        figure = Figure((wide / _DPI, high / _DPI), dpi=_DPI, facecolor="white")
        for column, title in enumerate(("original", *GOALS)):
            at = (_GAP + column * (cell[1] + _GAP)) / wide
            figure.text(at, 1 - 6 / high, title, fontsize=11, weight="bold", va="top")
            for row, cells in enumerate(rows):
                top = _TITLE + row * (cell[0] + _CAPTION)
                place = (at, 1 - (top + cell[0]) / high, cell[1] / wide, cell[0] / high)
                axes = figure.add_axes(place)
                axes.imshow(cells[column][1][_SHOWN], interpolation="none")
                axes.set_axis_off()
                under = 1 - (top + cell[0] + 6) / high
                figure.text(at, under, cells[column][0], fontsize=10, va="top", color=GREY)
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format="png", metadata={"Software": None, "Source": record.file_name}
        )
    return {NAMES_OF_PLOTS[0]: buffer.getvalue()}


def encoded(samples: Samples) -> list[aq.EncodeResult]:
    """The answer for each of `GOALS`, as JPEG."""
    source = RawSource(_WIDTH, _HEIGHT, 3, samples.tobytes())
    return [
        aq.encode(
            source,
            JpegEncoder(),
            method=method,
            target=target,
            min_quality=1,
            max_quality=100,
            measure=("dssim", "ssimulacra2"),
        )
        for method, target in GOALS.values()
    ]


def _shown(one: aq.EncodeResult) -> tuple[str, Samples]:
    """The caption and the pixels of an answer."""
    dssim, score = one.scores["dssim"], one.scores["ssimulacra2"]
    size = f"JPEG, quality {one.quality}, {len(one.image):,} bytes"
    pixels = cv2.imdecode(np.frombuffer(one.image, np.uint8), cv2.IMREAD_COLOR_RGB)
    caption = f"{size}\nDSSIM {dssim:.4f}, SSIMULACRA2 {score:.0f}"
    return caption, np.asarray(pixels, np.uint8)


def _drawn(figure: Figure) -> Samples:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"), np.uint8)
