"""The gRPC service: the methods of the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc

from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from autoquality_core.images import configure
from autoquality_core.metrics import DSSIM
from autoquality_core.networks.bundled import BUNDLED
from autoquality_core.pipeline.pipeline import warm_up
from autoquality_core.runtime.context import clock, step
from autoquality_server.admission import Admission
from autoquality_server.config import Settings
from autoquality_server.inference.predictors import Predictors
from autoquality_server.rpc.convert import encode_job, message_of
from autoquality_server.rpc.info import limits_of, server_info
from autoquality_server.rpc.request_context import current_request
from autoquality_server.rpc.runner import Runner
from autoquality_server.rpc.streaming import Streaming
from autoquality_server.telemetry.metrics import Metrics


class EncodingServicer(pb_grpc.EncodingServiceServicer):
    """Serves the contract. An interceptor translates the errors that its methods raise."""

    def __init__(
        self,
        settings: Settings,
        admission: Admission,
        metrics: Metrics,
        *,
        bundled_folder: Path = BUNDLED,
    ) -> None:
        """Load the networks. Raises ConfigError for one that does not fit."""
        configure(concurrency=settings.vips_concurrency)
        self._predictors = Predictors(settings, metrics.predictors, bundled_folder)
        self._runner = Runner(settings, admission, metrics, self._predictors.by_format)
        self._options = settings.encoder_options()
        self._limits = limits_of(settings)
        self._streaming = Streaming(self._runner, self._options, settings.max_stream_bytes)

    def warm_up(self) -> None:
        """Compile everything, and then let requests begin."""
        warm_up()
        self._runner.warm.set()

    def report_parts(self, report: Callable[[str, bool], None]) -> None:
        """Report which predictors are available, now and on every change."""
        self._predictors.start(report)

    def close(self) -> None:
        """Close the networks and the cache, once no request runs any more."""
        self._predictors.close()
        if self._runner.cache:
            self._runner.cache.close()

    def Encode(  # noqa: N802 - the contract's name
        self, request: pb.EncodeRequest, context: grpc.ServicerContext
    ) -> pb.EncodeResponse:
        start = clock()
        with step("validate"):
            job = encode_job(request, self._options, check=self._runner.pipeline.check)
        key, answer = self._runner.cached(job, start)
        if answer is None:
            result = self._runner.encode(job)
            answer = self._runner.answer(result, key, start, job.source_bytes)
        return answer

    def EncodeStream(  # noqa: N802 - the contract's name
        self, request_iterator: Iterator[pb.EncodeStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.EncodeStreamResponse]:
        return self._streaming.respond(request_iterator, current_request().deadline)

    def Compare(  # noqa: N802 - the contract's name
        self, request: pb.CompareRequest, context: grpc.ServicerContext
    ) -> pb.CompareResponse:
        comparison = self._runner.compare(request.reference, request.distorted)
        ssim = 1 - 2 * comparison.scores[DSSIM.name]
        return message_of(pb.CompareResponse, comparison, **comparison.scores, ssim=ssim)

    def GetServerInfo(  # noqa: N802 - the contract's name
        self, request: pb.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetServerInfoResponse:
        return server_info(self._runner.pipeline, self._limits)
