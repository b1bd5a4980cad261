"""TensorFlow's operations in NumPy: those that the bundled networks consist of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from autoquality_core.networks.backend import Array
from autoquality_core.networks.graph_file import TYPES, Node, Unsupported
from autoquality_core.runtime.products import product

Operation = Callable[..., Array]
"""From all inputs of a node to its output, which may be an input or a view of one."""

Attributes = Mapping[str, Any]


def operation(node: Node) -> Operation:
    """What `node` computes. Raises Unsupported."""
    if node.kind in _OF_INPUTS:
        return _OF_INPUTS[node.kind]
    if node.kind in _OF_ATTRIBUTES:
        return partial(_OF_ATTRIBUTES[node.kind], node.attributes)
    raise Unsupported(f"it has the operation '{node.kind}'")


def _by_number(function: Callable[[float], float]) -> Operation:
    """An operation on few numbers, in double precision."""
    each: Any = np.frompyfunc(function, 1, 1)
    return lambda values: each(values).astype(values.dtype)


def _gather(attributes: Attributes, values: Array, places: Array, axis: Array) -> Array:
    if attributes.get("batch_dims"):
        raise ValueError("batch_dims")
    return values.take(places, axis.item())


def _matrix_product(attributes: Attributes, one: Array, other: Array) -> Array:
    if attributes.get("transpose_a") or attributes.get("adj_x"):
        one = one.swapaxes(-1, -2)
    if attributes.get("transpose_b") or attributes.get("adj_y"):
        other = other.swapaxes(-1, -2)
    return product(one, other) if one.ndim == other.ndim == 2 else np.matmul(one, other)


def _pad(values: Array, amounts: Array) -> Array:
    before, after = amounts.T.tolist()
    sizes = zip(before, values.shape, after, strict=True)
    padded = np.zeros([sum(parts) for parts in sizes], values.dtype)
    inner = zip(before, values.shape, strict=True)
    padded[tuple(slice(start, start + size) for start, size in inner)] = values
    return padded


def _mean(attributes: Attributes, values: Array, axes: Array) -> Array:
    if values.ndim == 2 and axes.tolist() in (1, [1], -1, [-1]):
        # Many short rows: a product is ten times as fast as a sum.
        _, size = values.shape
        means: Array = values @ np.full(size, 1 / size, values.dtype)
        return means[:, None] if attributes["keep_dims"] else means
    sums = _reduced(np.add, attributes, values, axes)
    sums *= values.dtype.type(sums.size / values.size)
    return sums


def _reduced(ufunc: np.ufunc, attributes: Attributes, values: Array, axes: Array) -> Array:
    along, kept = tuple(axes.ravel().tolist()), bool(attributes["keep_dims"])
    return np.asarray(ufunc.reduce(values, axis=along, dtype=values.dtype, keepdims=kept))


def _strided_slice(
    attributes: Attributes, values: Array, begin: Array, end: Array, step: Array
) -> Array:
    index: list[Any] = []
    for at, (first, last, by) in enumerate(
        zip(begin.tolist(), end.tolist(), step.tolist(), strict=True)
    ):
        if attributes["ellipsis_mask"] >> at & 1:
            index.append(...)
        elif attributes["new_axis_mask"] >> at & 1:
            index.append(None)
        elif attributes["shrink_axis_mask"] >> at & 1:
            index.append(first)
        else:
            low = None if attributes["begin_mask"] >> at & 1 else first
            index.append(slice(low, None if attributes["end_mask"] >> at & 1 else last, by))
    return np.asarray(values[tuple(index)])


_OF_INPUTS: Mapping[str, Operation] = {
    "Abs": np.absolute,
    "AddV2": np.add,
    "BiasAdd": np.add,
    "CheckNumerics": lambda values: values,  # NaN reaches the outputs, which are checked
    "Cholesky": np.linalg.cholesky,
    "ConcatV2": lambda *values: np.concatenate(values[:-1], values[-1].item()),
    "Erf": _by_number(math.erf),
    "Erfc": _by_number(math.erfc),
    "Identity": lambda values: values,
    "Log": np.log,
    "Maximum": np.maximum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "OnesLike": np.ones_like,
    "Pad": _pad,
    "RealDiv": np.divide,
    "Relu": lambda values: np.maximum(values, 0),
    "Reshape": lambda values, shape: values.reshape(shape),
    "Round": np.rint,  # half to even, as TensorFlow
    "Shape": lambda values: np.array(values.shape, np.int32),
    "Sign": np.sign,
    "Softplus": lambda values: np.logaddexp(values, values.dtype.type(0)),
    "Sqrt": np.sqrt,
    "Square": np.square,
    "Sub": np.subtract,
    "Transpose": lambda values, order: values.transpose(order),
    "ZerosLike": np.zeros_like,
}
"""Operations that depend on their inputs alone."""

_OF_ATTRIBUTES: Mapping[str, Operation] = {
    "BatchMatMulV2": _matrix_product,
    "Cast": lambda attributes, values: values.astype(TYPES[attributes["DstT"]]),
    "Const": lambda attributes: attributes["value"],
    "GatherV2": _gather,
    "MatMul": _matrix_product,
    "Mean": _mean,
    "Min": partial(_reduced, np.minimum),
    "Pack": lambda attributes, *values: np.stack(values, attributes["axis"]),
    "Prod": partial(_reduced, np.multiply),
    "StridedSlice": _strided_slice,
    "Sum": partial(_reduced, np.add),
}
"""Operations that depend on the attributes of their node, too."""
