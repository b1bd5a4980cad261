"""Runs the pipeline for one request, within the limits of the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.images import ImageLimits
from autoquality_core.networks import Predictor
from autoquality_core.pipeline.comparison import Comparison
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.context import clock, report, step
from autoquality_core.types import Format, Stage
from autoquality_server.admission import Admission, DeadlineSemaphore
from autoquality_server.auth.rates import Rates
from autoquality_server.config import Settings
from autoquality_server.rpc.cache import AnswerCache
from autoquality_server.rpc.convert import encode_response
from autoquality_server.rpc.request_context import current_request
from autoquality_server.telemetry.logs import log_fields, result_fields
from autoquality_server.telemetry.metrics import Metrics


class Runner:
    """Encodes and compares for the call that the current thread serves.

    A request first holds a header slot, to learn its size, and then a worker slot.
    """

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        metrics: Metrics,
        predictors: Mapping[Format, Predictor],
    ) -> None:
        """Raises ConfigError for a cache that cannot be used."""
        self.pipeline = Pipeline(
            settings.defaults(),
            ImageLimits(settings.max_image_bytes, settings.max_pixels),
            predictors,
            advise=settings.advise_dssim,
            lend_core=admission.second_worker if settings.parallel_probes else None,
            max_search_pixels=settings.max_search_pixels,
        )
        self.cache = AnswerCache(settings, predictors, metrics) if settings.cache_url else None
        self._header_slots = DeadlineSemaphore(settings.workers)
        self._admission = admission
        self._megapixels = Rates("megapixels", settings.client_megapixels_per_second)
        self._metrics = metrics
        self.warm = threading.Event()
        """Requests wait for it. Time spent on compiling loops would count as that of an encoding,
        and a search would end early for the deadline."""

    def cached(self, job: EncodeJob, start: float) -> tuple[str, pb.EncodeResponse | None]:
        """The key of a job's answer (empty without a cache), and the answer if it is cached.

        Its timings have only a total, since `start` by `clock`.
        """
        if self.cache is None:
            return "", None
        request = current_request()
        key = self.cache.key(job, request.caller)
        answer = self.cache.find(key, request.deadline)
        if answer is not None:
            log_fields(cache="hit", source_bytes=job.source_bytes, encoded_bytes=answer.size_bytes)
            answer.ClearField("timings")
            answer.timings.total.FromMicroseconds(round((clock() - start) * 1e6))
        return key, answer

    def encode(self, job: EncodeJob, max_bytes: int | None = None) -> EncodeResult:
        """Encode once a worker is free; `max_bytes` is that of `Pipeline.open`.

        Raises ServiceError and MemoryError.
        """
        if job.format:
            log_fields(format=job.format.value)
        if job.spec.method:
            log_fields(method=job.spec.method.value)
        deadline = current_request().deadline
        with self._header_slots.acquire(deadline):
            opened = self.pipeline.open(job, deadline, max_bytes)
        report(Stage.QUEUED)
        with self._worker_slot(opened.cost):
            report(Stage.STARTED)
            return self.pipeline.run(opened, deadline)

    def compare(self, reference: bytes, distorted: bytes) -> Comparison:
        """Compare once a worker is free. Raises ServiceError and MemoryError."""
        deadline = current_request().deadline
        with self._header_slots.acquire(deadline):
            pair = self.pipeline.open_pair(reference, distorted, deadline)
        with self._worker_slot(pair.cost):
            comparison = pair.measure(deadline)
        log_fields(**comparison.scores, width=comparison.width, height=comparison.height)
        return comparison

    def answer(
        self,
        result: EncodeResult,
        key: str,
        start: float,
        source_bytes: int,
        *,
        with_image: bool = True,
    ) -> pb.EncodeResponse:
        """Count a result, add it to the log line of the call, and cache the answer under `key`.

        An answer that the deadline decided is not cached: later callers may have more time.
        """
        self._metrics.observe(result, source_bytes)
        log_fields(**result_fields(result, source_bytes))
        with step("answer"):
            answer = encode_response(result, clock() - start, with_image=with_image)
        if self.cache and not current_request().deadline.was_short:
            self.cache.keep(key, result, answer)
        return answer

    @contextmanager
    def _worker_slot(self, pixels: int) -> Iterator[None]:
        """Hold a worker and `pixels`.

        Raises RateExceeded, Overloaded, DeadlinePassed and RequestCancelled.
        """
        request = current_request()
        self._megapixels.take(request.caller, pixels / 1e6)
        admitted = False
        try:
            with self._admission.admit(request.deadline, pixels):
                admitted = True
                self.warm.wait(min(request.deadline.remaining(), threading.TIMEOUT_MAX))
                request.deadline.check()
                yield
        finally:
            if not admitted:  # no work was done for the caller
                self._megapixels.give_back(request.caller, pixels / 1e6)
