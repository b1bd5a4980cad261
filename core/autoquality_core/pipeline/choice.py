"""Chooses among candidates: searches the most promising one, and others only if they may win.

Beliefs about the bytes of all candidates (`priors.formats`) say which one to search first. Each
file that is made then updates them. A candidate whose expected gain over the best answer so far is
below a stated risk (`objectives`) is left out, or given up in the middle of its search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.objectives import Objective
from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Outcome

_SMALLER = 0.93
"""If a file with full chroma is expected to have less than this share of the bytes of one with
halved chroma at the same score, the score is expected to be inside the jump."""

_ALPHA_DOUBT, _MOTION_DOUBT = 0.3, 0.6
"""Standard deviations of log bytes for what the features of one opaque frame do not show."""


def beliefs_about(entries: Sequence[Entry]) -> SizeBeliefs:
    """The beliefs about the bytes of each entry, from the features of the image."""
    session = entries[0].session
    doubt = _ALPHA_DOUBT if session.pixels.has_alpha else 0.0
    doubt = max(doubt, _MOTION_DOUBT) if session.pixels.frames > 1 else doubt
    features = all_features(session.pixels, session.all_features)
    encoders = [encoder for one in entries for encoder in one.encoders]
    return SizeBeliefs(encoders, session.pixel_count, features, doubt=doubt)


def choose(
    entries: Sequence[Entry], objective: Objective, beliefs: SizeBeliefs
) -> tuple[Entry, list[Entry]]:
    """Search entries until no other is likely to win.

    Returns the entry with the best answer, and all entries with probes, by their first probe.
    Raises DeadlinePassed and RequestCancelled.
    """
    waiting = _in_time(entries)
    tried, done = list[Entry](), list[Entry]()
    best: Entry | None = None
    while waiting:
        entry = _most_promising(waiting, best, objective, beliefs)
        if entry is None:
            break
        if entry not in tried:
            entry.late = bool(tried) and not entry.session.may_start_after(
                tried[-1].session, beliefs.bytes_at(entry.encoder, 100.0)
            )
            if entry.late:
                waiting.remove(entry)
                continue
            tried.append(entry)
        _search(entry, waiting, best, objective, beliefs)
        if entry.answer is not None:
            done.append(entry)
            best = objective.best(done)
        if entry.answer is not None or entry.given_up:
            waiting.remove(entry)
    if best is None:
        raise ValueError("no candidates")
    # Files without a quality keep all metadata until now: that of another may fit with it.
    fits = best.size <= best.resolved.budget
    for entry in done:
        entry.give_up_metadata(best if fits else None)
    best = objective.best(done)
    if best.candidate.optional and best.size > best.resolved.budget:
        best = _over_budget(best, entries, tried, objective, beliefs)
    return best, tried


def _over_budget(
    lossless: Entry,
    entries: Sequence[Entry],
    tried: list[Entry],
    objective: Objective,
    beliefs: SizeBeliefs,
) -> Entry:
    """The best entry, given a lossless one that is the best so far and over the byte budget.

    The lossy entry of its format is searched to the end, to prove that no quality fits.
    """
    fmt = lossless.encoder.format
    lossy = [one for one in entries if one.encoder.format is fmt and one.encoder.takes_quality]
    usual = min(lossy, key=lambda one: one.answer is None)
    if usual.answer is None and usual.session.may_start():
        usual.given_up = False
        _search(usual, (), None, objective, beliefs)
        if usual not in tried:
            tried.append(usual)
    outcome = Outcome.LIMITS_CONFLICT if lossless.over else Outcome.MIN_QUALITY_REACHED
    if usual.answer is None or usual.answer.outcome is Outcome.DEADLINE_REACHED:
        outcome = Outcome.DEADLINE_REACHED
    if usual.answer is not None:
        if objective.best([lossless, usual]) is usual:
            return usual
        lossless.instead_of = usual
    lossless.answer = replace(lossless.found, outcome=outcome)
    return lossless


def _in_time(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that the deadline leaves time for, at least the fastest one."""
    fastest = min(entries, key=lambda one: one.encoder.probe_seconds_per_pixel)
    kept = [one for one in entries if one is fastest or one.session.may_start()]
    for one in entries:
        one.late = one not in kept
    return kept


