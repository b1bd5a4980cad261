"""Samples and their sweeps as a network learns from them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips
from numpy.lib.format import open_memmap

from autoquality_core.errors import InvalidImage
from autoquality_core.networks.inputs import SIDE, mosaic
from autoquality_train.curves import curve
from autoquality_train.files import whole
from autoquality_train.samples import LeftOut, Sample, digest_of, nobody
from autoquality_train.sweeps import known_sweep


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What there is to learn for one encoder setting, n samples.

    `mosaics` (n, 416, 416, 3) uint8, R first, on disk until it is read;
    `curves` (n, 100) float32, -log(DSSIM) at quality 1 to 100; `kinds` the folder
    and `groups` the file that each sample comes from: the pieces of one image must
    fall on one side of a split; `pixels` (n,) int64, how many each sample has.
    """

    setting: str
    mosaics: npt.NDArray[np.uint8]
    curves: npt.NDArray[np.float32]
    kinds: list[str]
    groups: list[str]
    pixels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True)
class _Read:
    """One sample that was decoded."""

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
    left_out: LeftOut = nobody,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Examples]:
    """The examples of each of `settings`, from what was labelled into the folder `sweeps`.

    The mosaics are written to the file `mosaics` (NumPy's format, 519 kB each)
    and shared by all settings. `left_out` is told of samples that cannot be
    decoded or that lack a label by any setting, `done` called once a sample.
    Equal samples count once.
    """
    taken: list[tuple[Sample, int]] = []
    curves: dict[str, list[npt.NDArray[np.float32]]] = {setting: [] for setting in settings}
    seen: set[str] = set()
    with whole(mosaics) as partial:
        shape = (max(len(samples), 1), SIDE, SIDE, 3)
        store = open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
        for sample, read in _reading(samples, jobs):
            done()
            if isinstance(read, str):
                left_out(sample.path, read)
            elif read.digest not in seen:
                seen.add(read.digest)
                found = [known_sweep(read.digest, setting, sweeps) for setting in settings]
                labels = [sweep for sweep in found if sweep is not None]
                if len(labels) < len(settings):
                    left_out(sample.path, "not labelled by every encoder setting")
                    continue
                store[len(taken)] = read.mosaic
                taken.append((sample, read.pixels))
                for setting, sweep in zip(settings, labels, strict=True):
                    curves[setting].append(curve(sweep, setting))
        store.flush()
    shared = np.load(mosaics, mmap_mode="r")[: len(taken)]
    return {
        setting: Examples(
            setting=setting,
            mosaics=shared,
            curves=np.array(curves[setting], np.float32).reshape(-1, 100),
            kinds=[sample.kind for sample, _ in taken],
            groups=[sample.group for sample, _ in taken],
            pixels=np.array([pixels for _, pixels in taken], np.int64),
        )
        for setting in settings
    }


def parts(groups: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """A part, 0 to `count` - 1, for each example; one group is in one part. Shape (n,)."""
    names = sorted(set(groups))
    random.Random(seed).shuffle(names)
    part = {name: at % count for at, name in enumerate(names)}
    return np.array([part[group] for group in groups])


def _reading(samples: Sequence[Sample], jobs: int) -> Iterator[tuple[Sample, _Read | str]]:
    """Each sample in order with what it holds, or why nothing; `jobs` are decoded at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        # A few at a time: what is read waits in memory.
        for start in range(0, len(samples), 8 * jobs):
            batch = samples[start : start + 8 * jobs]
            yield from zip(batch, pool.map(_read, batch), strict=True)


def _read(sample: Sample) -> _Read | str:
    try:
        pixels = sample.pixels()
    except (InvalidImage, pyvips.Error, OSError) as error:
        return " ".join(str(error).split())
    return _Read(digest_of(pixels), mosaic(pixels), pixels.width * pixels.height)
