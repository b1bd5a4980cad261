"""Answers by a network alone, and the health of networks."""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from autoquality import Client, Encoded
from tests.photos import crop

PHOTO = crop("coffee.png", 160, 160)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def trusted(client: Client, image: bytes = PHOTO, fmt: str = "jpeg") -> Encoded:
    return client.encode(
        image, format=fmt, method="ml", allowed_error=1, min_quality=1, max_quality=100
    )


def health(address: str, part: str = "") -> int:
    with grpc.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(service=part))
    return int(answer.status)
