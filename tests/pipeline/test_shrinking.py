"""may_shrink: a budget that no quality meets is met with fewer pixels."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

import autoquality_core as aq
from autoquality_core.formats import (
    BEST_MOZJPEG,
    AvifEncoder,
    Encoder,
    JpegEncoder,
    JxlEncoder,
    JxlOptions,
    PngEncoder,
    WebpEncoder,
)
from autoquality_core.images import Pixels, open_image
from autoquality_core.images.shrinking import shrunk
from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.pipeline.shrinking import ACCEPTABLE
from autoquality_core.types import (
    ColorProfile,
    Format,
    NoticeCode,
    Outcome,
    RawSource,
    Verdict,
)
from tests.formats.sources import moving, photograph, translucent
from tests.images.files import AMPLE, animated
from tests.images.metadata_files import exif, packet, saved
from tests.images.test_shrinking import unstopped
from tests.photos import crop
from tests.pipeline.kept import codes, exif_of, opened, texts_of, xmp_of
from tests.pipeline.test_candidates import drawing

WIDTH, HEIGHT = 320, 240
PHOTO = crop("coffee.png", WIDTH, HEIGHT)
P3 = bytes(pyvips.Image.profile_load("p3"))
EACH = pytest.mark.parametrize(
    "encoder",
    [JpegEncoder(), WebpEncoder(), AvifEncoder(), JxlEncoder()],
    ids=lambda one: one.format.value,
)


def encode(
    target: float, output: Any = Format.JPEG, source: Any = PHOTO, low: int = 70, **options: Any
) -> EncodeResult:
    return aq.encode(
        *(source, output),
        **{"method": "size", "target": target, "min_quality": low, "may_shrink": True} | options,
    )


def budget(encoder: Encoder, share: float, low: int = 70) -> int:
    """A share of the bytes at full size and the lowest quality."""
    return round(share * len(encoder.encode(photograph(WIDTH, HEIGHT), low)))


@EACH
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_the_file_fits_and_uses_the_budget(encoder: Encoder, share: float) -> None:
    target = budget(encoder, share)
    result = encode(target, encoder.format)
    assert result.outcome is Outcome.TARGET_MET
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert 0.85 * target <= len(result.image) <= target
    assert 70 <= result.quality <= 80
    written = open_image(result.image, AMPLE)
    assert (written.width, written.height) == (result.width, result.height)
    assert result.width < WIDTH
    assert result.height == max(round(HEIGHT * result.width / WIDTH), 1)
    assert len(result.probes) <= 10
    assert (result.applied.min_quality, result.applied.target) == (70, target)


@EACH
def test_nothing_shrinks_while_a_quality_fits(encoder: Encoder) -> None:
    target = budget(encoder, 1)
    assert codes(encode(target, encoder.format)) == []
    assert codes(encode(target - 1, encoder.format)) == [NoticeCode.IMAGE_SHRUNK]


def test_it_is_off_by_default() -> None:
    result = encode(budget(JpegEncoder(), 0.5), may_shrink=False)
    assert (result.width, result.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)
    assert codes(result) == []


@EACH
def test_more_pixels_would_not_fit(encoder: Encoder) -> None:
    """At the quality of the widths tried, a width of a tenth more is over the budget."""
    target = budget(encoder, 0.5)
    result = encode(target, encoder.format)
    pixels = photograph(WIDTH, HEIGHT)
    wider = round(result.width * 1.15)
    larger = shrunk(pixels, wider, round(HEIGHT * wider / WIDTH), unstopped)
    assert len(encoder.encode(larger, 70)) > target


def test_a_low_limit_on_the_quality_does_not_ruin_the_picture() -> None:
    target = len(JpegEncoder().encode(photograph(600, 400), 10)) - 1
    source = crop("coffee.png", 600, 400)
    result = encode(target, source=source, low=10, measure=("ssimulacra2",))
    worse = encode(target + 1, source=source, low=10, measure=("ssimulacra2",))
    assert (worse.quality, worse.width) == (10, 600)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert result.quality > 20
    assert result.scores["ssimulacra2"] > ACCEPTABLE - 10 > worse.scores["ssimulacra2"]


def test_scores_are_those_to_the_smaller_source() -> None:
    result = encode(budget(JpegEncoder(), 0.5), measure=("dssim", "ssimulacra2"))
    small = shrunk(photograph(WIDTH, HEIGHT), result.width, result.height, unstopped)
    decoded = JpegEncoder().decode(result.image, small)
    for name, score in result.scores.items():
        found = METRICS[name].compare(small, Pixels(decoded.samples))
        assert score == pytest.approx(found, abs=0.01)


def test_probes_of_all_sizes_are_reported() -> None:
    result = encode(budget(JpegEncoder(), 0.3))
    sizes = [one.size_bytes for one in result.probes]
    full = budget(JpegEncoder(), 1)
    assert sizes[0] >= full
    assert result.probes[-1].size_bytes < full / 2
    assert len(result.image) in sizes


def test_probes_are_reported_if_no_width_fits() -> None:
    target = budget(JpegEncoder(), 0.3)
    full = encode(target, may_shrink=False)
    result = encode(target, min_width=WIDTH - 20)
    assert result.image == full.image
    sizes = [one.size_bytes for one in result.probes]
    assert sizes[: len(full.probes)] == [one.size_bytes for one in full.probes]
    assert len(sizes) > len(full.probes)


def test_the_chosen_candidate_is_the_smaller_image() -> None:
    result = encode(budget(WebpEncoder(), 0.3), ["jpeg", "webp"], measure=["ssimulacra2"])
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    (chosen,) = (one for one in result.candidates if one.verdict is Verdict.CHOSEN)
    assert (chosen.format, chosen.quality) == (result.format, result.quality)
    assert (chosen.size_bytes, chosen.score) == (len(result.image), result.scores["ssimulacra2"])
    assert chosen.message == "fits the budget with fewer pixels"


@pytest.mark.parametrize("output", ["webp", ["webp", "avif", "png"]])
@pytest.mark.parametrize(
    "target",
    [{"target": 120, "low": 70}, {"method": "ssimulacra2", "target": 70, "max_bytes": 120}],
)
def test_a_drawing_whose_lossless_file_is_the_smallest_shrinks(
    output: Any, target: dict[str, Any]
) -> None:
    full = encode(source=drawing(), output=output, may_shrink=False, **target)
    assert full.lossless and len(full.image) > 120
    result = encode(source=drawing(), output=output, **target)
    assert NoticeCode.IMAGE_SHRUNK in codes(result)
    assert len(result.image) <= 120 and not result.lossless
    (chosen,) = (one for one in result.candidates if one.verdict is Verdict.CHOSEN)
    assert (chosen.lossless, chosen.size_bytes) == (False, len(result.image))


def test_a_near_lossless_candidate_is_not_chosen_for_the_smaller_image() -> None:
    target = {"method": "ssimulacra2", "target": 90, "max_bytes": budget(WebpEncoder(), 0.3)}
    result = encode(output="webp", **target)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert any(one.near_lossless is not None for one in result.candidates)
    (chosen,) = (one for one in result.candidates if one.verdict is Verdict.CHOSEN)
    assert chosen.near_lossless is None


# --- the least width ---------------------------------------------------------


def test_the_least_width_is_respected() -> None:
    target = budget(JpegEncoder(), 0.3)
    free = encode(target)
    assert encode(target, min_width=free.width).width >= free.width
    too_wide = encode(target, min_width=free.width + 40)
    assert (too_wide.width, too_wide.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)
    assert codes(too_wide) == []


@pytest.mark.parametrize("least", [WIDTH, WIDTH + 1, 10**9])
def test_an_image_that_is_not_wider_stays(least: int) -> None:
    result = encode(budget(JpegEncoder(), 0.5), min_width=least)
    assert (result.width, result.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)


def test_at_the_least_width_the_quality_falls_to_its_limit() -> None:
    small = shrunk(photograph(WIDTH, HEIGHT), 100, 75, unstopped)
    target = len(JpegEncoder().encode(small, 5)) + 20
    result = encode(target, low=1, min_width=100)
    assert (result.width, result.outcome) == (100, Outcome.TARGET_MET)
    assert 1 <= result.quality <= 8
    refused = encode(target, low=20, min_width=100)
    assert (refused.width, refused.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)


def test_a_budget_below_every_file_is_reported_as_without_shrinking() -> None:
    result = encode(30)
    assert (result.width, result.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)
    assert codes(result) == []


def test_avif_stays_avif() -> None:
    """AVIF cannot hold sides of fewer than 16 pixels."""
    smallest = shrunk(photograph(WIDTH, HEIGHT), 22, 16, unstopped)
    target = len(AvifEncoder().encode(smallest, 50)) + 10
    result = encode(target, Format.AVIF, low=1)
    assert result.format is Format.AVIF
    assert min(result.width, result.height) >= 16
    assert len(result.image) <= target or result.outcome is Outcome.MIN_QUALITY_REACHED


# --- every kind of image -----------------------------------------------------


def test_a_png_shrinks() -> None:
    full = len(PngEncoder().encode(photograph(WIDTH, HEIGHT), 0))
    result = encode(full // 3, Format.PNG)
    assert len(result.image) <= full // 3
    assert (result.quality, result.outcome) == (0, Outcome.NO_QUALITY)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert codes(encode(full, Format.PNG)) == []


def test_a_lossless_jpeg_xl_shrinks_whatever_it_is_made_of() -> None:
    """A JPEG in it would have all its coefficients, so it is decoded first."""
    jpeg = JpegEncoder().encode(photograph(WIDTH, HEIGHT), 80)
    lossless = JxlEncoder(JxlOptions(lossless=True))
    for source in (PHOTO, jpeg):
        full = len(encode(1e9, lossless, source).image)
        result = encode(full // 3, lossless, source)
        assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
        assert len(result.image) <= full // 3 and result.width < WIDTH


def test_alpha_and_frames_stay() -> None:
    alpha = saved("PNG", translucent().samples[0])
    full = len(WebpEncoder().encode(translucent(), 60))
    result = encode(full // 2, Format.WEBP, alpha, low=60)
    assert NoticeCode.IMAGE_SHRUNK in codes(result)
    assert len(result.image) <= full // 2 and opened(result.image).mode == "RGBA"
    film = animated(list(moving().samples), (80, 120, 200))
    full = len(WebpEncoder().encode(moving(), 60))
    result = encode(full // 2, Format.WEBP, film, low=60)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert (result.frames, len(result.image) <= full // 2) == (3, True)


def test_raw_pixels_shrink() -> None:
    pixels = photograph(WIDTH, HEIGHT)
    raw = RawSource(WIDTH, HEIGHT, 3, pixels.samples.tobytes())
    result = encode(budget(JpegEncoder(), 0.5), source=raw)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]


def test_a_turned_source_shrinks_upright() -> None:
    source = saved("JPEG", np.asarray(Image.open(io.BytesIO(PHOTO)))[:, :200], exif=exif(6))
    result = encode(2500, source=source, low=80)
    assert NoticeCode.IMAGE_SHRUNK in codes(result)
    assert (result.height / result.width) == pytest.approx(200 / 240, abs=0.02)


def test_a_kept_profile_stays() -> None:
    profile = saved("PNG", photograph(WIDTH, HEIGHT).samples[0], icc_profile=P3)
    result = encode(4000, source=profile, color_profile=ColorProfile.KEEP)
    assert NoticeCode.IMAGE_SHRUNK in codes(result)
    assert opened(result.image).info["icc_profile"] == P3


# --- metadata ----------------------------------------------------------------


def test_kept_metadata_has_the_sides_of_the_smaller_image() -> None:
    source = saved(
        "JPEG", photograph(WIDTH, HEIGHT).samples[0], exif=exif(t40962=WIDTH, t40963=HEIGHT)
    )
    result = encode(6000, source=source, keep_metadata=True)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    found = exif_of(result.image)
    assert (found[40962], found[40963]) == (result.width, result.height)
    assert texts_of(result.image) == ("Ada", "(c) Ada")
    assert len(result.image) <= 6000


def test_metadata_that_would_take_much_of_the_budget_is_dropped() -> None:
    large = packet("<dc:a/>" * 400)
    source = saved("JPEG", photograph(WIDTH, HEIGHT).samples[0], exif=exif(), xmp=large)
    result = encode(4000, source=source, keep_metadata=True)
    assert set(codes(result)) == {NoticeCode.IMAGE_SHRUNK, NoticeCode.METADATA_DROPPED}
    assert len(codes(result)) == 2
    assert xmp_of(result.image) == b"" and texts_of(result.image) == ("Ada", "(c) Ada")
    ample = encode(20_000, source=source, keep_metadata=True, low=100)
    assert codes(ample) == [NoticeCode.IMAGE_SHRUNK]
    assert xmp_of(ample.image)


# --- with other options ------------------------------------------------------


@pytest.mark.parametrize("method", ["dssim", "ssimulacra2", "none"])
def test_other_methods_do_not_shrink(method: str) -> None:
    target = {"dssim": 0.5, "ssimulacra2": 0}.get(method, 100)
    result = encode(target, method=method)
    assert result.width == WIDTH and NoticeCode.IMAGE_SHRUNK not in codes(result)


def test_a_source_within_the_budget_is_kept_instead() -> None:
    source = JpegEncoder().encode(photograph(WIDTH, HEIGHT), 40)
    result = encode(len(source), source=source, keep_smaller_source=True, low=90)
    assert (result.image, result.outcome) == (source, Outcome.SOURCE_KEPT)
    over = encode(len(source) - 1, source=source, keep_smaller_source=True, low=90)
    assert codes(over) == [NoticeCode.IMAGE_SHRUNK] and len(over.image) < len(source)


def test_a_capped_source_shrinks_at_its_quality() -> None:
    source = JpegEncoder().encode(photograph(WIDTH, HEIGHT), 40)
    result = encode(len(source) // 2, source=source, cap_at_source=True, low=90)
    assert result.quality <= 40 and len(result.image) <= len(source) // 2


def test_the_message_names_both_sizes() -> None:
    result = encode(budget(JpegEncoder(), 0.5))
    message = json.dumps([one.message for one in result.notices])
    assert f"{WIDTH}x{HEIGHT}" in message and f"{result.width}x{result.height}" in message


@pytest.mark.parametrize("method", ["dssim", "ssimulacra2", "size"])
def test_a_limit_on_bytes_is_a_budget(method: str) -> None:
    full = budget(JpegEncoder(), 1)
    target = {"dssim": 0.001, "ssimulacra2": 95, "size": 10 * full}[method]
    limit = full // 2
    result = encode(target, method=method, max_bytes=limit, measure=("ssimulacra2",))
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert result.outcome is Outcome.MAX_BYTES_REACHED
    assert 0.8 * limit <= len(result.image) <= limit
    assert result.quality >= 70 and result.width < WIDTH
    assert (result.applied.min_quality, result.applied.limits.max_bytes) == (70, limit)


def test_a_target_of_the_smaller_image_is_met_within_the_limit() -> None:
    limit = budget(JpegEncoder(), 0.9)
    result = encode(50, method="ssimulacra2", max_bytes=limit, allowed_error=1)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK]
    assert len(result.image) <= limit and result.outcome is Outcome.MIN_QUALITY_REACHED
    assert result.quality == 70


def test_a_fixed_quality_does_not_shrink() -> None:
    result = aq.encode(PHOTO, Format.JPEG, quality=80, max_bytes=1000, may_shrink=True)
    assert (result.width, codes(result)) == (WIDTH, [NoticeCode.LIMIT_EXCEEDED])


def test_ml_shrinks_with_the_encoder_of_its_network() -> None:
    network = aq.bundled_networks()
    full = len(JpegEncoder(BEST_MOZJPEG).encode(photograph(WIDTH, HEIGHT), 70))
    result = encode(0.001, method="ml", max_bytes=full // 2, networks=network)
    assert codes(result) == [NoticeCode.IMAGE_SHRUNK] and len(result.image) <= full // 2
    assert b"\xff\xc2" in result.image  # progressive
