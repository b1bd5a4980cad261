"""A JPEG of too many scans is refused in every kind of request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from autoquality.v1 import encoding_pb2 as pb
from tests.hostile import bombs
from tests.images.files import SAVERS, corners, image_of
from tests.rpc.test_errors import detail
from tests.stream.serving import Serving, parts, serving

BOMB = bombs.jpeg_scans(4000, 2647, b"\xff\x01", runs=True)
SOUND = bytes(SAVERS["png"](image_of(corners())))


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving() as running:
        yield running


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda server: server.stub.Encode(pb.EncodeRequest(image=BOMB)), "image"),
        (lambda server: list(server.stream(parts(pb.EncodeRequest(), BOMB))), "image"),
        (lambda server: compare(server, BOMB, SOUND), "reference"),
        (lambda server: compare(server, SOUND, BOMB), "distorted"),
    ],
    ids=["Encode", "EncodeStream", "reference", "distorted"],
)
def test_a_jpeg_of_too_many_scans_is_refused_and_uses_no_worker(
    server: Serving, call: Callable[[Serving], Any], field: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(server)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    info = detail(error, error_details_pb2.ErrorInfo)
    assert info is not None
    assert (info.reason, info.metadata["field"]) == ("IMAGE_TOO_LARGE", field)
    assert server.app.admission.running == 0


def compare(server: Serving, reference: bytes, distorted: bytes) -> pb.CompareResponse:
    answer: pb.CompareResponse = server.stub.Compare(
        pb.CompareRequest(reference=reference, distorted=distorted)
    )
    return answer
