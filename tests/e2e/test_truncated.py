"""Truncated and damaged sources: refused, unless what there is of them is asked for."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from autoquality import Client, Encoded, InvalidImageError, NoticeCode
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import EncoderOptions
from autoquality_server.config import Settings
from autoquality_server.rpc.convert import encode_job
from tests.photos import crop

WIDTH, HEIGHT = 200, 150
PHOTO = crop("chelsea.png", WIDTH, HEIGHT)
_DECODED = pyvips.Image.pngload_buffer(PHOTO)


def _damaged(png: bytes) -> bytes:
    """A PNG with a wrong byte in the middle of its pixels."""
    middle = len(png) // 2
    return png[:middle] + bytes([png[middle] ^ 0xFF]) + png[middle + 1 :]


def _cut(file: bytes) -> bytes:
    return file[: len(file) * 6 // 10]


JPEG = bytes(_DECODED.jpegsave_buffer(Q=90))
TOLERATED = {
    "JPEG": _cut(JPEG),
    "progressive JPEG": _cut(_DECODED.jpegsave_buffer(Q=90, interlace=True)),
    "PNG": _cut(PHOTO),
    "damaged PNG": _damaged(PHOTO),
}
NEVER = {
    "WebP": _cut(_DECODED.webpsave_buffer()),
    "lossless WebP": _cut(_DECODED.webpsave_buffer(lossless=True)),
    "GIF": _cut(_DECODED.gifsave_buffer()),
    "AVIF": _cut(_DECODED.heifsave_buffer(compression="av1")),
    "TIFF": _cut(_DECODED.tiffsave_buffer()),
    "headless JPEG": JPEG[:20],
}


def encode(client: Client, source: bytes, allow: bool | None = None) -> Encoded:
    return client.encode(source, format="png", allow_truncated=allow)


@pytest.mark.parametrize("kind", TOLERATED | NEVER)
def test_a_truncated_source_is_refused_by_default(client: Client, kind: str) -> None:
    with pytest.raises(InvalidImageError) as caught:
        encode(client, (TOLERATED | NEVER)[kind])
    assert caught.value.reason == "IMAGE_UNREADABLE"


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_there_is_of_it_is_encoded_when_asked_for_and_a_notice_says_so(
    client: Client, kind: str
) -> None:
    encoded = encode(client, TOLERATED[kind], allow=True)
    assert (encoded.width, encoded.height) == (WIDTH, HEIGHT)
    assert [one.code for one in encoded.notices] == [NoticeCode.SOURCE_TRUNCATED]
    found = pyvips.Image.pngload_buffer(encoded.image).numpy()[: HEIGHT // 8]
    there = _DECODED.numpy()[: HEIGHT // 8]
    assert np.abs(found[..., :3].astype(int) - there).mean() < 12


@pytest.mark.parametrize("kind", NEVER)
def test_of_other_formats_nothing_is_made_up(client: Client, kind: str) -> None:
    with pytest.raises(InvalidImageError):
        encode(client, NEVER[kind], allow=True)


def test_a_whole_source_is_encoded_as_ever(client: Client) -> None:
    allowed, strict = encode(client, PHOTO, allow=True), encode(client, PHOTO)
    assert allowed.image == strict.image
    assert allowed.notices == ()


def test_the_request_goes_over_the_servers_setting() -> None:
    for ours in (True, False):
        server = Settings(allow_truncated=ours).encoder_options()
        assert encode_job(pb.EncodeRequest(image=b"x"), server).options.allow_truncated is ours
    for theirs in (True, False):
        asked = pb.EncodeRequest(image=b"x", allow_truncated=theirs)
        for ours in (True, False):
            server = EncoderOptions(allow_truncated=ours)
            assert encode_job(asked, server).options.allow_truncated is theirs
