"""METHOD_ML: METHOD_DSSIM, starting from a network's prediction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.methods.dssim import DssimSearch
from autoquality_core.encode.policy import predict
from autoquality_core.encode.session import Trial
from autoquality_core.formats import BEST_MOZJPEG
from autoquality_core.networks import NetworkResting, PredictionFailed, Predictor
from autoquality_core.types import AutoQuality, Format, Method, Notice, NoticeCode, Outcome

TRUST = 1.0
"""The allowed error from which on the network is trusted: the greatest DSSIM there is."""

_log = logging.getLogger(__name__)


class MlSearch:
    """Asks the network of the trial's format; without one, serves as METHOD_DSSIM and says so."""

    def __init__(self, predictors: Mapping[Format, Predictor], fallback: DssimSearch) -> None:
        self._predictors = predictors
        self._dssim = fallback

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        predictor = self._predictors.get(trial.format)
        if predictor is None:
            return self._without(
                trial, wish, f"no network for {trial.format.name}: served as METHOD_DSSIM"
            )
        try:
            prediction = predict(predictor, trial, wish.target)
        except NetworkResting:
            return self._without(
                trial,
                wish,
                f"the network for {trial.format.name} failed repeatedly and is left alone for a "
                "while: served as METHOD_DSSIM",
            )
        except PredictionFailed:
            _log.exception("the %s network failed", trial.format.name)
            return self._without(
                trial, wish, f"the network for {trial.format.name} failed: served as METHOD_DSSIM"
            )
        jpeg = replace(BEST_MOZJPEG, no_subsample=trial.options.jpeg.no_subsample)
        trial.options = replace(trial.options, jpeg=jpeg)
        if wish.allowed_error < TRUST:
            return self._dssim.search(trial, wish, prediction)
        quality = min(max(prediction.quality, wish.min_quality), wish.max_quality)
        trial.probe(quality, measure=False)
        return Answer(quality, Outcome.PREDICTION_TRUSTED, wish, prediction.quality)

    def _without(self, trial: Trial, wish: AutoQuality, why: str) -> Answer:
        answer = self._dssim.search(trial, replace(wish, method=Method.DSSIM), None)
        notice = Notice(NoticeCode.NETWORK_UNAVAILABLE, why)
        return replace(answer, notices=(*answer.notices, notice))
