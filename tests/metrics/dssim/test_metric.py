"""The metric is SSIM's, window for window."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.metrics import DSSIM
from autoquality_core.metrics.dssim import reference as dssim
from tests.metrics.dssim.pictures import DRAWINGS, PHOTOGRAPHS, Luma, encoded, luma_of, scikit_dssim
from tests.waiting import LIMIT, in_background

IMAGES = PHOTOGRAPHS + DRAWINGS


def planes(*frames: Luma) -> Luma:
    """One surface of these frames."""
    return np.stack(frames)[np.newaxis]


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize(("suffix", "quality"), [(".jpg", 10), (".jpg", 75), (".webp", 40)])
def test_every_window_equals_scikit_image(name: str, suffix: str, quality: int) -> None:
    """At stride 1 DSSIM equals scikit-image's within 1e-6."""
    reference = luma_of(name)
    distorted = encoded(reference, suffix, quality)
    expected = scikit_dssim(reference, distorted)
    assert dssim.compare(planes(reference), planes(distorted)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("scale", [0.5, 1, 2])
@pytest.mark.parametrize("at", range(len(IMAGES)), ids=IMAGES)
def test_default_stride_is_exact_to_1e_4(at: int, scale: float) -> None:
    """The sampled DSSIM of an image of any size is within 1e-4 of scikit-image's."""
    name, quality = IMAGES[at], (10, 50, 90)[int(at + 2 * scale) % 3]
    original = luma_of(name)
    reference = np.asarray(cv2.resize(original, None, fx=scale, fy=scale), np.uint8)
    distorted = encoded(reference, ".jpg", quality)
    measured = dssim.Reference(planes(reference)).dssim(planes(distorted))
    assert measured == pytest.approx(scikit_dssim(reference, distorted), abs=1e-4)


@pytest.mark.parametrize("name", ["astronaut.png", "page.png", "checkerboard", "flat"])
@pytest.mark.parametrize("other", ["coffee.png", "text.png", "lettering", "lines"])
def test_unrelated_images_equal_scikit_image(name: str, other: str) -> None:
    """Images that have nothing in common, flat where the other is not, are measured as exactly."""
    reference = luma_of(name)
    distorted = np.asarray(cv2.resize(luma_of(other), reference.shape[::-1]), np.uint8)
    expected = scikit_dssim(reference, distorted)
    assert dssim.compare(planes(reference), planes(distorted)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("height", "width"), [(11, 11), (12, 300), (300, 12), (13, 75), (74, 74), (75, 138), (59, 203)]
)
def test_odd_sizes_equal_scikit_image(height: int, width: int) -> None:
    """Sizes that fill neither a strip nor a band are measured to the last window."""
    random = np.random.default_rng(height * width)
    reference = random.integers(0, 256, (height, width), np.uint8)
    distorted = reference ^ random.integers(0, 64, (height, width), np.uint8)
    expected = scikit_dssim(reference, distorted)
    assert dssim.compare(planes(reference), planes(distorted)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("grey", [0, 1, 90, 127, 128, 250])
def test_flat_areas_lose_no_digits(grey: int) -> None:
    """Faint noise on a flat area, where a naive variance cancels, is measured exactly."""
    random = np.random.default_rng(grey)
    reference = np.full((96, 96), grey, np.uint8)
    distorted = reference + random.integers(0, 5, (96, 96), np.uint8)
    expected = scikit_dssim(reference, distorted)
    assert dssim.compare(planes(reference), planes(distorted)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("first", "second"), [(0, 255), (127, 255), (0, 129), (3, 4)])
def test_flat_images_follow_the_formula(first: int, second: int) -> None:
    """Between two flat images only the means differ, and DSSIM is known in closed form."""
    c1 = (0.01 * 255) ** 2
    ssim = (2 * first * second + c1) / (first**2 + second**2 + c1)
    reference = np.full((1, 1, 40, 90), first, np.uint8)
    distorted = np.full((1, 1, 40, 90), second, np.uint8)
    assert dssim.compare(reference, distorted) == pytest.approx((1 - ssim) / 2, abs=1e-6)


def test_inverted_noise_is_worse_than_half() -> None:
    """Structure turned upside down has a negative SSIM, so a DSSIM above 0.5."""
    reference = np.random.default_rng(1).integers(0, 2, (64, 64), np.uint8) * np.uint8(255)
    measured = dssim.compare(planes(reference), planes(255 - reference))
    assert measured == pytest.approx(scikit_dssim(reference, 255 - reference), abs=1e-6)
    assert measured > 0.9


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 5), (11, 11), (12, 300), (200, 333)])
def test_identical_images_have_no_dissimilarity(height: int, width: int) -> None:
    """The same samples give exactly 0, at any size and stride."""
    luma = np.random.default_rng(2).integers(0, 256, (1, 1, height, width), np.uint8)
    for stride in (None, 1, 2, 3, 4, 100):
        assert dssim.Reference(luma, stride).dssim(luma.copy()) == 0.0, stride


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_roles_are_symmetric(stride: int) -> None:
    """Swapping reference and distorted changes nothing but rounding."""
    reference = planes(luma_of("coffee.png"))
    distorted = planes(encoded(reference[0, 0], ".jpg", 30))
    there = dssim.compare(reference, distorted, stride)
    assert dssim.compare(distorted, reference, stride) == pytest.approx(there, abs=1e-7)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 5), (1, 40), (40, 3), (10, 10)])
