"""The result of one check, and of all checks together."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Verdict(enum.Enum):
    """How a check ended, from good to bad."""

    OK = "ok"
    WARNING = "warning"
    """The server would serve, but not as well as it could."""
    FAILED = "failed"
    """The server would not start, or a part of it would not work."""
    WRONG = "wrong"
    """A setting is wrong."""

    @property
    def exit_code(self) -> int:
        """The server's own exit code: 1 if it cannot start, 2 for a wrong setting."""
        return {Verdict.FAILED: 1, Verdict.WRONG: 2}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """The part that was checked, and a sentence about it."""

    part: str
    verdict: Verdict
    text: str


def worst(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict; a wrong setting is worse than a failure."""
    order = list(Verdict)
    return max((one.verdict for one in findings), key=order.index, default=Verdict.OK)
