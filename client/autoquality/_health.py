"""The standard health check (grpc.health.v1), without the package grpcio-health-checking."""

from __future__ import annotations

from typing import Any

from autoquality import _schema

SERVING, NOT_SERVING = 1, 2
METHOD = "/grpc.health.v1.Health/Check"


def check_method(channel: Any) -> Any:
    """Return the call Health/Check on `channel`, of gRPC or of grpc.aio."""
    return channel.unary_unary(
        METHOD,
        request_serializer=_schema.HealthCheckRequest.SerializeToString,
        response_deserializer=_schema.HealthCheckResponse.FromString,
    )


def check_request(service: str) -> Any:
    """Return a request about `service`. An empty name means the whole server."""
    return _schema.HealthCheckRequest(service=service)


def is_serving(response: Any) -> bool:
    """Whether the answer is SERVING."""
    return bool(response.status == SERVING)
