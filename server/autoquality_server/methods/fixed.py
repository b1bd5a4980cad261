"""METHOD_NONE: the quality asked for, or the format's default. No search."""

from __future__ import annotations

from autoquality_server.domain import AutoQuality, Outcome
from autoquality_server.methods.base import Answer
from autoquality_server.methods.trial import Trial


class FixedQuality:
    """Encodes once, at `quality`."""

    def __init__(self, quality: int, outcome: Outcome = Outcome.FIXED_QUALITY) -> None:
        self._quality = quality
        self._outcome = outcome

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        trial.probe(self._quality, measure=False)
        return Answer(self._quality, self._outcome, wish)
