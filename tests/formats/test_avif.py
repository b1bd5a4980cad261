"""AVIF is measured as browsers show it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from autoquality_core.formats import AvifEncoder, encoder_for
from autoquality_core.images import Pixels, luma, luma_planes
from autoquality_core.types import Format
from tests.formats.sources import decoded_luma, grey, photograph, translucent


@pytest.mark.parametrize("quality", [20, 60, 89, 90])
@pytest.mark.parametrize(
    "pixels",
    [photograph(), photograph(17, 33), grey(), translucent(), translucent(2)],
    ids=["colour", "odd sides", "grey", "alpha", "grey alpha"],
)
def test_luma_is_that_of_the_picture_that_libavif_decodes(pixels: Pixels, quality: int) -> None:
    codec = encoder_for(Format.AVIF)
    data = codec.encode(pixels, quality)
    seen = np.asarray(Image.open(io.BytesIO(data)))
    found = decoded_luma(codec, data, pixels)
    assert found.shape == luma(pixels).shape
    assert np.array_equal(found, luma_planes(seen[np.newaxis], over_backgrounds=pixels.has_alpha))


def test_libavif_writes_that_the_colours_are_those_of_srgb() -> None:
    """Primaries 1 and transfer 13 of ITU-T H.273."""
    data = AvifEncoder().encode(photograph(), 60)
    assert data[data.index(b"nclx") + 4 :][:4] == bytes((0, 1, 0, 13))
