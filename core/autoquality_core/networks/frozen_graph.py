"""A TensorFlow frozen graph as a Network: imgproxy 3's contract, and ours with a side file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.batch_check import working_batch_sizes
from autoquality_core.networks.errors import DeviceMissing, NetworkError, PredictionFailed, one_line
from autoquality_core.networks.input import SIDE, network_input
from autoquality_core.networks.network import Answer, LoadOptions, Network
from autoquality_core.networks.prediction import (
    QUALITIES,
    CurveDistribution,
    NetworkInfo,
    Prediction,
)
from autoquality_core.networks.side_file import SideFile
from autoquality_core.networks.signature import Misfit, Signature, named_signatures, signatures
from autoquality_core.networks.tensorflow import device_of, open_session, tensorflow
from autoquality_core.types import Device

NOT_A_GRAPH = "not a TensorFlow frozen graph (.pb)"

_GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
_FARTHEST = 100.0
"""Natural logarithms that a curve may be away from 0: no DSSIM is e^-100."""

_GREY_TARGET = 0.02


def load_frozen_graph(
    path: Path, data: bytes, sha256: str, side: SideFile | None, options: LoadOptions
) -> Network:
    """Load the graph in `data`, the content of `path`, and try it on made images.

    The graph takes 416 x 416 RGB (float32 in [0, 1] or uint8, NHWC or NCHW) and
    answers 1 x 100 logits, index i for quality i + 1; it may take the target
    DSSIM as a second input. Imports TensorFlow. Raises NetworkError.
    """
    try:
        tf = tensorflow()
    except ImportError as error:
        raise NetworkError(path, f"TensorFlow cannot be imported: {error}") from error
    graph = _import_graph(tf, path, data)
    on_gpu = options.device is not Device.CPU
    session = open_session(tf, graph, threads=options.threads, on_gpu=on_gpu)
    device = device_of(session)
    if options.device is Device.GPU and not device.startswith("GPU"):
        session.close()
        raise DeviceMissing(path, "it is to run on a GPU, but TensorFlow sees none here")
    told = (side.version, side.encoder) if side else ()
    info = NetworkInfo(path.name, sha256, device, *told)
    try:
        reading = _resolve(tf, session, path, side)
        return FrozenGraph(tf, session, reading, info, side, options.batch_sizes_on(device))
    except NetworkError:
        session.close()
        raise


class FrozenGraph(Network):
    """A frozen graph with a session of its own."""

    def __init__(
        self,
        tf: Any,
        session: Any,
        tensors: Signature,
        info: NetworkInfo,
        side: SideFile | None,
        batch_sizes: tuple[int, ...],
    ) -> None:
        """Finds out which of `batch_sizes` the graph can take."""
        self._tf = tf
        self._session = session
        self._signature = tensors
        self._ask = _asking(session, tensors)
        self._info = info
        self._recipe = side.recipe if side else network_input
        self._residual = side.residual if side else 0.0
        self._targets = side.targets if side else (-np.inf, np.inf)
        declared = tensors.declared_batch
        self._batch_sizes = (
            working_batch_sizes(batch_sizes, self._try, SIDE) if declared is None else (declared,)
        )

    @property
    def info(self) -> NetworkInfo:
        """See Network."""
        return self._info

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """See Network."""
        return self._batch_sizes

    def prepare(self, pixels: Pixels) -> npt.NDArray[Any]:
        """See Network."""
        return self._signature.prepare(self._recipe(pixels))

    def run(self, images: Sequence[npt.NDArray[Any]], targets: Sequence[float]) -> Sequence[Answer]:
        """See Network; a target beyond what the network was trained for is brought there."""
        try:
            asked = np.clip(targets, *self._targets)
            outputs = self._ask(images, asked)
        except self._tf.errors.OpError as error:
            raise PredictionFailed(f"{self._info.name}: {one_line(error.message)}") from error
        problem = _misshapen(outputs, len(images))
        if problem:
            raise PredictionFailed(f"{self._info.name}: {problem}")
        rows = zip(*_by_image(outputs, len(images)), strict=True)
        return [self._answer(*row) for row in rows]

    def close(self) -> None:
        """See Network."""
        self._session.close()

    def _answer(self, logits: npt.NDArray[Any], *curve: npt.NDArray[Any]) -> Answer:
        if not np.isfinite(logits).all():
            return PredictionFailed(f"{self._info.name}: its logits are not finite")
        if not curve:
            return Prediction.from_logits(logits)
        # Not finite fails the comparison, too.
        if not all(float(np.abs(part).max()) <= _FARTHEST for part in curve):
            return PredictionFailed(f"{self._info.name}: its curve is beyond {_FARTHEST:g}")
        mean, factor = curve
        return Prediction.from_logits(
            logits, CurveDistribution.from_factor(mean, factor, self._residual)
        )

    def _try(
        self, images: Sequence[npt.NDArray[np.uint8]], targets: Sequence[float]
    ) -> npt.NDArray[Any]:
        """All outputs for made images, a row an image."""
        prepared = [self._signature.prepare(image) for image in images]
        outputs = self._ask(prepared, targets)
        rows = _by_image(outputs, len(images))
        return np.concatenate([row.reshape(len(images), -1) for row in rows], axis=1)


def _import_graph(tf: Any, path: Path, data: bytes) -> Any:
    """A new tf.Graph of the GraphDef in `data`."""
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError as error:
        raise NetworkError(path, f"{NOT_A_GRAPH}, or cut short") from error
    if not graph_def.node:
        raise NetworkError(path, NOT_A_GRAPH)
    functions = (node for function in graph_def.library.function for node in function.node_def)
    for node in (*graph_def.node, *functions):
        node.device = ""  # The devices of the machine that trained it are not ours.
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(graph_def, name="")
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise NetworkError(path, _why_not_imported(str(error))) from error
    return graph


def _why_not_imported(message: str) -> str:
    unknown = re.search(r"Op type not registered '([^']+)'", message)
    if unknown:
        return f"it uses the operation '{unknown[1]}', which this TensorFlow does not have"
    return f"the graph is broken: {message}"


def _resolve(tf: Any, session: Any, path: Path, side: SideFile | None) -> Signature:
    """The first reading of the graph that answers grey with finite numbers of the right shape."""
    problem = ""
    try:
        for reading in _readings(session.graph, side):
            size = reading.declared_batch or 1
            image = reading.prepare(_GREY)
            try:
                outputs = _asking(session, reading)([image] * size, [_GREY_TARGET] * size)
            except tf.errors.FailedPreconditionError as error:
                problem = problem or f"it is not frozen: {error.message}"
                continue
            except tf.errors.OpError as error:
                problem = problem or f"it fails on a grey image: {error.message}"
                continue
            misshapen = _misshapen(outputs, size)
            if misshapen:
                problem = problem or misshapen
            elif not all(np.isfinite(output).all() for output in outputs):
                problem = problem or "its logits for a grey image are not finite"
            else:
                return reading
    except Misfit as misfit:
        problem = str(misfit)
    raise NetworkError(path, problem)


def _readings(graph: Any, side: SideFile | None) -> Iterator[Signature]:
    return named_signatures(graph, side) if side else signatures(graph)


def _asking(
    session: Any, tensors: Signature
) -> Callable[[Sequence[npt.NDArray[Any]], npt.ArrayLike], list[npt.NDArray[Any]]]:
    """A function from prepared images and their targets to the outputs."""
    inputs = tensors.inputs
    # Session.run looks its tensors up anew each time, which costs as much as a small network.
    call = session.make_callable(tensors.outputs, inputs)

    def ask(images: Sequence[npt.NDArray[Any]], targets: npt.ArrayLike) -> list[npt.NDArray[Any]]:
        return [np.asarray(output) for output in call(*tensors.values(images, targets))]

    return ask


def _misshapen(outputs: Sequence[npt.NDArray[Any]], size: int) -> str:
    """What is wrong with the shapes of the outputs for `size` images, empty if nothing is."""
    logits, *curve = outputs
    right = {(size, QUALITIES.size), (QUALITIES.size,)} if size == 1 else {(size, QUALITIES.size)}
    if logits.shape not in right:
        return f"its output has the shape {list(logits.shape)}, not {size}x{QUALITIES.size}"
    for output, rank in zip(curve, (2, 3), strict=False):
        whole = output.ndim == rank and output.shape[0] == size
        if not whole or output.shape[-1] != QUALITIES.size:
            return f"its curve has the shape {list(output.shape)} for {size} images"
    return ""


def _by_image(outputs: Sequence[npt.NDArray[Any]], size: int) -> list[npt.NDArray[Any]]:
    """The outputs, each with its first dimension standing for the image."""
    logits, *curve = outputs
    return [logits.reshape(size, -1), *curve]
