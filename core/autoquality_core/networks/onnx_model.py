"""ONNX models: imgproxy 4's contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.networks.backend import Array, Backend, Outputs, first_working, layouts
from autoquality_core.networks.errors import DeviceMissing, NetworkError, PredictionFailed
from autoquality_core.networks.network import LoadOptions
from autoquality_core.networks.prediction import Prediction
from autoquality_core.types import MAX_QUALITY, Device

SIDE = 256

_SLACK = 0.5
"""How far the answer for grey may lie outside [0, 1]. Networks that answer 1 to 100 exceed it."""
_ERRORS_ONLY = 3
_GPU = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


def open_onnx_model(path: Path, data: bytes, options: LoadOptions) -> Backend:
    """Open the model in `data`, the content of `path`, and run it on a grey image.

    The model takes 256 x 256 RGB (float32 in [0, 1], NHWC or NCHW) and answers one
    number in [0, 1], the quality in hundredths. Imports onnxruntime. Raises
    NetworkError.
    """
    try:
        import onnxruntime
    except ImportError as error:
        why = "ONNX models need onnxruntime: install it with pip install 'autoquality[onnx]'"
        raise NetworkError(path, why) from error
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    session = _open(onnxruntime, path, data, options)
    return first_working(path, _readings(session, path), _check_level)


class OnnxModel(Backend):
    """One reading of a model in a session."""

    side = SIDE
    runtime = "onnxruntime"

    def __init__(self, session: Any, channels_first: bool, batch: int | None) -> None:
        self.is_float = True
        self.channels_first = channels_first
        self.batch = batch
        self.device = "GPU:0" if _GPU in session.get_providers() else "CPU:0"
        self._session = session
        self._input = session.get_inputs()[0].name

    def run(
        self, images: Sequence[Array], targets: npt.ArrayLike, metrics: Sequence[str]
    ) -> Sequence[Outputs]:
        """See Backend. A row has one number; the targets are not used."""
        try:
            (levels,) = self._session.run(None, {self._input: np.stack(images)})
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise PredictionFailed(str(error)) from error
        levels = np.asarray(levels)
        if levels.size != len(images):
            shape = list(levels.shape)
            raise PredictionFailed(f"its output has the shape {shape}, not {len(images)}x1")
        return [(level,) for level in levels.reshape(-1, 1)]

    def decode(self, metric: str, *outputs: Array) -> Prediction:
        return Prediction.from_quality(MAX_QUALITY * float(outputs[0][0]))

    def close(self) -> None:
        del self._session


def _check_level(outputs: Outputs) -> None:
    level = float(outputs[0][0])
    if not -_SLACK <= level <= 1 + _SLACK:  # also if it is not a number
        raise PredictionFailed(f"its answer is {level:g}, not from 0 to 1")


def _open(onnxruntime: Any, path: Path, data: bytes, options: LoadOptions) -> Any:
    has_gpu = _GPU in onnxruntime.get_available_providers()
    if options.device is Device.GPU and not has_gpu:
        raise DeviceMissing(path, "it is to run on a GPU, but onnxruntime sees none here")
    providers = [_GPU, _CPU] if has_gpu and options.device is not Device.CPU else [_CPU]
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _ERRORS_ONLY
    # Threads that spin while they wait would take cores from the encoders.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(data, settings, providers=providers)
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise NetworkError(path, f"not an ONNX model that onnxruntime reads: {error}") from error
    if options.device is Device.GPU and _GPU not in session.get_providers():
        raise DeviceMissing(path, "it is to run on a GPU, but onnxruntime could not start it there")
    return session


def _readings(session: Any, path: Path) -> Iterator[OnnxModel]:
    """The layouts that the model's input allows."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        why = f"must have one input and one output, has {len(inputs)} and {len(outputs)}"
        raise NetworkError(path, why)
    shape = inputs[0].shape  # open dimensions are names or None
    orders = layouts(shape, SIDE)
    if inputs[0].type != "tensor(float)" or not orders:
        sizes = ", ".join(str(size) if isinstance(size, int) else "?" for size in shape)
        raise NetworkError(
            path,
            f"its input must take {SIDE}x{SIDE} RGB images of float32, NHWC or NCHW; "
            f"it is '{inputs[0].name}' {inputs[0].type} [{sizes}]",
        )
    batch = shape[0] if isinstance(shape[0], int) else None
    for channels_first in orders:
        yield OnnxModel(session, channels_first, batch)
