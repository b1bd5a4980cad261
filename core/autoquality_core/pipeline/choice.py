"""Chooses among candidates: searches the most promising one, and others only if they may win.

Beliefs about the bytes of all candidates (`priors.formats`) say which one to search first. Each
file that is made then updates them. A candidate whose expected gain over the best answer so far is
below a stated risk is left out, or given up in the middle of its search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoquality_core.formats import Encoder
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.methods import Answer
from autoquality_core.pipeline.session import Session
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.types import Outcome, ResolvedTarget

RISK_BYTES = 0.005
"""The expected share of the bytes that is not worth the search of another candidate."""

RISK_POINTS = 0.2
"""As `RISK_BYTES`, in points of SSIMULACRA2, for a byte budget."""

EQUAL_POINTS = 0.5
"""Points of SSIMULACRA2 by which a score may miss the target in any case when formats compete. No
viewer sees them, and the nearest qualities of two formats differ by as much."""

_MISSED = frozenset({Outcome.MAX_QUALITY_REACHED, Outcome.DEADLINE_REACHED})


@dataclass(slots=True, eq=False)
class Entry:
    """A candidate in a choice. `run` searches it; `answer` is set once that was done.

    `encoder` is the one that the session uses, or that its method will use.
    """

    encoder: Encoder
    session: Session
    resolved: ResolvedTarget
    run: Callable[[], Answer]
    answer: Answer | None = None
    given_up: bool = False

    @property
    def size(self) -> int:
        """The bytes of the answer."""
        return self.session.size(self._quality)

    @property
    def score(self) -> float | None:
        """The SSIMULACRA2 of the answer; None if it was not measured."""
        return self.session.scores(self._quality).get(SSIMULACRA2.name)

    @property
    def _quality(self) -> int:
        if self.answer is None:
            raise ValueError(f"{self.encoder.name} was not tried")
        return self.answer.quality


class Objective(Protocol):
    """What makes an answer better than another."""

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
    """The fewest bytes among the answers that look good enough; without any, the best-looking."""

    target: float
    error: float

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        return beliefs.bytes_at(entry.encoder, self.target) + entry.session.metadata.size

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        if not self.met(best):
            return math.inf
        room = best.size - entry.session.metadata.size
        return beliefs.saving(entry.encoder, self.target, room) / RISK_BYTES

    def rank(self, entry: Entry) -> tuple[float, ...]:
        if self.met(entry):
            return 0, entry.size
        return 1, -(entry.score or 0.0), entry.size

    def met(self, entry: Entry) -> bool:
        if entry.answer is None or entry.answer.outcome in _MISSED:
            return False
        least = self.target - max(self.error, EQUAL_POINTS)
        return entry.score is None or entry.score >= least


@dataclass(frozen=True, slots=True)
class BestScore:
    """The best score among the answers within a byte budget; without any, the smallest file."""

    budget: float

    def expected(self, entry: Entry, beliefs: SizeBeliefs) -> float:
        return -beliefs.score_at(entry.encoder, self._room(entry))[0]

    def promise(self, entry: Entry, beliefs: SizeBeliefs, best: Entry) -> float:
        if not self.met(best):
            return math.inf
        return beliefs.gain(entry.encoder, self._room(entry), best.score or 0.0) / RISK_POINTS

    def rank(self, entry: Entry) -> tuple[float, ...]:
        return (0, -(entry.score or 0.0)) if self.met(entry) else (1, entry.size)

    def met(self, entry: Entry) -> bool:
        return entry.size <= self.budget

    def _room(self, entry: Entry) -> float:
        return max(1.0, self.budget - entry.session.metadata.size)


def choose(entries: Sequence[Entry], objective: Objective, beliefs: SizeBeliefs) -> Entry:
    """Search entries until no other is likely to win; returns the one with the best answer."""
    best: Entry | None = None
    waiting = list(entries)
    while waiting:
        if best is None:
            entry = min(waiting, key=lambda one: objective.expected(one, beliefs))
        else:
            promises = [objective.promise(one, beliefs, best) for one in waiting]
            entry = waiting[promises.index(max(promises))]
            if max(promises) < 1:
                break
        waiting.remove(entry)
        _run(entry, objective, beliefs, best)
        if best is None or objective.rank(entry) < objective.rank(best):
            best = entry
    if best is None:
        raise ValueError("no candidates")
    return best


def _run(entry: Entry, objective: Objective, beliefs: SizeBeliefs, best: Entry | None) -> None:
    """Search one entry, and give it up once it is unlikely to win."""
    session, learned = entry.session, 0

    def learn() -> None:
        nonlocal learned
        for probe in session.probes[learned:]:
            score = probe.scores.get(SSIMULACRA2.name)
            if score is not None:
                beliefs.observe(entry.encoder, probe.size_bytes - session.metadata.size, score)
        learned = len(session.probes)

    def hopeless() -> bool:
        learn()
        entry.given_up = best is not None and objective.promise(entry, beliefs, best) < 1
        return entry.given_up

    session.stop_when(hopeless)
    entry.answer = entry.run()
    learn()
