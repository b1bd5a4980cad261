"""What an image costs to decode and encode, in pixels."""

from __future__ import annotations

LEAST_ROW = 16
"""Pixels that a row costs at least. Decoders and encoders take some 0.4 microseconds for a row,
as for 9 to 18 pixels of a PNG: 1x4,000,000 costs 13 times as much as 2000x2000, 4x1,000,000 four
times, 16x250,000 twice."""


def cost_of(width: int, height: int, frames: int = 1) -> int:
    """The pixels of an image, and more for a narrow one."""
    return frames * height * max(width, LEAST_ROW)
