"""A TensorFlow frozen graph as a Predictor: imgproxy 3's contract."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from autoquality_server.image.pixels import Pixels
from autoquality_server.predictor import signature
from autoquality_server.predictor.errors import NetworkError, PredictionFailed, one_line
from autoquality_server.predictor.input import SIDE, network_input
from autoquality_server.predictor.prediction import NetworkInfo, Prediction, Predictor
from autoquality_server.predictor.runtime import device_of, open_session, tensorflow
from autoquality_server.predictor.signature import LOGITS_SHAPES, Misfit, Signature

_WANTED = "not a TensorFlow frozen graph (.pb)"
# How the files begin that people give instead. A GraphDef begins with a node.
_FOREIGN = (
    (b"\x89HDF", "a Keras or HDF5 file (.h5)"),
    (b"PK\x03\x04", "a zip archive, perhaps of Keras (.keras)"),
    (b"\x08\x01\x12", "a TensorFlow SavedModel (saved_model.pb)"),
    (b"\x08", "perhaps an ONNX model (.onnx)"),
    (b"node {", "a graph written as text (.pbtxt)"),
)
_GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
_GREY_TARGET = 0.02


def load(path: Path, *, threads: int = 1) -> Predictor:
    """Load a TensorFlow frozen graph and try it once on a grey image.

    The graph takes 416 x 416 RGB (float32 in [0, 1] or uint8, NHWC or NCHW) and
    answers 1 x 100 logits, index i for quality i + 1; it may take the target
    DSSIM as a second input. `threads` bounds the threads that one operation of
    one prediction uses, and is settled by the first network of the process.
    Imports TensorFlow. Raises NetworkError.
    """
    data = _read(path)
    try:
        tf = tensorflow()
    except ImportError as error:
        raise NetworkError(path, f"TensorFlow cannot be imported: {error}") from error
    session = open_session(tf, _import_graph(tf, path, data), threads)
    info = NetworkInfo(path.name, hashlib.sha256(data).hexdigest(), device_of(session))
    return FrozenGraph(tf, session, _settle(tf, session, path), info)


class FrozenGraph:
    """A frozen graph with a session of its own. Thread-safe."""

    def __init__(self, tf: Any, session: Any, tensors: Signature, info: NetworkInfo) -> None:
        self._tf = tf
        self._session = session
        self._signature = tensors
        self._info = info

    @property
    def info(self) -> NetworkInfo:
        """Which network this is."""
        return self._info

    def predict(self, pixels: Pixels, target: float) -> Prediction:
        """See Predictor."""
        return self._predict(network_input(pixels), target)

    def warm_up(self) -> None:
        """See Predictor."""
        self._predict(_GREY, _GREY_TARGET)

    def _predict(self, image: npt.NDArray[np.uint8], target: float) -> Prediction:
        try:
            logits = _run(self._session, self._signature, image, target)
        except self._tf.errors.OpError as error:
            raise PredictionFailed(f"{self._info.name}: {one_line(error.message)}") from error
        if not np.isfinite(logits).all():
            raise PredictionFailed(f"{self._info.name}: its logits are not finite")
        return Prediction.from_logits(logits)


def _read(path: Path) -> bytes:
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()
        raise NetworkError(path, f"{'a SavedModel folder' if saved else 'a folder'}, {_WANTED}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(path, f"cannot be read: {error.strerror}") from error
    if not data:
        raise NetworkError(path, f"empty, {_WANTED}")
    for beginning, name in _FOREIGN:
        if data.startswith(beginning):
            raise NetworkError(path, f"{name}, {_WANTED}")
    return data


def _import_graph(tf: Any, path: Path, data: bytes) -> Any:
    """A new tf.Graph of the GraphDef in `data`."""
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError as error:
        raise NetworkError(path, f"{_WANTED}, or cut short") from error
    if not graph_def.node:
        raise NetworkError(path, _WANTED)
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


def _settle(tf: Any, session: Any, path: Path) -> Signature:
    """The first reading of the graph that answers 1 x 100 finite logits for grey."""
    problem = ""
    try:
        for reading in signature.signatures(session.graph):
            try:
                logits = _run(session, reading, _GREY, _GREY_TARGET)
            except tf.errors.FailedPreconditionError as error:
                problem = problem or f"it is not frozen: {error.message}"
                continue
            except tf.errors.OpError as error:
                problem = problem or f"it fails on a grey image: {error.message}"
                continue
            if logits.shape not in LOGITS_SHAPES:
                problem = problem or f"its output has the shape {list(logits.shape)}, not 1x100"
            elif not np.isfinite(logits).all():
                problem = problem or "its logits for a grey image are not finite"
            else:
                return reading
    except Misfit as misfit:
        problem = str(misfit)
    raise NetworkError(path, problem)


def _run(
    session: Any, tensors: Signature, image: npt.NDArray[np.uint8], target: float
) -> npt.NDArray[Any]:
    feeds = dict(zip(tensors.inputs, tensors.feeds(image, target), strict=True))
    return np.asarray(session.run(tensors.logits, feeds))
