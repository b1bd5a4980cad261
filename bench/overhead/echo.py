"""A gRPC server with the settings of the service that does no work.

It encodes the first request that it gets, and answers every later one with the same bytes. So its
messages have the sizes of the service's, and nothing is decoded, checked, counted or logged.

    python -m bench.overhead.echo
"""

from __future__ import annotations

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import EncoderOptions
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.config import load
from autoquality_server.rpc.convert import encode_job, encode_response
from autoquality_server.rpc.options import HEADROOM, grpc_options
from bench.compare.subject import LIMITS


class Echo:
    """Answers every request with the answer to the first one."""

    def __init__(self) -> None:
        self._answer = b""

    def encode(self, request: bytes, _call: grpc.ServicerContext) -> bytes:
        """The answer, as serialised bytes."""
        if not self._answer:
            job = encode_job(pb.EncodeRequest.FromString(request), EncoderOptions())
            result = Pipeline(Defaults(), LIMITS).encode(job, Deadline())
            self._answer = encode_response(result, 0.0).SerializeToString()
        return self._answer


def main() -> None:
    """Serve until SIGTERM."""
    settings = load({}, os.environ).settings
    threads = settings.workers + settings.queue_size + HEADROOM
    options = grpc_options(settings, threads, shares_port=False)
    server = grpc.server(ThreadPoolExecutor(threads), options=options)
    encode: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(Echo().encode)
    service = grpc.method_handlers_generic_handler(
        "autoquality.v1.EncodingService", {"Encode": encode}
    )
    server.add_generic_rpc_handlers((service,))
    signal.signal(signal.SIGTERM, lambda *_: server.stop(0))
    port = server.add_insecure_port(settings.listen)
    server.start()
    print(json.dumps({"event": "ready", "port": port, "metrics_port": 0}), file=sys.stderr)
    sys.stderr.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
