"""Colours that a file describes in numbers: AVIF's nclx, PNG's cICP, gAMA and cHRM.

The expected values are by the matrices that the standards print, and by CSS
Color 4's sample code for its conversions of display-p3.
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
from autoquality_core.images.colour.cicp import from_codes, from_gama_chrm
from tests.images.files import AMPLE, avif_with, image_of, png_with, with_profile

SRGB_CODES, P3_CODES = (1, 13), (12, 13)
GAMMA_1 = (b"gAMA", struct.pack(">I", 100_000))
SRGB_CHUNK = (b"sRGB", b"\0")
P3_CHUNK = (b"cICP", bytes((12, 13, 0, 1)))
# White, red, green and blue.
P3_CHRM = (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
SRGB_CHRM = (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))

# CSS Color 4, sample code: linear display-p3 to linear sRGB.
P3_TO_SRGB = np.array(
    [[1.2249401, -0.2249402, 0], [-0.0420570, 1.0420570, 0], [-0.0196376, -0.0786361, 1.0982736]]
)
# ITU-R BT.2087-0, section 4, inverted there as M2: linear BT.2020 to linear BT.709.
BT2020_TO_SRGB = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)


def light(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Linear light of 8-bit sRGB samples."""
    x = np.asarray(samples) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def samples(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """8-bit sRGB samples of linear light, clipped and not rounded."""
    x = np.clip(linear, 0, 1)
    return 255 * np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)


def colours(seed: int = 1) -> npt.NDArray[np.uint8]:
    """4096 colours of every kind."""
    return np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)


def decode(data: bytes, **options: Any) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=False, **options)


def error(data: bytes, expected: npt.NDArray[np.float64]) -> float:
    return float(np.abs(decode(data).samples[0] - expected).max())


@pytest.mark.parametrize("deep", [False, True])
def test_display_p3_by_cicp_is_converted_to_the_nearest_level(deep: bool) -> None:
    shown = colours()
    image = image_of(shown.astype(np.uint16) * 257, "rgb16") if deep else image_of(shown)
    assert error(png_with(image, P3_CHUNK), samples(light(shown) @ P3_TO_SRGB.T)) <= 0.6


# CSS Color 4, sample code: CIE XYZ of D50, by Bradford's adaptation, to linear sRGB.
XYZ_D50_TO_SRGB = np.array(
    [
        [3.2409699, -1.5373832, -0.4986108],
        [-0.9692436, 1.8759675, 0.0415551],
        [0.0556301, -0.2039770, 1.0569715],
    ]
) @ np.array(
    [
        [0.9554734, -0.0230985, 0.0632593],
        [-0.0283697, 1.0099955, 0.0210414],
        [0.0123140, -0.0205077, 1.3303660],
    ]
)


@pytest.mark.parametrize("name", ["p3", "srgb"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_profile_of_a_matrix_is_converted_to_the_nearest_level(name: str, deep: bool) -> None:
    """Other than by lcms, which is off by 5 levels in some dark colours, or 14 from 16 bits."""
    shown = colours()
    profile = pyvips.Image.profile_load(name)
    said = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    columns = [said.red_colorant, said.green_colorant, said.blue_colorant]
    matrix = XYZ_D50_TO_SRGB @ np.array([column[0] for column in columns if column]).T
    image = image_of(shown.astype(np.uint16) * 257, "rgb16") if deep else image_of(shown)
    expected = samples(light(shown) @ matrix.T)
    assert error(with_profile(image, profile), expected) <= (0.8 if name == "p3" else 1)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((9, 14), lambda x: samples((x / 255) ** 2.4 @ BT2020_TO_SRGB.T)),
        ((9, 13), lambda x: samples(light(x) @ BT2020_TO_SRGB.T)),
        ((9, 8), lambda x: samples(x / 255 @ BT2020_TO_SRGB.T)),
        ((12, 4), lambda x: samples((x / 255) ** 2.2 @ P3_TO_SRGB.T)),
        ((1, 4), lambda x: samples((x / 255) ** 2.2)),
        ((2, 5), lambda x: samples((x / 255) ** 2.8)),
        ((1, 8), lambda x: samples(x / 255)),
        *(((1, srgb), lambda x: x) for srgb in (2, 13)),
        *(((1, camera), lambda x: samples((x / 255) ** 2.4)) for camera in (1, 6, 11, 14, 15)),
        *((codes, lambda x: x) for codes in ((2, 2), (0, 0), (1, 255), (200, 13))),
    ],
)
def test_code_points_lead_to_srgb(codes: tuple[int, int], expected: Any) -> None:
    shown = colours().astype(np.float64)
    image = image_of(shown.astype(np.uint8))
    assert error(png_with(image, (b"cICP", bytes((*codes, 0, 1)))), expected(shown)) <= 1


