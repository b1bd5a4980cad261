"""Finds the image, the target and the outputs among the tensors of a TensorFlow graph.

imgproxy's contract defines shapes, not names. The image is a placeholder of
416 x 416 RGB. The logits are the last node of 1 x 100 values. The optional target
is a placeholder of one number. A side file names the tensors; then only their
shapes are checked. If the graph leaves a shape open, all possible readings are
proposed, the likeliest first. The caller runs them to find the right one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoquality_core.metrics import DSSIM
from autoquality_core.networks.backend import layouts
from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.side_file import SideFile
from autoquality_core.search.curve import QUALITIES

_IMAGE_TYPES = ("float32", "uint8")

_WANTED = {
    "image": "a 416x416 RGB placeholder",
    "target": "a placeholder of one float an image",
    "logits": "an output [?, 100] of floats",
    "curve_mean": "an output [?, 100] of floats",
    "curve_factor": "an output [?, k, 100] of floats",
}
"""The tensors that a side file can name."""


class Misfit(Exception):
    """The graph's tensors do not fit the contract. `str` gives the reason."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One reading of a graph: its tensors, and how to feed them.

    `target_rank` is 0, 1 or 2, and unused without a target. `outputs` are, by
    metric, the logits, then mean and factor of the curve if the graph has one.
    """

    image: Any
    channels_first: bool
    target: Any | None
    target_rank: int
    outputs: Mapping[str, tuple[Any, ...]]

    @property
    def batch(self) -> int | None:
        """The batch size that the shapes declare, None if they leave it open."""
        size = _batch(self.image)
        if size is None and self.target is not None:
            size = 1 if self.target_rank == 0 else _batch(self.target)
        return size


def signatures(graph: Any) -> Iterator[Signature]:
    """All readings of `graph` (a tf.Graph) that its shapes allow, the likeliest first.

    Raises Misfit if there is none, or if two tensors fit the same role.
    """
    operations = graph.get_operations()
    images = [op.outputs[0] for op in operations if _is_input(op) and _is_image(op.outputs[0])]
    if not images:
        inputs = (op.outputs[0] for op in operations if _is_input(op))
        raise Misfit(
            f"no input takes {SIDE}x{SIDE} RGB images (float32 or uint8, NHWC or NCHW); "
            f"its inputs: {_listed(inputs)}"
        )
    logits = _find_logits(operations, images)
    needed = _ancestors(logits.op)
    used = [image for image in images if image.op in needed]
    image = _only(_surest(used or images), "the image")
    others = [op.outputs[0] for op in needed if op.type == "Placeholder" and op != image.op]
    for tensor in others:
        if not _is_target(tensor):
            raise Misfit(f"it needs an input besides image and target: {_listed([tensor])}")
    target = _only(others, "the target") if others else None
    yield from _readings(image, target, {DSSIM.name: (logits,)})


def named_signatures(graph: Any, side_file: SideFile) -> Iterator[Signature]:
    """Like `signatures`, for the tensors that a side file names.

    Raises NetworkError with the field's name for one that is missing or does not fit.
    """
    image = _named(graph, side_file, "tensors.image", side_file.tensors["image"], [])
    target = None
    if "target" in side_file.tensors:
        target = _named(graph, side_file, "tensors.target", side_file.tensors["target"], [])
    outputs = {
        metric: tuple(
            _named(graph, side_file, f"{head.field}tensors.{role}", name, [image])
            for role, name in head.tensors.items()
        )
        for metric, head in side_file.heads.items()
    }
    yield from _readings(image, target, outputs)


def _named(graph: Any, side_file: SideFile, field: str, name: str, images: Sequence[Any]) -> Any:
    """The tensor that a field of a side file names. Raises NetworkError."""
    role = field.rpartition(".")[2]
    try:
        tensor = graph.get_tensor_by_name(name)
    except (KeyError, ValueError):
        raise side_file.refusal(field, f"names '{name}', which the graph does not have") from None
    if role == "image":
        fits = _is_input(tensor.op) and _is_image(tensor)
    elif role == "target":
        fits = _is_target(tensor)
    else:
        fits = _is_output(tensor, 3 if role == "curve_factor" else 2, images)
    if not fits:
        raise side_file.refusal(field, f"must name {_WANTED[role]}, not {_described(tensor)}")
    return tensor


def _readings(
    image: Any, target: Any | None, outputs: Mapping[str, tuple[Any, ...]]
) -> Iterator[Signature]:
    size = _batch(image) or 1
    ranks = [0]
    if target is not None:
        ranks = [
            rank
            for rank, shape in enumerate(((), (size,), (size, 1)))
            if target.shape.is_compatible_with(shape) and (rank or size == 1)
        ]
    for channels_first, rank in itertools.product(layouts(_sizes(image), SIDE), ranks):
        yield Signature(image, channels_first, target, rank, outputs)


def _find_logits(operations: Sequence[Any], images: Sequence[Any]) -> Any:
    leaves = [
        op.outputs[0]
        for op in operations
        if op.outputs and not any(tensor.consumers() for tensor in op.outputs)
    ]
    # By name, because several leaves may come from one logits tensor.
    fitting = {
        tensor.name: tensor
        for tensor in map(_before_softmax, leaves)
        if not _is_input(tensor.op)
        and (_is_output(tensor, 2, images) or _is_output(tensor, 1, images))
    }
    if not fitting:
        raise Misfit(f"no output has 1x{QUALITIES.size} logits; its outputs: {_listed(leaves)}")
    # Left-overs, such as an unused bias of 100 numbers, do not depend on the image.
    # In a graph that answers a constant, no tensor does.
    sources = {image.op for image in images}
    dependent = [tensor for tensor in fitting.values() if _ancestors(tensor.op) & sources]
    return _only(_surest(dependent or list(fitting.values())), "the logits")


def _is_input(op: Any) -> bool:
    return op.type in ("Placeholder", "PlaceholderWithDefault")


def _is_image(tensor: Any) -> bool:
    return tensor.dtype.name in _IMAGE_TYPES and bool(layouts(_sizes(tensor), SIDE))


def _is_target(tensor: Any) -> bool:
    fits = any(tensor.shape.is_compatible_with(shape) for shape in ((), (None,), (None, 1)))
    return bool(_is_input(tensor.op) and tensor.dtype.is_floating and fits)


def _is_output(tensor: Any, rank: int, images: Iterable[Any]) -> bool:
    """Whether a tensor can have floats of that rank, 100 of them in the last dimension.

    With several dimensions, the first may be the batch size of one of `images`.
    """
    fits = tensor.shape.is_compatible_with((None,) * (rank - 1) + (QUALITIES.size,))
    batches = {None, 1, *map(_batch, images)}
    return bool(tensor.dtype.is_floating and fits and (rank == 1 or _batch(tensor) in batches))


def _sizes(tensor: Any) -> list[int | None] | None:
    """The declared shape, with None for open sizes; None if even the rank is open."""
    return None if tensor.shape.rank is None else list(tensor.shape.as_list())


def _batch(tensor: Any) -> int | None:
    """The declared size of the first dimension, None if it is open."""
    return (_sizes(tensor) or [None])[0]


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


def _before_softmax(tensor: Any) -> Any:
    """The tensor below the identities and the softmax that exporters add."""
    while tensor.op.type in ("Identity", "Softmax"):
        tensor = tensor.op.inputs[0]
    return tensor


def _surest(tensors: list[Any]) -> list[Any]:
    """Those whose shape declares a size of the contract, all if none does."""
    declared = (SIDE, QUALITIES.size)
    return [
        one for one in tensors if any(size in declared for size in _sizes(one) or ())
    ] or tensors


def _only(tensors: list[Any], role: str) -> Any:
    if len(tensors) > 1:
        raise Misfit(f"several tensors fit {role}: {_listed(tensors)}")
    return tensors[0]


def _listed(tensors: Iterable[Any]) -> str:
    """For messages: 'x' float32 [?, 416, 416, 3], ...; "none" without any."""
    return ", ".join(map(_described, itertools.islice(tensors, 6))) or "none"


def _described(tensor: Any) -> str:
    """For messages: 'x' float32 [?, 416, 416, 3]."""
    sizes = _sizes(tensor)
    shape = "of unknown shape"
    if sizes is not None:
        shape = f"[{', '.join('?' if size is None else str(size) for size in sizes)}]"
    return f"'{tensor.op.name}' {tensor.dtype.name} {shape}"
