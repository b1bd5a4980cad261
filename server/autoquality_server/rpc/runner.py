"""Runs the pipeline for one request, within the limits of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.pipeline.comparison import Comparison
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.context import clock, report
from autoquality_core.types import Stage
from autoquality_server.admission import Admission
from autoquality_server.admission.semaphore import DeadlineSemaphore
from autoquality_server.auth.rates import Rates
from autoquality_server.rpc.cache import AnswerCache
from autoquality_server.rpc.request_context import current_request
from autoquality_server.telemetry.logs import log_fields, result_fields
from autoquality_server.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Runner:
    """Encodes and compares for the call that the current thread serves.

    A request first holds a header slot, to learn its size, and then a worker slot.
    """

    pipeline: Pipeline
    header_slots: DeadlineSemaphore
    admission: Admission
    megapixels: Rates
    metrics: Metrics
    cache: AnswerCache | None = None

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

    def keep(self, key: str, result: EncodeResult, answer: pb.EncodeResponse) -> None:
        """Cache an answer, if there is a cache and it may be repeated."""
        if self.cache:
            self.cache.keep(key, result, answer)

    def encode(self, job: EncodeJob, max_bytes: int | None = None) -> EncodeResult:
        """Encode once a worker is free; `max_bytes` is that of `Pipeline.open`.

        Raises ServiceError and MemoryError.
        """
        if job.format:
            log_fields(format=job.format.value)
        if job.spec.method:
            log_fields(method=job.spec.method.value)
        deadline = current_request().deadline
        with self.header_slots.acquire(deadline):
            opened = self.pipeline.open(job, deadline, max_bytes)
        report(Stage.QUEUED)
        with self._worker_slot(opened.cost):
            report(Stage.STARTED)
            return self.pipeline.run(opened, deadline)

    def compare(self, reference: bytes, distorted: bytes) -> Comparison:
        """Compare once a worker is free. Raises ServiceError and MemoryError."""
        deadline = current_request().deadline
        with self.header_slots.acquire(deadline):
            pair = self.pipeline.open_pair(reference, distorted, deadline)
        with self._worker_slot(pair.cost):
            comparison = self.pipeline.measure(pair, deadline)
        log_fields(**comparison.scores, width=comparison.width, height=comparison.height)
        return comparison

    def record(self, result: EncodeResult, source_bytes: int) -> None:
        """Count a result and add it to the log line of the call."""
        self.metrics.observe(result, source_bytes)
        log_fields(**result_fields(result, source_bytes))

    @contextmanager
    def _worker_slot(self, pixels: int) -> Iterator[None]:
        """Hold a worker and `pixels`.

        Raises RateExceeded, Overloaded, DeadlinePassed and RequestCancelled.
        """
        request = current_request()
        self.megapixels.take(request.caller, pixels / 1e6)
        with self.admission.admit(request.deadline, pixels):
            yield
