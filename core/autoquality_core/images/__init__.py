"""Images under limits: opening and decoding files, raw pixels, luma planes, metadata.

Importing this package changes no settings of libvips or OpenCV. Its functions do so
before they first decode anything; `configure` describes the settings.
"""

from __future__ import annotations

from autoquality_core.images.colour import spaces
from autoquality_core.images.libvips import configure
from autoquality_core.images.limits import ImageLimits, cost_of
from autoquality_core.images.loaders import source_formats
from autoquality_core.images.luma import luma, luma_planes
from autoquality_core.images.luma import warm_up as _warm_up_luma
from autoquality_core.images.metadata.kept import NO_METADATA, Metadata
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.raw import check_raw, check_raw_shape, from_raw
from autoquality_core.images.source import Source, open_image

__all__ = [
    "NO_METADATA",
    "ImageLimits",
    "Metadata",
    "Pixels",
    "Source",
    "check_raw",
    "check_raw_shape",
    "configure",
    "cost_of",
    "from_raw",
    "luma",
    "luma_planes",
    "open_image",
    "source_formats",
    "warm_up",
]


def warm_up() -> None:
    """Compile the loops of colours and luma, or load them from numba's cache."""
    spaces.warm_up()
    _warm_up_luma()
