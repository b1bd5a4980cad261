"""The header of an AV1 picture: its size, unless a later header can contradict it; its colours."""

from __future__ import annotations

import numpy as np
import pytest
from imagecodecs._avif import avif_encode

from autoquality_core.images.isobmff.av1 import coded_size, colour_codes

HEADER = bytes.fromhex("12000a0918157ffda2021a0d08")  # of 64x64, as libaom writes it
FRAME = bytes.fromhex("320100")


def test_the_size_is_that_of_the_sequence_header() -> None:
    assert coded_size(HEADER + FRAME) == (64, 64)


@pytest.mark.parametrize(
    "more", [HEADER, FRAME + HEADER, FRAME[:-1], b"\x32", FRAME * 100], ids=len
)
def test_a_second_header_or_a_truncated_unit_is_refused(more: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (which one does not matter)
        coded_size(HEADER + more)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("pixels", ["yuv400", "yuv420", "yuv422", "yuv444"])
def test_the_colours_are_those_that_libaom_wrote(pixels: str, bits: int) -> None:
    """The place of their codes depends on the profile, the depth and whether there is chroma."""
    samples = np.full((64, 64, 3), 90, np.uint8 if bits == 8 else np.uint16)
    data = avif_encode(
        samples[..., 0] if pixels == "yuv400" else samples,
        bitspersample=bits,
        pixelformat=pixels,
        primaries=9,
        transfer=16,
        codec="aom",
        speed=10,
        numthreads=1,
    )
    stream = data[data.index(b"mdat") + 4 :]
    assert coded_size(stream) == (64, 64)
    assert colour_codes(stream) == (9, 16)


@pytest.mark.parametrize("ordered", [0, 1])
@pytest.mark.parametrize("level", [7, 8])
def test_the_colours_are_found_behind_the_fields_of_videos(level: int, ordered: int) -> None:
    """From level 8 on, there is a tier. With an order of frames, there are 5 more bits."""
    bits = "000" + "0" * 21 + f"{level:05b}" + "1" * (level > 7)
    bits += "0101" * 2 + "1" * 12  # sides of 6 bits: 64 x 64
    bits += "0" + "0" * 7 + f"{ordered}" + "11" * ordered + "11" + "111" * ordered
    bits += "000" + "0" + "0" + "1" + f"{9:08b}{16:08b}"
    size = -(-len(bits) // 8)
    content = int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")
    stream = bytes((1 << 3 | 2, size)) + content
    assert coded_size(stream) == (64, 64)
    assert colour_codes(stream) == (9, 16)
