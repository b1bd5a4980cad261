"""What a method handler is given, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autoquality_core.encode.session import Session
from autoquality_core.types import Notice, Outcome, ResolvedTarget


@dataclass(frozen=True, slots=True)
class Answer:
    """The quality that a handler chose: one that its session has encoded.

    `applied` are the settings really used, `predicted_quality` what a network
    said before it was brought into range, None where none was asked.
    """

    quality: int
    outcome: Outcome
    applied: ResolvedTarget
    predicted_quality: int | None = None
    notices: tuple[Notice, ...] = ()


class MethodHandler(Protocol):
    """One way to choose the quality."""

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """Try qualities with `session` until `resolved` is met as well as can be.

        Raises DeadlinePassed or RequestCancelled from the session; with at least
        one encoding made, a deadline ends the search instead.
        """
