"""Samples and their curves as a network learns from them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from autoquality_core.metrics import METRICS
from autoquality_core.networks.inputs import SIDE, mosaic
from autoquality_train.corpus.samples import OnSkip, Sample, UnreadableImage, digest_of, ignore
from autoquality_train.files import atomic, remove_abandoned
from autoquality_train.labels.curves import score_curve
from autoquality_train.labels.sweeps import Sweep, load_sweep


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """The n examples of one encoder setting.

    `mosaics` (n, 416, 416, 3) uint8, R first, are read from disk on demand; `curves` (n, 100)
    float32 are the values at quality 1 to 100, by metric. `kinds` are the folders and `groups` the
    files of the samples: a split must keep the samples of one group together. `pixels` (n,) int64
    is the size of each sample.
    """

    setting: str
    mosaics: npt.NDArray[np.uint8]
    curves: Mapping[str, npt.NDArray[np.float32]]
    kinds: list[str]
    groups: list[str]
    pixels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A decoded sample."""

    digest: str
    mosaic: npt.NDArray[np.uint8]
    pixels: int


def gather(
    samples: Sequence[Sample],
    settings: Sequence[str],
    sweeps: Path,
    mosaics: Path,
    *,
    jobs: int = 1,
    on_skip: OnSkip = ignore,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Examples]:
    """The examples of each of `settings`, from the labels in the folder `sweeps`.

    Writes the mosaics to the file `mosaics` (NumPy's format, 519 kB each), which all settings
    share. `on_skip` is called for samples that cannot be decoded or lack a label, `done` once for
    each sample. Equal samples count once.
    """
    taken: list[tuple[Sample, int]] = []
    swept: dict[str, list[Sweep]] = {setting: [] for setting in settings}
    seen: set[str] = set()
    remove_abandoned(mosaics.parent)
    with atomic(mosaics) as partial:
        shape = (max(len(samples), 1), SIDE, SIDE, 3)
        store = open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        with partial.open("rb+") as file:  # a full disk would kill the process at a write to memory
            os.posix_fallocate(file.fileno(), 0, partial.stat().st_size)
        for sample, read in _decoded(samples, jobs):
            done()
            if isinstance(read, UnreadableImage):
                on_skip((sample.path, str(read)))
            elif read.digest not in seen:
                seen.add(read.digest)
                found = [load_sweep(read.digest, setting, sweeps) for setting in settings]
                labels = [sweep for sweep in found if sweep is not None]
                if len(labels) < len(settings):
                    on_skip((sample.path, "not labelled by every encoder setting"))
                    continue
                store[len(taken)] = read.mosaic
                taken.append((sample, read.pixels))
                for setting, sweep in zip(settings, labels, strict=True):
                    swept[setting].append(sweep)
        store.flush()
    shared = np.load(mosaics, mmap_mode="r")[: len(taken)]
    return {
        setting: Examples(
            setting=setting,
            mosaics=shared,
            curves={
                name: np.array(
                    [
                        score_curve(sweep, setting, metric, pixels)
                        for sweep, (_, pixels) in zip(swept[setting], taken, strict=True)
                    ],
                    np.float32,
                ).reshape(-1, 100)
                for name, metric in METRICS.items()
            },
            kinds=[sample.kind for sample, _ in taken],
            groups=[sample.group for sample, _ in taken],
            pixels=np.array([pixels for _, pixels in taken], np.int64),
        )
        for setting in settings
    }


def folds(groups: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each example for cross-validation, 0 to `count` - 1, shape (n,).

    Examples of one group are in one fold.
    """
    names = sorted(set(groups))
    random.Random(seed).shuffle(names)
    fold = {name: at % count for at, name in enumerate(names)}
    return np.array([fold[group] for group in groups])


def _decoded(
    samples: Sequence[Sample], jobs: int
) -> Iterator[tuple[Sample, _Decoded | UnreadableImage]]:
    """Each sample in order, decoded or with its error; decodes `jobs` at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        # In batches, because decoded samples wait in memory.
        for start in range(0, len(samples), 8 * jobs):
            batch = samples[start : start + 8 * jobs]
            yield from zip(batch, pool.map(_decode, batch), strict=True)


def _decode(sample: Sample) -> _Decoded | UnreadableImage:
    try:
        pixels = sample.pixels()
    except UnreadableImage as error:
        return error
    return _Decoded(digest_of(pixels), mosaic(pixels), pixels.width * pixels.height)
