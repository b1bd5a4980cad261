"""Labels for a whole corpus, on all cores.

Each sample is swept by each encoder setting, and each sweep is on disk as soon as it is complete.
An interruption loses only the sweeps that are being made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyvips

from autoquality_train.corpus.samples import Sample, UnreadableImage, digest_of
from autoquality_train.files import remove_abandoned
from autoquality_train.labels.sweeps import cached_sweep, sweep_file
from autoquality_train.processes import for_each


@dataclass(frozen=True, slots=True)
class Plan:
    """Label every sample by every setting at `qualities`, into `folder`."""

    samples: Sequence[Sample]
    settings: Sequence[str]
    qualities: Sequence[int]
    folder: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one sample: how many sweeps were made or existed; `failure` says why not."""

    sample: Sample
    made: int = 0
    existing: int = 0
    failure: str | None = None


def label(plan: Plan, *, jobs: int, done: Callable[[Outcome], None]) -> None:
    """Make every missing sweep of the plan; `done` is called for each sample, in any order.

    Raises WorkerDied, OSError if a sweep cannot be written, and KeyboardInterrupt at once;
    finished sweeps stay.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    remove_abandoned(plan.folder)
    work = partial(label_one, settings=plan.settings, qualities=plan.qualities, folder=plan.folder)
    for_each(work, plan.samples, jobs=jobs, done=done)


def label_one(
    sample: Sample, settings: Sequence[str], qualities: Sequence[int], folder: Path
) -> Outcome:
    """Label one sample by each of `settings`. Raises OSError if a sweep cannot be written."""
    made = existing = 0
    try:
        pixels = sample.pixels()
        digest = digest_of(pixels)
        for setting in settings:
            exists = sweep_file(digest, setting, folder, qualities).exists()
            cached_sweep(pixels, digest, setting, folder, qualities)
            made, existing = made + (not exists), existing + exists
    except (UnreadableImage, pyvips.Error) as error:
        return Outcome(sample, made, existing, " ".join(str(error).split()))
    return Outcome(sample, made, existing)
