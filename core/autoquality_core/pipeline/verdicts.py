"""Decides among candidates, and says what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.candidates import LeftOut
from autoquality_core.pipeline.choice import beliefs_about, choose
from autoquality_core.pipeline.defaults import compares_formats
from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.job import Considered
from autoquality_core.pipeline.objectives import BestScore, Objective, objective_of
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Method, Verdict


def decided(
    entries: Sequence[Entry], left_out: Sequence[LeftOut]
) -> tuple[Entry, list[Entry], list[Considered]]:
    """The entry with the best answer, those that were searched, and what became of each.

    The last list is empty if there was only one candidate. Raises DeadlinePassed and
    RequestCancelled.
    """
    entries = _without_search(entries)
    if len(entries) == 1 and not left_out:
        entries[0].answer = entries[0].handler.run(entries[0].session, entries[0].resolved)
        return entries[0], [entries[0]], []
    objective, beliefs = objective_of(entries), beliefs_about(entries)
    best, searched = choose(entries, objective, beliefs)
    metric = METRICS.get(best.resolved.metric or "")
    if metric is not None and best.encoder.lossless:
        best.session.measure(best.quality, metric)
    considered = [_considered(one, best, objective, beliefs) for one in entries]
    considered += [Considered(one.format, Verdict.CANNOT_HOLD_IMAGE, one.why) for one in left_out]
    return best, searched, considered


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
    encoder = entry.session.encoder
    about = Considered(
        *(encoder.format, Verdict.NO_TIME, f"no time was left for {encoder.name}"),
        chroma=encoder.chroma,
        lossless=encoder.lossless,
    )
    if entry.answer is not None and not entry.given_up:
        verdict, message = _reached(entry, best, objective)
        return replace(
            about,
            verdict=verdict,
            message=message,
            quality=entry.quality or None,
            size_bytes=entry.size,
            score=entry.score,
        )
    if not entry.late:
        made = len(entry.session.probes)
        tried = f"given up after {made} encoding{'s' * (made > 1)}" if made else "not tried"
        about = replace(about, message=f"unlikely to win: {tried}")
    expected = objective.expected(entry, beliefs)
    if isinstance(objective, BestScore):
        about = replace(about, score=round(-expected, 1), predicted=True)
        verdict = Verdict.PREDICTED_WORSE
    else:
        about = replace(about, size_bytes=round(expected), predicted=True)
        verdict = Verdict.PREDICTED_LARGER
    return about if entry.late else replace(about, verdict=verdict)


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
    if by_size == met:
        return Verdict.LOOKS_WORSE, f"score {_score(entry)} instead of {_score(best)}"
    return Verdict.LARGER, f"{entry.size - best.size} bytes more"


def _score(entry: Entry) -> str:
    return "unknown" if entry.score is None else f"{entry.score:.1f}"
