"""Our own AVIF decoder: it returns samples of the right shape, or None."""

from __future__ import annotations

from autoquality_core.images.plain_files import decode_plain_avif
from fuzz.targets import Target

SIDES = (16, 16)
"""Width and height of the seeds."""


def run(data: bytes) -> None:
    """Decode it with alpha and without."""
    width, height = SIDES
    for bands in (3, 4):
        samples = decode_plain_avif(data, width, height, bands)
        assert samples is None or samples.shape == (1, height, width, bands)


TARGET = Target(run)
