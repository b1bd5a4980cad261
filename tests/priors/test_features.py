"""The features of an image, and the curves that are predicted from them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from autoquality_core.formats import BEST_MOZJPEG, AvifEncoder, Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.images.blocks import LUMA, jpeg_table
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric
from autoquality_core.pipeline.methods import ScoreSearch, search_by_size
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import SIZE, load_regression, score_prior, size_prior
from autoquality_core.priors.features import (
    BLOCKS,
    COLOURED_NUMBERS,
    NUMBERS,
    luma_features,
    with_chroma,
)
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, ResolvedTarget
from tests.photos import crop

LIMITS = ImageLimits(2**26, 2**26)
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
ENCODERS = (JpegEncoder(), JpegEncoder(BEST_MOZJPEG), WebpEncoder(), AvifEncoder())
QUALITIES = (35, 60, 80, 90)


def samples(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)


def of(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return luma_features(Pixels(np.ascontiguousarray(frame[np.newaxis])))


def pixels_of(name: str, width: int, height: int) -> Pixels:
    return open_image(crop(name, width, height), LIMITS).decode(all_frames=False)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((64, 64, 3), np.uint8),
        np.full((40, 8, 1), 255, np.uint8),
        samples(1, 1, 1),
        samples(3, 200, 3),
        samples(9, 9, 2),
        samples(64, 48, 4),
        samples(700, 900, 3),
    ],
    ids=lambda frame: "x".join(map(str, frame.shape)),
)
def test_every_image_has_finite_features(frame: npt.NDArray[np.uint8]) -> None:
    found = of(frame)
    assert found.shape == (NUMBERS,)
    pixels = Pixels(np.ascontiguousarray(frame[np.newaxis]))
    both = with_chroma(found, pixels)
    assert both.shape == (COLOURED_NUMBERS,)
    assert np.array_equal(both[:NUMBERS], found)
    assert np.isfinite(both).all()


def test_only_the_features_of_chroma_depend_on_colours() -> None:
    photo = pixels_of("coffee.png", 128, 128)
    rows = photo.samples[0]
    greyed = np.rint(rows.astype(np.float32) @ LUMA).astype(np.uint8)[..., None]
    grey = Pixels(np.ascontiguousarray(greyed[None]))
    as_colours = Pixels(np.ascontiguousarray(np.repeat(greyed, 3, axis=2)[None]))
    assert luma_features(grey) == pytest.approx(luma_features(photo), abs=0.05)
    chroma = [with_chroma(luma_features(one), one)[NUMBERS:] for one in (photo, grey, as_colours)]
    assert (chroma[0] > chroma[1] + 0.1).all()
    assert chroma[2] == pytest.approx(chroma[1], abs=1e-3)


def test_alpha_lies_over_white() -> None:
    frame = samples(64, 64, 4)
    frame[..., 3] //= 2
    alpha = frame[..., 3:] / 255
    over = np.rint(frame[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    assert of(frame) == pytest.approx(of(over), rel=1e-2)


def test_a_picture_and_copies_of_it_side_by_side_have_the_same_features() -> None:
    photo = pixels_of("coffee.png", 256, 256).samples[0]
    assert photo.size // 64 // 3 == BLOCKS
    assert of(np.tile(photo, (2, 2, 1))) == pytest.approx(of(photo), abs=0.12)


def test_the_first_feature_is_the_dssim_of_blocks_that_opencv_codes() -> None:
    photo = pixels_of("chelsea.png", 64, 64).samples[0]
    grey = np.rint(photo.astype(np.float32) @ LUMA).astype(np.uint8)
    blocks = grey.reshape(8, 8, 8, 8).transpose(0, 2, 1, 3)
    table = jpeg_table(20).reshape(8, 8)
    c1, c2 = 2.55**2, 7.65**2
    found = []
    for block in blocks.reshape(-1, 8, 8).astype(np.float32):
        coded = cv2.idct(np.rint(cv2.dct(block - 128) / table) * table) + 128
        one, other = block.astype(np.float64), coded.astype(np.float64)
        covariance = ((one - one.mean()) * (other - other.mean())).mean()
        ssim = (2 * one.mean() * other.mean() + c1) / (one.mean() ** 2 + other.mean() ** 2 + c1)
        found.append(ssim * (2 * covariance + c2) / (one.var() + other.var() + c2))
    wanted = -np.log((1 - np.mean(found)) / 2 + 1e-5)
    assert of(grey[..., np.newaxis])[0] == pytest.approx(wanted, rel=1e-3)


@cache
def session_of(name: str, encoder: Encoder) -> Session:
    """A photograph at all qualities, with both scores."""
    session = Session(pixels_of(name, 320, 240), encoder, Deadline())
    for quality in QUALITIES:
        session.probe(quality, *METRICS.values())
    return session


each_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda one: one.learned)


@pytest.mark.parametrize("metric", [DSSIM, SSIMULACRA2, None], ids=["dssim", "ssimulacra2", "size"])
@each_encoder
def test_features_predict_the_curves_of_photographs_that_were_not_learned_from(
    encoder: Encoder, metric: Metric | None
) -> None:
    """The median error is within a quarter of a score or size, and nine in ten within half."""
    misses = []
    for name in PHOTOS:
        session = session_of(name, encoder)
        area = session.pixel_count
        if metric is None:
            prior = size_prior(encoder, area, session.all_features)
            usual = size_prior(encoder, area)
        else:
            prior = score_prior(encoder, metric, area, session.features_for(metric))
            usual = score_prior(encoder, metric, area)
        assert np.diag(prior.covariance).max() < np.diag(usual.covariance).max() / 4
        for quality in QUALITIES:
            value = np.log(session.size(quality) / area)
            if metric is not None:
                value = metric.value(session.scores(quality)[metric.name])
            misses.append(abs(float(prior.mean[quality - 1] - value)))
    assert np.median(misses) < 0.25
    assert np.quantile(misses, 0.9) < 0.5


@each_encoder
@pytest.mark.parametrize("curve", [*METRICS, SIZE])
def test_a_prediction_is_a_distribution_over_rising_curves(encoder: Encoder, curve: str) -> None:
    regression = load_regression(encoder.learned, curve)
    assert regression is not None
    pixels = pixels_of("coffee.png", 256, 192)
    features = luma_features(pixels)
    if curve != DSSIM.name:
        features = with_chroma(features, pixels)
    mean, covariance = regression.curve(features)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert (mean[15:90:5] < mean[20:95:5]).all()
    assert (regression.overhead > 0) == (curve == SIZE)


def test_an_encoder_without_a_file_has_no_regression() -> None:
    assert load_regression("never-learned", DSSIM.name) is None


def test_an_animation_has_no_features() -> None:
    pixels = Pixels(samples(2, 16, 16, 3), [40, 40])
    session = Session(pixels, WebpEncoder(), Deadline())
    assert session.features is None
    assert session.all_features is None


@pytest.mark.parametrize(("low", "high", "computed"), [(10, 95, True), (70, 70, False)])
def test_features_are_computed_only_where_they_may_save_an_encoding(
    low: int, high: int, computed: bool
) -> None:
    """In a range of one quality, the answer is known without them."""
    for search, resolved in (
        (ScoreSearch(DSSIM).run, ResolvedTarget(Method.DSSIM, 0.05, low, high, 0.001)),
        (search_by_size, ResolvedTarget(Method.SIZE, 10**6, low, high, 0.0)),
    ):
        session = Session(pixels_of("coffee.png", 64, 48), JpegEncoder(), Deadline())
        search(session, resolved)
        if computed == ("features" in vars(session)):
            continue
        # A budget that everything fits needs no features in any range.
        assert computed and resolved.method is Method.SIZE
