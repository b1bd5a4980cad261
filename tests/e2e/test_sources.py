"""What a server does with a source, by its settings and by requests: keep, cap, shrink, predict."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality import Client, Encoded, InvalidRequestError, NoticeCode, Outcome, Progress
from tests.photos import crop
from tests.servers import NO_NETWORKS, running_server

WIDTH, HEIGHT = 240, 180
PHOTO = crop("coffee.png", WIDTH, HEIGHT)
SETTINGS = {
    **NO_NETWORKS,
    "AUTOQUALITY_KEEP_SMALLER_SOURCE": "true",
    "AUTOQUALITY_CAP_AT_SOURCE": "true",
    "IMGPROXY_AUTOQUALITY_MAX_RESOLUTION": "0.04",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server with these settings."""
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, SETTINGS) as server, Client(server.address) as client:
        yield client


@pytest.fixture(scope="module")
def source(strict: Client) -> bytes:
    return strict.encode(PHOTO, format="jpeg", quality=50).image


def codes(encoded: Encoded) -> list[NoticeCode]:
    return [notice.code for notice in encoded.notices]


def test_a_server_keeps_smaller_sources(strict: Client, client: Client, source: bytes) -> None:
    kept = strict.encode(source, method="size", target=len(source))
    assert (kept.image, kept.outcome) == (source, Outcome.SOURCE_KEPT)
    assert (kept.quality, kept.iterations, kept.probes) == (None, 0, ())
    assert (kept.dssim, kept.ssimulacra2) == (0, 100)
    assert kept.applied.target == len(source)
    asked = client.encode(source, quality=95, keep_smaller_source=True)
    assert (asked.image, asked.iterations) == (source, 1)
    for one in (
        client.encode(source, quality=95),
        strict.encode(source, quality=95, keep_smaller_source=False),
    ):
        assert one.outcome is Outcome.FIXED_QUALITY


def test_a_stream_keeps_it_as_well(strict: Client, source: bytes) -> None:
    events = list(strict.encode_stream(source, method="size", target=len(source)))
    encoded = events[-1]
    assert isinstance(encoded, Encoded) and encoded.image == source
    assert not any(isinstance(one, Progress) and one.probe for one in events)


def test_a_server_never_exceeds_the_quality_of_a_source(strict: Client, source: bytes) -> None:
    capped = strict.encode(source, quality=90, keep_smaller_source=False)
    assert (capped.quality, codes(capped)) == (50, [NoticeCode.QUALITY_CAPPED])
    free = strict.encode(source, quality=90, keep_smaller_source=False, cap_at_source=False)
    assert (free.quality, free.notices) == (90, ())


def test_a_server_predicts_the_quality_of_a_large_image(strict: Client, client: Client) -> None:
    predicted = strict.encode(PHOTO, format="webp", method="ssimulacra2")
    assert (predicted.outcome, predicted.iterations) == (Outcome.PREDICTION_TRUSTED, 1)
    assert codes(predicted) == [NoticeCode.SEARCH_SKIPPED]
    small = strict.encode(crop("coffee.png", 200, 150), format="webp", method="ssimulacra2")
    assert small.notices == () and small.ssimulacra2 is not None


def test_an_image_shrinks_on_request(client: Client) -> None:
    def encode(**options: bool | int) -> Encoded:
        return client.encode(
            PHOTO,
            format="webp",
            method="size",
            target=1500,
            measure=("ssimulacra2",),
            **options,  # type: ignore[arg-type]
        )

    full = encode()
    assert (full.width, full.outcome) == (WIDTH, Outcome.MIN_QUALITY_REACHED)
    shrunk = encode(may_shrink=True)
    assert shrunk.size_bytes <= 1500 and shrunk.outcome is Outcome.TARGET_MET
    assert codes(shrunk) == [NoticeCode.IMAGE_SHRUNK]
    assert 0 < shrunk.width < WIDTH and shrunk.ssimulacra2 is not None
    assert encode(may_shrink=True, min_width=WIDTH - 1).width == WIDTH


@pytest.mark.parametrize("width", [0, -5])
def test_a_wrong_least_width_is_refused(client: Client, width: int) -> None:
    with pytest.raises(
        InvalidRequestError, match=f"min_width: must be pixels, 1 or more; is {width}"
    ):
        client.encode(PHOTO, min_width=width)
    with pytest.raises(InvalidRequestError, match="min_width"):
        list(client.encode_stream(PHOTO, min_width=width))
