"""Loads a network of either kind from its file."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from autoquality_core.metrics import DSSIM
from autoquality_core.networks.backend import Backend, first_working
from autoquality_core.networks.bundled import BUNDLED
from autoquality_core.networks.errors import NetworkError, PredictionFailed
from autoquality_core.networks.frozen_graph import NOT_A_GRAPH, open_frozen_graph
from autoquality_core.networks.graph_file import Unsupported
from autoquality_core.networks.inputs import squeeze
from autoquality_core.networks.network import LoadOptions, Network, Recipe
from autoquality_core.networks.numpy_graph import NumPyGraph
from autoquality_core.networks.onnx_model import open_onnx_model
from autoquality_core.networks.prediction import NetworkInfo
from autoquality_core.networks.side_file import ANY_TARGET, SideFile, read_side_file
from autoquality_core.networks.tensorflow import has_gpu
from autoquality_core.runtime.files import read_file
from autoquality_core.types import Device, Format

# How other files begin that people try to load. A GraphDef begins with a node.
_FOREIGN = (
    (b"\x89HDF", "a Keras or HDF5 file (.h5)"),
    (b"PK\x03\x04", "a zip archive, perhaps of Keras (.keras)"),
    (b"\x08\x01\x12", "a TensorFlow SavedModel (saved_model.pb)"),
    (b"\x08", "perhaps an ONNX model (.onnx)"),
    (b"node {", "a graph written as text (.pbtxt)"),
)
_DEFAULTS = LoadOptions()


def load(path: Path | str, options: LoadOptions = _DEFAULTS, fmt: Format | None = None) -> Network:
    """Load a network and run it on generated images, at every batch size of `options`.

    A name that ends in .onnx is an ONNX model (imgproxy 4's contract), any other
    a TensorFlow frozen graph (imgproxy 3's), which may have a side file. `fmt` is
    the format that it is to predict for: a side file for another one is refused.
    NumPy runs the bundled networks, and others of their kind, on a CPU. For all
    other networks, imports TensorFlow or onnxruntime. Raises NetworkError.

    The network can be pickled, as its path. A process that unpickles it loads the file once, and
    raises NetworkError if it has other bytes there.
    """
    path = Path(path)
    data = _read(path)
    side_file = None
    if path.suffix.lower() == ".onnx":
        backend = open_onnx_model(path, data, options)
    else:
        side_file = _side_file_of(path, data, fmt)
        backend = _open_graph(path, data, side_file, options)
    digest = hashlib.sha256(data).hexdigest()
    info = NetworkInfo(
        path.name, digest, backend.device, metrics=backend.metrics, runtime=backend.runtime
    )
    recipe: Recipe = partial(squeeze, side=backend.side)
    targets = {DSSIM.name: ANY_TARGET}
    if side_file:
        info = replace(info, version=side_file.version, encoder=side_file.encoder)
        recipe = side_file.recipe
        targets = {metric: head.targets for metric, head in side_file.heads.items()}
    in_batches = options.batch_on_cpu or info.device.startswith("GPU")
    sizes = options.batch_sizes if in_batches else (1,)
    try:
        return Network(
            info, backend, recipe, targets, sizes, partial(_again, _place(path), options, digest)
        )
    except PredictionFailed as error:
        backend.close()
        raise NetworkError(path, f"it fails on a generated image: {error}") from error


def _place(path: Path) -> Path:
    """The path in other processes. A bundled network may be in another folder there."""
    path = path.absolute()
    return path.relative_to(BUNDLED) if path.parent == BUNDLED else path


@cache  # a pool of processes unpickles the same network with every task
def _again(path: Path, options: LoadOptions, digest: str) -> Network:
    network = load(BUNDLED / path, options)
    if network.info.sha256 != digest:
        raise NetworkError(path, "is not the file of the network that was pickled")
    return network


def _open_graph(
    path: Path, data: bytes, side_file: SideFile | None, options: LoadOptions
) -> Backend:
    on_gpu = options.device is Device.GPU or (options.device is Device.AUTO and has_gpu())
    if side_file and not on_gpu:
        # TensorFlow runs what NumPy cannot, and has the words for what is wrong with a graph.
        with suppress(Unsupported, NetworkError):
            return first_working(path, [NumPyGraph(data, side_file)])
    return open_frozen_graph(path, data, side_file, options)


def _side_file_of(path: Path, data: bytes, fmt: Format | None) -> SideFile | None:
    """The side file of a frozen graph, checked against `fmt`; refuses other kinds of files."""
    for beginning, name in _FOREIGN:
        if data.startswith(beginning):
            raise NetworkError(path, f"{name}, {NOT_A_GRAPH}")
    side_file = read_side_file(path)
    if side_file and fmt and side_file.format is not fmt:
        why = f"is {side_file.format.value}, but the network is to serve {fmt.value}"
        raise side_file.refusal("format", why)
    return side_file


def _read(path: Path) -> bytes:
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()
        raise NetworkError(path, f"{'a SavedModel folder' if saved else 'a folder'}, {NOT_A_GRAPH}")
    try:
        data = read_file(path)
    except OSError as error:
        raise NetworkError(path, f"cannot be read: {error.strerror}") from error
    if not data:
        raise NetworkError(path, f"empty, {NOT_A_GRAPH}")
    return data
