"""The right quality, and how far another is from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import DSSIM
from autoquality_core.search import ScoreGoal
from autoquality_core.search.oracle import oracle
from autoquality_train.judging.swept import Swept

IntArray = npt.NDArray[np.int64]


def right_qualities(swept: Swept, target: float, low: int, high: int) -> IntArray:
    """What METHOD_DSSIM owes for an allowed error of 0: the oracle's quality in [low, high].

    That is the quality nearest to the target, or a bound if the whole range
    lies on one side of it. Several where they have the same DSSIM, as equivalent
    qualities of AVIF do; rising.
    """
    best = oracle(ScoreGoal(DSSIM, target, 0.0), low, high, swept.observation).best
    qualities = np.arange(low, high + 1)
    found: IntArray = qualities[swept.sweep.dssim[low - 1 : high] == best.score]
    return found


def miss(quality: int, right: IntArray) -> int:
    """Quality steps from the nearest of `right` to `quality`: positive where it is too high."""
    steps = quality - right
    return int(steps[np.argmin(np.abs(steps))])


def reachable(swept: Swept, target: float, error: float, low: int, high: int) -> bool:
    """Whether any quality in [low, high] comes within `error` of `target`."""
    objective = ScoreGoal(DSSIM, target, error)
    return any(objective.finished(swept.observation(one)) for one in range(low, high + 1))
