"""Compares predicted probabilities with frequencies.

A prediction is calibrated if events with the predicted probability p happen in a share p of the
cases (Guo et al. 2017, "On calibration of modern neural networks"; for the histogram Dawid 1984,
the probability integral transform).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoquality_train.judging.swept import IntArray

FloatArray = npt.NDArray[np.float64]

STEPS = (0, 1, 2, 5)
"""A prediction is a hit if it misses by at most so many quality steps."""

BINS = 10


def mass_within(probabilities: FloatArray, quality: int, steps: int) -> float:
    """The probability that the right quality is within `steps` of `quality` (1 to 100)."""
    low, high = max(quality - 1 - steps, 0), quality + steps
    return float(probabilities[low:high].sum())


def transform(probabilities: FloatArray, right: IntArray) -> float:
    """The probability integral transform of the right qualities, in [0, 1].

    The middle of the jump of the distribution function over them. Its distribution over many cases
    is uniform if the predictions are calibrated.
    """
    cumulated = np.concatenate([[0.0], np.cumsum(probabilities)])
    return float(np.clip((cumulated[right[0] - 1] + cumulated[right[-1]]) / 2, 0.0, 1.0))


def reliability(confidences: Sequence[float], hits: Sequence[bool]) -> list[dict[str, float]]:
    """Mean confidence, share of hits and count for each tenth of confidence that occurs."""
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
    """The expected calibration error: the mean of |confidence - hits|, weighted by count."""
    total = sum(one["count"] for one in bins)
    return sum(one["count"] * abs(one["confidence"] - one["hits"]) for one in bins) / total