@pytest.mark.parametrize("deep", [False, True])
def test_nclx_of_an_avif_is_converted_from_all_of_its_bits(deep: bool) -> None:
    """A gentle ramp, which AV1 keeps nearly as it is."""
    ramp = np.linspace(40, 200, 64)[:, np.newaxis].repeat(64, 1)
    shown = np.stack([ramp, ramp[::-1] * 0.8, ramp * 0.7], -1).round()
    image = (
        image_of((shown * 257).astype(np.uint16), "rgb16")
        if deep
        else image_of(shown.astype(np.uint8))
    )
    plain = decode(avif_with(image, *SRGB_CODES)).samples[0]
    assert np.abs(plain - shown).max() <= 4
    # The remaining difference is caused by AV1.
    expected = samples(light(plain) @ P3_TO_SRGB.T)
    assert error(avif_with(image, *P3_CODES), expected) <= 1.6


def test_an_avif_without_a_colour_box_has_the_colours_of_its_bitstream() -> None:
    """AV1's sequence header may declare them; libaom omits them by default."""
    shown = np.full((32, 48, 3), (60, 160, 90), np.uint8)
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "AVIF", quality=100, subsampling="4:4:4")
    data = file.getvalue()
    header = data.index(b"\x0a", data.index(b"mdat"))  # an OBU of type 1, with a size
    assert data[data.index(b"nclx") + 4 :][:4] == bytes((0, 1, 0, 13))
    bits = f"{int.from_bytes(data[header:][:24], 'big'):0192b}"
    at = bits.index(f"{1:08b}{13:08b}{6:08b}")  # primaries, transfer, matrix
    bits = bits[:at] + f"{12:08b}" + bits[at + 8 :]
    data = data[:header] + int(bits, 2).to_bytes(24, "big") + data[header + 24 :]
    assert np.abs(decode(data).samples[0, 16, 24] - (60, 160, 90)).max() <= 2  # nclx goes first
    data = data.replace(b"colrnclx", b"skipnclx")
    expected = samples(light(np.array((60, 160, 90))) @ P3_TO_SRGB.T)
    assert np.abs(decode(data).samples[0, 16, 24] - expected).max() <= 4


@pytest.mark.parametrize(
    ("chunks", "linear", "p3"),
    [
        ([GAMMA_1], True, False),
        ([GAMMA_1, SRGB_CHRM], True, False),
        ([GAMMA_1, P3_CHRM], True, True),
        ([P3_CHRM], False, False),
        ([(b"gAMA", struct.pack(">I", 45455)), SRGB_CHRM], False, False),
        ([(b"gAMA", struct.pack(">I", 45000))], False, False),
        ([SRGB_CHUNK, GAMMA_1, P3_CHRM], False, False),
        ([P3_CHUNK, SRGB_CHUNK, GAMMA_1], False, True),
        ([(b"cICP", bytes((1, 13, 0, 1))), GAMMA_1, P3_CHRM], False, False),
        ([(b"cICP", bytes((12, 13, 9, 1)))], False, False),
        ([(b"gAMA", bytes(4))], False, False),
        ([(b"cHRM", bytes(32))], False, False),
        ([(b"cHRM", struct.pack(">8I", *[33333] * 8))], False, False),
    ],
    ids=[
        *("gAMA", "gAMA and sRGB's cHRM", "gAMA and cHRM", "cHRM", "gAMA of sRGB"),
        *("gAMA near sRGB's", "sRGB before gAMA and cHRM", "cICP before sRGB"),
        *("cICP of sRGB before gAMA", "cICP with a matrix", "gAMA of 0", "cHRM of 0"),
        "cHRM of one point",
    ],
)
def test_png_chunks_are_used_by_their_precedence(
    chunks: list[tuple[bytes, bytes]], linear: bool, p3: bool
) -> None:
    shown = colours()
    expected = shown / 255 if linear else light(shown)
    expected = samples(expected @ P3_TO_SRGB.T if p3 else expected)
    assert error(png_with(image_of(shown), *chunks), expected) <= 1


