"""Methods that search by a metric: a score within an allowed error of the target."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np

from autoquality_core.metrics import DSSIM, Metric
from autoquality_core.networks import CircuitOpen, Prediction, PredictionFailed, Predictor
from autoquality_core.pipeline.methods.attempts import Attempts
from autoquality_core.pipeline.methods.base import Answer, skipped
from autoquality_core.pipeline.methods.budget import within_budget
from autoquality_core.pipeline.methods.chroma import search_over_chroma
from autoquality_core.pipeline.methods.limited import (
    further_curves,
    other_metrics,
    under_limits,
    within_limits,
)
from autoquality_core.pipeline.prediction_policy import predict, worthwhile_prediction
from autoquality_core.pipeline.session import LIKELY, Session
from autoquality_core.priors import score_prior
from autoquality_core.search import (
    CurvePrior,
    Found,
    Gaussian,
    LimitedGoal,
    ScoreGoal,
    Stop,
    chance,
)
from autoquality_core.types import Format, Method, Notice, NoticeCode, Outcome, ResolvedTarget

_log = logging.getLogger(__name__)

_NONE: Mapping[Format, Predictor] = MappingProxyType({})


class ScoreSearch:
    """Searches by a metric, from the encoder's usual curve or from a network's prediction."""

    def __init__(
        self,
        metric: Metric,
        predictors: Mapping[Format, Predictor] = _NONE,
        *,
        searches: bool = True,
    ) -> None:
        """`predictors` are used where that is likely to save time.

        Without `searches`, for images with too many pixels, the answer is the quality where the
        predicted curve meets the target. Nothing is measured, except for limits. If the file
        exceeds one, there is a search.
        """
        self.metric = metric
        self._predictors = predictors
        self._searches = searches

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """See MethodHandler."""
        prediction = None
        if self._predictors:
            misses = 1.0
            if self._searches:
                goal, priors = self._beliefs(session, resolved)
                misses -= chance(goal, resolved.min_quality, resolved.max_quality, *priors)
            prediction = worthwhile_prediction(
                self._predictors, session, self.metric, resolved.target, misses
            )
        return self.search(session, resolved, prediction)

    def search(
        self, session: Session, resolved: ResolvedTarget, prediction: Prediction | None
    ) -> Answer:
        """As `run`, with a prediction that was made, or without any.

        With a predicted curve, the search starts at the quality that is most likely good enough.
        With probabilities of qualities alone, it starts at the most probable one.
        """
        if not self._searches:
            quality = self._likeliest(session, resolved, prediction)
            answer = _trusted(session, resolved, prediction, quality, skipped(session))
            if answer is not None:
                return answer
        find = partial(self._find, prediction)
        notices: tuple[Notice, ...] = ()
        usual = session.encoder
        if resolved.limits.max_bytes is None:
            found = search_over_chroma(find, session, self.metric, resolved)
        else:
            found, notices = within_budget(session, resolved, resolved.limits.max_bytes, find)
        session.choose(found.best.quality)
        if session.encoder.chroma is not usual.chroma:
            message = "halved chroma does not meet the target, or is very unlikely to:"
            message += f" quality {found.best.quality} has full chroma"
            notices = (*notices, Notice(NoticeCode.FULL_CHROMA, message))
        predicted = None if prediction is None else prediction.quality
        return Answer(found.best.quality, found.outcome, resolved, predicted, notices)

    def _likeliest(
        self, session: Session, resolved: ResolvedTarget, prediction: Prediction | None
    ) -> int:
        """The quality that most likely meets the target, by a prediction or the learned curves."""
        low, high = resolved.min_quality, resolved.max_quality
        if prediction is not None and prediction.curve is None:
            return min(max(prediction.quality, low), high)
        curve = None if prediction is None else prediction.curve
        goal, priors = self._beliefs(session, resolved, curve)
        return low + int(np.abs(priors[0].mean[low - 1 : high] - goal.aim).argmin())

    def _find(
        self,
        prediction: Prediction | None,
        session: Session,
        resolved: ResolvedTarget,
        first: int | None = None,
        *,
        beliefs: Sequence[Gaussian] = (),
        stop: Stop | None = None,
    ) -> Found:
        """See BudgetSearch. `beliefs` and `stop` are for `search_over_chroma`."""
        curve = None if prediction is None else prediction.curve
        goal, priors = self._beliefs(session, resolved, curve)
        if beliefs:
            priors[0] = priors[0].with_beliefs(beliefs)
        elif prediction is not None and curve is None:
            priors[0] = priors[0].with_crossing(goal.aim, prediction.mean, prediction.deviation)
            if first is None and not resolved.limits:
                first = prediction.quality
        others = other_metrics(resolved.limits, self.metric)
        attempts = Attempts(session, self.metric, others, session.metadata.size)
        return attempts.search(goal, resolved, priors, first, stop=stop)

    def _beliefs(
        self,
        session: Session,
        resolved: ResolvedTarget,
        predicted: Gaussian | None = None,
    ) -> tuple[ScoreGoal | LimitedGoal, list[CurvePrior]]:
        """The goal, and the priors of its curves.

        The priors are by the image's features if they may save a probe, and always under limits.
        """
        goal = ScoreGoal(self.metric, resolved.target, resolved.allowed_error)
        known = session.encoder, self.metric, session.pixel_count
        frames = session.pixels.frames
        prior = score_prior(*known, predicted=predicted, frames=frames)
        likely = chance(goal, resolved.min_quality, resolved.max_quality, prior)
        if likely < LIKELY or resolved.limits:
            prior = score_prior(*known, session.features_for(self.metric), predicted, frames)
        if not resolved.limits:
            return goal, [prior]
        limited = under_limits(goal, self.metric, resolved.limits, session)
        others = other_metrics(resolved.limits, self.metric)
        return limited, [prior, *further_curves(limited, others, session)]


def search_by_network(
    predictors: Mapping[Format, Predictor],
    searches: Mapping[str, ScoreSearch],
    session: Session,
    resolved: ResolvedTarget,
) -> Answer:
    """Start from a network's prediction; without a network, search plainly, with a notice.

    `searches` has one for each metric that a target may be a score of, by its name.
    """
    name = session.encoder.format.name
    search = searches[resolved.metric or DSSIM.name]
    metric = search.metric
    predictor = predictors.get(session.encoder.format)
    if predictor is None:
        return _without(search, session, resolved, f"no network for {name}")
    if metric.name not in predictor.info.metrics:
        why = f"the network for {name} does not predict {metric.name.upper()}"
        return _without(search, session, resolved, why)
    try:
        prediction = predict(predictor, session, metric, resolved.target)
    except CircuitOpen:
        why = f"the network for {name} failed repeatedly and is left alone for a while"
        return _without(search, session, resolved, why)
    except PredictionFailed:
        _log.exception("a network failed", extra={"format": session.encoder.format.value})
        return _without(search, session, resolved, f"the network for {name} failed")
    session.encoder = session.encoder.for_network()
    # An error that covers every score makes a measurement superfluous.
    if resolved.allowed_error < metric.high - metric.low:
        return search.search(session, resolved, prediction)
    quality = min(max(prediction.quality, resolved.min_quality), resolved.max_quality)
    session.probe(quality, *other_metrics(resolved.limits, None))
    answer = _trusted(session, resolved, prediction, quality)
    # With the largest error, any quality within the limits would be good enough.
    usual = replace(resolved, allowed_error=metric.default_allowed_error)
    return answer or search.search(session, usual, prediction)


def _trusted(
    session: Session,
    resolved: ResolvedTarget,
    prediction: Prediction | None,
    quality: int,
    *notices: Notice,
) -> Answer | None:
    """A predicted quality, unmeasured except by the metrics of limits; None if it exceeds one."""
    if not session.knows(quality):
        session.probe(quality)
    if not within_limits(session, resolved.limits, quality):
        return None
    predicted = None if prediction is None else prediction.quality
    return Answer(quality, Outcome.PREDICTION_TRUSTED, resolved, predicted, notices)


def _without(search: ScoreSearch, session: Session, resolved: ResolvedTarget, why: str) -> Answer:
    """The answer of the method that searches by the same metric, without a network."""
    method = Method(search.metric.name)
    answer = search.search(session, replace(resolved, method=method), None)
    notice = Notice(NoticeCode.NETWORK_UNAVAILABLE, f"{why}: served as METHOD_{method.name}")
    return replace(answer, notices=(*answer.notices, notice))
