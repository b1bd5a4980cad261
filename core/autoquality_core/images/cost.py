"""What an image costs to decode and encode, in pixels."""

from __future__ import annotations

LEAST_ROW = 16
"""Pixels that a row costs at least: decoders and encoders also take time for each row, about as
long as for so many pixels."""


def cost_of(width: int, height: int, frames: int = 1) -> int:
    """The pixels of an image, and more for a narrow one."""
    return frames * height * max(width, LEAST_ROW)
