"""The quality of a WebP's alpha: as asked for, and as a budget needs it."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from autoquality_core.formats import EncoderOptions, WebpOptions, encoder_for
from autoquality_core.images import open_image
from autoquality_core.images.hidden import with_continued_colours
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.methods import search_by_size
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Lossless, Method, NoticeCode, Outcome, TargetSpec
from tests.images.files import AMPLE
from tests.images.metadata_files import exif
from tests.photos import animation, crop
from tests.pipeline.kept import EVERYTHING, PIPELINE, codes, texts_of

SIDES = WIDTH, HEIGHT = 160, 120
METHODS = {
    "none": (TargetSpec(), 60),
    "size": (TargetSpec(Method.SIZE, 1e6, 10, 90), None),
    "dssim": (TargetSpec(Method.DSSIM, 0.05, 10, 90, 0.01), None),
    "ml": (TargetSpec(Method.ML, 0.05, 10, 90, 0.01), None),
}


def cut_out(**options: object) -> bytes:
    """A photograph with a soft, noisy mask."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot((x - WIDTH / 2) / (WIDTH / 2), (y - HEIGHT / 2) / (HEIGHT / 2))
    noise = np.random.default_rng(0).normal(0, 6, away.shape)
    mask = np.clip(255 * (1.3 - away) + noise, 0, 255).astype(np.uint8)
    picture = Image.open(io.BytesIO(crop("coffee.png", WIDTH, HEIGHT))).convert("RGB")
    picture.putalpha(Image.fromarray(mask))
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


CUT_OUT = cut_out()


def options_of(alpha_quality: int) -> EncoderOptions:
    return EncoderOptions(webp=WebpOptions(alpha_quality=alpha_quality, lossless=Lossless.NEVER))


@cache
def fixed(quality: int, alpha_quality: int, source: bytes = CUT_OUT) -> bytes:
    job = EncodeJob(source, Format.WEBP, TargetSpec(), quality, options_of(alpha_quality))
    return PIPELINE.encode(job, Deadline()).image


def by_size(
    target: float,
    low: int = 1,
    high: int = 95,
    alpha_quality: int = 100,
    source: bytes = CUT_OUT,
    options: EncoderOptions | None = None,
    allowed_error: float | None = None,
) -> EncodeResult:
    spec = TargetSpec(Method.SIZE, target, low, high, allowed_error)
    options = options or options_of(alpha_quality)
    return PIPELINE.encode(EncodeJob(source, Format.WEBP, spec, None, options), Deadline())


@pytest.mark.parametrize(
    ("method", "alpha_quality"), [*((method, 40) for method in METHODS), ("none", 0), ("size", 100)]
)
def test_every_method_writes_alpha_as_asked_and_says_so(method: str, alpha_quality: int) -> None:
    spec, quality = METHODS[method]
    job = EncodeJob(CUT_OUT, Format.WEBP, spec, quality, options_of(alpha_quality), (DSSIM,))
    result = PIPELINE.encode(job, Deadline())
    assert result.alpha_quality == alpha_quality
    assert {one.alpha_quality for one in result.probes} == {alpha_quality}
    assert result.image == fixed(result.quality, alpha_quality)
    alpha = np.asarray(Image.open(io.BytesIO(result.image)))[..., 3]
    mask = np.asarray(Image.open(io.BytesIO(CUT_OUT)))[..., 3]
    assert np.array_equal(alpha, mask) == (alpha_quality == 100)


def test_alpha_quality_is_measured() -> None:
    job = EncodeJob(CUT_OUT, Format.WEBP, TargetSpec(), 90, options_of(0), (DSSIM,))
    lossy = PIPELINE.encode(job, Deadline()).scores["dssim"]
    job = EncodeJob(CUT_OUT, Format.WEBP, TargetSpec(), 90, options_of(100), (DSSIM,))
    lossless = PIPELINE.encode(job, Deadline()).scores["dssim"]
    assert lossy > 5 * lossless


