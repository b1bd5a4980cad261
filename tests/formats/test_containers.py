"""Metadata inserted into files that have an ICC profile, alpha or several frames."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from PIL import Image

from autoquality_core.formats import (
    EncoderOptions,
    WebpOptions,
    encoder_for,
    with_metadata,
)
from autoquality_core.images import NO_METADATA, Metadata, Pixels
from autoquality_core.types import Format
from tests.formats.sources import decoded_luma, grey, moving, photograph, translucent
from tests.images.metadata_files import (
    ARTIST,
    UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    exif_block,
    packet,
    text,
)

RESOLUTION = (5, 1, struct.pack("<II", 300, 1))
TAGS = {
    ARTIST: text("Ada Lovelace"),
    **dict.fromkeys((X_RESOLUTION, Y_RESOLUTION), RESOLUTION),
    UNIT: (3, 1, b"\2\0"),
}
METADATA = Metadata(
    exif=exif_block(TAGS),
    xmp=packet("<dc:title>odd</dc:title>"),
)
WEBP = encoder_for(Format.WEBP)
PROFILE = pyvips.Image.profile_load("p3")
PICTURES = {
    "colour": photograph,
    "grey": grey,
    "alpha": translucent,
    "grey with alpha": lambda: translucent(2),
    "film": moving,
    "film with alpha": lambda: moving(bands=4),
}


def profiled(pixels: Pixels) -> Pixels:
    return replace(pixels, profile=PROFILE)


def cases() -> list[tuple[Format, str]]:
    def holds(fmt: Format, name: str) -> bool:
        codec = encoder_for(fmt)
        return (codec.keeps_alpha or "alpha" not in name) and (
            codec.keeps_animation or "film" not in name
        )

    """Pillow reads neither JPEG XL nor its metadata: `test_jxl` has it."""
    formats = [fmt for fmt in Format if fmt is not Format.JXL]
    return [(fmt, name) for fmt in formats for name in PICTURES if holds(fmt, name)]


@pytest.mark.parametrize(("fmt", "name"), cases())
@pytest.mark.parametrize("icc", [False, True])
def test_metadata_changes_nothing_else(fmt: Format, name: str, icc: bool) -> None:
    pixels = PICTURES[name]()
    if icc and "grey" not in name:
        pixels = profiled(pixels)
    bare = encoder_for(fmt).encode(pixels, 70)
    data = with_metadata(fmt, bare, METADATA)
    before, after = (Image.open(io.BytesIO(one)) for one in (bare, data))
    for frame in range(pixels.frames):
        before.seek(frame)
        after.seek(frame)
        assert np.array_equal(np.asarray(before), np.asarray(after))
    assert (after.mode, after.info.get("icc_profile")) == (
        before.mode,
        before.info.get("icc_profile"),
    )
    found = {ARTIST: "Ada Lovelace", X_RESOLUTION: 300, Y_RESOLUTION: 300, UNIT: 2}
    assert dict(after.getexif()) == found
    seen = pyvips.Image.new_from_buffer(data, "")
    assert seen.get("xmp-data") == METADATA.xmp
    assert ("icc-profile-data" in seen.get_fields()) == ("icc_profile" in before.info)
    if fmt in (Format.JPEG, Format.PNG):
        assert after.info["dpi"][0] == pytest.approx(300, abs=0.02)
    assert np.array_equal(
        decoded_luma(encoder_for(fmt), data, pixels), decoded_luma(encoder_for(fmt), bare, pixels)
    )
    assert with_metadata(fmt, bare, NO_METADATA) == bare


@pytest.mark.parametrize("icc", [False, True])
def test_what_alpha_takes_is_the_same_at_every_quality(icc: bool) -> None:
    pixels = profiled(translucent()) if icc else translucent()
    for alpha_quality in (0, 50, 100):
        options = EncoderOptions(webp=WebpOptions(alpha_quality=alpha_quality))
        files = [
            encoder_for(Format.WEBP, options).encode(pixels, quality) for quality in (1, 50, 100)
        ]
        assert len({WEBP.alpha_bytes(one) for one in files}) == 1
        assert WEBP.alpha_bytes(files[0]) > len(PROFILE) * icc
    assert WEBP.alpha_bytes(WEBP.encode(moving(bands=4), 50)) == 0
    assert WEBP.alpha_bytes(WEBP.encode(photograph(), 50)) == 0
