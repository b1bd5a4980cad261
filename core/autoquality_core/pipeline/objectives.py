"""What makes one answer better than another: the fewest bytes, or the best score in a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.entry import Entry
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Chroma, Method, Outcome

RISK_BYTES = 0.015
"""The expected share of the bytes that is not worth the search of another candidate."""

RISK_POINTS = 0.8
"""As `RISK_BYTES`, in points of SSIMULACRA2, for a byte budget."""

LOSSLESS_PROBES = 2.0
"""How many probes a lossless file costs where it may win: its promise must be so much greater."""

NEAR_LOSSLESS_FILES = 2
"""How many levels a search of near-lossless files tries on average."""

EQUAL_POINTS = 0.5
"""A score may miss the target by so many points of SSIMULACRA2 in any case when formats compete,
because the nearest qualities of two formats differ by as much."""

TYPICAL_SCORE = 70.0
"""The score at which chroma is chosen for methods that know no SSIMULACRA2."""

MISSED = frozenset(
    {
        *(Outcome.MAX_QUALITY_REACHED, Outcome.DEADLINE_REACHED),
        *(Outcome.MAX_BYTES_REACHED, Outcome.LIMITS_CONFLICT),
    }
)
"""Outcomes of a search for a score whose answer misses the target or a limit."""


class Objective(Protocol):
    """What makes an answer better than another."""

    @property
    def needs_score(self) -> bool:
        """Whether answers are compared by a score that their method does not measure."""

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        """The expected result of a candidate; lower is better."""

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
        expected = min(beliefs.bytes_at(one, target) for one in entry.encoders)
        return min(expected + entry.session.metadata.size, entry.most_bytes(target))

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        optional = entry.candidate.optional
        if not self.met(best) and not optional:
            return self._improvement(entry, beliefs, best)
        target = TYPICAL_SCORE if self.target is None else self.target
        if entry.most_bytes(target) <= best.size or _may_lie_in_a_jump(best, entry):
            return math.inf
        room = best.size - _metadata_bytes(entry, best)
        saving = max(beliefs.saving(one, target, room) for one in entry.encoders) / RISK_BYTES
        if not optional:
            return saving
        files = 1 if entry.encoder.near_lossless is None else NEAR_LOSSLESS_FILES
        return saving / (LOSSLESS_PROBES * files)

    def best(self, searched: Sequence[Entry]) -> Entry:
        # An optional file must save bytes. It does not win just because every lossy file misses
        # the target: for a photograph, it is several times as large.
        best = min((one for one in searched if not one.candidate.optional), key=self._rank)
        optional = (
            one for one in searched if one.candidate.optional and one.found.outcome not in MISSED
        )
        return min((best, *optional), key=lambda one: one.size)

    def _rank(self, entry: Entry) -> tuple[float, ...]:
        if self.met(entry):
            return 0, entry.size
        return 1, entry.size if entry.over else 0, -(entry.score or 0.0), entry.size

    def met(self, entry: Entry) -> bool:
        if entry.found.outcome in MISSED or entry.over:
            return False
        if self.target is None or entry.score is None:
            return True
        return entry.score >= self.target - max(self.error, EQUAL_POINTS)

    def _improvement(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        """The promise of an entry while no answer meets the target."""
        most = entry.resolved.limits.max_bytes
        if most is None or best.score is None or best.over:
            return math.inf
        room = max(1, most - _metadata_bytes(entry, best))
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
        optional = entry.candidate.optional
        if not self.met(best) and not optional:
            return math.inf
        metadata = _metadata_bytes(entry, best)
        room = max(self._room(entry), self.budget - metadata)
        if optional and best.at_most:
            room = min(room, max(1.0, best.size - metadata))
        score = best.score if self.met(best) else 0.0
        if score is None:
            score = self._predicted(best, beliefs)
        return beliefs.gain(entry.encoder, room, score) / RISK_POINTS

    def best(self, searched: Sequence[Entry]) -> Entry:
        # A caller who limits the quality wants no larger file than at that limit.
        most = min((one.size for one in searched if one.at_most), default=math.inf)

        def rank(entry: Entry) -> tuple[float, ...]:
            if not self.met(entry):
                return 2, entry.size
            if entry.candidate.optional and entry.size > most:
                return 1, entry.size
            return 0, -(entry.score or 0.0), entry.size

        best = min(searched, key=rank)
        # That is no reason for a file that is even larger and looks no better.
        looks = best.score or 0.0
        as_good = (one for one in searched if self.met(one) and (one.score or 0.0) >= looks)
        return min((best, *as_good), key=lambda one: one.size)

    def met(self, entry: Entry) -> bool:
        return entry.size <= self.budget

    def _predicted(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        return beliefs.score_at(entry.encoder, self._room(entry))[0]

    def _room(self, entry: Entry) -> float:
        choices = entry.session.metadata.choices()
        return next(self.budget - one.size for one in choices if one.size < self.budget or not one)


def _may_lie_in_a_jump(best: Entry, entry: Entry) -> bool:
    """Whether full chroma may meet a target that chroma by quality has no file for.

    The score of an image with fine colours jumps where its chroma becomes full.
    """
    ours, theirs = entry.encoder, best.encoder
    jumps = ours.chroma is Chroma.FULL and ours.format is theirs.format
    return jumps and best.found.outcome is Outcome.NEAREST_QUALITY


def _metadata_bytes(entry: Entry, best: Entry) -> int:
    """The bytes of metadata of an entry whose file must beat the best answer so far."""
    return min(entry.session.metadata.size, entry.metadata_as_in(best).size)


def objective_of(entries: Sequence[Entry]) -> Objective:
    """The objective of the method when entries compete."""
    resolved = entries[0].resolved
    if resolved.method is Method.SIZE:
        lossy = [one for one in entries if not one.encoder.lossless]
        return BestScore(resolved.budget, needs_score=len(lossy) > 1)
    if resolved.metric == SSIMULACRA2.name:
        return FewestBytes(resolved.target, resolved.allowed_error)
    return FewestBytes()
