"""The errors that callers see: google.rpc.Status with details, and nothing of the inside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from structlog.testing import capture_logs

from autoquality.v1 import encoding_pb2 as pb
from tests.rpc.conftest import Served
from tests.rpc.scripted import SECRET, request
from tests.waiting import until

_Detail = TypeVar("_Detail", bound=Message)


@pytest.fixture
def fail(serve_with: Callable[..., Served]) -> Callable[[str], grpc.Call]:
    """Make the server fail in a way, as a client sees it."""
    stub = serve_with().stub

    def failing(how: str) -> grpc.Call:
        with pytest.raises(grpc.RpcError) as caught:
            stub.Encode(request(how), metadata=(("x-request-id", "the-id"),))
        call: Any = caught.value
        return call  # type: ignore[no-any-return]

    return failing


def status_of(call: grpc.Call) -> status_pb2.Status:
    status: status_pb2.Status | None = rpc_status.from_call(call)
    assert status is not None
    return status


def detail(call: grpc.Call, kind: type[_Detail]) -> _Detail | None:
    """The detail of a kind; None if there is none."""
    found = [any_ for any_ in status_of(call).details if any_.Is(kind.DESCRIPTOR)]
    assert len(found) <= 1
    if not found:
        return None
    message = kind()
    found[0].Unpack(message)
    return message


@pytest.mark.parametrize(
    ("how", "code", "message", "reason"),
    [
        (
            "field",
            grpc.StatusCode.INVALID_ARGUMENT,
            "auto_quality.min_quality: must be 1 to 100",
            "INVALID_FIELD",
        ),
        ("image", grpc.StatusCode.INVALID_ARGUMENT, "image: over the limit", "IMAGE_TOO_LARGE"),
        (
            "overloaded",
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the queue is full: try again in 1.23 s",
            "QUEUE_FULL",
        ),
        (
            "deadline",
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "the deadline passed before one encoding was done",
            "DEADLINE_EXCEEDED",
        ),
        ("cancelled", grpc.StatusCode.CANCELLED, "the caller cancelled the request", "CANCELLED"),
        (
            "memory",
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "not enough memory for this request: try a smaller image",
            "OUT_OF_MEMORY",
        ),
        ("defect", grpc.StatusCode.INTERNAL, "internal error; request id the-id", "INTERNAL"),
        ("bare", grpc.StatusCode.INTERNAL, "internal error; request id the-id", "INTERNAL"),
        (
            *("not-implemented", grpc.StatusCode.INTERNAL),
            *("internal error; request id the-id", "INTERNAL"),
        ),
        ("unprintable", grpc.StatusCode.INTERNAL, "internal error; request id the-id", "INTERNAL"),
    ],
)
def test_every_error_has_its_code_its_sentence_its_reason_and_the_request_id(
    fail: Callable[[str], grpc.Call],
    how: str,
    code: grpc.StatusCode,
    message: str,
    reason: str,
) -> None:
    call = fail(how)
    assert (call.code(), call.details()) == (code, message)
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None
    assert (info.reason, info.domain) == (reason, "autoquality.v1")
    asked = detail(call, error_details_pb2.RequestInfo)
    assert asked is not None
    assert asked.request_id == "the-id"


@pytest.mark.parametrize(
    ("how", "field", "description"),
    [
        ("field", "auto_quality.min_quality", "must be 1 to 100"),
        ("image", "image", "over the limit"),
    ],
)
def test_a_wrong_field_is_named(
    fail: Callable[[str], grpc.Call], how: str, field: str, description: str
) -> None:
    call = fail(how)
    bad = detail(call, error_details_pb2.BadRequest)
    assert bad is not None
    assert [(v.field, v.description) for v in bad.field_violations] == [(field, description)]
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None
    assert dict(info.metadata) == {"field": field}


def test_an_overloaded_server_says_when_to_come_back(fail: Callable[[str], grpc.Call]) -> None:
    call = fail("overloaded")
    retry = detail(call, error_details_pb2.RetryInfo)
    assert retry is not None
    assert retry.retry_delay.ToNanoseconds() == 1_234_500_000
    assert dict(call.trailing_metadata())["grpc-retry-pushback-ms"] == "1235"


@pytest.mark.parametrize("how", ["memory", "defect", "field", "deadline"])
def test_only_an_overloaded_server_says_so(fail: Callable[[str], grpc.Call], how: str) -> None:
    call = fail(how)
    assert detail(call, error_details_pb2.RetryInfo) is None
    assert "grpc-retry-pushback-ms" not in dict(call.trailing_metadata())


@pytest.mark.parametrize("how", ["memory", "defect", "unprintable", "not-implemented"])
def test_nothing_of_an_unexpected_exception_leaves_the_server(
    fail: Callable[[str], grpc.Call], how: str
) -> None:
    call = fail(how)
    told = f"{call.details()} {call.trailing_metadata()} {call.initial_metadata()}"
    assert SECRET not in told
    assert not re.search(r"Traceback|(Memory|Runtime)Error|File \"", told)


def test_a_defect_is_logged_even_if_the_caller_has_left(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with()
    with capture_logs() as lines:
        call = server.stub.Encode.future(request("defect-without-a-caller"))
        until(lambda: server.servicer.calls)
        call.cancel()
        until(lambda: "a defect: unexpected exception" in [line["event"] for line in lines])


def test_a_method_without_a_handler_is_unimplemented(fail: Callable[[str], grpc.Call]) -> None:
    call = fail("generated")
    assert call.code() is grpc.StatusCode.UNIMPLEMENTED
    assert call.details() == "this method is not implemented"
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None
    assert info.reason == "UNIMPLEMENTED"


def test_what_the_service_aborts_with_itself_passes_untouched(
    fail: Callable[[str], grpc.Call],
) -> None:
    call = fail("abort")
    assert call.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert call.details() == "said by the service"
    assert rpc_status.from_call(call) is None


def test_the_clients_own_retry_policy_gets_through(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    policy = {
        "maxAttempts": 2,
        "initialBackoff": "0.01s",
        "maxBackoff": "0.01s",
        "backoffMultiplier": 1,
        "retryableStatusCodes": ["RESOURCE_EXHAUSTED"],
    }
    config = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
    options = [("grpc.service_config", json.dumps(config))]
    with grpc.insecure_channel(f"127.0.0.1:{server.app.port}", options) as channel:
        encode = channel.unary_unary(
            "/autoquality.v1.EncodingService/Encode",
            request_serializer=pb.EncodeRequest.SerializeToString,
            response_deserializer=pb.EncodeResponse.FromString,
        )
        assert encode(request("overloaded-once")).quality == 80
    assert server.servicer.calls == 2


def test_an_unknown_method_is_unimplemented(serve_with: Callable[..., Served]) -> None:
    missing: Any = serve_with().channel.unary_unary("/autoquality.v1.EncodingService/Missing")
    with pytest.raises(grpc.RpcError) as caught:
        missing(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
