"""Byte budgets that no quality meets: metadata is dropped first, then alpha loses quality."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from autoquality_core.images import NO_METADATA, Metadata
from autoquality_core.pipeline.methods.base import Answer, BudgetSearch
from autoquality_core.pipeline.session import Session
from autoquality_core.search import Found
from autoquality_core.types import Notice, NoticeCode, Outcome, ResolvedTarget

_STEP = 5
"""libwebp has one number of alpha levels for each five alpha qualities up to 70."""


def within_budget(
    session: Session, resolved: ResolvedTarget, budget: float, search: BudgetSearch
) -> tuple[Found, tuple[Notice, ...]]:
    """The answer of a search whose files may have at most `budget` bytes, and what it cost.

    If no quality is within the limits, it drops metadata first, which does not change the picture.
    If no quality fits then, it lowers the quality of a WebP's alpha. Copyright and author stay if
    there is room for them, or if nothing fits anyway; then alpha keeps its quality, too.
    """

    def fits(found: Found) -> bool:
        return session.size(found.best.quality) <= budget

    requested, alpha_quality = session.metadata, session.alpha_quality
    choices = requested.choices()
    session.use_metadata(next(one for one in choices if one.size < budget or not one))
    most, found = session.metadata, search(session, resolved)
    first = found if fits(found) else None
    for metadata in choices[choices.index(most) + 1 :]:
        if not fits(found) or found.outcome is Outcome.LIMITS_CONFLICT:
            session.use_metadata(metadata)
            # The deadline may leave no time for more than the best that is known.
            known = session.highest_within(budget)
            found = search(session, resolved, known or found.best.quality)
    if first is not None and found.outcome is Outcome.LIMITS_CONFLICT:
        found = first  # limits on scores contradict the budget, with or without metadata
        session.use_metadata(most)
    if not fits(found):
        found = _lower_alpha(session, resolved, budget, found, search)
        enough = fits(found)
        session.use_metadata(requested.alone())
        if enough and session.metadata:
            attributed = search(session, resolved, found.best.quality)
            found = attributed if fits(attributed) else found
        if enough and not fits(found):
            session.use_metadata(NO_METADATA)
    return found, tuple(_notices(session, requested, alpha_quality))


def with_metadata_in(
    choices: Iterable[Metadata], session: Session, answer: Answer, budget: float
) -> Answer:
    """The answer with the first of the choices that makes its file fit, otherwise with the last."""
    requested = session.metadata
    for metadata in choices:
        session.use_metadata(metadata)
        if session.size(answer.quality) <= budget:
            break
    notices = _notices(session, requested, session.alpha_quality)
    return replace(answer, notices=(*answer.notices, *notices))


def _lower_alpha(
    session: Session, resolved: ResolvedTarget, budget: float, found: Found, search: BudgetSearch
) -> Found:
    """An answer with the highest alpha quality whose file fits `budget`; `found` if there is none.

    Quality and alpha quality fall together, within the range of the quality. The rest of the
    budget then goes to the quality, by `search`. Lowering only one of the two looks worse in
    the same budget.
    """
    before = session.alpha_quality
    if not before or found.outcome is Outcome.DEADLINE_REACHED:
        return found
    encoder, levels = session.encoder, range(0, before, _STEP)

    def use(alpha_quality: int) -> None:
        session.encoder = encoder.with_alpha_quality(alpha_quality)

    def quality_at(level: int) -> int:
        return min(max(levels[level], resolved.min_quality), resolved.max_quality)

    fitting, over, level = -1, len(levels), 0
    while over - fitting > 1 and over > 0 and session.may_continue(quality_at(level)):
        use(levels[level])
        if session.probe(quality_at(level)).size_bytes <= budget:
            fitting = level
        else:
            over = level
        level = (fitting + over) // 2
    use(levels[max(fitting, 0)])
    if fitting >= 0:
        return search(session, resolved, quality_at(fitting))
    if over == 0:
        lowest = search(session, resolved, resolved.min_quality)
        if session.size(lowest.best.quality) <= budget:
            return lowest
    use(before)
    return found if over == 0 else replace(found, outcome=Outcome.DEADLINE_REACHED)


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
