"""Sketches: what they say of an image, and what is learned from them of its curves."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from autoquality_core.encode.methods import DssimSearch, Session, SizeSearch
from autoquality_core.formats import BEST_MOZJPEG, CODECS
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.images.blocks import LUMA, jpeg_table
from autoquality_core.priors import dssim_prior, size_prior
from autoquality_core.priors.features import (
    BLOCKS,
    COLOURED_NUMBERS,
    NUMBERS,
    coloured,
    of_blocks,
    sketch,
)
from autoquality_core.priors.regression import sketched
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import EncoderOptions, Format, Method, ResolvedTarget
from tests.photos import crop

LIMITS = ImageLimits(2**26, 2**26)
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
SETTINGS = {
    "jpeg": (Format.JPEG, EncoderOptions()),
    "jpeg-mozjpeg": (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
    "webp": (Format.WEBP, EncoderOptions()),
    "avif": (Format.AVIF, EncoderOptions()),
}
QUALITIES = (35, 60, 80, 90)


def samples(*shape: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8)


def of(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return sketch(Pixels.from_samples(np.ascontiguousarray(frame[np.newaxis])))


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
def test_every_image_has_a_finite_sketch(frame: npt.NDArray[np.uint8]) -> None:
    found = of(frame)
    assert found.shape == (NUMBERS,)
    pixels = Pixels.from_samples(np.ascontiguousarray(frame[np.newaxis]))
    both = coloured(found, pixels)
    assert both.shape == (COLOURED_NUMBERS,)
    assert np.array_equal(both[:NUMBERS], found)
    assert np.isfinite(both).all()


def test_colours_are_seen_by_the_coloured_sketch_alone() -> None:
    photo = pixels_of("coffee.png", 128, 128)
    rows = photo.samples[0]
    greyed = np.rint(rows.astype(np.float32) @ LUMA).astype(np.uint8)[..., None]
    grey = Pixels.from_samples(np.ascontiguousarray(greyed[None]))
    as_colours = Pixels.from_samples(np.ascontiguousarray(np.repeat(greyed, 3, axis=2)[None]))
    assert sketch(grey) == pytest.approx(sketch(photo), abs=0.05)
    chroma = [coloured(sketch(one), one)[NUMBERS:] for one in (photo, grey, as_colours)]
    assert (chroma[0] > chroma[1] + 0.1).all()
    assert chroma[2] == pytest.approx(chroma[1], abs=1e-3)


def test_alpha_lies_over_white() -> None:
    frame = samples(64, 64, 4)
    frame[..., 3] //= 2
    alpha = frame[..., 3:] / 255
    over = np.rint(frame[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    assert of(frame) == pytest.approx(of(over), rel=1e-2)


def test_a_picture_and_the_same_side_by_side_have_one_sketch() -> None:
    photo = pixels_of("coffee.png", 256, 256).samples[0]
    assert photo.size // 64 // 3 == BLOCKS
    assert of(np.tile(photo, (2, 2, 1))) == pytest.approx(of(photo), abs=0.12)


def test_the_first_number_is_the_dssim_of_blocks_that_opencv_codes() -> None:
    photo = pixels_of("chelsea.png", 64, 64).samples[0]
    grey = photo.astype(np.float32) @ LUMA
    blocks = grey.reshape(8, 8, 8, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    table = jpeg_table(20).reshape(8, 8)
    c1, c2 = 2.55**2, 7.65**2
    found = []
    for block in blocks.reshape(-1, 8, 8):
        coded = cv2.idct(np.rint(cv2.dct(block - 128) / table) * table) + 128
        one, other = block.astype(np.float64), coded.astype(np.float64)
        covariance = ((one - one.mean()) * (other - other.mean())).mean()
        ssim = (2 * one.mean() * other.mean() + c1) / (one.mean() ** 2 + other.mean() ** 2 + c1)
        found.append(ssim * (2 * covariance + c2) / (one.var() + other.var() + c2))
    wanted = -np.log((1 - np.mean(found)) / 2 + 1e-5)
    assert of_blocks(blocks)[0] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_sketch_foretells_curves_of_photographs_that_nothing_was_learned_from(
    setting: str,
) -> None:
    """Within a quarter of DSSIM and size at the median, and all but the odd one within half."""
    fmt, options = SETTINGS[setting]
    for measure, prior_of in ((True, dssim_prior), (False, size_prior)):
        misses = []
        for name in PHOTOS:
            pixels = pixels_of(name, 320, 240)
            trial = Session(pixels, CODECS[fmt], options, Deadline())
            told = trial.features if measure else trial.size_features
            prior = prior_of(fmt, options, trial.pixel_count, told)
            usual = prior_of(fmt, options, trial.pixel_count)
            assert np.diag(prior.covariance).max() < np.diag(usual.covariance).max() / 4
            for quality in QUALITIES:
                probe = trial.probe(quality, measure=measure)
                value = np.log(probe.size_bytes / trial.pixel_count)
                if measure:
                    value = -np.log(probe.dssim)
                misses.append(abs(float(prior.mean[quality - 1] - value)))
        assert np.median(misses) < 0.25
        assert np.quantile(misses, 0.9) < 0.5


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("curve", ["dssim", "size"])
def test_what_was_learned_is_a_distribution_over_rising_curves(setting: str, curve: str) -> None:
    learned = sketched(setting, curve)
    assert learned is not None
    pixels = pixels_of("coffee.png", 256, 192)
    told = sketch(pixels) if curve == "dssim" else coloured(sketch(pixels), pixels)
    mean, covariance = learned.curve(told)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert (mean[15:90:5] < mean[20:95:5]).all()
    assert learned.overhead == 0 if curve == "dssim" else learned.overhead > 0


def test_an_encoder_that_nothing_was_learned_of_starts_from_its_usual_curve() -> None:
    assert sketched("never-learned", "dssim") is None


def test_an_animation_has_no_sketch() -> None:
    pixels = Pixels.from_samples(samples(2, 16, 16, 3), [40, 40])
    trial = Session(pixels, CODECS[Format.WEBP], EncoderOptions(), Deadline())
    assert trial.features is None
    assert trial.size_features is None


@pytest.mark.parametrize(("low", "high", "looked"), [(10, 95, True), (70, 70, False)])
def test_an_image_is_looked_at_where_that_may_save_an_encoding(
    low: int, high: int, looked: bool
) -> None:
    """In a range of one quality the answer is known whatever the image."""
    for search, resolved in (
        (DssimSearch(), ResolvedTarget(Method.DSSIM, 0.05, low, high, 0.001)),
        (SizeSearch(), ResolvedTarget(Method.SIZE, 10**6, low, high, 0.001)),
    ):
        pixels = pixels_of("coffee.png", 64, 48)
        trial = Session(pixels, CODECS[Format.JPEG], EncoderOptions(), Deadline())
        search.run(trial, resolved)
        if looked == ("features" in vars(trial)):
            continue
        # A budget that everything fits needs no look in any range.
        assert looked and isinstance(search, SizeSearch)
