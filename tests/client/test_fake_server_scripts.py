"""Answers of the fake server that a test scripts, and the requests that it records."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from autoquality import Client, InternalError, InvalidRequestError, RawImage
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb


def test_scripted_answers_come_in_order_and_then_computed_ones(
    server: FakeServer, client: Client
) -> None:
    computed = client.encode(b"photo")
    server.respond(
        pb.EncodeResponse(quality=1),
        lambda request: pb.EncodeResponse(image=request.image, quality=2),
        Fault.invalid("image", "is not an image"),
    )
    assert client.encode(b"photo").quality == 1
    assert client.encode(b"photo").image == b"photo"
    with pytest.raises(InvalidRequestError):
        client.encode(b"photo")
    assert client.encode(b"photo").message == computed.message


def test_answers_in_order_go_before_the_answer_to_all_calls(
    server: FakeServer, client: Client
) -> None:
    server.respond_always(pb.EncodeResponse(quality=9))
    server.respond(pb.EncodeResponse(quality=1))
    assert [client.encode(b"photo").quality for _ in range(3)] == [1, 9, 9]
    assert client.info().version


def test_it_records_the_requests(server: FakeServer, client: Client) -> None:
    client.info()
    client.encode(RawImage(1, 1, 1, b"x"))
    client.compare(b"a", b"b")
    assert [call.rpc for call in server.requests] == ["GetServerInfo", "Encode", "Compare"]
    assert server.requests[1].message.raw.pixels == b"x"
    assert all(call.ended.wait(30) for call in server.requests)


@pytest.mark.parametrize(
    ("given", "rpc", "error"),
    [
        (pb.CompareResponse(), "Encode", "an answer to Encode must be EncodeResponse"),
        (pb.EncodeResponse(), "Compare", "not EncodeResponse"),
        (None, "Encode", "not NoneType"),
        (ValueError("full"), "GetServerInfo", "not ValueError"),
    ],
)
def test_an_answer_of_another_kind_is_refused(
    server: FakeServer, given: Any, rpc: Any, error: str
) -> None:
    for script in (server.respond, server.respond_always):
        with pytest.raises(TypeError, match=error):
            script(given, rpc=rpc)


def test_a_function_with_a_wrong_answer_fails_the_call(server: FakeServer, client: Client) -> None:
    server.respond(lambda _: None)  # type: ignore[return-value]
    with pytest.raises(InternalError, match=r"must be EncodeResponse.*not NoneType"):
        client.encode(b"photo")


def test_unknown_rpcs_and_impossible_faults_are_refused(server: FakeServer) -> None:
    with pytest.raises(ValueError, match="rpc must be one of Encode, EncodeStream"):
        server.respond(Fault.overloaded(), rpc="encode")
    with pytest.raises(TypeError, match=r"code must be a grpc\.StatusCode, not int"):
        Fault(14)
    with pytest.raises(ValueError, match="that of a failure, not OK"):
        Fault(grpc.StatusCode.OK)
