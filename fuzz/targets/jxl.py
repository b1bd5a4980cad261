"""Our own reader of JPEG XL, also with the entropy coding of its profiles: at most ValueError.

libjxl then decodes what was accepted: samples of the announced size, or ValueError.
"""

from __future__ import annotations

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits
from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.file import read_jxl
from autoquality_core.images.jxl.icc import MOST_BYTES, read_profile
from autoquality_core.images.jxl.rewriting import retimed
from fuzz.targets import Target

LIMITS = ImageLimits(max_bytes=1 << 16, max_pixels=1 << 14, max_frames=20)


def run(data: bytes) -> None:
    """Read it as a file, and all of it as a profile."""
    try:
        assert len(read_profile(BitReader(data))) <= MOST_BYTES
    except ValueError:
        pass
    try:
        jxl = read_jxl(data, "image", LIMITS)
    except (InvalidImage, ValueError):
        return
    header = jxl.header
    assert header.width * header.height <= LIMITS.max_pixels
    assert 1 <= jxl.frames <= jxl.pages
    for frames in {1, jxl.frames}:
        if header.width * header.height * frames > LIMITS.max_pixels:
            continue
        try:
            samples, delays = jxl.decode(frames)
        except ValueError:
            continue
        assert samples.shape[:3] == (frames, header.height, header.width)
        assert len(delays) == frames
    if header.ticks and jxl.frames == jxl.pages > 1:
        whole = bytes(jxl.codestream)
        delays = tuple(range(1, jxl.frames + 1))
        try:
            again = read_jxl(retimed(whole, delays, 3), "image", LIMITS)
        except (InvalidImage, ValueError):
            return
        assert again.plays == 3


TARGET = Target(run)
