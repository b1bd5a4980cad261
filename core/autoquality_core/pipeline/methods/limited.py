"""Searches under limits: their goals, and what is known about the further curves."""

from __future__ import annotations

import math
from collections.abc import Mapping

from autoquality_core.metrics import METRICS, Metric, limit_name
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import score_prior, size_prior
from autoquality_core.search import (
    CurvePrior,
    LimitedGoal,
    ScoreGoal,
    ScoreLimit,
    SizeGoal,
    is_worse,
)
from autoquality_core.types import Limits, Outcome


def other_metrics(limits: Limits, metric: Metric | None) -> tuple[Metric, ...]:
    """The metrics of the limits, without that of the search."""
    return tuple(one for name, one in METRICS.items() if name in limits.scores and one != metric)


def under_limits(
    goal: ScoreGoal | SizeGoal, metric: Metric | None, limits: Limits, session: Session
) -> LimitedGoal:
    """A goal by `metric` under limits. Sizes do not count the session's metadata.

    The limit on bytes of a `SizeGoal` is in its target. Scores are close to their limits as the
    target allows: not at all without an allowed error.
    """
    others = other_metrics(limits, metric)
    error = goal.error if isinstance(goal, ScoreGoal) else 0.0
    scores = tuple(
        ScoreLimit(
            one,
            limits.scores[one.name],
            Outcome(f"{limit_name(one)}_reached"),
            None if one == metric else others.index(one),
            error if one == metric or not error else one.default_allowed_error,
        )
        for one in METRICS.values()
        if one.name in limits.scores
    )
    if limits.max_bytes is None or isinstance(goal, SizeGoal):
        return LimitedGoal(goal, scores)
    max_bytes = max(1, limits.max_bytes - session.metadata.size)
    return LimitedGoal(goal, scores, max_bytes, session.pixel_count)


def further_curves(
    goal: LimitedGoal, others: tuple[Metric, ...], session: Session
) -> list[CurvePrior]:
    """The priors of the curves after the first one of a goal."""
    encoder, count, frames = session.encoder, session.pixel_count, session.pixels.frames
    priors = [
        score_prior(encoder, one, count, session.features_for(one), frames=frames) for one in others
    ]
    if goal.max_bytes < math.inf:
        priors.append(size_prior(encoder, count, session.all_features))
    return priors


def keeps_scores(scores: Mapping[str, float], limits: Limits) -> bool:
    """True if all scores, by the names of their metrics, are within the limits."""
    return not any(
        is_worse(METRICS[name], scores[name], worst) for name, worst in limits.scores.items()
    )


def within_limits(session: Session, limits: Limits, quality: int) -> bool:
    """True if a known quality is within the limits, as far as there is time to know."""
    if session.size(quality) > (limits.max_bytes or math.inf):
        return False
    metrics = other_metrics(limits, None)
    measured = all(one.name in session.scores(quality) for one in metrics)
    if not measured and not session.may_continue(quality):
        return True
    for metric in metrics:
        session.measure(quality, metric)
    return keeps_scores(session.scores(quality), limits)
