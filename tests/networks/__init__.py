"""Small frozen graphs for tests, written as .pb files, whose answers are easy to compute.

TensorFlow is imported with the first graph.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.tensorflow import tensorflow

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
    """A placeholder for images. A `shape` of None leaves even the rank open."""
    return tf.compat.v1.placeholder(dtype, shape, name)


def constant_graph(path: Path, logits: npt.ArrayLike) -> Path:
    """A network that answers the same 100 `logits` for every image."""

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
    """Logits (?, 100) with their peak at quality 1 + 99 x level.

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


def picky_graph(path: Path) -> Path:
    """A network whose run fails if an image is almost wholly red; else as `mean_graph` of red."""

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf))[:, 0]
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(red < 0.9), ["red"])]):
            logits_around(tf, tf.identity(red))

    return write_graph(path, build)


def quality_of(red: int) -> int:
    """The quality that the networks of red predict for a sample, 0 to 255."""
    return 1 + round(99 * red / 255)


def target_graph(
    path: Path, shape: Sequence[int | None] | None = (), dtype: str = "float32"
) -> Path:
    """A network whose quality is 1 + 99 x the target."""

    def build(tf: Any) -> None:
        image = image_input(tf)
        target = tf.cast(tf.compat.v1.placeholder(dtype, shape, "target"), tf.float32)
        unseen = 0.0 * tf.reduce_mean(image, [1, 2, 3])
        tf.identity(logits_around(tf, tf.reshape(target, [-1]) + unseen), "logits")

    return write_graph(path, build)


CURVE_TENSORS = {"curve_mean": "curve_mean:0", "curve_factor": "curve_factor:0"}


def curve_graph(path: Path, target: bool = True, width: float = 1.0) -> Path:
    """A network of our own kind: uint8 images, one target per image, logits and a curve.

    Its quality is 1 + 99 x the mean of red in [0, 1]. The mean of its curve is
    red + q / 100 - target; the rows of its factor are 1 and q / 100, both x `width`.
    """

    def build(tf: Any) -> None:
        red = channel_means(tf, image_input(tf, NHWC, "uint8", "image"))[:, 0]
        level = tf.zeros_like(red)
        if target:
            level = tf.compat.v1.placeholder("float32", [None], "target")
        tf.identity(logits_around(tf, red), "logits")
        ladder = tf.constant(np.arange(1, 101, dtype=np.float32)[np.newaxis] / 100)
        tf.add((red - level)[:, tf.newaxis], ladder, "curve_mean")
        factor = width * tf.stack([tf.ones_like(ladder), ladder], 1)
        tf.tile(factor, [tf.shape(red)[0], 1, 1], "curve_factor")

    return write_graph(path, build)


SECOND = {
    "tensors": {
        "logits": "second/logits:0",
        "curve_mean": "second/curve_mean:0",
        "curve_factor": "second/curve_factor:0",
    },
    "curve": {"residual": 0.1},
    "targets": {"min": 20, "max": 90},
}
"""The outputs of `two_metric_graph` for SSIMULACRA2, as a side file describes them."""


def two_metric_graph(path: Path) -> Path:
    """A network that predicts DSSIM as `curve_graph` does, from red, and a second metric.

    The quality for the second is the target, the mean of its curve green + q / 100; the one row of
    its factor is 2.
    """

    def build(tf: Any) -> None:
        image = image_input(tf, NHWC, "uint8", "image")
        red, green, _ = tf.unstack(channel_means(tf, image), axis=1)
        target = tf.compat.v1.placeholder("float32", [None], "target")
        ladder = tf.constant(np.arange(1, 101, dtype=np.float32)[np.newaxis] / 100)
        for scope, level, height in (("", red, red - target), ("second/", target / 100, green)):
            tf.identity(logits_around(tf, level), f"{scope}logits")
            tf.add(height[:, tf.newaxis], ladder, f"{scope}curve_mean")
            factor = tf.fill([tf.shape(red)[0], 1, 100], 2.0 if scope else 1.0)
            tf.identity(factor, f"{scope}curve_factor")

    return write_graph(path, build)


def side_content(**changes: Any) -> dict[str, Any]:
    """A side file for `curve_graph`; `changes` replace fields of its top level."""
    content: dict[str, Any] = {
        "format_version": 1,
        "name": "a network for tests",
        "version": "1.2",
        "format": "jpeg",
        "input": {"recipe": "mosaic", "side": 416, "tile": 16},
        "tensors": {
            "image": "image:0",
            "target": "target:0",
            "logits": "logits:0",
            **CURVE_TENSORS,
        },
        "curve": {"residual": 0.02},
        "encoder": {"name": "mozjpeg"},
        "library_versions": {},
        "targets": {"min": 0.002, "max": 0.05},
        "corpus": {},
        "training": {},
        "accuracy": {},
    }
    return content | changes


def write_side_file(network: Path, content: Any) -> Path:
    """Write `content` as the side file of `network`, as JSON unless it is text or bytes."""
    path = network.with_suffix(".json")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path
