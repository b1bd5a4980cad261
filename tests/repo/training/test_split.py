"""No image is used for training and for judging."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from autoquality_train.corpus import split as quick_split
from autoquality_train.corpus.samples import samples_of, whole_images
from autoquality_train.corpus.split import split
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


@pytest.mark.parametrize("judge", [False, True], ids=["held out", "other images"])
def test_the_labels_of_a_quick_run_are_some_of_those_of_a_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judge: bool
) -> None:
    monkeypatch.setattr(quick_split, "QUICK_IMAGES", 4)
    monkeypatch.setattr(quick_split, "QUICK_JUDGED", 2)
    for name in ("corpus", "others"):
        (tmp_path / name).mkdir()
        for number in range(30):
            size = (64 + number, 48 if name == "corpus" else 40)
            (tmp_path / name / f"{number}.png").write_bytes(crop("coffee.png", *size))
    samples = samples_of(tmp_path / "corpus")
    others = whole_images([tmp_path / "others"]) if judge else []
    quick, real = (split(samples, others, seed=1, quick=quick) for quick in (True, False))
    assert (len(quick.training), len(quick.judged)) == (4, 2)
    assert set(quick.training) < set(real.training)
    assert set(quick.judged) < set(real.judged)


def test_a_quick_run_takes_one_sample_of_each_image(tmp_path: Path) -> None:
    image = pyvips.Image.new_from_file(str(photo_path("astronaut.png")))
    image.resize(4).pngsave(str(tmp_path / "large.png"))
    (tmp_path / "small.png").write_bytes(crop("coffee.png", 64, 48))
    found = split(samples_of(tmp_path), [], seed=1, quick=True)
    assert len(found.training) == len(found.judged) == 1
