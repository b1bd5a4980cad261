"""Decides among candidates, and says what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from autoquality_core.metrics import METRICS, SSIMULACRA2
from autoquality_core.pipeline.choice import beliefs_about, choose
from autoquality_core.pipeline.defaults import compares_formats
from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.job import Considered, EncodeResult
from autoquality_core.pipeline.objectives import MISSED, BestScore, Objective, objective_of
from autoquality_core.pipeline.shrinking import Final
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Method, Verdict

_MOST_PER_PIXEL, _MOST_OVERHEAD = 16, 4096
"""Bytes that no file exceeds: four times as many as the samples have, and headers."""


def decided(
    entries: Sequence[Entry], left_out: Sequence[Considered]
) -> tuple[Entry, list[Entry], list[Considered]]:
    """The entry with the best answer, those that were searched, and what became of each.

    The last list is empty if there was only one candidate. Raises DeadlinePassed and
    RequestCancelled.
    """
    entries = _without_search(entries)
    if len(entries) == 1 and not left_out:
        entries[0].answer = entries[0].handler(entries[0].session, entries[0].resolved)
        entries[0].give_up_metadata()
        return entries[0], [entries[0]], []
    objective, beliefs = objective_of(entries), beliefs_about(entries)
    best, searched = choose(entries, objective, beliefs)
    metric = METRICS.get(best.resolved.metric or "")
    if metric is not None and best.encoder.lossless:
        best.session.measure(best.quality, metric)
    considered = [_considered(one, best, objective, beliefs) for one in entries]
    return best, searched, [*considered, *left_out]


def reduced(considered: Sequence[Considered], chosen: Entry, final: Final) -> list[Considered]:
    """The same where the answer is `final`, a smaller image of an entry."""
    encoder, quality = chosen.session.encoder, final.answer.quality
    ours = encoder.format, encoder.chroma, encoder.lossless, encoder.near_lossless
    found = list[Considered]()
    for one in considered:
        if (one.format, one.chroma, one.lossless, one.near_lossless) == ours:
            known = replace(
                one,
                verdict=Verdict.CHOSEN,
                message="fits the budget with fewer pixels",
                quality=quality or None,
                size_bytes=final.session.size(quality),
                score=final.session.scores(quality).get(SSIMULACRA2.name),
            )
        elif one.verdict is Verdict.CHOSEN:
            message = "misses the target, and was not reduced"
            known = replace(one, verdict=Verdict.MISSES_TARGET, message=message)
        else:
            known = one
        found.append(known)
    return found


def not_tried(entries: Sequence[Entry], left_out: Sequence[Considered]) -> Iterator[Considered]:
    """What became of the entries where the source, in a byte budget, is the answer at once."""
    if len(entries) == 1 and not left_out:
        return
    message = "not tried: no file looks better than the source"
    worse, larger = Verdict.PREDICTED_WORSE, Verdict.PREDICTED_LARGER
    for one in entries:
        verdict = larger if one.encoder.lossless else worse
        yield _made_by(one)(verdict, message, predicted=True)
    yield from left_out


def with_source_kept(
    considered: Sequence[Considered], size: int, result: EncodeResult
) -> Iterator[Considered]:
    """The same where the answer is the source, of `size` bytes, in place of `result`."""
    missed = result.outcome in MISSED and result.applied.method is not Method.SIZE
    over = size > result.applied.budget
    for one in considered:
        if one.verdict not in (Verdict.CHOSEN, Verdict.LARGER, Verdict.LOOKS_WORSE):
            yield one
            continue
        more = (one.size_bytes or 0) - size
        verdict, message = Verdict.LARGER, f"{more} bytes more than the source"
        if more == 0:
            message = "not smaller than the source"
        misses = (missed and not one.lossless) or size + more > result.applied.budget
        if misses and not over:
            verdict = Verdict.MISSES_TARGET
            message = "misses the target or a limit, which the source does not"
        elif more < 0:
            verdict, message = Verdict.LOOKS_WORSE, "looks worse than the source"
        yield replace(one, verdict=verdict, message=message)


def _without_search(entries: Sequence[Entry]) -> Sequence[Entry]:
    """The entries that a method can compare.

    Without SSIMULACRA2, nothing says which chroma looks better: the one with the fewest expected
    bytes at a typical score is taken. Without a search, lossless files do not count either.
    """
    resolved = entries[0].resolved
    if compares_formats(resolved.method, resolved.metric) or len(entries) == 1:
        return entries
    lossy = [one for one in entries if one.encoder.takes_quality]
    lossless = [one for one in entries if not one.encoder.takes_quality]
    if len(lossy) > 1:
        beliefs, objective = beliefs_about(lossy), objective_of(lossy)
        lossy = [min(lossy, key=lambda one: objective.expected(one, beliefs))]
    if resolved.method is Method.NONE and lossy:
        return lossy
    return [*lossy, *lossless]


def _considered(
    entry: Entry, best: Entry, objective: Objective, beliefs: SizeBeliefs
) -> Considered:
    """What became of an entry, with its answer or what was expected of it."""
    encoder, make = entry.session.encoder, _made_by(entry)
    if entry.answer is not None and not entry.given_up:
        verdict, message = _reached(entry, best, objective)
        quality = entry.quality or None
        return make(verdict, message, quality=quality, size_bytes=entry.size, score=entry.score)
    by_score = isinstance(objective, BestScore)
    verdict, message = Verdict.NO_TIME, f"no time was left for {encoder.name}"
    if not entry.late:
        made = len(entry.session.probes)
        tried = f"given up after {made} encoding{'s' * (made > 1)}" if made else "not tried"
        verdict = Verdict.PREDICTED_WORSE if by_score else Verdict.PREDICTED_LARGER
        message = f"unlikely to win: {tried}"
    expected = objective.expected(entry, beliefs)
    size, score = (None, round(-expected, 1)) if by_score else (_credible(expected, entry), None)
    return make(verdict, message, size_bytes=size, score=score, predicted=True)


def _credible(expected: float, entry: Entry) -> int | None:
    """An expected number of bytes; None if it is more than any file of so many pixels has."""
    most = _MOST_PER_PIXEL * entry.session.pixel_count + _MOST_OVERHEAD
    return round(expected) if expected <= most else None


def _made_by(entry: Entry) -> Callable[..., Considered]:
    """A constructor of `Considered` for an entry."""
    encoder = entry.session.encoder
    return partial(
        Considered,
        encoder.format,
        chroma=encoder.chroma,
        lossless=encoder.lossless,
        near_lossless=encoder.near_lossless,
    )


def _reached(entry: Entry, best: Entry, objective: Objective) -> tuple[Verdict, str]:
    """The verdict on an answer, and its reason for people."""
    by_size = isinstance(objective, BestScore)
    met = objective.met(entry)
    if entry is best and not met:
        return Verdict.CHOSEN, "nearest to the target, which no candidate meets"
    if entry is best:
        what = "best score within the budget" if by_size else "fewest bytes for the target"
        return Verdict.CHOSEN, what
    if objective.met(best) and not met:
        return Verdict.MISSES_TARGET, f"misses the target: {entry.found.outcome.value}"
    ours, theirs = entry.score, best.score
    as_good = ours is not None and (theirs is None or ours >= theirs)
    if by_size == met and not as_good:
        return Verdict.LOOKS_WORSE, f"score {_score(entry)} instead of {_score(best)}"
    return Verdict.LARGER, f"{entry.size - best.size} bytes more"


def _score(entry: Entry) -> str:
    return "unknown" if entry.score is None else f"{entry.score:.1f}"
