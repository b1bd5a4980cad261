"""METHOD_NONE: the quality asked for, or the format's default. No search."""

from __future__ import annotations

from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.session import Session
from autoquality_core.types import Outcome, ResolvedTarget


class FixedQuality:
    """Encodes once, at `quality`."""

    def __init__(self, quality: int, outcome: Outcome = Outcome.FIXED_QUALITY) -> None:
        self._quality = quality
        self._outcome = outcome

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        session.probe(self._quality, measure=False)
        return Answer(self._quality, self._outcome, resolved)
