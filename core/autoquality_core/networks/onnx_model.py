"""An ONNX model as a Network: imgproxy 4's contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.batch_check import working_batch_sizes
from autoquality_core.networks.errors import DeviceMissing, NetworkError, PredictionFailed, one_line
from autoquality_core.networks.input import network_input
from autoquality_core.networks.network import Answer, LoadOptions, Network
from autoquality_core.networks.prediction import NetworkInfo, Prediction
from autoquality_core.types import MAX_QUALITY, Device

SIDE = 256

_HWC = (SIDE, SIDE, 3)
_CHW = (3, SIDE, SIDE)
_GREY = np.full(_HWC, 128, np.uint8)
_SLACK = 0.5
"""How far beyond [0, 1] an answer for grey may lie: a network that means 1 to 100 lies further."""
_ERRORS_ONLY = 3
_GPU = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class _Reading(NamedTuple):
    """How the model takes its images: the input's name, the layout, the declared batch."""

    input: str
    channels_first: bool
    batch: int | None

    def prepare(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        pixels = np.divide(image, np.float32(255), dtype=np.float32)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1) if self.channels_first else pixels)


def load_onnx_model(path: Path, data: bytes, sha256: str, options: LoadOptions) -> Network:
    """Load the model in `data`, the content of `path`, and try it on made images.

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
    on_gpu = _GPU in session.get_providers()
    info = NetworkInfo(path.name, sha256, "GPU:0" if on_gpu else "CPU:0")
    sizes = options.batch_sizes_on(info.device)
    return OnnxModel(session, _resolve(session, path), info, sizes)


class OnnxModel(Network):
    """An ONNX model with a session of its own."""

    def __init__(
        self, session: Any, reading: _Reading, info: NetworkInfo, batch_sizes: tuple[int, ...]
    ) -> None:
        """Finds out which of `batch_sizes` the model can take."""
        self._session = session
        self._reading = reading
        self._info = info
        self._batch_sizes = (
            working_batch_sizes(batch_sizes, self._try, SIDE)
            if reading.batch is None
            else (reading.batch,)
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
        return self._reading.prepare(network_input(pixels, SIDE))

    def run(self, images: Sequence[npt.NDArray[Any]], targets: Sequence[float]) -> Sequence[Answer]:
        """See Network; the targets are not asked for."""
        try:
            levels = _run(self._session, self._reading, images)
        except Exception as error:  # onnxruntime's errors have no base of their own
            raise PredictionFailed(f"{self._info.name}: {one_line(str(error))}") from error
        if levels.size != len(images):
            raise PredictionFailed(f"{self._info.name}: {levels.size} answers to {len(images)}")
        return [self._answer(level) for level in levels.reshape(-1)]

    def close(self) -> None:
        """See Network."""
        del self._session

    def _answer(self, level: float) -> Answer:
        if not np.isfinite(level):
            return PredictionFailed(f"{self._info.name}: its answer is not finite")
        return Prediction.from_quality(MAX_QUALITY * float(level))

    def _try(
        self, images: Sequence[npt.NDArray[np.uint8]], _targets: Sequence[float]
    ) -> npt.NDArray[Any]:
        levels = _run(self._session, self._reading, [self._reading.prepare(i) for i in images])
        return levels.reshape(len(images), -1)


def _open(onnxruntime: Any, path: Path, data: bytes, options: LoadOptions) -> Any:
    has_gpu = _GPU in onnxruntime.get_available_providers()
    if options.device is Device.GPU and not has_gpu:
        raise DeviceMissing(path, "it is to run on a GPU, but onnxruntime sees none here")
    providers = [_GPU, _CPU] if has_gpu and options.device is not Device.CPU else [_CPU]
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = _ERRORS_ONLY
    # Waiting threads would take the cores of the encoders.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(data, settings, providers=providers)
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise NetworkError(path, f"not an ONNX model that onnxruntime reads: {error}") from error
    if options.device is Device.GPU and _GPU not in session.get_providers():
        raise DeviceMissing(path, "it is to run on a GPU, but onnxruntime could not start it there")
    return session


def _resolve(session: Any, path: Path) -> _Reading:
    """The first reading of the model that answers grey with one number an image, 0 to 1."""
    problem = ""
    for reading in _readings(session, path):
        size = reading.batch or 1
        try:
            levels = _run(session, reading, [reading.prepare(_GREY)] * size)
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no base of their own
            problem = problem or f"it fails on a grey image: {error}"
            continue
        if levels.size != size:
            problem = problem or f"its output has the shape {list(levels.shape)}, not {size}x1"
        elif not np.abs(levels - 0.5).max() <= 0.5 + _SLACK:
            problem = problem or f"its answer for grey is {levels.flat[0]:g}, not from 0 to 1"
        else:
            return reading
    raise NetworkError(path, problem)


def _readings(session: Any, path: Path) -> Iterator[_Reading]:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        why = f"must have one input and one output, has {len(inputs)} and {len(outputs)}"
        raise NetworkError(path, why)
    shape = inputs[0].shape  # open dimensions are names or None
    layouts = [order for order in (_HWC, _CHW) if _may_be(shape, order)]
    if inputs[0].type != "tensor(float)" or not layouts:
        sizes = ", ".join(str(size) if isinstance(size, int) else "?" for size in shape)
        raise NetworkError(
            path,
            f"its input must take {SIDE}x{SIDE} RGB images of float32, NHWC or NCHW; "
            f"it is '{inputs[0].name}' {inputs[0].type} [{sizes}]",
        )
    batch = shape[0] if isinstance(shape[0], int) else None
    for layout in layouts:
        yield _Reading(inputs[0].name, layout == _CHW, batch)


def _may_be(shape: Sequence[object], order: tuple[int, int, int]) -> bool:
    return len(shape) == 1 + len(order) and all(
        not isinstance(size, int) or size == wanted
        for size, wanted in zip(shape[1:], order, strict=True)
    )


def _run(session: Any, reading: _Reading, images: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    (levels,) = session.run(None, {reading.input: np.stack(images)})
    return np.asarray(levels)
