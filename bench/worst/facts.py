"""One search, as a record describes it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from autoquality_core.metrics import METRICS, Metric
from autoquality_train.labels.sweeps import SETTINGS


@dataclass(frozen=True, slots=True)
class Try:
    """One encoding; `score` is by the metric of the method, None if nothing was measured."""

    quality: int
    size: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Search:
    """The target of a search, its expectation before the first encoding, and its tries in order.

    `target` is bytes for the method size, otherwise a score with the allowed `error`. `expected` is
    the expected result of the first try, in the same unit; `doubt` is the standard deviation of the
    logarithm of its `amount`. The expectation is `known_by` the "encoder", by features of the image
    ("sketch") or by a "network". `allowance` is how far (in logarithms) the curve may fall.
    """

    image: str
    megapixels: float
    method: str
    setting: str
    target: float
    error: float
    low: int
    high: int
    tries: tuple[Try, ...]
    answer: int
    outcome: str
    expected: float
    doubt: float
    allowance: float
    known_by: str

    @property
    def by_size(self) -> bool:
        return self.method == "size"

    @property
    def metric(self) -> Metric | None:
        """The metric of the target; None for the method size."""
        return METRICS.get(self.method)

    def reached(self, one: Try) -> float:
        """The value that is compared with the target: bytes or a score."""
        if self.by_size:
            return float(one.size)
        assert one.score is not None
        return one.score

    def amount(self, number: float) -> float:
        """Bytes, or how far a score is from the best one; never 0."""
        metric = self.metric
        if metric is None or metric.lower_is_better:
            return max(number, 1e-9)
        return max(metric.high - number, 1e-9)

    def equivalent(self, one: int, other: int) -> bool:
        """True if two qualities give the same file."""
        lowest = SETTINGS[self.setting].equivalents(has_alpha=False)
        return lowest[one - 1] == lowest[other - 1]

    def off(self, quality: int) -> int:
        """The distance of a quality from the answer; 0 for an equivalent one."""
        return 0 if self.equivalent(quality, self.answer) else quality - self.answer

    def next_to_answer(self, step: int) -> int | None:
        """The nearest quality above (1) or below (-1) with another file; None if out of range."""
        quality = self.answer
        while self.low <= quality <= self.high:
            if not self.equivalent(quality, self.answer):
                return quality
            quality += step
        return None

    def find(self, quality: int | None) -> int | None:
        """The index of the try at a quality or an equivalent one; the last, with full chroma."""
        if quality is None:
            return None
        alike = (at for at, one in enumerate(self.tries) if self.equivalent(one.quality, quality))
        return max(alike, default=None)

    def note(self) -> str:
        """The search as one line, for a record."""
        parts = asdict(self)
        parts["tries"] = [list(asdict(one).values()) for one in self.tries]
        return json.dumps(parts, allow_nan=False)


def search_of(note: str) -> Search:
    """The search in a note."""
    parts: dict[str, Any] = json.loads(note)
    tries = tuple(Try(*one) for one in parts.pop("tries"))
    return Search(tries=tries, **parts)
