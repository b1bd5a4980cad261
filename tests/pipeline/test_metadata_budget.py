"""METHOD_SIZE with metadata: what counts, and what is given up first."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from autoquality_core.formats import EncoderOptions, JxlOptions, WebpOptions
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Limits, Lossless, Method, NoticeCode, Outcome, TargetSpec
from tests.images.metadata_files import (
    ARTIST,
    EXIF_IFD,
    MAKER_NOTE,
    directory,
    exif_block,
    packet,
    saved,
    text,
)
from tests.photos import crop
from tests.pipeline.kept import EVERYTHING, PIPELINE, codes, exif_of, texts_of
from tests.pipeline.test_candidates import drawing

WITH_QUALITY = pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL])


def photograph(note: int, author: str = "Ada") -> bytes:
    """A JPEG whose EXIF has a maker note of so many bytes."""
    tags = {ARTIST: text(author), EXIF_IFD: (4, 1, bytes(4))}
    at = len(exif_block(tags))
    tags[EXIF_IFD] = (4, 1, at.to_bytes(4, "little"))
    noise = os.urandom(note)
    block = exif_block(tags) + directory({MAKER_NOTE: (7, note, noise)}, at)
    picture = Image.open(io.BytesIO(crop("coffee.png", 160, 120))).convert("RGB")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, exif=b"Exif\0\0" + block)
    return file.getvalue()


def encode(
    source: bytes, fmt: Format, target: float, options: EncoderOptions, low: int = 1
) -> EncodeResult:
    spec = TargetSpec(Method.SIZE, target, low, 95)
    return PIPELINE.encode(EncodeJob(source, fmt, spec, None, options), Deadline())


def fixed(source: bytes, fmt: Format, quality: int, options: EncoderOptions) -> EncodeResult:
    return PIPELINE.encode(EncodeJob(source, fmt, TargetSpec(), quality, options), Deadline())


@WITH_QUALITY
def test_the_budget_counts_what_is_written_with_its_metadata(fmt: Format) -> None:
    source = photograph(note=1000)
    budget = len(fixed(source, fmt, 50, EVERYTHING).image)
    result = encode(source, fmt, budget, EVERYTHING)
    assert result.outcome is Outcome.TARGET_MET and not result.notices
    assert len(result.image) <= budget
    assert len(fixed(source, fmt, result.quality + 2, EVERYTHING).image) > budget
    assert result.image == fixed(source, fmt, result.quality, EVERYTHING).image
    chosen = [one for one in result.probes if one.quality == result.quality]
    assert [one.size_bytes for one in chosen] == [len(result.image)]


@WITH_QUALITY
def test_metadata_that_the_budget_has_no_room_for_is_left_out_but_the_copyright(
    fmt: Format,
) -> None:
    source = photograph(note=20_000)
    result = encode(source, fmt, 6000, EVERYTHING)
    assert result.outcome is Outcome.TARGET_MET and codes(result) == [NoticeCode.METADATA_DROPPED]
    assert texts_of(result.image) == ("Ada", "") and EXIF_IFD not in exif_of(result.image)
    assert result.image == fixed(source, fmt, result.quality, EncoderOptions()).image


@WITH_QUALITY
def test_no_quality_is_encoded_twice_to_leave_metadata_out(fmt: Format) -> None:
    source = photograph(note=3000)
    least = len(fixed(source, fmt, 40, EncoderOptions()).image)
    result = encode(source, fmt, least + 500, EVERYTHING, low=40)
    assert result.outcome is Outcome.TARGET_MET and codes(result) == [NoticeCode.METADATA_DROPPED]
    tried = [one.quality for one in result.probes]
    assert len(set(tried)) == len(tried)
    # Probes that were made with the metadata report their sizes without it.
    for one in result.probes:
        assert one.size_bytes == len(fixed(source, fmt, one.quality, EncoderOptions()).image)


@WITH_QUALITY
def test_the_copyright_goes_too_where_that_meets_the_budget(fmt: Format) -> None:
    source = photograph(note=3000, author="A" * 500)
    nothing = EncoderOptions(keep_copyright=False)
    least = len(fixed(source, fmt, 40, nothing).image)
    for options in (EVERYTHING, EncoderOptions()):
        result = encode(source, fmt, least + 5, options, low=40)
        assert result.outcome is Outcome.TARGET_MET
        assert result.image == fixed(source, fmt, result.quality, nothing).image
        assert codes(result) == [NoticeCode.METADATA_DROPPED]


@WITH_QUALITY
def test_the_copyright_stays_where_nothing_meets_the_budget(fmt: Format) -> None:
    """It would be lost for nothing: a missed budget is common in a narrow range."""
    source = photograph(note=3000)
    plain = encode(source, fmt, 100, EncoderOptions(), low=70)
    assert plain.outcome is Outcome.MIN_QUALITY_REACHED and not plain.notices
    assert texts_of(plain.image) == ("Ada", "") and plain.quality == 70
    everything = encode(source, fmt, 100, EVERYTHING, low=70)
    assert everything.image == plain.image
    assert codes(everything) == [NoticeCode.METADATA_DROPPED]


def test_only_a_search_by_size_gives_metadata_up() -> None:
    source = photograph(note=20_000)
    spec = TargetSpec(Method.DSSIM, 0.02, 10, 95, 0.01)
    job = EncodeJob(source, Format.WEBP, spec, None, EVERYTHING)
    result = PIPELINE.encode(job, Deadline())
    assert len(result.image) > 20_000 and not result.notices


def test_xmp_is_left_out_with_the_rest() -> None:
    xmp = packet("<dc:title>" + "x" * 20_000 + "</dc:title>")
    source = saved("WEBP", exif=exif_block({ARTIST: text("Ada")}), xmp=xmp)
    result = encode(source, Format.WEBP, 5000, EVERYTHING)
    assert result.outcome is Outcome.TARGET_MET and texts_of(result.image) == ("Ada", "")
    assert b"xmpmeta" not in result.image and codes(result) == [NoticeCode.METADATA_DROPPED]


# --- files without a quality -------------------------------------------------


LOSSLESS = pytest.mark.parametrize(
    "fmt",
    [Format.PNG, Format.WEBP, Format.JXL],
    ids=lambda one: one.value,
)
WITHOUT_LOSS = EncoderOptions(
    keep_metadata=True, webp=WebpOptions(lossless=Lossless.ALWAYS), jxl=JxlOptions(lossless=True)
)
ONLY_COPYRIGHT = replace(WITHOUT_LOSS, keep_metadata=False)
NOTHING = replace(ONLY_COPYRIGHT, keep_copyright=False)


def graphic(note: int = 20_000) -> bytes:
    """A PNG of few colours, with a maker note of so many bytes."""
    file = io.BytesIO()
    raw = drawing()
    picture = Image.frombytes("RGB", (raw.width, raw.height), raw.pixels)
    picture.save(file, "PNG", exif=Image.open(io.BytesIO(photograph(note))).info["exif"])
    return file.getvalue()


def limited(source: bytes, fmt: Format, max_bytes: int, options: EncoderOptions) -> EncodeResult:
    spec = TargetSpec(Method.SSIMULACRA2, limits=Limits(max_bytes))
    return PIPELINE.encode(EncodeJob(source, fmt, spec, None, options), Deadline())


@LOSSLESS
@pytest.mark.parametrize("search", [encode, limited])
def test_a_file_without_a_quality_gives_up_metadata_that_does_not_fit(
    fmt: Format, search: Callable[..., EncodeResult]
) -> None:
    source = graphic()
    whole, alone, bare = (
        fixed(source, fmt, 1, options).image for options in (WITHOUT_LOSS, ONLY_COPYRIGHT, NOTHING)
    )
    fits = search(source, fmt, len(whole), WITHOUT_LOSS)
    assert fits.image == whole and NoticeCode.METADATA_DROPPED not in codes(fits)
    for budget, expected in ((len(whole) - 1, alone), (len(alone) - 1, bare)):
        result = search(source, fmt, budget, WITHOUT_LOSS)
        assert result.image == expected
        assert codes(result) == [NoticeCode.METADATA_DROPPED]
        assert [one.size_bytes for one in result.probes] == [len(expected)]
    hopeless = search(source, fmt, len(bare) - 1, WITHOUT_LOSS)
    assert hopeless.image == alone and NoticeCode.METADATA_DROPPED in codes(hopeless)


def test_a_fixed_quality_keeps_metadata_over_a_limit() -> None:
    source, spec = graphic(), TargetSpec(Method.NONE, limits=Limits(10_000))
    job = EncodeJob(source, Format.PNG, spec, None, EVERYTHING)
    result = PIPELINE.encode(job, Deadline())
    assert len(result.image) > 20_000 and codes(result) == [NoticeCode.LIMIT_EXCEEDED]


def test_an_image_is_not_reduced_where_its_metadata_can_give_way() -> None:
    result = encode(graphic(), Format.PNG, 10_000, replace(EVERYTHING, may_shrink=True))
    assert codes(result) == [NoticeCode.METADATA_DROPPED]
    assert result.image == fixed(graphic(), Format.PNG, 1, EncoderOptions()).image


def test_a_kept_source_gives_up_metadata_as_an_encoding_does() -> None:
    source = encode(graphic(), Format.PNG, 10**6, EVERYTHING).image
    options = replace(EVERYTHING, keep_smaller_source=True)
    result = encode(source, Format.PNG, 10_000, options)
    assert result.outcome is Outcome.SOURCE_KEPT and codes(result) == [NoticeCode.METADATA_DROPPED]
    assert len(result.image) <= 10_000 and texts_of(result.image) == ("Ada", "")


@pytest.mark.parametrize("search", [encode, limited])
def test_a_lossless_candidate_gives_up_metadata_where_the_lossy_one_does(
    search: Callable[..., EncodeResult],
) -> None:
    source = graphic()
    lossless = fixed(source, Format.WEBP, 1, ONLY_COPYRIGHT).image
    result = search(source, Format.WEBP, 10_000, EVERYTHING)
    assert result.image == lossless and result.outcome is Outcome.LOSSLESS_SMALLER
    assert codes(result) == [NoticeCode.METADATA_DROPPED]


def test_a_lossless_candidate_keeps_metadata_that_fits_with_the_lossy_one() -> None:
    source = photograph(note=20_000)
    lossless = len(fixed(source, Format.WEBP, 1, ONLY_COPYRIGHT).image)
    spec = TargetSpec(Method.SIZE, lossless + 1000, 70, 80)
    formats = (Format.WEBP, Format.PNG)
    job = EncodeJob(source, None, spec, None, EVERYTHING, candidates=formats)
    result = PIPELINE.encode(job, Deadline())
    assert result.format is Format.WEBP and not result.lossless
    assert EXIF_IFD in exif_of(result.image) and not result.notices


def test_a_choice_keeps_the_metadata_that_the_chosen_format_keeps_alone() -> None:
    """Although it searches the format in two parts, and more than the budget may be metadata."""
    source = photograph(note=20_000)
    for options in (EncoderOptions(), EVERYTHING):
        spec = TargetSpec(Method.SIZE, 6000, 1, 95)
        formats = (Format.AVIF, Format.WEBP, Format.JPEG)
        job = EncodeJob(source, None, spec, None, options, candidates=formats)
        result = PIPELINE.encode(job, Deadline())
        alone = encode(source, result.format, 6000, options)
        assert (result.image, codes(result)) == (alone.image, codes(alone))
        assert len({one.format for one in result.probes}) > 1


class Passing(Deadline):
    """Leaves time for some probes after the first, and nothing else."""

    def __init__(self, probes: int) -> None:
        super().__init__(1000)
        self.probes = probes

    def leaves(self, seconds: float) -> bool:
        self.probes -= 1
        return self.probes >= 0


def test_a_deadline_behind_dropped_metadata_leaves_the_best_file_that_was_made() -> None:
    source = photograph(note=40_000)
    spec = TargetSpec(Method.SIZE, 40_150, 1, 95)
    job = EncodeJob(source, Format.JPEG, spec, None, EVERYTHING)
    result = PIPELINE.encode(job, Passing(1))
    fitting = [one.quality for one in result.probes if one.size_bytes <= 40_150]
    assert len(fitting) == len(result.probes) == 2
    assert (result.outcome, result.quality) == (Outcome.TARGET_MET, max(fitting))
