"""Questions about one tensor or operation of a TensorFlow graph."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.prediction import QUALITIES

HWC = (SIDE, SIDE, 3)
CHW = (3, SIDE, SIDE)

_IMAGE_TYPES = ("float32", "uint8")


def is_image(op: Any) -> bool:
    """Whether an operation can take images of 416 x 416 RGB."""
    return (
        is_input(op)
        and op.outputs[0].dtype.name in _IMAGE_TYPES
        and any(may_be(op.outputs[0].shape, (None, *order)) for order in (HWC, CHW))
    )


def is_target(tensor: Any) -> bool:
    """Whether a tensor can take one float per image."""
    shapes = ((), (None,), (None, 1))
    fits = any(may_be(tensor.shape, shape) for shape in shapes)
    return bool(is_input(tensor.op) and tensor.dtype.is_floating and fits)


def is_rows(batches: set[int | None], rank: int) -> Callable[[Any], bool]:
    """Whether a tensor can have floats of that rank, 100 of them in the last dimension.

    `batches` are the allowed declared sizes of the first of several dimensions.
    """
    shape = (None,) * (rank - 1) + (QUALITIES.size,)

    def fits(tensor: Any) -> bool:
        few = rank == 1 or tensor.shape.rank is None or batch_of(tensor) in batches
        return bool(tensor.dtype.is_floating and few and may_be(tensor.shape, shape))

    return fits


def may_be(shape: Any, wanted: tuple[int | None, ...]) -> bool:
    """Whether a tensor of `shape` can have the sizes `wanted` when it is run."""
    return bool(shape.is_compatible_with(wanted))


def batch_of(tensor: Any) -> int | None:
    """The declared size of the first dimension, None if it is open."""
    size: int | None = tensor.shape[0] if tensor.shape.rank else None
    return size


def is_input(op: Any) -> bool:
    """Whether an operation can be fed."""
    return op.type in ("Placeholder", "PlaceholderWithDefault")


def must_be_fed(op: Any) -> bool:
    """Whether an operation has no value of its own."""
    return bool(op.type == "Placeholder")


def placeholders(graph: Any) -> list[Any]:
    """The operations of a graph that can be fed."""
    return [op for op in graph.get_operations() if is_input(op)]


def ancestors(op: Any) -> set[Any]:
    """`op` and every operation that it depends on."""
    seen = {op}
    queue = [op]
    while queue:
        current = queue.pop()
        for parent in (*(tensor.op for tensor in current.inputs), *current.control_inputs):
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)
    return seen


def before_softmax(tensor: Any) -> Any:
    """The tensor below the identities and the softmax that exporters add."""
    while tensor.op.type in ("Identity", "Softmax"):
        tensor = tensor.op.inputs[0]
    return tensor


def declares_size(tensor: Any) -> bool:
    """Whether the shape declares a size of the contract."""
    return tensor.shape.rank is not None and any(
        size in (SIDE, QUALITIES.size) for size in tensor.shape.as_list()
    )


def listed(tensors: Iterable[Any]) -> str:
    """For messages: 'x' float32 [?, 416, 416, 3], ...; "none" without any."""
    return ", ".join(map(described, itertools.islice(tensors, 6))) or "none"


def described(tensor: Any) -> str:
    """For messages: 'x' float32 [?, 416, 416, 3]."""
    if tensor.shape.rank is None:
        shape = "of unknown shape"
    else:
        sizes = ("?" if size is None else str(size) for size in tensor.shape.as_list())
        shape = f"[{', '.join(sizes)}]"
    return f"'{tensor.op.name}' {tensor.dtype.name} {shape}"
