"""What an encoder's curves look like before the search sees the image.

The mean of each metric's values and of log(bytes per pixel) over quality, their principal
components, and how rough they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import METRICS
from autoquality_core.priors import SIZE, size_noise_scale
from autoquality_train.labels.sweeps import SWEPT, Sweep
from autoquality_train.priors import rounded, write_learned
from autoquality_train.scales import SCALES

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 5

USUAL = slice(9, 95)
"""Qualities 10 to 95. The ends of the scale say little about the roughness of a curve."""

LARGE = 256 * 256
"""Pixels from which an image counts for allowances by distance. Smaller ones are rougher, but
searches of these, which end after 12 encodings, miss fewer answers with these allowances."""

_APART = 8
"""The greatest distance in quality steps of an allowance by distance."""

_NEAR = 90
"""The percentile of an allowance by distance. A higher one would cost a probe in every search."""

_ACROSS = 98
"""The percentile of falls at a break, where it is known that the curve may fall."""

ALLOWANCE_PIXELS = 512 * 512
"""The size of images that falls are scaled to, as `size_noise_scale` does."""


@dataclass(frozen=True, slots=True)
class SizedSweep:
    """A sweep at every quality, and the number of pixels of its image."""

    sweep: Sweep
    pixels: int


def learn(curves: FloatArray) -> dict[str, Any]:
    """The prior of `curves`, shape (images, 100), which rise with quality; without allowances."""
    mean = curves.mean(axis=0)
    rest = curves - mean
    _, scale, directions = np.linalg.svd(rest, full_matrices=False)
    kept = min(COMPONENTS, len(scale))
    components = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves))
    residuals = rest - rest @ directions[:kept].T @ directions[:kept]
    # Smooth curves have almost no second difference; white noise of standard deviation s has
    # one of s * sqrt(6). Steps that all curves share are in the mean.
    noise = np.diff(rest[:, USUAL], n=2, axis=1).std(axis=1) / np.sqrt(6)
    return {
        "mean": rounded(mean, 4),
        "components": rounded(components, 4),
        "residual": round(float(residuals.std()), 5),
        "noise": round(max(float(np.median(noise)), 0.001), 5),
    }


def falls(values: FloatArray, breaks: Sequence[int] = ()) -> FloatArray:
    """The distance of each value from the greatest before it, shape (..., 100) as `values`.

    Falls from one part of a curve to another, which begins at a quality in `breaks`, do not count.
    """
    parts = np.split(values, [quality - 1 for quality in breaks], axis=-1)
    fall = [np.maximum.accumulate(part, axis=-1) - part for part in parts]
    return np.concatenate(fall, axis=-1)


def allowances(
    curves: FloatArray,
    matters: npt.NDArray[np.bool_],
    known: Sequence[SizedSweep],
    breaks: Sequence[int],
    percentile: float,
    smooth_from: int | None = None,
) -> dict[str, float]:
    """How far the curves fall where `matters` is True.

    With breaks, how far across these, too, and with `smooth_from`, how far from there on.
    """
    usual = np.zeros_like(matters)
    usual[:, USUAL] = True
    scale = size_noise_scale(np.array([one.pixels for one in known]))
    within, all_falls = falls(curves, breaks), falls(curves)
    found = {"allowance": np.where(matters & usual, within, 0.0).max(axis=1) / scale}
    if breaks:
        # From an earlier part, unless the fall within the part is as deep.
        found["across"] = np.where(matters & (all_falls > within), all_falls, 0.0).max(axis=1)
    if smooth_from is not None:
        late = falls(curves, sorted({*breaks, smooth_from}))[:, smooth_from - 1 :]
        counts = (matters & usual)[:, smooth_from - 1 :]
        found["smooth"] = np.where(counts, late, 0.0).max(axis=1) / scale
    each = {"allowance": percentile, "across": _ACROSS, "smooth": percentile}
    return {name: round(float(np.percentile(one, each[name])), 4) for name, one in found.items()}


def fit(setting: str, known: Sequence[SizedSweep], names: Sequence[str]) -> dict[str, Any]:
    """The priors of the curves `names` of one encoder setting.

    The allowances are percentiles: to allow for the few roughest images of a corpus would cost a
    probe in every search that ends between two qualities. Budgets get a higher percentile.
    """
    found = {}
    for name in names:
        found[name] = {**learn(curves_of(known, name)), **roughness(setting, known, name)}
        if name != SIZE:
            found[name]["allowance_pixels"] = ALLOWANCE_PIXELS
            found[name] |= near(known, name)
    return found


def curves_of(known: Sequence[SizedSweep], name: str) -> FloatArray:
    """The curves `name` of sweeps, (n, 100)."""
    if name == SIZE:
        return np.log([one.sweep.bytes_per_pixel for one in known])
    return np.array([one.sweep.values(METRICS[name]) for one in known])


def roughness(
    setting: str, known: Sequence[SizedSweep], name: str, percentile: float | None = None
) -> dict[str, float]:
    """How far the curves `name` of one encoder setting fall.

    A `percentile` replaces the usual one, between qualities of one part of a curve.
    """
    curves = curves_of(known, name)
    if name == SIZE:
        matters, usual, least = np.ones(curves.shape, np.bool_), 98, 0.002
    else:
        low, high = sorted(METRICS[name].value(score) for score in SCALES[name].usual)
        matters, usual, least = (curves > low) & (curves < high), 95, 0.01
    percentile = usual if percentile is None else percentile
    encoder = SWEPT[setting]
    smooth_from = encoder.smooth_from if name == SIZE else None
    allowed = allowances(curves, matters, known, encoder.breaks, percentile, smooth_from)
    return allowed | {
        name: max(least, allowed[name]) for name in ("allowance", "smooth") if name in allowed
    }


def near(known: Sequence[SizedSweep], name: str) -> dict[str, Any]:
    """How far a metric's values fall between qualities 1, 2, 3 ... apart; negative if they rise.

    Empty without large images that have such scores.
    """
    large = [one for one in known if one.pixels >= LARGE]
    if not large:
        return {}
    values = curves_of(large, name)
    low, high = sorted(METRICS[name].value(score) for score in SCALES[name].usual)
    matters = (values > low) & (values < high)
    matters[:, :4] = False  # the lowest qualities differ from all others and are rarely used
    seen = []
    for apart in range(1, _APART + 1):
        both = matters[:, :-apart] & matters[:, apart:]
        fall = np.where(both, values[:, :-apart] - values[:, apart:], -np.inf).max(axis=1)
        finite = fall[np.isfinite(fall)]
        if not finite.size:
            return {}
        seen.append(float(np.percentile(finite, _NEAR)))
    found = {"near": [round(one + 0.1 * abs(one) + 0.001, 4) for one in seen]}
    margin = SCALES[name].margin
    return found if margin is None else {**found, "margin": margin}


def write(
    path: Path,
    setting: str,
    known: Sequence[SizedSweep],
    names: Sequence[str],
    corpus: str,
    images: int,
) -> None:
    """Write the priors of one encoder setting, learned from `images` images of `corpus`."""
    write_learned(path, setting, fit(setting, known, names), corpus=corpus, images=images)
