"""Methods that search by a metric: a score within an allowed error of the target."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from autoquality_core.metrics import DSSIM, Metric
from autoquality_core.networks import CircuitOpen, Prediction, PredictionFailed, Predictor
from autoquality_core.pipeline.methods.base import Answer
from autoquality_core.pipeline.prediction_policy import PredictionPolicy, predict
from autoquality_core.pipeline.session import LIKELY, Session
from autoquality_core.priors import score_prior
from autoquality_core.priors.roughness import score_roughness
from autoquality_core.search import CurvePrior, Observation, ScoreGoal, chance, search
from autoquality_core.types import (
    Format,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    Probe,
    ResolvedTarget,
)

_log = logging.getLogger(__name__)


class ScoreSearch:
    """Searches by a metric, from the encoder's usual curve or from a network's prediction."""

    def __init__(self, metric: Metric, policy: PredictionPolicy | None = None) -> None:
        self.metric = metric
        self._policy = policy

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """See MethodHandler. Requests a prediction where it is likely to save time."""
        prediction = None
        if self._policy is not None:
            likely = chance(
                self._goal(resolved),
                *(resolved.min_quality, resolved.max_quality),
                self._prior(session, resolved),
            )
            prediction = self._policy.request(
                session, self.metric, resolved.target, misses=1 - likely
            )
        return self.search(session, resolved, prediction)

    def search(
        self, session: Session, resolved: ResolvedTarget, prediction: Prediction | None
    ) -> Answer:
        """As `run`, with a prediction that was made, or without any.

        With a predicted curve, the search starts at the quality that is most likely good enough.
        With probabilities of qualities alone, it starts at the most probable one.
        """
        goal = self._goal(resolved)
        prior = self._prior(session, resolved)
        first = None
        if prediction is not None and prediction.curve is not None:
            prior = prior.with_curve(prediction.curve.mean, prediction.curve.covariance)
        elif prediction is not None:
            prior = prior.with_crossing(goal.aim, prediction.mean, prediction.deviation)
            first = prediction.quality

        def attempt_two(quality: int, other: int) -> list[Observation]:
            return [self._observed(one) for one in session.probe_two(quality, other, self.metric)]

        found = search(
            goal,
            resolved.min_quality,
            resolved.max_quality,
            lambda quality: self._observed(session.probe(quality, self.metric)),
            prior=prior,
            roughness=partial(score_roughness, session.pixels, session.encoder, self.metric),
            first=first,
            equivalents=session.equivalents,
            may_continue=session.may_continue,
            attempt_two=attempt_two if session.may_probe_two else None,
        )
        session.choose(found.best.quality)
        predicted = None if prediction is None else prediction.quality
        return Answer(found.best.quality, found.outcome, resolved, predicted)

    def _observed(self, one: Probe) -> Observation:
        return Observation(one.quality, one.size_bytes, one.scores[self.metric.name])

    def _goal(self, resolved: ResolvedTarget) -> ScoreGoal:
        return ScoreGoal(self.metric, resolved.target, resolved.allowed_error)

    def _prior(self, session: Session, resolved: ResolvedTarget) -> CurvePrior:
        """The prior of the image's curve, from its features if they may save a probe."""
        known = session.encoder, self.metric, session.pixel_count
        usual = score_prior(*known)
        likely = chance(self._goal(resolved), resolved.min_quality, resolved.max_quality, usual)
        return usual if likely >= LIKELY else score_prior(*known, session.features_for(self.metric))


class MlSearch:
    """Starts from a network's prediction; without a network, a plain search with a notice."""

    def __init__(
        self, predictors: Mapping[Format, Predictor], searches: Iterable[ScoreSearch]
    ) -> None:
        """`searches` has one for each metric that a target may be a score of."""
        self._predictors = predictors
        self._searches = {one.metric.name: one for one in searches}

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        name = session.encoder.format.name
        search = self._searches[resolved.metric or DSSIM.name]
        metric = search.metric
        predictor = self._predictors.get(session.encoder.format)
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
            _log.exception("the %s network failed", name)
            return _without(search, session, resolved, f"the network for {name} failed")
        session.encoder = session.encoder.for_network()
        # An error that covers every score makes a measurement superfluous.
        if resolved.allowed_error < metric.high - metric.low:
            return search.search(session, resolved, prediction)
        quality = min(max(prediction.quality, resolved.min_quality), resolved.max_quality)
        session.probe(quality)
        return Answer(quality, Outcome.PREDICTION_TRUSTED, resolved, prediction.quality)


def _without(search: ScoreSearch, session: Session, resolved: ResolvedTarget, why: str) -> Answer:
    """The answer of the method that searches by the same metric, without a network."""
    method = Method(search.metric.name)
    answer = search.search(session, replace(resolved, method=method), None)
    notice = Notice(NoticeCode.NETWORK_UNAVAILABLE, f"{why}: served as METHOD_{method.name}")
    return replace(answer, notices=(*answer.notices, notice))
