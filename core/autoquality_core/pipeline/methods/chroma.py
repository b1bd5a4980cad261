"""Targets between the scores of halved and of full chroma.

With chroma by quality, colours have half the resolution below some quality, and the full one from
there on. The score of an image with fine colours, such as a screenshot or a map, jumps there. No
quality reaches a target inside the jump. Full chroma at a lower quality does, with fewer bytes than
at the quality above the jump.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from autoquality_core.formats import Encoder
from autoquality_core.metrics import Metric
from autoquality_core.pipeline.methods.limited import under_limits
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import load_offset
from autoquality_core.search import Acquisition, Found, Gaussian, NothingTried, ScoreGoal
from autoquality_core.types import Chroma, Outcome, ResolvedTarget

_UNLIKELY = 0.1
"""If a target outside the jump is less probable than this on either side, the search does not test
for it: after a file below the jump, or by the image's features alone."""

_PATIENCE = 8
"""The most attempts with full chroma. Two are usual."""

_RELIABLE = 0.5
"""The least weight of a belief that the attempts do not refute."""

_NEGLIGIBLE = 1e-6
"""Beliefs with less weight than this are dropped."""


def search_over_chroma(
    find: Callable[..., Found], session: Session, metric: Metric, resolved: ResolvedTarget
) -> Found:
    """The answer of `find`, or a better one with full chroma if the target is inside the jump.

    `find` searches with the session's encoder. It takes a session, a target, and by name `stop`,
    that of `search`, and `beliefs` about the curve of scores, which replace those of the prior.
    The session's encoder is the one that the answer was made with.
    """
    full_from = jumps_at(session.encoder, session, metric, resolved)
    if full_from is None:
        return find(session, resolved)
    goal = ScoreGoal(metric, resolved.target, resolved.allowed_error)
    beliefs: list[Gaussian] = []

    def stop(acquisition: Acquisition) -> bool:
        if _in_jump(acquisition, goal, full_from):
            beliefs.extend(one for one in acquisition.beliefs if one.weight > _NEGLIGIBLE)
        return bool(beliefs)

    found: Found | None = None
    with suppress(NothingTried):
        found = find(session, resolved, stop=stop)
        late = bool(beliefs) and not session.may_continue(full_from)
        if late or not beliefs:
            return replace(found, outcome=Outcome.DEADLINE_REACHED) if late else found
    usual = session.encoder
    # From `full_from` on, the files are the same.
    below = replace(resolved, max_quality=full_from - 1)
    full = _with_full_chroma(find, session, metric, below, beliefs, proven=found is not None)
    late = full.outcome is Outcome.DEADLINE_REACHED
    if full.outcome is Outcome.TARGET_MET or (late and found is None):
        return full
    with_full, session.encoder = session.encoder, usual
    if found is None or not late:
        found = find(session, resolved)  # the usual chroma may meet the target after all
    else:
        found = replace(found, outcome=full.outcome)
    judge = under_limits(goal, metric, resolved.limits, session) if resolved.limits else goal
    both = [found.best, full.best]
    if judge.best(both, resolved.min_quality, resolved.max_quality) is found.best:
        return found
    session.encoder = with_full
    outcome = full.outcome
    if found.outcome is Outcome.DEADLINE_REACHED:
        outcome = found.outcome
    elif outcome in (Outcome.MIN_QUALITY_REACHED, Outcome.MAX_QUALITY_REACHED):
        outcome = Outcome.NEAREST_QUALITY  # the score beyond the bound has the other chroma
    return replace(full, outcome=outcome)


def _with_full_chroma(
    find: Callable[..., Found],
    session: Session,
    metric: Metric,
    resolved: ResolvedTarget,
    beliefs: Sequence[Gaussian],
    *,
    proven: bool,
) -> Found:
    """The answer with full chroma, which the session's encoder has from now on.

    `beliefs` are about the usual chroma. Unless a file has `proven` the jump, it ends once the
    attempts refute the beliefs.
    """
    usual = session.encoder
    session.encoder = other = usual.with_chroma(Chroma.FULL)
    moved = [_moved(one, usual, other, metric) for one in beliefs]

    def give_up(acquisition: Acquisition) -> bool:
        refuted = not proven and acquisition.beliefs[0].weight < _RELIABLE
        return acquisition.attempts >= _PATIENCE or refuted

    return find(session, resolved, beliefs=moved, stop=give_up)


def _in_jump(acquisition: Acquisition, goal: ScoreGoal, full_from: int) -> bool:
    """True if the target is most likely between the scores below `full_from` and those above."""
    halved = [one for one in acquisition.seen if one.quality < full_from]
    full = [one for one in acquisition.seen if one.quality >= full_from]
    worst, finest = goal.good_values
    # Without a finest value, no score is too good.
    if finest is None or (halved and goal.side(halved) != 1) or (full and goal.side(full) != -1):
        return False
    tried = {one.quality for one in acquisition.seen}
    poor = full_from - 1 in tried or acquisition.chance_of(worst, full_from - 1) < _UNLIKELY
    return poor and (full_from in tried or acquisition.chance_of(finest, full_from) > 1 - _UNLIKELY)


def _moved(belief: Gaussian, usual: Encoder, other: Encoder, metric: Metric) -> Gaussian:
    """The belief about the curve of another encoder, from one about that of the usual one."""
    for key in other.learned_offsets:
        offset = None if key in usual.learned_offsets else load_offset(key, metric.name)
        belief = belief if offset is None else offset.added_to(belief)
    return belief


def jumps_at(
    encoder: Encoder, session: Session, metric: Metric, resolved: ResolvedTarget
) -> int | None:
    """The quality where the score of an encoder's files may jump; None if the chroma stays.

    A limit on bytes keeps the usual chroma: full chroma takes more bytes at the same quality.
    """
    grey = session.pixels.bands < 3
    full_from = encoder.whole_chroma_from(grey=grey)
    in_range = full_from is not None and resolved.min_quality < full_from <= resolved.max_quality
    may_change = session.may_change_chroma and resolved.limits.max_bytes is None
    return full_from if in_range and may_change and metric.sees_color and not grey else None
