"""A network's accuracy, noted in its side file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoquality_train.files import write_json

GROUPS = ("all", "photographs", "graphics")
"""The kinds of images that a side file tells of; the report has every folder."""


def note_accuracy(network: Path, found: Mapping[str, Any], judged_on: Sequence[str]) -> None:
    """Add what a report found of a network's format (`numbers`) to its side file, in short.

    `judged_on` names the folders; the graph's SHA-256 says which one it was. Does
    nothing for a network without a side file.
    """
    beside = network.with_suffix(".json")
    if not beside.exists():
        return
    told = json.loads(beside.read_text(encoding="utf-8"))
    told["accuracy"] = {
        "sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
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
    write_json(beside, told)


def _short(one: Mapping[str, Any]) -> dict[str, Any]:
    """How many images, and of each range what `_range` says."""
    ranges = {name: _range(some) for name, some in one["ranges"].items()}
    return {"images": one["images"], **ranges}


def _range(one: Mapping[str, Any]) -> dict[str, Any]:
    """Misses, and at each allowed error the first guesses and the encodings of a request."""
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
