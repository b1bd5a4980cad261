"""METHOD_DSSIM: a visual difference within an allowed error of the target."""

from __future__ import annotations

from functools import partial

from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.policy import Adviser
from autoquality_core.encode.session import LIKELY, Trial
from autoquality_core.networks import Prediction
from autoquality_core.priors import dssim_prior
from autoquality_core.priors.roughness import rough
from autoquality_core.search import CurvePrior, DssimObjective, Observation, chance, search
from autoquality_core.types import AutoQuality


class DssimSearch:
    """Searches by DSSIM, from the encoder's usual curve or from a network's prediction."""

    def __init__(self, adviser: Adviser | None = None) -> None:
        self._adviser = adviser

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        """See MethodHandler. Asks a network where a prediction is likely to save time."""
        prediction = None
        if self._adviser is not None:
            likely = chance(
                _objective(wish), wish.min_quality, wish.max_quality, _prior(trial, wish)
            )
            prediction = self._adviser.advice(trial, wish.target, misses=1 - likely)
        return self.search(trial, wish, prediction)

    def search(self, trial: Trial, wish: AutoQuality, prediction: Prediction | None) -> Answer:
        """As `run`, from all that a prediction says, or from none.

        Where that is the whole curve, what is tried first is the quality that
        is likeliest to be good enough; where it is qualities alone, the
        likeliest of them.
        """
        objective = _objective(wish)
        prior = _prior(trial, wish)
        first = None
        if prediction is not None and prediction.curve is not None:
            prior = prior.with_curve(prediction.curve.mean, prediction.curve.covariance)
        elif prediction is not None:
            prior = prior.with_crossing(objective.aim, prediction.mean, prediction.deviation)
            first = prediction.quality

        def attempt(quality: int) -> Observation:
            one = trial.probe(quality, measure=True)
            return Observation(quality, one.size_bytes, one.dssim)

        def attempt_two(quality: int, other: int) -> list[Observation]:
            found = trial.probe_two(quality, other, measure=True)
            return [Observation(one.quality, one.size_bytes, one.dssim) for one in found]

        found = search(
            objective,
            wish.min_quality,
            wish.max_quality,
            attempt,
            prior=prior,
            roughness=partial(rough, trial.pixels, trial.format, trial.options, "dssim"),
            first=first,
            first_twins=trial.first_twins,
            may_continue=trial.may_continue,
            attempt_two=attempt_two if trial.may_probe_two else None,
        )
        trial.answer(found.best.quality)
        predicted = None if prediction is None else prediction.quality
        return Answer(found.best.quality, found.outcome, wish, predicted)


def _objective(wish: AutoQuality) -> DssimObjective:
    return DssimObjective(wish.target, wish.allowed_error)


def _prior(trial: Trial, wish: AutoQuality) -> CurvePrior:
    """What is known of the image's curve; it is looked at where that may save an encoding."""
    encoder = trial.format, trial.options, trial.pixel_count
    usual = dssim_prior(*encoder)
    likely = chance(_objective(wish), wish.min_quality, wish.max_quality, usual)
    return usual if likely >= LIKELY else dssim_prior(*encoder, trial.sketch)
