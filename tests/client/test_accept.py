"""Accept headers as lists of formats."""

from __future__ import annotations

import pytest

from autoquality import Client, Format
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.client.conftest import sent

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI = "image/webp,image/avif,image/jxl,image/heic,video/*;q=0.8,image/png,*/*;q=0.5"


@pytest.mark.parametrize(
    ("header", "formats"),
    [
        (CHROME, {"avif", "webp", "jpeg", "png"}),
        (SAFARI, {"avif", "webp", "jxl", "jpeg", "png"}),
        ("*/*", {"jpeg", "png"}),
        ("image/avif", {"avif"}),
        ("IMAGE/AVIF ; Q=0.5 , image/webp;q=1.000", {"avif", "webp"}),
        ("image/avif;q=0, */*", {"jpeg", "png"}),
        ("image/png;q=0, image/*", {"jpeg"}),
        ("image/webp, */*;q=0", {"webp"}),
        ("image/avif;v=1;q=0.3", {"avif"}),
        ("image/avif;q=much, image/webp", {"webp"}),
        ("image/avif;q=2, image/webp", {"webp"}),
    ],
)
def test_an_accept_header_is_read_as_rfc_9110_says(
    server: FakeServer, client: Client, header: str, formats: set[str]
) -> None:
    client.encode(b"photo", accept=header, method="ssimulacra2")
    names = {pb.Format.Name(one).removeprefix("FORMAT_").lower() for one in sent(server).candidates}
    assert names == formats


@pytest.mark.parametrize("header", ["", "text/html", "image/avif;q=0", "video/*"])
def test_a_header_that_allows_no_format_is_an_error(client: Client, header: str) -> None:
    with pytest.raises(ValueError, match=r"accept must allow one of image/jpeg, .*image/\* or"):
        client.encode(b"photo", accept=header)


def test_candidates_and_an_accept_header_exclude_each_other(client: Client) -> None:
    with pytest.raises(ValueError, match="either candidates or accept, not both"):
        client.encode(b"photo", candidates=["avif"], accept="image/webp")


def test_candidates_are_formats_or_their_names(server: FakeServer, client: Client) -> None:
    client.encode(b"photo", candidates=[Format.AVIF, "WebP"], method="size", target=9000)
    assert list(sent(server).candidates) == [pb.FORMAT_AVIF, pb.FORMAT_WEBP]
    client.encode(b"photo", candidates="jpeg")
    assert list(sent(server).candidates) == [pb.FORMAT_JPEG]
    with pytest.raises(ValueError, match="candidates must be one of jpeg, webp"):
        client.encode(b"photo", candidates=["gif"])
