"""A candidate in a choice: its session, its method and its answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from autoquality_core.formats import Encoder
from autoquality_core.images import NO_METADATA, Metadata
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.candidates import Candidate
from autoquality_core.pipeline.methods import Answer, MethodHandler, with_metadata_in
from autoquality_core.pipeline.methods.chroma import jumps_at
from autoquality_core.pipeline.session import Session
from autoquality_core.types import MAX_QUALITY, Chroma, Method, ResolvedTarget

LEAST_RISE = 0.4
"""The least rise of log bytes with the value of a score (-log (100 - score)) of almost all images.
"""


@dataclass(slots=True, eq=False)
class Entry:
    """A candidate in a choice, with its session and method; `answer` is set once it was searched.

    `encoder` is the one that the method uses. `given_up` says that its search ended early, because
    it was unlikely to win, `paused` that it was interrupted once for a better one, and `late` that
    there was no time for it. `cap` is the quality of the source, if no answer may exceed it.
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
    instead_of: Entry | None = None
    """The lossy entry, if this is a lossless file that is smaller, but over the byte budget."""
    learned: set[int] = field(default_factory=set)
    """The probes that the beliefs were updated by."""

    def __post_init__(self) -> None:
        self.metadata = self.session.metadata

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """The encoders that may make the answer: one has full chroma, for a target in a jump."""
        by_score = self.resolved.metric == SSIMULACRA2.name
        known = self.encoder, self.session, SSIMULACRA2, self.resolved
        if not by_score or jumps_at(*known) is None:
            return (self.encoder,)
        return self.encoder, self.encoder.with_chroma(Chroma.FULL)

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
        return self.session.size(self.quality)

    def metadata_as_in(self, other: Entry) -> Metadata:
        """The metadata, less the parts that the answer of another entry dropped."""
        kept = other.session.metadata
        if kept == other.metadata:
            return self.metadata
        return self.metadata.alone() if kept else NO_METADATA

    def give_up_metadata(self, best: Entry | None = None) -> None:
        """Drop metadata if a file without a quality is over the byte budget.

        With an answer `best` within the budget, it drops the same parts. Otherwise, it drops parts
        in the order of a search.
        """
        budget = self.resolved.budget
        searched = self.encoder.takes_quality or self.resolved.method is Method.NONE
        if searched or self.size <= budget:
            return
        choices = (*self.metadata.choices(), self.metadata.alone())
        if best is not None:
            choices = (self.metadata_as_in(best),)
        self.answer = with_metadata_in(choices, self.session, self.found, budget)

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
        """Whether a limit on the quality, which 100 is not, keeps the answer from a higher one."""
        lossy = self.answer is not None and self.encoder.takes_quality
        return lossy and MAX_QUALITY > self.resolved.max_quality <= self.quality

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
