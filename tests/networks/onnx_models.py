"""ONNX models of imgproxy 4's contract for tests, whose answers are easy to compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

NHWC = ("n", 256, 256, 3)
NCHW = ("n", 3, 256, 256)


def red_model(
    path: Path,
    shape: Sequence[int | str] = NHWC,
    output: Sequence[int | str] = ("n", 1),
    scale: float = 1.0,
    side: int = 256,
    flat: bool = False,
) -> Path:
    """A model that answers the mean of red in [0, 1] x `scale`.

    It has one number per image; with `flat`, one number for the whole batch.
    """
    channels_first = shape[1] == 3
    weights = np.zeros((1, 3, 1, 1) if channels_first else (1, 1, 1, 3), np.float32)
    weights.flat[0] = scale * 3
    axes = [0, 1, 2, 3] if flat else [1, 2, 3]
    nodes = [
        helper.make_node("Mul", ["image", "weights"], ["weighted"]),
        helper.make_node("ReduceMean", ["weighted", "axes"], ["mean"], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["quality"]),
    ]
    tensors = [
        helper.make_tensor("weights", TensorProto.FLOAT, weights.shape, weights.ravel()),
        helper.make_tensor("axes", TensorProto.INT64, [len(axes)], axes),
        helper.make_tensor("shape", TensorProto.INT64, [len(output)], [-1, 1][: len(output)]),
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("quality", TensorProto.FLOAT, list(output))],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(path))
    return path
