"""The fake server: scripted or computed answers over real gRPC."""

from __future__ import annotations

import functools
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, Self, TypeAlias

import grpc

from autoquality import _schema
from autoquality._async_client import AsyncClient
from autoquality._client import Client
from autoquality._errors import REQUEST_ID_KEY
from autoquality.testing._answers import answer
from autoquality.testing._defaults import LIMITS
from autoquality.testing._fault import Fault
from autoquality.testing._validate import too_large
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1.encoding_pb2_grpc import add_EncodingServiceServicer_to_server

Rpc: TypeAlias = Literal["Encode", "EncodeStream", "Compare", "GetServerInfo"]
Response: TypeAlias = pb.EncodeResponse | pb.CompareResponse | pb.GetServerInfoResponse
Answer: TypeAlias = Response | Fault | Callable[[Any], Response | Fault]
"""A response, a fault, or a function from the request to one of them."""

# With no grace period, clients log a cut connection even after their last call.
_GRACE_SECONDS = 0.5

# gRPC reports about 9e18 seconds for a call without a deadline.
_NO_DEADLINE = 1e9

_CHUNK_BYTES = 2**20
_BEFORE_PROBES = (
    pb.EncodeProgress.STAGE_RECEIVED,
    pb.EncodeProgress.STAGE_QUEUED,
    pb.EncodeProgress.STAGE_STARTED,
)


@dataclass(frozen=True, slots=True)
class Received:
    """A call that reached the server."""

    rpc: Rpc
    message: Any
    """The request. For EncodeStream, the same request as for Encode."""
    metadata: dict[str, str | bytes]
    timeout: float | None
    """Seconds until the deadline when the call arrived. None without a deadline."""
    ended: threading.Event = field(repr=False, compare=False)
    """Set when the call has ended, answered or cancelled."""


