"""Chooses the next quality to try: the one that is most likely to end the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from autoquality_core.search.base import BoolArray, Chances, Goal, Observation
from autoquality_core.search.bounds import Bounds, Roughness
from autoquality_core.search.curve import Belief, CurveModel, CurvePrior, FloatArray
from autoquality_core.types import Outcome

IntArray = npt.NDArray[np.int_]
LookUp = Callable[[], Roughness]

CONFIDENT = 0.4
"""The least promise of a quality that the search tries in order to end at once."""

PATIENCE = 6
"""Probes that the curve model chooses alone. From then on, every second probe bisects the open
qualities, because the curve may differ from all that the model knows."""

EXHAUSTED = 10
"""Probes after which the model no longer helps, because the curve is too rough for it. The search
then tries the open quality whose interpolated value is nearest to the aim."""

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
        equivalents: Sequence[int],
        roughness: Sequence[LookUp | None] = (),
    ) -> None:
        """The arguments are those of `search`; one prior and roughness for each curve."""
        self.seen: list[Observation] = []
        self.attempts = 0
        self.hopeless = False
        """True once no quality can meet the goal. What remains is its fallback."""
        self._goal = goal
        self._low, self._high = low, high
        self._models = [CurveModel(prior) for prior in priors]
        look_ups = [*roughness, *[None] * (len(priors) - len(roughness))]
        self._bounds = [
            Bounds(low, high, look or _allowance_of(prior))
            for look, prior in zip(look_ups, priors, strict=True)
        ]
        self._qualities = self._bounds[0].qualities
        self._files = np.array(equivalents)[self._qualities - 1]
        """For each quality, the lowest one with the same file."""

    @property
    def settled(self) -> bool:
        """True if no untried quality can change the answer."""
        return bool(self.seen) and not self._open().any()

    @property
    def expected_bytes_per_pixel(self) -> float:
        """The expected bytes per pixel of the answer. The last curve of the goal must be sizes."""
        likeliest = max(self._models[-1].posterior(), key=lambda belief: belief.weight)
        answer = self._qualities[np.argmax(self._likelihoods().answers)]
        return math.exp(likeliest.mean[answer - 1])

    def take(self, one: Observation) -> None:
        """Learn from an attempt."""
        self.attempts += 1
        self.seen.append(one)
        values = self._goal.values(one)
        for model, value in zip(self._models, values, strict=True):
            model.observe(one.quality, value)
        for equivalent in map(int, self._alike(one.quality)):
            for bounds, value in zip(self._bounds, values, strict=True):
                bounds.add(equivalent, value)
            if equivalent != one.quality:
                self.seen.append(replace(one, quality=equivalent))
        self._fall_back()

    def change(self, goal: Goal) -> None:
        """Search for another goal over the same curves, unless the search was hopeless."""
        if not self.hopeless:
            self._goal = goal

    def next(self) -> int:
        """The open quality that is most likely to end the search."""
        return self._named(self._next())

    def second(self, quality: int, known: Container[int]) -> int | None:
        """The quality to try in parallel with `quality`; None if that saves too little.

        `known` are qualities that have been encoded.
        """
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
        if goal.outcome(best, self.seen, self._low, self._high) is not Outcome.TARGET_MET:
            self.hopeless, self._goal = True, fallback
            self._models, self._bounds = self._models[-1:], self._bounds[-1:]

    def _next(self) -> int:
        open_ = self._open()
        choice = self._qualities[open_]
        if self.attempts >= PATIENCE and self.attempts % 2 == 0:
            return int(choice[choice.size // 2])
        if self.attempts >= EXHAUSTED:
            return int(choice[np.argmin(np.abs(self._bounds[0].between()[open_] - self._goal.aim))])
        promise = self._promise()
        if promise.max() < CONFIDENT:
            # No quality is likely to end the search: learn most where the curve crosses the aim.
            return int(choice[np.argmin(np.abs(self._mean()[open_] - self._goal.aim))])
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

    def _alike(self, quality: int) -> IntArray:
        """The qualities with the same file."""
        alike: IntArray = self._qualities[self._files == self._files[quality - self._low]]
        return alike

    def _open(self) -> BoolArray:
        """Which qualities may still change the answer."""
        # Next to the target, allowances by distance do not hold: a good quality may hide anywhere.
        near = not self._goal.crossed(self.seen)
        intervals = [bounds.interval(near=near) for bounds in self._bounds]
        return self._goal.open(self.seen, intervals, self._high) & self._bounds[0].unprobed()

    def _mean(self) -> FloatArray:
        """The most probable first curve, over the range."""
        likeliest = max(self._models[0].posterior(), key=lambda belief: belief.weight)
        mean: FloatArray = likeliest.mean[self._qualities - 1]
        return mean

    def _likelihoods(self) -> Likelihoods:
        return _likelihoods(self._goal, self._models, self._qualities, self.seen)

    def _promise(self) -> FloatArray:
        """The encodings that trying each quality is expected to save.

        With an edge, an answer needs proof: the next file beyond it must not be good enough. The
        answer and its proof together end the search. A file that refutes every quality also ends
        it. Trying one of the pair saves 2 encodings if the other was tried before, else 1.
        """
        answers, refutes = self._likelihoods()
        if self._goal.edge == 0:
            return answers
        likely, file, tried = self._by_file(answers)
        none_good = max(0.0, 1.0 - float(likely.sum())) if self._goal.edge > 0 else 0.0
        # The last file in the direction of the edge needs no proof, and the first proves nothing.
        as_answer = likely * np.append(1.0 + tried[1:], 2.0)
        as_proof = np.append(none_good, likely[:-1]) * np.append(2.0, 1.0 + tried[:-1])
        return np.where(tried[file], 0.0, (as_answer + as_proof)[file] + 2.0 * refutes)

    def _worth_as_second(self, at: int) -> FloatArray:
        """The probability that each quality ends the search together with the one at index `at`."""
        answers = self._likelihoods().answers
        if self._goal.edge == 0:
            # Values closer than the width would be good enough together.
            apart = np.abs(self._mean() - self._mean()[at]) >= self._goal.width
            return np.where(apart, answers, 0.0)
        likely, file, _ = self._by_file(answers)
        ours, both = file[at], np.zeros(likely.size)
        if ours + 1 < likely.size:
            both[ours + 1] = likely[ours]  # its proof
        if ours > 0:
            both[ours - 1] = likely[ours - 1]  # another answer, which this one proves
        return np.asarray(both[file])

    def _by_file(self, answers: FloatArray) -> tuple[FloatArray, IntArray, BoolArray]:
        """The probability of each file, the file of each quality, and which files were tried.

        Files are in the order in which they look better, reversed for an edge of -1.
        """
        _, file = np.unique(self._goal.edge * self._files, return_inverse=True)
        likely: FloatArray = np.bincount(file, answers).astype(np.float64)
        tried: BoolArray = np.zeros(likely.size, np.bool_)
        tried[[file[one.quality - self._low] for one in self.seen]] = True
        return likely, file, tried


class Likelihoods(NamedTuple):
    """For each quality, the probability that it is the answer, and that it refutes every quality.

    A file that is too poor refutes every quality if it is also too large, if the next file is too
    large, or if there is no next file. Then all lower qualities are too poor, and all higher ones
    are too large.
    """

    answers: FloatArray
    refutes: FloatArray


def chance(goal: Goal, low: int, high: int, *priors: CurvePrior) -> float:
    """The probability that the first probe ends the search, given the priors."""
    models = [CurveModel(prior) for prior in priors]
    return float(_likelihoods(goal, models, np.arange(low, high + 1), []).answers.max())


def _likelihoods(
    goal: Goal, models: Sequence[CurveModel], qualities: IntArray, seen: Sequence[Observation]
) -> Likelihoods:
    """The likelihoods over all beliefs about the curves."""
    answers, refutes = np.zeros(qualities.size), np.zeros(qualities.size)
    at = np.array([one.quality for one in seen], np.int_) - qualities[0]
    known = np.array([goal.values(one) for one in seen]).reshape(len(seen), len(models))
    for weight, beliefs in _joint(models):
        means, deviations = [], []
        for curve, (model, belief) in enumerate(zip(models, beliefs, strict=True)):
            mean, deviation = belief.mean[qualities - 1], model.deviation(belief)[qualities - 1]
            mean[at], deviation[at] = known[:, curve], _KNOWN_DEVIATION
            means.append(mean)
            deviations.append(deviation)
        chances = goal.chances(means, deviations)
        answers += weight * _answers(goal.edge, chances)
        too_large = chances.too_good
        next_too_large = np.append(too_large[1:], 1.0)
        refutes += weight * chances.too_poor * (too_large + (1 - too_large) * next_too_large)
    return Likelihoods(answers, refutes)


def _answers(edge: int, chances: Chances) -> FloatArray:
    good = chances.good
    if edge:
        beyond = np.append(good[1:], 0.0) if edge > 0 else np.append(0.0, good[:-1])
        return np.asarray(good * (1 - beyond))
    # If even the bound is too good or too poor, the bound is the answer.
    good[0] += chances.too_good[0]
    good[-1] += chances.too_poor[-1]
    return good


def _joint(models: Sequence[CurveModel]) -> Iterator[tuple[float, tuple[Belief, ...]]]:
    """Every combination of beliefs about the curves, with its probability."""
    for beliefs in product(*(model.posterior() for model in models)):
        yield math.prod(belief.weight for belief in beliefs), beliefs


def _allowance_of(prior: CurvePrior) -> LookUp:
    return lambda: Roughness(prior.allowance)
