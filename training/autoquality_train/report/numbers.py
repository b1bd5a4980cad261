"""What a report tells: every number, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from autoquality_train import provenance
from autoquality_train.judging.cases import Case
from autoquality_train.judging.summary import PHOTOGRAPHS, by_target, calibration, groups


@dataclass(frozen=True, slots=True)
class About:
    """Where the numbers come from.

    `judged` names the folders, `networks` has for each format the file, its
    digest and what its side file says of its training; `seeds` by what they drew.
    """

    judged: Sequence[str]
    networks: Mapping[str, Mapping[str, Any]]
    seeds: Mapping[str, int] = field(default_factory=dict)
    photographs: Sequence[str] = PHOTOGRAPHS
    skipped: Sequence[str] = ()


def numbers(cases: Sequence[Case], about: About) -> dict[str, Any]:
    """Everything, by format, group and target; then each case."""
    formats = {}
    for fmt in dict.fromkeys(case.format for case in cases):
        parts = groups([case for case in cases if case.format == fmt], about.photographs)
        formats[fmt] = {
            "groups": {name: by_target(some) for name, some in parts.items()},
            "calibration": {name: calibration(some) for name, some in parts.items()},
        }
    return {
        "about": {
            **asdict(about),
            "made": provenance.now(),
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
        "formats": formats,
        "cases": [asdict(case) for case in cases],
    }
