"""A network's accuracy, noted in its side file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoquality_train.files import write_json


def note_accuracy(network: Path, found: Mapping[str, Any]) -> None:
    """Add what a report found of a network's format (`numbers`) to its side file, in short.

    Does nothing for a network without a side file.
    """
    beside = network.with_suffix(".json")
    if not beside.exists():
        return
    told = json.loads(beside.read_text(encoding="utf-8"))
    told["accuracy"] = {
        name: {
            "images": targets["all"]["images"],
            **{key: _short(one) for key, one in targets["all"]["ranges"].items()},
        }
        for name, targets in found["groups"].items()
    }
    write_json(beside, told)


def _short(one: Mapping[str, Any]) -> dict[str, Any]:
    """Misses, and at each allowed error the first guesses and the encodings of a request."""
    miss = one["miss"]
    return {
        "qualities": [one["low"], one["high"]],
        "miss": {name: round(miss[name], 3) for name in ("mean", "median", "p95", "worst")},
        "allowed_error": {
            error: {
                "met_by_first_guess": goal["met_by_first_guess"],
                "encodings": round(goal["iterations"]["network"]["mean"], 3),
            }
            for error, goal in one["goals"].items()
        },
    }
