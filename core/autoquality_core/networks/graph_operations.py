"""TensorFlow's operations in NumPy: those that the bundled networks consist of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autoquality_core.networks.backend import Array
from autoquality_core.networks.graph_file import TYPES, Node, Unsupported
from autoquality_core.runtime.products import product

Operation = Callable[..., Array]
"""From all inputs of a node to its output, which may be an input or a view of one."""

Constants = Sequence[Array | None]
"""The inputs of a node that are constants, None in the place of others."""

Maker = Callable[[Mapping[str, Any], Constants], Operation]


def operation(node: Node, constants: Constants) -> Operation:
    """What `node` computes. Raises Unsupported."""
    if node.kind in _FUNCTIONS:
        return _FUNCTIONS[node.kind]
    make = _MAKERS.get(node.kind)
    if make is None:
        raise Unsupported(f"it has the operation '{node.kind}'")
    try:
        return make(node.attributes, constants)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise Unsupported(f"'{node.name}' is another '{node.kind}': {error!r}") from error


def _ints(constant: Array | None) -> list[int]:
    """The numbers of a constant. Raises TypeError for an input that is none."""
    if constant is None:
        raise TypeError("an input is not constant")
    numbers: list[int] = constant.ravel().tolist()
    return numbers


def _cast(attributes: Mapping[str, Any], _constants: Constants) -> Operation:
    kind = TYPES[attributes["DstT"]]
    return lambda values: values.astype(kind)


def _concatenate(_attributes: Mapping[str, Any], constants: Constants) -> Operation:
    (axis,) = _ints(constants[-1])
    return lambda *values: np.concatenate(values[:-1], axis)


def _constant(attributes: Mapping[str, Any], _constants: Constants) -> Operation:
    value = attributes["value"]
    return lambda: value


def _by_number(function: Callable[[float], float]) -> Operation:
    """An operation on few numbers, in double precision."""
    each: Any = np.frompyfunc(function, 1, 1)
    return lambda values: each(values).astype(values.dtype)


def _gather(attributes: Mapping[str, Any], constants: Constants) -> Operation:
    (axis,) = _ints(constants[2])
    if attributes.get("batch_dims"):
        raise ValueError("batch_dims")
    return lambda values, places, _axis: values.take(places, axis)


def _matrix_product(attributes: Mapping[str, Any], _constants: Constants) -> Operation:
    first = attributes.get("transpose_a") or attributes.get("adj_x")
    second = attributes.get("transpose_b") or attributes.get("adj_y")

    def multiply(one: Array, other: Array) -> Array:
        left = one.swapaxes(-1, -2) if first else one
        right = other.swapaxes(-1, -2) if second else other
        return product(left, right) if left.ndim == right.ndim == 2 else np.matmul(left, right)

    return multiply


def _pack(attributes: Mapping[str, Any], _constants: Constants) -> Operation:
    axis = attributes["axis"]
    return lambda *values: np.stack(values, axis)


def _pad(_attributes: Mapping[str, Any], constants: Constants) -> Operation:
    numbers = _ints(constants[1])
    before, after = numbers[::2], numbers[1::2]

    def pad(values: Array, _amounts: Array) -> Array:
        sizes = zip(before, values.shape, after, strict=True)
        padded = np.zeros([sum(parts) for parts in sizes], values.dtype)
        inner = zip(before, values.shape, strict=True)
        padded[tuple(slice(start, start + size) for start, size in inner)] = values
        return padded

    return pad


def _mean(attributes: Mapping[str, Any], constants: Constants) -> Operation:
    total = _sum(attributes, constants)

    def mean(values: Array, axes: Array) -> Array:
        if values.ndim == 2 and axes.tolist() in (1, [1], -1, [-1]):
            # Many short rows: a product is ten times as fast as a sum.
            _, size = values.shape
            means: Array = values @ np.full(size, 1 / size, values.dtype)
            return means[:, None] if attributes["keep_dims"] else means
        sums = total(values, axes)
        sums *= values.dtype.type(sums.size / values.size)
        return sums

    return mean


def _reduction(ufunc: np.ufunc) -> Maker:
    def make(attributes: Mapping[str, Any], constants: Constants) -> Operation:
        axes, kept = tuple(_ints(constants[1])), bool(attributes["keep_dims"])
        return lambda values, _axes: np.asarray(
            ufunc.reduce(values, axis=axes, dtype=values.dtype, keepdims=kept)
        )

    return make


_sum = _reduction(np.add)


def _reshape(_attributes: Mapping[str, Any], constants: Constants) -> Operation:
    shape = _ints(constants[1])
    return lambda values, _shape: values.reshape(shape)


def _strided_slice(attributes: Mapping[str, Any], constants: Constants) -> Operation:
    limits = zip(*map(_ints, constants[1:]), strict=True)
    masks = {
        name: attributes[f"{name}_mask"]
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }

    def part(at: int, begin: int, end: int, step: int) -> Any:
        given = {name: bool(mask >> at & 1) for name, mask in masks.items()}
        if given["ellipsis"]:
            return ...
        if given["new_axis"]:
            return None
        if given["shrink_axis"]:
            return begin
        return slice(None if given["begin"] else begin, None if given["end"] else end, step)

    index = tuple(part(at, *numbers) for at, numbers in enumerate(limits))
    return lambda values, *_limits: np.asarray(values[index])


def _transpose(_attributes: Mapping[str, Any], constants: Constants) -> Operation:
    order = _ints(constants[1])
    if order == sorted(order):
        return lambda values, _order: values
    return lambda values, _order: values.transpose(order)


_FUNCTIONS: Mapping[str, Operation] = {
    "Abs": np.absolute,
    "AddV2": np.add,
    "BiasAdd": np.add,
    "CheckNumerics": lambda values: values,  # NaN reaches the outputs, which are checked
    "Cholesky": np.linalg.cholesky,
    "Erf": _by_number(math.erf),
    "Erfc": _by_number(math.erfc),
    "Identity": lambda values: values,
    "Log": np.log,
    "Maximum": np.maximum,
    "Mul": np.multiply,
    "Neg": np.negative,
    "OnesLike": np.ones_like,
    "RealDiv": np.divide,
    "Relu": lambda values: np.maximum(values, 0),
    "Round": np.rint,  # half to even, as TensorFlow
    "Shape": lambda values: np.array(values.shape, np.int32),
    "Sign": np.sign,
    "Softplus": lambda values: np.logaddexp(values, values.dtype.type(0)),
    "Sqrt": np.sqrt,
    "Square": np.square,
    "Sub": np.subtract,
    "ZerosLike": np.zeros_like,
}
"""Operations that depend on their inputs alone."""

_MAKERS: Mapping[str, Maker] = {
    "BatchMatMulV2": _matrix_product,
    "Cast": _cast,
    "ConcatV2": _concatenate,
    "Const": _constant,
    "GatherV2": _gather,
    "MatMul": _matrix_product,
    "Mean": _mean,
    "Min": _reduction(np.minimum),
    "Pack": _pack,
    "Pad": _pad,
    "Prod": _reduction(np.multiply),
    "Reshape": _reshape,
    "StridedSlice": _strided_slice,
    "Sum": _sum,
    "Transpose": _transpose,
}
"""Operations that depend on attributes, or on inputs that are constant."""
