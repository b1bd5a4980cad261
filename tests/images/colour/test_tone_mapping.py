"""HDR sources are mapped to SDR by the curve of ITU-R BT.2390, from all of their bits.

The tests compute the expected values by the formulas as printed in SMPTE ST 2084, ITU-R
BT.2100 and BT.2390. BT.2408 gives levels of HDR signals.
"""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image, ImageCms

from autoquality_core.images import Pixels, open_image
from autoquality_core.types import ColorProfile
from tests.images.colour.test_render import BT2020_TO_SRGB, light, samples
from tests.images.files import AMPLE, avif_with, image_of, png_with, with_profile

BT709_PQ, BT2020_PQ, BT2020_HLG = (1, 16), (9, 16), (9, 18)
WHITE = 203  # nits, of diffuse white


def pq(nits: Any) -> npt.NDArray[np.float64]:
    """SMPTE ST 2084: the signal, 0 to 1, of light in nits."""
    root = (np.asarray(nits) / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375)


def nits_of(signal: Any) -> npt.NDArray[np.float64]:
    """SMPTE ST 2084: the light in nits of a signal, by search."""
    levels = np.linspace(0, 1, 200_001) ** 4 * 10_000
    return np.interp(signal, pq(levels), levels)


def bt2390(nits: float, peak: float) -> float:
    """Light of a display of 203 nits for light of a source of `peak` nits; black is 0 in both."""
    most = float(pq(WHITE) / pq(peak))
    start = 1.5 * most - 0.5
    level = float(pq(nits) / pq(peak))
    if level >= start:
        t = (level - start) / (1 - start)
        level = (2 * t**3 - 3 * t**2 + 1) * start
        level += (t**3 - 2 * t**2 + t) * (1 - start) + (-2 * t**3 + 3 * t**2) * most
    return float(nits_of(level * pq(peak)))


def hdr_png(signal: npt.NDArray[np.float64], codes: tuple[int, int]) -> bytes:
    image = image_of(np.rint(signal * 65535).astype(np.uint16), _deep(signal.shape[-1]))
    return png_with(image, (b"cICP", bytes((*codes, 0, 1))))


def _deep(bands: int) -> str:
    return "grey16" if bands < 3 else "rgb16"


def decode(data: bytes, **options: Any) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=False, **options)


