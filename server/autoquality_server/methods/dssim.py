"""METHOD_DSSIM: a visual difference within an allowed error of the target."""

from __future__ import annotations

from autoquality_server.domain import AutoQuality
from autoquality_server.methods.base import Answer
from autoquality_server.methods.priors import dssim_prior
from autoquality_server.methods.trial import Trial
from autoquality_server.predictor import Prediction
from autoquality_server.search import DssimObjective, Observation, search


class DssimSearch:
    """Searches by DSSIM, from the encoder's usual curve or from a network's prediction."""

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        return self.search(trial, wish, None)

    def search(self, trial: Trial, wish: AutoQuality, prediction: Prediction | None) -> Answer:
        """As `run`; with a prediction, its quality is tried first."""

        def attempt(quality: int) -> Observation:
            one = trial.probe(quality, measure=True)
            return Observation(quality, one.size_bytes, one.dssim)

        found = search(
            DssimObjective(wish.target, wish.allowed_error),
            wish.min_quality,
            wish.max_quality,
            attempt,
            prior=dssim_prior(trial.format, trial.options, trial.pixel_count),
            first=None if prediction is None else prediction.quality,
            may_continue=trial.may_continue,
        )
        predicted = None if prediction is None else prediction.quality
        return Answer(found.best.quality, found.outcome, wish, predicted)
