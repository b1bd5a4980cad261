"""Samples and their sweeps as a network learns from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips
from numpy.lib.format import open_memmap

from autoquality_server.codecs import first_twins
from autoquality_server.errors import InvalidImage
from autoquality_server.methods.priors import dssim_prior
from autoquality_server.predictor.input import SIDE
from autoquality_server.predictor.mosaic import mosaic
from autoquality_server.search.objective import DSSIM_FLOOR
from autoquality_train.files import whole
from autoquality_train.samples import LeftOut, Sample, digest_of, nobody
from autoquality_train.sweeps import SETTINGS, Sweep, known_sweep

_USUAL_PIXELS = 448 * 448


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """What there is to learn for one encoder setting, n samples.

    `mosaics` (n, 416, 416, 3) uint8, R first, on disk until it is read;
    `curves` (n, 100) float32, -log(DSSIM) at quality 1 to 100, DSSIM floored at
    DSSIM_FLOOR; `kinds` the folder and `groups` the file that each sample comes
    from: the pieces of one image must fall on one side of a split; `pixels`
    (n,) int64, how many each sample has.
    """

    setting: str
    mosaics: npt.NDArray[np.uint8]
    curves: npt.NDArray[np.float32]
    kinds: list[str]
    groups: list[str]
    pixels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kinds)


def curve(sweep: Sweep, setting: str) -> npt.NDArray[np.float32]:
    """-log(DSSIM) at quality 1 to 100, shape (100,): exact where swept.

    In between, what is interpolated (linearly) is how far the curve is from the
    encoder's mean one: bends and steps that all curves share are kept.
    """
    fmt, options = SETTINGS[setting]
    mean = dssim_prior(fmt, options, _USUAL_PIXELS).mean
    swept = sweep.qualities - 1
    values = -np.log(np.maximum(sweep.dssim, DSSIM_FLOOR))
    between = mean + np.interp(np.arange(100), swept, values - mean[swept])
    between[swept] = values
    # A quality's twin was swept if it was; else both are interpolated as one.
    first = np.array(first_twins(fmt, options)) - 1
    for quality in swept:
        between[first[quality]] = between[quality]
    found: npt.NDArray[np.float32] = between[first].astype(np.float32)
    return found


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
