"""Loads the predictors that the configuration asks for, and reloads changed files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.networks import DeviceMissing, LoadOptions, NetworkError, load
from autoquality_core.networks.bundled import BUNDLED, bundled_network
from autoquality_core.networks.side_file import side_path
from autoquality_core.types import Format
from autoquality_server.config import ConfigError, Settings, parse
from autoquality_server.config.watched_files import WatchedFiles
from autoquality_server.inference.shared import SharedPredictor
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.predictor_metrics import PredictorMetrics

_HEALTH_NAME = "autoquality.predictor"
"""The health service name of a predictor is this, a dot and the format."""

_log = logger(__name__)


def load_options(settings: Settings) -> LoadOptions:
    """The options with which `settings` load networks."""
    return LoadOptions(
        settings.predictor_device,
        settings.predictor_threads,
        settings.allowed_batch_sizes,
        settings.batch_on_cpu,
    )


class Predictors:
    """The predictors of all formats, loaded and ready. One per process."""

    def __init__(
        self, settings: Settings, metrics: PredictorMetrics, bundled_folder: Path = BUNDLED
    ) -> None:
        """Load the networks of `settings`.

        Raises ConfigError if a network that is given by its path cannot be used. A
        bundled network may be missing or unusable: that is logged, and the format has
        no predictor.
        """
        self._settings = settings
        self._metrics = metrics
        self._reloads: list[tuple[WatchedFiles, Callable[[], bool]]] = []
        self._stop = threading.Event()
        self._poller: threading.Thread | None = None
        self.by_format: dict[Format, SharedPredictor] = {}
        """The predictors that were loaded."""
        for fmt, given in settings.networks.items():
            if given != parse.BUNDLED:
                self._load(fmt, Path(given), is_bundled=False)
        for fmt, given in settings.networks.items():
            if given == parse.BUNDLED and (path := bundled_network(fmt, bundled_folder)):
                self._load(fmt, path, is_bundled=True)

    def start(self, set_health: Callable[[str, bool], None]) -> None:
        """Report each predictor's availability by its health service name; start polling files."""
        for fmt in WITH_QUALITY:
            name = f"{_HEALTH_NAME}.{fmt.value}"
            if fmt in self.by_format:
                self.by_format[fmt].on_available(partial(set_health, name))
            else:
                set_health(name, False)
        interval = self._settings.network_poll_interval
        if self._reloads and interval:
            arguments = (self._reloads, interval, self._stop)
            self._poller = threading.Thread(
                target=poll, args=arguments, name="network-files", daemon=True
            )
            self._poller.start()

    def close(self) -> None:
        self._stop.set()
        if self._poller:
            self._poller.join()
        for predictor in self.by_format.values():
            predictor.close()

    def _load(self, fmt: Format, path: Path, *, is_bundled: bool) -> None:
        files = WatchedFiles((path, side_path(path)))
        loader = partial(load, path, load_options(self._settings), fmt)
        try:
            predictor = SharedPredictor(loader, self._settings, self._metrics.of(fmt))
        except NetworkError as error:
            if not is_bundled:
                raise ConfigError(f"AUTOQUALITY_{fmt.name}_NET: {error}") from None
            if isinstance(error, DeviceMissing):
                raise ConfigError(f"AUTOQUALITY_PREDICTOR_DEVICE: {error}") from None
            _log.error("a bundled network cannot be used", error=str(error))
            return
        self.by_format[fmt] = predictor
        if not is_bundled:
            self._reloads.append((files, predictor.reload))


def poll(
    reloads: Iterable[tuple[WatchedFiles, Callable[[], object]]],
    interval: float,
    stop: threading.Event,
) -> None:
    """Call the function of each network whose files have changed, until `stop`.

    They are checked every `interval` seconds.
    """
    while not stop.wait(interval):
        for files, reload in reloads:
            try:
                if files.settled():
                    reload()
            except Exception:  # noqa: BLE001 - other networks must still be polled
                _log.exception("a changed network could not be loaded")
