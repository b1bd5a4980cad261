"""METHOD_SIZE: the highest quality that fits a byte budget."""

from __future__ import annotations

from functools import partial

from autoquality_server.domain import AutoQuality
from autoquality_server.methods.base import Answer
from autoquality_server.methods.priors import rough, size_prior
from autoquality_server.methods.trial import LIKELY, Trial
from autoquality_server.search import Observation, SizeObjective, chance, search


class SizeSearch:
    """Searches by size alone: nothing is decoded or measured."""

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        def attempt(quality: int) -> Observation:
            return Observation(quality, trial.probe(quality, measure=False).size_bytes)

        def attempt_two(quality: int, other: int) -> list[Observation]:
            found = trial.probe_two(quality, other, measure=False)
            return [Observation(one.quality, one.size_bytes) for one in found]

        objective = SizeObjective(wish.target, trial.pixel_count)
        encoder = trial.format, trial.options, trial.pixel_count
        prior = size_prior(*encoder)
        if chance(objective, wish.min_quality, wish.max_quality, prior) < LIKELY:
            prior = size_prior(*encoder, trial.coloured_sketch)
        found = search(
            objective,
            wish.min_quality,
            wish.max_quality,
            attempt,
            prior=prior,
            roughness=partial(
                rough, trial.pixels, trial.format, trial.options, "size", wish.target
            ),
            first_twins=trial.first_twins,
            may_continue=trial.may_continue,
            attempt_two=attempt_two if trial.may_probe_two else None,
        )
        trial.answer(found.best.quality)
        return Answer(found.best.quality, found.outcome, wish)
