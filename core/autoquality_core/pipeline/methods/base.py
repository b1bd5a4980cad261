"""The interface of the methods, and METHOD_NONE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoquality_core.pipeline.session import Session
from autoquality_core.search import Found
from autoquality_core.types import Notice, Outcome, ResolvedTarget


@dataclass(frozen=True, slots=True)
class Answer:
    """The quality that a handler chose: one that its session has encoded.

    `applied` are the settings really used. `predicted_quality` is a network's prediction before
    it was limited to the range; None if none was requested.
    """

    quality: int
    outcome: Outcome
    applied: ResolvedTarget
    predicted_quality: int | None = None
    notices: tuple[Notice, ...] = ()


class MethodHandler(Protocol):
    """One way to choose the quality."""

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """Probe with `session` until the target is met as well as possible.

        Raises DeadlinePassed or RequestCancelled from the session. Once an encoding exists, a
        deadline ends the search instead.
        """


class BudgetSearch(Protocol):
    """A search within a byte budget, with the session's metadata and alpha quality."""

    def __call__(
        self,
        session: Session,
        resolved: ResolvedTarget,
        first: int | None = None,
        *,
        thorough: bool = True,
    ) -> Found:
        """Find the best quality, `first` tried first.

        Without `thorough`, the allowance of photographs is used: a rule chose the alpha quality
        then, so no proof makes the pair the best one.
        """


class FixedQuality:
    """Encodes once, at `quality`."""

    def __init__(self, quality: int, outcome: Outcome = Outcome.FIXED_QUALITY) -> None:
        self._quality = quality
        self._outcome = outcome

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        session.probe(self._quality)
        return Answer(self._quality, self._outcome, resolved)
