"""A file as a source: a header and pixels within the limits, or InvalidImage."""

from __future__ import annotations

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.types import ColorProfile
from fuzz.targets import Target

LIMITS = ImageLimits(max_bytes=1 << 16, max_pixels=1 << 14, max_frames=20)


def run(data: bytes) -> None:
    """Open it, read its metadata, and decode it, also as a damaged file."""
    try:
        source = open_image(data, LIMITS)
    except InvalidImage as error:
        assert error.description, "a refusal says why"
        return
    assert source.width * source.height * source.frames <= LIMITS.max_pixels
    for everything in (False, True):
        source.metadata(everything=everything, copyright_too=True)
    for damaged, profile in ((False, ColorProfile.SRGB), (True, ColorProfile.KEEP)):
        try:
            pixels = source.decode(all_frames=True, damaged=damaged, profile=profile)
        except InvalidImage:
            continue
        assert pixels.samples.shape[1:3] == (source.height, source.width)
        # An animation that libvips does not read yields its still image.
        still = source.animation is not None and pixels.frames == 1
        assert still or pixels.frames == source.frames


TARGET = Target(run)
