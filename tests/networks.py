"""Networks for tests: small frozen graphs, made with TensorFlow and written as .pb files.

Their answers can be worked out by hand. TensorFlow is imported when the first
graph is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_server.predictor.runtime import tensorflow

NHWC = (None, 416, 416, 3)
NCHW = (None, 3, 416, 416)


def peak_at(quality: int, height: float = 20.0) -> npt.NDArray[np.float32]:
    """100 logits: `height` at `quality`, 0 elsewhere."""
    logits = np.zeros(100, np.float32)
    logits[quality - 1] = height
    return logits


def write_graph(path: Path, build: Callable[[Any], object]) -> Path:
    """Write the graph that `build`, given TensorFlow, makes in the default graph."""
    tf = tensorflow()
    graph = tf.Graph()
    with graph.as_default():
        build(tf)
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def image_input(
    tf: Any,
    shape: Sequence[int | None] | None = NHWC,
    dtype: str = "float32",
    name: str = "images",
) -> Any:
    """A placeholder for images; `shape` None leaves even the rank open."""
    return tf.compat.v1.placeholder(dtype, shape, name)


def constant_graph(path: Path, logits: npt.ArrayLike) -> Path:
    """A network that answers `logits` (100 of them) whatever it sees."""

    def build(tf: Any) -> None:
        image_input(tf)
        tf.constant(np.reshape(np.asarray(logits, np.float32), (1, 100)), name="logits")

    return write_graph(path, build)


def channel_means(tf: Any, image: Any, channels_first: bool = False) -> Any:
    """The mean of each channel in [0, 1], shape (?, 3); a uint8 image is scaled here."""
    if image.dtype == tf.uint8:
        image = tf.cast(image, tf.float32) / 255.0
    return tf.reduce_mean(image, [2, 3] if channels_first else [1, 2])


def logits_around(tf: Any, level: Any) -> Any:
    """Logits (?, 100) that fall off on both sides of quality 1 + 99 x level.

    `level` has the shape (?,) and is in [0, 1].
    """
    ladder = tf.constant(np.arange(100, dtype=np.float32)[np.newaxis])
    return -tf.abs(ladder - 99.0 * level[:, tf.newaxis])


def mean_graph(
    path: Path,
    weights: Sequence[float] = (1 / 3, 1 / 3, 1 / 3),
    shape: Sequence[int | None] | None = NHWC,
    dtype: str = "float32",
    channels_first: bool = False,
) -> Path:
    """A network whose quality is 1 + 99 x the weighted mean of R, G and B, those in [0, 1]."""

    def build(tf: Any) -> None:
        means = channel_means(tf, image_input(tf, shape, dtype), channels_first)
        level = tf.reduce_sum(means * tf.constant(weights, tf.float32), 1)
        tf.identity(logits_around(tf, level), "logits")

    return write_graph(path, build)


def target_graph(
    path: Path, shape: Sequence[int | None] | None = (), dtype: str = "float32"
) -> Path:
    """A network whose quality is 1 + 99 x the target that it is fed."""

    def build(tf: Any) -> None:
        image = image_input(tf)
        target = tf.cast(tf.compat.v1.placeholder(dtype, shape, "target"), tf.float32)
        unseen = 0.0 * tf.reduce_mean(image, [1, 2, 3])
        tf.identity(logits_around(tf, tf.reshape(target, [-1]) + unseen), "logits")

    return write_graph(path, build)
