"""Statistics of cases: the numbers of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

from autoquality_train.judging.calibration import (
    BINS,
    STEPS,
    expected_error,
    reliability,
)
from autoquality_train.judging.cases import SEARCHES, Case, InRange

PHOTOGRAPHS = ("photo*", "cid22*", "clic*", "kodak*")
"""Patterns for folders of photographs; others contain screenshots, drawings, maps and so on."""

RANGES: Mapping[str, Callable[[Case], InRange]] = {
    "wide": lambda case: case.wide,
    "default": lambda case: case.usual,
}
_MISSES = (0, 1, 2, 5)


def parts(cases: Sequence[Case], photographs: Sequence[str]) -> dict[str, list[Case]]:
    """The cases by "photographs" and "graphics", without empty ones.

    `photographs` are patterns for the kinds that are photographs. If no kind matches, their content
    is unknown, and all are "images".
    """
    found: dict[str, list[Case]] = {"photographs": [], "graphics": []}
    for case in cases:
        found["photographs" if is_photograph(case.kind, photographs) else "graphics"].append(case)
    if not found["photographs"]:
        return {"images": list(cases)}
    return {name: some for name, some in found.items() if some}


def is_photograph(kind: str, photographs: Sequence[str]) -> bool:
    """Whether the images of a folder with this name count as photographs."""
    return any(fnmatch(kind.lower(), pattern) for pattern in photographs)


def kinds_in_words(cases: Sequence[Case], photographs: Sequence[str]) -> str:
    """Say which folders count as photographs, and that their names decide."""
    images = Counter(kind for kind, _ in {(case.kind, case.image) for case in cases})
    folders: dict[bool, list[str]] = {True: [], False: []}
    for kind, count in sorted(images.items()):
        folders[is_photograph(kind, photographs)].append(f"{kind} ({count})")
    patterns = f"The names of folders decide ({', '.join(photographs)}); --photographs sets them."
    if not folders[True]:
        return f"No folder is known to hold photographs: {', '.join(folders[False])}. {patterns}"
    graphics = f" Counted as graphics: {', '.join(folders[False])}." if folders[False] else ""
    return f"Counted as photographs: {', '.join(folders[True])}.{graphics} {patterns}"


def groups(cases: Sequence[Case], photographs: Sequence[str]) -> dict[str, list[Case]]:
    """All cases, photographs, graphics, and each folder, without groups that equal another."""
    found = {"all": list(cases)}
    folders = {
        f"folder {kind}": [case for case in cases if case.kind == kind]
        for kind in sorted({case.kind for case in cases})
    }
    for name, some in (parts(cases, photographs) | folders).items():
        if all(len(some) != len(other) or some != other for other in found.values()):
            found[name] = some
    return found


def summarise(cases: Sequence[Case]) -> dict[str, Any]:
    """Misses, first guesses and iterations by range, for cases of any targets."""
    return {
        "images": len({(case.kind, case.image) for case in cases}),
        "cases": len(cases),
        "ranges": {name: _in_range([of(case) for case in cases]) for name, of in RANGES.items()},
    }


def by_target(cases: Sequence[Case]) -> dict[str, Any]:
    """As `summarise`, for each target and for all targets together."""
    found = {"all": summarise(cases)}
    for target in sorted({case.target for case in cases}):
        found[f"{target:g}"] = summarise([case for case in cases if case.target == target])
    return found


def calibration(cases: Sequence[Case]) -> dict[str, Any]:
    """The calibration of the predicted distributions over all 100 qualities."""
    found: dict[str, Any] = {}
    for steps in STEPS:
        bins = reliability(
            [case.within[str(steps)] for case in cases],
            [abs(case.miss) <= steps for case in cases],
        )
        found[f"within {steps}"] = {"bins": bins, "expected_error": expected_error(bins)}
    counts, _ = np.histogram([case.transform for case in cases], BINS, (0.0, 1.0))
    return {"hits": found, "transform": [int(count) for count in counts]}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, median, 95th percentile and worst; median and percentile are values that occur."""
    array = np.array(values, np.float64)
    median, high = np.percentile(array, [50, 95], method="inverted_cdf")
    return {
        "mean": float(array.mean()),
        "median": float(median),
        "p95": float(high),
        "worst": float(array.max()),
    }


def _in_range(found: Sequence[InRange]) -> dict[str, Any]:
    misses = np.array([one.miss for one in found])
    low, high = found[0].low, found[0].high
    return {
        "low": low,
        "high": high,
        "miss": {
            **spread(np.abs(misses).tolist()),
            "signed_mean": float(misses.mean()),
            "signed_median": float(np.median(misses)),
            "lowest": int(misses.min()),
            "highest": int(misses.max()),
            "within": {str(step): float((np.abs(misses) <= step).mean()) for step in _MISSES},
        },
        "at_a_bound": float(np.mean([one.right in (low, high) for one in found])),
        "goals": {f"{goal.error:g}": _goal(found, at) for at, goal in enumerate(found[0].goals)},
    }


def _goal(found: Sequence[InRange], at: int) -> dict[str, Any]:
    """First guesses and iterations for the allowed error with the index `at`.

    A first guess is good if it meets the target. If no quality in the range does, the right answer
    is the nearest one or a bound. Those cases are counted separately, and a guess is good if it is
    the right answer.
    """
    goals = [one.goals[at] for one in found]
    can = [goal.met_by_guess for goal in goals if goal.reachable]
    cannot = [one.miss == 0 for one in found if not one.goals[at].reachable]
    return {
        "reachable": len(can),
        "met_by_first_guess": _share(can),
        "unreachable": len(cannot),
        "unreachable_right_at_first_guess": _share(cannot),
        "iterations": {
            name: spread([goal.iterations[name] for goal in goals]) for name in SEARCHES
        },
        "iterations_where_reachable": {
            name: spread([goal.iterations[name] for goal in goals if goal.reachable])
            for name in SEARCHES
        }
        if can
        else {},
    }


def _share(true: Sequence[bool]) -> float | None:
    return sum(true) / len(true) if true else None
