"""Receiving requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from autoquality.v1 import encoding_pb2 as pb
from tests.shell.conftest import ENCODING, Served
from tests.shell.scripted import request


def upload(server: Served) -> Any:
    """`Encode` as a call whose one request may come late, never or more than once."""
    return server.channel.stream_unary(
        f"/{ENCODING}/Encode",
        request_serializer=pb.EncodeRequest.SerializeToString,
        response_deserializer=pb.EncodeResponse.FromString,
    )


def test_a_call_without_a_request_is_refused(serve_with: Callable[..., Served]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        upload(serve_with())(iter([]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_only_the_first_request_of_a_call_counts(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    assert upload(server)(iter([request(), request("defect")])).quality == 80
    assert server.servicer.calls == 1
