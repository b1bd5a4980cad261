"""How far an encoder's curves turn back on images with little detail.

From sweeps at every quality of drawings and small crops, by the number of
different blocks with detail (`features.Detail`), apart for images of few colours.
Of photographs, from sweeps of larger pieces, how far their curves turn back
between qualities a few steps apart. The files are those of
`autoquality_core/priors`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_core.priors.features import Detail
from autoquality_core.priors.roughness import DETAILED, blocks_of_budget, effective_blocks
from autoquality_train.files import write_text
from autoquality_train.sweeps import SWEPT, Sweep

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KNOTS = DETAILED.bit_length() - 1
"""One entry for each power of two of blocks below DETAILED."""

MARGIN = 1.25
"""What was seen of some hundred images is surpassed by some of a million."""

APART = 8
"""Steps of quality over which the curves of photographs are looked at."""

USUAL = (0.002, 0.06)
"""The DSSIM of photographs that targets lie between."""

USUAL_SHARE = 90
"""Percentile of photographs: to provide for the roughest would cost every search a probe."""

MATTERS = (0.0005, 0.3)
"""The DSSIM between which it matters that a curve turns back."""


@dataclass(frozen=True, slots=True)
class Rough:
    """A sweep at every quality, and of what; `spiked` for an image that was a JPEG before."""

    sweep: Sweep
    detail: Detail
    pixels: int
    grey: bool
    spiked: bool = False


def fit(
    setting: str, drawn: Sequence[Rough], photographs: Sequence[Sweep]
) -> dict[str, dict[str, Any]]:
    """The roughness of one encoder setting's curves; see `priors.roughness`."""
    found: dict[str, dict[str, Any]] = {
        curve: {
            "simple": _table(setting, curve, [one for one in drawn if one.detail.simple]),
            "rich": _table(setting, curve, [one for one in drawn if not one.detail.simple]),
        }
        for curve in ("size", "dssim")
    }
    found["dssim"]["near"] = _near(photographs)
    return found


def write(
    path: Path, setting: str, drawn: Sequence[Rough], photographs: Sequence[Sweep], corpus: str
) -> None:
    """Write the roughness of one encoder setting."""
    learned = {
        "encoder": setting,
        "corpus": corpus,
        "images": len(drawn) + len(photographs),
        "versions": library_versions(),
        "curves": fit(setting, drawn, photographs),
    }
    write_text(path, json.dumps(learned, separators=(",", ":")) + "\n")


def _table(setting: str, curve: str, drawn: Sequence[Rough]) -> dict[str, list[float]]:
    """The greatest falls by detail."""
    within, across = np.zeros(KNOTS), np.zeros(KNOTS)
    for one in drawn:
        # A JPEG saved again at its own quality comes out all but identical there. No
        # allowance may provide for that: the search would never end.
        if curve == "dssim" and one.spiked:
            continue
        values, matters = _curve(one.sweep, curve)
        at = _bins(setting, curve, one)
        cut = _break(setting, one)
        parts = [slice(0, cut), slice(cut, None)] if cut else [slice(None)]
        falls = np.concatenate([_falls(values[part]) for part in parts])
        for table, seen in ((within, falls), (across, _falls(values))):
            counts = matters & (at < KNOTS)
            np.maximum.at(table, at[counts], seen[counts])
    return {"within": _smoothed(within), "across": _smoothed(across)}


def _bins(setting: str, curve: str, one: Rough) -> npt.NDArray[np.int_]:
    """The power of two of the blocks that average out at each quality."""
    if curve == "size":
        sizes = one.sweep.bytes_per_pixel * one.pixels
        blocks = [blocks_of_budget(one.detail, SWEPT[setting], float(size)) for size in sizes]
    else:
        blocks = [effective_blocks(one.detail)] * one.sweep.qualities.size
    return np.log2(blocks).astype(np.int_)


def _near(photographs: Sequence[Sweep]) -> list[float]:
    """How far -log(DSSIM) turns back between qualities 1, 2, 3 ... apart; negative: it rises."""
    rows = []
    for sweep in photographs:
        values, matters = _curve(sweep, "dssim", USUAL)
        matters[:4] = False  # the lowest qualities are odd, and asked for by few
        rows.append([_fall_over(values, matters, apart) for apart in range(1, APART + 1)])
    seen = np.percentile(np.array(rows), USUAL_SHARE, axis=0)
    return [round(float(one) + 0.1 * abs(float(one)) + 0.001, 4) for one in seen]


def _curve(
    sweep: Sweep, curve: str, between: tuple[float, float] = MATTERS
) -> tuple[FloatArray, BoolArray]:
    """The curve's values, and where it matters that they turn back."""
    if curve == "size":
        return np.log(sweep.bytes_per_pixel), np.ones(sweep.dssim.size, np.bool_)
    low, high = between
    return sweep.dssim_values, (sweep.dssim > low) & (sweep.dssim < high)


def _break(setting: str, one: Rough) -> int:
    """Where the second part of the curve begins; 0 for a curve of one part."""
    return (SWEPT[setting].whole_chroma_from(grey=one.grey) or 1) - 1


def _falls(values: FloatArray) -> FloatArray:
    """How far each value lies below one before it."""
    back: FloatArray = np.maximum.accumulate(values) - values
    return back


def _fall_over(values: FloatArray, matters: BoolArray, apart: int) -> float:
    both = matters[:-apart] & matters[apart:]
    falls = values[:-apart] - values[apart:]
    return float(falls[both].max()) if both.any() else -math.inf


def _smoothed(seen: FloatArray) -> list[float]:
    """Never rising with detail, nor falling faster than noise that averages out."""
    kept = np.maximum.accumulate(seen[::-1])[::-1]
    for at in range(1, kept.size):
        kept[at] = max(kept[at], kept[at - 1] / math.sqrt(2))
    return [round(MARGIN * float(one), 4) for one in kept]
