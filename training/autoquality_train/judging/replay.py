"""METHOD_ML and METHOD_DSSIM on a swept image: the service's own handlers."""

from __future__ import annotations

from functools import partial

from autoquality_core.encode.methods import DssimSearch
from autoquality_core.formats import equivalents
from autoquality_core.networks import Prediction
from autoquality_core.priors import dssim_prior
from autoquality_core.priors.roughness import rough
from autoquality_core.search import Observation, search
from autoquality_core.types import Method
from autoquality_train.judging.goal import Goal, Searched
from autoquality_train.judging.swept import Swept, SweptTrial


def ml_search(swept: Swept, goal: Goal, prediction: Prediction) -> Searched:
    """What METHOD_ML makes of a prediction."""
    trial = SweptTrial(swept)
    answer = DssimSearch().search(trial, goal.resolved(Method.ML), prediction)
    return Searched(answer.quality, len(trial.probes))


def dssim_search(swept: Swept, goal: Goal) -> Searched:
    """METHOD_DSSIM: the corpus's curves and nothing else."""
    trial = SweptTrial(swept)
    answer = DssimSearch().run(trial, goal.resolved(Method.DSSIM))
    return Searched(answer.quality, len(trial.probes))


def first_guess_search(swept: Swept, goal: Goal, prediction: Prediction) -> Searched:
    """METHOD_DSSIM that tries the likeliest quality first: all it takes of a prediction."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return swept.observation(quality)

    area = swept.pixels.width * swept.pixels.height
    prior = dssim_prior(swept.format, swept.options, area)
    found = search(
        goal.objective,
        goal.low,
        goal.high,
        attempt,
        prior=prior,
        roughness=partial(rough, swept.pixels, swept.format, swept.options, "dssim"),
        first=prediction.quality,
        equivalents=equivalents(swept.format, swept.options),
    )
    return Searched(found.best.quality, len(tried))