def test_the_published_levels_of_pq_and_hlg_are_diffuse_white() -> None:
    """ITU-R BT.2408, table 1: diffuse white is 58 % of PQ and 75 % of HLG, 203 nits."""
    assert pq(WHITE) == pytest.approx(0.58, abs=0.001)
    for codes, signal in ((BT2020_PQ, float(pq(WHITE))), (BT2020_HLG, 0.75)):
        found = decode(hdr_png(np.full((8, 8, 3), signal), codes))
        assert found.tone_mapped
        assert found.samples[0, 0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_an_image_without_highlights_looks_as_its_sdr_version_does(bands: int) -> None:
    """Up to diffuse white nothing is compressed."""
    shown = np.random.default_rng(1).integers(0, 256, (32, 32, bands), np.uint8)
    signal = pq(light(shown) * WHITE)
    if bands in (2, 4):
        signal[..., -1] = shown[..., -1] / 255
    found = decode(hdr_png(signal, BT709_PQ))
    assert found.tone_mapped
    assert not found.clipped
    assert np.abs(found.samples[0].astype(int) - shown).max() <= 1


@pytest.mark.parametrize("peak", [400, 1000, 4000, 10_000])
@pytest.mark.parametrize("grey", [False, True])
def test_highlights_follow_bt2390(peak: float, grey: bool) -> None:
    nits = np.array([0, 0.1, 1, 10, 50, 100, 150, 203, 300, 400, peak])
    nits = np.minimum(nits, peak)
    signal = pq(nits)[np.newaxis, :, np.newaxis].repeat(1 if grey else 3, -1)
    expected = samples(np.array([bt2390(one, peak) for one in nits]) / WHITE)
    found = decode(hdr_png(signal, BT709_PQ)).samples[0, 0, :, 0]
    assert np.abs(found - expected).max() <= 1
    assert found[-1] == 255
    assert np.all(np.diff(found.astype(int)) >= 0)


def test_hues_are_preserved() -> None:
    """The largest of R, G and B is mapped, and the others with it."""
    nits = np.array([[[1000, 500, 250]]])
    found = decode(hdr_png(pq(nits), BT709_PQ)).samples[0, 0, 0]
    assert np.abs(found - samples(np.array([1, 0.5, 0.25]))).max() <= 1


def test_hlg_is_shown_on_a_display_of_1000_nits() -> None:
    """ITU-R BT.2100, table 5: the system gamma of 1.2 acts on luminance."""
    signal = np.array([[[0.5, 0.4, 0.3], [0.3, 0.5, 0.2], [0.6, 0.6, 0.6]]])
    scene = np.where(
        signal <= 0.5,
        signal**2 / 3,
        (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12,
    )
    luminance = scene @ (0.2627, 0.6780, 0.0593)
    nits = 1000 * luminance[..., np.newaxis] ** 0.2 * scene
    assert nits.max() < WHITE
    expected = samples(nits / WHITE @ BT2020_TO_SRGB.T)
    assert np.abs(decode(hdr_png(signal, BT2020_HLG)).samples[0] - expected).max() <= 1


def test_all_bits_of_an_avif_are_used() -> None:
    """A ramp of 10 bits has more steps after the tone map than one of 8 could have."""
    ramp = np.linspace(pq(1), pq(40), 256)[np.newaxis, :, np.newaxis].repeat(16, 0).repeat(3, -1)
    image = image_of(np.rint(ramp * 65535).astype(np.uint16), "rgb16")
    found = decode(avif_with(image, *BT2020_PQ))
    steps = np.unique(found.samples[0, 8, :, 1])
    assert found.tone_mapped
    assert len(steps) > 90
    assert len(np.unique((ramp * 255).astype(np.uint8))) < 75
    expected = samples(nits_of(ramp[0, :, 0]) / WHITE)
    assert np.abs(found.samples[0, 8, :, 1] - expected).max() <= 3


def test_a_profile_with_a_cicp_tag_of_pq_is_mapped_like_pq() -> None:
    """ICC.1:2022, section 9.2.17."""
    shown = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    signal = np.rint(pq(light(shown) * WHITE) * 65535).astype(np.uint16)
    plain = pyvips.Image.profile_load("srgb")
    count = struct.unpack_from(">I", plain, 128)[0]
    table = bytearray(plain[132 : 132 + 12 * count])
    for at in range(count):
        (offset,) = struct.unpack_from(">I", table, 12 * at + 4)
        struct.pack_into(">I", table, 12 * at + 4, offset + 12)
    tag = b"cicp" + struct.pack(">II", len(plain) + 12, 12)
    content = plain[132 + 12 * count :] + b"cicp\0\0\0\0" + bytes((1, 16, 0, 1))
    head = struct.pack(">I", len(plain) + 24) + plain[4:128] + struct.pack(">I", count + 1)
    found = decode(with_profile(image_of(signal, "rgb16"), head + bytes(table) + tag + content))
    assert found.tone_mapped
    assert np.abs(found.samples[0].astype(int) - shown).max() <= 1


def test_a_few_outliers_do_not_darken_the_image() -> None:
    nits = np.full((400, 400, 3), 203.0)
    nits[7, 7] = 10_000
    found = decode(hdr_png(pq(nits), BT709_PQ)).samples[0]
    assert np.all(found == 255)


@pytest.mark.parametrize("codes", [BT2020_PQ, BT2020_HLG])
def test_kept_hdr_is_mapped_within_its_primaries_and_described_as_sdr(
    codes: tuple[int, int],
) -> None:
    signal = np.zeros((8, 8, 3))
    signal[..., 1] = 0.58
    data = hdr_png(signal, codes)
    converted = decode(data)
    assert converted.clipped
    assert converted.profile is None
    found = decode(data, profile=ColorProfile.KEEP)
    assert found.tone_mapped
    assert not found.clipped
    assert found.profile is not None
    said = ImageCms.ImageCmsProfile(io.BytesIO(found.profile)).profile
    assert said.green_primary is not None
    assert np.abs(np.array(said.green_primary[1][:2]) - (0.170, 0.797)).max() < 0.25  # of D50
    # Green of BT.2020 is green alone, and what lcms makes of it in sRGB is the clipped green.
    assert found.samples[0, 0, 0].tolist()[::2] == [0, 0]
    shown = ImageCms.profileToProfile(
        *(Image.fromarray(found.samples[0]), ImageCms.ImageCmsProfile(io.BytesIO(found.profile))),
        ImageCms.createProfile("sRGB"),
    )
    assert np.abs(np.asarray(shown).astype(int) - converted.samples[0]).max() <= 2