class FakeServer:
    """A gRPC server on a loopback port, as a context manager. Thread-safe.

    `delay` is the time before each answer, in seconds. It ends early if the call ends.
    `serving` is the answer to health checks. Both can be changed at any time.
    """

    def __init__(
        self,
        *,
        credentials: grpc.ServerCredentials | None = None,
        check_images: bool = True,
        limits: pb.Limits | None = None,
    ) -> None:
        """Prepare a server, without TLS if `credentials` is None.

        With False as `check_images`, any bytes are an image of 640 x 480 pixels. The fields of
        `limits` that are not set are the real server's defaults: 64 MiB for a file, 256 MiB in a
        stream, 50 megapixels.
        """
        self.delay = 0.0
        self.serving = True
        self._credentials = credentials
        self._limits = pb.Limits()
        self._limits.CopyFrom(LIMITS)
        self._limits.MergeFrom(limits or pb.Limits())
        in_stream = pb.Limits()
        in_stream.CopyFrom(self._limits)
        in_stream.max_image_bytes = self._limits.max_stream_bytes
        answers = functools.partial(answer, check_images=check_images)
        self._answer = functools.partial(answers, limits=self._limits)
        self._answer_stream = functools.partial(answers, limits=in_stream)
        self._lock = threading.Lock()
        self._requests: list[Received] = []
        self._scripts: defaultdict[Rpc, deque[Answer]] = defaultdict(deque)
        self._always: dict[Rpc, Answer] = {}
        self._port = 0

    def __enter__(self) -> Self:
        self._server = grpc.server(
            # A delayed answer occupies its thread.
            ThreadPoolExecutor(max_workers=64, thread_name_prefix="fake-server"),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", _largest_message(self._limits)),
            ],
        )
        servicer: Any = SimpleNamespace(
            Encode=functools.partial(self._serve, "Encode"),
            EncodeStream=self._serve_stream,
            Compare=functools.partial(self._serve, "Compare"),
            GetServerInfo=functools.partial(self._serve, "GetServerInfo"),
        )
        add_EncodingServiceServicer_to_server(servicer, self._server)
        self._server.add_generic_rpc_handlers((_health_handler(lambda: self.serving),))
        address = "127.0.0.1:0"
        self._port = (
            self._server.add_insecure_port(address)
            if self._credentials is None
            else self._server.add_secure_port(address, self._credentials)
        )
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(_GRACE_SECONDS).wait()

    @property
    def target(self) -> str:
        """host:port, for `Client`."""
        return f"127.0.0.1:{self._port}"

    @property
    def requests(self) -> tuple[Received, ...]:
        """The calls so far, with retries and without health checks."""
        with self._lock:
            return tuple(self._requests)

    def client(self, **options: Any) -> Client:
        """Return a client of this server. `options` are those of `Client`."""
        return Client(self.target, **options)

    def async_client(self, **options: Any) -> AsyncClient:
        """Return a client of this server for asyncio. `options` are those of `AsyncClient`."""
        return AsyncClient(self.target, **options)

    def respond(self, *answers: Answer, rpc: Rpc = "Encode") -> None:
        """Answer the next calls of `rpc` with `answers`, in order.

        Raises TypeError for an answer of another RPC, ValueError for an unknown `rpc`.
        """
        for one in answers:
            _check_answer(one, rpc)
        with self._lock:
            self._scripts[rpc].extend(answers)

    def respond_always(self, to_all: Answer, *, rpc: Rpc = "Encode") -> None:
        """Answer every call of `rpc` with `to_all`. Answers from `respond` go first.

        Raises the errors of `respond`.
        """
        _check_answer(to_all, rpc)
        with self._lock:
            self._always[rpc] = to_all

    def _next_answer(self, call: Received, usual: Answer) -> Answer:
        with self._lock:
            self._requests.append(call)
            script = self._scripts[call.rpc]
            return script.popleft() if script else self._always.get(call.rpc, usual)

    def _serve(
        self, rpc: Rpc, request: Any, context: grpc.ServicerContext, usual: Answer | None = None
    ) -> Any:
        metadata = dict(context.invocation_metadata())
        left = context.time_remaining()
        call = Received(
            rpc, request, metadata, None if left > _NO_DEADLINE else left, threading.Event()
        )
        if not context.add_callback(call.ended.set):
            call.ended.set()
        response: Answer = self._next_answer(call, usual or self._answer)
        if self.delay:
            call.ended.wait(self.delay)
        if callable(response):
            response = response(request)
            _check_result(response, rpc)
        trailing = ((REQUEST_ID_KEY, metadata.get(REQUEST_ID_KEY, "fake")),)
        if isinstance(response, Fault):
            context.set_trailing_metadata(trailing + response.trailing_metadata())
            context.abort(response.code, response.message)
        context.set_trailing_metadata(trailing)
        return response

    def _serve_stream(
        self, parts: Iterator[pb.EncodeStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.EncodeStreamResponse]:
        yield _progress(pb.EncodeProgress.STAGE_ACCEPTED)
        request, fault = _joined(parts, self._limits)
        usual = fault or self._answer_stream
        yield from _split(self._serve("EncodeStream", request, context, usual))


_SERVICES = ("", pb.DESCRIPTOR.services_by_name["EncodingService"].full_name)
"""The names of health checks."""

_RESPONSES: dict[str, type[Response]] = {
    "Encode": pb.EncodeResponse,
    "EncodeStream": pb.EncodeResponse,
    "Compare": pb.CompareResponse,
    "GetServerInfo": pb.GetServerInfoResponse,
}


def _check_answer(to_call: object, rpc: str) -> None:
    if rpc not in _RESPONSES:
        raise ValueError(f"rpc must be one of {', '.join(_RESPONSES)}, not {rpc!r}")
    if not callable(to_call):
        _check_result(to_call, rpc)


def _check_result(result: object, rpc: str) -> None:
    if not isinstance(result, (_RESPONSES[rpc], Fault)):
        raise TypeError(
            f"an answer to {rpc} must be {_RESPONSES[rpc].__name__}, Fault, or a function that "
            f"returns one of them, not {type(result).__name__}"
        )


def _largest_message(limits: pb.Limits) -> int:
    """Return the bytes of the largest request: of two files, or of raw pixels."""
    largest = max(2 * limits.max_image_bytes, 4 * limits.max_resolution_pixels)
    return min(largest + 2**20, 2**31 - 1)


def _joined(
    parts: Iterator[pb.EncodeStreamRequest], limits: pb.Limits
) -> tuple[pb.EncodeRequest, Fault | None]:
    """Return the Encode request with the same content as `parts`, and what is wrong with them."""
    request, fault = pb.EncodeRequest(), None
    chunks = []
    for part in parts:
        if len(part.chunk) > limits.max_chunk_bytes:
            right = f"must be at most {limits.max_chunk_bytes} bytes, is {len(part.chunk)}"
            fault = Fault.invalid("chunk", right)
        if part.HasField("start"):
            request.CopyFrom(part.start.request)
        chunks.append(part.chunk)
    source = b"".join(chunks)
    field = "raw" if request.HasField("raw") else "image"
    if field == "raw":
        request.raw.pixels = source
    else:
        request.image = source
    if len(source) > limits.max_stream_bytes:
        most = f"{limits.max_stream_bytes} are accepted in a stream"
        fault = Fault.invalid_fields(too_large(field, f"has {len(source)} bytes", most))
    return request, fault


def _split(response: pb.EncodeResponse) -> Iterator[pb.EncodeStreamResponse]:
    """Yield the parts of the answer after the source has arrived."""
    for stage in _BEFORE_PROBES:
        yield _progress(stage)
    for probe in response.probes:
        yield _progress(pb.EncodeProgress.STAGE_PROBED, probe)
    result = pb.EncodeResponse()
    result.CopyFrom(response)
    result.ClearField("image")
    yield pb.EncodeStreamResponse(result=result)
    for at in range(0, len(response.image), _CHUNK_BYTES):
        yield pb.EncodeStreamResponse(chunk=response.image[at : at + _CHUNK_BYTES])


def _progress(
    stage: pb.EncodeProgress.Stage.ValueType, probe: pb.Probe | None = None
) -> pb.EncodeStreamResponse:
    return pb.EncodeStreamResponse(progress=pb.EncodeProgress(stage=stage, probe=probe))


def _health_handler(serving: Callable[[], bool]) -> grpc.GenericRpcHandler:
    def check(request: Any, context: grpc.ServicerContext) -> Any:
        if request.service not in _SERVICES:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        status = _schema.SERVING if serving() else _schema.NOT_SERVING
        return _schema.HealthCheckResponse(status=status)

    service, _, method = _schema.HEALTH_METHOD.strip("/").partition("/")
    handler = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=_schema.HealthCheckRequest.FromString,
        response_serializer=_schema.HealthCheckResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})
