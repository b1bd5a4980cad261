"""Images with too many pixels for a search: the predicted quality is used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from autoquality_core.networks import Prediction
from autoquality_core.pipeline.methods.base import Answer
from autoquality_core.pipeline.methods.score import ScoreSearch
from autoquality_core.pipeline.methods.size import SizeSearch
from autoquality_core.pipeline.session import Session
from autoquality_core.search.first_fitting import first_fitting
from autoquality_core.types import Notice, NoticeCode, Outcome, ResolvedTarget


class PredictedScore(ScoreSearch):
    """One encoding, at the quality where the predicted curve meets the target. No measurement."""

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """See MethodHandler. Requests a prediction if a network was trained for the encoder."""
        prediction = None
        if self._policy is not None:
            prediction = self._policy.request(session, self.metric, resolved.target, misses=1.0)
        return self.search(session, resolved, prediction)

    def search(
        self, session: Session, resolved: ResolvedTarget, prediction: Prediction | None
    ) -> Answer:
        """As `run`, with a prediction that was made, or with the learned curves alone."""
        low, high = resolved.min_quality, resolved.max_quality
        if prediction is not None and prediction.curve is None:
            quality = min(max(prediction.quality, low), high)
        else:
            curve = None if prediction is None else prediction.curve
            mean = (self._prior(session, resolved) if curve is None else curve).mean
            away = np.abs(mean[low - 1 : high] - self._goal(resolved).aim)
            quality = low + int(away.argmin())
        session.probe(quality)
        predicted = None if prediction is None else prediction.quality
        notices = (_notice(session),)
        return Answer(quality, Outcome.PREDICTION_TRUSTED, resolved, predicted, notices)


class PredictedSize:
    """One encoding, at a predicted quality that is likely to fit; more until one fits."""

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        answer = SizeSearch(first_fitting).run(session, resolved)
        return replace(answer, notices=(*answer.notices, _notice(session)))


def _notice(session: Session) -> Notice:
    size = f"{session.pixel_count / 1e6:.1f} megapixels"
    message = f"this server does not search {size}: the predicted quality was used"
    return Notice(NoticeCode.SEARCH_SKIPPED, message)
