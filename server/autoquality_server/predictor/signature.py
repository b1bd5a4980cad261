"""Which tensors of a graph are the image, the target and the outputs.

imgproxy's contract names shapes, not tensors, so they are found by shape: the
image is a placeholder of 416 x 416 RGB, the logits are the last node of 1 x 100
values, the target (which a graph need not have) a placeholder of one number.
Where a side file names them, it is taken at its word and checked. Where the
graph leaves a shape open, every reading of it is proposed, the likeliest first;
running them tells.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_server.predictor.input import SIDE
from autoquality_server.predictor.prediction import QUALITIES
from autoquality_server.predictor.side_file import SideFile

_HWC = (SIDE, SIDE, 3)
_CHW = (3, SIDE, SIDE)
_IMAGE_TYPES = ("float32", "uint8")


class Misfit(Exception):
    """The graph's tensors do not fit the contract; `str` says how."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One reading of a graph; `image`, `target` and the outputs are its tensors.

    `target_rank` is 0, 1 or 2, unused without a target. A graph has both parts
    of the curve or neither.
    """

    image: Any
    channels_first: bool
    target: Any | None
    target_rank: int
    logits: Any
    curve_mean: Any | None = None
    curve_factor: Any | None = None

    @property
    def declared_batch(self) -> int | None:
        """How many images at once the graph says that it takes; None where it leaves that open."""
        size = _batch_of(self.image)
        if size is None and self.target is not None:
            size = 1 if self.target_rank == 0 else _batch_of(self.target)
        return size

    @property
    def outputs(self) -> list[Any]:
        """What to fetch: the logits, then mean and factor of the curve if there is one."""
        curve = [self.curve_mean, self.curve_factor]
        return [self.logits, *(tensor for tensor in curve if tensor is not None)]

    def prepare(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """An image of shape (416, 416, 3) in the type and layout of the graph.

        A float32 graph gets [0, 1], a uint8 graph 0 to 255.
        """
        pixels: npt.NDArray[Any] = image
        if self.image.dtype.name == "float32":
            pixels = np.divide(image, np.float32(255), dtype=np.float32)
        if self.channels_first:
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels)

    def feeds(
        self, images: Sequence[npt.NDArray[Any]], targets: npt.ArrayLike
    ) -> dict[Any, npt.NDArray[Any]]:
        """The values to feed for as many prepared images and DSSIMs."""
        values = {self.image: np.stack(images)}
        if self.target is not None:
            kind = self.target.dtype.as_numpy_dtype
            shape = ((), (-1,), (-1, 1))[self.target_rank]
            values[self.target] = np.asarray(targets, kind).reshape(shape)
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
    logits = _find_logits(graph, images)
    needed = _ancestors(logits.op)
    used = [image for image in images if image.op in needed]
    image = _only(_surest(used or images), "the image")
    target = _find_target(op.outputs[0] for op in needed if _must_be_fed(op) and op != image.op)
    yield from _readings(image, target, logits)


def named_signatures(graph: Any, side: SideFile) -> Iterator[Signature]:
    """As `signatures`, with the tensors that a side file names.

    Raises NetworkError, blaming the field, for one that is missing or does not fit.
    """
    image = _named(graph, side, "image", lambda one: _is_image(one.op), "a 416x416 RGB placeholder")
    batches = {_batch_of(image), None, 1}
    logits = _named(graph, side, "logits", _is_rows(batches, 2), "an output [?, 100] of floats")
    target = mean = factor = None
    if side.tensors.target:
        target = _named(graph, side, "target", _is_target, "a placeholder of one float an image")
    if side.tensors.curve_mean:
        rows, layers = _is_rows(batches, 2), _is_rows(batches, 3)
        mean = _named(graph, side, "curve_mean", rows, "an output [?, 100] of floats")
        factor = _named(graph, side, "curve_factor", layers, "an output [?, k, 100] of floats")
    yield from _readings(image, target, logits, mean, factor)


def _named(graph: Any, side: SideFile, part: str, fits: Callable[[Any], bool], wanted: str) -> Any:
    name = getattr(side.tensors, part)
    try:
        tensor = graph.get_tensor_by_name(name)
    except (KeyError, ValueError):
        why = f"names '{name}', which is no tensor of the graph"
        raise side.refusal(f"tensors.{part}", why) from None
    if not fits(tensor):
        raise side.refusal(f"tensors.{part}", f"must name {wanted}, not {_describe(tensor)}")
    return tensor


def _readings(image: Any, target: Any | None, *outputs: Any) -> Iterator[Signature]:
    layouts = [order for order in (_HWC, _CHW) if _may_be(image.shape, (None, *order))]
    size = _batch_of(image) or 1
    ranks = [
        rank
        for rank, shape in enumerate(((), (size,), (size, 1)))
        if target is not None and target.shape.is_compatible_with(shape) and (rank or size == 1)
    ]
    for layout, rank in itertools.product(layouts, ranks if target is not None else [0]):
        yield Signature(image, layout == _CHW, target, rank, *outputs)


def _find_logits(graph: Any, images: list[Any]) -> Any:
    leaves = [
        op.outputs[0]
        for op in graph.get_operations()
        if op.outputs and not any(tensor.consumers() for tensor in op.outputs)
    ]
    batches = {None, 1, *map(_batch_of, images)}
    is_rows, is_row = _is_rows(batches, 2), _is_rows(batches, 1)
    # By name, because a logits tensor may end in several leaves.
    fitting = {
        tensor.name: tensor
        for tensor in map(_before_softmax, leaves)
        if not _is_input(tensor.op) and (is_rows(tensor) or is_row(tensor))
    }
    if not fitting:
        raise Misfit(f"no output has 1x{QUALITIES.size} logits; its outputs: {_list(leaves)}")
    # Left-overs such as an unused bias of 100 numbers do not depend on the image;
    # but then neither does the whole of a graph that answers a constant.
    sources = {image.op for image in images}
    seeing = [tensor for tensor in fitting.values() if _ancestors(tensor.op) & sources]
    return _only(_surest(seeing or list(fitting.values())), "the logits")


def _before_softmax(tensor: Any) -> Any:
    """The tensor under the identities and the softmax that exporters put on top."""
    while tensor.op.type in ("Identity", "Softmax"):
        tensor = tensor.op.inputs[0]
    return tensor


def _find_target(others: Iterable[Any]) -> Any | None:
    found = list(others)
    for tensor in found:
        if not _is_target(tensor):
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
        and any(_may_be(op.outputs[0].shape, (None, *order)) for order in (_HWC, _CHW))
    )


def _is_target(tensor: Any) -> bool:
    shapes = ((), (None,), (None, 1))
    fits = any(_may_be(tensor.shape, shape) for shape in shapes)
    return bool(_is_input(tensor.op) and tensor.dtype.is_floating and fits)


def _is_rows(batches: set[int | None], rank: int) -> Callable[[Any], bool]:
    """Whether a tensor may be floats of that rank, 100 of them in the last dimension.

    `batches` are the sizes that the first of several dimensions may be declared with.
    """
    shape = (None,) * (rank - 1) + (QUALITIES.size,)

    def fits(tensor: Any) -> bool:
        few = rank == 1 or tensor.shape.rank is None or _batch_of(tensor) in batches
        return bool(tensor.dtype.is_floating and few and _may_be(tensor.shape, shape))

    return fits


def _may_be(shape: Any, wanted: tuple[int | None, ...]) -> bool:
    return bool(shape.is_compatible_with(wanted))


def _batch_of(tensor: Any) -> int | None:
    """The declared size of the first dimension, None where it is open."""
    size: int | None = tensor.shape[0] if tensor.shape.rank else None
    return size


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
