"""The networks of a folder, as functions from an image and a target to a prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoquality_core.images import Pixels
from autoquality_core.networks import LoadOptions, Prediction, load
from autoquality_core.types import Format

Predict = Callable[[Pixels, float], Prediction]


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """A network that can be asked; `sha256` is its file's, in hexadecimal."""

    path: Path
    sha256: str
    predict: Predict


def network_path(folder: Path, fmt: str) -> Path:
    """Where the network of a format lies: what `autoquality-server` looks for, too."""
    return folder / f"autoquality-{fmt}.pb"


def load_networks(
    folder: Path, formats: Sequence[str], *, threads: int = 1
) -> dict[str, LoadedNetwork]:
    """The networks of `formats` that `folder` has. Imports TensorFlow. Raises NetworkError."""
    found = {}
    for fmt in formats:
        path = network_path(folder, fmt)
        if path.exists():
            predictor = load(path, LoadOptions(threads=threads), Format(fmt))
            found[fmt] = LoadedNetwork(path, predictor.info.sha256, predictor.predict)
    return found
