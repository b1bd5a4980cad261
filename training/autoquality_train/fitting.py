"""Networks fitted to examples, frozen, with a side file that tells what they are."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, cast

from autoquality_core.formats import library_versions
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_train import provenance
from autoquality_train.examples import Examples
from autoquality_train.judging.networks import network_path
from autoquality_train.sweeps import SETTINGS

EPOCHS = 60
QUICK_EPOCHS = 3
BACKEND = "tensorflow"
"""What Keras runs on unless KERAS_BACKEND says otherwise."""
TARGET_RANGE = (0.002, 0.08)
"""The DSSIM between which almost every curve of a corpus lies in the qualities that matter."""

LEAST = 8
"""Images without which nothing can be learned, and checked on others."""


class Network(Protocol):
    """What `autoquality_train.network` does: a model, fitted and frozen."""

    def fit(
        self, examples: Examples, *, epochs: int, seed: int, progress: Callable[[str], None]
    ) -> Any:
        """Fit to `examples`; `progress` is told a line now and then."""

    def freeze(self, fitted: Any, path: Path, side_file: Mapping[str, Any]) -> None:
        """Write the graph to `path` and, beside it, the side file with what it knows of it."""


class TooFewExamples(Exception):
    """There are not enough examples to learn from."""


@dataclass(frozen=True, slots=True)
class Course:
    """How to train: `corpus` is what to call it in the side file."""

    corpus: str
    epochs: int
    seed: int


def load_network() -> Network:
    """The model. Imports Keras; raises ModuleNotFoundError without it."""
    if os.environ.get("KERAS_BACKEND", BACKEND) == BACKEND:
        tensorflow()  # which is quieter than Keras would have it
    return cast("Network", importlib.import_module("autoquality_train.network"))


def train(
    fmt: str,
    examples: Examples,
    out: Path,
    course: Course,
    network: Network,
    progress: Callable[[str], None],
) -> Path:
    """Fit the network of one format and freeze it into `out`; answers the graph's path.

    Graph and side file take their places together, when both are whole. Raises
    TooFewExamples.
    """
    images = len(set(examples.groups))
    if images < LEAST:
        raise TooFewExamples(
            f"{images} labelled images are too few to learn from; {LEAST} is the least,"
            " thousands are good"
        )
    fitted = network.fit(examples, epochs=course.epochs, seed=course.seed, progress=progress)
    path = network_path(out, fmt)
    with tempfile.TemporaryDirectory(prefix=".frozen-", dir=out) as temporary:
        made = Path(temporary, path.name)
        network.freeze(fitted, made, side_file(fmt, examples, course))
        # The graph last: where it is, its side file is.
        for suffix in (".json", ".pb"):
            made.with_suffix(suffix).replace(path.with_suffix(suffix))
    return path


def side_file(fmt: str, examples: Examples, course: Course) -> dict[str, Any]:
    """What is known of a network before it is frozen."""
    options = asdict(SETTINGS[examples.setting].options)
    return {
        "name": network_path(Path(), fmt).stem,
        "version": provenance.now(),
        "format": fmt,
        "targets": {"min": TARGET_RANGE[0], "max": TARGET_RANGE[1]},
        "encoder": {
            "setting": examples.setting,
            **_plain(options),
        },
        "library_versions": library_versions(),
        "corpus": {
            "name": course.corpus,
            "images": len(set(examples.groups)),
            "samples": len(examples),
            "kinds": dict(Counter(examples.kinds)),
        },
        "training": {
            "epochs": course.epochs,
            "seed": course.seed,
            "backend": os.environ.get("KERAS_BACKEND", BACKEND),
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
    }


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Encoder options as JSON knows them."""
    return {name: one.value if isinstance(one, Enum) else one for name, one in options.items()}