@pytest.mark.parametrize(
    ("source", "fmt"),
    [(crop("coffee.png", 32, 32), Format.WEBP), (CUT_OUT, Format.AVIF), (CUT_OUT, Format.PNG)],
)
def test_without_an_alpha_of_its_own_there_is_no_alpha_quality(source: bytes, fmt: Format) -> None:
    results = [
        PIPELINE.encode(EncodeJob(source, fmt, TargetSpec(), None, options_of(one)), Deadline())
        for one in (20, 100)
    ]
    assert results[0].image == results[1].image
    assert all(one.alpha_quality is None for one in results)
    assert all(probe.alpha_quality is None for one in results for probe in one.probes)


@pytest.mark.parametrize(
    ("low", "high", "share"),
    [
        *((1, 95, share) for share in (0.02, 0.1, 0.3, 0.6, 0.9)),
        *((70, 80, 0.02), (70, 80, 0.6), (40, 40, 0.3)),
    ],
)
def test_a_budget_is_met_by_lowering_alpha_too(low: int, high: int, share: float) -> None:
    """Between the smallest file there is and the smallest with a lossless alpha."""
    smallest, lossless = len(fixed(low, 0)), len(fixed(low, 100))
    budget = int(smallest + share * (lossless - smallest))
    result = by_size(budget, low, high)
    assert result.outcome is Outcome.TARGET_MET and len(result.image) <= budget
    assert codes(result) == [NoticeCode.ALPHA_QUALITY_LOWERED]
    assert result.alpha_quality is not None and result.alpha_quality < 100
    assert low <= result.quality <= high
    assert result.image == fixed(result.quality, result.alpha_quality)
    if result.quality < high:  # nothing of the budget is left for the quality
        assert len(fixed(result.quality + 1, result.alpha_quality)) > budget
    more = result.alpha_quality + 5
    if more < 100:  # nor for the next step of both
        assert len(fixed(min(max(more, low), high), more)) > budget
    assert len(result.probes) <= 14
    tried = [(one.quality, one.alpha_quality) for one in result.probes]
    assert len(set(tried)) == len(tried)


def test_the_smallest_file_there_is_is_found() -> None:
    smallest = len(fixed(30, 0))
    result = by_size(smallest, low=30)
    assert (result.quality, result.alpha_quality) == (30, 0)
    assert result.outcome is Outcome.TARGET_MET


def test_where_nothing_fits_alpha_stays_as_it_was() -> None:
    result = by_size(len(fixed(70, 0)) - 1, low=70, high=80)
    assert result.outcome is Outcome.MIN_QUALITY_REACHED
    assert (result.quality, result.alpha_quality) == (70, 100)
    assert result.image == fixed(70, 100) and not result.notices


def test_alpha_is_left_alone_where_a_quality_fits() -> None:
    result = by_size(len(fixed(20, 100)) + 10)
    assert result.alpha_quality == 100 and not result.notices
    assert {one.alpha_quality for one in result.probes} == {100}


def test_alpha_may_take_more_of_a_budget_than_has_to_be_used() -> None:
    budget = len(fixed(1, 100)) + 10
    result = by_size(budget, low=70, high=80, allowed_error=0.3)
    assert result.outcome is Outcome.TARGET_MET
    assert 0.7 * budget <= len(result.image) <= budget


def test_an_alpha_quality_that_was_asked_for_is_lowered_from_there() -> None:
    result = by_size(len(fixed(1, 20)), alpha_quality=60)
    assert result.alpha_quality is not None and result.alpha_quality < 60
    assert max(one.alpha_quality or 0 for one in result.probes) == 60
    assert codes(result) == [NoticeCode.ALPHA_QUALITY_LOWERED]


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_loss_is_shared_between_colour_and_alpha(share: float) -> None:
    """It looks better than with all of the loss on either side."""
    smallest, lossless = len(fixed(1, 0)), len(fixed(1, 100))
    budget = int(smallest + share * (lossless - smallest))

    def dssim(quality: int, alpha_quality: int) -> float:
        options = options_of(alpha_quality)
        job = EncodeJob(CUT_OUT, Format.WEBP, TargetSpec(), quality, options, (DSSIM,))
        return PIPELINE.encode(job, Deadline()).scores["dssim"] or 0.0

    best = 1.0
    for alpha_quality in range(0, 100, 10):
        qualities = [q for q in range(1, 96, 6) if len(fixed(q, alpha_quality)) <= budget]
        if qualities:
            best = min(best, dssim(max(qualities), alpha_quality))
    result = by_size(budget)
    assert dssim(result.quality, result.alpha_quality or 0) <= 1.5 * best


