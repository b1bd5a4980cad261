"""Images with too many pixels for a search: the predicted quality is used."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from autoquality_core.networks import Prediction
from autoquality_core.pipeline.methods.base import Answer
from autoquality_core.pipeline.methods.limited import keeps_scores, other_metrics
from autoquality_core.pipeline.methods.score import ScoreSearch
from autoquality_core.pipeline.methods.size import search_by_size
from autoquality_core.pipeline.prediction_policy import worthwhile_prediction
from autoquality_core.pipeline.session import Session
from autoquality_core.search import first_fitting
from autoquality_core.types import Notice, NoticeCode, Outcome, ResolvedTarget


class PredictedScore(ScoreSearch):
    """One encoding, at the quality where the predicted curve meets the target.

    Nothing is measured, except for limits. If the file exceeds one, there is a search.
    """

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        """See MethodHandler. Requests a prediction if a network was trained for the encoder."""
        prediction = worthwhile_prediction(
            self._predictors, session, self.metric, resolved.target, misses=1.0
        )
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
            goal, priors = self._beliefs(session, resolved, curve)
            quality = low + int(np.abs(priors[0].mean[low - 1 : high] - goal.aim).argmin())
        session.probe(quality)
        if not _within(session, resolved, quality):
            return super().search(session, resolved, prediction)
        predicted = None if prediction is None else prediction.quality
        notices = (_notice(session),)
        return Answer(quality, Outcome.PREDICTION_TRUSTED, resolved, predicted, notices)


def predicted_size(session: Session, resolved: ResolvedTarget) -> Answer:
    """One encoding, at a predicted quality that is likely to fit; more until one fits.

    If the file exceeds a limit on scores, there is a search.
    """
    answer = search_by_size(session, resolved, first_fitting)
    if answer.outcome not in (Outcome.PREDICTION_TRUSTED, Outcome.MIN_QUALITY_REACHED):
        return answer
    return replace(answer, notices=(*answer.notices, _notice(session)))


def _within(session: Session, resolved: ResolvedTarget, quality: int) -> bool:
    """True if a known quality is within the limits, as far as there is time to know."""
    limits = resolved.limits
    if session.size(quality) > (limits.max_bytes or math.inf):
        return False
    if not session.may_continue(quality):
        return True
    for metric in other_metrics(limits, None):
        session.measure(quality, metric)
    return not limits.scores or keeps_scores(session.scores(quality), limits)


def _notice(session: Session) -> Notice:
    size = f"{session.pixel_count / 1e6:.1f} megapixels"
    message = f"this server does not search {size}: the predicted quality was used"
    return Notice(NoticeCode.SEARCH_SKIPPED, message)
