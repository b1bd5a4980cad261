"""The cases of all images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels
from autoquality_train.judging.cases import TARGETS, Case, case
from autoquality_train.judging.networks import Predict
from autoquality_train.judging.pictures import Picture
from autoquality_train.judging.swept import Swept
from autoquality_train.samples import LeftOut, Sample, digest_of
from autoquality_train.sweeps import NETWORKS, known_sweep


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every case, and the pictures of the images by kind and name."""

    cases: list[Case] = field(default_factory=list)
    pictures: dict[tuple[str, str], Picture] = field(default_factory=dict)


def judge(
    samples: Sequence[Sample],
    networks: Mapping[str, Predict],
    sweeps: Path,
    *,
    skipped: LeftOut,
    done: Callable[[], None] = lambda: None,
) -> Judgement:
    """Judge each network (by format) on each sample at each of TARGETS.

    `skipped` is told of samples that cannot be decoded or are not swept at every
    quality, and why; `done` is called once a sample. Raises PredictionFailed.
    """
    found = Judgement()
    for sample in samples:
        try:
            pixels = sample.pixels()
        except (InvalidImage, pyvips.Error, OSError) as error:
            skipped(sample.path, " ".join(str(error).split()))
        else:
            _judge_image(sample, pixels, networks, sweeps, skipped, found)
        done()
    return found


def _judge_image(
    sample: Sample,
    pixels: Pixels,
    networks: Mapping[str, Predict],
    sweeps: Path,
    skipped: LeftOut,
    found: Judgement,
) -> None:
    digest = digest_of(pixels)
    picture = Picture.of(pixels)
    for fmt, predict in networks.items():
        setting = NETWORKS[fmt]
        sweep = known_sweep(digest, setting, sweeps)
        if sweep is None or not sweep.complete:
            skipped(sample.path, f"not labelled at every quality by {setting}")
            continue
        swept = Swept(sample.path.name, sample.kind, pixels, setting, sweep)
        found.cases.extend(case(swept, target, predict(pixels, target)) for target in TARGETS)
        picture.dssim[fmt] = sweep.dssim
        found.pictures[sample.kind, sample.path.name] = picture
