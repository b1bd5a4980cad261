"""Targets between the scores of halved and of full chroma.

With chroma by quality, colours have half the resolution below some quality, and the full one from
there on. The score of an image with fine colours, such as a screenshot or a map, jumps there. No
quality reaches a target inside the jump. Full chroma at a lower quality does, with fewer bytes than
at the quality above the jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from autoquality_core.formats import Encoder
from autoquality_core.metrics import Metric
from autoquality_core.pipeline.methods.limited import under_limits
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import load_offset
from autoquality_core.search import Acquisition, Found, Gaussian, ScoreGoal
from autoquality_core.types import Chroma, Outcome, ResolvedTarget

_UNLIKELY, _UNLIKELY_ABOVE = 0.1, 0.03
"""If a target outside the jump is less probable than this, the search does not test for it. The
second is for searches without a file below the jump: if one there meets the target after all, it
has fewer bytes than the answer."""

_PATIENCE = 8
"""The most attempts with full chroma. Two are usual."""

_NEGLIGIBLE = 1e-6
"""Beliefs with less weight than this are dropped."""


def search_over_chroma(
    find: Callable[..., Found], session: Session, metric: Metric, resolved: ResolvedTarget
) -> Found:
    """The answer of `find`, or a better one with full chroma if the target is inside the jump.

    `find` searches with the session's encoder. It takes a session, a target, and by name `stop`,
    that of `search`, and `beliefs` about the curve of scores, which replace those of the prior.
    The session's encoder is the one that the answer was made with.
    """
    full_from = jumps_at(session.encoder, session, metric, resolved)
    if full_from is None:
        return find(session, resolved)
    goal = ScoreGoal(metric, resolved.target, resolved.allowed_error)
    beliefs: list[Gaussian] = []

    def stop(acquisition: Acquisition) -> bool:
        if _in_jump(acquisition, goal, full_from):
            beliefs.extend(one for one in acquisition.beliefs if one.weight > _NEGLIGIBLE)
        return bool(beliefs)

    found = find(session, resolved, stop=stop)
    late = bool(beliefs) and not session.may_continue(full_from)
    if late or not beliefs:
        return replace(found, outcome=Outcome.DEADLINE_REACHED) if late else found
    usual = session.encoder
    session.encoder = with_full = usual.with_chroma(Chroma.FULL)
    # From `full_from` on, the files are the same.
    below = replace(resolved, max_quality=full_from - 1)
    moved = [_moved(one, usual, with_full, metric) for one in beliefs]
    full = find(session, below, beliefs=moved, stop=lambda one: one.attempts >= _PATIENCE)
    judge = under_limits(goal, metric, resolved.limits, session) if resolved.limits else goal
    if full.outcome is Outcome.TARGET_MET:
        return full
    session.encoder = usual
    if full.outcome is Outcome.DEADLINE_REACHED:
        found = replace(found, outcome=full.outcome)
    else:
        found = find(session, resolved)  # the usual chroma may meet the target after all
    both = [found.best, full.best]
    if judge.best(both, resolved.min_quality, resolved.max_quality) is found.best:
        return found
    session.encoder = with_full
    outcome = full.outcome
    if found.outcome is Outcome.DEADLINE_REACHED:
        outcome = found.outcome
    elif outcome in (Outcome.MIN_QUALITY_REACHED, Outcome.MAX_QUALITY_REACHED):
        outcome = Outcome.NEAREST_QUALITY  # the score beyond the bound has the other chroma
    return replace(full, outcome=outcome)


def _in_jump(acquisition: Acquisition, goal: ScoreGoal, full_from: int) -> bool:
    """True if the target is most likely between the scores below `full_from` and those above."""
    halved = [one for one in acquisition.seen if one.quality < full_from]
    full = [one for one in acquisition.seen if one.quality >= full_from]
    worst, finest = goal.good_values
    # Without a finest value, no score is too good.
    if finest is None or not acquisition.seen:
        return False
    if (halved and goal.side(halved) != 1) or (full and goal.side(full) != -1):
        return False
    tried = {one.quality for one in acquisition.seen}
    least = _UNLIKELY if halved else _UNLIKELY_ABOVE
    poor = full_from - 1 in tried or acquisition.chance_of(worst, full_from - 1) < least
    return poor and (full_from in tried or acquisition.chance_of(finest, full_from) > 1 - _UNLIKELY)


def _moved(belief: Gaussian, usual: Encoder, other: Encoder, metric: Metric) -> Gaussian:
    """The belief about the curve of another encoder, from one about that of the usual one."""
    for key in other.learned_offsets:
        offset = None if key in usual.learned_offsets else load_offset(key, metric.name)
        belief = belief if offset is None else offset.added_to(belief)
    return belief


def jumps_at(
    encoder: Encoder, session: Session, metric: Metric, resolved: ResolvedTarget
) -> int | None:
    """The quality where the score of an encoder's files may jump; None if the chroma stays.

    A limit on bytes keeps the usual chroma: full chroma takes more bytes at the same quality.
    """
    grey = session.pixels.bands < 3
    full_from = encoder.whole_chroma_from
    in_range = full_from is not None and resolved.min_quality < full_from <= resolved.max_quality
    may_change = session.may_change_chroma and resolved.limits.max_bytes is None
    return full_from if in_range and may_change and metric.sees_color and not grey else None
