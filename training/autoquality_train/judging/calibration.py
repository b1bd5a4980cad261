"""Whether a network knows how sure it may be.

A predicted distribution is calibrated where what it gives a probability of p
comes true in a share p of the cases (Guo et al. 2017, "On calibration of modern
neural networks"; for the histogram Dawid 1984, the probability integral transform).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoquality_train.judging.swept import IntArray

FloatArray = npt.NDArray[np.float64]

STEPS = (0, 1, 2, 5)
"""A prediction is a hit where it misses by no more than so many quality steps."""

BINS = 10


def mass_within(probabilities: FloatArray, quality: int, steps: int) -> float:
    """The probability that the right quality is within `steps` of `quality` (1 to 100)."""
    low, high = max(quality - 1 - steps, 0), quality + steps
    return float(probabilities[low:high].sum())


def transform(probabilities: FloatArray, right: IntArray) -> float:
    """The probability integral transform of the right qualities, in [0, 1].

    The middle of the jump that the distribution function makes over them: even
    over many cases where the distributions are right.
    """
    cumulated = np.concatenate([[0.0], np.cumsum(probabilities)])
    return float(np.clip((cumulated[right[0] - 1] + cumulated[right[-1]]) / 2, 0.0, 1.0))


def reliability(confidences: Sequence[float], hits: Sequence[bool]) -> list[dict[str, float]]:
    """For each tenth of confidence that occurs: mean confidence, share of hits, count."""
    sure, hit = np.array(confidences), np.array(hits, np.float64)
    at = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "confidence": float(sure[at == one].mean()),
            "hits": float(hit[at == one].mean()),
            "count": int((at == one).sum()),
        }
        for one in np.unique(at)
    ]


def expected_error(bins: Sequence[dict[str, float]]) -> float:
    """Expected calibration error: the mean gap of confidence and hits, weighted by count."""
    total = sum(one["count"] for one in bins)
    return sum(one["count"] * abs(one["confidence"] - one["hits"]) for one in bins) / total
