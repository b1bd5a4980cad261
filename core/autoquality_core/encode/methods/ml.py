"""METHOD_ML: METHOD_DSSIM, starting from a network's prediction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.methods.dssim import DssimSearch
from autoquality_core.encode.policy import predict
from autoquality_core.encode.session import Session
from autoquality_core.formats import BEST_MOZJPEG
from autoquality_core.networks import CircuitOpen, PredictionFailed, Predictor
from autoquality_core.types import Format, Method, Notice, NoticeCode, Outcome, ResolvedTarget

TRUST = 1.0
"""The allowed error from which on the network is trusted: the greatest DSSIM there is."""

_log = logging.getLogger(__name__)


class MlSearch:
    """Asks the network of the session's format; without one, serves as METHOD_DSSIM and says so."""

    def __init__(self, predictors: Mapping[Format, Predictor], fallback: DssimSearch) -> None:
        self._predictors = predictors
        self._dssim = fallback

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        predictor = self._predictors.get(session.format)
        if predictor is None:
            return self._without(
                session, resolved, f"no network for {session.format.name}: served as METHOD_DSSIM"
            )
        try:
            prediction = predict(predictor, session, resolved.target)
        except CircuitOpen:
            return self._without(
                session,
                resolved,
                f"the network for {session.format.name} failed repeatedly and is left alone for a "
                "while: served as METHOD_DSSIM",
            )
        except PredictionFailed:
            _log.exception("the %s network failed", session.format.name)
            return self._without(
                session,
                resolved,
                f"the network for {session.format.name} failed: served as METHOD_DSSIM",
            )
        jpeg = replace(BEST_MOZJPEG, no_subsample=session.options.jpeg.no_subsample)
        session.options = replace(session.options, jpeg=jpeg)
        if resolved.allowed_error < TRUST:
            return self._dssim.search(session, resolved, prediction)
        quality = min(max(prediction.quality, resolved.min_quality), resolved.max_quality)
        session.probe(quality, measure=False)
        return Answer(quality, Outcome.PREDICTION_TRUSTED, resolved, prediction.quality)

    def _without(self, session: Session, resolved: ResolvedTarget, why: str) -> Answer:
        answer = self._dssim.search(session, replace(resolved, method=Method.DSSIM), None)
        notice = Notice(NoticeCode.NETWORK_UNAVAILABLE, why)
        return replace(answer, notices=(*answer.notices, notice))
