"""Prometheus metrics about predictions: their time, failures and errors."""

from __future__ import annotations

import enum
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.networks.prediction import NetworkInfo
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.types import Format, Method, Outcome
from autoquality_server.telemetry.families import SECONDS, declare

_BATCHES = tuple(2**power for power in range(11))
_STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
_SECONDS = (0.0001, 0.00025, 0.0005, *SECONDS)


class DropReason(enum.Enum):
    """Why an image left a network's queue, or was not let in, though nothing had failed."""

    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    QUEUE_FULL = "queue_full"


class PredictorMetrics:
    """The metrics of the predictors of all formats, at zero from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        formats = {"format": [fmt.value for fmt in WITH_QUALITY]}
        counter = partial(declare, Counter, registry)
        histogram = partial(declare, Histogram, registry, labels=formats)
        self.batch_size = histogram(
            "autoquality_predictor_batch_size",
            "Images in one run of the network, without padding.",
            buckets=_BATCHES,
        )
        self.padding = counter(
            "autoquality_predictor_padding_total", "Rows run only to fill a batch.", formats
        )
        self.queue = histogram(
            "autoquality_predictor_queue_seconds",
            "Time that an image waited for its run.",
            buckets=_SECONDS,
        )
        self.run = histogram(
            "autoquality_predictor_run_seconds", "Time of one run of the network.", buckets=_SECONDS
        )
        self.failures = counter(
            "autoquality_predictor_failures_total", "Images for which the network failed.", formats
        )
        self.left = counter(
            "autoquality_predictor_unpredicted_total",
            "Images that left the queue without a prediction, or did not enter it.",
            {**formats, "reason": [one.value for one in DropReason]},
        )
        self.reloads = counter(
            "autoquality_predictor_reloads_total",
            "Changed network files, by whether they were loaded.",
            {**formats, "result": ("loaded", "refused")},
        )
        self.available = declare(
            Gauge,
            registry,
            "autoquality_predictor_available",
            "1 while a network answers; 0 without one and while its circuit is open.",
            formats,
        )
        self.info = Gauge(
            "autoquality_predictor_info",
            "Always 1; the labels name the network.",
            ("format", "name", "version", "sha256", "device"),
            registry=registry,
        )
        self._error = histogram(
            "autoquality_prediction_error_quality_steps",
            "Distance of the predicted quality from the one that met the target.",
            buckets=_STEPS,
        )

    def of(self, fmt: Format) -> FormatEvents:
        return FormatEvents(self, fmt.value)

    def observe(self, result: EncodeResult) -> None:
        """Record the error of a prediction, if the search went on to meet the target."""
        searched = result.applied.method is Method.ML and result.outcome is Outcome.TARGET_MET
        if searched and result.predicted_quality is not None:
            error = abs(result.predicted_quality - result.quality)
            self._error.labels(result.format.value).observe(error)


class FormatEvents:
    """Counts the events of one format's predictor. Its methods must not block."""

    def __init__(self, metrics: PredictorMetrics, fmt: str) -> None:
        self._metrics = metrics
        self._format = fmt
        self._network: tuple[str, ...] = ()

    def ran(self, size: int, padding: int, seconds: float) -> None:
        self._metrics.batch_size.labels(self._format).observe(size)
        self._metrics.padding.labels(self._format).inc(padding)
        self._metrics.run.labels(self._format).observe(seconds)

    def waited(self, seconds: float) -> None:
        self._metrics.queue.labels(self._format).observe(seconds)

    def failed(self) -> None:
        self._metrics.failures.labels(self._format).inc()

    def dropped(self, reason: DropReason) -> None:
        self._metrics.left.labels(self._format, reason.value).inc()

    def reloaded(self, ok: bool) -> None:
        self._metrics.reloads.labels(self._format, "loaded" if ok else "refused").inc()

    def serving(self, info: NetworkInfo, available: bool) -> None:
        labels = (self._format, info.name, info.version, info.sha256, info.device)
        if self._network and self._network != labels:
            self._metrics.info.remove(*self._network)
        self._network = labels
        self._metrics.info.labels(*labels).set(1)
        self._metrics.available.labels(self._format).set(int(available))
