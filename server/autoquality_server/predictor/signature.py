"""Which tensors of a graph are the image, the target and the logits.

The contract names shapes, not tensors, so they are found by shape: the image is
a placeholder of 416 x 416 RGB, the logits are the last node of 1 x 100 values,
the target (which a graph need not have) a placeholder of one number. Where the
graph leaves a shape open, every reading of it is proposed, the likeliest first;
running them tells.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_server.predictor.input import SIDE
from autoquality_server.predictor.prediction import QUALITIES

_NHWC = (1, SIDE, SIDE, 3)
_NCHW = (1, 3, SIDE, SIDE)
_IMAGE_TYPES = ("float32", "uint8")
_TARGET_SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (1, 1))
LOGITS_SHAPES: tuple[tuple[int, ...], ...] = ((1, QUALITIES.size), (QUALITIES.size,))


class Misfit(Exception):
    """The graph's tensors do not fit the contract; `str` says how."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One reading of a graph; `image`, `target` and `logits` are its tensors.

    `target_shape` is the shape that the target is fed in, unused without one.
    """

    image: Any
    channels_first: bool
    target: Any | None
    target_shape: tuple[int, ...]
    logits: Any

    @property
    def inputs(self) -> list[Any]:
        """The tensors to feed, in the order of `feeds`."""
        return [self.image] if self.target is None else [self.image, self.target]

    def feeds(self, image: npt.NDArray[np.uint8], target: float) -> list[npt.NDArray[Any]]:
        """The values to feed for an image of shape (416, 416, 3) and a DSSIM.

        A float32 graph gets [0, 1], a uint8 graph 0 to 255.
        """
        pixels: npt.NDArray[Any] = image
        if self.image.dtype.name == "float32":
            pixels = np.divide(image, np.float32(255), dtype=np.float32)
        if self.channels_first:
            pixels = pixels.transpose(2, 0, 1)
        values = [np.ascontiguousarray(pixels[np.newaxis])]
        if self.target is not None:
            kind = self.target.dtype.as_numpy_dtype
            values.append(np.full(self.target_shape, target, kind))
        return values


def signatures(graph: Any) -> Iterator[Signature]:
    """Every reading of `graph` (a tf.Graph) that its shapes allow, the likeliest first.

    Raises Misfit if there is none, or if two tensors could play the same part.
    """
    images = [op.outputs[0] for op in graph.get_operations() if _is_image(op)]
    if not images:
        raise Misfit(
            f"no input takes {SIDE}x{SIDE} RGB images (float32 or uint8, NHWC or NCHW); "
            f"its inputs: {_list(op.outputs[0] for op in _placeholders(graph))}"
        )
    logits = _find_logits(graph, {image.op for image in images})
    needed = _ancestors(logits.op)
    used = [image for image in images if image.op in needed]
    image = _only(_surest(used or images), "the image")
    target = _find_target(op.outputs[0] for op in needed if _must_be_fed(op) and op != image.op)
    layouts = [shape for shape in (_NHWC, _NCHW) if image.shape.is_compatible_with(shape)]
    shapes = [s for s in _TARGET_SHAPES if target is None or target.shape.is_compatible_with(s)]
    for layout, shape in itertools.product(layouts, shapes if target is not None else [()]):
        yield Signature(image, layout == _NCHW, target, shape, logits)


def _find_logits(graph: Any, images: set[Any]) -> Any:
    leaves = [
        op.outputs[0]
        for op in graph.get_operations()
        if op.outputs and not any(tensor.consumers() for tensor in op.outputs)
    ]
    # By name, because a logits tensor may end in several leaves.
    fitting = {
        tensor.name: tensor
        for tensor in map(_before_softmax, leaves)
        if tensor.dtype.is_floating
        and not _is_input(tensor.op)
        and any(tensor.shape.is_compatible_with(shape) for shape in LOGITS_SHAPES)
    }
    if not fitting:
        raise Misfit(f"no output has 1x{QUALITIES.size} logits; its outputs: {_list(leaves)}")
    # Left-overs such as an unused bias of 100 numbers do not depend on the image;
    # but then neither does the whole of a graph that answers a constant.
    seeing = [tensor for tensor in fitting.values() if _ancestors(tensor.op) & images]
    return _only(_surest(seeing or list(fitting.values())), "the logits")


def _before_softmax(tensor: Any) -> Any:
    """The tensor under the identities and the softmax that exporters put on top."""
    while tensor.op.type in ("Identity", "Softmax"):
        tensor = tensor.op.inputs[0]
    return tensor


def _find_target(others: Iterable[Any]) -> Any | None:
    found = list(others)
    for tensor in found:
        fits = any(tensor.shape.is_compatible_with(shape) for shape in _TARGET_SHAPES)
        if not (tensor.dtype.is_floating and fits):
            raise Misfit(f"it needs an input besides the image and the target: {_list([tensor])}")
    return _only(found, "the target") if found else None


def _ancestors(op: Any) -> set[Any]:
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


def _is_image(op: Any) -> bool:
    return (
        _is_input(op)
        and op.outputs[0].dtype.name in _IMAGE_TYPES
        and any(op.outputs[0].shape.is_compatible_with(shape) for shape in (_NHWC, _NCHW))
    )


def _is_input(op: Any) -> bool:
    return op.type in ("Placeholder", "PlaceholderWithDefault")


def _must_be_fed(op: Any) -> bool:
    return bool(op.type == "Placeholder")


def _placeholders(graph: Any) -> list[Any]:
    return [op for op in graph.get_operations() if _is_input(op)]


def _surest(tensors: list[Any]) -> list[Any]:
    """Those whose shape says so rather than leaving it open, if there are any."""
    return [tensor for tensor in tensors if _says_its_size(tensor)] or tensors


def _says_its_size(tensor: Any) -> bool:
    return tensor.shape.rank is not None and any(
        size in (SIDE, QUALITIES.size) for size in tensor.shape.as_list()
    )


def _only(tensors: list[Any], part: str) -> Any:
    if len(tensors) > 1:
        raise Misfit(f"cannot tell which is {part}: {_list(tensors)}")
    return tensors[0]


def _list(tensors: Iterable[Any]) -> str:
    """For a message: 'x' float32 [?, 416, 416, 3], ...; "none" if there are none."""
    return ", ".join(map(_describe, itertools.islice(tensors, 6))) or "none"


def _describe(tensor: Any) -> str:
    if tensor.shape.rank is None:
        shape = "of unknown shape"
    else:
        sizes = ("?" if size is None else str(size) for size in tensor.shape.as_list())
        shape = f"[{', '.join(sizes)}]"
    return f"'{tensor.op.name}' {tensor.dtype.name} {shape}"
