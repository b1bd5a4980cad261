"""METHOD_SIZE with metadata: what counts, and what is given up first."""

from __future__ import annotations

import io
import os

import pytest
from PIL import Image

from autoquality_core.formats import EncoderOptions
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, NoticeCode, Outcome, TargetSpec
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
