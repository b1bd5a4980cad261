"""Plots as PNG files; the same numbers give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from autoquality_train.report.figures import GREY, INK, STYLE

COLOURS = ("#2b6cb0", "#d9822b", "#2f9e62", "#8256d0", "#c53030", "#8a8f98", "#0f8b8d")
_DPI = 110

__all__ = ["COLOURS", "GREY", "INK", "png", "record_in"]


def png(
    draw: Callable[[Axes], None], title: str, record: str, width: float = 7.2, height: float = 3.6
) -> bytes:
    """The plot that `draw` draws, in inches, with the name of its `record` in the metadata."""
    buffer, small = io.BytesIO(), io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_title(title)
        draw(axes)
        figure.patch.set_facecolor("white")
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    metadata = PngInfo()
    metadata.add_text("Source", record)
    picture = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    picture.save(small, "PNG", optimize=True, pnginfo=metadata)
    return small.getvalue()


def record_in(plot: Path) -> str:
    """The name of the record in a plot's metadata; "" for any other file."""
    try:
        with Image.open(plot) as picture:
            return str(picture.info.get("Source", ""))
    except OSError:
        return ""
