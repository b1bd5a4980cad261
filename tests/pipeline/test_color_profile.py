"""`color_profile`: converted to sRGB, or kept with a profile that says what the samples mean."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image, ImageCms

from autoquality_core.formats import ENCODERS, EncoderOptions, JxlOptions, PngOptions
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import ColorProfile, Format, Method, NoticeCode, Outcome, TargetSpec
from tests.images.files import avif_with, grey_profile, image_of, png_with, with_profile
from tests.photos import crop

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
PHOTO = pyvips.Image.new_from_buffer(crop("coffee.png", 160, 120), "")
DEEP = (PHOTO * 257).cast("ushort").copy(interpretation="rgb16")
P3 = pyvips.Image.profile_load("p3")
P3_CHUNK = (b"cICP", bytes((12, 13, 0, 1)))
GAMMA_1 = (b"gAMA", struct.pack(">I", 100_000))

SRGB, KEEP = ColorProfile.SRGB, ColorProfile.KEEP
HOLDS_PROFILES = [fmt for fmt, encoder in ENCODERS.items() if encoder.keeps_profile]
each_format = pytest.mark.parametrize("fmt", HOLDS_PROFILES)

SOURCES = {
    "profile": with_profile(PHOTO, P3),
    "grey profile": with_profile(PHOTO.colourspace("b-w"), grey_profile(1.0)),
    "nclx": avif_with(PHOTO, 12, 13),
    "cICP": png_with(PHOTO, P3_CHUNK),
    "gAMA": png_with(PHOTO, GAMMA_1),
    "grey gAMA": png_with(PHOTO.colourspace("b-w"), GAMMA_1),
    "PQ": avif_with(DEEP, 9, 16),
    "HLG": avif_with(DEEP, 9, 18),
}
each_source = pytest.mark.parametrize("name", SOURCES)


def half(formats: Iterable[Format]) -> list[tuple[Format, str]]:
    """Each format with half of the sources, by turns."""
    return [(fmt, name) for at, fmt in enumerate(formats) for name in list(SOURCES)[at % 2 :: 2]]


def encode(
    source: bytes,
    fmt: Format,
    profile: ColorProfile = SRGB,
    spec: TargetSpec | None = None,
    background: tuple[int, int, int] = (255, 255, 255),
) -> EncodeResult:
    options = EncoderOptions(color_profile=profile, background=background)
    job = EncodeJob(source, fmt, spec or TargetSpec(), 85, options, measure=(DSSIM,))
    return PIPELINE.encode(job, Deadline())


def codes(result: EncodeResult) -> set[NoticeCode]:
    return {one.code for one in result.notices}


def profile_in(data: bytes) -> bytes | None:
    return Image.open(io.BytesIO(data)).info.get("icc_profile")


def samples_in(data: bytes) -> npt.NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def by_lcms(data: bytes) -> npt.NDArray[np.int64]:
    """The colours that a colour-managed viewer shows, in sRGB."""
    image = Image.open(io.BytesIO(data))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    shown = ImageCms.profileToProfile(
        image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    return np.asarray(shown).astype(int)


@each_format
def test_a_logo_in_p3_on_the_red_of_srgb_is_visible_only_where_its_profile_is_kept(
    fmt: Format,
) -> None:
    """Both reds are the same in sRGB: converting makes the logo disappear, and says so."""
    shown = np.full((64, 64, 3), (234, 51, 35), np.uint8)  # red of sRGB, in P3
    shown[16:48, 16:48] = (255, 0, 0)
    source = with_profile(image_of(shown), P3)
    converted, kept = encode(source, fmt), encode(source, fmt, KEEP)
    assert codes(converted) == {NoticeCode.COLORS_CLIPPED}
    assert codes(kept) == set()
    logo, ground = (slice(24, 40),) * 2, (slice(4, 10),) * 2
    flat = samples_in(converted.image)
    assert np.abs(flat[logo].mean((0, 1)) - flat[ground].mean((0, 1))).max() < 4
    seen = samples_in(kept.image)
    assert np.abs(seen[logo].mean((0, 1)) - (255, 0, 0)).max() < 4
    assert np.abs(seen[ground].mean((0, 1)) - (234, 51, 35)).max() < 4
    assert profile_in(kept.image) == P3
    assert profile_in(converted.image) is None


@pytest.mark.parametrize(("fmt", "name"), half(HOLDS_PROFILES))
def test_a_kept_profile_shows_what_the_conversion_shows(fmt: Format, name: str) -> None:
    converted, kept = encode(SOURCES[name], fmt), encode(SOURCES[name], fmt, KEEP)
    assert profile_in(converted.image) is None
    difference = np.abs(by_lcms(kept.image) - samples_in(converted.image))
    # Not where sRGB ends, where lcms is coarse in dark colours, and where codecs blur.
    assert np.median(difference) <= (1 if fmt is Format.PNG else 3)
    assert difference.mean() < 6


@each_source
def test_kept_samples_are_the_files_own_unless_it_is_hdr(name: str) -> None:
    kept = encode(SOURCES[name], Format.PNG, KEEP)
    if name in ("PQ", "HLG"):
        assert codes(kept) == {NoticeCode.HDR_TONE_MAPPED}
        return
    assert codes(kept) == set()
    own = np.asarray(Image.open(io.BytesIO(SOURCES[name])).convert("RGB")).astype(int)
    assert np.array_equal(samples_in(kept.image), own)


@pytest.mark.parametrize("name", ["PQ", "HLG"])
def test_hdr_is_reported_where_it_is_mapped(name: str) -> None:
    assert NoticeCode.HDR_TONE_MAPPED in codes(encode(SOURCES[name], Format.PNG))


@each_format
def test_a_grey_profile_becomes_one_for_rgb_where_grey_is_written_as_rgb(fmt: Format) -> None:
    kept = encode(SOURCES["grey profile"], fmt, KEEP)
    profile = profile_in(kept.image)
    assert profile is not None
    grey = Image.open(io.BytesIO(kept.image)).mode == "L"
    assert grey is (fmt in (Format.JPEG, Format.PNG))
    assert profile[16:20] == (b"GRAY" if grey else b"RGB ")
    assert (profile == grey_profile(1.0)) is grey


@pytest.mark.parametrize(("fmt", "name"), half(Format))
@pytest.mark.parametrize("profile", ColorProfile)
def test_compare_finds_the_dssim_that_encode_reported(
    fmt: Format, name: str, profile: ColorProfile
) -> None:
    result = encode(SOURCES[name], fmt, profile)
    found = PIPELINE.compare(SOURCES[name], result.image, Deadline())
    assert result.scores["dssim"] is not None
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-9)


@pytest.mark.parametrize("name", ["grey profile", "grey gAMA", "gAMA"])
def test_a_palette_has_a_profile_for_rgb_also_of_grey(name: str) -> None:
    options = EncoderOptions(color_profile=KEEP, png=PngOptions(quantize=True))
    job = EncodeJob(SOURCES[name], Format.PNG, TargetSpec(), None, options)
    result = PIPELINE.encode(job, Deadline())
    profile = profile_in(result.image)
    assert profile is not None and profile[16:20] == b"RGB "
    assert PIPELINE.compare(SOURCES[name], result.image, Deadline()).scores["dssim"] < 0.01


def test_a_search_measures_kept_colours() -> None:
    spec = TargetSpec(Method.DSSIM, 0.01, 10, 95, 0.001)
    result = encode(SOURCES["profile"], Format.JPEG, KEEP, spec)
    assert result.scores["dssim"] == pytest.approx(0.01, abs=0.001)
    found = PIPELINE.compare(SOURCES["profile"], result.image, Deadline())
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-9)


def test_images_of_different_profiles_are_compared_in_srgb() -> None:
    """The same colours, by other numbers."""
    converted = encode(SOURCES["profile"], Format.PNG)
    assert np.abs(samples_in(converted.image) - samples_in(SOURCES["profile"])).max() > 4
    assert PIPELINE.compare(SOURCES["profile"], converted.image, Deadline()).scores["dssim"] == 0


@each_format
@pytest.mark.parametrize(
    "source",
    [
        bytes(PHOTO.pngsave_buffer()),
        png_with(PHOTO, (b"sRGB", b"\0")),
        png_with(PHOTO, (b"cICP", bytes((1, 13, 0, 1)))),
        png_with(PHOTO, (b"gAMA", struct.pack(">I", 45455))),
        with_profile(PHOTO, b"no profile"),
        with_profile(PHOTO, grey_profile(1.0)),
        bytes(PHOTO.icc_transform("cmyk").tiffsave_buffer()),
        bytes(PHOTO.colourspace("lab").tiffsave_buffer()),
    ],
    ids=["none", "sRGB", "cICP", "gAMA", "useless", "of grey", "CMYK", "CIELAB"],
)
def test_what_is_srgb_or_becomes_it_needs_no_profile(fmt: Format, source: bytes) -> None:
    converted, kept = encode(source, fmt), encode(source, fmt, KEEP)
    assert kept.image == converted.image
    assert profile_in(kept.image) is None


def test_a_profile_of_srgb_is_kept_too() -> None:
    profile = pyvips.Image.profile_load("srgb")
    source = with_profile(PHOTO, profile)
    assert profile_in(encode(source, Format.JPEG, KEEP).image) == profile
    assert profile_in(encode(source, Format.JPEG).image) is None


@pytest.mark.parametrize("background", [(255, 128, 0), (255, 255, 255), (20, 20, 20)])
@pytest.mark.parametrize("bands", [2, 4])
def test_the_background_is_of_srgb_whatever_the_profile(
    background: tuple[int, int, int], bands: int
) -> None:
    shown = np.zeros((32, 32, bands), np.uint8)
    profile = P3 if bands == 4 else grey_profile(2.2)
    kept = encode(with_profile(image_of(shown), profile), Format.JPEG, KEEP, background=background)
    assert codes(kept) == {NoticeCode.ALPHA_FLATTENED}
    assert np.abs(by_lcms(kept.image)[16, 16] - background).max() <= 4


def test_an_animation_keeps_its_profile() -> None:
    frames = np.concatenate([np.full((20, 30, 3), (250, number * 60, 0)) for number in range(3)])
    image = image_of(frames.astype(np.uint8))
    image.set_type(pyvips.GValue.gint_type, "page-height", 20)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", P3)
    source = bytes(image.webpsave_buffer(lossless=True))
    kept = encode(source, Format.WEBP, KEEP)
    assert (kept.frames, profile_in(kept.image)) == (3, P3)
    assert codes(kept) == set()
    converted = encode(source, Format.WEBP)
    assert (converted.frames, profile_in(converted.image)) == (3, None)
    assert codes(converted) == {NoticeCode.COLORS_CLIPPED}
    for result in (kept, converted):
        found = PIPELINE.compare(source, result.image, Deadline())
        assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-9)


@each_source
def test_jpeg_xl_is_always_srgb_and_says_so(name: str) -> None:
    source = SOURCES[name]
    converted, kept = encode(source, Format.JXL), encode(source, Format.JXL, KEEP)
    assert kept.image == converted.image
    assert codes(kept) == codes(converted) | {NoticeCode.METADATA_DROPPED}
    assert any("cannot hold the profile" in one.message for one in kept.notices)
    plain = encode(bytes(PHOTO.pngsave_buffer()), Format.JXL, KEEP)
    assert codes(plain) == set()


@pytest.mark.parametrize(("profile", "transcoded"), [(KEEP, True), (SRGB, False)])
def test_a_lossless_jpeg_xl_keeps_the_coefficients_of_a_jpeg_and_its_profile(
    profile: ColorProfile, transcoded: bool
) -> None:
    """They cannot be converted: then the samples are exact instead."""
    image = PHOTO.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", P3)
    source = bytes(image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC))
    options = EncoderOptions(color_profile=profile, jxl=JxlOptions(lossless=True))
    job = EncodeJob(source, Format.JXL, TargetSpec(), None, options, measure=(DSSIM,))
    result = PIPELINE.encode(job, Deadline())
    assert (len(result.image) < len(source)) is transcoded
    assert (result.scores["dssim"] == 0) is not transcoded
    assert NoticeCode.METADATA_DROPPED not in codes(result)
    assert open_image(result.image, PIPELINE.limits).colours.profile == (P3 if transcoded else None)
    found = PIPELINE.compare(source, result.image, Deadline())
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-4)


def test_damage_of_a_jpeg_prevents_that_its_coefficients_are_kept() -> None:
    source = bytes(PHOTO.jpegsave_buffer())
    options = EncoderOptions(allow_truncated=True, jxl=JxlOptions(lossless=True))
    job = EncodeJob(source[:-2000], Format.JXL, TargetSpec(), None, options, measure=(DSSIM,))
    result = PIPELINE.encode(job, Deadline())
    assert (result.outcome, result.scores["dssim"]) == (Outcome.NO_QUALITY, 0)
    assert codes(result) == {NoticeCode.SOURCE_TRUNCATED}


def test_a_profile_of_an_odd_size_is_written_in_every_format() -> None:
    """Libpng refuses to write one whose size is no multiple of four."""
    odd = struct.pack(">I", len(P3) + 1) + P3[4:] + b"\0"
    file = io.BytesIO()
    Image.fromarray(PHOTO.numpy()).save(file, "JPEG", icc_profile=odd + b"behind it")
    written = Image.open(io.BytesIO(encode(file.getvalue(), Format.PNG, KEEP).image))
    assert written.info["icc_profile"][4 : len(P3)] == P3[4:]


@pytest.mark.parametrize(("kept", "level"), [(KEEP, 187), (SRGB, 127)])
def test_transparency_is_blended_in_the_colours_that_are_written(
    kept: ColorProfile, level: int
) -> None:
    black = pyvips.Image.new_from_array(np.full((16, 16, 4), (0, 0, 0, 128), np.uint8))
    source = png_with(black.copy(interpretation="srgb"), GAMMA_1)
    file = encode(source, Format.JPEG, kept).image
    shown = by_lcms(file) if kept is KEEP else samples_in(file)
    assert np.abs(shown - level).max() <= 1
