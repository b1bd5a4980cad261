"""Each network loaded as the server loads it, and asked once."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

from autoquality_core.images import ImageLimits, from_raw
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import (
    DeviceMissing,
    Network,
    NetworkError,
    PredictionFailed,
    load,
)
from autoquality_core.networks import (
    bundled as box,
)
from autoquality_core.types import Device, Format
from autoquality_server.cli.doctor.codecs import picture
from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.config import Settings
from autoquality_server.config.parse import BUNDLED
from autoquality_server.inference.predictors import load_options
from autoquality_server.telemetry.predictor_metrics import FORMATS

_WITHOUT = "ml is served as dssim"
_NVIDIA = Path("/dev/nvidia0")


class Networks:
    """The networks that `settings` ask for, once looked at; by format, how each is called."""

    def __init__(self, settings: Settings, bundled_folder: Path = box.BUNDLED) -> None:
        self._settings = settings
        self._box = bundled_folder
        self._devices: set[str] = set()
        self.names: dict[Format, str] = {}
        """What would predict, with its version and device; filled by `look`."""

    def look(self) -> Iterator[Finding]:
        """One finding a format, then one on the GPU."""
        for fmt in FORMATS:
            verdict, text = self._of(fmt)
            yield Finding(f"{fmt.value} network", verdict, text)
        yield self._gpu()

    def _of(self, fmt: Format) -> tuple[Verdict, str]:
        given = self._settings.networks.get(fmt)
        boxed = given == BUNDLED
        path = box.bundled_network(fmt, self._box) if boxed else given and Path(given)
        if not path:
            return Verdict.OK, f"{'none in the box' if boxed else 'none'}: {_WITHOUT}"
        if boxed and not importlib.util.find_spec("tensorflow"):
            return Verdict.WARNING, f"TensorFlow is not installed: {_WITHOUT}"
        try:
            network = load(Path(path), load_options(self._settings), fmt)
        except DeviceMissing as error:
            return Verdict.WRONG, f"AUTOQUALITY_PREDICTOR_DEVICE: {error}"
        except NetworkError as error:
            if boxed:
                return Verdict.WARNING, f"{error}: {_WITHOUT}"
            return Verdict.WRONG, f"AUTOQUALITY_{fmt.name}_NET: {error}"
        try:
            return self._asked(fmt, network)
        finally:
            network.close()

    def _asked(self, fmt: Format, network: Network) -> tuple[Verdict, str]:
        info = network.info
        name = f"{info.name} {info.version}".rstrip() + f" on {info.device}"
        raw = picture()
        pixels = from_raw(raw, ImageLimits(len(raw.pixels), raw.width * raw.height))
        start = time.perf_counter()
        try:
            prediction = network.predict(pixels, DSSIM.default_target)
        except PredictionFailed as error:
            return Verdict.FAILED, f"{name}: {error}"
        seconds = time.perf_counter() - start
        self.names[fmt] = name
        self._devices.add(info.device)
        quality = int(prediction.probabilities.argmax()) + 1
        return Verdict.OK, f"{name}: predicts quality {quality} in {1000 * seconds:.1f} ms"

    def _gpu(self) -> Finding:
        asked = self._settings.predictor_device
        if not self._devices:
            return Finding("gpu", Verdict.OK, "not looked for: no network runs")
        text = f"networks run on {', '.join(sorted(self._devices))} ({asked.value})"
        idle = asked is Device.AUTO and self._devices == {"CPU:0"} and _NVIDIA.exists()
        if idle:
            text += ": there is an NVIDIA GPU that the library does not see"
        return Finding("gpu", Verdict.WARNING if idle else Verdict.OK, text)
