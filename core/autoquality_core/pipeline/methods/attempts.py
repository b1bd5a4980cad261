"""The qualities that a search tries, encoded and measured by a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autoquality_core.metrics import Metric
from autoquality_core.pipeline.session import Session
from autoquality_core.search import CurvePrior, Found, Goal, Observation, search
from autoquality_core.types import ResolvedTarget


@dataclass(frozen=True, slots=True)
class Attempts:
    """Observes qualities; those that the session knows are not encoded again.

    `metric` is that of `Observation.score`, `others` those of the other scores. `constant` bytes
    of each file do not count.
    """

    session: Session
    metric: Metric | None = None
    others: tuple[Metric, ...] = ()
    constant: int = 0

    def search(
        self,
        goal: Goal,
        resolved: ResolvedTarget,
        prior: CurvePrior | Sequence[CurvePrior],
        first: int | None = None,
        find: Callable[..., Found] = search,
        **more: Any,
    ) -> Found:
        """The answer of `find`, which takes the arguments of `search`, `more` among them."""
        session = self.session
        return find(
            goal,
            resolved.min_quality,
            resolved.max_quality,
            self.one,
            prior=prior,
            first=first,
            equivalents=session.equivalents,
            may_continue=lambda quality: session.knows(quality) or session.may_continue(quality),
            attempt_two=self.two if session.may_probe_two else None,
            **more,
        )

    def one(self, quality: int) -> Observation:
        """Try a quality."""
        if not self.session.knows(quality):
            self.session.probe(quality, *self._metrics)
        return self._observed(quality)

    def two(self, quality: int, other: int) -> list[Observation]:
        """Try a quality, and another one at the same time if a core is idle."""
        if self.session.knows(quality) or self.session.knows(other):
            return [self.one(quality)]
        found = self.session.probe_two(quality, other, *self._metrics)
        return [self._observed(one.quality) for one in found]

    @property
    def _metrics(self) -> tuple[Metric, ...]:
        return self.others if self.metric is None else (self.metric, *self.others)

    def _observed(self, quality: int) -> Observation:
        for metric in self._metrics:
            self.session.measure(quality, metric)
        scores = self.session.scores(quality)
        return Observation(
            quality,
            self.session.size(quality) - self.constant,
            None if self.metric is None else scores[self.metric.name],
            tuple(scores[one.name] for one in self.others),
        )
