"""The gRPC service: protobuf to domain and back, admission, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc

from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from autoquality_server.deadline import Deadline
from autoquality_server.domain import EncodeResult, EncoderOptions, RawSource, Timings
from autoquality_server.pipeline import Pipeline
from autoquality_server.service.answer import response_of
from autoquality_server.service.gates import Gates
from autoquality_server.service.networks import Networks
from autoquality_server.service.validate import job_of
from autoquality_server.stages import stage
from autoquality_server.telemetry.logs import log_fields
from autoquality_server.telemetry.metrics import Metrics

NO_DEADLINE_SECONDS = 1e9
"""Without a deadline grpc's `time_remaining` is about 9e18 rather than None."""


class EncodingServicer(pb_grpc.EncodingServiceServicer):
    """Serves the contract. Errors are raised as they are; an interceptor tells them."""

    def __init__(
        self,
        pipeline: Pipeline,
        options: EncoderOptions,
        info: Callable[[], pb.GetServerInfoResponse],
        gates: Gates,
        metrics: Metrics,
        networks: Networks,
    ) -> None:
        self._pipeline = pipeline
        self._options = options
        self._info = info
        self._gates = gates
        self._metrics = metrics
        self._networks = networks

    def warm_up(self) -> None:
        """Compile what the first request would otherwise wait for."""
        self._pipeline.warm_up()

    def tell_parts(self, tell: Callable[[str, bool], None]) -> None:
        """Tell which predictors answer, now and whenever that changes."""
        self._networks.start(tell)

    def close(self) -> None:
        """Give the networks back; no request may run any more."""
        self._networks.close()

    def Encode(  # noqa: N802 - the contract's name
        self, request: pb.EncodeRequest, context: grpc.ServicerContext
    ) -> pb.EncodeResponse:
        start = time.perf_counter()
        with stage("validate"):
            job = job_of(request, self._options)
        deadline = _deadline(context)
        timings = Timings()
        with self._gates.to_look(deadline):
            opened = self._pipeline.open(job, deadline, timings)
        with self._gates.to_work(deadline, opened.pixels) as queued_seconds:
            timings.queue = queued_seconds
            result = self._pipeline.run(opened, deadline, timings)
        source = job.source
        source_bytes = len(source.pixels if isinstance(source, RawSource) else source)
        self._metrics.observe(result, source_bytes)
        log_fields(**_summary(result, source_bytes))
        with stage("answer"):
            return response_of(result, time.perf_counter() - start)

    def Compare(  # noqa: N802 - the contract's name
        self, request: pb.CompareRequest, context: grpc.ServicerContext
    ) -> pb.CompareResponse:
        deadline = _deadline(context)
        with self._gates.to_look(deadline):
            pair = self._pipeline.open_pair(request.reference, request.distorted, deadline)
        with self._gates.to_work(deadline, pair.pixels):
            found = self._pipeline.measure(pair, deadline)
        log_fields(dssim=found.dssim, width=found.width, height=found.height)
        return pb.CompareResponse(
            dssim=found.dssim,
            ssim=1 - 2 * found.dssim,
            width=found.width,
            height=found.height,
            frames=found.frames,
        )

    def GetServerInfo(  # noqa: N802 - the contract's name
        self, request: pb.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetServerInfoResponse:
        return self._info()


def _deadline(context: grpc.ServicerContext) -> Deadline:
    """The caller's deadline and cancellation."""
    remaining = context.time_remaining()
    deadline = Deadline(remaining if remaining < NO_DEADLINE_SECONDS else None)
    if not context.add_callback(deadline.cancel):
        deadline.cancel()  # the call had ended before the callback could be set
    return deadline


def _summary(result: EncodeResult, source_bytes: int) -> dict[str, Any]:
    """What the request's log line tells."""
    return {
        "format": result.format.value,
        "method": result.applied.method.value,
        "quality": result.quality or None,
        "outcome": result.outcome.value,
        "iterations": len(result.probes),
        "dssim": result.dssim,
        "source_bytes": source_bytes,
        "encoded_bytes": len(result.image),
        "width": result.width,
        "height": result.height,
        "frames": result.frames,
    }
