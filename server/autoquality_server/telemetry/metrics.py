"""What encodings cost and reached, for Prometheus."""

from __future__ import annotations

import platform
from collections.abc import Sized
from itertools import product

import grpc
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from autoquality._version import __version__
from autoquality_core.encode.job import EncodeResult
from autoquality_core.metrics import METRICS
from autoquality_core.types import Format, Method, Outcome
from autoquality_server.admission import Admission
from autoquality_server.config.memory import available_memory
from autoquality_server.telemetry.buckets import SECONDS
from autoquality_server.telemetry.predictor_metrics import PredictorMetrics

STAGES = ("queue", "decode", "predict", "encode", "measure")

REASONS = (
    "INVALID_FIELD",
    "IMAGE_UNREADABLE",
    "IMAGE_UNSUPPORTED",
    "IMAGE_TOO_LARGE",
    "SIZE_MISMATCH",
    "TOKEN_MISSING",
    "TOKEN_INVALID",
    "RATE_EXCEEDED",
    "QUEUE_FULL",
    "DEADLINE_EXCEEDED",
    "REQUEST_UNREADABLE",
    "REQUEST_MISSING",
    "UPLOAD_TIMEOUT",
    "DOWNLOAD_TIMEOUT",
    "CANCELLED",
    "OUT_OF_MEMORY",
)
"""The reasons in `errors`, the one for a MemoryError, and the one for answers not taken."""

_ITERATIONS = (1, 2, 3, 4, 5, 6, 8, 12)
# Densest around imgproxy's default target of 0.02.
_SCORES = {
    "dssim": (
        *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.019, 0.02, 0.021),
        *(0.0225, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5),
    ),
}
"""Buckets of scores, by the metric's name; a metric without any gets evenly spaced ones."""
_BYTES = tuple(2**power for power in range(10, 27))
_QUALITIES = tuple(range(5, 101, 5))


class Metrics:
    """The service's own metrics; every combination of labels is there from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by_result = ("method", "format")
        self._iterations = Histogram(
            "autoquality_iterations",
            "Full-resolution encodings that a request cost.",
            by_result,
            buckets=_ITERATIONS,
            registry=registry,
        )
        self._scores = {
            name: Histogram(
                f"autoquality_achieved_{name}",
                f"{name.upper()} of the returned image to its source, where measured.",
                by_result,
                buckets=_SCORES.get(name) or _evenly_spaced(metric.low, metric.high),
                registry=registry,
            )
            for name, metric in METRICS.items()
        }
        self._bytes = Histogram(
            "autoquality_encoded_bytes",
            "Size of the returned image in bytes.",
            by_result,
            buckets=_BYTES,
            registry=registry,
        )
        self._quality = Histogram(
            "autoquality_quality",
            "Quality of the returned image, for formats that have one.",
            by_result,
            buckets=_QUALITIES,
            registry=registry,
        )
        self._outcomes = Counter(
            "autoquality_outcomes_total",
            "Requests served, by why the search stopped.",
            ("method", "format", "outcome"),
            registry=registry,
        )
        self._stages = Histogram(
            "autoquality_stage_duration_seconds",
            "Time of a request by stage; the stages do not overlap.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )
        self._source_bytes = Histogram(
            "autoquality_source_bytes",
            "Size of the source in bytes.",
            buckets=_BYTES,
            registry=registry,
        )
        self._rejected = Counter(
            "autoquality_rejected_total",
            "Requests refused, by the reason that the caller was told.",
            ("reason",),
            registry=registry,
        )
        self._in_flight = Gauge(
            "autoquality_requests_in_flight", "Requests that hold a worker.", registry=registry
        )
        self._queued = Gauge(
            "autoquality_requests_queued", "Requests that wait for a worker.", registry=registry
        )
        self._workers = Gauge(
            "autoquality_workers", "Requests that may run at the same time.", registry=registry
        )
        self._queue_size = Gauge(
            "autoquality_queue_size", "Requests that may wait for a worker.", registry=registry
        )
        memory = Gauge(
            "autoquality_memory_limit_bytes",
            "Memory of the cgroup, or of the machine where that is less.",
            registry=registry,
        )
        memory.set_function(available_memory)
        self._pixels = Gauge(
            "autoquality_pixels_in_flight",
            "Pixels of the requests that hold a worker.",
            registry=registry,
        )
        self._uploads = Gauge(
            "autoquality_uploads_in_flight", "Requests that are being received.", registry=registry
        )
        build = Gauge(
            "autoquality_build_info",
            "Always 1; the labels tell what runs.",
            ("version", "python", "grpc"),
            registry=registry,
        )
        build.labels(__version__, platform.python_version(), grpc.__version__).set(1)
        self.predictors = PredictorMetrics(registry)
        self._start_at_zero()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def watch(self, admission: Admission) -> None:
        """Read the gauges from `admission` from now on."""
        self._workers.set_function(lambda: admission.workers)
        self._queue_size.set_function(lambda: admission.queue_size)
        self._in_flight.set_function(lambda: admission.running)
        self._queued.set_function(lambda: admission.queued)
        self._pixels.set_function(lambda: admission.pixels)

    def watch_uploads(self, uploads: Sized) -> None:
        """Read how many there are from `uploads` from now on."""
        self._uploads.set_function(lambda: len(uploads))

    def observe(self, result: EncodeResult, source_bytes: int) -> None:
        """Count one encoded image."""
        labels = (result.applied.method.value, result.format.value)
        self._iterations.labels(*labels).observe(len(result.probes))
        self._bytes.labels(*labels).observe(len(result.image))
        for name, score in result.scores.items():
            self._scores[name].labels(*labels).observe(score)
        if result.quality:
            self._quality.labels(*labels).observe(result.quality)
        self._outcomes.labels(*labels, result.outcome.value).inc()
        self._source_bytes.observe(source_bytes)
        self.predictors.observe(result)
        for stage in STAGES:
            seconds: float = getattr(result.timings, stage)
            # A stage that a request skipped is no stage of 0 seconds; not to
            # have waited in the queue is.
            if seconds > 0 or stage == "queue":
                self._stages.labels(stage).observe(seconds)

    def reject(self, reason: str) -> None:
        """Count one request that ended with an error that the caller was told."""
        self._rejected.labels(reason).inc()

    def _start_at_zero(self) -> None:
        for method, fmt in product(Method, Format):
            for histogram in (self._iterations, *self._scores.values(), self._bytes, self._quality):
                histogram.labels(method.value, fmt.value)
            for outcome in Outcome:
                self._outcomes.labels(method.value, fmt.value, outcome.value)
        for stage in STAGES:
            self._stages.labels(stage)
        for reason in REASONS:
            self._rejected.labels(reason)


def _evenly_spaced(low: float, high: float, count: int = 20) -> tuple[float, ...]:
    return tuple(low + (high - low) * at / count for at in range(1, count + 1))
