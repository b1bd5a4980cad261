"""An image of which every quality was tried: right answers, and searches without encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import Metric
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import Observation, ScoreGoal
from autoquality_core.types import Probe
from autoquality_train.judging.oracle import oracle
from autoquality_train.labels.sweeps import SETTINGS, FloatArray, Sweep

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Swept:
    """One image and its sweep at every quality by the encoder setting `setting`, for a metric.

    `image` is the name of its file, `kind` that of its folder.
    """

    image: str
    kind: str
    pixels: Pixels
    setting: str
    sweep: Sweep
    metric: Metric

    def __post_init__(self) -> None:
        """Raises ValueError if a quality is missing."""
        if not self.sweep.complete:
            raise ValueError(f"{self.image} is not swept at every quality")

    @property
    def encoder(self) -> Encoder:
        return SETTINGS[self.setting]

    @property
    def scores(self) -> FloatArray:
        """The scores at quality 1 to 100."""
        return self.sweep.scores[self.metric.name]

    def score(self, quality: int) -> float:
        """The score at `quality`, 1 to 100."""
        return float(self.scores[quality - 1])

    def size(self, quality: int) -> int:
        """The file's bytes at `quality`, 1 to 100."""
        area = self.pixels.width * self.pixels.height
        return round(float(self.sweep.bytes_per_pixel[quality - 1]) * area)

    def observation(self, quality: int) -> Observation:
        return Observation(quality, self.size(quality), self.score(quality))

    def right_qualities(self, target: float, low: int, high: int) -> IntArray:
        """The qualities in [low, high] with the score nearest to `target`, rising.

        If the whole range lies on one side of the target, a bound is right. Equivalent qualities
        have the same score, and are right together.
        """
        best = oracle(ScoreGoal(self.metric, target, 0.0), low, high, self.observation).best
        qualities = np.arange(low, high + 1)
        found: IntArray = qualities[self.scores[low - 1 : high] == best.score]
        return found

    def reachable(self, target: float, error: float, low: int, high: int) -> bool:
        """True if any quality in [low, high] has a score within `error` of `target`."""
        goal = ScoreGoal(self.metric, target, error)
        return any(goal.finished(self.observation(one)) for one in range(low, high + 1))


class SweptSession(Session):
    """A session that looks its probes up in a sweep, without encoding."""

    def __init__(self, swept: Swept) -> None:
        super().__init__(swept.pixels, swept.encoder, Deadline())
        self._swept = swept

    def _make_probe(self, quality: int, metrics: Sequence[Metric]) -> tuple[Probe, bytes]:
        scores = {
            one.name: float(self._swept.sweep.scores[one.name][quality - 1]) for one in metrics
        }
        return Probe(quality, self._swept.size(quality), scores, 0.0, 0.0), b""


def miss(quality: int, right: IntArray) -> int:
    """Quality steps from the nearest of `right` to `quality`; positive if it is too high."""
    steps = quality - right
    return int(steps[np.argmin(np.abs(steps))])
