"""Translates exceptions into google.rpc.Status with details.

No other module knows both the errors and gRPC's codes. The text of an exception reaches the
caller only if it is a `ServiceError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from autoquality_core.errors import InvalidRequest, Overloaded, ServiceError
from autoquality_server.auth.rates import RateExceeded
from autoquality_server.rpc.request_context import RequestContext
from autoquality_server.telemetry.logs import logger

DOMAIN = "autoquality.v1"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
OUT_OF_MEMORY = "OUT_OF_MEMORY"

_log = logger(__name__)


@contextmanager
def translated(rejected: Callable[[str], None], request: RequestContext) -> Iterator[None]:
    """End a call whose handler raised; let `context.abort` through.

    `rejected` is called with the reason of each ServiceError and MemoryError.
    """
    try:
        yield
    except ServiceError as error:
        rejected(error.reason)
        request.attributes.update(reason=error.reason, error=error.message)
        _abort(request, grpc.StatusCode[error.status], error.message, _details(error))
    except MemoryError:
        rejected(OUT_OF_MEMORY)
        request.attributes["reason"] = OUT_OF_MEMORY
        message = "not enough memory for this request: try a smaller image"
        _abort(request, grpc.StatusCode.RESOURCE_EXHAUSTED, message, [_info(OUT_OF_MEMORY)])
    except Exception as error:
        # `context.abort` raises a bare Exception once a code is set.
        aborted = type(error) is Exception and not error.args and request.code is not None
        hung_up = isinstance(error, grpc.RpcError) and not request.call.is_active()
        if aborted or hung_up:
            raise
        # A method of the generated base class has set this code.
        unimplemented = request.code is grpc.StatusCode.UNIMPLEMENTED
        if unimplemented and isinstance(error, NotImplementedError):
            message = "this method is not implemented"
            _abort(request, grpc.StatusCode.UNIMPLEMENTED, message, [_info("UNIMPLEMENTED")])
        _log.exception("a defect: unexpected exception")
        message = f"internal error; request id {request.id}"
        _abort(request, grpc.StatusCode.INTERNAL, message, [_info("INTERNAL")])


def _info(reason: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)


def _details(error: ServiceError) -> list[Message]:
    info = _info(error.reason)
    details: list[Message] = [info]
    if isinstance(error, InvalidRequest):
        info.metadata["field"] = error.field
        violations = [
            error_details_pb2.BadRequest.FieldViolation(
                field=one.field, description=one.description, reason=one.reason
            )
            for one in error.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if isinstance(error, RateExceeded):
        quota = error_details_pb2.QuotaFailure.Violation(
            subject=f"client:{error.subject}", description=error.limit
        )
        details.append(error_details_pb2.QuotaFailure(violations=[quota]))
    if isinstance(error, Overloaded):
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_seconds * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details


def _abort(
    request: RequestContext, code: grpc.StatusCode, message: str, details: Sequence[Message]
) -> NoReturn:
    number: int = code.value[0]
    proto = status_pb2.Status(code=number, message=message)
    trailing = list(request.call.trailing_metadata() or ())
    for detail in (*details, error_details_pb2.RequestInfo(request_id=request.id)):
        proto.details.add().Pack(detail)
        if isinstance(detail, error_details_pb2.RetryInfo):
            milliseconds = math.ceil(detail.retry_delay.ToNanoseconds() / 1e6)
            trailing.append((PUSHBACK_KEY, str(milliseconds)))
    status = rpc_status.to_status(proto)
    # Not abort_with_status: it would replace the trailing metadata.
    request.call.set_trailing_metadata((*trailing, *status.trailing_metadata))
    request.call.abort(status.code, status.details)
