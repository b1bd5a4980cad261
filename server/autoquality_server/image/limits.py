"""How large a source may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a source must not exceed; checked before a pixel is decoded.

    `max_bytes` is of the file, `max_pixels` counts width x height x frames.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int = 2000
