"""No image is used for training and for judging."""

from __future__ import annotations

from pathlib import Path

import pyvips

from autoquality_train.corpus.samples import samples_of, whole_images
from autoquality_train.corpus.split import QUICK_SIDE, split
from tests.photos import crop, photo_path
from tests.repo.training.helpers import corpus


def test_the_samples_of_an_image_are_never_split(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "corpus")
    image = pyvips.Image.new_from_file(str(photo_path("astronaut.png")))
    image.resize(4).pngsave(str(folder / "photos" / "large.png"))
    samples = samples_of(folder)
    assert len(samples) > 13
    found = split(samples, [], seed=1, quick=False)
    held_out = {one.group for one in found.judged}
    assert len(held_out) == 1
    assert {one.group for one in found.training} == {one.group for one in samples} - held_out
    assert split(samples, [], seed=1, quick=False) == found
    assert {split(samples, [], seed=seed, quick=False).judged[0].path for seed in range(9)} > {
        found.judged[0].path
    }


def test_a_copy_of_a_judged_image_is_not_used_for_training(tmp_path: Path) -> None:
    samples = samples_of(corpus(tmp_path / "corpus"))
    others = tmp_path / "others"
    others.mkdir()
    copied = samples[0].path
    (others / "renamed.png").write_bytes(copied.read_bytes())
    (others / "other.png").write_bytes(crop("coffee.png", 64, 48))
    found = split(samples, whole_images([others]), seed=1, quick=False)
    assert found.both == [copied]
    assert {one.path for one in samples} - {one.path for one in found.training} == {copied}
    assert [one.path.name for one in found.judged] == ["other.png", "renamed.png"]


def test_a_quick_run_takes_a_small_piece_of_each_image(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_file(str(photo_path("astronaut.png")))
    image.resize(4).pngsave(str(tmp_path / "large.png"))
    (tmp_path / "small.png").write_bytes(crop("coffee.png", 64, 48))
    found = split(samples_of(tmp_path), [], seed=1, quick=True)
    assert len(found.training) == len(found.judged) == 1
    for one in (*found.training, *found.judged):
        assert max(one.width, one.height) <= QUICK_SIDE
