"""Which quality to try next, from what was seen and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace

import numpy as np

from autoquality_core.search.bounds import Bounds, Roughness
from autoquality_core.search.curve import CurveModel, CurvePrior, FloatArray
from autoquality_core.search.objective import BoolArray, IntArray, Objective, Observation

CONFIDENT = 0.4
"""A promise of ending the search from which a quality is tried for that reason alone."""

PATIENCE = 6
"""Probes that the curve model chooses alone. From then on every second one bisects what is open:
a curve unlike any the model knows must not be walked along step by step."""

EXHAUSTED = 10
"""Probes after which the model has nothing to add: the curve is rougher than it can express. The
search then tries the open quality that lies nearest to the target between its neighbours."""

WORTHWHILE = 0.25
"""How likely a second quality has to be to save an encoding, to be tried beside the first."""

_KNOWN = 1e-9
"""The standard deviation of what was seen."""


class Choice:
    """One search: what was seen, what is ruled out, what is likely.

    `seen` are the attempts and the twins known with them, `tries` counts the
    attempts alone.
    """

    def __init__(
        self,
        objective: Objective,
        low: int,
        high: int,
        prior: CurvePrior,
        equivalents: Sequence[int],
        roughness: Callable[[], Roughness] | None = None,
    ) -> None:
        """The arguments are those of `search`."""
        self.seen: list[Observation] = []
        self.tries = 0
        self._objective = objective
        self._low, self._high = low, high
        self._model = CurveModel(prior)
        self._bounds = Bounds(low, high, roughness or (lambda: Roughness(prior.allowance)))
        self._qualities = self._bounds.qualities
        self._twins = np.array(equivalents)[self._qualities - 1]

    @property
    def settled(self) -> bool:
        """Whether no untried quality can change the answer."""
        return bool(self.seen) and not self._open().any()

    def take(self, one: Observation) -> None:
        """Learn from an attempt."""
        value = self._objective.value(one)
        self.tries += 1
        self.seen.append(one)
        self._model.observe(one.quality, value)
        for twin in map(int, self._alike(one.quality)):
            self._bounds.add(twin, value)
            if twin != one.quality:
                self.seen.append(replace(one, quality=twin))

    def next(self) -> int:
        """The open quality that promises most to end the search."""
        return self._named(self._next())

    def beside(self, quality: int, known: Container[int]) -> int | None:
        """What to encode at the same time as `quality`; None where little is likely to be saved.

        Qualities in `known` have been encoded.
        """
        objective, at = self._objective, quality - self._low
        score = _score(objective, self._model, self._qualities, self.seen)
        others = self._open() & (self._twins != self._twins[at])
        worth = np.where(others, objective.beside(score, self._mean(), at, self._twins), 0.0)
        best = self._named(int(self._qualities[np.argmax(worth)]))
        return None if worth.max() < WORTHWHILE or best in known else best

    def _next(self) -> int:
        open_ = self._open()
        choice = self._qualities[open_]
        if self.tries >= PATIENCE and self.tries % 2 == 0:
            return int(choice[choice.size // 2])
        if self.tries >= EXHAUSTED:
            return int(
                choice[np.argmin(np.abs(self._bounds.between()[open_] - self._objective.aim))]
            )
        promise = self._promise()
        if promise.max() < CONFIDENT:
            # Nothing is likely: learn most where the curve is expected to cross.
            return int(choice[np.argmin(np.abs(self._mean()[open_] - self._objective.aim))])
        likely = int(self._qualities[np.argmax(promise)])
        above = choice[choice > likely]
        if any(one.quality == likely for one in self.seen) and above.size:
            # The likely answer is in hand already: try what would refute it.
            return int(above[0])
        return int(choice[np.argmax(promise[open_])])

    def _named(self, quality: int) -> int:
        """Which of a quality and its twins to try: where a search ends at a bound, the bound."""
        alike = self._alike(quality)
        return self._low if self._low in alike else int(alike[-1])

    def _alike(self, quality: int) -> IntArray:
        """A quality and its twins."""
        alike: IntArray = self._qualities[self._twins == self._twins[quality - self._low]]
        return alike

    def _open(self) -> BoolArray:
        """Which qualities may still change the answer."""
        # Next to the target, no shortcut: a quality that is good enough may hide anywhere.
        lower, upper = self._bounds.interval(near=not self._objective.crossed(self.seen))
        matter = self._objective.candidates(self.seen, lower, upper, self._high)
        return matter & self._bounds.unprobed()

    def _mean(self) -> FloatArray:
        """The curve that is likeliest, over the range."""
        likeliest = max(self._model.posterior(), key=lambda belief: belief.weight)
        mean: FloatArray = likeliest.mean[self._qualities - 1]
        return mean

    def _promise(self) -> FloatArray:
        """What trying each quality is likely to save, in encodings."""
        score = _score(self._objective, self._model, self._qualities, self.seen)
        return self._objective.promise(score, self.seen, self._twins, self._low)


def chance(objective: Objective, low: int, high: int, prior: CurvePrior) -> float:
    """How likely the first probe ends the search, 0 to 1, as far as `prior` can tell."""
    score = _score(objective, CurveModel(prior), np.arange(low, high + 1), [])
    return float(score.max())


def _score(
    objective: Objective, model: CurveModel, qualities: IntArray, seen: list[Observation]
) -> FloatArray:
    """How likely each quality is to end the search, over all that the curve may come from."""
    score = np.zeros(qualities.size)
    at = np.array([one.quality for one in seen], np.int_) - qualities[0]
    values = [objective.value(one) for one in seen]
    for belief in model.posterior():
        mean, deviation = belief.mean[qualities - 1], model.deviation(belief)[qualities - 1]
        mean[at], deviation[at] = values, _KNOWN  # what was tried has no noise any more
        score += belief.weight * objective.score(mean, deviation)
    return score
