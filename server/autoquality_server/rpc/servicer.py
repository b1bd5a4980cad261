"""The gRPC service: from what was called to who does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import grpc

from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from autoquality_core.encode.pipeline import Pipeline
from autoquality_core.formats import EncoderOptions
from autoquality_core.metrics import DSSIM
from autoquality_core.runtime.context import step
from autoquality_server.inference.networks import Networks
from autoquality_server.rpc.answer import response_of
from autoquality_server.rpc.encoding import Encoding
from autoquality_server.rpc.interceptors.deadlines import deadline_of
from autoquality_server.rpc.slots import Gates
from autoquality_server.rpc.streaming import Streaming
from autoquality_server.rpc.validate import job_of
from autoquality_server.telemetry.logs import log_fields
from autoquality_server.telemetry.metrics import Metrics


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
        max_stream_bytes: int,
    ) -> None:
        self._pipeline = pipeline
        self._options = options
        self._info = info
        self._gates = gates
        self._encoding = Encoding(pipeline, gates, metrics)
        self._streaming = Streaming(self._encoding, options, max_stream_bytes)
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
        with step("validate"):
            job = job_of(request, self._options)
        result = self._encoding.run(job, deadline_of(context))
        self._encoding.note(result, job.source_bytes)
        with step("answer"):
            return response_of(result, time.perf_counter() - start)

    def EncodeStream(  # noqa: N802 - the contract's name
        self, request_iterator: Iterator[pb.EncodeStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.EncodeStreamResponse]:
        return self._streaming.answer(request_iterator, deadline_of(context))

    def Compare(  # noqa: N802 - the contract's name
        self, request: pb.CompareRequest, context: grpc.ServicerContext
    ) -> pb.CompareResponse:
        deadline = deadline_of(context)
        with self._gates.to_look(deadline):
            pair = self._pipeline.open_pair(request.reference, request.distorted, deadline)
        with self._gates.to_work(deadline, pair.cost):
            found = self._pipeline.measure(pair, deadline)
        log_fields(**found.scores, width=found.width, height=found.height)
        return pb.CompareResponse(
            **found.scores,
            ssim=1 - 2 * found.scores[DSSIM.name],
            width=found.width,
            height=found.height,
            frames=found.frames,
        )

    def GetServerInfo(  # noqa: N802 - the contract's name
        self, request: pb.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetServerInfoResponse:
        return self._info()
