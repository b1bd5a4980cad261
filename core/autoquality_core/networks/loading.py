"""From a file to a network: which kind it is, and what lies beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from autoquality_core.networks.errors import NetworkError
from autoquality_core.networks.frozen_graph import NOT_A_GRAPH, load_frozen_graph
from autoquality_core.networks.network import LoadOptions, Network
from autoquality_core.networks.onnx_model import load_onnx_model
from autoquality_core.networks.side_file import read_side_file
from autoquality_core.types import Format

# How the files begin that people give instead. A GraphDef begins with a node.
_FOREIGN = (
    (b"\x89HDF", "a Keras or HDF5 file (.h5)"),
    (b"PK\x03\x04", "a zip archive, perhaps of Keras (.keras)"),
    (b"\x08\x01\x12", "a TensorFlow SavedModel (saved_model.pb)"),
    (b"\x08", "perhaps an ONNX model (.onnx)"),
    (b"node {", "a graph written as text (.pbtxt)"),
)
_DEFAULTS = LoadOptions()


def load(path: Path, options: LoadOptions = _DEFAULTS, fmt: Format | None = None) -> Network:
    """Load a network and try it on made images, at every batch size of `options`.

    A name that ends in .onnx is an ONNX model (imgproxy 4's contract), any other
    a TensorFlow frozen graph (imgproxy 3's), which may have a side file. `fmt` is
    what it is to predict for: a side file that says otherwise is refused. Imports
    the library that it needs. Raises NetworkError.
    """
    data = _read(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if path.suffix.lower() == ".onnx":
        return load_onnx_model(path, data, sha256, options)
    for beginning, name in _FOREIGN:
        if data.startswith(beginning):
            raise NetworkError(path, f"{name}, {NOT_A_GRAPH}")
    side = read_side_file(path)
    if side and fmt and side.format is not fmt:
        raise side.refusal(
            "format", f"is {side.format.value}, but the network is to serve {fmt.value}"
        )
    return load_frozen_graph(path, data, sha256, side, options)


def _read(path: Path) -> bytes:
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()
        raise NetworkError(path, f"{'a SavedModel folder' if saved else 'a folder'}, {NOT_A_GRAPH}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NetworkError(path, f"cannot be read: {error.strerror}") from error
    if not data:
        raise NetworkError(path, f"empty, {NOT_A_GRAPH}")
    return data
