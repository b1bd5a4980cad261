"""What predictions cost, how they fail and how far they are off, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from autoquality_core.encode.job import EncodeResult
from autoquality_core.types import DropReason, Format, Method, Outcome
from autoquality_server.telemetry.buckets import SECONDS

if TYPE_CHECKING:  # the shell of the server does without libvips, which that brings
    from autoquality_core.networks.prediction import NetworkInfo

FORMATS = (Format.JPEG, Format.WEBP, Format.AVIF)

_BATCHES = tuple(2**power for power in range(11))
_STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
_SECONDS = (0.0001, 0.00025, 0.0005, *SECONDS)


class PredictorMetrics:
    """The metrics of all formats' predictors, at zero from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by_format = ("format",)
        self.batch_size = Histogram(
            "autoquality_predictor_batch_size",
            "Images in one run of the network, padding not counted.",
            by_format,
            buckets=_BATCHES,
            registry=registry,
        )
        self.padding = Counter(
            "autoquality_predictor_padding_total",
            "Rows that were run only to fill a batch.",
            by_format,
            registry=registry,
        )
        self.queue = Histogram(
            "autoquality_predictor_queue_seconds",
            "Time that an image waited for its run to begin.",
            by_format,
            buckets=_SECONDS,
            registry=registry,
        )
        self.run = Histogram(
            "autoquality_predictor_run_seconds",
            "Time of one run of the network.",
            by_format,
            buckets=_SECONDS,
            registry=registry,
        )
        self.failures = Counter(
            "autoquality_predictor_failures_total",
            "Images for which the network gave no usable answer.",
            by_format,
            registry=registry,
        )
        self.left = Counter(
            "autoquality_predictor_unpredicted_total",
            "Images that left the queue without a prediction, or were not let in.",
            ("format", "reason"),
            registry=registry,
        )
        self.reloads = Counter(
            "autoquality_predictor_reloads_total",
            "Changed files of networks, by whether they could be used.",
            ("format", "result"),
            registry=registry,
        )
        self.available = Gauge(
            "autoquality_predictor_available",
            "1 while a network answers, 0 without one and while it rests after failures.",
            by_format,
            registry=registry,
        )
        self.info = Gauge(
            "autoquality_predictor_info",
            "Always 1; the labels tell which network serves.",
            ("format", "name", "version", "sha256", "device"),
            registry=registry,
        )
        self._error = Histogram(
            "autoquality_prediction_error_quality_steps",
            "Distance of the predicted quality from the one that met the target.",
            by_format,
            buckets=_STEPS,
            registry=registry,
        )
        for fmt in FORMATS:
            self._start_at_zero(fmt.value)

    def of(self, fmt: Format) -> FormatEvents:
        """What one format's predictor is told to count by."""
        return FormatEvents(self, fmt.value)

    def observe(self, result: EncodeResult) -> None:
        """Learn from an encoded image how far its prediction was off."""
        searched = result.applied.method is Method.ML and result.outcome is Outcome.TARGET_MET
        if searched and result.predicted_quality is not None:
            off = abs(result.predicted_quality - result.quality)
            self._error.labels(result.format.value).observe(off)

    def _start_at_zero(self, fmt: str) -> None:
        for metric in (
            *(self.batch_size, self.padding, self.queue, self.run, self.failures),
            *(self.available, self._error),
        ):
            metric.labels(fmt)
        for why in DropReason:
            self.left.labels(fmt, why.value)
        for result in ("loaded", "refused"):
            self.reloads.labels(fmt, result)


class FormatEvents:
    """The `PredictorEvents` of one format's predictor, counted."""

    def __init__(self, metrics: PredictorMetrics, fmt: str) -> None:
        self._metrics = metrics
        self._format = fmt
        self._told: tuple[str, ...] = ()

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
        if self._told and self._told != labels:
            self._metrics.info.remove(*self._told)
        self._told = labels
        self._metrics.info.labels(*labels).set(1)
        self._metrics.available.labels(self._format).set(int(available))
