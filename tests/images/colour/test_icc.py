"""Writing and reading ICC profiles, damaged ones included."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from autoquality_core.errors import InvalidImage
from autoquality_core.images import open_image
from autoquality_core.images.colour import icc
from autoquality_core.images.colour.cicp import Colours, from_codes, from_gama_chrm
from autoquality_core.types import ColorProfile
from tests.images.files import AMPLE, grey_profile, image_of, png_with, with_profile

P3 = pyvips.Image.profile_load("p3")
EVERY_CODE = [
    colours
    for primaries in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22)
    for transfer in (4, 5, 8, 13, 17)
    if (colours := from_codes(primaries, transfer)) is not None
]
profiles = st.sampled_from([P3, pyvips.Image.profile_load("srgb"), grey_profile(1.8)])


def opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


@pytest.mark.parametrize("colours", EVERY_CODE, ids=str)
def test_lcms_renders_a_written_profile_as_we_render_the_description(
    colours: Colours,
) -> None:
    """In the middle of the gamut, where lcms is exact."""
    shown = np.random.default_rng(1).integers(110, 190, (16, 16, 3), np.uint8)
    by_lcms = ImageCms.profileToProfile(
        Image.fromarray(shown),
        opened(icc.profile_of(colours, 3)),
        ImageCms.createProfile("sRGB"),
    )
    profiled = with_profile(image_of(shown), icc.profile_of(colours, 3))
    found = open_image(profiled, AMPLE).decode(all_frames=False).samples[0].astype(int)
    inside = (found > 0) & (found < 255)
    assert np.abs(found - np.asarray(by_lcms))[inside].max() <= 1


@pytest.mark.parametrize("transfer", [4, 5, 8])
def test_lcms_renders_a_grey_profile_and_its_rgb_version_alike(transfer: int) -> None:
    colours = from_codes(1, transfer)
    assert colours is not None
    shown = Image.fromarray(np.arange(64, 256, dtype=np.uint8)[np.newaxis])
    grey = icc.profile_of(colours, 1)
    rgb = icc.in_rgb(grey)
    assert rgb is not None
    srgb = ImageCms.createProfile("sRGB")
    one = ImageCms.profileToProfile(shown, opened(grey), srgb, outputMode="RGB")
    other = ImageCms.profileToProfile(shown.convert("RGB"), opened(rgb), srgb)
    assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1


@pytest.mark.parametrize("kind", range(5))
def test_every_kind_of_parametric_curve_is_read(kind: int) -> None:
    """ICC.1:2022, table 68; lcms judges, in bright samples, of curves that end at 1."""
    values = ((1.8,), (1.8, 0.9, 0.1), (1.8, 0.8, 0.1, 0.17276), (2.4, 0.95, 0.05, 0.08, 0.04))
    values += ((2.2, 0.9, 0.05, 0.1, 0.05, 0.10672, 0.01),)
    fixed = b"".join(struct.pack(">i", round(one * 65536)) for one in values[kind])
    tag = b"para\0\0\0\0" + struct.pack(">H2x", kind) + fixed
    profile = bytearray(icc.profile_of(EVERY_CODE[0], 1))
    at = 132 + 12 * next(n for n in range(4) if profile[132 + 12 * n :][:4] == b"kTRC")
    struct.pack_into(">II", profile, at + 4, len(profile), len(tag))
    profile += tag
    struct.pack_into(">I", profile, 0, len(profile))
    shown = np.arange(96, 256, dtype=np.uint8)[np.newaxis]
    expected = ImageCms.profileToProfile(
        *(Image.fromarray(shown), opened(bytes(profile)), ImageCms.createProfile("sRGB")),
        outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    data = with_profile(image_of(shown[..., np.newaxis]), bytes(profile))
    found = open_image(data, AMPLE).decode(all_frames=False).samples[0, ..., 0].astype(int)
    assert np.abs(found - np.asarray(expected)[..., 1]).max() <= 1


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    profile=profiles,
    changes=st.lists(st.tuples(st.integers(0, 479), st.integers(0, 255)), max_size=8),
    length=st.integers(0, 480),
    keep=st.booleans(),
)
def test_an_image_with_a_damaged_profile_is_decoded(
    profile: bytes, changes: list[tuple[int, int]], length: int, keep: bool
) -> None:
    changed = bytearray(profile)
    for at, value in changes:
        changed[at % len(changed)] = value
    content = bytes(changed[: max(length, 1)] if not changes else changed)
    bands = 1 if profile[16:20] == b"GRAY" else 3
    data = with_profile(image_of(np.full((4, 4, bands), 100, np.uint8)), content)
    source = open_image(data, AMPLE)
    wanted = ColorProfile.KEEP if keep else ColorProfile.SRGB
    pixels = source.decode(all_frames=False, profile=wanted)
    assert pixels.samples.shape == (1, 4, 4, bands)
    icc.nearest((255, 128, 0), pixels.profile)
    if pixels.profile is not None and bands == 1:
        assert icc.in_rgb(pixels.profile) is not None


@settings(deadline=None, max_examples=100)
@given(
    gama=st.none() | st.integers(0, 2**32 - 1) | st.integers(9_000, 300_000),
    chrm=st.none()
    | st.tuples(*[st.integers(-(2**31), 2**31 - 1)] * 8)
    | st.tuples(*[st.integers(-20_000, 120_000)] * 8),
)
def test_any_gama_and_chrm_are_ignored_or_make_a_profile(
    gama: int | None, chrm: tuple[int, ...] | None
) -> None:
    colours = from_gama_chrm(gama, chrm)
    if colours is not None:
        opened(icc.profile_of(colours, 3))
        opened(icc.profile_of(colours, 1))
        assert np.isfinite(colours.to_srgb()).all()


@pytest.mark.parametrize("name", [b"cICP", b"gAMA", b"cHRM", b"sRGB"])
@pytest.mark.parametrize("length", [0, 1, 3, 5, 31, 33])
def test_chunks_of_a_wrong_length_are_ignored_or_refused(name: bytes, length: int) -> None:
    shown = np.full((4, 4, 3), 100, np.uint8)
    try:
        source = open_image(png_with(image_of(shown), (name, bytes([1] * length))), AMPLE)
        pixels = source.decode(all_frames=False)
    except InvalidImage:
        return
    assert np.array_equal(pixels.samples[0], shown)


def test_a_large_curve_is_not_copied_for_each_tag() -> None:
    """A hundred tags that are all of a profile of 8 MB are not copied."""
    size = 8 << 20
    table = b"".join(struct.pack(">4sII", b"t%03d" % n, 0, size) for n in range(100))
    head = struct.pack(">I", size) + P3[4:128] + struct.pack(">I", 100) + table
    assert icc.space_of(head.ljust(size, b"\0"), 3, 256) is None