def _most_promising(
    waiting: Sequence[Entry], best: Entry | None, objective: Objective, beliefs: SizeBeliefs
) -> Entry | None:
    """The entry to search next; None if no entry is likely to beat the best answer so far."""
    expected = {one: objective.expected(one, beliefs) for one in waiting}
    if best is None:
        # Only a lossy file shows the savings of a lossless one, or whether it is worth its bytes.
        # The beliefs do not include the best score that an encoder can reach.
        first = [one for one in waiting if not one.candidate.optional] or waiting
        # Of lossless files that fit a budget, none is expected to look better.
        return min(first, key=lambda one: (expected[one], beliefs.bytes_at(one.encoder, 100.0)))
    promises = {one: objective.promise(one, beliefs, best) for one in waiting}
    if any(one.encoder.lossless and promises[one] >= 1 for one in waiting):
        # It costs less than near-lossless files, and says most about them.
        waiting = [one for one in waiting if one.encoder.near_lossless is None]
    entry = max(waiting, key=lambda one: (promises[one], -expected[one]))
    return entry if promises[entry] >= 1 else None


def _search(
    entry: Entry,
    waiting: Sequence[Entry],
    best: Entry | None,
    objective: Objective,
    beliefs: SizeBeliefs,
) -> None:
    """Search one entry, and set its answer unless the search ends early.

    It is given up once it is unlikely to beat the best answer. Without any answer, it pauses once,
    when a file shows that another entry is better. A paused search can be continued: it encodes
    nothing again.
    """
    session = entry.session
    before = len(session.probes)
    was_paused = entry.paused

    def stop() -> bool:
        nonlocal before
        if entry.given_up or (entry.paused and not was_paused):
            return True  # a search within a budget consists of several
        if len(session.probes) == before:
            return False  # the search repeats a known quality
        before = len(session.probes)
        if objective.needs_score:
            session.measure_latest(SSIMULACRA2)
        _learn(entry, beliefs)
        if best is not None:
            entry.given_up = objective.promise(entry, beliefs, best) < 1
            return entry.given_up
        if was_paused:
            return False
        ours = objective.expected(entry, beliefs)
        others = [one for one in waiting if one is not entry and not one.candidate.optional]
        entry.paused = any(objective.expected(one, beliefs) < ours for one in others)
        return entry.paused

    session.encoder = entry.candidate.encoder
    session.use_metadata(entry.metadata)
    session.stop_when(stop)
    answer = entry.handler(session, entry.resolved)
    session.stop_when(None)
    if entry.given_up or (entry.paused and not was_paused):
        return
    entry.answer = answer
    if objective.needs_score and not entry.encoder.lossless:
        session.measure(entry.quality, SSIMULACRA2)
    _learn(entry, beliefs)


def _learn(entry: Entry, beliefs: SizeBeliefs) -> None:
    """Update the beliefs by the probes of an entry that were measured since the last call."""
    session = entry.session
    trusted = entry.answer is not None and entry.answer.outcome is Outcome.PREDICTION_TRUSTED
    by_score = entry.resolved.metric == SSIMULACRA2.name
    unmeasured = entry.resolved.target if trusted and by_score else None
    in_jump = _expects_jump(entry, beliefs)
    for at, probe in enumerate(session.probes):
        score = probe.scores.get(SSIMULACRA2.name, unmeasured)
        if score is not None and at not in entry.learned:
            encoder = next(one for one in entry.encoders if one.chroma is probe.chroma)
            if in_jump and encoder == entry.encoder:
                continue  # halved chroma does not predict the bytes of the answer
            beliefs.observe(encoder, probe.size_bytes - session.metadata.size, score)
            entry.learned.add(at)


def _expects_jump(entry: Entry, beliefs: SizeBeliefs) -> bool:
    """True if full chroma is expected to be so much smaller that the target is inside a jump."""
    usual, *full = entry.encoders
    target = entry.resolved.target
    limit = _SMALLER * beliefs.bytes_at(usual, target) if full else 0.0
    return any(beliefs.bytes_at(one, target) < limit for one in full)
