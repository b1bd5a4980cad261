"""The interface of the methods, and METHOD_NONE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from autoquality_core.pipeline.session import Session
from autoquality_core.search import Found
from autoquality_core.types import Notice, NoticeCode, Outcome, ResolvedTarget


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


MethodHandler: TypeAlias = Callable[[Session, ResolvedTarget], Answer]
"""Probes with the session until the target is met as well as possible.

It leaves the session with the encoder of the answer. Raises DeadlinePassed or RequestCancelled from
the session. Once an encoding exists, a deadline ends the search instead."""


class BudgetSearch(Protocol):
    """A search within a byte budget, with the session's metadata and alpha quality."""

    def __call__(
        self, session: Session, resolved: ResolvedTarget, first: int | None = None
    ) -> Found:
        """Find the best quality, `first` tried first."""


def fixed_quality(quality: int, outcome: Outcome = Outcome.FIXED_QUALITY) -> MethodHandler:
    """Encodes once, at `quality`."""

    def encode(session: Session, resolved: ResolvedTarget) -> Answer:
        session.probe(quality)
        return Answer(quality, outcome, resolved)

    return encode


def skipped(session: Session) -> Notice:
    """Says that an image has too many pixels for a search."""
    size = f"{session.pixel_count / 1e6:.1f} megapixels"
    message = f"this server does not search {size}: the predicted quality was used"
    return Notice(NoticeCode.SEARCH_SKIPPED, message)
