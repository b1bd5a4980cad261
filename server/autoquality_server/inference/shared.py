"""One predictor for all handlers: batches, a circuit breaker, reloads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from autoquality_core.images.pixels import Pixels
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import (
    CircuitOpen,
    Network,
    NetworkError,
    NetworkInfo,
    Prediction,
    PredictionFailed,
)
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.batching import Batcher, BatcherClosed
from autoquality_server.inference.breaker import CircuitBreaker, Result
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.predictor_metrics import FormatEvents

_CLOSING_SECONDS = 5.0

_log = logger(__name__)


class SharedPredictor:
    """A Predictor for all handlers. Thread-safe."""

    def __init__(
        self, load: Callable[[], Network], settings: PredictionSettings, events: FormatEvents
    ) -> None:
        """Load the network. Raises NetworkError, as `load` does."""
        self._load = load
        self._settings = settings
        self._breaker = CircuitBreaker(
            settings.predictor_failure_limit, settings.predictor_retry_interval
        )
        self._events = events
        self._swap = threading.Lock()
        self._closed = False
        self._publishing = threading.Lock()
        self._listener: Callable[[bool], None] = lambda _: None
        self._batcher = self._new_batcher()
        self._publish()

    @property
    def info(self) -> NetworkInfo:
        return self._batcher.network.info

    @property
    def available(self) -> bool:
        return self._breaker.is_closed and not self._closed

    def on_available(self, listener: Callable[[bool], None]) -> None:
        """Call `listener` with `available`: now, and whenever it changes."""
        with self._publishing:
            self._listener = listener
            listener(self.available)

    def predict(
        self,
        pixels: Pixels,
        target: float,
        deadline: Deadline | None = None,
        metric: str = DSSIM.name,
    ) -> Prediction:
        """See Predictor. Prepares the network's input in the caller's thread."""
        permit = self._breaker.acquire()
        if permit is None:
            raise CircuitOpen(f"{self.info.name}: not run after repeated failures")
        result = Result.UNKNOWN
        try:
            prediction = self._predict(pixels, target, deadline or Deadline(), metric)
            result = Result.SUCCESS
        except PredictionFailed:
            result = Result.FAILURE
            self._events.failed()
            raise
        finally:
            if self._breaker.report(permit, result):
                self._publish()
        return prediction

    def reload(self) -> bool:
        """Load the network's file again. Returns whether it can be used.

        The old network serves until the new one is loaded and checked, and
        finishes the images in its queue. A file that cannot be used is logged and
        counted, and the old network stays.
        """
        try:
            fresh = self._new_batcher()
        except NetworkError as error:
            _log.error("a changed network cannot be used, the old one stays", error=str(error))
            self._events.reloaded(ok=False)
            return False
        with self._swap:
            if self._closed:
                fresh.close()
                return False
            old, self._batcher = self._batcher, fresh
        old.close()
        self._breaker.reset()
        self._events.reloaded(ok=True)
        self._publish()
        _log.info("network reloaded", network=self.info.name, sha256=self.info.sha256)
        return True

    def close(self) -> None:
        """Answer the queued images, then release the network."""
        with self._swap:
            self._closed = True
        self._batcher.close(wait_seconds=_CLOSING_SECONDS)

    def _predict(
        self, pixels: Pixels, target: float, deadline: Deadline, metric: str
    ) -> Prediction:
        while True:
            batcher = self._batcher
            image = batcher.network.prepare(pixels)
            try:
                return batcher.predict(image, target, deadline, metric)
            except BatcherClosed:
                if self._closed:
                    raise PredictionFailed(f"{self.info.name}: closed") from None
                # It was replaced, and the new network may need another input.

    def _new_batcher(self) -> Batcher:
        return Batcher(self._load(), self._settings, self._events)

    def _publish(self) -> None:
        # Under a lock, so that the listener gets changes in their order.
        with self._publishing:
            available = self.available
            self._events.serving(self.info, available)
            self._listener(available)
        if not available:
            _log.error(
                "a network failed repeatedly: METHOD_ML is served without it for now",
                network=self.info.name,
                failures=self._breaker.limit,
            )
