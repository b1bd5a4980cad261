"""What a search is asked for, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from autoquality_core.metrics import DSSIM
from autoquality_core.search import ScoreGoal
from autoquality_core.types import Method, ResolvedTarget


@dataclass(frozen=True, slots=True)
class Goal:
    """A DSSIM within `error` of `target`, by a quality in [low, high]."""

    target: float
    error: float
    low: int
    high: int

    @property
    def objective(self) -> ScoreGoal:
        return ScoreGoal(DSSIM, self.target, self.error)

    def resolved(self, method: Method) -> ResolvedTarget:
        """The goal as a request's target."""
        return ResolvedTarget(method, self.target, self.low, self.high, self.error)


@dataclass(frozen=True, slots=True)
class Searched:
    """The quality that a search answers, and how many encodings it cost."""

    quality: int
    iterations: int
