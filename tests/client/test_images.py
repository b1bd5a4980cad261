"""The kinds of images that a client sends: files, bytes, paths, raw pixels, arrays."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoquality import (
    Client,
    ImageSource,
    RawImage,
)
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from tests.client.conftest import sent


def test_an_image_can_be_an_open_file(server: FakeServer, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo")
    reader, writer = os.pipe()
    os.write(writer, b"photo")
    os.close(writer)
    with (
        path.open("rb") as part,
        os.fdopen(reader, "rb", buffering=0) as pipe,
        tempfile.SpooledTemporaryFile() as spooled,
    ):
        part.seek(2)
        spooled.write(b"photo")
        spooled.seek(0)
        for file in (part, io.BytesIO(b"photo"), pipe, spooled):
            client.encode(file, format="webp")
            assert sent(server).image == b"photo"
        list(client.encode_stream(io.BytesIO(b"photo")))
        assert server.requests[-1].message.image == b"photo"
        client.compare(io.BytesIO(b"one"), io.BytesIO(b"other"))
        assert server.requests[-1].message == pb.CompareRequest(
            reference=b"one", distorted=b"other"
        )
        with pytest.raises(ValueError, match=r"the file is at its end: call seek\(0\) first"):
            client.encode(part)


def test_a_retry_sends_an_open_file_again(server: FakeServer, client: Client) -> None:
    server.respond(Fault.overloaded(0.01), rpc="EncodeStream")
    client.encode(io.BytesIO(b"photo"), stream_above=0)
    assert [call.message.image for call in server.requests] == [b"photo", b"photo"]


class Upload:
    """A file whose read() is a coroutine function, as in web frameworks."""

    async def read(self) -> bytes:
        return b"photo"


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (io.StringIO("photo"), "the file must be open in binary mode; it gives str"),
        (
            io.TextIOWrapper(io.BytesIO(b"\x89PNG"), "utf-8"),
            "the file must be open in binary mode; it gives str",
        ),
        (Upload(), r"pass `await file\.read\(\)`"),
        (None, "an image must be bytes, a path, an open binary file or a RawImage, not NoneType"),
        (np.zeros((2, 2, 3), np.uint8), "not ndarray"),
    ],
)
def test_another_kind_of_image_is_refused(client: Client, image: Any, error: str) -> None:
    with pytest.raises(TypeError, match=error):
        client.encode(image)
    with pytest.raises(TypeError, match=error):
        client.compare(image, b"photo")


def test_an_image_can_be_any_kind_of_bytes_or_path(
    server: FakeServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    images: list[ImageSource] = [
        *(b"photo", bytearray(b"photo"), memoryview(b"photo")),
        *(path, str(path)),
    ]
    for image in images:
        client.encode(image)
        assert sent(server).image == b"photo"


def test_raw_pixels_are_sent_with_their_shape(server: FakeServer, client: Client) -> None:
    encoded = client.encode(RawImage(width=3, height=2, bands=1, pixels=b"pixels"))
    assert sent(server).raw == pb.RawImage(width=3, height=2, bands=1, pixels=b"pixels")
    assert (encoded.width, encoded.height) == (3, 2)


@pytest.mark.parametrize(("shape", "bands"), [((2, 3), 1), ((2, 3, 4), 4)])
def test_raw_pixels_can_come_from_an_array(shape: tuple[int, ...], bands: int) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    raw = RawImage.from_array(array)
    assert (raw.width, raw.height, raw.bands) == (3, 2, bands)
    assert raw.pixels == array.tobytes()


def test_raw_pixels_can_come_from_an_array_that_is_not_contiguous() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)[:, ::-2]
    raw = RawImage.from_array(array)
    assert (raw.width, raw.height, raw.pixels) == (2, 2, array.tobytes())


@pytest.mark.parametrize("array", [np.zeros((2, 3), np.float32), np.zeros(6, np.uint8)])
def test_an_array_of_another_type_is_refused(array: Any) -> None:
    with pytest.raises(ValueError, match="of unsigned 8-bit samples"):
        RawImage.from_array(array)


def test_a_missing_file_raises_file_not_found(client: Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.encode(tmp_path / "nothing.jpg")
