"""Fits networks to examples and writes them with their side files."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, cast

from autoquality_core.formats import library_versions
from autoquality_core.metrics import METRICS
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_train import provenance
from autoquality_train.examples import Examples
from autoquality_train.labels.sweeps import SETTINGS

EPOCHS = 60
QUICK_EPOCHS = 3
BACKEND = "tensorflow"
"""The backend of Keras unless KERAS_BACKEND names another."""
LEAST = 8
"""The fewest images to train on."""


class Network(Protocol):
    """The interface of `autoquality_train.network`, which imports Keras."""

    def fit(
        self,
        examples: Examples,
        metrics: Sequence[str],
        *,
        epochs: int,
        seed: int,
        progress: Callable[[str], None],
    ) -> Any:
        """Fit a head for each metric; calls `progress` with a line now and then."""

    def freeze(
        self, fitted: Any, path: Path, side_file: Mapping[str, Any], base: Path | None
    ) -> None:
        """Write the graph to `path`, and the side file next to it.

        With `base`, the graph is that network with further heads.
        """


class TooFewExamples(Exception):
    """There are too few examples to learn from."""


@dataclass(frozen=True, slots=True)
class Training:
    """How to train; `corpus` is its name in the side file.

    With a folder `base`, the networks there get heads for `metrics`.
    """

    corpus: str
    epochs: int
    seed: int
    metrics: tuple[str, ...] = tuple(METRICS)
    base: Path | None = None


def load_network() -> Network:
    """The model. Imports Keras; raises ModuleNotFoundError if it is not installed."""
    if os.environ.get("KERAS_BACKEND", BACKEND) == BACKEND:
        tensorflow()  # sets its log level before Keras imports it
    return cast("Network", importlib.import_module("autoquality_train.network"))


def network_path(folder: Path, fmt: str) -> Path:
    """The network of a format in a folder."""
    return folder / f"autoquality-{fmt}.pb"


def train(
    fmt: str,
    examples: Examples,
    out: Path,
    training: Training,
    network: Network,
    progress: Callable[[str], None],
) -> Path:
    """Fit the network of one format and freeze it into `out`; returns the path of the graph.

    Raises TooFewExamples.
    """
    images = len(set(examples.groups))
    if images < LEAST:
        raise TooFewExamples(
            f"{images} labelled images are too few to learn from; use at least {LEAST}, better"
            " thousands"
        )
    how: Any = {"epochs": training.epochs, "seed": training.seed}
    fitted = network.fit(examples, training.metrics, **how, progress=progress)
    base = training.base and network_path(training.base, fmt)
    path = network_path(out, fmt)
    with tempfile.TemporaryDirectory(prefix=".frozen-", dir=out) as temporary:
        made = Path(temporary, path.name)
        network.freeze(fitted, made, side_file(fmt, examples, training), base)
        # The graph last: then every graph has its side file.
        for suffix in (".json", ".pb"):
            made.with_suffix(suffix).replace(path.with_suffix(suffix))
    return path


def side_file(fmt: str, examples: Examples, training: Training) -> dict[str, Any]:
    """The side file of a network: its format, encoder options and origin."""
    options = asdict(SETTINGS[examples.setting].options)
    return {
        "name": network_path(Path(), fmt).stem,
        "version": provenance.now(),
        "format": fmt,
        "encoder": {
            "setting": examples.setting,
            **_plain(options),
        },
        "library_versions": library_versions(),
        "corpus": {
            "name": training.corpus,
            "images": len(set(examples.groups)),
            "samples": len(examples),
            "kinds": dict(Counter(examples.kinds)),
        },
        "training": {
            "epochs": training.epochs,
            "seed": training.seed,
            "backend": os.environ.get("KERAS_BACKEND", BACKEND),
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
    }


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Encoder options for JSON."""
    return {name: one.value if isinstance(one, Enum) else one for name, one in options.items()}
