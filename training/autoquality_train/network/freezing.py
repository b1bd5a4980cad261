"""A fitted network as a TensorFlow frozen graph with its side file."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric
from autoquality_core.networks.inputs import SIDE, TILE, TILES
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.search.curve import rbf
from autoquality_train.files import atomic, write_json
from autoquality_train.graphs import (
    INPUTS,
    OUTPUTS,
    TILES_NAME,
    add,
    outputs_in,
    scope,
    serialised,
    tiles_in,
    without,
)
from autoquality_train.network.fitting import Fitted, Head
from autoquality_train.network.head import coefficients_of, residual_of
from autoquality_train.network.statistics import TileStatistics, for_metric, strengths_for
from autoquality_train.scales import SCALES

FloatArray = npt.NDArray[np.float32]

_LEAST = 1e-6
"""Replaces a probability of 0 before its logarithm is taken."""

RESIDUAL = 0.003
"""The least standard deviation of a curve, for the rounding of predictions."""

_REACH = 5.0
"""Qualities over which the residual of a curve is correlated."""

_SLIGHT = 1e-2
"""Components of the residual with less than this share of the largest variance are dropped."""

_ROUNDING = 1e-6
"""A variance that is added to coefficients, so that no covariance is singular."""

_ORIGIN = ("version", "library_versions", "corpus", "training")
"""The fields of a side file about the origin of a network."""

_GRAPH, _BASE = "frozen.pb", "base.pb"


def freeze(
    fitted: Fitted, path: Path, side_file: Mapping[str, Any], base: Path | None = None
) -> None:
    """Write `path` (.pb) and the side file (.json) next to it.

    The graph takes `image` (n, 416, 416, 3) uint8 and `target` (n,) float32, and returns `logits`
    (n, 100), `curve_mean` (n, 100) and `curve_factor` (n, rows, 100) for each metric. With the
    network `base`, it is a copy of that with the heads of `fitted` added; the side file keeps their
    origin apart. If the backend is not TensorFlow, another process freezes the network. Raises
    CalledProcessError if that fails.
    """
    frozen = frozen_graph if keras.backend.backend() == "tensorflow" else _frozen_by_tensorflow
    graph = frozen(fitted, base.read_bytes() if base else None)
    training = {**side_file.get("training", {}), **fitted.record}
    made = {**side_file, "training": training}
    heads = {metric: described_outputs(metric) for metric in fitted.heads}
    if base:
        origin = {name: made[name] for name in _ORIGIN if name in made}
        described = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
        added = {metric: {**head, "origin": origin} for metric, head in heads.items()}
        described["metrics"] = described.get("metrics", {}) | added
    else:
        first = heads.pop(DSSIM.name)
        first["tensors"] = {name: f"{name}:0" for name in INPUTS} | first["tensors"]
        recipe = {"recipe": "mosaic", "side": SIDE, "tile": TILE}
        described = {"format_version": 1, **made, "input": recipe, **first, "metrics": heads}
    with atomic(path) as partial:
        partial.write_bytes(graph)
    write_json(path.with_suffix(".json"), described)


def described_outputs(metric: str) -> dict[str, Any]:
    """The outputs for a metric as a side file describes them."""
    low, high = SCALES[metric].trained
    return {
        "tensors": {name: f"{scope(metric)}{name}:0" for name in OUTPUTS},
        "curve": {"residual": RESIDUAL},
        "targets": {"min": low, "max": high},
    }


def distribution(head: Head, tiles: Any) -> tuple[Any, Any]:
    """The mean of the curve (n, 100) and a factor F (n, rows, 100) of its covariance F^T F.

    The distribution of a mixture of the members: the mean of their covariances and the distances
    from their mean, then the residual. `tiles` are the statistics for the metric (n, 676, f).
    """
    outputs = [member(tiles) for member in head.members]
    found = [coefficients_of(output) for output in outputs]
    share = 1 / math.sqrt(len(found))
    means = ops.stack([mean for mean, _ in found], axis=1)
    middle = ops.mean(means, axis=1)
    rows = [(means - middle[:, None]) * share]
    rows += [ops.transpose(factor, (0, 2, 1)) * (share * head.scale) for _, factor in found]
    components = head.basis.components
    factor = ops.matmul(_shortest(ops.concatenate(rows, axis=1)), components)
    residuals = ops.stack([residual_of(output) for output in outputs], axis=1)
    residual = ops.sqrt(ops.mean(ops.square(residuals), axis=1)) * head.scale
    factor = ops.concatenate([factor, residual[:, None, None] * _residual_factor()], axis=1)
    return head.basis.mean + ops.matmul(middle, components), factor


def _shortest(rows: Any) -> Any:
    """A factor (n, k, k) of the covariance that `rows` (n, any, k) is a factor of."""
    covariance = ops.matmul(ops.transpose(rows, (0, 2, 1)), rows)
    lower = ops.cholesky(covariance + _ROUNDING * np.eye(rows.shape[-1], dtype=np.float32))
    return ops.transpose(lower, (0, 2, 1))


def _residual_factor() -> FloatArray:
    """A factor (rows, 100) of the covariance of a smooth residual with standard deviation 1."""
    scale, directions = np.linalg.eigh(rbf(_REACH))
    kept = scale > _SLIGHT * scale[-1]
    factor: FloatArray = (directions[:, kept] * np.sqrt(scale[kept])).T.astype(np.float32)
    return factor


def aim(metric: str, target: Any) -> Any:
    """The value of the target scores (n,): `Metric.value` as operations of a graph."""
    if metric == DSSIM.name:
        return -ops.log(ops.maximum(target, 1e-7))
    return -ops.log(ops.maximum(SSIMULACRA2.high - target, 0.01))


def quality_logits(mean: Any, factor: Any, aims: Any, residual: float) -> Any:
    """Log P(the curve crosses its aim, (n,), at quality q), q = 1..100: (n, 100).

    The value at q is normally distributed. Half a step above q, the curve is taken to be half way
    to its next value.
    """
    deviation = ops.sqrt(ops.sum(ops.square(factor), axis=1) + residual**2)
    sure = (mean - aims[:, None]) / deviation
    between = (sure[:, 1:] + sure[:, :-1]) / 2
    above = 0.5 * (1 + ops.erf(between / math.sqrt(2)))
    none, certain = ops.zeros_like(above[:, :1]), ops.ones_like(above[:, :1])
    grown = ops.concatenate([above, certain], 1) - ops.concatenate([none, above], 1)
    return ops.log(ops.maximum(grown, _LEAST))


def _frozen_by_tensorflow(fitted: Fitted, base: bytes | None) -> bytes:
    """The frozen graph from a process with TensorFlow as the backend, which cannot be changed."""
    code = "import sys; from autoquality_train.network import freezing; freezing.main(sys.argv[1])"
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        if base:
            Path(folder, _BASE).write_bytes(base)
        subprocess.run(
            [sys.executable, "-c", code, folder],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            check=True,
        )
        return Path(folder, _GRAPH).read_bytes()


def main(folder: str) -> None:
    """Freeze the network that `Fitted.save` wrote to `folder`, into the same folder."""
    base = Path(folder, _BASE)
    fitted = Fitted.restore(Path(folder))
    graph = frozen_graph(fitted, base.read_bytes() if base.exists() else None)
    Path(folder, _GRAPH).write_bytes(graph)


def frozen_graph(fitted: Fitted, base: bytes | None = None) -> bytes:
    """The serialised graph. Needs TensorFlow as the backend of Keras.

    With `base`, it is that graph with the heads of `fitted` added to its statistics of tiles.
    """
    tf = tensorflow()
    statistics = TileStatistics(strengths_for(fitted.setting))
    image = tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8, name="image")
    if base is None:
        graph = _frozen(lambda image: {TILES_NAME: statistics(image)}, image)
    else:
        graph = without(tf.compat.v1.GraphDef.FromString(base), fitted.heads)
    tiles = tf.TensorSpec([None, TILES, statistics.width], tf.float32, name=TILES_NAME)
    target = tf.TensorSpec([None], tf.float32, name="target")
    outputs = outputs_in(graph)
    source = tiles_in(graph, statistics.width)
    for metric, head in fitted.heads.items():
        answer = _answers(head, METRICS[metric])
        add(graph, _frozen(answer, tiles, image, target), scope(metric), source)
        outputs += [f"{scope(metric)}{name}" for name in OUTPUTS]
    return serialised(graph, [*INPUTS, *outputs])


def _answers(head: Head, metric: Metric) -> Callable[[Any, Any, Any], dict[str, Any]]:
    """The function of a head from statistics of tiles, images and targets to OUTPUTS."""

    def answer(tiles: Any, image: Any, target: Any) -> dict[str, Any]:
        mean, factor = distribution(head, for_metric(tiles, image, metric))
        logits = quality_logits(mean, factor, aim(metric.name, target), RESIDUAL)
        return dict(zip(OUTPUTS, (logits, mean, factor), strict=True))

    return answer


def _frozen(function: Callable[..., dict[str, Any]], *inputs: Any) -> Any:
    """A GraphDef of a function of tensors; its inputs and outputs have their own names."""
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    concrete = tf.function(function, autograph=False).get_concrete_function(*inputs)
    frozen = convert_variables_to_constants_v2(concrete)
    named = tf.Graph()
    with named.as_default():
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        # A function returns a dictionary in the order of its sorted keys.
        order = sorted(concrete.structured_outputs)
        for name, tensor in zip(order, frozen.outputs, strict=True):
            tf.identity(named.get_tensor_by_name(tensor.name), name=name)
    return named.as_graph_def()
