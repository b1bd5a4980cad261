"""Lowers the quality of a WebP's alpha for a byte budget that no quality meets with it."""

from __future__ import annotations

from dataclasses import replace

from autoquality_core.pipeline.methods.base import BudgetSearch
from autoquality_core.pipeline.session import Session
from autoquality_core.search import Found
from autoquality_core.types import Outcome, ResolvedTarget

_STEP = 5
"""libwebp has one number of alpha levels for each five alpha qualities up to 70."""


def lower_alpha(
    session: Session,
    resolved: ResolvedTarget,
    budget: float,
    found: Found,
    search: BudgetSearch,
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
        return search(session, resolved, quality_at(fitting), thorough=False)
    if over == 0:
        lowest = search(session, resolved, resolved.min_quality, thorough=False)
        if session.size(lowest.best.quality) <= budget:
            return lowest
    use(before)
    return found if over == 0 else replace(found, outcome=Outcome.DEADLINE_REACHED)
