"""Writes a network's accuracy into its side file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoquality_core.metrics import DSSIM
from autoquality_train.files import write_json
from autoquality_train.graphs import metric_part

GROUPS = ("all", "photographs", "graphics")
"""The groups of images in a side file; the report has every folder."""


def note_accuracy(
    network: Path, metric: str, found: Mapping[str, Any], judged_on: Sequence[str]
) -> None:
    """Add a summary of a report's numbers for a network and a metric to its side file.

    `found` are the numbers of its format, `judged_on` the names of the folders. The digest is that
    of the part of the graph for the metric. Does nothing for a network without a side file.
    """
    side_file = network.with_suffix(".json")
    if not side_file.exists():
        return
    described = json.loads(side_file.read_text(encoding="utf-8"))
    judged = described if metric == DSSIM.name else described["metrics"][metric]
    judged["accuracy"] = {
        "sha256": hashlib.sha256(metric_part(network.read_bytes(), described, metric)).hexdigest(),
        "judged_on": list(judged_on),
        "calibration_error": round(
            found["calibration"]["all"]["hits"]["within 2"]["expected_error"], 4
        ),
        **{
            name: {target: _short(one) for target, one in found["groups"][name].items()}
            for name in GROUPS
            if name in found["groups"]
        },
    }
    write_json(side_file, described)


def _short(one: Mapping[str, Any]) -> dict[str, Any]:
    """The number of images, and a summary of each range."""
    ranges = {name: _range(some) for name, some in one["ranges"].items()}
    return {"images": one["images"], **ranges}


def _range(one: Mapping[str, Any]) -> dict[str, Any]:
    """Misses, and the first guesses and encodings for each allowed error."""
    miss = one["miss"]
    return {
        "qualities": [one["low"], one["high"]],
        "miss": {name: round(miss[name], 3) for name in ("mean", "median", "p95", "worst")},
        "allowed_error": {
            error: {
                "met_by_first_guess": _rounded(goal["met_by_first_guess"]),
                "encodings": _rounded(goal["iterations"]["network"]["mean"]),
                "encodings_without": _rounded(goal["iterations"]["prior"]["mean"]),
            }
            for error, goal in one["goals"].items()
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
