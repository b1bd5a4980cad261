"""The predictor of one format, one for the process: batches, rests, reloads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.errors import CircuitOpen, NetworkError, PredictionFailed
from autoquality_core.networks.network import Network
from autoquality_core.networks.prediction import NetworkInfo, Prediction
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.inference.batching import Batcher, BatcherClosed, BatchLimits
from autoquality_server.inference.breaker import Breaker, Verdict
from autoquality_server.inference.events import Events, NoEvents

_CLOSING_SECONDS = 5.0

_log = logging.getLogger(__name__)

Loader = Callable[[], Network]
"""Loads the network from its file anew. Raises NetworkError."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a network is shared: its batches, and when it is left alone.

    After `failure_limit` failures in a row (0: never) it rests, and is tried
    again after `retry_interval` seconds, then twice as many, up to 5 minutes.
    """

    batches: BatchLimits = field(default_factory=BatchLimits)
    failure_limit: int = 5
    retry_interval: float = 5.0


class SharedPredictor:
    """A Predictor for all handlers. Thread-safe."""

    def __init__(
        self, load: Loader, sharing: Sharing | None = None, events: Events | None = None
    ) -> None:
        """Load the network. Raises NetworkError."""
        self._load = load
        self._sharing = sharing or Sharing()
        self._events = events or NoEvents()
        self._breaker = Breaker(self._sharing.failure_limit, self._sharing.retry_interval)
        self._swap = threading.Lock()
        self._closed = False
        self._telling = threading.Lock()
        self._listeners: list[Callable[[bool], None]] = []
        self._batcher = self._new_batcher()
        self._tell()

    @property
    def info(self) -> NetworkInfo:
        """See Predictor."""
        return self._batcher.network.info

    @property
    def available(self) -> bool:
        """See Predictor."""
        return self._breaker.closed and not self._closed

    def on_available(self, listener: Callable[[bool], None]) -> None:
        """Tell `listener` whether the network answers: now, and whenever that changes."""
        with self._telling:
            self._listeners.append(listener)
            listener(self.available)

    def predict(
        self, pixels: Pixels, target: float, deadline: Deadline | None = None
    ) -> Prediction:
        """See Predictor. What the network sees is made in the caller's thread."""
        held = self._breaker.ask()
        if held is None:
            raise CircuitOpen(f"{self.info.name}: failed repeatedly and rests")
        verdict = Verdict.UNKNOWN
        try:
            prediction = self._ask(pixels, target, deadline or Deadline())
            verdict = Verdict.WORKED
        except PredictionFailed:
            verdict = Verdict.FAILED
            self._events.failed()
            raise
        finally:
            if self._breaker.report(held, verdict):
                self._tell()
        return prediction

    def reload(self) -> bool:
        """Take the network as its file is now; whether it could be used.

        The new one is loaded and tried beside the old one, which answers until
        then and finishes what it was asked. One that cannot be used is logged
        and counted, and the old one stays.
        """
        try:
            fresh = self._new_batcher()
        except NetworkError as error:
            _log.error("a changed network cannot be used, the old one stays: %s", error)
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
        self._tell()
        _log.info("network reloaded: %s, sha256 %s", self.info.name, self.info.sha256)
        return True

    def close(self) -> None:
        """Answer what is queued, then give everything back."""
        with self._swap:
            self._closed = True
        self._batcher.close(wait_seconds=_CLOSING_SECONDS)

    def _ask(self, pixels: Pixels, target: float, deadline: Deadline) -> Prediction:
        while True:
            batcher = self._batcher
            image = batcher.network.prepare(pixels)
            try:
                return batcher.predict(image, target, deadline)
            except BatcherClosed:
                if self._closed:
                    raise PredictionFailed(f"{self.info.name}: closed") from None
                # Replaced meanwhile: the new one may want another input.

    def _new_batcher(self) -> Batcher:
        return Batcher(self._load(), self._sharing.batches, self._events)

    def _tell(self) -> None:
        # Under a lock, so that what is told last is what is true.
        with self._telling:
            available = self.available
            self._events.serving(self.info, available)
            for listener in self._listeners:
                listener(available)
        if not available:
            _log.error(
                "network %s failed %d times in a row: METHOD_ML is served without it for now",
                self.info.name,
                self._sharing.failure_limit,
            )
