"""Nothing of a source is left out without a notice."""

from __future__ import annotations

import pytest
import pyvips

from autoquality_core.formats import EncoderOptions
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, TargetSpec
from autoquality_core.types import NoticeCode as Code
from tests.formats.sources import moving
from tests.hostile.derived import grid
from tests.images.films import ISO, JPEG, TITLE, XMP, XMP_HEAD, Frame, apng, mpf
from tests.images.test_animation import films
from tests.pipeline.kept import PIPELINE, codes

STILL = [None, Format.JPEG, Format.AVIF, Format.PNG]


def encode(source: bytes, fmt: Format | None, *, keep: bool = False) -> EncodeResult:
    options = EncoderOptions(keep_metadata=keep)
    job = EncodeJob(source, fmt, TargetSpec(), None, options, measure=(DSSIM,))
    return PIPELINE.encode(job, Deadline())


@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_an_animation_stays_one_as_webp(kind: str) -> None:
    result = encode(films()[kind], Format.WEBP)
    assert (result.frames, codes(result)) == (3, [])
    written = pyvips.Image.webpload_buffer(result.image, n=-1)
    assert written.get("delay") == [80, 120, 200]
    assert written.get("loop") == 0
    found = PIPELINE.compare(films()[kind], result.image, Deadline())
    assert found.frames == 3
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-6)


@pytest.mark.parametrize("fmt", STILL)
@pytest.mark.parametrize("kind", ["apng", "avif"])
def test_where_it_becomes_a_still_image_a_notice_says_so(kind: str, fmt: Format | None) -> None:
    result = encode(films()[kind], fmt)
    assert (result.frames, codes(result)) == (1, [Code.FIRST_FRAME_ONLY])


def test_an_animation_that_cannot_be_followed_is_named_too() -> None:
    frames = [Frame(each) for each in moving().samples]
    assert codes(encode(apng(frames, announced=9), Format.WEBP)) == [Code.FIRST_FRAME_ONLY]


@pytest.mark.parametrize("fmt", [*STILL, Format.WEBP])
def test_a_second_image_and_a_gain_map_are_named(fmt: Format | None) -> None:
    assert codes(encode(mpf([JPEG, JPEG]), fmt)) == [Code.FIRST_FRAME_ONLY]
    gain_map = mpf([JPEG, JPEG], segments=[ISO])
    assert codes(encode(gain_map, fmt)) == [Code.FIRST_FRAME_ONLY, Code.GAIN_MAP_DROPPED]


def test_kept_xmp_announces_no_gain_map_that_is_gone() -> None:
    source = mpf([JPEG, JPEG], segments=[(0xE1, XMP_HEAD + XMP)])
    result = encode(source, Format.JPEG, keep=True)
    assert TITLE in result.image and b"hdrgm" not in result.image


def test_of_a_grid_nothing_is_left_out() -> None:
    assert codes(encode(grid(2, 2, (100, 100), (100, 100)), Format.JPEG)) == []


def test_a_still_image_is_compared_with_the_one_in_an_avif_sequence() -> None:
    source = films()["avif"]
    result = encode(source, Format.JPEG)
    found = PIPELINE.compare(source, result.image, Deadline())
    assert found.frames == 1
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-6)
