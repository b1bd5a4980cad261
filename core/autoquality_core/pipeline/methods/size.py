"""METHOD_SIZE: the highest quality that fits a byte budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from autoquality_core.images import NO_METADATA, Metadata
from autoquality_core.pipeline.methods.alpha import lower_alpha
from autoquality_core.pipeline.methods.base import Answer
from autoquality_core.pipeline.session import LIKELY, Session
from autoquality_core.priors import size_prior
from autoquality_core.priors.roughness import size_roughness
from autoquality_core.search import Found, Observation, SizeGoal, chance, search
from autoquality_core.types import Notice, NoticeCode, Outcome, ResolvedTarget


class SizeSearch:
    """Searches by size alone: nothing is decoded or measured.

    If no quality fits, it drops metadata first, which does not change the picture, then lowers
    the quality of a WebP's alpha. Copyright and author stay if there is room for them, or if
    nothing fits anyway; then alpha keeps its quality, too.
    """

    def __init__(self, find: Callable[..., Found] = search) -> None:
        """`find` takes the arguments of `search`."""
        self._find = find

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        find = partial(_search, self._find)

        def fits(found: Found) -> bool:
            return session.size(found.best.quality) <= resolved.target

        requested, alpha_quality = session.metadata, session.alpha_quality
        choices = requested.choices()
        session.use_metadata(next(one for one in choices if one.size < resolved.target or not one))
        found = find(session, resolved)
        for metadata in choices[choices.index(session.metadata) + 1 :]:
            if not fits(found):
                session.use_metadata(metadata)
                found = find(session, resolved, found.best.quality)
        if not fits(found):
            found = lower_alpha(session, resolved, found, partial(find, thorough=False))
            enough = fits(found)
            session.use_metadata(requested.alone())
            if enough and session.metadata:
                attributed = find(session, resolved, found.best.quality, thorough=False)
                found = attributed if fits(attributed) else found
            if enough and not fits(found):
                session.use_metadata(NO_METADATA)
        session.choose(found.best.quality)
        notices = tuple(_notices(session, requested, alpha_quality))
        return Answer(found.best.quality, found.outcome, resolved, notices=notices)


def _search(
    find: Callable[..., Found],
    session: Session,
    resolved: ResolvedTarget,
    first: int | None = None,
    *,
    thorough: bool = True,
) -> Found:
    """The best quality with the session's metadata and alpha quality, `first` tried first.

    Without `thorough`, the allowance of photographs is used: a rule chose the alpha quality
    then, so no proof makes the pair the best one.

    Metadata and a still's alpha have the same size at every quality. Curves were learned without
    them, so the search is for the rest of the budget.
    """
    constant = session.metadata.size
    if first is None and session.knows(resolved.min_quality):
        first = resolved.min_quality

    def attempt(quality: int) -> Observation:
        if not session.knows(quality):
            session.probe(quality)
        return Observation(quality, session.size(quality) - constant)

    def attempt_two(quality: int, other: int) -> list[Observation]:
        if session.knows(quality) or session.knows(other):
            return [attempt(quality)]
        found = session.probe_two(quality, other)
        return [Observation(one.quality, one.size_bytes - constant) for one in found]

    if session.alpha_quality is not None:
        first = first or (resolved.min_quality + resolved.max_quality) // 2
        seen, alpha = attempt(first), session.alpha_bytes(first)
        if constant + alpha >= resolved.target:
            if not session.knows(resolved.min_quality) and not session.may_continue(
                resolved.min_quality
            ):
                return Found(seen, Outcome.DEADLINE_REACHED)
            return Found(attempt(resolved.min_quality), Outcome.MIN_QUALITY_REACHED)
        constant += alpha
    goal = SizeGoal(resolved.target - constant, session.pixel_count)
    prior = size_prior(session.encoder, session.pixel_count)
    if chance(goal, resolved.min_quality, resolved.max_quality, prior) < LIKELY:
        prior = size_prior(session.encoder, session.pixel_count, session.all_features)
    look = partial(size_roughness, session.pixels, session.encoder, goal.target)
    return find(
        goal,
        resolved.min_quality,
        resolved.max_quality,
        attempt,
        prior=prior,
        roughness=look if thorough else None,
        first=first,
        equivalents=session.equivalents,
        may_continue=session.may_continue,
        attempt_two=attempt_two if session.may_probe_two else None,
    )


def _notices(session: Session, requested: Metadata, alpha_quality: int | None) -> Iterator[Notice]:
    """One notice for each thing that was given up to meet the budget."""
    if session.metadata != requested:
        rest = "all but copyright and author" if session.metadata else "it"
        message = f"the budget cannot be met with all metadata: {rest} was left out"
        yield Notice(NoticeCode.METADATA_DROPPED, message)
    if session.alpha_quality != alpha_quality:
        message = f"the budget cannot be met with alpha quality {alpha_quality}:"
        message += f" lowered to {session.alpha_quality}"
        yield Notice(NoticeCode.ALPHA_QUALITY_LOWERED, message)
