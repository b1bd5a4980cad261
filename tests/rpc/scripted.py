"""A real servicer that follows the instructions in the request's `background`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from autoquality_core import errors
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission import Admission
from autoquality_server.config import Settings
from autoquality_server.telemetry.logs import log_fields
from autoquality_server.telemetry.metrics import Metrics
from tests.http2 import FORGERY
from tests.waiting import GATE_LIMIT, until, wait_for

SECRET = "a secret of the inside"  # pragma: allowlist secret


class ScriptedServicer(pb_grpc.EncodingServiceServicer):
    """`Encode` runs under admission, as the real one does."""

    def __init__(self, settings: Settings, admission: Admission, metrics: Metrics) -> None:
        self.admission = admission
        self.gate = threading.Event()
        """What requests that say "wait" wait for."""
        self.warm = threading.Event()
        """What `warm_up` waits for."""
        self.warm.set()
        self.calls = 0
        self.closed = False

    def warm_up(self) -> None:
        wait_for(self.warm, within=GATE_LIMIT)

    def report_parts(self, report: Callable[[str, bool], None]) -> None:
        self.report = report

    def close(self) -> None:
        self.closed = True

    def Encode(  # noqa: N802
        self, request: pb.EncodeRequest, context: grpc.ServicerContext
    ) -> pb.EncodeResponse:
        self.calls += 1
        deadline = Deadline(min(context.time_remaining(), 1e6))
        context.add_callback(deadline.cancel)
        with self.admission.admit(deadline):
            action, _, argument = request.background.partition(":")
            if action == "wait":
                wait_for(self.gate, within=GATE_LIMIT)
            elif action == "wait-for":
                while not Path(argument).exists():
                    time.sleep(0.005)
            elif action == "defect-without-a-caller":
                until(lambda: not context.is_active())
                raise RuntimeError(SECRET)
            elif action == "abort":
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "said by the service")
            elif action == "generated":
                return super().Encode(request, context)  # type: ignore[safe-super,return-value]
            elif action == "overloaded-once" and self.calls == 1:
                raise errors.Overloaded("full", retry_seconds=0.05)
            elif action in ERRORS:
                raise ERRORS[action]()
            log_fields(format="jpeg", quality=80, image=request.image)
            answer = bytes(8_000_000) if action == "large" else request.image
            return pb.EncodeResponse(image=answer, quality=80)

    def EncodeStream(  # noqa: N802
        self, request_iterator: Iterator[pb.EncodeStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.EncodeStreamResponse]:
        self.calls += 1
        parts = list(request_iterator)
        size = sum(len(part.chunk) for part in parts)
        yield pb.EncodeStreamResponse(result=pb.EncodeResponse(size_bytes=size))
        for part in parts:
            yield pb.EncodeStreamResponse(chunk=part.chunk)

    def Compare(  # noqa: N802
        self, request: pb.CompareRequest, context: grpc.ServicerContext
    ) -> pb.CompareResponse:
        return pb.CompareResponse(width=len(request.reference), height=len(request.distorted))

    def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.GetServerInfoResponse:
        return pb.GetServerInfoResponse(version="scripted")


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


ERRORS: dict[str, Callable[[], BaseException]] = {
    "field": lambda: errors.InvalidRequest("auto_quality.min_quality", "must be 1 to 100"),
    "image": lambda: errors.InvalidImage("image", "over the limit", reason="IMAGE_TOO_LARGE"),
    "overloaded": lambda: errors.Overloaded("the queue is full", retry_seconds=1.2345),
    "deadline": errors.DeadlinePassed,
    "cancelled": errors.RequestCancelled,
    "memory": lambda: MemoryError(SECRET),
    "defect": lambda: RuntimeError(SECRET),
    "bare": Exception,
    "forged": lambda: RuntimeError(FORGERY.decode()),
    "not-implemented": lambda: NotImplementedError(SECRET),
    "unprintable": _Unprintable,
}


def request(background: str = "", image: bytes = b"") -> Any:
    """A request that makes the servicer do something."""
    return pb.EncodeRequest(image=image, background=background)
