"""The standard health check (grpc.health.v1), without the package grpcio-health-checking."""

from __future__ import annotations

from typing import Any, cast

import grpc
from google.protobuf.message import Message

from autoquality import _schema

SERVING, NOT_SERVING = 1, 2
METHOD = "/grpc.health.v1.Health/Check"


def check_method(channel: Any) -> grpc.UnaryUnaryMultiCallable[Message, Message]:
    """Return the call Health/Check on `channel`, of gRPC or of grpc.aio."""
    method: grpc.UnaryUnaryMultiCallable[Message, Message] = channel.unary_unary(
        METHOD,
        request_serializer=_schema.HealthCheckRequest.SerializeToString,
        response_deserializer=_schema.HealthCheckResponse.FromString,
    )
    return method


def check_request(service: str) -> Message:
    """Return a request about `service`. An empty name means the whole server."""
    request: Any = _schema.HealthCheckRequest(service=service)
    return cast("Message", request)


def is_serving(response: Message) -> bool:
    """Whether the answer is SERVING."""
    answer: Any = response
    return bool(answer.status == SERVING)
