"""From a configuration to the predictors of a service, and what watches over their files."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from autoquality_core.networks import DeviceMissing, LoadOptions, NetworkError, bundled, load
from autoquality_core.types import Format
from autoquality_server.config import ConfigError, Settings
from autoquality_server.config.parse import BUNDLED
from autoquality_server.inference import SharedPredictor, Sharing
from autoquality_server.inference.batching import BatchLimits
from autoquality_server.inference.reload import State, WatchedFile, Watcher, state_of
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.predictor_metrics import FORMATS, PredictorMetrics

PART = "autoquality.predictor"
"""The health service names of the predictors are this, a dot and the format."""

_log = logger(__name__)


def load_options(settings: Settings) -> LoadOptions:
    """How `settings` want networks to be loaded."""
    return LoadOptions(
        settings.predictor_device,
        settings.predictor_threads,
        settings.allowed_batch_sizes,
        settings.batch_on_cpu,
    )


class Networks:
    """The predictors by format, loaded and ready. One a process."""

    def __init__(
        self, settings: Settings, metrics: PredictorMetrics, bundled_folder: Path = bundled.BUNDLED
    ) -> None:
        """Load what `settings` ask for.

        A network given by its path has to be usable: ConfigError otherwise. One
        from the box may be missing, or its TensorFlow: that is logged, and the
        format has no network.
        """
        self._settings = settings
        self._metrics = metrics
        self._watched: list[WatchedFile] = []
        self._watcher: Watcher | None = None
        self._predictors: dict[Format, SharedPredictor] = {}
        paths = {fmt: Path(path) for fmt, path in settings.networks.items() if path != BUNDLED}
        for fmt, path in paths.items():
            self._predictors[fmt] = self._given(fmt, path)
        self._unpack(tuple(fmt for fmt in settings.networks if fmt not in paths), bundled_folder)

    @property
    def predictors(self) -> Mapping[Format, SharedPredictor]:
        """The predictor of each format that has one."""
        return self._predictors

    def start(self, tell: Callable[[str, bool], None]) -> None:
        """Tell by health service name what answers, now and later; begin to look at the files."""
        for fmt in FORMATS:
            name = f"{PART}.{fmt.value}"
            if fmt in self._predictors:
                self._predictors[fmt].on_available(partial(tell, name))
            else:
                tell(name, False)
        if self._watched and self._settings.network_poll_interval:
            self._watcher = Watcher(self._watched, self._settings.network_poll_interval)

    def close(self) -> None:
        """Look at no file any more and give every network back."""
        if self._watcher:
            self._watcher.close()
        for predictor in self._predictors.values():
            predictor.close()

    def _given(self, fmt: Format, path: Path) -> SharedPredictor:
        known: State = state_of(path)
        try:
            predictor = self._load(fmt, path)
        except NetworkError as error:
            raise ConfigError(f"AUTOQUALITY_{fmt.name}_NET: {error}") from None
        self._watched.append(WatchedFile(path, known, predictor.reload))
        return predictor

    def _unpack(self, formats: tuple[Format, ...], folder: Path) -> None:
        found = {fmt: path for fmt in formats if (path := bundled.bundled_network(fmt, folder))}
        if not found:
            return
        if not importlib.util.find_spec("tensorflow"):
            _log.warning(
                "TensorFlow is not installed: the networks in the box stay there, "
                "METHOD_ML is served as METHOD_DSSIM",
                formats=[fmt.value for fmt in found],
            )
            return
        for fmt, path in found.items():
            try:
                self._predictors[fmt] = self._load(fmt, path)
            except DeviceMissing as error:
                raise ConfigError(f"AUTOQUALITY_PREDICTOR_DEVICE: {error}") from None
            except NetworkError as error:
                _log.error("a network in the box cannot be used", error=str(error))

    def _load(self, fmt: Format, path: Path) -> SharedPredictor:
        settings = self._settings
        options = load_options(settings)
        limits = BatchLimits(
            max_batch_size=settings.max_batch_size,
            batch_timeout_micros=settings.batch_timeout_micros,
            max_enqueued_batches=settings.max_enqueued_batches,
        )
        sharing = Sharing(
            limits, settings.predictor_failure_limit, settings.predictor_retry_interval
        )
        return SharedPredictor(partial(load, path, options, fmt), sharing, self._metrics.of(fmt))
