"""A file as a source: a header and pixels within the limits, or InvalidImage."""

from __future__ import annotations

import numpy as np

from autoquality_core.errors import InvalidImage
from autoquality_core.formats import stripped
from autoquality_core.images import ImageLimits, Pixels, Source, open_image
from autoquality_core.images.metadata.kept import Blocks
from autoquality_core.types import ColorProfile, Format
from fuzz.targets import Target

LIMITS = ImageLimits(max_bytes=1 << 16, max_pixels=1 << 14, max_frames=20)


def run(data: bytes) -> None:
    """Open it, read its metadata, decode it, also as a damaged file, and cut its metadata out."""
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
        if not damaged:
            _strip(source, pixels)


def _strip(source: Source, pixels: Pixels) -> None:
    """Cut all metadata out: the pixels stay, unless metadata turned them or made them move."""
    formats = {fmt.value: fmt for fmt in Format}
    if source.format not in formats or source.orientation != 1 or source.animation is not None:
        return
    data = bytes(source.data)
    found = stripped(formats[source.format], data, metadata=True, profile=False)
    if found is not None:
        assert len(found) <= len(data)
        again = open_image(found, LIMITS)
        assert again.blocks == Blocks()
        assert np.array_equal(again.decode(all_frames=True).samples, pixels.samples)


TARGET = Target(run)