@pytest.mark.parametrize("gama", [45455, 43000])
def test_a_gama_is_a_power_next_to_other_primaries_or_far_from_srgb(gama: int) -> None:
    shown = colours()
    chrm = [P3_CHRM] if gama == 45455 else []
    linear = (shown / 255) ** (100_000 / gama)
    expected = samples(linear @ P3_TO_SRGB.T if chrm else linear)
    data = png_with(image_of(shown), (b"gAMA", struct.pack(">I", gama)), *chrm)
    assert error(data, expected) <= 1


def test_a_profile_overrides_gama_and_cicp_overrides_a_profile() -> None:
    shown = np.full((8, 8, 3), (60, 160, 90), np.uint8)
    in_p3 = samples(light(shown) @ P3_TO_SRGB.T)
    profile = pyvips.Image.profile_load("p3")
    plain = with_profile(image_of(shown), profile)
    for chunk, expected in (
        (GAMMA_1, in_p3),
        (SRGB_CHUNK, in_p3),
        ((b"cICP", bytes((1, 13, 0, 1))), shown),
        ((b"cICP", bytes((1, 8, 0, 1))), samples(shown / 255)),
    ):
        added = png_with(image_of(shown), chunk)[33:]
        assert error(plain[:33] + added[: 12 + len(chunk[1])] + plain[33:], expected) <= 1.1


@pytest.mark.parametrize("bands", [1, 2, 4])
@pytest.mark.parametrize("deep", [False, True])
def test_grey_and_alpha_have_described_colours_too(bands: int, deep: bool) -> None:
    """Grey stays grey; alpha stays as it is."""
    shown = np.full((4, 4, bands), 100, np.uint8)
    image = image_of(shown)
    if deep:
        image = image_of(shown.astype(np.uint16) * 257, "grey16" if bands < 3 else "rgb16")
    found = decode(png_with(image, GAMMA_1)).samples[0, 0, 0]
    expected = samples(np.array(100 / 255)).round()
    assert found.tolist() == [expected] * (bands - (bands in (2, 4))) + [100] * (bands in (2, 4))


@pytest.mark.parametrize("deep", [False, True])
def test_a_narrow_range_is_stretched(deep: bool) -> None:
    """Black is 16 and white 235; alpha always has the full range."""
    shown = np.zeros((1, 4, 4), np.uint8)
    shown[0, :, :3] = np.array([[0, 16, 120, 235]]).T
    shown[..., 3] = 16
    image = image_of(shown.astype(np.uint16) << 8, "rgb16") if deep else image_of(shown)
    found = decode(png_with(image, (b"cICP", bytes((1, 13, 0, 0))))).samples[0, 0]
    assert found[:, 0].tolist() == [0, 0, round((120 - 16) / 219 * 255), 255]
    assert found[:, 3].tolist() == [16] * 4


@pytest.mark.parametrize("fmt", ["png", "tiff"])
@pytest.mark.parametrize("profile", [None, "p3"])
def test_grey_and_rgb_of_16_bits_are_rounded_alike(fmt: str, profile: str | None) -> None:
    """To the nearest of 8 bits: 384 is 1.49, 386 is 1.50."""
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)

    def decoded(image: pyvips.Image) -> npt.NDArray[np.uint8]:
        if profile is not None:
            content = pyvips.Image.profile_load(profile)
            image.set_type(pyvips.GValue.blob_type, "icc-profile-data", content)
        return decode(image.pngsave_buffer() if fmt == "png" else image.tiffsave_buffer()).samples[
            0
        ]

    nearest = np.rint(every / 257)
    grey = decoded(image_of(every, "grey16"))
    rgb = decoded(image_of(every.repeat(3, -1), "rgb16"))
    assert np.array_equal(grey, nearest)
    if profile is None:
        assert np.array_equal(rgb, nearest.repeat(3, -1))
    else:  # neutral colours of P3 are those of sRGB, but for rounding in the profile
        assert np.abs(rgb.astype(int) - grey).max() <= 1
        assert np.mean(rgb == grey) > 0.99


def test_a_premultiplied_tiff_of_16_bits_keeps_white() -> None:
    shown = np.full((4, 4, 4), (255, 128, 0, 128), np.uint8).astype(np.uint16) * 257
    found = decode(image_of(shown, "rgb16").tiffsave_buffer(premultiply=True)).samples[0, 0, 0]
    assert np.abs(found.astype(int) - (255, 128, 0, 128)).max() <= 1


def test_srgb_needs_no_description() -> None:
    assert from_codes(1, 13) is None
    assert from_gama_chrm(45455, None) is None
    assert from_gama_chrm(45455, (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)) is None
