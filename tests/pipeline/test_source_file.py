"""keep_smaller_source: the answer is the source only if it is not larger and shows the same."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import autoquality_core as aq
from autoquality_core.formats import AvifEncoder, Encoder, JpegEncoder, JxlEncoder, WebpEncoder
from autoquality_core.pipeline.job import Considered, EncodeResult
from autoquality_core.types import ColorProfile, Format, NoticeCode, Outcome, Verdict
from tests.formats.sources import moving, photograph, translucent
from tests.images.files import animated
from tests.images.films import XMP, XMP_HEAD, Frame, apng, segment
from tests.images.metadata_files import (
    ARTIST,
    COPYRIGHT,
    GPS,
    ORIENTATION,
    exif,
    exif_block,
    packet,
    saved,
    text,
    with_thumbnail,
)
from tests.photos import crop
from tests.pipeline.kept import codes, exif_of, texts_of, xmp_of

ENCODERS: tuple[Encoder, ...] = (JpegEncoder(), WebpEncoder(), AvifEncoder(), JxlEncoder())
EACH = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda one: one.format.value)
PERFECT = {"dssim": 0.0, "ssimulacra2": 100.0}


def encode(source: bytes, fmt: Format | list[str] | None = None, **options: Any) -> EncodeResult:
    """With quality 95, every encoding of a photograph here is larger than its source."""
    quality = None if "method" in options else 95
    return aq.encode(source, fmt, quality=quality, **{"keep_smaller_source": True} | options)


def low(encoder: Encoder, quality: int = 40) -> bytes:
    return encoder.encode(photograph(), quality)


def jpeg(**options: Any) -> bytes:
    return saved("JPEG", photograph().samples[0], quality=40, **options)


def kept(result: EncodeResult) -> bool:
    return result.outcome is Outcome.SOURCE_KEPT


@EACH
def test_a_smaller_source_is_the_answer(encoder: Encoder) -> None:
    source = low(encoder)
    result = encode(source)
    assert result.image == source
    assert (result.outcome, result.format) == (Outcome.SOURCE_KEPT, encoder.format)
    assert (result.quality, result.alpha_quality) == (0, None)
    assert result.scores == PERFECT
    assert [one.quality for one in result.probes] == [95]
    assert result.probes[0].size_bytes > len(source)
    assert (result.width, result.height, result.frames) == (96, 64, 1)


@EACH
def test_a_larger_source_is_encoded(encoder: Encoder) -> None:
    source = low(encoder, 100)
    result = encode(source, method="dssim", target=0.02)
    assert (result.outcome, result.image != source) == (Outcome.TARGET_MET, True)
    assert len(result.image) < len(source)


def test_it_is_off_by_default() -> None:
    assert not kept(aq.encode(low(JpegEncoder()), quality=95))


@EACH
@pytest.mark.parametrize("method", ["dssim", "ssimulacra2"])
def test_a_search_whose_answer_is_larger_returns_the_source(encoder: Encoder, method: str) -> None:
    source = low(encoder)
    result = encode(source, method=method, target=0.001 if method == "dssim" else 90)
    assert result.image == source and kept(result)
    assert len(result.probes) >= 1 and result.applied.method.value == method


def test_a_source_as_large_as_the_encoding_is_the_answer() -> None:
    source = aq.encode(crop("coffee.png", 96, 64), Format.PNG).image
    result = encode(source)
    assert result.probes[0].size_bytes == len(source)
    assert kept(result)


def test_a_source_of_another_format_is_encoded() -> None:
    for fmt in (Format.WEBP, Format.AVIF, Format.PNG):
        assert not kept(encode(jpeg(), fmt))
    assert kept(encode(jpeg(), Format.JPEG))


def by_pillow(image: Image.Image, fmt: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def palette_png(**options: Any) -> bytes:
    samples = photograph().samples[0] // 64 * 64
    return by_pillow(Image.fromarray(samples).quantize(64), "PNG", **options)


def test_an_optimised_png_is_kept() -> None:
    source = palette_png(optimize=True)
    result = encode(source)
    assert kept(result) and result.image == source
    assert result.format is Format.PNG


def test_alpha_stays() -> None:
    source = WebpEncoder().encode(translucent(), 30)
    result = encode(source)
    assert kept(result) and result.image == source


BOTH = ["jpeg", "webp"]


def listed(result: EncodeResult) -> dict[Verdict, list[Considered]]:
    """The candidates after the first, which is the source, and the only one that was chosen."""
    source, *others = result.candidates
    assert kept(result) and source.verdict is Verdict.CHOSEN
    assert (source.format, source.quality, source.score) == (result.format, None, 100.0)
    assert source.size_bytes == len(result.image) and source.lossless and result.lossless
    found: dict[Verdict, list[Considered]] = {}
    for one in others:
        found.setdefault(one.verdict, []).append(one)
    assert Verdict.CHOSEN not in found
    return found


def test_the_source_is_the_chosen_one_of_the_candidates() -> None:
    source = low(WebpEncoder())
    others = listed(encode(source, BOTH, method="ssimulacra2", target=90, min_quality=85))
    assert Format.WEBP in {one.format for one in others[Verdict.LARGER]}
    for one in others[Verdict.LARGER]:
        assert one.size_bytes is not None and one.size_bytes > len(source)
        assert one.message == f"{one.size_bytes - len(source)} bytes more than the source"


def test_an_encoding_that_a_limit_makes_smaller_than_the_source_misses_the_target() -> None:
    source = saved("JPEG", photograph().samples[0], quality=80)
    options = {"target": 95, "allowed_error": 0.5, "max_bytes": len(source)}
    others = listed(encode(source, BOTH, method="ssimulacra2", **options))
    sizes = [one.size_bytes for one in others[Verdict.MISSES_TARGET]]
    assert sizes and all(one is not None and one < len(source) for one in sizes)


def test_an_encoding_that_is_smaller_than_a_source_in_the_budget_looks_worse() -> None:
    source = low(WebpEncoder(), 60)
    options = {"method": "size", "target": 2 * len(source), "max_quality": 50}
    others = listed(encode(source, ["avif", "webp"], **options))
    (smaller,), (larger,) = others[Verdict.LOOKS_WORSE], others[Verdict.LARGER]
    assert (smaller.format, larger.format) == (Format.WEBP, Format.AVIF)
    assert smaller.size_bytes is not None and smaller.size_bytes < len(source)


def test_a_source_in_the_budget_is_chosen_from_candidates_that_were_not_tried() -> None:
    source = jpeg()
    budget = {"method": "size", "target": len(source)}
    result = encode(source, BOTH, **budget)
    others = listed(result)
    assert not result.probes
    assert {one.format for one in others[Verdict.PREDICTED_WORSE]} == {Format.JPEG, Format.WEBP}
    assert [one.lossless for one in others[Verdict.PREDICTED_LARGER]] == [True]
    assert encode(source, Format.JPEG, **budget).candidates == ()


def test_the_measures_of_a_request_are_known_without_a_measurement() -> None:
    result = encode(low(JpegEncoder()), measure=("dssim",))
    assert result.scores == PERFECT
    assert result.probes[0].scores == {}


# --- what a viewer would show ------------------------------------------------


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_source_is_encoded(orientation: int) -> None:
    assert not kept(encode(jpeg(exif=exif(orientation)), keep_metadata=True))


def test_an_upright_source_is_kept_with_its_orientation() -> None:
    source = jpeg(exif=exif(1))
    result = encode(source, keep_metadata=True)
    assert kept(result) and result.image == source
    assert exif_of(result.image)[ORIENTATION] == 1


def test_a_damaged_source_is_never_kept() -> None:
    source = jpeg()
    result = encode(source[: len(source) * 2 // 3], allow_truncated=True)
    assert NoticeCode.SOURCE_TRUNCATED in codes(result) and not kept(result)
    missing_end = source[:-2]
    assert not kept(encode(missing_end, allow_truncated=True))


def test_a_profile_that_changes_colours_is_kept_only_with_the_source() -> None:
    source = jpeg(icc_profile=bytes(pyvips.Image.profile_load("p3")))
    assert not kept(encode(source))
    result = encode(source, color_profile=ColorProfile.KEEP)
    assert kept(result) and result.image == source


def test_an_srgb_profile_is_cut_unless_profiles_are_kept() -> None:
    profile = bytes(pyvips.Image.profile_load("srgb"))
    source = jpeg(icc_profile=profile)
    result = encode(source)
    assert kept(result) and result.image == jpeg()
    assert encode(source, color_profile=ColorProfile.KEEP).image == source


def test_cmyk_is_encoded() -> None:
    image = Image.fromarray(photograph().samples[0]).convert("CMYK")
    for profile in ColorProfile:
        assert not kept(encode(by_pillow(image, "JPEG", quality=20), color_profile=profile))


def test_a_gain_map_is_not_kept() -> None:
    source = jpeg()
    announced = source[:2] + segment(0xE1, XMP_HEAD + XMP) + source[2:]
    result = encode(announced, keep_metadata=True)
    assert NoticeCode.GAIN_MAP_DROPPED in codes(result) and not kept(result)


def test_frames_are_kept_where_the_format_keeps_them() -> None:
    frames = [np.repeat(one[:, :, :1], 3, axis=-1) // 32 * 32 for one in moving().samples]
    source = animated(frames, (80, 120, 200))
    result = encode(source, keep_metadata=True)
    assert kept(result) and result.image == source
    assert result.frames == 3
    first = apng([Frame(one) for one in frames])
    assert not kept(encode(first))


# --- metadata ----------------------------------------------------------------


@EACH
def test_our_own_files_with_a_copyright_are_kept_as_they_are(encoder: Encoder) -> None:
    tagged = saved("PNG", photograph().samples[0], exif=exif_block({ARTIST: text("Ada")}))
    source = aq.encode(tagged, encoder.format, quality=40).image
    result = encode(source)
    assert kept(result) and result.image == source
    assert texts_of(aq.encode(result.image, Format.JPEG, quality=80).image) == ("Ada", "")


@pytest.mark.parametrize("fmt", ["JPEG", "WEBP"])
def test_the_location_is_cut_and_the_copyright_stays(fmt: str) -> None:
    source = saved(fmt, photograph().samples[0], quality=40, exif=exif(), xmp=packet("<dc:a/>"))
    result = encode(source)
    assert kept(result) and len(result.image) < len(source)
    found = exif_of(result.image)
    assert {ARTIST, COPYRIGHT} == set(found) and GPS not in found
    assert xmp_of(result.image) == b""
    bare = encode(source, keep_copyright=False)
    assert kept(bare) and not exif_of(bare.image)
    for one in (result, bare):
        again = aq.compare(source, one.image)
        assert again.scores["dssim"] == 0
    everything = encode(source, keep_metadata=True)
    assert kept(everything) and everything.image == source


def test_an_avif_with_metadata_is_kept_only_with_it() -> None:
    source = saved("AVIF", photograph().samples[0], quality=30, exif=exif())
    assert not kept(encode(source))
    result = encode(source, keep_metadata=True)
    assert kept(result) and result.image == source


def test_a_copyright_in_a_text_moves_to_exif_as_in_an_encoding() -> None:
    info = PngInfo()
    info.add_text("Copyright", "(c) Ada")
    info.add_text("Comment", "secret")
    result = encode(palette_png(optimize=True, pnginfo=info))
    assert kept(result)
    assert b"secret" not in result.image and texts_of(result.image) == ("", "(c) Ada")


def test_bytes_behind_the_picture_are_cut() -> None:
    source = jpeg()
    result = encode(source + b"PK\3\4 hidden")
    assert kept(result) and result.image == source


def test_a_density_stays() -> None:
    source = jpeg(dpi=(300, 300))
    assert encode(source).image == source


def test_metadata_that_says_something_wrong_is_replaced() -> None:
    turned = packet(attributes='tiff:Orientation="6"')
    source = jpeg(xmp=turned)
    result = encode(source, keep_metadata=True)
    assert kept(result) and result.image != source
    assert b'tiff:Orientation="1"' in xmp_of(result.image)


def test_a_thumbnail_stays_with_all_metadata_only() -> None:
    block = with_thumbnail({ARTIST: text("Ada")}, b"\xff\xd8thumbnail\xff\xd9")
    source = jpeg(exif=block)
    assert encode(source, keep_metadata=True).image == source
    assert b"thumbnail" not in encode(source).image


# --- byte budgets ------------------------------------------------------------


@EACH
def test_a_source_within_the_budget_is_the_answer_without_an_encoding(encoder: Encoder) -> None:
    source = low(encoder)
    result = encode(source, method="size", target=len(source))
    assert result.image == source and kept(result)
    assert (result.probes, result.scores) == ((), PERFECT)
    assert result.applied.target == len(source)


@EACH
def test_a_limit_on_the_quality_takes_one_encoding(encoder: Encoder) -> None:
    source = low(encoder, 95)
    result = encode(source, method="size", target=10 * len(source), max_quality=60)
    assert (result.quality, result.outcome) == (60, Outcome.TARGET_MET)
    assert len(result.probes) == 1 and len(result.image) < len(source)
    small = low(encoder, 40)
    result = encode(small, method="size", target=10 * len(small), max_quality=60)
    assert result.image == small and kept(result)
    # The tables of a JPEG say that its quality is below the limit.
    assert len(result.probes) == (0 if encoder.format is Format.JPEG else 1)


def test_a_budget_that_only_the_picture_meets_costs_the_same_metadata_as_an_encoding() -> None:
    source = jpeg(exif=exif(t37500=bytes(900)), xmp=packet("<dc:a/>" * 200))
    with_copyright = encode(source).image
    options = {"method": "size", "min_quality": 95, "keep_metadata": True}
    result = encode(source, target=len(with_copyright), **options)
    assert kept(result) and result.image == with_copyright
    assert codes(result) == [NoticeCode.METADATA_DROPPED]
    assert result.probes


# --- limits ------------------------------------------------------------------


def test_a_source_over_the_limit_on_bytes_is_not_kept() -> None:
    source = low(JpegEncoder())
    options = {"method": "dssim", "target": 0.0, "allowed_error": 0.0}
    result = encode(source, max_bytes=len(source), **options)
    assert kept(result)  # although encodings are smaller: the limit is why
    assert min(one.size_bytes for one in result.probes) < len(source)
    assert not kept(encode(source, max_bytes=len(source) - 1, **options))
    assert codes(encode(source, max_bytes=len(source) - 1)) == [NoticeCode.LIMIT_EXCEEDED]
    assert codes(encode(source, max_bytes=len(source))) == []


def test_the_limit_on_bytes_is_a_part_of_the_budget() -> None:
    source = low(JpegEncoder())
    options = {"method": "size", "target": 10 * len(source)}
    within = encode(source, max_bytes=len(source), **options)
    assert within.image == source and within.probes == ()
    over = encode(source, max_bytes=len(source) - 1, **options)
    assert len(over.image) < len(source) and over.outcome is Outcome.MAX_BYTES_REACHED


def test_a_limit_on_scores_is_kept_by_the_source_and_not_by_less_quality() -> None:
    source = low(JpegEncoder(), 95)
    options = {"method": "size", "target": 10 * len(source), "max_quality": 30}
    result = encode(source, worst={"ssimulacra2": 90}, **options)
    assert result.image == source and result.probes == ()
    assert not kept(encode(source, **options))


def test_a_source_within_the_limits_is_better_than_an_encoding_that_exceeds_one() -> None:
    source = low(JpegEncoder(), 95)
    options = {"method": "dssim", "target": 0.02, "max_quality": 30}
    result = encode(source, worst={"ssimulacra2": 90}, **options)
    assert kept(result)
    assert max(one.size_bytes for one in result.probes) < len(source)
    assert not kept(encode(source, **options))
