"""Whether a search that could do without a network is helped by asking one, and the asking."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any

from autoquality_server.deadline import Deadline
from autoquality_server.domain import EncoderOptions, Format
from autoquality_server.errors import DeadlinePassed, Overloaded
from autoquality_server.methods.pace import Pace
from autoquality_server.methods.trial import Trial
from autoquality_server.predictor import Prediction, PredictionFailed, Predictor
from autoquality_server.stages import note, stage

_NEWEST_SHARE = 0.2
"""Weight of the newest measurement in a mean."""

_FORGOTTEN = 0.99
"""A price that nobody pays is taken to be a little lower the next time, and so asked for again
one day: a network is not always as slow as it was when the machine was busy."""

_LONGEST_WAIT = 1.0
_SHARE_OF_DEADLINE = 0.25
"""A network that hangs, or that many wait for, is not waited for: the search does without."""

_ABOUT_THE_NETWORK = "setting"
"""What a side file calls the encoder's setting; every other entry is an option of the encoder."""

_log = logging.getLogger(__name__)


def predict(
    predictor: Predictor, trial: Trial, target: float, deadline: Deadline | None = None
) -> Prediction:
    """Ask a network, its time counted as the trial's, within the trial's deadline or another.

    Raises as `Predictor.predict` does.
    """
    start = time.perf_counter()
    with stage("predict", network=predictor.info.name):
        try:
            prediction = predictor.predict(trial.pixels, target, deadline or trial.deadline)
        finally:
            trial.timings.predict += time.perf_counter() - start
        note(quality=prediction.quality)
    return prediction


class Adviser:
    """Asks networks for searches that go on without. Shared by all threads.

    A prediction at best saves the probes that a search would otherwise begin
    with in vain. So one is asked for if those are expected to last longer than
    it; how long either lasts is measured as requests come along.
    """

    def __init__(self, predictors: Mapping[Format, Predictor], pace: Pace) -> None:
        """`pace` is what the trials learn from that advice is asked for."""
        self._predictors = predictors
        self._pace = pace
        self._lock = threading.Lock()
        self._price = 0.0

    def advice(self, trial: Trial, target: float, in_vain: float) -> Prediction | None:
        """A prediction of the image's curve, None where it would not pay or cannot be had.

        `in_vain` is how many probes the search is expected to make in vain
        without it. Raises DeadlinePassed and RequestCancelled.
        """
        predictor = self._predictors.get(trial.format)
        if predictor is None or not predictor.available:
            return None
        if not _trained_for(predictor.info.encoder, trial.format, trial.options):
            return None
        worth = self._worth(trial, in_vain)
        if worth is None:
            return None
        before = trial.timings.predict
        patience = min(worth, _LONGEST_WAIT, trial.deadline.remaining() * _SHARE_OF_DEADLINE)
        try:
            with trial.deadline.within(patience) as deadline:
                prediction = predict(predictor, trial, target, deadline)
        except (DeadlinePassed, Overloaded):
            trial.deadline.check()  # or else it was only ours that passed
            return None
        except PredictionFailed:
            _log.exception("the %s network failed", trial.format.name)
            return None
        finally:  # whatever came of it, that is what it cost
            took = trial.timings.predict - before
            with self._lock:
                self._price += (_NEWEST_SHARE if self._price else 1.0) * (took - self._price)
        return prediction if prediction.curve is not None else None

    def _worth(self, trial: Trial, in_vain: float) -> float | None:
        """Seconds that a prediction is worth, None where it costs more; infinite if not known."""
        seconds = self._pace.expect(trial.format, trial.options, measured=True, pixels=trial.cost)
        worth = math.inf if seconds is None else in_vain * seconds
        with self._lock:
            if worth <= self._price:
                self._price *= _FORGOTTEN
                return None
        return worth


def _trained_for(encoder: Mapping[str, Any], fmt: Format, options: EncoderOptions) -> bool:
    """Whether a network that says what it was trained for was trained for these options."""
    ours = asdict(options)[fmt.value]
    told = {name: value for name, value in encoder.items() if name != _ABOUT_THE_NETWORK}
    return bool(told) and all(
        name in ours and _plain(ours[name]) == value for name, value in told.items()
    )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
