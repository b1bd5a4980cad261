"""What libvips and pyvips may say in our logs."""

from __future__ import annotations

import logging

import pytest

from autoquality_core.formats import encoder_for
from autoquality_core.images import ImageLimits, from_raw, open_image
from autoquality_core.types import Format, RawSource

LIMITS = ImageLimits(max_bytes=2**20, max_pixels=2**20)


def test_no_image_gets_into_the_log_not_even_at_debug_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    pixels = from_raw(RawSource(64, 64, 3, bytes(64 * 64 * 3)), LIMITS)
    data = encoder_for(Format.JPEG).encode(pixels, 80)
    open_image(data, LIMITS).decode(all_frames=False)
    assert [record.name for record in caplog.records if "\\xff" in record.getMessage()] == []