def test_small_images_are_extended_by_reflection(height: int, width: int) -> None:
    """A side under 11 pixels is extended to 11, half on either side, edge pixels repeated."""
    random = np.random.default_rng(3)
    reference = random.integers(0, 256, (height, width), np.uint8)
    distorted = random.integers(0, 256, (height, width), np.uint8)
    missing = [max(11 - side, 0) for side in (height, width)]
    pads = [(pad // 2, pad - pad // 2) for pad in missing]
    expected = scikit_dssim(
        np.pad(reference, pads, "symmetric"), np.pad(distorted, pads, "symmetric")
    )
    assert dssim.compare(planes(reference), planes(distorted)) == pytest.approx(expected, abs=1e-6)


def test_frames_are_averaged_and_the_worst_surface_counts() -> None:
    """Pooling is the mean over frames, then the maximum over surfaces."""
    random = np.random.default_rng(4)
    reference = random.integers(0, 256, (2, 3, 50, 60), np.uint8)
    distorted = reference ^ random.integers(0, 128, reference.shape, np.uint8)
    distorted[1, 0] = reference[1, 0]
    single = np.array(
        [[scikit_dssim(reference[s, f], distorted[s, f]) for f in range(3)] for s in range(2)]
    )
    expected = single.mean(axis=1).max()
    assert dssim.compare(reference, distorted) == pytest.approx(expected, abs=1e-6)


def test_views_with_gaps_are_measured_like_copies() -> None:
    """Neither a strided nor a read-only array changes the result."""
    random = np.random.default_rng(5)
    wide = random.integers(0, 256, (1, 1, 120, 200), np.uint8)
    reference, distorted = wide[..., ::2], wide[..., 1::2]
    distorted.flags.writeable = False
    expected = dssim.compare(reference.copy(), distorted.copy())
    assert dssim.compare(reference, distorted) == expected


def test_many_threads_share_one_reference() -> None:
    """Concurrent measurements against one reference give the same results as single ones."""
    luma = luma_of("rocket.jpg")
    reference = dssim.Reference(planes(luma))
    distorted = [planes(encoded(luma, ".jpg", quality)) for quality in range(20, 100, 10)]
    alone = [reference.dssim(image) for image in distorted]
    together: list[list[float]] = [[] for _ in distorted]
    start = threading.Barrier(len(distorted))

    def measure(index: int) -> None:
        start.wait(LIMIT)
        for _ in range(10):
            together[index].append(reference.dssim(distorted[index]))

    measuring = [in_background(measure, index) for index in range(len(distorted))]
    for one in measuring:
        one.result(LIMIT)
    assert together == [[value] * 10 for value in alone]


@pytest.mark.parametrize("times", [1, 16])
def test_a_large_image_whose_moments_are_not_kept_measures_the_same(times: int) -> None:
    tall = np.tile(luma_of("coffee.png"), (times, 1))
    pixels = Pixels(tall[np.newaxis, ..., np.newaxis])
    reference = DSSIM.reference(pixels)
    for quality in (30, 80):
        distorted = encoded(tall, ".jpg", quality)
        expected = dssim.Reference(planes(tall)).dssim(planes(distorted))
        decoded = Decoded(distorted[np.newaxis, ..., np.newaxis])
        assert reference.score(decoded) == expected
        assert reference.score(decoded) == expected


@pytest.mark.parametrize("shape", [(1, 1, 20, 31), (1, 2, 20, 30), (2, 1, 20, 30), (20, 30)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """What cannot be compared raises ValueError instead of being broadcast."""
    reference = dssim.Reference(np.zeros((1, 1, 20, 30), np.uint8))
    with pytest.raises(ValueError, match="shape"):
        reference.dssim(np.zeros(shape, np.uint8))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Luma, Luma]:
    """Two images of one shape, up to a few strips and bands large."""
    shape = draw(
        st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 70), st.integers(1, 150))
    )
    fill = st.sampled_from([0, 1, 127, 128, 254, 255])
    images = npst.arrays(np.uint8, shape, elements=st.integers(0, 255), fill=fill)
    return draw(images), draw(images)


@settings(max_examples=150, deadline=None)
@given(pair=pairs(), stride=st.sampled_from([None, 1, 2, 3, 4, 7]))
def test_the_result_is_a_number_from_0_to_1(pair: tuple[Luma, Luma], stride: int | None) -> None:
    """No pair of images gives NaN or leaves [0, 1]."""
    assert 0.0 <= dssim.compare(*pair, stride) <= 1.0
