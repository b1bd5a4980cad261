"""Finds the image, the target and the outputs among the tensors of a TensorFlow graph.

imgproxy's contract defines shapes, not names. The image is a placeholder of
416 x 416 RGB. The logits are the last node of 1 x 100 values. The optional target
is a placeholder of one number. A side file names the tensors; then only their
shapes are checked. If the graph leaves a shape open, all possible readings are
proposed, the likeliest first. The caller runs them to find the right one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.backend import Array, Rgb
from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.prediction import QUALITIES
from autoquality_core.networks.side_file import SideFile
from autoquality_core.networks.tensors import (
    CHW,
    HWC,
    ancestors,
    batch_of,
    before_softmax,
    declares_size,
    described,
    is_image,
    is_input,
    is_rows,
    is_target,
    listed,
    may_be,
    must_be_fed,
    placeholders,
)


class Misfit(Exception):
    """The graph's tensors do not fit the contract. `str` gives the reason."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One reading of a graph. `image`, `target` and the outputs are its tensors.

    `target_rank` is 0, 1 or 2, and unused without a target. A graph has both parts
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
        """The batch size that the shapes declare, None if they leave it open."""
        size = batch_of(self.image)
        if size is None and self.target is not None:
            size = 1 if self.target_rank == 0 else batch_of(self.target)
        return size

    @property
    def outputs(self) -> list[Any]:
        """The tensors to fetch: the logits, then mean and factor of the curve if there is one."""
        curve = [self.curve_mean, self.curve_factor]
        return [self.logits, *(tensor for tensor in curve if tensor is not None)]

    def prepare(self, image: Rgb) -> Array:
        """An image in the type and layout of the graph: [0, 1] for float32, 0 to 255 for uint8."""
        pixels: Array = image
        if self.image.dtype.name == "float32":
            pixels = np.divide(image, np.float32(255), dtype=np.float32)
        if self.channels_first:
            pixels = pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(pixels)

    @property
    def inputs(self) -> list[Any]:
        """The tensors to feed, in the order of `values`: the image, then the target if any."""
        return [self.image, *([] if self.target is None else [self.target])]

    def values(self, images: Sequence[Array], targets: npt.ArrayLike) -> list[Array]:
        """The values to feed for some prepared images and a target DSSIM for each."""
        values: list[Array] = [images[0][None] if len(images) == 1 else np.stack(images)]
        if self.target is not None:
            kind = self.target.dtype.as_numpy_dtype
            shape = ((), (-1,), (-1, 1))[self.target_rank]
            values.append(np.asarray(targets, kind).reshape(shape))
        return values


def signatures(graph: Any) -> Iterator[Signature]:
    """All readings of `graph` (a tf.Graph) that its shapes allow, the likeliest first.

    Raises Misfit if there is none, or if two tensors fit the same role.
    """
    images = [op.outputs[0] for op in graph.get_operations() if is_image(op)]
    if not images:
        raise Misfit(
            f"no input takes {SIDE}x{SIDE} RGB images (float32 or uint8, NHWC or NCHW); "
            f"its inputs: {listed(op.outputs[0] for op in placeholders(graph))}"
        )
    logits = _find_logits(graph, images)
    needed = ancestors(logits.op)
    used = [image for image in images if image.op in needed]
    image = _only(_surest(used or images), "the image")
    target = _find_target(op.outputs[0] for op in needed if must_be_fed(op) and op != image.op)
    yield from _readings(image, target, logits)


def named_signatures(graph: Any, side: SideFile) -> Iterator[Signature]:
    """Like `signatures`, for the tensors that a side file names.

    Raises NetworkError with the field's name for one that is missing or does not fit.
    """
    image = _named(graph, side, "image", lambda one: is_image(one.op), "a 416x416 RGB placeholder")
    batches = {batch_of(image), None, 1}
    logits = _named(graph, side, "logits", is_rows(batches, 2), "an output [?, 100] of floats")
    target = mean = factor = None
    if side.tensors.target:
        target = _named(graph, side, "target", is_target, "a placeholder of one float an image")
    if side.tensors.curve_mean:
        rows, layers = is_rows(batches, 2), is_rows(batches, 3)
        mean = _named(graph, side, "curve_mean", rows, "an output [?, 100] of floats")
        factor = _named(graph, side, "curve_factor", layers, "an output [?, k, 100] of floats")
    yield from _readings(image, target, logits, mean, factor)


def _named(graph: Any, side: SideFile, role: str, fits: Callable[[Any], bool], wanted: str) -> Any:
    name = getattr(side.tensors, role)
    try:
        tensor = graph.get_tensor_by_name(name)
    except (KeyError, ValueError):
        why = f"names '{name}', which the graph does not have"
        raise side.refusal(f"tensors.{role}", why) from None
    if not fits(tensor):
        raise side.refusal(f"tensors.{role}", f"must name {wanted}, not {described(tensor)}")
    return tensor


def _readings(image: Any, target: Any | None, *outputs: Any) -> Iterator[Signature]:
    layouts = [order for order in (HWC, CHW) if may_be(image.shape, (None, *order))]
    size = batch_of(image) or 1
    ranks = [
        rank
        for rank, shape in enumerate(((), (size,), (size, 1)))
        if target is not None and target.shape.is_compatible_with(shape) and (rank or size == 1)
    ]
    for layout, rank in itertools.product(layouts, ranks if target is not None else [0]):
        yield Signature(image, layout == CHW, target, rank, *outputs)


def _find_logits(graph: Any, images: list[Any]) -> Any:
    leaves = [
        op.outputs[0]
        for op in graph.get_operations()
        if op.outputs and not any(tensor.consumers() for tensor in op.outputs)
    ]
    batches = {None, 1, *map(batch_of, images)}
    shapes = (is_rows(batches, 2), is_rows(batches, 1))
    # By name, because several leaves may come from one logits tensor.
    fitting = {
        tensor.name: tensor
        for tensor in map(before_softmax, leaves)
        if not is_input(tensor.op) and any(fits(tensor) for fits in shapes)
    }
    if not fitting:
        raise Misfit(f"no output has 1x{QUALITIES.size} logits; its outputs: {listed(leaves)}")
    # Left-overs, such as an unused bias of 100 numbers, do not depend on the image.
    # In a graph that answers a constant, no tensor does.
    sources = {image.op for image in images}
    seeing = [tensor for tensor in fitting.values() if ancestors(tensor.op) & sources]
    return _only(_surest(seeing or list(fitting.values())), "the logits")


def _find_target(others: Iterable[Any]) -> Any | None:
    found = list(others)
    for tensor in found:
        if not is_target(tensor):
            raise Misfit(f"it needs an input besides image and target: {listed([tensor])}")
    return _only(found, "the target") if found else None


def _surest(tensors: list[Any]) -> list[Any]:
    """Those whose shape declares a size of the contract, all if none does."""
    return [tensor for tensor in tensors if declares_size(tensor)] or tensors


def _only(tensors: list[Any], role: str) -> Any:
    if len(tensors) > 1:
        raise Misfit(f"several tensors fit {role}: {listed(tensors)}")
    return tensors[0]
