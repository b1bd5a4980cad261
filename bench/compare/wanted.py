"""The limits that a search is to keep to, over the wide range and an allowed error of 0.001.

Processor time is that of method none for the same image and quality, so a
limit of 2 means: finding the quality costs no more than encoding once again.
"""

from __future__ import annotations

COST = {
    ("autoquality dssim", "jpeg"): 2.2,
    ("autoquality dssim", "jpeg-mozjpeg"): 1.8,
    ("autoquality dssim", "webp"): 1.8,
    ("autoquality dssim", "avif"): 1.6,
    ("autoquality ml", "jpeg-mozjpeg"): 1.6,
    ("autoquality ml", "webp"): 1.6,
    ("autoquality ml", "avif"): 1.5,
    ("autoquality size", "jpeg"): 2.2,
    ("autoquality size", "jpeg-mozjpeg"): 2.0,
    ("autoquality size", "webp"): 2.2,
    ("autoquality size", "avif"): 1.8,
}
"""The median of processor time over that of method none, by entrant and setting."""

ENCODINGS = {"autoquality dssim": 1.6, "autoquality size": 2.0}
"""The mean number of encodings at the image's full resolution, over all settings."""


def cost(entrant: str, setting: str, span: str) -> float | None:
    """The limit on the cost over method none, None where none is set."""
    return COST.get((entrant, setting)) if span == "10-95" else None
