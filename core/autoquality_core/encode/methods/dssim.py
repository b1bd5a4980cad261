"""METHOD_DSSIM: a visual difference within an allowed error of the target."""

from __future__ import annotations

from functools import partial

from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.policy import PredictionPolicy
from autoquality_core.encode.session import LIKELY, Session
from autoquality_core.networks import Prediction
from autoquality_core.priors import dssim_prior
from autoquality_core.priors.roughness import rough
from autoquality_core.search import CurvePrior, DssimObjective, Observation, chance, search
from autoquality_core.types import ResolvedTarget


class DssimSearch:
    """Searches by DSSIM, from the encoder's usual curve or from a network's prediction."""

    def __init__(self, adviser: PredictionPolicy | None = None) -> None:
        self._adviser = adviser

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """See MethodHandler. Asks a network where a prediction is likely to save time."""
        prediction = None
        if self._adviser is not None:
            likely = chance(
                _objective(resolved),
                resolved.min_quality,
                resolved.max_quality,
                _prior(session, resolved),
            )
            prediction = self._adviser.advice(session, resolved.target, misses=1 - likely)
        return self.search(session, resolved, prediction)

    def search(
        self, session: Session, resolved: ResolvedTarget, prediction: Prediction | None
    ) -> Answer:
        """As `run`, from all that a prediction says, or from none.

        Where that is the whole curve, what is tried first is the quality that
        is likeliest to be good enough; where it is qualities alone, the
        likeliest of them.
        """
        objective = _objective(resolved)
        prior = _prior(session, resolved)
        first = None
        if prediction is not None and prediction.curve is not None:
            prior = prior.with_curve(prediction.curve.mean, prediction.curve.covariance)
        elif prediction is not None:
            prior = prior.with_crossing(objective.aim, prediction.mean, prediction.deviation)
            first = prediction.quality

        def attempt(quality: int) -> Observation:
            one = session.probe(quality, measure=True)
            return Observation(quality, one.size_bytes, one.dssim)

        def attempt_two(quality: int, other: int) -> list[Observation]:
            found = session.probe_two(quality, other, measure=True)
            return [Observation(one.quality, one.size_bytes, one.dssim) for one in found]

        found = search(
            objective,
            resolved.min_quality,
            resolved.max_quality,
            attempt,
            prior=prior,
            roughness=partial(rough, session.pixels, session.format, session.options, "dssim"),
            first=first,
            equivalents=session.equivalents,
            may_continue=session.may_continue,
            attempt_two=attempt_two if session.may_probe_two else None,
        )
        session.answer(found.best.quality)
        predicted = None if prediction is None else prediction.quality
        return Answer(found.best.quality, found.outcome, resolved, predicted)


def _objective(resolved: ResolvedTarget) -> DssimObjective:
    return DssimObjective(resolved.target, resolved.allowed_error)


def _prior(session: Session, resolved: ResolvedTarget) -> CurvePrior:
    """What is known of the image's curve; it is looked at where that may save an encoding."""
    encoder = session.format, session.options, session.pixel_count
    usual = dssim_prior(*encoder)
    likely = chance(_objective(resolved), resolved.min_quality, resolved.max_quality, usual)
    return usual if likely >= LIKELY else dssim_prior(*encoder, session.features)
