"""The network, and what it was asked to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoquality_train.examples import Examples
from autoquality_train.fitting import load_network


class Recorder:
    """`autoquality_train.network`; `seen` is what it was fitted to."""

    def __init__(self) -> None:
        self._network = load_network()
        self.seen: list[Examples] = []

    def fit(
        self, examples: Examples, *, epochs: int, seed: int, progress: Callable[[str], None]
    ) -> Any:
        self.seen.append(examples)
        return self._network.fit(examples, epochs=epochs, seed=seed, progress=progress)

    def freeze(self, fitted: Any, path: Path, side_file: Mapping[str, Any]) -> None:
        self._network.freeze(fitted, path, side_file)
