"""Which images are trained on, and which are kept for judging."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoquality_train.corpus.samples import Sample, whole_images

HELD_OUT = 0.1
"""The share of a corpus that is kept for judging if no other images are given."""

QUICK_IMAGES = 48
QUICK_SIDE = 128
"""Limits of a quick run: images, and pixels a side of the piece that is taken of each."""


@dataclass(frozen=True, slots=True)
class Split:
    """Samples for training and for judging; `both` are files among both, kept for judging."""

    training: list[Sample]
    judged: list[Sample]
    both: list[Path]


def split(samples: Sequence[Sample], judged: Sequence[Sample], *, seed: int, quick: bool) -> Split:
    """Split a corpus by image, not by sample.

    Without images to judge by, a part of the corpus is held out. With `quick`, a small piece of
    each of a few images is taken.
    """
    images = sorted({sample.group for sample in samples})
    random.Random(seed).shuffle(images)
    if quick:
        images = images[:QUICK_IMAGES]
    if not judged:
        count = max(1, round(HELD_OUT * len(images)))
        judged = whole_images([Path(image) for image in sorted(images[:count])])
        images = images[count:]
    elif quick:
        judged = judged[: QUICK_IMAGES // 4]
    both = _copies([Path(image) for image in images], [sample.path for sample in judged])
    chosen = set(images) - {str(path) for path in both}
    training = [sample for sample in samples if sample.group in chosen]
    if quick:
        one_each = {sample.group: sample for sample in training}
        training = [_piece(sample) for sample in one_each.values()]
        judged = [_piece(sample) for sample in judged]
    return Split(training, list(judged), both)


def _copies(paths: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """The files among `paths` with the same bytes as one of `others`."""
    sizes = {path.stat().st_size for path in others}
    likely = [path for path in paths if path.stat().st_size in sizes]
    known = {_digest(path) for path in others} if likely else set()
    return [path for path in likely if _digest(path) in known]


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _piece(sample: Sample) -> Sample:
    return replace(
        sample, width=min(sample.width, QUICK_SIDE), height=min(sample.height, QUICK_SIDE)
    )
