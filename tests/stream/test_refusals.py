"""Invalid streams, and requests that are refused before their source is received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from autoquality.v1 import encoding_pb2 as pb
from tests.photos import crop
from tests.stream.serving import (
    Sender,
    Serving,
    chunk,
    detail_of,
    failure,
    noise,
    parts,
    stage,
    start,
)

PHOTO = crop("chelsea.png", 200, 150)
PLAIN = pb.EncodeRequest(format=pb.FORMAT_WEBP)
RAW = pb.EncodeRequest(raw=pb.RawImage(width=8, height=4, bands=3))  # 96 bytes


def refusal(server: Serving, messages: Any) -> tuple[str, str, str]:
    """Return the field, the reason and the description of the server's refusal."""
    error = failure(server.stream(messages))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail_of(error, error_details_pb2.RequestInfo).request_id
    (violation,) = detail_of(error, error_details_pb2.BadRequest).field_violations
    return violation.field, violation.reason, violation.description


def raw(**changes: int) -> pb.EncodeRequest:
    return pb.EncodeRequest(raw=pb.RawImage(**{"width": 8, "height": 4, "bands": 3} | changes))


INVALID: dict[str, tuple[list[pb.EncodeStreamRequest], str, str]] = {
    "nothing": ([], "start", "first message"),
    "no start": ([chunk(PHOTO)], "start", "first message"),
    "an empty first message": ([pb.EncodeStreamRequest()], "start", "first message"),
    "a second start": ([start(PLAIN), chunk(PHOTO), start(PLAIN)], "chunk", "after the first"),
    "an empty message": ([start(PLAIN), pb.EncodeStreamRequest()], "chunk", "after the first"),
    "no source": ([start(PLAIN)], "image", "must not be empty"),
    "no pixels": ([start(RAW)], "chunk", "0 of 96 bytes arrived"),
    "a file in the request": ([start(pb.EncodeRequest(image=PHOTO))], "image", "chunks"),
    "pixels in the request": (
        [start(pb.EncodeRequest(raw=noise(8, 4)))],
        "raw.pixels",
        "chunks",
    ),
    "a size of nothing": ([start(PLAIN, 0)], "start.source_bytes", "1 or more, is 0"),
    "a negative size": ([start(PLAIN, -5)], "start.source_bytes", "1 or more, is -5"),
    "a size that the pixels do not have": (
        [start(RAW, 95)],
        "start.source_bytes",
        "must be 96 for pixels of 8x4x3",
    ),
    "fewer bytes than declared": (
        [start(PLAIN, 10), chunk(b"123456789")],
        "chunk",
        "9 of 10 bytes arrived",
    ),
    "more bytes than declared": (
        [start(PLAIN, 10), chunk(b"123456789"), chunk(b"12")],
        "chunk",
        "exceeds the announced 10 bytes",
    ),
    "fewer bytes than pixels need": ([start(RAW), chunk(bytes(95))], "chunk", "95 of 96 bytes"),
    "more bytes than pixels need": (
        [start(RAW), chunk(bytes(97))],
        "chunk",
        "exceeds the announced 96 bytes",
    ),
    "too large a chunk": (
        [start(PLAIN), chunk(bytes(4 * 2**20 + 1))],
        "chunk",
        "at most 4194304 bytes, is 4194305",
    ),
    "no image": ([start(PLAIN), chunk(b"nothing that is an image")], "image", "supported format"),
    "half an image": ([start(PLAIN), chunk(PHOTO[:2000])], "image", "cannot be decoded as PNG"),
}


def test_an_invalid_start_names_all_fields(usual: Serving) -> None:
    request = pb.EncodeRequest(quality=0, raw=pb.RawImage(width=8), min_width=0)
    error = failure(usual.stream([start(request, 0)]))
    violations = detail_of(error, error_details_pb2.BadRequest).field_violations
    assert [one.field for one in violations] == ["start.source_bytes", "quality", "min_width"]
    error = failure(usual.stream([start(request)]))
    violations = detail_of(error, error_details_pb2.BadRequest).field_violations
    fields = ["quality", "min_width", "raw.height", "raw.bands"]
    assert [one.field for one in violations] == fields


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_stream_is_refused_with_the_name_of_its_field(usual: Serving, name: str) -> None:
    messages, field, description = INVALID[name]
    refused = refusal(usual, messages)
    assert refused[0] == field
    assert description in refused[2]


EARLY: dict[str, tuple[pb.EncodeStreamRequest, str]] = {
    "an invalid spec": (
        start(pb.EncodeRequest(auto_quality=pb.AutoQuality(min_quality=300))),
        "auto_quality.min_quality",
    ),
    "a spec that contradicts the server's": (
        start(pb.EncodeRequest(format=1, auto_quality=pb.AutoQuality(min_quality=90))),
        "auto_quality.min_quality",
    ),
    "too large a file": (start(PLAIN, 256 * 2**20 + 1), "image"),
    "too many pixels": (start(raw(width=10_000, height=10_000)), "raw"),
    "no width": (start(raw(width=0)), "raw.width"),
}


@pytest.mark.parametrize("name", EARLY)
def test_an_invalid_start_is_refused_before_the_source_is_sent(usual: Serving, name: str) -> None:
    first, field = EARLY[name]
    never_sent = Sender(first)
    assert refusal(usual, never_sent)[0] == field
    never_sent.end()


def test_a_source_of_no_declared_size_is_refused_at_the_byte_over_the_limit(
    serve_with: Callable[..., Serving],
) -> None:
    server = serve_with(max_stream_bytes=10_000)
    endless = Sender(start(PLAIN), chunk(bytes(10_000)), chunk(b"1"))
    field, reason, description = refusal(server, endless)
    endless.end()
    assert (field, reason) == ("image", "IMAGE_TOO_LARGE")
    assert description == "has more bytes; at most 10000 are accepted in a stream"
    assert refusal(server, [start(PLAIN, 10_001)])[:2] == ("image", "IMAGE_TOO_LARGE")
    assert refusal(server, [start(raw(width=100, height=100))])[:2] == ("raw", "IMAGE_TOO_LARGE")
    assert server.rejected("IMAGE_TOO_LARGE") == 3
    assert server.is_idle()


def test_a_file_over_the_limit_of_encode_can_be_streamed(
    serve_with: Callable[..., Serving],
) -> None:
    server = serve_with(max_image_bytes=1000)
    with pytest.raises(grpc.RpcError) as caught:
        server.stub.Encode(pb.EncodeRequest(image=PHOTO))
    assert "at most 1000 are accepted" in str(caught.value.details())
    assert stage(list(server.stream(parts(PLAIN, PHOTO)))[-1]) == "chunk"


def test_a_stream_is_refused_with_the_same_details_as_an_encode(usual: Serving) -> None:
    def error_of(call: Callable[[], Any]) -> tuple[Any, str]:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        status = rpc_status.from_call(caught.value)
        details = [one for one in status.details if "RequestInfo" not in one.type_url]
        return details, status.message

    for fields in (
        {"auto_quality": pb.AutoQuality(method=99)},  # type: ignore[arg-type]
        {"quality": 101},
        {"png": pb.PngOptions(quantization_colors=1)},
    ):
        whole = pb.EncodeRequest(image=PHOTO, **fields)  # type: ignore[arg-type]
        bare = pb.EncodeRequest(**fields)  # type: ignore[arg-type]
        streamed = error_of(lambda bare=bare: list(usual.stream([start(bare)])))  # type: ignore[misc]
        assert streamed == error_of(lambda whole=whole: usual.stub.Encode(whole))  # type: ignore[misc]
