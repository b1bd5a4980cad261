"""The samples of a corpus, and the files that it skips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips

from autoquality_train.corpus.samples import (
    MIDDLE,
    SIDE,
    WHOLE,
    Skipped,
    digest_of,
    samples_of,
    whole_images,
)
from tests.photos import crop, photo_path
from tests.repo.training.helpers import corpus


def large(path: Path) -> Path:
    """A JPEG of 9 megapixels."""
    image = pyvips.Image.new_from_file(str(photo_path("astronaut.png")))
    image.resize(6).jpegsave(str(path), Q=90)
    return path


def test_the_same_files_and_seed_give_the_same_samples(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus", 2)
    large(folder / "photos" / "large.jpg")
    once, again = samples_of(folder, seed=5), samples_of(folder, seed=5)
    assert once == again
    assert [digest_of(one.pixels()) for one in once] == [digest_of(one.pixels()) for one in again]
    assert samples_of(folder, seed=6) != once


def test_the_samples_of_one_image_are_one_group(tmp_path: Path) -> None:
    large(tmp_path / "large.jpg")
    (tmp_path / "small.png").write_bytes(crop("coffee.png", 64, 48))
    samples = samples_of(tmp_path)
    groups = [sample.group for sample in samples]
    assert len(samples) > 3
    assert len(set(groups)) == 2
    assert len({digest_of(sample.pixels()) for sample in samples}) == len(samples)
    for sample in samples:
        pixels = sample.pixels()
        assert (pixels.width, pixels.height) == (sample.width, sample.height)
        assert max(pixels.width, pixels.height) <= SIDE


def test_a_lossy_image_is_shrunk_to_half_unless_marked_as_not_clean(tmp_path: Path) -> None:
    large(tmp_path / "large.jpg")
    assert all(sample.shrink >= 2 for sample in samples_of(tmp_path) if sample.clean)


def test_an_image_is_cut_upright(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_buffer(crop("coffee.png", 90, 40), "").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image.pngsave(str(tmp_path / "turned.png"))
    (whole,) = whole_images([tmp_path])
    assert (whole.width, whole.height) == (40, 90)
    assert whole.pixels().samples.shape == (1, 90, 40, 3)


def test_the_middle_of_a_large_image_is_judged(tmp_path: Path) -> None:
    large(tmp_path / "large.jpg")
    (whole,) = whole_images([tmp_path])
    assert 0.99 * WHOLE < whole.width * whole.height <= WHOLE
    assert whole.left == (6 * 512 - whole.width) // 2
    assert whole.kind == tmp_path.name


def test_the_middle_of_a_sample_is_in_its_centre(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(crop("coffee.png", 300, 100))
    (sample,) = whole_images([tmp_path])
    middle = sample.middle()
    assert (middle.width, middle.height, middle.left, middle.top) == (MIDDLE, 100, 70, 0)
    np.testing.assert_array_equal(
        middle.pixels().samples, sample.pixels().samples[:, :, 70 : 70 + MIDDLE]
    )


def test_files_without_samples_are_reported(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "narrow.png").write_bytes(crop("coffee.png", 64, 8))
    (tmp_path / "notes.txt").write_text("not among the images at all")
    skipped: list[Skipped] = []
    assert samples_of(tmp_path, on_skip=skipped.append) == []
    assert [path.name for path, _ in skipped] == ["broken.png", "narrow.png"]
    assert "64x8" in skipped[1][1]
