"""Chooses the next quality to try: the one that is most likely to end the search."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from autoquality_core.runtime.arrays import Bools, Doubles, Indices
from autoquality_core.search.base import Goal, Observation, Prospects, normal_cdf
from autoquality_core.search.bounds import Bounds
from autoquality_core.search.curve import CurveModel, CurvePrior, Gaussian

ALL_DIFFERENT = range(1, 101)
"""The equivalents of an encoder whose every quality gives another file."""

CONFIDENT = 0.4
"""The least promise of a quality that the search tries in order to end at once."""

PATIENCE = 6
"""Probes that the curve model chooses alone. From then on, every second probe bisects the open
qualities, because the curve may differ from all that the model knows."""

MOST = 12
"""Probes after which a search ends; twice as many if none of them is within all limits. Only curves
of images with little detail take so many, and further probes rarely find a better answer
(docs/accuracy.md)."""

WORTHWHILE = 0.25
"""The least probability of saving an encoding for which a second quality is tried in parallel."""

_KNOWN_DEVIATION = 1e-9
"""The standard deviation of a value that was seen."""


class Acquisition:
    """The state of one search: observations, bounds and beliefs.

    `seen` holds the attempts and the qualities equivalent to them; `attempts` counts the attempts
    alone.
    """

    def __init__(
        self,
        goal: Goal,
        low: int,
        high: int,
        priors: Sequence[CurvePrior],
        equivalents: Sequence[int] = ALL_DIFFERENT,
    ) -> None:
        """The arguments are those of `search`; one prior for each curve."""
        self.seen: list[Observation] = []
        self.attempts = 0
        self._most = MOST
        self._goal = goal
        self._low, self._high = low, high
        self._models = [CurveModel(prior) for prior in priors]
        self._bounds = [Bounds(low, high, prior.roughness) for prior in priors]
        self._qualities = self._bounds[0].qualities
        self._files = np.array(equivalents)[self._qualities - 1]
        """For each quality, the lowest one with the same file."""
        self._known_open: Bools | None = None
        """The open qualities, unless they must be computed again."""

    @property
    def settled(self) -> bool:
        """True if no untried quality can change the answer, or enough were tried."""
        return self.attempts >= self._most or (bool(self.seen) and not self._open().any())

    @property
    def beliefs(self) -> list[Gaussian]:
        """The beliefs about the goal's first curve, from the prior and all attempts."""
        return self._models[0].posterior()

    def chance_of(self, value: float, quality: int) -> float:
        """The probability that the goal's first curve has at least a value at a quality."""
        model, at = self._models[0], quality - 1
        return sum(
            one.weight * float(normal_cdf((one.mean - value) / model.deviation(one))[at])
            for one in model.posterior()
        )

    def take(self, one: Observation) -> None:
        self.attempts += 1
        self._known_open = None
        self.seen.append(one)
        values = self._goal.values(one)
        for model, value in zip(self._models, values, strict=True):
            model.observe(one.quality, value)
        for equivalent in map(int, self._alike(one.quality)):
            for bounds, value in zip(self._bounds, values, strict=True):
                bounds.add(equivalent, value)
            if equivalent != one.quality:
                self.seen.append(replace(one, quality=equivalent))
        if self.attempts == MOST and not any(map(self._goal.accepts, self.seen)):
            self._most = 2 * MOST
        self._fall_back()

    def next(self) -> int:
        """The open quality that is most likely to end the search."""
        return self._named(self._next())

    def second(self, quality: int, known: Container[int]) -> int | None:
        """The quality to try in parallel with `quality`; None if that saves too little.

        `known` are qualities that have been encoded.
        """
        if self.attempts + 1 >= self._most:
            return None
        at = quality - self._low
        others = self._open() & (self._files != self._files[at])
        worth = np.where(others, self._worth_as_second(at), 0.0)
        best = self._named(int(self._qualities[np.argmax(worth)]))
        return None if worth.max() < WORTHWHILE or best in known else best

    def _fall_back(self) -> None:
        """Search for the goal's fallback if the goal cannot be met."""
        goal, fallback = self._goal, self._goal.fallback
        if fallback is None or self._open().any():
            return
        best = goal.best(self.seen, self._low, self._high)
        if not goal.accepts(best):
            self._known_open = None
            self._goal, at = fallback
            self._models, self._bounds = [self._models[at]], [self._bounds[at]]

    def _next(self) -> int:
        open_ = self._open()
        choice = self._qualities[open_]
        if self.attempts >= PATIENCE and self.attempts % 2 == 0:
            return int(choice[choice.size // 2])
        promise = self._promise()
        if promise.max() < CONFIDENT:
            # No quality is likely to end the search: learn most where the answer probably lies.
            return int(choice[np.argmin(self._goal.away(self._likeliest())[open_])])
        likely = int(self._qualities[np.argmax(promise)])
        if any(one.quality == likely for one in self.seen):
            # The likely answer was tried already: try the quality that would refute it.
            beyond = choice[choice > likely]
            if beyond.size:
                return int(beyond[0])
        return int(choice[np.argmax(promise[open_])])

    def _named(self, quality: int) -> int:
        """The quality to try, of those with the same file: the lower bound, or else the highest."""
        alike = self._alike(quality)
        return self._low if self._low in alike else int(alike[-1])

    def _alike(self, quality: int) -> Indices:
        """The qualities with the same file."""
        return np.asarray(self._qualities[self._files == self._files[quality - self._low]])

    def _open(self) -> Bools:
        """Which qualities may still change the answer."""
        if self._known_open is None:
            # Next to the target, the smallest excess over an allowance may hide a good quality.
            crossed = self._goal.crossed(self.seen)
            intervals = [bounds.interval(crossed=crossed) for bounds in self._bounds]
            may_change = self._goal.open(self.seen, intervals, self._high)
            self._known_open = may_change & self._bounds[0].unprobed()
        return self._known_open

    def _likeliest(self) -> list[Doubles]:
        """The most probable curves, over the range."""
        beliefs = [max(one.posterior(), key=lambda belief: belief.weight) for one in self._models]
        return [belief.mean[self._qualities - 1] for belief in beliefs]

    def prospects(self) -> Prospects:
        """The prospects over all beliefs about the curves."""
        total = np.zeros((len(Prospects._fields), self._qualities.size))
        at = np.array([one.quality for one in self.seen], np.int_) - self._low
        known = np.array([self._goal.values(one) for one in self.seen])
        known = known.reshape(len(self.seen), len(self._models))
        for beliefs in product(*(model.posterior() for model in self._models)):
            means, deviations = [], []
            for curve, (model, belief) in enumerate(zip(self._models, beliefs, strict=True)):
                mean = belief.mean[self._qualities - 1]
                deviation = model.deviation(belief)[self._qualities - 1]
                mean[at], deviation[at] = known[:, curve], _KNOWN_DEVIATION
                means.append(mean)
                deviations.append(deviation)
            weight = math.prod(belief.weight for belief in beliefs)
            total += weight * np.array(self._goal.prospects(means, deviations))
        return Prospects(*total)

    def _promise(self) -> Doubles:
        """The encodings that trying each quality is expected to save.

        One that ends the search saves 2. If any good quality is the answer, half of that counts:
        the promise is the probability of ending the search.
        """
        ends, highest, lowest = self.prospects()
        if not self._goal.wants_highest:
            pairs = self._in_pairs(highest, 1) + self._in_pairs(lowest, -1)
            return ends + pairs / 2
        none = max(0.0, 1.0 - float(ends.sum() + highest.sum()))
        return 2.0 * ends + self._in_pairs(highest, 1, none)

    def _in_pairs(self, answers: Doubles, step: int, none: float = 0.0) -> Doubles:
        """The encodings that trying each quality saves as an answer that needs proof, or as proof.

        `answers` are the probabilities. The next file in the direction of `step` must not be good
        enough. The answer and its proof together end the search. Trying one of the pair saves 2
        encodings if the other was tried before, else 1. `none` is the probability that no quality
        is good enough, which the first file proves.
        """
        if not answers.any() and not none:
            return np.zeros_like(answers)
        likely, file, tried = self._by_file(answers, step)
        # The last file in the direction needs no proof, and the first proves nothing.
        as_answer = likely * np.append(1.0 + tried[1:], 2.0)
        as_proof = np.append(none, likely[:-1]) * np.append(2.0, 1.0 + tried[:-1])
        return np.where(tried[file], 0.0, (as_answer + as_proof)[file])

    def _worth_as_second(self, at: int) -> Doubles:
        """The probability that each quality ends the search together with the one at index `at`."""
        ends, highest, lowest = self.prospects()
        mean = self._likeliest()[0]
        # Values closer than the width would be good enough together.
        apart = np.abs(mean - mean[at]) >= self._goal.width
        worth = np.where(apart, ends, 0.0)
        for answers, step in ((highest, 1), (lowest, -1)):
            if answers.any():
                likely, file, _ = self._by_file(answers, step)
                ours, both = file[at], np.zeros(likely.size)
                if ours + 1 < likely.size:
                    both[ours + 1] = likely[ours]  # its proof
                if ours > 0:
                    both[ours - 1] = likely[ours - 1]  # another answer, which this one proves
                worth += both[file]
        return worth

    def _by_file(self, answers: Doubles, step: int) -> tuple[Doubles, Indices, Bools]:
        """The probability of each file, the file of each quality, and which files were tried.

        Files are in the order of quality, reversed for a `step` of -1.
        """
        _, file = np.unique(step * self._files, return_inverse=True)
        likely: Doubles = np.bincount(file, answers).astype(np.float64)
        tried: Bools = np.zeros(likely.size, np.bool_)
        tried[[file[one.quality - self._low] for one in self.seen]] = True
        return likely, file, tried


def chance(goal: Goal, low: int, high: int, *priors: CurvePrior) -> float:
    """The probability that the first probe ends the search, given the priors."""
    return float(Acquisition(goal, low, high, priors).prospects().answers.max())
