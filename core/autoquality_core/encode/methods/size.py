"""METHOD_SIZE: the highest quality that fits a byte budget."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from autoquality_core.encode.methods.alpha import lower_alpha
from autoquality_core.encode.methods.base import Answer
from autoquality_core.encode.session import LIKELY, Trial
from autoquality_core.images import NO_METADATA, Metadata
from autoquality_core.priors import size_prior
from autoquality_core.priors.roughness import rough
from autoquality_core.search import Found, Observation, SizeObjective, chance, search
from autoquality_core.types import AutoQuality, Notice, NoticeCode, Outcome


class SizeSearch:
    """Searches by size alone: nothing is decoded or measured.

    Where no quality fits, it gives up metadata first, which does not change the
    picture, then the quality of a WebP's alpha. Copyright and author stay where
    there is room for them, or where nothing fits anyway; so does alpha then.
    """

    def run(self, trial: Trial, wish: AutoQuality) -> Answer:
        def fits(found: Found) -> bool:
            return trial.size(found.best.quality) <= wish.target

        requested, alpha_quality = trial.metadata, trial.alpha_quality
        choices = requested.choices()
        trial.use_metadata(next(one for one in choices if one.size < wish.target or not one))
        found = _search(trial, wish)
        for metadata in choices[choices.index(trial.metadata) + 1 :]:
            if not fits(found):
                trial.use_metadata(metadata)
                found = _search(trial, wish, found.best.quality)
        if not fits(found):
            found = lower_alpha(trial, wish, found, partial(_search, thorough=False))
            enough = fits(found)
            trial.use_metadata(requested.alone())
            if enough and trial.metadata:
                attributed = _search(trial, wish, found.best.quality, thorough=False)
                found = attributed if fits(attributed) else found
            if enough and not fits(found):
                trial.use_metadata(NO_METADATA)
        trial.answer(found.best.quality)
        notices = tuple(_sacrifices(trial, requested, alpha_quality))
        return Answer(found.best.quality, found.outcome, wish, notices=notices)


def _search(
    trial: Trial, wish: AutoQuality, first: int | None = None, *, thorough: bool = True
) -> Found:
    """The best quality with the trial's metadata and alpha quality. `first` is tried first.

    Without `thorough`, the curve is taken for that of a photograph: alpha quality
    was chosen by rule then, and no proof makes the pair the best one.

    Metadata and a still's alpha are the same at every quality. Curves were
    learned without them, so the search is for the rest of the budget.
    """
    constant = trial.metadata.size

    def attempt(quality: int) -> Observation:
        if not trial.knows(quality):
            trial.probe(quality, measure=False)
        return Observation(quality, trial.size(quality) - constant)

    def attempt_two(quality: int, other: int) -> list[Observation]:
        if trial.knows(quality) or trial.knows(other):
            return [attempt(quality)]
        found = trial.probe_two(quality, other, measure=False)
        return [Observation(one.quality, one.size_bytes - constant) for one in found]

    if trial.alpha_quality is not None:
        first = first or (wish.min_quality + wish.max_quality) // 2
        seen, alpha = attempt(first), trial.alpha_bytes(first)
        if constant + alpha >= wish.target:
            if not trial.knows(wish.min_quality) and not trial.may_continue(wish.min_quality):
                return Found(seen, Outcome.DEADLINE_REACHED)
            return Found(attempt(wish.min_quality), Outcome.MIN_QUALITY_REACHED)
        constant += alpha
    objective = SizeObjective(wish.target - constant, trial.pixel_count)
    encoder = trial.format, trial.options, trial.pixel_count
    prior = size_prior(*encoder)
    if chance(objective, wish.min_quality, wish.max_quality, prior) < LIKELY:
        prior = size_prior(*encoder, trial.coloured_sketch)
    look = partial(rough, trial.pixels, trial.format, trial.options, "size", objective.target)
    return search(
        objective,
        wish.min_quality,
        wish.max_quality,
        attempt,
        prior=prior,
        roughness=look if thorough else None,
        first=first,
        first_twins=trial.first_twins,
        may_continue=trial.may_continue,
        attempt_two=attempt_two if trial.may_probe_two else None,
    )


def _sacrifices(trial: Trial, requested: Metadata, alpha_quality: int | None) -> Iterator[Notice]:
    """What was given up to meet the budget."""
    if trial.metadata != requested:
        rest = "all but copyright and author" if trial.metadata else "it"
        message = f"the budget cannot be met with all metadata: {rest} was left out"
        yield Notice(NoticeCode.METADATA_DROPPED, message)
    if trial.alpha_quality != alpha_quality:
        message = f"the budget cannot be met with alpha quality {alpha_quality}:"
        message += f" lowered to {trial.alpha_quality}"
        yield Notice(NoticeCode.ALPHA_QUALITY_LOWERED, message)
