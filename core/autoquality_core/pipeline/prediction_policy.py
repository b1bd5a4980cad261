"""Decides whether a prediction is worth its cost, and requests it.

The decision depends on the image and the options alone. A decision by measured
time would let the load of the machine change the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any

from autoquality_core.errors import DeadlinePassed, Overloaded
from autoquality_core.formats import Encoder
from autoquality_core.metrics import Metric
from autoquality_core.networks import Prediction, PredictionFailed, Predictor
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.context import set_attributes, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format

PREDICTION_SECONDS = 6e-3
"""Cost of a prediction on one core. Only its ratio to the cost of a probe (`Encoder` and `Metric`)
matters, and the machine hardly changes that."""

_LONGEST_WAIT = 10.0
"""Seconds after which a network counts as hung. A busy one answers much sooner."""

_SHARE_OF_DEADLINE = 0.25
"""The share of the remaining time that a prediction may take."""

_NOT_AN_OPTION = "setting"
"""The entry of a side file that names the options as a whole; all others are options."""

_log = logging.getLogger(__name__)


def predict(
    predictor: Predictor,
    session: Session,
    metric: Metric,
    target: float,
    deadline: Deadline | None = None,
) -> Prediction:
    """Request a prediction for a score `target`, within `deadline`, by default the session's.

    Raises as `Predictor.predict` does.
    """
    with step("predict", network=predictor.info.name):
        prediction = predictor.predict(
            session.pixels, target, deadline or session.deadline, metric.name
        )
        set_attributes(quality=prediction.quality)
    return prediction


def worthwhile_prediction(
    predictors: Mapping[Format, Predictor],
    session: Session,
    metric: Metric,
    target: float,
    misses: float,
) -> Prediction | None:
    """A prediction of the image's curve of scores; None if unavailable or too costly.

    It saves at most the probes that miss the target before the search has found the curve. `misses`
    is their expected number. Raises DeadlinePassed and RequestCancelled.
    """
    predictor = predictors.get(session.encoder.format)
    if predictor is None or not predictor.available:
        return None
    info = predictor.info
    if metric.name not in info.metrics or not _trained_for(info.encoder, session.encoder):
        return None
    probe = session.encoder.probe_seconds_per_pixel + metric.seconds_per_pixel
    if misses * probe * session.cost <= PREDICTION_SECONDS:
        return None
    patience = min(_LONGEST_WAIT, session.deadline.remaining() * _SHARE_OF_DEADLINE)
    try:
        with session.deadline.within(patience) as deadline:
            prediction = predict(predictor, session, metric, target, deadline)
    except (DeadlinePassed, Overloaded):
        session.deadline.check()  # otherwise only our share of it has passed
        session.deadline.leaves(_LONGEST_WAIT / _SHARE_OF_DEADLINE)  # or it was short
        return None
    except PredictionFailed:
        _log.exception("a network failed", extra={"format": session.encoder.format.value})
        return None
    return prediction if prediction.curve is not None else None


def _trained_for(trained: Mapping[str, Any], encoder: Encoder) -> bool:
    """True if the options in a network's side file are those of `encoder`."""
    ours = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asdict(encoder.options).items()
    }
    options = {name: value for name, value in trained.items() if name != _NOT_AN_OPTION}
    return bool(options) and all(
        name in ours and ours[name] == value for name, value in options.items()
    )
