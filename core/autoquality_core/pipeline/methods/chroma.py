"""Targets between the scores of halved and of full chroma.

With chroma by quality, colours have half the resolution below some quality, and the full one from
there on. The score of an image with fine colours, such as a screenshot or a map, jumps there. No
quality reaches a target inside the jump. Full chroma at a lower quality does, mostly with fewer
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from autoquality_core.metrics import Metric
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import load_offset
from autoquality_core.search import Acquisition, Found, Gaussian, ScoreGoal, Stop
from autoquality_core.types import Chroma, Outcome, ResolvedTarget

_UNLIKELY = 0.1
"""The probability below which no quality is tried to see whether the target is outside the jump."""

_PATIENCE = 8
"""Attempts with full chroma. Two are usual, and more say that no quality meets the target."""


class Find(Protocol):
    """A search with the session's encoder."""

    def __call__(
        self,
        session: Session,
        resolved: ResolvedTarget,
        first: int | None = None,
        *,
        beliefs: Sequence[Gaussian] = (),
        stop: Stop = ...,
    ) -> Found:
        """Find the best quality, `first` tried first. `stop` is that of `search`.

        `beliefs` about the curve of scores replace those of the prior.
        """


def search_over_chroma(
    find: Find, session: Session, metric: Metric, resolved: ResolvedTarget, first: int | None
) -> Found:
    """The answer of `find`, or one with full chroma if that alone meets the target.

    In the second case, the session's encoder is one with full chroma afterwards.
    """
    usual = session.encoder
    full_from = usual.whole_chroma_from(grey=session.pixels.bands < 3)
    changes = full_from is not None and resolved.min_quality < full_from <= resolved.max_quality
    if full_from is None or not (changes and metric.sees_color and session.may_change_chroma):
        return find(session, resolved, first)
    goal = ScoreGoal(metric, resolved.target, resolved.allowed_error)
    beliefs: list[Gaussian] = []

    def in_the_jump(acquisition: Acquisition) -> bool:
        halved = [one for one in acquisition.seen if one.quality < full_from]
        full = [one for one in acquisition.seen if one.quality >= full_from]
        worst, finest = goal.good_values
        on_both_sides = halved and goal.side(halved) == 1 and (not full or goal.side(full) == -1)
        if finest is None or not on_both_sides:
            return False
        tried = any(one.quality == full_from - 1 for one in halved)
        too_poor = tried or acquisition.chance_of(worst, full_from - 1) < _UNLIKELY
        too_good = bool(full) or acquisition.chance_of(finest, full_from) > 1 - _UNLIKELY
        if too_poor and too_good:
            beliefs.extend(acquisition.beliefs)
        return bool(beliefs)

    found = find(session, resolved, first, stop=in_the_jump)
    if not beliefs:
        return found
    late = not session.may_continue(full_from)
    if not late:
        session.encoder = usual.with_chroma(Chroma.FULL)
        for key in set(session.encoder.learned_offsets).difference(usual.learned_offsets):
            offset = load_offset(key, metric.name)
            beliefs = [offset.added_to(one) if offset else one for one in beliefs]
        # From `full_from` on, the files are the same.
        below = replace(resolved, max_quality=full_from - 1)
        full = find(session, below, beliefs=beliefs, stop=lambda one: one.attempts >= _PATIENCE)
        late = full.outcome is Outcome.DEADLINE_REACHED
        both = [found.best, full.best]
        nearer = goal.best(both, resolved.min_quality, resolved.max_quality) is full.best
        if full.outcome is Outcome.TARGET_MET or (late and nearer):
            return full
        session.encoder = usual
    if late:
        return Found(found.best, Outcome.DEADLINE_REACHED)
    return find(session, resolved, first)
