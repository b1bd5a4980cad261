"""The standard health check (grpc.health.v1), without the package grpcio-health-checking."""

from __future__ import annotations

from typing import Any

from autoquality._schema import HealthCheckRequest, HealthCheckResponse

SERVING, NOT_SERVING = 1, 2
METHOD = "/grpc.health.v1.Health/Check"


def check_method(channel: Any) -> Any:
    """Return the call Health/Check on `channel`, of gRPC or of grpc.aio."""
    return channel.unary_unary(
        METHOD,
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
