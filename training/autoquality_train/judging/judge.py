"""The cases of all images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoquality_core.images import Pixels
from autoquality_core.metrics import DSSIM, Metric
from autoquality_core.networks import Prediction
from autoquality_train.corpus.samples import OnSkip, Sample, UnreadableImage, digest_of
from autoquality_train.judging.cases import Case, case
from autoquality_train.judging.swept import Swept
from autoquality_train.labels.sweeps import NETWORKS, FloatArray, load_sweep
from autoquality_train.scales import SCALES

Predict = Callable[[Pixels, float], Prediction]
"""Predicts the quality of an image for a target score."""

_THUMBNAIL_SIDE = 224


@dataclass(frozen=True, slots=True)
class Picture:
    """A judged image in a report: a thumbnail (WebP), and its curves of scores by format."""

    thumbnail: bytes
    width: int
    height: int
    scores: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(cls, pixels: Pixels) -> Picture:
        side = _THUMBNAIL_SIDE
        small = pixels.image.thumbnail_image(side, height=side, size="down")
        return cls(bytes(small.webpsave_buffer(Q=80)), pixels.width, pixels.height)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every case, and the pictures of the images by kind and name."""

    cases: list[Case] = field(default_factory=list)
    pictures: dict[tuple[str, str], Picture] = field(default_factory=dict)


def judge(
    samples: Sequence[Sample],
    networks: Mapping[str, Predict],
    sweeps: Path,
    metric: Metric = DSSIM,
    *,
    on_skip: OnSkip,
    done: Callable[[], None] = lambda: None,
) -> Judgement:
    """Judge each network (by format) on each sample at each target of `SCALES` for `metric`.

    `on_skip` is called for samples that cannot be decoded or are not swept at every quality,
    `done` once for each sample. Raises PredictionFailed.
    """
    found = Judgement()
    for sample in samples:
        try:
            pixels = sample.pixels()
        except UnreadableImage as error:
            on_skip((sample.path, str(error)))
        else:
            _judge_image(sample, pixels, networks, sweeps, metric, on_skip, found)
        done()
    return found


def _judge_image(
    sample: Sample,
    pixels: Pixels,
    networks: Mapping[str, Predict],
    sweeps: Path,
    metric: Metric,
    on_skip: OnSkip,
    found: Judgement,
) -> None:
    digest = digest_of(pixels)
    picture = Picture.of(pixels)
    for fmt, predict in networks.items():
        setting = NETWORKS[fmt]
        sweep = load_sweep(digest, setting, sweeps)
        if sweep is None or not sweep.complete:
            on_skip((sample.path, f"not labelled at every quality by {setting}"))
            continue
        swept = Swept(sample.path.name, sample.kind, pixels, setting, sweep, metric)
        found.cases.extend(
            case(swept, target, predict(pixels, target)) for target in SCALES[metric.name].targets
        )
        picture.scores[fmt] = sweep.scores[metric.name]
        found.pictures[sample.kind, sample.path.name] = picture
