"""Our parser for the boxes of AVIF: it returns samples of the expected shape, or None."""

from __future__ import annotations

from autoquality_core.images.isobmff.avif import decode_plain_avif
from fuzz.targets import Target

SIDES = (16, 16)
"""The size of the seeds."""


def run(data: bytes) -> None:
    """Decode the input with and without alpha."""
    width, height = SIDES
    for bands in (3, 4):
        samples = decode_plain_avif(data, width, height, bands)
        assert samples is None or samples.shape == (1, height, width, bands)


TARGET = Target(run)
