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

RISK_BYTES = 0.005
"""The expected share of the bytes that is not worth the search of another candidate."""

RISK_POINTS = 0.2
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
    it was unlikely to win, and `late` that there was no time for it.
    """

    candidate: Candidate
    encoder: Encoder
    session: Session
    handler: MethodHandler
    resolved: ResolvedTarget
    metadata: Metadata = field(init=False)
    """Before a search dropped any."""
    answer: Answer | None = None
    given_up: bool = False
    late: bool = False

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

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        """The expected gain over the best answer so far, in units of the risk."""

    def rank(self, entry: Entry) -> tuple[float, ...]:
        """The rank of an answer; lower is better."""

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
        return beliefs.bytes_at(entry.encoder, target) + entry.session.metadata.size

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        if not self.met(best):
            return self._improvement(entry, beliefs, best)
        target = TYPICAL_SCORE if self.target is None else self.target
        room = best.size - entry.session.metadata.size
        return beliefs.saving(entry.encoder, target, room) / RISK_BYTES

    def rank(self, entry: Entry) -> tuple[float, ...]:
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

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        if not self.met(best):
            return math.inf
        score = best.score
        if score is None:
            score = self._predicted(best, beliefs)
        return beliefs.gain(entry.encoder, self._room(entry), score) / RISK_POINTS

    def rank(self, entry: Entry) -> tuple[float, ...]:
        return (0, -(entry.score or 0.0)) if self.met(entry) else (1, entry.size)

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

    Returns the one with the best answer, and those that were searched, in order. Raises
    DeadlinePassed and RequestCancelled.
    """
    waiting, searched = _in_time(entries), list[Entry]()
    best: Entry | None = None
    while waiting:
        expected = {one: objective.expected(one, beliefs) for one in waiting}
        entry = min(waiting, key=expected.__getitem__)
        if best is not None:
            promises = {one: objective.promise(one, beliefs, best) for one in waiting}
            entry = max(waiting, key=lambda one: (promises[one], -expected[one]))
            if promises[entry] < 1:
                break
        waiting.remove(entry)
        if best is not None and not entry.session.may_start_after(best.session):
            entry.late = True
            continue
        searched.append(entry)
        _search(entry, objective, beliefs, best)
        if best is None or objective.rank(entry) < objective.rank(best):
            best = entry
    if best is None:
        raise ValueError("no candidates")
    return best, searched


def _in_time(entries: Sequence[Entry]) -> list[Entry]:
    """The entries that the deadline leaves time for, at least the fastest one."""
    fastest = min(entries, key=lambda one: one.encoder.probe_seconds_per_pixel)
    kept = [one for one in entries if one is fastest or one.session.may_start()]
    for one in entries:
        one.late = one not in kept
    return kept


def _search(entry: Entry, objective: Objective, beliefs: SizeBeliefs, best: Entry | None) -> None:
    """Search one entry, and give it up once it is unlikely to win."""
    session = entry.session
    learned: set[int] = set()

    def learn() -> None:
        for at, probe in enumerate(session.probes):
            score = probe.scores.get(SSIMULACRA2.name)
            if score is not None and at not in learned:
                beliefs.observe(entry.encoder, probe.size_bytes - session.metadata.size, score)
                learned.add(at)

    def hopeless() -> bool:
        if best is None:
            return False
        if objective.needs_score:
            session.measure(session.probes[-1].quality, SSIMULACRA2)
        learn()
        entry.given_up = objective.promise(entry, beliefs, best) < 1
        return entry.given_up

    session.stop_when(hopeless)
    entry.answer = entry.handler.run(session, entry.resolved)
    session.stop_when(None)
    if objective.needs_score and not entry.given_up and not entry.encoder.lossless:
        session.measure(entry.quality, SSIMULACRA2)
    learn()
