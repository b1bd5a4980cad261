"""Which images are trained on, and which are kept for judging."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoquality_train.corpus.samples import Sample, whole_images

HELD_OUT = 0.1
"""The share of a corpus that is kept for judging if no other images are given."""

QUICK_IMAGES = 48
QUICK_JUDGED = 6
"""The most images of a quick run."""


@dataclass(frozen=True, slots=True)
class Split:
    """Samples for training and for judging; `both` are files among both, kept for judging."""

    training: list[Sample]
    judged: list[Sample]
    both: list[Path]


def split(samples: Sequence[Sample], judged: Sequence[Sample], *, seed: int, quick: bool) -> Split:
    """Split a corpus by image, not by sample.

    Without images to judge by, a part of the corpus is held out. With `quick`, take one sample of
    each of a few images. They have the same roles without `quick`, which so finds their labels.
    """
    images = sorted({sample.group for sample in samples})
    random.Random(seed).shuffle(images)
    if not judged:
        count = max(1, round(HELD_OUT * len(images)))
        held_out, images = images[:count], images[count:]
        kept = held_out[:QUICK_JUDGED] if quick else held_out
        judged = whole_images([Path(image) for image in sorted(kept)])
    elif quick:
        judged = judged[:QUICK_JUDGED]
    if quick:
        images = images[:QUICK_IMAGES]
    both = _copies([Path(image) for image in images], [sample.path for sample in judged])
    chosen = set(images) - {str(path) for path in both}
    training = [sample for sample in samples if sample.group in chosen]
    if quick:
        training = list({sample.group: sample for sample in training}.values())
    return Split(training, list(judged), both)


def _copies(paths: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """The files among `paths` with the same bytes as one of `others`."""
    sizes = {path.stat().st_size for path in others}
    likely = [path for path in paths if path.stat().st_size in sizes]
    known = {_digest(path) for path in others} if likely else set()
    return [path for path in likely if _digest(path) in known]


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
