"""One search as it went."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from autoquality_train.sweeps import SETTINGS


@dataclass(frozen=True, slots=True)
class Try:
    """One encoding; `dssim` is None where nothing was measured."""

    quality: int
    size: int
    dssim: float | None


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked, what was believed before the first encoding, what was tried in order.

    `target` is bytes for the method size, else a DSSIM that may be missed by
    `error`. `expected` is what the first try was believed to come to, in the
    same unit, `doubt` the standard deviation of its logarithm, and `known_by`
    what that was known by: the "encoder" alone, a "sketch" of the image or a
    "network". `allowance` is by how much (a logarithm) the curve is allowed to
    turn back.
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

    def reached(self, one: Try) -> float:
        """What is compared with the target: bytes or a DSSIM."""
        if self.by_size:
            return float(one.size)
        assert one.dssim is not None
        return one.dssim

    def alike(self, one: int, other: int) -> bool:
        """Whether two qualities give the same file."""
        names = SETTINGS[self.setting].equivalents(has_alpha=False)
        return names[one - 1] == names[other - 1]

    def off(self, quality: int) -> int:
        """How many qualities a try was away from the answer; 0 for a twin of it."""
        return 0 if self.alike(quality, self.answer) else quality - self.answer

    def next_to_answer(self, step: int) -> int | None:
        """The nearest quality above (1) or below (-1) whose file is another; None out of range."""
        quality = self.answer
        while self.low <= quality <= self.high:
            if not self.alike(quality, self.answer):
                return quality
            quality += step
        return None

    def find(self, quality: int | None) -> int | None:
        """Which try was at a quality or at a twin of it."""
        if quality is None:
            return None
        found = (at for at, one in enumerate(self.tries) if self.alike(one.quality, quality))
        return next(found, None)

    def note(self) -> str:
        """As one line, for a record."""
        told = asdict(self)
        told["tries"] = [list(asdict(one).values()) for one in self.tries]
        return json.dumps(told, allow_nan=False)


def search_of(note: str) -> Search:
    """The search that was noted."""
    told: dict[str, Any] = json.loads(note)
    tries = tuple(Try(*one) for one in told.pop("tries"))
    return Search(tries=tries, **told)