def test_metadata_is_given_up_before_alpha() -> None:
    source = cut_out(exif=exif())
    budget = len(fixed(40, 100))
    result = by_size(budget, low=40, source=source, options=EVERYTHING)
    assert result.alpha_quality == 100 and codes(result) == [NoticeCode.METADATA_DROPPED]
    assert result.outcome is Outcome.TARGET_MET and len(result.image) <= budget


def test_copyright_that_fits_after_alpha_is_lowered_is_kept() -> None:
    source = cut_out(exif=exif())
    kept = 0
    for budget in range(len(fixed(40, 20)), len(fixed(40, 60)), 422):
        result = by_size(budget, low=40, source=source, options=EncoderOptions())
        assert result.outcome is Outcome.TARGET_MET and len(result.image) <= budget
        dropped = NoticeCode.METADATA_DROPPED in codes(result)
        assert texts_of(result.image) == (("", "") if dropped else ("Ada", "(c) Ada"))
        kept += not dropped
    assert kept


def test_a_film_lowers_alpha_too() -> None:
    frames = [Image.open(io.BytesIO(CUT_OUT)).rotate(90 * turn) for turn in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    film = file.getvalue()
    budget = (len(fixed(30, 0, film)) + len(fixed(30, 100, film))) // 2
    result = by_size(budget, low=30, source=film)
    assert result.outcome is Outcome.TARGET_MET and len(result.image) <= budget
    assert result.frames == 3 and result.alpha_quality is not None and result.alpha_quality < 100
    assert result.image == fixed(result.quality, result.alpha_quality, film)


def test_a_film_of_gif_says_its_alpha_quality_if_it_has_alpha() -> None:
    job = EncodeJob(animation(), Format.WEBP, TargetSpec(), 60, EncoderOptions())
    assert PIPELINE.encode(job, Deadline()).alpha_quality is None


class Ending(Session):
    """A session whose deadline comes after some probes."""

    def __init__(self, probes: int) -> None:
        pixels = with_continued_colours(open_image(CUT_OUT, AMPLE).decode(all_frames=False))
        super().__init__(pixels, encoder_for(Format.WEBP), Deadline())
        self.left = probes

    def may_continue(self, quality: int) -> bool:
        return len(self.probes) < self.left


@pytest.mark.parametrize("probes", [1, 2, 3, 5, 8, 11])
def test_a_deadline_ends_it_with_the_best_so_far(probes: int) -> None:
    budget = (len(fixed(1, 0)) + len(fixed(1, 100))) // 2
    spec = PIPELINE.defaults.resolve(TargetSpec(Method.SIZE, budget, 1, 95), Format.WEBP)
    session = Ending(probes)
    answer = search_by_size(session, spec)
    assert len(session.probes) <= probes
    size = len(session.file(answer.quality))
    assert session.file(answer.quality) == fixed(answer.quality, session.alpha_quality or 0)
    if answer.outcome is not Outcome.TARGET_MET:
        assert answer.outcome is Outcome.DEADLINE_REACHED
    if any(one.size_bytes <= budget for one in session.probes):
        assert size <= budget


@pytest.mark.parametrize("share", [0.32, 0.8, 0.9])
def test_a_choice_of_formats_measures_files_of_any_alpha_quality(share: float) -> None:
    """The latest file may have another alpha quality than the one that a search tries."""
    least, most = len(fixed(60, 0)), len(fixed(60, 100))
    budget = least + share * (most - least)
    spec = TargetSpec(Method.SIZE, budget, 60, 80)
    formats = (Format.WEBP, Format.JXL)
    job = EncodeJob(CUT_OUT, None, spec, None, options_of(100), candidates=formats)
    result = PIPELINE.encode(job, Deadline())
    webp = [one for one in result.probes if one.format is Format.WEBP]
    assert len({one.alpha_quality for one in webp}) > 2
    assert all("ssimulacra2" in one.scores for one in webp if one.alpha_quality == 100)
    assert result.outcome is Outcome.TARGET_MET and len(result.image) <= budget
