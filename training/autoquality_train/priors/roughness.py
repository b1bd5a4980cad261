"""How far an encoder's curves fall as quality rises, on images with little detail.

Learned from sweeps at every quality of drawings and small crops, by the number of different blocks
with detail (`features.Detail`), separately for images of few colours. From larger pieces of
photographs it is learned how far curves fall between qualities a few steps apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import METRICS
from autoquality_core.priors import SIZE
from autoquality_core.priors.features import Detail
from autoquality_core.priors.roughness import DETAILED, blocks_of_budget, effective_blocks
from autoquality_train.labels.sweeps import SWEPT, Sweep
from autoquality_train.priors import write_learned
from autoquality_train.priors.curves import falls
from autoquality_train.scales import SCALES

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KNOTS = DETAILED.bit_length() - 1
"""One entry for each power of two of blocks below DETAILED."""

MARGIN = 1.25
"""Falls of some hundred images are exceeded by some of a million."""

APART = 8
"""The greatest distance in quality steps for photographs."""

PHOTOGRAPHS = 90
"""The percentile for photographs. A higher one would cost a probe in every search."""


@dataclass(frozen=True, slots=True)
class Rough:
    """A sweep at every quality, and its image; `spiked` for an image that was a JPEG before."""

    sweep: Sweep
    detail: Detail
    pixels: int
    grey: bool
    spiked: bool = False


def fit(
    setting: str, rough: Sequence[Rough], photographs: Sequence[Sweep], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The roughness of the curves `names` of one encoder setting.

    See `priors.roughness` of the core.
    """
    found: dict[str, dict[str, Any]] = {
        curve: {
            "simple": _table(setting, curve, [one for one in rough if one.detail.simple]),
            "rich": _table(setting, curve, [one for one in rough if not one.detail.simple]),
        }
        for curve in names
    }
    for curve in METRICS.keys() & set(names):
        found[curve]["near"] = _near(photographs, curve)
        if (margin := SCALES[curve].margin) is not None:
            found[curve]["margin"] = margin
    return found


def write(
    path: Path,
    setting: str,
    rough: Sequence[Rough],
    photographs: Sequence[Sweep],
    names: Sequence[str],
    corpus: str,
) -> None:
    """Write the roughness of the curves `names` of one encoder setting."""
    curves = fit(setting, rough, photographs, names)
    write_learned(path, setting, curves, corpus=corpus, images=len(rough) + len(photographs))


def _table(setting: str, curve: str, rough: Sequence[Rough]) -> dict[str, list[float]]:
    """The greatest falls by detail."""
    within, across = np.zeros(KNOTS), np.zeros(KNOTS)
    for one in rough:
        # A JPEG saved again at its own quality is almost identical there. An allowance for
        # that would open every quality, and no search would end.
        if curve != SIZE and one.spiked:
            continue
        values, matters = _curve(one.sweep, curve)
        at = _knots(setting, curve, one)
        fall = falls(values, SWEPT[setting].breaks(grey=one.grey))
        counts = matters & (at < KNOTS)
        np.maximum.at(within, at[counts], fall[counts])
        np.maximum.at(across, at[counts], falls(values)[counts])
    return {"within": _smoothed(within), "across": _smoothed(across)}


def _knots(setting: str, curve: str, one: Rough) -> npt.NDArray[np.int_]:
    """The power of two of the blocks that average out, at each quality."""
    if curve == SIZE:
        sizes = one.sweep.bytes_per_pixel * one.pixels
        blocks = [blocks_of_budget(one.detail, SWEPT[setting], float(size)) for size in sizes]
    else:
        blocks = [effective_blocks(one.detail)] * one.sweep.qualities.size
    return np.log2(blocks).astype(np.int_)


def _near(photographs: Sequence[Sweep], metric: str) -> list[float]:
    """How far a metric's values fall between qualities 1, 2, 3 ... apart; negative if they rise."""
    rows = []
    for sweep in photographs:
        values, matters = _curve(sweep, metric, usual=True)
        matters[:4] = False  # the lowest qualities differ from all others and are rarely used
        rows.append([_fall_over(values, matters, apart) for apart in range(1, APART + 1)])
    seen = np.percentile(np.array(rows), PHOTOGRAPHS, axis=0)
    return [round(float(one) + 0.1 * abs(float(one)) + 0.001, 4) for one in seen]


def _curve(sweep: Sweep, curve: str, *, usual: bool = False) -> tuple[FloatArray, BoolArray]:
    """The curve's values, and where their falls matter."""
    if curve == SIZE:
        return np.log(sweep.bytes_per_pixel), np.ones(sweep.qualities.size, np.bool_)
    scale, scores = SCALES[curve], sweep.scores[curve]
    low, high = scale.usual if usual else scale.rough
    return sweep.values(METRICS[curve]), (scores > low) & (scores < high)


def _fall_over(values: FloatArray, matters: BoolArray, apart: int) -> float:
    both = matters[:-apart] & matters[apart:]
    falls = values[:-apart] - values[apart:]
    return float(falls[both].max()) if both.any() else -math.inf


def _smoothed(seen: FloatArray) -> list[float]:
    """Falls that never rise with detail, and shrink no faster than noise that averages out."""
    kept = np.maximum.accumulate(seen[::-1])[::-1]
    for at in range(1, kept.size):
        kept[at] = max(kept[at], kept[at - 1] / math.sqrt(2))
    return [round(MARGIN * float(one), 4) for one in kept]
