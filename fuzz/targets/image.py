"""A file as a source: its header, then its pixels, or InvalidImage, within the limits."""

from __future__ import annotations

from autoquality_server.errors import InvalidImage
from autoquality_server.image import ImageLimits, open_image
from fuzz.targets import Target

LIMITS = ImageLimits(max_bytes=1 << 16, max_pixels=1 << 14, max_frames=20)


def run(data: bytes) -> None:
    """Open it, read its metadata, decode it whole, and what there is of it."""
    try:
        source = open_image(data, LIMITS)
    except InvalidImage as error:
        assert error.description, "a refusal says why"
        return
    assert source.width * source.height * source.frames <= LIMITS.max_pixels
    for everything in (False, True):
        source.metadata(everything=everything, copyright_too=True)
    for damaged in (False, True):
        try:
            pixels = source.decode(all_frames=True, damaged=damaged)
        except InvalidImage:
            continue
        assert pixels.samples.shape[:3] == (source.frames, source.height, source.width)


TARGET = Target(run)
