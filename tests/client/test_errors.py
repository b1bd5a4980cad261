"""The error for each failure."""

from __future__ import annotations

import pickle

import grpc
import pytest

from autoquality import (
    AutoQualityError,
    BadRequest,
    CancelledError,
    Client,
    DeadlineExceededError,
    ErrorInfo,
    FieldViolation,
    InternalError,
    InvalidImageError,
    InvalidRequestError,
    OverloadedError,
    PermissionDeniedError,
    RequestInfo,
    ResourceExhaustedError,
    RetryInfo,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb

KINDS = {
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.UNKNOWN: InternalError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DATA_LOSS: InternalError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
}
FAILURES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


def fail(server: FakeServer, client: Client, fault: Fault) -> AutoQualityError:
    """Return the client's error for `fault`."""
    server.respond_always(fault)
    with pytest.raises(AutoQualityError) as raised:
        client.encode(b"photo", request_id="mine")
    return raised.value


@pytest.mark.parametrize("code", FAILURES)
def test_every_status_raises_its_error(code: grpc.StatusCode) -> None:
    with FakeServer() as server, server.client(retries=0) as client:
        error = fail(server, client, Fault(code, "a sentence", (ErrorInfo("REASON"),)))
    assert type(error) is KINDS.get(code, AutoQualityError)
    assert (error.code, error.message, error.reason) == (code, "a sentence", "REASON")
    assert error.request_id == "mine"
    assert isinstance(error.__cause__, grpc.RpcError)


def test_a_status_without_details_has_neither_reason_nor_details(
    server: FakeServer, client: Client
) -> None:
    error = fail(server, client, Fault(grpc.StatusCode.NOT_FOUND, "nothing"))
    assert (error.reason, error.details, str(error)) == (None, (), "nothing")


def test_an_invalid_request_names_the_fields(server: FakeServer, client: Client) -> None:
    error = fail(server, client, Fault.invalid("auto_quality.target", "must be positive"))
    assert isinstance(error, InvalidRequestError)
    assert not isinstance(error, InvalidImageError)
    violation = FieldViolation("auto_quality.target", "must be positive", "INVALID_FIELD")
    assert error.field_violations == (violation,)
    assert str(error) == "auto_quality.target: must be positive"


@pytest.mark.parametrize("reason", ["IMAGE_UNREADABLE", "IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE"])
def test_an_unusable_image_has_its_own_error(
    server: FakeServer, client: Client, reason: str
) -> None:
    error = fail(server, client, Fault.invalid("image", "is not an image", reason))
    assert isinstance(error, InvalidImageError)
    assert error.reason == reason


def test_exhaustion_with_retry_info_is_overload(server: FakeServer) -> None:
    with server.client(retries=0) as client:
        error = fail(server, client, Fault.overloaded(2.5))
    assert isinstance(error, OverloadedError)
    assert (error.retry_after, error.reason) == (2.5, "QUEUE_FULL")


def test_the_text_of_an_internal_error_has_the_request_id(
    server: FakeServer, client: Client
) -> None:
    details = (RequestInfo("theirs"),)
    error = fail(server, client, Fault(grpc.StatusCode.INTERNAL, "internal error", details))
    assert error.request_id == "theirs"
    assert str(error) == "internal error (request theirs)"


def test_unreadable_details_do_not_hide_the_error(server: FakeServer, client: Client) -> None:
    fault = Fault(
        grpc.StatusCode.NOT_FOUND, "nothing", metadata=[("grpc-status-details-bin", b"\xff\xff")]
    )
    assert str(fail(server, client, fault)) == "nothing"


def test_a_message_over_the_client_s_limit_is_exhaustion_but_not_overload(
    server: FakeServer,
) -> None:
    with (
        server.client(max_message_bytes=1000) as client,
        pytest.raises(ResourceExhaustedError) as raised,
    ):
        client.encode(bytes(2000))
    assert not isinstance(raised.value, OverloadedError)
    assert server.requests == ()


def test_an_unreachable_server_is_unavailable() -> None:
    with FakeServer() as server:
        client = server.client(retries=0)
    with client, pytest.raises(UnavailableError):
        client.info()


def test_an_error_survives_pickling() -> None:
    violations = (FieldViolation("quality", "must be from 1 to 100"),)
    error = InvalidRequestError(
        "no",
        code=grpc.StatusCode.INVALID_ARGUMENT,
        request_id="mine",
        details=(ErrorInfo("R", metadata={"a": "b"}), RetryInfo(1.0), BadRequest(violations)),
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is InvalidRequestError
    assert vars(copy) == vars(error)
    assert copy.field_violations == violations


def test_errors_and_notices_have_the_clients_names_of_methods_and_metrics() -> None:
    said = "METHOD_ML by METRIC_DSSIM is off"
    with FakeServer() as server, server.client() as client:
        with pytest.raises(
            InvalidRequestError, match="target: method size needs a target"
        ) as raised:
            client.encode(b"photo", method="size")
        assert raised.value.field_violations[0].description == "method size needs a target"
        server.respond(pb.EncodeResponse(image=b"x", notices=[pb.Notice(message=said)]))
        assert client.encode(b"photo").notices[0].message == "method ml by metric dssim is off"
