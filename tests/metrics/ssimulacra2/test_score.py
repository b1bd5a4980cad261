"""The scores are those of the original implementation, and defined where it has none."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.formats import AvifEncoder, Encoder, JpegEncoder, WebpEncoder
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.metrics.ssimulacra2.reference import FrameReference
from tests.metrics.ssimulacra2.pairs import CHANGES, ORIGINALS, Samples, reference_scores


def pixels_of(*frames: Samples) -> Pixels:
    """A still image, or an animation of frames that are shown for 100 ms."""
    return Pixels(np.stack(frames), [100] * len(frames) if len(frames) > 1 else [])


def searched(first: Samples, second: Samples) -> float:
    """The score that a search sees."""
    return SSIMULACRA2.reference(pixels_of(first)).score(Decoded(second[np.newaxis]))


@pytest.mark.parametrize(("original", "change", "expected"), reference_scores())
def test_the_score_is_the_original_implementations(
    original: str, change: str, expected: float
) -> None:
    """compare() agrees to 4 decimals, from -397 to 100, for all sizes.

    The score of a search is exact to a hundredth: the planes that it leaves out hardly count.
    """
    image = ORIGINALS[original]()
    changed = CHANGES[change](image)
    score = SSIMULACRA2.compare(pixels_of(image), pixels_of(changed))
    assert score == pytest.approx(expected, abs=1e-4)
    assert searched(image, changed) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("encoder", [JpegEncoder(), WebpEncoder(), AvifEncoder()])
@pytest.mark.parametrize("quality", [10, 50, 80, 95])
def test_the_score_of_an_encoding_is_exact_to_a_hundredth(encoder: Encoder, quality: int) -> None:
    """The score of a search and that of compare() agree for what encoders do."""
    pixels = pixels_of(ORIGINALS["face"]())
    decoded = encoder.decode(encoder.encode(pixels, quality), pixels)
    exact = SSIMULACRA2.compare(pixels, Pixels(decoded.samples))
    assert SSIMULACRA2.reference(pixels).score(decoded) == pytest.approx(exact, abs=0.01)


def test_kept_moments_change_nothing() -> None:
    """An image that is too large to keep gets the same score, to the last bit."""
    image = ORIGINALS["cup"]()
    for every_plane in (False, True):
        scores = {
            FrameReference(image, kept=kept, every_plane=every_plane).score(CHANGES["noise"](image))
            for kept in (True, False)
        }
        assert len(scores) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 7), (8, 3), (9, 8), (3, 500)])
def test_small_images_are_extended_by_reflection(shape: tuple[int, int]) -> None:
    """An image under 8 pixels a side has the score of one that repeats its pixels."""
    noise = np.random.default_rng(2).integers(0, 256, (2, *shape, 3)).astype(np.uint8)
    pads = [(0, max(8 - side, 0)) for side in shape]
    first, second = (np.pad(one, [*pads, (0, 0)], "symmetric") for one in noise)
    assert SSIMULACRA2.compare(pixels_of(noise[0]), pixels_of(noise[0])) == 100
    found = SSIMULACRA2.compare(pixels_of(noise[0]), pixels_of(noise[1]))
    assert found == SSIMULACRA2.compare(pixels_of(first), pixels_of(second)) < 95


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_no_image_gives_nan(width: int, height: int, seed: int) -> None:
    """Any two images have a finite score of at most 100, and any image is like itself."""
    random = np.random.default_rng(seed)
    levels = random.choice([2, 4, 256])
    first, second = (
        random.integers(0, levels, (2, height, width, 3)) * (255 // (levels - 1))
    ).astype(np.uint8)
    score = searched(first, second)
    assert math.isfinite(score)
    assert score <= 100
    assert searched(first, first) == 100


def test_grey_is_the_colour_grey() -> None:
    """A grey image has the score of the RGB image that looks the same."""
    image = ORIGINALS["cat"]()[..., 1:2]
    noisy = CHANGES["noise"](image)
    wide, wide_noisy = (np.repeat(one, 3, axis=2) for one in (image, noisy))
    assert searched(image, noisy) == searched(wide, wide_noisy) < 95


def test_of_two_backgrounds_the_worse_one_counts() -> None:
    """A change that shows only over white counts, and so does one that shows only over black."""
    colours = ORIGINALS["cat"]()
    alpha = np.full((*colours.shape[:2], 1), 40, np.uint8)
    alpha[:, :50] = 255

    def over(background: int, image: Samples) -> Samples:
        blended = image * (alpha / 255) + background * (1 - alpha / 255)
        return np.round(blended).astype(np.uint8)

    for change in (lambda one: np.minimum(one, 60), lambda one: np.maximum(one, 190)):
        changed = change(colours)
        score = SSIMULACRA2.compare(
            pixels_of(np.concatenate([colours, alpha], axis=2)),
            pixels_of(np.concatenate([changed, alpha], axis=2)),
        )
        both = [
            SSIMULACRA2.compare(pixels_of(over(at, colours)), pixels_of(over(at, changed)))
            for at in (0, 255)
        ]
        assert score == pytest.approx(min(both), abs=1.0)
        assert abs(both[0] - both[1]) > 2


def test_colours_under_full_transparency_do_not_count() -> None:
    """Colours that no viewer shows change no score."""
    image = np.concatenate([ORIGINALS["cat"](), np.full((96, 128, 1), 255, np.uint8)], axis=2)
    image[20:60, 20:60, 3] = 0
    other = image.copy()
    other[20:60, 20:60, :3] = 255 - other[20:60, 20:60, :3]
    assert SSIMULACRA2.compare(pixels_of(image), pixels_of(other)) == 100


def test_a_score_of_an_animation_is_the_mean_over_its_frames() -> None:
    """Frames count alike; merged frames count as often as they are shown."""
    image = ORIGINALS["cat"]()
    noisy, blurred = CHANGES["noise"](image), CHANGES["blur"](image)
    each = [searched(image, one) for one in (noisy, blurred)]
    reference = SSIMULACRA2.reference(pixels_of(image, image, image))
    shown = Decoded(np.stack([noisy, blurred]), np.array([0, 0, 1]))
    assert reference.score(shown) == pytest.approx((2 * each[0] + each[1]) / 3)
    two = SSIMULACRA2.compare(pixels_of(image, image), pixels_of(noisy, blurred))
    assert two == pytest.approx(sum(each) / 2, abs=0.01)


def test_many_threads_measure_with_one_reference() -> None:
    """Threads share a reference, and get the same scores as one thread."""
    image = ORIGINALS["cup"]()
    reference = SSIMULACRA2.reference(pixels_of(image))
    changed = [Decoded(CHANGES[name](image)[np.newaxis]) for name in ("noise", "blur", "tint")] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reference.score, changed)) == [reference.score(one) for one in changed]


@given(st.floats(-400, 99.9))
def test_values_rise_with_scores_and_map_back(score: float) -> None:
    """score() inverts value(), which rises."""
    value = SSIMULACRA2.value(score)
    assert SSIMULACRA2.score(np.array([value]))[0] == pytest.approx(score)
    assert SSIMULACRA2.value(score + 0.1) > value
    assert math.isfinite(SSIMULACRA2.value(100.0))
