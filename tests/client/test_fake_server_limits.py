"""The fake server has limits on sources and messages, with the errors of the real one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autoquality import (
    InvalidImageError,
    InvalidRequestError,
    RawImage,
    ResourceExhaustedError,
)
from autoquality.testing import FakeServer, png_image
from autoquality.v1 import encoding_pb2 as pb

SMALL = pb.Limits(max_image_bytes=1000, max_stream_bytes=2000, max_resolution_pixels=300)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return the reason and the text of a call with an image over a limit."""
    with pytest.raises(InvalidImageError) as caught:
        call()
    assert caught.value.reason is not None
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize("check_images", [True, False])
def test_its_limits_are_those_of_a_server_with_such_settings(check_images: bool) -> None:
    image = png_image(10, 10)
    with (
        FakeServer(check_images=check_images, limits=SMALL) as server,
        server.client() as client,
    ):
        limits = client.info().limits
        assert (limits.max_image_bytes, limits.max_stream_bytes) == (1000, 2000)
        assert limits.max_chunk_bytes > 2000
        assert client.encode(image.ljust(1000, b"\0")).image
        larger = image.ljust(1001, b"\0")
        text = "image: has 1001 bytes; at most 1000 are accepted"
        assert refusal(lambda: client.encode(larger)) == ("IMAGE_TOO_LARGE", text)
        assert client.encode(larger, stream_above=1000).image
        text = "image: has 2001 bytes; at most 2000 are accepted in a stream"
        largest = image.ljust(2001, b"\0")
        found = refusal(lambda: client.encode(largest, stream_above=1000))
        assert found == ("IMAGE_TOO_LARGE", text)
        reason, text = refusal(lambda: client.compare(image, larger))
        assert (reason, text.partition(":")[0]) == ("IMAGE_TOO_LARGE", "distorted")
        reason, text = refusal(lambda: client.encode(RawImage(31, 10, 1, bytes(310))))
        assert (reason, text.partition(":")[0]) == ("IMAGE_TOO_LARGE", "raw")


def test_a_message_over_its_limit_is_refused_by_grpc() -> None:
    limits = pb.Limits(max_image_bytes=1000, max_resolution_pixels=300)
    with FakeServer(limits=limits) as server, server.client() as client:
        with pytest.raises(ResourceExhaustedError):
            client.encode(png_image().ljust(2**20 + 4000, b"\0"))
        assert not server.requests


def test_a_chunk_over_its_limit_is_refused() -> None:
    with (
        FakeServer(limits=pb.Limits(max_chunk_bytes=100)) as server,
        server.client() as client,
        pytest.raises(InvalidRequestError, match="chunk: must be at most 100 bytes"),
    ):
        client.encode(png_image(), stream_above=0)


def test_a_scripted_answer_has_priority_over_the_limits() -> None:
    with FakeServer(limits=SMALL) as server, server.client() as client:
        server.respond(pb.EncodeResponse(quality=7))
        assert client.encode(bytes(3000)).quality == 7
