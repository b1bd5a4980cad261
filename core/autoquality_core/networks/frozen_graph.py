"""TensorFlow frozen graphs: imgproxy 3's contract, and ours with a side file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.backend import Array, Backend, Outputs, first_working
from autoquality_core.networks.errors import DeviceMissing, NetworkError, PredictionFailed
from autoquality_core.networks.inputs import SIDE
from autoquality_core.networks.network import LoadOptions
from autoquality_core.networks.prediction import Prediction, curve_of
from autoquality_core.networks.side_file import SideFile
from autoquality_core.networks.signature import Misfit, Signature, named_signatures, signatures
from autoquality_core.networks.tensorflow import device_of, open_session, tensorflow
from autoquality_core.search.curve import QUALITIES
from autoquality_core.types import Device

NOT_A_GRAPH = "not a TensorFlow frozen graph (.pb)"

_FARTHEST = 100.0
"""The largest usable value of a curve: no DSSIM is e^-100."""


def open_frozen_graph(
    path: Path, data: bytes, side_file: SideFile | None, options: LoadOptions
) -> Backend:
    """Open the graph in `data`, the content of `path`, and run it on a grey image.

    The graph takes 416 x 416 RGB (float32 in [0, 1] or uint8, NHWC or NCHW). It
    answers 1 x 100 logits, index i for quality i + 1. It may take the target as a
    second input. With a side file, it may predict several metrics. Imports
    TensorFlow. Raises NetworkError.
    """
    try:
        tf = tensorflow()
    except ImportError as error:
        kind = DeviceMissing if options.device is Device.GPU else NetworkError
        where = "the extra [server] and the default image have it"
        raise kind(path, f"TensorFlow cannot be imported: {error}; {where}") from error
    graph = _import_graph(tf, path, data)
    on_gpu = options.device is not Device.CPU
    session = open_session(tf, graph, threads=options.threads, on_gpu=on_gpu)
    try:
        if options.device is Device.GPU and not device_of(session).startswith("GPU"):
            raise DeviceMissing(path, "it is to run on a GPU, but TensorFlow sees none here")
        readings = named_signatures(graph, side_file) if side_file else signatures(graph)
        heads = side_file.heads if side_file else {}
        residuals = {metric: head.residual for metric, head in heads.items()}
        return first_working(path, (FrozenGraph(tf, session, one, residuals) for one in readings))
    except Misfit as misfit:
        session.close()
        raise NetworkError(path, str(misfit)) from None
    except NetworkError:
        session.close()
        raise


class GraphBackend(Backend):
    """A graph whose outputs are logits, then mean and factor of the curve if there is one.

    `residuals` are those of the curves by metric.
    """

    side = SIDE
    residuals: Mapping[str, float]

    def decode(self, metric: str, *outputs: Array) -> Prediction:
        logits, *curve = outputs
        if not curve:
            return Prediction.from_logits(logits)
        if any(np.abs(part).max() > _FARTHEST for part in curve):
            raise PredictionFailed(f"its curve is beyond {_FARTHEST:g}")
        mean, factor = curve
        return Prediction.from_logits(logits, curve_of(mean, factor, self.residuals[metric]))


class FrozenGraph(GraphBackend):
    """One reading of a graph in a session."""

    runtime = "tensorflow"

    def __init__(
        self, tf: Any, session: Any, signature: Signature, residuals: Mapping[str, float]
    ) -> None:
        self.is_float = signature.image.dtype.name == "float32"
        self.channels_first = signature.channels_first
        self.batch = signature.batch
        self.device = device_of(session)
        self.metrics = tuple(signature.outputs)
        self._errors = tf.errors
        self._session = session
        self._signature = signature
        self.residuals = residuals
        inputs = [signature.image, *([] if signature.target is None else [signature.target])]
        # Session.run looks up its tensors each time, which can take longer than the network.
        self._calls = {
            metrics: session.make_callable([signature.outputs[one] for one in metrics], inputs)
            for metrics in {*((one,) for one in self.metrics), self.metrics}
        }
        """Computes the outputs of some metrics, and nothing for the others."""

    def run(
        self, images: Sequence[Array], targets: npt.ArrayLike, metrics: Sequence[str]
    ) -> Sequence[Outputs]:
        values: list[Array] = [images[0][None] if len(images) == 1 else np.stack(images)]
        target = self._signature.target
        if target is not None:
            shape = ((), (-1,), (-1, 1))[self._signature.target_rank]
            values.append(np.asarray(targets, target.dtype.as_numpy_dtype).reshape(shape))
        used = (metrics[0],) if len(set(metrics)) == 1 else self.metrics
        try:
            found = self._calls[used](*values)
        except self._errors.FailedPreconditionError as error:
            raise PredictionFailed(f"it is not frozen: {error.message}") from error
        except self._errors.OpError as error:
            raise PredictionFailed(error.message) from error
        outputs = {
            one: list(map(np.asarray, parts)) for one, parts in zip(used, found, strict=True)
        }
        return rows_of(outputs, metrics)

    def close(self) -> None:
        self._session.close()


def _import_graph(tf: Any, path: Path, data: bytes) -> Any:
    """A new tf.Graph of the GraphDef in `data`."""
    from google.protobuf.message import DecodeError

    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError as error:
        raise NetworkError(path, f"{NOT_A_GRAPH}, or truncated") from error
    if not graph_def.node:
        raise NetworkError(path, NOT_A_GRAPH)
    functions = (node for function in graph_def.library.function for node in function.node_def)
    for node in (*graph_def.node, *functions):
        node.device = ""  # the devices of the machine that trained it
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(graph_def, name="")
    except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
        raise NetworkError(path, _import_problem(str(error))) from error
    return graph


def _import_problem(message: str) -> str:
    unknown = re.search(r"Op type not registered '([^']+)'", message)
    if unknown:
        return f"it uses the operation '{unknown[1]}', which this TensorFlow does not have"
    return f"the graph is broken: {message}"


def rows_of(outputs: Mapping[str, Sequence[Array]], metrics: Sequence[str]) -> Sequence[Outputs]:
    """The outputs of each image for its metric, one of `metrics`, from those of a batch by metric.

    Raises PredictionFailed for a wrong shape.
    """
    rows = {
        metric: list(zip(*_checked(list(parts), len(metrics)), strict=True))
        for metric, parts in outputs.items()
    }
    return [rows[metric][at] for at, metric in enumerate(metrics)]


def _checked(outputs: list[Array], size: int) -> list[Array]:
    """The outputs for `size` images, the first dimension of each standing for the image.

    A single image may have logits without that dimension. Raises PredictionFailed
    for any other shape.
    """
    logits, *curve = outputs
    if size == 1 and logits.shape == QUALITIES.shape:
        logits = logits[None]
    if logits.shape != (size, QUALITIES.size):
        shape = list(logits.shape)
        raise PredictionFailed(f"its output has the shape {shape}, not {size}x{QUALITIES.size}")
    for output, rank in zip(curve, (2, 3), strict=False):
        fits = output.ndim == rank and output.shape[0] == size
        if not fits or output.shape[-1] != QUALITIES.size:
            raise PredictionFailed(
                f"its curve has the shape {list(output.shape)} for {size} images"
            )
    return [logits, *curve]
