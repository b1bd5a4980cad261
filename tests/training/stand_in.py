"""A network in place of the real one: it predicts the corpus's mean curve, whatever it sees."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autoquality_train.examples import Examples
from tests.networks import constant_graph

SPREAD = 4.0


class StandIn:
    """See `fitting.Network`; `seen` is what it was asked to learn."""

    def __init__(self) -> None:
        self.seen: list[Examples] = []

    def fit(
        self, examples: Examples, *, epochs: int, seed: int, progress: Callable[[str], None]
    ) -> Any:
        self.seen.append(examples)
        progress(f"epoch {epochs} of {epochs}")
        return np.abs(examples.curves.mean(axis=0) + np.log(0.01)).argmin()

    def freeze(self, fitted: Any, path: Path, side_file: Mapping[str, Any]) -> None:
        constant_graph(path, -0.5 * ((np.arange(100) - fitted) / SPREAD) ** 2)
        beside = {
            "format_version": 1,
            "input": {"recipe": "mosaic", "side": 416, "tile": 16},
            "tensors": {"image": "images:0", "logits": "logits:0"},
            **side_file,
        }
        path.with_suffix(".json").write_text(json.dumps(beside))
