"""What one look found, and what all of them come to."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Verdict(enum.Enum):
    """How a finding is meant; the value is the word for people, in rising order of trouble."""

    OK = "ok"
    WARNING = "warning"
    """The server would serve, but not as well as it could."""
    FAILED = "failed"
    """The server would not start, or not serve something."""
    WRONG = "wrong"
    """A setting is wrong."""

    @property
    def exit_code(self) -> int:
        """As the server's own: 1 a failure to start, 2 a wrong setting."""
        return {Verdict.FAILED: 1, Verdict.WRONG: 2}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """A part that was looked at, and a sentence on it."""

    part: str
    verdict: Verdict
    text: str


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict on all; a wrong setting outweighs a failure."""
    order = list(Verdict)
    return max((one.verdict for one in findings), key=order.index, default=Verdict.OK)
