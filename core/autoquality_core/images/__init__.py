"""Images under limits: decoding, resident pixels, luma planes.

Importing this package sets libvips up for untrusted input (see `setup`).
"""

from __future__ import annotations

from autoquality_core.images.libvips import configure  # first: before anything uses libvips

# isort: split
from autoquality_core.images.colour import spaces as _spaces
from autoquality_core.images.cost import cost_of
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.luma import luma, luma_planes
from autoquality_core.images.luma import warm_up as _warm_up_luma
from autoquality_core.images.metadata.kept import NO_METADATA, Metadata
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.raw import check_raw, check_raw_shape, from_raw
from autoquality_core.images.source import Source, open_image
from autoquality_core.images.source_formats import SOURCE_FORMATS

__all__ = [
    "NO_METADATA",
    "SOURCE_FORMATS",
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
    "warm_up",
]


def warm_up() -> None:
    """Compile the loops of colours and luma, or load them from numba's cache."""
    _spaces.warm_up()
    _warm_up_luma()
