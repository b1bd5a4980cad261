"""Error details, tested with the packages that define them."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality import (
    BadRequest,
    Detail,
    ErrorInfo,
    FieldViolation,
    QuotaFailure,
    QuotaViolation,
    RequestInfo,
    RetryInfo,
    UnknownDetail,
)
from autoquality._status import decode_details, encode_status

PAIRS: list[tuple[Detail, Message]] = [
    (
        QuotaFailure((QuotaViolation("client:shop", "at most 5 requests a second"),)),
        error_details_pb2.QuotaFailure(
            violations=[
                error_details_pb2.QuotaFailure.Violation(
                    subject="client:shop", description="at most 5 requests a second"
                )
            ]
        ),
    ),
    (
        ErrorInfo("QUEUE_FULL", "autoquality.v1", {"queue": "8"}),
        error_details_pb2.ErrorInfo(
            reason="QUEUE_FULL", domain="autoquality.v1", metadata={"queue": "8"}
        ),
    ),
    (
        RetryInfo(1.25),
        error_details_pb2.RetryInfo(retry_delay=Duration(seconds=1, nanos=250_000_000)),
    ),
    (
        BadRequest((FieldViolation("quality", "must be from 1 to 100", "RANGE"),)),
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field="quality", description="must be from 1 to 100", reason="RANGE"
                )
            ]
        ),
    ),
    (
        RequestInfo("abc", "shard 1"),
        error_details_pb2.RequestInfo(request_id="abc", serving_data="shard 1"),
    ),
]


@pytest.mark.parametrize(("detail", "message"), PAIRS)
def test_details_from_google_rpc_are_decoded(detail: Detail, message: Message) -> None:
    status = status_pb2.Status(code=8, message="no")
    status.details.add().Pack(message)
    assert decode_details(status.SerializeToString()) == (detail,)


@pytest.mark.parametrize(("detail", "message"), PAIRS)
def test_google_rpc_decodes_our_details(detail: Detail, message: Message) -> None:
    status = status_pb2.Status.FromString(encode_status(8, "no", [detail]))
    read = type(message)()
    assert (status.code, status.message) == (8, "no")
    assert status.details[0].Unpack(read)
    assert read == message


def test_a_detail_of_an_unknown_type_stays_undecoded() -> None:
    status = status_pb2.Status(code=8)
    status.details.add().Pack(error_details_pb2.Help())
    (detail,) = decode_details(status.SerializeToString())
    assert detail == UnknownDetail("type.googleapis.com/google.rpc.Help", b"")


def test_an_unreadable_detail_stays_undecoded() -> None:
    broken = UnknownDetail("type.googleapis.com/google.rpc.RetryInfo", b"\xff")
    assert decode_details(encode_status(8, "no", [broken])) == (broken,)


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_make_the_decoder_raise(status: bytes) -> None:
    assert isinstance(decode_details(status), tuple)
