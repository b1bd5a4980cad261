"""Compare: what it refuses, and that it confirms what Encode says of its own files."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions, encoder_for
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.images.timing import frames_shown
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.comparison import Comparison
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, TargetSpec
from tests.formats.sources import moving, photograph, translucent
from tests.images.files import AMPLE, animated
from tests.photos import crop

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
PHOTO = crop("astronaut.png", 160, 120)
DELAYS = (80, 5, 200, 10, 0, 40)


def compare(reference: bytes, distorted: bytes) -> Comparison:
    return PIPELINE.compare(reference, distorted, Deadline())


def as_webp(source: bytes, quality: int) -> EncodeResult:
    job = EncodeJob(source, Format.WEBP, TargetSpec(), quality, EncoderOptions(), measure=(DSSIM,))
    return PIPELINE.encode(job, Deadline())


def png(pixels: Pixels) -> bytes:
    return encoder_for(Format.PNG).encode(pixels, 0)


def test_an_image_is_identical_to_itself() -> None:
    found = compare(PHOTO, PHOTO)
    assert (found.scores["dssim"], found.width, found.height, found.frames) == (0.0, 160, 120, 1)


@pytest.mark.parametrize("frames", [1, 3])
def test_other_dimensions_are_refused(frames: int) -> None:
    """Also where the two have different numbers of frames."""
    film = animated([np.zeros((120, 80, 3), np.uint8) + at for at in range(frames)], [100] * frames)
    with pytest.raises(InvalidRequest, match=r"160x120.*80x120") as caught:
        compare(PHOTO, film)
    assert (caught.value.field, caught.value.reason) == ("distorted", "SIZE_MISMATCH")


def test_alpha_against_none_is_judged_over_black_and_white() -> None:
    clear = png(Pixels(np.zeros((1, 32, 32, 4), np.uint8)))
    white = png(Pixels(np.full((1, 32, 32, 3), 255, np.uint8)))
    assert compare(clear, white).scores["dssim"] > 0.4


@pytest.mark.parametrize("field", ["reference", "distorted"])
def test_the_unreadable_one_is_named(field: str) -> None:
    files = {"reference": PHOTO, "distorted": PHOTO, field: b"nonsense"}
    with pytest.raises(InvalidRequest) as caught:
        compare(files["reference"], files["distorted"])
    assert caught.value.field == field


@pytest.mark.parametrize("quality", [5, 40])
@pytest.mark.parametrize("fmt", ["webp", "gif"])
@pytest.mark.parametrize("transparent", [False, True])
def test_the_dssim_that_encode_measured_is_confirmed(
    fmt: str, quality: int, transparent: bool
) -> None:
    """Also for animations whose equal frames the encoder merges."""
    still = (translucent() if transparent else photograph()).samples[0]
    frames = [np.roll(still, 16 * (at // 2), axis=1) for at in range(len(DELAYS))]
    for at in range(1, len(DELAYS), 2):  # no more than the encoder takes for the same
        frames[at][8, 8, :3] ^= 8
    source = animated(frames, DELAYS, fmt)
    result = as_webp(source, quality)
    found = compare(source, result.image)
    assert result.frames < found.frames == open_image(source, AMPLE).frames
    assert result.scores["dssim"] is not None
    assert found.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-6)


def test_an_animation_that_became_a_still_image_is_compared_with_it_all_the_time() -> None:
    frames = [np.full((16, 16, 3), 90, np.uint8)] * 3
    source = animated(frames, [100, 200, 300], "gif")
    result = as_webp(source, 80)
    assert result.frames == 1
    assert compare(source, result.image).scores["dssim"] == pytest.approx(
        result.scores["dssim"], abs=1e-6
    )


def test_a_still_image_and_an_animation_are_compared_frame_by_frame() -> None:
    film = moving()
    source = animated(list(film.samples), film.delays)
    first = png(Pixels(film.samples[:1].copy()))
    parts = [
        compare(png(Pixels(film.samples[at : at + 1].copy())), first).scores["dssim"]
        for at in range(3)
    ]
    assert parts[0] == 0 and min(parts[1:]) > 0.1
    for found in (compare(source, first), compare(first, source)):
        assert found.frames == 3
        assert found.scores["dssim"] == pytest.approx(np.mean(parts), abs=1e-6)


def test_frames_are_paired_by_time() -> None:
    """10 ms or less are 100 ms, and the last frame stays on screen."""
    assert frames_shown([100, 100, 100], [200, 100]).tolist() == [0, 0, 1]
    assert frames_shown([0, 10, 11, 40], [200, 11, 40]).tolist() == [0, 0, 1, 2]
    assert frames_shown([500, 500, 500], [300, 300]).tolist() == [0, 1, 1]
