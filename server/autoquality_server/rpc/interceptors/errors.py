"""Turns what was raised into what the caller may see: google.rpc.Status with details.

The only place that knows both the errors and gRPC's codes. No text of an
exception that is not a `ServiceError` leaves the server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from autoquality_core.errors import InvalidRequest, Overloaded, RateExceeded, ServiceError
from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call
from autoquality_server.rpc.interceptors.context import current_request_id
from autoquality_server.telemetry.logs import log_fields, logger

DOMAIN = "autoquality.v1"
PUSHBACK_KEY = "grpc-retry-pushback-ms"
OUT_OF_MEMORY = "OUT_OF_MEMORY"

_log = logger(__name__)


class ErrorInterceptor(AroundInterceptor):
    """Ends a call whose handler raised; passes `context.abort` through untouched."""

    def __init__(self, rejected: Callable[[str], None]) -> None:
        """`rejected` is called with the reason of each error that the caller is told."""
        self._rejected = rejected

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            self._rejected(error.reason)
            log_fields(reason=error.reason, error=error.message)
            _abort(call, grpc.StatusCode[error.status], error.message, _details(error))
        except MemoryError:
            self._rejected(OUT_OF_MEMORY)
            log_fields(reason=OUT_OF_MEMORY)
            message = "not enough memory for this request: a smaller image may do"
            reason = error_details_pb2.ErrorInfo(reason=OUT_OF_MEMORY, domain=DOMAIN)
            _abort(call, grpc.StatusCode.RESOURCE_EXHAUSTED, message, [reason])
        except Exception as error:
            if _is_abort(error, call) or _is_hang_up(error, call):
                raise
            if _is_unimplemented(error, call):
                reason = error_details_pb2.ErrorInfo(reason="UNIMPLEMENTED", domain=DOMAIN)
                code = grpc.StatusCode.UNIMPLEMENTED
                _abort(call, code, "this method is not implemented", [reason])
            _log.exception("a defect: unexpected exception", rpc=f"{call.service}/{call.method}")
            message = f"internal error; request id {current_request_id()}"
            reason = error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)
            _abort(call, grpc.StatusCode.INTERNAL, message, [reason])


def _is_abort(error: Exception, call: Call) -> bool:
    """Whether `error` is what `context.abort` raises: bare, after a code was set."""
    return type(error) is Exception and not error.args and call.code is not None


def _is_hang_up(error: Exception, call: Call) -> bool:
    """Whether gRPC raised `error` because the caller went away."""
    return isinstance(error, grpc.RpcError) and not call.context.is_active()


def _is_unimplemented(error: Exception, call: Call) -> bool:
    """Whether `error` comes from a generated base class's method that nobody overrode."""
    return isinstance(error, NotImplementedError) and call.code is grpc.StatusCode.UNIMPLEMENTED


def _details(error: ServiceError) -> list[Message]:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN)
    details: list[Message] = [info]
    if isinstance(error, InvalidRequest):
        info.metadata["field"] = error.field
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=error.description, reason=error.reason
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
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


def _abort(call: Call, code: grpc.StatusCode, message: str, details: list[Message]) -> NoReturn:
    number: int = code.value[0]
    proto = status_pb2.Status(code=number, message=message)
    request = error_details_pb2.RequestInfo(request_id=current_request_id())
    trailing = list(call.context.trailing_metadata() or ())
    for detail in (*details, request):
        proto.details.add().Pack(detail)
        if isinstance(detail, error_details_pb2.RetryInfo):
            milliseconds = math.ceil(detail.retry_delay.ToNanoseconds() / 1e6)
            trailing.append((PUSHBACK_KEY, str(milliseconds)))
    status = rpc_status.to_status(proto)
    # Not abort_with_status: it would replace the trailing metadata.
    call.context.set_trailing_metadata((*trailing, *status.trailing_metadata))
    call.context.abort(status.code, status.details)
