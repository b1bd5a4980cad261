"""Prometheus metrics about encodings and the load of the server."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sized
from dataclasses import fields
from functools import partial

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
from autoquality_core.metrics import METRICS
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.types import Format, Method, Outcome, Timings
from autoquality_server.admission import Admission
from autoquality_server.config.resources import available_memory
from autoquality_server.telemetry.families import SECONDS, declare
from autoquality_server.telemetry.predictor_metrics import PredictorMetrics

STAGES = tuple(field.name for field in fields(Timings))

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
"""The reasons in `errors`, and those of a MemoryError and of a download that timed out."""

CACHE_LOOKUPS = ("hit", "miss", "failed", "skipped")
CACHE_WRITES = ("stored", "too_large", "failed", "skipped")
"""The results of calls to the cache; it is skipped while its circuit is open."""

_ITERATIONS = (1, 2, 3, 4, 5, 6, 8, 12)
# Densest around the default targets.
_SCORES = {
    "dssim": (
        *(0.001, 0.0025, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.019, 0.02, 0.021),
        *(0.0225, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.2, 0.5),
    ),
    "ssimulacra2": (
        *(0, 10, 20, 30, 40, 50, 55, 60, 65, 69, 70, 71, 75, 79, 80, 81, 82.5, 85, 87.5, 90, 95),
        100,
    ),
}
"""Buckets of scores, by the metric's name; a metric without any gets evenly spaced ones."""
_BYTES = tuple(2**power for power in range(10, 27))
_QUALITIES = tuple(range(5, 101, 5))

_ADMISSION = {
    "running": ("autoquality_requests_in_flight", "Requests that hold a worker."),
    "queued": ("autoquality_requests_queued", "Requests that wait for a worker."),
    "workers": ("autoquality_workers", "Requests that may run at the same time."),
    "queue_size": ("autoquality_queue_size", "Requests that may wait for a worker."),
    "pixels": ("autoquality_pixels_in_flight", "Pixels of the requests that hold a worker."),
}
"""Gauges of an admission, by the name of the property."""


class Metrics:
    """The metrics of the service, with every combination of labels from the start."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(declare, Counter, registry)
        histogram = partial(declare, Histogram, registry)
        result = {"method": [one.value for one in Method], "format": [one.value for one in Format]}
        by_result = partial(histogram, labels=result)
        self._iterations = by_result(
            "autoquality_iterations",
            "Full-resolution encodings that a request cost.",
            buckets=_ITERATIONS,
        )
        self._scores = {
            name: by_result(
                f"autoquality_achieved_{name}",
                f"{name.upper()} of the returned image to its source, if measured.",
                buckets=_SCORES.get(name) or _evenly_spaced(metric.low, metric.high),
            )
            for name, metric in METRICS.items()
        }
        self._bytes = by_result(
            "autoquality_encoded_bytes", "Size of the returned image in bytes.", buckets=_BYTES
        )
        self._quality = by_result(
            "autoquality_quality",
            "Quality of the returned image, for formats that have one.",
            buckets=_QUALITIES,
        )
        self._outcomes = counter(
            "autoquality_outcomes_total",
            "Requests served, by why the search stopped.",
            {**result, "outcome": [one.value for one in Outcome]},
        )
        self._stages = histogram(
            "autoquality_stage_duration_seconds",
            "Time of a request by stage; stages do not overlap.",
            {"stage": STAGES},
            buckets=SECONDS,
        )
        self._source_bytes = histogram(
            "autoquality_source_bytes", "Size of the source in bytes.", buckets=_BYTES
        )
        self._rejected = counter(
            "autoquality_rejected_total",
            "Requests refused, by the reason in the error.",
            {"reason": REASONS},
        )
        self.cache_lookups = counter(
            "autoquality_cache_lookups_total",
            "Answers looked up in the cache.",
            {"result": CACHE_LOOKUPS},
        )
        self.cache_writes = counter(
            "autoquality_cache_writes_total",
            "Answers written to the cache.",
            {"result": CACHE_WRITES},
        )
        build = Gauge(
            "autoquality_build_info",
            "Always 1; the labels are the versions.",
            ("version", "python", "grpc"),
            registry=registry,
        )
        build.labels(__version__, platform.python_version(), grpc.__version__).set(1)
        self.predictors = PredictorMetrics(registry)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)

    def observe(self, result: EncodeResult, source_bytes: int) -> None:
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
            # A skipped stage is not a stage of 0 seconds, but an empty queue is.
            if seconds > 0 or stage == "queue":
                self._stages.labels(stage).observe(seconds)

    def reject(self, reason: str) -> None:
        self._rejected.labels(reason).inc()


def declare_load(
    registry: CollectorRegistry,
    admission: Admission,
    uploads: Sized,
    expiries: Mapping[str, Callable[[], float]],
) -> None:
    """Declare the gauges of requests, memory and certificates.

    `uploads` are the requests that are being received, `expiries` the Unix times by setting.
    """
    gauge = partial(declare, Gauge, registry)
    for key, (name, text) in _ADMISSION.items():
        gauge(name, text).set_function(partial(getattr, admission, key))
    gauge(
        "autoquality_memory_limit_bytes", "Memory of the cgroup or of the machine, if less."
    ).set_function(available_memory)
    gauge("autoquality_uploads_in_flight", "Requests that are being received.").set_function(
        lambda: len(uploads)
    )
    certificates = gauge(
        "autoquality_tls_certificate_expiry_seconds",
        "Unix time when the first certificate of a file expires, by the setting of the file.",
        {"setting": expiries},
    )
    for setting, expiry in expiries.items():
        certificates.labels(setting).set_function(expiry)


def _evenly_spaced(low: float, high: float) -> tuple[float, ...]:
    return tuple(low + (high - low) * at / 20 for at in range(1, 21))
