"""METHOD_ML and METHOD_DSSIM on a swept image: the service's own handlers."""

from __future__ import annotations

from functools import partial

from autoquality_core.encode.methods import ScoreSearch
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import Prediction
from autoquality_core.priors import score_prior
from autoquality_core.priors.roughness import score_roughness
from autoquality_core.search import Observation, search
from autoquality_core.types import Method
from autoquality_train.judging.goal import Goal, Searched
from autoquality_train.judging.swept import Swept, SweptSession


def ml_search(swept: Swept, goal: Goal, prediction: Prediction) -> Searched:
    """What METHOD_ML makes of a prediction."""
    session = SweptSession(swept)
    answer = ScoreSearch(DSSIM).search(session, goal.resolved(Method.ML), prediction)
    return Searched(answer.quality, len(session.probes))


def dssim_search(swept: Swept, goal: Goal) -> Searched:
    """METHOD_DSSIM: the corpus's curves and nothing else."""
    session = SweptSession(swept)
    answer = ScoreSearch(DSSIM).run(session, goal.resolved(Method.DSSIM))
    return Searched(answer.quality, len(session.probes))


def first_guess_search(swept: Swept, goal: Goal, prediction: Prediction) -> Searched:
    """METHOD_DSSIM that tries the likeliest quality first: all it takes of a prediction."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return swept.observation(quality)

    area = swept.pixels.width * swept.pixels.height
    found = search(
        goal.objective,
        goal.low,
        goal.high,
        attempt,
        prior=score_prior(swept.encoder, DSSIM, area),
        roughness=partial(score_roughness, swept.pixels, swept.encoder, DSSIM),
        first=prediction.quality,
        equivalents=swept.encoder.equivalents(has_alpha=swept.pixels.has_alpha),
    )
    return Searched(found.best.quality, len(tried))
