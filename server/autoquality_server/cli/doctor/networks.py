"""Checks each network: loads it as the server does, and predicts once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.images import from_raw
from autoquality_core.metrics import METRICS
from autoquality_core.networks import (
    DeviceMissing,
    Network,
    NetworkError,
    PredictionFailed,
    bundled,
    load,
)
from autoquality_core.types import Device, Format
from autoquality_server.cli.doctor.codecs import picture
from autoquality_server.cli.doctor.report import Finding, Verdict
from autoquality_server.config import Settings
from autoquality_server.config.parse import BUNDLED
from autoquality_server.inference.predictors import load_options

_WITHOUT = "ml searches without it"
_NVIDIA = Path("/dev/nvidia0")


class NetworkChecks:
    """Checks the networks in `settings`, and keeps the names of those that work."""

    def __init__(self, settings: Settings, bundled_folder: Path = bundled.BUNDLED) -> None:
        self._settings = settings
        self._folder = bundled_folder
        self._devices: set[str] = set()
        self.names: dict[Format, str] = {}
        """The working network of each format with its version and device, once checked."""

    def run(self) -> Iterator[Finding]:
        """Check the network of each format, then the GPU."""
        for fmt in WITH_QUALITY:
            verdict, text = self._check(fmt)
            yield Finding(f"{fmt.value} network", verdict, text)
        yield self._gpu()

    def _check(self, fmt: Format) -> tuple[Verdict, str]:
        given = self._settings.networks.get(fmt)
        is_bundled = given == BUNDLED
        if is_bundled:
            path = bundled.bundled_network(fmt, self._folder)
        else:
            path = Path(given) if given else None
        if path is None:
            return Verdict.OK, f"{'none bundled' if is_bundled else 'none'}: {_WITHOUT}"
        try:
            network = load(path, load_options(self._settings), fmt)
        except DeviceMissing as error:
            return Verdict.WRONG, f"AUTOQUALITY_PREDICTOR_DEVICE: {error}"
        except NetworkError as error:
            if is_bundled:
                return Verdict.WARNING, f"{error}: {_WITHOUT}"
            return Verdict.WRONG, f"AUTOQUALITY_{fmt.name}_NET: {error}"
        try:
            return self._predict(fmt, network)
        finally:
            network.close()

    def _predict(self, fmt: Format, network: Network) -> tuple[Verdict, str]:
        info = network.info
        name = f"{info.name} {info.version}".rstrip() + f" on {info.device} by {info.runtime}"
        pixels = from_raw(picture())
        start = time.perf_counter()
        try:
            predictions = {
                metric: network.predict(pixels, METRICS[metric].default_target, metric=metric)
                for metric in info.metrics
            }
        except PredictionFailed as error:
            return Verdict.FAILED, f"{name}: {error}"
        seconds = time.perf_counter() - start
        self.names[fmt] = name
        self._devices.add(info.device)
        qualities = ", ".join(f"{one.quality} for {by}" for by, one in predictions.items())
        return Verdict.OK, f"{name}: predicts quality {qualities} in {1000 * seconds:.1f} ms"

    def _gpu(self) -> Finding:
        wanted = self._settings.predictor_device
        if not self._devices:
            return Finding("gpu", Verdict.OK, "not checked: no network runs")
        text = f"networks run on {', '.join(sorted(self._devices))} ({wanted.value})"
        unused = wanted is Device.AUTO and self._devices == {"CPU:0"} and _NVIDIA.exists()
        if unused:
            text += ": the library does not find the NVIDIA GPU of this machine"
        return Finding("gpu", Verdict.WARNING if unused else Verdict.OK, text)
