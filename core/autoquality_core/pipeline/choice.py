"""Chooses among candidates: searches the most promising one, and others only if they may win.

Beliefs about the bytes of all candidates (`priors.formats`) say which one to search first. Each
file that is made then updates them. A candidate whose expected gain over the best answer so far is
below a stated risk is left out, or given up in the middle of its search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from autoquality_core.formats import Encoder
from autoquality_core.images import Metadata
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.candidates import Candidate
from autoquality_core.pipeline.methods import Answer, MethodHandler
from autoquality_core.pipeline.session import Session
from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Method, Outcome, ResolvedTarget

RISK_BYTES = 0.015
"""The expected share of the bytes that is not worth the search of another candidate."""

LOSSLESS_PROBES = 2.0
"""How many probes a lossless file costs where it may win: its promise must be so much greater."""

LEAST_RISE = 0.4
"""The least rise of log bytes with the value of a score (-log (100 - score)) of almost all images.
"""

RISK_POINTS = 0.8
"""As `RISK_BYTES`, in points of SSIMULACRA2, for a byte budget."""

EQUAL_POINTS = 0.5
"""Points of SSIMULACRA2 by which a score may miss the target in any case when formats compete. No
viewer sees them, and the nearest qualities of two formats differ by as much."""

TYPICAL_SCORE = 70.0
"""The score at which chroma is chosen for methods that know no SSIMULACRA2."""

_ALPHA_DOUBT, _MOTION_DOUBT = 0.3, 0.6
"""Standard deviations of log bytes for what the features of one opaque frame do not show."""

_MISSED = frozenset(
    {
        *(Outcome.MAX_QUALITY_REACHED, Outcome.DEADLINE_REACHED),
        *(Outcome.MAX_BYTES_REACHED, Outcome.LIMITS_CONFLICT),
    }
)


@dataclass(slots=True, eq=False)
class Entry:
    """A candidate in a choice, with its session and method; `answer` is set once it was searched.

    `encoder` is the one that the method uses. `given_up` says that its search ended early, because
    it was unlikely to win, `paused` that it was interrupted once for a better one, and `late` that
    there was no time for it. `cap` is the quality of the source if it limits that of the answer.
    """

    candidate: Candidate
    encoder: Encoder
    session: Session
    handler: MethodHandler
    resolved: ResolvedTarget
    cap: int | None = None
    metadata: Metadata = field(init=False)
    """Before a search dropped any."""
    answer: Answer | None = None
    given_up: bool = False
    paused: bool = False
    late: bool = False
    learned: set[int] = field(default_factory=set)
    """The probes that the beliefs were updated by."""

    def __post_init__(self) -> None:
        self.metadata = self.session.metadata

    @property
    def found(self) -> Answer:
        """The answer. Raises ValueError if the entry was not searched."""
        if self.answer is None:
            raise ValueError(f"{self.encoder.name} was not searched")
        return self.answer

    @property
    def quality(self) -> int:
        """The quality of the answer; 0 for an encoder without one."""
        return self.found.quality

    @property
    def size(self) -> int:
        """The bytes of the answer."""
        return self.session.size(self.quality)

    def most_bytes(self, target: float) -> float:
        """The most bytes for a score, from the probes that look better; infinite without any."""
        value = SSIMULACRA2.value(target)
        return min(
            (
                probe.size_bytes * math.exp(-LEAST_RISE * (SSIMULACRA2.value(score) - value))
                for probe in self.session.probes
                if (score := probe.scores.get(SSIMULACRA2.name, -math.inf)) >= target
            ),
            default=math.inf,
        )

    @property
    def at_most(self) -> bool:
        """Whether the answer has the highest quality that is allowed."""
        lossy = self.answer is not None and self.encoder.takes_quality
        return lossy and self.quality >= self.resolved.max_quality

    @property
    def over(self) -> bool:
        """Whether the answer has more bytes than a limit allows."""
        most = self.resolved.limits.max_bytes
        return most is not None and self.size > most

    @property
    def score(self) -> float | None:
        """The SSIMULACRA2 of the answer; None if it was not measured."""
        if self.encoder.lossless:
            return SSIMULACRA2.high
        return self.session.scores(self.quality).get(SSIMULACRA2.name)


def looks_alike(entry: Entry, candidate: Candidate) -> bool:
    """Whether the pixels of both show the same picture."""
    ours, theirs = entry.candidate.pixels, candidate.pixels
    return ours.bands == theirs.bands and ours.profile == theirs.profile


class Objective(Protocol):
    """What makes an answer better than another."""

    @property
    def needs_score(self) -> bool:
        """Whether answers are compared by a score that their method does not measure."""

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        """The expected result of a candidate; lower is better."""

    def may_start_with(self, entry: Entry) -> bool:
        """Whether an entry may be searched before any other."""

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        """The expected gain over the best answer so far, in units of the risk."""

    def best(self, searched: Sequence[Entry]) -> Entry:
        """The entry with the best answer."""

    def met(self, entry: Entry) -> bool:
        """Whether an answer meets the target."""


@dataclass(frozen=True, slots=True)
class FewestBytes:
    """The fewest bytes among the answers that look good enough; without any, the best-looking.

    `target` and `error` are scores of SSIMULACRA2; None if the method has another metric.
    """

    target: float | None = None
    error: float = 0.0
    needs_score: ClassVar[bool] = False

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        target = TYPICAL_SCORE if self.target is None else self.target
        expected = beliefs.bytes_at(entry.encoder, target) + entry.session.metadata.size
        return min(expected, entry.most_bytes(target))

    def may_start_with(self, entry: Entry) -> bool:
        # What a lossless file saves is known only when a lossy one exists: the beliefs do not know
        # which scores an encoder reaches.
        return not entry.candidate.optional

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        optional = entry.candidate.optional
        if not self.met(best) and not optional:
            return self._improvement(entry, beliefs, best)
        target = TYPICAL_SCORE if self.target is None else self.target
        if entry.most_bytes(target) <= best.size:
            return math.inf
        room = best.size - entry.session.metadata.size
        saving = beliefs.saving(entry.encoder, target, room) / RISK_BYTES
        return saving / LOSSLESS_PROBES if optional else saving

    def best(self, searched: Sequence[Entry]) -> Entry:
        # An optional file is there to save bytes. That of a photograph is several times as large,
        # so it does not win because every lossy file misses the target.
        best = min((one for one in searched if not one.candidate.optional), key=self._rank)
        optional = (one for one in searched if one.candidate.optional)
        return min((best, *optional), key=lambda one: one.size)

    def _rank(self, entry: Entry) -> tuple[float, ...]:
        if self.met(entry):
            return 0, entry.size
        return 1, entry.over, -(entry.score or 0.0), entry.size

    def met(self, entry: Entry) -> bool:
        if entry.found.outcome in _MISSED or entry.over:
            return False
        if self.target is None or entry.score is None:
            return True
        return entry.score >= self.target - max(self.error, EQUAL_POINTS)

    def _improvement(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        """The promise of an entry while no answer meets the target."""
        most = entry.resolved.limits.max_bytes
        if most is None or best.score is None:
            return math.inf
        room = max(1, most - entry.session.metadata.size)
        return beliefs.gain(entry.encoder, room, best.score) / RISK_POINTS


@dataclass(frozen=True, slots=True)
class BestScore:
    """The best score among the answers within a byte budget; without any, the smallest file.

    Without `needs_score`, all but one of the entries are lossless, and win if they fit.
    """

    budget: float
    needs_score: bool

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        return -self._predicted(entry, beliefs)

    def may_start_with(self, entry: Entry) -> bool:
        # Whether a lossless file is wanted depends on the quality of the lossy one.
        return not entry.candidate.optional

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        optional = entry.candidate.optional
        if not self.met(best) and not optional:
            return math.inf
        room = self._room(entry)
        if optional and best.at_most:
            room = min(room, max(1.0, best.size - entry.session.metadata.size))
        score = best.score if self.met(best) else 0.0
        if score is None:
            score = self._predicted(best, beliefs)
        return beliefs.gain(entry.encoder, room, score) / RISK_POINTS

    def best(self, searched: Sequence[Entry]) -> Entry:
        # Where a lossy file has the highest quality that is allowed, a better one is not wanted.
        most = min((one.size for one in searched if one.at_most), default=math.inf)

        def rank(entry: Entry) -> tuple[float, ...]:
            if not self.met(entry):
                return 2, entry.size
            if entry.candidate.optional and entry.size > most:
                return 1, entry.size
            return 0, -(entry.score or 0.0)

        return min(searched, key=rank)

    def met(self, entry: Entry) -> bool:
        return entry.size <= self.budget

    def _predicted(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        return beliefs.score_at(entry.encoder, self._room(entry))[0]

    def _room(self, entry: Entry) -> float:
        return max(1.0, self.budget - entry.session.metadata.size)


def objective_of(entries: Sequence[Entry]) -> Objective:
    """What the method asks for when entries compete."""
    resolved = entries[0].resolved
    if resolved.method is Method.SIZE:
        lossy = [one for one in entries if not one.encoder.lossless]
        most = resolved.limits.max_bytes
        budget = resolved.target if most is None else min(resolved.target, most)
        return BestScore(budget, needs_score=len(lossy) > 1)
    if resolved.metric == SSIMULACRA2.name:
        return FewestBytes(resolved.target, resolved.allowed_error)
    return FewestBytes()


def beliefs_about(entries: Sequence[Entry]) -> SizeBeliefs:
    """What the features of the image say about the bytes of each entry."""
    session = entries[0].session
    doubt = _ALPHA_DOUBT if session.pixels.has_alpha else 0.0
    doubt = max(doubt, _MOTION_DOUBT) if session.pixels.frames > 1 else doubt
    features = all_features(session.pixels, session.all_features)
    return SizeBeliefs([one.encoder for one in entries], session.pixel_count, features, doubt=doubt)


def choose(
    entries: Sequence[Entry], objective: Objective, beliefs: SizeBeliefs
) -> tuple[Entry, list[Entry]]:
    """Search entries until no other is likely to win.

    Returns the one with the best answer, and those with probes, in the order of their first one.
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
            entry.late = bool(tried) and not entry.session.may_start_after(tried[-1].session)
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
    return best, tried


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
        first = [one for one in waiting if objective.may_start_with(one)] or waiting
        return min(first, key=expected.__getitem__)
    promises = {one: objective.promise(one, beliefs, best) for one in waiting}
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

    It is given up once it is unlikely to beat the best answer. Without any answer, it pauses when
    its first file shows that another entry is better. A paused search can be continued: it encodes
    nothing again.
    """
    session = entry.session
    before = len(session.probes)

    def stop() -> bool:
        nonlocal before
        if len(session.probes) == before:
            return False  # the search repeats what it knows
        before = len(session.probes)
        if objective.needs_score:
            session.measure(session.probes[-1].quality, SSIMULACRA2)
        _learn(entry, beliefs)
        if best is not None:
            entry.given_up = objective.promise(entry, beliefs, best) < 1
            return entry.given_up
        ours = objective.expected(entry, beliefs)
        others = [one for one in waiting if one is not entry and objective.may_start_with(one)]
        better = any(objective.expected(one, beliefs) < ours for one in others)
        entry.paused = better and not entry.paused
        return entry.paused

    session.encoder = entry.candidate.encoder
    session.use_metadata(entry.metadata)
    was_paused = entry.paused
    session.stop_when(stop)
    answer = entry.handler.run(session, entry.resolved)
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
    for at, probe in enumerate(session.probes):
        score = probe.scores.get(SSIMULACRA2.name, unmeasured)
        if score is not None and at not in entry.learned:
            beliefs.observe(entry.encoder, probe.size_bytes - session.metadata.size, score)
            entry.learned.add(at)
