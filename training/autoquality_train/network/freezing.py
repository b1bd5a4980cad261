"""A fitted network as a TensorFlow frozen graph with its side file."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from autoquality_core.networks.inputs import SIDE, TILE
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.search.curve import rbf
from autoquality_train.files import atomic, write_json
from autoquality_train.network.fitting import Fitted
from autoquality_train.network.head import coefficients_of, residual_of
from autoquality_train.network.statistics import TileStatistics, strengths_for

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

OUTPUTS = ("logits", "curve_mean", "curve_factor")

_GRAPH = "frozen.pb"


def freeze(fitted: Fitted, path: Path, side_file: Mapping[str, Any]) -> None:
    """Write `path` (.pb) and the side file (.json) next to it.

    The graph takes `image` (n, 416, 416, 3) uint8 and `target` (n,) float32, and returns `logits`
    (n, 100), `curve_mean` (n, 100) and `curve_factor` (n, rows, 100). If the backend is not
    TensorFlow, another process freezes the network. Raises CalledProcessError if that fails.
    """
    here = keras.backend.backend() == "tensorflow"
    graph = frozen_graph(fitted) if here else _frozen_by_tensorflow(fitted)
    described = {
        "format_version": 1,
        **side_file,
        "input": {"recipe": "mosaic", "side": SIDE, "tile": TILE},
        "tensors": {name: f"{name}:0" for name in ("image", "target", *OUTPUTS)},
        "curve": {"residual": RESIDUAL},
        "training": {**side_file.get("training", {}), **fitted.record},
    }
    with atomic(path) as partial:
        partial.write_bytes(graph)
    write_json(path.with_suffix(".json"), described)


def distribution(fitted: Fitted, images: Any) -> tuple[Any, Any]:
    """The mean of the curve (n, 100) and a factor F (n, rows, 100) of its covariance F^T F.

    The distribution of a mixture of the members: the mean of their covariances and the distances
    from their mean, then the residual.
    """
    tiles = TileStatistics(strengths_for(fitted.setting))(images)
    outputs = [member(tiles) for member in fitted.members]
    found = [coefficients_of(output) for output in outputs]
    share = 1 / math.sqrt(len(found))
    means = ops.stack([mean for mean, _ in found], axis=1)
    middle = ops.mean(means, axis=1)
    rows = [(means - middle[:, None]) * share]
    rows += [ops.transpose(factor, (0, 2, 1)) * (share * fitted.scale) for _, factor in found]
    components = fitted.basis.components
    factor = ops.matmul(_shortest(ops.concatenate(rows, axis=1)), components)
    residuals = ops.stack([residual_of(output) for output in outputs], axis=1)
    residual = ops.sqrt(ops.mean(ops.square(residuals), axis=1)) * fitted.scale
    factor = ops.concatenate([factor, residual[:, None, None] * _residual_factor()], axis=1)
    return fitted.basis.mean + ops.matmul(middle, components), factor


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


def quality_logits(mean: Any, factor: Any, target: Any, residual: float) -> Any:
    """Log P(the curve crosses the target at quality q), q = 1..100: (n, 100).

    The value at q is normally distributed. Half a step above q, the curve is taken to be half way
    to its next value.
    """
    deviation = ops.sqrt(ops.sum(ops.square(factor), axis=1) + residual**2)
    sure = (mean + ops.log(ops.maximum(target, 1e-7))[:, None]) / deviation
    between = (sure[:, 1:] + sure[:, :-1]) / 2
    above = 0.5 * (1 + ops.erf(between / math.sqrt(2)))
    none, certain = ops.zeros_like(above[:, :1]), ops.ones_like(above[:, :1])
    grown = ops.concatenate([above, certain], 1) - ops.concatenate([none, above], 1)
    return ops.log(ops.maximum(grown, _LEAST))


def _frozen_by_tensorflow(fitted: Fitted) -> bytes:
    """The frozen graph from a process with TensorFlow as the backend, which cannot be changed."""
    code = "import sys; from autoquality_train.network import freezing; freezing.main(sys.argv[1])"
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        subprocess.run(
            [sys.executable, "-c", code, folder],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            check=True,
        )
        return Path(folder, _GRAPH).read_bytes()


def main(folder: str) -> None:
    """Freeze the network that `Fitted.save` wrote to `folder`, into the same folder."""
    Path(folder, _GRAPH).write_bytes(frozen_graph(Fitted.restore(Path(folder))))


def frozen_graph(fitted: Fitted) -> bytes:
    """The serialised graph. Needs TensorFlow as the backend of Keras."""
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    def answer(image: Any, target: Any) -> dict[str, Any]:
        mean, factor = distribution(fitted, image)
        logits = quality_logits(mean, factor, target, RESIDUAL)
        return dict(zip(OUTPUTS, (logits, mean, factor), strict=True))

    signature = (
        tf.TensorSpec([None, SIDE, SIDE, 3], tf.uint8, name="image"),
        tf.TensorSpec([None], tf.float32, name="target"),
    )
    function = tf.function(answer, autograph=False).get_concrete_function(*signature)
    frozen = convert_variables_to_constants_v2(function)
    named = tf.Graph()
    with named.as_default():
        tf.import_graph_def(frozen.graph.as_graph_def(), name="")
        order = sorted(OUTPUTS)  # the order in which a function returns a dictionary
        for name, tensor in zip(order, frozen.outputs, strict=True):
            tf.identity(named.get_tensor_by_name(tensor.name), name=name)
    kept = tf.compat.v1.graph_util.extract_sub_graph(
        named.as_graph_def(), ["image", "target", *OUTPUTS]
    )
    data: bytes = kept.SerializeToString(deterministic=True)
    return data
