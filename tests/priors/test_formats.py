"""Beliefs about the bytes of several encoders are calibrated, and files correct them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from autoquality_core.formats import (
    AvifEncoder,
    AvifOptions,
    Encoder,
    JpegEncoder,
    JpegOptions,
    JxlEncoder,
    PngEncoder,
    WebpEncoder,
    WebpOptions,
    encoder_for,
    writable,
)
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.objectives import RISK_BYTES
from autoquality_core.priors.features import ALL_NUMBERS, all_features
from autoquality_core.priors.formats import SURPRISED, WIDER, SizeBeliefs, learned
from autoquality_core.types import Chroma, Format, Lossless
from tests.photos import crop

LOSSY = (JpegEncoder(), WebpEncoder(), AvifEncoder(), JxlEncoder())
LOSSLESS = WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS))
NEAR = WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS), near_lossless=40)


def pixels(name: str = "coffee.png", width: int = 320, height: int = 240) -> Pixels:
    return open_image(crop(name, width, height), ImageLimits(2**26, 2**26)).decode(all_frames=False)


PHOTO = pixels()


def beliefs(*encoders: Encoder, of: Pixels = PHOTO) -> SizeBeliefs:
    return SizeBeliefs(encoders, of.width * of.height, all_features(of))


def file_near(encoder: Encoder, target: float, of: Pixels = PHOTO) -> tuple[int, float]:
    """The bytes and the score of the file whose score is nearest to `target`."""
    reference = SSIMULACRA2.reference(of)
    made = []
    for quality in range(40, 96, 5):
        data = encoder.encode(of, quality)
        made.append((len(data), reference.score(encoder.decode(data, of))))
    return min(made, key=lambda one: abs(one[1] - target))


def test_every_setting_that_is_written_by_default_was_learned() -> None:
    known = learned().places
    for fmt in writable():
        for one in encoder_for(fmt).variants(grey=False):
            assert one.setting in known, one.setting
    for chroma in (JpegOptions(chroma=Chroma.FULL), JpegOptions(quant_table=3, no_subsample=True)):
        assert JpegEncoder(chroma).setting in known
    assert AvifEncoder(AvifOptions(chroma=Chroma.FULL)).setting in known
    assert WebpEncoder(WebpOptions(chroma=Chroma.SHARP)).setting in known


def test_the_covariance_is_one() -> None:
    data = learned()
    np.testing.assert_allclose(data.covariance, data.covariance.T)
    assert np.linalg.eigvalsh(data.covariance).min() > 0
    assert data.centre.shape == data.spread.shape == (ALL_NUMBERS,)


@pytest.mark.parametrize("encoder", LOSSY)
def test_bytes_of_a_photograph_are_expected_to_within_a_factor(encoder: Encoder) -> None:
    size, score = file_near(encoder, 70)
    assert 0.6 < beliefs(encoder).bytes_at(encoder, score) / size < 1.6


def test_other_efforts_take_other_bytes_for_a_score() -> None:
    fast = WebpEncoder(WebpOptions(effort=0))
    slow = AvifEncoder(AvifOptions(speed=6))
    usual = WebpEncoder(), AvifEncoder()
    believed = beliefs(*usual, fast, slow)
    for score in (60.0, 70.0, 80.0):
        sizes = [believed.bytes_at(one, score) for one in (*usual, fast, slow)]
        assert sizes[2] > 1.1 * sizes[0] and sizes[3] < 0.95 * sizes[1]


def test_bytes_rise_with_the_score() -> None:
    found = beliefs(*LOSSY)
    for one in LOSSY:
        sizes = [found.bytes_at(one, score) for score in (0, 20, 40, 60, 75, 85, 92, 97)]
        assert sizes == sorted(sizes)


def test_a_file_settles_its_own_size_and_corrects_that_of_others() -> None:
    """After an image turned out harder in one format, more bytes are expected in all others."""
    found = beliefs(*LOSSY)
    before = {one: found.bytes_at(one, 70) for one in LOSSY}
    found.observe(LOSSY[2], round(1.5 * before[LOSSY[2]]), 70)
    after = {one: found.bytes_at(one, 70) / before[one] for one in LOSSY}
    assert after[LOSSY[2]] == pytest.approx(1.5, abs=0.03)
    for one in (LOSSY[0], LOSSY[1], LOSSY[3]):
        assert 1.1 < after[one] < 1.6


def test_a_file_at_one_score_says_less_about_others() -> None:
    found = beliefs(*LOSSY)
    before = [found.bytes_at(LOSSY[3], score) for score in (40, 70, 90)]
    found.observe(LOSSY[3], round(2 * before[0]), 40)
    rises = [
        found.bytes_at(LOSSY[3], score) / one
        for score, one in zip((40, 70, 90), before, strict=True)
    ]
    assert rises[0] > rises[1] > rises[2] > 1


def test_the_expected_saving_is_a_share_between_nothing_and_all() -> None:
    found = beliefs(*LOSSY)
    usual = round(found.bytes_at(LOSSY[1], 70))
    savings = [
        found.saving(LOSSY[1], 70, round(usual * factor)) for factor in (0.3, 0.7, 1, 1.5, 4)
    ]
    assert savings == sorted(savings)
    assert savings[0] < 0.002
    assert 0.01 < savings[2] < 0.15
    assert 0.65 < savings[4] < 0.8


def test_a_known_file_saves_nothing_more() -> None:
    found = beliefs(*LOSSY)
    size = round(found.bytes_at(LOSSY[1], 70))
    unsure = found.saving(LOSSY[1], 70, size)
    found.observe(LOSSY[1], size, 70)
    assert found.saving(LOSSY[1], 70, size) < unsure / 3


def test_the_score_of_a_budget_inverts_the_bytes_of_a_score() -> None:
    found = beliefs(*LOSSY)
    for one in LOSSY:
        for score in (35.0, 55.0, 72.0, 88.0):
            mean, deviation = found.score_at(one, found.bytes_at(one, score))
            assert mean == pytest.approx(score, abs=0.5)
            assert 0 < deviation < 30
        assert found.score_at(one, 1)[0] == 0  # no file is as small


def test_the_gain_over_a_score_falls_with_it() -> None:
    found = beliefs(*LOSSY)
    budget = found.bytes_at(LOSSY[2], 70)
    gains = [found.gain(LOSSY[2], budget, score) for score in (50, 65, 70, 75, 95)]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] == pytest.approx(20, abs=1.5)
    assert gains[-1] < 0.3
    mean, deviation = found.score_at(LOSSY[2], budget)
    often = 1 - SURPRISED + SURPRISED * WIDER  # a wider deviation, in a few cases
    expected = often * deviation / math.sqrt(2 * math.pi)
    assert found.gain(LOSSY[2], budget, mean) == pytest.approx(expected)


def test_a_lossless_file_has_one_size_and_fits_or_does_not() -> None:
    found = beliefs(LOSSLESS)
    size = found.bytes_at(LOSSLESS, 70)
    assert size == found.bytes_at(LOSSLESS, 95)
    true = len(LOSSLESS.encode(PHOTO, 0))
    assert 0.7 < size / true < 1.4
    for budget, expected in ((10 * size, 100), (size / 10, 0)):
        score, deviation = found.score_at(LOSSLESS, budget)
        assert abs(score - expected) < 1
        assert deviation < 10
    assert found.gain(LOSSLESS, size / 10, 70) < 0.5


def test_a_drawing_is_expected_to_be_smaller_without_loss() -> None:
    samples = np.full((1, 240, 320, 3), 250, np.uint8)
    for row in range(20, 220, 20):
        samples[:, row : row + 2, 20:300] = (30, 60, 160)
    drawing = Pixels(samples)
    found = beliefs(LOSSLESS, LOSSY[1], of=drawing)
    assert found.bytes_at(LOSSLESS, 80) < found.bytes_at(LOSSY[1], 80)
    photo = beliefs(LOSSLESS, LOSSY[1])
    assert photo.bytes_at(LOSSLESS, 80) > 3 * photo.bytes_at(LOSSY[1], 80)


def test_a_near_lossless_file_is_expected_to_be_smaller_than_the_lossless_one() -> None:
    found = beliefs(LOSSLESS, NEAR)
    exact, sizes = (
        found.bytes_at(LOSSLESS, 80),
        [found.bytes_at(NEAR, one) for one in (70, 80, 85, 90)],
    )
    assert sizes == sorted(sizes)
    assert 0.5 * exact < sizes[0] < sizes[-1] < exact


def test_a_lossless_file_says_much_about_near_lossless_ones() -> None:
    found = beliefs(LOSSLESS, NEAR)
    share = found.bytes_at(NEAR, 80) / found.bytes_at(LOSSLESS, 80)
    found.observe(LOSSLESS, 300_000, 100.0)
    assert found.bytes_at(NEAR, 80) == pytest.approx(share * 300_000, rel=0.05)


def test_a_lossless_file_that_is_expected_to_be_larger_by_half_is_still_worth_a_try() -> None:
    """A third of screenshots are smaller by that much than their features show."""
    found = beliefs(LOSSLESS, NEAR)
    room = round(found.bytes_at(LOSSLESS, 80) / 1.5)
    assert found.saving(LOSSLESS, 80, room) > RISK_BYTES
    known = SizeBeliefs(
        (LOSSLESS,),
        PHOTO.width * PHOTO.height,
        all_features(PHOTO),
        data=replace(learned(), doubts=np.zeros_like(learned().doubts)),
    )
    assert known.saving(LOSSLESS, 80, room) < RISK_BYTES


def test_another_effort_is_less_sure() -> None:
    slow = AvifEncoder(AvifOptions(speed=2))
    found = beliefs(AvifEncoder(), slow)
    sure, unsure = (
        found.saving(one, 70, round(found.bytes_at(one, 70))) for one in (AvifEncoder(), slow)
    )
    assert sure < unsure < 2 * sure


def test_quantised_png_counts_as_any_format_without_a_quality() -> None:
    quantised = encoder_for(Format.PNG)
    assert isinstance(quantised, PngEncoder)
    unknown = PngEncoder(type(quantised.options)(quantize=True))
    found = beliefs(unknown, *LOSSY)
    assert 0 < found.bytes_at(unknown, 70) == found.bytes_at(unknown, 90) < math.inf


def test_without_features_everything_is_less_sure() -> None:
    area = PHOTO.width * PHOTO.height
    sure, unsure = beliefs(*LOSSY), SizeBeliefs(LOSSY, area, None)
    size = round(unsure.bytes_at(LOSSY[1], 70))
    assert unsure.saving(LOSSY[1], 70, size) > 3 * sure.saving(
        LOSSY[1], 70, round(sure.bytes_at(LOSSY[1], 70))
    )
    # Most of the doubt is common: one file settles it for all.
    ratio = unsure.bytes_at(LOSSY[2], 70) / unsure.bytes_at(LOSSY[1], 70)
    unsure.observe(LOSSY[1], 3 * size, 70)
    assert unsure.bytes_at(LOSSY[2], 70) / unsure.bytes_at(LOSSY[1], 70) == pytest.approx(
        ratio, rel=0.4
    )
