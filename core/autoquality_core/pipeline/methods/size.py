"""METHOD_SIZE: the highest quality that fits a byte budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from autoquality_core.pipeline.methods.attempts import Attempts
from autoquality_core.pipeline.methods.base import Answer, skipped
from autoquality_core.pipeline.methods.budget import within_budget
from autoquality_core.pipeline.methods.limited import (
    further_curves,
    keeps_scores,
    other_metrics,
    under_limits,
)
from autoquality_core.pipeline.session import LIKELY, Session
from autoquality_core.priors import size_prior
from autoquality_core.search import CurvePrior, Found, SizeGoal, chance, first_fitting, search
from autoquality_core.types import Outcome, ResolvedTarget


def search_by_size(
    session: Session, resolved: ResolvedTarget, find: Callable[..., Found] = search
) -> Answer:
    """Search by size alone. Only limits on scores need measurements, normally of the answer.

    `find` takes the arguments of `search`. It does not see limits on scores.
    """
    max_bytes, budget = resolved.limits.max_bytes or math.inf, resolved.budget
    within = replace(resolved, target=budget)
    found, notices = within_budget(session, within, budget, partial(_search, find))
    quality, outcome = found.best.quality, found.outcome
    session.choose(quality)
    if outcome is Outcome.MIN_QUALITY_REACHED and session.size(quality) > max_bytes:
        outcome = Outcome.LIMITS_CONFLICT
    limited = budget < resolved.target and quality < resolved.max_quality
    if outcome is Outcome.TARGET_MET and limited:
        outcome = Outcome.MAX_BYTES_REACHED
    return Answer(quality, outcome, resolved, notices=notices)


def predicted_size(session: Session, resolved: ResolvedTarget) -> Answer:
    """One encoding, at a predicted quality that is likely to fit; more until one fits.

    If the file exceeds a limit on scores, there is a search.
    """
    answer = search_by_size(session, resolved, first_fitting)
    if answer.outcome not in (Outcome.PREDICTION_TRUSTED, Outcome.MIN_QUALITY_REACHED):
        return answer
    return replace(answer, notices=(*answer.notices, skipped(session)))


def _search(
    find: Callable[..., Found],
    session: Session,
    resolved: ResolvedTarget,
    first: int | None = None,
) -> Found:
    """See BudgetSearch. The limits on scores hold, too."""
    found = _by_size(find, session, resolved, first)
    quality, limits = found.best.quality, resolved.limits
    if found.outcome is Outcome.DEADLINE_REACHED or not limits.scores:
        return found
    if not session.may_continue(quality):
        return replace(found, outcome=Outcome.DEADLINE_REACHED)  # the scores are unknown
    metrics = other_metrics(limits, None)
    for metric in metrics:
        session.measure(quality, metric)
    if keeps_scores(session.scores(quality), limits):
        return found
    if found.outcome is Outcome.MIN_QUALITY_REACHED:
        return replace(found, outcome=Outcome.LIMITS_CONFLICT)
    # A lower quality may look better than the highest that fits.
    constant = session.metadata.size
    goal = under_limits(_goal(session, resolved, constant), None, limits, session)
    attempts = Attempts(session, others=metrics, constant=constant)
    priors = [_prior(session), *further_curves(goal, metrics, session)]
    return attempts.search(goal, resolved, priors, quality)


def _by_size(
    find: Callable[..., Found], session: Session, resolved: ResolvedTarget, first: int | None
) -> Found:
    """As `_search`, without limits.

    Metadata and a still's alpha have the same size at every quality. Curves were learned without
    them, so the search is for the rest of the budget.
    """
    constant = session.metadata.size
    if first is None and session.knows(resolved.min_quality):
        first = resolved.min_quality
    if session.alpha_quality is not None:
        first = first or (resolved.min_quality + resolved.max_quality) // 2
        seen = Attempts(session, constant=constant).one(first)
        alpha = session.alpha_bytes(first)
        if constant + alpha >= resolved.target:
            lowest = resolved.min_quality
            if not session.knows(lowest) and not session.may_continue(lowest):
                return Found(seen, Outcome.DEADLINE_REACHED)
            seen = Attempts(session, constant=constant).one(lowest)
            return Found(seen, Outcome.MIN_QUALITY_REACHED)
        constant += alpha
    goal = _goal(session, resolved, constant)
    prior = size_prior(session.encoder, session.pixel_count)
    if chance(goal, resolved.min_quality, resolved.max_quality, prior) < LIKELY:
        prior = _prior(session)
    return Attempts(session, constant=constant).search(goal, resolved, prior, first, find)


def _goal(session: Session, resolved: ResolvedTarget, constant: int) -> SizeGoal:
    """The goal for files without `constant` bytes."""
    spare = resolved.allowed_error * resolved.target
    return SizeGoal(resolved.target - constant, session.pixel_count, spare)


def _prior(session: Session) -> CurvePrior:
    return size_prior(session.encoder, session.pixel_count, session.all_features)
